"""Results in the formats of course platforms: `grader/grade --one FOLDER --platform NAME --output FILE`.

Each module has `convert(result, done)`, which gives the platform's own table, and `write(result, path, done)`,
which replaces the file at once. Until the last call, `done` is False: the file is valid, and says what is not
graded yet. What students may not see (shown.py) is in none of them, but where the platform itself hides it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from platforms import autolab, classroom50, gradescope, prairielearn
from reports.results import StageResult, SubmissionResult
from stage.config import Stage, load_interface

WRITERS: dict[str, Callable[[SubmissionResult, Path, bool], None]] = {
    "gradescope": gradescope.write,
    "classroom50": classroom50.write,
    "autolab": autolab.write,
    "prairielearn": prairielearn.write,
}


def with_stages_to_come(result: SubmissionResult, stages: Iterable[Stage]) -> SubmissionResult:
    """A copy that has all stages: those that the grader has not come to have no tests yet."""
    there = {stage.stage for stage in result.stages}
    to_come = [StageResult(stage.number, stage.folder, maximum=stage.points)
               for stage in stages if stage.number not in there]
    return replace(result, stages=[*result.stages, *to_come])


def write(
    name: str, result: SubmissionResult, path: Path, done: bool = True, stages: Iterable[Stage] | None = None
) -> None:
    """Write the results for the platform called `name`: one of WRITERS. `stages`: all that will be graded."""
    if name not in WRITERS:
        raise ValueError(f"no platform is called '{name}'; there are {', '.join(WRITERS)}")
    if not done:
        result = with_stages_to_come(result, load_interface().stages.values() if stages is None else stages)
    WRITERS[name](result, path, done)
