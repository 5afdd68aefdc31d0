"""Mutants of the submissions in grader/kit/classic: mistakes that students of such a homework make.

A mutant is a file NAME.toml in grader/kit/classic/mutants, as kit/mutants.py tells it, with one key more:

    profile = "classic-static"          # whose reference is changed, and how it is graded; without it "classic"

[loses] has the stage 1 alone, and the paths of [[edit]] start in the reference's folder. A test that the machine
does not allow is not expected to be lost.

`grader/python grader/kit/classic_mutants.py NAME...` (none: all) tells what they lose now.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kit.mutants import Grading, Mutant, depends_on, run_check
from stage.config import GRADER, TOP, find_profile, load_interface, load_toml

FOLDER = GRADER / "kit" / "classic" / "mutants"


def all_mutants() -> list[Mutant]:
    return [Mutant.load(path) for path in sorted(FOLDER.glob("*.toml"))]


def profile_of(mutant: Mutant) -> str:
    return str(load_toml(FOLDER / f"{mutant.name}.toml").get("profile", "classic"))


def reference(profile: str) -> Path:
    """The folder of a profile's reference."""
    return TOP / load_interface(find_profile(profile)).reference[0]


def copy_reference(profile: str, target: Path) -> Path:
    """A submission like the reference, to be changed."""
    ignore = shutil.ignore_patterns("*.o", "*.a", "*.so", "build", "myckpt", "ckpt", "restart", "myrestart")
    shutil.copytree(reference(profile), target, ignore=ignore)
    return target


def grade(
    profile: str, folder: Path, only: Sequence[str] = (), patience: float = 6, extra: Sequence[str] = ()
) -> Grading:
    """Run grader/check on a submission."""
    words = ["--profile", profile, str(folder), *extra]
    return run_check(words, folder.parent / f"{folder.name}.json", only, patience)


@functools.lru_cache(maxsize=None)
def declared_tests(profile: str) -> dict[str, dict[str, Any]]:
    """All tests of a profile with what @points says of them."""
    command = [str(GRADER / "check"), "--profile", profile, "--list", str(GRADER)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {row["test"]: row for row in json.loads(text)}


def compare(mutant: Mutant, got: Grading) -> list[str]:
    """What is not as the mutant's file says, in words."""
    if not got.table.get("tests"):
        return [f"{mutant.name}: nothing was graded:\n{got.output}"]
    tests, free = declared_tests(profile_of(mutant)), mutant.may_lose
    lost = {name for name in got.tests("failed") if name not in free and not depends_on(tests, name, free)}
    wanted = set(mutant.loses[1]) - set(got.tests("environment"))
    problems = [f"{mutant.name}: survives {name}" for name in sorted(wanted - lost)]
    problems += [f"{mutant.name}: also loses {name}" for name in sorted(lost - wanted)]
    if wanted and got.first_cause() != mutant.cause:
        problems.append(f"{mutant.name}: cause {got.first_cause()!r}, must be {mutant.cause!r}\n{got.output}")
    return problems


def sample(mutant: Mutant) -> list[str]:
    """The tests to run in check: those it must lose, and one that it must not."""
    lost = [*mutant.loses[1], *mutant.may_lose]
    tests = declared_tests(profile_of(mutant))
    free = [name for name in tests if name not in lost and not depends_on(tests, name, lost)]
    return [*mutant.loses[1], *free[-1:]]


def judge(mutant: Mutant, folder: Path, full: bool) -> list[str]:
    profile = profile_of(mutant)
    mutant.apply(copy_reference(profile, folder))
    return compare(mutant, grade(profile, folder, [] if full else sample(mutant)))


def tell(mutant: Mutant) -> None:
    """For who writes a mutant: what it loses, and the cause printed."""
    with tempfile.TemporaryDirectory() as name:
        profile = profile_of(mutant)
        folder = copy_reference(profile, Path(name) / "m")
        mutant.apply(folder)
        got = grade(profile, folder)
        print(f"{mutant.name}: {'as it says' if not compare(mutant, got) else 'DIFFERS'}")
        print(f"    1 = {json.dumps(got.tests('failed'))}   cause {got.first_cause()!r}")
        for row in got.table.get("tests", []):
            if row["outcome"] == "failed":
                print(f"    {row['test']}: {row['cause']}", *row["symptoms"], sep="\n        ")
        if not got.table.get("tests"):
            print(got.output)


if __name__ == "__main__":
    for chosen in all_mutants():
        if not sys.argv[1:] or chosen.name in sys.argv[1:]:
            tell(chosen)
