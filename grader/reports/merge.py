"""Puts the new results of some tests into the results of an earlier run: regrading one test for everybody."""

from __future__ import annotations

from collections.abc import Sequence

from reports.results import GRADED, PASSED, SKIPPED, SubmissionResult, TestResult

def tests(old: SubmissionResult, new: SubmissionResult, names: Sequence[str]) -> SubmissionResult:
    """`old`, but for the named tests, which are as in `new`; a stage that had no tests stays as it was."""
    fresh = {(stage.stage, test.test): test for stage, test in new.tests() if test.test in names}
    passed = {test.test for _, test in [*old.tests(), *new.tests()] if test.outcome == PASSED}
    for stage in old.stages:
        if stage.status != GRADED:
            continue
        for i, test in enumerate(stage.tests):
            new_test = fresh.pop((stage.stage, test.test), None)
            if new_test and not _waits(test, passed):
                stage.tests[i] = new_test
        stage.tests += [test for (number, _), test in list(fresh.items()) if number == stage.stage]
        stage.points = sum(test.points for test in stage.tests)
        stage.maximum = sum(test.maximum for test in stage.tests)
    old.grader, old.machine, old.sandbox = new.grader, new.machine, new.sandbox
    note = f"graded anew on {new.started}: {', '.join(names)}"
    old.notes = [*[n for n in old.notes if not n.startswith("graded anew")], note]
    return old


def stages(old: SubmissionResult, new: SubmissionResult) -> SubmissionResult:
    """`new`, with those stages of `old` that were not graded anew."""
    fresh = {stage.stage: stage for stage in new.stages}
    new.stages = sorted({**{stage.stage: stage for stage in old.stages}, **fresh}.values(), key=lambda s: s.stage)
    return new


def _waits(test: TestResult, passed: set[str]) -> bool:
    """Whether a test was skipped for another one that still fails: run alone, it would not be."""
    return test.outcome == SKIPPED and test.reason.startswith("needs ") and test.reason[len("needs ") :] not in passed
