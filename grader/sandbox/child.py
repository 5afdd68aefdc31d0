"""One sandboxed program as the grader holds it: its pid, its end, and the words of who supervises it."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from typing import Optional

from sandbox.ends import Ends
from sandbox.words import receive, receive_with_descriptor
from stage.runner import AtEnd

START_LIMIT = 30.0  # seconds until something must have been started, or ended


class CannotStart(OSError):
    """The sandbox, not the program, failed; the words are bubblewrap's or the keeper's."""


class Child:
    """Like subprocess.Popen as far as the grader needs it; `pid` is the program's own, as seen from here.

    `room` is the pid of the process, outside, that all of its room are descendants of; `give_up` ends that room. Whoever
    of it ends while `at_end` is to be told waits for poll().
    """

    def __init__(self, name: str, ours: socket.socket, room: int, give_up: Callable[[], None], alone: bool,
                 at_end: Optional[AtEnd] = None) -> None:
        self.room, self.give_up, self.alone = room, give_up, alone
        self.returncode: Optional[int] = None
        self.left_something = False
        self.keeper_was_killed = False
        self.socket = ours
        self.at_end = at_end
        self.ends: Optional[Ends] = None
        self.pid = self._wait_for_start(name)

    @property
    def holds_ends(self) -> bool:
        return self.ends is not None

    def _wait_for_start(self, name: str) -> int:
        self.socket.settimeout(START_LIMIT)
        word, values, pid, descriptor = receive_with_descriptor(self.socket)
        if word == "start":
            self.socket.setblocking(False)
            if descriptor >= 0:
                self.ends = Ends(descriptor, self.at_end or (lambda end: None))
            return pid
        self._close()
        if word == "fail":
            self.returncode = 127
            raise OSError(values[0], os.strerror(values[0]), name)
        self.give_up()
        raise CannotStart(f"the sandbox did not start {name}")

    def poll(self) -> Optional[int]:
        """The exit status as subprocess has it; None while the program runs."""
        if self.ends is not None:
            self.ends.serve()
        if self.returncode is None:
            try:
                word, values, _ = receive(self.socket)
            except BlockingIOError:
                return None
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
        """Its end is the end of all that it started: by its supervisor's hand, or with its room."""
        self.socket.close()
        if self.ends is not None:
            self.ends.close()
        if self.alone or self.keeper_was_killed:
            self.give_up()

    def kill(self) -> None:
        """SIGKILL to the program and all that it started; when this returns, they are gone."""
        if self.poll() is not None:
            return
        kill_session(self.pid)
        self.socket.settimeout(START_LIMIT)
        self._ended(*receive(self.socket)[:2])
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
