#!/usr/bin/env python3
"""make bench: how fast the solution saves and restarts a program.

Each number is a ratio within one run: a checkpoint against a plain write() of as many bytes to the same
file system, a restart against a plain read() of them. Ratios near 1 say that the checkpointer costs
nothing besides moving the bytes. The best of several rounds is shown: what else the machine does only
ever adds time. This is a measurement, not a test: `make check` does not run it.

Then ckptlab beside DMTCP and CRIU, where they are here (peers.py): a table and a plot; a ratio of ours to write() or read() that
is more than a fifth larger than the one noted in solution/README, on the same machine, is a failure.

Stage 6: a system call of a job's against the same one of an ordinary process, and a file that a job on another machine
(bubblewrap's, where that works) reads, against `cat FILE | PROGRAM`; and how long such a job takes from one machine to the next.
"""
from __future__ import annotations

import argparse
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable

from kit import bench_incremental, peers

TOP = Path(__file__).resolve().parents[2]
STAGE = TOP / "solution" / "stage3-restart"
REMOTE = TOP / "solution" / "stage6-remote"
ROOM = ["bwrap", "--unshare-all", "--die-with-parent", "--proc", "/proc", "--dev", "/dev", "--chdir", "/"]
MIB = 1 << 20
LIMIT = 120.0  # seconds

# Fills SIZE MiB with bytes that differ from page to page, then waits; when it is woken by SIGALRM (a
# handler, so the wait ends) it reads one byte of each 64th page and ends.
PROGRAM = r"""
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
static volatile sig_atomic_t woken;
static void wake(int number) { (void)number; woken = 1; }
int main(int argc, char **argv)
{
    size_t size = (size_t)atol(argv[argc - 1]) << 20, sum = 0;
    unsigned char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigset_t set, old;
    for (size_t i = 0; i < size; i += 64)
        memory[i] = (unsigned char)(i >> 12 | 1);
    signal(SIGALRM, wake);
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_BLOCK, &set, &old);
    if (write(1, "ready\n", 6) != 6)
        return 1;
    while (!woken)
        sigsuspend(&old);
    for (size_t i = 0; i < size; i += 64 << 12)
        sum += memory[i];
    return sum == 0;
}
"""

# Prints the nanoseconds that one call takes of each kind, in a job or not. lseek() of a pipe (ESPIPE): in a job it is
# caught, and then made where the job runs, since the pipe is the job's own. Those of the file are made at home.
CALLS = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#define TIME(call, turns)                                                                                   \
    do {                                                                                                    \
        clock_gettime(CLOCK_MONOTONIC, &start);                                                             \
        for (long i = 0; i < (turns); i++)                                                                  \
            call;                                                                                           \
        clock_gettime(CLOCK_MONOTONIC, &end);                                                               \
        printf("%.0f\n", ((end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec)) / (turns));    \
    } while (0)
int main(int argc, char **argv)
{
    struct timespec start, end;
    int file = open(argv[argc - 1], O_RDONLY), ends[2];
    char byte;
    if (file < 0 || pipe(ends) != 0)
        return 1;
    TIME(syscall(SYS_getppid), 20000);
    TIME(lseek(ends[0], 0, SEEK_CUR), 20000);
    TIME(lseek(file, 0, SEEK_CUR), 2000);
    TIME(if (pread(file, &byte, 1, 0) != 1) return 1, 2000);
    return 0;
}
"""
KINDS = ["getppid(): never caught", "lseek(own pipe): caught, and made there", "lseek(home's file): goes home",
         "pread(home's file), 1 byte"]
# Reads a file, or standard input, in pieces, and looks at all bytes.
READER = r"""
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
static long piece[1 << 17];
int main(int argc, char **argv)
{
    int fd = argc > 2 ? open(argv[2], O_RDONLY) : 0;
    size_t size = (size_t)atol(argv[1]) << 10;
    long n, sum = 0;
    while ((n = read(fd, piece, size)) > 0)
        for (long i = 0; i < n / 8; i++)
            sum += piece[i];
    return n != 0 || sum == 1;
}
"""


# Fills SIZE MiB, and tells the time again and again.
MOVER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    size_t size = strtoul(argv[argc - 1], NULL, 10) << 20;
    char *memory = malloc(size + 1);
    struct timespec now;
    for (size_t i = 0; i < size; i += 512)
        memory[i] = (char)(i >> 9) | 1;
    for (;;) {
        clock_gettime(CLOCK_REALTIME, &now);
        dprintf(1, "%ld.%09ld\n", (long)now.tv_sec, now.tv_nsec);
        usleep(1000);
    }
}
"""

