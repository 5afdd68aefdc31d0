"""Starts the programs of a submission in the sandbox, for the stage's grader, which knows nothing of it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from sandbox.child import Child
from sandbox.identity import Identity
from sandbox.spec import Spec
from sandbox.watch import Watch
from stage.runner import Process, Runner

PIDS = 16  # a program and the next ones have different pids, each in a namespace of its own


class SandboxRunner(Runner):
    """Starts each program in a sandbox of its own."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec, self.place = spec, spec.place()
        self.identity = Identity(spec.uid)
        self.watch = Watch(spec)
        self.started = 0
        self.watch.start()

    def start(
        self, command: Sequence[str], cwd: Path, env: dict[str, str], stdout: Path, stderr: Path,
        readable: Sequence[Path], writable: Sequence[Path],
    ) -> Process:
        self.started += 1
        with self.grader(), stdout.open("wb") as out, stderr.open("wb") as err:
            child = Child(self.spec, command, cwd, env, out, err, readable, writable, self.started % PIDS)
        self.watch.add(child, [stdout, stderr])
        return child

    def student(self) -> contextlib.AbstractContextManager[None]:
        return self.identity.student()

    def grader(self) -> contextlib.AbstractContextManager[None]:
        return self.identity.grader()

    def anew(self) -> Runner:
        return SandboxRunner(self.spec)

    def begin_case(self) -> None:
        self.watch.forget()

    def symptoms(self, process: Optional[Process] = None) -> list[str]:
        lines = []
        self.watch.look_back()
        if self.watch.breach:
            lines.append(f"sandbox: {self.watch.breach}")
        elif isinstance(process, Child) and process.keeper_was_killed:
            lines.append("sandbox: killed: it sent SIGKILL to processes that are not its own")
        if isinstance(process, Child) and process.left_something:
            lines.append("sandbox: outlived: it left processes behind, which were ended with it")
        self.events += [line for line in lines if line not in self.events]
        return lines
