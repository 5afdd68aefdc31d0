#!/usr/bin/env python3
"""make bench: how fast the solution saves and restarts a program.

Each number is a ratio within one run: a checkpoint against a plain write() of as many bytes to the same
file system, a restart against a plain read() of them. Ratios near 1 say that the checkpointer costs
nothing besides moving the bytes. The best of several rounds is shown: what else the machine does only
ever adds time. This is a measurement, not a test: nothing depends on it.
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

TOP = Path(__file__).resolve().parents[2]
STAGE = TOP / "solution" / "stage3-restart"
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
        (folder / "fill.c").write_text(PROGRAM)
        subprocess.run(["cc", "-O2", "-o", "fill", "fill.c"], cwd=folder, check=True)
        bench, other = Bench(folder, size), folder / "plain"
        print(f"{size // MIB} MiB of memory, best of {rounds}; x: ratio to the plain call of the same kind")
        write = best(rounds, lambda: timed(lambda: plain_write(other, size)))
        row("plain write()", write, write, size)
        row("checkpoint", best(rounds, bench.checkpoint), write, size)
        read = best(rounds, lambda: timed(lambda: plain_read(other, size)))
        row("plain read()", read, read, size)
        row("restart", best(rounds, bench.restart), read, size)
        row("restart --lazy", best(rounds, lambda: bench.restart("--lazy")), read, size)


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
    parser.add_argument("--rounds", type=int, default=5, help="the best of so many counts (default: %(default)s)")
    parser.add_argument("--checks", action="store_true", help="also how long `make check` takes in each stage")
    arguments = parser.parse_args()
    subprocess.run(["make", "-s", "-C", str(STAGE)], check=True, stdout=subprocess.DEVNULL)
    for size in arguments.sizes.split(","):
        run(int(size) * MIB, arguments.rounds)
    if arguments.checks:
        run_checks()


if __name__ == "__main__":
    main()
