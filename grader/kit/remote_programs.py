"""The programs of real_programs.py once more, as jobs of ckpt-shadow's: they run on a machine that has none of their files.

    remote_programs.py            run them all
    remote_programs.py NAME...    run these
    remote_programs.py --table    the table in solution/README anew, or only the rows of those that are named

Each runs here in one folder. Then it runs in another folder of the same input as a job: the other machine is a room
of bubblewrap's, with other processes, no network, and nothing but the folder of `restart-static`, /proc, and a decoy in
the place of the program's folder. All files, its output among them, and the exit status must be those of the first run.
"""
from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from kit import real_programs
from kit.real_programs import PROGRAMS, Failed, Program, Trial, committed_rows, markdown, was_tried, with_kept
from stage.config import TOP

STAGE = TOP / "solution" / "stage6-remote"
HEAD = ["program", "version", "as a job whose files are at home"]
BEGIN, END = "<!-- jobs: made by grader/kit/remote_programs.py --table -->", "<!-- end of jobs -->"
ALONE = [program for program in PROGRAMS if not program.refused]  # a job has neither threads nor children
HOUSE = "/restart"  # where the other machine has the stage's folder


def two_machines(stage: Path, decoys: Path, home: Path) -> list[str]:
    """The words before PROG: a job that runs elsewhere, where `decoys` lies in the place of `home`."""
    room = ["bwrap", "--unshare-all", "--die-with-parent", "--proc", "/proc", "--tmpfs", "/tmp", "--ro-bind", str(stage), HOUSE,
            "--ro-bind", str(decoys), str(home), "--chdir", str(home), "--"]
    return [str(stage / "ckpt-shadow"), "-e", " ".join(room), "--restart", f"{HOUSE}/restart-static", "--"]


class RemoteTrial(Trial):
    """One program here, and there."""

    def runs_elsewhere(self) -> None:
        self.fresh(self.first)
        decoys = self.first.with_name("decoys")
        decoys.mkdir()
        for path in self.first.iterdir():
            (decoys / path.name).write_text("a decoy\n")
        words = [*two_machines(self.stage, decoys, self.first), *self.words]
        self.check(self.end_of(real_programs.start(self.first, self.program, words)))


def result_of(_: Program) -> str:
    return "as here"


def try_program(program: Program, folder: Path, _draw: random.Random, _times: int, stage: Path = STAGE) -> None:
    RemoteTrial(program, folder, stage).runs_elsewhere()


def run_one(program: Program, times: int, seed: int) -> str:
    return real_programs.run_one(program, times, seed, try_program, result_of)


def main() -> int:
    options = real_programs.parse_options("Programs that nobody here wrote, as jobs whose files are at home.", ALONE)
    subprocess.run(["make", "-s", "-C", STAGE], check=True, stdout=subprocess.DEVNULL)
    rows = real_programs.run_all(ALONE, options, run_one)
    if options.table:
        good = [[program.name, version, result] for program, version, result in rows if was_tried(result)]
        made = with_kept(good, committed_rows(BEGIN, END), [program.name for program in ALONE])
        real_programs.write_table(markdown(HEAD, made), BEGIN, END)
    return real_programs.failed(rows)


if __name__ == "__main__":
    sys.exit(main())
