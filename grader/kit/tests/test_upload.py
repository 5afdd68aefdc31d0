"""Points by hand, and the files that course systems take."""
from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from reports import course_file, gradebook, hand, reports, results, roster, upload
from reports.course import Course
from reports.results import Late, StageResult, SubmissionResult, TestResult
from test_roster import BRIGHTSPACE, CANVAS, MOODLE

HAND = '[by_hand]\ntitle = "Style"\nmaximum = 10\n'


def course(tmp_path: Path, text: str) -> Course:
    (tmp_path / "course.toml").write_text(text)
    return course_file.load(tmp_path / "course.toml", {})


def ada(**more: object) -> SubmissionResult:
    test = TestResult("test_a", "a", 30.0, 40.0)
    made = SubmissionResult("ada", "Ada Example", "4711", stages=[StageResult(1, "one", points=30.0, maximum=40.0, tests=[test])])
    return replace(made, late=Late(penalty=3.0), also=["67", "#815", "ada1"], **more)  # type: ignore[arg-type]


def given(tmp_path: Path, text: str, name: str = "ada") -> None:
    (tmp_path / "hand").mkdir(exist_ok=True)
    (tmp_path / "hand" / f"{name}.toml").write_text(text)


def test_points_by_hand_count_and_lateness_takes_none_of_them(tmp_path: Path) -> None:
    given(tmp_path, 'points = 7.5\ncomment = "Clear names."\n')
    bob = SubmissionResult("bob", "Bob")
    found = hand.merged(course(tmp_path, HAND), tmp_path, [ada(), bob])
    assert [(one.points, one.maximum, one.final) for one in found] == [(37.5, 50, 34.5), (0, 10, 0)]
    rows = list(csv.DictReader(io.StringIO(gradebook.as_csv(found, with_tests=True))))
    assert [(row["by hand"], row["1.test_a"]) for row in rows] == [("7.5", "30"), ("", "")]


@pytest.mark.parametrize("name, text, words", [
    ("ada", "points = 11\n", "from 0 to 10"), ("ada", 'points = "7"\n', "from 0 to 10"), ("ada", "points = 1\nnote = 2\n", "nothing else"),
    ("ada", "points = \n", "hand/ada.toml"), ("eve", "points = 1\n", "nobody is called so")])
def test_what_is_wrong_in_a_file_is_told(tmp_path: Path, name: str, text: str, words: str) -> None:
    given(tmp_path, text, name)
    with pytest.raises(course_file.CourseError, match=words):
        hand.merged(course(tmp_path, HAND), tmp_path, [ada()])


def test_files_without_a_maximum_are_told(tmp_path: Path) -> None:
    given(tmp_path, "points = 1\n")
    with pytest.raises(course_file.CourseError, match="by_hand"):
        hand.merged(course(tmp_path, ""), tmp_path, [ada()])


def table(tmp_path: Path, text: str, course_text: str, *found: SubmissionResult) -> list[dict[str, str]]:
    (tmp_path / "list.csv").write_text(text, encoding="utf-8")
    grades = upload.Gradefile(course(tmp_path, course_text), roster.read(tmp_path / "list.csv"), found)
    said = grades.text()
    assert said.startswith("\ufeff") == text.startswith("\ufeff") and said.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(said.removeprefix("\ufeff"))))


def test_moodle_s_worksheet_comes_back_filled_in(tmp_path: Path) -> None:
    """All columns stay, in their order; who handed in nothing has no grade. Its maximum is another one: that is told, or scaled to."""
    bob = SubmissionResult("bob", "Bob Sample", status=results.ABSENT)
    rows = table(tmp_path, MOODLE, '[gradebook]\nmaximum = 100\n', ada(by_hand=replace(hand_of(7.5), comment="=good")), bob)
    assert ",".join(rows[0]) == MOODLE.splitlines()[0].removeprefix("\ufeff").replace('"', "")
    assert [(row["Identifier"], row["Grade"]) for row in rows] == [("Participant 4711", "69.00"), ("Participant 4712", "")]
    assert rows[0]["Feedback comments"] == "'=good" and rows[0]["Last modified (grade)"] == "-"
    plain = upload.Gradefile(course(tmp_path, ""), roster.read(tmp_path / "list.csv"), [ada()])
    assert plain.problems == ["Moodle's maximum is 100.00, the course's 40: set maximum = 100 in [gradebook]"]


