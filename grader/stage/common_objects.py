"""Objects that the stages of a tree have in common: what one of them has compiled, the others need not.

Each stage compiles the sources of those before it, too, with its own folder in front of theirs: there may be a header
that hides another. An object is the same if its command is, but for the folders of headers, and if each header's name is
in one of the stages alone. It is copied with the list of what it depends on: make has nothing to do for it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

Commands = dict[str, list[str]]  # by the object's name


def stages_beside(folder: Path) -> list[Path]:
    """The stages of the tree, the folder's own among them; a folder that is no stage stands alone."""
    found = sorted(makefile.parent for makefile in folder.parent.glob("stage[0-9]*-*/Makefile"))
    return found if folder in found else [folder]


def share(folder: Path, variables: Sequence[str] = ()) -> int:
    """Put what other stages have compiled into this one's build folder; how many objects. Variables: make's."""
    if len(stages_beside(folder)) == 1 or make(folder, "build/flags", *variables).returncode != 0:
        return 0
    others = [other for other in stages_beside(folder) if other != folder and flags(other) == flags(folder)]
    wanted = commands(folder, variables) if others else {}
    wanted = {name: command for name, command in wanted.items() if not (folder / "build" / name).exists()}
    headers = Counter(path.name for other in stages_beside(folder) for path in other.glob("*.h"))
    lacking = len(wanted)
    for other in reversed(others):  # the last has most
        if wanted:
            wanted = _share_from(other, folder, wanted, commands(other, variables, "-B"), headers)
    return lacking - len(wanted)


def _share_from(other: Path, folder: Path, wanted: Commands, theirs: Commands, headers: Counter[str]) -> Commands:
    """What is still wanted then."""
    left = {}
    for name, command in wanted.items():
        made = other / "build" / name
        if theirs.get(name) == command and is_fresh(other, made, headers):
            depends = made.with_suffix(".d").read_text()
            (folder / "build" / name).with_suffix(".d").write_text(seen_from(folder, other, depends))
            shutil.copyfile(made, folder / "build" / name)
        else:
            left[name] = command
    return left


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in ("MAKELEVEL", "MFLAGS", "MAKEFLAGS")}
    return subprocess.run(["make", "-C", str(folder), *words], env=env, capture_output=True, text=True, check=False)


def without_folders(words: Sequence[str]) -> list[str]:
    return [word for word in words if not word.startswith("-I")]


def flags(folder: Path) -> list[str]:
    """What its objects were made with; nothing, if it has none."""
    path = folder / "build" / "flags"
    return without_folders(path.read_text().split()) if path.exists() else []


def commands(folder: Path, variables: Sequence[str], *options: str) -> Commands:
    """What make would run for each object that is to be made (-B: for each), without -I; the source as make names it, and
    by its path from the tree. By the first gdb knows it: the stage whose own it is calls it otherwise than others do."""
    found = {}
    for line in make(folder, "-n", "V=1", *options, *variables).stdout.splitlines():
        match = re.search(r" -c (\S+) -o build/(\S+\.o)$", line)
        if match:
            source = os.path.relpath(folder / match[1], folder.parent)
            found[match[2]] = [*without_folders(line[: match.start()].split()), match[1], source]
    return found


def included(dependencies: str) -> list[str]:
    """What the compiler wrote of the files that an object was made from, as seen from the stage's folder."""
    rule = dependencies.replace("\\\n", " ").split("\n", 1)[0]
    return rule.partition(":")[2].split()


def is_fresh(folder: Path, made: Path, headers: Counter[str]) -> bool:
    """As make would find it, and none of its headers may be another one elsewhere, or is made itself."""
    depends = made.with_suffix(".d")
    if not made.exists() or not depends.exists():
        return False
    names = [name for name in included(depends.read_text()) if not name.startswith("/")]
    if any(headers[Path(name).name] != 1 for name in names if name.endswith(".h")):
        return False
    sources = [folder / "build" / "flags", *(folder / name for name in names)]
    return all(path.exists() and path.stat().st_mtime_ns <= made.stat().st_mtime_ns for path in sources)


def seen_from(folder: Path, other: Path, dependencies: str) -> str:
    """The list of what an object depends on, with paths from another folder."""

    def moved(match: re.Match[str]) -> str:
        return os.path.relpath(other / match[0], folder)

    return re.sub(r"(?<![^\s])(?!build/)[^/\s\\][^\s:\\]*", moved, dependencies)
