"""A folder on this machine where submissions are graded: the keeper, the reference's programs, the programs under test.

It lies under the system's folder for temporary files, since the user that a submission runs as must be able to go
there, and a grader's home is closed to others. Its name is made from a digest of the grader: it is made once, and used
by each later run of the same grader, by all jobs of this machine at once. Paths in it are short: a submission that has
room for a path of 100 bytes must lose the test of long paths, and no other.

    /tmp/ckptlab-0123456789/keeper programs/ given/
                            reference/  programs; build/, the grader's alone; earlier/N/, what `make REFERENCE=1` has
                            j/0/  the folder of the job that has slot 0: tree/, c1/ c2/ c3/ (cases), kept/
                            slots/0  is locked by that job
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from batch import given, removal, users
from batch.users import WorkshopError as WorkshopError  # for those who import it from here
from sandbox import system_v
from sandbox.child import kill_user
from stage.config import GRADER, TOP, Interface, Stage, load_interface
from stage.lab import BuildError, make_reference
from stage.programs import locked, open_lock

SLOTS = 1000

# Below grader/: what no verdict depends on. course.toml is applied to results when reports are made.
NO_VERDICT = {"kit", "build", "doctor", "demo", "course.toml"}


def digest_of(paths: list[Path], base: Path) -> str:
    """SHA-256 of these files' names and contents."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(os.fsencode(f"{os.path.relpath(path, base)}\0{path.stat().st_size}\0"))
        total.update(path.read_bytes())
    return total.hexdigest()


def is_source(path: Path) -> bool:
    """Not what is made of them: it may come and go while a class is graded."""
    written = path.suffix in {".c", ".h", ".S", ".l", ".y", ".tmpl", ".mk", ".ld"} or path.name == "Makefile"
    return written and path.parent.name != "build"


def grader_files() -> list[Path]:
    """All that a verdict depends on: the grader, the reference, and what is given to students."""
    found = [path for path in GRADER.rglob("*") if path.suffix in {".py", ".toml", ".c", ".h", ".S"}]
    found = [path for path in found if not NO_VERDICT & set(path.relative_to(GRADER).parts)]
    interface = load_interface()
    references = [name for names in interface.references().values() for name in names]
    for name in [*references, "solution", *(stage.folder for stage in interface.stages.values())]:
        found += [path for path in (TOP / name).rglob("*") if is_source(path)]
    return sorted({path for path in found if path.is_file()})


def profile_files(interface: Interface) -> list[Path]:
    """What a profile brings with it: itself, its tests, its reference."""
    tests = [stage.tests for stage in interface.stages.values()]
    hidden = [path.with_name(f"hidden_{path.name}") for path in tests]
    references = [name for names in interface.references().values() for name in names]
    sources = [path for name in references for path in (TOP / name).rglob("*") if is_source(path)]
    return sorted({path for path in [interface.path, *tests, *hidden, *sources] if path.is_file()})


def grader_digest(profile: str = "") -> str:
    """Of the lab's grader, or with a profile of that, too."""
    ours = digest_of(grader_files(), TOP)
    if not profile:
        return ours
    theirs = digest_of(profile_files(load_interface(Path(profile))), TOP)
    return hashlib.sha256(f"{ours} {theirs}".encode()).hexdigest()


@dataclass(frozen=True)
class Slot:
    """A job's place: its folder and its user id."""

    number: int
    folder: Path
    uid: Optional[int]


