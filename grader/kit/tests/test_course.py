"""course.toml: what it makes of a graded submission, and what it says of mistakes."""

from __future__ import annotations

import functools
import re
import subprocess
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from reports import course_file, lateness, reports
from reports.course import Catalogue, Course, Declared, apply, only_stages, strangers, used_days
from reports.results import (
    AFTER_DUE,
    ENVIRONMENT,
    FAILED,
    HIDDEN,
    NOT_BUILT,
    PASSED,
    SKIPPED,
    VISIBLE,
    StageResult,
    SubmissionResult,
    TestResult,
)

CATALOGUE: Catalogue = {
    1: {
        "test_file": Declared(3),
        "test_large": Declared(1, ("test_file",)),
        "test_long": Declared(0, (), stress=True),
    },
    2: {"test_image": Declared(4), "test_large": Declared(2), "test_secret": Declared(1, hidden=True)},
}
NEW_YORK = '[due]\ntime_zone = "America/New_York"\n'


def read_with(tmp_path: Path, text: str, catalogue: Catalogue) -> Course:
    path = tmp_path / "course.toml"
    path.write_text(text)
    return course_file.load(path, catalogue)


def read(tmp_path: Path, text: str) -> Course:
    return read_with(tmp_path, text, CATALOGUE)


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(course_file.CourseError) as error:
        read(tmp_path, text)
    return error.value.problems


def a_test(name: str, maximum: float, outcome: str = PASSED, **more: object) -> TestResult:
    points = maximum if outcome == PASSED else 0.0
    return TestResult(name, name, points, maximum, outcome=outcome, **more)  # type: ignore[arg-type]


def stage_of(number: int, *tests: TestResult) -> StageResult:
    return StageResult(
        number, f"stage{number}", points=sum(t.points for t in tests), maximum=sum(t.maximum for t in tests),
        tests=list(tests),
    )


def ada(submitted: str = "2026-10-05T12:00:00-04:00") -> SubmissionResult:
    """Stage 1: 3 of 4 points; stage 2: 7 of 7."""
    return SubmissionResult(
        "lovelace-ada", "Ada Lovelace", "ada@example.edu", submitted=submitted,
        stages=[
            stage_of(1, a_test("test_file", 3), a_test("test_large", 1, FAILED)),
            stage_of(
                2, a_test("test_image", 4), a_test("test_large", 2), a_test("test_secret", 1, visibility=HIDDEN)
            ),
        ],
    )


def score(result: SubmissionResult) -> list[tuple[float, float]]:
    return [(stage.points, stage.maximum) for stage in result.stages]


# Points


def test_nothing_is_changed_by_an_empty_file(tmp_path: Path) -> None:
    assert apply(read(tmp_path, ""), ada()) == ada()


def test_points_are_scaled_and_the_maximum_follows(tmp_path: Path) -> None:
    course = read(tmp_path, "[points]\ntest_file = 6\n1.test_large = 0.5\n[points.2]\ntest_large = 0\n")
    new = apply(course, ada())
    assert score(new) == [(6, 6.5), (5, 5)]
    assert (course.maximum(1), course.maximum(2)) == (6.5, 5)


@pytest.mark.parametrize("word", ['"1.test_large" = 5', "1.test_large = 5", "1 = { test_large = 5 }"])
def test_a_stage_and_a_test_can_be_named_in_each_way_that_toml_has(tmp_path: Path, word: str) -> None:
    assert read(tmp_path, f"[points]\n{word}\n").points == {(1, "test_large"): 5}


def test_a_stage_can_have_a_weight(tmp_path: Path) -> None:
    """The sum is exact, whatever the parts; a test beyond the maximum is scaled as the others are."""
    course = read(tmp_path, "[weights]\n1 = 10\n2 = 20\n")
    assert course.points == {(1, "test_file"): 7.5, (1, "test_large"): 2.5,
                             (2, "test_image"): 11.43, (2, "test_large"): 5.71, (2, "test_secret"): 2.86}
    assert score(apply(course, ada()))[0] == (7.5, 10) and [course.maximum(stage) for stage in (1, 2)] == [10, 20]
    bonus = read(tmp_path, 'bonus = ["1.test_large"]\ndisable = ["test_image"]\n[points]\ntest_secret = 2\n[weights]\n1 = 10\n2 = 1\n')
    assert bonus.points[1, "test_large"] == 3.33 and bonus.maximum(1) == 10
    assert bonus.points[2, "test_secret"] == bonus.points[2, "test_large"] == 0.5 and bonus.maximum(2) == 1


