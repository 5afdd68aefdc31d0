"""The archive that students hand in: what is in it, and that its proof proves something."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

# Stands in for the grader: a stage is worth as many points as its folder has files that end in .c,
# and one more if it has the file `extra`.
CHECK = """#!/bin/sh
[ "$1" = --stage ] && [ "$4" = --json ] || exit 64
[ -e "$3/broken" ] && { echo "it does not build"; exit 70; }
points=$(ls "$3" | grep -c '[.]c$')
extra=$(ls "$3" | grep -c '^extra$')
echo "graded $3" >>"$(dirname "$0")/log"
printf '{"points": %s, "maximum": 9, "tests": [{"test": "a", "points": %s}, {"test": "b", "points": %s}]}' \
    "$((points + extra))" "$points" "$extra" >"$5"
"""


@pytest.fixture
def lab(top: Path, tmp_path: Path) -> Path:
    """An unpacked hand-out with two stages that a student has worked on."""
    for name in ("handin.py", "archive.py"):
        (tmp_path / "grader/stage").mkdir(parents=True, exist_ok=True)
        shutil.copy(top / "grader/stage" / name, tmp_path / "grader/stage")
    (tmp_path / "grader/check").write_text(CHECK)
    (tmp_path / "grader/check").chmod(0o755)
    for name in ("stage1-readmaps", "stage2-saveimage"):
        (tmp_path / name / "build").mkdir(parents=True)
        (tmp_path / name / "Makefile").write_text("all:\n")
        (tmp_path / name / "one.c").write_text("int one;\n")
        (tmp_path / name / "build/one.o").write_bytes(b"\x7fELF\0")
    return tmp_path


def handin(lab: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", str(lab / "grader/stage/handin.py"), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(lab / "grader"), "MAKEFLAGS": "w --jobserver-auth=3,4 -- REFERENCE=1"}
    return subprocess.run(command, cwd=lab, text=True, env=environment, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def names(path: Path) -> list[str]:
    with tarfile.open(path) as archive:
        return archive.getnames()


def test_all_stages(lab: Path) -> None:
    done = handin(lab)
    assert done.returncode == 0, done.stdout
    assert names(lab / "ckptlab-handin.tar.gz") == [
        "HANDIN.txt", "stage1-readmaps/Makefile", "stage1-readmaps/one.c",
        "stage2-saveimage/Makefile", "stage2-saveimage/one.c"]
    assert "stage 2: 1 of 9 points, here and unpacked" in done.stdout


def test_both_are_graded(lab: Path) -> None:
    handin(lab, "--stage", 1, lab / "stage1-readmaps")
    log = (lab / "grader/log").read_text().splitlines()
    assert log[0] == f"graded {lab}/stage1-readmaps"
    assert len(log) == 2 and log[1].endswith("/stage1-readmaps") and str(lab) not in log[1]


def test_one_stage_brings_those_that_it_needs(lab: Path) -> None:
    done = handin(lab, "--stage", 1, lab / "stage1-readmaps")
    assert done.returncode == 0, done.stdout
    assert "stage2-saveimage/one.c" not in names(lab / "ckptlab-handin-stage1.tar.gz")
    done = handin(lab, "--stage", 2, lab / "stage2-saveimage")
    assert "stage1-readmaps/one.c" in names(lab / "ckptlab-handin-stage2.tar.gz")


def test_the_note_says_how_it_was_built(lab: Path) -> None:
    handin(lab)
    with tarfile.open(lab / "ckptlab-handin.tar.gz") as archive:
        note = archive.extractfile("HANDIN.txt")
        assert note is not None
        text = note.read().decode()
    assert "make variables: REFERENCE=1\n" in text
    assert "stage 1: 1 of 9 points" in text


def test_only_sources_are_packed(lab: Path) -> None:
    stage = lab / "stage1-readmaps"
    (stage / "readmaps").write_bytes(b"\x7fELF\0\0")
    (stage / "myckpt").write_bytes(b"\x7fELF\0\0")
    (stage / "data").write_bytes(b"a\0b")
    (stage / "large.txt").write_bytes(b"x" * (2 << 20))
    (stage / ".secret").write_text("hidden\n")
    (stage / "elsewhere").symlink_to("/etc/hostname")
    (stage / "two.h").write_text("int two;\n")
    (stage / "beside.h").symlink_to("two.h")
    (stage / "gone").symlink_to("nothing")
    done = handin(lab)
    assert done.returncode == 0, done.stdout
    packed = {name.split("/")[1] for name in names(lab / "ckptlab-handin.tar.gz")
              if name.startswith("stage1")}
    assert packed == {"Makefile", "one.c", "two.h", "beside.h"}
    for name, why in {"data": "not text", "large.txt": "larger", "elsewhere": "a link",
                      "gone": "no file"}.items():
        assert f"left out: stage1-readmaps/{name}: {why}" in done.stdout
    assert "readmaps/readmaps" not in done.stdout


def test_an_archive_that_scores_less_is_told(lab: Path) -> None:
    (lab / "stage2-saveimage/extra").write_bytes(b"\0")
    done = handin(lab)
    assert done.returncode == 70
    assert "stage 2 does not score the same from the archive" in done.stdout
    assert "b: 1 here, 0 from the archive" in done.stdout


def test_what_does_not_build_is_told(lab: Path) -> None:
    (lab / "stage2-saveimage/broken").write_text("")
    done = handin(lab)
    assert done.returncode == 70
    assert "it does not build" in done.stdout
    assert not (lab / "ckptlab-handin.tar.gz").exists()


def test_a_folder_that_is_no_stage_is_told(lab: Path) -> None:
    done = handin(lab, "--stage", 3, lab / "grader")
    assert done.returncode == 70 and "handin: " in done.stdout


def test_the_solution_s_first_stage_survives_its_own_hand_in(top: Path, tmp_path: Path) -> None:
    """With the real grader, in a tree of its own."""
    folder = top / "solution/stage1-readmaps"
    if not folder.exists() or not (top / "grader/check").exists():
        pytest.skip("there is no first stage yet")
    ignore = shutil.ignore_patterns("build", "__pycache__")
    shutil.copytree(folder, tmp_path / "stage1-readmaps", ignore=ignore)
    shutil.copytree(top / "grader", tmp_path / "grader", ignore=ignore)
    done = handin(tmp_path, "--stage", 1, tmp_path / "stage1-readmaps")
    assert done.returncode == 0, done.stdout
    assert "20 of 20 points, here and unpacked" in done.stdout
