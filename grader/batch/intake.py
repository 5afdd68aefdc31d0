"""What is in the folder of submissions: one Submission per student.

    look(place, scratch)        a folder, or the one archive that a course platform made of it
    find_submissions(folder)    the submissions alone

It may hold, also mixed: archives and folders, one per student; folders with what `make handin` packs; the
downloads of Gradescope, Moodle, Canvas and Brightspace (naming.py, metadata.py). Nothing is unpacked but the download
itself, and nothing is believed: unpack.py and prepare.py look into what students made.

Of several archives of one student the newest counts: by Canvas' number, else by the time of the file. Archives
of single stages (handin-stage1.tar.gz) count besides, in order of the stages, unless a whole one is newer.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Optional

from batch import metadata, naming, stages
from batch.naming import Named
from batch.notes import Notes, printable, some
from batch.stages import Kit
from batch.unpack import PASSED_OVER, Limits, Refused, unpack
from reports.lateness import MARKED
from reports.tries import MARK

# For the download of a whole class. It was made by the platform, so this is against accidents.
CLASS = Limits(files=1_000_000, mebibytes=32 << 10, depth=32)
PEOPLE = "people.csv"  # a list of the course, if it lies there
DEEPEST = 4  # folders between a student's folder and the archive in it


class IntakeError(Exception):
    """Why there is nothing to grade; the words are for people."""


@dataclass(frozen=True)
class Submission:
    """What one student (or one group) handed in."""

    name: str  # unique in the class, fit for a file name
    student: str  # for people; `; ` between those of a group
    student_id: str  # as the platform has it, "" if it has none; a group's as in `student`
    paths: tuple[Path, ...]  # archives, folders or files, to be laid over one another in this order
    source: str  # what they are called, below the folder of submissions
    submitted: str = ""  # ISO 8601, without an offset if it is of the course's zone; "" if nobody knows
    notes: tuple[str, ...] = ()
    also: tuple[str, ...] = ()  # what else the platform calls the student: e-mails

    @property
    def path(self) -> Path:
        """The first of them; mostly there is one."""
        return self.paths[0]


@dataclass(frozen=True)
class Intake:
    """All that was found."""

    submissions: list[Submission]
    ignored: list[str]  # "NAME: why", of what is no submission
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Piece:
    """One archive, folder or file of a student."""

    path: Path
    label: str  # its name below the folder of submissions
    file: str  # as the student called it
    number: int = 0
    submitted: str = ""

    @property
    def is_solid(self) -> bool:
        """Whether it can hold a whole stage."""
        return self.path.is_dir() or naming.is_archive(self.file)

    @property
    def stage(self) -> Optional[int]:
        """The stage that it holds alone."""
        return None if self.path.is_dir() else naming.stage_of(naming.without_ending(self.file))

    @property
    def age(self) -> tuple[int, int, str]:
        """The newer, the larger."""
        return self.number, self.path.stat().st_mtime_ns, self.label


@dataclass
class _Person:
    """A student while the folder is looked through."""

    student: str
    student_id: str
    submitted: str = ""
    also: tuple[str, ...] = ()
    pieces: list[Piece] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)


def find_submissions(folder: Path) -> list[Submission]:
    """One per student, in order of their names."""
    return look(folder).submissions


def look(place: Path, scratch: Optional[Path] = None, kit: Optional[Kit] = None, every: bool = False) -> Intake:
    """Looks through a folder of submissions. A file is a platform's download: it is unpacked below scratch. With `every`
    those before the last one of a student are submissions, too: NAME~1, ..."""
    kit = kit or Kit.load()
    notes: list[str] = []
    top = place
    if place.is_file():
        top = _download(place, scratch, notes)
        inside = stages.subfolders(top)
        one = len(inside) == 1 and stages.is_submission(inside[0], kit)
    elif place.is_dir():
        one = False
    else:
        raise IntakeError(f"{place}: no such file or folder")
    if one or stages.is_submission(top, kit):
        return _one(place, notes)
    intake = _Looking(_unwrapped(top, kit), kit, every).run()
    if not intake.submissions:
        held = f"; it holds {some([line.split(':')[0] for line in intake.ignored])}" if intake.ignored else ""
        raise IntakeError(f"{place}: there are no submissions in it{held}")
    return replace(intake, notes=[*notes, *intake.notes])


def _download(place: Path, scratch: Optional[Path], notes: list[str]) -> Path:
    if scratch is None:
        raise IntakeError(f"{place}: a file; there is no folder to unpack it in")
    top = scratch / "download"
    shutil.rmtree(top, ignore_errors=True)  # of a run that was stopped
    try:
        notes += unpack(place, top, CLASS, strict=False)
    except Refused as why:
        raise IntakeError(f"{place}: {why}") from why
    return top


def _one(place: Path, notes: list[str]) -> Intake:
    """The place is no folder of submissions but one itself."""
    student = naming.of_nobody(place.resolve().name).student or "student"
    one = Submission(naming.slug(student) or "student", student, "", (place,), place.name)
    return Intake([one], [], [*notes, f"{place.name} is one submission, and graded as such"])


def _unwrapped(top: Path, kit: Kit) -> Path:
    """The folder in which the submissions are: a download may have one folder around them."""
    inside = stages.subfolders(top)
    if len(inside) != 1 or (top / metadata.FILE).exists() or any(map(_is_solid_file, stages.files_in(top))):
        return top
    if stages.is_submission(inside[0], kit):
        return top
    archives = [path for path in stages.files_in(inside[0]) if _is_solid_file(path)]
    names = [path.name for path in [*stages.subfolders(inside[0]), *archives]]
    platform = (inside[0] / metadata.FILE).exists() or any(naming.of_platform(name) for name in names)
    students = {naming.of_nobody(name).student for name in names} - {""}
    return _unwrapped(inside[0], kit) if platform or len(students) > 1 else top


def _is_solid_file(path: Path) -> bool:
    return naming.is_archive(path.name)


class _Looking:
    """One look through a folder of submissions."""

    def __init__(self, top: Path, kit: Kit, every: bool = False) -> None:
        self.top, self.kit, self.every = top, kit, every
        self.people: dict[tuple[str, ...], _Person] = {}
        self.ignored: list[str] = []
        self.notes: list[str] = []

    def run(self) -> Intake:
        entries = self._metadata()
        for path in sorted(self.top.iterdir()):
            if path.name not in (metadata.FILE, PEOPLE):
                self._look_at(path, entries.pop(path.name, None))
        for name, entry in entries.items():
            self._ignore(name, f"{entry.student} handed it in, says {metadata.FILE}, but it is not there")
        return Intake(self._submissions(), self.ignored, self.notes)

    def _metadata(self) -> dict[str, metadata.Entry]:
        if not (self.top / metadata.FILE).exists():
            return {}
        try:
            return metadata.read(self.top / metadata.FILE)
        except metadata.BadMetadata as error:
            self.notes.append(f"{error}: submissions are called after their folders")
            return {}

    def _ignore(self, name: str, why: str) -> None:
        self.ignored.append(f"{printable(name)}: {printable(why)}")

    def _look_at(self, path: Path, entry: Optional[metadata.Entry]) -> None:
        """One file or folder, and what is known of it."""
        if path.name[0] == "." or path.name in PASSED_OVER:
            self._ignore(path.name, "no submission")
        elif path.is_symlink():
            self._ignore(path.name, "a link: links are not followed")
        elif entry is not None:
            person = _Person(entry.student, entry.student_id, entry.submitted, entry.also)
            self._add(("Gradescope", path.name), person, path, Named("", file=path.name))
        else:
            self._look_at_name(path, naming.of_platform(path.name))

    def _look_at_name(self, path: Path, named: Optional[Named]) -> None:
        if named and named.is_text:
            self._ignore(path.name, f"typed into {named.platform}'s page, no file")
        elif named:
            key = (named.platform, named.student_id or named.person or named.student)
            self._add(key, _Person(named.student, named.student_id), path, named)
        elif path.is_dir() or naming.is_archive(path.name):
            named = naming.of_nobody(path.name)
            student = named.student or naming.without_ending(path.name)
            self._add(("", student), _Person(student, ""), path, named)
        else:
            self._ignore(path.name, "neither an archive nor a folder")

    def _add(self, key: tuple[str, ...], new: _Person, path: Path, named: Named) -> None:
        person = self.people.setdefault(key, new)
        if named.late:
            person.notes.add(f"{named.platform} {MARKED}")
        person.submitted = max(person.submitted, named.submitted)
        if path.is_dir():
            inside = self._look_in(path, person.notes)
            person.pieces += [replace(piece, number=named.number, submitted=named.submitted) for piece in inside]
        else:
            person.pieces.append(Piece(path, path.name, named.file or path.name, named.number, named.submitted))

    def _look_in(self, folder: Path, notes: Notes) -> list[Piece]:
        """A student's folder: the stages are in it, or archives are."""
        archives = self._archives_in(folder)
        if not stages.find(folder, self.kit, Notes()) and archives:
            return archives
        for piece in archives:
            notes.add(f"{printable(piece.label)}: not graded: the sources that lie beside it are")
        return [Piece(folder, folder.name, folder.name)]

    def _archives_in(self, folder: Path) -> list[Piece]:
        """The archives that lie uppermost."""
        for sub in stages.walk(folder, DEEPEST):
            found = [path for path in stages.files_in(sub) if naming.is_archive(path.name)]
            if found:
                return [Piece(path, str(path.relative_to(self.top)), path.name) for path in found]
        return []

    def _submissions(self) -> list[Submission]:
        people = sorted(self.people.values(), key=lambda p: (p.student.lower(), p.student, p.student_id))
        names = naming.unique_names([(person.student, person.student_id) for person in people])
        made = [one for name, person in zip(names, people) for one in _submissions(name, person, self.every)]
        return sorted(made, key=lambda submission: (submission.name.lower(), submission.name))


