"""Programs that nobody here wrote, as jobs of ckpt-shadow's: they run on a machine that has none of their files.

    remote_programs.py            run them all
    remote_programs.py NAME...    run these
    remote_programs.py --table    the table in solution/README anew, or only the rows of those that are named

They are those of real_programs.toml, which compute, and those of remote_programs.toml, which make calls of many kinds.
Each runs here in a folder. Then it runs in a folder of the same name and input as a job: the other machine is a room of
bubblewrap's, with other processes, no network, and nothing but the folder of `restart-static`, /proc, /dev, and decoys in
the place of the program's files. All files with their modes, links, the output and the exit status must be those of
the first run, and so must the standard error, without the lines that the stage says.
"""

from __future__ import annotations

import functools
import random
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from kit import real_programs
from kit.real_programs import PROGRAMS, Failed, Program, Row, Trial, committed_rows, markdown, not_tried, was_tried, with_kept
from stage import config
from stage.config import TOP

STAGE = TOP / "solution" / "stage6-remote"
HEAD = ["program", "version", "what it did", "as a job whose files are at home"]
BEGIN, END = "<!-- jobs: made by grader/kit/remote_programs.py --table -->", "<!-- end of jobs -->"
CALLING = [Program(**row) for row in config.load_toml(Path(__file__).with_suffix(".toml"))["program"]]
JOBS = [*(program for program in PROGRAMS if not program.refused), *CALLING]  # a job has neither threads nor children
HOUSE = "/restart"  # where the other machine has the stage's folder
ROOM = ["bwrap", "--unshare-all", "--die-with-parent", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
OURS = (b"system call ", b"ckpt-shadow: ")


@functools.lru_cache(maxsize=1)
def why_no_machine() -> str:
    """Why bubblewrap cannot make another machine here; nothing if it can."""
    if shutil.which("bwrap") is None:
        return not_tried("bwrap (package bubblewrap)")
    done = subprocess.run([*ROOM, "--ro-bind", "/", "/home", "true"], capture_output=True, text=True, check=False)
    return "" if "execvp" in done.stderr else f"not tried here: bwrap can make no machine: {done.stderr.strip()}"


def two_machines(stage: Path, home: Path, decoys: Path, *options: str, ways: int = 1, places: Sequence[str] = ()) -> list[str]:
    """The words before PROG: a job that runs elsewhere, where `decoys` lies in the place of `home`. So many ways lead to
    such a machine; `places` are more words for bubblewrap."""
    room = [*ROOM, "--ro-bind", str(stage), HOUSE, *places, "--bind", str(decoys), str(home), "--chdir", str(home), "--"]
    return [str(stage / "ckpt-shadow"), *["-e", shlex.join(room)] * ways, "--restart", f"{HOUSE}/restart-static", *options, "--"]


def said(path: Path) -> list[bytes]:
    """What a program said, without the stage's own words."""
    return [line for line in path.read_bytes().splitlines() if not line.startswith(OURS)]


class RemoteTrial(Trial):
    """One program here, and there."""

    def run_whole(self, folder: Path) -> tuple[int, float]:
        """Under the name where the job will run: it may be in the output."""
        self.fresh(self.first)
        ended = super().run_whole(self.first)
        shutil.rmtree(folder)
        self.first.rename(folder)
        return ended

    def runs_elsewhere(self) -> None:
        self.fresh(self.first)
        decoys = self.first.with_name("decoys")
        decoys.mkdir()
        for path in self.whole.iterdir():
            (decoys / path.name).write_text("a decoy\n")
        allow = ["--allow", self.program.allow] if self.program.allow else []
        words = [*two_machines(self.stage, self.first, decoys, *allow), *self.words]
        status = self.end_of(real_programs.start(self.first, self.program, words))
        if any(path.read_bytes() != b"a decoy\n" for path in decoys.iterdir()):
            raise Failed("it wrote where it runs")
        if self.program.job:
            self.says(status, self.program.job)
        else:
            self.check(status)
            self.check_errors()

    def says(self, status: int, words: str) -> None:
        if status == 0 or words not in self.stderr():
            raise Failed(f"exit status {status}, and it did not say {words!r}: {self.stderr()[-500:]}")

    def check_errors(self) -> None:
        if "stderr" not in self.program.unlike and said(self.first / "stderr") != said(self.whole / "stderr"):
            raise Failed(f"it said something else: {self.stderr()[-500:]}")


def result_of(program: Program) -> str:
    """What is to be expected."""
    if not program.job or not was_tried(program.job):
        return program.job or "as here"
    return f"refused: {program.job}"


def cells(row: Row) -> list[str]:
    program, version, result = row
    return [program.name, version, program.does, result]


def try_program(program: Program, folder: Path, _draw: random.Random, _times: int, stage: Path = STAGE) -> None:
    RemoteTrial(program, folder, stage).runs_elsewhere()


def run_one(program: Program, times: int, seed: int) -> str:
    if not was_tried(program.job):
        return program.job
    return real_programs.run_one(program, times, seed, try_program, result_of)


def main() -> int:
    options = real_programs.parse_options("Programs that nobody here wrote, as jobs whose files are at home.", JOBS)
    if why_no_machine():
        sys.exit(why_no_machine())
    subprocess.run(["make", "-s", "-C", STAGE], check=True, stdout=subprocess.DEVNULL)
    rows = real_programs.run_all(JOBS, options, run_one)
    if options.table:
        made = with_kept([cells(row) for row in rows], committed_rows(BEGIN, END), [program.name for program in JOBS])
        real_programs.write_table(markdown(HEAD, made), BEGIN, END)
    return real_programs.failed(rows)


if __name__ == "__main__":
    sys.exit(main())
