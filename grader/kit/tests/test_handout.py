"""The archive that students get: all that they need, and nothing that they must not see."""
from __future__ import annotations

import platform
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from handout import pack
from handout import reference
from handout import skeleton

from conftest import TOP
from kit import built
from stage import archive
from test_top import make

HERE = platform.machine()
pytestmark = [pytest.mark.xdist_group("handout"),  # what is made once is made by one worker
              pytest.mark.skipif(not (TOP / "solution/stage3-restart/Makefile").exists(),
                                 reason="the solution's stage 3 is not there yet")]


@pytest.fixture(scope="module")
def packed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """By pack.py, whose make finds in its copy what is built already, if its flags and its sources are the same. With --stress
    it has to build all, and for all processors."""
    path = tmp_path_factory.mktemp("handout") / "handout.tar.xz"
    copy_solution = reference.copy_solution

    def copy_built(top: Path, scratch: Path) -> None:
        copy_solution(top, scratch)
        built.lay_stages(built.solution(), scratch / "solution")

    with pytest.MonkeyPatch.context() as patch:
        if not request.config.option.stress:
            patch.setattr(reference, "copy_solution", copy_built)
            patch.setattr(reference, "PROCESSORS", [HERE])
        assert pack.main(["-o", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def lab(packed: Path) -> Path:
    """The hand-out, unpacked."""
    subprocess.run(["tar", "-xf", packed, "-C", packed.parent], check=True)
    return packed.parent / "ckptlab"


@pytest.mark.parametrize("name, given", [
    ("grader/check", True), ("grader/stage/handin.py", True), ("stage1-readmaps/maps.c", True),
    ("grader/handout/skeleton.py", False), ("grader/kit/mutants/one.patch", False),
    ("grader/tests/hidden/test_x.py", False), ("grader/tests/hidden_test.py", False)])
def test_what_is_given(name: str, given: bool) -> None:
    assert pack.is_given(Path(name)) == given


def files(lab: Path) -> list[str]:
    return sorted(str(path.relative_to(lab)) for path in lab.rglob("*") if not path.is_dir())


def objects_in(packed: Path) -> list[archive.Entry]:
    with tarfile.open(packed) as tar:
        members = [member for member in tar.getmembers() if member.name.endswith(".o")]
        return [archive.Entry(member.name, getattr(tar.extractfile(member), "read")()) for member in members]


def test_it_is_reproducible(packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as it is not the compiler's: the objects are those of the first time."""
    again = tmp_path / "again.tar.xz"
    monkeypatch.setattr(reference, "objects", lambda top, last: objects_in(packed))
    pack.main(["-o", str(again)])
    assert again.read_bytes() == packed.read_bytes()
    with tarfile.open(packed) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == sorted(member.name for member in members)
    assert {(member.uid, member.gid, member.uname) for member in members} == {(0, 0, "")}


def test_what_students_need_is_there(lab: Path) -> None:
    present = files(lab)
    for name in ("Makefile", "LICENSE", "stage1-readmaps/Makefile", "stage3-restart/Makefile",
                 "grader/check", "grader/setup", "grader/stage/handin.py", "grader/doctor/doctor", "grader/film/main.py",
                 "reference/Makefile", f"reference/{HERE}/maps.o", f"reference/{HERE}/restart.o"):
        assert name in present
    for name in ("000-README", "README.md", "OVERVIEW"):
        assert (name in present) == (TOP / name).exists()


def test_the_text_begins_with_what_students_have(lab: Path) -> None:
    text = (lab / "000-README").read_text()
    head, _, rest = text.partition("\n## ")
    told = re.findall(r"^    make (\w+)", head, re.MULTILINE)
    assert told and set(told) <= set(re.findall(r"^(\w+):", (lab / "Makefile").read_text(), re.MULTILINE)), told
    assert "solution/" not in head and rest == (TOP / "000-README").read_text().partition("\n## ")[2]


def test_what_they_must_not_see_is_not(lab: Path) -> None:
    for name in files(lab):
        assert not name.startswith(("solution/", "grader/kit/tests", "grader/kit/mutants")), name
        assert "hidden" not in name, name
    assert not any(path.suffix in skeleton.C_SUFFIXES for path in (lab / "reference").rglob("*"))


def cut_blocks(path: Path) -> list[str]:
    """The pieces of one solution file that its skeleton lacks, but for those of a line or two."""
    style = skeleton.style_of(path)
    assert style is not None
    sign = re.escape(style.sign)
    text = (TOP / path).read_text()
    if skeleton.is_withheld(text, style):
        return [text]
    blocks = re.findall(rf"^\s*{sign} (?:step|only solution).*\n((?:.*\n)*?)\s*{sign} end\n", text,
                        re.MULTILINE)
    code = [re.sub(rf"^\s*{sign}.*\n", "", block, flags=re.MULTILINE) for block in blocks]
    return [block for block in code if block.count("\n") > 2]


def test_no_piece_of_the_solution_is_in_it(lab: Path) -> None:
    everything = "\n".join((lab / name).read_text(errors="replace") for name in files(lab))
    blocks = [block for path in skeleton.tracked(TOP, "solution/stage[0-9]-*/**")
              if skeleton.style_of(path) for block in cut_blocks(path)]
    assert blocks
    for block in blocks:
        assert block not in everything, block


def test_the_reference_shows_no_source(lab: Path) -> None:
    paths = sorted((lab / "reference").rglob("*.o"))
    said = subprocess.run(["readelf", "-SW", *paths], check=True, text=True, stdout=subprocess.PIPE).stdout
    parts = said.split("\nFile: ")[1:]
    assert len(parts) == len(paths) > 1
    assert [part.partition("\n")[0] for part in parts if ".debug" in part or ".symtab" not in part] == []


@pytest.mark.sample
@pytest.mark.parametrize("folder, word", [("reference", "IMAGE"), ("reference/stage4-openfiles", "--rollback"),
                                          ("reference/stage5-coredump", "--nostop"),
                                          ("reference/stage6-remote", "--remote")])
def test_the_reference_s_programs_can_be_linked(lab: Path, folder: str, word: str) -> None:
    done = make(lab, "-C", folder)
    assert done.returncode == 0, done.stdout
    usage = subprocess.run([lab / folder / "restart", "--help"], text=True, stdout=subprocess.PIPE)
    assert usage.returncode == 0 and word in usage.stdout


STAGES = sorted(path.name for path in TOP.glob("stage*-*"))


@pytest.mark.sample
@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_builds_with_the_reference(lab: Path, stage: str) -> None:
    done = make(lab, "-C", stage, "REFERENCE=1")
    assert done.returncode == 0, done.stdout


def test_make_lists_the_targets(lab: Path) -> None:
    listed = re.findall(r"^    make (\w+) ", make(lab).stdout, re.MULTILINE)
    assert sorted(listed) == ["check", "clean", "doctor", "handin", "help", "setup"]


@pytest.mark.stress
def test_make_check_grades_all_stages(lab: Path) -> None:
    done = make(lab, "check")
    assert done.returncode != 0
    for stage in STAGES:
        assert f"== {stage}" in done.stdout
    assert not re.search("Traceback|Error 127", done.stdout), done.stdout


@pytest.mark.stress
def test_stage_3_can_be_done_on_top_of_the_reference(packed: Path, tmp_path: Path) -> None:
    """Stage 3 is the solution's, those before it are untouched skeletons."""
    subprocess.run(["tar", "-xf", packed, "-C", tmp_path], check=True)
    lab = tmp_path / "ckptlab"
    for path in skeleton.tracked(TOP, "solution/stage3-*/**"):
        shutil.copy2(TOP / path, lab / path.relative_to("solution"))
    for arguments in [[], ["REFERENCE=1"]]:  # the second must not use objects of the first
        done = make(lab, "-C", "stage3-restart", "check", *arguments)
    assert done.returncode == 0, done.stdout
    assert "45 of 45 points" in done.stdout


def test_clean_takes_all_away(packed: Path, lab: Path) -> None:
    """Of all that the tests before this one have built."""
    with tarfile.open(packed) as tar:
        before = sorted(member.name.partition("/")[2] for member in tar.getmembers() if not member.isdir())
    for folder in ("reference", "stage1-readmaps"):
        assert make(lab, "-C", folder).returncode == 0
    assert files(lab) != before
    assert make(lab, "clean").returncode == 0
    assert files(lab) == before
