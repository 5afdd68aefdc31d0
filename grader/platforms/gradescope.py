"""Gradescope's results.json, and what its submission_metadata.json tells.

https://gradescope-autograders.readthedocs.io/en/latest/specs/ and .../submission_metadata/;
grader/kit/schemas/gradescope-*.json say the same as JSON Schemas.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platforms import shown
from platforms.output import Table, dump, fit, number
from reports import results
from reports.feedback import moment
from reports.results import SubmissionResult
from reports.text import one_line, write_whole

METADATA = "CKPTLAB_METADATA"  # the environment variable that names submission_metadata.json
STATUS = {results.PASSED: "passed", results.FAILED: "failed", results.SKIPPED: "failed"}


@dataclass
class Metadata:
    """What of submission_metadata.json is of use here."""

    names: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    submitted: str = ""  # ISO 8601
    due: str = ""
    earlier: int = 0  # submissions before this one
    passed_before: list[str] = field(default_factory=list)  # visible tests that the last of them passed


def _passed(submission: Table) -> list[str]:
    tests = (submission.get("results") or {}).get("tests") or []
    return [test["name"] for test in tests if test.get("status") == "passed"
            and test.get("visibility", results.VISIBLE) == results.VISIBLE and isinstance(test.get("name"), str)]


def metadata_from(table: Table) -> Metadata:
    users = [user for user in table.get("users") or [] if isinstance(user, dict)]
    earlier = [entry for entry in table.get("previous_submissions") or [] if isinstance(entry, dict)]
    earlier.sort(key=lambda entry: str(entry.get("submission_time", "")))
    return Metadata(
        names=[str(user["name"]) for user in users if user.get("name")],
        emails=[str(user["email"]) for user in users if user.get("email")],
        submitted=str(table.get("created_at") or ""),
        due=str((table.get("assignment") or {}).get("due_date") or ""),
        earlier=len(earlier),
        passed_before=_passed(earlier[-1]) if earlier else [],
    )


def load_metadata(path: Path | None = None) -> Metadata:
    """From the file, or from the one that run_autograder names. The grade does not rest on it: it may be absent."""
    name = path or os.environ.get(METADATA)
    try:
        table = json.loads(Path(name).read_text(encoding="utf-8")) if name else {}
        return metadata_from(table) if isinstance(table, dict) else Metadata()
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return Metadata()


def identify(result: SubmissionResult, metadata: Metadata) -> None:
    """Who handed in and when, as Gradescope knows it."""
    result.student = ", ".join(metadata.names) or result.student
    result.student_id = ", ".join(metadata.emails) or result.student_id
    result.submitted = metadata.submitted or result.submitted


def history(metadata: Metadata, rows: list[shown.Row]) -> list[str]:
    """What Gradescope knows of the date and of earlier submissions."""
    lines = []
    submitted, due = moment(metadata.submitted), moment(metadata.due)
    if submitted and due and submitted > due:
        lines.append(f"Gradescope has this as handed in after the due date, {metadata.due}.")
    if metadata.earlier:
        lines.append(f"Earlier submissions of yours: {metadata.earlier}.")
    failed = {row.label for row in rows
              if row.outcome == results.FAILED and row.visibility == results.VISIBLE}
    lost = failed & set(metadata.passed_before)
    if lost:
        lines.append("Passed last time, and not now: " + "; ".join(sorted(lost)))
    return lines


def _test(row: shown.Row, number_in_stage: int) -> Table:
    table: Table = {
        "name": row.label,
        "number": f"{row.stage}.{number_in_stage}",
        "score": number(row.points),
        "max_score": number(row.maximum),
        "output": row.text,
        "output_format": "text",
        "visibility": row.visibility,
        "tags": [f"stage{row.stage}"] + ([f"step {row.step}"] if row.step else []),
        "extra_data": {"test": one_line(row.name, shown.NAME_LIMIT), "outcome": row.outcome},
    }
    if row.outcome in STATUS:
        table["status"] = STATUS[row.outcome]
    return table


def _tests(rows: list[shown.Row]) -> list[Table]:
    counts: dict[int, int] = {}
    tests = []
    for row in rows:
        counts[row.stage] = counts.get(row.stage, 0) + 1
        tests.append(_test(row, counts[row.stage]))
    return tests


def _results(result: SubmissionResult, done: bool, lines: list[str], rows: list[shown.Row]) -> Table:
    return {
        "score": number(result.final),
        "execution_time": number(result.seconds),
        "output": "\n".join(lines) or "Graded.",
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": results.VISIBLE,
        "stdout_visibility": results.HIDDEN,
        "extra_data": {"grader": result.grader, "digest": result.digest, "sandbox": result.sandbox, "done": done},
        "tests": _tests(rows),
    }


def convert(result: SubmissionResult, done: bool = True, metadata: Metadata | None = None) -> dict[str, Any]:
    """results.json as a table; hidden tests are in it, with the visibility that makes Gradescope hide them."""
    rows = shown.rows(result, done)
    costs = all(row.visibility == results.VISIBLE for row in rows)
    lines = shown.notes(result, done, costs) + history(metadata or Metadata(), rows)
    return fit(lambda limit: _results(result, done, lines, shown.shortened(rows, limit)))


def write(result: SubmissionResult, path: Path, done: bool = True) -> None:
    write_whole(path, dump(convert(result, done, load_metadata())) + "\n")
