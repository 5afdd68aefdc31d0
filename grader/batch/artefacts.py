"""Keeps what is needed to look at a failure again: outputs, maps, the image, symptoms, how to repeat it."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from reports.results import FAILED, StageResult

LARGEST = 8 << 20  # bytes of one file
MOST = 32 << 20  # bytes of one case


def copy_file(source: Path, target: Path, room: int) -> int:
    """Copies a regular file if it is small enough; the bytes that it took. A link is never followed.

    What is there already stays: the grader's own files come first, and a submission may have one of the same name.
    """
    if target.exists():
        return 0
    try:
        fd = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return 0
    with open(fd, "rb") as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_blocks * 512 > min(room, LARGEST) or status.st_size > LARGEST:
            return 0
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as out:
            shutil.copyfileobj(file, out)
        if status.st_mode & 0o100 and source.name == "repro.sh":
            target.chmod(0o755)
        return status.st_size


def copy_folder(source: Path, target: Path, room: int) -> int:
    """Copies the regular files below a folder in which nothing runs any more; what is left of the room."""
    for where, folders, names in os.walk(source):
        folders.sort()
        for name in sorted(names):
            path = Path(where, name)
            room -= copy_file(path, target / path.relative_to(source), room)
    return room


def keep(stage: StageResult, place: Path, out: Path, name: str) -> None:
    """The folders of a stage's failed cases: the grader's own notes first, then what the programs wrote."""
    for test in stage.tests:
        where = Path("artefacts") / name / f"stage{stage.stage}" / test.test
        shutil.rmtree(out / where, ignore_errors=True)
        if test.outcome == FAILED:
            room = copy_folder(place / "kept" / f"stage{stage.stage}" / test.test, out / where, MOST)
            copy_folder(place / f"c{stage.stage}" / test.test, out / where, room)
            test.artefacts = str(where)
        if not (out / where / test.film).is_file():
            test.film = ""
