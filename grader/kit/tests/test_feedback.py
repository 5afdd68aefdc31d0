"""What a student may see: no hidden test, in no sum and no word, and no place on the grader's machine."""
from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from reports import lateness, results
from reports.feedback import feedback, is_shown, moment
from reports.results import Late, StageResult, SubmissionResult, TestResult

NOW = datetime(2025, 3, 10, tzinfo=timezone.utc)


def one(visibility: str = results.HIDDEN) -> SubmissionResult:
    hidden = TestResult("test_secret", "", 0.0, 3.0, outcome=results.FAILED, visibility=visibility)
    skipped = TestResult("test_b", "", 0.0, 1.0, reason="needs test_secret")
    shown = TestResult("test_a", "", 2.0, 2.0, outcome=results.PASSED, detail="trace")
    shown.artefacts = "artefacts/ann/stage1/test_a"
    shown.symptoms = ["restart says: /srv/grades/scratch/ann/image: short", "in /usr/lib/libc.so.6"]
    stage = StageResult(1, "stage1", points=2.0, maximum=6.0, tests=[hidden, skipped, shown])
    return SubmissionResult("ann", "Ann", stages=[stage])


def test_a_hidden_test_leaves_no_trace() -> None:
    given = one()
    shown = feedback(given, now=NOW)
    assert shown.withheld == 1
    assert "secret" not in str(shown.result)
    assert (shown.result.points, shown.result.maximum) == (2.0, 3.0)
    assert shown.result.stages[0].tests[0].reason == "needs a test that is not shown"
    assert given == one(), "the staff's copy is as it was"


def test_no_note_names_a_hidden_test() -> None:
    given = one()
    given.notes = ["graded anew on 2025-03-09: test_secret", "graded anew: test_a, 1.test_secret", "test_secrets is another"]
    given.stages[0].message = "test_secret took too long"
    shown = feedback(given, now=NOW).result
    assert shown.notes == ["graded anew on 2025-03-09: a test that is not shown",
                           "graded anew: test_a, a test that is not shown", "test_secrets is another"]
    assert shown.stages[0].message == "a test that is not shown took too long"


def test_a_visible_test_of_the_same_name_in_another_stage_gives_no_name_away() -> None:
    given = one()
    given.stages.append(StageResult(2, "stage2", tests=[
        TestResult("test_secret", "", 0.0, 1.0), TestResult("test_c", "", 0.0, 1.0, reason="needs test_secret")]))
    given.notes = ["graded anew: 1.test_secret, 2.test_secret"]
    shown = feedback(given, now=NOW).result
    assert [stage.tests[-2 if stage.stage == 1 else -1].reason for stage in shown.stages] == [
        "needs a test that is not shown", "needs test_secret"]
    assert shown.notes == ["graded anew: a test that is not shown, 2.test_secret"]


def test_what_lateness_costs_tells_nothing_of_a_hidden_test() -> None:
    given = one()
    given.late = Late("2025-03-01T23:59:59-05:00", 2, 1, 0.6)
    due = lateness.Deadline(datetime(2025, 3, 1, tzinfo=timezone.utc), [given.stages[0]])
    given.notes = [lateness.in_words(due, given.late), "b"]
    assert given.notes[0].endswith("2 days late, 1 free: -0.6 points")
    shown = feedback(given, now=NOW).result
    assert shown.late == Late("2025-03-01T23:59:59-05:00", 2, 1) and given.late.penalty == 0.6
    assert shown.notes == [given.notes[0].replace(": -0.6 points", ""), "b"]
    open_to_all = replace(one(results.VISIBLE), late=given.late, notes=given.notes)
    assert feedback(open_to_all, now=NOW).result.late.penalty == 0.6


def test_no_place_on_the_graders_machine_is_shown() -> None:
    test = feedback(one(), now=NOW).result.stages[0].tests[1]
    assert (test.artefacts, test.detail) == ("", "")
    assert test.symptoms == ["restart says: .../image: short", "in /usr/lib/libc.so.6"]


def test_points_that_the_course_changed_stay_if_nothing_is_hidden() -> None:
    made = one(results.VISIBLE)
    made.stages[0].points = 1.5
    assert feedback(made, now=NOW).result.points == 1.5


@pytest.mark.parametrize(
    ("visibility", "due", "published", "shown"),
    [
        (results.VISIBLE, "", False, True),
        (results.HIDDEN, "2025-03-01T00:00:00Z", True, False),
        (results.AFTER_DUE, "2025-03-01T00:00:00Z", False, True),
        (results.AFTER_DUE, "2025-03-11T00:00:00+01:00", True, False),
        (results.AFTER_DUE, "", False, False),
        (results.AFTER_DUE, "some day", False, False),
        (results.AFTER_PUBLISHED, "2025-03-01T00:00:00Z", False, False),
        (results.AFTER_PUBLISHED, "", True, True),
        ("a word of tomorrow", "2025-03-01T00:00:00Z", True, False),
    ],
)
def test_who_may_see_a_test(visibility: str, due: str, published: bool, shown: bool) -> None:
    test = TestResult("test_a", "", 0.0, 1.0, visibility=visibility)
    assert is_shown(test, moment(due), published, NOW) == shown
    made = one(visibility)
    made.late = Late(due)
    assert ("test_secret" in str(feedback(made, published=published, now=NOW).result)) == shown


def test_megabytes_are_cut() -> None:
    made = one()
    made.message = "x" * 5_000_000
    made.stages[0].tests[2].symptoms = ["y" * 100_000] * 10_000
    assert len(str(feedback(made, now=NOW).result)) < 500_000
