"""How long a class will still take."""
from __future__ import annotations

import pytest

from batch.progress import Estimate, Lines, in_words


def test_the_rest_takes_as_long_as_what_is_done_so_many_at_a_time() -> None:
    """60 that take 30 s each, two at a time: 15 minutes in all, from the first one on."""
    estimate, now = Estimate(60), 0.0
    assert estimate.left(0) is None
    for number in range(0, 60, 2):
        for name in (number, number + 1):
            estimate.starts(str(name), now)
        assert number == 0 or estimate.left(now + 12) == pytest.approx(900 - now - 12)
        now += 30
        for name in (number, number + 1):
            estimate.ends(str(name), now)
    assert estimate.left(now) == 0


def test_what_was_not_seen_to_start_took_what_is_said() -> None:
    estimate = Estimate(3)
    estimate.ends("a", 100.0, 8.0)
    assert estimate.left(100.0) == 16


@pytest.mark.parametrize("seconds, words", [(None, "?"), (42.4, "42 s"), (600, "10 min")])
def test_words(seconds: float | None, words: str) -> None:
    assert in_words(seconds) == words


def test_a_log_has_a_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(2)
    lines.started("a")
    lines.done("a", 3.0)
    lines.failed("b", "no reason")
    assert capsys.readouterr().out == "[1/2] a (3 s)\n[2/2] b: NOT GRADED: no reason\n"


def test_a_reason_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever somebody's file is called."""
    lines = Lines(1)
    lines.failed("b", "cannot remove " + "deep/" * 6000 + "\n\x1b[31mred")
    assert len(capsys.readouterr().out) < 400
    assert len(lines.failures[0][1]) > 30000
