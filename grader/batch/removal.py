"""Removes what a submission left: any depth, any names, any rights.

Folders may lie in folders a thousand times, deeper than a path can be long or a function can call itself. So none is ever
gone down into: the folders in a folder are moved up beside it, and each is then no deeper than one.

    top/a/b/c/d    ->    top/.1 (was b)    ->    top/.2 (was c)    ->    ...
                         a is gone               b is gone

All goes by descriptors and single names, and no link is followed. Nothing may run any more that could change it meanwhile.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path

FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove(folder: Path) -> None:
    """The folder, if it is there, and all in it; OSError if something cannot be removed."""
    try:
        top = os.open(folder, FLAGS)
    except FileNotFoundError:
        return
    try:
        _empty(top)
    finally:
        os.close(top)
    folder.rmdir()


def _empty(top: int) -> None:
    fresh = (f".removed-{number}" for number in itertools.count())
    while names := os.listdir(top):
        for name in names:
            if is_folder(name, top):
                _dissolve(name, top, fresh)
            else:
                os.unlink(name, dir_fd=top)


def is_folder(name: str, parent: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)


def _open(name: str, parent: int) -> int:
    """Its owner may have taken the rights to it away: who is no root needs them."""
    if os.geteuid() != 0:
        os.chmod(name, 0o700, dir_fd=parent)
    return os.open(name, FLAGS, dir_fd=parent)


def _dissolve(name: str, top: int, fresh: Iterator[str]) -> None:
    """Its files go, its folders come into the top one, and then it is empty."""
    folder = _open(name, top)
    try:
        for inner in os.listdir(folder):
            if is_folder(inner, folder):
                _move_up(inner, folder, top, fresh)
            else:
                os.unlink(inner, dir_fd=folder)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=top)


def _move_up(name: str, folder: int, top: int, fresh: Iterator[str]) -> None:
    if os.geteuid() != 0:
        os.chmod(name, 0o700, dir_fd=folder)  # its ".." changes
    for other in fresh:
        with contextlib.suppress(FileNotFoundError):
            os.stat(other, dir_fd=top, follow_symlinks=False)
            continue  # the submission has one of that name
        os.rename(name, other, src_dir_fd=folder, dst_dir_fd=top)
        return
