"""A file system of its own for a job, in memory, with a size and a number of files: a wall, where other means look on.

It counts what has no name any more, and what lies in folders that nobody may look into. It is mounted in a mount
namespace of this process alone, so nothing of it is left, however the job ends. Root needs the right to mount
(CAP_SYS_ADMIN, which containers seldom have); others make a user namespace first, where they have it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

from sandbox.spec import MIB, Limits

NEWNS, NEWUSER = 0x00020000, 0x10000000  # unshare(2)
NOSUID, NODEV, BIND, REC, SLAVE, DETACH = 2, 4, 4096, 16384, 1 << 19, 2  # mount(2), umount2(2)
SPARE = 16 * MIB  # beyond the limit, so that who is over it is seen, and named
SPARE_FILES = 500

_libc = ctypes.CDLL(None, use_errno=True)


class NoFileSystem(Exception):
    """Why a job has none of its own; what it writes is looked at then."""


def _call(what: str, status: int) -> None:
    if status != 0:
        raise NoFileSystem(f"{what}: {os.strerror(ctypes.get_errno())}")


def _mount(source: str, target: Path, kind: str, flags: int, data: str = "") -> None:
    words = [word.encode() or None for word in (source, str(target), kind)]
    _call("mount", _libc.mount(*words, ctypes.c_ulong(flags), data.encode() or None))


def check_room(limits: Limits) -> None:
    """It is in memory: no more than half of what is free."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))
    if limits.disk > free // 2:
        raise NoFileSystem(f"its size would be {limits.disk // MIB} MiB, and {free // MIB} MiB of memory are free")


def leave_namespace() -> None:
    """Into one whose mounts nobody else sees. With a user namespace, if that is what gives the right to mount."""
    uid, gid = os.geteuid(), os.getegid()
    _call("unshare", _libc.unshare(NEWNS if uid == 0 else NEWNS | NEWUSER))
    if uid != 0:
        try:
            for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
                Path("/proc/self", name).write_text(text)
        except OSError as error:
            raise NoFileSystem(f"{error.filename}: {error.strerror}") from error
    _mount("none", Path("/"), "", REC | SLAVE)


@contextlib.contextmanager
def of_its_own(folder: Path, kept: Path, limits: Limits) -> Iterator[str]:
    """Mounts it at `folder`; `kept`, which is below and the grader's alone, stays where it was: what fills the one leaves
    room for the grader's notes. Gives why there is none, or ""."""
    try:
        check_room(limits)
        leave_namespace()
        _mount_around(folder, kept, limits)
    except NoFileSystem as why:
        yield str(why)
        return
    try:
        yield ""
    finally:
        _libc.umount2(str(folder).encode(), DETACH)


def _mount_around(folder: Path, kept: Path, limits: Limits) -> None:
    outside = os.open(kept, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        size, files = limits.disk + SPARE, limits.files + SPARE_FILES
        _mount("ckptlab", folder, "tmpfs", NOSUID | NODEV, f"size={size},nr_inodes={files},mode=0711")
        kept.mkdir(mode=0o711)
        _mount(f"/proc/self/fd/{outside}", kept, "", BIND)
    finally:
        os.close(outside)
