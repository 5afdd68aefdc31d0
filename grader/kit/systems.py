#!/usr/bin/env python3
"""The stages' checks on other systems, each in a chroot that debootstrap makes. `make stress` runs this.

    systems.py             all systems: what the solution and the skeletons get there, stage by stage
    systems.py NAME...     these
    systems.py --table     the rows of the table in solution/README anew, of all or of those that are named
    systems.py --fresh     make the chroots anew: sid is another system each week

The chroots are in /var/cache/ckptlab/systems (CKPTLAB_SYSTEMS=DIR names another place), a gigabyte each, and stay
there for the next run. To remove them: `rm -r /var/cache/ckptlab`. What a run mounts in them is seen by
that run alone (unshare(1)), so nothing of the host's can be removed with them.

Each begins bare, with gcc and make; grader/setup installs the rest, as on a student's fresh machine. It takes root,
the right to mount, and a mirror. Where one of these is missing, the system is "not tried here", which is no failure.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from handout import skeleton
from kit import real_programs

TOP = Path(__file__).resolve().parents[2]
PLACE = Path(os.environ.get("CKPTLAB_SYSTEMS", "/var/cache/ckptlab/systems"))
BEGIN, END = "<!-- systems: made by grader/kit/systems.py --table -->", "<!-- end of systems -->"
LIMIT = 3600  # seconds for one stage, or for making a chroot; only reached when something is broken
STAGES = [int(path.parent.name[5]) for path in sorted(TOP.glob("solution/stage*/Makefile"))]
NOT_TRIED = "not tried here: "


@dataclass(frozen=True)
class System:
    name: str
    suite: str
    mirror: str


DEBIAN, UBUNTU = "http://deb.debian.org/debian", "http://archive.ubuntu.com/ubuntu"
SYSTEMS = [
    System("Debian 12", "bookworm", DEBIAN),
    System("Debian 13", "trixie", DEBIAN),
    System("Debian sid", "sid", DEBIAN),
    System("Ubuntu 24.04", "noble", UBUNTU),
]


class NotHere(Exception):
    """Why a system cannot be tried on this machine."""


class Broken(Exception):
    """Something that must work does not."""


def say(text: str) -> None:
    print(text, flush=True)


# --- A chroot ----------------------------------------------------------------------------------

# In namespaces of its own: its mounts and its processes end with it.
PRIVATE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]
ENTER = """
mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount -t tmpfs -o mode=1777 tmpfs "$0/dev/shm" || exit 71
exec chroot "$0" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \\
    HOME=/root TERM=dumb LC_ALL=C.UTF-8 "$@"
