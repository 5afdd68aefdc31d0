"""Homework with faults (kit/classic/homework): each program is told what is wrong with it, or that it is not known."""
from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest

from kit import homework
from kit.homework import Program
from stage.diagnosis import load_causes

PROGRAMS = homework.all_programs()


def test_there_are_twenty_at_least_in_five_styles() -> None:
    assert len(PROGRAMS) >= 20 and len({p.name for p in PROGRAMS}) == len(PROGRAMS)
    assert {p.style for p in PROGRAMS} == set(homework.PROFILES) == {f.name for f in homework.FOLDER.iterdir() if f.is_dir()}
    assert {p.profile for p in PROGRAMS} == {"classic", "classic-static"}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_its_edits_fit(program: Program, tmp_path: Path) -> None:
    program.lay_out(tmp_path / "s")
    assert {*program.causes, *program.half} <= {cause.id for cause in load_causes()}


@pytest.mark.sample(15)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_homework(program: Program) -> None:
    """A cause that is not the fault is worse than none."""
    with tempfile.TemporaryDirectory(prefix="ck") as folder:
        got = program.grade(Path(folder) / "s")
    assert got.tests("failed"), got.output
    assert program.verdict(got) == homework.TRUE, f"{program.fault}: {got.output}\n{homework.told(got)}"


def test_the_page_has_the_table() -> None:
    """Its shape: a row for each program, and counts that are its sums. Its content: homework.py --write."""
    rows = homework.rows()
    assert [row[:2] for row in rows] == [(p.name, p.style) for p in PROGRAMS]
    assert homework.counted(Counter(row[2] for row in rows)) in homework.PAGE.read_text()
    assert homework.by_style() in homework.COUNTS.read_text(), "grader/python grader/kit/homework.py --write makes it"
