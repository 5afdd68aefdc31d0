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


def merged(course: Course, out: Path, found: Sequence[SubmissionResult]) -> list[SubmissionResult]:
    """The results with their points by hand; CourseError with all files that are wrong, or of nobody."""
    problems, files = [], {path.stem: path for path in sorted((out / FOLDER).glob("*.toml"))}
    names = {result.name for result in found}
    problems += [f"{FOLDER}/{name}.toml: nobody is called so in this class" for name in files if name not in names]
    if course.by_hand is None:
        problems += [f"{FOLDER}/ has points by hand: set `maximum` in [by_hand] of course.toml"] if files else []
    people = []
    for result in found:
        given = course.by_hand
        if given is not None and result.name in files:
            try:
                given = read(files[result.name], given)
            except (OSError, ValueError) as error:
                problems.append(f"{FOLDER}/{result.name}.toml: {error}")
        people.append(replace(result, by_hand=given))
    if problems:
        raise CourseError(problems)
    return people
