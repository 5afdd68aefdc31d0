"""What is found in folders of submissions, as course platforms and people make them."""
from __future__ import annotations

import os
import re
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from batch import intake, metadata, naming
from batch.intake import Intake, IntakeError, Submission, find_submissions, look
from batch.naming import Named

METADATA = """\
submission_409194023:
  :submitters:
  - :name: Alice Example
    :sid: '0123456789'
    :email: alice@example.edu
  :created_at: 2026-04-26 17:34:00.861687000 Z
  :score: 2.0
  :results:
    output: |-
      ====
      Final: 2.0
  :history:
  - :id: 7
    :created_at: 2026-04-20 17:34:00.861687000 Z
submission_500000001:
  :submitters:
  - :name: Bob B
    :sid: 0222
    :email: bob@example.edu
  - :name: No
    :email: no@example.edu
  :created_at: 2026-04-26 23:59:59 -07:00
submission_600000002:
  :submitters: []
submission_700000003:
  :submitters:
  - :name: Gone
  :created_at: !ruby/object:ActiveSupport::TimeWithZone
    utc: 2026-04-26 17:34:00.861687000 Z
"""


def put_archive(path: Path, *names: str, when: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    source = path.parent / ".source.c"
    source.write_text("int one;\n")
    with tarfile.open(path, "w:gz") as archive:
        for name in names or ("stage1-readmaps/maps.c",):
            archive.add(source, name)
    source.unlink()
    if when:
        os.utime(path, (when, when))
    return path


def put_sources(folder: Path) -> Path:
    (folder / "stage1-readmaps").mkdir(parents=True)
    (folder / "stage1-readmaps/maps.c").write_text("int one;\n")
    return folder


def by_name(found: Intake) -> dict[str, Submission]:
    assert [one.name for one in found.submissions] == sorted((one.name for one in found.submissions), key=str.lower)
    for one in found.submissions:
        assert re.fullmatch(r"[A-Za-z0-9._-]+", one.name)
    return {one.name: one for one in found.submissions}


# Names


@pytest.mark.parametrize("name, expected", [
    ("José Müller_4711_assignsubmission_file_", Named("José Müller", "4711", platform="Moodle")),
    ("José Müller_4711_assignsubmission_file", Named("José Müller", "4711", platform="Moodle")),
    ("A B_1_assignsubmission_file_my_lab.tar.gz", Named("A B", "1", "my_lab.tar.gz", platform="Moodle")),
    ("Default group_assignsubmission_file", Named("Default group", platform="Moodle")),
    ("A B_1_assignsubmission_onlinetext", Named("A B", "1", platform="Moodle", is_text=True)),
    ("A B_1_assignsubmission_onlinetext_onlinetext.html",
     Named("A B", "1", "onlinetext.html", platform="Moodle", is_text=True)),
    ("alice", None), ("assignsubmission_file", None),
])
def test_names_of_moodle(name: str, expected: Named) -> None:
    assert naming.of_moodle(name) == expected


@pytest.mark.parametrize("name, expected", [
    ("doejane_67_890_lab.tar.gz", Named("doejane", "67", "lab.tar.gz", 890, platform="Canvas")),
    ("doejane_LATE_67_890_my_lab_2.zip", Named("doejane", "67", "my_lab_2.zip", 890, True, "Canvas")),
    ("o_neil_67_890_maps.c", Named("o_neil", "67", "maps.c", 890, platform="Canvas")),
    ("müller_67_890_maps.c", Named("müller", "67", "maps.c", 890, platform="Canvas")),
    ("anon_x7Yz2_890_lab.zip", Named("anon_x7Yz2", "anon_x7Yz2", "lab.zip", 890, platform="Canvas")),
    ("LATE_anon_x7Yz2_890_lab.zip", Named("anon_x7Yz2", "anon_x7Yz2", "lab.zip", 890, True, "Canvas")),
    ("doejane_67_text.html", None), ("alice.tar.gz", None), ("alice_2.tar.gz", None),
])
def test_names_of_canvas(name: str, expected: Named) -> None:
    assert naming.of_canvas(name) == expected


@pytest.mark.parametrize("name, student", [
    ("alice.tar.gz", "alice"), ("Alice.TGZ", "Alice"), ("al.ice.zip", "al.ice"), ("folder", "folder"),
    ("alice-ckptlab-handin.tar.gz", "alice"), ("alice_handin-stage2.tar.gz", "alice"),
    ("ckptlab-handin-alice.tar.xz", "alice"), ("ckptlab-handin-stage3-bob.tar", "bob"),
    ("ckptlab-handin.tar.gz", ""), ("ckptlab-handin-stage1 (2).tar.gz", ""), ("ckptlab-handin-stage1-2.tar.gz", ""),
])
def test_names_of_people(name: str, student: str) -> None:
    assert naming.of_nobody(name).student == student


@pytest.mark.parametrize("name, stage", [("ckptlab-handin-stage2.tar.gz", 2), ("stage12.zip", 12),
                                         ("Stage_3.tgz", 3), ("lab.tar.gz", None), ("backstage.zip", None)])
def test_the_stage_of_an_archive(name: str, stage: int) -> None:
    assert naming.stage_of(name) == stage


@pytest.mark.parametrize("people, names", [
    ([("José Müller", "1")], ["Jose-Muller"]),
    ([("Jane Doe", "1"), ("jane doe", "2"), ("Jane  Doe", "")], ["Jane-Doe-1", "jane-doe-2", "Jane-Doe"]),
    ([("a", ""), ("a", ""), ("A", "")], ["a", "a-2", "A-3"]),
    ([("a-2", ""), ("a", ""), ("a", "")], ["a-2", "a", "a-3"]),
    ([("王小明", "s77"), ("李", "")], ["s77", "student"]),
    ([("../../etc", ""), ("-rf", ""), (".hidden", ""), ("a/b\n\x1b", "")], ["etc", "rf", "hidden", "a-b"]),
    ([("x" * 500, "")], ["x" * 60]),
])
def test_names_for_files(people: list[tuple[str, str]], names: list[str]) -> None:
    assert naming.unique_names(people) == names


# Plain folders


def test_archives_and_folders(tmp_path: Path) -> None:
    for name in ("carol.tar.gz", "Bob.TGZ", "dave.zip", "erin.tar.xz", "frank.tar", "gina.rar"):
        put_archive(tmp_path / name)
    put_sources(tmp_path / "alice")
    found = look(tmp_path)
    people = by_name(found)
    assert list(people) == ["alice", "Bob", "carol", "dave", "erin", "frank", "gina"]
    assert people["alice"].path == tmp_path / "alice"
    assert people["carol"] == Submission("carol", "carol", "", (tmp_path / "carol.tar.gz",), "carol.tar.gz")
    assert found.ignored == [] and found.notes == []
    assert find_submissions(tmp_path) == found.submissions


def test_what_is_no_submission_is_told(tmp_path: Path) -> None:
    put_archive(tmp_path / "alice.tar.gz")
    for name in ("README", ".DS_Store", "grades.csv", "evil\x1b[2J.pdf"):
        (tmp_path / name).write_text("x")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "link").symlink_to("/etc")
    found = look(tmp_path)
    assert list(by_name(found)) == ["alice"]
    assert found.ignored == [
        ".DS_Store: no submission", "README: neither an archive nor a folder", "__MACOSX: no submission",
        "evil\\x1b[2J.pdf: neither an archive nor a folder", "grades.csv: neither an archive nor a folder",
        "link: a link: links are not followed"]


