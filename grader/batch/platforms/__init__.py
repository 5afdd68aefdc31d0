"""Results in the formats of course platforms: `grader/grade --one FOLDER --platform NAME --output FILE`.

Each module has `convert(result, done)`, which gives the platform's own table, and `write(result, path, done)`,
which replaces the file at once. Until the last call, `done` is False: the file is valid, and says what is not
graded yet. What students may not see (shown.py) is in none of them, but where the platform itself hides it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from batch.platforms import autolab, classroom50, gradescope, prairielearn
from batch.results import SubmissionResult

WRITERS: dict[str, Callable[[SubmissionResult, Path, bool], None]] = {
    "gradescope": gradescope.write,
    "classroom50": classroom50.write,
    "autolab": autolab.write,
    "prairielearn": prairielearn.write,
}


def write(name: str, result: SubmissionResult, path: Path, done: bool = True) -> None:
    """Write the results for the platform called `name`: one of WRITERS."""
    if name not in WRITERS:
        raise ValueError(f"no platform is called '{name}'; there are {', '.join(WRITERS)}")
    WRITERS[name](result, path, done)
