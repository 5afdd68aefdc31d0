"""The programs of real_programs.py, restarted from cores of the kernel by stage 5: grader/kit/core_programs.py."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from conftest import needed
from kit import core_programs
from kit import mutants
from kit.core_programs import FROM_CORES, KERNEL_CORES, NO_CORES
from kit.real_programs import Program, committed_rows, not_tried, seeded

TRIED = [program for program in FROM_CORES if not program.core]
MOMENTS = 10  # of each, in a stress run


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mutants.build_solution(tmp_path_factory.mktemp("tools"), "stage5-coredump")


def at_moments(program: Program, stage: Path, folder: Path, times: int) -> None:
    needed(program)
    core_programs.try_program(program, folder, seeded(program, "core_programs.py"), times, stage)


@pytest.mark.sample(14)
@pytest.mark.skipif(not KERNEL_CORES, reason=NO_CORES)
@pytest.mark.parametrize("program", TRIED, ids=lambda program: program.name)
def test_program(program: Program, stage: Path, tmp_path: Path) -> None:
    at_moments(program, stage, tmp_path, 1)


@pytest.mark.stress
@pytest.mark.skipif(not KERNEL_CORES, reason=NO_CORES)
@pytest.mark.parametrize("program", TRIED, ids=lambda program: program.name)
def test_many_moments(program: Program, stage: Path, tmp_path: Path) -> None:
    at_moments(program, stage, tmp_path, MOMENTS)


def is_right(row: list[str], program: Program) -> bool:
    """Who was not run for this table has no number: its row is an older one, or the machine lacks it."""
    name, _, times, result = row
    expected = core_programs.result_of(program)
    if times == "-":
        return name == program.name and result in (expected, not_tried(program.name))
    return times.isdecimal() and not program.core and (name, result) == (program.name, expected)


def test_the_table_in_the_readme() -> None:
    """It names these programs, in this order, with these results."""
    rows = committed_rows(core_programs.BEGIN, core_programs.END)
    assert [row for row, program in zip(rows, FROM_CORES, strict=True) if not is_right(row, program)] == []


def test_a_program_that_is_not_here_makes_a_row() -> None:
    program = Program("missing", "no-package", "nothing", ["/no/such/program"])
    row = core_programs.cells((program, "?", core_programs.run_one(program, 3, 1)), 3)
    assert row[2:] == ["-", "not tried here: missing is not installed"] and is_right(row, program)


def test_a_background_job_can_dump_what_it_starts() -> None:
    """A shell gives it SIGQUIT ignored."""
    words = ["grep", "SigIgn", "/proc/self/status"]
    before = signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    try:
        done = subprocess.run(words, preexec_fn=core_programs.let_it_dump, capture_output=True, text=True, check=True)
    finally:
        signal.signal(signal.SIGQUIT, before)
    assert not int(done.stdout.split()[1], 16) & 1 << (signal.SIGQUIT - 1)
