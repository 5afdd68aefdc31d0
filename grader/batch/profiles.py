"""A profile for a student alone: FOLDER/NAME.toml, in place of the class's.

Homework of one course may be built in as many ways as there are students. What is asked of them, and the points, are
the class's: a profile with others is refused before anything is graded.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from stage.config import BadProfile, Interface, load_interface


def of_students(folder: Path, of_class: Interface) -> dict[str, str]:
    """The file of each student's profile, by the submission's name."""
    if not folder.is_dir():
        raise BadProfile(f"{folder}: there is no such folder")
    files = sorted(path.resolve() for path in folder.glob("*.toml"))
    if not files:
        raise BadProfile(f"{folder}: no profile is in it: NAME.toml, for the submission that is called NAME")
    problems = [f"{path}: {problem}" for path in files for problem in differences(load_interface(path), of_class)]
    if problems:
        raise BadProfile("\n".join(problems))
    return {path.stem: str(path) for path in files}


def differences(own: Interface, of_class: Interface) -> list[str]:
    """What may not differ, in words."""
    if sorted(own.stages) != sorted(of_class.stages):
        return [f"it has the stages {sorted(own.stages)}, the class's profile {sorted(of_class.stages)}"]
    pairs = [(number, own.stages[number], stage) for number, stage in sorted(of_class.stages.items())]
    return [f"stage {number}: its {what} must be those of the class's profile"
            for number, mine, stage in pairs
            for what, same in (("points", mine.points == stage.points), ("tests", mine.tests == stage.tests)) if not same]


def of_nobody(profiles: Iterable[str], names: Iterable[str]) -> list[str]:
    """Profiles for which there is no submission: a name that is spelled wrong is graded as the others, unseen."""
    return sorted(set(profiles) - set(names))