# Reads standard input into memory that is fresh, as a machine does to which a job moves.
TAKER = r"""
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    size_t size = strtoul(argv[argc - 1], NULL, 10) << 20, got = 0;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (ssize_t n = 1; n > 0 && got < size; got += (size_t)n)
        n = read(0, memory + got, size - got);
    return got != size;
}
"""


def wait_for(event: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not event():
        if time.monotonic() > end:
            sys.exit(f"bench: an event did not happen in {LIMIT} seconds")
        time.sleep(0.0005)


def timed(action: Callable[[], None]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def plain_write(path: Path, size: int) -> None:
    """As much as the image holds, in pieces of 1 MiB, from memory that is there."""
    piece = os.urandom(MIB)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for _ in range(size // MIB):
        os.write(fd, piece)
    os.close(fd)


def plain_read(path: Path, size: int) -> None:
    """Into fresh memory, as a restart does: each page is made when it is written to."""
    import mmap

    memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    view = memoryview(memory)
    with path.open("rb", buffering=0) as file:
        for at in range(0, size, MIB):
            file.readinto(view[at:at + MIB])
    view.release()
    memory.close()


def is_sleeping_with_handler(pid: int) -> bool:
    """In sigsuspend(), in the second life: the name is the program's again, and SIGALRM is caught."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = re.search(r"SigCgt:\s*(\w+)", status)
    return ("Name:\tfill" in status and "State:\tS" in status and caught is not None
            and bool(int(caught[1], 16) >> (signal.SIGALRM - 1) & 1))


class Bench:
    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size
        self.image = folder / "myckpt"

    def checkpoint(self) -> float:
        self.image.unlink(missing_ok=True)
        life = subprocess.Popen([str(STAGE / "ckpt"), str(self.folder / "fill"), str(self.size // MIB)],
                                stdout=subprocess.PIPE, cwd=self.folder)
        assert life.stdout is not None
        life.stdout.readline()

        def save() -> None:
            life.send_signal(signal.SIGUSR2)
            wait_for(self.image.exists)

        seconds = timed(save)
        life.kill()
        life.wait()
        life.stdout.close()
        return seconds

    def restart(self, *options: str) -> float:
        start = time.perf_counter()
        life = subprocess.Popen([str(STAGE / "restart"), *options, str(self.image)], stderr=subprocess.DEVNULL)
        wait_for(lambda: is_sleeping_with_handler(life.pid))
        seconds = time.perf_counter() - start
        life.send_signal(signal.SIGALRM)
        if life.wait(LIMIT) != 0:
            sys.exit("bench: the restarted program does not have its memory")
        return seconds


def best(rounds: int, measure: Callable[[], float]) -> float:
    return min(measure() for _ in range(rounds))


def row(what: str, seconds: float, plain: float, size: int) -> None:
    print(f"  {what:<28}{seconds * 1000:9.1f} ms {size / MIB / seconds:9.0f} MiB/s   x {seconds / plain:.2f}", flush=True)


def run(size: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="ckptlab-bench-", dir=os.environ.get("TMPDIR")) as name:
        folder = Path(name)
        build(folder, fill=PROGRAM)
        bench, other = Bench(folder, size), folder / "plain"
        print(f"{size // MIB} MiB of memory, best of {rounds}; x: ratio to the plain call of the same kind")
        write = best(rounds, lambda: timed(lambda: plain_write(other, size)))
        row("plain write()", write, write, size)
        row("checkpoint", best(rounds, bench.checkpoint), write, size)
        read = best(rounds, lambda: timed(lambda: plain_read(other, size)))
        row("plain read()", read, read, size)
        row("restart", best(rounds, bench.restart), read, size)
        row("restart --lazy", best(rounds, lambda: bench.restart("--lazy")), read, size)


def job() -> list[str]:
    """The words before a program that make it a job: on another machine, else on this one."""
    words = [str(REMOTE / "ckpt-shadow")]
    if subprocess.run([*ROOM, "--ro-bind", "/", "/", "true"], capture_output=True, check=False).returncode != 0:
        print("  (bubblewrap makes no other machine here: the job runs on this one)")
        return words
    room = [*ROOM, "--ro-bind", str(REMOTE), "/stage", "--"]
    return [*words, "-e", " ".join(room), "--restart", "/stage/restart-static"]


def build(folder: Path, **programs: str) -> None:
    for name, text in programs.items():
        (folder / f"{name}.c").write_text(text)
        subprocess.run(["cc", "-O2", "-o", name, f"{name}.c"], cwd=folder, check=True)


def nanoseconds(words: list[str], rounds: int) -> list[float]:
    """Of each kind of call, the best of several runs."""
    runs = [subprocess.run(words, check=True, text=True, stdout=subprocess.PIPE).stdout.split() for _ in range(rounds)]
    return [min(map(float, column)) for column in zip(*runs)]


def run_calls(folder: Path, before: list[str], rounds: int) -> None:
    words = [str(folder / "calls"), str(folder / "file")]
    print(f"a system call, best of {rounds}; x: ratio to the same call of a process that is no job")
    for kind, direct, there in zip(KINDS, nanoseconds(words, rounds), nanoseconds([*before, *words], rounds)):
        print(f"  {kind:<42}{direct / 1000:8.2f} us  as a job {there / 1000:8.2f} us   x {there / direct:.1f}", flush=True)


def run_reading(folder: Path, before: list[str], rounds: int, size: int) -> None:
    file, reader = folder / "file", str(folder / "reader")
    plain_write(file, size)

    def piped(kib: int) -> None:
        with subprocess.Popen(["cat", file], stdout=subprocess.PIPE) as cat:
            subprocess.run([reader, str(kib)], stdin=cat.stdout, check=True)

    def read(kib: int) -> None:
        subprocess.run([*before, reader, str(kib), str(file)], check=True)

    print(f"{size // MIB} MiB are read, best of {rounds}, with the job's start; x: ratio to cat FILE | PROGRAM")
    for kib in 4, 64, 1024:
        cat = best(rounds, lambda: timed(lambda: piped(kib)))
        row(f"cat | PROGRAM, {kib} KiB", cat, cat, size)
        row(f"as a job, {kib} KiB a read", best(rounds, lambda: timed(lambda: read(kib))), cat, size)


class Mover:
    """A job between two machines."""

    def __init__(self, folder: Path, before: list[str], size: int) -> None:
        words = [*before, *before[1:], "-v", str(folder / "mover"), str(size // MIB)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.begins()

    def begins(self) -> None:
        """Until its first line in a new life: it tells a later time than that life has."""
        assert self.process.stdout is not None and self.process.stderr is not None
        while b" begins: " not in self.process.stderr.readline():
            pass
        begun = time.time()
        while float(self.process.stdout.readline()) < begun:
            pass

    def move(self) -> None:
        self.process.send_signal(signal.SIGUSR2)
        self.begins()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def plain_cat(folder: Path) -> None:
    subprocess.run("cat image | cat >/dev/null", shell=True, cwd=folder, check=True)


def kept_cat(folder: Path, size: int) -> None:
    """The same, and what a move must do besides: a copy is kept on the way, and another in fresh memory at the end."""
    subprocess.run(f"cat image | tee copy | ./taker {size // MIB}", shell=True, cwd=folder, check=True)
    (folder / "copy").unlink()


def run_moves(folder: Path, before: list[str], rounds: int, sizes: list[int]) -> None:
    """The image goes home, and to the other machine: the same bytes twice."""
    print(f"a job moves, best of {rounds}, in turn; from the request to its first line there; x: ratio to twice cat IMAGE | cat")
    for size in sizes:
        plain_write(folder / "image", size)
        mover = Mover(folder, before, size)
        turns = [(timed(mover.move), timed(lambda: plain_cat(folder)), timed(lambda: kept_cat(folder, size)))
                 for _ in range(rounds)]
        mover.end()
        move, cat, kept = (min(turn[i] for turn in turns) for i in range(3))
        row(f"cat of {size // MIB} MiB, twice", 2 * cat, 2 * cat, 2 * size)
        row("cat | tee COPY | fresh memory", kept, 2 * cat, 2 * size)
        row("move", move, 2 * cat, 2 * size)


def run_remote(rounds: int, size: int, sizes: list[int], only_moves: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="ckptlab-bench-", dir=os.environ.get("TMPDIR")) as name:
        folder = Path(name)
        build(folder, calls=CALLS, reader=READER, mover=MOVER, taker=TAKER)
        (folder / "file").write_text("a byte")
        before = job()
        if not only_moves:
            run_calls(folder, before, rounds)
            run_reading(folder, before, rounds, size)
        run_moves(folder, before, rounds, sizes)


def run_peers(sizes: list[int], rounds: int, to_note: bool) -> list[str]:
    """The table, on standard output; returns what has become slower."""
    found, absent = peers.checkpointers()
    print(f"ckptlab beside others, medians of {rounds}, in turn; x: ratio to a plain write() or read() of as many bytes")
    results = {}
    with tempfile.TemporaryDirectory(prefix="ckptlab-bench-", dir=os.environ.get("TMPDIR")) as name:
        folder = Path(name)
        build(folder, touch=peers.PROGRAM)

        def plain(size: int) -> tuple[float, float]:
            size = max(size, MIB)
            return timed(lambda: plain_write(folder / "plain", size)), timed(lambda: plain_read(folder / "plain", size))

        for size, step in [*((size, 1) for size in sizes), *((size, 64) for size in sizes[-1:] if size >= 64 * MIB)]:
            results[peers.what(size, step)] = peers.compare(folder / "touch", size, step, rounds, plain, found)
    drawn = peers.plot(results, TOP / "grader/build/bench.svg")
    text = peers.table(results) + "".join(f"\n{line}.\n" for line in [*absent, f"Machine: {peers.machine()}"])
    print(text + "\n" + drawn, flush=True)
    worse = [] if to_note else peers.regressions(results)
    if to_note:
        peers.note(text)
    return worse


def run_incremental(mib: int) -> None:
    with tempfile.TemporaryDirectory(prefix="ckptlab-bench-", dir=os.environ.get("TMPDIR")) as name:
        build(Path(name), few=bench_incremental.PROGRAM)
        bench_incremental.show(peers.STAGE, Path(name), mib)


def cpu_seconds(command: list[str]) -> float:
    """What it takes of the processor, its children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run_checks() -> None:
    """`make check` in each stage: less than 20 seconds, says the house."""
    print("make check in a stage; x: ratio to the compiler's time for all of it")
    for stage in sorted((TOP / "solution").glob("stage[0-9]*/")):
        make = ["make", "-s", "-C", str(stage)]
        subprocess.run([*make, "clean"], check=True, stdout=subprocess.DEVNULL)
        build = cpu_seconds([*make, "all"])
        start = time.perf_counter()
        check = cpu_seconds([*make, "check"])
        elapsed = time.perf_counter() - start
        print(f"  {stage.name:<28}{elapsed:9.1f} s  {check:9.1f} s CPU   x {check / build:.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1,64,512", help="MiB of memory, separated by commas (default: %(default)s)")
    parser.add_argument("--read", type=int, default=256, help="MiB that a job reads (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="the best of so many counts (default: %(default)s)")
    parser.add_argument("--moves", action="store_true", help="only how long a job takes to move")
    parser.add_argument("--peers", action="store_true", help="only ckptlab beside DMTCP and CRIU")
    parser.add_argument("--incremental", action="store_true", help="only ckpt --incremental")
    parser.add_argument("--note", action="store_true", help="note the table of these in solution/README")
    parser.add_argument("--checks", action="store_true", help="also how long `make check` takes in each stage")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that what it started ends with it
    for stage in (peers.STAGE,) if arguments.peers or arguments.incremental else (STAGE, peers.STAGE, REMOTE):
        subprocess.run(["make", "-s", "-C", str(stage)], check=True, stdout=subprocess.DEVNULL)
    sizes = [int(size) * MIB for size in re.findall(r"\d+", arguments.sizes)]
    if not arguments.moves and not arguments.peers:
        run_incremental(sizes[-1] // MIB)
    if arguments.incremental:
        return
    for size in sizes if not arguments.moves and not arguments.peers else []:
        run(size, arguments.rounds)
    worse = run_peers(sizes, arguments.rounds, arguments.note) if not arguments.moves else []
    if not arguments.peers:
        run_remote(arguments.rounds, arguments.read * MIB, sizes, arguments.moves)
    if arguments.checks:
        run_checks()
    if worse:
        sys.exit("bench: slower than noted in solution/README:\n    " + "\n    ".join(worse))


if __name__ == "__main__":
    main()
