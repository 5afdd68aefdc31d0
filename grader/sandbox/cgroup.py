"""A control group of its own for a job (cgroups(7), version 2), where this user may make one: memory of every kind counts.

Tried, never guessed: a group is made beside or below this process's own, must have both controllers, take the limits, and
take a process. Nothing is changed for other groups; so on many machines there is none, and memory is looked at.
"""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from sandbox.spec import Limits

OWN_PROCESSES = 16  # of the sandbox: bubblewrap's and the keepers
REMOVAL = 5.0  # seconds until the last process has left


class NoGroup(Exception):
    """Why a job has none of its own."""


def hierarchy() -> Path:
    """Where version 2 is mounted."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place, _, kind = line.partition(" - ")
        if kind.startswith("cgroup2 "):
            return Path(place.split()[4])
    raise NoGroup("no cgroups of version 2 are mounted")


def parents(top: Path) -> list[Path]:
    """Where one might be made: below this process's group, beside it, and for root at the top."""
    line = next((line for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::")), "0::/")
    own = top / line[3:].strip("/")
    return list(dict.fromkeys([own, *([own.parent] if own != top else []), *([top] if os.geteuid() == 0 else [])]))


def command(group: str, words: Sequence[str]) -> list[str]:
    """The command, run in the group from its first moment."""
    return ["/bin/sh", "-c", 'echo 0 >"$0/cgroup.procs" && exec "$@"', group, *words] if group else list(words)


def _try(folder: Path, limits: Limits, more: int) -> None:
    """Raises OSError at the first thing that does not work."""
    folder.mkdir()
    for name in ("memory.max", "pids.max"):
        if not (folder / name).exists():
            raise OSError(errno.ENOTSUP, f"it has no {name}")
    (folder / "memory.max").write_text(str(limits.memory + more))
    (folder / "pids.max").write_text(str(limits.processes + OWN_PROCESSES))
    swap = folder / "memory.swap.max"
    if swap.exists():
        swap.write_text("0")
    subprocess.run(command(str(folder), ["/bin/true"]), check=True, capture_output=True)


def remove(folder: Path) -> None:
    """With all that runs in it. What cannot be removed is left: an empty group costs nothing."""
    with contextlib.suppress(OSError), (folder / "cgroup.kill").open("r+") as kill:
        kill.write("1")
    end = time.monotonic() + REMOVAL
    while folder.exists() and time.monotonic() < end:
        try:
            folder.rmdir()
        except OSError:
            time.sleep(0.02)


def make(name: str, limits: Limits, more: int) -> Path:
    """`more`: bytes beyond the limit of memory, for files that are in memory, too."""
    reasons = []
    for parent in parents(hierarchy()):
        folder = parent / name
        remove(folder)  # of a job that was killed; the place is ours alone
        try:
            _try(folder, limits, more)
        except (OSError, subprocess.SubprocessError) as error:
            reasons.append(f"{parent}: {getattr(error, 'strerror', None) or 'takes no process'}")
            remove(folder)
        else:
            return folder
    raise NoGroup("; ".join(reasons))


@contextlib.contextmanager
def of_its_own(name: str, limits: Limits, more: int) -> Iterator[tuple[str, str]]:
    """Its folder, or "" and why there is none."""
    try:
        folder = make(name, limits, more)
    except NoGroup as why:
        yield "", str(why)
        return
    try:
        yield str(folder), ""
    finally:
        remove(folder)


def killed(group: str) -> int:
    """How many of its processes the kernel ended for want of memory."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path(group, "memory.events").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def memory(group: str) -> int:
    """Bytes, of every kind."""
    return int(Path(group, "memory.current").read_text())
