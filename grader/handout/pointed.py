"""The points of course.toml in a hand-out: `make check` of the students and their texts say the same as the grade book."""
from __future__ import annotations

import json
import re

from reports.course import Course

SCORE = re.compile(r"^(Stage (\d+): )([\d.]+)( of )([\d.]+)( points)", re.MULTILINE)
ROW = re.compile(r"^(\| (\d+) \|.*\| )([\d.]+)( \|[^|]*\|)$", re.MULTILINE)
TEST = re.compile(r"^ *([\d.]+)/([\d.]+)(?=  \w+ +(test_\w+) )", re.MULTILINE)


def maximum(course: Course, stage: int) -> float:
    """What students can see of a stage: hidden tests are not in a hand-out."""
    tests = course.catalogue[stage].items()
    return sum(course.counted((stage, n), course.maximum_of((stage, n), d.points)) for n, d in tests if not d.hidden)


def declared(course: Course, stage: int) -> float:
    return sum(test.points for test in course.catalogue[stage].values() if not test.hidden)


def in_text(course: Course, text: str) -> str:
    """Where a document shows points: the table of stages, what `make check` prints."""
    worth = {(name, row.points): course.maximum_of((stage, name), row.points)  # two stages may have one of that name
             for stage, tests in course.catalogue.items() for name, row in tests.items()}

    def score(found: re.Match[str]) -> str:
        most = maximum(course, int(found[2]))
        all_of_it = float(found[3]) == declared(course, int(found[2]))
        return f"{found[1]}{most if all_of_it else float(found[3]):g}{found[4]}{most:g}{found[6]}"

    def test(found: re.Match[str]) -> str:
        most = worth.get((found[3], float(found[2])), float(found[2]))
        return f"{f'{most * float(found[1]) / float(found[2]):g}/{most:g}':>6}"

    text = ROW.sub(lambda found: f"{found[1]}{maximum(course, int(found[2])):g}{found[4]}", text)
    return TEST.sub(test, SCORE.sub(score, text))


def own_points(course: Course, stage: int) -> tuple[dict[str, float], list[str]]:
    """Of the tests that students have: those with other points than they declare, and those that are beyond the maximum."""
    tests = {name: row for name, row in course.catalogue[stage].items() if not row.hidden}
    worth = {name: course.maximum_of((stage, name), row.points) for name, row in tests.items()}
    return ({name: value for name, value in worth.items() if value != tests[name].points},
            [name for name in tests if (stage, name) in course.bonus])


def in_lab(course: Course, text: str) -> str:
    """lab.toml, in which each stage has the points of the course, and a table of the tests that have other ones."""
    def part(own: str) -> str:
        found = re.match(r"\[stage\.(\d+)\]", own)
        changed, bonus = own_points(course, int(found[1])) if found else ({}, [])
        if not found or not (changed or bonus):
            return own
        stage = int(found[1])
        sums = f"points = {maximum(course, stage):g}\nbonus = {json.dumps(bonus)}"
        own = re.sub(r"^points = .*$", sums, own, flags=re.MULTILINE)
        lines = [f"{name} = {value:g}\n" for name, value in changed.items()]
        return "".join([own.rstrip("\n"), f"\n\n[stage.{stage}.test_points]\n", *lines, "\n"])

    return "".join(map(part, re.split(r"^(?=\[)", text, flags=re.MULTILINE)))
