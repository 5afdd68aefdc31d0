"""No tier of the sandbox changes a verdict: in each that works here, the submissions have the points that they deserve in
the stages that need more of a machine than those before: shared memory that outlives its program, gcore by pid, cores of
the kernel, other programs, a folder for temporary files. (test_batch.py has stages 1 to 3, test_all_stages.py all of it.)

In check one tier, one stage and one submission, other ones each day: one deserves all points, one all but some tests'.
"""
from __future__ import annotations

import os
from pathlib import Path

import pytest

from conftest import TOP, copy_tracked
from kit import honest, mutants
from reports.results import PASSED
from sandbox.spec import BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, OWN_UID
from test_batch import as_grading, grade, reachable, table

pytestmark = pytest.mark.xdist_group("batch")  # they share a workshop

GOOD = {4: "", 5: "", 6: "away"}  # honest ones; "": the solution
WRONG = {4: "files-append-lost", 5: "core-red-zone", 6: "remote-dup-shares"}


def kit_for(tier: str, folder: Path) -> Path:
    """Without namespaces nothing but modes hides the kit."""
    if tier != OWN_UID:
        return TOP
    copy_tracked(TOP, folder)
    folder.chmod(0o700)
    return folder


def lay_out(name: str, tree: Path) -> None:
    if not name:
        mutants.copy_solution(tree)
    elif name in honest.names():
        honest.lay_out(name, tree)
    else:
        mutants.lay_out(mutant_of(name), tree)


def mutant_of(name: str) -> mutants.Mutant:
    return next(mutant for mutant in mutants.all_mutants() if mutant.name == name)


@pytest.mark.sample(9)
@pytest.mark.parametrize("tier", [BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, OWN_UID])
@pytest.mark.parametrize("stage", sorted(GOOD))
def test_submissions_have_their_points_in_each_tier(stage: int, tier: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if tier != BUBBLEWRAP and os.geteuid() != 0:
        pytest.skip(f"{tier}: only root has this tier")
    names = {"good": GOOD[stage], "wrong": WRONG[stage]}
    if not request.config.getoption("--stress"):
        one = sorted(names)[request.config.option.seed % len(names)]
        names = {one: names[one]}
    for name, what in names.items():
        lay_out(what, tmp_path / "class" / name)
    top, out = kit_for(tier, tmp_path / "kit"), tmp_path / "out"
    done = grade(tmp_path / "class", out, "--stage", stage, "--no-reference", "--sandbox", tier, top=top)
    said = done.stdout + done.stderr
    if "no sandbox works" in said:
        pytest.skip(f"{tier}: it does not work here: {said}")
    for name, what in names.items():
        row, = table(out)[name].stages
        not_passed = {test.test: test.reason for test in row.tests if test.outcome != PASSED}
        told = f"{not_passed}\n{row.message}\n{said}"
        if name == "good":
            assert not not_passed.keys() & reachable(stage).keys(), told
            assert row.points == row.maximum == sum(reachable(stage).values()), told
        else:
            assert mutants.compare(mutant_of(what), stage, as_grading(row)) == [], told


@pytest.mark.sample
@pytest.mark.parametrize("tier", [BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, OWN_UID])
def test_a_restart_that_failed_has_its_film_in_each_tier(tier: str, tmp_path: Path) -> None:
    """It is watched with the submission's rights, where the grader's own files may be closed to it."""
    if tier != BUBBLEWRAP and os.geteuid() != 0:
        pytest.skip(f"{tier}: only root has this tier")
    lay_out("no-tls", tmp_path / "class/no-tls")
    top, out = kit_for(tier, tmp_path / "kit"), tmp_path / "out"
    done = grade(tmp_path / "class", out, "--stage", 3, "--only", "test_counter", "--where", 0, "--no-reference", "--sandbox", tier,
                 top=top)
    said = done.stdout + done.stderr
    if "no sandbox works" in said:
        pytest.skip(f"{tier}: it does not work here: {said}")
    test, = (test for _, test in table(out)["no-tls"].tests() if test.test == "test_counter")
    assert test.film, (test.reason, said)
    page = (out / test.artefacts / test.film).read_text()
    assert "SIGSEGV" in page and str(tmp_path) not in page
