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
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kit.arm64 import disk, lab
from kit.arm64.machine import Hung, Machine
from kit.systems import STAGES, TOP, Grade, NotHere, say

LIMIT = 3600  # seconds for one stage; only reached when something is broken
# What grader/python would look for among all interpreters, for a minute; bytecode that is there (disk.py); and patience.
FIRST = """set -e
export PYTHONPYCACHEPREFIX=/{bytecode} CKPTLAB_CHOSEN=/lab/grader::/usr/bin/python3 CKPTLAB_PATIENCE={patience}
"""
# Seconds that two processes take to say a word to each other, and back, 2,000 times. This is what a computed processor is
# slowest at, and what a job of stage 6 does at each call.
TALK = """
import os, time
(hear, say), (answer_heard, answer) = os.pipe(), os.pipe()
if os.fork() == 0:
    os.close(say)
    while os.read(hear, 1):
        os.write(answer, b".")
    os._exit(0)
begun = time.perf_counter()
for _ in range(2000):
    os.write(say, b".")
    os.read(answer_heard, 1)
print(time.perf_counter() - begun)
"""
WORDS = 500_000  # in the grader's 10 s, on a processor that is there: 20 us each


def patience(machine: Machine) -> int:
    """How long the grader should wait for an event there: by what was measured, now, on a host as busy as it is."""
    status, said = machine.run(f"python3 - <<'END'\n{TALK}\nEND", 300)
    if status != 0:
        raise Hung(f"the machine's speed cannot be measured:\n{said}")
    return max(10, round(float(said) / 2000 * WORDS))


def command(text: str, seconds: int) -> str:
    return FIRST.format(bytecode=disk.BYTECODE, patience=seconds) + text


def grade(machine: Machine, stage: int, seconds: int) -> Grade:
    """One stage; what its grader says is printed, as it comes. It waits so many seconds for an event."""
    name = next(TOP.glob(f"solution/stage{stage}-*")).name
    report = machine.host / "result.json"
    report.unlink(missing_ok=True)
    # Built before: the grader's own limit for that is meant for a processor that is there.
    text = f"cd /lab && make -s -C solution/{name} && grader/check --stage {stage} solution/{name} -v --json /host/result.json"
    machine.run(command(text, seconds), LIMIT, lambda more: print(more, end="", flush=True))
    if not report.exists():
        return Grade(0, 1, ("it cannot be graded",))
    found: dict[str, Any] = json.loads(report.read_text())
    failed = tuple(row["test"] for row in found["tests"] if row["outcome"] == "failed")
    return Grade(found["points"], found["maximum"], failed)


def try_stages(machine: Machine, stages: list[int]) -> bool:
    seconds = patience(machine)
    versions = machine.run("gcc -dumpfullversion; uname -r", 300)[1].split()
    say(f"arm64: gcc and kernel {' '.join(versions)}; {seconds} s for what takes at most 10 s on a processor that is there")
    good = True
    for stage in stages:
        started = time.monotonic()
        found = grade(machine, stage, seconds)
        good = good and found.points == found.maximum and not found.failed
        say(f"arm64: stage {stage}: {found} ({time.monotonic() - started:.0f} s)")
    return good


def try_all(folder: Path, stages: list[int]) -> bool:
    started = time.monotonic()
    with lab.there(folder, stages, tests=True, limit=300) as machine:
        say(f"arm64: the machine is there, with the lab, after {time.monotonic() - started:.0f} s")
        return try_stages(machine, stages)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("stages", nargs="*", type=int, metavar="N", choices=[[], *STAGES], help="(none: all)")
    return parser.parse_args()


def with_machine(work: Callable[[Path], bool]) -> int:
    """The exit status of what is done there, in a folder for it; 0 also where there can be no machine."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the machine is ended first
    try:
        disk.get()
        with tempfile.TemporaryDirectory() as name:
            return 0 if work(Path(name)) else 1
    except NotHere as why:
        say(f"arm64: {why}")
        return 0
    except (Hung, subprocess.CalledProcessError) as problem:
        say(str(problem))
        return 1


def main() -> int:
    options = parse_options()
    return with_machine(lambda folder: try_all(folder, options.stages or STAGES))


if __name__ == "__main__":
    sys.exit(main())
