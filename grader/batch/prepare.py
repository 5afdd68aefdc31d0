"""Lays out the tree of one submission that is built and graded: the student's sources, all else the kit's.

    prepared = prepare(submission, tree)        raises unpack.Refused if there is nothing to grade

What a student's file becomes, by its name (stages.Kit, the table [submission] of lab.toml):

    a source            taken, given or not: changed headers are the student's business
    a file of the kit   not taken; a note, if it differs. So a Makefile cannot build anything else
    a binary            not taken, with a note: what is graded was built from its sources
    anything else       not taken, with one note for all

Every file of the kit's stages that is not taken comes from its skeleton, so a student may hand in what
they wrote and no more. An earlier stage that was not handed in is all skeleton, and not in `stages`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from batch import blobs, intake, makevars, naming, stages
from batch.intake import Piece, Submission
from batch.notes import Notes, printable, some
from batch.stages import Files, Kit
from batch.unpack import Limits, Refused, copy_folder, unpack

# Make and a shell read the names of sources, and the kit's Makefiles list them with wildcards.
SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"(?:[^"\n]*/)?([^"/\n]+)"', re.M)
MOST_BINARIES = 10  # that are named
MOST_SUSPECTS = 20
TODO = re.compile(r"\bTODO \d+\.\d+:")


@dataclass(frozen=True)
class Prepared:
    """A tree that is ready to be built."""

    tree: Path
    stages: dict[int, Path]  # those that were handed in, and where they are in the tree
    notes: list[str]  # what was left out or replaced, one line each
    variables: list[str]  # for make: NAME=VALUE
    digest: str  # SHA-256 of the sources and variables, in whatever archive they came
    suspects: list[str]  # for staff: sources that hold bytes rather than code


@dataclass
class _HandedIn:
    """What is used of a submission."""

    files: dict[int, Files] = field(default_factory=dict)  # all files, by stage
    sources: dict[int, dict[str, bytes]] = field(default_factory=dict)  # those that are taken
    variables: dict[str, str] = field(default_factory=dict)
    notes: Notes = field(default_factory=Notes)


def prepare(submission: Submission, tree: Path, limits: Limits = Limits(), kit: Optional[Kit] = None) -> Prepared:
    """Makes the folder `tree`. If it raises anything, there is no such folder."""
    kit = kit or Kit.load()
    tree.mkdir(parents=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{tree.name}-", dir=tree.parent))
    try:
        handed = _HandedIn()
        handed.notes.extend(list(submission.notes))
        _open(submission, scratch, limits, handed, kit)
        for stage in handed.files:
            _choose(stage, handed, kit)
        _note_unused(handed, kit)
        _write(tree, handed, kit)
    except BaseException:
        shutil.rmtree(tree, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    present = {stage: tree / kit.stages[stage].folder for stage in sorted(handed.files)}
    return Prepared(tree, present, handed.notes.lines(), makevars.words(handed.variables), _digest(handed, kit),
                    _suspects(handed, kit))


# Unpacking


def _open(submission: Submission, scratch: Path, limits: Limits, handed: _HandedIn, kit: Kit) -> None:
    """Unpacks all paths, one over the other, and finds the stages in them."""
    held: list[str] = []
    loose = [path for path in submission.paths if not path.is_dir() and not naming.is_archive(path.name)]
    solid = [path for path in submission.paths if path not in loose]
    if loose:
        solid.append(_side_by_side(loose, scratch / "loose", limits))
    for number, path in enumerate(solid):
        for folder in _unpacked(path, scratch / str(number), limits, handed.notes, kit):
            _take_in(folder, handed, kit)
            held += [found.name for found in [*stages.subfolders(folder), *stages.files_in(folder)]]
    if not handed.files:
        empty = sorted({name for name in held if kit.number_of(name) is not None})
        if empty and kit.has_skeletons:
            raise Refused(f"{some(empty)}: there is no source file in it; programs and object files are not used, "
                          "so hand in what `make handin` packs")
        folders = ", ".join(stage.folder for stage in kit.stages.values())
        wanted = f"stage in it ({folders})" if kit.has_skeletons else "Makefile and no source in it"
        raise Refused(f"there is no {wanted}; it holds {some(held) or 'nothing'}")


def _side_by_side(files: list[Path], folder: Path, limits: Limits) -> Path:
    """Single files, as they were called before a platform renamed them."""
    folder.mkdir()
    for path in files:
        name = naming.original(path.name)
        if SAFE.fullmatch(name) and path.is_file() and path.stat().st_size <= limits.size:
            shutil.copyfile(path, folder / name, follow_symlinks=False)
    return folder


def _unpacked(path: Path, target: Path, limits: Limits, notes: Notes, kit: Kit) -> list[Path]:
    """The folders with what is in a path. If it holds no stage but archives, these are unpacked, too."""
    notes.extend(copy_folder(path, target, limits) if path.is_dir() else unpack(path, target, limits))
    if stages.find(target, kit, Notes()):
        return [target]
    pieces = [Piece(file, name, file.name) for name, file in stages.files_below(target).items()
              if naming.is_archive(name)]
    folders = []
    for number, piece in enumerate(intake.choose(pieces, notes) if pieces else []):
        folders.append(target.with_name(f"{target.name}-{number}"))
        notes.extend(unpack(piece.path, folders[-1], limits))
    return folders or [target]


def _take_in(folder: Path, handed: _HandedIn, kit: Kit) -> None:
    for stage, files in stages.find(folder, kit, handed.notes).items():
        handed.files.setdefault(stage, {}).update(files)
    for inside in [folder, *stages.subfolders(folder)] if kit.has_skeletons else []:
        handed.variables.update(makevars.wanted(inside, handed.notes))


# Choosing


def _choose(stage: int, handed: _HandedIn, kit: Kit) -> None:
    """Which of a stage's files are used, and what is to be said of the others."""
    folder = kit.stages[stage].folder
    taken = handed.sources.setdefault(stage, {})
    others: list[str] = []
    binaries: list[str] = []
    for name, path in sorted(handed.files[stage].items()):
        data = path.read_bytes()
        given = kit.files[stage].get(name)
        if stages.is_binary(data):
            binaries.append(name)
        elif not _is_fit(name, {*taken, *kit.files[stage]}):
            handed.notes.add(f"{folder}/{printable(name)}: left out: no name for a source")
        elif kit.is_source(name) or not kit.has_skeleton(stage):
            taken[name] = data
        elif given is None:
            others.append(name)
        elif data != given.read_bytes():
            handed.notes.add(f"{folder}/{name}: differs from the kit's: the kit's was used")
    for name in binaries[:MOST_BINARIES]:
        handed.notes.add(f"{folder}/{printable(name)}: not text: thrown away")
    if binaries[MOST_BINARIES:]:
        handed.notes.add(f"{folder}: {len(binaries) - MOST_BINARIES} more that are not text: thrown away")
    if others:
        handed.notes.add(f"{folder}: left out, no sources: {some(others)}")


