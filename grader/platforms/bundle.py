#!/usr/bin/env python3
"""Makes what a course platform needs to grade: one archive, the same byte for byte from the same commit.

    bundle.py gradescope      ckptlab-gradescope.zip: upload it as it is
    bundle.py classroom50     ckptlab-classroom50.tar.gz: unpack it in CLASSROOM/autograders/ASSIGNMENT
    bundle.py autolab         ckptlab-autolab.tar.gz: autograde-Makefile and autograde.tar
    bundle.py prairielearn --image IMAGE
                              ckptlab-prairielearn.tar.gz: unpack it at the top of the course
    -o FILE                   another name

In each is the grader with course.toml, the skeletons, and the reference as object files. The solution's
source is in none: a submission runs beside what is here. Classroom 50 serves its bundle to everybody who has
the address: that one has no hidden test in it, and is not made from a course.toml that tells of single students.
grader/platforms/README, tells what to do with them.
"""
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from handout import pack, reference, skeleton
from stage import archive
from stage.archive import Entry

TOP = Path(__file__).resolve().parents[2]
FILES = "grader/platforms/files"

# What is needed to grade, of the tracked files: the texts are there because causes point to them.
WANTED = ["000-README", "LICENSE", "BACKGROUND", "grader", "stage[0-9]-*"]

# What of those no grading needs, or what would give the solution away: mutants do.
LEFT_OUT = ("grader/demo/", "grader/bench", "grader/README", "grader/machines.md", "grader/kit/", "grader/handout/")

# In course.toml: a table of which each entry is about one student.
PERSONAL = ("extensions", "days_used")
LARGEST_PUBLIC = 10 * 1024 * 1024  # what Classroom 50's runner fetches at most


class BundleError(Exception):
    """Why there is no archive."""


def is_wanted(path: Path, public: bool) -> bool:
    name = str(path)
    if name.startswith(LEFT_OUT):
        return False
    return not (public and any(part.startswith(pack.HIDDEN) for part in path.parts))


def without_prefix(entries: list[Entry]) -> list[Entry]:
    """The hand-out's entries, as they lie at the top of its folder."""
    start = len(reference.PREFIX) + 1
    return [entry._replace(name=entry.name[start:]) for entry in entries]


def grader(top: Path, public: bool = False) -> list[Entry]:
    """All that grades a submission, as it lies at the top of a checkout."""
    tracked = [path for path in skeleton.tracked(top, *WANTED) if is_wanted(path, public)]
    entries = [Entry.of(str(path), top / path) for path in tracked]
    return entries + without_prefix(reference.objects(top) + reference.makefiles(top))


def file(top: Path, name: str, called: str = "") -> Entry:
    """One of the files that a platform runs."""
    return Entry.of(called or Path(name).name, top / FILES / name)


def below(folder: str, entries: list[Entry]) -> list[Entry]:
    return [entry._replace(name=f"{folder}/{entry.name}") for entry in entries]


def gradescope(top: Path, image: str) -> list[Entry]:
    return [file(top, "gradescope/setup.sh"), file(top, "gradescope/run_autograder"), *grader(top)]


def personal_tables(top: Path) -> list[str]:
    """What course.toml has of single students."""
    sys.path.insert(0, str(top / "grader"))
    from stage import config

    course = top / "grader/course.toml"
    table = config.load_toml(course) if course.exists() else {}
    return [name for name in PERSONAL if table.get(name)]


def classroom50(top: Path, image: str) -> list[Entry]:
    personal = personal_tables(top)
    if personal:
        raise BundleError(f"grader/course.toml: [{personal[0]}] is about single students, and everybody can fetch "
                          f"what Classroom 50 runs. Take it out for this: Classroom 50 has its own due dates")
    packed = archive.pack(".gz", grader(top, public=True), pack.commit_time(top))
    if len(packed) > LARGEST_PUBLIC:
        raise BundleError(f"{len(packed)} bytes are more than Classroom 50's runner fetches ({LARGEST_PUBLIC})")
    return [file(top, "classroom50/autograder.py"), Entry("ckptlab-grader.tar.gz", packed)]


def autolab(top: Path, image: str) -> list[Entry]:
    packed = archive.pack(".tar", grader(top), pack.commit_time(top))
    return [file(top, "autolab/autograde-Makefile"), Entry("autograde.tar", packed)]


def prairielearn(top: Path, image: str) -> list[Entry]:
    if not image:
        raise BundleError("--image: which Docker image shall it grade in? Name one that is yours (make "
                          "prairielearn IMAGE=me/ckptlab); docker/ in the archive is what to build it from")
    info = json.loads((top / FILES / "prairielearn/info.json").read_text())
    info["externalGradingOptions"]["image"] = image
    question = [Entry("info.json", (json.dumps(info, indent=2) + "\n").encode()),
                file(top, "prairielearn/question.html"),
                file(top, "prairielearn/run.sh", "tests/run.sh"), *below("tests", grader(top))]
    setup = [Entry.of(f"grader/{name}", top / "grader" / name) for name in ("dependencies", "setup", "python")]
    docker = [file(top, "prairielearn/Dockerfile"), *setup]
    return below("questions/ckptlab", question) + below("docker", docker)


Maker = Callable[[Path, str], "list[Entry]"]
PLATFORMS: dict[str, tuple[Maker, str]] = {
    "gradescope": (gradescope, "ckptlab-gradescope.zip"),
    "classroom50": (classroom50, "ckptlab-classroom50.tar.gz"),
    "autolab": (autolab, "ckptlab-autolab.tar.gz"),
    "prairielearn": (prairielearn, "ckptlab-prairielearn.tar.gz"),
}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("platform", choices=PLATFORMS)
    parser.add_argument("--top", type=Path, default=TOP, help="another checkout of ckptlab")
    parser.add_argument("--image", default="", help="prairielearn: the Docker image to grade in")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="the archive's name")
    options = parser.parse_args(argv)
    make, name = PLATFORMS[options.platform]
    output = options.output or options.top / name
    try:
        entries = make(options.top, options.image)
        archive.write(output, entries, pack.commit_time(options.top))
    except (BundleError, reference.HandoutError, OSError) as error:
        print(f"{options.platform}: {error}", file=sys.stderr)
        return 70
    print(f"{options.platform}: {output.name}: {len(entries)} files, {output.stat().st_size // 1024} KiB")
    for line in reference.lacking(["x86_64"]):  # such are the machines of platforms
        print(f"{options.platform}: {line}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
