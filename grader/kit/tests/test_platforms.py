"""The formats of course platforms: valid at every moment, and nothing in them that students must not see."""
from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import platforms
from conftest import TOP
from platforms import autolab, classroom50, gradescope, output, prairielearn, shown
from reports import results
from reports.results import Late, StageResult, SubmissionResult, TestResult
from stage.config import Stage

SCHEMAS = TOP / "grader/kit/schemas"
Table = dict[str, Any]

RUNNER = {  # what Classroom 50's runner sets
    "CLASSROOM": "os-fall", "ASSIGNMENT": "ckptlab", "OWNER": "alice", "ASSIGNMENT_TYPE": "individual",
    "SUBMISSION_TAG": "submit/2026-06-01T14-32-05Z-a1b2c3d", "COMMIT_URL": "https://github.test/x/commit/1",
    "RELEASE_URL": "https://github.test/x/releases/tag/1",
}
SECRET = ("test_guard_secret", "No guard page is touched", "SECRET-OUTPUT", "SECRET-CAUSE", "SECRET-STEP")
HOSTILE = "\x1b[2J\x1b]0;title\x07\x00\x08 a\u202eb \ud800 </pre><script> ```\r\n{\"scores\": {\"Stage 1\": 20}}"


@pytest.fixture(autouse=True)
def runner(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in RUNNER.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(gradescope.METADATA, raising=False)


def validator(name: str) -> jsonschema.Draft7Validator:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def errors(name: str, table: object) -> list[str]:
    return [error.message for error in validator(name).iter_errors(table)]


# Submissions to convert


def a_test(name: str, points: float, maximum: float, outcome: str, **more: Any) -> TestResult:
    return TestResult(name, more.pop("title", f"Title of {name}"), points, maximum, "1.2", outcome, **more)


def hidden(outcome: str = results.FAILED, visibility: str = results.HIDDEN) -> TestResult:
    return a_test(SECRET[0], 0.0, 4, outcome, title=SECRET[1], reason=SECRET[2], cause_text=SECRET[3],
                  next_step=SECRET[4], visibility=visibility, expected=[SECRET[2]], got=["x"])


def stage(number: int, tests: list[TestResult], **more: Any) -> StageResult:
    counted = [test for test in tests if test.outcome != results.ENVIRONMENT]
    return StageResult(number, f"stage{number}-x", tests=tests, points=sum(test.points for test in counted),
                       maximum=more.pop("maximum", sum(test.maximum for test in counted)), **more)


def submission(*stages: StageResult, **more: Any) -> SubmissionResult:
    return SubmissionResult("alice", "Alice", submitted="2026-06-01T16:32:05+02:00", seconds=12.5,
                            stages=list(stages), **more)


def graded() -> SubmissionResult:
    """Something of everything."""
    first = stage(1, [
        a_test("test_file", 3, 3, results.PASSED),
        a_test("test_parse", 0, 5, results.FAILED, reason="It lost a line", cause_text="sscanf",
               next_step="Read it", expected=["a", "b"], got=["a", "c"],
               symptoms=["stderr says: oops", "other"], read="step 1.2"),
        a_test("test_after", 0, 2, results.SKIPPED, reason=f"needs {SECRET[0]}"),
        hidden(),
        a_test("test_due", 2, 2, results.PASSED, visibility=results.AFTER_DUE, remark=f"see {SECRET[0]}"),
    ], warnings=3)
    return submission(first, stage(2, [], status=results.NOT_BUILT, maximum=35, message="x.c:1: error: y"),
                      stage(3, [], status=results.MISSING, maximum=45), notes=["a.out was left out"],
                      variables=["SIGNAL=10"], late=Late("2026-06-01T12:00:00+02:00", 1, 0, 1.0))


def hostile() -> SubmissionResult:
    long = HOSTILE + "x" * 2_000_000
    tests = [a_test(f"test_{number}", 0, 1, results.FAILED, title=HOSTILE, reason=long,
                    expected=[HOSTILE * 99], got=[HOSTILE], cause_text=HOSTILE) for number in range(80)]
    broken = stage(2, [], status=results.NOT_BUILT, maximum=35, message=HOSTILE * 20_000)
    return submission(stage(1, tests), broken, notes=[HOSTILE] * 5000, message=HOSTILE * 9999)


VARIANTS: dict[str, Callable[[], SubmissionResult]] = {
    "graded": graded,
    "hostile": hostile,
    "nothing yet": submission,
    "started": lambda: submission(stage(1, [], maximum=20), stage(2, [], maximum=35)),
    "refused": lambda: submission(status=results.REFUSED, message="it has a link to /etc"),
    "time limit": lambda: submission(stage(1, [a_test("test_a", 1, 1, "passed")], maximum=20, message="600 s",
                                           status=results.TIME_LIMIT)),
    "grader failed": lambda: submission(stage(1, [], maximum=20, message="Traceback",
                                              status=results.GRADER_FAILED)),
    "environment": lambda: submission(stage(1, [a_test("test_a", 1, 1, "passed"),
                                                a_test("test_e", 0, 7, results.ENVIRONMENT)])),
    "all environment": lambda: submission(stage(1, [a_test("test_e", 0, 7, results.ENVIRONMENT)])),
    "halves": lambda: submission(stage(1, [a_test(f"test_{n}", 0.5, 0.5, "passed") for n in range(5)])),
    "full marks": lambda: submission(stage(1, [a_test("test_a", 20, 20, "passed")])),
    "only hidden": lambda: submission(stage(1, [hidden()])),
    "very late": lambda: submission(stage(1, [a_test("test_a", 1, 1, "passed")]), late=Late("2026", 9, 2, 90.0)),
}
PASSING = ("halves", "full marks", "environment", "very late")
CONVERTERS: dict[str, Callable[[SubmissionResult, bool], Table]] = {
    "gradescope-results": gradescope.convert, "classroom50-result": classroom50.convert,
    "autolab-feedback": autolab.feedback, "prairielearn-results": prairielearn.convert,
}


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("schema", CONVERTERS)
def test_it_is_valid(schema: str, variant: str, done: bool) -> None:
    table = CONVERTERS[schema](VARIANTS[variant](), done)
    assert errors(schema, table) == []
    written = output.dump(table)
    assert len(written) < 1_000_000 and written.isascii()
    assert not re.search(r"\\u00[01]|\\u202e|\\ud[89a-f]", written)


# Autolab


def autolab_reads(content: str) -> tuple[Table | None, Table]:
    """The feedback and the scores, as assessments_controller.rb and assessment_autograde_core.rb find them."""
    lines = content.splitlines()
    autoresult = content.rstrip().splitlines()[-1]
    parsed = json.loads(re.sub("([a-zA-Z0-9]+):", r'"\1":', autoresult))
    return json.loads(lines[-2]), parsed["scores"]


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name not in ("nothing yet", "refused")])
def test_autolab_finds_its_two_lines(variant: str, tmp_path: Path) -> None:
    result = VARIANTS[variant]()
    autolab.write(result, tmp_path / "out")
    feedback, scores = autolab_reads((tmp_path / "out").read_text())
    assert feedback is not None and scores
    assert errors("autolab-feedback", feedback) == [] and errors("autolab-autoresult", {"scores": scores}) == []
    for name in feedback["stages"]:
        assert feedback[name] and not any(key.startswith("_") for key in feedback[name])
    assert sum(scores.values()) == pytest.approx(result.final)


