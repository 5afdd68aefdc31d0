"""The ends of a program, before they come: what it is can be looked at once more then (seccomp_unotify(2); keeper.c).

Whoever of it ends by itself waits in the kernel for the answer, which is always that it may; SIGKILL needs none.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import select
import struct
from typing import Optional

from stage.runner import AtEnd, End

RECEIVE, SEND = 0xC0502100, 0xC0182101  # SECCOMP_IOCTL_NOTIF_RECV and _SEND
ASKED = struct.Struct("=QII iIQ6Q")  # struct seccomp_notif: id, pid, flags; call, architecture, instruction, arguments
ANSWER = struct.Struct("=QqiI")  # struct seccomp_notif_resp: id, val, error, flags
CONTINUE = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE
SINCE = (5, 5)  # Linux
MOST = 64  # as many processes as a job has: more do not wait


def can_be_held() -> bool:
    found = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return found is not None and (int(found[1]), int(found[2])) >= SINCE


class Ends:
    """Of one program and all that it starts."""

    def __init__(self, descriptor: int, at_end: AtEnd) -> None:
        self.descriptor: Optional[int] = descriptor
        self.at_end = at_end

    def serve(self) -> None:
        """All that wait now; of who has threads that begin and end for ever, there would always be one more."""
        for _ in range(MOST):
            if self.descriptor is None:
                return
            waiting = select.poll()
            waiting.register(self.descriptor, select.POLLIN)
            events = dict(waiting.poll(0)).get(self.descriptor, 0)
            if events & select.POLLIN:
                self._answer(self.descriptor)
            elif events:  # nobody is left who could ask
                self.close()
            else:
                return

    def _answer(self, descriptor: int) -> None:
        asked = bytearray(ASKED.size)
        try:
            fcntl.ioctl(descriptor, RECEIVE, asked)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):  # it was killed while it waited
                return
            raise
        number, pid, _, _, _, address, status, *_ = ASKED.unpack(asked)
        try:
            self.at_end(End(pid, address, status & 0xFF))
        finally:
            with contextlib.suppress(FileNotFoundError):
                fcntl.ioctl(descriptor, SEND, bytearray(ANSWER.pack(number, 0, 0, CONTINUE)))

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