def hand_of(points: float) -> results.ByHand:
    return results.ByHand("Style", 10, points, known=True)


def test_canvas_has_its_columns_and_the_maximum(tmp_path: Path) -> None:
    rows = table(tmp_path, CANVAS, '[gradebook]\nassignment = "Checkpoint (991)"\n', ada())
    assert list(rows[0]) == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Checkpoint (991)"]
    assert [(row["Student"].strip(), row["Checkpoint (991)"]) for row in rows] == [
        ("Points Possible", "40"), ("Example, Ada", "27.00"), ("O'Sample, Bob Zoë", "")]


def test_brightspace_has_its_columns(tmp_path: Path) -> None:
    rows = table(tmp_path, BRIGHTSPACE, 'name = "CS 1"\n', ada())
    assert rows == [{"OrgDefinedId": "#815", "Username": "ada1", "CS 1 Points Grade": "27.00", "End-of-Line Indicator": "#"}]


def test_what_the_grader_failed_at_is_no_grade(tmp_path: Path) -> None:
    failed = ada()
    failed.stages[0].status = results.GRADER_FAILED
    assert table(tmp_path, BRIGHTSPACE, 'name = "X"\n', failed)[0]["X Points Grade"] == ""


@pytest.mark.parametrize("source, system, name", [
    ("Ada Example_4711_assignsubmission_file/handin.tar.gz", "moodle", "Ada Example_4711_assignsubmission_file/feedback.html"),
    ("Ada Example_4711_assignsubmission_file_handin.tar.gz", "moodle", "Ada Example_4711_assignsubmission_file/feedback.html"),
    ("exampleada_LATE_67_890_handin.tar.gz", "canvas", "exampleada_LATE_67_890_feedback.html"),
    ("1-9 - Ada A - Sep 24, 2024 926 PM/a.zip", "brightspace", "1-9 - Ada A - Sep 24, 2024 926 PM/feedback.html"),
    ("1-9 - Ada A - Sep 24, 2024 926 PM - a.zip", "brightspace", "1-9 - Ada A - Sep 24, 2024 926 PM/feedback.html")])
def test_feedback_goes_under_the_system_s_own_names(tmp_path: Path, source: str, system: str, name: str) -> None:
    results.save(ada(source=source), tmp_path / "results/ada.json")
    results.save(replace(ada(source="by-mail.tar.gz"), name="bob"), tmp_path / "results/bob.json")
    given(tmp_path, 'points = 7.5\ncomment = "Clear <names>."\n')
    course(tmp_path, f'{HAND}')
    said = reports.write(tmp_path, reports.Listed([ada(source=source), replace(ada(), name="bob")]), tmp_path / "course.toml", "A class")
    assert said[-1].endswith(": bob")
    with zipfile.ZipFile(tmp_path / f"upload/feedback-{system}.zip") as archive:
        assert archive.namelist() == [name] and b"Clear &lt;names&gt;." in archive.read(name)


def test_grades_of_an_earlier_run_do_not_stay(tmp_path: Path) -> None:
    (tmp_path / "upload").mkdir()
    for name in ("canvas.csv", "feedback-moodle.zip", "my-own.csv"):
        (tmp_path / "upload" / name).write_text("old")
    said = upload.write(course(tmp_path, ""), [ada(source="by-mail.tar.gz")], None, tmp_path)
    assert [path.name for path in (tmp_path / "upload").iterdir()] == ["my-own.csv"]
    assert said == ["removed upload/canvas.csv: it was of an earlier run; with PEOPLE=FILE it is made anew",
                    "removed upload/feedback-moodle.zip: it was of an earlier run"]


def test_the_exported_gradebook_may_have_a_column_of_times(tmp_path: Path) -> None:
    """So Canvas, whose download has none, needs one list alone."""
    (tmp_path / "list.csv").write_text(CANVAS.replace("Section", "Section,Submitted", 1).replace("CS 1", "CS 1,2026-10-05 20:00", 1))
    told = roster.read(tmp_path / "list.csv")
    assert (told.system, told.people[0].submitted) == (roster.CANVAS, "2026-10-05T20:00:00")
