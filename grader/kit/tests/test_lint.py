"""What readers nobody wrote here say of the grader: types (mypy), dead code (vulture), shell (shellcheck)."""
from __future__ import annotations

import subprocess
from pathlib import Path

from conftest import TOP, git, need
from test_top import scripts

# What is used by name alone: pytest's and the standard library's hooks, and fields that templates read.
BY_NAME = ["pytest*", "*_fixture", "handle_*", "pax_headers", "create_system", "mean", "none", "x"]
TYPED = "stage film classic sandbox handout reports platforms batch kit kit/arm64".split()  # the tests' own types are not looked at


def says(*command: str | Path) -> str:
    need(str(command[0]))
    return subprocess.run(command, cwd=TOP, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout


def test_types() -> None:
    """One run for all: each module may import those of the other folders, by their names alone."""
    cache = TOP / "grader/build/mypy"
    files = git(TOP, "ls-files", *(f":(glob)grader/{room}/*.py" for room in TYPED)).split()
    assert says("mypy", "--config-file", "grader/mypy.ini", "--cache-dir", cache, "--no-error-summary", *files) == ""


def test_no_code_is_dead() -> None:
    assert says("vulture", "--ignore-names", ",".join(BY_NAME), "--exclude", "grader/build", "grader") == ""


def test_shell_scripts() -> None:
    ours = [path for path in scripts(TOP) if not path.relative_to(TOP).parts[0].startswith("stage")]
    assert ours and says("shellcheck", "-x", "-S", "warning", *ours) == ""