def test_make_handin_in_a_folder_for_each(tmp_path: Path) -> None:
    put_archive(tmp_path / "alice/ckptlab-handin.tar.gz")
    put_archive(tmp_path / "bob/deeper/ckptlab-handin-stage2.tar.gz")
    put_archive(tmp_path / "bob/deeper/ckptlab-handin-stage1.tar.gz")
    (tmp_path / "carol").mkdir()
    people = by_name(look(tmp_path))
    assert people["alice"].paths == (tmp_path / "alice/ckptlab-handin.tar.gz",)
    assert people["alice"].source == "alice/ckptlab-handin.tar.gz"
    assert [path.name for path in people["bob"].paths] == [
        "ckptlab-handin-stage1.tar.gz", "ckptlab-handin-stage2.tar.gz"]
    assert people["carol"].path == tmp_path / "carol", "empty, but nobody is lost"


def test_stages_in_archives_beside_each_other(tmp_path: Path) -> None:
    for name in ("alice-handin-stage1.tar.gz", "alice-handin-stage3.tar.gz", "bob-handin-stage1.tar.gz"):
        put_archive(tmp_path / name)
    people = by_name(look(tmp_path))
    assert people["alice"].source == "alice-handin-stage1.tar.gz, alice-handin-stage3.tar.gz"
    assert list(people) == ["alice", "bob"]


