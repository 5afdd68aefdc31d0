"""Reads grader/course.toml. All mistakes in it are told at once, each with its line.

`grade --check-course` runs check(): it says what the file makes of the course, or what is wrong with it.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import hashlib
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Any, Optional, TypeVar, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from reports import lateness
from reports.course import BEST, LAST, Catalogue, Course, Declared, Export, Key
from reports.lateness import Dates, Extension, Policy
from reports.results import AFTER_DUE, AFTER_PUBLISHED, HIDDEN, VISIBLE, ByHand
from reports.text import unreadable
from reports.weights import weighted
from stage.config import GRADER, load_toml

FILE = GRADER / "course.toml"
VISIBILITIES = (VISIBLE, HIDDEN, AFTER_DUE, AFTER_PUBLISHED)
ALL = "all"
LONG_AGO = 250  # days: longer than a course
T = TypeVar("T")

TABLES = {"name", "counts", "disable", "bonus", "stages", "points", "weights", "visibility", "gradebook", "by_hand",
          "due", "late", "extensions", "days_used"}
DUE = {"time_zone", ALL}
LATE = {"free_days", "per_day", "of", "at_most", "cutoff_days", "grace_minutes"}


class CourseError(Exception):
    """What is wrong with course.toml, one line for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@functools.lru_cache(maxsize=None)
def read_catalogue(grader: Path = GRADER, profile: str = "") -> Catalogue:
    """What the tests of every stage declare; those of the lab, or of the profile in this file."""
    text = list_of_profile(grader, profile) if profile else list_of_lab(grader)
    return {int(stage): {row["test"]: _declared(row) for row in rows} for stage, rows in json.loads(text).items()}


def list_of_lab(grader: Path) -> str:
    """Kept in build/, under a name made of all that it comes from: a grading need not start another grader for it."""
    kept = grader / "build" / f"tests-{digest_of_tests(grader)}.json"
    if kept.exists():
        return kept.read_text()
    text = list_of_profile(grader, "")
    with contextlib.suppress(OSError):  # who may not write there asks each time
        kept.parent.mkdir(exist_ok=True)
        for old in {*kept.parent.glob("tests-*.json")} - {kept}:
            old.unlink(missing_ok=True)
        part = kept.with_name(f".tests.{os.getpid()}")
        part.write_text(text)
        part.rename(kept)
    return text


def digest_of_tests(grader: Path) -> str:
    total = hashlib.sha256()
    for path in sorted([grader / "lab.toml", *grader.glob("stage/*.*"), *grader.glob("tests/*.py")]):
        total.update(f"{path.name} {path.stat().st_size}\n".encode() + path.read_bytes())
    return total.hexdigest()


def list_of_profile(grader: Path, profile: str) -> str:
    """As grader/check says it."""
    command = [str(grader / "check"), *(["--profile", profile] if profile else []), "--list", str(grader)]
    env = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        raise CourseError([f"the tests cannot be listed:\n{done.stdout}{done.stderr}"])
    return done.stdout


def _declared(row: dict[str, Any]) -> Declared:
    return Declared(float(row["points"]), tuple(row["needs"]), row["stress"], row["hidden"])


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def line_of(lines: list[str], path: str) -> int:
    """The line where a setting stands, as far as the text tells; 0 if it does not. A path is table.key."""
    header, in_a_list = "", 0
    for number, line in enumerate(lines, 1):
        text = line.split("#")[0]
        table = re.fullmatch(r"\s*\[([^\[\],=]+)\]\s*", text)
        if table:
            header = f"{table[1].strip()}."
            name = table[1].strip()
        else:
            name = header + text.split("=")[0].strip()
        if name.replace('"', "").replace("'", "") == path:
            return number
        if not header and re.search(f"""["']{re.escape(path)}["']""", text):
            in_a_list = in_a_list or number
    return in_a_list


