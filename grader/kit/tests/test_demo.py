"""`make demo`: it tells its story, and it notices when the story does not come true."""
from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from conftest import TOP, copy_built

pytestmark = pytest.mark.skipif(not (TOP / "solution/stage5-coredump/Makefile").exists(),
                                reason="the solution's stage 4 is not there")

RUN_AGAIN = """#!/bin/sh
# A `restart` that runs the counter again from its start.
exec ./counter 1 20
"""
NO_LIBRARY = """#!/bin/sh
# A `ckpt` that forgets to preload the library.
exec "$@"
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The tree, with a stage 4 that is built and that a test may spoil."""
    copy_built(tmp_path)
    return tmp_path


def demo(tree: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([tree / "grader/demo/demo"], text=True, timeout=60, env={**os.environ, **environment},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def spoil(tree: Path, program: str, script: str) -> None:
    path = tree / "solution/stage5-coredump" / program
    path.unlink()
    path.write_text(script)
    path.chmod(0o755)


def test_the_demo_tells_the_story(tree: Path) -> None:
    start = time.monotonic()
    done = demo(tree)
    assert done.returncode == 0, done.stdout
    assert time.monotonic() - start < 60  # 5 seconds on an idle machine
    for words in ("kill -USR2", "kill -KILL", "restart myckpt", "CORE (Core file)", "exit code 42",
                  "Same output", "regions are the same", "No line and no file was lost", "never prepared", "What to type next"):
        assert words in done.stdout, words
    assert done.stdout.count("tick 20 ") == 1
    assert "The sum came along, and the files stayed" in done.stdout or "Not shown: bubblewrap makes no other machine" in done.stdout


@pytest.mark.stress
def test_two_machines_are_left_out_where_there_are_none(tree: Path) -> None:
    (tree / "bin").mkdir()
    (tree / "bin/bwrap").write_text("#!/bin/sh\nexit 1\n")
    (tree / "bin/bwrap").chmod(0o755)
    done = demo(tree, PATH=f"{tree / 'bin'}:{os.environ['PATH']}")
    assert done.returncode == 0 and "(Not shown: bubblewrap makes no other machine here." in done.stdout, done.stdout


def test_the_demo_notices_a_program_that_runs_again(tree: Path) -> None:
    spoil(tree, "restart", RUN_AGAIN)
    done = demo(tree)
    assert done.returncode == 1
    assert "the outputs differ" in done.stdout


def test_the_demo_notices_that_no_library_was_loaded(tree: Path) -> None:
    spoil(tree, "ckpt", NO_LIBRARY)
    done = demo(tree)
    assert done.returncode == 1
    assert "does not catch SIGUSR2" in done.stdout
