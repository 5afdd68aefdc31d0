"""Failures of a class by their cause, so that a TA sees "31 students: TLS base".

A cluster is one place in the code, if an experiment has found it, with all failures of that stage that have the same
cause. Else it is one cause, wherever it shows: its key is the id of the cause. What nobody knows the cause of
is put together by stage, test and message, the message without what differs from run to run. A stage that
has no tests to show (it does not build, it is missing) is a cluster by its status.

A student counts once in a cluster, however many tests the cause cost. A cluster also tells for how many
students it was the first failure of a stage: that is where they got stuck. What was skipped since it needs
a failed test is put down to that test's cause. A test that the reference fails, too, is nobody's loss.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Optional

from reports import results
from reports.results import StageResult, SubmissionResult, TestResult
from reports.text import one_line, short, without_folders
from stage.diagnosis import Cause, load_causes

STATUS_TITLES = {
    results.NOT_BUILT: "Does not build",
    results.MISSING: "Stage is missing",
    results.TIME_LIMIT: "Time limit of a stage",
    results.GRADER_FAILED: "The grader failed: grade again",
}
OURS = {results.GRADER_FAILED, "no-reference", "reference-broken"}  # not the students' fault

NUMBERS = (
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "ADDRESS"),
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,}\b"), "ADDRESS"),
    # Statuses and signals tell causes apart; pids, sizes and counts do not.
    (re.compile(r"(?<!status )(?<!signal )(?<!errno )\b\d+\b"), "N"),
)


@dataclass(frozen=True)
class Loss:
    """One failure of one submission, and what it cost."""

    result: SubmissionResult
    stage: StageResult
    test: Optional[TestResult]  # None: the stage as a whole
    key: str
    points: float  # with those of the tests that were skipped for it
    skipped: int = 0
    first: bool = False  # of its stage

    def message(self) -> str:
        return self.test.reason if self.test else self.stage.message

    def place(self) -> str:
        return f"stage {self.stage.stage}" + (f" {self.test.test}" if self.test else "")


@dataclass
class Cluster:
    """All failures of one cause."""

    key: str
    title: str
    text: str = ""
    next_step: str = ""
    read: str = ""
    losses: list[Loss] = field(default_factory=list)

    @property
    def students(self) -> list[SubmissionResult]:
        found = {loss.result.name: loss.result for loss in self.losses}.values()
        return sorted(found, key=lambda result: (result.student.casefold(), result.name))

    @property
    def shared(self) -> bool:
        """Whether more than one student has it."""
        return len({loss.result.name for loss in self.losses}) > 1

    @property
    def stuck(self) -> int:
        """For how many students it was the first failure of a stage."""
        return len({loss.result.name for loss in self.losses if loss.first})

    @property
    def points(self) -> float:
        return sum(loss.points for loss in self.losses)

    @property
    def tests(self) -> int:
        """How many tests it cost, those that were skipped for it included."""
        return sum(loss.skipped + (loss.test is not None) for loss in self.losses)

    @property
    def stages(self) -> list[int]:
        return sorted({loss.stage.stage for loss in self.losses})

    @property
    def places(self) -> list[tuple[str, int]]:
        """Where it showed, and how often."""
        return Counter(loss.place() for loss in self.losses).most_common()

    @property
    def causes(self) -> list[tuple[str, int]]:
        """What was said of why, where the place is known."""
        return Counter(loss.test.cause_text for loss in self.losses if loss.test and loss.test.cause).most_common()

    @property
    def messages(self) -> list[tuple[str, int]]:
        """What was said, without what differs from run to run."""
        counts = Counter(normalised(loss.message()) for loss in self.losses)
        del counts[""]
        return sorted(counts.items(), key=lambda item: (-item[1], item[0]))

    @property
    def example(self) -> Loss:
        """A failure to look at: one that somebody got stuck at, and of which there are files."""
        return min(self.losses, key=lambda loss: (not loss.first, not (loss.test and loss.test.artefacts)))

    @property
    def ours(self) -> bool:
        return self.key in OURS


def normalised(message: str) -> str:
    """A message without addresses, pids, numbers and folders."""
    text = without_folders(one_line(message, 600))
    for pattern, word in NUMBERS:
        text = pattern.sub(word, text)
    return text[:200]


# What one submission lost


def losses_of(result: SubmissionResult) -> list[Loss]:
    """In the order in which they came; those of a submission that was refused are not looked at."""
    if result.status == results.REFUSED:
        return []
    return [loss for stage in result.stages for loss in _stage_losses(result, stage)]


def _stage_losses(result: SubmissionResult, stage: StageResult) -> list[Loss]:
    whole = stage.status != results.GRADED
    found: list[Loss] = []
    skipped = _skipped_for(stage)
    for test in stage.tests:
        if test.outcome == results.FAILED or test.test in skipped:
            others = skipped.get(test.test, [])
            points = sum(lost.maximum - lost.points for lost in [test, *others])
            key = key_of(stage, test)
            found.append(Loss(result, stage, test, key, points, len(others), first=not whole and not found))
    if whole:
        rest = max(0.0, stage.maximum - stage.points - sum(loss.points for loss in found))
        found.insert(0, Loss(result, stage, None, stage.cause or stage.status, rest, first=True))
    return found


def key_of(stage: StageResult, test: TestResult) -> str:
    """The place of the fault, if it was searched here and found, or for another test with the same cause; or the cause."""
    found = {other.cause: other.where for other in stage.tests if other.where and other.cause}
    return test.where or found.get(test.cause) or test.cause or unknown(stage, test)


def unknown(stage: StageResult, test: TestResult) -> str:
    """The key of a failure whose cause nobody knows."""
    return f"stage {stage.stage} {test.test}: {normalised(test.reason)}"


def _skipped_for(stage: StageResult) -> dict[str, list[TestResult]]:
    """The tests that were skipped, under the name of the test to blame.

    That is the failed one which they need; or the skipped test itself, if it cost points and none failed.
    """
    tests = {test.test: test for test in stage.tests}
    found: dict[str, list[TestResult]] = {}
    for test in stage.tests:
        if test.outcome == results.SKIPPED:
            root = _root(test, tests)
            if root.outcome == results.FAILED:
                found.setdefault(root.test, []).append(test)
            elif root.outcome == results.SKIPPED and test is root and test.maximum > test.points:
                found.setdefault(test.test, [])
    return found


def _root(test: TestResult, tests: Mapping[str, TestResult]) -> TestResult:
    """Follows "needs X" to the test that was not skipped, if there is one."""
    for _ in tests:
        match = re.fullmatch(r"needs (\S+)", test.reason)
        if test.outcome != results.SKIPPED or match is None or match[1] not in tests:
            break
        test = tests[match[1]]
    return test


# All of a class


def clusters(class_results: Iterable[SubmissionResult], causes: Sequence[Cause] | None = None) -> list[Cluster]:
    """The causes by the number of students, then by points; the order of the results does not matter."""
    known = {cause.id: cause for cause in (load_causes() if causes is None else causes)}
    found: dict[str, Cluster] = {}
    for result in sorted(class_results, key=lambda result: result.name):
        for loss in losses_of(result):
            if loss.key not in found:
                found[loss.key] = _cluster(loss, known.get(loss.key))
            found[loss.key].losses.append(loss)
    return sorted(found.values(), key=lambda c: (-len(c.students), -c.points, c.key))


def _cluster(loss: Loss, cause: Cause | None) -> Cluster:
    if cause is not None:
        return Cluster(loss.key, cause.title or words(cause.id), cause.text, cause.next, cause.reading())
    if loss.test is None:
        title = STATUS_TITLES.get(loss.key) or words(loss.key)
        return Cluster(loss.key, title, loss.stage.cause_text)
    test = loss.test
    if loss.key not in (test.cause, unknown(loss.stage, test)):
        return Cluster(loss.key, loss.key, "", "", test.read)
    if test.cause:  # of another grader's
        return Cluster(loss.key, words(test.cause), test.cause_text, test.next_step, test.read)
    message = normalised(test.reason)
    return Cluster(loss.key, short(f"{test.test}: {message}", 90), "", "", test.read)


def words(identifier: str) -> str:
    """The id of a cause as words, for one that has no title."""
    return identifier[:1].upper() + identifier[1:].replace("-", " ")
