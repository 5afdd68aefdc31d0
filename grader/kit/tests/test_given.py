"""Objects of given files: only what is the same text, by the same rules, is not compiled again."""
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from batch import given
from batch.workshop import Workshop, grader_digest, sources_of
from kit import mutants
from stage import common_objects
from stage.config import TOP, load_interface
from stage.lab import run_make

pytestmark = pytest.mark.xdist_group("given")  # what is made once is made by one worker

INTERFACE = load_interface()
STAGE1 = INTERFACE.stages[1].folder


@pytest.fixture(scope="module")
def ours() -> Path:
    """The skeletons, built, as they are for each class."""
    return Workshop.open(grader_digest(), INTERFACE).given


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
    given.lay_objects(given.Trees(INTERFACE, ours, tree))
    assert "page_runs.o" in objects(tree, 3) and "text.o" in objects(tree, 3)
    assert "libckpt.o" not in objects(tree, 3), "a file with TODOs is the student's"
    said = run_make(INTERFACE, tree / INTERFACE.stages[3].folder, keep_flags=False)
    assert "CC page_runs.c" not in said and "CC libckpt.c" in said


@pytest.mark.parametrize("name", ["stage1-readmaps/text.h", "stage1-readmaps/text.c"])
def test_what_includes_a_changed_header_is_compiled(ours: Path, tree: Path, name: str) -> None:
    with (tree / name).open("a") as file:
        file.write("\n")
    given.lay_objects(given.Trees(INTERFACE, ours, tree))
    assert "text.o" not in objects(tree, 3) and "mem.o" in objects(tree, 3)


def test_other_rules_compile_all(ours: Path, tree: Path) -> None:
    with (tree / STAGE1 / "common.mk").open("a") as file:
        file.write("\n")
    assert given.lay_objects(given.Trees(INTERFACE, ours, tree)) == 0


def test_a_header_that_hides_another_compiles_all(ours: Path, tree: Path) -> None:
    shutil.copy(TOP / STAGE1 / "text.h", tree / INTERFACE.stages[3].folder / "text.h")
    assert given.lay_objects(given.Trees(INTERFACE, ours, tree)) == 0


def test_a_source_that_hides_another_is_compiled(ours: Path, tree: Path) -> None:
    (tree / INTERFACE.stages[3].folder / "text.c").write_text("int text;\n")
    given.lay_objects(given.Trees(INTERFACE, ours, tree))
    assert "text.o" not in objects(tree, 3)


# A submission's own objects


def built(ours: Path, tree: Path) -> given.Trees:
    """The first two stages are."""
    trees = given.Trees(INTERFACE, ours, tree)
    given.lay_objects(trees)
    for number in (1, 2):
        given.lay_own(trees, number, range(1, number))
        run_make(INTERFACE, tree / INTERFACE.stages[number].folder, keep_flags=False)
    return trees


def compiled_by(tree: Path, stage: int) -> set[str]:
    said = run_make(INTERFACE, tree / INTERFACE.stages[stage].folder, keep_flags=False)
    return {line.split()[1] for line in said.splitlines() if line.startswith("  CC ")}


def test_own_files_are_compiled_once(ours: Path, tree: Path) -> None:
    """Those of stage 1 in stage 1 alone, those of stage 2 in stage 2; and what make would have made is what is there."""
    trees = built(ours, tree)
    folder = tree / INTERFACE.stages[3].folder
    before = objects(tree, 3)
    assert given.lay_own(trees, 3, [1, 2]) >= 9 and {"maps.o", "libckpt.o"} <= objects(tree, 3) - before
    laid = {name: (folder / "build" / name).read_bytes() for name in objects(tree, 3) - before}
    assert not compiled_by(tree, 3) & {f"{name[:-2]}.c" for name in laid}
    for name in laid:
        (folder / "build" / name).unlink()
    assert compiled_by(tree, 3) >= {f"{name[:-2]}.c" for name in laid}
    for name, data in laid.items():
        assert code(folder / "build" / name) == code_of(data, folder / "build/as-laid.o"), f"{name} is another object"


def code_of(data: bytes, path: Path) -> bytes:
    path.write_bytes(data)
    return code(path)


def code(path: Path) -> bytes:
    """Without what debuggers want to know: of how the source is called."""
    subprocess.run(["strip", "-g", path], check=True)
    return path.read_bytes()


@pytest.mark.parametrize("there, known", [(1, "readmaps.o"), (2, "text.o"), (3, "text.o")])
def test_who_has_not_come_to_the_last_stage(ours: Path, tree: Path, there: int, known: str) -> None:
    for number, stage in INTERFACE.stages.items():
        if number > there:
            shutil.rmtree(tree / stage.folder)
    assert given.lay_objects(given.Trees(INTERFACE, ours, tree)) > 0
    assert known in objects(tree, there)


def test_a_new_header_is_no_concern_of_what_does_not_include_it(ours: Path, tree: Path) -> None:
    (tree / "stage1-readmaps/own.h").write_text("#define OWN 1\n")
    with (tree / STAGE1 / "maps.c").open("a") as file:
        file.write('#include "own.h"\n')
    (tree / "stage3-restart/own.h").write_text("#define OWN 2\n")
    given.lay_own(built(ours, tree), 3, [1, 2])
    assert "libckpt.o" in objects(tree, 3) and "maps.o" not in objects(tree, 3)


