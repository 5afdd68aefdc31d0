"""Processor seconds of a grading, and what they went to: of this process, and of all that it started and waited for."""

from __future__ import annotations

import resource


def own() -> float:
    return _seconds(resource.RUSAGE_SELF)


def _seconds(whose: int) -> float:
    used = resource.getrusage(whose)
    return used.ru_utime + used.ru_stime


class Spent:
    """Of one stage. What Python took until now was for its start."""

    def __init__(self) -> None:
        self.start, self.build = own(), 0.0

    def built(self) -> None:
        """All that was started until now was the build."""
        self.build = _seconds(resource.RUSAGE_CHILDREN)

    def table(self) -> dict[str, float]:
        """Until now: `grader` is the grader's own process, without its start; `programs` is what tests start, each with
        its sandbox."""
        programs = _seconds(resource.RUSAGE_CHILDREN) - self.build
        parts = {"start": self.start, "build": self.build, "grader": own() - self.start, "programs": programs}
        return {name: round(seconds, 2) for name, seconds in parts.items()}
