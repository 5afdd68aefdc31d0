"""stub_gen: a template becomes code that compiles and does what it says; a wrong one is refused, with its line."""
from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from film import calls

from conftest import TOP, need
from kit import mutants

pytestmark = pytest.mark.xdist_group("stub_gen")  # what is built once is built by one worker

STAGE = TOP / "solution/stage6-remote"
SEED = "\tint stat( char *path, struct stat *buf);\n\tint fstat( map(int fd), struct stat *buf );\n"
# x86-64's list, and that of arm64, in which some calls are there twice, for 32 bits: clock_gettime64.
LISTS = {"x86_64": calls.HEADERS[0], "aarch64": calls.GENERIC_HEADERS[0]}
NOT_OF_64_BITS = re.compile(r"\w+time64|arch_specific_syscall|syscalls")

# Calls of the kernel's list that the template leaves out: no kernel makes them, or no program (ENOSYS, as everywhere).
LEFT_OUT = set("""_sysctl afs_syscall create_module epoll_ctl_old epoll_wait_old get_kernel_syms getpmsg lookup_dcookie
    nfsservctl putpmsg query_module security tuxcall vserver""".split())
# Younger than the oldest list that the lab meets (Debian 12); and what is younger than the template.
YOUNG = set("fchmodat2 futex_requeue futex_wait futex_wake map_shadow_stack mseal".split())
YOUNGER = set("""cachestat statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules uretprobe setxattrat
    getxattrat listxattrat removexattrat open_tree_attr file_getattr file_setattr uprobe rseq_slice_yield listns""".split())


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stage, with stub_gen and what it makes of the lab's own template."""
    need("flex")
    need("bison")
    tree = tmp_path_factory.mktemp("stubs")
    mutants.copy_solution(tree)
    subprocess.run(["make", "-s", "-j2", "-C", tree / STAGE.name, "WERROR=1", "stub_gen", "build/syscall_stubs.c",
                    "build/shadow_calls.c", "build/syscall_stubs.h"], check=True, stdout=subprocess.DEVNULL)
    return tree / STAGE.name