class Reader:
    """Turns the tables of course.toml into values, and gathers what is wrong in them."""

    def __init__(self, text: str, toml: dict[str, Any], catalogue: Catalogue, name: str) -> None:
        self.lines = text.splitlines()
        self.toml, self.catalogue, self.name = toml, catalogue, name
        self.problems: list[str] = []

    # Where a mistake is

    def problem(self, table: str, key: str, words: str) -> None:
        place = f"[{table}] {key}" if table else key
        line = line_of(self.lines, f"{table}.{key}" if table else key)
        self.problems.append(f"{self.name}:{f'{line}:' if line else ''} {place}: {words}")

    def table(self, name: str) -> dict[str, Any]:
        value = self.toml.get(name, {})
        if isinstance(value, dict):
            return value
        self.problem("", name, f"is a table: a line [{name}], and its settings below it")
        return {}

    def check_names(self, table: str, given: dict[str, Any], known: set[str]) -> None:
        for key in sorted(set(given) - known):
            near = difflib.get_close_matches(key, sorted(known), 1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(known))}"
            self.problem(table, key, f"there is no such setting; {hint}")

    # Tests

    def find_test(self, table: str, word: str) -> Optional[Key]:
        """A test by its name, or by stage and name where two stages have one of that name."""
        number, dot, name = word.rpartition(".")
        stages = [s for s, tests in self.catalogue.items() if name in tests and (not dot or str(s) == number)]
        if len(stages) == 1:
            return stages[0], name
        if stages:
            self.problem(table, word, f"stages {' and '.join(map(str, stages))} have it: write {stages[0]}.{name}")
            return None
        known = [name for tests in self.catalogue.values() for name in tests]
        near = difflib.get_close_matches(name, known, 1)
        where = f"stage {number} has" if dot else "there is"
        self.problem(table, word, f"{where} no such test{f'; did you mean {near[0]}?' if near else ''}")
        return None

    def settings(self, table: str, skip: str = "") -> Iterator[tuple[str, Key, Any]]:
        """The settings per test: `test_x = ...`, `3.test_x = ...`, or below [table.3]."""
        words: list[tuple[str, Any]] = []
        for name, value in self.table(table).items():
            if isinstance(value, dict):
                words += [(f"{name}.{test}", entry) for test, entry in value.items()]
            elif name != skip:
                words.append((name, value))
        for word, value in words:
            key = self.find_test(table, word)
            if key is not None:
                yield word, key, value

    def points(self) -> dict[Key, float]:
        found = {}
        for word, key, value in self.settings("points"):
            if self.catalogue[key[0]][key[1]].stress:
                self.problem("points", word, "a stress test has no points")
            elif is_number(value):
                found[key] = float(value)
            else:
                self.problem("points", word, f"points are a number that is not negative, not {value!r}")
        return found

    def weights(self, course: Course) -> dict[int, float]:
        found = {}
        for name, value in self.table("weights").items():
            if not name.isdigit() or int(name) not in self.catalogue:
                self.problem("weights", name, "there is no such stage")
            elif not is_number(value) or value == 0:
                self.problem("weights", name, f"is what the stage is worth, a number above 0, not {value!r}")
            elif course.maximum(int(name)) == 0:
                self.problem("weights", name, "no test of this stage has points")
            else:
                found[int(name)] = float(value)
        return found

    def _visibility_is_known(self, word: str, value: object) -> bool:
        if value not in VISIBILITIES:
            self.problem("visibility", word, f"is one of {', '.join(VISIBILITIES)}; not {value!r}")
        return value in VISIBILITIES

    def visibility(self) -> dict[Key, str]:
        settings = self.settings("visibility", skip="default")
        return {key: value for word, key, value in settings if self._visibility_is_known(word, value)}

    def default_visibility(self) -> str:
        value = str(self.table("visibility").get("default", VISIBLE))
        return value if self._visibility_is_known("default", value) else VISIBLE

    def list_of(self, name: str, fits: Callable[[object], bool], example: str) -> list[Any]:
        value = self.toml.get(name, [])
        if isinstance(value, list) and all(map(fits, value)):
            return value
        self.problem("", name, f"is a list: {name} = {example}")
        return []

    def tests(self, name: str) -> frozenset[Key]:
        words = self.list_of(name, lambda word: isinstance(word, str), '["test_x", "3.test_y"]')
        return frozenset(key for key in (self.find_test("", word) for word in words) if key)

    def stages(self) -> Optional[frozenset[int]]:
        numbers = self.list_of("stages", is_count, "[2, 3]")
        for number in numbers:
            if number not in self.catalogue:
                self.problem("", "stages", f"there is no stage {number}")
        return frozenset(numbers) or None

    # Words

    def setting(self, table: str, key: str, default: T, fits: Callable[[object], bool], what: str) -> T:
        value = (self.table(table) if table else self.toml).get(key, default)
        if fits(value):
            return cast(T, value)
        self.problem(table, key, f"is {what}, not {value!r}")
        return default

    def text(self, table: str, key: str) -> str:
        return self.setting(table, key, "", lambda value: isinstance(value, str), 'a text such as "CS 3650"')

    def several(self) -> str:
        return self.setting("", "counts", LAST, lambda value: value in (LAST, BEST), f'"{LAST}" or "{BEST}"')

    def export(self) -> Export:
        self.check_names("gradebook", self.table("gradebook"), {"assignment", "maximum", "tests"})
        tests = self.setting("gradebook", "tests", False, lambda value: isinstance(value, bool), "true or false")
        maximum = self.setting("gradebook", "maximum", 0, is_number, "a number")
        return Export(self.text("gradebook", "assignment"), float(maximum), tests)

    def by_hand(self) -> Optional[ByHand]:
        table = self.table("by_hand")
        self.check_names("by_hand", table, {"title", "maximum"})
        if table and "maximum" not in table:
            self.problem("by_hand", "maximum", "is missing: how many points there are by hand")
        maximum = self.setting("by_hand", "maximum", 0, is_number, "how many points there are by hand")
        return ByHand(self.text("by_hand", "title") or "By hand", float(maximum)) if maximum else None

    # Dates

    def zone(self) -> Optional[tzinfo]:
        name = self.table("due").get("time_zone")
        if name is None:
            return None
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
            known = 'one is "America/New_York"; `timedatectl list-timezones` lists them'
            self.problem("due", "time_zone", f"there is no time zone {name!r}; {known}")
            return lateness.UTC

    def per_stage(self, table: str, given: dict[str, Any], who: str = "") -> dict[int, Any]:
        """`all = ...` for every stage, and `2 = ...` for one, which wins; it may be one student's (`who`)."""
        found = {stage: given[ALL] for stage in self.catalogue if ALL in given}
        for name in set(given) - DUE:
            if name.isdigit() and int(name) in self.catalogue:
                found[int(name)] = given[name]
            else:
                self.problem(table, who or name, f"there is no stage {name}" if who else "there is no such stage")
        return found

    def moment(self, table: str, key: str, value: object, zone: Optional[tzinfo]) -> Optional[Any]:
        if not isinstance(value, date):
            self.problem(table, key, f"is a date and time such as 2026-10-05 23:59:59 (no quotes), not {value!r}")
            return None
        try:
            return lateness.in_zone(value, zone)
        except ValueError as error:
            self.problem(table, key, str(error))
            return None

    def due(self, zone: Optional[tzinfo]) -> dict[int, Any]:
        given = self.table("due")
        names = set(given) - {"time_zone"}
        moments = {name: self.moment("due", name, given[name], zone) for name in sorted(names)}
        return {stage: moment for stage, moment in self.per_stage("due", moments).items() if moment}

    def extension(self, who: str, value: object, due: Any, zone: Optional[tzinfo]) -> Optional[Extension]:
        if is_count(value):
            return value  # type: ignore[return-value]  # is_count has looked
        if not isinstance(value, date):
            self.problem("extensions", who, f"is a number of days or a date, not {value!r}")
            return None
        moment = self.moment("extensions", who, value, zone)
        if moment and lateness.instant(moment) < lateness.instant(due):
            self.problem("extensions", who, f"is before the due date, {due.isoformat()}")
        return moment

    def extensions(self, due: dict[int, Any], zone: Optional[tzinfo]) -> dict[str, dict[int, Extension]]:
        found: dict[str, dict[int, Extension]] = {}
        for who, value in self.table("extensions").items():
            given = self.per_stage("extensions", value if isinstance(value, dict) else {ALL: value}, who)
            if not due:
                self.problem("extensions", who, "there is no due date to extend: set one in [due]")
            read = {s: self.extension(who, entry, due[s], zone) for s, entry in given.items() if s in due}
            found[who] = {stage: entry for stage, entry in read.items() if entry is not None}
        return found

    def days_used(self) -> dict[str, int]:
        table = self.table("days_used")
        for who, value in table.items():
            if not is_count(value):
                self.problem("days_used", who, f"is a number of days, not {value!r}")
        return {who: value for who, value in table.items() if is_count(value)}

    # What lateness costs

    def percent(self, key: str, value: object) -> Optional[float]:
        """The N of "N%"."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?) ?%", value) if isinstance(value, str) else None
        if match and float(match[1]) <= 100:
            return float(match[1])
        self.problem("late", key, f'is a percentage from "0%" to "100%", not {value!r}')
        return None

    def late_count(self, key: str, default: Optional[int]) -> Any:
        value = self.table("late").get(key, default)
        if value is not None and not is_count(value):
            self.problem("late", key, f"is a whole number that is not negative, not {value!r}")
            return default
        return value

    def policy(self) -> Policy:
        given = self.table("late")
        self.check_names("late", given, LATE)
        per_day, of = given.get("per_day", "0%"), given.get("of", "achieved")
        if of not in ("achieved", "maximum"):
            self.problem("late", "of", f'is "achieved" or "maximum", not {of!r}')
        return Policy(
            free_days=self.late_count("free_days", 0),
            percent=0.0 if is_number(per_day) else self.percent("per_day", per_day) or 0.0,
            points=float(per_day) if is_number(per_day) else 0.0,
            of_maximum=of == "maximum",
            at_most=self.percent("at_most", given.get("at_most", "100%")) or 0.0,
            cutoff=self.late_count("cutoff_days", None),
            grace=self.late_count("grace_minutes", 0),
        )

    # All of it

    def course(self) -> Course:
        self.check_names("", self.toml, TABLES)
        zone = self.zone()
        due = self.due(zone)
        course = Course(
            catalogue=self.catalogue,
            points=self.points(),
            disabled=self.tests("disable"),
            bonus=self.tests("bonus"),
            visibility=self.visibility(),
            default_visibility=self.default_visibility(),
            stages=self.stages(),
            dates=Dates(due, self.policy(), self.extensions(due, zone), self.days_used(), zone),
            name=self.text("", "name"),
            several=self.several(),
            export=self.export(),
            by_hand=self.by_hand(),
        )
        weights = self.weights(course)
        if self.problems:
            raise CourseError(self.problems)
        return weighted(course, weights)


CLOCK = re.compile(r"(?<![\d:+-])\d{1,2}:\d\d(?![\d:])")
HINTS = (  # what a line looks like that is no TOML, and what was likely meant
    (r"[^\s\"'=]+@[^\s=]+\s*=", 'a name that is no plain word stands in quotes: "ada@example.edu" = 3'),
    (r".*=\s*[\d.]+\s*%", 'a percentage stands in quotes: "10%"'),
    (r".*=\s*\d+,\d", "a number has a point, not a comma: 0.5"),
    (r".*=\s*\d{4}-\d\d-\d\d", "there is no such date, or it is written otherwise: 2026-10-05 23:59:59"),
)
MEANT = (("Cannot overwrite a value", "this is set twice"), ("Cannot declare", "this table is there twice: put its lines together"))


def no_toml(path: Path, error: str) -> str:
    """Why the file cannot be read, with what was likely meant: TOML's own words do not say that a time has seconds."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    at = re.search(r"\(at line (\d+), column \d+\)$", error)
    number = int(at[1]) if at else len(lines) if error.endswith("(at end of document)") else 0
    line = lines[number - 1].split("#")[0] if 0 < number <= len(lines) else ""
    place = f"{path.name}:{number}" if number else path.name
    clock = CLOCK.search(line)
    if clock:
        return f"{place}: {line.strip()}: a time has seconds, and a date before it: 2026-10-05 {clock[0].zfill(5)}:59"
    said = next((words for form, words in HINTS if re.match(form, line.strip())), "")
    said = next((words for beginning, words in MEANT if error.startswith(beginning)), said)
    hint = "; a text stands in quotes" if error.startswith("Invalid value") else ""
    return f"{place}: {line.strip()}: {said or f'{error}{hint}'}" if line.strip() else f"{place}: {error}"


