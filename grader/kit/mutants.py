"""Mutants: small patches of the solution, each a mistake that students make.

A mutant is a file NAME.toml in grader/kit/mutants:

    title = "exact match on [vvar]"
    cause = "vvar-exact"                # of grader/stage/causes: what must be printed

    [loses]                             # stage -> the tests that must fail there, and no others; in
                                        # stages that are not named: none
    1 = ["test_plan"]
    2 = ["test_kernel_regions"]

    [[edit]]                            # paths from solution/; several edits are possible
    file = "stage1-readmaps/region_plan.c"
    find = 'starts_with(region->name, "[vvar")'
    put = 'strcmp(region->name, "[vvar]") == 0'

Tests that are skipped since they depend on a failed one need not be named. `may_lose = ["test_x"]` names tests that the
mutant may lose or not, with all that depend on them (say why in a comment). A table `[causes]`, like
`[loses]`, names the cause for a stage where another one is right: a wrong parser shows itself otherwise in
a restart. Of the stages from 4 on, which rest on all of those before them, only those that [loses] names are graded.

Those in grader/kit/classic/mutants are of the references of other courses' profiles. `profile = "classic-static"` says
which is changed, and how it is graded (without it: "classic"); [loses] has the stage 1 alone, and paths start in the
reference's folder. A test that the machine does not allow is not expected to be lost.

`grader/python grader/kit/mutants.py NAME...` (none: all) tells what mutants lose now. A mutant is graded in
a scratch copy, against the unchanged reference of this tree.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit import built, imported
from stage.config import GRADER, TOP, Interface, find_profile, load_interface, load_toml
from stage.diagnosis import load_causes

SOLUTION = built.SOLUTION
FOLDER = GRADER / "kit" / "mutants"
CLASSIC = GRADER / "kit" / "classic" / "mutants"
SAMPLE = 2
CORE = 3  # the last of the stages in which each mutant is graded


class MutantError(Exception):
    """The mutant itself is wrong: its edit does not fit the solution."""


@dataclass(frozen=True)
class Mutant:
    name: str
    title: str
    cause: str
    loses: dict[int, list[str]]
    edits: list[dict[str, str]]
    may_lose: list[str]
    causes: dict[int, str]
    profile: str = ""  # of another course; "": the lab's own

    @staticmethod
    def load(path: Path) -> Mutant:
        toml = load_toml(path)
        return Mutant(
            path.stem,
            toml["title"],
            toml["cause"],
            {int(stage): tests for stage, tests in toml["loses"].items()},
            toml["edit"],
            toml.get("may_lose", []),
            {int(stage): cause for stage, cause in toml.get("causes", {}).items()},
            toml.get("profile", "classic") if path.parent == CLASSIC else "",
        )

    def apply(self, tree: Path) -> None:
        """Change the copy of the solution at `tree`."""
        for edit in self.edits:
            self._edit(tree / edit["file"], edit["find"], edit["put"])

    def _edit(self, path: Path, find: str, put: str) -> None:
        text = path.read_text()
        if text.count(find) != 1:
            raise MutantError(f"{self.name}: {path.name}: found {text.count(find)} times: {find!r}")
        path.write_text(text.replace(find, put))


def all_mutants(folder: Path = FOLDER) -> list[Mutant]:
    return [Mutant.load(path) for path in sorted(folder.glob("*.toml"))]


def interface_of(profile: str) -> Interface:
    return load_interface(find_profile(profile)) if profile else load_interface()


def copy_solution(target: Path) -> None:
    """The stages with their objects and programs, so that only what a mutant changes is compiled."""
    for source in built.stages(built.solution()):
        ignore = shutil.ignore_patterns("check", ".lock", "*.tmp.*")
        shutil.copytree(source, target / source.name, symlinks=True, ignore=ignore)


def reference(profile: str) -> Path:
    """The folder of a profile's reference."""
    return TOP / interface_of(profile).reference[0]


def copy_reference(profile: str, target: Path) -> Path:
    """A submission like the reference, to be changed."""
    ignore = shutil.ignore_patterns("*.o", "*.a", "*.so", "build", "myckpt", "ckpt", "restart", "myrestart")
    shutil.copytree(reference(profile), target, ignore=ignore)
    return target


def lay_out(mutant: Mutant, tree: Path) -> None:
    """What it is a mutant of, with its mistake."""
    if mutant.profile:
        copy_reference(mutant.profile, tree)
    else:
        copy_solution(tree)
    mutant.apply(tree)


def build_solution(target: Path, stage: str) -> Path:
    """The stages in a folder, built; the folder of one of them there."""
    copy_solution(target)
    return target / stage


@dataclass(frozen=True)
class Grading:
    """What grader/check said of one stage."""

    status: int
    output: str
    table: dict[str, Any]

    def tests(self, outcome: str) -> list[str]:
        return [t["test"] for t in self.table.get("tests", []) if t["outcome"] == outcome]

    def first_cause(self) -> str:
        for test in self.table.get("tests", []):
            if test["outcome"] == "failed":
                return str(test["cause"])
        return ""


