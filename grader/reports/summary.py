"""The numbers of a class: how the points are distributed, each stage, each test."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Optional

from reports import results
from reports.results import StageResult, SubmissionResult

BINS = 20


@dataclass(frozen=True)
class Spread:
    """Some values in short."""

    count: int
    mean: float
    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Bin:
    """How many values are at least `low` and below `high` (in the last bin: up to it, or above)."""

    low: float
    high: float
    count: int


@dataclass
class StageSummary:
    stage: int
    folder: str
    maximum: float
    spread: Optional[Spread]
    full: int
    none: int
    statuses: list[tuple[str, int]]  # but "graded"


@dataclass
class TestSummary:
    """One test over the class."""

    __test__ = False  # not a test of pytest's

    stage: int
    test: str
    title: str
    maximum: float
    stress: bool
    visibilities: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def share(self) -> float | None:
        """Of those for whom it counts."""
        count = sum(self.outcomes.values()) - self.outcomes[results.ENVIRONMENT]
        return self.outcomes[results.PASSED] / count if count else None


def spread(values: Sequence[float]) -> Spread | None:
    if not values:
        return None
    return Spread(len(values), statistics.fmean(values), statistics.median(values), min(values), max(values))


def counted(class_results: Iterable[SubmissionResult]) -> list[SubmissionResult]:
    """The submissions that the averages are made of: those that were graded, and the grader did not fail."""
    return [result for result in class_results if result.status == results.GRADED and not grader_failed(result)]


def grader_failed(result: SubmissionResult) -> bool:
    return results.GRADER_FAILED in [result.status, *[stage.status for stage in result.stages]]


def histogram(values: Sequence[float], maximum: float) -> list[Bin]:
    """BINS bins from 0 to the maximum."""
    width = (maximum or 1.0) / BINS
    counts = Counter(min(BINS - 1, max(0, int(value / width + 1e-9))) for value in values)
    return [Bin(i * width, (i + 1) * width, counts[i]) for i in range(BINS)]


def stages(class_results: Sequence[SubmissionResult]) -> list[StageSummary]:
    rows: dict[int, list[StageResult]] = {}
    for result in class_results:
        for stage in result.stages:
            rows.setdefault(stage.stage, []).append(stage)
    return [_stage(rows[number]) for number in sorted(rows)]


def _stage(rows: Sequence[StageResult]) -> StageSummary:
    return StageSummary(
        rows[0].stage,
        rows[0].folder,
        max(row.maximum for row in rows),
        spread([row.points for row in rows]),
        sum(row.points >= row.maximum > 0 for row in rows),
        sum(row.points <= 0 for row in rows),
        Counter(row.status for row in rows if row.status != results.GRADED).most_common(),
    )


def tests(class_results: Sequence[SubmissionResult]) -> list[TestSummary]:
    """Stage by stage, in the order in which the grader runs them."""
    found: dict[tuple[int, str], TestSummary] = {}
    for result in class_results:
        for stage, test in result.tests():
            row = found.setdefault(
                (stage.stage, test.test), TestSummary(stage.stage, test.test, test.title, test.maximum, test.stress)
            )
            row.maximum = max(row.maximum, test.maximum)
            row.outcomes[test.outcome] += 1
            if test.visibility not in row.visibilities:
                row.visibilities.append(test.visibility)
    return sorted(found.values(), key=lambda row: row.stage)


def environment(class_results: Sequence[SubmissionResult]) -> Counter[tuple[int, str]]:
    """The tests that the reference fails, too, and for how many submissions that mattered."""
    return Counter(
        (stage.stage, test.test)
        for result in class_results
        for stage, test in result.tests()
        if test.outcome == results.ENVIRONMENT
    )
