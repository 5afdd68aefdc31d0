"""What of a result may be shown, and to whom: rows of text and points for the formats of the platforms.

A test has a visibility in Gradescope's words. Where the platform knows them, it gets all rows with theirs
(`rows`). Where it does not, tests that are not visible to all are one row for each stage that has their points and
nothing else (`merge_hidden`): such a platform cannot show them later. In either case no text names a
test that its reader may not see, as "needs test_secret" would.

A test that the reference fails on this machine is nobody's fault: it is no row, and `notes` tells of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from reports import results
from reports.lateness import without_costs
from reports.results import StageResult, SubmissionResult, TestResult
from reports.text import clean, cut, one_line, without_folders

PENDING = "pending"  # an outcome that only a row has: not graded yet
NOT_SHOWN = "a test that is not shown"
RANK = {results.VISIBLE: 0, results.AFTER_DUE: 1, results.AFTER_PUBLISHED: 2, results.HIDDEN: 3}
NAME_LIMIT = 200
TEXT_LIMIT = 6000  # characters of one text; output.py shortens them further where all of it is too large
MOST_NOTES = 100  # about the submission as a whole
NOTE_LIMIT = 1000

PENDING_TEXT = "This is not graded yet. If it stays so, the time limit ended the grader before it was done."
NOT_FINISHED = "Grading is not finished: what is not listed, or listed as not graded yet, is still to come."
NOT_YOURS = "This is not your fault: tell the staff, who will grade it again."


@dataclass
class Row:
    """One line of a results page: a test, or what there is to say of a stage as a whole."""

    stage: int
    name: str  # "" for the stage as a whole
    title: str
    points: float
    maximum: float
    outcome: str  # one of results.PASSED, FAILED, SKIPPED, or PENDING
    text: str = ""
    visibility: str = results.VISIBLE
    step: str = ""
    seconds: float = 0.0

    @property
    def label(self) -> str:
        """What it is called on a page. No colon: Autolab takes `word:` for a key of JSON."""
        label = f"Stage {self.stage}, {self.title}"
        return f"{label} (not graded yet)" if self.outcome == PENDING else label


def visibility_of(test: TestResult) -> str:
    """An unknown word hides the test."""
    return test.visibility if test.visibility in RANK else results.HIDDEN


class Veil:
    """Takes the names of tests out of texts for readers who may not see these tests."""

    def __init__(self, result: SubmissionResult) -> None:
        tests = [test for _, test in result.tests()]
        self.names = {rank: self._pattern(tests, rank) for rank in RANK.values()}

    @staticmethod
    def _pattern(tests: list[TestResult], rank: int) -> re.Pattern[str] | None:
        secret = {
            name.strip()
            for test in tests if RANK[visibility_of(test)] > rank
            for name in (test.test, test.title)
        } - {""}
        words = "|".join(re.escape(name) for name in sorted(secret, key=lambda name: (-len(name), name)))
        return re.compile(rf"(?<!\w)(?:{words})(?!\w)") if words else None

    def over(self, text: str, visibility: str = results.VISIBLE) -> str:
        pattern = self.names[RANK[visibility]]
        return pattern.sub(NOT_SHOWN, text) if pattern else text


def first_difference(expected: list[str], got: list[str]) -> list[str]:
    """The first line that differs, on both sides."""
    for number in range(max(len(expected), len(got))):
        want = expected[number] if number < len(expected) else "(nothing more)"
        have = got[number] if number < len(got) else "(nothing more)"
        if want != have:
            return [f"Line {number + 1} should be:  {want}", f"Line {number + 1} is:         {have}"]
    return []


def explanation(test: TestResult) -> str:
    """Why there are no points, the cause, and what to do next: what the grader prints at home."""
    lines = [cut(test.reason, TEXT_LIMIT)] + first_difference(test.expected, test.got)
    lines += [symptom for symptom in test.symptoms if " says: " in symptom][:5]
    parts = {"Where": test.where, "Cause": test.cause_text, "Next": test.next_step, "Read": test.read, "Note": test.remark}
    lines += [f"{name}: {text}" for name, text in parts.items() if text]
    return "\n".join(line for line in lines if line)


def is_pending(test: TestResult, done: bool) -> bool:
    """The grader lists all tests of a stage as skipped at its start, and a skipped test has a reason."""
    return not done and test.outcome == results.SKIPPED and not test.reason


def test_row(stage: StageResult, test: TestResult, done: bool) -> Row:
    pending = is_pending(test, done)
    text = "" if test.outcome == results.PASSED and not test.remark else explanation(test)
    return Row(stage.stage, test.test, test.title or test.test, test.points, test.maximum,
               PENDING if pending else test.outcome, PENDING_TEXT if pending else text,
               visibility_of(test), test.step, test.seconds)


STAGE_TITLES = {
    results.MISSING: "it is not in the submission",
    results.NOT_BUILT: "it does not build",
    results.TIME_LIMIT: "the time limit ended it",
    results.GRADER_FAILED: "the grader failed",
}


def counted(stage: StageResult) -> list[TestResult]:
    return [test for test in stage.tests if test.outcome != results.ENVIRONMENT]


def stage_text(stage: StageResult) -> str:
    """The message of a grader that failed is a trace of its own: for the staff, and it may name hidden tests."""
    if stage.status == results.GRADER_FAILED:
        return NOT_YOURS
    lines = [cut(stage.message, TEXT_LIMIT), f"Cause: {stage.cause_text}" if stage.cause_text else ""]
    return "\n".join(line for line in lines if line)


def stage_row(stage: StageResult, done: bool) -> Row | None:
    """What is to say of a stage besides its tests; it has the points that no test of the result has."""
    rest = max(0.0, stage.maximum - sum(test.maximum for test in counted(stage)))
    if stage.status != results.GRADED:
        title = STAGE_TITLES.get(stage.status, stage.status)
        return Row(stage.stage, "", title, 0.0, rest, results.FAILED, stage_text(stage))
    if stage.tests:
        return None
    if done:
        return Row(stage.stage, "", "none of its tests ran", 0.0, rest, results.FAILED, stage_text(stage))
    return Row(stage.stage, "", "all tests", 0.0, rest, PENDING, PENDING_TEXT)


def refused_row(result: SubmissionResult) -> Row:
    text = result.message or "nothing of it was graded"
    return Row(0, "", "the submission was refused", 0.0, 0.0, results.FAILED, text)


def fit_to_show(text: str) -> str:
    return without_folders(clean(text, TEXT_LIMIT))


def finish(row: Row, veil: Veil) -> Row:
    """Its texts, fit for its readers."""
    row.text = veil.over(fit_to_show(row.text), row.visibility)
    row.title = one_line(veil.over(row.title, row.visibility), NAME_LIMIT)
    return row


def rows(result: SubmissionResult, done: bool) -> list[Row]:
    """All rows by stage, those that everybody may see first."""
    found = [refused_row(result)] if result.status == results.REFUSED else []
    for stage in result.stages:
        whole = stage_row(stage, done)
        found += [whole] if whole else []
        tests = [test_row(stage, test, done) for test in counted(stage)]
        found += sorted(tests, key=lambda row: RANK[row.visibility])
    veil = Veil(result)
    return [finish(row, veil) for row in found]


def shortened(found: list[Row], limit: int) -> list[Row]:
    """The same rows with texts of at most about `limit` characters."""
    return [replace(row, text=cut(row.text, limit)) for row in found]


def merged(stage: int, secret: list[Row]) -> Row:
    """One row for tests that the platform must not show: their points, nothing else."""
    outcomes = {row.outcome for row in secret}
    outcome = results.FAILED
    if PENDING in outcomes:
        outcome = PENDING
    elif outcomes == {results.PASSED}:
        outcome = results.PASSED
    return Row(stage, "", "tests that are not shown", sum(row.points for row in secret),
               sum(row.maximum for row in secret), outcome)


def merge_hidden(everything: list[Row]) -> list[Row]:
    """For a platform that shows all that it gets."""
    found: list[Row] = []
    for stage in sorted({row.stage for row in everything}):
        mine = [row for row in everything if row.stage == stage]
        found += [row for row in mine if row.visibility == results.VISIBLE]
        secret = [row for row in mine if row.visibility != results.VISIBLE]
        found += [merged(stage, secret)] if secret else []
    return found


def not_counted(result: SubmissionResult) -> list[str]:
    """What the machine cannot run, by stage; tests that are not shown have no name here."""
    lines = []
    for stage in result.stages:
        tests = [test for test in stage.tests if test.outcome == results.ENVIRONMENT]
        names = [test.test if visibility_of(test) == results.VISIBLE else NOT_SHOWN for test in tests]
        if names:
            lines.append(f"Stage {stage.stage}: not counted, because the reference solution fails it on "
                         f"this machine, too: {', '.join(names)}. {NOT_YOURS}")
    return lines


def lateness(result: SubmissionResult, costs: bool) -> list[str]:
    late = result.late
    if not late.days:
        return []
    free = f", {late.free_days} of them late days" if late.free_days else ""
    cost = f" It costs {late.penalty:g} points." if late.penalty and costs else ""
    return [f"Late: {late.days} begun day(s) after {late.due}{free}.{cost}"]


def notes(result: SubmissionResult, done: bool, costs: bool = True) -> list[str]:
    """What is to say of the submission as a whole. `costs`: what lateness costs, too, from which all points can be reckoned."""
    lines = [] if done else [NOT_FINISHED]
    lines += [result.message] if result.message and result.status != results.REFUSED else []
    lines += not_counted(result) + lateness(result, costs)
    lines += result.notes if costs else without_costs(result.notes)
    lines += [f"Stage {stage.stage}: {stage.warnings} compiler warning(s)"
              for stage in result.stages if stage.warnings]
    if result.variables:
        lines.append(f"Made with {' '.join(result.variables)}")
    veil = Veil(result)
    return [cut(veil.over(fit_to_show(line)), NOTE_LIMIT) for line in lines[:MOST_NOTES]]
