"""A user id for each job that runs, which no other job of this machine has: it ends all that its user runs.

Graders of other digests have workshops of their own, but the users of a machine are the same for all.

    /tmp/ckptlab-users/61184  is locked by the job that has this user id
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from stage.programs import open_lock

FOLDER = Path("/tmp/ckptlab-users")  # the same for all, whatever TMPDIR is
FIRST_UID = 61184  # of a range that systemd keeps for users made on the fly, and that nobody has by name
USERS = 4000


class WorkshopError(Exception):
    """Why submissions cannot be graded on this machine."""


def make_our_folder(folder: Path) -> None:
    """Ours alone to write to; anybody else's folder of that name is a trap."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o755)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise WorkshopError(f"{folder}: is not a folder that only this user can write to: remove it")
    folder.chmod(0o755)


def is_somebody(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


@contextlib.contextmanager
def one_of_its_own() -> Iterator[int]:
    make_our_folder(FOLDER)
    for uid in range(FIRST_UID, FIRST_UID + USERS):
        with open_lock(FOLDER / str(uid)) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if not is_somebody(uid):
                yield uid
                return
    raise WorkshopError(f"{FOLDER}: all {USERS} users are taken")
