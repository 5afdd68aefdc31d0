"""grades.csv: a line for each student, graded or not, and for each file that was passed over, with the reason.

A spreadsheet takes a cell that begins with = + - or @ for a formula, and runs it. Names and messages come
from submissions, so such a cell gets an apostrophe in front, unless it is a number.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from reports import results
from reports.clusters import losses_of
from reports.results import SubmissionResult
from reports.text import one_line, write_whole

PASSED_OVER = "passed over"
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
FORMULA = re.compile("[\\s'\"]*[=+@\uff1d\uff0b\uff0d\uff20-]")  # the wide forms, too


def cell(value: object) -> str:
    """One cell: a single line that no spreadsheet takes for a formula."""
    if isinstance(value, float):
        return f"{round(value, 2):.12g}"
    text = one_line(str(value))
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text


def first_cause(result: SubmissionResult) -> str:
    """Why the first points were lost: an id of a cause, or where the fault is if nobody knows the cause."""
    if result.status != results.GRADED:
        return result.status
    losses = losses_of(result)
    first = losses[0].test if losses else None
    return first.cause if first and first.cause else losses[0].key if losses else ""


def header(stages: list[int], hand: bool = False) -> list[str]:
    names = ["name", "student", "id", "submitted", *[f"stage {stage}" for stage in stages], *(["by hand"] if hand else [])]
    return [*names, "total", "late days", "penalty", "final", "status", "first cause", "reason"]


def row(result: SubmissionResult, stages: list[int], hand: bool = False) -> list[object]:
    points = {stage.stage: stage.points for stage in result.stages}
    who: list[object] = [result.name, result.student, result.student_id, result.submitted]
    given = [(result.by_hand.points if result.by_hand and result.by_hand.known else "")] if hand else []
    sums = [*[float(points.get(stage, 0.0)) for stage in stages], *given, float(result.points)]
    late = ["?" if result.late.unknown else result.late.days, float(result.late.penalty), float(result.final)]
    return [*who, *sums, *late, result.status, first_cause(result), result.message]


def passed_over_row(line: str, width: int) -> list[object]:
    """A file that is no submission: its name, no points, and why."""
    name, _, why = line.partition(": ")
    return [name, *[""] * (width - 4), PASSED_OVER, "", why]


def tests_of(people: Sequence[SubmissionResult]) -> list[tuple[int, str]]:
    """Each test of the class, stage by stage, in the order in which they ran."""
    found = dict.fromkeys((stage.stage, test.test) for result in people for stage, test in result.tests() if not test.stress)
    return sorted(found, key=lambda key: key[0])


def as_csv(class_results: Iterable[SubmissionResult], passed_over: Sequence[str] = (), with_tests: bool = False) -> str:
    """UTF-8 without a byte order mark, sorted by student."""
    rows = sorted(class_results, key=lambda result: (result.student.casefold(), result.name))
    stages = sorted({stage.stage for result in rows for stage in result.stages})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    hand = any(result.by_hand for result in rows)
    tests = tests_of(rows) if with_tests else []
    writer.writerow([*header(stages, hand), *(f"{stage}.{name}" for stage, name in tests)])
    for result in rows:
        points = {(stage.stage, test.test): test.points for stage, test in result.tests()}
        writer.writerow([cell(value) for value in [*row(result, stages, hand), *(points.get(key, "") for key in tests)]])
    left = [passed_over_row(line, len(header(stages, hand))) for line in passed_over]
    writer.writerows([cell(value) for value in line] for line in left)
    return text.getvalue()


def write(
    class_results: Iterable[SubmissionResult], path: Path, passed_over: Sequence[str] = (), with_tests: bool = False
) -> None:
    write_whole(path, as_csv(class_results, passed_over, with_tests))