def load(path: Path = FILE, catalogue: Optional[Catalogue] = None) -> Course:
    """The course; CourseError with all mistakes in the file. Without a file, the course of its default."""
    catalogue = read_catalogue() if catalogue is None else catalogue
    if path == FILE and not path.exists():
        return Course(catalogue)
    try:
        toml, text = load_toml(path), path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # bad TOML and bad UTF-8 are ValueErrors
        raise CourseError([no_toml(path, unreadable(error))]) from error
    return Reader(text, toml, catalogue, path.name).course()


# For people


def of_another_year(course: Course, now: datetime) -> list[str]:
    """A course.toml that was taken over: everybody would be hundreds of days late."""
    old = {due: stage for stage, due in sorted(course.dates.due.items(), reverse=True) if (now - lateness.instant(due)).days > LONG_AGO}
    return [f"[due] {due:%Y-%m-%d}, of stage {stage}, is more than {LONG_AGO} days ago: is it of another year?"
            for due, stage in sorted(old.items(), key=lambda item: item[1])]


def warnings(course: Course, now: Optional[datetime] = None) -> list[str]:
    """What is allowed, and likely not what was meant."""
    lines = of_another_year(course, now or datetime.now(lateness.UTC))
    for stage, name in sorted(course.disabled):
        tests = course.catalogue[stage]
        needing = [other for other, declared in tests.items() if name in declared.needs]
        if needing:
            lines.append(
                f"disable: {name} does not count, but {', '.join(needing)} of stage {stage} need it: whoever fails "
                "it does not come to them. To free them, change `needs` in the tests and grade again."
            )
    policy = course.dates.policy
    if policy != Policy() and not course.dates.due:
        lines.append("[late] does nothing without a date in [due]")
    elif policy.free_days and policy.costs_nothing():
        lines.append("[late] free_days: late days cost nothing, as per_day is 0")
    return lines