def test_the_newest_counts(tmp_path: Path) -> None:
    put_archive(tmp_path / "alice/a-new.tar.gz", when=2000)
    put_archive(tmp_path / "alice/b-old.tar.gz", when=1000)
    put_archive(tmp_path / "alice/stage1-old.tar.gz", when=1500)
    put_archive(tmp_path / "alice/stage2-newer.tar.gz", when=3000)
    put_archive(tmp_path / "alice/stage2-old.tar.gz", when=2500)
    put_archive(tmp_path / "bob.tar.gz")
    alice = by_name(look(tmp_path))["alice"]
    assert alice.source == "alice/a-new.tar.gz, alice/stage2-newer.tar.gz"
    assert alice.notes == ("alice/b-old.tar.gz: not graded: alice/a-new.tar.gz is newer",
                           "alice/stage1-old.tar.gz: not graded: alice/a-new.tar.gz is newer",
                           "alice/stage2-old.tar.gz: not graded: alice/a-new.tar.gz is newer")


def test_of_equal_times_the_name_decides(tmp_path: Path) -> None:
    for name in ("b.tar.gz", "a.tar.gz", "c.tar.gz"):
        put_archive(tmp_path / "alice" / name, when=1000)
    put_archive(tmp_path / "bob.tar.gz")
    assert by_name(look(tmp_path))["alice"].source == "alice/c.tar.gz"


def test_sources_count_more_than_an_archive_beside_them(tmp_path: Path) -> None:
    put_sources(tmp_path / "alice")
    put_archive(tmp_path / "alice/ckptlab-handin.tar.gz")
    put_archive(tmp_path / "bob.tar.gz")
    alice = by_name(look(tmp_path))["alice"]
    assert alice.path == tmp_path / "alice"
    assert alice.notes == ("alice/ckptlab-handin.tar.gz: not graded: the sources that lie beside it are",)


def test_an_archive_counts_more_than_a_stray_file_beside_it(tmp_path: Path) -> None:
    put_archive(tmp_path / "alice/ckptlab-handin.tar.gz")
    (tmp_path / "alice/test.c").write_text("x")
    put_archive(tmp_path / "bob.tar.gz")
    assert by_name(look(tmp_path))["alice"].source == "alice/ckptlab-handin.tar.gz"


def test_an_archive_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    put_archive(tmp_path / "bob.tar.gz")
    (tmp_path / "alice").mkdir()
    (tmp_path / "alice/handin.tar.gz").symlink_to("../bob.tar.gz")
    assert by_name(look(tmp_path))["alice"].path == tmp_path / "alice", "where copying it will refuse the link"


def test_two_people_of_one_name(tmp_path: Path) -> None:
    for number in (1, 2):
        put_archive(tmp_path / f"Jane Doe_{number}_assignsubmission_file/handin.tar.gz")
    people = by_name(look(tmp_path))
    assert list(people) == ["Jane-Doe-1", "Jane-Doe-2"]
    assert {one.student for one in people.values()} == {"Jane Doe"}


def test_a_folder_that_is_one_submission(tmp_path: Path) -> None:
    put_sources(tmp_path / "Alice E.")
    found = look(tmp_path / "Alice E.")
    assert found.submissions == [Submission("Alice-E", "Alice E.", "", (tmp_path / "Alice E.",), "Alice E.")]
    assert found.notes == ["Alice E. is one submission, and graded as such"]


@pytest.mark.parametrize("what", ["missing", "empty", "only a README", "no archive"])
def test_nothing_to_grade(tmp_path: Path, what: str) -> None:
    place = tmp_path / "class"
    if what != "missing":
        place.mkdir()
    if what == "only a README":
        (place / "README").write_text("x")
    if what == "no archive":
        place = place / "grades.csv"
        place.write_text("x")
    with pytest.raises(IntakeError) as error:
        look(place, tmp_path / "scratch")
    assert str(place) in str(error.value)
    assert "README" in str(error.value) or what != "only a README"


# Platforms


def put_gradescope(top: Path) -> None:
    put_archive(top / "submission_409194023/ckptlab-handin.tar.gz")
    put_sources(top / "submission_500000001")
    put_archive(top / "submission_600000002/lab.zip")
    put_archive(top / "submission_800/lab.zip")
    (top / metadata.FILE).write_text(METADATA)


def check_gradescope(found: Intake) -> None:
    people = by_name(found)
    assert list(people) == ["Alice-Example", "Bob-B-No", "submission_600000002", "submission_800"]
    alice = people["Alice-Example"]
    assert (alice.student, alice.student_id) == ("Alice Example", "0123456789")
    assert alice.submitted == "2026-04-26T17:34:00+00:00"
    assert alice.source == "submission_409194023/ckptlab-handin.tar.gz"
    group = people["Bob-B-No"]
    assert (group.student, group.student_id) == ("Bob B; No", "0222; no@example.edu")
    assert group.submitted == "2026-04-26T23:59:59-07:00"
    assert group.path.name == "submission_500000001"
    assert people["submission_600000002"].submitted == ""
    assert [line for line in found.ignored if "Gone handed it in" in line]


