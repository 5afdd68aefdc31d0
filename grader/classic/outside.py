"""A submission's files and processes, looked at from outside: nothing there is believed, and nothing of it is run."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from stage.process import children_of

NAPS = (35, 230)  # nanosleep, clock_nanosleep
LARGEST = 256 << 20  # bytes of a file that are read

# Files


def replace_file(path: Path, data: bytes) -> None:
    """Other content for a file in a folder that a submission writes to: a new file, never through a link."""
    before = path.lstat()
    path.unlink()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
        os.fchown(file.fileno(), before.st_uid, before.st_gid)
        file.write(data)


def read_file(path: Path) -> bytes:
    """A file that a submission wrote: no link, no pipe, and not without end."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"{path.name}: not a file")
        return file.read(LARGEST)


# Processes


def descendants(pid: int) -> list[int]:
    return [pid, *(other for child in children_of(pid) for other in descendants(child))]


def runs(pid: int, program: Path) -> bool:
    """Whether a process was started from this file."""
    try:
        return os.path.samefile(f"/proc/{pid}/exe", program)
    except OSError:
        return False


def waits_at(pid: int) -> tuple[int, int] | None:
    """The number of the system call in which a process waits, and its stack pointer; None while it runs."""
    try:
        words = Path(f"/proc/{pid}/syscall").read_text().split()
    except OSError:
        return None
    return (int(words[0]), int(words[-2], 16)) if len(words) > 2 else None


def can_look(pid: int) -> bool:
    """Whether this kernel shows where a process waits."""
    return os.access(f"/proc/{pid}/syscall", os.R_OK)
