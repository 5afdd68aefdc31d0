"""No tier of the sandbox changes a verdict: in each that works here, ckpt-shadow and its jobs, which need more of a
machine than all stages before (a folder for temporary files, other programs, descriptors), have the points they deserve.

In check one tier and one submission, other ones each day: one deserves all points, one all but those of one test.
"""
from __future__ import annotations

import os
from pathlib import Path

import pytest

from conftest import TOP, copy_tracked
from kit import honest, mutants
from sandbox.spec import BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, OWN_UID
from stage.config import load_interface
from test_batch import grade, table

pytestmark = pytest.mark.xdist_group("batch")  # they share a workshop

STAGE = 6
FULL = load_interface().stages[STAGE].points
GOOD, MUTANT = "away", "remote-dup-shares"
LOSES = {GOOD: set(), MUTANT: {"test_dup"}}


def kit_for(tier: str, folder: Path) -> Path:
    """Without namespaces nothing but modes hides the kit."""
    if tier != OWN_UID:
        return TOP
    copy_tracked(TOP, folder)
    folder.chmod(0o700)
    return folder


def lay_out(name: str, tree: Path) -> None:
    if name == GOOD:
        honest.lay_out(name, tree)
    else:
        mutants.lay_out(next(mutant for mutant in mutants.all_mutants() if mutant.name == name), tree)


@pytest.mark.sample(3)
@pytest.mark.parametrize("tier", [BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, OWN_UID])
def test_jobs_have_their_points_in_each_tier(tier: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if tier != BUBBLEWRAP and os.geteuid() != 0:
        pytest.skip(f"{tier}: only root has this tier")
    names = sorted(LOSES)
    if not request.config.getoption("--stress"):
        names = [names[request.config.option.seed % len(names)]]
    for name in names:
        lay_out(name, tmp_path / "class" / name)
    top, out = kit_for(tier, tmp_path / "kit"), tmp_path / "out"
    done = grade(tmp_path / "class", out, "--stage", STAGE, "--no-reference", "--sandbox", tier, top=top)
    said = done.stdout + done.stderr
    if "no sandbox works" in said:
        pytest.skip(f"{tier}: it does not work here: {said}")
    for name in names:
        result = table(out)[name]
        reasons = {test.test: test.reason for _, test in result.tests() if test.outcome != "passed"}
        assert set(reasons) == LOSES[name], f"{reasons}\n{result.message}\n{said}"
        assert result.points == FULL - sum(mutants.declared_tests(STAGE)[test]["points"] for test in LOSES[name])