def test_a_weight_that_cannot_be(tmp_path: Path) -> None:
    told = problems(tmp_path, 'disable = ["test_file", "1.test_large"]\n[weights]\n1 = 5\n2 = 0\n3 = 1\n')
    assert [line.split(": ")[0] for line in told] == ["course.toml:3", "course.toml:4", "course.toml:5"]


def test_raw_results_stay_raw(tmp_path: Path) -> None:
    raw = ada()
    text = f'disable = ["test_file"]\n[points]\ntest_image = 9\n{NEW_YORK}all = 2026-10-01\n[late]\nper_day = 1\n'
    assert apply(read(tmp_path, text), raw) != raw
    assert raw == ada()


def test_points_in_part_stay_that_part(tmp_path: Path) -> None:
    raw = ada()
    raw.stages[0].tests[0].points = 1.5
    assert apply(read(tmp_path, "[points]\ntest_file = 8\n"), raw).stages[0].points == 4


def test_a_stage_that_does_not_build_has_the_new_maximum(tmp_path: Path) -> None:
    course = read(tmp_path, 'disable = ["1.test_large"]\nbonus = ["test_image"]\n[points]\ntest_file = 10\n')
    raw = replace(ada(), stages=[StageResult(n, "", NOT_BUILT, maximum=m) for n, m in ((1, 4.0), (2, 7.0))])
    assert score(apply(course, raw)) == [(0, 10), (0, 3)]


def test_a_stage_that_was_cut_off_has_the_maximum_of_all_its_tests(tmp_path: Path) -> None:
    raw = ada()
    del raw.stages[0].tests[1]
    assert score(apply(read(tmp_path, "[points]\n1.test_large = 5\n"), raw))[0] == (3, 8)


def test_one_test_alone_is_not_given_the_maximum_of_others(tmp_path: Path) -> None:
    raw = ada()
    raw.stages[0] = stage_of(1, raw.stages[0].tests[0])
    assert score(apply(read(tmp_path, "[points]\n1.test_large = 5\n"), raw))[0] == (3, 3)


def test_a_disabled_test_counts_for_nobody_and_says_so(tmp_path: Path) -> None:
    new = apply(read(tmp_path, 'disable = ["test_image", "1.test_large"]\n'), ada())
    assert score(new) == [(3, 3), (3, 3)]
    assert new.notes == [
        "stage 1: test_large does not count, for anybody",
        "stage 2: test_image does not count, for anybody",
    ]
    assert new.stages[1].tests[0].remark == "does not count"


def test_bonus_is_not_in_the_maximum(tmp_path: Path) -> None:
    new = apply(read(tmp_path, 'bonus = ["2.test_large"]\n'), ada())
    assert score(new) == [(3, 4), (7, 5)]
    assert new.stages[1].tests[1].remark == "bonus"


def test_what_the_machine_is_to_blame_for_stays_without_points(tmp_path: Path) -> None:
    raw = replace(ada(), stages=[stage_of(1, a_test("test_file", 0, ENVIRONMENT))])
    assert score(apply(read(tmp_path, "[points]\ntest_file = 5\n"), raw)) == [(0, 0)]


def test_skipped_tests_have_no_points_whatever_the_points(tmp_path: Path) -> None:
    raw = replace(ada(), stages=[stage_of(1, a_test("test_file", 3, SKIPPED))])
    assert score(apply(read(tmp_path, "[points]\ntest_file = 5\n"), raw)) == [(0, 5)]