def _is_fit(name: str, files: set[str]) -> bool:
    """Whether a file may be called that, and does not lie in a folder that is called like a file."""
    *folders, _ = Path(name).parents
    return all(map(SAFE.fullmatch, Path(name).parts)) and files.isdisjoint(map(str, folders))


def _note_unused(handed: _HandedIn, kit: Kit) -> None:
    """New files that the kit's Makefiles do not build are used only if another includes them."""
    texts = [data.decode(errors="replace") for sources in handed.sources.values() for data in sources.values()]
    included = {name for text in texts for name in INCLUDE.findall(text)}
    rules = "".join(files["Makefile"].read_text() for files in kit.files.values() if "Makefile" in files)
    for stage, sources in handed.sources.items():
        for name in sorted(set(sources) - set(kit.files[stage])) if kit.has_skeleton(stage) else []:
            path = Path(name)
            built = re.search(rf"(?<![\w.]){re.escape(path.stem)}\.o(?!\w)", rules) and "/" not in name
            if path.suffix != ".h" and path.name not in included and not built:
                handed.notes.add(f"{kit.stages[stage].folder}/{name}: in no rule of the kit's Makefile, and in no "
                                 "#include: #include it, or put its code into a given file")


def _suspects(handed: _HandedIn, kit: Kit) -> list[str]:
    """Of what is not the kit's own text."""
    lines: list[str] = []
    for stage, sources in sorted(handed.sources.items()):
        own = {name: data for name, data in sources.items() if not _is_given(kit.files[stage].get(name), data)}
        lines += blobs.suspects(kit.stages[stage].folder, own)
    return lines[:MOST_SUSPECTS]


def _is_given(given: Optional[Path], data: bytes) -> bool:
    return given is not None and given.read_bytes() == data


def _digest(handed: _HandedIn, kit: Kit) -> str:
    digest = hashlib.sha256("\n".join(makevars.words(handed.variables)).encode())
    for stage, sources in sorted(handed.sources.items()):
        for name, data in sorted(sources.items()):
            digest.update(os.fsencode(f"\0{kit.stages[stage].folder}/{name}\0{len(data)}\0") + data)
    return digest.hexdigest()


# Writing


def _write(tree: Path, handed: _HandedIn, kit: Kit) -> None:
    for stage in sorted(kit.stages):
        if stage > max(handed.files):
            break
        folder = kit.stages[stage].folder
        if stage not in handed.files:
            handed.notes.add(f"{folder}: not handed in: the skeleton is in its place")
        for name, path in kit.files[stage].items():
            if name not in handed.sources.get(stage, {}):
                _write_given(tree / folder / name, path, stage, handed)
        for name, data in handed.sources.get(stage, {}).items():
            _write_file(tree / folder / name, data, 0o755 if data.startswith(b"#!") else 0o644)
    _same_time(tree)


def _write_given(target: Path, skeleton: Path, stage: int, handed: _HandedIn) -> None:
    data = skeleton.read_bytes()
    if stage in handed.files and TODO.search(data.decode(errors="replace")):
        handed.notes.add(f"{target.parent.name}/{target.name}: not handed in: the skeleton's was used")
    _write_file(target, data, 0o755 if os.access(skeleton, os.X_OK) else 0o644)


def _write_file(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)


def _same_time(tree: Path) -> None:
    """All as old as each other, so that make takes nothing for up to date; and to be read by any user."""
    now = time.time()
    for path in [*tree.rglob("*"), tree]:
        if path.is_dir():
            path.chmod(0o755)
        os.utime(path, (now, now))
