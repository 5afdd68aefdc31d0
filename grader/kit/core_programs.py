"""The programs of real_programs.py once more, restarted from core files that others write, by stage 5.

    core_programs.py            run them all, at one random moment each
    core_programs.py NAME...    run these
    core_programs.py --times N  each at N random moments
    core_programs.py --table    the table in solution/README anew, or only the rows of those that are named

Each runs uninterrupted in one folder, and under libsavefds.so in another. There SIGQUIT makes it write its
`filedescriptors`, and the kernel its core, at a random part of its processor time; nothing runs on after that. Then
`restart -f -n -w --rollback --redirect PROG CORE`; all files and the exit status must be those of the first run.
"""

from __future__ import annotations

import random
import resource
import signal
import subprocess
import sys
from pathlib import Path

from kit import real_programs
from kit.real_programs import PROGRAMS, Failed, Program, Row, Trial, await_event, committed_rows, cpu_seconds
from kit.real_programs import markdown, was_tried, with_kept
from stage.config import TOP
from stage.process import has_signal

STAGE = TOP / "solution" / "stage5-coredump"
HEAD = ["program", "version", "times", "from its core"]
BEGIN, END = "<!-- cores: made by grader/kit/core_programs.py --table -->", "<!-- end of cores -->"
PATTERN = Path("/proc/sys/kernel/core_pattern").read_text().strip()
KERNEL_CORES = "/" not in PATTERN and not PATTERN.startswith("|")
NO_CORES = f"core_pattern is {PATTERN}: the kernel's cores do not come into the program's folder"
FROM_CORES = [program for program in PROGRAMS if not program.refused]


def raise_core_limit() -> None:
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def let_it_dump() -> None:
    """A shell's background jobs ignore SIGQUIT, and so does all that they start."""
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    raise_core_limit()


class CoreTrial(Trial):
    """One program at random moments, each of which is the moment of a core."""

    def save_core(self, share: float) -> Path | None:
        """None: it had ended before."""
        table = self.image.with_name("filedescriptors")
        table.unlink(missing_ok=True)
        settings = {"LD_PRELOAD": str(self.stage / "libsavefds.so"), "SAVEFDS_FILE": str(table)}
        life = real_programs.start(self.first, self.program, self.words, settings=settings, before=let_it_dump)
        try:
            await_event(lambda: life.poll() is not None or has_signal(life.pid, "SigCgt", signal.SIGQUIT), "a handler")
            await_event(lambda: life.poll() is not None or cpu_seconds(life.pid) >= share * self.seconds, "the moment")
            life.send_signal(signal.SIGQUIT)
            status = life.wait(real_programs.LIMIT)
        finally:
            life.kill()
        if status != -signal.SIGQUIT:
            self.check(status)
            return None
        found = sorted(self.first.glob("core*"))
        if not found:
            raise Failed(f"no core file (core_pattern is {PATTERN})")
        if not table.exists():
            raise Failed("a core, but libsavefds.so wrote nothing: the program has its own action for SIGQUIT")
        return found[0].rename(self.image)

    @staticmethod
    def names_the_loss(words: list[str]) -> None:
        """No core has what is in a file without a name: restart must say so."""
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if "not brought back" not in done.stderr or done.returncode == 0:
            raise Failed(f"a deleted file is lost in silence: {done.stderr}")

    def comes_back(self, share: float, *options: str, until: float | None = None) -> bool:
        # Nothing runs on behind a core: `until` is for images.
        self.fresh(self.first)
        core = self.save_core(share)
        if core is None:
            return False
        text = self.image.with_name("filedescriptors")
        words = [str(self.stage / "restart"), f"-f{text}", "-n", "-w", "--rollback", "--redirect", *options]
        if "(deleted;" in text.read_text():
            self.names_the_loss([*words, "--strict", "--dry-run", str(core)])
            return True
        self.check(self.end_of(real_programs.start(self.first, self.program, [*words, self.words[0], str(core)])))
        return True


def cells(row: Row, times: int) -> list[str]:
    """A row of the table. What is known not to come back is not run."""
    program, version, result = row
    return [program.name, version, str(times) if was_tried(result) and not program.core else "-", result]


def result_of(program: Program) -> str:
    """What is to be expected."""
    return program.core or "comes back"


def try_program(program: Program, folder: Path, draw: random.Random, times: int, stage: Path = STAGE) -> None:
    trial = CoreTrial(program, folder, stage)
    for _ in range(times):
        trial.at_random(draw)


def run_one(program: Program, times: int, seed: int) -> str:
    if program.core:
        return result_of(program)
    return real_programs.run_one(program, times, seed, try_program, result_of)


def main() -> int:
    options = real_programs.parse_options("Programs that nobody here wrote, restarted from their core files.", FROM_CORES)
    if not KERNEL_CORES:
        sys.exit(NO_CORES)
    subprocess.run(["make", "-s", "-C", STAGE], check=True, stdout=subprocess.DEVNULL)
    rows = real_programs.run_all(FROM_CORES, options, run_one)
    if options.table:
        made = with_kept([cells(row, options.times) for row in rows], committed_rows(BEGIN, END),
                         [program.name for program in FROM_CORES])
        real_programs.write_table(markdown(HEAD, made), BEGIN, END)
    return real_programs.failed(rows)


if __name__ == "__main__":
    sys.exit(main())
