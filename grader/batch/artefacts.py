"""Keeps what is needed to look at a failure again: outputs, maps, the image, symptoms, how to repeat it.

    artefacts/NAME/stageN/test_x/              what the grader wrote: repro.sh, symptoms, maps.before, outputs
                                 submission/   what the submission wrote: data, of whatever names, and nothing to be run
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from reports.results import FAILED, StageResult
from stage.image import BadImage, open_plain

LARGEST = 8 << 20  # bytes of one file
MOST = 32 << 20  # bytes of one case
DEEPEST = 16  # folders in folders
THEIRS = "submission"


def copy_file(source: Path, target: Path, room: int, ours: bool) -> int:
    """Copies a regular file if it is small enough; the bytes that it took. A link is never followed."""
    try:
        file = open_plain(source)
    except (BadImage, OSError):
        return 0
    with file:
        status = os.fstat(file.fileno())
        if status.st_blocks * 512 > min(room, LARGEST) or status.st_size > LARGEST:
            return 0
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            out = target.open("wb")
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:  # where it was, it was shorter
                return 0
            raise
        with out:
            shutil.copyfileobj(file, out)
        if ours and status.st_mode & 0o100:
            target.chmod(0o755)
        return status.st_size


def copy_folder(source: Path, target: Path, room: int, ours: bool) -> int:
    """Copies the regular files below a folder in which nothing runs any more; what is left of the room."""
    if source.is_symlink():
        return room
    for where, folders, names in os.walk(source):
        deep = len(Path(where).relative_to(source).parts)
        folders[:] = sorted(folders) if deep < DEEPEST else []
        for name in sorted(names):
            path = Path(where, name)
            room -= copy_file(path, target / path.relative_to(source), room, ours)
    return room


def keep(stage: StageResult, place: Path, out: Path, name: str) -> None:
    """The folders of a stage's failed cases: the grader's own notes first, then what the programs wrote."""
    for test in stage.tests:
        where = Path("artefacts") / name / f"stage{stage.stage}" / test.test
        shutil.rmtree(out / where, ignore_errors=True)
        if test.outcome == FAILED:
            room = copy_folder(place / "kept" / f"stage{stage.stage}" / test.test, out / where, MOST, ours=True)
            copy_folder(place / f"c{stage.stage}" / test.test, out / where / THEIRS, room, ours=False)
            test.artefacts = str(where)
        if not (out / where / test.film).is_file():
            test.film = ""
