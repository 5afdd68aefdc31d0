"""Stage 5 beyond its grader: restart takes a core file of gcore, gdb or the kernel (solution/stage5-coredump).

The oracle is the program itself, uninterrupted, and /proc.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from conftest import TOP
from kit import mutants
from kit.core_programs import KERNEL_CORES, PATTERN, let_it_dump
from kit.real_programs import not_tried
from stage import maps
from stage.process import status_field, wait_until

LIMIT = 60.0
FOLDER = "stage5-coredump"
# gdb before version 14 loses AVX-512 registers on AMD processors: libc must not use them in its cores.
NO_AVX512 = "glibc.cpu.hwcaps=" + ",".join(f"-AVX512{part}" for part in ("F", "VL", "BW", "CD", "DQ"))
ENVIRONMENT = {**os.environ, "GLIBC_TUNABLES": NO_AVX512}

pytestmark = [
    pytest.mark.skipif(shutil.which("gcore") is None, reason=not_tried("gcore (package gdb)")),
    pytest.mark.xdist_group("cores"),
]

# Computes with libc's memory functions and floating point; prints where it is, and ends with 3.
COMPUTE = r"""
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
    char *a = malloc(1 << 20), *b = malloc(1 << 20);
    double sum = 0;
    unsigned hash = 1;
    for (long i = 1; i < atol(argv[1]); i++) {
        sum += sin((double)i) * sqrt((double)i);
        if (i % 5000 == 0) {
            memset(a, (int)(i & 255), 1 << 20);
            memcpy(b, a, 1 << 20);
            free(malloc((size_t)i % 100000));
            for (int k = 0; k < 1000; k++)
                hash = hash * 31 + (unsigned char)b[k * 997 % (1 << 20)];
        }
    }
    printf("%.12f %u\n", sum, hash);
    return 3;
}
"""
# Three handlers' worth of state: a handler, a file that is mapped, an id that raise() needs.
STATE = r"""
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
static volatile int caught;
static void on_signal(int number) { caught = number; }
int main(int argc, char **argv)
{
    int fd = open(argv[1], O_RDONLY);
    const char *map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    char byte;
    close(fd);
    signal(SIGUSR1, on_signal);
    printf("ready\n");
    fflush(stdout);
    while (read(0, &byte, 1) < 0)
        ;
    raise(SIGUSR1);
    printf("caught %d, mapped %.5s\n", caught, map);
    return 0;
}
"""
THREAD = r"""
#include <pthread.h>
#include <unistd.h>
static void *wait_for_ever(void *unused) { for (;;) pause(); }
int main(void) { pthread_t t; pthread_create(&t, 0, wait_for_ever, 0); write(1, "ready\n", 6); for (;;) pause(); }
"""
# Says what read() gave: how many bytes, the error, and these.
LINE = r"""
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
int main(void)
{
    char line[100] = "";
    printf("ready\n");
    fflush(stdout);
    errno = 0;
    long n = read(0, line, sizeof line - 1);
    printf("%ld %d %s", n, errno, line);
    return 0;
}
"""
# Loads a library, rounds upwards, blocks SIGHUP, has memory that may not be written; after a byte it tells of them.
MORE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fenv.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
int main(void)
{
    char byte, *fixed = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    double (*cosine)(double);
    sigset_t set;
    *(void **)&cosine = dlsym(dlopen("libm.so.6", RTLD_NOW), "cos");
    fixed[0] = 'f';
    mprotect(fixed, 4096, PROT_READ);
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fesetround(FE_UPWARD);
    printf("ready\n");
    fflush(stdout);
    while (read(0, &byte, 1) < 0)
        ;
    sigprocmask(SIG_BLOCK, NULL, &set);
    printf("upward %d cos %.3f fixed %c blocked %d\n", fegetround() == FE_UPWARD, cosine(0), fixed[0],
           sigismember(&set, SIGHUP));
    fixed[byte == 'w' ? 0 : 4096] = 'w';
    return 0;
}
"""
# Holds a robust mutex; after a byte it tells whether the kernel has its list, and whether it is still the owner.
ROBUST = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
    static pthread_mutex_t mutex;
    pthread_mutexattr_t attributes;
    void *head = NULL, *before;
    size_t size;
    char byte;
    syscall(SYS_get_robust_list, 0, &before, &size);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&mutex, &attributes);
    pthread_mutex_lock(&mutex);
    printf("ready\n");
    fflush(stdout);
    while (read(0, &byte, 1) < 0)
        ;
    syscall(SYS_get_robust_list, 0, &head, &size);
    printf("list %d ", head == before);
    printf("again %d ", pthread_mutex_lock(&mutex) == EDEADLK);
    printf("unlocked %d\n", pthread_mutex_unlock(&mutex));
    return 0;
}
"""
# A file that nobody finds again is open as 3; when a byte comes, says which number the next file gets, and what 3 reads.
DELETED = r"""
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
int main(void)
{
    char byte;
    int gone = open("gone", O_RDWR | O_CREAT, 0600);
    unlink("gone");
    printf("ready\n");
    fflush(stdout);
    while (read(0, &byte, 1) < 0)
        ;
    int other = open("/dev/null", O_RDONLY);
    long n = pread(gone, &byte, 1, 0);
    printf("%d is gone, %d came; %ld %d\n", gone, other, n, errno == EBADF);
    return 0;
}
"""
# Says what the vdso's clock is when a byte comes.
CLOCK = r"""
#include <stdio.h>
#include <time.h>
#include <unistd.h>
int main(void)
{
    struct timespec now;
    char byte;
    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("ready\n");
    fflush(stdout);
    while (read(0, &byte, 1) < 0)
        ;
    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("%ld.%09ld\n", now.tv_sec, now.tv_nsec);
    return 0;
}
"""
# Has a MiB that is kept out of cores, unless there is an argument, and another that is never written.
KEPT = r"""
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
static char *kept, *unused;
int main(int argc, char **argv)
{
    char byte;
    kept = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unused = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(kept, 5, 1 << 20);
    if (argc == 1)
        madvise(kept, 1 << 20, MADV_DONTDUMP);
    printf("ready\n");
    fflush(stdout);
    while (read(0, &byte, 1) < 0)
        ;
    return kept[100] - 5 + unused[0];
}
"""
# Changes its environment, and without arguments its name, too; after a byte it tells its arguments, and moves its heap's end.
ARGUMENTS = r"""
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    char byte, first[100] = "";
    memcpy(first, environ[1], strcspn(environ[1], "="));
    environ[0] = strdup("FIRST=moved");
    unsetenv(first);
    if (argc == 1)
        argv[0] = strdup("moved");
    printf("ready\n");
    fflush(stdout);
    while (read(0, &byte, 1) < 0)
        ;
    void *end = sbrk(0);
    printf("%d %s, brk %d\n", argc, argv[argc - 1], sbrk(4096) == end && sbrk(0) == (char *)end + 4096);
    return 0;
}
"""
# Draws a number before it is saved; then one, and one in a child.
DRAW = r"""
#include <stdio.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>
static void draw(void)
{
    unsigned long number = 0;
    if (getrandom(&number, sizeof number, 0) == sizeof number)
        printf("%lx\n", number);
    fflush(stdout);
}
int main(void)
{
    unsigned long number;
    char byte;
    getrandom(&number, sizeof number, 0);
    printf("ready\n");
    fflush(stdout);
    while (read(0, &byte, 1) < 0)
        ;
    if (fork() != 0)
        wait(NULL);
    draw();
    return 0;
}
"""
# Has memory that the kernel may drop (Linux 6.11), filled with 'x'; after a byte: what is there, and does libc know its id?
DROPPABLE = r"""
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int main(void)
{
    char byte, *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, 8 | MAP_ANONYMOUS, -1, 0);
    clockid_t clock;
    struct timespec used;
    if (memory == MAP_FAILED)
        memory = NULL;
    else
        memset(memory, 'x', 4096);
    signal(SIGUSR1, SIG_IGN);
    printf("ready\n");
    fflush(stdout);
    while (read(0, &byte, 1) < 0)
        ;
    int own = raise(SIGUSR1) == 0 && pthread_getcpuclockid(pthread_self(), &clock) == 0 &&
              syscall(SYS_clock_gettime, clock, &used) == 0;
    printf("%d %d\n", memory != NULL && memory[0] == 'x', own);
    fflush(stdout);
    while (read(0, &byte, 1) < 0)
        ;
    return 0;
}
"""


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stage, built in a scratch copy."""
    tree = tmp_path_factory.mktemp("solution")
    (tree / "grader").symlink_to(TOP / "grader")
    return mutants.build_solution(tree, FOLDER)


