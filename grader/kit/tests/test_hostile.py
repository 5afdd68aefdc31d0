"""Hostile submissions, as a class of their own: all contained, all reported as what they are."""
from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from batch.workshop import Workshop, grader_digest
from conftest import copy_tracked
from kit import attacks
from kit.attacks import cause_of
from reports import results
from reports.results import SubmissionResult
from sandbox.spec import BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, OWN_UID
from stage.config import GRADER, TOP
from stage.process_table import processes

pytestmark = pytest.mark.xdist_group("hostile")  # what is made once is made by one worker

ATTACKS = attacks.attacks()
HONEST = "honest"
FULL = 20  # points of stage 1
AS_ROOT = os.geteuid() == 0


def secrets(top: Path, folder: Path) -> list[Path]:
    """What no submission may read or write."""
    return [top / "grader/tests/stage1_test.py", top / "solution/stage1-readmaps", folder / "class" / HONEST,
            folder / "out", folder / "out/results"]


def submission(target: Path, code: str = "") -> Path:
    """The solution's first stage, with some code behind its own."""
    stage = target / "stage1-readmaps"
    shutil.copytree(TOP / "solution/stage1-readmaps", stage, ignore=shutil.ignore_patterns("build", "readmaps"))
    with (stage / "readmaps.c").open("a") as file:
        file.write(code)
    return stage


def code_of(attack: Path, hidden: Sequence[Path]) -> str:
    paths = " ".join(map(str, hidden))
    return f'\n#define ESCAPE_FROM "{paths}"\n#define ESCAPE_FIRST "{hidden[0]}"\n{attack.read_text()}'


def make_class(top: Path, folder: Path, chosen: Sequence[Path]) -> Path:
    submission(folder / "class" / HONEST)
    (folder / "out/results").mkdir(parents=True)
    for attack in chosen:
        submission(folder / "class" / attack.stem, code_of(attack, secrets(top, folder)))
        if attack.stem == "link-out":
            escape_by_link(folder / "class" / attack.stem)
    return folder / "class"


def escape_by_link(folder: Path) -> None:
    """As an archive with a link in it that leads out."""
    link = tarfile.TarInfo("stage1-readmaps/maps.h")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(folder.with_suffix(".tar.gz"), "w:gz") as archive:
        archive.add(folder / "stage1-readmaps/readmaps.c", "stage1-readmaps/readmaps.c")
        archive.addfile(link)
    shutil.rmtree(folder)


@dataclass
class Graded:
    tier: str
    folder: Path
    output: str
    results: dict[str, SubmissionResult]


def grade(top: Path, folder: Path, tier: str, chosen: Sequence[Path], *options: str) -> Graded:
    make_class(top, folder, chosen)
    command = [top / "grader/grade", folder / "class", "-o", folder / "out", "--stage", "1", "-j", "2", "--no-reference",
               "--patience", "15", "--memory", "256", "--disk", "200", "--sandbox", tier, *options]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "PYTEST"))}
    done = subprocess.run(list(map(str, command)), env=env, capture_output=True, text=True, timeout=3600, check=False)
    table = {result.name: result for result in results.load_all(folder / "out" / "results")}
    return Graded(tier, folder, done.stdout + done.stderr, table)


@pytest.fixture(scope="module", params=[
    BUBBLEWRAP,
    pytest.param(BUBBLEWRAP_BY_ROOT, marks=pytest.mark.stress),
    pytest.param(OWN_UID, marks=pytest.mark.stress),
])
def graded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    tier = str(request.param)
    if tier != BUBBLEWRAP and not AS_ROOT:
        pytest.skip(f"{tier}: only root has this tier")
    folder, top = tmp_path_factory.mktemp("hostile"), TOP
    if tier == OWN_UID:  # nothing but modes hides the kit then
        top = folder / "kit"
        copy_tracked(TOP, top)
        top.chmod(0o700)
    chosen = {item.callspec.params.get("attack") for item in request.session.items if hasattr(item, "callspec")}
    options = () if request.config.option.stress else ("--where", "0")
    return grade(top, folder, tier, [attack for attack in ATTACKS if attack in chosen], *options)


def causes(result: SubmissionResult) -> set[str]:
    return {stage.cause for stage in result.stages} | {test.cause for _, test in result.tests()} - {""}


@pytest.mark.sample
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda path: str(path.stem))
def test_an_attack_is_contained_and_named(graded: Graded, attack: Path) -> None:
    result, cause = graded.results[attack.stem], cause_of(attack)
    if cause == "sandbox-killed" and graded.tier != BUBBLEWRAP:
        cause = "end-of-file"  # the keeper is root there: nobody can be killed, and all that is left is to hang
    told = f"{[s.message for s in result.stages]} {[(t.test, t.reason, t.symptoms) for _, t in result.tests()]}"
    if cause == "refused":
        assert result.status == results.REFUSED and "link" in result.message
    elif cause in ("none", "harmless"):
        assert result.points == FULL, told
    elif cause == "outlived":
        assert result.points == FULL and any("outlived" in note for note in result.notes), told
    else:
        assert cause in causes(result), told
        assert result.points < FULL, told


def test_an_honest_student_beside_them_loses_nothing(graded: Graded) -> None:
    result = graded.results[HONEST]
    assert result.points == FULL, [(t.test, t.reason) for _, t in result.tests() if t.outcome != "passed"]


def test_the_table_of_attacks_is_theirs() -> None:
    page = attacks.README.read_text()
    assert attacks.in_readme(page) == page, "grader/python grader/kit/attacks.py --write"
    assert len(ATTACKS) + len(list(attacks.HOSTILE.glob("stage3/*.c"))) >= 38


def test_everybody_is_graded(graded: Graded) -> None:
    assert sorted(graded.results) == sorted(path.name.split(".")[0] for path in (graded.folder / "class").iterdir()), graded.output
    assert "could not be graded" not in graded.output


def test_nothing_is_left_behind(graded: Graded) -> None:
    names = [Path(f"/proc/{pid}/comm").read_text().strip() for pid in processes() if Path(f"/proc/{pid}/comm").exists()]
    assert "ckptlab-ghost" not in names
    assert not list(graded.folder.rglob("planted"))
    assert not [path for path in (Workshop(grader_digest()).folder / "j").glob("*") if path.name.isdigit()
                and not is_taken(path)]


def is_taken(place: Path) -> bool:
    """Whether another grader of this machine is at work there."""
    lock = place.parent.parent / "slots" / place.name
    return subprocess.run(["flock", "-n", str(lock), "true"], check=False).returncode != 0


@pytest.mark.parametrize("name", [attack.stem for attack in ATTACKS if cause_of(attack) == "none"])
def test_outside_of_the_sandbox_it_would_escape(name: str, tmp_path: Path) -> None:
    """Else the attack, not the sandbox, would be what fails."""
    hidden = secrets(TOP, tmp_path)
    make_class(TOP, tmp_path, [])
    stage = submission(tmp_path / "free", code_of(GRADER / "kit" / "hostile" / f"{name}.c", hidden))
    subprocess.run(["make", "-s", "-C", stage], check=True, capture_output=True)
    done = subprocess.run([stage / "readmaps"], capture_output=True, text=True, check=False)
    assert done.returncode == 99 and "ESCAPED" in done.stderr