def _submissions(name: str, person: _Person, every: bool) -> list[Submission]:
    """The one that counts; before it, if every one is asked for, those that were whole and are older."""
    whole = sorted((piece for piece in person.pieces if piece.is_solid and piece.stage is None), key=_age)
    old = [Submission(f"{name}{MARK}{number}", person.student, person.student_id, (piece.path,), piece.label,
                      piece.submitted, (), person.also) for number, piece in enumerate(whole[:-1], 1)]
    return [*(old if every else []), _submission(name, person, whole[:-1] if every else [])]


def _submission(name: str, person: _Person, old: list[Piece]) -> Submission:
    pieces = choose(person.pieces, person.notes, old)
    return Submission(name, person.student, person.student_id, tuple(piece.path for piece in pieces),
                      ", ".join(piece.label for piece in pieces), person.submitted, tuple(person.notes.lines()), person.also)


def choose(pieces: list[Piece], notes: Notes, old: Sequence[Piece] = ()) -> list[Piece]:
    """Which of a student's pieces count, in the order in which they are laid over one another; `old` ones are graded alone."""
    solid = [piece for piece in pieces if piece.is_solid]
    if not solid:
        return sorted(pieces, key=lambda piece: piece.label)  # single sources: they are laid side by side
    whole = max((piece for piece in solid if piece.stage is None), key=_age, default=None)
    chosen = [whole] if whole else []
    for stage in sorted({piece.stage for piece in solid if piece.stage is not None}):
        newest = max((piece for piece in solid if piece.stage == stage), key=_age)
        if whole is None or newest.age[:2] >= whole.age[:2]:
            chosen.append(newest)
    for piece in pieces:
        if piece in old:
            notes.add(f"{printable(piece.label)}: an earlier submission, graded by itself")
        elif piece not in chosen:
            newer = next((other for other in chosen if other.stage in (None, piece.stage)), chosen[0])
            why = f"{newer.label} is newer" if piece.is_solid else "it is no archive"
            notes.add(f"{printable(piece.label)}: not graded: {printable(why)}")
    return chosen


def _age(piece: Piece) -> tuple[int, int, str]:
    return piece.age
