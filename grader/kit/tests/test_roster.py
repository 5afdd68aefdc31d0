"""The list of a course, as each course system writes it, and what it says of submissions."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from batch import before, intake, naming, people
from batch.intake import Submission
from reports import reports, results, roster
from reports.lateness import is_student
from reports.results import StageResult, SubmissionResult
from reports.roster import BadRoster, Roster

MOODLE = '''\ufeffIdentifier,"Full name","ID number","Email address",Status,Grade,"Maximum grade","Grade can be changed",\
"Last modified (submission)","Last modified (grade)","Feedback comments"
"Participant 4711","Ada Example",815,ada@example.edu,"Submitted for grading",,100.00,Yes,"Monday, 5 October 2026, 9:30 PM",-,
"Participant 4712","Bob Sample",,bob@example.edu,"No submission",,100.00,Yes,-,-,
'''
CANVAS = '''Student,ID,SIS User ID,SIS Login ID,Section,Checkpoint (991)
,,,,,Manual Posting
    Points Possible,,,,,100
"Example, Ada",67,815,ada1,CS 1,
"O'Sample, Bob Zoë",68,816,bob1,CS 1,
"Student, Test",99,,,CS 1,
'''
BRIGHTSPACE = "OrgDefinedId,Username,Last Name,First Name,Email,End-of-Line Indicator\n#815,ada1,Example,Ada,ada@example.edu,#\n"


def read(tmp_path: Path, text: str) -> Roster:
    path = tmp_path / "people.csv"
    path.write_text(text, encoding="utf-8")
    return roster.read(path)


def found(roster: Roster, student: str, student_id: str = "") -> str:
    person = roster.find(student, student_id)
    return person.name if person else ""


def test_moodle_s_worksheet(tmp_path: Path) -> None:
    told = read(tmp_path, MOODLE)
    assert told.system == roster.MOODLE and [person.submitted for person in told.people] == ["2026-10-05T21:30:00", ""]
    assert found(told, "somebody", "4711") == found(told, "ada example") == found(told, "", "ADA@example.edu") == "Ada Example"


def test_canvas_export(tmp_path: Path) -> None:
    """Names of Canvas' files are squashed, and the number in them is the user's ID."""
    told = read(tmp_path, CANVAS)
    assert told.system == roster.CANVAS and len(told.people) == 2
    assert found(told, "exampleada", "67") == found(told, "exampleada") == "Example, Ada"
    assert found(told, "osamplebobzoe") == found(told, "Bob Zoë O'Sample") == "O'Sample, Bob Zoë"


def test_brightspace_export(tmp_path: Path) -> None:
    told = read(tmp_path, BRIGHTSPACE)
    assert told.system == roster.BRIGHTSPACE and found(told, "Ada Example") == "Ada Example"
    assert told.people[0].ids == ("815", "ada1", "ada@example.edu", "#815"), "the sign is no part of a number"


@pytest.mark.parametrize("time, iso", [
    ("2026-10-05 23:59:00", "2026-10-05T23:59:00"), ("2026-10-05T23:59:00Z", "2026-10-05T23:59:00+00:00"),
    ("2026-10-05 23:59:00 UTC", "2026-10-05T23:59:00+00:00"), ("Monday, October 5, 2026, 9:30 PM", "2026-10-05T21:30:00"), ("-", "")])
def test_times(tmp_path: Path, time: str, iso: str) -> None:
    assert read(tmp_path, f"name;submitted\nada;{time}\n").people[0].submitted == iso


def test_what_is_no_time_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BadRoster, match="people.csv:3: 'some day' is no time"):
        read(tmp_path, "name,submitted\nada,2026-10-05 23:59\nbob,some day\n")
    (tmp_path / "excel.csv").write_bytes("name;email\nZoë;z@example.edu\n".encode("cp1252"))
    with pytest.raises(BadRoster, match="excel.csv: it is no text in UTF-8"):
        roster.read(tmp_path / "excel.csv")
    with pytest.raises(BadRoster, match="no column"):
        read(tmp_path, "points,grade\n1,2\n")


def test_a_list_that_was_named_once_is_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who forgets PEOPLE=, or starts a repro.sh, would take the times from everybody, and the row from who handed in nothing."""
    (tmp_path / "list.csv").write_text("name,submitted\nada,2026-10-05 23:59\n")
    out, folder = tmp_path / "out", tmp_path / "class"
    assert people.roster_of(None, folder, out) is None
    with pytest.raises(BadRoster):
        people.roster_of(tmp_path / "none.csv", folder, out)
    assert people.roster_of(None, folder, out) is None, "what cannot be read is not remembered"
    told = people.roster_of(tmp_path / "list.csv", folder, out)
    assert told and people.roster_of(None, folder, out) == told and "call before" in capsys.readouterr().out


def test_reports_of_another_class_that_are_replaced_are_told(tmp_path: Path) -> None:
    assert before.other_class(tmp_path, tmp_path / "a") == before.other_class(tmp_path, tmp_path / "a") == []
    assert before.other_class(tmp_path, tmp_path / "b") == [f"{tmp_path} had the reports of {tmp_path}/a until now"]


def test_a_folder_that_is_called_by_e_mail_or_login(tmp_path: Path) -> None:
    told = read(tmp_path, "name,email,login\nAda Example,ada@example.edu,ada1\nBob Sample,bob@example.edu,bob1\n")
    assert found(told, "Ada@example.edu") == found(told, "ada1") == "Ada Example" and found(told, "ada") == ""