COMPILED: dict[tuple[str, ...], bytes] = {}  # by the text and the flags


def compile_c(folder: Path, name: str, source: str | Path, *flags: str) -> Path:
    path, program = folder / f"{name}.c", folder / name
    path.write_text(source if isinstance(source, str) else source.read_text())
    key = (name, path.read_text(), *flags)
    if key not in COMPILED:
        subprocess.run(["gcc", "-g", "-O1", *flags, "-o", program, path, "-lm"], check=True)
        COMPILED[key] = program.read_bytes()
    program.write_bytes(COMPILED[key])
    program.chmod(0o755)
    return program


def start(folder: Path, *command: str | Path, preload: Path | None = None, stdin: int = subprocess.DEVNULL,
          stderr: IO[str] | int | None = None) -> subprocess.Popen[str]:
    environment = {**ENVIRONMENT, **({"LD_PRELOAD": str(preload)} if preload else {})}
    return subprocess.Popen(command, cwd=folder, env=environment, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr,
                            text=True, preexec_fn=let_it_dump)


def gcore(folder: Path, life: subprocess.Popen[str]) -> Path:
    """A core of the program, which is killed."""
    subprocess.run(["gcore", "-o", folder / "core", str(life.pid)], check=True, capture_output=True)
    life.kill()
    life.wait()
    return folder / f"core.{life.pid}"


def kernel_core(folder: Path, life: subprocess.Popen[str]) -> Path:
    """The core that the kernel writes on SIGQUIT."""
    for old in folder.glob("core*"):
        old.unlink()
    life.send_signal(signal.SIGQUIT)
    return core_that_came(folder, life)


def core_that_came(folder: Path, life: subprocess.Popen[str]) -> Path:
    """Where the kernel has put the core of a program to which SIGQUIT was sent."""
    assert life.wait(LIMIT) == -signal.SIGQUIT
    found = sorted(folder.glob("core*"))
    assert found, f"no core in {folder} (core_pattern is {PATTERN})"
    return found[0]


Take = Callable[[Path, subprocess.Popen[str]], Path]
TAKES = [pytest.param(gcore, marks=pytest.mark.sample if KERNEL_CORES else ()), pytest.param(kernel_core, marks=[
    pytest.mark.sample if KERNEL_CORES else pytest.mark.skip(reason=PATTERN)])]


def restart(stage: Path, folder: Path, *words: str | Path, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([stage / "restart", *words], cwd=folder, env=ENVIRONMENT, input=given, timeout=LIMIT,
                          capture_output=True, text=True)


@contextlib.contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """A new terminal: the side where keys are typed, and the program's."""
    keys, screen = os.openpty()
    try:
        yield keys, screen
    finally:
        os.close(keys)
        os.close(screen)


def start_on(screen: int, folder: Path, *command: str | Path) -> subprocess.Popen[str]:
    """Starts a program whose standard input and controlling terminal is `screen`."""

    def own_terminal() -> None:
        let_it_dump()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    return subprocess.Popen(command, cwd=folder, env={**ENVIRONMENT, "TERM": "dumb"}, stdin=screen, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=own_terminal)


def wait_in_read(life: subprocess.Popen[str]) -> None:
    """For the programs above, which say that they are ready and then wait in read()."""
    assert life.stdout is not None and life.stdout.readline() == "ready\n"
    assert wait_until(lambda: sleeps(life.pid), LIMIT)


def layout(pid: int) -> list[str]:
    """start_stack, arg_start, arg_end, env_start, env_end: proc_pid_stat(5)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []
    return [fields[28 - 3], *fields[48 - 3 : 52 - 3]]


def regions(pid: int) -> list[str]:
    """The address space, but for a file whose protection a core does not tell (it is mapped to be written, too)."""
    return [str(region) for region in maps.joined(maps.read_maps(pid)) if not str(region).endswith("/data")]


def sleeps(pid: int) -> bool:
    return status_field(pid, "State").startswith("S")


def uses(pid: int, seconds: float) -> Callable[[], bool]:
    """Has the process used so much of the processor's time?"""

    def enough() -> bool:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12]) >= seconds * os.sysconf("SC_CLK_TCK")

    return enough


