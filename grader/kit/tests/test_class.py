"""A class of all stages: 30 students and all attacks, each of these in one of the stages, graded in one run. No student has
a point more or less for who sits beside them, and no attack has more than it may: in each tier of the sandbox.

In check one student, one attack and a few tests of one stage, in one tier, other ones each day. (test_hostile.py has what
each attack is told in stage 1, in each tier; test_batch.py all mutants.)
"""
from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from batch.workshop import Workshop, grader_digest
from conftest import TOP
from kit import honest, mutants
from kit.attacks import attacks, cause_of
from reports import results
from reports.results import SubmissionResult
from sandbox.spec import BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, OWN_UID
from stage.config import load_interface
from stage.process_table import processes
from test_batch import as_grading, full, grade, lost, make, stages_of, table
from test_hostile import AS_ROOT, code_of, escape_by_link, is_taken, secrets
from test_tiers import kit_for

pytestmark = [pytest.mark.xdist_group("batch"), pytest.mark.timeout(36000)]

STUDENTS = 30
TIERS = (BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, OWN_UID) if AS_ROOT else (BUBBLEWRAP,)
MAIN = {1: "readmaps.c", 2: "ckpt.c", 3: "restart.c", 4: "restart.c", 5: "restart.c", 6: "shadow.c"}
FEW = {1: ("test_file", "test_plan"), 2: ("test_preload", "test_image"), 3: ("test_bare", "test_counter"),
       4: ("test_table", "test_reading_goes_on", "test_flags_kept"), 5: ("test_regions", "test_general"),
       6: ("test_list", "test_frames", "test_exit_status")}
GOOD = {"harmless", "none"}  # attacks that find all doors closed
TAKES = {"sandbox-memory", "sandbox-disk"}  # more than test_hostile.py's class may have, and less than this one's


@dataclass
class Attack:
    source: Path
    stage: int

    @property
    def name(self) -> str:
        return f"attack-{self.source.stem}"

    def lay_out(self, folder: Path, hidden: Sequence[Path]) -> None:
        """The solution of this stage alone, with the attack behind its main source."""
        stage = load_interface().stages[self.stage].folder
        target = folder / self.name / stage
        shutil.copytree(mutants.SOLUTION / stage, target, ignore=shutil.ignore_patterns("build", "*.so"))
        with (target / MAIN[self.stage]).open("a") as file:
            file.write(code_of(self.source, hidden))
        if self.source.stem == "link-out":
            (target / "readmaps.c").touch()
            (folder / self.name / "stage1-readmaps").mkdir(exist_ok=True)
            (folder / self.name / "stage1-readmaps/readmaps.c").touch()
            escape_by_link(folder / self.name)


@dataclass
class Class:
    top: Path
    folder: Path
    students: dict[str, mutants.Mutant | None]  # by their names; None: an honest one
    attackers: list[Attack]
    whole: bool
    said: str = ""

    def result(self, name: str) -> SubmissionResult:
        return table(self.folder / "out")[name]

    def lay_out(self) -> None:
        for name, mutant in self.students.items():
            tree = make(self.folder / "class") / name
            if mutant is not None:
                mutants.lay_out(mutant, tree)
            elif name == "honest-solution":
                mutants.copy_solution(tree)
            else:
                honest.lay_out(name.partition("-")[2], make(tree))
        for attack in self.attackers:
            attack.lay_out(self.folder / "class", secrets(self.top, self.folder))


