"""What course platforms call the files and folders of their downloads, and what we call a submission.

Moodle (mod/assign/classes/downloader.php), in folders or, with that preference off, flat:

    First Last_12345_assignsubmission_file/NAME         (before Moodle 4.1: ..._file_/NAME)
    First Last_12345_assignsubmission_file_NAME
    Group 7_42_assignsubmission_file/NAME               Participant_12345_... when marked blindly

Canvas (lib/content_zipper.rb): the name without blanks and in lower case, the user, the attachment:

    lastfirst_67_890_NAME      lastfirst_LATE_67_890_NAME      anon_x7Yz2_890_NAME

Brightspace (what D2L's download of an assignment holds, as those write who sort it): two numbers, the name, the local time
without a colon, and in the flat form the file; index.html beside them is a list:

    397063-2557369 - Mary-Ann Smith - Sep 24, 2024 926 PM/NAME
    397063-2557369 - Mary-Ann Smith - Sep 24, 2024 926 PM - NAME

`make handin` packs ckptlab-handin.tar.gz, or ckptlab-handin-stageN.tar.gz.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Optional

# What unpack.py can unpack, and what it refuses with a clear reason: both were meant as a submission.
ARCHIVES = (".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tar", ".zip",
            ".7z", ".rar", ".tar.zst", ".gz", ".xz")

MOODLE = re.compile(r"(?P<name>.+?)(?:_(?P<id>\d+))?_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<file>.*))?")
CANVAS = re.compile(r"(?:(?P<name>(?!LATE_)\w+?)_)?(?:(?P<late>LATE)_)?(?P<id>\d+|anon_[A-Za-z0-9]+)"
                    r"_(?P<number>\d+)_(?P<file>.+)")
BRIGHTSPACE = re.compile(r"(?P<id>\d+)-\d+ ?- ?(?P<name>.+?) ?- ?(?P<date>[A-Z][a-z]{2,8} \d{1,2}, \d{4}) "
                         r"(?P<hour>\d{1,2}?)(?P<minute>\d\d) (?P<half>[AP]M)(?: ?- ?(?P<file>.+))?")
HANDIN = re.compile(r"(?P<before>.*?)[-_ ]*(?:ckptlab[-_ ]?)?handin(?:-?stage\d+)?"
                    r"(?:-\d+| ?\(\d+\))?(?P<after>.*)", re.I)
STAGE = re.compile(r"stage[-_ ]?(\d+)(?!\d)", re.I)
LONGEST = 60


@dataclass(frozen=True)
class Named:
    """What the name of a file or folder says of who handed it in."""

    student: str  # "" if it does not say
    student_id: str = ""
    file: str = ""  # as the student called it
    number: int = 0  # grows from one submission to the next, where the platform has such a number
    late: bool = False
    platform: str = ""
    is_text: bool = False  # typed into the platform's page: no file
    submitted: str = ""  # ISO 8601, in the course's zone
    person: str = ""  # what tells this student from others, if it is no id that people know


def is_archive(name: str) -> bool:
    return name.lower().endswith(ARCHIVES)


def without_ending(name: str) -> str:
    ending = max((e for e in ARCHIVES if name.lower().endswith(e)), key=len, default="")
    return name[: len(name) - len(ending)]


def stage_of(name: str) -> Optional[int]:
    """The stage that an archive's name names."""
    match = STAGE.search(name)
    return int(match[1]) if match else None


def of_moodle(name: str) -> Optional[Named]:
    match = MOODLE.fullmatch(name)
    if not match:
        return None
    return Named(match["name"], match["id"] or "", match["file"] or "", platform="Moodle",
                 is_text=match["kind"] != "file")


def of_canvas(name: str) -> Optional[Named]:
    match = CANVAS.fullmatch(name)
    if not match:
        return None
    return Named(match["name"] or match["id"], match["id"], match["file"], int(match["number"]),
                 bool(match["late"]), "Canvas")


def of_brightspace(name: str) -> Optional[Named]:
    match = BRIGHTSPACE.fullmatch(name)
    if not match:
        return None
    words = f"{match['date'][:3]} {match['date'].partition(' ')[2]} {match['hour'] or 12}:{match['minute']} {match['half']}"
    try:
        moment = datetime.strptime(words, "%b %d, %Y %I:%M %p")
    except ValueError:
        return None
    return Named(match["name"], "", match["file"] or "", int(moment.strftime("%Y%m%d%H%M")), platform="Brightspace",
                 submitted=moment.isoformat(), person=f"{match['id']} {match['name']}")


def of_platform(name: str) -> Optional[Named]:
    return of_moodle(name) or of_canvas(name) or of_brightspace(name)


def of_nobody(name: str) -> Named:
    """Without a platform: the archive or folder is called after the student, unless only `make handin` named it."""
    stem = without_ending(name)
    match = HANDIN.fullmatch(stem)
    return Named((match["before"] or match["after"]).strip("-_ ") if match else stem, file=name)


def original(name: str) -> str:
    """What a student called a file, before a platform put more in front of it."""
    named = of_platform(name)
    return named.file if named and named.file else name


def slug(text: str) -> str:
    """A text as a file name: letters, digits and `. _ -`; may be empty, if none of it can be kept."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._")[:LONGEST].rstrip("-._")


def unique_names(people: list[tuple[str, str]]) -> list[str]:
    """A name for each (student, id). Those that would be the same get the id, or else a number, behind them.

    Two names that differ in upper and lower case only count as the same.
    """
    plain = [slug(student) or slug(student_id) or "student" for student, student_id in people]
    lower = [name.lower() for name in plain]
    names: list[str] = []
    taken: set[str] = set()
    for name, (_, student_id) in zip(plain, people):
        if lower.count(name.lower()) > 1 and slug(student_id):
            name = f"{name}-{slug(student_id)}"
        number, free = 1, name
        while free.lower() in taken:
            number += 1
            free = f"{name}-{number}"
        taken.add(free.lower())
        names.append(free)
    return names
