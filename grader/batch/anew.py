"""ONLY=test_x: one test graded anew for everybody, in those stages that have it, and what was skipped for it.

A test is named as course.toml names it: test_x, or 3.test_x. In options and results it is always 3.test_x.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from reports.course import Catalogue
from reports.results import PASSED, SKIPPED, SubmissionResult


class NoSuchTest(Exception):
    """A name that no test of the chosen stages has."""


def named(words: Sequence[str], catalogue: Catalogue, stages: Sequence[int]) -> list[str]:
    """Each of the tests with its stage, those of other stages than these ([]: all) left out."""
    known = [f"{stage}.{name}" for stage, tests in catalogue.items() if not stages or stage in stages for name in tests]
    found = []
    for word in words:
        these = [full for full in known if word in (full, full.partition(".")[2])]
        if not these:
            near = difflib.get_close_matches(word, [*known, *(full.partition(".")[2] for full in known)], 1)
            raise NoSuchTest(f"there is no test {word}{f'; did you mean {near[0]}?' if near else ''}")
        found += [full for full in these if full not in found]
    return found


def with_skipped(names: Sequence[str], old: SubmissionResult, catalogue: Catalogue) -> list[str]:
    """These, and what could not be run because of them, unless something else forbids it, too."""
    chosen = list(names)
    for stage in old.stages:
        passed = {test.test for test in stage.tests if test.outcome == PASSED}
        skipped = [test.test for test in stage.tests if test.outcome == SKIPPED]
        anew = {full.partition(".")[2] for full in chosen if full.startswith(f"{stage.stage}.")}
        for name, declared in catalogue.get(stage.stage, {}).items():
            if name in skipped and anew & set(declared.needs) and set(declared.needs) <= anew | passed:
                anew.add(name)
        chosen += [f"{stage.stage}.{name}" for name in sorted(anew) if f"{stage.stage}.{name}" not in chosen]
    return chosen
