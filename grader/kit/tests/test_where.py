"""Where a test fails: the file, and the function, that the grader finds by putting the reference's in its place.

Each mutant has its mistake in a file that it names: that must be the answer."""
from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from kit import built, mutants
from kit.mutants import Mutant
from stage import functions, where
from stage.lab import Lab

SECONDS = 120  # for each search; what is found on a quiet machine must be found on a busy one


def file_of(mutant: Mutant) -> str:
    """The one file that it changes, if that has a step."""
    files = {edit["file"] for edit in mutant.edits}
    known = {step.file for step in where.all_steps() if step.function}
    return files.pop() if len(files) == 1 and files <= known else ""


MUTANTS = [mutant for mutant in mutants.all_mutants() if file_of(mutant)]


@pytest.mark.sample(100)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_file_is_found(mutant: Mutant, tmp_path: Path) -> None:
    tree, stage = tmp_path / "m", min(mutant.loses)
    mutants.lay_out(mutant, tree)
    got = mutants.grade(stage, mutants.folder_of(mutant, stage, tree), mutant.loses[stage][:1], extra=["--where", str(SECONDS)])
    rows = [row for row in got.table["tests"] if row["outcome"] == "failed"]
    assert [row["where"].partition(",")[0] for row in rows] == [Path(file_of(mutant)).name], got.output
    assert f"  Where:  {rows[0]['where']}" in got.output


def test_another_function_of_the_likely_file(tmp_path: Path) -> None:
    """What was compiled to try the likely step (1.2: numbers) is gone when the file itself is tried, and its other steps."""
    tree = tmp_path / "m"
    mutants.copy_solution(tree)
    path = tree / "stage1-readmaps/maps.c"
    path.write_text(path.read_text().replace("*at = s + 5;", "*at = s + 6; /* a digit too far */"))
    got = mutants.grade(1, path.parent, ["test_numbers"], extra=["--where", str(SECONDS)])
    assert [row["where"] for row in got.table["tests"] if row["where"]] == ["maps.c, take_permissions() (step 1.3)"], got.output


def test_what_is_not_begun_is_named(tmp_path: Path) -> None:
    """All but step 1.4 is done: that is the answer, whatever the cause says."""
    tree = tmp_path / "m"
    mutants.copy_solution(tree)
    path = tree / "stage1-readmaps/maps.c"
    step = next(step for step in where.all_steps() if step.number == "1.4")
    text = functions.text_of(path.read_text(), step.function)
    path.write_text(path.read_text().replace(text, "static void unescape(char *name)\n{\n    /* later */\n    (void)name;\n}"))
    got = mutants.grade(1, tree / "stage1-readmaps", extra=["--where", str(SECONDS)])
    found = [row["where"] for row in got.table["tests"] if row["where"]]
    assert found == ["maps.c, unescape() (step 1.4) is not written yet"], got.output


def test_no_file_is_named_where_none_can_be(tmp_path: Path) -> None:
    """A Makefile that is wrong stays wrong with all of the reference's objects."""
    tree = tmp_path / "m"
    mutants.copy_solution(tree)
    program = tree / "stage1-readmaps/Makefile"
    program.write_text(program.read_text() + "\nall: spoil\nspoil: readmaps\n\tprintf '#!/bin/sh\\nexit 3\\n' >readmaps\n")
    got = mutants.grade(1, tree / "stage1-readmaps", extra=["--where", str(SECONDS)])
    first = next(row for row in got.table["tests"] if row["outcome"] == "failed")
    assert not first["where"] and "with the reference's objects, too" in first["where_how"], got.output
    assert "  Where:  not found" in got.output


def test_the_skeletons_have_not_begun() -> None:
    for step in where.all_steps():
        assert where.is_unbegun(step, built.TOP), step
        assert not where.is_unbegun(step, built.TOP / "solution"), step


def linked(tmp_path: Path) -> tuple[Path, Path]:
    """Stage 1, in whose build folder an object is a link that leads out, and where that leads."""
    stage, outside = tmp_path / "m/stage1-readmaps", tmp_path / "outside"
    shutil.copytree(built.SOLUTION / stage.name, stage)
    outside.write_text("as it was")
    (stage / "build/region_plan.o").unlink()
    (stage / "build/region_plan.o").symlink_to(outside)
    (stage / "build/out").symlink_to(tmp_path)
    os.mkfifo(stage / "fifo")
    with (stage / "large").open("wb") as file:
        file.truncate(1 << 40)
    return stage, outside


def test_what_a_submission_left_is_copied_with_care(tmp_path: Path) -> None:
    """Links stay links, what is no file or too large does not come along, and nothing is written through a link."""
    stage, outside = linked(tmp_path)
    lab = Lab(1, stage)
    lab.use_reference(built.SOLUTION / "stage1-readmaps")
    with where.copy_of(lab) as tree:
        copy = tree / stage.name
        assert (copy / "maps.c").read_bytes() == (stage / "maps.c").read_bytes()
        assert not (copy / "fifo").exists() and not (copy / "large").exists() and (copy / "build/out").is_symlink()
        bench = where.Bench(lab, "test_file", tree, tmp_path / "table", float("inf"), lambda *_: None)
        assert not bench.passes(where.Files(["region_plan.o"]))
        assert (copy / "build/region_plan.o").read_bytes() == (lab.reference() / "build/region_plan.o").read_bytes()
    assert outside.read_text() == "as it was" and not tree.exists()


def test_functions_of_other_styles(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.c", tmp_path / "theirs.c"
    ours.write_text("int a(void)\n{\n    return 1;\n}\n\nint b(void)\n{\n    return 2;\n}\n")
    theirs.write_text("int a(void) {\n  if (1) {\n  }\n  return 7; }\nint b(void) { return 8; }\n")
    if functions.lines_of(theirs, "a") is None:
        pytest.skip("not tried here: ctags is missing")
    lines = functions.function_in(ours, "a")
    text = functions.with_lines(theirs.read_text(), functions.lines_of(theirs, "a"), lines)
    assert text == "int a(void)\n{\n    return 1;\n}\nint b(void) { return 8; }\n"
    assert functions.with_lines(theirs.read_text(), functions.lines_of(theirs, "c"), lines) is None
    assert functions.function_in(ours, "c") == []