def test_only_the_stages_that_count(tmp_path: Path) -> None:
    course = read(tmp_path, "stages = [2]\n")
    new = apply(course, ada())
    assert [stage.stage for stage in new.stages] == [2]
    assert new.notes == ["stage 1 does not count here"]
    assert [stage.stage for stage in apply(only_stages(course, [1]), ada()).stages] == [1]


# Visibility


def test_visibility(tmp_path: Path) -> None:
    course = read(tmp_path, '[visibility]\ndefault = "after_due_date"\ntest_image = "visible"\n')
    rows = {(stage.stage, test.test): test.visibility for stage, test in apply(course, ada()).tests()}
    assert rows[2, "test_image"] == VISIBLE
    assert rows[1, "test_file"] == AFTER_DUE
    assert rows[2, "test_secret"] == HIDDEN, "a test of a hidden file stays hidden, whatever the default"
    named = read(tmp_path, '[visibility]\ntest_secret = "after_due_date"\n')
    assert apply(named, ada()).stages[1].tests[2].visibility == AFTER_DUE


# Lateness


@pytest.mark.parametrize("submitted, days", [
    ("2026-10-05T23:59:59-04:00", 0),
    ("2026-10-05T23:59:59.999-04:00", 0),
    ("2026-10-06T03:59:59Z", 0),
    ("2026-10-06T04:00:00Z", 1),
    ("2026-10-06T23:59:59-04:00", 1),
    ("2026-10-07T00:00:00-04:00", 2),
    ("2026-10-07T12:59:59+09:00", 1),
    ("2026-12-05T23:59:59-05:00", 61),
    ("2025-01-01T00:00:00-05:00", 0),
])
def test_days_are_begun_days(tmp_path: Path, submitted: str, days: int) -> None:
    course = read(tmp_path, f"{NEW_YORK}all = 2026-10-05 23:59:59\n")
    assert apply(course, ada(submitted)).late.days == days


@pytest.mark.parametrize("due, in_time, late", [
    # The night when the clocks go back has 25 hours, that when they go forward 23.
    ("2026-10-31 23:59:59", "2026-11-01T23:59:59-05:00", "2026-11-02T00:00:00-05:00"),
    ("2026-03-07 23:59:59", "2026-03-08T23:59:59-04:00", "2026-03-09T00:00:00-04:00"),
    # 1:30 comes twice: the second is meant. 2:30 does not come: the later reading is 3:30.
    ("2026-10-31 01:30:00", "2026-11-01T01:30:00-05:00", "2026-11-01T01:30:01-05:00"),
    ("2026-03-07 02:30:00", "2026-03-08T03:30:00-04:00", "2026-03-08T03:30:01-04:00"),
])
def test_a_day_lasts_until_the_same_time_whatever_the_clocks_do(
    tmp_path: Path, due: str, in_time: str, late: str
) -> None:
    course = read(tmp_path, f"{NEW_YORK}all = {due}\n")
    assert [apply(course, ada(s)).late.days for s in (in_time, late)] == [1, 2]


def test_a_due_date_in_the_hour_that_comes_twice_is_the_second(tmp_path: Path) -> None:
    course = read(tmp_path, f"{NEW_YORK}all = 2026-11-01 01:30:00\n")
    times = ("2026-11-01T01:30:00-05:00", "2026-11-01T01:30:01-05:00")
    assert [apply(course, ada(time)).late.days for time in times] == [0, 1]


def test_an_offset_needs_no_zone_and_a_date_lasts_to_its_end(tmp_path: Path) -> None:
    fixed = read(tmp_path, "[due]\nall = 2026-10-05T23:59:59-04:00\n")
    day = read(tmp_path, f"{NEW_YORK}all = 2026-10-05\n")
    for course in (fixed, day):
        assert apply(course, ada("2026-10-06T00:00:00-04:00")).late.days == 1
        assert apply(course, ada("2026-10-05T23:59:59-04:00")).late.days == 0