def test_autolab_keeps_its_scores_where_there_are_none(tmp_path: Path) -> None:
    autolab.write(VARIANTS["refused"](), tmp_path / "out")
    content = (tmp_path / "out").read_text()
    assert "link to /etc" in content
    with pytest.raises(json.JSONDecodeError):
        autolab_reads(content)


def test_autolab_tests_with_the_same_name_are_all_there() -> None:
    tests = [a_test("test_a", 1, 1, "passed", title="same"), a_test("test_a", 0, 1, "failed", title="same")]
    assert len(autolab.feedback(submission(stage(1, tests)))["Stage 1"]) == 2


# What students see


def seen_on(name: str, result: SubmissionResult, done: bool, tmp_path: Path) -> str:
    """All that a student may read on the platform."""
    platforms.write(name, result, tmp_path / "results", done, STAGES)
    seen = "".join(path.read_text() for path in tmp_path.iterdir() if path.is_file())
    if name != "gradescope":
        return seen
    table = json.loads(seen)
    table["tests"] = [test for test in table["tests"] if test.get("visibility") == "visible"]
    return json.dumps(table)


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("visibility", [results.HIDDEN, results.AFTER_PUBLISHED, results.AFTER_DUE, "mistyped"])
@pytest.mark.parametrize("outcome", [results.FAILED, results.PASSED, results.SKIPPED, results.ENVIRONMENT])
@pytest.mark.parametrize("name", platforms.WRITERS)
def test_hidden_tests_do_not_show(
    name: str, outcome: str, visibility: str, done: bool, tmp_path: Path
) -> None:
    result = graded()
    result.stages[0].tests[3] = hidden(outcome, visibility)
    result.stages[0].message = f"{SECRET[0]} has failed"
    result.notes.append(f"not run: {SECRET[0]}, {SECRET[1]}")
    seen = seen_on(name, result, done, tmp_path)
    assert not [word for word in SECRET if word in seen]
    assert "test_parse" in seen or "Title of test_parse" in seen


