"""One sandboxed program as the grader holds it: its pid, its end, and the words of the keeper."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Optional, Union

from sandbox import cgroup, tiers
from sandbox.spec import OWN_UID, Spec

START_LIMIT = 30.0  # seconds until the program must have been started
CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid

Output = Union[int, IO[bytes]]


class CannotStart(OSError):
    """The sandbox, not the program, failed; the words are bubblewrap's or the keeper's."""


class Child:
    """Like subprocess.Popen as far as the grader needs it; `pid` is the program's own, as seen from here."""

    def __init__(
        self,
        spec: Spec,
        command: Sequence[str],
        cwd: Path,
        env: dict[str, str],
        stdout: Output,
        stderr: Output,
        readable: Sequence[Path] = (),
        writable: Sequence[Path] = (),
        pids: int = 0,
    ) -> None:
        self.spec = spec
        self.returncode: Optional[int] = None
        self.left_something = False
        self.keeper_was_killed = False
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        words = tiers.command(spec, command, theirs.fileno(), readable, writable, cwd, env, pids)
        self.outer = subprocess.Popen(
            cgroup.command(spec.group, words), stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, cwd=None if spec.tier != OWN_UID else cwd,
            env=tiers.environment(env), pass_fds=[theirs.fileno()], start_new_session=True,
        )
        theirs.close()
        self.socket = ours
        self.pid = self._wait_for_start(command)

    def _wait_for_start(self, command: Sequence[str]) -> int:
        self.socket.settimeout(START_LIMIT)
        try:
            word, values, pid = self._receive()
        except socket.timeout:
            self.outer.kill()
            self.outer.wait()
            raise CannotStart(f"no sign of life from {command[0]} in {START_LIMIT:g} s") from None
        self.socket.setblocking(False)
        if word == "fail":
            self.outer.wait()
            self.returncode = 127
            raise OSError(values[0], os.strerror(values[0]), command[0])
        if word != "start":
            self.outer.wait()
            raise CannotStart(f"the sandbox did not start: exit status {self.outer.returncode}")
        return pid

    def _receive(self) -> tuple[str, list[int], int]:
        """One message and its sender; "" at the end."""
        data, ancillary, *_ = self.socket.recvmsg(64, socket.CMSG_SPACE(CREDENTIALS.size))
        pid = 0
        for level, kind, value in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                pid = CREDENTIALS.unpack(value[: CREDENTIALS.size])[0]
        word, *rest = data.decode("ascii", "replace").split() or [""]
        return word, [int(number) for number in rest], pid

    def poll(self) -> Optional[int]:
        """The exit status as subprocess has it; None while the program runs."""
        if self.returncode is None:
            try:
                word, values, _ = self._receive()
            except BlockingIOError:
                return None
            except ConnectionError:
                word, values = "", []
            self._ended(word, values)
        return self.returncode

    def _ended(self, word: str, values: list[int]) -> None:
        if word == "end":
            status, left = values
            self.returncode = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            self.left_something = bool(left)
        else:
            self.keeper_was_killed = True
            self.returncode = -signal.SIGKILL
        self._close()

    def _close(self) -> None:
        """The keeper's end is the end of all: of the namespace, or by the keeper's own hand."""
        self.socket.close()
        try:
            self.outer.wait(START_LIMIT)
        except subprocess.TimeoutExpired:
            self.outer.kill()
            self.outer.wait()

    def kill(self) -> None:
        """SIGKILL to the program and all that it started; when this returns, they are gone."""
        if self.poll() is not None:
            return
        kill_session(self.pid)
        self.socket.settimeout(START_LIMIT)
        try:
            word, values, _ = self._receive()
        except OSError:
            word, values = "", []
            self.outer.kill()
        self._ended(word, values)
        self.left_something = self.keeper_was_killed = False  # it was not asked to end by itself


def kill_session(pid: int) -> None:
    """A program's process group; the keeper then kills what it started in other groups."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def kill_user(uid: Optional[int]) -> None:
    """All processes of a job's own user id, at once: kill(-1) leaves no time for another fork."""
    if uid is None:
        return
    child = os.fork()
    if child == 0:
        try:
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