def test_a_time_without_an_offset_is_of_the_course_s_zone(tmp_path: Path) -> None:
    """As in the names of Brightspace's folders; the clock that is put back gives the hour twice, and the first counts."""
    course = read(tmp_path, f"{NEW_YORK}all = 2026-10-05\n")
    assert [apply(course, ada(time)).late.days for time in ("2026-10-05T23:59:00", "2026-10-06T00:00:00")] == [0, 1]
    clock = read(tmp_path, f"{NEW_YORK}all = 2026-11-01T01:15:00-04:00\n")
    assert apply(clock, ada("2026-11-01T01:10:00")).late.days == 0


@pytest.mark.parametrize("submitted", ["", "yesterday", "2026-12-24T00:00:00"])
def test_a_time_that_nobody_knows_is_not_late_and_is_noted(tmp_path: Path, submitted: str) -> None:
    course = read(tmp_path, '[due]\nall = 2026-10-05T12:00:00Z\n[late]\nper_day = "50%"\n')
    new = apply(course, ada(submitted))
    assert (new.late.days, new.late.penalty, new.late.unknown) == (0, 0, True)
    assert "nobody knows when" in new.notes[0] and submitted in new.notes[0]
    assert apply(read(tmp_path, ""), ada(submitted)).notes == [], "without dates it does not matter"


def test_what_a_course_system_marks_as_late_without_a_time_is_told(tmp_path: Path) -> None:
    """It costs nothing, since nobody knows how many days; but it is not said to be in time."""
    handed_in = ada("")
    handed_in.notes = ["Canvas marks it as late"]
    new = apply(read(tmp_path, '[due]\nall = 2026-10-05T12:00:00Z\n[late]\nper_day = "50%"\n'), handed_in)
    assert (new.late.penalty, new.late.unknown, new.late.marked) == (0, True, True)
    assert "late, and nobody knows by how much" in new.notes[-1]
    [words] = reports.without_time([new])
    assert words.startswith("marked as late") and "ada" in words


DUE = "[due]\nall = 2026-10-05T12:00:00Z\n"
LATE = f"{NEW_YORK}all = 2026-10-05\n[late]\n"


@pytest.mark.parametrize("policy, lost", [
    ('per_day = "10%"', 3.0),
    ('per_day = "10%"\nof = "maximum"', 3.3),
    ("per_day = 2", 6.0),
    ("per_day = 20", 10.0),
    ('per_day = "100%"', 10.0),
    ('per_day = "30%"\nat_most = "50%"', 5.0),
    ('per_day = "10%"\nfree_days = 2', 1.0),
    ('per_day = "10%"\nfree_days = 5', 0.0),
    ('per_day = "10%"\ngrace_minutes = 61', 2.0),
    ("cutoff_days = 2", 10.0),
    ("cutoff_days = 3", 0.0),
    ("cutoff_days = 2\nfree_days = 9", 10.0),
])
def test_what_three_days_cost(tmp_path: Path, policy: str, lost: float) -> None:
    new = apply(read(tmp_path, LATE + policy), ada("2026-10-08T01:00:00-04:00"))
    assert new.late.penalty == pytest.approx(lost)
    assert new.final == pytest.approx(10 - lost)
    assert new.points == 10, "the points themselves are shown as they were achieved"


def test_late_says_what_was_used_and_the_notes_say_of_what(tmp_path: Path) -> None:
    new = apply(read(tmp_path, LATE + 'per_day = "10%"\nfree_days = 2'), ada("2026-10-08T12:00:00-04:00"))
    assert (new.late.due, new.late.days, new.late.free_days) == ("2026-10-05T23:59:59-04:00", 3, 2)
    assert new.notes == ["stages 1, 2: due 2026-10-05T23:59:59-04:00, 3 days late, 2 free: -1 points"]


def test_free_days_go_from_stage_to_stage_and_each_stage_pays_for_itself(tmp_path: Path) -> None:
    text = f'{NEW_YORK}1 = 2026-10-05\n2 = 2026-10-07\n[late]\nper_day = "10%"\nfree_days = 2\n'
    late = apply(read(tmp_path, text), ada("2026-10-08T12:00:00-04:00")).late
    assert (late.days, late.free_days) == (3 + 1, 2)
    assert late.penalty == pytest.approx(0.1 * 3 + 0.1 * 7)
    assert late.due.startswith("2026-10-05"), "the first date that was missed"