def gdb(folder: Path, program: Path, *commands: str) -> str:
    words = [word for command in commands for word in ("-ex", command)]
    return subprocess.run(["gdb", "-q", "-nx", "-batch", *words, program], cwd=folder, env=ENVIRONMENT, check=True,
                          capture_output=True, text=True).stdout


# --- The two examples of the README of 2005 (rows S1 to S5) --------------------------------------


@pytest.mark.skipif(not KERNEL_CORES, reason=f"core_pattern is {PATTERN}: the kernel's cores do not come here")
def test_fprintf(stage: Path, tmp_path: Path) -> None:
    """S1, S2, S4: libsavefds, SIGQUIT, and `restart -f -n -w fprintf core`; the output is whole."""
    program = compile_c(tmp_path, "fprintf", TOP / "grader/tests/programs/fprintf.c")
    life = start(tmp_path, program, "numbers", "40", "0.02", preload=stage / "libsavefds.so")
    assert wait_until(uses(life.pid, 0), LIMIT) and wait_until((tmp_path / "numbers").exists, LIMIT)
    assert wait_until(lambda: sleeps(life.pid), LIMIT)
    core = kernel_core(tmp_path, life)
    lines = (tmp_path / "filedescriptors").read_text().splitlines()
    assert f"3 : {tmp_path}/numbers : 0 : write" in lines
    done = restart(stage, tmp_path, "-f", "-n", "-w", program, core)
    assert done.returncode == 0 and "ended with exit status 0" in done.stderr, done.stderr
    assert (tmp_path / "numbers").read_text() == "".join(f"{i}\n" for i in range(1, 41))


def session(folder: Path, program: Path, *typed: str) -> str:
    """gdb on a terminal: types each line when gdb, or the program, has asked for it. All that was to be seen."""
    seen = ""
    with terminal() as (keys, screen):
        life = start_on(screen, folder, "sh", "-c", 'exec gdb -q -nx "$0" >&0 2>&0', program)
        for line in ("set pagination off", *typed):
            asked = False
            while not asked:
                assert select.select([keys], [], [], LIMIT)[0], seen
                seen += os.read(keys, 4096).decode(errors="replace")
                asked = seen.endswith(("(gdb) ", "nodes? ", "(y or n) ")) or "(gdb) \x1b" in seen[-30:]
            os.write(keys, line.encode() + b"\n")
            seen += "\n"
        life.communicate(timeout=LIMIT)
    return seen


def test_linklist_as_the_readme_types_it(stage: Path, tmp_path: Path) -> None:
    """S3: its very lines, on a terminal, the number typed; `print i` tells that 500 nodes were made; no second question."""
    program = compile_c(tmp_path, "linklist", TOP / "grader/tests/programs/linklist.c", "-O0")
    seen = session(tmp_path, program, "break 29", "run", "4000", "cont 500", "print i", "gcore core.linklist", "quit", "y")
    assert "= 500" in seen, seen
    done = restart(stage, tmp_path, "-n", "-w", "linklist", "core.linklist")
    assert done.returncode == 0 and done.stdout == "".join(f"{i}\n" for i in range(4001)), done.stderr


@pytest.mark.sample
@pytest.mark.parametrize("flags", [["-pie"], ["-no-pie"], ["-static"], ["-static-pie"]], ids=lambda flags: flags[0])
def test_linklist(flags: list[str], stage: Path, tmp_path: Path) -> None:
    """S3, S5, S6: break 29, cont 500, gcore; restart makes the rest of the list, and prints all of it."""
    program = compile_c(tmp_path, "linklist", TOP / "grader/tests/programs/linklist.c", "-O0", *flags)
    (tmp_path / "answer").write_text("4000\n")
    gdb(tmp_path, program, "break 29", "run <answer", "cont 500", "gcore core.linklist", "kill")
    done = restart(stage, tmp_path, "-n", "-w", program, "core.linklist")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "".join(f"{i}\n" for i in range(4001))


def test_linklist_while_it_prints(stage: Path, tmp_path: Path) -> None:
    """S5: break 37, some numbers are printed, gcore; restart prints only the rest."""
    program = compile_c(tmp_path, "linklist", TOP / "grader/tests/programs/linklist.c", "-O0")
    (tmp_path / "answer").write_text("4000\n")
    gdb(tmp_path, program, "break 37", "run <answer >/dev/null", "cont 100", "call (int)fflush(0)", "gcore core.linklist", "kill")
    done = restart(stage, tmp_path, "-n", "-w", program, "core.linklist")
    assert done.stdout.splitlines() == [str(i) for i in range(100, 4001)], done.stderr


