"""What all of the kit's tests share: the option --stress, and copies of the tree to work in."""
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from real_programs import Program, is_installed, not_tried

TOP = Path(__file__).resolve().parents[3]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--stress", action="store_true", help="run the tests that take long, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--stress"):
        return
    long = [item for item in items if item.get_closest_marker("stress")]
    items[:] = [item for item in items if not item.get_closest_marker("stress")]
    config.hook.pytest_deselected(items=long)


def git(tree: Path, *arguments: str) -> str:
    """Runs git in a tree of a test's own, whatever the user's configuration says."""
    command = ["git", "-c", "user.name=test", "-c", "user.email=test", "-c", "core.hooksPath=",
               *arguments]
    return subprocess.run(command, cwd=tree, check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def needed(program: Program) -> None:
    if not is_installed(program):
        pytest.skip(not_tried(f"{program.name} (package {program.package})"))


def need(tool: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(not_tried(tool))


def copy_tracked(source: Path, target: Path) -> None:
    """Copies the files that git tracks, as they are now, committed or not."""
    for name in git(source, "ls-files", "-z").split("\0"):
        if name and ((source / name).is_symlink() or (source / name).exists()):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name, follow_symlinks=False)


@pytest.fixture
def top() -> Path:
    return TOP


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A fresh clone, as far as a program can tell: the tracked files of this tree, and no others."""
    tree = tmp_path / "ckptlab"
    copy_tracked(TOP, tree)
    git(tree, "init", "--quiet")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "test")
    return tree