def policy_in_words(policy: Policy) -> str:
    if policy.costs_nothing():
        return "lateness is shown and costs nothing"
    of = "maximum" if policy.of_maximum else "points achieved"
    words = [f"{policy.points:g} points" if policy.points else f"{policy.percent:g} % of the {of}"]
    words[0] += " for each day that is not free"
    if policy.at_most < 100:
        words.append(f"at most {policy.at_most:g} % of the {of}")
    if policy.cutoff is not None:
        words.append(f"nothing counts more than {policy.cutoff} days after the date")
    if policy.free_days:
        words.append(f"{policy.free_days} free days for each student")
    if policy.grace:
        words.append(f"{policy.grace} minutes of grace")
    return "; ".join(words)


def describe(course: Course) -> list[str]:
    """What the file makes of the course."""
    lines = []
    for stage, tests in sorted(course.catalogue.items()):
        declared = sum(test.points for test in tests.values())
        now = course.maximum(stage)
        words = f" (the tests say {declared:g})" if now != declared else ""
        words += "" if course.counts(stage) else ", does not count"
        lines.append(f"stage {stage}: {now:g} points{words}")
        if stage in course.dates.due:
            due = course.dates.due[stage]
            lines.append(f"    due {due.isoformat(' ')} = {lateness.instant(due):%Y-%m-%d %H:%M:%S} UTC")
        lines += _changes(course, stage)
    if course.dates.due:
        lines.append(f"late: {policy_in_words(course.dates.policy)}")
        lines.append(f"extensions: {len(course.dates.extensions)} students")
    return lines + _beside(course)


