"""Whether a job of ckpt-shadow's runs where it should: not here, and not on its own.

Who runs the program beside its files has all lines right: they are home's files. So a job that waits is looked at from
outside: ckpt-shadow is still that, restart --remote is at work, and home's files are open in ckpt-shadow alone.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Optional

from stage import maps
from stage.failure import Failure
from stage.genuine import executes
from stage.process import open_numbers
from stage.process_table import descendants, processes


def _has_open(pid: int, file: Path) -> bool:
    wanted = file.stat()
    with contextlib.suppress(OSError):
        for number in open_numbers(pid):
            with contextlib.suppress(OSError):
                found = os.stat(f"/proc/{pid}/fd/{number}")
                if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
                    return True
    return False


def _runs(pids: Iterable[int], program: Path) -> bool:
    """Whether its code is there; a file that is read alone is not."""
    return any(region.name == str(program) and "x" in region.perms for pid in pids for region in maps.regions_of(pid))


def doubt(pid: int, shadow: Path, keeper: Path, program: Path, files: Sequence[Path] = ()) -> Optional[Failure]:
    """What is wrong with a job that waits, and has these files of home's open. `keeper`: restart --remote."""
    everybody = {pid, *descendants(processes(), {pid})}
    shadows = {one for one in everybody if executes(one, shadow)}
    if pid not in shadows or _runs(shadows, program):
        return Failure("ckpt-shadow itself became the job: it runs at home", "genuine: at home")
    if not any(executes(one, keeper) for one in everybody - {pid}):
        return Failure("no restart --remote is at work, and the job runs: at home, that is", "genuine: at home")
    for file in filter(Path.exists, files):
        if not any(_has_open(one, file) for one in shadows):
            return Failure(f"the job has {file.name} open, and ckpt-shadow has not", "genuine: at home")
        if any(_has_open(one, file) for one in everybody - shadows):
            return Failure(f"the job itself has opened {file.name}, which is home's", "genuine: at home")
    return None