def test_gradescope_gets_hidden_tests_and_hides_them() -> None:
    table = gradescope.convert(graded())
    found = {test["extra_data"]["test"]: test for test in table["tests"]}
    assert found[SECRET[0]]["visibility"] == "hidden" and SECRET[2] in found[SECRET[0]]["output"]
    assert found["test_due"]["visibility"] == "after_due_date"
    assert SECRET[0] not in found["test_due"]["output"], "it is shown before the hidden one is"
    assert found["test_after"]["output"] == f"needs {shown.NOT_SHOWN}"
    assert table["stdout_visibility"] == "hidden"
    numbers = [test["number"] for test in table["tests"]]
    assert numbers == ["1.1", "1.2", "1.3", "1.4", "1.5", "2.1", "3.1"], "no gap tells of a hidden test"


def test_where_nothing_can_be_hidden_the_points_are_one_row() -> None:
    rows = shown.merge_hidden(shown.rows(graded(), True))
    secret = [row for row in rows if row.title == "tests that are not shown"]
    assert [(row.stage, row.points, row.maximum, row.text) for row in secret] == [(1, 2, 6, "")]
    assert sum(row.maximum for row in rows) == 16 + 35 + 45


def test_the_trace_of_a_grader_that_failed_is_not_shown() -> None:
    broken = submission(stage(1, [], maximum=20, status=results.GRADER_FAILED, message=f"in {SECRET[0]}: Error"))
    assert SECRET[0] not in json.dumps([convert(broken, True) for convert in CONVERTERS.values()])


def test_the_machine_s_folders_are_not_shown() -> None:
    result = graded()
    result.stages[0].tests[1].reason = "/tmp/ckptlab-12/j/0/tree/x.c lost /proc/self/maps"
    assert ".../x.c lost /proc/self/maps" in json.dumps(gradescope.convert(result))


# Points


def test_points_and_status_on_gradescope() -> None:
    table = gradescope.convert(graded())
    assert table["score"] == 4 and table["execution_time"] == 12.5
    assert [(test["score"], test["max_score"], test.get("status")) for test in table["tests"]] == [
        (3, 3, "passed"), (0, 5, "failed"), (0, 2, "failed"), (2, 2, "passed"), (0, 4, "failed"),
        (0, 35, "failed"), (0, 45, "failed")]
    assert sum(test["max_score"] for test in table["tests"]) == 96
    told = table["output"]
    for words in ("Late: 1 begun", "a.out was left out", "SIGNAL=10", "3 compiler warning"):
        assert words in told


def test_a_failure_says_all_that_the_grader_says() -> None:
    failed = gradescope.convert(graded())["tests"][1]
    assert failed["name"] == "Stage 1, Title of test_parse" and failed["tags"] == ["stage1", "step 1.2"]
    for words in ("It lost a line", "Line 2 should be:  b", "Line 2 is:         c", "stderr says: oops",
                  "Cause: sscanf", "Next: Read it", "Read: step 1.2"):
        assert words in failed["output"]
    assert "other" not in failed["output"]
    assert "x.c:1: error: y" in gradescope.convert(graded())["tests"][5]["output"]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("done", [True, False])
