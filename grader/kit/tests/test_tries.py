"""Several submissions of one student: the best or the last counts, and each is on the student's page."""
from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from batch import intake
from reports import course_file, pages, results, tries
from reports.course import BEST, LAST, Course
from reports.feedback import feedback
from reports.results import Late, StageResult, SubmissionResult, TestResult


def made(name: str, points: float, submitted: str = "", penalty: float = 0, hidden: float = 0) -> SubmissionResult:
    tests = [TestResult("test_a", "a", points, 20, outcome=results.PASSED), TestResult("test_h", "h", hidden, 5, visibility=results.HIDDEN)]
    stage = StageResult(1, "one", points=points + hidden, maximum=25, tests=tests)
    return SubmissionResult(name, "Ada", digest=f"{name}{points}", submitted=submitted, stages=[stage], late=Late(penalty=penalty))


CLASS = [made("ada", 10, "2026-10-03T00:00:00Z"), made("ada~1", 15, "2026-10-01T00:00:00Z", hidden=2),
         made("ada~2", 18, "2026-10-02T00:00:00Z", penalty=9), made("bob", 1), made("gone~1", 1)]


@pytest.mark.parametrize("which, points, counts", [(LAST, 10, [False, False, True]), (BEST, 17, [True, False, False])])
def test_the_best_or_the_last_counts(which: str, points: float, counts: list[bool]) -> None:
    """The best is that with most points after lateness; of equal ones the later."""
    ada, bob = tries.settled(Course(several=which), CLASS)
    assert (ada.name, ada.points, bob.tries) == ("ada", points, [])
    assert [one.counts for one in ada.tries] == counts and [one.points for one in ada.tries] == [17, 18, 10]
    assert tries.settle(Course(several=BEST), "x", [made("x", 3), made("x~1", 3)]).digest == "x3"


def test_the_points_of_each_time_are_on_the_page_without_hidden_ones(tmp_path: Path) -> None:
    ada = tries.settled(Course(several=BEST), CLASS)[0]
    assert [(one.points, one.maximum) for one in feedback(ada).result.tries] == [(15, 20), (18, 20), (10, 20)]
    pages.write_pages([ada], tmp_path)
    staff, own = ((tmp_path / folder / "ada.html").read_text() for folder in ("students", "feedback"))
    assert "17 of 25" in staff and "15 of 20" in own and "17 of 25" not in own and "this one" in own


def test_what_is_replaced_is_kept_and_the_same_once_more_is_none(tmp_path: Path) -> None:
    old = made("ada", 15, "2026-10-01T00:00:00Z")
    old.stages[0].tests[0].artefacts = "artefacts/ada/test_a"
    tries.put_aside(old, tmp_path)
    [kept] = tries.earlier(tmp_path)
    assert kept.points == 15 and kept.tests()[0][1].artefacts == "" and tries.student_of(kept.name) == "ada"
    assert tries.settle(Course(), "ada", [old, kept]).tries == []
    assert len(tries.settle(Course(), "ada", [made("ada", 10), kept]).tries) == 2


def test_older_archives_are_submissions_if_the_best_counts(tmp_path: Path) -> None:
    for age, name in enumerate(["ada.tar.gz", "ada.zip", "bob.zip"]):
        (tmp_path / name).write_bytes(b"PK")
        os.utime(tmp_path / name, (1000 + age, 1000 + age))
    assert [(one.name, one.path.name) for one in intake.look(tmp_path, every=True).submissions] == [
        ("ada", "ada.zip"), ("ada~1", "ada.tar.gz"), ("bob", "bob.zip")]
    assert [one.name for one in intake.look(tmp_path).submissions] == ["ada", "bob"]
    said = [intake.look(tmp_path, every=every).submissions[0].notes for every in (True, False)]
    assert said == [("ada.tar.gz: an earlier submission, graded by itself",), ("ada.tar.gz: not graded: ada.zip is newer",)]


def test_the_course_says_which(tmp_path: Path) -> None:
    for text, which in (("", LAST), ('counts = "best"\n', BEST)):
        (tmp_path / "course.toml").write_text(text)
        assert course_file.load(tmp_path / "course.toml", {}).several == which
    (tmp_path / "course.toml").write_text('counts = "first"\n')
    with pytest.raises(course_file.CourseError, match='course.toml:1: counts: is "last" or "best"'):
        course_file.load(tmp_path / "course.toml", {})
    assert replace(CLASS[0]).tries == []
