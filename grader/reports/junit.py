"""JUnit XML as Jenkins and GitLab read it (junit-10.xsd of Jenkins' xunit plugin).

A suite is one stage of one submission. A failed test is a failure. A skipped one is skipped, and so is one
that the reference fails on this machine. What could not be tested at all (refused, missing, not built, time
limit, the grader failed) is an error of the stage, and its type says which.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from reports import results
from reports.feedback import feedback, moment
from reports.results import StageResult, SubmissionResult, TestResult
from reports.text import clean, one_line, write_whole

DETAIL = 8000  # characters
ENVIRONMENT = "grader environment: the reference itself fails this test on this machine; nobody lost points"


def as_xml(class_results: Iterable[SubmissionResult], title: str = "ckptlab") -> str:
    root = ET.Element("testsuites", name=one_line(title))
    for result in class_results:
        root.extend(_suites(result))
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    root.set("time", _seconds(sum(float(suite.get("time", "0")) for suite in root)))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def write_class(class_results: Iterable[SubmissionResult], path: Path, title: str = "ckptlab") -> None:
    """All of a class, hidden tests included: for the staff."""
    write_whole(path, as_xml(sorted(class_results, key=lambda result: result.name), title))


def write_student(
    result: SubmissionResult, path: Path, *, published: bool = False, now: datetime | None = None
) -> None:
    """One submission, for its author: without what feedback.py leaves out."""
    write_whole(path, as_xml([feedback(result, published=published, now=now).result], result.student))


def _suites(result: SubmissionResult) -> list[ET.Element]:
    if result.status != results.GRADED or not result.stages:
        case = _case(result.name, result.source or "submission", 0.0)
        _child(case, "error", result.status, result.message or result.status)
        return [_suite(result, result.name, result.seconds, [case]), *_stage_suites(result)]
    return _stage_suites(result)


def _stage_suites(result: SubmissionResult) -> list[ET.Element]:
    found = []
    for stage in result.stages:
        name = f"{result.name}.{stage.folder}"
        cases = [_test_case(name, test) for test in stage.tests]
        if stage.status != results.GRADED:
            cases.insert(0, _stage_case(name, stage))
        found.append(_suite(result, name, stage.seconds, cases, _sums(stage.points, stage.maximum)))
    return found


def _sums(points: float, maximum: float) -> list[tuple[str, str]]:
    return [("points", f"{points:g}"), ("maximum", f"{maximum:g}")]


def _suite(
    result: SubmissionResult,
    name: str,
    seconds: float,
    cases: Sequence[ET.Element],
    properties: Sequence[tuple[str, str]] = (),
) -> ET.Element:
    suite = ET.Element("testsuite", name=one_line(name), tests=str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", _seconds(seconds))
    started = moment(result.started)
    if started is not None:  # without offset and fraction, as the older schema of Ant wants it
        suite.set("timestamp", started.strftime("%Y-%m-%dT%H:%M:%S"))
    suite.set("hostname", one_line(result.machine) or "unknown")
    rows = ET.SubElement(suite, "properties")
    for key, value in [("student", result.student), ("sandbox", result.sandbox), *properties]:
        ET.SubElement(rows, "property", name=key, value=one_line(value))
    suite.extend(cases)
    return suite


def _case(suite: str, name: str, seconds: float) -> ET.Element:
    return ET.Element("testcase", classname=one_line(suite), name=one_line(name), time=_seconds(seconds))


def _stage_case(suite: str, stage: StageResult) -> ET.Element:
    case = _case(suite, "stage", stage.seconds)
    message = stage.cause_text or stage.message or stage.status
    _child(case, "error", stage.cause or stage.status, message, stage.message)
    return case


def _test_case(suite: str, test: TestResult) -> ET.Element:
    case = _case(suite, test.test, test.seconds)
    if test.outcome == results.FAILED:
        _child(case, "failure", test.cause or "unknown", test.reason, _explanation(test))
    elif test.outcome == results.ENVIRONMENT:
        _child(case, "skipped", "environment", ENVIRONMENT)
    elif test.outcome == results.SKIPPED:
        _child(case, "skipped", "skipped", test.reason or "skipped")
    return case


def _explanation(test: TestResult) -> str:
    parts = [test.title, test.reason]
    parts += [f"Where: {test.where}; {test.where_how}"] if test.where else []
    parts += [f"Cause: {test.cause_text}"] if test.cause_text else []
    parts += [f"Next: {test.next_step}"] if test.next_step else []
    parts += [f"Read: {test.read}"] if test.read else []
    parts += ["Symptoms:", *test.symptoms[:50]] if test.symptoms else []
    parts += [f"Files: {test.artefacts}"] if test.artefacts else []
    return "\n".join(parts)


def _child(case: ET.Element, tag: str, kind: str, message: str, text: str = "") -> None:
    child = ET.SubElement(case, tag, type=one_line(kind), message=one_line(message))
    child.text = clean(text, DETAIL) or None


def _seconds(value: float) -> str:
    return f"{max(0.0, value):.3f}"
