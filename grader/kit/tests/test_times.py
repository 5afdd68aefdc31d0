"""--times says where the time of a start, of a checkpoint and of a restart went; without it nothing is said."""
from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from conftest import TOP
from kit import mutants

LIMIT = 60.0
LINE = re.compile(r"^(libckpt|restart): +(\d+) us  (.+)$", re.MULTILINE)
PROGRAM = r"""
#include "ckpt.h"
#include <stdio.h>
#include <time.h>

int main(void)
{
    struct timespec start, end;
    for (int i = 0; i < 2; i++) {
        clock_gettime(CLOCK_MONOTONIC, &start);
        if (ckpt_now() == 1)
            return 7;
        clock_gettime(CLOCK_MONOTONIC, &end);
        printf("%ld\n", (end.tv_sec - start.tv_sec) * 1000000 + (end.tv_nsec - start.tv_nsec) / 1000);
    }
    return 0;
}
"""


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = mutants.build_solution(tmp_path_factory.mktemp("solution"), "stage4-openfiles")
    words = ["gcc", "-w", "-I", TOP / "solution/stage2-saveimage", "-x", "c", "-o", folder / "twice", "-"]
    subprocess.run(words, input=PROGRAM, text=True, check=True)
    return folder


def run(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False)


def tables(said: str, last: str) -> list[dict[str, int]]:
    """The tables of phases, each up to the line of its sum, which is right but for the rounding."""
    found, rows = [], {}
    for _, number, phase in LINE.findall(said):
        if phase == last:
            assert abs(sum(rows.values()) - int(number)) <= len(rows)
            found.append(rows)
        rows = {} if phase == last or phase == "until main()" else {**rows, phase: int(number)}
    return found


def test_the_times_of_checkpoints_are_those_that_the_program_sees(stage: Path, tmp_path: Path) -> None:
    done = run(stage / "ckpt", "--times", stage / "twice", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    start, = tables(done.stderr.split("until main()")[0] + "until main()\n", "until main()")
    assert list(start) == ["ckpt, before its main()", "ckpt", "execve(2) and ld.so", "constructor of libckpt"]
    checkpoints = tables(done.stderr, "for the checkpoint")
    assert len(checkpoints) == 2
    for phases, seen in zip(checkpoints, map(int, done.stdout.split())):
        assert {"checks", "regions", "files", "write, and rename"} <= set(phases)
        assert sum(phases.values()) <= seen + len(phases)  # what the program saw: that, and the printing


def test_the_times_of_a_restart(stage: Path, tmp_path: Path) -> None:
    assert run(stage / "ckpt", stage / "twice", cwd=tmp_path).returncode == 0
    done = run(stage / "restart", "--times", "myckpt", cwd=tmp_path)
    assert done.returncode == 7, done.stderr
    phases, = tables(done.stderr, "until the jump into the program")
    assert list(phases)[:6] == ["before main()", "open the image", "plan of open files", "plans of other rooms",
                                "regions, and the block", "clear"]
    assert {"map", "signals", "timers"} <= set(phases)


def test_without_it_nothing_is_said(stage: Path, tmp_path: Path) -> None:
    first = run(stage / "ckpt", stage / "twice", cwd=tmp_path)
    second = run(stage / "restart", "myckpt", cwd=tmp_path)
    assert (first.returncode, second.returncode) == (0, 7)
    assert not LINE.search(first.stderr + second.stderr)


def test_what_the_program_executes_finds_the_wish_and_no_old_times(stage: Path, tmp_path: Path) -> None:
    done = run(stage / "ckpt", "--times", "/bin/sh", "-c", "exec env", cwd=tmp_path)
    assert "CKPT_TIMES=1" in done.stdout.splitlines()
    assert done.stderr.count("execve(2) and ld.so") == 1 and done.stderr.count("constructor of libckpt") == 2
