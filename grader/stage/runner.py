"""How the grader starts programs: directly, as a student does in `make check`. The sandbox has a Runner of its own."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Optional, Protocol


# Runs a command without random addresses, where that is allowed: then the stack ends where a program's addresses end.
WITHOUT_ASLR = ["/bin/sh", "-c", 'setarch -R true 2>/dev/null && exec setarch -R "$@"; exec "$@"', "sh"]


class Process(Protocol):
    """A running program; `pid` is its own, also in a sandbox."""

    pid: int

    @property
    def holds_ends(self) -> bool:
        """Is who was to be told of its end told?"""

    def poll(self) -> Optional[int]: ...

    def kill(self) -> None:
        """SIGKILL to it and what it started, and wait for the end."""


class End(NamedTuple):
    """Of a process that is about to end by itself, and waits until that was looked at. Only a sandbox can do that."""

    pid: int  # as seen from here
    address: int  # of the instruction that ends it
    status: int


AtEnd = Callable[[End], None]


def no_core() -> None:
    """For this process and all that it starts: a preexec_fn would make Python copy itself for each of them.

    The hard limit stays: stage 5's tests want cores, and raise the soft one for a program of theirs.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


class Plain:
    """A program in a session of its own."""

    holds_ends = False

    def __init__(self, command: Sequence[str], cwd: Path, env: dict[str, str], stdout: Path, stderr: Path) -> None:
        with stdout.open("wb") as out, stderr.open("wb") as err:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd, env={**os.environ, **env},
                start_new_session=True,
            )
        self.pid = self.process.pid

    def poll(self) -> Optional[int]:
        return self.process.poll()

    def kill(self) -> None:
        if self.process.poll() is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                self.process.kill()
            self.process.wait()


@dataclass(frozen=True)
class Place:
    """Where the files of a job in a sandbox are."""

    job: str  # the job's folder: all that the submission may write is below it
    programs: str  # the programs under test
    reference: str  # the reference's programs
    repeat: str  # the command that grades this submission again, for people; a test's name comes behind it


class Runner:
    """Starts programs directly. What it is asked about a sandbox, it answers: there is none."""

    place: Optional[Place] = None  # of a sandbox

    def __init__(self) -> None:
        no_core()
        self.events: list[str] = []  # what a sandbox saw in all cases, for the report

    def start(
        self, command: Sequence[str], cwd: Path, env: dict[str, str], stdout: Path, stderr: Path,
        readable: Sequence[Path], writable: Sequence[Path], at_end: Optional[AtEnd] = None,
    ) -> Process:
        return Plain(command, cwd, env, stdout, stderr)

    def student(self) -> contextlib.AbstractContextManager[None]:
        """The rights of the submission, for the grader's own file system calls."""
        return contextlib.nullcontext()

    def grader(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def anew(self) -> Runner:
        """Another one like it, for a child of this process."""
        return Runner()

    def thaw(self, folder: Path) -> None:
        """From now on a stage can be built there."""

    def freeze(self, tree: Path) -> None:
        """From now on nothing that a submission runs can change its programs."""

    def begin_case(self, folder: Path) -> None:
        """What works in this folder from now on belongs together: its programs may see each other."""

    def end_case(self, folder: Path) -> None: ...

    def symptoms(self, process: Optional[Process] = None) -> list[str]:
        """What a sandbox saw, in lines for the causes."""
        return []
