"""The list of the course (reports/roster.py) and the submissions: who is who, when it came, and who handed in nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Optional

from batch import before, naming
from batch.intake import PEOPLE, Submission
from batch.notes import some
from reports import roster as rosters
from reports import tries
from reports.results import ABSENT, SubmissionResult
from reports.roster import Person, Roster


def roster_of(asked: Optional[Path], submissions: Path, out: Path) -> Optional[Roster]:
    """The list that was asked for, or people.csv among the submissions, or that of the call before: without it nobody
    would have a time any more, and whoever handed in nothing no row."""
    if asked:
        found = rosters.read(asked)
        before.note(out, "people", asked)
        return found
    if (submissions / PEOPLE).is_file():
        return rosters.read(submissions / PEOPLE)
    path = before.told(out, "people")
    if path is None:
        return None
    print(f"the list of the course is that of the call before: {path}")
    return rosters.read(path)


def joined(submissions: Sequence[Submission], roster: Roster) -> tuple[list[Submission], list[str]]:
    """The submissions with what the list knows of them, and who is not in it. Whose id nobody knew has that of the list."""
    found, unknown, column = [], [], column_of(submissions, roster)
    for one in submissions:
        person = roster.find(one.student, one.student_id, one.also)
        if person is None:
            unknown.append(one.name)
            found.append(one)
            continue
        also = tuple(dict.fromkeys([*one.also, person.name, *person.ids]))
        time = one.submitted if tries.MARK in one.name else person.submitted  # the list has the last one's
        own = one.student_id or ("" if "; " in one.student else id_in(person, column))
        found.append(replace(one, student_id=own, submitted=time or one.submitted, also=also))
    return found, [f"not in the list of the course, or not clear who it is: {some(unknown)}"] if unknown else []


def column_of(submissions: Sequence[Submission], roster: Roster) -> str:
    """The column of the list whose words are the submissions' ids, as far as they have any; "" if none is."""
    seen: Counter[str] = Counter()
    for one in submissions:
        person = roster.find(one.student, one.student_id, one.also) if one.student_id else None
        if person is not None:
            seen.update(key for key, value in person.row.items() if rosters.folded(value) == rosters.folded(one.student_id))
    return max(seen, key=lambda key: seen[key]) if seen else ""


def id_in(person: Person, column: str) -> str:
    """Of all that the list calls somebody, what has the form of the others' ids."""
    own = (person.row.get(column) or "").strip() or next(iter(person.ids), "")
    return re.sub(r"^(?:Participant |#)", "", own)


def absent(submissions: Sequence[Submission], roster: Roster) -> list[SubmissionResult]:
    """Those of the list who are in no submission."""
    here = {word for one in submissions for word in one.also}
    people = [person for person in roster.people if person.name not in here and not here & set(person.ids)]
    taken = [(one.student, one.student_id) for one in submissions]
    column = column_of(submissions, roster)
    ids = [id_in(person, column) for person in people]
    names = naming.unique_names([*taken, *zip([person.name for person in people], ids)])[len(taken) :]
    used = {one.name for one in submissions}
    names = [f"{name}-absent" if name in used else name for name in names]
    return [SubmissionResult(name, person.name, own, status=ABSENT, also=list(person.ids),
                             message="in the list of the course, and in no submission")
            for name, own, person in zip(names, ids, people)]