def test_stages_that_are_due_at_one_instant_are_one_deadline(tmp_path: Path) -> None:
    text = f"{NEW_YORK}1 = 2026-10-05 23:59:59\n2 = 2026-10-06T03:59:59Z\n"
    assert apply(read(tmp_path, text), ada("2026-10-06T12:00:00-04:00")).late.days == 1


def test_a_stage_without_a_date_or_without_points_costs_no_days(tmp_path: Path) -> None:
    text = f"{NEW_YORK}1 = 2026-10-05\n[late]\nper_day = 1\nfree_days = 3\n"
    assert apply(read(tmp_path, text), ada("2026-10-06T12:00:00-04:00")).late.free_days == 1
    nothing = replace(ada("2026-10-06T12:00:00-04:00"), stages=[StageResult(1, "", NOT_BUILT, maximum=4)])
    late = apply(read(tmp_path, text), nothing).late
    assert (late.days, late.free_days, late.penalty) == (1, 0, 0)


@pytest.mark.parametrize("who", ["ada@example.edu", "ADA@example.edu", "Ada Lovelace", "lovelace-ada"])
@pytest.mark.parametrize("extension, days", [("2", 1), ("3", 0), ("2026-10-08 12:00:00", 0), ("{ 1 = 3 }", 3)])
def test_extensions(tmp_path: Path, who: str, extension: str, days: int) -> None:
    text = f'{LATE}per_day = 1\n[extensions]\n"{who}" = {extension}\n"bob@example.edu" = 9\n'
    assert apply(read(tmp_path, text), ada("2026-10-08T12:00:00-04:00")).late.days == days


def test_days_used_before_are_gone(tmp_path: Path) -> None:
    text = LATE + 'per_day = "10%"\nfree_days = 3\n[days_used]\n"ada@example.edu" = 2\n"bob" = 3\n'
    course = read(tmp_path, text)
    new = apply(course, ada("2026-10-08T12:00:00-04:00"))
    assert (new.late.free_days, new.late.penalty) == (1, 2)
    assert used_days(course, [new]) == '[days_used]\n"ada@example.edu" = 3\n"bob" = 3\n'
    again = read(tmp_path, f"{LATE}free_days = 3\n{used_days(course, [new])}")
    assert again.dates.used == {"ada@example.edu": 3, "bob": 3}


def test_students_that_are_nobody_here_or_more_than_one(tmp_path: Path) -> None:
    course = read(tmp_path, f'{LATE}\n[extensions]\n"adda@example.edu" = 1\n"Ada Lovelace" = 1\n')
    twin = replace(ada(), name="lovelace-ada-2", student_id="ada2@example.edu")
    lines = strangers(course, [ada(), twin])
    assert len(lines) == 2
    assert "adda@example.edu: there is no such student" in lines[0]
    assert "lovelace-ada, lovelace-ada-2" in lines[1]
    assert len(strangers(course, [ada()])) == 1


# Mistakes in the file


