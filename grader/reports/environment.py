"""What the reference solution fails on this machine is the machine's fault: no student loses a point for it, or gets one."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from reports.course import Catalogue, Declared
from reports.results import ENVIRONMENT, GRADED, PASSED, StageResult, SubmissionResult

WORDS = "grader environment: the reference solution fails this test on this machine, too"
DEPENDS = "grader environment: it needs a test that does not count on this machine"


@dataclass(frozen=True)
class Fault:
    """A test that cannot be judged here; all of a stage if `test` is empty."""

    stage: int
    test: str
    reason: str


def faults(reference: SubmissionResult | None) -> list[Fault]:
    """What the reference did not pass."""
    if reference is None:
        return []
    if not reference.stages:
        return [Fault(0, "", reference.message or "the reference could not be graded")]
    found = []
    for stage in reference.stages:
        if stage.status != GRADED:
            found.append(Fault(stage.stage, "", f"{stage.status}: {stage.message}"))
        found += [Fault(stage.stage, t.test, t.reason) for t in stage.tests if t.outcome != PASSED]
    return found


def apply(found: list[Fault], result: SubmissionResult, catalogue: Catalogue | None = None) -> SubmissionResult:
    """A copy in which such tests count for nobody, whatever became of them; nor do tests that need one of them."""
    result = copy.deepcopy(result)
    for stage in result.stages:
        names = {fault.test for fault in found if fault.stage in (0, stage.stage)}
        names |= {test.test for test in stage.tests if test.outcome == ENVIRONMENT}
        _apply_to_stage(names, stage, (catalogue or {}).get(stage.stage, {}))
    return result


def _with_dependents(names: set[str], declared: dict[str, Declared]) -> set[str]:
    """These tests, and those that need one of them, or one that needs one."""
    names = set(names)
    while more := {test for test, row in declared.items() if names & set(row.needs)} - names:
        names |= more
    return names


def _apply_to_stage(faulty: set[str], stage: StageResult, declared: dict[str, Declared]) -> None:
    if not faulty:
        return
    names = _with_dependents(faulty, declared)
    for test in stage.tests:
        if test.test in names or "" in names:
            if test.outcome != ENVIRONMENT:
                test.outcome, test.reason = ENVIRONMENT, WORDS if {test.test, ""} & faulty else DEPENDS
            test.points = test.maximum = 0.0
            test.where = test.where_how = test.cause = test.cause_text = test.next_step = ""
    if "" in names:
        stage.maximum = 0.0
    elif stage.tests:
        stage.maximum = sum(test.maximum for test in stage.tests)
    else:
        stage.of_nobody = sorted(names & declared.keys())
        stage.maximum -= sum(declared[name].points for name in stage.of_nobody if not declared[name].stress)
    stage.points = sum(test.points for test in stage.tests)
