"""What a stage as a whole is worth: [weights] of course.toml.

The points of the stage's tests are scaled, so that their sum is the weight; what everybody sees (reports, course
platforms, `make check` of the hand-out) are these. They are rounded to hundredths, and the sum is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reports.course import Course, Key

HUNDREDTHS = 100


def scaled(values: Mapping[Key, float], total: float) -> dict[Key, float]:
    """The same parts of another total: rounded down, and what is then missing goes where most was cut off."""
    factor = total * HUNDREDTHS / sum(values.values())
    exact = {key: round(value * factor, 6) for key, value in values.items()}
    units = {key: int(value) for key, value in exact.items()}
    missing = round(total * HUNDREDTHS) - sum(units.values())
    for key in sorted(exact, key=lambda key: (units[key] - exact[key], key))[:missing]:
        units[key] += 1
    return {key: count / HUNDREDTHS for key, count in units.items()}


def weighted(course: Course, weights: Mapping[int, float]) -> Course:
    """The course in which these stages have these maxima. What counts beyond the maximum is scaled, too."""
    points = dict(course.points)
    for stage, weight in weights.items():
        keys = [(stage, name) for name in course.catalogue[stage]]
        worth = {key: course.maximum_of(key, course.catalogue[stage][key[1]].points) for key in keys}
        inside = {key: value for key, value in worth.items() if course.counted(key, value) > 0}
        beyond = {key: round(worth[key] * weight / course.maximum(stage), 2) for key in keys if key in course.bonus}
        points.update({**scaled(inside, weight), **beyond})
    return replace(course, points=points)