@pytest.mark.parametrize("text, words", [
    ('disable = ["test_fill"]', "course.toml:1: test_fill: there is no such test; did you mean test_file?"),
    ('\n\nbonus = ["3.test_file"]', "course.toml:3: 3.test_file: stage 3 has no such test; did you mean"),
    ('disable = "test_file"', "course.toml:1: disable: is a list"),
    ("stages = [3]", "course.toml:1: stages: there is no stage 3"),
    ("stages = [true]", "stages: is a list"),
    ("points = 3", "points: is a table: a line [points]"),
    ("[pionts]", "course.toml:1: pionts: there is no such setting; did you mean points?"),
    ("[points]\n\ntest_file = -1", "course.toml:3: [points] test_file: points are a number that is not negative"),
    ("[points]\ntest_file = nan", "not nan"),
    ("[points]\ntest_file = true", "not True"),
    ("[points]\ntest_large = 1", "course.toml:2: [points] test_large: stages 1 and 2 have it: write 1.test_large"),
    ("[points.1]\ntest_file = 1\n[points.2]\ntest_file = 1", "course.toml:4: [points] 2.test_file: stage 2 has no"),
    ("[points]\ntest_long = 1", "a stress test has no points"),
    ('[visibility]\ntest_file = "never"', "course.toml:2: [visibility] test_file: is one of visible, hidden"),
    ('[visibility]\ndefault = "x"', "course.toml:2: [visibility] default: is one of"),
    ("[due]\nall = 2026-10-05 12:00:00", "course.toml:2: [due] all: in which time zone?"),
    ('[due]\nall = "2026-10-05"', "(no quotes), not '2026-10-05'"),
    ('[due]\ntime_zone = "Mars/Olympus"', "course.toml:2: [due] time_zone: there is no time zone 'Mars/Olympus'"),
    ('[due]\ntime_zone = "../x"', "there is no time zone"),
    ("[due]\n3 = 2026-10-05T12:00:00Z", "course.toml:2: [due] 3: there is no such stage"),
    ("[late]\nfree = 3", "course.toml:2: [late] free: there is no such setting; did you mean free_days?"),
    ("[late]\nfree_days = -1", "course.toml:2: [late] free_days: is a whole number"),
    ("[late]\ncutoff_days = 1.5", "course.toml:2: [late] cutoff_days: is a whole number"),
    ('[late]\nper_day = "10"', "course.toml:2: [late] per_day: is a percentage"),
    ('[late]\nper_day = "110%"', "[late] per_day: is a percentage"),
    ("[late]\nper_day = -1", "[late] per_day: is a percentage"),
    ('[late]\nof = "all"', 'course.toml:2: [late] of: is "achieved" or "maximum"'),
    ("[extensions]\nada = 3", "course.toml:2: [extensions] ada: there is no due date to extend"),
    (DUE + '[extensions]\nada = "3"', "course.toml:4: [extensions] ada: is a number of days or a date"),
    (DUE + "[extensions]\nada = -3", "[extensions] ada: is a number of days or a date"),
    (DUE + "[extensions]\nada = 2026-10-04T12:00:00Z", "ada: is before the due date"),
    (DUE + "[extensions]\nada = { 7 = 1 }", "course.toml:4: [extensions] ada: there is no stage 7"),
    (DUE + "[extensions]\nada@example.edu = 3", 'course.toml:4: ada@example.edu = 3: a name that is no plain word stands in quotes'),
    ('[extensions]\n"ada" = 3\n"ada" = 4', 'course.toml:3: "ada" = 4: this is set twice'),
    ("[points]\n[points]", "course.toml:2: [points]: this table is there twice"),
    ("[late]\nper_day = 10%", 'course.toml:2: per_day = 10%: a percentage stands in quotes: "10%"'),
    ("[points]\ntest_file = 0,5", "course.toml:2: test_file = 0,5: a number has a point"),
    ("[due]\nall = 2026-13-05T12:00:00+02:00", "course.toml:2: all = 2026-13-05T12:00:00+02:00: there is no such date"),
    ("[days_used]\nada = 0.5", "course.toml:2: [days_used] ada: is a number of days"),
    ('[by_hand]\ntitle = "Style"', "[by_hand] maximum: is missing"),
    ("[points\n", "course.toml:1: [points: Expected ']'"),
])
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    assert words in "\n".join(problems(tmp_path, text))


def test_what_is_no_text_or_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "course.toml").write_bytes('name = "Café"'.encode("latin-1"))
    for path, words in ((tmp_path / "course.toml", "no text in UTF-8"), (tmp_path / "none.toml", "none.toml: No such file"),
                        (tmp_path, "Is a directory")):
        with pytest.raises(course_file.CourseError, match=words):
            course_file.load(path, CATALOGUE)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, 'disable = ["a"]\n[points]\nb = 1\ntest_file = -1\n[late]\nper_day = "x"\n')) == 4


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    assert read(tmp_path, '\ufeffname = "CS 1"\n').name == "CS 1"
    assert problems(tmp_path, "\ufeffname = 5\n")[0].startswith("course.toml:1: name")