def thirty() -> dict[str, mutants.Mutant | None]:
    good = ["solution", *honest.names()]
    many = mutants.all_mutants()
    left = STUDENTS - len(good)
    chosen = [many[number * len(many) // left] for number in range(left)]
    return {**{f"honest-{name}": None for name in good}, **{mutant.name: mutant for mutant in chosen}}


def of_the_day(seed: int) -> tuple[int, dict[str, mutants.Mutant | None], list[Attack]]:
    stage = 1 + seed % len(MAIN)
    wrong = [mutant for mutant in mutants.all_mutants() if stage in mutant.loses and set(mutant.loses[stage]) <= set(FEW[stage])]
    students = [None, *wrong]
    student = students[seed // len(MAIN) % len(students)]
    source = attacks()[seed % len(attacks())]
    return stage, {student.name if student else "honest-solution": student}, [Attack(source, stage)]


@pytest.fixture(scope="module", params=TIERS)
def graded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Class:
    tier, folder = str(request.param), tmp_path_factory.mktemp("all")
    if not request.config.option.stress and tier != TIERS[request.config.option.seed % len(TIERS)]:
        pytest.skip("another day has this tier")
    top, options = kit_for(tier, folder / "kit"), ["--where", "0", "--patience", "30", "--sandbox", tier]
    if request.config.option.stress:
        found = [Attack(source, 1 + number % len(MAIN)) for number, source in enumerate(attacks(), TIERS.index(tier))]
        made = Class(top, folder, thirty(), found, whole=True)
    else:
        stage, students, found = of_the_day(request.config.option.seed)
        made = Class(top, folder, students, found, whole=False)
        options += ["--stage", str(stage), "--no-reference", "--stage-limit", "100", *(word for test in FEW[stage] for word in ("--only", test))]
    made.lay_out()
    (folder / "out/results").mkdir(parents=True)
    done = grade(folder / "class", folder / "out", *options, top=top, limit=30000)
    made.said = done.stdout + done.stderr
    assert done.returncode == 0, made.said
    return made


def test_it_is_a_whole_class(graded: Class) -> None:
    assert set(table(graded.folder / "out")) == {*graded.students, *(attack.name for attack in graded.attackers)}, graded.said
    assert "could not be graded" not in graded.said
    if graded.whole:
        assert len(graded.students) >= STUDENTS and len(graded.attackers) >= 33
        assert {row.stage for name in graded.students for row in graded.result(name).stages} == set(MAIN)
        assert {attack.stage for attack in graded.attackers} == set(MAIN)


def test_each_student_has_what_it_deserves(graded: Class) -> None:
    wrong = []
    for name, mutant in graded.students.items():
        result = graded.result(name)
        if mutant is None:
            mine = {stage: names for stage, names in lost(result).items() if is_own(name, stage)}
            wrong += [f"{name}: {mine}"] if mine else []
            short = name == "honest-solution" and result.points != full(result)
            wrong += [f"{name}: {result.points:g} points"] if short else []
        else:
            rows = stages_of(result)
            for stage in [stage for stage in mutants.stages_of(mutant) if stage in rows]:
                wrong += mutants.compare(mutant, stage, as_grading(rows[stage]), causes=False)
    assert not wrong, "\n".join(wrong)


def is_own(name: str, stage: int) -> bool:
    """Whether a student wrote this stage; others are the skeleton's."""
    return name == "honest-solution" or stage in honest.stages(name.partition("-")[2])


def test_no_attack_has_more_than_it_may(graded: Class) -> None:
    """In what stage it is: it is graded, it got out nowhere, and one that does harm has not all points."""
    for attack in graded.attackers:
        result, cause = graded.result(attack.name), cause_of(attack.source)
        if cause == "refused":
            assert result.status == results.REFUSED
            continue
        row = stages_of(result)[attack.stage]
        told = [(test.test, test.outcome, test.reason) for test in row.tests]
        assert row.status != results.GRADER_FAILED, (attack, row.message)
        assert "ESCAPED" not in str(told) or cause in TAKES, (attack, told)
        if cause not in GOOD | {"outlived"}:
            assert row.points < row.maximum or row.status != results.GRADED, (attack, told)


def test_nothing_is_left_of_it(graded: Class) -> None:
    names = [Path(f"/proc/{pid}/comm").read_text().strip() for pid in processes() if Path(f"/proc/{pid}/comm").exists()]
    assert "ckptlab-ghost" not in names
    assert not list(graded.folder.rglob("planted"))
    assert not [path for path in (Workshop(grader_digest()).folder / "j").glob("*") if path.name.isdigit() and not is_taken(path)]