class Workshop:
    """The folder, made when first asked for."""

    def __init__(self, digest: str) -> None:
        self.folder = Path(tempfile.gettempdir(), f"ckptlab-{digest[:10]}" + ("" if os.geteuid() == 0 else f"-{os.geteuid()}"))
        self.keeper = self.folder / "keeper"
        self.programs = self.folder / "programs"
        self.reference = self.folder / "reference"
        self.given = self.folder / "given"  # the kit's skeletons, built

    @staticmethod
    def open(digest: str, interface: Interface) -> Workshop:
        shop = Workshop(digest)
        users.make_our_folder(shop.folder)
        with locked(shop.folder / "lock"):
            if not (shop.folder / "ready").exists():
                shop._fill(interface)
                (shop.folder / "ready").touch()
        return shop

    def _fill(self, interface: Interface) -> None:
        for name in ("programs", "j", "slots"):
            (self.folder / name).mkdir(exist_ok=True)
        self._compile_keeper()
        shutil.rmtree(self.given, ignore_errors=True)
        if not interface.is_profile:  # for others, all is theirs
            self._copy_reference(interface)
            given.build(interface, self.given)

    def _compile_keeper(self) -> None:
        part = self.keeper.with_name(".keeper")
        command = ["cc", "-O2", "-Wall", "-Wextra", str(GRADER / "sandbox" / "keeper.c"), "-o", str(part)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise WorkshopError(f"{' '.join(command)}:\n{done.stderr}")
        part.chmod(0o755)
        part.rename(self.keeper)

    def _copy_reference(self, interface: Interface) -> None:
        """The programs; and objects, with which a fault is found after the verdict. No source, no debugging information."""
        programs = {stage.reference_place: stage.programs for stage in interface.stages.values()}  # the last's have all
        for place, names in interface.references().items():
            source, target = built_reference(interface, names), self.reference / place
            (target / "build").mkdir(parents=True, exist_ok=True)
            for name in programs[place]:
                shutil.copy(source / name, target / name)
            for path in [*source.glob("build/*.o"), *source.glob("*.o")]:
                shutil.copy(path, target / "build" / path.name)
            objects = [str(path) for path in (target / "build").glob("*.o")]
            subprocess.run(["strip", "-g", *objects], check=True)
            (target / "build").chmod(0o700)  # nothing that a submission runs may read them
        for number in interface.stages:
            self._copy_earlier(interface, number)

    def _copy_earlier(self, interface: Interface, number: int) -> None:
        """What `make REFERENCE=1` takes in a stage: the objects of those before it, and none of its own."""
        target = self.reference / "earlier" / str(number)
        target.mkdir(parents=True, exist_ok=True)
        for stage in interface.stages.values():
            for name in sources_of(stage) - sources_of(interface.stages[number]) if stage.number < number else ():
                path = self.reference / stage.reference_place / "build" / f"{name}.o"
                if path.exists():
                    shutil.copy(path, target / path.name)

    @contextlib.contextmanager
    def slot(self, own_uid: bool) -> Iterator[Slot]:
        """A place that no other job of this machine has meanwhile."""
        for number in range(SLOTS):
            with open_lock(self.folder / "slots" / str(number)) as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                with users.one_of_its_own() if own_uid else contextlib.nullcontext() as uid:
                    slot = Slot(number, self.folder / "j" / str(number), uid)
                    if not is_emptied(slot):
                        continue  # what a job has left there costs nobody else anything
                    try:
                        yield slot
                    finally:
                        is_emptied(slot)
                return
        raise WorkshopError(f"{self.folder}: all {SLOTS} places are taken")


def sources_of(stage: Stage) -> set[str]:
    """What a stage has of its own, as the names of objects without .o."""
    return {path.stem for suffix in ("c", "S") for path in (TOP / stage.folder).glob(f"*.{suffix}")}


def is_emptied(slot: Slot) -> bool:
    try:
        empty(slot)
    except OSError as error:
        print(f"grade: {slot.folder} cannot be removed: {error}", file=sys.stderr)
    return not slot.folder.exists()


def empty(slot: Slot) -> None:
    """End what runs there, remove what lies there."""
    kill_user(slot.uid)
    if slot.uid is not None:
        system_v.remove_all(slot.uid)
    removal.remove(slot.folder)


def built_reference(interface: Interface, names: list[str]) -> Path:
    """Where a reference's programs are, built: the first of these folders that is here."""
    for name in names:
        folder = TOP / name
        if (folder / "Makefile").exists():
            try:
                make_reference(interface, folder)
            except BuildError as error:
                raise WorkshopError(f"the reference does not build on this machine:\n{error}") from error
            return folder
    raise WorkshopError(f"no reference in {' or '.join(names)} under {TOP}")
