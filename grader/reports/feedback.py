"""What of a submission's result its author may see: a copy without what is hidden.

A test is left out if it is `hidden`; if it is `after_due_date` and that date has not passed, or nobody knows
it; and if it is `after_published` and the grades are not. The points of a stage of which a test is left out
are those of its other tests, so that no sum tells what became of the hidden ones; and where a note or a message names one
of them, the name is not in it. What lateness costs is a part of all points: it is not told then. Also left out: where files
lie on the machine that graded, and the grader's own stack traces.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from reports import results
from reports.lateness import without_costs
from reports.results import StageResult, SubmissionResult, TestResult
from reports.text import cut, without_folders

UNNAMED = "a test that is not shown"
LINE, TEXT, SYMPTOMS = 1000, 20000, 200  # characters, characters, lines: no report shows more


@dataclass(frozen=True)
class Feedback:
    """What may be shown, and how many tests are not in it."""

    result: SubmissionResult
    withheld: int


def moment(text: str) -> datetime | None:
    """A time in ISO 8601; without an offset it is UTC. None if it is none."""
    try:
        time = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def is_shown(test: TestResult, due: datetime | None, published: bool, now: datetime) -> bool:
    if test.visibility == results.AFTER_DUE:
        return due is not None and due <= now
    if test.visibility == results.AFTER_PUBLISHED:
        return published
    return test.visibility == results.VISIBLE


def feedback(result: SubmissionResult, *, published: bool = False, now: datetime | None = None) -> Feedback:
    """The copy for the author; `published`: the grades are, `now`: else the time of the call."""
    now = now or datetime.now(timezone.utc)
    due = moment(result.late.due)
    shown = replace(result, stages=[_copy(stage) for stage in result.stages])
    withheld = sum(_strip_stage(stage, due, published, now) for stage in shown.stages)
    everything, seen = _names(result), _names(shown)
    left_out = everything - seen
    hidden = {f"{stage}.{name}" for stage, name in left_out} | ({n for _, n in everything} - {n for _, n in seen})
    shown.message = _unnamed(_text(shown.message), hidden)
    shown.notes = [_unnamed(note, hidden) for note in _lines(shown.notes)]
    if withheld:
        shown.late = replace(shown.late, penalty=0.0)
        shown.notes = without_costs(shown.notes)
    shown.tries = [replace(one, points=one.shown[0], maximum=one.shown[1]) for one in result.tries]
    for stage in shown.stages:
        own = hidden | {name for number, name in left_out if number == stage.stage}
        stage.message = _unnamed(stage.message, own)
        for test in stage.tests:
            test.reason, test.where_how = _unnamed(test.reason, own), _unnamed(test.where_how, own)
    shown.suspects = []
    return Feedback(shown, withheld)


def _names(result: SubmissionResult) -> set[tuple[int, str]]:
    return {(stage.stage, test.test) for stage, test in result.tests()}


def _unnamed(text: str, hidden: Collection[str]) -> str:
    """Without the names of hidden tests. A visible test of another stage may have the same name: that is no secret, unless
    it is said of this stage (3.test_x)."""
    for name in sorted(hidden):  # 3.test_x before test_x
        text = re.sub(rf"(?:\b\d\.)?\b{re.escape(name)}\b", UNNAMED, text)
    return re.sub(rf"{UNNAMED}(?:, {UNNAMED})+", "tests that are not shown", text)


def _copy(stage: StageResult) -> StageResult:
    return replace(stage, tests=[replace(test) for test in stage.tests])


def _strip_stage(stage: StageResult, due: datetime | None, published: bool, now: datetime) -> int:
    """How many tests were left out."""
    hidden = {test.test for test in stage.tests if not is_shown(test, due, published, now)}
    stage.tests = [test for test in stage.tests if test.test not in hidden]
    stage.message = _text(stage.message)
    for test in stage.tests:
        _strip_test(test)
    if hidden:
        stage.points = sum(test.points for test in stage.tests)
        stage.maximum = sum(test.maximum for test in stage.tests)
    return len(hidden)


def _strip_test(test: TestResult) -> None:
    test.reason = _text(test.reason)
    test.where, test.where_how = _text(test.where), _text(test.where_how)
    test.symptoms = _lines(test.symptoms[:SYMPTOMS])
    test.expected, test.got = _lines(test.expected), _lines(test.got)
    test.detail = test.artefacts = ""


def _text(text: str) -> str:
    return without_folders(cut(text, TEXT))


def _lines(lines: list[str]) -> list[str]:
    return [without_folders(cut(line, LINE)) for line in lines]
