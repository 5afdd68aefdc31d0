"""What an engine is: it runs the jobs of a class, on this machine or on others, and tells how it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Job:
    """The grading of one submission."""

    name: str
    command: list[str]  # leaves `result` when it is done, and ends with 0 if the submission was graded
    result: Path
    limit: float  # seconds


class Watcher(Protocol):
    """Who wants to know."""

    def started(self, name: str) -> None: ...

    def done(self, name: str, seconds: float) -> None: ...

    def failed(self, name: str, why: str) -> None: ...


class Engine(Protocol):
    def __call__(self, jobs: Sequence[Job], width: int, watcher: Watcher, scratch: Path) -> None:
        """Run all jobs, `width` at a time; return when each is done or failed."""