def test_gradescope(tmp_path: Path) -> None:
    put_gradescope(tmp_path)
    check_gradescope(look(tmp_path))


def test_gradescope_with_its_folder_around(tmp_path: Path) -> None:
    put_gradescope(tmp_path / "assignment_8046601_export")
    check_gradescope(look(tmp_path))


def test_gradescope_as_it_is_downloaded(tmp_path: Path) -> None:
    put_gradescope(tmp_path / "x/assignment_8046601_export")
    shutil.make_archive(str(tmp_path / "export"), "zip", tmp_path / "x")
    scratch = tmp_path / "scratch"
    for _ in range(2):  # the second time, there is something from the first
        found = look(tmp_path / "export.zip", scratch)
        check_gradescope(found)
        assert all(scratch in one.path.parents for one in found.submissions)


BAD_METADATA = {
    "empty": "", "a list": "- a\n- b\n", "no yaml": "a: [", "zero": "\0", "in a circle": "a: &a [*a]\n",
    "deep": "[" * 5000, "a number": "submission_1: 7\n", "no people": "submission_1:\n  :submitters: Bob\n",
    "people that are numbers": "submission_1:\n  :submitters:\n  - 7\n",
    "names that are tables": "submission_1:\n  :submitters:\n  - :name: {a: b}\n    :sid: [1]\n",
    "no time": "submission_1:\n  :created_at: yesterday\n",
}


@pytest.mark.parametrize("which", BAD_METADATA)
def test_metadata_that_is_not_what_it_should_be(tmp_path: Path, which: str) -> None:
    put_archive(tmp_path / "submission_1/lab.zip")
    (tmp_path / metadata.FILE).write_text(BAD_METADATA[which])
    found = look(tmp_path)
    assert list(by_name(found)) == ["submission_1"]
    assert found.submissions[0].submitted == ""


@pytest.mark.parametrize("time, iso", [
    ("2026-04-26 17:34:00.861687000 Z", "2026-04-26T17:34:00+00:00"),
    ("2017-06-01T14:22:32.365935-07:00", "2017-06-01T14:22:32-07:00"),
    ("2026-04-26 17:34:00 +0200", "2026-04-26T17:34:00+02:00"),
    ("2026-04-26 17:34:00 UTC", "2026-04-26T17:34:00+00:00"),
    ("2026-04-26 17:34:00", ""), ("soon", ""), ("", ""),
])
def test_times(tmp_path: Path, time: str, iso: str) -> None:
    (tmp_path / metadata.FILE).write_text(f"a:\n  :created_at: {time}\n")
    assert metadata.read(tmp_path / metadata.FILE)["a"].submitted == iso


def test_a_large_class_is_read_at_once(tmp_path: Path) -> None:
    output = "\n".join(f"      line {i}" for i in range(200))
    text = "".join(f"submission_{i}:\n  :submitters:\n  - :name: S{i}\n  :results:\n    output: |-\n{output}\n"
                   for i in range(400))
    (tmp_path / metadata.FILE).write_text(text)
    assert len(metadata.read(tmp_path / metadata.FILE)) == 400


@pytest.mark.parametrize("ending", ["", "_"])
def test_moodle_in_folders(tmp_path: Path, ending: str) -> None:
    put_archive(tmp_path / f"Ana Lima_11_assignsubmission_file{ending}/ckptlab-handin.tar.gz")
    put_archive(tmp_path / f"Bo Li_12_assignsubmission_file{ending}/ckptlab-handin-stage1.tar.gz")
    put_archive(tmp_path / f"Bo Li_12_assignsubmission_file{ending}/ckptlab-handin-stage2.tar.gz")
    text = tmp_path / f"Ana Lima_11_assignsubmission_onlinetext{ending}"
    text.mkdir()
    (text / "onlinetext.html").write_text("please be kind")
    found = look(tmp_path)
    people = by_name(found)
    assert (people["Ana-Lima"].student, people["Ana-Lima"].student_id) == ("Ana Lima", "11")
    assert len(people["Bo-Li"].paths) == 2
    assert found.ignored == [f"{text.name}: typed into Moodle's page, no file"]


