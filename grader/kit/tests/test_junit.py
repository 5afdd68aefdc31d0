"""JUnit XML: what Jenkins' junit-10.xsd allows, and each outcome where it belongs."""
from __future__ import annotations

import re
import subprocess
import xml.etree.ElementTree as ET
from datetime import datetime, timezone
from pathlib import Path

import pytest

from conftest import need
from kit import fakeclass
from reports import junit, results
from reports.results import Late, StageResult, SubmissionResult, TestResult

# What junit-10.xsd of Jenkins' xunit plugin lets each element have: attributes (with ! if it must), children.
ALLOWED = {
    "testsuites": ("name time tests failures errors", "testsuite"),
    "testsuite": ("name! tests! failures! errors! group time skipped timestamp hostname id package file log url",
                  "testsuite properties testcase system-out system-err"),
    "properties": ("", "property"),
    "property": ("name! value!", ""),
    "testcase": ("name! time classname group", "skipped error failure system-out system-err"),
    "failure": ("type message", ""),
    "error": ("type message", ""),
    "skipped": ("type message", ""),
}


def check_schema(element: ET.Element) -> None:
    attributes, children = (set(words.split()) for words in ALLOWED[element.tag])
    must = {name[:-1] for name in attributes if name.endswith("!")}
    assert must <= set(element.keys()) <= {name.rstrip("!") for name in attributes}, ET.tostring(element)[:200]
    if element.tag.startswith("testsuite"):
        assert re.fullmatch(r"\d*(\.\d*)?", element.get("time", ""))
    assert {child.tag for child in element} <= children
    for child in element:
        check_schema(child)


def example() -> SubmissionResult:
    tests = [
        TestResult("test_a", "a", 1.0, 1.0, outcome=results.PASSED, seconds=1.5),
        TestResult("test_b", "b", 0.0, 1.0, outcome=results.FAILED, reason="bad", cause="no-tls", cause_text="Fs."),
        TestResult("test_c", "c", 0.0, 1.0, outcome=results.SKIPPED, reason="needs test_b"),
        TestResult("test_d", "d", 1.0, 1.0, outcome=results.ENVIRONMENT, visibility=results.HIDDEN),
    ]
    built = StageResult(1, "stage1-readmaps", points=2.0, maximum=4.0, tests=tests)
    broken = StageResult(2, "stage2-saveimage", status=results.NOT_BUILT, message="x.c:1: error")
    started = "2025-03-01T12:00:00.5+01:00"
    return SubmissionResult("ann", "Ann", stages=[built, broken], started=started, machine="lab1")


def cases(path: Path) -> dict[str, ET.Element]:
    return {f"{case.get('classname')}.{case.get('name')}": case for case in ET.parse(path).iter("testcase")}


def test_outcomes_are_where_they_belong(tmp_path: Path) -> None:
    junit.write_class([example()], tmp_path / "junit.xml")
    all_cases = cases(tmp_path / "junit.xml")
    found = {name: [(child.tag, child.get("type")) for child in case] for name, case in all_cases.items()}
    assert found == {
        "ann.stage1-readmaps.test_a": [],
        "ann.stage1-readmaps.test_b": [("failure", "no-tls")],
        "ann.stage1-readmaps.test_c": [("skipped", "skipped")],
        "ann.stage1-readmaps.test_d": [("skipped", "environment")],
        "ann.stage2-saveimage.stage": [("error", "not built")],
    }
    root = ET.parse(tmp_path / "junit.xml").getroot()
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("5", "1", "1")
    suite = root[0]
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["4", "1", "0", "2"]
    assert (suite.get("timestamp"), suite.get("hostname")) == ("2025-03-01T12:00:00", "lab1")


def test_a_failure_tells_what_to_do(tmp_path: Path) -> None:
    junit.write_class([example()], tmp_path / "junit.xml")
    failure = cases(tmp_path / "junit.xml")["ann.stage1-readmaps.test_b"][0]
    assert failure.get("message") == "bad" and "Cause: Fs." in (failure.text or "")


@pytest.mark.parametrize("status", [results.REFUSED, results.GRADER_FAILED])
def test_what_was_not_graded_is_an_error(status: str, tmp_path: Path) -> None:
    junit.write_class([SubmissionResult("zip", "Zip", status=status, message="why")], tmp_path / "junit.xml")
    (case,) = cases(tmp_path / "junit.xml").values()
    assert [(child.tag, child.get("type"), child.get("message")) for child in case] == [("error", status, "why")]


def test_a_student_does_not_see_hidden_tests(tmp_path: Path) -> None:
    junit.write_student(example(), tmp_path / "ann.xml")
    assert "test_d" not in (tmp_path / "ann.xml").read_text()
    assert len(cases(tmp_path / "ann.xml")) == 4


def test_a_student_sees_what_is_shown_after_the_due_date(tmp_path: Path) -> None:
    made = example()
    made.late = Late("2025-03-02T00:00:00+00:00")
    made.stages[0].tests[3].visibility = results.AFTER_DUE
    for day, count in ((1, 4), (3, 5)):
        junit.write_student(made, tmp_path / "ann.xml", now=datetime(2025, 3, day, tzinfo=timezone.utc))
        assert len(cases(tmp_path / "ann.xml")) == count


def test_hostile_words_make_valid_xml(tmp_path: Path) -> None:
    people = fakeclass.Maker(fakeclass.small()).people(20)
    assert any(made.student == fakeclass.HOSTILE for made in people)
    junit.write_class(people, tmp_path / "junit.xml", title=fakeclass.HOSTILE)
    root = ET.parse(tmp_path / "junit.xml").getroot()
    check_schema(root)
    assert (tmp_path / "junit.xml").stat().st_size < 1_000_000
    assert sum(len(made.tests()) for made in people) <= len(list(root.iter("testcase")))


def test_xmllint_finds_it_well_formed(tmp_path: Path) -> None:
    need("xmllint")
    junit.write_class(fakeclass.Maker(fakeclass.small()).people(5), tmp_path / "junit.xml")
    subprocess.run(["xmllint", "--noout", str(tmp_path / "junit.xml")], check=True)
