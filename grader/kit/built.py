"""The solution and the demos, built once: the trees that tests work in get what was built, and make has nothing to do.

What is newer than its object is compiled all the same: lay() makes that of every file that is not as it is here.
"""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from stage.config import GRADER, TOP, load_interface
from stage.lab import make_reference, run_make
from stage.programs import locked

SOLUTION = Path(os.environ.get("CKPTLAB_SOLUTION", str(TOP / "solution")))
OTHERS = {"check", ".lock"}  # what the grader keeps in build/


def stages(folder: Path) -> list[Path]:
    return sorted(makefile.parent for makefile in folder.glob("stage[0-9]*-*/Makefile"))


@functools.lru_cache(maxsize=None)
def solution() -> Path:
    """The solution's folder; all of its stages are built."""
    for folder in stages(SOLUTION):
        make_reference(load_interface(), folder)
    return SOLUTION


@functools.lru_cache(maxsize=None)
def demos() -> Path:
    """BACKGROUND, with all of its programs."""
    with locked(GRADER / "build" / ".demos"):
        run_make(load_interface(), TOP / "BACKGROUND", keep_flags=False)
    return TOP / "BACKGROUND"


def is_made(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def files(folder: Path) -> Iterator[Path]:
    """What make has made in a folder, from there."""
    made = [path for path in folder.glob("*") if path.is_file() and is_made(path)]
    made += [path for path in (folder / "build").rglob("*") if path.is_file()]
    names = (path.relative_to(folder) for path in made)
    return (name for name in names if OTHERS.isdisjoint(name.parts))


def lay(source: Path, target: Path) -> None:
    """Put what is built in one folder into another with its sources, or with some that differ."""
    for name in files(source):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / name, target / name)
    for path in target.glob("*"):
        if path.is_file() and (source / path.name).is_file() and path.read_bytes() != (source / path.name).read_bytes():
            path.touch()


def lay_stages(source: Path, target: Path) -> None:
    for folder in stages(source):
        if (target / folder.name).is_dir():
            lay(folder, target / folder.name)
