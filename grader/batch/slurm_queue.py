"""What this grader asks of Slurm: to submit an array, to say what became of its tasks, to cancel.

Only sbatch, squeue, scancel and scontrol are used. There may be no accounting database, so nothing is asked
of sacct; Slurm forgets a task some minutes after its end (MinJobAge).
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from batch.engines import EngineError
from batch.slurm_array import LOGS, Array

COMMAND_LIMIT = 60.0  # seconds for one command; they have shorter limits of their own
PAUSE = 2.0  # before a command is tried again
QUIET = 30.0  # seconds of silence before the user is told; at the start, before it is given up

# The states after which a task is not run any more. All others are taken for alive, unknown ones too.
ENDED = {"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED",
         "REVOKED", "TIMEOUT"}

# Why a task waits that Slurm will never start, however long one waits with it.
HOPELESS = {"AccountNotAllowed", "AssocMaxWallDurationPerJobLimit", "BadConstraints", "InvalidAccount",
            "InvalidQOS", "PartitionNodeLimit", "PartitionTimeLimit", "QOSMaxWallDurationPerJobLimit",
            "QOSNotAllowed"}

# Settings of a user's shell that would hide tasks from us, or make a command ask or wait.
MISLEADING = re.compile("SQUEUE_|SCANCEL_|SBATCH_WAIT$|SBATCH_GET_USER_ENV$")

FORMAT = "%A|%F|%K|%T|%N|%M|%r"


@dataclass(frozen=True)
class Task:
    """A task of an array, as squeue shows it."""

    job: str  # its own job id
    array: str  # the array's job id
    index: int
    state: str
    node: str
    seconds: float
    reason: str

    @property
    def alive(self) -> bool:
        """Whether it runs, or will without anybody's help."""
        return self.state not in ENDED and not self.held

    @property
    def held(self) -> bool:
        """Slurm could not start it, and waits for an administrator to say that it should be tried again."""
        words = self.reason.replace("_", " ").lower()
        return words == "jobholdmaxrequeue" or ("launch failed" in words and "held" in words)


def _seconds(text: str) -> float:
    """From [[days-]hours:]minutes:seconds, as squeue writes it; 0 if it says something else."""
    match = re.fullmatch(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)", text)
    if not match:
        return 0.0
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def parse(text: str) -> list[Task]:
    """Lines of FORMAT. What is no task of an array is passed over."""
    tasks = []
    for line in text.splitlines():
        fields = line.split("|", 6)
        if len(fields) == 7 and fields[2].isdigit():
            job, array, index, state, node, elapsed, reason = fields
            tasks.append(Task(job, array, int(index), state, node, _seconds(elapsed), reason))
    return tasks


def _call(command: Sequence[str]) -> tuple[bool, str]:
    """Runs a command of Slurm's: whether it worked, and its output or its complaint."""
    environment = {name: value for name, value in os.environ.items() if not MISLEADING.match(name)}
    try:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=COMMAND_LIMIT, start_new_session=True)
    except FileNotFoundError:
        why = f"{command[0]} is not installed here; grader/dependencies, [slurm], says what is needed"
        raise EngineError(why) from None
    except subprocess.TimeoutExpired:
        return False, f"no answer within {COMMAND_LIMIT:g} seconds"
    return done.returncode == 0, done.stdout if done.returncode == 0 else done.stderr.strip()


class Queue:
    """Slurm's queue. A controller that answered once and is silent then is waited for, `patience` seconds."""

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self.heard = False

    def largest_array(self) -> int:
        """How many tasks an array may have; at the same time the first question of all."""
        match = re.search(r"^MaxArraySize\s*=\s*(\d+)", self._ask(["scontrol", "show", "config"]), re.MULTILINE)
        size = int(match[1]) if match else 0
        if size < 2:
            raise EngineError(f"this Slurm allows no job arrays (MaxArraySize is {size})")
        return size

    def tasks(self, array: Array) -> list[Task]:
        """What Slurm knows of an array's tasks, also of those that ended a short time ago."""
        return parse(self._ask(["squeue", "--noheader", "--array", "--states=all", f"--name={array.name}",
                                f"--format={FORMAT}"]))

    def submit(self, array: Array, width: int, folder: Path, script: Path) -> None:
        """Once, also if the answer to a submission gets lost."""
        command = ["sbatch", *_extra(), *_options(array, width, folder), str(script)]
        complaint = ""
        for _ in range(2):
            worked, complaint = _call(command)
            if worked or self.tasks(array):
                return
        raise EngineError(f"Slurm does not take the jobs: {complaint}\n"
                          "CKPTLAB_SBATCH holds options for sbatch: a partition, an account (grader/batch/README)")

    def set_width(self, tasks: Sequence[Task], width: int) -> None:
        """If nothing waits any more there is nothing to set, so a refusal is no trouble."""
        if tasks:
            _call(["scontrol", "update", f"JobId={tasks[0].array}", f"ArrayTaskThrottle={width}"])

    def cancel(self, array: Array) -> None:
        self._ask(["scancel", "--quiet", f"--name={array.name}"])

    def cancel_task(self, task: Task) -> None:
        self._ask(["scancel", "--quiet", f"{task.array}_{task.index}"])

    def _ask(self, command: Sequence[str]) -> str:
        """The output of a command that fails only if the controller does not answer."""
        start, told = time.monotonic(), False
        patience = self.patience if self.heard else min(self.patience, QUIET)
        while True:
            worked, text = _call(command)
            if worked:
                self.heard = True
                return text
            silent = time.monotonic() - start
            if silent >= patience:
                raise EngineError(f"Slurm has not answered for {silent:.0f} seconds: {text}\n"
                                  "What is in its queue goes on; the same command again gathers the results")
            if silent > QUIET and not told:
                print(f"slurm: no answer, trying on: {text}", file=sys.stderr, flush=True)
                told = True
            time.sleep(min(PAUSE, patience))


def _extra() -> list[str]:
    """Options for sbatch that the user gives."""
    try:
        return shlex.split(os.environ.get("CKPTLAB_SBATCH", ""))
    except ValueError as error:
        raise EngineError(f"CKPTLAB_SBATCH: {error}") from None


def _options(array: Array, width: int, folder: Path) -> list[str]:
    logs = str(folder / LOGS).replace("%", "%%")
    return [
        "--parsable", f"--job-name={array.name}", f"--array=0-{len(array.jobs) - 1}%{width}",
        f"--time={array.minutes}", "--nodes=1", "--ntasks=1", "--requeue", "--export=ALL", "--propagate=NONE",
        "--open-mode=append", f"--output={logs}/{array.name}-%a", f"--chdir={folder}",
    ]
