"""The solution and the untouched skeletons build without a warning, under both compilers."""
from __future__ import annotations

from pathlib import Path

import pytest

from conftest import TOP, need
from handout import skeleton
from stage.common_objects import commands
from test_top import make

STAGES = sorted(path.parent.name for path in TOP.glob("solution/stage[0-9]-*/Makefile"))


@pytest.fixture(scope="module", params=["solution", "skeleton"])
def tree(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of all stages, side by side, and nothing that was built."""
    folder = tmp_path_factory.mktemp(request.param)
    for path in skeleton.tracked(TOP, "solution/stage[0-9]-*/**"):
        file = skeleton.skeleton_of(TOP, path)
        if request.param == "solution":
            file = skeleton.File((TOP / path).read_bytes(), False)
        if file:
            skeleton.write_file(folder / path.relative_to("solution"), file)
    return folder


def build(tree: Path, stage: str, *words: str) -> None:
    """Without WERROR=1: with the flags of all other tests most objects come from the cache, with their warnings."""
    done = make(tree, "-j2", "-C", stage, *words)
    assert done.returncode == 0, done.stdout
    assert "warning:" not in done.stdout, done.stdout


def own_objects(tree: Path, stage: str) -> list[str]:
    """Of the stage's own sources, and of what it makes; of a skeleton, where these are not the solution's."""
    objects = []
    for name, (*_, source, _) in commands(tree / stage, [], "-B").items():
        ours, path = TOP / "solution" / stage / source, tree / stage / source
        same = tree.name.startswith("skeleton") and path.exists() and path.read_bytes() == ours.read_bytes()
        if not source.startswith("../") and not same:
            objects.append(f"build/{name}")
    return objects


@pytest.mark.parametrize("stage", STAGES)
def test_no_warnings_of_gcc(tree: Path, stage: str) -> None:
    """All other tests link them."""
    make(tree, "-C", stage, "clean")
    objects = own_objects(tree, stage)
    if objects:
        build(tree, stage, *objects)


@pytest.mark.sample(2 * len(STAGES))
@pytest.mark.parametrize("stage", STAGES)
def test_no_warnings_of_clang(tree: Path, stage: str) -> None:
    need("clang")
    make(tree, "-C", stage, "clean")
    build(tree, stage, "CC=clang", *(own_objects(tree, stage) if tree.name.startswith("skeleton") else []))


def test_a_warning_is_an_error_if_that_is_asked_for(tree: Path) -> None:
    make(tree, "-C", STAGES[0], "clean")
    assert make(tree, "-C", STAGES[0], "WERROR=1").returncode == 0
    with (tree / STAGES[0] / "maps.c").open("a") as file:
        file.write("static int nobody_uses_this;\n")
    assert make(tree, "-C", STAGES[0], "WERROR=1").returncode != 0


def lay_others(build: Path) -> list[Path]:
    """What a build for a processor that is not this one leaves."""
    build.mkdir(exist_ok=True)
    (build / "flags").write_text("mips-linux-gnu-gcc mips -O2\n")
    objects = [build / name for name in ("maps.o", "vectors_mips.o")]
    for path in objects:
        path.write_text("of another processor")
    return objects


@pytest.mark.parametrize("tree", ["solution"], indirect=True)
def test_objects_of_another_processor_do_not_stay(tree: Path) -> None:
    make(tree, "-C", STAGES[0], "clean")
    _, left = lay_others(tree / STAGES[0] / "build")
    assert make(tree, "-C", STAGES[0]).returncode == 0 and not left.exists()


def test_the_reference_s_objects_of_another_processor_are_not_taken(tmp_path: Path) -> None:
    """In the kit, where the solution's own stage 3 is the reference."""
    for path in skeleton.tracked(TOP, "solution/stage[123]-*/**"):
        skeleton.write_file(tmp_path / path, skeleton.File((TOP / path).read_bytes(), False))
    (tmp_path / "grader").mkdir()
    objects = lay_others(tmp_path / "solution/stage3-restart/build")
    done = make(tmp_path / "solution", "-n", "-C", "stage2-saveimage", "REFERENCE=1")
    assert done.returncode == 0 and not any(path.exists() for path in objects), done.stdout