def test_a_missing_file_is_a_mistake_if_it_was_named(tmp_path: Path) -> None:
    with pytest.raises(course_file.CourseError, match="No such file"):
        course_file.load(tmp_path / "other.toml", CATALOGUE)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "course.toml").write_bytes(b"disable = [\xff]\n")
    with pytest.raises(course_file.CourseError, match="UTF-8"):
        course_file.load(tmp_path / "course.toml", CATALOGUE)


def test_warnings(tmp_path: Path) -> None:
    assert course_file.warnings(read(tmp_path, "")) == []
    needed, = course_file.warnings(read(tmp_path, 'disable = ["test_file"]\n'))
    assert "test_large of stage 1 need it" in needed
    dateless, = course_file.warnings(read(tmp_path, "[late]\nfree_days = 3\n"))
    assert "does nothing without a date" in dateless
    now = datetime(2026, 12, 1, tzinfo=lateness.UTC)
    free, = course_file.warnings(read(tmp_path, f"{LATE}free_days = 3\n"), now)
    assert "late days cost nothing" in free
    year, = course_file.warnings(read(tmp_path, LATE), now.replace(year=2027))
    assert year == "[due] 2026-10-05, of stage 1, is more than 250 days ago: is it of another year?"


# The command, and the file that we ship


def test_the_file_of_this_course_is_right() -> None:
    """The one that is shipped, or what an instructor has made of it."""
    course_file.load(catalogue=declared())


def examples() -> list[str]:
    """The settings that are commented out in the file, each in its table."""
    table, found = "", []
    for line in course_file.FILE.read_text().splitlines():
        table = line if line.startswith("[") else table
        setting = re.match(r"# (\S+ = (?:[0-9\"{].*))", line)
        if table and setting:
            needed = "maximum = 10\n" if table == "[by_hand]" and not setting[1].startswith("maximum") else ""
            found.append(f"{table}\n{needed}{setting[1]}\n")
    return found


@pytest.mark.parametrize("example", examples())
def test_the_examples_in_the_file_are_right(tmp_path: Path, example: str) -> None:
    alone = example.startswith("[due]\ntime_zone")
    dated = example.replace("[due]\n", NEW_YORK) if "[due]" in example else f"{NEW_YORK}all = 2026-10-05\n{example}"
    read_with(tmp_path, example if alone else dated, declared())


@functools.lru_cache(maxsize=None)
def declared() -> Catalogue:
    return course_file.read_catalogue()


