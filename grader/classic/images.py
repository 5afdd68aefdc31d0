"""What a handler left: a file, or a folder of files. Nothing in it is believed, and nothing is followed."""

from __future__ import annotations

import os
from pathlib import Path

from classic.outside import LARGEST, read_file, replace_file
from stage.case import Stamp
from stage.failure import Failure

MOST = 4096  # files of a folder that are looked at


def files_of(image: Path) -> list[Path]:
    """The image itself, or the plain files that lie in it; none if it is something else."""
    if image.is_symlink():
        return []
    if image.is_dir():
        with os.scandir(image) as entries:
            return sorted(image / entry.name for entry in entries if entry.is_file(follow_symlinks=False))[:MOST]
    return [image] if image.is_file() else []


def stamps_of(image: Path) -> list[Stamp | None]:
    """What tells one version of it from the next."""
    return [Stamp.of(path) for path in files_of(image)]


def size_of(image: Path) -> int:
    """All of it, in bytes."""
    return sum(stamp.size for stamp in stamps_of(image) if stamp)


def kept(image: Path) -> dict[Path, bytes]:
    """Its bytes, file by file."""
    if size_of(image) > LARGEST:
        raise Failure(f"{image.name} has {size_of(image)} bytes, which is more than {LARGEST >> 20} MiB", "checkpoint: no image")
    return {path: read_file(path) for path in files_of(image)}


def put_back(files: dict[Path, bytes]) -> None:
    """As they were; a program may have written them again."""
    for path, data in files.items():
        replace_file(path, data)
