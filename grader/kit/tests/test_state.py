"""State that is neither memory, files nor stack (solution/README, "What comes back: the check list")."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from config import TOP
from lab import REFERENCE, Case, Lab


@pytest.fixture(name="made", scope="module")
def made_fixture() -> Lab:
    made = Lab(4, TOP / "solution/stage4-openfiles", results=False)
    made.programs.make_folder()
    made.reference()
    return made


@pytest.fixture(name="case")
def case_fixture(made: Lab, request: pytest.FixtureRequest) -> Iterator[Case]:
    case = Case.fresh(made, f"kit-state/{request.node.name}")
    yield case
    case.close()


@pytest.mark.parametrize("interval, after", [
    ((5000, 0), ["rang", "nothing", "nothing", "every 5000.000000, next in time 1"]),
    ((0, 300), ["rang", "rang", "rang", "every 0.000300, next in time 1"]),
])
def test_a_timer_that_rang_goes_on(case: Case, interval: tuple[int, int], after: list[str]) -> None:
    """Its signal waited: it comes once, and the timer rings on."""
    case.survives("rungtimer", *interval, after=after, restart=REFERENCE)
