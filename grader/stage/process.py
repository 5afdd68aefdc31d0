"""A running program: its output as it comes, waiting for events with limits, its end."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from stage.failure import Failure
from stage.process_table import processes
from stage.processor import HERE
from stage.runner import AtEnd, Runner

# Code of no file: in a restart, the restorer in its place.
ISLAND = re.compile(r"^\S+ ..xp [0-9a-f]+ 00:00 0 *$", re.MULTILINE)


MOST_OUTPUT = 64 << 20  # bytes that are read
CLOCK_EVERY = 0.02  # seconds: to ask it takes as long as most events


class Patience:
    """How long to wait for an event; less, once something has hung."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.seconds = float(os.environ.get("CKPTLAB_PATIENCE", "10"))

    @contextlib.contextmanager
    def times(self, factor: float) -> Iterator[None]:
        """More of it for a test that moves gigabytes."""
        before = self.seconds
        self.seconds = before * factor
        yield
        self.seconds = min(self.seconds, before)

    def lost(self) -> None:
        self.seconds = max(2.0, self.seconds / 2)


patience = Patience()


class OwnTime:
    """How long a process has had, in seconds: its CPU time, and the wall clock's while it rested.

    On a busy machine a program stands in the queue for a CPU or for the disk. That is not hanging.
    """

    IN_QUEUE = "RD"  # proc_pid_stat(5), state: what it has had then is counted by its CPU time
    TICKS = os.sysconf("SC_CLK_TCK")

    def __init__(self, pid: int) -> None:
        self.stat = Path(f"/proc/{pid}/stat")
        self.state, self.cpu = "X", 0.0
        self._look()
        self.begun, self.rested, self.at = self.cpu, 0.0, time.monotonic()

    def _look(self) -> None:
        try:
            fields = self.stat.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:  # it is gone
            self.state = "X"
            return
        self.state = "S" if fields[0] == "D" and self._waits_for_a_child() else fields[0]
        self.cpu = (int(fields[11]) + int(fields[12])) / self.TICKS

    def _waits_for_a_child(self) -> bool:
        """vfork(2): as long as the child likes, and no disk is in question."""
        try:
            return self.stat.with_name("syscall").read_text().split()[0] in map(str, HERE.forks)
        except (OSError, IndexError):
            return False

    def __call__(self) -> float:
        self._look()
        now = time.monotonic()
        if self.state not in self.IN_QUEUE:
            self.rested += now - self.at
        self.at = now
        return self.rested + self.cpu - self.begun


def heed_signals() -> None:
    """A shell's background job has SIGINT and SIGQUIT ignored, and so has all that it starts; tests send both."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGQUIT) == signal.SIG_IGN:
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)


def end_in_order() -> None:
    """SIGTERM, and a terminal that is closed, end us as Ctrl-C does: else what a test has started goes on alone."""

    def end(number: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, end)


def nobody_reads_on() -> None:
    """Behind a BrokenPipeError (`| head`): what is still to be written goes nowhere, or Python complains at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def wait_until(event: Callable[[], bool], limit: float | None = None, of: int | None = None) -> bool:
    """True as soon as the event is there; False after the limit.

    The limit is in seconds of the wall clock, or of the process `of`, if that is who makes the event.
    """
    limit = patience.seconds if limit is None else limit
    clock: Callable[[], float] = time.monotonic
    if of is not None:
        clock = OwnTime(of)
    begun, used = clock(), time.thread_time()
    pause, asked = 0.0005, time.monotonic()
    while not event():
        if time.monotonic() - asked > CLOCK_EVERY:
            asked = time.monotonic()
            if clock() - begun > limit:
                return event()
        looked, used = time.thread_time() - used, time.thread_time()
        time.sleep(max(pause, min(4 * looked, 0.2)))  # a slow processor is left to those who are waited for
        pause = min(pause * 1.5, 0.01)
    return True


def status_field(pid: int, name: str) -> str:
    """A line of /proc/PID/status, or "" if the process is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return line.split(":", 1)[1].strip()
    except (FileNotFoundError, ProcessLookupError):
        pass
    return ""


def has_signal(pid: int, field: str, number: int) -> bool:
    """Whether SigCgt, SigBlk, SigIgn, SigPnd or ShdPnd of a process holds the signal."""
    return bool(int(status_field(pid, field) or "0", 16) >> (number - 1) & 1)


def children_of(pid: int) -> list[int]:
    """The pids of a process's children, as seen from here: by the kernel's own list, where it has one."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (OSError, ValueError):
        return sorted(child for child, process in processes().items() if process.parent == pid)


