"""The list of a course as a CSV: who is in it, by which names and numbers, and, if it says so, when each handed in.

Any of these, as the course system writes it, with commas, semicolons or tabs, with a byte order mark or without:

    Moodle        the grading worksheet of the assignment: Identifier, Full name, ..., Last modified (submission)
                  (mod/assign/feedback/offline/importgradeslib.php, which reads it again)
    Canvas        the exported gradebook: Student, ID, SIS User ID, SIS Login ID, Section (lib/gradebook_importer.rb)
    Brightspace   exported grades: OrgDefinedId, Username, ..., End-of-Line Indicator
                  (community.d2l.com, Brightspace knowledge base, Importing grades)
    by hand       name or id or email, and submitted: 2026-10-05 23:59:00, with an offset or in the course's zone
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import Optional

from reports.text import unreadable

MOODLE, CANVAS, BRIGHTSPACE, BY_HAND = "Moodle", "Canvas", "Brightspace", "by hand"

NAME = ("full name", "student", "name")
FIRST, LAST = ("first name", "firstname"), ("last name", "lastname", "surname")
IDS = ("identifier", "id", "id number", "student id", "sid", "sis user id", "orgdefinedid", "org defined id", "sis login id",
       "username", "login", "email", "email address", "e-mail")
WHEN = ("last modified (submission)", "submitted", "submitted at", "submission time", "submission date", "time")

NEVER = {"", "-", "never"}
WRITTEN = ("%A, %d %B %Y, %I:%M %p", "%A, %B %d, %Y, %I:%M %p", "%A, %d %B %Y, %H:%M", "%b %d, %Y %I:%M %p")


class BadRoster(Exception):
    """Why the list cannot be used; the words are for people."""


@dataclass(frozen=True)
class Person:
    """A line of the list."""

    name: str
    ids: tuple[str, ...]
    submitted: str  # ISO 8601; without an offset it is a time of the course's zone; "" if it does not say
    row: Mapping[str, str]  # as it stands there


@dataclass(frozen=True)
class Roster:
    """The list."""

    system: str
    columns: Sequence[str]
    people: Sequence[Person]
    marked: bool = False  # it begins with a byte order mark, as Excel wants it

    def find(self, student: str, student_id: str, also: Sequence[str] = ()) -> Optional[Person]:
        """Who that is: by a number or an e-mail, else by name. Of a group, all in one, with the latest time."""
        names, ids = student.split("; "), student_id.split("; ")
        if max(len(names), len(ids)) == 1:
            return self._one(student, [student_id, *also])
        members = [self._one(name, [word]) for name, word in zip_longest(names, ids, fillvalue="")]
        found = [member for member in members if member]
        if not found:
            return None
        latest = max(found, key=lambda person: person.submitted)
        words = tuple(word for person in found for word in person.ids)
        return Person("; ".join(person.name for person in found), words, latest.submitted, latest.row)

    def _one(self, name: str, ids: Sequence[str]) -> Optional[Person]:
        """Nobody if it may be several. A folder's name may be an e-mail or a login: it counts as an id, too."""
        words, names = {folded(word) for word in ids if word}, squashed(name)
        for found in ([p for p in self.people if words & {*map(folded, p.ids)}], [p for p in self.people if p.name == name],
                      [p for p in self.people if folded(name) in map(folded, p.ids)],
                      [p for p in self.people if names & squashed(p.name)]):
            if found:
                return found[0] if len(found) == 1 else None
        return None


def folded(word: str) -> str:
    """Moodle's `Participant 123` is 123 in the names of its files."""
    return re.sub(r"^participant ", "", word.strip().casefold())


def squashed(name: str) -> set[str]:
    """A name without blanks and signs, in the orders in which it may stand: Canvas writes lastfirst."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name).casefold() if c.isalnum() or c in " ,")
    last, _, first = plain.partition(",")
    words = plain.replace(",", " ").split()
    orders = [words, [first, last], [*words[1:], *words[:1]], [*words[-1:], *words[:-1]]]
    return {"".join(order).replace(" ", "") for order in orders} - {""}


def moment(text: str) -> str:
    """ISO 8601 of a time as course systems write it; ValueError if it is none."""
    text = " ".join(text.split())
    if text.casefold() in NEVER:
        return ""
    iso = re.sub(r" ?(?:Z|UTC)$", "+00:00", text)
    for form in (None, *WRITTEN):
        try:
            return (datetime.strptime(text, form) if form else datetime.fromisoformat(iso)).isoformat()
        except ValueError:
            continue
    raise ValueError(f"{text!r} is no time: write 2026-10-05 23:59:00")


def first_of(row: Mapping[str, str], names: Sequence[str]) -> str:
    return next((value.strip() for key, value in row.items() if key.strip().casefold() in names and (value or "").strip()), "")


def person_of(row: Mapping[str, str]) -> Person:
    parts = " ".join(filter(None, (first_of(row, FIRST), first_of(row, LAST))))
    ids = [value.strip() for key, value in row.items() if key.strip().casefold() in IDS and value.strip()]
    ids = [*(word.lstrip("#") for word in ids), *(word for word in ids if word.startswith("#"))]  # Brightspace's #0123 is 0123
    return Person(first_of(row, NAME) or parts, tuple(filter(None, ids)), moment(first_of(row, WHEN)), row)


def system_of(columns: Sequence[str]) -> str:
    if {"Identifier", "Grade"} <= {*columns}:
        return MOODLE
    if {"Student", "ID", "Section"} <= {*columns}:
        return CANVAS
    return BRIGHTSPACE if {"OrgDefinedId", "Username"} & {*columns} else BY_HAND


def lines_of(path: Path) -> Iterator[dict[str, str]]:
    """The rows by the names of their columns; the first has none but the columns' names."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise BadRoster(f"{path.name}: {unreadable(error)}") from error
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    columns: list[str] = next(reader, [])
    yield dict.fromkeys(columns, "")
    for row in reader:
        if any(cell.strip() for cell in row):
            yield dict(zip(columns, [*row, *[""] * len(columns)]))


def is_person(row: Mapping[str, str], system: str) -> bool:
    """Canvas puts maxima, and a test student, between the names."""
    first = next(iter(row.values()), "").strip()
    return not (system == CANVAS and (first == "Points Possible" or not row.get("ID", "").strip() or first == "Student, Test"))


def read(path: Path) -> Roster:
    rows = list(lines_of(path))
    columns = list(rows[0])
    known = {name.strip().casefold() for name in columns}
    if not known & {*NAME, *FIRST, *LAST, *IDS}:
        raise BadRoster(f"{path.name}: its first line names no column that says who somebody is: name, id or email")
    system = system_of(columns)
    people: list[Person] = []
    problems: list[str] = []
    for number, row in enumerate(rows[1:], 2):
        if is_person(row, system):
            try:
                people.append(person_of(row))
            except ValueError as error:
                problems.append(f"{path.name}:{number}: {error}")
    if problems:
        raise BadRoster("\n".join(problems))
    return Roster(system, columns, people, path.read_bytes().startswith(b"\xef\xbb\xbf"))
