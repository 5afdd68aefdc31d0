"""Puts the new results of some tests into the results of an earlier run: regrading one test for everybody."""

from __future__ import annotations

from collections.abc import Sequence

from reports.results import GRADED, PASSED, SKIPPED, StageResult, SubmissionResult, TestResult

ANEW = "graded anew"  # how the note begins


def tests(old: SubmissionResult, new: SubmissionResult, names: Sequence[str]) -> SubmissionResult:
    """`old`, but for the named tests (3.test_x, or test_x of any stage), which are as in `new`; a stage that had no tests
    stays as it was."""
    told: list[str] = []
    for stage in old.stages:
        rows = [test for s, test in new.tests() if s.stage == stage.stage]
        fresh = {test.test: test for test in rows if {test.test, f"{stage.stage}.{test.test}"} & set(names)}
        if stage.status == GRADED and fresh:
            told += _put(stage, fresh)
    old.grader, old.machine, old.sandbox = new.grader, new.machine, new.sandbox
    old.notes = [note for note in old.notes if not note.startswith(ANEW)]
    old.notes += [f"{ANEW} on {new.started}: {', '.join(told)}"] if told else []
    return old


def _put(stage: StageResult, fresh: dict[str, TestResult]) -> list[str]:
    """The names of the tests that are others now."""
    passed = {test.test for test in [*stage.tests, *fresh.values()] if test.outcome == PASSED}
    kept = {test.test: test for test in stage.tests if _waits(test, passed)}
    rows = {**{test.test: test for test in stage.tests}, **fresh, **kept}
    stage.tests = list(rows.values())
    stage.points = sum(test.points for test in stage.tests)
    stage.maximum = sum(test.maximum for test in stage.tests)
    return [name for name in fresh if name not in kept]


def stages(old: SubmissionResult, new: SubmissionResult) -> SubmissionResult:
    """`new`, with those stages of `old` that were not graded anew."""
    fresh = {stage.stage: stage for stage in new.stages}
    new.stages = sorted({**{stage.stage: stage for stage in old.stages}, **fresh}.values(), key=lambda s: s.stage)
    return new


def _waits(test: TestResult, passed: set[str]) -> bool:
    """Whether a test was skipped for another one that still fails: run alone, it would not be."""
    return test.outcome == SKIPPED and test.reason.startswith("needs ") and test.reason[len("needs ") :] not in passed
