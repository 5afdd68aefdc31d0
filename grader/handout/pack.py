#!/usr/bin/env python3
"""Makes the archive that students get: ckptlab-handout.tar.xz.

    pack.py [-o FILE]

It holds the hand-out's texts, the demos, the skeletons, the grader, and the reference: the
solution's object files, from which a student can link the stages that they are stuck on. There is
no source of the solution in it, no hidden test, and nothing of the kit's own tests. The same
commit gives the same archive, byte for byte.
"""
from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from handout import skeleton
from stage import archive, common_objects

TOP = Path(__file__).resolve().parents[2]
PREFIX = "ckptlab"

# What students get, of the tracked files. Everything else stays here.
GIVEN = ["000-README", "README.md", "OVERVIEW", "OVERVIEW.svg", "LICENSE", ".editorconfig",
         ".clang-format", ".gitignore", ".devcontainer", "BACKGROUND", "grader", "stage[0-9]-*"]

# What of those stays here all the same. A file or folder whose name begins so is a hidden test.
KEPT = {"grader/kit", "grader/demo", "grader/bench", "grader/batch", "grader/reports", "grader/platforms", "grader/sandbox",
        "grader/classic", "grader/handout", "grader/grade", "grader/similar", "grader/course.toml"}
HIDDEN = "hidden"
TEXT = "000-README"

# The objects are built here, in a copy of the solution, with these flags whatever the user's are; -g is stripped off.
FLAGS = ["CFLAGS=-O2 -g", "-j2"]

# The references, by their folder in reference/: the stage whose programs each has. The first has the objects of all
# stages up to it, which `make REFERENCE=1` takes from there; the others have what is not the same there.
REFERENCES = {"": "stage3-restart", "stage4-openfiles": "stage4-openfiles",
              "stage5-coredump": "stage5-coredump", "stage6-remote": "stage6-remote"}


class HandoutError(Exception):
    """Why there is no archive."""


def is_given(path: Path) -> bool:
    name = str(path)
    if any(part.startswith(HIDDEN) for part in path.parts):
        return False
    return not any(name == kept or name.startswith(kept + "/") for kept in KEPT)


def given_files(top: Path) -> list[archive.Entry]:
    entries = [archive.Entry.of(f"{PREFIX}/{path}", top / path)
               for path in skeleton.tracked(top, *GIVEN) if is_given(path)]
    return [entry._replace(data=with_own_head(top, entry.data)) if entry.name == f"{PREFIX}/{TEXT}" else entry
            for entry in entries]


def with_own_head(top: Path, text: bytes) -> bytes:
    """What stands before the first section speaks of the whole kit: students have another beginning."""
    return (top / "grader/handout" / f"{TEXT}.head").read_bytes() + text[text.index(b"## ") :]


def run(*command: object) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    words = [str(word) for word in command]
    done = subprocess.run(words, env=environment, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise HandoutError(f"{' '.join(words)}:\n{done.stdout}")


def copy_solution(top: Path, scratch: Path) -> None:
    for path in skeleton.tracked(top, "solution/stage[0-9]-*/**"):
        (scratch / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(top / path, scratch / path)


def place_in(place: str, name: str) -> str:
    """The path in the archive of a file of a reference."""
    return "/".join(filter(None, (PREFIX, "reference", place, name)))


def built_objects(scratch: Path, last: str) -> dict[str, bytes]:
    """All objects of the stages up to one, by name, without anything that shows their source."""
    objects: dict[str, Path] = {}
    for makefile in sorted(scratch.glob("solution/stage*/Makefile")):
        if makefile.parent.name <= last:
            common_objects.share(makefile.parent, FLAGS[:1])
            run("make", "-C", makefile.parent, *FLAGS)
            objects.update((path.name, path) for path in makefile.parent.glob("build/*.o"))
    run("strip", "-g", "-p", *objects.values())  # their dates stay: nothing is linked again
    return {name: path.read_bytes() for name, path in objects.items()}


def reference_objects(top: Path) -> list[archive.Entry]:
    """The solution's objects, each once."""
    entries: dict[str, archive.Entry] = {}
    with tempfile.TemporaryDirectory() as scratch:
        copy_solution(top, Path(scratch))
        for place, last in REFERENCES.items():
            for name, data in built_objects(Path(scratch), last).items():
                first = entries.get(place_in("", name))
                if first is None or first.data != data:
                    entries[place_in(place, name)] = archive.Entry(place_in(place, name), data)
    return list(entries.values())


REFERENCE_MAKEFILE = """\
# Links the reference's programs: the grader compares yours with them.
# What the stages' own Makefiles take from here is the objects: make REFERENCE=1 there.
REFERENCE := 1
{own}include programs.mk
"""

# Its own objects come before those in the folder above it.
OWN_OBJECTS = """\
build/%.o: %.o build/flags
	cp $< $@
"""


def reference_makefiles(top: Path) -> list[archive.Entry]:
    """How the reference's programs are linked: the rules of its stages, and no student's."""
    return [entry for place in REFERENCES for entry in makefiles_in(top, place)]


def makefiles_in(top: Path, place: str) -> list[archive.Entry]:
    solution = top / "solution"
    include = re.compile(r"^include (\.\./.*/|)(.*\.mk)$", re.MULTILINE)
    rules = (solution / REFERENCES[place] / "Makefile").read_text()
    texts = {"Makefile": REFERENCE_MAKEFILE.format(own=OWN_OBJECTS if place else ""),
             "programs.mk": include.sub(r"include \2", rules)}
    for folder, name in include.findall(rules):
        texts[name] = (solution / REFERENCES[place] / folder / name).read_text()
    texts["restorer.ld"] = (solution / "stage3-restart/restorer.ld").read_text()
    return [archive.Entry(place_in(place, name), text.encode()) for name, text in texts.items()]


def commit_time(top: Path) -> int:
    out = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=top, check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    return int(out)


def all_entries(top: Path) -> list[archive.Entry]:
    makefile = archive.Entry.of(f"{PREFIX}/Makefile", top / "grader/handout/handout.mk")
    return [makefile, *given_files(top), *reference_objects(top), *reference_makefiles(top)]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--top", type=Path, default=TOP, help="another checkout of ckptlab")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="the archive's name")
    options = parser.parse_args(argv)
    output = options.output or options.top / "ckptlab-handout.tar.xz"
    try:
        entries = all_entries(options.top)
        archive.write(output, entries, commit_time(options.top))
    except (HandoutError, OSError) as error:
        print(f"handout: {error}", file=sys.stderr)
        return 70
    print(f"handout: {output.name}: {len(entries)} files, {output.stat().st_size // 1024} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
