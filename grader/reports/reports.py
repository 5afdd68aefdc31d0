"""All reports of a class, from its results and course.toml; nothing is graded for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from reports import course as courses
from reports import course_file, environment, gradebook, junit, pages, results
from reports.course import Course
from reports.results import SubmissionResult


def load_course(path: Optional[Path], profile: str = "") -> Course:
    catalogue = course_file.read_catalogue(profile=profile)
    return course_file.load(path, catalogue) if path else course_file.load(catalogue=catalogue)


def counted(result: SubmissionResult, faults: list[environment.Fault], course: Course) -> SubmissionResult:
    """A result as it counts: without the machine's faults, with the course's points and dates."""
    return courses.apply(course, environment.apply(faults, result, course.catalogue))


def graded(out: Path, names: Optional[Sequence[str]], course: Course) -> tuple[list[SubmissionResult], list[environment.Fault]]:
    """The results in an output folder as they count, of these submissions (None: of all), and the machine's faults."""
    reference = out / "reference.json"
    faults = environment.faults(results.load(reference)) if reference.exists() else []
    paths = sorted((out / "results").glob("*.json"))
    chosen = [path for path in paths if names is None or path.stem in names]
    return [counted(results.load(path), faults, course) for path in chosen], faults


def write(out: Path, names: Sequence[str], course_path: Optional[Path], title: str, profile: str = "") -> list[str]:
    """All reports, of those of these submissions that are graded; what is odd about the course, in words."""
    course = load_course(course_path, profile)
    found, faults = graded(out, names, course)
    gradebook.write(found, out / "grades.csv")
    junit.write_class(found, out / "junit.xml", title)
    pages.write_pages(found, out, environment=[(f.stage, f.test) for f in faults], title=title)
    return [*course_file.warnings(course), *courses.strangers(course, found)]


def days_used(out: Path, course_path: Optional[Path], profile: str = "") -> str:
    """What a graded class has used of its late days, as course.toml wants it for the next hand-in."""
    course = load_course(course_path, profile)
    return courses.used_days(course, graded(out, None, course)[0])


def declared_maxima(profile: str = "") -> dict[str, float]:
    """What the tests of each stage are worth, by their own word; stages by their numbers, as JSON has them."""
    catalogue = course_file.read_catalogue(profile=profile)
    return {str(n): sum(row.points for row in tests.values() if not row.stress) for n, tests in catalogue.items()}
