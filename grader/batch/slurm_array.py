"""One Slurm job array: the jobs in it, the script that runs them, and the note by which a later run finds it.

The array has a name that nobody else has. The note is written before the array is submitted, so there is no
moment in which an array is in the queue and nobody knows it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from batch.engines import Job

NOTE = "array.json"
SCRIPT = "array.sh"
LOGS = "log"

# What of the submitting shell's environment a task finds in its own: these, and what is the grader's, but for
# what is this engine's. Of Slurm's it finds where it runs.
KEPT = ("PATH", "HOME", "LANG", "LC_ALL")
GRADERS = "CKPTLAB_"
ENGINES = ("CKPTLAB_SBATCH", "CKPTLAB_ARRAY")

MARGIN = 60  # seconds that Slurm's own limit is above that of the script

# The list of jobs is in the script itself, for Slurm brings that to the node: a file that was written a moment
# ago may not be seen there yet.
TASK = """\
#!/bin/sh
# Grades one submission: the one that SLURM_ARRAY_TASK_ID says. Written by grader/batch/slurm_array.py.

case $SLURM_ARRAY_TASK_ID in
{cases}
*) echo "there is no task $SLURM_ARRAY_TASK_ID" >&2; exit 64 ;;
esac
limit=$1 result=$2
shift 2

# It may have been started again after its result was there: a node was lost, or seemed so.
[ -e "$result" ] && exit 0

# slurmd's own limit may be `unlimited`, and with that Linux lays out memory differently.
ulimit -S -s 8192

echo "== $(date) on $SLURMD_NODENAME, job $SLURM_JOB_ID"
env -i {environment} "SLURMD_NODENAME=$SLURMD_NODENAME" "SLURM_JOB_ID=$SLURM_JOB_ID" \\
    timeout --verbose --kill-after=10 "$limit" "$@"
status=$?
[ $status = 124 ] && echo "ended after $limit seconds, the time limit"
echo "== exit status $status"
exit $status
"""


@dataclass(frozen=True)
class Array:
    """A job array; a task's index is the place of its job in the list."""

    name: str
    jobs: Sequence[Job]

    @property
    def minutes(self) -> int:
        """The time limit for Slurm, which knows whole minutes, and one for the array."""
        return int(-(-(max(job.limit for job in self.jobs) + MARGIN) // 60))


def new_array(jobs: Sequence[Job]) -> Array:
    return Array(f"ckptlab-{uuid.uuid4().hex[:12]}", jobs)


def write_note(array: Array, folder: Path) -> None:
    rows = [{**dataclasses.asdict(job), "result": str(job.result)} for job in array.jobs]
    table = {"name": array.name, "jobs": rows}
    partial = folder / f".{NOTE}"
    partial.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / NOTE)


def read_note(folder: Path) -> Array | None:
    """The array that an earlier run noted. A note that cannot be read is none."""
    try:
        table = json.loads((folder / NOTE).read_text(encoding="utf-8"))
        jobs = [Job(row["name"], row["command"], Path(row["result"]), row["limit"]) for row in table["jobs"]]
        return Array(table["name"], jobs)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """What of the submitting shell's environment the tasks get."""
    return {name: value for name, value in given.items()
            if name in KEPT or (name.startswith(GRADERS) and name not in ENGINES)}


def script(array: Array) -> str:
    """The text for sbatch."""
    cases = [f"{index}) set -- {shlex.join([f'{job.limit:g}', str(job.result), *job.command])} ;;"
             for index, job in enumerate(array.jobs)]
    words = [f"{name}={shlex.quote(value)}" for name, value in environment(os.environ).items()]
    return TASK.format(cases="\n".join(cases), environment=" ".join(words))


def log_of(folder: Path, array: Array, index: int) -> Path:
    """What the task printed, in all of its lives."""
    return folder / LOGS / f"{array.name}-{index}"
