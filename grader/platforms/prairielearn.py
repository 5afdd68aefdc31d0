"""PrairieLearn's results.json of an externally graded question.

https://docs.prairielearn.com/externalGrading/#grading-results;
grader/kit/schemas/prairielearn-results.json says the same as a JSON Schema.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from platforms import shown
from platforms.output import Table, dump, fit, number
from reports import results
from reports.results import SubmissionResult
from reports.text import write_whole

# Stages of these alone cannot be graded: it costs the student no attempt.
NOT_GRADABLE = {results.MISSING, results.NOT_BUILT, results.GRADER_FAILED}


def gradable(result: SubmissionResult, done: bool) -> bool:
    """Whether there is anything to have points for: at least one stage could be built and run."""
    if result.status == results.REFUSED:
        return False
    return not done or any(stage.status not in NOT_GRADABLE for stage in result.stages)


def fraction(result: SubmissionResult) -> float:
    """0 to 1: a test that the reference fails here, too, counts on neither side."""
    if result.maximum <= 0:
        return 0.0
    return round(min(1.0, max(0.0, result.final / result.maximum)), 6)


def _test(row: shown.Row) -> Table:
    test: Table = {
        "name": row.label,
        "points": number(row.points),
        "max_points": number(row.maximum),
        "message": row.text,
    }
    if row.step:
        test["description"] = f"Step {row.step} of 000-README"
    return test


def _results(result: SubmissionResult, done: bool, notes: list[str], rows: list[shown.Row]) -> Table:
    table: Table = {
        "gradable": gradable(result, done),
        "score": fraction(result),
        "message": "\n".join(notes) or "Graded.",
        "output": "",
        "images": [],
        "tests": [_test(row) for row in rows],
    }
    if not table["gradable"]:
        table["format_errors"] = [f"{row.label}: {row.text}" for row in rows] or ["There is no stage in it."]
    return table


def convert(result: SubmissionResult, done: bool = True) -> dict[str, Any]:
    """results.json as a table."""
    rows, notes = shown.merge_hidden(shown.rows(result, done)), shown.notes(result, done)
    return fit(lambda limit: _results(result, done, notes, shown.shortened(rows, limit)))


def write(result: SubmissionResult, path: Path, done: bool = True) -> None:
    write_whole(path, dump(convert(result, done)) + "\n")
