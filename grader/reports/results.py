"""What is known of one submission after it was graded: the file results/NAME.json, and its types.

Every report (grades.csv, the pages, JUnit, the course platforms) is made from these files alone, so that a
class can be graded on many machines and its reports be made anew without grading.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, TypeVar

FORMAT = 1

# What became of a test.
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
ENVIRONMENT = "environment"  # the reference fails it on this machine, too: nobody's fault, no points in question

# What became of a stage.
GRADED = "graded"
MISSING = "missing"  # the submission has no such stage
NOT_BUILT = "not built"
TIME_LIMIT = "time limit"  # the stage as a whole took too long
GRADER_FAILED = "grader failed"  # not the student's fault: grade it again

# What became of a submission.
REFUSED = "refused"  # nothing of it was unpacked or run; `message` says why
NOT_YET = "not graded yet"  # it is there, and no run has come to it
ABSENT = "nothing handed in"  # by somebody who is in the list of the course

# Who may see a test, in Gradescope's words.
VISIBLE, HIDDEN, AFTER_DUE, AFTER_PUBLISHED = "visible", "hidden", "after_due_date", "after_published"

T = TypeVar("T")


@dataclass
class TestResult:
    """One test; the fields of scoring.Result, and who may see it."""

    __test__ = False  # not a test of pytest's

    test: str
    title: str
    points: float
    maximum: float
    step: str = ""  # of 000-README
    outcome: str = SKIPPED
    reason: str = ""
    seconds: float = 0.0
    stress: bool = False
    detail: str = ""
    remark: str = ""
    where: str = ""  # the file and the step in which an experiment found the fault; "" if it found none
    where_how: str = ""  # how it was found, or why not; "" if nothing was searched
    cause: str = ""  # an id of a cause; "" if the test passed, or nobody knows
    cause_text: str = ""
    next_step: str = ""
    read: str = ""
    symptoms: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    got: list[str] = field(default_factory=list)
    visibility: str = VISIBLE
    artefacts: str = ""  # a folder below the output folder, if there is one
    film: str = ""  # a page in it: the restart, call by call


@dataclass
class StageResult:
    """One stage of a submission."""

    stage: int
    folder: str  # its name: stage1-readmaps
    status: str = GRADED
    message: str = ""  # the compiler's words, or why it was not graded
    cause: str = ""  # an id of a cause for a stage without tests: it does not build, ...
    cause_text: str = ""
    warnings: int = 0
    seconds: float = 0.0
    processor: dict[str, float] = field(default_factory=dict)  # processor seconds, and what for: stage/spent.py
    points: float = 0.0
    maximum: float = 0.0
    of_nobody: list[str] = field(default_factory=list)  # of a stage without tests: those that would count for nobody
    tests: list[TestResult] = field(default_factory=list)


@dataclass
class Late:
    """How late it came, and what that costs."""

    due: str = ""  # ISO 8601, as course.toml says it for this student; "" if there is no date
    days: int = 0  # begun days after it
    free_days: int = 0  # of those, taken from the student's late days
    penalty: float = 0.0  # points
    unknown: bool = False  # there is a date, and nobody knows when it was handed in
    marked: bool = False  # unknown, and the course's system marks it as late


@dataclass(frozen=True)
class ByHand:
    """Points that no machine gives."""

    title: str
    maximum: float
    points: float = 0.0
    comment: str = ""
    known: bool = False  # whether somebody has given them yet


@dataclass(frozen=True)
class Try:
    """One of several submissions of a student."""

    submitted: str
    status: str
    points: float
    maximum: float
    final: float
    counts: bool
    shown: tuple[float, float]  # points and maximum without hidden tests


@dataclass
class SubmissionResult:
    """All of one submission: results/NAME.json."""

    name: str  # unique in the class, fit for a file name
    student: str  # for people
    student_id: str = ""  # as the course platform has it: an e-mail, a number
    source: str = ""  # the archive's or folder's name
    digest: str = ""  # SHA-256 of what was handed in
    submitted: str = ""  # ISO 8601 with an offset, "" if nobody knows
    grader: str = ""  # a digest of the grader, the programs under test, the reference and the options
    machine: str = ""
    sandbox: str = ""  # the tier, in words
    started: str = ""
    seconds: float = 0.0
    processor: float = 0.0  # seconds of the grading process itself: it unpacks, and puts the kit's files and objects there
    status: str = GRADED
    message: str = ""
    notes: list[str] = field(default_factory=list)  # what was left out or replaced, one line each
    variables: list[str] = field(default_factory=list)  # make variables that the hand-in asked for
    suspects: list[str] = field(default_factory=list)  # sources that hold bytes rather than code; staff alone sees it
    stages: list[StageResult] = field(default_factory=list)
    late: Late = field(default_factory=Late)
    by_hand: Optional[ByHand] = None  # of the reports alone: hand.py
    tries: list[Try] = field(default_factory=list)  # of the reports alone, if there are several: tries.py
    also: list[str] = field(default_factory=list)  # what else the course calls the student: e-mails, a login, numbers
    format: int = FORMAT

    @property
    def points(self) -> float:
        """Before anything for lateness."""
        return sum(stage.points for stage in self.stages) + (self.by_hand.points if self.by_hand else 0)

    @property
    def maximum(self) -> float:
        return sum(stage.maximum for stage in self.stages) + (self.by_hand.maximum if self.by_hand else 0)

    @property
    def final(self) -> float:
        """What counts."""
        return max(0.0, self.points - self.late.penalty)

    def tests(self) -> list[tuple[StageResult, TestResult]]:
        return [(stage, test) for stage in self.stages for test in stage.tests]


def _take(kind: type[T], table: dict[str, Any]) -> T:
    """The dataclass from a table; names that it does not have are passed over."""
    names = {f.name for f in dataclasses.fields(kind)}
    return kind(**{name: value for name, value in table.items() if name in names})


def test_from(table: dict[str, Any]) -> TestResult:
    return _take(TestResult, table)


def from_table(table: dict[str, Any]) -> SubmissionResult:
    if table.get("format") != FORMAT:
        raise ValueError(f"results of format {table.get('format')}; this grader knows {FORMAT}")
    result = _take(SubmissionResult, table)
    result.late = _take(Late, table.get("late", {}))
    result.stages = [_take(StageResult, stage) for stage in table["stages"]]
    for stage, row in zip(result.stages, table["stages"]):
        stage.tests = [test_from(test) for test in row["tests"]]
    return result


def load(path: Path) -> SubmissionResult:
    return from_table(json.loads(path.read_text(encoding="utf-8")))


def load_all(folder: Path) -> list[SubmissionResult]:
    """All submissions of a class, by name."""
    return [load(path) for path in sorted(folder.glob("*.json"))]


def save(result: SubmissionResult, path: Path) -> None:
    """The file appears when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}")  # perhaps two machines at once
    partial.write_text(json.dumps(dataclasses.asdict(result), indent=1) + "\n", encoding="utf-8")
    partial.replace(path)