def test_moodle_without_folders(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "CS-lab.zip", "w") as archive:
        lab = put_archive(tmp_path / "x.tar.gz")
        archive.write(lab, "Ana Lima_11_assignsubmission_file_ckptlab-handin.tar.gz")
        archive.write(lab, "Bo Li_12_assignsubmission_file_lab_stage1.tar.gz")
        archive.write(lab, "Bo Li_12_assignsubmission_file_lab_stage2.tar.gz")
        archive.writestr("Bo Li_12_assignsubmission_file_report.pdf", "x")
    people = by_name(look(tmp_path / "CS-lab.zip", tmp_path / "scratch"))
    assert people["Ana-Lima"].source == "Ana Lima_11_assignsubmission_file_ckptlab-handin.tar.gz"
    bo = [naming.original(path.name) for path in people["Bo-Li"].paths]
    assert bo == ["lab_stage1.tar.gz", "lab_stage2.tar.gz"]
    assert people["Bo-Li"].notes == ("Bo Li_12_assignsubmission_file_report.pdf: not graded: it is no archive",)


def test_one_evil_name_in_a_download(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.write(put_archive(tmp_path / "x.tar.gz"), "Ana Lima_11_assignsubmission_file/lab.tar.gz")
        archive.writestr("../evil", "x")
    found = look(tmp_path / "class.zip", tmp_path / "scratch")
    assert list(by_name(found)) == ["Ana-Lima"]
    assert found.notes == ["left out: ../evil: a name with `..`"]
    assert not (tmp_path / "evil").exists() and not (tmp_path / "scratch/evil").exists()


def test_canvas(tmp_path: Path) -> None:
    put_archive(tmp_path / "doejane_LATE_67_890_ckptlab-handin.tar.gz", when=2000)
    put_archive(tmp_path / "doejane_LATE_67_1000_ckptlab-handin-1.tar.gz", when=1000)
    put_archive(tmp_path / "doejane_68_891_lab.zip")
    (tmp_path / "roe_69_892_maps.c").write_text("x")
    (tmp_path / "roe_69_893_region_plan.c").write_text("x")
    (tmp_path / "poe_70_text.html").write_text("x")
    people = by_name(look(tmp_path))
    assert list(people) == ["doejane-67", "doejane-68", "roe"]
    jane = people["doejane-67"]
    assert jane.source == "doejane_LATE_67_1000_ckptlab-handin-1.tar.gz", "the larger number counts, not the time"
    assert jane.notes == ("Canvas marks it as late", "doejane_LATE_67_890_ckptlab-handin.tar.gz: not graded: "
                          "doejane_LATE_67_1000_ckptlab-handin-1.tar.gz is newer")
    assert len(people["roe"].paths) == 2, "single files, to be laid side by side"


def test_a_zip_of_archives_with_a_folder_around(tmp_path: Path) -> None:
    put_archive(tmp_path / "x/class/alice.tar.gz", when=1_600_000_000)
    put_archive(tmp_path / "x/class/bob.tar.gz")
    shutil.make_archive(str(tmp_path / "class"), "zip", tmp_path / "x")
    people = by_name(look(tmp_path / "class.zip", tmp_path / "scratch"))
    assert list(people) == ["alice", "bob"]
    assert abs(people["alice"].path.stat().st_mtime - 1_600_000_000) < 24 * 3600, "files keep their times"


def test_one_archive_that_is_one_submission(tmp_path: Path) -> None:
    path = put_archive(tmp_path / "alice.tar.gz")
    found = look(path, tmp_path / "scratch")
    assert found.submissions == [Submission("alice", "alice", "", (path,), "alice.tar.gz")]


def test_one_archive_with_a_folder_around_that_is_one_submission(tmp_path: Path) -> None:
    path = put_archive(tmp_path / "alice.tar.gz", "ckptlab/stage1-readmaps/maps.c")
    found = look(path, tmp_path / "scratch")
    assert [one.path for one in found.submissions] == [path]


def test_a_damaged_download(tmp_path: Path) -> None:
    path = tmp_path / "class.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("alice.tar.gz", "x" * 1000)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(IntakeError, match="damaged"):
        look(path, tmp_path / "scratch")


def test_the_order_of_a_folder_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_gradescope(tmp_path)
    for name in ("b.tar.gz", "B.zip", "b"):
        put_archive(tmp_path / name, when=1000) if "." in name else put_sources(tmp_path / name)
    first = look(tmp_path)
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: real(path)[::-1])
    assert look(tmp_path) == first


def test_a_submission_has_a_first_path() -> None:
    assert intake.Submission("a", "a", "", (Path("x"), Path("y")), "x").path == Path("x")
