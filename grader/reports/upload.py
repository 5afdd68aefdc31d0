"""Files that a course system takes: OUT/upload/SYSTEM.csv with grades, OUT/upload/feedback-SYSTEM.zip.

Grades are put into the list of the course that the system itself wrote (roster.py), so whom they are of is its own word:

    Moodle        the grading worksheet with Grade and Feedback comments filled in. It is refused without the columns
                  Identifier, Grade and Last modified (grade) (mod/assign/feedback/offline/importgradeslib.php)
    Canvas        Student, ID, SIS User ID, SIS Login ID, Section, and the assignment; a line Points Possible
                  (lib/gradebook_importer.rb: an assignment is known by `Title (ID)`, else by its title, else it is new)
    Brightspace   OrgDefinedId, Username, `ITEM Points Grade`, End-of-Line Indicator
                  (community.d2l.com, Brightspace knowledge base, Importing grades)

Feedback goes under the names that the system gave the submissions:

    Moodle        NAME_ID_assignsubmission_file/feedback.html (mod/assign/feedback/file/importziplib.php)
    Canvas        NAME_USER_ATTACHMENT_feedback.html: it looks for the first two numbers in a name (app/models/assignment.rb,
                  infer_comment_context_from_filename), and shows the file under the name of what was handed in
    Brightspace   the folder of the download, and feedback.html in it
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from reports import results
from reports.course import Course
from reports.gradebook import cell
from reports.results import SubmissionResult
from reports.roster import BRIGHTSPACE, CANVAS, MOODLE, Person, Roster, folded
from reports.summary import grader_failed
from reports.text import write_whole

FOLDER, PAGE = "upload", "feedback.html"
CANVAS_COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Integration ID", "Root Account", "Section")
NAMES = {  # how the beginning of a submission's source tells its system, and where feedback on it goes
    MOODLE: (re.compile(r"([^/]*_\d+_assignsubmission_file)_?(?:/|_|$)"), "{}/" + PAGE),
    CANVAS: (re.compile(r"([^/,]*?_\d+_\d+)_"), "{}_" + PAGE),
    BRIGHTSPACE: (re.compile(r"(\d+-\d+ ?- [^/]+ - [A-Z][a-z]+ \d+, \d{4} \d+ [AP]M)(?:/| -|$)"), "{}/" + PAGE),
}
END = "End-of-Line Indicator"
NO_GRADE = {results.NOT_YET, results.ABSENT}


class Gradefile:
    """The grades of a class as one system takes them."""

    def __init__(self, course: Course, roster: Roster, found: Sequence[SubmissionResult]) -> None:
        self.course, self.roster = course, roster
        self.maximum = max((result.maximum for result in found), default=0.0)
        self.full = course.export.maximum or self.maximum
        self.of: dict[str, list[SubmissionResult]] = {}
        for result in found:
            for word in {folded(word) for word in [*result.also, *result.student_id.split("; ")] if word}:
                self.of.setdefault(word, []).append(result)
        self.problems = self._problems()

    def result(self, person: Person) -> Optional[SubmissionResult]:
        """A number that means two of the class means nobody."""
        for word in map(folded, [*person.ids, person.name]):
            if len(self.of.get(word, [])) == 1:
                return self.of[word][0]
        return None

    def grade(self, person: Person) -> str:
        """Nothing for whom there is nothing, or where the grader failed: an import leaves that as it is."""
        result = self.result(person)
        if result is None or result.status in NO_GRADE or grader_failed(result):
            return ""
        return f"{result.final * (self.full / self.maximum if self.maximum else 1):.2f}"

    def _problems(self) -> list[str]:
        """Moodle refuses a grade above the maximum that its worksheet names."""
        said = {row["Maximum grade"] for row in (person.row for person in self.roster.people) if row.get("Maximum grade")}
        other = [text for text in said if re.fullmatch(r"[\d.]+", text) and abs(float(text) - self.full) > 0.005]
        return [f"Moodle's maximum is {other[0]}, the course's {self.full:g}: set maximum = {float(other[0]):g} in [gradebook]"
                ] if other else []

    def comment(self, person: Person) -> str:
        result = self.result(person)
        return result.by_hand.comment if result and result.by_hand else ""

    def rows(self) -> tuple[list[str], list[dict[str, str]]]:
        """Columns, and what stands in them."""
        item = self.course.export.assignment or self.course.name or "ckptlab"
        if self.roster.system == MOODLE:
            more = [{"Grade": self.grade(p), "Feedback comments": cell(self.comment(p))} for p in self.roster.people]
            return [*self.roster.columns], [{**p.row, **own} for p, own in zip(self.roster.people, more)]
        if self.roster.system == CANVAS:
            columns = [name for name in CANVAS_COLUMNS if name in self.roster.columns]
            maxima = {**dict.fromkeys(columns, ""), "Student": "    Points Possible", item: f"{self.full:g}"}
            return [*columns, item], [maxima, *({**p.row, item: self.grade(p)} for p in self.roster.people)]
        columns = [name for name in ("OrgDefinedId", "Username") if name in self.roster.columns]
        points = f"{item} Points Grade"
        return [*columns, points, END], [{**p.row, points: self.grade(p), END: "#"} for p in self.roster.people]

    def text(self) -> str:
        """As the system wrote it: with its byte order mark, if it has one."""
        columns, rows = self.rows()
        out = io.StringIO()
        writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)
        return ("\ufeff" if self.roster.marked else "") + out.getvalue()


def system_of(found: Sequence[SubmissionResult]) -> str:
    """The system from whose download most submissions are; "" if none is."""
    counts = {system: sum(bool(pattern.match(result.source)) for result in found) for system, (pattern, _) in NAMES.items()}
    best = max(counts, key=lambda system: counts[system])
    return best if counts[best] else ""


def write_feedback(found: Sequence[SubmissionResult], out: Path, system: str) -> list[str]:
    """One archive; who is not in it, since the system would not know whose it is."""
    pattern, place = NAMES[system]
    path, left = out / FOLDER / f"feedback-{system.lower()}.zip", []
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for result in found:
            match = pattern.match(result.source)
            if match:
                entry = zipfile.ZipInfo(place.format(match[1]), (1980, 1, 1, 0, 0, 0))
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, (out / "feedback" / f"{result.name}.html").read_bytes())
            elif result.status not in NO_GRADE:
                left.append(result.name)
    return [f"not in {path.name}, which goes by the names of {system}'s files: {', '.join(left)}"] if left else []


def remove_old(out: Path, fresh: set[str]) -> list[str]:
    """Grades of an earlier run would be uploaded as today's."""
    ours = {name for system in NAMES for name in (f"{system.lower()}.csv", f"feedback-{system.lower()}.zip")}
    old = sorted(name for name in ours - fresh if (out / FOLDER / name).is_file())
    for name in old:
        (out / FOLDER / name).unlink()
    return [f"removed {FOLDER}/{name}: it was of an earlier run{'; with PEOPLE=FILE it is made anew' if name.endswith('csv') else ''}"
            for name in old]


def write(course: Course, found: Sequence[SubmissionResult], roster: Optional[Roster], out: Path) -> list[str]:
    """What can be written of all this; what is odd about it, in words."""
    said, system, fresh = [], system_of(found), set()
    if system:
        said += write_feedback(found, out, system)
        fresh.add(f"feedback-{system.lower()}.zip")
    if roster is not None and roster.system in NAMES:
        grades = Gradefile(course, roster, found)
        write_whole(out / FOLDER / f"{roster.system.lower()}.csv", grades.text())
        fresh.add(f"{roster.system.lower()}.csv")
        said += grades.problems
    return said + remove_old(out, fresh)
