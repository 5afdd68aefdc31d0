"""Folders that a submission wrote: nothing in them is followed, however deep they are."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


def files_below(top: Path) -> Iterator[os.DirEntry[str]]:
    """Its plain files; what has a path that is too long, or may not be read, is passed over."""
    folders = [str(top)]
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    yield entry


def remove(path: Path) -> None:
    """A file, or a folder with all that is in it; or what is not there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
