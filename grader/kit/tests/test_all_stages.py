"""The solution has full marks in all stages, by test: in each tier of the sandbox, as `make grade` runs the grader and as
each course platform does. What the machine allows to nobody (cores of the kernel that go to somebody else) is in no maximum.
"""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from conftest import TOP
from kit import mutants
from sandbox.spec import BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, OWN_UID
from stage.config import load_interface
from test_batch import clean, grade, reachable, table
from test_gradescope_zip import made, unpacked
from test_platforms import RUNNER, autolab_reads
from test_tiers import kit_for

pytestmark = [pytest.mark.stress, pytest.mark.xdist_group("batch"), pytest.mark.timeout(7200)]

LIMIT = "3600"  # seconds, for the grader on a busy machine
Points = dict[str, tuple[float, float]]  # of tests, or of stages where a platform has no more: points, and how many there are


def run(command: Sequence[object], cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, command)), cwd=cwd, env={**clean(), **environment}, text=True, timeout=7000, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def solution(target: Path) -> Path:
    mutants.copy_solution(target)
    return target


def packed(folder: Path) -> Path:
    tree = solution(folder / "tree")
    with tarfile.open(folder / "handin.tar.gz", "w:gz") as tar:
        tar.add(tree, "ckptlab-handin")
    return folder / "handin.tar.gz"


def words(tier: str) -> str:
    return f"--sandbox {tier.replace(' ', '-')} --stage-limit 1800 --patience 60"


def in_a_class(folder: Path, tier: str) -> Points:
    solution(folder / "class/ada")
    done = grade(folder / "class", folder / "out", *words(tier).split(), "--where", 0, top=kit_for(tier, folder / "kit"))
    assert done.returncode == 0, done.stdout + done.stderr
    return {f"{stage.stage} {test.test}": (test.points, test.maximum) for stage, test in table(folder / "out")["ada"].tests()}


def on_gradescope(folder: Path, tier: str) -> Points:
    root = folder / "autograder"
    unpacked(made("gradescope", TOP, folder), root / "source")
    solution(root / "submission")
    for script in ("setup.sh", "run_autograder"):
        done = run(["sh", f"source/{script}"], root, AUTOGRADER_ROOT=str(root), CKPTLAB_OPTIONS=words(tier), CKPTLAB_LIMIT=LIMIT)
        assert done.returncode == 0, done.stdout
    found = json.loads((root / "results/results.json").read_text())
    assert found["score"] == sum(test["score"] for test in found["tests"])
    return {test["number"]: (test["score"], test["max_score"]) for test in found["tests"]}


def on_autolab(folder: Path, tier: str) -> Points:
    job = unpacked(made("autolab", TOP, folder), folder / "job")
    (job / "autograde-Makefile").rename(job / "Makefile")
    packed(folder).rename(job / "handin.tar.gz")
    done = run(["make", f"OPTIONS={words(tier)}", f"LIMIT={LIMIT}"], job)
    assert done.returncode == 0, done.stdout + (job / "grader.log").read_text()
    feedback, scores = autolab_reads(done.stdout)
    assert all(entry["passed"] for name in feedback["stages"] for entry in feedback[name].values()), done.stdout
    return {name: (points, sum(reachable(int(name.split()[-1])).values())) for name, points in scores.items()}


def on_prairielearn(folder: Path, tier: str) -> Points:
    course = unpacked(made("prairielearn", TOP, folder), folder / "course")
    shutil.copytree(course / "questions/ckptlab/tests", folder / "grade/tests")
    (folder / "grade/student").mkdir()
    packed(folder).rename(folder / "grade/student/ckptlab-handin.tar.gz")
    done = run([str(folder / "grade/tests/run.sh")], folder, GRADE_ROOT=str(folder / "grade"), CKPTLAB_OPTIONS=words(tier),
               CKPTLAB_LIMIT=LIMIT)
    assert done.returncode == 0, done.stdout
    found = json.loads((folder / "grade/results/results.json").read_text())
    assert found["score"] == 1
    return {str(number): (test["points"], test["max_points"]) for number, test in enumerate(found["tests"])}


def on_classroom50(folder: Path, tier: str) -> Points:
    lab = unpacked(made("classroom50", TOP, folder), folder / "autograders/ckptlab")
    checkout = solution(folder / "checkout")
    done = run([sys.executable, lab / "autograder.py"], checkout, **RUNNER, CKPTLAB_OPTIONS=words(tier), CKPTLAB_LIMIT=LIMIT)
    assert done.returncode == 0, done.stdout
    found = json.loads((checkout / "result.json").read_text())
    return {"all": (found["score"], found["max-score"]),
            **{f"{number}": (test["score"], test["max-score"]) for number, test in enumerate(found["tests"])}}


LAYOUTS: list[Callable[[Path, str], Points]] = [in_a_class, on_gradescope, on_autolab, on_prairielearn, on_classroom50]


@pytest.mark.parametrize("tier", [BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, OWN_UID])
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_the_solution_has_full_marks(layout: Callable[[Path, str], Points], tier: str, tmp_path: Path) -> None:
    if tier != BUBBLEWRAP and os.geteuid() != 0:
        pytest.skip(f"{tier}: only root has this tier")
    found = layout(tmp_path, tier)
    assert {name: pair for name, pair in found.items() if pair[0] != pair[1]} == {}
    total = found.pop("all", (sum(points for points, _ in found.values()),) * 2)
    assert total[0] == sum(sum(reachable(stage).values()) for stage in load_interface().stages)
