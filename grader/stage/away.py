"""Whether a job of ckpt-shadow's runs where it should: not here, and not on its own.

Who runs the program beside its files has all lines right: they are home's files. So a job that waits is looked at from
outside: ckpt-shadow is still that, nobody executes the program's file, restart --remote has its code and its nonces in
memory, and home's files are open in ckpt-shadow alone.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Optional

from stage import genuine, maps
from stage.failure import Failure
from stage.genuine import executes
from stage.oracle import Oracle, text_of
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


def _memory(pid: int, rights: str) -> Iterator[bytes]:
    """What its regions with these rights hold, each up to MOST."""
    opened = genuine.seen(pid, lambda: open(f"/proc/{pid}/mem", "rb", 0))
    if opened is None:
        return
    with contextlib.suppress(OSError), opened as memory:
        for region in maps.regions_of(pid):
            if rights in region.perms and not region.name.startswith("[v"):
                with contextlib.suppress(OSError, OverflowError):
                    memory.seek(region.start)
                    yield memory.read(min(region.end - region.start, genuine.MOST))


def _has_code(pid: int, program: Path) -> bool:
    """Most of it: a job's own calls may have been changed."""
    for wanted in genuine.code_of(program):
        places = range(0, len(wanted.data) - len(wanted.data) % maps.PAGE, maps.PAGE) or [0]
        pages = [wanted.data[at : at + maps.PAGE] for at in places]
        for found in _memory(pid, "x"):
            same = sum(found[at : at + len(page)] == page for at, page in zip(places, pages))
            if same > len(pages) / 2:
                return True
    return False


def _has_nonces(pid: int, lines: Sequence[str]) -> bool:
    """As they are after these lines."""
    oracle = Oracle(lines[0])
    oracle.lines([text_of(line) for line in lines[1:]])
    wanted = {struct.pack("=Q", nonce) for nonce in oracle.nonces}
    for memory in _memory(pid, "w"):
        wanted = {nonce for nonce in wanted if nonce not in memory}
    return not wanted


def _runs(pids: Iterable[int], program: Path) -> bool:
    """Whether its code is there; a file that is read alone is not."""
    return any(region.name == str(program) and "x" in region.perms for pid in pids for region in maps.regions_of(pid))


def doubt(pid: int, shadow: Path, keeper: Path, program: Path, files: Sequence[Path] = (),
          lines: Sequence[str] = ()) -> Optional[Failure]:
    """What is wrong with a job that waits, has said these lines, and has these files of home's open. `keeper`: restart --remote."""
    try:
        return _doubt(pid, shadow, keeper, program, files, lines)
    except genuine.Hides as failure:
        return failure


def _doubt(pid: int, shadow: Path, keeper: Path, program: Path, files: Sequence[Path], lines: Sequence[str]) -> Optional[Failure]:
    everybody = {pid, *descendants(processes(), {pid})}
    shadows = {one for one in everybody if executes(one, shadow)}
    if any(genuine.hides(one) for one in everybody):
        return genuine.Hides("a process of the job's")
    if pid not in shadows or _runs(shadows, program):
        return Failure("ckpt-shadow itself became the job: it runs at home", "genuine: at home")
    keepers = {one for one in everybody - {pid} if executes(one, keeper)}
    if not keepers:
        return Failure("no restart --remote is at work, and the job runs: at home, that is", "genuine: at home")
    if _runs(everybody - keepers, program):
        return Failure("a process executes the program's file: it runs at home", "genuine: at home")
    if not any(_has_code(one, program) and (not lines or _has_nonces(one, lines)) for one in keepers):
        return Failure("restart --remote does not have the job's memory: something else is the job", "genuine: at home")
    for file in filter(Path.exists, files):
        if not any(_has_open(one, file) for one in shadows):
            return Failure(f"the job has {file.name} open, and ckpt-shadow has not", "genuine: at home")
        if any(_has_open(one, file) for one in everybody - shadows):
            return Failure(f"the job itself has opened {file.name}, which is home's", "genuine: at home")
    return None
