#!/usr/bin/env python3
"""Makes the archive that students get: ckptlab-handout.tar.xz.

    pack.py [-o FILE]       all stages
    pack.py --stages 1-3    these, and nothing of the later ones: text, tests, objects, points
    pack.py --add 4         ckptlab-handout-4.tar.xz: to be unpacked over that, and over the work in it

It holds the hand-out's texts, the demos, the skeletons, the grader, and the reference (reference.py): the
solution's object files, from which a student can link the stages that they are stuck on. There is
no source of the solution in it, no hidden test, and nothing of the kit's own tests. The same
commit gives the same archive, byte for byte. The points in it are those of course.toml.

What is added holds no file of a stage that students have, nor any other that they have as it is; but the
grader and the reference are there whole, so that what was mended since comes along.
"""
from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from handout import pointed, reference, released, skeleton, tested
from handout.reference import PREFIX, HandoutError
from handout.released import BASE, Released
from reports import course_file
from stage import archive
from stage.config import load_interface

TOP = Path(__file__).resolve().parents[2]

# What students get, of the tracked files. Everything else stays here.
GIVEN = ["000-README", "README.md", "OVERVIEW", "OVERVIEW.svg", "LICENSE", ".editorconfig",
         ".clang-format", ".gitignore", ".devcontainer", "BACKGROUND", "grader", "stage[0-9]-*"]

# What of those stays here all the same. A file or folder whose name begins so is a hidden test.
KEPT = {"grader/kit", "grader/demo", "grader/bench", "grader/batch", "grader/reports", "grader/platforms", "grader/sandbox",
        "grader/classic", "grader/handout", "grader/grade", "grader/similar", "grader/course.toml", "grader/tests/README",
        "grader/stage/causes/3-classic.toml"}
HIDDEN = "hidden"
TEXT = "000-README"
STAFF = "\n## For those who change the lab\n"  # the last section of a page: students do not get it
PAGE = "grader/README"  # students get another one
TEXTS = {TEXT, "OVERVIEW", "BACKGROUND/README.md", "grader/stage/README", "grader/film/README", "grader/machines.md", PAGE}


def is_given(path: Path) -> bool:
    name = str(path)
    if any(part.startswith(HIDDEN) for part in path.parts):
        return False
    return not any(name == kept or name.startswith(kept + "/") for kept in KEPT)


class Release:
    """What the files of a hand-out hold: the stages up to `last`, with the points of the course."""

    def __init__(self, top: Path, last: int) -> None:
        self.top, self.last = top, last
        catalogue = course_file.read_catalogue(top / "grader")
        self.course = course_file.load(top / "grader/course.toml", catalogue)
        readme = (top / "BACKGROUND/README.md").read_text()
        self.targets, self.demos = released.demos_of_later(readme, max(last, BASE))
        self.untested = tested.only_later(top, last)

    def has(self, path: Path) -> bool:
        demo = path.parts[0] == "BACKGROUND" and released.is_demo(path, self.demos)
        return is_given(path) and not (released.of_later(str(path), self.last) or demo or path in self.untested)

    def text(self, name: str, text: str) -> str:
        last = max(self.last, BASE) if name.startswith("BACKGROUND/") else self.last
        text = pointed.in_text(self.course, released.text_until(text, last, self.demos))
        for line in released.left(text, last):
            raise HandoutError(f"{name} names a stage that is not handed out yet: {line}")
        return text

    def content(self, name: str, data: bytes) -> bytes:
        if name == PAGE:
            data = (self.top / "grader/handout/README.students").read_bytes()
        text = with_own_head(self.top, data).decode() if name == TEXT else data.decode(errors="surrogateescape")
        if name in TEXTS:
            text = self.text(name, text.partition(STAFF)[0])
        elif name == "BACKGROUND/Makefile":
            text = released.makefile_without(text, self.targets, self.demos)
        elif name == "BACKGROUND/check":
            text = released.lines_without(text, self.demos)
        elif name == str(skeleton.STEPS):
            text = released.steps_until(text, self.last)
        elif name == "grader/lab.toml":
            text = pointed.in_lab(self.course, released.lab_until(text, self.last))
        return text.encode(errors="surrogateescape")

    def entries(self) -> list[archive.Entry]:
        found = [archive.Entry.of(str(path), self.top / path) for path in skeleton.tracked(self.top, *GIVEN) if self.has(path)]
        return [entry._replace(name=f"{PREFIX}/{entry.name}", data=self.content(entry.name, entry.data)) for entry in found]


def with_own_head(top: Path, text: bytes) -> bytes:
    """What stands before the first section speaks of the whole kit: students have another beginning."""
    return (top / "grader/handout" / f"{TEXT}.head").read_bytes() + text[text.index(b"## ") :]


def commit_time(top: Path) -> int:
    out = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=top, check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    return int(out)


def all_entries(top: Path, stages: Released) -> list[archive.Entry]:
    makefile = archive.Entry.of(f"{PREFIX}/Makefile", top / "grader/handout/handout.mk")
    compiled = [*reference.objects(top, stages.last), *reference.makefiles(top, stages.last)]
    new = [makefile, *Release(top, stages.last).entries()]
    if not stages.whole:
        old = {entry.name: entry for entry in [makefile, *Release(top, stages.first - 1).entries()]}
        new = [entry for entry in new if is_added(entry, old)]
    return [*new, *compiled]


def is_added(entry: archive.Entry, old: dict[str, archive.Entry]) -> bool:
    """Whether students need it: of what they write nothing, of the grader all."""
    if entry.name.startswith(f"{PREFIX}/stage"):
        return entry.name not in old
    return entry.name.startswith(f"{PREFIX}/grader/") or old.get(entry.name) != entry


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--top", type=Path, default=TOP, help="another checkout of ckptlab")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="the archive's name")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--stages", default="", metavar="1-N", help="these stages alone")
    what.add_argument("--add", default="", metavar="N", help="what a stage brings to those who have the stages before it")
    options = parser.parse_args(argv)
    output = options.output or options.top / f"ckptlab-handout{f'-{options.add}' if options.add else ''}.tar.xz"
    try:
        entries = all_entries(options.top, released.parsed(options.stages, options.add, load_interface().stages))
        archive.write(output, entries, commit_time(options.top))
    except (released.BadStages, course_file.CourseError) as error:
        print(f"handout: {error}", file=sys.stderr)
        return 64
    except (HandoutError, OSError) as error:
        print(f"handout: {error}", file=sys.stderr)
        return 70
    print(f"handout: {output.name}: {len(entries)} files, {output.stat().st_size // 1024} KiB")
    for line in reference.lacking():
        print(f"handout: {line}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
