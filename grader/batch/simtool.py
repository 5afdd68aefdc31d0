"""Runs sim_c, of Debian's similarity-tester: what part of each student's code is also in another's.

sim_c compares tokens: names, numbers, strings, comments and layout do not matter. Its time grows with the third
power of the number of files in one run, so the class is compared in blocks.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

TOOL = "sim_c"
BLOCK = 40
LIMIT = 600  # seconds for one run
RUN = 16  # tokens in a row that count as common

PERCENT = re.compile(r"(\d+)\.c consists for (\d+) % of (\d+)\.c material")
UNREAD = re.compile(r"^File .*>>>>.*", re.MULTILINE)
SIZE = re.compile(r"File (\d+)\.c: (\d+) tokens?,")


class ToolError(Exception):
    """Why there is no comparison."""


def check_tool() -> None:
    if shutil.which(TOOL) is None:
        raise ToolError(f"not tried here: {TOOL} is not installed (apt install similarity-tester)")


def sim_c(arguments: Sequence[str], folder: Path, names: Iterable[str] = ()) -> str:
    """What sim_c prints; the names of files go to its standard input."""
    command = [TOOL, *arguments]
    try:
        done = subprocess.run(
            command, cwd=folder, input="".join(f"{name}\n" for name in names), capture_output=True, text=True,
            errors="replace", timeout=LIMIT, check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{TOOL} took longer than {LIMIT} s") from error
    if done.returncode != 0 or done.stderr.strip():
        raise ToolError(f"{' '.join(command)}: exit status {done.returncode}: {done.stderr.strip()[:500]}")
    unread = UNREAD.search(done.stdout)  # its exit status does not tell
    if unread:
        raise ToolError(f"{TOOL}: {unread[0]}")
    return done.stdout


@dataclass
class Comparison:
    """Texts by number: how many tokens each has, and the percentage of one that is also in another."""

    tokens: dict[int, int] = field(default_factory=dict)
    percent: dict[tuple[int, int], int] = field(default_factory=dict)

    def read(self, output: str) -> None:
        for line in output.split("\n"):
            size = SIZE.match(line)
            if size:
                self.tokens[int(size[1])] = int(size[2])
            match = PERCENT.match(line)
            if match and match[1] != match[3]:
                self.percent[int(match[1]), int(match[3])] = int(match[2])


def blocks_of(numbers: Sequence[int]) -> list[Sequence[int]]:
    return [numbers[i : i + BLOCK] for i in range(0, len(numbers), BLOCK)]


def compare(texts: Sequence[str], new: int, folder: Path, jobs: int = 0) -> Comparison:
    """Each of the first `new` texts with all others, both ways. `folder` is scratch."""
    folder.mkdir(parents=True)
    for number, text in enumerate(texts):
        (folder / f"{number}.c").write_text(text, encoding="ascii")
    ours, theirs = blocks_of(range(new)), blocks_of(range(new, len(texts)))
    pairs = [(a, b) for a in [*ours, *theirs] for b in [*ours, *theirs] if a in ours or b in ours]

    def run(pair: tuple[Sequence[int], Sequence[int]]) -> str:
        names = [*(f"{n}.c" for n in pair[0]), "/", *(f"{n}.c" for n in pair[1])]
        return sim_c(["-p", "-S", "-e", "-t", "1", "-r", str(RUN), "-i"], folder, names)

    comparison = Comparison()
    with ThreadPoolExecutor(jobs or len(os.sched_getaffinity(0))) as pool:
        for output in pool.map(run, pairs):
            comparison.read(output)
    return comparison