def _beside(course: Course) -> list[str]:
    """What is said beside tests and dates."""
    lines = ["of several submissions the best counts, and all are graded"] if course.several == BEST else []
    if course.by_hand:
        lines.append(f"by hand: {course.by_hand.maximum:g} points more, called {course.by_hand.title!r}: hand/NAME.toml in the output folder")
    export = course.export
    if export != Export():
        name = export.assignment or course.name or "ckptlab"
        scale = f"scaled to {export.maximum:g} points" if export.maximum else "in the points of the lab"
        lines.append(f"gradebook: called {name!r}, {scale}{', and a column of grades.csv for each test' if export.tests else ''}")
    return lines


def _changes(course: Course, stage: int) -> list[str]:
    lines = []
    for name, declared in course.catalogue[stage].items():
        key = (stage, name)
        visibility = course.visibility.get(key, HIDDEN if declared.hidden else course.default_visibility)
        words = [f"{course.points[key]:g} points instead of {declared.points:g}"] if key in course.points else []
        words += ["does not count"] if key in course.disabled else []
        words += ["bonus"] if key in course.bonus else []
        words += [visibility] if visibility != VISIBLE else []
        if words:
            lines.append(f"    {name}: {', '.join(words)}")
    return lines


def check(path: Path = FILE, catalogue: Optional[Catalogue] = None) -> int:
    """What `grade --check-course` does: 0 if the file is right, else 1 and all that is wrong with it."""
    try:
        course = load(path, catalogue)
    except CourseError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return 1
    print("\n".join(describe(course)))
    for line in warnings(course):
        print(f"warning: {line}")
    return 0