"""


def check_rights() -> None:
    if os.geteuid() != 0:
        raise NotHere("only root can make a chroot")
    done = subprocess.run([*PRIVATE, "true"], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise NotHere(f"no right to mount: {done.stderr.strip()}")


def check_debootstrap() -> None:
    if shutil.which("debootstrap") is None:
        subprocess.run(["sh", TOP / "grader/setup", "debootstrap"], stdout=subprocess.DEVNULL, check=False)
    if shutil.which("debootstrap") is None:
        raise NotHere("debootstrap is not installed")


def check_mirror(system: System) -> None:
    try:
        urllib.request.urlopen(f"{system.mirror}/dists/{system.suite}/InRelease", timeout=20).close()
    except OSError as error:
        raise NotHere(f"no mirror answers ({system.mirror}: {error})") from error


def make_root(system: System, root: Path) -> None:
    """It has its name only when it is whole."""
    check_debootstrap()
    check_mirror(system)
    partial, log = root.with_name(f"{root.name}.partial"), root.with_name(f"{root.name}.log")
    shutil.rmtree(partial, ignore_errors=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    say(f"{system.name}: debootstrap {system.suite}; it writes to {log}")
    words: list[str | Path] = ["debootstrap", "--force-check-gpg", "--variant=minbase", "--include=gcc,make", system.suite, partial, system.mirror]
    with log.open("w") as file:
        done = subprocess.run(words, stdout=file, stderr=subprocess.STDOUT, timeout=LIMIT, check=False)
    if done.returncode != 0:
        raise NotHere(f"debootstrap fails: {log.read_text().strip().splitlines()[-1]}")
    partial.rename(root)


def root_of(system: System, fresh: bool) -> Path:
    check_rights()
    root = PLACE / system.suite
    if fresh:
        shutil.rmtree(root, ignore_errors=True)
    if not root.exists():
        make_root(system, root)
    return root


def inside(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PRIVATE, "sh", "-c", ENTER, str(root), *words], text=True, timeout=LIMIT, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def copy_lab(root: Path) -> None:
    """What git tracks, as it is now; and how to reach the network."""
    lab = root / "lab"
    shutil.rmtree(lab, ignore_errors=True)
    for path in skeleton.tracked(TOP):
        (lab / path.parent).mkdir(parents=True, exist_ok=True)
        shutil.copy2(TOP / path, lab / path, follow_symlinks=False)
    for name in ("resolv.conf", "hosts"):
        if Path("/etc", name).exists():
            shutil.copyfile(Path("/etc", name), root / "etc" / name)


def set_up(system: System, root: Path) -> None:
    say(f"{system.name}: grader/setup grade")
    done = inside(root, "sh", "/lab/grader/setup", "grade")
    if done.returncode != 0:
        raise Broken(f"grader/setup grade ends with {done.returncode}:\n{done.stdout}")


# --- The stages --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Grade:
    points: float
    maximum: float
    failed: tuple[str, ...]

    def __str__(self) -> str:
        lost = f" ({', '.join(self.failed)})" if self.failed else ""
        return f"{self.points:g} of {self.maximum:g}{lost}"


@dataclass(frozen=True)
class Row:
    """What became of one system: why it was not tried, or its versions and two grades for each stage."""

    system: System
    why: str = ""
    versions: str = ""
    solution: tuple[Grade, ...] = ()
    skeletons: tuple[Grade, ...] = ()

    def is_good(self) -> bool:
        full = all(grade.points == grade.maximum and not grade.failed for grade in self.solution)
        return bool(self.why) or full and all(grade.points == 0 for grade in self.skeletons)

    def cells(self) -> list[str]:
        if self.why:
            return [self.system.name, self.why, *["-"] * (len(STAGES) + 1)]
        return [self.system.name, self.versions, *map(str, self.solution), "+".join(f"{grade.points:g}" for grade in self.skeletons)]


VERSIONS = """
import platform, re, subprocess
def first(*words): return re.findall(r"\\d+\\.\\d+", subprocess.run(words, capture_output=True, text=True).stdout.splitlines()[0])[-1]
libc, python = platform.libc_ver()[1], ".".join(platform.python_version_tuple()[:2])
print(f"glibc {libc}, gcc {first('gcc', '-dumpfullversion')}, gdb {first('gdb', '--version')}, Python {python}")
"""


def grade(root: Path, stage: int, top: str, loud: bool = False) -> Grade:
    """grader/check, as `make check` calls it in a stage's folder. If loud, a failure's causes are printed."""
    folder = next((root / "lab" / top).glob(f"stage{stage}-*"))
    report = root / "lab" / "result.json"
    report.unlink(missing_ok=True)
    inner = Path("/") / folder.relative_to(root)
    done = inside(root, "/lab/grader/check", "--stage", str(stage), str(inner), "-v", "--json", "/lab/result.json")
    if not report.exists():
        raise Broken(f"stage {stage} in {inner} cannot be graded:\n{done.stdout}")
    found = json.loads(report.read_text())
    failed = tuple(row["test"] for row in found["tests"] if row["outcome"] == "failed")
    if failed and loud:
        say(done.stdout)
    return Grade(found["points"], found["maximum"], failed)


def grades(system: System, root: Path) -> Iterator[tuple[Grade, Grade]]:
    for stage in STAGES:
        started = time.monotonic()
        pair = grade(root, stage, "solution", loud=True), grade(root, stage, ".")
        say(f"{system.name}: stage {stage}: {pair[0]}; skeleton: {pair[1].points:g} ({time.monotonic() - started:.0f} s)")
        yield pair


def try_system(system: System, fresh: bool = False) -> Row:
    try:
        root = root_of(system, fresh)
        copy_lab(root)
        set_up(system, root)
        versions = inside(root, "python3", "-c", VERSIONS).stdout.strip()
        solution, skeletons = zip(*grades(system, root))
    except NotHere as why:
        say(f"{system.name}: {NOT_TRIED}{why}")
        return Row(system, f"{NOT_TRIED}{why}")
    return Row(system, "", versions, solution, skeletons)


# --- The table ---------------------------------------------------------------------------------


def table(rows: list[list[str]]) -> str:
    head = ["system", "with", *(f"stage {stage}" for stage in STAGES), "skeletons"]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def renewed(old: list[list[str]], rows: list[Row]) -> list[list[str]]:
    """The table's rows; those of systems that were not run stay as they are."""
    found = {cells[0]: cells for cells in [*old, *(row.cells() for row in rows)]}
    return [found[system.name] for system in SYSTEMS if system.name in found]


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *(system.suite for system in SYSTEMS)],
                        help="bookworm, trixie ... (none: all)")
    parser.add_argument("--fresh", action="store_true", help="make the chroots anew")
    parser.add_argument("--table", action="store_true", help="write the table in solution/README, or these rows of it, anew")
    return parser.parse_args()


def main() -> int:
    options = parse_options()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    chosen = [system for system in SYSTEMS if not options.names or system.suite in options.names]
    try:
        rows = [try_system(system, options.fresh) for system in chosen]
    except Broken as problem:
        say(f"systems: {problem}")
        return 1
    if options.table:
        real_programs.write_table(table(renewed(real_programs.committed_rows(BEGIN, END), rows)), BEGIN, END)
    return 0 if all(row.is_good() for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
