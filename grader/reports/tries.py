"""Several submissions of one student: which one counts, and the points of each.

An earlier one is called NAME~WORD: results/NAME~1.json if it lay beside the last one and the best counts (batch/intake.py),
earlier/NAME~DIGEST.json if it was graded in an earlier run, and another one came in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from reports import results
from reports.course import BEST, Course
from reports.feedback import feedback, moment
from reports.results import SubmissionResult, Try

MARK = "~"  # no student's name has it: batch/naming.py
FOLDER = "earlier"


def student_of(name: str) -> str:
    return name.partition(MARK)[0]


def put_aside(old: SubmissionResult, out: Path) -> None:
    """The result of what is no longer there. What lies in artefacts/ will be the new one's."""
    kept = [replace(stage, tests=[replace(test, artefacts="", film="") for test in stage.tests]) for stage in old.stages]
    results.save(replace(old, stages=kept), out / FOLDER / f"{old.name}{MARK}{old.digest[:12]}.json")


def earlier(out: Path) -> list[SubmissionResult]:
    return [replace(results.load(path), name=path.stem) for path in sorted((out / FOLDER).glob(f"*{MARK}*.json"))]


def when(result: SubmissionResult) -> str:
    """Something that grows with time: when it was handed in, or else graded."""
    time = moment(result.submitted) or moment(result.started)
    return time.isoformat() if time else ""


def shown(result: SubmissionResult) -> tuple[float, float]:
    """What its author may know of the points."""
    visible = feedback(result).result
    return visible.points, visible.maximum


def settled(course: Course, found: Sequence[SubmissionResult]) -> list[SubmissionResult]:
    """One for each student, as it counts, with the list of all. The results are as the course counts them."""
    groups: dict[str, list[SubmissionResult]] = {}
    for result in found:
        groups.setdefault(student_of(result.name), []).append(result)
    return [settle(course, name, group) for name, group in groups.items() if any(one.name == name for one in group)]


def settle(course: Course, name: str, group: Sequence[SubmissionResult]) -> SubmissionResult:
    last = next(one for one in group if one.name == name)
    before = [one for one in group if one.name != name and one.digest != last.digest]
    everything = [*sorted({one.digest: one for one in before}.values(), key=when), last]
    graded = [one for one in everything if one.status == results.GRADED]
    chosen = max(reversed(graded), key=lambda one: one.final, default=last) if course.several == BEST else last
    tries = [Try(one.submitted, one.status, one.points, one.maximum, one.final, one is chosen, shown(one))
             for one in everything]
    chosen = replace(chosen, name=name, student=last.student, student_id=last.student_id, also=last.also)
    return replace(chosen, tries=tries) if before else chosen
