"""Objects of given files: only what is the same text, by the same rules, is not compiled again."""
from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from batch import given
from kit import mutants
from stage.config import TOP, load_interface
from stage.lab import run_make

pytestmark = pytest.mark.xdist_group("given")  # what is made once is made by one worker

INTERFACE = load_interface()
STAGE1 = INTERFACE.stages[1].folder


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("given")
    given.build(INTERFACE, folder)
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The solution, as a student hands it in."""
    for stage in INTERFACE.stages.values():
        ignore = shutil.ignore_patterns("build", *stage.programs)
        shutil.copytree(mutants.SOLUTION / stage.folder, tmp_path / stage.folder, ignore=ignore)
    return tmp_path


def objects(tree: Path, stage: int) -> set[str]:
    return {path.name for path in (tree / INTERFACE.stages[stage].folder / "build").glob("*.o")}


def test_unchanged_files_are_not_compiled_again(ours: Path, tree: Path) -> None:
    given.lay_objects(INTERFACE, ours, tree)
    assert "image_doctor.o" in objects(tree, 3) and "text.o" in objects(tree, 3)
    assert "libckpt.o" not in objects(tree, 3), "a file with TODOs is the student's"
    said = run_make(INTERFACE, tree / INTERFACE.stages[3].folder, keep_flags=False)
    assert "CC image_doctor.c" not in said and "CC libckpt.c" in said


@pytest.mark.parametrize("name", ["stage1-readmaps/text.h", "stage1-readmaps/text.c"])
def test_what_includes_a_changed_header_is_compiled(ours: Path, tree: Path, name: str) -> None:
    with (tree / name).open("a") as file:
        file.write("\n")
    given.lay_objects(INTERFACE, ours, tree)
    assert "text.o" not in objects(tree, 3) and "mem.o" in objects(tree, 3)


def test_other_rules_compile_all(ours: Path, tree: Path) -> None:
    with (tree / STAGE1 / "common.mk").open("a") as file:
        file.write("\n")
    assert given.lay_objects(INTERFACE, ours, tree) == 0


def test_a_header_that_hides_another_compiles_all(ours: Path, tree: Path) -> None:
    shutil.copy(TOP / STAGE1 / "text.h", tree / INTERFACE.stages[3].folder / "text.h")
    assert given.lay_objects(INTERFACE, ours, tree) == 0


def test_a_source_that_hides_another_is_compiled(ours: Path, tree: Path) -> None:
    (tree / INTERFACE.stages[3].folder / "text.c").write_text("int text;\n")
    given.lay_objects(INTERFACE, ours, tree)
    assert "text.o" not in objects(tree, 3)