def test_two_of_one_name_are_nobody_unless_a_number_tells(tmp_path: Path) -> None:
    told = read(tmp_path, "name,id\nAda Example,1\nAda Example,2\n")
    assert found(told, "Ada Example") == "" and found(told, "Ada Example", "2") == "Ada Example"


def submission(student: str, student_id: str = "", submitted: str = "", also: tuple[str, ...] = ()) -> Submission:
    return Submission(naming.slug(student), student, student_id, (Path(student),), student, submitted, (), also)


def test_submissions_get_their_times_and_a_group_the_latest(tmp_path: Path) -> None:
    told = read(tmp_path, "name,email,submitted\nAda A,a@x,2026-01-01 10:00\nBob B,b@x,2026-01-02 10:00\nCy C,c@x,\n")
    given = [submission("Ada A; Bob B"), submission("cy", also=("c@x",)), submission("eve", submitted="2026-01-03T00:00:00Z")]
    joined, unknown = people.joined(given, told)
    assert [one.submitted for one in joined] == ["2026-01-02T10:00:00", "", "2026-01-03T00:00:00Z"]
    assert {"a@x", "b@x"} <= set(joined[0].also) and "eve" in unknown[0]
    assert people.absent(joined, told) == [] and [one.student for one in people.absent(joined[1:], told)] == ["Ada A", "Bob B"]


def test_an_extension_by_mail_fits_a_gradescope_export(tmp_path: Path) -> None:
    """Its id is a number there; the mail is known besides, also of results that were graded before it was."""
    (tmp_path / "submission_1").mkdir()
    (tmp_path / "submission_1" / "maps.c").write_text("")
    (tmp_path / "submission_metadata.yml").write_text(
        "submission_1:\n  :submitters:\n  - :name: Ada\n    :sid: '0815'\n    :email: ada@example.edu\n")
    [one] = intake.look(tmp_path).submissions
    assert (one.student_id, one.also) == ("0815", ("ada@example.edu",))
    old = SubmissionResult("ada", "Ada", "0815", stages=[StageResult(1, "one")])
    result = reports.as_listed(old, replace(old, also=list(one.also), submitted="2026-01-01T00:00:00Z"))
    assert is_student("Ada@example.edu", result) and result.submitted == "2026-01-01T00:00:00Z"
    assert is_student("b", SubmissionResult("g", "A; B", "1; 2")) and not is_student("b@x", result)


@pytest.mark.parametrize("name, student, file, submitted", [
    ("397063-2557369 - Mary-Ann Smith - Sep 24, 2024 926 PM", "Mary-Ann Smith", "", "2024-09-24T21:26:00"),
    ("271836-442356 - Blake Payne - Dec 5, 2024 1149 AM - Crawler.zip", "Blake Payne", "Crawler.zip", "2024-12-05T11:49:00"),
    ("1-2 - A - Jan 1, 2024 1205 AM", "A", "", "2024-01-01T00:05:00")])
def test_brightspace_names(name: str, student: str, file: str, submitted: str) -> None:
    named = naming.of_brightspace(name)
    assert named and (named.student, named.file, named.submitted) == (student, file, submitted)


def test_a_brightspace_download(tmp_path: Path) -> None:
    """The newest submission of each counts, and its time."""
    for name in ("1-9 - Ada A - Sep 24, 2024 926 PM - a.zip", "1-9 - Ada A - Sep 25, 2024 800 AM - b.zip", "2-9 - Bob B - Sep 1, 2024 100 PM - c.zip"):
        (tmp_path / name).write_bytes(b"PK")
    (tmp_path / "index.html").write_text("")
    looked = intake.look(tmp_path)
    assert [(one.student, one.submitted, len(one.paths)) for one in looked.submissions] == [
        ("Ada A", "2024-09-25T08:00:00", 1), ("Bob B", "2024-09-01T13:00:00", 1)]
    assert looked.submissions[0].path.name.endswith("b.zip")


@pytest.mark.parametrize("text, given, student_id", [
    (MOODLE, submission("Ada Example", "4711"), "4712"),  # Moodle's files have no word before the number
    (MOODLE, submission("Ada Example", "ada@example.edu"), "bob@example.edu"),
    (CANVAS, submission("exampleada", "67"), "68"),
    (CANVAS, submission("exampleada", "ada1"), "bob1"),
    (MOODLE, submission("Ada Example"), "4712"),  # she gets 4711
])
def test_who_handed_in_nothing_has_an_id_of_the_others_form(tmp_path: Path, text: str, given: Submission, student_id: str) -> None:
    [joined], _ = people.joined([given], told := read(tmp_path, text))
    [missing] = people.absent([joined], told)
    assert (joined.student_id, missing.student_id) == (given.student_id or "4711", student_id)


def test_who_handed_in_nothing_is_in_the_reports(tmp_path: Path) -> None:
    told = read(tmp_path, "name,id\nAda A,1\nBob B,2\n")
    assert people.roster_of(None, tmp_path, tmp_path / "out") == told
    joined, _ = people.joined([submission("Ada A")], told)
    [missing] = people.absent(joined, told)
    assert (missing.name, missing.student_id, missing.status) == ("Bob-B", "2", results.ABSENT)
