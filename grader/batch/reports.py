"""All reports of a class, from its results and course.toml; nothing is graded for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from batch import course as courses
from batch import course_file, environment, gradebook, junit, pages, results
from batch.course import Course
from batch.results import SubmissionResult


def load_course(path: Optional[Path], profile: str = "") -> Course:
    catalogue = course_file.read_catalogue(profile=profile)
    return course_file.load(path, catalogue) if path else course_file.load(catalogue=catalogue)


def counted(result: SubmissionResult, faults: list[environment.Fault], course: Course) -> SubmissionResult:
    """A result as it counts: without the machine's faults, with the course's points and dates."""
    return courses.apply(course, environment.apply(faults, result))


def write(out: Path, names: Sequence[str], course_path: Optional[Path], title: str, profile: str = "") -> None:
    """Of those of these submissions that are graded."""
    course = load_course(course_path, profile)
    reference = out / "reference.json"
    faults = environment.faults(results.load(reference)) if reference.exists() else []
    paths = [out / "results" / f"{name}.json" for name in names]
    graded = [counted(results.load(path), faults, course) for path in paths if path.exists()]
    pages.write_pages(graded, out, environment=[(f.stage, f.test) for f in faults], title=title)
    gradebook.write(graded, out / "grades.csv")
    junit.write_class(graded, out / "junit.xml", title)
