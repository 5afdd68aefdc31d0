"""Objects of the files that students are given and leave as they are: compiled once, not for each submission.

Two thirds of what a stage compiles is the kit's own. Where a source is the kit's, and all headers that it includes and
the rules are, its object would be the same as from the kit's skeleton; so it is put there, newer than its source, and
make has nothing to do for it. It is the object of the same text, made by the same rules.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from stage import common_objects
from stage.common_objects import included
from stage.config import TOP, Interface
from stage.lab import make_reference, run_make

RULES = {".mk", ".ld"}  # with the Makefiles: what all objects depend on
BUILD_AGE = 60.0  # seconds that sources are older than objects


def build(interface: Interface, folder: Path) -> None:
    """Compile the skeletons of all stages in `folder`, as make would in a submission; first of all, the solution's objects
    are put there, where a skeleton has its text."""
    for stage in interface.stages.values():
        ignore = shutil.ignore_patterns("build", *stage.programs)
        shutil.copytree(TOP / stage.folder, folder / stage.folder, ignore=ignore, symlinks=True)
    solution = TOP / "solution"
    if all((solution / stage.folder / "Makefile").exists() for stage in interface.stages.values()):
        for stage in interface.stages.values():
            make_reference(interface, solution / stage.folder)
        lay_objects(interface, solution, folder)
    for stage in interface.stages.values():
        common_objects.share(folder / stage.folder)
        run_make(interface, folder / stage.folder, keep_flags=False)


def is_rule(path: Path) -> bool:
    return path.suffix in RULES or path.name == "Makefile"


def same(first: Path, second: Path) -> bool:
    return first.is_file() and second.is_file() and first.read_bytes() == second.read_bytes()


def rules_are_ours(interface: Interface, ours: Path, tree: Path) -> bool:
    """Whether the rules are the kit's, and no header hides one of the kit's in another stage's folder."""
    for stage in interface.stages.values():
        mine, theirs = ours / stage.folder, tree / stage.folder
        names = {path.name for folder in (mine, theirs) for path in folder.glob("*") if is_rule(path)}
        if not all(same(mine / name, theirs / name) for name in names):
            return False
        new = {path.name for path in theirs.glob("*.h")} - {path.name for path in mine.glob("*.h")}
        if new & {path.name for path in ours.glob("*/*.h")}:
            return False
    return True


def source_of(interface: Interface, tree: Path, stage: int, name: str) -> Path | None:
    """Where make finds a source (vpath in common.mk): in the stage itself, then in the stages before it, the last first."""
    for number in sorted(interface.stages, reverse=True):
        path = tree / interface.stages[number].folder / name
        if number <= stage and path.exists():
            return path
    return None


def is_unchanged(interface: Interface, ours: Path, tree: Path, stage: int, name: str) -> bool:
    mine, theirs = (source_of(interface, top, stage, name) for top in (ours, tree))
    if mine is None or theirs is None:
        return False
    return mine.relative_to(ours) == theirs.relative_to(tree) and same(mine, theirs)


def lay_objects(interface: Interface, ours: Path, tree: Path) -> int:
    """Put the objects of unchanged files into the build folders of the submission in `tree`; how many they were."""
    old = time.time() - BUILD_AGE
    for path in tree.rglob("*"):
        os.utime(path, (old, old), follow_symlinks=False)
    if not rules_are_ours(interface, ours, tree):
        return 0
    return sum(_lay_stage(interface, ours, tree, number) for number in interface.stages)


def _lay_stage(interface: Interface, ours: Path, tree: Path, number: int) -> int:
    folder = interface.stages[number].folder
    target = tree / folder / "build"
    target.mkdir(exist_ok=True)
    shutil.copyfile(ours / folder / "build" / "flags", target / "flags")
    old = time.time() - BUILD_AGE
    os.utime(target / "flags", (old, old))
    count = 0
    for path in (ours / folder / "build").glob("*.o"):
        sources = [path.with_suffix(suffix).name for suffix in (".c", ".S")]
        depends = path.with_suffix(".d")
        parts = included(depends.read_text()) if depends.exists() else []
        if any(is_unchanged(interface, ours, tree, number, source) for source in sources) and all(
            same(ours / folder / part, tree / folder / part) for part in parts if not part.startswith("/")
        ):
            shutil.copyfile(path, target / path.name)
            count += 1
            if parts:
                shutil.copyfile(depends, target / depends.name)
    return count
