"""What a job has in memory and on disk, as it is seen from outside: also what has no name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

DEEPEST = 400  # folders in folders; a path that is too long hides what lies below
MOST_HANDLES = 50_000  # that are looked at


class Usage(NamedTuple):
    size: int  # bytes, holes not counted
    files: int


class Uncountable(Exception):
    """What is there can only be meant to hide something."""


def of_file_system(folder: Path) -> Usage:
    """All of the file system that a folder is the top of."""
    status = os.statvfs(folder)
    return Usage((status.f_blocks - status.f_bfree) * status.f_frsize, status.f_files - status.f_ffree)


def of_folder(folder: Path) -> Usage:
    """All files below a folder that have a name."""
    size = files = 0
    folders = [(str(folder), 0)]
    while folders:
        where, depth = folders.pop()
        if depth > DEEPEST:
            raise Uncountable(f"folders, more than {DEEPEST} in each other")
        with contextlib.suppress(OSError), os.scandir(where) as entries:
            for entry in entries:
                files += 1
                if entry.is_dir(follow_symlinks=False):
                    folders.append((entry.path, depth + 1))
                with contextlib.suppress(OSError):
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
    return Usage(size, files)


def _handles(pid: int) -> Iterable[str]:
    """What leads to a process's open files, and (for root) to its mapped ones whose names are gone."""
    for part in ("fd", "map_files"):
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/{part}"):
                yield f"/proc/{pid}/{part}/{name}"


def unnamed(pids: Iterable[int], folder: Path) -> tuple[int, int]:
    """Bytes in files that processes hold and that no folder has: those on the folder's own file system, and all others,
    which are in memory (memfd_create(2), files of the sandbox's /tmp and /dev/shm)."""
    device = folder.stat().st_dev
    seen: dict[tuple[int, int], int] = {}
    count = 0
    for pid in pids:
        for handle in _handles(pid):
            count += 1
            if count > MOST_HANDLES:
                raise Uncountable(f"more than {MOST_HANDLES} open files")
            with contextlib.suppress(OSError):
                status = os.stat(handle)
                if status.st_nlink == 0:
                    seen[status.st_dev, status.st_ino] = status.st_blocks * 512
    here = sum(size for (where, _), size in seen.items() if where == device)
    return here, sum(seen.values()) - here


def in_flight(pids: Iterable[int]) -> int:
    """Descriptors that lie in sockets, sent and not received (SCM_RIGHTS): no process holds what they lead to."""
    count = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    if os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:"):
                        text = Path(f"/proc/{pid}/fdinfo/{name}").read_text()
                        count += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("scm_fds:"))
    return count
