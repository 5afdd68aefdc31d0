"""A running program: its output as it comes, waiting for events with limits, its end."""

from __future__ import annotations

import contextlib
import os
import resource
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from failure import Failure


class Patience:
    """How long to wait for an event; less, once something has hung."""

    def __init__(self) -> None:
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
        self.state, self.cpu = fields[0], (int(fields[11]) + int(fields[12])) / self.TICKS

    def __call__(self) -> float:
        self._look()
        now = time.monotonic()
        if self.state not in self.IN_QUEUE:
            self.rested += now - self.at
        self.at = now
        return self.rested + self.cpu - self.begun


def wait_until(event: Callable[[], bool], limit: float | None = None, of: int | None = None) -> bool:
    """True as soon as the event is there; False after the limit.

    The limit is in seconds of the wall clock, or of the process `of`, if that is who makes the event.
    """
    limit = patience.seconds if limit is None else limit
    clock: Callable[[], float] = time.monotonic
    if of is not None:
        clock = OwnTime(of)
    begun = clock()
    pause = 0.0005
    while not event():
        if clock() - begun > limit:
            return event()
        time.sleep(pause)
        pause = min(pause * 1.3, 0.01)
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


def _no_core() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Life:
    """One process that the grader started, from its start to its end."""

    def __init__(
        self,
        role: str,
        command: Sequence[str | Path],
        folder: Path,
        env: dict[str, str] | None = None,
        wrapper: Callable[[], None] | None = None,
    ) -> None:
        self.role = role
        self.command = [str(word) for word in command]
        self.stdout = folder / f"{role}.out"
        self.stderr = folder / f"{role}.err"
        self.extra_env = env or {}
        self._wrapper = wrapper
        with self.stdout.open("wb") as out, self.stderr.open("wb") as err:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=folder,
                env=self.environment(),
                preexec_fn=self._before_exec,
                start_new_session=True,
            )

    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.extra_env}

    def _before_exec(self) -> None:
        _no_core()
        if self._wrapper:
            self._wrapper()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def status(self) -> int | None:
        return self.process.poll()

    def shell(self) -> str:
        env = [f"{name}={shlex.quote(value)}" for name, value in self.extra_env.items()]
        return " ".join([*env, shlex.join(self.command)])

    def text(self) -> str:
        return self.stdout.read_text(encoding="utf-8", errors="surrogateescape")

    def messages(self) -> str:
        return self.stderr.read_text(encoding="utf-8", errors="surrogateescape")

    def lines(self) -> list[str]:
        """The whole lines so far."""
        return self.text().split("\n")[:-1]

    def has_line(self, start: str) -> bool:
        return any(line.startswith(start) for line in self.lines())

    def symptoms(self) -> list[str]:
        result = [f"{self.role}: {exit_words(self.status)}"]
        for line in self.messages().splitlines()[:20]:
            result.append(f"{self.role} says: {line}")
        return result

    def wait_for_line(self, start: str) -> None:
        """Wait for a line that starts so; fail if the process ends or hangs instead."""
        wait_until(lambda: self.has_line(start) or self.status is not None, of=self.pid)
        if self.has_line(start):
            return
        if self.status is None:
            self._hangs(f"the line '{start}'")
        raise Failure(
            f"{self.role}: {exit_words(self.status)} before it printed '{start}'",
            *self.symptoms(),
        )

    def wait(self, limit: float | None = None) -> int:
        """Wait for the end; the exit status, negative for a signal."""
        if not wait_until(lambda: self.status is not None, limit, of=self.pid):
            self._hangs("its end")
        status = self.status
        assert status is not None
        return status

    def _hangs(self, what: str) -> None:
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
        path = Path(self.command[0])
        return [f"{self.role}: hangs in {path.name}"] if str(path) in text else []

    def kill(self) -> None:
        """SIGKILL to this process and what it started (its own session)."""
        if self.process.poll() is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                self.process.kill()
            self.process.wait()