def test_fprintf_to_stderr(stage: Path, tmp_path: Path) -> None:
    """`fprintf - NUMBER`: the numbers go to stderr, at once; the restart prints the rest, and only that."""
    program = compile_c(tmp_path, "fprintf", TOP / "grader/tests/programs/fprintf.c")
    with (tmp_path / "first").open("w") as first:
        life = start(tmp_path, program, "-", "30", "0.1", stderr=first)
    assert wait_until(lambda: (tmp_path / "first").stat().st_size > 8, LIMIT)
    life.send_signal(signal.SIGSTOP)  # so that it prints nothing after the core
    assert wait_until(lambda: status_field(life.pid, "State").startswith("T"), LIMIT)
    before = (tmp_path / "first").read_text()
    done = restart(stage, tmp_path, "-n", program, gcore(tmp_path, life))
    assert done.returncode == 0 and (tmp_path / "first").read_text() == before
    rest = "".join(f"{line}\n" for line in done.stderr.splitlines() if not line.startswith("restart:"))
    assert before + rest == "".join(f"{i}\n" for i in range(1, 31)) and before and rest


# --- What comes back ------------------------------------------------------------------------------


@pytest.mark.parametrize("how", TAKES)
def test_any_instruction(how: Take, stage: Path, tmp_path: Path) -> None:
    """A core taken while the program computes: the same result as without; and its own exit status."""
    program = compile_c(tmp_path, "compute", COMPUTE)
    expected = start(tmp_path, program, "20000000").communicate(timeout=LIMIT)[0]
    for share in (0.05, 0.1, 0.17, 0.25):
        life = start(tmp_path, program, "20000000")
        assert wait_until(lambda: life.poll() is not None or uses(life.pid, share)(), LIMIT)
        done = restart(stage, tmp_path, "-n", program, how(tmp_path, life))
        assert (done.stdout, done.returncode) == (expected, 3), (share, done.stderr)


@pytest.mark.parametrize("how", TAKES)
def test_library_rounding_mask_protections(how: Take, stage: Path, tmp_path: Path) -> None:
    """dlopen()ed libm, rounding upwards, blocked signals (of which gdb notes none, as -v says), read-only memory."""
    program = compile_c(tmp_path, "more", MORE)
    life = start(tmp_path, program, stdin=subprocess.PIPE)
    wait_in_read(life)
    core = how(tmp_path, life)
    done = restart(stage, tmp_path, "-n", "-v", program, core, given="x")
    assert done.stdout == f"upward 1 cos 1.000 fixed f blocked {int(how is not gcore)}\n", done.stderr
    assert done.returncode == 0 and ("does not note which signals were blocked" in done.stderr) == (how is gcore)
    assert restart(stage, tmp_path, "-n", program, core, given="w").returncode == -signal.SIGSEGV


