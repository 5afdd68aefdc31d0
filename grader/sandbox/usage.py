"""What a job has in memory and on disk, as it is seen from outside: also what has no name."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Optional

DEEPEST = 400  # folders in folders; a path that is too long hides what lies below
MOST_HANDLES = 50_000  # that are looked at
NEWIPC = 0x08000000  # setns(2)

_libc = ctypes.CDLL(None, use_errno=True)


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
    """What leads to a process's open files, and (for root) to its mapped ones whose names are gone. The kernel says of
    which mapped file that is so: a program may have thousands of others."""
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            yield f"/proc/{pid}/fd/{name}"
    with contextlib.suppress(OSError), open(f"/proc/{pid}/maps", "rb") as maps:
        for line in maps:
            if line.endswith(b" (deleted)\n"):
                start, _, end = line.split(b" ", 1)[0].partition(b"-")
                yield f"/proc/{pid}/map_files/{int(start, 16):x}-{int(end, 16):x}"


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


class Sockets(NamedTuple):
    room: int  # bytes that those which processes have open may hold: messages that nobody has read are in no process's memory
    in_flight: int  # descriptors that lie in them, sent and not received (SCM_RIGHTS): no process holds what they lead to


def of_sockets(pids: Iterable[int]) -> Sockets:
    found: set[str] = set()
    in_flight = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    socket = os.readlink(f"/proc/{pid}/fd/{name}")
                    if socket.startswith("socket:"):
                        found.add(socket)
                        text = Path(f"/proc/{pid}/fdinfo/{name}").read_text()
                        in_flight += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("scm_fds:"))
    return Sockets(len(found) * largest_buffer(), in_flight)


@functools.lru_cache(maxsize=None)
def largest_buffer() -> int:
    """Of a socket: twice what may be asked for (SO_SNDBUF, socket(7))."""
    try:
        return 2 * int(Path("/proc/sys/net/core/wmem_max").read_text())
    except (OSError, ValueError):
        return 2 * 212992


def in_scratch(pids: Iterable[int]) -> int:
    """Files in the folders that a sandbox has in memory for all: /tmp and /dev/shm. Their size has a limit of its own."""
    seen: dict[int, int] = {}
    for pid in pids:
        for name in ("tmp", "dev/shm"):
            with contextlib.suppress(OSError):
                folder = os.path.join("/proc", str(pid), "root", name)
                status = os.statvfs(folder)
                seen[os.stat(folder).st_dev] = status.f_files - status.f_ffree
    return sum(seen.values())


def of_user(uid: int, folders: Iterable[str]) -> Usage:
    """What a user has where everybody may write."""
    size = files = 0
    for folder in folders:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if status.st_uid == uid:
                    below = of_folder(Path(entry.path)) if entry.is_dir(follow_symlinks=False) else Usage(0, 0)
                    size, files = size + status.st_blocks * 512 + below.size, files + 1 + below.files
    return Usage(size, files)


def _segments(uid: Optional[int]) -> int:
    """Bytes in System V's shared memory, of this thread's namespace."""
    rows = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    return sum(int(row[14]) + int(row[15]) for row in rows if uid is None or int(row[7]) == uid)


def system_v(pid: int, uid: Optional[int]) -> int:
    """In segments that nobody need have attached. For root alone: only a thread in that namespace can see them."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        with open(f"/proc/{pid}/ns/ipc", "rb") as theirs, open("/proc/self/ns/ipc", "rb") as ours:
            if os.path.sameopenfile(theirs.fileno(), ours.fileno()):
                return _segments(uid)
            if os.geteuid() == 0 and _libc.setns(theirs.fileno(), NEWIPC) == 0:
                try:
                    return _segments(None)
                finally:
                    _libc.setns(ours.fileno(), NEWIPC)
    return 0