def grade(
    stage: int, folder: Path, only: Sequence[str] = (), stress: bool = False, patience: float = 6, profile: str = "",
    extra: Sequence[str] = (),
) -> Grading:
    """What grader/check says of a stage's folder, or with a profile of a submission."""
    report = folder.parent / f"result{stage}{folder.name}.json"
    report.unlink(missing_ok=True)
    words = ["--stage", str(stage), str(folder), "--json", str(report), *extra]
    words += [*(["--profile", profile] if profile else []), *(["--stress"] if stress else [])]
    for test in only:
        words += ["--only", test]
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    env["CKPTLAB_PATIENCE"] = str(patience)
    env.pop("PYTEST_ADDOPTS", None)
    status, output = imported.check(words, env)
    table = json.loads(report.read_text()) if report.exists() else {}
    return Grading(status, output, table)


@functools.lru_cache(maxsize=None)
def declared_tests(stage: int, profile: str = "") -> dict[str, dict[str, Any]]:
    """All tests of a stage with what @points says of them."""
    words = ["--stage", str(stage), "--list", str(GRADER), *(["--profile", profile] if profile else [])]
    status, text = imported.check(words, dict(os.environ))
    assert status == 0, text
    return {row["test"]: row for row in json.loads(text)}


def depends_on(tests: dict[str, dict[str, Any]], name: str, lost: Sequence[str]) -> bool:
    return any(need in lost or depends_on(tests, need, lost) for need in tests[name]["needs"])


def sample(mutant: Mutant, stage: int) -> list[str]:
    """The tests to run in check: those it must lose, and a few that it must not."""
    tests = declared_tests(stage, mutant.profile)
    lost = mutant.loses[stage]
    free = [
        name
        for name, row in tests.items()
        if name not in lost and name not in mutant.may_lose
        and not row["stress"] and not depends_on(tests, name, [*lost, *mutant.may_lose])
    ]
    free.sort(key=lambda name: zlib.crc32(f"{mutant.name}/{name}".encode()))
    return [*lost, *free[:SAMPLE]]


def stages_of(mutant: Mutant) -> list[int]:
    """Where a mutant is graded by all tests."""
    return sorted({*(stage for stage in interface_of(mutant.profile).stages if stage <= CORE), *mutant.loses})


def folder_of(mutant: Mutant, stage: int, tree: Path) -> Path:
    return tree / interface_of(mutant.profile).stages[stage].folder


def judge(mutant: Mutant, tree: Path, full: bool) -> list[str]:
    """Grade the mutant, by a sample or by all tests of check; what is not as it must be, in words."""
    lay_out(mutant, tree)
    problems = []
    for stage in stages_of(mutant) if full else sorted(mutant.loses):
        only = [] if full else sample(mutant, stage)
        got = grade(stage, folder_of(mutant, stage, tree), only, profile=mutant.profile)
        problems += compare(mutant, stage, got)
    return problems


def compare(mutant: Mutant, stage: int, got: Grading, causes: bool = True) -> list[str]:
    """Without `causes`: what it loses alone. Where memory is overwritten, it is chance what that looks like."""
    where = f"{mutant.name}, stage {stage}"
    if not got.table.get("tests"):
        return [f"{where}: nothing was graded:\n{got.output}"]
    tests, free = declared_tests(stage, mutant.profile), mutant.may_lose
    lost = {name for name in got.tests("failed") if name not in free and not depends_on(tests, name, free)}
    wanted = set(mutant.loses.get(stage, [])) - set(got.tests("environment"))
    problems = [f"{where}: survives {name}" for name in sorted(wanted - lost)]
    problems += [f"{where}: also loses {name}" for name in sorted(lost - wanted)]
    cause = mutant.causes.get(stage, mutant.cause)
    if causes and wanted and got.first_cause() != cause:
        problems.append(f"{where}: cause {got.first_cause()!r}, must be {cause!r}\n{got.output}")
    return problems


def table() -> str:
    """All mutants, as grader/kit/mutants/README has them."""
    causes = {cause.id: cause for cause in load_causes()}
    rows = ["| mutant | the mistake | step | what it loses | cause |", "|---|---|---|---|---|"]
    for mutant in all_mutants():
        lost = [f"{stage}: {name}" for stage, tests in sorted(mutant.loses.items()) for name in tests]
        lost += [f"({name})" for name in mutant.may_lose]
        printed = [mutant.cause, *(f"{stage}: {cause}" for stage, cause in sorted(mutant.causes.items()))]
        step = causes[mutant.cause].step if mutant.cause in causes else ""
        title = mutant.title.replace("|", "\\|")
        rows.append(f"| {mutant.name} | {title} | {step} | {', '.join(lost)} | {', '.join(printed)} |")
    return "\n".join(rows) + "\n"


def tell(mutant: Mutant) -> None:
    """For who writes a mutant: what it loses in each of the stages it names, the causes printed, and from what."""
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name) / "m"
        lay_out(mutant, tree)
        for stage in sorted(mutant.loses):
            got = grade(stage, folder_of(mutant, stage, tree), profile=mutant.profile)
            good = not compare(mutant, stage, got)
            print(f"{mutant.name}: stage {stage}: {'as it says' if good else 'DIFFERS'}")
            print(f"    {stage} = {json.dumps(got.tests('failed'))}   cause {got.first_cause()!r}")
            for row in got.table.get("tests", []):
                if row["outcome"] == "failed" and not good:
                    print(f"    {row['test']}: {row['cause']}", *row["symptoms"], sep="\n        ")
            if not got.table.get("tests"):
                print(got.output)


if __name__ == "__main__":
    if sys.argv[1:] == ["--table"]:
        print(table(), end="")
        sys.exit()
    for chosen in [*all_mutants(), *all_mutants(CLASSIC)]:
        if not sys.argv[1:] or chosen.name in sys.argv[1:]:
            tell(chosen)
