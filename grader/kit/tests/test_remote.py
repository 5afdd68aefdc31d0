"""Jobs of ckpt-shadow's: what their calls answer, moves in the midst of reading and appending, and decoys."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import struct
import subprocess
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import need_machine
from kit import mutants
from kit.real_programs import README, Program, surroundings
from kit.remote_programs import RemoteTrial, two_machines
from stage.config import TOP
from stage.process import wait_until

pytestmark = pytest.mark.xdist_group("remote")  # what is built once is built by one worker

KIT = TOP / "grader" / "kit"
NEVER, DENIED = "-1 Operation not permitted", "-1 Permission denied"
# What a job of file_calls.c is told otherwise: at home, elsewhere, and where Limits in solution/README say so.
DIFFERENCES = {
    'mkfifo("another", 0600)': ("0", NEVER, "**mknod(2), mkfifo(3)**: EPERM"),
    'mknod("another", S_IFIFO | 0600, 0)': ("-1 File exists", NEVER, "**mknod(2), mkfifo(3)**: EPERM"),
    "sendfile(3, 4, NULL, 0)": ("0", "-1 Invalid argument", "**sendfile, splice, tee, vmsplice** with a file at home: EINVAL"),
    "socket(AF_UNIX, SOCK_STREAM, 0) >= 0": ("1", "0", "socket(2) is EAFNOSUPPORT"),
    "socket(AF_INET, SOCK_DGRAM, 0) >= 0": ("1", "0", "socket(2) is EAFNOSUPPORT"),
    "inotify_init() >= 0": ("1", "0", "**inotify, "),
    "posix_openpt(O_RDWR) >= 0": ("1", "0", "No new terminal can be made (posix_openpt(3))"),
    "kill(getppid(), 0)": ("0", "-1 No such process", "**kill(2)** by the job reaches the job alone (ESRCH)"),
    'S_ISLNK((lstat("/proc/self/exe", &st), st.st_mode))': ("1", "0", 'lstat("/proc/self/exe") shows the program\'s file, not a link'),
    "(fcntl(4, F_GETFL) & O_NONBLOCK) != 0": ("1", "0", "for one descriptor, not for its copies"),
    "mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 3, 0) != MAP_FAILED": ("1", "0", "that may be written is ENODEV"),
    "epoll_ctl(6, EPOLL_CTL_ADD, 5, &(struct epoll_event){.events = EPOLLIN})": ("0", NEVER, "**epoll on a file at home**: EPERM"),
    "pwritev2(7, out, 2, -1, RWF_APPEND)": ("5", "-1 Operation not supported", "preadv2(2) and pwritev2(2) with flags: EOPNOTSUPP"),
    "writev(7, wrong, 2)": ("2", "-1 Bad address", "EFAULT for all of it"),
    "fchmod(3, 0600)": ("-1 Bad file descriptor", DENIED, "O_PATH"),
    'open("/nothing/at/all", O_RDONLY)': ("-1 No such file or directory", DENIED, "EACCES, whether something is there or not"),
    'chdir("/proc")': ("0", DENIED, "chdir(2) to /proc or /sys is EACCES"),
    'execl("/nothing", "nothing", (char *)NULL)': ("-1 No such file or directory", "-1 Function not implemented", "execve(2) are ENOSYS"),
    "child > 0": ("1", "0", "fork(2), clone(2)"),
    "waitpid(child, NULL, 0) > 0": ("1", "0", "fork(2), clone(2)"),
}


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_machine()
    return mutants.build_solution(tmp_path_factory.mktemp("remote"), "stage6-remote")


def compiled(name: str, folder: Path) -> Path:
    subprocess.run(["cc", "-O1", "-Wall", "-Wextra", "-Werror", KIT / f"{name}.c", "-o", folder / name], check=True)
    return folder / name


# --- What calls answer ---


@dataclass(frozen=True)
class FileCalls(Program):
    """file_calls.c, in a folder as it wants it."""

    def make(self, folder: Path) -> None:
        (folder / "text").write_text("".join(f"line {number} of\n" for number in range(10)))
        os.mkfifo(folder / "fifo")


def answers(folder: Path) -> list[str]:
    return (folder / "stdout").read_text().splitlines()


def test_each_call_answers_as_at_home(stage: Path, tmp_path: Path) -> None:
    """And leaves the same files. What differs is on the list, and in the README's Limits; a line there that is no
    longer true fails, too."""
    program = compiled("file_calls", tmp_path)
    trial = RemoteTrial(FileCalls("file_calls", "", "", [str(program)], unlike=["stdout", "fifo", "another"]), tmp_path, stage)
    trial.runs_elsewhere()
    here, there = answers(trial.whole), answers(trial.first)
    assert len(here) == len(there) and sum(" = " in line for line in here) > 400
    different = {one.rpartition(" = ")[0]: (one.rpartition(" = ")[2], two.rpartition(" = ")[2])
                 for one, two in zip(here, there) if one != two}
    assert different == {call: words[:2] for call, words in DIFFERENCES.items()}


def test_the_limits_name_each_difference() -> None:
    limits = " ".join(README.read_text().partition("\n## Limits\n")[2].partition("\n## ")[0].split())
    assert [call for call, words in DIFFERENCES.items() if words[2] not in limits] == []


# --- Moves ---


class Move:
    """A job that copies, and is moved at moments that no clock chooses: when it has copied so much more."""

    def __init__(self, stage: Path, folder: Path) -> None:
        self.home, self.errors = folder / "home", folder / "errors"
        decoys = folder / "decoys"
        for place in (self.home, decoys):
            place.mkdir()
        for name in ("in", "out", "enough"):
            (decoys / name).write_text("a decoy\n")
        self.data = random.Random(1).randbytes(30_000)
        (self.home / "in").write_bytes(self.data)
        words = [*two_machines(stage, self.home, decoys, "-v", ways=2), str(compiled("copying", folder))]
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(words, cwd=self.home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)

    def copied(self) -> int:
        out = self.home / "out"
        return out.stat().st_size if out.exists() else 0

    def waits_for(self, life: int, size: int) -> None:
        """Its so many-th life has begun, and there are so many more bytes than at its beginning."""
        def begun() -> bool:
            return self.errors.read_text().count(" begins: ") >= life or self.process.poll() is not None

        assert wait_until(begun, 60), self.errors.read_text()
        aim = self.copied() + size
        assert wait_until(lambda: self.copied() >= aim or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.errors.read_text()

    def moves(self, times: int, draw: random.Random) -> None:
        for life in range(1, times + 1):
            self.waits_for(life, draw.choice([0, 1, 100, draw.randrange(3000)]))
            self.process.send_signal(signal.SIGUSR2)
        self.waits_for(times + 1, 1)

    def way(self) -> list[int]:
        """The processes that lead to the other machine: sh, bwrap, `restart --remote`, the job. The youngest of the shadow's
        children: the one before may not have ended yet."""
        pids = [self.process.pid]
        while children := Path(f"/proc/{pids[-1]}/task/{pids[-1]}/children").read_text().split():
            pids.append(int(children[-1]))
        return pids[1:]

    def machine_vanishes(self) -> None:
        os.kill(self.way()[0], signal.SIGKILL)

    def machine_is_wanted_back(self) -> None:
        """Its owner ends `restart --remote`, which is the job's parent."""
        os.kill(self.way()[-2], signal.SIGTERM)

    def ends(self) -> None:
        """Every byte is there, once."""
        (self.home / "enough").touch()
        said = self.process.communicate(timeout=60)[0].decode()
        out = (self.home / "out").read_bytes()
        assert self.process.returncode == 0, self.errors.read_text()
        assert out == self.data * (len(out) // len(self.data))
        assert said == f"{len(out)} {zlib.adler32(out)}\n"


@contextlib.contextmanager
def moving(stage: Path, folder: Path) -> Iterator[Move]:
    job = Move(stage, folder)
    try:
        yield job
        job.ends()
    finally:
        job.process.kill()
        job.process.communicate()


def moves(stage: Path, folder: Path, times: int) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    with moving(stage, folder) as job:
        job.moves(times, random.Random(seed))


def test_moves_in_the_midst_of_reading_and_appending(stage: Path, tmp_path: Path) -> None:
    moves(stage, tmp_path, 5)


@pytest.mark.stress
def test_many_moves(stage: Path, tmp_path: Path) -> None:
    moves(stage, tmp_path, 200)


def test_machines_vanish_and_are_wanted_back(stage: Path, tmp_path: Path) -> None:
    """From the start, from the last image, and by eviction: no byte is lost, none is there twice."""
    with moving(stage, tmp_path) as job:
        for life, what in enumerate([job.machine_vanishes, job.machine_is_wanted_back, job.machine_vanishes,
                                     job.machine_is_wanted_back, job.machine_is_wanted_back, job.machine_vanishes], 1):
            job.waits_for(life, 500)
            what()
        job.waits_for(life + 1, 500)


# Memory of several kinds, and much of it; each line that comes is answered by what is wrong with it.
MEMORY = r"""
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#define MIB (1UL << 20)
static unsigned value(unsigned long i, unsigned turn) { return (unsigned)(i * 2654435761UL >> 7) + turn; }
static void fill(unsigned *at, unsigned long size, unsigned turn)
{
    for (unsigned long i = 0; i < size / sizeof *at; i += 7)
        at[i] = value(i, turn);
}
static unsigned long wrong(const unsigned *at, unsigned long size, unsigned turn)
{
    unsigned long count = 0;
    for (unsigned long i = 0; i < size / sizeof *at; i++)
        count += at[i] != (i % 7 == 0 ? value(i, turn) : 0);
    return count;
}
/* Held when the job leaves: nobody has died.  In pages that are sent last. */
static const unsigned *robust_lock(char *near)
{
    char *at = mmap(near, 2 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_mutex_t *lock = (pthread_mutex_t *)(at + 2 * MIB - 65536);
    pthread_mutexattr_t robust;
    memset(at, 1, 2 * MIB);
    pthread_mutexattr_init(&robust);
    pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(lock, &robust);
    pthread_mutex_lock(lock);
    return (const unsigned *)lock;
}
int main(void)
{
    char line[16], *holes = mmap(NULL, 8 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *only_read = mmap(NULL, 3 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *heap = sbrk(3 * MIB);
    unsigned char there[4 * MIB / 4096];
    const unsigned *lock = robust_lock((char *)(((unsigned long)line & ~4095UL) - 64 * MIB));
    mprotect(holes, 4096, PROT_NONE);
    fill((unsigned *)(only_read + 4096), 2 * MIB, 0);
    mprotect(only_read, 3 * MIB, PROT_READ);
    for (unsigned turn = 0; fgets(line, sizeof line, stdin) != NULL; turn++) {
        char *end = sbrk(0);
        unsigned long bad = wrong((unsigned *)(only_read + 4096), 2 * MIB, 0), full = 0;
        bad += (*lock & FUTEX_OWNER_DIED) != 0;
        if (turn > 0)
            bad += wrong((unsigned *)(holes + 2 * MIB), MIB, turn - 1) + wrong((unsigned *)heap, 3 * MIB, turn - 1);
        mincore(holes + 4 * MIB, 4 * MIB, there);
        for (unsigned long i = 0; i < sizeof there; i++)
            full += there[i] & 1;
        fill((unsigned *)(holes + 2 * MIB), MIB, turn);
        fill((unsigned *)heap, 3 * MIB, turn);
        printf("%lu %lu %d\n", bad, full, sbrk(4096) == end);
        fflush(stdout);
    }
    holes = mremap(holes + 4096, 8 * MIB - 4096, 16 * MIB, MREMAP_MAYMOVE);
    return holes == MAP_FAILED;
}
"""


def test_memory_is_what_it_was(stage: Path, tmp_path: Path) -> None:
    """Large regions come in pieces, and never lie in a file where the job goes; holes stay holes. The limit of files' sizes
    (6 MiB) is one of the job's files, not of its image."""
    home, errors = tmp_path / "home", tmp_path / "errors"
    for place in (home, tmp_path / "decoys"):
        place.mkdir()
    (tmp_path / "memory.c").write_text(MEMORY)
    subprocess.run(["cc", "-o", tmp_path / "memory", tmp_path / "memory.c"], check=True)
    words = [*two_machines(stage, home, tmp_path / "decoys", "-v", ways=2), str(tmp_path / "memory")]
    with errors.open("wb") as file:
        limited = ["bash", "-c", 'ulimit -Sf 6144; exec "$@"', "limited", *words]
        process = subprocess.Popen(limited, cwd=home, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file)
    assert process.stdin and process.stdout
    try:
        for life in range(1, 4):
            process.stdin.write(b"\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"0 0 1\n", errors.read_text()
            if life < 3:
                process.send_signal(signal.SIGUSR2)
                assert wait_until(lambda: errors.read_text().count(" begins: ") > life, 60), errors.read_text()
        process.communicate(timeout=60)
        assert process.returncode == 0, errors.read_text()
    finally:
        process.kill()
        process.communicate()


# --- Decoys ---

SEEKER = """
import hashlib, json, os, pwd, sys
os.chdir(sys.argv[1])
for path in ["both", "./both", sys.argv[1] + "/both", "../" + os.path.basename(os.getcwd()) + "/both", "link", "/etc/passwd",
             "/etc/../etc/group", "/usr/bin/python3", json.__file__, "/proc/self/cwd/both"]:
    with open(path, "rb") as file:
        print(path, hashlib.sha256(file.read()).hexdigest())
print(pwd.getpwuid(0), sorted(os.listdir(".")), len(os.listdir("/usr/bin")), os.path.exists("there"), os.stat("both").st_size)
with open("both", "a") as file: file.write("more")
try: open("there")
except OSError as error: print(error.strerror)
"""


class Watch:
    """Which of these files are opened by anybody, under whatever name (inotify(7))."""

    OPEN = 0x20

    def __init__(self, paths: Sequence[Path]) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self.libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.names = {self.libc.inotify_add_watch(self.fd, os.fsencode(path), self.OPEN): path for path in paths}

    def opened(self) -> list[Path]:
        try:
            data = os.read(self.fd, 1 << 16)
        except BlockingIOError:
            return []
        return [self.names[struct.unpack_from("=i", data, at)[0]] for at in range(0, len(data), 16)]  # of a file: no name


def test_decoys_are_never_read(stage: Path, tmp_path: Path) -> None:
    """The other machine has files of the same names: of the job's, of the system's, of the program itself."""
    home, decoys, system = (tmp_path / name for name in ("home", "decoys", "system"))
    for folder in (home, decoys, system):
        folder.mkdir()
    (decoys / "both").write_text("decoy")
    (decoys / "there").write_text("decoy")
    (system / "file").write_text("decoy")
    places = [word for path in ("/etc/passwd", "/etc/group", "/etc/ld.so.cache", "/etc/nsswitch.conf", "/usr/bin/python3",
                                *mapped_by_python()) for word in ("--ro-bind", str(system / "file"), path)]
    watch = Watch([decoys / "both", decoys / "there", system / "file"])
    ends = []
    for words in ([], two_machines(stage, home, decoys, places=places)):
        (home / "both").write_text("home's")
        (home / "link").unlink(missing_ok=True)
        (home / "link").symlink_to(home / "both")
        done = subprocess.run([*words, "/usr/bin/python3", "-c", SEEKER, home], cwd=home, capture_output=True, text=True,
                              timeout=120, check=False, env=surroundings())
        ends.append((done.returncode, done.stdout, (home / "both").read_text()))
    assert ends[0] == ends[1] and ends[0][0] == 0 and ends[0][2] == "home'smore", done.stderr
    assert watch.opened() == []
    assert (decoys / "both").read_text() == (system / "file").read_text() == "decoy"
    assert watch.opened() == [decoys / "both", system / "file"]


def mapped_by_python() -> list[str]:
    """The files that are its memory: libc, modules, the dynamic linker."""
    code = "import json, hashlib, pwd; print(json.__file__); print(open('/proc/self/maps').read())"
    said = subprocess.run(["/usr/bin/python3", "-c", code], capture_output=True, text=True, check=True).stdout
    return sorted({line.split()[-1] for line in said.splitlines() if "/" in line and Path(line.split()[-1]).is_file()})