def test_maps_and_tid_and_files_mapped(stage: Path, tmp_path: Path) -> None:
    """An interrupted read is made again, raise() works, a mapped file is there; the address space is what it was."""
    program = compile_c(tmp_path, "state", STATE)
    (tmp_path / "data").write_text("hello" * 1000)
    life = start(tmp_path, program, "data", stdin=subprocess.PIPE)
    assert life.stdout is not None and life.stdout.readline() == "ready\n"
    assert wait_until(lambda: sleeps(life.pid), LIMIT)
    before = regions(life.pid)
    core = gcore(tmp_path, life)
    again = subprocess.Popen([stage / "restart", "-n", core], cwd=tmp_path, env=ENVIRONMENT, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def same() -> bool:
        return regions(again.pid) == before

    assert wait_until(same, LIMIT), "the address space is not what it was"
    # A core tells of no signal action: SIGUSR1 has its default again, and kills.
    assert again.communicate("x", LIMIT)[0] == "" and again.returncode == -signal.SIGUSR1


@pytest.mark.skipif(not KERNEL_CORES, reason=f"core_pattern is {PATTERN}: the kernel's cores do not come here")
def test_signal_actions_with_libsavefds(stage: Path, tmp_path: Path) -> None:
    """S7: libsavefds records signal actions; LD_PRELOAD is absent at the restart."""
    program = compile_c(tmp_path, "state", STATE)
    (tmp_path / "data").write_text("hello" * 1000)
    life = start(tmp_path, program, "data", preload=stage / "libsavefds.so", stdin=subprocess.PIPE)
    assert life.stdout is not None and life.stdout.readline() == "ready\n"
    assert wait_until(lambda: sleeps(life.pid), LIMIT)
    done = restart(stage, tmp_path, "-f", "-n", kernel_core(tmp_path, life), given="x")
    assert done.stdout == f"caught {int(signal.SIGUSR1)}, mapped hello\n", done.stderr


@pytest.mark.skipif(not KERNEL_CORES, reason=f"core_pattern is {PATTERN}: the kernel's cores do not come here")
def test_a_deleted_file_is_lost_but_not_in_silence(stage: Path, tmp_path: Path) -> None:
    """No core has its content: restart -f names it, --strict refuses, and no other file gets its number."""
    program = compile_c(tmp_path, "deleted", DELETED)
    life = start(tmp_path, program, preload=stage / "libsavefds.so", stdin=subprocess.PIPE)
    wait_in_read(life)
    core = kernel_core(tmp_path, life)
    with (tmp_path / "filedescriptors").open("a") as text:
        text.write("# 7 nothing, a comment\n#\n")
    refused(stage, tmp_path, 66, "--strict", "-f", "-n", "--strict", program, core)
    done = restart(stage, tmp_path, "-f", "-n", program, core, given="x")
    assert "descriptor 3, " in done.stderr and "gone: not brought back" in done.stderr
    assert "descriptor 7" not in done.stderr
    assert done.stdout == "3 is gone, 4 came; -1 1\n", done.stderr


@pytest.mark.parametrize("by_kernel", [False, pytest.param(True, marks=pytest.mark.skipif(not KERNEL_CORES, reason=PATTERN))])
def test_read_on_a_terminal(by_kernel: bool, stage: Path, tmp_path: Path) -> None:
    """A program waits for a line; gcore, or Ctrl-\\ is typed. Restarted on another terminal, it reads the line typed there."""
    program = compile_c(tmp_path, "line", LINE)
    with terminal() as (keys, screen):
        life = start_on(screen, tmp_path, program)
        wait_in_read(life)
        if by_kernel:
            os.write(keys, termios.tcgetattr(screen)[6][termios.VQUIT])
        core = core_that_came(tmp_path, life) if by_kernel else gcore(tmp_path, life)
    with terminal() as (keys, screen):
        again = start_on(screen, tmp_path, stage / "restart", "-n", "-w", program, core)
        os.write(keys, b"hello\n")
        said, messages = again.communicate(timeout=LIMIT)
    assert (said, again.returncode) == ("6 0 hello\n", 0), messages


def test_a_compressed_core(stage: Path, tmp_path: Path) -> None:
    """As systemd keeps them, whatever the file is called; and one that comes through a pipe."""
    for magic, command in (b"\x28\xb5\x2f\xfd", "zstd -dc"), (b"\xfd7zXZ\0", "xz -dc"):
        (tmp_path / "core").write_bytes(magic + bytes(5000))
        done = subprocess.run([stage / "restart", "-n", "/bin/true", tmp_path / "core"], capture_output=True, text=True, check=False)
        assert done.returncode == 65 and f"{command} FILE" in done.stderr, done
    done = subprocess.run([stage / "restart", "-n", "/bin/true", "/dev/stdin"], input="core", capture_output=True, text=True, check=False)
    assert done.returncode == 65 and "copy what it gives into a file" in done.stderr, done


# --- What the core does not have --------------------------------------------------------------------


@pytest.mark.parametrize("how", TAKES)
def test_memory_that_is_kept_out(how: Take, stage: Path, tmp_path: Path) -> None:
    """MADV_DONTDUMP: named before the restart, and refused with --strict; memory that was never used is no loss for gcore."""
    program = compile_c(tmp_path, "kept", KEPT)
    life = start(tmp_path, program, stdin=subprocess.PIPE)
    wait_in_read(life)
    smaps = Path(f"/proc/{life.pid}/smaps").read_text()
    out = re.findall(r"^(\w+-\w+) .*\n(?:\w+:.*\n)*?VmFlags:(?!.* (?:io|dp)).* dd\b", smaps, re.MULTILINE)
    core = how(tmp_path, life)
    done = restart(stage, tmp_path, "-n", "--dry-run", program, core)
    assert len(out) == 1 and f"{out[0]} (1024 KiB)" in done.stderr and "MADV_DONTDUMP" in done.stderr, done.stderr
    refused(stage, tmp_path, 66, "--strict", "-n", "--strict", program, core)


@pytest.mark.skipif(not KERNEL_CORES, reason=f"core_pattern is {PATTERN}: the kernel's cores do not come here")
def test_libsavefds_knows_what_is_kept_out(stage: Path, tmp_path: Path) -> None:
    """With its text only what was kept out is named, not what was never written; --strict is right in both cases."""
    program = compile_c(tmp_path, "kept", KEPT)
    for keeps, status in (("", 66), ("nothing", 0)):
        life = start(tmp_path, program, *[keeps] * bool(keeps), preload=stage / "libsavefds.so", stdin=subprocess.PIPE)
        wait_in_read(life)
        core = kernel_core(tmp_path, life)
        text = tmp_path / "filedescriptors"
        text.write_text("".join(line for line in text.read_text().splitlines(True) if line.startswith("# memory")))
        done = restart(stage, tmp_path, "-f", "-n", "--strict", "--dry-run", program, core)
        assert done.returncode == status and done.stderr.count("MADV_DONTDUMP") == int(not keeps), done.stderr
        assert "has no bytes" not in done.stderr


@pytest.mark.parametrize("how", TAKES)
def test_arguments(how: Take, stage: Path, tmp_path: Path) -> None:
    """Arguments and environment are where they were, though the program has changed its pointers to the environment."""
    program = compile_c(tmp_path, "arguments", ARGUMENTS)
    life = start(tmp_path, program, "one", "", "three", stdin=subprocess.PIPE)
    wait_in_read(life)
    before = layout(life.pid)
    core = how(tmp_path, life)
    second = start(tmp_path, stage / "restart", "-n", "-w", program, core, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    child = Path(f"/proc/{second.pid}/task/{second.pid}/children")
    assert wait_until(lambda: bool(child.read_text()) and layout(int(child.read_text())) == before, LIMIT), before
    said, messages = second.communicate("x", LIMIT)
    assert said == "4 three, brk 1\n" and second.returncode == 0 and "not found" not in messages, messages


def test_arguments_that_are_not_found(stage: Path, tmp_path: Path) -> None:
    """The program has another argv[0]: restart says so; the heap grows all the same."""
    program = compile_c(tmp_path, "arguments", ARGUMENTS)
    life = start(tmp_path, program, stdin=subprocess.PIPE)
    wait_in_read(life)
    done = restart(stage, tmp_path, "-n", program, gcore(tmp_path, life), given="x")
    assert "arguments are not found" in done.stderr and "CONFIG_CHECKPOINT" not in done.stderr, done.stderr
    assert done.stdout == "1 moved, brk 1\n" and done.returncode == 0


def test_moved_program(stage: Path, tmp_path: Path) -> None:
    """PROG lies elsewhere by now: the protections of its pages come from there."""
    program = compile_c(tmp_path, "line", LINE)
    life = start(tmp_path, program, stdin=subprocess.PIPE)
    wait_in_read(life)
    core = gcore(tmp_path, life)
    done = restart(stage, tmp_path, "-n", program.rename(tmp_path / "moved"), core, given="hello\n")
    assert done.stdout == "6 0 hello\n" and done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("ld.lld") is None, reason="not tried here: lld (package lld) is missing")
@pytest.mark.sample
@pytest.mark.parametrize("flags", [["-pie"], ["-no-pie"], ["-static"]], ids=lambda flags: flags[0])
def test_linked_by_lld(flags: list[str], stage: Path, tmp_path: Path) -> None:
    """lld lets two segments share a page of the file: the same page is there twice, once with x."""
    program = compile_c(tmp_path, "large", f"const char constants[6000] = {{7}};\n{LINE}", "-fuse-ld=lld", *flags)
    life = start(tmp_path, program, stdin=subprocess.PIPE)
    wait_in_read(life)
    before = regions(life.pid)
    core = gcore(tmp_path, life)
    second = start(tmp_path, stage / "restart", "-n", program, core, stdin=subprocess.PIPE)
    assert wait_until(lambda: regions(second.pid) == before, LIMIT), before
    assert second.communicate("hello\n", LIMIT)[0] == "6 0 hello\n"


@pytest.mark.parametrize("how", TAKES)
def test_random_numbers(how: Take, stage: Path, tmp_path: Path) -> None:
    """getrandom() draws other numbers in each second life (glibc 2.41 keeps what they are made of in memory)."""
    program = compile_c(tmp_path, "draw", DRAW)
    life = start(tmp_path, program, stdin=subprocess.PIPE)
    wait_in_read(life)
    core = how(tmp_path, life)
    drawn = [restart(stage, tmp_path, "-n", program, core, given="x") for _ in range(2)]
    assert drawn[0].returncode == drawn[1].returncode == 0, drawn
    assert len({*drawn[0].stdout.split(), *drawn[1].stdout.split()}) == 4, drawn


# --- The order of the vector registers --------------------------------------------------------------


def with_registers(core: Path, name: str, size: int | None = None, used: int | None = None, masks_at: int | None = None,
                   from_gdb: bool = True) -> Path:
    """A copy whose xsave note has another size (zeros are added), XSTATE_BV, layout note, and writer."""
    data = bytearray(core.read_bytes())
    start, count = *struct.unpack_from("<Q", data, 32), *struct.unpack_from("<H", data, 56)
    segment = next(at for at in range(start, start + 56 * count, 56) if struct.unpack_from("<I", data, at) == (4,))
    at, length = struct.unpack_from("<Q", data, segment + 8)[0], struct.unpack_from("<Q", data, segment + 32)[0]
    notes, end = bytearray(), at + length
    while at < end:
        name_size, value_size, kind = struct.unpack_from("<III", data, at)
        value_at = at + 12 + (name_size + 3 & ~3)
        owner, value = bytes(data[at + 12 : value_at]), bytearray(data[value_at : value_at + value_size])
        at = value_at + (value_size + 3 & ~3)
        if kind == 0x202:
            value = (value + bytes(8192))[: size or len(value)]
            struct.pack_into("<Q", value, 512, struct.unpack_from("<Q", value, 512)[0] if used is None else used)
        if kind == 0x205 or (owner.startswith(b"GDB") and not from_gdb):
            continue
        notes += struct.pack("<III", name_size, len(value), kind) + owner + value + bytes(-len(value) % 4)
    if masks_at is not None:
        notes += struct.pack("<III", 6, 16, 0x205) + b"LINUX\0\0\0" + struct.pack("<IIII", 5, 64, masks_at, 0)
    struct.pack_into("<Q", data, segment + 8, len(data))
    struct.pack_into("<Q", data, segment + 32, len(notes))
    other = core.with_name(name)
    other.write_bytes(data + notes)
    return other


AVX512 = "avx512f" in Path("/proc/cpuinfo").read_text().split()


@pytest.mark.skipif(not AVX512, reason="not tried here: this processor has no AVX-512")
def test_order_of_vector_registers(stage: Path, tmp_path: Path) -> None:
    """Only a core of a gdb before 14 is warned of, on AMD processors; another processor's order is refused."""
    program = compile_c(tmp_path, "line", LINE)
    life = start(tmp_path, program, stdin=subprocess.PIPE)
    wait_in_read(life)
    core = gcore(tmp_path, life)
    intel = "GenuineIntel" in Path("/proc/cpuinfo").read_text()
    own, other = ((2688, 1088), (2432, 832)) if intel else ((2432, 832), (2688, 1088))

    def said(name: str, **how: object) -> tuple[int, bool, bool]:
        changed_core = with_registers(core, name, **how)  # type: ignore[arg-type]
        done = restart(stage, tmp_path, "-n", "--dry-run", program, changed_core)
        return done.returncode, "gdb before version 14" in done.stderr, "another processor" in done.stderr

    assert said("own", size=own[0], used=0xE7) == (0, False, False)
    assert said("old", size=other[0], used=0xE7) == ((65, False, True) if intel else (0, True, False))
    assert said("few", size=other[0], used=7) == (0, False, False)
    assert said("kernel", size=other[0], used=0xE7, from_gdb=False) == (65, False, True)
    assert said("told", size=own[0], used=0xE7, masks_at=other[1], from_gdb=False) == (65, False, True)
    assert said("same", size=other[0], used=0xE7, masks_at=own[1], from_gdb=False) == (0, False, False)


# --- The vdso ---------------------------------------------------------------------------------------


def core_of_clock(folder: Path, *through: str) -> tuple[Path, Path, int]:
    """The program CLOCK, its core, and where its vdso was."""
    program = compile_c(folder, "clock", CLOCK)
    life = start(folder, *through, program, stdin=subprocess.PIPE)
    wait_in_read(life)
    vdso = next(region.start for region in maps.read_maps(life.pid) if region.name == "[vdso]")
    return program, gcore(folder, life), vdso


def tells_the_time(folder: Path, vdso: int, *command: str | Path) -> None:
    """The vdso is where it was, and its clock is ours."""
    life = start(folder, *command, stdin=subprocess.PIPE)

    def moved() -> bool:
        there = {(region.name, region.start) for region in maps.read_maps(life.pid)}
        return ("[vdso]", vdso) in there and any(name == str(folder / "clock") for name, _ in there)

    assert wait_until(lambda: life.poll() is not None or (moved() and sleeps(life.pid)), LIMIT)
    before = time.monotonic()
    said = life.communicate("x", LIMIT)[0]
    assert life.returncode == 0 and before <= float(said) <= time.monotonic(), (life.returncode, said)


def test_vdso_is_moved(stage: Path, tmp_path: Path) -> None:
    """One core, many restarts: restart's own vdso is at another address each time, the program's where it was."""
    program, core, vdso = core_of_clock(tmp_path)
    for _ in range(20):
        tells_the_time(tmp_path, vdso, stage / "restart", "-n", program, core)


def segment_at(core: bytes, address: int) -> tuple[int, int]:
    """The program header of the core for this address: where it stands in the file, and where its bytes do."""
    start, size, count = *struct.unpack_from("<Q", core, 32), *struct.unpack_from("<HH", core, 54)
    for at in range(start, start + size * count, size):
        if struct.unpack_from("<IIQQ", core, at)[::3] == (1, address):
            return at, struct.unpack_from("<Q", core, at + 8)[0]
    raise AssertionError(f"no segment at {address:x}")


def test_another_kernels_vdso(stage: Path, tmp_path: Path) -> None:
    """A core whose vdso has other bytes, or another size, than this kernel's is refused, as restart's usage says."""
    program, core, vdso = core_of_clock(tmp_path)
    data = bytearray(core.read_bytes())
    header, place = segment_at(data, vdso)
    data[place + 0x200] ^= 0xFF
    (tmp_path / "bytes").write_bytes(data)
    data[place + 0x200] ^= 0xFF
    struct.pack_into("<QQ", data, header + 32, 4096, 4096)
    (tmp_path / "size").write_bytes(data)
    for name in ("bytes", "size"):
        refused(stage, tmp_path, 65, "another kernel's [vdso]", "-n", program, name)
    assert "65 not a\nvalid image or core, or one of another kernel" in restart(stage, tmp_path, "-h").stdout
    tells_the_time(tmp_path, vdso, stage / "restart", "-n", program, core)


NO_ASLR = [shutil.which("setarch") or "setarch", "-R"]


@pytest.mark.skipif(subprocess.run([*NO_ASLR, "true"], check=False, capture_output=True).returncode != 0,
                    reason="setarch -R is not allowed here")
@pytest.mark.sample
@pytest.mark.parametrize("of_program, of_restart", [(True, False), (False, True), (True, True)])
def test_without_aslr(of_program: bool, of_restart: bool, stage: Path, tmp_path: Path) -> None:
    """setarch -R for the program, for restart, for both: then all is where restart itself has it."""
    program, core, vdso = core_of_clock(tmp_path, *(NO_ASLR if of_program else []))
    tells_the_time(tmp_path, vdso, *(NO_ASLR if of_restart else []), stage / "restart", "-n", program, core)


def test_left_stopped(stage: Path, tmp_path: Path) -> None:
    """S2: without -n it waits in SIGSTOP for SIGCONT."""
    program = compile_c(tmp_path, "compute", COMPUTE)
    life = start(tmp_path, program, "20000000")
    assert wait_until(uses(life.pid, 0.1), LIMIT)
    core = gcore(tmp_path, life)
    again = subprocess.Popen([stage / "restart", program, core], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             env=ENVIRONMENT, text=True)
    assert wait_until(lambda: status_field(again.pid, "State").startswith("T"), LIMIT)
    again.send_signal(signal.SIGCONT)
    assert again.wait(LIMIT) == 3


# --- Refusals: nothing is destroyed, and the message says why --------------------------------------


def refused(stage: Path, folder: Path, status: int, words: str, *command: str | Path) -> None:
    done = restart(stage, folder, *command)
    assert done.returncode == status and words in done.stderr and done.stdout == "", done.stderr


def test_refusals(stage: Path, tmp_path: Path) -> None:
    program = compile_c(tmp_path, "compute", COMPUTE)
    other = compile_c(tmp_path, "other", COMPUTE.replace("return 3", "return 4"))
    life = start(tmp_path, program, "400000000")
    assert wait_until(uses(life.pid, 0.1), LIMIT)
    core = gcore(tmp_path, life)
    data = bytearray(core.read_bytes())
    (tmp_path / "short").write_bytes(data[: len(data) // 2])
    data[18] ^= 62 ^ 183  # e_machine: from EM_X86_64 to EM_AARCH64, or back
    (tmp_path / "machine").write_bytes(data)
    (tmp_path / "text").write_text("no core\n")
    refused(stage, tmp_path, 66, "another file: its build id", "-n", other, core)
    refused(stage, tmp_path, 65, "truncated", "-n", program, "short")
    refused(stage, tmp_path, 65, "this image is of", "-n", program, "machine")
    refused(stage, tmp_path, 65, "not an ELF file", "-n", program, "text")
    refused(stage, tmp_path, 65, "not a core file", "-n", core, program)
    refused(stage, tmp_path, 66, "No such file", "-n", program, "nothing")


def test_another_program_is_refused_though_the_core_has_all_pages(stage: Path, tmp_path: Path) -> None:
    """Nothing of PROG is needed then; but it is not the one that ran, and that is what was asked."""
    program = compile_c(tmp_path, "compute", COMPUTE)
    other = compile_c(tmp_path, "other", COMPUTE.replace("return 3", "return 4"))
    life = start(tmp_path, program, "30000000")
    assert wait_until(uses(life.pid, 0.1), LIMIT)
    Path(f"/proc/{life.pid}/coredump_filter").write_text("0x7f")
    core = gcore(tmp_path, life)
    refused(stage, tmp_path, 66, "another file: its build id", "-n", other, core)
    assert restart(stage, tmp_path, "-n", program, core).returncode == 3


def test_a_script_in_place_of_the_program(stage: Path, tmp_path: Path) -> None:
    """Nothing of it is mapped where the program was, whether the core has the program's first page or not."""
    program = compile_c(tmp_path, "compute", COMPUTE)
    script = tmp_path / "script"
    script.write_text('#! /bin/sh\nexec ./compute "$@"\n')
    os.utime(script, (0, 0))
    for how in (gcore, kernel_core) if KERNEL_CORES else (gcore,):
        life = start(tmp_path, program, "400000000")
        assert wait_until(uses(life.pid, 0.1), LIMIT)
        refused(stage, tmp_path, 66, "no ELF file", "-n", script, how(tmp_path, life))


@pytest.mark.parametrize("how", TAKES)
def test_a_file_that_may_have_been_shared(how: Take, stage: Path, tmp_path: Path) -> None:
    """No core tells: it is named, and refused with --strict. A mapping that is only read is not, if the core tells that."""
    program = compile_c(tmp_path, "state", STATE.replace("O_RDONLY", "O_RDWR").replace(
        "PROT_READ, MAP_PRIVATE", "PROT_READ | PROT_WRITE, MAP_SHARED"))
    reader = compile_c(tmp_path, "reader", STATE)
    text = tmp_path / "text"
    for binary, named in ((program, True), (reader, False)):
        text.write_text("hello\n")
        os.utime(text, (0, 0))
        life = start(tmp_path, binary, text, stdin=subprocess.PIPE)
        wait_in_read(life)
        core = how(tmp_path, life)
        done = restart(stage, tmp_path, "-n", "--dry-run", binary, core)
        assert done.returncode == 0 and (f"{text}: it may be that this was shared" in done.stderr) >= named, done.stderr
        assert done.stderr.count("was shared") == 1 if named or how is gcore else "was shared" not in done.stderr
        if named:
            refused(stage, tmp_path, 66, "--strict", "-n", "--strict", binary, core)


@pytest.mark.parametrize("how", TAKES)
def test_a_held_robust_mutex(how: Take, stage: Path, tmp_path: Path) -> None:
    """The list of these is found in libc's memory: the kernel gets it back, and the program still owns what it holds."""
    program = compile_c(tmp_path, "robust", ROBUST)
    life = start(tmp_path, program, stdin=subprocess.PIPE)
    wait_in_read(life)
    done = restart(stage, tmp_path, "-n", program, how(tmp_path, life), given="x")
    assert done.stdout == "list 1 again 1 unlocked 0\n", done.stderr


def test_threads_are_refused(stage: Path, tmp_path: Path) -> None:
    program = compile_c(tmp_path, "thread", THREAD)
    life = start(tmp_path, program)
    assert life.stdout is not None and life.stdout.readline() == "ready\n"
    refused(stage, tmp_path, 65, "more than one thread", "-n", program, gcore(tmp_path, life))


# Where the cores go, for whoever looks for one


@pytest.mark.parametrize("pattern, word", [
    ("|/usr/lib/systemd/systemd-coredump %P %u %g %s", "coredumpctl -o CORE dump PID"),
    ("|/usr/share/apport/apport -p%p -s%s", "/var/crash"),
    ("|/usr/local/bin/keep %p", "gcore PID"),
    ("core", "ulimit -c"),
])
def test_a_missing_core_says_where_cores_go(stage: Path, tmp_path: Path, pattern: str, word: str) -> None:
    """core_pattern is another one in a mount namespace only: the system's own stays."""
    (tmp_path / "pattern").write_text(pattern + "\n")
    script = 'mount --bind pattern /proc/sys/kernel/core_pattern || exit 99; exec "$@"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", stage / "restart", "-n", "prog", "nothing"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT, check=False)
    if done.returncode in (1, 99):
        pytest.skip(f"no mount namespace here: {done.stderr.strip()}")
    assert done.returncode == 66, done.stderr
    assert pattern in done.stderr and word in done.stderr


@pytest.mark.parametrize("kept", ["0x0", "0x2", "0x4", "0x10"])
@pytest.mark.parametrize("how", TAKES)
def test_no_anonymous_memory(how: Take, kept: str, stage: Path, tmp_path: Path) -> None:
    """coredump_filter leaves out what no file has: no stack or no thread-local variables, so no restart."""
    program = compile_c(tmp_path, "line", LINE)
    life = start(tmp_path, program, stdin=subprocess.PIPE)
    wait_in_read(life)
    Path(f"/proc/{life.pid}/coredump_filter").write_text(kept)
    refused(stage, tmp_path, 65, "coredump_filter", "-n", program, how(tmp_path, life))


# --- Images: what glibc 2.41 and 2.43 have changed ----------------------------------------------------


def droppable(pid: int) -> int:
    """How many regions the kernel may drop."""
    smaps = Path(f"/proc/{pid}/smaps").read_text()
    return len(re.findall(r"^VmFlags:.* dp\b", smaps, re.MULTILINE))


def without_place_of_id(image: Path) -> Path:
    """The image as one of before: the thread's note has no id_place, and the header no checksum."""
    data = bytearray(image.read_bytes())
    for kind, at in ((0x434B0000, 16), (0x434B0003, 52)):
        header = data.index(struct.pack("<I", kind) + b"CKPT\0")
        struct.pack_into("<Q" if at == 16 else "<I", data, header + 4 + 8 + at, 0)
    old = image.with_name("old")
    old.write_bytes(data)
    return old


def test_thread_id_and_droppable_memory(stage: Path, tmp_path: Path) -> None:
    """libc knows its new id; an image that does not say where it is restarts, too; what may be dropped is empty."""
    program = compile_c(tmp_path, "droppable", DROPPABLE)
    life = start(tmp_path, stage / "ckpt", "-o", "image", program, stdin=subprocess.PIPE)
    wait_in_read(life)
    before = droppable(life.pid)
    life.send_signal(signal.SIGUSR2)
    assert wait_until((tmp_path / "image").exists, LIMIT)
    life.kill()
    life.wait()
    shown = subprocess.run([stage / "readckpt", tmp_path / "image"], capture_output=True, text=True, check=True).stdout
    places = re.search(r"tid address (\w+); libc keeps the id at (\w+)$", shown, re.MULTILINE)
    assert places, shown
    images = [tmp_path / "image"]
    if places[1] == places[2]:  # up to glibc 2.42
        images.append(without_place_of_id(tmp_path / "image"))
    for image in images:
        second = start(tmp_path, stage / "restart", image, stdin=subprocess.PIPE)
        assert second.stdin is not None and second.stdout is not None
        second.stdin.write("x")
        second.stdin.flush()
        assert second.stdout.readline() == "0 1\n"
        assert droppable(second.pid) == before
        second.communicate("x", LIMIT)
        assert second.returncode == 0
