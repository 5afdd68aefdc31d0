"""The solution and the untouched skeletons build without a warning, under both compilers."""
from __future__ import annotations

from pathlib import Path

import pytest

from conftest import TOP, need
from handout import skeleton
from stage.common_objects import included, share
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
    """Without WERROR=1: with the flags of all other tests most objects come from the cache, with their warnings.

    What another stage's build has compiled by the same command is not compiled again: its warnings were there.
    """
    make(tree, "-C", stage, "clean")
    share(tree / stage, [word for word in words if "=" in word])
    done = make(tree, "-j2", "-C", stage, *words)
    assert done.returncode == 0, done.stdout
    assert "warning:" not in done.stdout, done.stdout


def compiled(stage: Path) -> set[Path]:
    """The sources of the objects that were made there, by the lists of what each depends on."""
    return {(stage / included(path.read_text())[0]).resolve() for path in stage.glob("build/*.d")}


@pytest.mark.parametrize("stage", STAGES)
def test_no_warnings_of_gcc(tree: Path, stage: str) -> None:
    build(tree, stage)


def test_no_warnings_of_clang(tree: Path) -> None:
    """The last stage is built, and of those before it what it did not compile; of the skeletons, what is not the solution's."""
    need("clang")
    sources = {path: TOP / "solution" / path.relative_to(tree) for path in tree.glob("stage*/*.[cS]")}
    done = {path.resolve() for path, ours in sources.items() if tree.name.startswith("skeleton")
            and path.read_bytes() == ours.read_bytes()}
    for stage in reversed(STAGES):
        left = [path for path in sources if path.parent.name == stage and path.resolve() not in done]
        build(tree, stage, "CC=clang", *(f"build/{path.stem}.o" for path in left if done))
        done |= compiled(tree / stage)


def test_a_warning_is_an_error_if_that_is_asked_for(tree: Path) -> None:
    make(tree, "-C", STAGES[0], "clean")
    assert make(tree, "-C", STAGES[0], "WERROR=1").returncode == 0
    with (tree / STAGES[0] / "maps.c").open("a") as file:
        file.write("static int nobody_uses_this;\n")
    assert make(tree, "-C", STAGES[0], "WERROR=1").returncode != 0