def stub_gen(stage: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([stage / "stub_gen", *words], text=True, capture_output=True)


def compiled(stage: Path, compiler: str, source: Path, *words: str) -> str:
    """What the compiler says of a file: nothing."""
    need(compiler)
    return subprocess.run([compiler, "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror",
                           "-fPIC", "-fvisibility=hidden", f"-I{source.parent}", f"-I{stage}", f"-I{stage}/../stage1-readmaps",
                           *words, source], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout


def test_lines_of_the_document(stage: Path, tmp_path: Path) -> None:
    """The two templates of the document of 1994 work as they stand there."""
    (tmp_path / "stubs.tmpl").write_text(SEED)
    said = stub_gen(stage, "--list", tmp_path / "stubs.tmpl")
    assert said.returncode == 0 and [line.split(None, 1) for line in said.stdout.splitlines()] == [
        ["stat", "does not look at the table"], ["fstat", "reads it"]]
    parts = {"--header": "syscall_stubs.h", "--job": "syscall_stubs.c", "--shadow": "shadow_calls.c"}
    for option, name in parts.items():
        (tmp_path / name).write_text(stub_gen(stage, option, tmp_path / "stubs.tmpl").stdout)
    assert "syscall(SYS_stat, path, buf)" in (tmp_path / "shadow_calls.c").read_text()
    assert "map(&a[0])" in (tmp_path / "syscall_stubs.c").read_text()
    for name in ("syscall_stubs.c", "shadow_calls.c"):
        assert compiled(stage, "gcc", tmp_path / name, "-fsyntax-only") == ""
    assert stub_gen(stage, tmp_path / "stubs.tmpl").stdout == "".join((tmp_path / name).read_text() for name in parts.values())


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_code_compiles(stage: Path, compiler: str) -> None:
    for name in ("syscall_stubs.c", "shadow_calls.c"):
        assert compiled(stage, compiler, stage / "build" / name, "-O1", "-c", "-o", f"{stage}/build/{compiler}.o") == ""
        symbols = subprocess.run(["nm", f"{stage}/build/{compiler}.o"], check=True, text=True, capture_output=True).stdout
        assert not re.search(r" [bBCD] (?!handlers|call_names|stubs)", symbols), "data that can be written to"


LOOPBACK = SEED + """
waits_in pieces ssize_t read(map(int fd), char buf[count], size_t count);
waits_out pieces ssize_t write(map(int fd), const char buf[count], size_t count);
pieces ssize_t pread64(map(int fd), char buf[count], size_t count, offset(off_t offset));
int renameat(map(int olddir), change(char *old), map(int newdir), change(char *new));
int utimensat(map(int dirfd), write(char *path), const struct timespec times[2], at(int flags));
int getgroups(int size, gid_t list[size]);
ssize_t getcwd(char buf[size], size_t size);
int ioctl(map(int fd), TIOCGWINSZ, struct winsize *size);
otherwise ENOTTY ioctl;
local int fcntl(int fd, F_GETFD);
home int chdir(char *path);
local ssize_t sendfile(map(int out), map(int in), long offset, size_t count);
otherwise EINVAL sendfile;
int setxattr(write(char *path), text(char *name), const char value[size], size_t size, int flags);
refuse ENOSYS "why" fork;
local brk;
"""

SAYS = {"read too much": "EINVAL", "read to nowhere": "EFAULT", "read from a liar": "EIO", "read nothing, waiting": "again",
        "read nothing, not waiting": "EAGAIN", "getcwd, too small": "ERANGE", "ioctl of no terminal": "ENOTTY",
        "ioctl that is no case": "ENOTTY", "ioctl that is no case, here": "here", "fcntl, here": "here", "fstat, here": "here",
        "stat, here": "here", "stat, nowhere": "EACCES", "chdir, here": "EACCES", "rename to the other side": "EXDEV",
        "sendfile at home": "EINVAL", "sendfile to the other side": "EINVAL", "sendfile, here": "here", "too large": "E2BIG",
        "fork": "ENOSYS"}


def test_code_does_what_the_template_says(stage: Path, tmp_path: Path) -> None:
    """Both halves in one process: each call through its stub and its handler."""
    (tmp_path / "stubs.tmpl").write_text(LOOPBACK)
    for option, name in {"--header": "syscall_stubs.h", "--job": "job.c", "--shadow": "shadow.c"}.items():
        (tmp_path / name).write_text(stub_gen(stage, option, tmp_path / "stubs.tmpl").stdout)
    shutil.copy(Path(__file__).with_name("stub_loopback.c"), tmp_path)
    words = ["-g", "-fsanitize=address,undefined", "-o", f"{tmp_path}/loopback", f"{tmp_path}/job.c", f"{tmp_path}/shadow.c"]
    assert compiled(stage, "gcc", tmp_path / "stub_loopback.c", *words) == ""
    ran = subprocess.run([tmp_path / "loopback"], cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = dict(line.rsplit(" ", 1) for line in ran.stdout.splitlines())
    assert ran.returncode == 0, ran.stdout
    assert {what: said for what, said in lines.items() if said != "right"} == SAYS
    assert len(lines) - len(SAYS) == 16


# What is wrong, its line (from 1), and what the message names.
WRONG = [
    ("int stat(char *path, struct stat *buf)\nint x(void);", 2, "expected ';' or '=', found int"),
    ("int stat(char *path struct stat *buf);", 1, "expected ')' or ','"),
    ("int stat(char *, int a);", 1, "expected a name, found ','"),
    ("stat(char *path);", 1, "expected a type before `stat'"),
    ("fork;", 1, "expected a prototype, or local, by_hand or refuse before `fork'"),
    ("int f(void);\n\nint g(map(long p));", 3, "an int, a descriptor in map(), found `p'"),
    ("int f(map(char *p));", 1, "an int, a descriptor in map()"),
    ("int f(maps(int fd));", 1, "found `maps('"),
    ("ssize_t read(map(int fd), char buf[n], size_t count);", 1, "`buf[n]'"),
    ("int f(void);\nint f(void);", 2, "f: it is in line 1 already"),
    ("local f, f;", 1, "f: it is in line 1 already"),
    ("int f(int a, A);\nint f(int b, A);", 2, "f_A: it is in line 1 already"),
    ("int f(int a, A);\nint f(B, int b);", 2, "expected a constant where line 1 has it"),
    ("int f(int a, A, B);", 1, "one constant, found also `B'"),
    ("refuse EFOO \"why\" fork;", 1, "expected the name of an error, as ENOSYS, found `EFOO'"),
    ("refuse ENOSYS fork;", 1, "expected a text in quotes, found fork"),
    ("int f(A);\notherwise EBAR f;", 2, "found `EBAR'"),
    ("otherwise ENOTTY ioctl;", 1, "there is no prototype of `ioctl'"),
    ("int f(int a, at(int flags));", 1, "expected a path"),
    ("int f(int a, int b, int c, int d, int e, int g, int h);", 1, "at most 6 parameters"),
    ("waits_in int f(int fd);", 1, "expected a map()"),
    ("int f(map(int fd), void *p);", 1, "how long is a void?"),
    ("int f(char *path) = g(AT_FDCWD, pth, 0);", 1, "there is no parameter `pth'"),
    ("served int f(char *path) = g(path);", 1, "not written by hand"),
    ("int f(void); /* never\nclosed", 2, "expected the end of a comment"),
    ("int f(void);\n$", 2, "the character '$'"),
    ("int f(int a, int a);", 1, "`a' is taken"),
    ("int f(inout(const struct stat *b));", 1, "a pointer without const"),
    ("local int f(int a);", 1, "`local f;'"),
    ("local served int f(map(int fd));", 1, "expected no other word"),
    ("pieces int f(map(int fd));", 1, "pieces: expected ssize_t"),
]


def test_wrong_templates(stage: Path, tmp_path: Path) -> None:
    """Each is refused with its line and with what was expected, and nothing is made of it."""
    for text, line, message in WRONG:
        (tmp_path / "wrong.tmpl").write_text(text)
        said = stub_gen(stage, tmp_path / "wrong.tmpl")
        assert (said.returncode, said.stdout) == (65, ""), text
        assert said.stderr.startswith(f"{tmp_path}/wrong.tmpl:{line}: ") and message in said.stderr, (text, said.stderr)


def test_valgrind_has_nothing_to_say(stage: Path, tmp_path: Path) -> None:
    need("valgrind")
    (tmp_path / "wrong.tmpl").write_text(LOOPBACK + WRONG[0][0])
    for template, status in ((stage / "stubs.tmpl", 0), (tmp_path / "wrong.tmpl", 65)):
        ran = subprocess.run(["valgrind", "-q", "--error-exitcode=99", stage / "stub_gen", template], stdout=subprocess.DEVNULL)
        assert ran.returncode == status


def test_wrong_usage(stage: Path, tmp_path: Path) -> None:
    template = stage / "stubs.tmpl"
    assert [stub_gen(stage, *words).returncode for words in
            ([], ["--lst", template], [template, template], ["--list"], [tmp_path / "none"], [tmp_path], ["--help"], ["-h"])] \
        == [64, 64, 64, 64, 66, 66, 0, 0]


@pytest.mark.parametrize("processor", LISTS)
def test_every_call_of_the_kernel_has_a_class(stage: Path, processor: str) -> None:
    """All calls are in the template, but for a short list; and it names none that x86-64's list has not: arm64 has no more."""
    if not Path(LISTS[processor]).exists():
        pytest.skip(f"not tried here: there is no {LISTS[processor]}")
    kernel = {name for name in calls.names_in(Path(LISTS[processor]).read_text()).values() if not NOT_OF_64_BITS.fullmatch(name)}
    rows = [line.split(None, 1) for line in stub_gen(stage, "--list", stage / "stubs.tmpl").stdout.splitlines()]
    classes = {name: said for name, said in rows}
    names = {re.sub(r"_[A-Z].*", "", name) for name in classes}
    assert kernel - names - YOUNGER == LEFT_OUT & kernel
    assert names - kernel <= YOUNG or processor == "aarch64"
    expected = {"stat": "does not look at the table", "fstat": "reads it", "read": "reads it, waits", "close": "changes it, by hand, served",
                "dup2": "changes it, by hand", "readv": "reads it, by hand", "fcntl_F_GETFD": "does not look at the table, local",
                "brk": "stays here", "rt_sigprocmask": "does not look at the table, by hand", "flock": "reads it, served"}
    assert {name: classes[name] for name in expected} == expected
    assert classes["fork"] == "refused, ENOSYS: it makes another process or thread, and a job is one"
    changing = {name for name, said in classes.items() if said.startswith("changes it")}
    assert {"open", "openat", "creat", "close", "close_range", "dup", "dup2", "dup3"} < changing