@pytest.mark.parametrize("file, text", [
    ("stage3-restart/string.h", "/* hides libc's */\n"),  # for stage 3 alone
    ("stage2-saveimage/libckpt.c", "#if __has_include(<restart_plan.h>)\n#endif\n"),  # stage 3 has it, stage 2 has not
    ("stage1-readmaps/common.mk", "# other rules\n"),
])
def test_own_objects_that_another_stage_could_make_otherwise(ours: Path, tree: Path, file: str, text: str) -> None:
    with (tree / file).open("a") as handed_in:
        handed_in.write(text)
    assert given.lay_own(built(ours, tree), 3, [1, 2]) == 0


def test_own_object_of_another_source(ours: Path, tree: Path) -> None:
    shutil.copy(tree / STAGE1 / "maps.c", tree / INTERFACE.stages[3].folder / "maps.c")
    given.lay_own(built(ours, tree), 3, [1, 2])
    assert "maps.o" not in objects(tree, 3) and "libckpt.o" in objects(tree, 3)


def test_a_link_is_no_object(ours: Path, tree: Path) -> None:
    """Nor is anything put where one leads."""
    trees = built(ours, tree)
    first, third = (tree / INTERFACE.stages[number].folder / "build" for number in (2, 3))
    (first / "libckpt.o").unlink()
    (first / "libckpt.o").symlink_to("/etc/hostname")
    (third / "maps.o").symlink_to(tree / "elsewhere")
    with pytest.raises(FileExistsError):
        given.lay_own(trees, 3, [1, 2])
    assert "libckpt.o" not in objects(tree, 3) and not (tree / "elsewhere").exists()


# Objects that stages have in common


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Two stages behind one whose sources both compile; the first of them is built."""
    for name, earlier in ("stage0-own", ""), ("stage1-a", "../stage0-own"), ("stage2-b", "../stage0-own"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Makefile").write_text(
            f"PROGRAMS := program\nEARLIER := {earlier}\ninclude {TOP}/{STAGE1}/common.mk\n"
            "program: build/one.o build/two.o\n\ttouch $@\n")
    for name, text in ("one.c", '#include "one.h"\nint one = ONE;\n'), ("one.h", "#define ONE 1\n"), ("two.c", "int two;\n"):
        (tmp_path / "stage0-own" / name).write_text(text)
    run_make(INTERFACE, tmp_path / "stage1-a", keep_flags=False)
    return tmp_path / "stage1-a", tmp_path / "stage2-b"


def compiled(stage: Path) -> list[str]:
    """What make still compiles where all that stages have in common is there."""
    common_objects.share(stage)
    return [line.split()[1] for line in run_make(INTERFACE, stage, keep_flags=False).splitlines() if line.startswith("  CC ")]


def test_what_another_stage_has_compiled_is_there(two: tuple[Path, Path]) -> None:
    assert compiled(two[1]) == []
    (two[0].parent / "stage0-own/one.h").write_text("#define ONE 2\n")
    assert compiled(two[1]) == ["one.c"], "it knows what the object depends on"


@pytest.mark.parametrize("name, still", [
    ("stage2-b/one.h", ["one.c"]), ("stage2-b/two.c", ["two.c"]), ("stage0-own/one.h", ["one.c"])])
def test_another_header_or_source_is_compiled(two: tuple[Path, Path], name: str, still: list[str]) -> None:
    (two[0].parent / name).write_text("#define ONE 3\n" if name.endswith(".h") else "int two = 2;\n")
    assert compiled(two[1]) == still


def test_gdb_sees_the_name_that_make_gave(two: tuple[Path, Path]) -> None:
    """To the stage whose own source it is that is `one.c`, to others `../stage0-own/one.c`: two objects."""
    assert sorted(compiled(two[0].parent / "stage0-own")) == ["one.c", "two.c"]


@pytest.mark.parametrize("line", ["FREE := one.o two.o", "CFLAGS := -O0", "CC := gcc -DX", "LAB_CFLAGS += -DY"])
def test_another_command_is_run(two: tuple[Path, Path], line: str) -> None:
    with (two[1] / "Makefile").open("a") as file:
        file.write(f"{line}\n" if line.startswith("LAB") else "")
    if not line.startswith("LAB"):
        (two[1] / "Makefile").write_text(f"{line}\n{(two[1] / 'Makefile').read_text()}")
    assert sorted(compiled(two[1])) == ["one.c", "two.c"]


def test_objects_of_other_flags_are_not_taken(two: tuple[Path, Path]) -> None:
    """The first stage was built by another command than its make has now."""
    (two[0] / "build/flags").write_text("cc -O0\n")
    for path in (two[0] / "build").glob("*.o"):
        path.touch()
    assert sorted(compiled(two[1])) == ["one.c", "two.c"]


def test_a_stage_has_no_objects_of_its_own_within_reach(ours: Path) -> None:
    """Of the reference; with REFERENCE=1 it gets those of the stages before it. All of them only the grader can read."""
    reference = ours.with_name("reference")
    assert {path.parent.relative_to(reference): path.stat().st_mode & 0o077 for path in reference.rglob("build")} != {}
    assert not any(path.stat().st_mode & 0o077 for path in reference.rglob("build"))
    for number, stage in INTERFACE.stages.items():
        has = {path.stem for path in (reference / "earlier" / str(number)).glob("*.o")}
        for other in INTERFACE.stages.values():
            later = sources_of(other) - {name for s in INTERFACE.stages.values() if s.number < number for name in sources_of(s)}
            assert other.number < number or not has & (later | sources_of(stage)), f"stage {number} gets {other.folder}'s"
        assert number == 1 or {"maps", "text"} <= has
