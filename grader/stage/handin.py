#!/usr/bin/env python3
"""Makes the archive that a student hands in, and proves that it works.

    handin.py                  all stages
    handin.py --stage N DIR    the stage in DIR, with the earlier stages beside it, which it needs

The archive holds the stages' sources and nothing that was built. The proof: the working folder is
graded; the archive is unpacked elsewhere, built and graded; each test must come out the same.
The exit code says whether it did, not whether the points are many.
"""
from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple, Optional

from stage import archive

GRADER = Path(__file__).resolve().parents[1]
TOP = GRADER.parent
LARGEST = 1 << 20
TRIES = 2
CANNOT = 70

# Folders that hold what was built or noted, never sources.
LEFT_OUT = {"build", "__pycache__"}


class HandinError(Exception):
    """Why there is no archive, or none that works."""


class Result(NamedTuple):
    """What the grader said of one stage: the points, and the points of each test."""

    points: float
    maximum: float
    tests: dict[str, float]


def stage_of(folder: Path) -> int:
    match = re.match(r"stage(\d+)-", folder.name)
    if not match:
        raise HandinError(f"{folder}: a stage's folder is called stageN-something")
    return int(match[1])


def stage_folders(top: Path, last: int = 99) -> list[Path]:
    folders = [path for path in top.glob("stage[0-9]*-*") if (path / "Makefile").exists()]
    return sorted((path for path in folders if stage_of(path) <= last), key=stage_of)


def why_not(path: Path, folder: Path) -> str:
    """Why a file of a stage is not for the archive, or nothing if it is."""
    if path.is_symlink() and folder not in path.resolve().parents:
        return "a link to somewhere else"
    if not path.is_file():
        return "no file"
    if path.stat().st_size > LARGEST:
        return "larger than 1 MiB"
    if b"\0" in path.read_bytes():
        return "not text"
    return ""


def candidates(folder: Path) -> list[Path]:
    """All files of a stage, but for what is hidden or lies in a folder of built things."""
    paths = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_dir() or LEFT_OUT & set(parts) or any(part[0] == "." for part in parts):
            continue
        paths.append(path)
    return paths


def entries_of(folder: Path) -> list[archive.Entry]:
    """The sources of a stage. What is left out is told, unless it is a program or an object."""
    entries = []
    for path in candidates(folder):
        name = f"{folder.name}/{path.relative_to(folder)}"
        why = why_not(path, folder)
        if not why:
            entries.append(archive.Entry(name, path.read_bytes(), os.access(path, os.X_OK)))
        elif not is_built(path):
            print(f"handin: left out: {name}: {why}")
    return entries


def is_built(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def grade(stage: int, folder: Path) -> Result:
    """Builds and grades one folder."""
    with tempfile.TemporaryDirectory() as scratch:
        table = Path(scratch, "result.json")
        command = [str(GRADER / "check"), "--stage", str(stage), str(folder), "--json", str(table)]
        run = subprocess.run(command, text=True, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if not table.exists():
            raise HandinError(f"stage {stage} cannot be graded:\n{run.stdout}")
        found = json.loads(table.read_text())
    tests = {test["test"]: test["points"] for test in found["tests"]}
    return Result(found["points"], found["maximum"], tests)


def make_variables(flags: str) -> list[str]:
    """The words NAME=VALUE of MAKEFLAGS, as they stand there: make writes a blank in a value as `\\ `."""
    words = re.findall(r"(?:\\.|[^\s\\])+", flags)
    return [word for word in words if "=" in word and not word.startswith("-")]


def record(results: dict[int, Result]) -> archive.Entry:
    """A note for who grades it: what it was worth here, and how it was built."""
    flags = make_variables(os.environ.get("MAKEFLAGS", ""))
    lines = ["ckptlab hand-in", f"make variables: {' '.join(flags) or 'none'}"]
    lines += [f"stage {stage}: {result.points:g} of {result.maximum:g} points"
              for stage, result in sorted(results.items())]
    return archive.Entry("HANDIN.txt", ("\n".join(lines) + "\n").encode())


def lay_out(path: Path, folder: Path) -> None:
    """Unpacks an archive where the stages find the grader beside them (and through it the rest)."""
    archive.unpack(path, folder)
    (folder / "grader").symlink_to(GRADER)


def differences(here: Result, there: Result) -> list[str]:
    lines = []
    for test in sorted({*here.tests, *there.tests}):
        points = [result.tests.get(test, 0.0) for result in (here, there)]
        if points[0] != points[1]:
            lines.append(f"    {test}: {points[0]:g} here, {points[1]:g} from the archive")
    if not lines and here.points != there.points:
        lines.append(f"    in all: {here.points:g} here, {there.points:g} from the archive")
    return lines


def compare(stage: int, folder: Path, unpacked: Path, here: Result) -> None:
    """Grades what was unpacked. A test may depend on addresses: at a difference, all once more."""
    different: list[str] = []
    for attempt in range(TRIES):
        if attempt:
            here = grade(stage, folder)
        different = differences(here, grade(stage, unpacked))
        if not different:
            print(f"handin: stage {stage}: {here.points:g} of {here.maximum:g} points, "
                  "here and unpacked from the archive")
            return
    raise HandinError(f"stage {stage} does not score the same from the archive:\n"
                      + "\n".join(different))


def make_archive(path: Path, folders: list[Path], results: dict[int, Result]) -> int:
    entries = [entry for folder in folders for entry in entries_of(folder)]
    archive.write(path, [*entries, record(results)], int(time.time()))
    return len(entries)


def hand_in(folders: list[Path], graded: list[Path], path: Path) -> None:
    results = {}
    for folder in graded:
        print(f"handin: grading {folder.name}", flush=True)
        results[stage_of(folder)] = grade(stage_of(folder), folder)
    count = make_archive(path, folders, results)
    print(f"handin: {path.name}: {count} files; now it is unpacked, built and graded", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        lay_out(path, Path(scratch))
        for folder in graded:
            stage = stage_of(folder)
            compare(stage, folder, Path(scratch, folder.name), results[stage])
    print(f"handin: hand in {path}")


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--stage", type=int, metavar="N", help="this stage alone")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="the archive's name")
    parser.add_argument("folder", nargs="?", type=Path, help="the stage's folder, or that of all")
    return parser.parse_args(argv)


def choose(options: argparse.Namespace) -> tuple[list[Path], list[Path], Path]:
    """What to do: the folders to pack, those to grade, and the archive's name."""
    stage: Optional[int] = options.stage
    folder = (options.folder or TOP).resolve()
    if stage is None:
        folders = stage_folders(folder)
        graded, top, name = folders, folder, "ckptlab-handin.tar.gz"
    else:
        folders = stage_folders(folder.parent, stage)
        graded, top, name = [folder], folder.parent, f"ckptlab-handin-stage{stage}.tar.gz"
    if not folders or not set(graded) <= set(folders):
        raise HandinError(f"{folder}: there is no {'stage' if stage is None else f'stage {stage}'}")
    return folders, graded, (options.output or top / name)


def main(argv: list[str]) -> int:
    options = parse_arguments(argv)
    try:
        hand_in(*choose(options))
    except (HandinError, OSError) as error:
        print(f"handin: {error}", file=sys.stderr)
        return CANNOT
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
