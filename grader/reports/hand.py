"""Points by hand: OUT/hand/NAME.toml, one file for each student, merged into all reports and shown in the feedback.

    points = 7.5
    comment = "Clear names. part_mm.c repeats what regions.c has."

[by_hand] of course.toml says what they are called, and how many there are. Who has no file has none of them yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from reports.course import Course
from reports.course_file import CourseError, is_number
from reports.results import ByHand, SubmissionResult
from reports.text import unreadable
from stage.config import load_toml

FOLDER = "hand"


def read(path: Path, given: ByHand) -> ByHand:
    """The file's points; ValueError with what is wrong in it."""
    table: dict[str, Any] = load_toml(path)
    points, comment = table.get("points"), table.get("comment", "")
    if set(table) - {"points", "comment"} or not isinstance(comment, str):
        raise ValueError('has points = 7.5, and comment = "..."; nothing else')
    if not is_number(points) or float(points or 0) > given.maximum:
        raise ValueError(f"points is a number from 0 to {given.maximum:g}, as [by_hand] of course.toml says")
    return replace(given, points=float(points or 0), comment=comment, known=True)


def given(course: Course, out: Path) -> dict[str, ByHand]:
    """What the files say, by students' names; CourseError with all that is wrong in them."""
    found, problems = {}, []
    for path in sorted((out / FOLDER).glob("*.toml")):
        try:
            if course.by_hand is None:
                raise ValueError("set `maximum` in [by_hand] of course.toml: how many points are given by hand")
            found[path.stem] = read(path, course.by_hand)
        except (OSError, ValueError) as error:
            problems.append(f"{FOLDER}/{path.name}: {unreadable(error)}")
    if problems:
        raise CourseError(problems)
    return found


def merged(course: Course, out: Path, found: Sequence[SubmissionResult]) -> list[SubmissionResult]:
    """The results with their points by hand; CourseError if a file is of nobody."""
    files = given(course, out)
    unknown = sorted(set(files) - {result.name for result in found})
    if unknown:
        raise CourseError([f"{FOLDER}/{name}.toml: nobody is called so in this class" for name in unknown])
    return [replace(result, by_hand=files.get(result.name, course.by_hand)) for result in found]
