"""The programs of real_programs.py, restarted from cores of the kernel by stage 5: grader/kit/core_programs.py."""

from __future__ import annotations

import random
import shlex
import subprocess
from pathlib import Path

import pytest

import core_programs
import mutants
from core_programs import FROM_CORES, KERNEL_CORES, NO_CORES, TAKE_SIGQUIT, CoreTrial
from real_programs import Program, find

TRIED = [program for program in FROM_CORES if program.name not in TAKE_SIGQUIT]
MOMENTS = 10  # of each, in a stress run


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tools")
    mutants.copy_solution(folder)
    subprocess.run(["make", "-s", "-j2", "-C", folder / "stage5-coredump"], check=True, stdout=subprocess.DEVNULL)
    return folder / "stage5-coredump"


def at_moments(program: Program, stage: Path, folder: Path, times: int) -> None:
    if find(program.command[0]) is None:
        pytest.skip(f"{program.name} is not installed here (package {program.package})")
    seed = random.SystemRandom().randrange(10**6)
    print(f"to repeat it: grader/kit/core_programs.py --seed {seed} {shlex.quote(program.name)}")
    trial, draw = CoreTrial(program, folder, stage), random.Random(f"{seed} {program.name}")
    for _ in range(times):
        trial.at_random(draw)


@pytest.mark.skipif(not KERNEL_CORES, reason=NO_CORES)
@pytest.mark.parametrize("program", TRIED, ids=lambda program: program.name)
def test_program(program: Program, stage: Path, tmp_path: Path) -> None:
    at_moments(program, stage, tmp_path, 1)


@pytest.mark.stress
@pytest.mark.skipif(not KERNEL_CORES, reason=NO_CORES)
@pytest.mark.parametrize("program", TRIED, ids=lambda program: program.name)
def test_many_moments(program: Program, stage: Path, tmp_path: Path) -> None:
    at_moments(program, stage, tmp_path, MOMENTS)


def test_the_table_in_the_readme() -> None:
    """It names these programs, in this order, with these results."""
    rows = [(name, result) for name, _, result in core_programs.committed_rows()]
    assert rows == [(program.name, core_programs.result_of(program)) for program in FROM_CORES]
