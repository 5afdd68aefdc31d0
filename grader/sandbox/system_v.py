"""System V's shared memory, semaphores and message queues (sysvipc(7)): where there is no namespace, they outlive their
maker, and count for who has the same user id next."""

from __future__ import annotations

import ctypes
from pathlib import Path

IPC_RMID = 0
UID = {"shm": 7, "sem": 4, "msg": 7}  # the column of /proc/sysvipc; an id is in the second

_libc = ctypes.CDLL(None, use_errno=True)


def _remove(kind: str, number: int) -> None:
    if kind == "shm":
        _libc.shmctl(number, IPC_RMID, None)
    elif kind == "sem":
        _libc.semctl(number, 0, IPC_RMID, None)
    else:
        _libc.msgctl(number, IPC_RMID, None)


def owned(kind: str, uid: int) -> list[int]:
    """The ids of a user's."""
    path = Path("/proc/sysvipc", kind)
    rows = [line.split() for line in path.read_text().splitlines()[1:]] if path.exists() else []
    return [int(row[1]) for row in rows if int(row[UID[kind]]) == uid]


def remove_all(uid: int) -> None:
    """All of a user's, in this namespace."""
    for kind in UID:
        for number in owned(kind, uid):
            _remove(kind, number)
