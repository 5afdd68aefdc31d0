"""What Autolab takes from an autograder's output: its last line, and the line before that.

https://docs.autolabproject.com/lab/ ("autoresult") and .../features/formatted-feedback/;
grader/kit/schemas/autolab-*.json say the same as JSON Schemas. Autolab shows all of the output to the
student. Before it parses the last line it puts quotes around each word before a colon, even inside a string, so
no name there has a colon in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from platforms import shown
from platforms.output import Table, dump, fit, number
from reports import results
from reports.results import SubmissionResult
from reports.text import write_whole

LARGEST = 200_000  # bytes of the feedback: it is one line, and the text before it says the same
LATE = "Late"  # the name of the problem that has what lateness costs
WORDS = {results.PASSED: "ok", results.FAILED: "FAILED", results.SKIPPED: "skipped", shown.PENDING: "to come"}


def problem(stage: int) -> str:
    """The name of a stage's problem: the instructor calls it so on Autolab's page, too."""
    return f"Stage {stage}"


def convert(result: SubmissionResult, done: bool = True) -> dict[str, Any]:
    """The autoresult: the last line."""
    scores = {problem(stage.stage): number(stage.points) for stage in result.stages}
    if result.late.penalty:
        scores[LATE] = number(-min(result.late.penalty, result.points))
    return {"scores": scores}


def _feedback(rows: list[shown.Row]) -> Table:
    table: Table = {"_presentation": "semantic", "stages": []}
    for row in rows:
        name = problem(row.stage) if row.stage else "Submission"
        if name not in table:
            table["stages"].append(name)
            table[name] = {}
        entry: Table = {"passed": row.outcome == results.PASSED}
        if row.text and not entry["passed"]:
            entry["hint"] = row.text
        table[name][_key(row, table[name])] = entry
    return table


def _key(row: shown.Row, taken: Table) -> str:
    """A test's name on the page: one that begins with `_` would not be shown, one that is there be lost."""
    key = f"{row.name}: {row.title}" if row.name else row.title
    key = key.lstrip("_") or "test"
    return key if key not in taken else f"{key} ({len(taken) + 1})"


def feedback(result: SubmissionResult, done: bool = True) -> dict[str, Any]:
    """The formatted feedback: the line before the last."""
    rows = shown.merge_hidden(shown.rows(result, done))
    return fit(lambda limit: _feedback(shown.shortened(rows, limit)), LARGEST)


def _text(result: SubmissionResult, done: bool) -> list[str]:
    """For people: Autolab shows it as it is."""
    lines = shown.notes(result, done)
    for row in shown.shortened(shown.merge_hidden(shown.rows(result, done)), 1000):
        score = f"{number(row.points):g}/{number(row.maximum):g}"
        lines.append(f"{score:>7}  {WORDS.get(row.outcome, row.outcome):<8} {row.label}")
        if row.outcome != results.PASSED:
            lines += [f"           {line}" for line in row.text.splitlines()]
    return lines


def write(result: SubmissionResult, path: Path, done: bool = True) -> None:
    """The whole output of the autograder; autograde-Makefile prints it at the end.

    Without a stage there is no score to tell: then there is no autoresult, and Autolab keeps the scores it has.
    """
    lines = _text(result, done)
    if result.stages:
        lines += [dump(feedback(result, done), indent=None), dump(convert(result, done), indent=None)]
    write_whole(path, "\n".join(lines) + "\n")
