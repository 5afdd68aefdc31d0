"""The programs of remote_programs.py, on a machine that has none of their files, and the table of them in solution/README."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import need_machine, needed
from kit import mutants, remote_programs
from kit.real_programs import Failed, Program, committed_rows, not_tried, seeded, was_tried
from kit.remote_programs import JOBS

TRIED = [program for program in JOBS if was_tried(program.job)]


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_machine()
    return mutants.build_solution(tmp_path_factory.mktemp("jobs"), "stage6-remote")


@pytest.mark.sample(25)  # in a stress run, all
@pytest.mark.parametrize("program", TRIED, ids=lambda program: program.name)
def test_program(program: Program, stage: Path, tmp_path: Path) -> None:
    needed(program)
    remote_programs.try_program(program, tmp_path, seeded(program, "remote_programs.py"), 1, stage)


@pytest.mark.parametrize("command", [["sh", "-c", "echo $PPID"], ["cat", "/proc/sys/kernel/random/uuid"]])
def test_one_that_is_not_as_here_is_found(command: list[str], stage: Path, tmp_path: Path) -> None:
    program = Program("other", "none", "", command)
    with pytest.raises(Failed, match="not what an uninterrupted run leaves: stdout"):
        remote_programs.try_program(program, tmp_path, seeded(program), 1, stage)


def is_right(row: list[str], program: Program) -> bool:
    name, _, does, result = row
    return (name, does) == (program.name, program.does) and result in (remote_programs.result_of(program), not_tried(program.name))


def test_the_table_in_the_readme() -> None:
    """It names these programs, in this order, with these results; versions are those of the machine it was made on."""
    rows = committed_rows(remote_programs.BEGIN, remote_programs.END)
    assert [row for row, program in zip(rows, JOBS, strict=True) if not is_right(row, program)] == []
    assert sum(row[3] == "as here" for row in rows) >= 20


def test_a_program_that_is_not_here_makes_a_row() -> None:
    program = Program("missing", "no-package", "nothing", ["/no/such/program"])
    row = remote_programs.cells((program, "?", remote_programs.run_one(program, 1, 1)))
    assert row == ["missing", "?", "nothing", "not tried here: missing is not installed"] and is_right(row, program)
    assert not is_right([*row[:3], "FAILS: it stood still"], program)
