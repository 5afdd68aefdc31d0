"""The Makefile at the top and the house rules."""
from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from conftest import git
from kit import built

TARGETS = ("help demo check stress check-arm64 grade similar handout gradescope classroom autolab prairielearn handin bench "
           "skeletons doctor setup clean").split()


def make(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # MAKEFLAGS and the like of the `make check` that runs us must not leak in.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(["make", *arguments], cwd=tree, env=environment, text=True, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.parametrize("arguments", [[], ["help"]])
def test_make_alone_lists_the_targets(top: Path, arguments: list[str]) -> None:
    listed = re.findall(r"^    make ([\w-]+) ", make(top, *arguments).stdout, re.MULTILINE)
    assert sorted(listed) == sorted(TARGETS)


def test_the_list_is_complete(top: Path) -> None:
    text = (top / "Makefile").read_text()
    assert sorted(re.findall(r"^([a-z0-9-]+):", text, re.MULTILINE)) == sorted(TARGETS)
    assert sorted(re.findall(r"^\.PHONY: (.*)", text, re.MULTILINE)) == sorted(TARGETS)


def test_what_is_built_is_ignored_by_git_and_cleaned(checkout: Path) -> None:
    built.lay_stages(built.solution(), checkout / "solution")
    built.lay(built.demos(), checkout / "BACKGROUND")
    (checkout / "grader/kit/__pycache__").mkdir()
    assert "readckpt" in git(checkout, "status", "--ignored", "--porcelain"), "nothing was built"
    assert git(checkout, "status", "--porcelain", "--", "solution") == ""
    assert make(checkout, "clean").returncode == 0
    assert git(checkout, "status", "--ignored", "--porcelain") == ""


def test_grade_says_what_it_can_do(top: Path) -> None:
    done = make(top, "grade")
    assert done.returncode != 0
    assert "SUBMISSIONS=" in done.stdout and "DIR=" in done.stdout


def scripts(top: Path) -> list[Path]:
    """The shell scripts that git tracks, known by their first line."""
    names = [name for name in git(top, "ls-files", "-z").split("\0") if name]
    files = [top / name for name in names if (top / name).is_file()]
    return [file for file in files if re.match(rb"#!.*[/ ](ba)?sh\b", file.read_bytes()[:40])]


def test_shell_scripts_parse_and_may_be_run(top: Path) -> None:
    for script in scripts(top):
        shell = "bash" if b"bash" in script.read_bytes()[:40] else "sh"
        done = subprocess.run([shell, "-n", script], text=True, stderr=subprocess.PIPE)
        assert (done.returncode, done.stderr) == (0, ""), script
        assert os.access(script, os.X_OK), f"{script} is not executable"


def test_the_standard_names_are_at_the_top(top: Path) -> None:
    for name in ("LICENSE", ".gitignore", ".clang-format", ".editorconfig", ".ci/run",
                 ".devcontainer/devcontainer.json", ".devcontainer/Dockerfile"):
        assert (top / name).is_file(), name


def test_ci_passes_on_how_the_check_ended(tmp_path: Path, top: Path) -> None:
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci/run").write_text((top / ".ci/run").read_text())
    (tmp_path / "Makefile").write_text("check:\n\t@echo checked; exit 3\n")
    done = subprocess.run(["bash", ".ci/run"], cwd=tmp_path, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert (done.returncode, done.stdout) == (2, "checked\n")  # make's own code is 2


def test_no_path_of_one_machine_is_tracked(top: Path) -> None:
    found = subprocess.run(["git", "grep", "-InE", "(/wor[k]/|/roo[t]/|/hom[e]/)[a-z]"], cwd=top,
                           text=True, stdout=subprocess.PIPE).stdout
    assert [line for line in found.splitlines() if "/home/you/" not in line] == []
