"""grades.csv can be read back, and no spreadsheet takes a name for a formula."""
from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from kit import fakeclass
from reports import gradebook, reports, results
from reports.results import Late, StageResult, SubmissionResult, TestResult


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def ann() -> SubmissionResult:
    lost = TestResult("test_tls", "", 0.0, 4.5, outcome=results.FAILED, cause="no-tls")
    one = StageResult(1, "one", points=20.0, maximum=20.0)
    three = StageResult(3, "three", points=40.5, maximum=45.0, tests=[lost])
    stages = [one, three]
    made = SubmissionResult("ann", 'Ann "A", O\'Neil', "7", submitted="2025-03-01T12:00:00+01:00", stages=stages)
    made.late = Late("2025-02-27T12:00:00+01:00", 2, 1, 5.25)
    return made


def test_a_row_has_all_that_is_promised(tmp_path: Path) -> None:
    gradebook.write([ann()], tmp_path / "grades.csv")
    (row,) = read(tmp_path / "grades.csv")
    assert row == {
        "name": "ann", "student": 'Ann "A", O\'Neil', "id": "7", "submitted": "2025-03-01T12:00:00+01:00",
        "stage 1": "20", "stage 3": "40.5", "total": "60.5", "late days": "2", "penalty": "5.25", "final": "55.25",
        "status": "graded", "first cause": "no-tls", "reason": "",
    }


def test_rows_are_sorted_by_student_and_none_is_lost(tmp_path: Path) -> None:
    people = fakeclass.Maker(fakeclass.small()).people(50)
    gradebook.write(reversed(people), tmp_path / "grades.csv")
    rows = read(tmp_path / "grades.csv")
    assert sorted(row["name"] for row in rows) == sorted(made.name for made in people)
    students = [(row["student"].casefold(), row["name"]) for row in rows if row["name"] != "student900"]
    assert students == sorted(students)
    finals = {row["name"]: float(row["final"]) for row in rows}
    assert all(finals[made.name] == pytest.approx(made.final, abs=0.01) for made in people)
    assert len((tmp_path / "grades.csv").read_text().splitlines()) == len(people) + 1, "a row is a line"


def test_a_refused_submission_has_a_row_of_zeros(tmp_path: Path) -> None:
    refused = SubmissionResult("zip", "Zip", status=results.REFUSED, message="bomb")
    gradebook.write([ann(), refused], tmp_path / "grades.csv")
    row = read(tmp_path / "grades.csv")[1]
    assert (row["stage 1"], row["stage 3"], row["final"]) == ("0", "0", "0")
    assert (row["status"], row["first cause"], row["reason"]) == ("refused", "refused", "bomb")


def test_lateness_that_nobody_knows_is_no_zero() -> None:
    lost = replace(ann(), late=Late("2025-02-27T12:00:00+01:00", unknown=True))
    assert gradebook.row(lost, [1, 3])[7] == "?" and reports.without_time([lost, ann()])[0].endswith(": ann")


def test_what_was_passed_over_has_a_row_with_the_reason(tmp_path: Path) -> None:
    gradebook.write([ann()], tmp_path / "grades.csv", ["=essay.docx: neither an archive: nor a folder"])
    row = read(tmp_path / "grades.csv")[1]
    assert (row["name"], row["student"], row["final"]) == ("'=essay.docx", "", "")
    assert (row["status"], row["reason"]) == ("passed over", "neither an archive: nor a folder")


def test_everybody_is_in_the_reports_graded_or_not(tmp_path: Path) -> None:
    results.save(ann(), tmp_path / "results/ann.json")
    results.save(ann(), tmp_path / "results/gone.json")
    waiting = SubmissionResult("bob", "Bob", "8", status=results.NOT_YET, message="stopped before it")
    (tmp_path / "course.toml").write_text("")
    reports.write(tmp_path, reports.Listed([replace(waiting, name="ann"), waiting], ["essay.docx: no archive"]),
                  tmp_path / "course.toml", "A class")
    rows = read(tmp_path / "grades.csv")
    assert [(row["name"], row["status"]) for row in rows] == [("ann", "graded"), ("bob", "not graded yet"), ("essay.docx", "passed over")]
    page = (tmp_path / "index.html").read_text()
    assert "stopped before it" in page and "essay.docx" in page and "not graded yet" in page.lower()
    assert "stopped before it" in (tmp_path / "feedback/bob.html").read_text()


def test_a_class_of_nobody_has_a_header(tmp_path: Path) -> None:
    gradebook.write([], tmp_path / "grades.csv")
    assert (tmp_path / "grades.csv").read_text().startswith("name,student,id,submitted,total,")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"), ("+cmd", "'+cmd"), ("-cmd|x", "'-cmd|x"), ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'=1"), ("\x00=1", "\u2400=1"), ("\x1b[0m=1", "'=1"), ("\uff1d1", "'\uff1d1"), ("\"=1", "'\"=1"),
        ("-5", "-5"), ("+4.5", "+4.5"), ("-5-3", "'-5-3"), ("plain = fine", "plain = fine"),
        ("two\r\nlines", "two lines"), ("\udcff", "\\xff"), ("", ""),
    ],
)
def test_no_cell_is_a_formula(text: str, cell: str) -> None:
    assert gradebook.cell(text) == cell


def test_points_are_numbers() -> None:
    cells = [gradebook.cell(value) for value in (12.0, -0.5, 33.3333333, 1e6, 3)]
    assert cells == ["12", "-0.5", "33.33", "1000000", "3"]
