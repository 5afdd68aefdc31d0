"""The kill matrix: each mutant of the solution loses the tests that it should, and no others, and the
cause that the grader prints is the right one."""
from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from kit import mutants
from kit.mutants import Mutant
from stage.config import load_interface
from stage.diagnosis import load_causes


def by_name(mutant: Mutant) -> str:
    return mutant.name


@pytest.mark.sample(20)
@pytest.mark.parametrize("mutant", mutants.all_mutants(), ids=by_name)
def test_mutant(mutant: Mutant, request: pytest.FixtureRequest) -> None:
    full = bool(request.config.getoption("--stress"))
    with tempfile.TemporaryDirectory() as name:  # tmp_path would be longer than filename[100]
        problems = mutants.judge(mutant, Path(name) / "mutant", full)
    assert not problems, "\n".join(problems)


def test_readme_has_the_table() -> None:
    text = (mutants.FOLDER / "README").read_text()
    assert mutants.table() in text, "grader/python grader/kit/mutants.py --table prints the new one"


@pytest.mark.parametrize("mutant", mutants.all_mutants(), ids=by_name)
def test_mutant_names_what_exists(mutant: Mutant, tmp_path: Path) -> None:
    assert mutant.cause in {cause.id for cause in load_causes()}
    assert mutant.loses and mutant.edits
    for stage, tests in mutant.loses.items():
        assert stage in load_interface().stages
        known = mutants.declared_tests(stage)
        assert set(tests) <= set(known), f"stage {stage} has no {set(tests) - set(known)}"
    for name in {edit["file"] for edit in mutant.edits}:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(mutants.SOLUTION / name, tmp_path / name)
    mutant.apply(tmp_path)  # on the days when it is not graded, too: its edits fit the solution
