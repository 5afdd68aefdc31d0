"""The solution and the untouched skeletons build without a warning, under both compilers."""
from __future__ import annotations

from pathlib import Path

import pytest
from handout import skeleton

from conftest import TOP, need
from test_top import make

STAGES = sorted(path.parent.name for path in TOP.glob("solution/stage[0-9]-*/Makefile"))


@pytest.fixture(scope="module", params=["gcc", "clang"])
def compiler(request: pytest.FixtureRequest) -> str:
    need(request.param)
    return str(request.param)


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


@pytest.mark.parametrize("stage", STAGES)
def test_no_warnings(tree: Path, compiler: str, stage: str) -> None:
    make(tree, "-C", stage, "clean")
    done = make(tree, "-j2", "-C", stage, f"CC={compiler}", "WERROR=1")
    assert done.returncode == 0, done.stdout
    assert "warning:" not in done.stdout, done.stdout
