"""What of a stage is the kit's and what a student's, and where in an unpacked submission the stages are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Optional

from batch.notes import Notes, printable, some
from batch.unpack import PASSED_OVER
from stage import config

STAGE_FOLDER = re.compile(r"stage[-_ ]?(\d+)(?:\D.*)?", re.I)
DEEPEST = 16
KITS_OWN = {"grader", "reference", "solution", "BACKGROUND"}  # a student may have packed the whole hand-out

# The files of one stage, by their names below its folder.
Files = dict[str, Path]


@dataclass(frozen=True)
class Kit:
    """The kit's stages, and the table [submission] of lab.toml."""

    stages: dict[int, config.Stage]
    files: dict[int, Files]  # the skeletons'
    sources: list[str]  # patterns: what students write
    always: list[str]  # patterns: what is the kit's even if it is one of those

    @staticmethod
    def load(interface: Optional[config.Interface] = None, top: Path = config.TOP) -> Kit:
        """The lab's, or that of a profile: then all that was handed in is the student's."""
        interface = interface or config.load_interface()
        table = config.load_toml(interface.path).get("submission", {})
        stages = interface.stages
        files = {number: {} if interface.is_profile else _skeleton(top / stage.folder) for number, stage in stages.items()}
        return Kit(stages, files, table.get("sources", ["*.c", "*.h", "*.S"]), table.get("kit", []))

    def is_source(self, name: str) -> bool:
        """Whether a student's file of that name is used."""
        return _matches(name, self.sources) and not _matches(name, self.always)

    def has_skeleton(self, stage: int) -> bool:
        """If not, all of that stage is the student's: other courses' programs are like that."""
        return bool(self.files[stage])

    @property
    def has_skeletons(self) -> bool:
        return any(self.files.values())

    def number_of(self, folder: str) -> Optional[int]:
        """The stage that a folder's name says it is."""
        for number, stage in self.stages.items():
            if folder == stage.folder:
                return number
        match = STAGE_FOLDER.fullmatch(folder)
        return int(match[1]) if match and int(match[1]) in self.stages else None

    def owners(self, name: str) -> list[int]:
        """The stages that have a source of that name."""
        return [number for number, files in self.files.items() if name in files and self.is_source(name)]


def _matches(name: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(name.rsplit("/", 1)[-1], pattern) for pattern in patterns)


def is_binary(data: bytes) -> bool:
    """Programs, objects, archives and images have a zero byte; text has none."""
    return b"\0" in data or data.startswith(b"!<arch>\n")


def _skeleton(folder: Path) -> Files:
    """The text files of a stage of the kit; what was built in it does not count."""
    return {name: path for name, path in files_below(folder).items() if not is_binary(path.read_bytes())}


def walk(top: Path, depth: int = DEEPEST) -> Iterator[Path]:
    """All folders, the upper ones first, in order of their names; links are not followed."""
    level = [top]
    for _ in range(depth):
        yield from level
        level = [path for folder in level for path in subfolders(folder)]


def subfolders(folder: Path) -> list[Path]:
    return [path for path in _listed(folder) if path.is_dir() and not path.is_symlink()]


def files_in(folder: Path) -> list[Path]:
    return [path for path in _listed(folder) if path.is_file() and not path.is_symlink()]


def _listed(folder: Path) -> list[Path]:
    """What is in a folder, but for what is hidden or was built."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:  # gone, or not to be read: copying it will say so
        return []
    return [folder / name for name in names if name[0] != "." and name not in PASSED_OVER]


def files_below(folder: Path, without: frozenset[Path] = frozenset()) -> Files:
    """The files of a folder and of its subfolders, by their names below it."""
    found = {path.name: path for path in files_in(folder)}
    for sub in subfolders(folder):
        if sub not in without:
            found.update({f"{sub.name}/{name}": path for name, path in files_below(sub, without).items()})
    return found


def find(top: Path, kit: Kit, notes: Notes) -> dict[int, Files]:
    """The stages in an unpacked submission.

    A folder called stageN-... is stage N if there are sources in it; the uppermost counts. For a
    stage that has no such folder, a folder counts that holds files which only this stage has.
    """
    named = _named(top, kit, notes)
    claimed = frozenset(named.values())
    found = {stage: files_below(folder, claimed) for stage, folder in named.items()}
    kits = KITS_OWN if kit.has_skeletons else set()
    for folder in walk(top):
        is_kits = kits & set(folder.relative_to(top).parts)
        if not is_kits and not any(folder == other or other in folder.parents for other in claimed):
            for stage, files in _recognised(folder, kit, notes).items():
                found.setdefault(stage, files)
    return dict(sorted(found.items()))


def is_submission(top: Path, kit: Kit) -> bool:
    """Whether the stages of one submission are right here, or sources of a stage."""
    here = [folder for folder in subfolders(top) if kit.number_of(folder.name) is not None]
    if any(_has_files_of(folder, kit.number_of(folder.name) or 0, kit) for folder in here):
        return True
    if not kit.has_skeletons:  # any source could be some student's
        return (top / "Makefile").is_file()
    return bool(_recognised(top, kit, Notes()))


def _named(top: Path, kit: Kit, notes: Notes) -> dict[int, Path]:
    found: dict[int, Path] = {}
    for folder in sorted(walk(top), key=lambda path: _preference(path, top, kit)):
        stage = kit.number_of(folder.name) if folder != top else None
        if stage is None or not _has_files_of(folder, stage, kit):
            continue
        if stage in found:
            here, there = (printable(str(path.relative_to(top))) for path in (folder, found[stage]))
            notes.add(f"{here}: not taken: {there} is stage {stage}")
        else:
            found[stage] = folder
    return found


def _preference(folder: Path, top: Path, kit: Kit) -> tuple[int, bool, str]:
    """Upper folders first, of these those with the very name, then in order of their names."""
    exact = folder.name in {stage.folder for stage in kit.stages.values()}
    return len(folder.relative_to(top).parts), not exact, str(folder)


def _has_files_of(folder: Path, stage: int, kit: Kit) -> bool:
    return any(kit.is_source(path.name) or path.name in kit.files[stage] for path in files_in(folder))


def _recognised(folder: Path, kit: Kit, notes: Notes) -> dict[int, Files]:
    """The stages whose files are in a folder of another name, by names that one stage alone has."""
    here = {path.name: path for path in files_in(folder)}
    own = {name: kit.owners(name) for name in here}
    stages = sorted({owners[0] for owners in own.values() if len(owners) == 1})
    if not stages:
        return _unknown(folder, kit, here)
    if len(stages) == 1:
        taken = {name for name, owners in own.items() if not owners or stages[0] in owners}
        return {stages[0]: {name: here[name] for name in taken}}
    unclear = [name for name, owners in own.items() if len(owners) > 1]
    if unclear:
        notes.add(f"{some(unclear)}: of which stage cannot be told: the skeleton's was used")
    found = {stage: {name: here[name] for name, owners in own.items() if owners == [stage]} for stage in stages}
    found[stages[-1]].update({name: here[name] for name, owners in own.items() if not owners})
    return found


def _unknown(folder: Path, kit: Kit, here: Files) -> dict[int, Files]:
    """A stage of which the kit has nothing is where a Makefile or a source is."""
    stages = [stage for stage in kit.stages if not kit.has_skeleton(stage)]
    if any(name == "Makefile" or kit.is_source(name) for name in here):
        return {stage: files_below(folder) for stage in stages}
    return {}
