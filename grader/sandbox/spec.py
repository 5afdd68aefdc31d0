"""What a sandbox is made of: its tier, its user, its folders and limits; a file of it goes to each grading process."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Optional

from stage.runner import Place

# The tiers, the best first.
BUBBLEWRAP = "bubblewrap"  # namespaces, made by the unprivileged user that the code runs as
BUBBLEWRAP_BY_ROOT = "bubblewrap by root"  # namespaces, made by root, where other users may not
OWN_UID = "own uid"  # no namespaces: a user id of its own, limits, a filter of system calls
NONE = "none"  # only if told so: --unsafe

WORDS = {
    BUBBLEWRAP: "bubblewrap: its own namespaces (files, processes, network), limits, a filter of system calls",
    BUBBLEWRAP_BY_ROOT: "bubblewrap, started by root since users may make no namespaces here: its own namespaces "
    "(files, processes, network), limits, a filter of system calls",
    OWN_UID: "no namespaces here: limits, no_new_privs, a filter of system calls (no network); "
    "it can read what all users of this machine can read",
    NONE: "NONE: the submission's code runs with all of your rights (--unsafe)",
}

MIB = 1 << 20
SHARED = ("/dev/shm", "/tmp", "/var/tmp")  # where everybody may write, if there are no namespaces


@dataclass(frozen=True)
class Limits:
    """What a job may use. Beyond memory, disk, processes and output it is ended, and the report says why."""

    memory: int = 1536 * MIB  # bytes in memory, all processes together
    disk: int = 1024 * MIB  # bytes on disk, all files together
    files: int = 20_000  # of any size, folders too
    processes: int = 64
    output: int = 16 * MIB  # bytes of one program's output
    file: int = 8192 * MIB  # the size of one file, which may have holes: an image of 4.4 GiB is one of the tests
    cpu: int = 300  # seconds of one process
    scratch: int = 64 * MIB  # of /tmp, which is in memory


@dataclass(frozen=True)
class Spec:
    """One job's sandbox."""

    tier: str
    uid: Optional[int]  # the job's own user id; None: that of the grader
    keeper: str  # the program of keeper.c
    job: str  # the job's folder: all that the submission may write is below it
    programs: str  # the programs under test
    reference: str  # the reference's programs
    repeat: str = ""  # the command that grades this submission again, for people; a test's name comes behind it
    limits: Limits = field(default_factory=Limits)
    own_files: bool = False  # the job's folder is a file system of its own, as large as it may become
    group: str = ""  # the folder of the job's control group
    unwalled: str = ""  # what limits are not walls here but looked at, and why

    def place(self) -> Place:
        return Place(self.job, self.programs, self.reference, self.repeat)

    def words(self) -> str:
        """For reports."""
        whose = f"; user id {self.uid} of its own" if self.uid is not None else ""
        return WORDS[self.tier] + whose + self.walls()

    def walls(self) -> str:
        """Which limits the kernel holds, and which are looked at."""
        walls = ["files on a file system of their own"] * self.own_files + ["memory in a control group"] * bool(self.group)
        held = f"; limits: {' and '.join(walls)}" if walls else ""
        return held + (f"; only looked at, ten times a second: {self.unwalled}" if self.unwalled else "")

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    @staticmethod
    def load(path: Path) -> Spec:
        table = json.loads(path.read_text())
        limits = Limits(**table.pop("limits"))
        return Spec(**table, limits=limits)
