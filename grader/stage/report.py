"""What the grader prints."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence
from itertools import zip_longest

from stage import filmed
from stage.scoring import Result, Scoring, repeat_command
from stage.where import NOT_WRITTEN

COLOURS = {"passed": "32", "failed": "31", "skipped": "33", "environment": "33", "bold": "1", "dim": "2"}
SYMBOLS = {"passed": "ok", "failed": "FAILED", "skipped": "skipped", "environment": "-"}


def colour(text: str, name: str) -> str:
    if not sys.stdout.isatty():
        return text
    return f"\033[{COLOURS[name]}m{text}\033[0m"


def width() -> int:
    return min(shutil.get_terminal_size((100, 24)).columns, 120)


def progress(number: int, count: int, name: str) -> None:
    """One line that is written again and again; nothing where stdout is no terminal."""
    if sys.stdout.isatty():
        line = f"[{number}/{count}] {name}"[: width() - 1]
        print(f"\r\033[K{line}", end="", flush=True)


def clear_progress() -> None:
    if sys.stdout.isatty():
        print("\r\033[K", end="")


def number(value: float) -> str:
    return f"{value:g}"


def score(result: Result) -> str:
    if result.stress:
        return "stress"
    return f"{number(result.points)}/{number(result.maximum)}"


def print_results(results: Sequence[Result]) -> None:
    names = max((len(result.test) for result in results), default=0)
    for result in results:
        outcome = colour(f"{SYMBOLS[result.outcome]:<7}", result.outcome)
        text = f"{score(result):>6}  {outcome}  {result.test:<{names}}  {result.title}"
        if result.outcome in ("skipped", "environment"):
            text += f" ({result.reason})"
        if result.remark:
            text += f" [{result.remark}]"
        print(text)


def side_by_side(expected: Sequence[str], got: Sequence[str], context: int = 6) -> list[str]:
    """Two columns around the first difference, which is marked."""
    pairs = list(zip_longest(expected, got, fillvalue=""))
    first = next((i for i, (a, b) in enumerate(pairs) if a != b), 0)
    column = max(20, (width() - 9) // 2)
    lines = [f"  {'expected':<{column}} | got"]
    for want, have in pairs[max(0, first - 2) : first + context]:
        mark = "  " if want == have else "> "
        line = f"{mark}{want[:column]:<{column}} | {have[:column]}"
        lines.append(line if want == have else colour(line, "failed"))
    return lines


def print_failure(scoring: Scoring, result: Result) -> None:
    print()
    print(colour(f"The first failure: {result.test}: {result.title}", "bold"))
    for line in result.reason.split("\n")[:12]:
        print(f"  {line}")
    if result.expected or result.got:
        for line in side_by_side(result.expected, result.got):
            print(f"    {line}")
    for start in (" says: ", "witness: "):
        for symptom in [s for s in result.symptoms if start in s][:5]:
            print(f"  {symptom}")
    print_paragraph("Where", result.where or result.where_how and "not found")
    print_paragraph("", result.where_how)
    unknown = "I do not know why; what differs is above" if result.where else "not one that the grader knows; see below for the evidence"
    guess = "a guess, which no experiment confirms: " if result.where_how and not result.where else ""
    if not result.where.endswith(NOT_WRITTEN):
        print_paragraph("Cause", f"{guess}{result.cause_text}" if result.cause_text else unknown)
    if result.cause:
        print(f"  Cause id: {result.cause}")
    print_paragraph("Next", result.next_step)
    print_paragraph("Read", result.read)
    print(f"  Again:  {repeat_command(scoring.lab, result.test)}")
    for name in [other.test for other in scoring.ordered() if other.film]:
        print(f"  Film:   {scoring.lab.kept / name / filmed.NAME}: its restart, call by call, for a browser")
    print(f"  Files:  {scoring.lab.results / result.test}/ (repro.sh, outputs, image)")


def print_paragraph(label: str, text: str) -> None:
    if text:
        lead = f"  {label + ':' if label else '':<7} "
        print(textwrap.fill(text, width(), initial_indent=lead, subsequent_indent=" " * len(lead)))


def print_evidence(result: Result) -> None:
    print("  Symptoms:")
    for symptom in result.symptoms:
        print(f"    {symptom}")
    if any(symptom.startswith("error:") for symptom in result.symptoms):
        print(textwrap.indent(result.detail, "    "))


def print_total(scoring: Scoring, seconds: float) -> None:
    got, maximum = scoring.total()
    name = "passed" if scoring.all_passed() else "failed"
    print()
    total = f"{scoring.lab.stage.title}: {number(got)} of {number(maximum)} points"
    print(colour(total, name) + f" in {seconds:.1f} s")


def print_report(scoring: Scoring, seconds: float, verbose: bool) -> None:
    clear_progress()
    results = scoring.ordered()
    print_results(results)
    failed = [result for result in results if result.outcome == "failed"]
    if failed:
        print_failure(scoring, failed[0])
    for result in failed if verbose else []:
        print(f"\n{result.test}: {result.reason}\n  Cause: {result.cause or 'unknown'}")
        print_evidence(result)
    for error in scoring.errors:
        print(error)
    print_total(scoring, seconds)
