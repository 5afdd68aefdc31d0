"""A program that sleeps or waits when the checkpoint signal comes goes on with it, in both lives (waits.c).

What cannot be done so fails with EINTR, as it always may, and is named in Limits.
"""
from __future__ import annotations

import ctypes
import os
import signal
import struct
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stage import lab
from stage.config import TOP
from stage.process import has_signal, status_field, wait_until

LIMIT = 60.0
SETVAL = 16  # semctl(2)
FOR_EVER = ["poll(-1)", "ppoll(NULL)", "select(NULL)", "epoll_wait(-1)", "epoll_pwait(-1)", "semop", "msgrcv",
            "pause", "sigsuspend", "sigwaitinfo"]
BY_SIGNAL = {"pause": "-1 EINTR rang 1", "sigsuspend": "-1 EINTR rang 1", "sigwaitinfo": f"{signal.SIGALRM} - rang 0"}
WITH_END = ["sleep", "nanosleep(rest)", "clock_nanosleep(rest)", "clock_nanosleep(absolute)", "select", "pselect",
            "ppoll", "sem_timedwait"]
FORGOTTEN = ["usleep", "nanosleep", "poll", "epoll_wait", "sigtimedwait", "semtimedop", "syscall"]


class Waiter:
    """Two lives of one program that waits."""

    def __init__(self, made: lab.Lab, folder: Path, call: str, seconds: int, *more: str) -> None:
        folder.mkdir()
        self.call, self.folder, self.bin = call, folder, made.reference()
        self.fifo = folder / "fifo"
        os.mkfifo(self.fifo)
        self.image = folder / "image"
        program = [str(made.programs.get("waits")), call, str(self.fifo), str(seconds), *more]
        self.first = self.start("out", [str(self.bin / "ckpt"), "-o", str(self.image), *program])
        wait_until(lambda: self.first.poll() is not None or ("ready" in self.said("out") and self.waits(self.first)), LIMIT)

    def start(self, name: str, words: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / name).open("wb") as out, (self.folder / f"{name}.err").open("wb") as err:
            return subprocess.Popen(words, cwd=self.folder, stdout=out, stderr=err, stdin=subprocess.DEVNULL)

    def said(self, name: str) -> str:
        return (self.folder / name).read_text() + (self.folder / f"{name}.err").read_text()

    @staticmethod
    def waits(process: subprocess.Popen[bytes]) -> bool:
        """Asleep, and no longer in ckpt or restart: the handler is there, and is not running."""
        return status_field(process.pid, "State").startswith("S") and \
            has_signal(process.pid, "SigCgt", signal.SIGUSR2) and not has_signal(process.pid, "SigBlk", signal.SIGINT)

    def checkpoint(self) -> bool:
        """False: the program came to its end before."""
        self.first.send_signal(signal.SIGUSR2)
        return wait_until(lambda: self.image.exists() or self.first.poll() is not None, LIMIT) and self.image.exists()

    def restart(self) -> subprocess.Popen[bytes]:
        return self.start("again", [str(self.bin / "restart"), str(self.image)])

    def line(self, name: str, process: subprocess.Popen[bytes]) -> str:
        process.wait(LIMIT)
        return (self.folder / name).read_text().splitlines()[-1]

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Lets what it waits for happen."""
        assert wait_until(lambda: self.waits(process), LIMIT, of=process.pid), self.said("again")
        if self.call in BY_SIGNAL:
            process.send_signal(signal.SIGALRM)
        elif self.call in ("semop", "msgrcv"):
            release(self.call, int(Path(f"/proc/{process.pid}/syscall").read_text().split()[1], 16))
        else:
            fifo = os.open(self.fifo, os.O_RDWR)
            os.write(fifo, b"x")
            process.wait(LIMIT)
            os.close(fifo)


def release(call: str, number: int) -> None:
    """Wakes who waits for System V's semaphores or messages."""
    libc = ctypes.CDLL(None)
    message = struct.pack("q8s", 1, b"")
    done = libc.semctl(number, 0, SETVAL, 1) if call == "semop" else libc.msgsnd(number, message, 8, 0)
    assert done == 0


@pytest.fixture(name="made", scope="module")
def made_fixture() -> lab.Lab:
    made = lab.Lab(4, TOP / "solution/stage4-openfiles", results=False)
    made.programs.make_folder()
    made.reference()
    return made


