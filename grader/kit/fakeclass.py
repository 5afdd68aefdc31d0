"""A made-up class, to see what reports look like without grading anybody.

    grader/python grader/kit/fakeclass.py OUT [COUNT]      writes all reports of COUNT (400) submissions to OUT

The tests are the grader's own, the failures are drawn at random; one student's name, output and messages are
what somebody would write to break a report.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.mutants import declared_tests
from reports import gradebook, junit, pages, results
from reports.results import Late, StageResult, SubmissionResult, TestResult
from stage.config import load_interface
from stage.diagnosis import Cause, load_causes

FIRST = "Ada Alan Barbara Bjarne Claude Dennis Edsger Frances Grace John Ken Leslie Margaret Niklaus Radia".split()
LAST = "Hopper Knuth Lamport Liskov Lovelace Perlman Ritchie Shannon Thompson Turing Wirth Åström O'Brien".split()

HOSTILE = "<script>alert(1)</script>\x1b[31m\x00\udcff\u202e'\"&]]></style>"
COMPILER = "map.c: In function 'next_region':\nmap.c:42:9: error: 'regoin' undeclared\n"

Declared = dict[int, dict[str, dict[str, Any]]]


def declared() -> Declared:
    return {stage: declared_tests(stage) for stage in load_interface().stages}


def small() -> Declared:
    """A few tests of each stage, for those who cannot wait for all."""
    names = {1: ["file", "odd_names", "plan"], 2: ["image", "regions", "gdb"], 3: ["bare", "rseq", "usleep"]}
    return {
        stage: {
            f"test_{word}": {
                "test": f"test_{word}",
                "title": f"{word} is as it was",
                "points": float(stage),
                "step": f"{stage}.{i}",
                "needs": [f"test_{words[0]}"] if i > 1 else [],
                "stress": False,
            }
            for i, word in enumerate(words, 1)
        }
        for stage, words in names.items()
    }


@dataclass
class Maker:
    """Draws submissions; the same seed makes the same class."""

    tests: Declared
    out: Path | None = None  # where artefacts go, if they are to be there
    seed: int = 4

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.causes = {stage: self._causes(str(stage)) for stage in self.tests}
        self.folders = {number: stage.folder for number, stage in load_interface().stages.items()}

    @staticmethod
    def _causes(stage: str) -> list[Cause]:
        return [cause for cause in load_causes() if cause.step.startswith(f"{stage}.")]

    def people(self, count: int) -> list[SubmissionResult]:
        found = [self.submission(i) for i in range(count - 3)]
        return [*found, self.hostile(), self.refused(), self.failed()][:count]

    def submission(self, number: int) -> SubmissionResult:
        name = f"{self.random.choice(FIRST)} {self.random.choice(LAST)}"
        made = SubmissionResult(f"student{number:03d}", name, f"s{number:03d}@example.edu", f"s{number:03d}.tar.gz")
        made.submitted = f"2025-03-{self.random.randint(10, 16):02d}T{self.random.randint(0, 23):02d}:30:00+01:00"
        made.digest, made.machine, made.sandbox = f"{number:064x}", "lab1", "bubblewrap, own uid, limits"
        made.started, made.seconds = "2025-03-17T19:00:00+00:00", 31.5
        made.late = Late("2025-03-15T23:59:00+01:00")
        if made.submitted > made.late.due:
            made.late = Late(made.late.due, 1, self.random.choice([0, 1]), 0.0)
            made.late.penalty = 10.0 * (1 - made.late.free_days)
        skill = self.random.betavariate(2, 1.5)
        made.stages = [self.stage(made, stage, skill) for stage in self.tests]
        return made

    def stage(self, of: SubmissionResult, number: int, skill: float) -> StageResult:
        rows = self.tests[number].values()
        stage = StageResult(number, self.folders[number], seconds=9.5, maximum=sum(row["points"] for row in rows))
        luck = self.random.random()
        if luck > 0.97 + 0.03 * skill or luck < 0.03:
            stage.status = self.random.choice([results.MISSING, results.NOT_BUILT, results.TIME_LIMIT])
            stage.message = COMPILER if stage.status == results.NOT_BUILT else "see the hand-out"
            return stage
        for row in rows:
            if not row["stress"]:
                stage.tests.append(self.test(of, stage, row, skill))
        stage.points = sum(test.points for test in stage.tests)
        return stage

    def test(self, of: SubmissionResult, stage: StageResult, row: dict[str, Any], skill: float) -> TestResult:
        test = TestResult(row["test"], row["title"], 0.0, row["points"], row["step"], seconds=0.3)
        lost = {other.test for other in stage.tests if other.outcome in (results.FAILED, results.SKIPPED)}
        needs = [name for name in row["needs"] if name in lost]
        if row["test"] == "test_rseq":
            test.outcome, test.points = results.ENVIRONMENT, test.maximum
        elif needs:
            test.reason = f"needs {needs[0]}"
        elif self.random.random() < 0.85 + 0.15 * skill:
            test.outcome, test.points = results.PASSED, test.maximum
        else:
            self.fail(of, stage, test)
        if row["test"] == "test_odd_names":
            test.visibility = results.HIDDEN
        return test

    def fail(self, of: SubmissionResult, stage: StageResult, test: TestResult) -> None:
        test.outcome = results.FAILED
        pid = self.random.randint(1000, 9999)
        test.reason = f"after the restart: signal SIGSEGV, pid {pid} at 0x7f{stage.stage}00"
        test.expected = [f"step {i:06d} #{i * 7919:016x}" for i in range(6, 40)]
        test.got = [*test.expected[:5], "step 000011 #0000000000000000", *test.expected[6:20]]
        test.symptoms = [f"test: {test.test}", "restart: signal SIGSEGV"]
        test.symptoms.append("restart says: *** stack smashing detected ***")
        test.detail = "Traceback (most recent call last):\n  in the grader"
        test.read = f"000-README step {test.step}"
        if self.random.random() < 0.9:
            weights = [1 / (i + 1) for i in range(len(self.causes[stage.stage]))]
            cause = self.random.choices(self.causes[stage.stage][::-1], weights)[0]
            test.cause, test.cause_text = cause.id, cause.text
            test.next_step, test.read = cause.next, cause.reading()
        if self.out is not None:
            test.artefacts = f"artefacts/{of.name}/stage{stage.stage}/{test.test}"
            for name in ("repro.sh", "image", "maps.before", "restart.out"):
                (self.out / test.artefacts).mkdir(parents=True, exist_ok=True)
                (self.out / test.artefacts / name).write_text("made up\n")

    def hostile(self) -> SubmissionResult:
        """Somebody whose every word is meant to break the report."""
        made = self.submission(900)
        made.student, made.student_id, made.source = HOSTILE, f'=cmd|"/c calc"!A0{HOSTILE}', HOSTILE
        made.notes, made.variables = [HOSTILE * 3] * 300, [HOSTILE]
        for stage in made.stages:
            stage.message = HOSTILE + "error: " * 1000000
            for test in stage.tests:
                test.outcome, test.points = results.FAILED, 0.0
                test.reason = test.detail = HOSTILE + "x" * 200000
                test.cause = test.cause_text = test.next_step = ""
                test.symptoms = test.expected = [HOSTILE * 100] * 300
                test.got = [HOSTILE + "y" * 5000] * 300
                test.artefacts = "../../etc"
            stage.points = 0.0
        return made

    @staticmethod
    def refused() -> SubmissionResult:
        made = SubmissionResult("zipbomb", "Zip Bomb", source="bomb.zip", status=results.REFUSED)
        made.message = "bomb.zip: more than 10,000 files"
        return made

    def failed(self) -> SubmissionResult:
        made = self.submission(901)
        made.stages[1].status, made.stages[1].tests, made.stages[1].points = results.GRADER_FAILED, [], 0.0
        made.stages[1].message = "no reference"
        return made


def main(argv: list[str]) -> int:
    if len(argv) not in (1, 2) or argv[0].startswith("-"):
        print(__doc__)
        return 0 if argv and argv[0] in ("-h", "--help") else 64
    out = Path(argv[0])
    people = Maker(declared(), out).people(int(argv[1]) if len(argv) > 1 else 400)
    gradebook.write(people, out / "grades.csv")
    junit.write_class(people, out / "junit.xml")
    pages.write_pages(people, out, title="Checkpoint lab, spring")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