def test_classroom50_points_are_what_its_runner_accepts(variant: str, done: bool) -> None:
    """The rules of runner.py's validate_result that no schema can express."""
    table = classroom50.convert(VARIANTS[variant](), done)
    for row in [table, *table["tests"]]:
        assert 0 <= row["score"] <= row["max-score"]
        assert type(row["score"]) is int and type(row["max-score"]) is int
    assert table["max-score"] == sum(test["max-score"] for test in table["tests"])
    assert table["tests"], "an empty list is a success to the runner"
    assert all(test["passed"] for test in table["tests"]) == (variant in PASSING)
    assert table["owner"] == "alice" and table["datetime"] == "2026-06-01T14:32:05Z"


def test_half_points_add_up_on_classroom50() -> None:
    table = classroom50.convert(VARIANTS["halves"]())
    assert (table["score"], table["max-score"]) == (3, 3), "2.5 is rounded once, not five times"


def test_lateness_costs_on_every_platform() -> None:
    late = VARIANTS["very late"]()
    assert gradescope.convert(late)["score"] == 0
    assert classroom50.convert(late)["score"] == 0
    assert prairielearn.convert(late)["score"] == 0
    assert autolab.convert(late)["scores"] == {"Stage 1": 1, "Late": -1}
    assert "It costs 90 points" in gradescope.convert(late)["output"]
    late.stages[0].tests[0].visibility = results.HIDDEN
    assert "Late: " in gradescope.convert(late)["output"] and "It costs" not in gradescope.convert(late)["output"]
    assert classroom50.convert(graded())["score"] == 4
    assert prairielearn.convert(graded())["score"] == pytest.approx(4 / 96, abs=1e-6)


@pytest.mark.parametrize("name", platforms.WRITERS)
def test_what_the_machine_cannot_run_is_not_counted_and_told(name: str, tmp_path: Path) -> None:
    seen = seen_on(name, VARIANTS["environment"](), True, tmp_path)
    assert "not counted" in seen and shown.NOT_YOURS.split(":")[0] in seen
    assert prairielearn.convert(VARIANTS["environment"]())["score"] == 1
    assert classroom50.convert(VARIANTS["environment"]())["max-score"] == 1
    assert [test["max_score"] for test in gradescope.convert(VARIANTS["environment"]())["tests"]] == [1]


@pytest.mark.parametrize("variant, words", [
    ("refused", "link to /etc"), ("time limit", "the time limit ended it"),
    ("grader failed", "the grader failed"), ("graded", "it does not build"), ("graded", "not in the submission")])
@pytest.mark.parametrize("name", platforms.WRITERS)
def test_what_went_wrong_is_told(name: str, variant: str, words: str, tmp_path: Path) -> None:
    seen = seen_on(name, VARIANTS[variant](), True, tmp_path).replace("\\-", "-")
    assert words in seen


def test_prairielearn_takes_no_attempt_for_what_cannot_be_graded() -> None:
    for variant, can in [("refused", False), ("grader failed", False), ("graded", True), ("time limit", True)]:
        table = prairielearn.convert(VARIANTS[variant]())
        assert table["gradable"] is can, variant
        assert bool(table.get("format_errors")) is not can
    broken = submission(stage(1, [], status=results.NOT_BUILT, maximum=20, message="error: y"))
    assert "error: y" in prairielearn.convert(broken)["format_errors"][0]


# Partial results

STAGES = [Stage(1, "stage1-x", [], 5, Path("none"), ""), Stage(2, "stage2-x", [], 4, Path("none"), "")]


def steps() -> list[SubmissionResult]:
    """The result after each test, as the job knows it."""
    whole = submission(stage(1, [a_test("test_a", 2, 2, "passed"), a_test("test_b", 0, 3, "failed", reason="no")]),
                       stage(2, [a_test("test_c", 4, 4, "passed")]))
    found = []
    for count in range(4):
        now, number = copy.deepcopy(whole), 0
        for one in now.stages:
            for test in one.tests:
                if number >= count:
                    test.outcome, test.points, test.reason = results.SKIPPED, 0.0, ""
                number += 1
            one.points = sum(test.points for test in one.tests)
        if count < 2:
            now.stages[1].tests = []  # they are not known yet
        found.append(now)
    return found


