"""The course: what the instructor has set in grader/course.toml, and what that makes of a graded submission.

Results are kept as they were graded. apply() makes of them what counts: points, visibility, lateness. So points
and dates can be changed afterwards, and nothing is graded again.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Optional

from reports import lateness
from reports.lateness import Dates
from reports.results import ENVIRONMENT, PASSED, VISIBLE, ByHand, StageResult, SubmissionResult, TestResult

LAST, BEST = "last", "best"
Key = tuple[int, str]  # a stage, and a test of it


@dataclass(frozen=True)
class Declared:
    """What a test says of itself with @points."""

    points: float
    needs: tuple[str, ...] = ()
    stress: bool = False
    hidden: bool = False


Catalogue = dict[int, dict[str, Declared]]  # stage -> test -> what it declares


@dataclass(frozen=True)
class Export:
    """What grades.csv and the files for course systems hold: [gradebook] of course.toml."""

    assignment: str = ""  # what the course system calls it
    maximum: float = 0.0  # that it has there; 0: the one here
    tests: bool = False  # a column for each test in grades.csv


@dataclass(frozen=True)
class Course:
    """course.toml as typed values; without the file, everything is as the tests say."""

    catalogue: Catalogue = field(default_factory=dict)
    points: dict[Key, float] = field(default_factory=dict)  # in place of what the tests declare
    disabled: frozenset[Key] = frozenset()  # do not count for anybody
    bonus: frozenset[Key] = frozenset()  # count, but not in the maximum
    visibility: dict[Key, str] = field(default_factory=dict)
    default_visibility: str = VISIBLE
    stages: Optional[frozenset[int]] = None  # those that count; None: all
    dates: Dates = Dates()
    name: str = ""  # of the course, on all pages
    several: str = LAST  # which of several submissions counts
    export: Export = Export()
    by_hand: Optional[ByHand] = None

    def counts(self, stage: int) -> bool:
        return self.stages is None or stage in self.stages

    def maximum_of(self, key: Key, declared: float) -> float:
        """What a test can bring."""
        return 0.0 if key in self.disabled else self.points.get(key, declared)

    def counted(self, key: Key, maximum: float) -> float:
        """What of that is in the stage's maximum."""
        return 0.0 if key in self.bonus else maximum

    def maximum(self, stage: int) -> float:
        """A stage's maximum, by what its tests declare."""
        tests = self.catalogue.get(stage, {})
        return sum(self.counted((stage, n), self.maximum_of((stage, n), d.points)) for n, d in tests.items())


def only_stages(course: Course, stages: Iterable[int]) -> Course:
    """The same course, but these stages alone count."""
    return replace(course, stages=frozenset(stages))


def apply(course: Course, result: SubmissionResult) -> SubmissionResult:
    """What counts of a graded submission; `result` itself stays as it is."""
    new = copy.deepcopy(result)
    new.notes += [f"stage {s.stage} does not count here" for s in new.stages if not course.counts(s.stage)]
    new.stages = [stage for stage in new.stages if course.counts(stage.stage)]
    for stage in new.stages:
        new.notes += _apply_to_stage(course, stage)
    new.submitted = lateness.zoned(new.submitted, course.dates.zone)
    new.late, notes = lateness.judge(course.dates, new)
    new.notes += notes
    return new


def _apply_to_stage(course: Course, stage: StageResult) -> list[str]:
    """Set points and maximum of a stage anew; returns what is to be noted."""
    before = sum(test.maximum for test in stage.tests)
    for test in stage.tests:
        _apply_to_test(course, (stage.stage, test.test), test)
    seen = sum(course.counted((stage.stage, test.test), test.maximum) for test in stage.tests)
    unseen = stage.maximum - before  # of tests that did not come to run
    if unseen > 0:
        unseen += _change_of_unseen(course, stage)
    stage.maximum = round(seen + max(0.0, unseen), 4)
    if stage.tests:
        stage.points = round(sum(test.points for test in stage.tests), 4)
    disabled = [test.test for test in stage.tests if (stage.stage, test.test) in course.disabled]
    return [f"stage {stage.stage}: {name} does not count, for anybody" for name in disabled]


def _change_of_unseen(course: Course, stage: StageResult) -> float:
    """By how much the course changes the maximum of the tests that are not in the results."""
    seen = {test.test for test in stage.tests} | set(stage.of_nobody)
    change = 0.0
    for name, declared in course.catalogue.get(stage.stage, {}).items():
        if name not in seen:
            key = (stage.stage, name)
            change += course.counted(key, course.maximum_of(key, declared.points)) - declared.points
    return change


def _apply_to_test(course: Course, key: Key, test: TestResult) -> None:
    of_nobody = test.outcome == ENVIRONMENT and test.maximum == 0  # no points are in question
    if not test.stress and not of_nobody:
        maximum = course.maximum_of(key, test.maximum)
        test.points = _scaled(test, maximum)
        test.maximum = maximum
    if key in course.disabled:
        _remark(test, "does not count")
    elif key in course.bonus:
        _remark(test, "bonus")
    if key in course.visibility:
        test.visibility = course.visibility[key]
    elif test.visibility == VISIBLE:
        test.visibility = course.default_visibility


def _scaled(test: TestResult, maximum: float) -> float:
    """The same part of another maximum."""
    if test.maximum > 0:
        return round(test.points * maximum / test.maximum, 4)
    return maximum if test.outcome == PASSED else 0.0


def _remark(test: TestResult, words: str) -> None:
    test.remark = f"{test.remark}; {words}" if test.remark else words


# The class


def zone_of(course: Course) -> Optional[tzinfo]:
    """In which pages show times: the course's, or that of its dates."""
    return course.dates.zone or next((due.tzinfo for _, due in sorted(course.dates.due.items())), None)


def strangers(course: Course, results: Iterable[SubmissionResult]) -> list[str]:
    """Who is named in course.toml and is nobody in this class, or more than one."""
    everybody = list(results)
    named: dict[str, Iterable[str]] = {"extensions": course.dates.extensions, "days_used": course.dates.used}
    lines = []
    for table, names in named.items():
        for name in names:
            found = [result.name for result in everybody if lateness.is_student(name, result)]
            if not found:
                lines.append(f"[{table}] {name}: there is no such student in this class")
            elif len(found) > 1:
                lines.append(f"[{table}] {name}: it is not clear who this is: {', '.join(found)}; use the id")
    return lines


def used_days(course: Course, results: Iterable[SubmissionResult]) -> str:
    """A table [days_used] for the next collection: what was used before this one, and in it.

    The results are those that apply() made.
    """
    used = dict(course.dates.used)
    for result in results:
        known = next((key for key in used if lateness.is_student(key, result)), result.student_id or result.name)
        if result.late.free_days:
            used[known] = used.get(known, 0) + result.late.free_days
    lines = [f"{json.dumps(who, ensure_ascii=False)} = {days}" for who, days in sorted(used.items())]
    return "\n".join(["[days_used]", *lines]) + "\n"
