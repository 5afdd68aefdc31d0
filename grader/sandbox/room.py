"""A room: the namespaces in which all programs of one case run, one after another and beside each other."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Optional

from sandbox import cgroup, tiers
from sandbox.child import START_LIMIT, CannotStart, Child
from sandbox.spec import Spec
from sandbox.words import pair, receive, request
from stage.runner import AtEnd


class Room:
    """keeper.c, in the sandbox of a tier. Where there are no namespaces, it has nothing of its own but its end."""

    def __init__(self, spec: Spec, readable: Iterable[Path], writable: Sequence[Path], pids: int = 0) -> None:
        self.spec, self.readable = spec, set(readable)
        self.children: list[Child] = []
        self.socket, theirs = pair()
        with theirs, tempfile.TemporaryFile() as said:
            words = tiers.command(spec, theirs.fileno(), sorted(self.readable), writable, pids)
            self.outer = subprocess.Popen(
                cgroup.command(spec.group, words), stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd="/",
                env=tiers.environment({}), pass_fds=[theirs.fileno()], start_new_session=True,
            )
            theirs.close()
            self.hides = self._wait_until_ready(said)

    def _wait_until_ready(self, said: IO[bytes]) -> bool:
        """Whether it can hide a file from one of its programs."""
        self.socket.settimeout(START_LIMIT)
        word, values, _ = receive(self.socket)
        if word != "ready":
            self.close()
            said.seek(0)
            text = said.read(500).decode(errors="replace").strip()
            raise CannotStart(f"the sandbox did not start: exit status {self.outer.returncode} {text}")
        return tiers.has_namespaces(self.spec) and bool(values[0])

    def is_there(self) -> bool:
        return self.outer.poll() is None

    def is_busy(self) -> bool:
        """Whether a program runs there."""
        return any(child.poll() is None for child in self.children)

    def start(self, command: Sequence[str], cwd: Path, env: dict[str, str], stdout: int, stderr: int,
              hidden: Iterable[Path] = (), alone: bool = False, at_end: Optional[AtEnd] = None) -> Child:
        """A program of the room; if it is there `alone`, the room ends with it. `at_end` is told of each end that is near."""
        ours, theirs = pair()
        with theirs:
            env = tiers.environment({"PWD": str(cwd), **env})
            try:
                request(self.socket, cwd, command, env, hidden, stdout, stderr, theirs.fileno(), at_end is not None)
            except OSError as error:
                ours.close()
                self.close()
                raise CannotStart(f"the sandbox is gone: {error}") from error
        child = Child(command[0], ours, self.outer.pid, self.close, alone, at_end)
        self.children.append(child)
        return child

    def close(self) -> None:
        """When this returns, all of it is gone."""
        self.socket.close()
        try:
            self.outer.wait(START_LIMIT)
        except subprocess.TimeoutExpired:
            self.outer.kill()
            self.outer.wait()
