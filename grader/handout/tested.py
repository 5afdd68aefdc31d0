"""Which programs under test only the tests of later stages start: those are not handed out before."""
from __future__ import annotations

import re
from pathlib import Path

from handout.released import of_later
from stage import programs

PLACE = Path("grader/tests/programs")


def names_of(source: Path) -> list[str]:
    """How tests call what is made of this file."""
    made = [name for name, recipe in programs.RECIPES.items() if source.name in (recipe.source, *recipe.extra)]
    return [source.stem, *made]


def is_started(source: Path, text: str) -> bool:
    """Whether a name of it begins a word in quotes: counter-at-400000 is counter."""
    words = "|".join(map(re.escape, names_of(source)))
    return bool(re.search(rf"[\"'](?:{words})(?![a-z])", text))


def only_later(top: Path, last: int) -> set[Path]:
    """A program that no test of any stage starts is somebody else's, and stays."""
    tests = sorted((top / "grader/tests").glob("stage*_test.py"))
    given = [path for path in tests if not of_later(path.name, last)]
    here = [path for path in (top / "grader").glob("stage/*.py") if path.name != "programs.py"]
    before, later = ("".join(path.read_text() for path in paths)
                     for paths in ([*given, *here], [path for path in tests if path not in given]))
    sources = [path for path in (top / PLACE).iterdir() if path.suffix in (".c", ".S")]
    return {path.relative_to(top) for path in sources if is_started(path, later) and not is_started(path, before)}