def test_check_says_what_the_file_makes_of_the_course(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "course.toml"
    policy, points = 'per_day = "10%"\nfree_days = 3\n', "[points]\ntest_file = 8\n"
    path.write_text(f'{LATE}{policy}{points}[visibility]\ntest_image = "hidden"\n')
    assert course_file.check(path, CATALOGUE) == 0
    printed = capsys.readouterr().out
    for words in ("stage 1: 9 points (the tests say 4)", "test_file: 8 points instead of 3", "test_image: hidden",
                  "test_secret: hidden", "= 2026-10-06 03:59:59 UTC", "3 free days",
                  "10 % of the points achieved for each day"):
        assert words in printed


def test_check_says_what_is_beside_tests_and_dates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "course.toml"
    path.write_text('name = "CS 1"\ncounts = "best"\n[by_hand]\ntitle = "Style"\nmaximum = 10\n'
                    "[gradebook]\nmaximum = 50\ntests = true\n")
    assert course_file.check(path, CATALOGUE) == 0
    printed = capsys.readouterr().out
    for words in ("the best counts", "by hand: 10 points more, called 'Style'", "called 'CS 1', scaled to 50 points",
                  "a column of grades.csv for each test"):
        assert words in printed
    path.write_text("")
    assert course_file.check(path, CATALOGUE) == 0 and "gradebook" not in capsys.readouterr().out


def test_check_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "course.toml"
    path.write_text("[points]\ntest_fill = 8\n")
    assert course_file.check(path, CATALOGUE) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "course.toml:2: [points] test_fill: there is no such test; did you mean test_file?" in printed.err


# Tests that students do not get

HIDDEN_TEST = '''"""More of stage 1."""
from stage.case import Case
from stage.scoring import points
from stage1_test import show


@points(2, step="1.1", needs="test_file")
def {name}(case: Case) -> None:
    """a hidden one"""
'''


@pytest.fixture
def grader(checkout: Path) -> Path:
    return checkout / "grader"


def catalogue_with(grader: Path, name: str) -> Catalogue:
    (grader / "tests/hidden_stage1_test.py").write_text(HIDDEN_TEST.format(name=name))
    return course_file.read_catalogue(grader)


def test_hidden_tests_are_collected_and_marked(grader: Path) -> None:
    catalogue = catalogue_with(grader, "test_secret")
    assert catalogue[1]["test_secret"] == Declared(2, ("test_file",), hidden=True)
    assert [name for name, row in catalogue[1].items() if row.hidden] == ["test_secret"]
    (grader / "check").write_text("#!/bin/sh\nexit 1\n")
    course_file.read_catalogue.cache_clear()
    assert course_file.read_catalogue(grader) == catalogue, "what is known is not asked for again"
    course_file.read_catalogue.cache_clear()
    with pytest.raises(course_file.CourseError):
        catalogue_with(grader, "test_another")


def test_a_hidden_test_may_not_have_the_name_of_another(grader: Path) -> None:
    with pytest.raises(course_file.CourseError, match="hidden_stage1_test.py: the stage has another test_plan"):
        catalogue_with(grader, "test_plan")


def test_a_mistake_in_a_hidden_test_is_shown(grader: Path, tmp_path: Path) -> None:
    (grader / "tests/hidden_stage1_test.py").write_text("import no_such_module\n")
    stage = tmp_path / "stage1-readmaps"
    stage.mkdir()
    (stage / "Makefile").write_text("all:\n\ttouch readmaps\n")
    command = [grader / "check", "--stage", "1", stage, "--only", "test_secret"]
    done = subprocess.run(command, text=True, capture_output=True)
    assert done.returncode == 70
    assert "no_such_module" in done.stdout and "no such test" not in done.stderr


def test_a_stage_that_does_not_build_loses_the_hidden_points_too(grader: Path, tmp_path: Path) -> None:
    points = sum(test.points for test in catalogue_with(grader, "test_secret")[1].values())
    stage = tmp_path / "stage1-readmaps"
    stage.mkdir()
    (stage / "Makefile").write_text("all:\n\tfalse\n")
    done = subprocess.run([grader / "check", "--stage", "1", stage], text=True, capture_output=True)
    assert f"Stage 1: 0 of {points:g} points: it does not build" in done.stdout, done.stderr


def test_days_late_of_long_ago_takes_no_time() -> None:
    due = lateness.in_zone(datetime(1990, 1, 1), lateness.UTC)
    assert lateness.days_late(due, datetime(2026, 1, 1, 0, 0, 1, tzinfo=lateness.UTC)) == 13150


@pytest.mark.parametrize("line, said", [
    ("all = 23:59", "course.toml:2: all = 23:59: a time has seconds, and a date before it: 2026-10-05 23:59:59"),
    ("1 = 2026-10-05 9:30", "course.toml:2: 1 = 2026-10-05 9:30: a time has seconds, and a date before it: 2026-10-05 09:30:59"),
    ("time_zone = Europe/Paris", "a text stands in quotes")])
def test_what_is_no_toml_is_told_with_what_was_meant(tmp_path: Path, line: str, said: str) -> None:
    assert said in problems(tmp_path, f"[due]\n{line}\n")[0]


def test_who_reads_no_further_sees_no_traceback(grader: Path) -> None:
    done = subprocess.run([f"{grader}/grade --check-course | true"], shell=True, text=True, capture_output=True)
    assert done.stderr == ""