def open_numbers(pid: int) -> list[int]:
    """The numbers of a process's descriptors."""
    return sorted(map(int, os.listdir(f"/proc/{pid}/fd")))


def exit_words(status: int | None) -> str:
    """An exit status as subprocess has it, in words."""
    if status is None:
        return "still running"
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"


def beginning(path: Path) -> str:
    """Of an output, which may have been made gigabytes long in a moment."""
    with path.open("rb") as file:
        return file.read(MOST_OUTPUT).decode("utf-8", "surrogateescape")


class Life:
    """One process that the grader started, from its start to its end.

    It works in `folder`; its output goes to files in `kept`, a folder that is the grader's alone (without a sandbox:
    the same one).
    """

    def __init__(
        self,
        role: str,
        command: Sequence[str | Path],
        folder: Path,
        env: dict[str, str] | None = None,
        runner: Runner | None = None,
        kept: Path | None = None,
        readable: Sequence[Path] = (),
        at_end: AtEnd | None = None,
    ) -> None:
        self.role = role
        self.command = [str(word) for word in command]
        self.runner = runner or Runner()
        self.stdout = (kept or folder) / f"{role}.out"
        self.stderr = (kept or folder) / f"{role}.err"
        self.extra_env = env or {}
        self.process = self.runner.start(
            self.command, folder, self.extra_env, self.stdout, self.stderr, readable, [folder], at_end
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def inner_pid(self) -> int:
        """The pid as the process itself knows it: in a sandbox it has a namespace of its own."""
        return int((status_field(self.pid, "NSpid").split() or [str(self.pid)])[-1])

    @property
    def status(self) -> int | None:
        return self.process.poll()

    def shell(self) -> str:
        env = [f"{name}={shlex.quote(value)}" for name, value in self.extra_env.items()]
        return " ".join([*env, shlex.join(self.command)])

    def text(self) -> str:
        with self.runner.grader():
            return beginning(self.stdout)

    def messages(self) -> str:
        with self.runner.grader():
            return beginning(self.stderr)

    def lines(self) -> list[str]:
        """The whole lines so far."""
        return self.text().split("\n")[:-1]

    def has_line(self, start: str) -> bool:
        return any(line.startswith(start) for line in self.lines())

    def symptoms(self) -> list[str]:
        result = [f"{self.role}: {exit_words(self.status)}", *self.runner.symptoms(self.process)]
        for line in self.messages().splitlines()[:20]:
            result.append(f"{self.role} says: {line}")
        return result

    def wait_for_line(self, start: str) -> None:
        """Wait for a line that starts so; fail if the process ends or hangs instead."""
        wait_until(lambda: self.has_line(start) or self.status is not None, of=self.pid)
        if self.has_line(start):
            return
        if self.status is None:
            self.hangs(f"the line '{start}'")
        raise Failure(
            f"{self.role}: {exit_words(self.status)} before it printed '{start}'",
            *self.symptoms(),
        )

    def wait(self, limit: float | None = None) -> int:
        """Wait for the end; the exit status, negative for a signal."""
        if not wait_until(lambda: self.status is not None, limit, of=self.pid):
            self.hangs("its end")
        status = self.status
        assert status is not None
        return status

    def hangs(self, what: str) -> None:
        """Ends it, and says so."""
        symptoms = [f"{self.role}: hangs", *self._where(), *self.symptoms()]
        patience.lost()
        self.kill()
        raise Failure(f"{self.role}: nothing came while waiting for {what}", *symptoms)

    def _where(self) -> list[str]:
        """Whether a program that hangs is still what was started, and not what it should become."""
        try:
            text = Path(f"/proc/{self.pid}/maps").read_text(errors="replace")
        except OSError:
            return []
        if self.role.startswith("restart") and ISLAND.search(text):
            return ["restart: hangs in the restorer"]
        path = Path(self.command[0])
        return [f"{self.role}: hangs in {path.name}"] if str(path) in text else []

    def kill(self) -> None:
        """SIGKILL to this process and what it started."""
        self.process.kill()
