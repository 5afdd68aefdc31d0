"""Classroom 50's result.json and release-body.md, which its runner reads after autograder.py.

https://github.com/foundation50/classroom50/wiki/Advanced-Autograding: "the result.json contract";
grader/kit/schemas/classroom50-result.json says the same as a JSON Schema. Points are whole numbers there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from platforms import shown
from platforms.output import Table, dump, fit
from reports import results
from reports.feedback import moment
from reports.results import SubmissionResult
from reports.text import write_whole

SCHEMA = "classroom50/result/v1"
BODY = "release-body.md"
LARGEST_BODY = 60_000  # characters; GitHub takes 125,000
NEEDED = ("CLASSROOM", "ASSIGNMENT", "SUBMISSION_TAG", "COMMIT_URL", "RELEASE_URL")


class EnvironmentMissing(Exception):
    """The runner of Classroom 50 sets variables that are not there."""


def _whole(values: list[float]) -> list[int]:
    """Whole numbers whose sum is that of the values, rounded; the values themselves where they are whole."""
    sums, total = [0], 0.0
    for value in values:
        total += value
        sums.append(int(total + 0.5 + 1e-9))
    return [after - before for before, after in zip(sums, sums[1:])]


def _score(row: shown.Row, maximum: int) -> int:
    """As many of the row's whole points as of its points."""
    if row.maximum <= 0 or row.points >= row.maximum:
        return maximum if row.points >= row.maximum else 0
    return int(maximum * max(0.0, row.points) / row.maximum + 1e-9)


NOTHING: Table = {"test-name": "nothing is graded", "passed": False, "score": 0, "max-score": 0}


def _tests(rows: list[shown.Row]) -> list[Table]:
    """Never none: the runner takes an empty list for a success."""
    tests = [] if rows else [NOTHING]
    for row, maximum in zip(rows, _whole([row.maximum for row in rows])):
        test: Table = {
            "test-name": row.label,
            "passed": row.outcome == results.PASSED,
            "score": _score(row, maximum),
            "max-score": maximum,
        }
        if row.text:
            test["output"] = row.text
        tests.append(test)
    return tests


def _instant(text: str) -> str:
    """In UTC, as the format wants it; now, if the text is no instant. The runner puts in its own all the same."""
    when = moment(text) or datetime.now(timezone.utc)
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _identity(environment: Mapping[str, str]) -> Table:
    missing = [name for name in NEEDED if not environment.get(name)]
    owner = environment.get("OWNER") or environment.get("USERNAME")
    if missing or not owner:
        names = ", ".join(missing + ([] if owner else ["OWNER"]))
        raise EnvironmentMissing(f"not set: {names}. The runner of Classroom 50 sets them before autograder.py")
    return {
        "schema": SCHEMA,
        "classroom": environment["CLASSROOM"],
        "assignment": environment["ASSIGNMENT"],
        "assignment_type": environment.get("ASSIGNMENT_TYPE") or "individual",
        "owner": owner,
        "submission": environment["SUBMISSION_TAG"],
        "commit": environment["COMMIT_URL"],
        "release": environment["RELEASE_URL"],
        "review": environment.get("REVIEW_URL") or environment["COMMIT_URL"],
    }


def _results(result: SubmissionResult, identity: Table, rows: list[shown.Row]) -> Table:
    tests = _tests(rows)
    earned = sum(test["score"] for test in tests)
    return {
        **identity,
        "datetime": _instant(result.submitted),
        "score": max(0, earned - round(result.late.penalty)),
        "max-score": sum(test["max-score"] for test in tests),
        "tests": tests,
    }


def convert(
    result: SubmissionResult, done: bool = True, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """result.json as a table. The result's identity is the runner's: it stands in environment variables."""
    identity = _identity(os.environ if environment is None else environment)
    rows = shown.merge_hidden(shown.rows(result, done))
    return fit(lambda limit: _results(result, identity, shown.shortened(rows, limit)))


def fenced(text: str) -> str:
    """A block in which Markdown means nothing: its fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def plain(text: str) -> str:
    """A line in which Markdown and HTML mean nothing."""
    return re.sub(r"([\\`*_{}\[\]<>()#+\-.!|~&@:])", r"\\\1", text).replace("\\<", "&lt;").replace("\\&", "&amp;")


def _body(notes: list[str], table: Table, limit: int) -> str:
    lines = [f"### ckptlab: {table['score']}/{table['max-score']}", ""]
    lines += [f"- {plain(' '.join(note.split()))[:limit]}" for note in notes]
    lines += ["", "| Test | Result | Score |", "|---|---|---|"]
    for test in table["tests"]:
        word = "PASS" if test["passed"] else "FAIL"
        lines.append(f"| {plain(test['test-name'])} | {word} | {test['score']} / {test['max-score']} |")
    for test in table["tests"]:
        if test.get("output") and not test["passed"]:
            lines += ["", f"**{plain(test['test-name'])}**", "", fenced(test["output"][:limit])]
    return "\n".join(lines) + "\n"


def body(result: SubmissionResult, table: Table, done: bool) -> str:
    """release-body.md: what students read on the page of their release."""
    notes = shown.notes(result, done)
    for limit in (4000, 1000, 300):
        text = _body(notes, table, limit)
        if len(text) <= LARGEST_BODY:
            return text
    points = f"{table['score']}/{table['max-score']}"
    return f"### ckptlab: {points}\n\nThe results are too long for this page: see result.json.\n"


def write(result: SubmissionResult, path: Path, done: bool = True) -> None:
    table = convert(result, done)
    write_whole(path.with_name(BODY), body(result, table, done))
    write_whole(path, dump(table) + "\n")
