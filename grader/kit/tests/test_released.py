"""Hand-outs of some stages: what is of the others is not in them, and what is added goes over a student's work."""
from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from handout import pack, pointed, reference, released
from handout.released import BadStages, Released

from conftest import TOP
from reports import course_file
from reports.course import Course
from stage import config
from stage.archive import Entry

HEADINGS = [int(number) for number in re.findall(r"^## Stage (\d+)", (TOP / "000-README").read_text(), re.MULTILINE)]

IN_COMMON = {"test_shared"}  # the test of stage 2 that has its cause with stage 1's


@pytest.fixture(scope="module")
def entries() -> Iterator[dict[Released, dict[str, Entry]]]:
    """Of hand-outs without the objects, which take long to build: names are enough to know whose they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "objects", lambda top, last: [])
        asked = [Released(1, 1), Released(1, 3), Released(1, 4), Released(1, HEADINGS[-1]), Released(4, 4)]
        yield {stages: {entry.name: entry for entry in pack.all_entries(TOP, stages)} for stages in asked}


@pytest.mark.parametrize("stages, add, expected", [
    ("", "", (1, 6)), ("1-3", "", (1, 3)), ("1", "", (1, 1)), ("", "4", (4, 4)), ("", "4-5", (4, 5))])
def test_which_stages_are_meant(stages: str, add: str, expected: tuple[int, int]) -> None:
    assert released.parsed(stages, add, range(1, 7)) == expected


@pytest.mark.parametrize("stages, add, words", [
    ("3", "", "ADD=3"), ("1-7", "", "1-6"), ("3-1", "", "1-6"), ("1,2", "", "1-6"), ("", "1", "STAGES=1"), ("x", "", "1-6")])
def test_other_words_are_told_what_is_meant(stages: str, add: str, words: str) -> None:
    with pytest.raises(BadStages, match=re.escape(words)):
        released.parsed(stages, add, range(1, 7))


def test_of_later_stages_there_is_nothing(entries: dict[Released, dict[str, Entry]]) -> None:
    """No file, no test by its name, no step, and no word in a text."""
    tests = course_file.read_catalogue()
    for stages in (Released(1, 1), Released(1, 3), Released(1, 4)):
        found, last = entries[stages], stages.last
        later = {name for stage in tests if stage > last for name in tests[stage]} - {n for s in tests if s <= last for n in tests[s]}
        told = "\n".join(entry.data.decode(errors="replace") for name, entry in found.items() if "/stage" not in name[:14])
        assert not [name for name in found if re.search(rf"stage[{last + 1}-9]", name)]
        assert later & set(re.findall(r"\btest_\w+", told)) <= IN_COMMON
        texts = [found[f"ckptlab/{name}"].data.decode() for name in ("000-README", "OVERVIEW", "grader/README")]
        assert [line for text in texts for line in released.left(text, last)] == []
        steps = json.loads(found["ckptlab/grader/stage/steps.json"].data)
        assert {int(row["step"][0]) for row in steps} == set(range(1, last + 1))
        assert re.findall(r"^\[stage\.(\d+)\]", found["ckptlab/grader/lab.toml"].data.decode(), re.MULTILINE) == [*map(str, range(1, last + 1))]


def test_all_stages_are_all_there_is(entries: dict[Released, dict[str, Entry]]) -> None:
    found = entries[Released(1, HEADINGS[-1])]
    for name in ("OVERVIEW", "BACKGROUND/README.md", "BACKGROUND/Makefile", "BACKGROUND/check", "grader/stage/steps.json"):
        assert found[f"ckptlab/{name}"].data == (TOP / name).read_bytes(), name


def test_what_is_added_leaves_a_student_s_work_as_it_is(entries: dict[Released, dict[str, Entry]]) -> None:
    """Over the first hand-out it gives the second one, and has no file of the stages before."""
    first, added, both = (entries[stages] for stages in (Released(1, 3), Released(4, 4), Released(1, 4)))
    assert {**first, **added} == both
    assert {name.split("/")[1] for name in added if name.startswith("ckptlab/stage")} == {"stage4-openfiles"}
    assert "ckptlab/BACKGROUND/share-offset.c" in added and "ckptlab/BACKGROUND/counting.c" not in added


def test_the_instructor_s_pages_are_not_in_it(entries: dict[Released, dict[str, Entry]]) -> None:
    found = entries[Released(1, 3)]
    page = found["ckptlab/grader/README"].data.decode()
    assert "To grade a class" not in page and "kit/" not in page and "ckptlab/grader/tests/README" not in found
    for name in re.findall(r"\b(?:tests/programs|[\w-]+/README|[\w-]+\.(?:toml|md))", page):
        assert [entry for entry in found if entry.startswith(f"ckptlab/grader/{name}")], name


def test_no_page_names_what_students_do_not_have(entries: dict[Released, dict[str, Entry]]) -> None:
    rooms = "|".join(kept.removeprefix("grader/") for kept in pack.KEPT if kept.startswith("grader/") and "." not in kept)
    for found in entries.values():
        for name in ("stage/README", "film/README", "README"):
            page = found.get(f"ckptlab/grader/{name}")
            named = re.findall(rf"(?<![\w/])(?:grader/)?(?:{rooms})/[\w.-]*", page.data.decode()) if page else []
            assert named == [], f"grader/{name}"


def test_the_reference_s_objects_are_those_of_these_stages() -> None:
    assert reference.places() == reference.PLACES == reference.places(6)
    assert reference.places(4) == {"": "stage3-restart", "stage4-openfiles": "stage4-openfiles"}
    assert reference.places(3) == reference.places(2) == {"": "stage3-restart"} and reference.places(1) == {"": "stage1-readmaps"}


# The points of the course


def course(tmp_path: Path, text: str) -> Course:
    path = tmp_path / "course.toml"
    path.write_text(text)
    return course_file.load(path, course_file.read_catalogue())


def test_the_texts_show_the_points_of_the_course(tmp_path: Path) -> None:
    text = "| 1 | stage1-readmaps | `readmaps` | 20 | 3 to 4 |\nStage 1: 0 of 20 points in 0.1 s\nStage 3: 45 of 45 points in 1 s\n"
    text += "   2/2  ok       test_odd_names  blanks\n"
    shown = pointed.in_text(course(tmp_path, "[weights]\n1 = 40\n3 = 30\n"), text)
    assert shown.splitlines() == ["| 1 | stage1-readmaps | `readmaps` | 40 | 3 to 4 |", "Stage 1: 0 of 40 points in 0.1 s",
                                  "Stage 3: 30 of 30 points in 1 s", "   4/4  ok       test_odd_names  blanks"]
    assert pointed.in_text(course(tmp_path, ""), text) == text


def test_make_check_prints_the_points_of_the_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = 'disable = ["test_plan"]\nbonus = ["test_odd_names"]\n[points]\ntest_file = 8.5\n'
    lab = tmp_path / "lab.toml"
    lab.write_text(pointed.in_lab(course(tmp_path, changed), config.LAB.read_text()))
    stages = config.load_interface(lab).stages
    assert stages[1].test_points == {"test_file": 8.5, "test_plan": 0} and stages[1].bonus == ["test_odd_names"]
    assert stages[1].points == course(tmp_path, changed).maximum(1) != 20 and stages[2].points == 35
    assert [stages[1].counting(name) for name in ("test_file", "test_plan", "test_odd_names")] == ["", "does not count", "bonus"]
    said = subprocess.run([config.GRADER / "check", "--profile", lab, "--stage", "1", "--list", tmp_path], text=True, stdout=subprocess.PIPE)
    assert {row["test"]: row["points"] for row in json.loads(said.stdout)}["test_file"] == 8.5
    assert pointed.in_lab(course(tmp_path, ""), config.LAB.read_text()) == config.LAB.read_text()
