#!/usr/bin/env python3
"""The solution's stages on an arm64 machine, each graded as `make check` does it there. `make check-arm64` runs this.

    stages.py         all stages
    stages.py N...    these

The machine (machine.py) is made once, which takes a minute or two and 200 MB of the network. Where something is missing
for it, this is "not tried here", which is no failure.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

from handout import skeleton
from kit.arm64 import disk
from kit.arm64.machine import Hung, Machine
from kit.systems import STAGES, TOP, Grade, NotHere, say

LIMIT = 3600  # seconds for one stage; only reached when something is broken
SAMPLE = 60
# What grader/python would look for among all interpreters, for a minute; and bytecode that is there (disk.py).
FIRST = """set -e
export PYTHONPYCACHEPREFIX=/{bytecode} CKPTLAB_CHOSEN=/lab/grader::/usr/bin/python3
"""


def lab(folder: Path) -> Path:
    """What git tracks, as it is now, as one file: through 9p, a thousand files take minutes."""
    with tarfile.open(folder / "lab.tar", "w") as tar:
        for path in skeleton.tracked(TOP):
            if not path.parts[0].startswith("stage"):
                tar.add(TOP / path, f"lab/{path}")
    return folder / "lab.tar"


def command(text: str) -> str:
    return FIRST.format(bytecode=disk.BYTECODE) + text


def grade(machine: Machine, stage: int) -> Grade:
    """One stage; the causes of its failures are printed."""
    name = next(TOP.glob(f"solution/stage{stage}-*")).name
    report = machine.host / "result.json"
    report.unlink(missing_ok=True)
    text = f"cd /lab && grader/check --stage {stage} solution/{name} -v --json /host/result.json"
    _, output = machine.run(command(text), LIMIT)
    if not report.exists():
        say(output[-4000:])
        return Grade(0, 1, ("it cannot be graded",))
    found: dict[str, Any] = json.loads(report.read_text())
    failed = tuple(row["test"] for row in found["tests"] if row["outcome"] == "failed")
    if failed or found["points"] != found["maximum"]:
        say(output)
    return Grade(found["points"], found["maximum"], failed)


def try_stages(machine: Machine, stages: list[int]) -> bool:
    lab(machine.host)
    status, output = machine.run(command("tar -C / -xf /host/lab.tar; gcc -dumpfullversion; uname -r"), 300)
    if status != 0:
        raise Hung(f"the lab cannot be unpacked there:\n{output}")
    say(f"arm64: gcc and kernel {' '.join(output.split())}")
    good = True
    for stage in stages:
        started = time.monotonic()
        found = grade(machine, stage)
        good = good and found.points == found.maximum and not found.failed
        say(f"arm64: stage {stage}: {found} ({time.monotonic() - started:.0f} s)")
    return good


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("stages", nargs="*", type=int, metavar="N", choices=[[], *STAGES], help="(none: all)")
    return parser.parse_args()


def main() -> int:
    options = parse_options()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    folder = disk.PLACE / "machine"
    shutil.rmtree(folder / "host", ignore_errors=True)
    (folder / "host").mkdir(parents=True)
    started = time.monotonic()
    try:
        with Machine(folder, folder / "host") as machine:
            say(f"arm64: the machine is there after {time.monotonic() - started:.0f} s")
            return 0 if try_stages(machine, options.stages or STAGES) else 1
    except NotHere as why:
        say(f"arm64: {why}")
        return 0
    except (Hung, subprocess.CalledProcessError) as problem:
        say(str(problem))
        return 1


if __name__ == "__main__":
    sys.exit(main())
