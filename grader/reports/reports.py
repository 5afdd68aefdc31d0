"""All reports of a class, from its results and course.toml; nothing is graded for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Optional

from reports import course as courses
from reports import course_file, environment, gradebook, hand, junit, pages, results, tries, upload
from reports.course import Course
from reports.results import SubmissionResult
from reports.roster import Roster


@dataclass(frozen=True)
class Listed:
    """Who is in the class, graded or not, each with what stands for a result as long as there is none."""

    people: Sequence[SubmissionResult]
    passed_over: Sequence[str] = field(default_factory=list)  # "NAME: why", of files that are no submission
    roster: Optional[Roster] = None


def load_course(path: Optional[Path], profile: str = "") -> Course:
    catalogue = course_file.read_catalogue(profile=profile)
    return course_file.load(path, catalogue) if path else course_file.load(catalogue=catalogue)


def check_hand(course: Course, out: Path) -> None:
    """What is wrong in the points by hand is told before anything is graded."""
    hand.given(course, out)


def counted(result: SubmissionResult, faults: list[environment.Fault], course: Course) -> SubmissionResult:
    """A result as it counts: without the machine's faults, with the course's points and dates."""
    return courses.apply(course, environment.apply(faults, result, course.catalogue))


def graded(out: Path, listed: Optional[Listed], course: Course) -> tuple[list[SubmissionResult], list[environment.Fault]]:
    """The results in an output folder as they count, of these people (None: of all), and the machine's faults."""
    reference = out / "reference.json"
    faults = environment.faults(results.load(reference)) if reference.exists() else []
    known = {path.stem: path for path in sorted((out / "results").glob("*.json"))}
    people = [results.load(path) for path in known.values()] if listed is None else [
        as_listed(results.load(known[person.name]), person) if person.name in known else person for person in listed.people]
    settled = tries.settled(course, [counted(person, faults, course) for person in [*people, *tries.earlier(out)]])
    return hand.merged(course, out, settled), faults


def as_listed(result: SubmissionResult, person: SubmissionResult) -> SubmissionResult:
    """Who somebody is, and when it came, is as it is known now: a list of the course may have come after the grading."""
    return replace(result, student=person.student, student_id=person.student_id, also=person.also,
                   submitted=person.submitted or result.submitted)


def without_time(found: Sequence[SubmissionResult]) -> list[str]:
    lines = []
    for marked, said in ((False, "nobody knows when these were handed in, so they are not late"),
                         (True, "marked as late, and nobody knows by how much: it costs them nothing")):
        names = [result.name for result in found if result.late.unknown and result.late.marked == marked]
        some = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        lines += [f"{said} (PEOPLE=FILE: a list with times): {some}"] if names else []
    return lines


def write(out: Path, listed: Listed, course_path: Optional[Path], title: str, profile: str = "") -> list[str]:
    """All reports, with everybody in them; what is odd, in words."""
    course = load_course(course_path, profile)
    found, faults = graded(out, listed, course)
    title = course.name or title
    gradebook.write(found, out / "grades.csv", listed.passed_over, course.export.tests)
    junit.write_class(found, out / "junit.xml", title)
    pages.write_pages(found, out, environment=[(f.stage, f.test) for f in faults], title=title, passed_over=listed.passed_over,
                      zone=courses.zone_of(course))
    odd = [*course_file.warnings(course), *courses.strangers(course, found)]
    return [*(f"course.toml: {words}" for words in odd), *without_time(found),
            *upload.write(course, found, listed.roster, out)]


def days_used(out: Path, course_path: Optional[Path], profile: str = "") -> str:
    """What a graded class has used of its late days, as course.toml wants it for the next hand-in."""
    course = load_course(course_path, profile)
    return courses.used_days(course, graded(out, None, course)[0])


def declared_maxima(profile: str = "") -> dict[str, float]:
    """What the tests of each stage are worth, by their own word; stages by their numbers, as JSON has them."""
    catalogue = course_file.read_catalogue(profile=profile)
    return {str(n): sum(row.points for row in tests.values() if not row.stress) for n, tests in catalogue.items()}
