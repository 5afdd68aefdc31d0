"""The walls around a job's place: what the kernel counts for all its programs together, as far as this machine allows.

What no wall holds is looked at, ten times a second (watch.py); which of the two it is stands in each result.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sandbox import cgroup, own_files
from sandbox.spec import Limits


class Walls(NamedTuple):
    """The last fields of a Spec, in their order."""

    own_files: bool
    group: str
    unwalled: str


@contextlib.contextmanager
def around(folder: Path, limits: Limits) -> Iterator[Walls]:
    """Makes the place of a job, with `kept` in it, and gives what stands around it."""
    kept = folder / "kept"
    folder.mkdir(mode=0o711)
    kept.mkdir(mode=0o711)
    name = f"{folder.parent.parent.name}-{folder.name}"
    with own_files.of_its_own(folder, kept, limits) as no_files:
        more = 0 if no_files else limits.disk + own_files.SPARE
        with cgroup.of_its_own(name, limits, more) as (group, no_group):
            looked_at = [f"files ({no_files})"] * bool(no_files) + [f"memory ({no_group})"] * bool(no_group)
            yield Walls(not no_files, group, "; ".join(looked_at))


def tried(folder: Path, limits: Limits) -> Walls:
    """What there will be for a job. In a process of its own, since a namespace is not left again."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        with around(folder, limits) as held:
            os.write(theirs, "\0".join(map(str, held)).encode())
        os._exit(0)
    os.close(theirs)
    with open(ours, encoding="utf-8") as file:
        own, group, why = (file.read().split("\0") + ["", "", ""])[:3]
    os.waitpid(pid, 0)
    return Walls(own == "True", group, why)