@pytest.fixture(name="waiters")
def waiters_fixture() -> Iterator[list[subprocess.Popen[bytes]]]:
    running: list[subprocess.Popen[bytes]] = []
    yield running
    for process in running:
        process.kill()
        process.wait()


def test_what_waits_for_ever_waits_on(made: lab.Lab, tmp_path: Path, waiters: list[subprocess.Popen[bytes]]) -> None:
    """Nothing ends the call but what it waits for: in the first life, and in the second."""
    for number, call in enumerate(FOR_EVER):
        waiter = Waiter(made, tmp_path / str(number), call, 0)
        waiters.append(waiter.first)
        assert waiter.checkpoint(), call
        expected = BY_SIGNAL.get(call, {"semop": "0 - rang 0", "msgrcv": "8 - rang 0"}.get(call, "1 - rang 0"))
        if call not in ("semop", "msgrcv"):  # of these the end of the first life would be the end of both
            waiter.end(waiter.first)
            assert waiter.line("out", waiter.first).startswith(expected), (call, waiter.said("out"))
        else:
            waiter.first.kill()
        again = waiter.restart()
        waiters.append(again)
        waiter.end(again)
        assert waiter.line("again", again).startswith(expected), (call, waiter.said("again"))


def ends(made: lab.Lab, folder: Path, call: str, seconds: int) -> tuple[str, str]:
    """What the two lives say of a call that ends by itself; again, and longer, if it came to its end too soon."""
    waiter = Waiter(made, folder, call, seconds)
    if not waiter.checkpoint():
        return ends(made, folder.with_name(f"{folder.name}.{seconds}"), call, 3 * seconds)
    return waiter.line("out", waiter.first), waiter.line("again", waiter.restart())


def test_what_has_an_end_ends_then(made: lab.Lab, tmp_path: Path) -> None:
    """Not before, and without an error, since nothing of the program's has happened."""
    with ThreadPoolExecutor(len(WITH_END)) as pool:
        jobs = {call: pool.submit(ends, made, tmp_path / str(n), call, 1) for n, call in enumerate(WITH_END)}
    for call, job in jobs.items():
        assert job.result() == ("0 - rang 0 early 0",) * 2, call


def test_what_cannot_go_on_is_named(made: lab.Lab, tmp_path: Path) -> None:
    """It fails with EINTR; each call, one by one, stands in Limits."""
    limits = (TOP / "solution/README").read_text().split("\n## Limits\n")[1].split("\n## ")[0]
    with ThreadPoolExecutor(len(FORGOTTEN)) as pool:
        jobs = {call: pool.submit(ends, made, tmp_path / str(n), call, 3) for n, call in enumerate(FORGOTTEN)}
    for call, job in jobs.items():
        assert [line.split(" rang")[0] for line in job.result()] == ["-1 EINTR"] * 2, call
        assert f"`{call}" in limits, f"{call} is not in Limits"


@pytest.mark.parametrize("call, more", [
    ("pause", []), ("pause", ["block"]), ("pause", ["once"]), ("sigsuspend", ["mask"]), ("ppoll(NULL)", ["mask"]),
    ("epoll_pwait(-1)", ["mask"]),
])
def test_a_signal_of_its_own_ends_a_wait(
    made: lab.Lab, tmp_path: Path, waiters: list[subprocess.Popen[bytes]], call: str, more: list[str]
) -> None:
    """SIGALRM comes together with the checkpoint signal, after it; SIGUSR1, before it, in a handler or a call that blocks it."""
    waiter = Waiter(made, tmp_path / "life", call, 0, *more)
    waiters.append(waiter.first)
    waiter.first.send_signal(signal.SIGSTOP)
    assert wait_until(lambda: status_field(waiter.first.pid, "State").startswith("T"), LIMIT)
    waiter.first.send_signal(signal.SIGUSR1 if more else signal.SIGALRM)
    waiter.first.send_signal(signal.SIGUSR2)
    waiter.first.send_signal(signal.SIGCONT)
    lines = [waiter.line("out", waiter.first), waiter.line("again", waiter.restart())]
    assert [line.split(" early")[0] for line in lines] == ["-1 EINTR rang 1"] * 2
