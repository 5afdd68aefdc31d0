"""lab.toml, and the profiles of other courses, which have the same format, as typed values."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stage import schema

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GRADER = Path(__file__).resolve().parents[1]
TOP = GRADER.parent
LAB = GRADER / "lab.toml"
PROFILES = GRADER / "classic" / "profiles"


class BadProfile(Exception):
    """A profile that is not there, or not as profiles are; in words for who wrote it."""


def load_toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_bytes().decode("utf-8-sig"))  # with a byte order mark, if an editor wrote one


@dataclass(frozen=True)
class Stage:
    number: int
    folder: str
    programs: list[str]
    points: float
    tests: Path
    title: str
    reference: list[str] = field(default_factory=list)  # its own, if the lab's reference has not its programs
    names: list[list[str]] = field(default_factory=list)  # of each program: what else it may be called
    test_points: dict[str, float] = field(default_factory=dict)  # in place of what the tests declare: in a hand-out
    bonus: list[str] = field(default_factory=list)  # tests whose points are not in the maximum

    @property
    def reference_place(self) -> str:
        """Where its reference is in a folder with those of all stages: in the folder itself, or below it."""
        return self.folder if self.reference else ""

    def counting(self, test: str) -> str:
        """What the course has said of a test's points, where it is not a number."""
        return "bonus" if test in self.bonus else "does not count" if self.test_points.get(test) == 0 else ""


@dataclass(frozen=True)
class Interface:
    """How to use the programs under grading; see lab.toml."""

    path: Path
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
    launch_instead: list[list[str]] = field(default_factory=list)
    restart_instead: list[list[str]] = field(default_factory=list)
    process: str = "launched"  # or child, either: who gets the signal
    after: str = "goes on"  # or exits, either: the program, after its checkpoint
    libraries: list[str] = field(default_factory=list)  # linked with the programs under test
    steps: bool = True  # whether students have the hand-out whose steps the causes name
    build_instead: list[list[str]] = field(default_factory=list)  # if a program is still missing after the first
    headers: str = ""  # a folder of header files that come before the system's; "": none
    signals: list[int] = field(default_factory=list)  # those that a submission may have its handler for
    images: list[str] = field(default_factory=list)  # names or patterns that its image may have

    @property
    def is_profile(self) -> bool:
        """Whether this is another course's interface, not the lab's own."""
        return self.path != LAB

    def reference_of(self, stage: Stage) -> list[str]:
        """The folders where the reference of a stage may be."""
        return stage.reference or self.reference

    def references(self) -> dict[str, list[str]]:
        """All references: where each is in a folder with all of them, and the folders where it may come from."""
        return {stage.reference_place: self.reference_of(stage) for stage in self.stages.values()}


def _tests_file(path: Path, number: str, entry: dict[str, Any]) -> Path:
    """The tests of a stage: beside the profile, or the grader's own."""
    name: str = entry.get("tests", f"stage{number}_test.py")
    places = [folder / name for folder in (path.parent, PROFILES, GRADER / "tests")]
    return next((place for place in places if place.exists()), places[-1])


def _stages(path: Path, table: dict[str, Any]) -> dict[int, Stage]:
    return {
        int(number): Stage(
            int(number),
            entry["folder"],
            [name.split("|")[0] for name in entry["programs"]],
            entry["points"],
            _tests_file(path, number, entry),
            entry.get("title", f"Stage {number}"),
            entry.get("reference", []),
            [name.split("|") for name in entry["programs"]],
            entry.get("test_points", {}),
            entry.get("bonus", []),
        )
        for number, entry in table.items()
    }


def _signal_number(value: int | str) -> int:
    return value if isinstance(value, int) else int(signal.Signals[value])


def _each(value: Any) -> list[Any]:
    """A profile may have one, or a list of those that a course allows."""
    return value if isinstance(value, list) else [value]


def load_interface(path: Path = LAB) -> Interface:
    toml = _read(path)
    launch, restart = toml["launch"], toml["restart"]
    return Interface(
        path=path,
        build=toml["build"]["command"],
        build_limit=float(toml["build"]["limit"]),
        launch=launch["command"],
        signal=_signal_number(_each(launch["signal"])[0]),
        image=_each(launch["image"])[0],
        library=launch.get("library", ""),
        restart=restart["command"],
        readmaps=toml.get("readmaps", {}).get("command", []),
        readckpt=toml.get("readckpt", {}).get("command", []),
        stages=_stages(path, toml["stage"]),
        reference=toml.get("reference", {}).get("folders", []),
        launch_instead=launch.get("instead", []),
        restart_instead=restart.get("instead", []),
        process=launch.get("process", "launched"),
        after=launch.get("after", "goes on"),
        libraries=toml.get("program", {}).get("libraries", []),
        steps=toml.get("steps", path == LAB),
        build_instead=toml["build"].get("instead", []),
        headers=_beside(path, toml["build"].get("headers", "")),
        signals=[_signal_number(value) for value in _each(launch["signal"])],
        images=_each(launch["image"]),
    )


def _beside(path: Path, name: str) -> str:
    """A folder beside the profile, or beside the grader's own."""
    places = [folder / name for folder in (path.parent, PROFILES)]
    return str(next((place for place in places if place.is_dir()), places[-1])) if name else ""


def _read(path: Path) -> dict[str, Any]:
    try:
        toml = load_toml(path)
    except OSError as error:
        raise BadProfile(f"{path}: {error.strerror}") from error
    except ValueError as error:  # TOMLDecodeError, UnicodeDecodeError
        raise BadProfile(f"{path}: {error}") from error
    problems = schema.problems(toml)
    if problems:
        raise BadProfile("\n".join(f"{path}: {problem}" for problem in problems))
    return toml


def find_profile(name: str) -> Path:
    """The file of --profile NAME: a file, or the name of one of grader/classic/profiles."""
    for path in (Path(name), PROFILES / f"{name}.toml"):
        if path.is_file():
            return path.resolve()
    known = ", ".join(sorted(p.stem for p in PROFILES.glob("*.toml")))
    raise BadProfile(f"{name}: no such file, nor a profile of the grader's ({known})")


def expand(command: list[str], program: list[str] | None = None, **names: object) -> list[str]:
    """Fill in {names}; the word {program} becomes several words."""
    words: list[str] = []
    for word in command:
        if word == "{program}":
            words += program or []
        else:
            words.append(word.format(**names))
    return words