@pytest.mark.parametrize("name, schema", zip(
    ["gradescope", "classroom50", "prairielearn"],
    ["gradescope-results", "classroom50-result", "prairielearn-results"]))
def test_each_step_is_valid_and_says_what_is_to_come(name: str, schema: str, tmp_path: Path) -> None:
    path, marked = tmp_path / "results.json", []
    for number, now in enumerate(steps()):
        if number < 2:
            now.stages.pop()  # the job has not come to it
        platforms.write(name, now, path, number == 3, STAGES)
        table = json.loads(path.read_text())
        assert errors(schema, table) == []
        marked.append(len(re.findall(r"\(not graded yet\)", json.dumps(table["tests"]))))
        if name == "gradescope":
            assert ("Grading is not finished" in table["output"]) == (number < 3)
        maxima = [test[key] for test in table["tests"] for key in ("max_score", "max-score", "max_points")
                  if key in test]
        assert sum(maxima) == 9
    assert marked == [3, 2, 1, 0]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")], "no partial file stays"


def test_autolab_has_its_scores_at_each_step(tmp_path: Path) -> None:
    found = []
    for now in steps():
        autolab.write(now, tmp_path / "out", done=False)
        found.append(autolab_reads((tmp_path / "out").read_text())[1])
    assert found == [{"Stage 1": 0, "Stage 2": 0}, {"Stage 1": 2, "Stage 2": 0}, {"Stage 1": 2, "Stage 2": 0},
                     {"Stage 1": 2, "Stage 2": 4}]


def test_a_skipped_test_stays_skipped_when_grading_is_done() -> None:
    done = gradescope.convert(steps()[1], True)
    assert "not graded yet" not in json.dumps(done)


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.json"
    gradescope.write(graded(), path)
    before = path.read_text()
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        gradescope.write(VARIANTS["started"](), path, False)
    assert path.read_text() == before


def test_a_link_that_a_student_put_there_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("stays")
    for name in ("result.json", "release-body.md"):
        (tmp_path / name).symlink_to("precious")
    classroom50.write(graded(), tmp_path / "result.json")
    assert (tmp_path / "precious").read_text() == "stays"
    assert not (tmp_path / "result.json").is_symlink()


def test_an_unknown_platform_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'moodle'; there are gradescope, classroom50"):
        platforms.write("moodle", graded(), tmp_path / "x")


def test_release_body_is_markdown_that_a_program_cannot_break() -> None:
    result = graded()
    result.stages[0].tests[1].reason = "````\n# big\n| a |"
    result.stages[0].tests[1].title = "a | b <img src=x> [x](http://y.test) @user"
    body = classroom50.body(result, classroom50.convert(result), True)
    assert "`````text\n````\n# big\n| a |" in body
    row = next(line for line in body.splitlines() if line.startswith("| Stage 1, a"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 4 and "<img" not in row and "[x](" not in row
    assert body.startswith("### ckptlab: 4/96\n")
    endless = classroom50.body(hostile(), classroom50.convert(hostile()), True)
    assert len(endless) <= classroom50.LARGEST_BODY


# Gradescope's metadata, Classroom 50's environment

METADATA: Table = {  # the documentation's example
    "id": 123456, "created_at": "2018-08-01T14:22:32.365935-07:00",
    "assignment": {"due_date": "2018-07-31T23:00:00.000000-07:00", "group_size": 4, "group_submission": True,
                   "id": 25828, "course_id": 1234, "late_due_date": None,
                   "release_date": "2018-07-02T00:00:00.000000-07:00", "title": "Programming Assignment 1",
                   "total_points": "20.0"},
    "submission_method": "upload",
    "users": [{"email": "student@example.com", "id": 1234, "name": "Student User"}],
    "previous_submissions": [{
        "submission_time": "2017-04-06T14:24:48.087023-07:00", "score": 0.0,
        "results": {"score": 1.0, "tests": [
            {"name": "Stage 1, Title of test_parse", "status": "passed", "score": 5.0, "visibility": "visible"},
            {"name": f"Stage 1, {SECRET[1]}", "status": "passed", "score": 5.0, "visibility": "hidden"}]}}],
}


def test_metadata_tells_who_and_what_was_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert errors("gradescope-metadata", METADATA) == []
    (tmp_path / "metadata").write_text(json.dumps(METADATA))
    monkeypatch.setenv(gradescope.METADATA, str(tmp_path / "metadata"))
    result = graded()
    gradescope.identify(result, gradescope.load_metadata())
    assert (result.student, result.student_id) == ("Student User", "student@example.com")
    assert result.submitted == METADATA["created_at"]
    gradescope.write(result, tmp_path / "results.json")
    told = json.loads((tmp_path / "results.json").read_text())["output"]
    assert "after the due date, 2018-07-31" in told and "Earlier submissions of yours: 1" in told
    assert "Passed last time, and not now: Stage 1, Title of test_parse" in told and SECRET[1] not in told


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"users": 3}', '{"users": [3], "assignment": "x"}', "null",
                                     '{"previous_submissions": [{"results": {"tests": [{}]}}, 7]}', '{"id": 1'])
