"""The reference in a hand-out: the solution's object files, for each kind of processor, and how they are linked.

    reference/x86_64/, reference/aarch64/           all objects of the stages up to 3; `make REFERENCE=1` takes them from there
    reference/stage4-openfiles/x86_64/, ...         what stage 4 has besides, or made otherwise; and so on
    reference/Makefile, reference/stage*/Makefile   link the programs that the grader compares with

Which of the folders is taken says arch.mk: that of the machine on which make runs. Objects for another kind of processor
than this machine's need a cross compiler; where there is none, they are not made, and lacking() says so.
"""
from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from handout import released, skeleton
from handout.released import BASE
from stage import archive, common_objects

PREFIX = "ckptlab"
PROCESSORS = ("x86_64", "aarch64")

# The objects are built here, in a copy of the solution, with these flags whatever the user's are, and for pages of 4 KiB
# (arch.mk) wherever that is; -g is stripped off.
FLAGS = ["CFLAGS=-O2 -g", "PAGE=4096", "-j2"]

# The references, by their folder in reference/: the stage whose programs each has. The first has the objects of all
# stages up to it, which `make REFERENCE=1` takes from there; the others have what is not the same there.
PLACES = {"": "stage3-restart", "stage4-openfiles": "stage4-openfiles",
          "stage5-coredump": "stage5-coredump", "stage6-remote": "stage6-remote"}
WITH_BASE = 2  # from this stage on the reference has the objects up to BASE: stage 2 is graded with its restart


class HandoutError(Exception):
    """Why there is no archive."""


def run(*command: object) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    words = [str(word) for word in command]
    done = subprocess.run(words, env=environment, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise HandoutError(f"{' '.join(words)}:\n{done.stdout}")


# Processors


def prefix(processor: str) -> str:
    """What the names of its compiler, linker and so on begin with here."""
    return "" if processor == platform.machine() else f"{processor}-linux-gnu-"


def can_be_made(processor: str) -> bool:
    return not prefix(processor) or shutil.which(f"{prefix(processor)}gcc") is not None


def lacking(wanted: Iterable[str] = PROCESSORS) -> list[str]:
    """What is to be said of each processor for which there is no reference."""
    return [f"there is no {prefix(processor)}gcc, so it has no reference for {processor}: on such a machine it is good for "
            f"reading alone (grader/setup gcc-{processor.replace('_', '-')}-linux-gnu, then again)"
            for processor in wanted if not can_be_made(processor)]


def is_ported(stage: Path, processor: str) -> bool:
    """What the stage has for one processor it has for this one, too."""
    return all((stage / path.name.replace("_x86_64.", f"_{processor}.")).exists() for path in stage.glob("*_x86_64.*"))


# Objects


def copy_solution(top: Path, scratch: Path) -> None:
    for path in skeleton.tracked(top, "solution/stage[0-9]-*/**"):
        (scratch / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(top / path, scratch / path)


def place_in(place: str, name: str) -> str:
    """The path in the archive of a file of a reference."""
    return "/".join(filter(None, (PREFIX, "reference", place, name)))


def built_objects(scratch: Path, last: str, processor: str) -> dict[str, bytes]:
    """All objects of the stages up to one, by name, without anything that shows their source."""
    found: dict[str, Path] = {}
    compiler = [f"CC={prefix(processor)}gcc"] if prefix(processor) else []
    for makefile in sorted(scratch.glob("solution/stage*/Makefile")):
        if makefile.parent.name <= last and is_ported(makefile.parent, processor):
            common_objects.share(makefile.parent, [*compiler, *FLAGS[:-1]])
            run("make", "-C", makefile.parent, *compiler, *FLAGS)
            found.update((path.name, path) for path in makefile.parent.glob("build/*.o"))
    run(f"{prefix(processor)}strip", "-g", "-p", *found.values())  # their dates stay: nothing is linked again
    return {name: path.read_bytes() for name, path in found.items()}


def places(last: int = 0) -> dict[str, str]:
    """Those of the stages up to one; all of them if none is named."""
    stages = {place: name for place, name in PLACES.items() if not last or not released.of_later(name, max(last, BASE))}
    return {**stages, "": "stage1-readmaps"} if 0 < last < WITH_BASE else stages


def objects(top: Path, last: int = 0) -> list[archive.Entry]:
    """The solution's objects for each processor."""
    return [entry for processor in PROCESSORS if can_be_made(processor) for entry in objects_for(top, last, processor)]


def objects_for(top: Path, last: int, processor: str) -> list[archive.Entry]:
    """Each once."""
    entries: dict[str, archive.Entry] = {}
    with tempfile.TemporaryDirectory(prefix=processor) as scratch:
        copy_solution(top, Path(scratch))
        ported = {place: stage for place, stage in places(last).items() if is_ported(top / "solution" / stage, processor)}
        for place, stage in ported.items():
            for name, data in built_objects(Path(scratch), stage, processor).items():
                first = entries.get(place_in("", f"{processor}/{name}"))
                if first is None or first.data != data:
                    path = place_in(place, f"{processor}/{name}")
                    entries[path] = archive.Entry(path, data)
    return list(entries.values())


# Makefiles

MAKEFILE = """\
# Links the reference's programs: the grader compares yours with them.
# What the stages' own Makefiles take from here is the objects: make REFERENCE=1 there.
REFERENCE := 1
{own}include programs.mk
"""

# Its own objects come before those in the folder above it.
OWN_OBJECTS = """\
include arch.mk
build/%.o: $(REFERENCE_ARCH)/%.o build/flags
	cp $< $@
"""


def makefiles(top: Path, last: int = 0) -> list[archive.Entry]:
    """How the reference's programs are linked: the rules of its stages, and no student's."""
    return [entry for place, stage in places(last).items() for entry in makefiles_in(top, place, stage)]


# A list of sources that a rule takes from what is there: here there are none.
WILDCARD = re.compile(r"\$\(wildcard ((?:\S+\.\[co\] ?)+)\)")


def sources(stage: Path, patterns: str) -> str:
    return " ".join(sorted(path.name for pattern in patterns.split() for path in stage.glob(pattern)))


def makefiles_in(top: Path, place: str, stage: str) -> list[archive.Entry]:
    solution = top / "solution"
    include = re.compile(r"^include (\.\./.*/|\$\(dir .*\)|)(.*\.mk)$", re.MULTILINE)
    texts = {"Makefile": MAKEFILE.format(own=OWN_OBJECTS if place else ""),
             "restorer.ld": (solution / "stage3-restart/restorer.ld").read_text()}
    files = [("programs.mk", solution / stage / "Makefile")]
    for name, path in files:  # it grows: what includes others is included itself
        rules = path.read_text()
        texts[name] = WILDCARD.sub(lambda match: sources(solution / stage, match[1]), include.sub(r"include \2", rules))
        beside = [(other, path.parent if folder.startswith("$") else solution / stage / folder)
                  for folder, other in include.findall(rules)]
        files += [(other, where / other) for other, where in beside if other not in texts]
    return [archive.Entry(place_in(place, name), text.encode()) for name, text in texts.items()]
