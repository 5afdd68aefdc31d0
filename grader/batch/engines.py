"""What an engine is: it runs jobs, each of which grades one submission, and tells a watcher how they go.

engine_local.py runs them on this machine, engine_slurm.py on a cluster. An engine's run() tells of every job
either done() or failed(), once, and returns then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class EngineError(Exception):
    """Why jobs cannot be run (any further), in words for the user."""


@dataclass(frozen=True)
class Job:
    """Grades one submission. A job whose result exists is done, whoever made it and when.

    It may run twice at the same time, on two machines: on a cluster, a node that seems lost may come back.
    """

    name: str  # unique, fit for a file name
    command: list[str]  # leaves `result`, whole at once, and exits with 0; all paths in it are absolute
    result: Path  # absolute
    limit: float  # seconds; then it is ended


class Watcher(Protocol):
    """Whom an engine tells. started() may be missing for a job that was done at once."""

    def started(self, name: str) -> None: ...

    def done(self, name: str, seconds: float) -> None: ...

    def failed(self, name: str, why: str) -> None: ...


class Engine(Protocol):
    """What engine_local.run and engine_slurm.run are."""

    def __call__(self, jobs: Sequence[Job], width: int, watcher: Watcher, scratch: Path) -> None: ...