def test_odd_metadata_costs_no_grade(content: str, tmp_path: Path) -> None:
    (tmp_path / "metadata").write_text(content)
    metadata = gradescope.load_metadata(tmp_path / "metadata")
    assert errors("gradescope-results", gradescope.convert(graded(), True, metadata)) == []
    assert gradescope.load_metadata(tmp_path / "absent") == gradescope.Metadata()


def test_classroom50_needs_its_runner_s_variables() -> None:
    with pytest.raises(classroom50.EnvironmentMissing, match="ASSIGNMENT, OWNER"):
        classroom50.convert(graded(), True, {name: value for name, value in RUNNER.items()
                                             if name not in ("ASSIGNMENT", "OWNER")})
    table = classroom50.convert(graded(), True, {**RUNNER, "REVIEW_URL": "https://github.test/compare"})
    assert table["review"] == "https://github.test/compare"
    assert classroom50.convert(graded())["review"] == RUNNER["COMMIT_URL"]


# The schemas: each takes the example of its documentation (worded anew), and refuses what is broken

EXAMPLES: dict[str, Table] = {
    "gradescope-results": {
        "score": 44.0, "execution_time": 136, "output": "About the whole submission",
        "output_format": "simple_format",
        "test_output_format": "text", "test_name_format": "text", "visibility": "after_due_date",
        "stdout_visibility": "visible", "extra_data": {},
        "tests": [{"score": 2.0, "max_score": 2.0, "status": "passed", "name": "A name", "name_format": "text",
                   "number": "1.1", "output": "Many lines", "output_format": "text", "tags": ["tag1", "tag2"],
                   "visibility": "visible", "extra_data": {}}],
        "leaderboard": [{"name": "Accuracy", "value": 0.926}, {"name": "Time", "value": 15.1, "order": "asc"},
                        {"name": "Stars", "value": "*****"}]},
    "classroom50-result": {
        "schema": "classroom50/result/v1", "classroom": "cs-principles", "assignment": "hello",
        "assignment_type": "individual", "owner": "alice", "submission": "submit/2026-06-01T14-32-05Z-a1b2c3d",
        "commit": "https://github.test/commit/SHA", "release": "https://github.test/releases/tag/submit%2F1",
        "review": "https://github.test/compare/A...B", "datetime": "2026-06-01T14:32:01Z",
        "graded_at": "2026-06-01T14:33:11Z", "score": 4, "max-score": 5,
        "tests": [{"test-name": "compiles", "passed": True, "score": 4, "max-score": 4},
                  {"test-name": "right", "passed": False, "score": 0, "max-score": 1, "output": "kept"}],
        "submitted_by": {"username": "bob", "id": None}},
    "autolab-autoresult": {"scores": {"Prob1": 10, "Prob2": 5}, "scoreboard": [10, 5, 15]},
    "autolab-feedback": {
        "_presentation": "semantic", "stages": ["Build", "Test", "Timing"],
        "Test": {"Add": {"passed": True}, "Return": {"passed": False, "hint": "Return 1"}},
        "Build": {"compile": {"passed": True}}, "Timing": {"Stage 1 (ms)": 10, "Stage 2 (ms)": 20}},
    "prairielearn-results": {
        "gradable": True, "score": 0.25, "message": "Done.", "output": "Running...\n",
        "images": [{"label": "First", "url": "data:image/png;base64,AAAA"}, "data:image/png;base64,BBBB"],
        "tests": [{"name": "Test 1", "description": "A thing", "points": 1, "max_points": 1, "message": "No errors",
                   "output": "Running test...", "images": []}]},
    "gradescope-metadata": METADATA,
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_schema_takes_the_documentation_s_example(name: str) -> None:
    assert errors(name, EXAMPLES[name]) == []
    assert "https://" in json.loads((SCHEMAS / f"{name}.json").read_text())["$comment"]


BROKEN: list[tuple[str, str, Any]] = [
    ("gradescope-results", "score", "44"), ("gradescope-results", "visibility", "shown"),
    ("gradescope-results", "stdout_visibility", True), ("gradescope-results", "points", 3),
    ("gradescope-results", "output_format", "markdown"), ("gradescope-results", "output", None),
    ("gradescope-results", "tests", [{"score": 1, "status": "ok"}]), ("gradescope-results", "tests", {"a": 1}),
    ("gradescope-results", "tests", [{"score": 1, "number": 1.1}]),
    ("gradescope-results", "tests", [{"points": 1}]),
    ("classroom50-result", "schema", "classroom50/result/v2"), ("classroom50-result", "submission", "main"),
    ("classroom50-result", "score", 1.5), ("classroom50-result", "score", True),
    ("classroom50-result", "score", -1),
    ("classroom50-result", "owner", ""), ("classroom50-result", "assignment_type", "bogus"),
    ("classroom50-result", "datetime", "2026-06-01 14:33:11"), ("classroom50-result", "extra", "x"),
    ("classroom50-result", "datetime", "2026-06-01T14:33:11+00:00"), ("classroom50-result", "usernames", []),
    ("classroom50-result", "tests", [{"test-name": "t", "passed": "yes", "score": 1, "max-score": 1}]),
    ("classroom50-result", "tests", "none"), ("classroom50-result", "submitted_by", {"id": 222}),
    ("autolab-autoresult", "scores", {}), ("autolab-autoresult", "scores", {"a": "10"}),
    ("autolab-autoresult", "scores", {"Stage 1: x": 10}), ("autolab-autoresult", "tests", []),
    ("autolab-feedback", "_presentation", "plain"), ("autolab-feedback", "Build", {"compile": {"ok": True}}),
    ("autolab-feedback", "Build", {"compile": {"passed": "yes"}}), ("autolab-feedback", "stages", "Build"),
    ("prairielearn-results", "score", 25), ("prairielearn-results", "score", -0.1),
    ("prairielearn-results", "gradable", "no"), ("prairielearn-results", "tests", [{"points": "1"}]),
    ("prairielearn-results", "images", [{"label": "no address"}]), ("prairielearn-results", "message", ["x"]),
    ("gradescope-metadata", "users", [{"name": "no address"}]), ("gradescope-metadata", "id", "x"),
]


@pytest.mark.parametrize("name, key, value", BROKEN)
def test_the_schema_refuses_what_is_broken(name: str, key: str, value: Any) -> None:
    assert errors(name, {**EXAMPLES[name], key: value}) != []


@pytest.mark.parametrize("name, key", [
    *[("classroom50-result", key) for key in EXAMPLES["classroom50-result"]
      if key not in ("graded_at", "submitted_by")],
    ("autolab-autoresult", "scores"), ("autolab-feedback", "_presentation"), ("prairielearn-results", "score"),
    ("gradescope-metadata", "created_at")])
def test_the_schema_wants_what_must_be_there(name: str, key: str) -> None:
    assert errors(name, {field: value for field, value in EXAMPLES[name].items() if field != key}) != []


def test_gradescope_needs_a_score_somewhere() -> None:
    assert errors("gradescope-results", {"output": "x"}) != []
    assert errors("gradescope-results", {"tests": []}) != []
    assert errors("gradescope-results", {"tests": [{"name": "no score"}]}) != []
    assert errors("gradescope-results", {"tests": [{"score": 1}]}) == []
    assert errors("prairielearn-results", {"gradable": False, "format_errors": ["x"]}) == []
