"""lab.toml as typed values."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GRADER = Path(__file__).resolve().parent
TOP = GRADER.parent


def load_toml(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return tomllib.load(file)


@dataclass(frozen=True)
class Stage:
    number: int
    folder: str
    programs: list[str]
    points: int


@dataclass(frozen=True)
class Interface:
    """How to use the programs under grading; see lab.toml."""

    build: list[str]
    build_limit: float
    launch: list[str]
    signal: int
    image: str
    library: str
    restart: list[str]
    readmaps: list[str]
    readckpt: list[str]
    stages: dict[int, Stage]
    reference: list[str]


def _stages(table: dict[str, Any]) -> dict[int, Stage]:
    return {
        int(number): Stage(int(number), entry["folder"], entry["programs"], entry["points"])
        for number, entry in table.items()
    }


def load_interface(path: Path = GRADER / "lab.toml") -> Interface:
    toml = load_toml(path)
    launch = toml["launch"]
    return Interface(
        build=toml["build"]["command"],
        build_limit=float(toml["build"]["limit"]),
        launch=launch["command"],
        signal=launch["signal"],
        image=launch["image"],
        library=launch["library"],
        restart=toml["restart"]["command"],
        readmaps=toml["readmaps"]["command"],
        readckpt=toml["readckpt"]["command"],
        stages=_stages(toml["stage"]),
        reference=toml["reference"]["folders"],
    )


def expand(command: list[str], program: list[str] | None = None, **names: object) -> list[str]:
    """Fill in {names}; the word {program} becomes several words."""
    words: list[str] = []
    for word in command:
        if word == "{program}":
            words += program or []
        else:
            words.append(word.format(**names))
    return words
