"""Whose rights the grader's file system calls have: its own, or those of the user that the submission runs as.

A folder that a submission may write to can hold anything: a link `image` that leads to a file of the grader's, say.
So root looks at such folders with the submission's rights (setfsuid(2), of this thread), and finds there no more than
the submission itself could. Where the grader is no root, both are the same user, and these functions do nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from typing import Optional

_libc = ctypes.CDLL(None, use_errno=True)


class Identity:
    """Switches between root and one other user; asks for nothing where there is no other user."""

    def __init__(self, uid: Optional[int]) -> None:
        self.uid = uid if os.geteuid() == 0 else None
        self._now: int = 0
        if self.uid is not None:
            os.setgroups([])  # setfsgid(2) leaves root's other groups, and what they may read

    def _become(self, uid: int) -> None:
        """Also where it is called in vain: the kernel tells no errors (man 2 setfsuid), so ask again."""
        if self.uid is None:
            return
        if uid == 0:  # the order: a group can be set with root's rights only
            _libc.setfsuid(0)
            _libc.setfsgid(0)
        else:
            _libc.setfsgid(uid)
            _libc.setfsuid(uid)
        if _libc.setfsuid(-1) != uid:
            raise PermissionError(f"setfsuid({uid}) failed")
        self._now = uid

    @contextlib.contextmanager
    def _as(self, uid: int) -> Iterator[None]:
        before = self._now
        self._become(uid)
        try:
            yield
        finally:
            self._become(before)

    def student(self) -> contextlib.AbstractContextManager[None]:
        """File system calls with the rights of the submission."""
        return self._as(self.uid or 0)

    def grader(self) -> contextlib.AbstractContextManager[None]:
        """File system calls with the grader's own rights, inside of student()."""
        return self._as(0)
