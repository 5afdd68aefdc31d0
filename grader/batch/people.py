"""The list of the course (reports/roster.py) and the submissions: who is who, when it came, and who handed in nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Optional

from batch import naming
from batch.intake import PEOPLE, Submission
from batch.notes import some
from reports import roster as rosters
from reports import tries
from reports.results import ABSENT, SubmissionResult
from reports.roster import Roster


def roster_of(asked: Optional[Path], submissions: Path) -> Optional[Roster]:
    """The list that was asked for, or people.csv among the submissions."""
    path = asked or submissions / PEOPLE
    return rosters.read(path) if asked or path.is_file() else None


def joined(submissions: Sequence[Submission], roster: Roster) -> tuple[list[Submission], list[str]]:
    """The submissions with what the list knows of them, and who is not in it."""
    found, unknown = [], []
    for one in submissions:
        person = roster.find(one.student, one.student_id, one.also)
        if person is None:
            unknown.append(one.name)
            found.append(one)
            continue
        also = tuple(dict.fromkeys([*one.also, person.name, *person.ids]))
        time = one.submitted if tries.MARK in one.name else person.submitted  # the list has the last one's
        found.append(replace(one, submitted=time or one.submitted, also=also))
    return found, [f"not in the list of the course, or not clear who it is: {some(unknown)}"] if unknown else []


def absent(submissions: Sequence[Submission], roster: Roster) -> list[SubmissionResult]:
    """Those of the list who are in no submission."""
    here = {word for one in submissions for word in one.also}
    people = [person for person in roster.people if person.name not in here and not here & set(person.ids)]
    taken = [(one.student, one.student_id) for one in submissions]
    names = naming.unique_names([*taken, *((person.name, next(iter(person.ids), "")) for person in people)])[len(taken) :]
    used = {one.name for one in submissions}
    names = [f"{name}-absent" if name in used else name for name in names]
    return [SubmissionResult(name, person.name, next(iter(person.ids), ""), status=ABSENT, also=list(person.ids),
                             message="in the list of the course, and in no submission") for name, person in zip(names, people)]
