"""The programs of real_programs.py, restarted from cores of the kernel by stage 5: grader/kit/core_programs.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import needed
from kit import core_programs
from kit import mutants
from kit.core_programs import FROM_CORES, KERNEL_CORES, NO_CORES
from kit.real_programs import Program, committed_rows, seeded

TRIED = [program for program in FROM_CORES if not program.core]
MOMENTS = 10  # of each, in a stress run


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mutants.build_solution(tmp_path_factory.mktemp("tools"), "stage5-coredump")


def at_moments(program: Program, stage: Path, folder: Path, times: int) -> None:
    needed(program)
    core_programs.try_program(program, folder, seeded(program, "core_programs.py"), times, stage)


@pytest.mark.sample
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
    rows = [(name, result) for name, _, result in committed_rows(core_programs.BEGIN, core_programs.END)]
    assert rows == [(program.name, core_programs.result_of(program)) for program in FROM_CORES]
