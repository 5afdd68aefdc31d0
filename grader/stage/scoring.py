"""Points: how tests declare them, and the pytest plugin that counts them."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from stage import diagnosis, filmed
from stage.case import Case
from stage.config import GRADER
from stage.failure import Failure, printable
from stage.lab import Lab
from stage.spent import Spent
from stage.where import LUCK, Where

NOT_TESTED = "not tested: "  # how the reason of a pytest.skip() begins where the machine does not allow a test

T = TypeVar("T", bound=Callable[..., None])


def points(
    value: float, *, step: str, needs: str | Sequence[str] = (), stress: bool = False
) -> Callable[[T], T]:
    """Declare a test: its points, the hand-out's step, the tests it depends on.

    A stress test runs only with --stress; it has no points, but must pass there.
    """
    names = [needs] if isinstance(needs, str) else list(needs)

    def mark(function: T) -> T:
        decorated: T = pytest.mark.lab(points=value, step=step, needs=names, stress=stress)(function)
        return decorated

    return mark


@dataclass
class Result:
    """What became of one test."""

    test: str
    title: str
    points: float
    maximum: float
    step: str
    outcome: str = "skipped"  # passed, failed, skipped, environment: it cannot be tested here
    reason: str = ""
    seconds: float = 0.0
    stress: bool = False
    detail: str = ""
    remark: str = ""
    where: str = ""  # "restorer_kernel.c, move() (step 3.7)", if that was searched and found
    where_how: str = ""
    film: str = ""  # the name of a page in its folder: its restart, call by call
    cause: str = ""
    cause_text: str = ""
    next_step: str = ""
    read: str = ""
    symptoms: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    got: list[str] = field(default_factory=list)
    visibility: str = "visible"  # or hidden: who may see it, if course.toml says nothing else

    @property
    def cause_steps(self) -> list[str]:
        """The step that the cause names, if it names one."""
        return [cause.step for cause in diagnosis.load_causes() if cause.id == self.cause and cause.step]


@dataclass(frozen=True)
class Declaration:
    """What @points says of a test."""

    test: str
    title: str
    points: float
    step: str
    needs: list[str]
    stress: bool
    hidden: bool = False  # its file's name begins with hidden: students do not get it


@dataclass
class Selection:
    """Which tests of a stage to run."""

    stress: bool = False
    only: Sequence[str] = ()
    not_here: Sequence[str] = ()  # the reference fails them on this machine: they say nothing of a student

    def takes(self, name: str, options: dict[str, Any]) -> bool:
        if self.only:
            return name in self.only
        return self.stress or not options["stress"]


Progress = Callable[[int, int, str], None]


class Scoring:
    """A pytest plugin: selects, skips what depends on a failed test, diagnoses, counts."""

    def __init__(self, lab: Lab, selection: Selection, progress: Progress, deep: int = 1) -> None:
        self.lab = lab
        self.selection = selection
        self.progress = progress
        self.deep = deep  # how many failures to look at under gdb
        self.results: dict[str, Result] = {}
        self.errors: list[str] = []
        self.order: list[str] = []
        self.declarations: list[Declaration] = []
        self.problem = ""  # why nothing was graded: the compiler's words
        self.cases: dict[str, Case] = {}  # of tests that failed
        self.after_test: Callable[[], None] = lambda: None
        self.spent = Spent()
        self._encoded: dict[str, tuple[dict[str, Any], str]] = {}

    # Fixtures

    @pytest.fixture(name="lab", scope="session")
    def lab_fixture(self) -> Lab:
        return self.lab

    @pytest.fixture(name="case")
    def case_fixture(self, request: pytest.FixtureRequest) -> Generator[Case, None, None]:
        case = Case.fresh(self.lab, request.node.name)
        request.node.case = case
        yield case
        case.close()

    # Hooks

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", "lab: points, step and needs of a test")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if self.selection.takes(item.name, options_of(item))]
        for item in items:
            self._expect(item)
        items[:] = in_order_of_steps(items)
        self.order = [item.name for item in items]

    def _expect(self, item: pytest.Item) -> None:
        options = options_of(item)
        doc = (getattr(item, "function").__doc__ or item.name).strip().split("\n")[0]
        value = 0.0 if options["stress"] else float(self.lab.stage.test_points.get(item.name, options["points"]))
        hidden = Path(item.location[0]).name.startswith("hidden")
        if item.name in self.results:
            raise pytest.UsageError(f"{item.location[0]}: the stage has another {item.name}")
        self.declarations.append(
            Declaration(item.name, doc, value, options["step"], options["needs"], options["stress"], hidden)
        )
        self.results[item.name] = Result(
            item.name, doc, 0.0, value, options["step"], stress=options["stress"],
            visibility="hidden" if hidden else "visible",
        )

    @pytest.hookimpl(hookwrapper=True)  # type: ignore[misc]
    def pytest_runtest_call(self) -> Generator[None, Any, None]:
        """A test looks at what a submission made: with no more rights than that has."""
        with self.lab.runner.student():
            yield

    class Doubts:
        """The last look at a test that would pass."""

        @pytest.hookimpl(trylast=True)  # type: ignore[misc]
        def pytest_runtest_call(self, item: pytest.Item) -> None:
            case: Case | None = getattr(item, "case", None)
            if case is not None:
                case.check_genuine()

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self.progress(self.order.index(item.name) + 1, len(self.order), item.name)
        if item.name in self.selection.not_here:
            pytest.skip(f"{NOT_TESTED}grader environment: the reference fails it on this machine, too")
        before = [self.results[name] for name in options_of(item)["needs"] if name in self.results]
        for result in before:
            if result.outcome == "environment":
                pytest.skip(f"{NOT_TESTED}needs {result.test}, which cannot be tested here")
        for result in before:
            if result.outcome in ("failed", "skipped"):
                pytest.skip(f"needs {result.test}")

    @pytest.hookimpl(hookwrapper=True)  # type: ignore[misc]
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, Any, None]:
        outcome = yield
        report: pytest.TestReport = outcome.get_result()
        result = self.results[item.name]
        result.seconds += call.duration
        if report.when == "call" and report.passed:
            result.outcome, result.points = "passed", result.maximum
        elif report.skipped:
            self._skipped(result, str(call.excinfo.value) if call.excinfo else "")
        elif report.failed and call.excinfo is not None:
            self._failed(item, result, call.excinfo.value, report)
        words = [printable(getattr(item, "remark", "")), self.lab.stage.counting(item.name)]
        result.remark = "; ".join(filter(None, words))
        if report.when == "teardown":
            self.after_test()

    @staticmethod
    def _skipped(result: Result, reason: str) -> None:
        """What this machine does not allow to test is nobody's fault: no points are in question."""
        result.outcome, result.points, result.reason = "skipped", 0.0, reason
        if reason.startswith(NOT_TESTED):
            result.outcome, result.maximum = "environment", 0.0

    def _failed(
        self, item: pytest.Item, result: Result, error: BaseException, report: pytest.TestReport
    ) -> None:
        case: Case | None = getattr(item, "case", None)
        result.outcome, result.points = "failed", 0.0
        result.reason = shortened(getattr(error, "message", "") or f"{type(error).__name__}: {error}")
        result.detail = shortened(report.longreprtext)
        if isinstance(error, Failure):
            result.expected, result.got = few_lines(error.expected), few_lines(error.got)
        result.symptoms = diagnosis.gather(item.name, error, case, deep=self.deep > 0)
        self.deep -= 1
        seen = diagnosis.seen(result.symptoms)
        result.reason += f" (seen: {seen})" if seen else ""
        self._explain(result)
        if case is not None:
            write_artefacts(self.lab, case, result)
            self.cases[item.name] = case

    def _explain(self, result: Result) -> None:
        cause = diagnosis.find_cause(result.symptoms)
        if cause is not None:
            self._tell(result, cause)
        if not result.read and self.lab.interface.steps and result.step:
            result.read = f"000-README step {result.step}"

    def _tell(self, result: Result, cause: diagnosis.Cause) -> None:
        result.cause, result.cause_text = cause.id, cause.text
        result.next_step, result.read = cause.next, cause.reading(self.lab.interface.steps)

    def first_failure(self) -> Result | None:
        return next((result for result in self.ordered() if result.outcome == "failed"), None)

    def make_film(self) -> None:
        """Of the first failed test that has a restart."""
        for result in self.ordered():
            case = self.cases.get(result.test)
            if result.outcome == "failed" and case is not None and filmed.restart_of(case):
                result.film = filmed.film(case, f"{result.test}: the restart, step by step")
                return

    def locate(self, result: Result, found: Where) -> None:
        """An experiment has shown where it fails: only a cause of these steps can be the cause, or what was watched."""
        result.where, result.where_how = found.words, found.how
        if found.how == LUCK:
            result.cause, result.cause_text, result.next_step = "", "", ""
        if not found.steps:
            return
        causes = [cause for cause in diagnosis.load_causes() if cause.step in found.steps or cause.was_watched]
        if result.cause not in [cause.id for cause in causes]:
            result.cause, result.cause_text, result.next_step = "", "", ""
            cause = diagnosis.find_cause(result.symptoms, causes)
            if cause is not None:
                self._tell(result, cause)
        step = next((step for step in result.cause_steps if step in found.steps), found.steps[0])
        result.read = f"000-README step {step}"

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(report.longreprtext)

    # Totals

    def declared(self) -> list[Declaration]:
        return self.declarations

    def ordered(self) -> list[Result]:
        return [self.results[name] for name in self.order]

    def encoded(self, result: Result) -> str:
        """As JSON; made anew only when it has changed: all results are written after each test."""
        now = {name: list(value) if isinstance(value, list) else value for name, value in vars(result).items()}
        before, text = self._encoded.get(result.test, ({}, ""))
        if now != before:
            text = json.dumps(now)
            self._encoded[result.test] = now, text
        return text

    def total(self) -> tuple[float, float]:
        results = self.ordered()
        return sum(r.points for r in results), sum(r.maximum for r in results if r.test not in self.lab.stage.bonus)

    def all_passed(self) -> bool:
        outcomes = {result.outcome for result in self.ordered() if result.test not in self.lab.stage.bonus}
        return not self.errors and "passed" in outcomes and outcomes <= {"passed", "environment"}


MOST_TEXT, MOST_LINES, MOST_LINE = 20000, 2000, 1000  # of what a submission printed, in a report


def shortened(text: str) -> str:
    return printable(text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}... ({len(text)} characters in all)")


def few_lines(lines: Sequence[str]) -> list[str]:
    return [printable(line[:MOST_LINE]) for line in lines[:MOST_LINES]]


def options_of(item: pytest.Item) -> dict[str, Any]:
    marker = item.get_closest_marker("lab")
    if marker is None:
        raise pytest.UsageError(f"{item.nodeid}: no @points")
    return dict(marker.kwargs)


def in_order_of_steps(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """So that the first failure is of the first step that is not right. What a test needs comes before it."""
    by_name = {item.name: item for item in items}

    def last_step(item: pytest.Item) -> list[int]:
        own = [int(number) for number in re.findall(r"\d+", options_of(item)["step"])]
        return max([own, *(last_step(by_name[name]) for name in options_of(item)["needs"] if name in by_name)])

    return sorted(items, key=last_step)


def repeat_command(lab: Lab, test: str) -> str:
    if lab.place and lab.place.repeat:
        return f"{lab.place.repeat} {test} --stage {lab.stage.number}"
    profile = ["--profile", str(lab.interface.path)] if lab.interface.is_profile else []
    words = [str(GRADER / "check"), *profile, "--stage", str(lab.stage.number), str(lab.folder), "--only", test]
    return shlex.join(words)


def write_artefacts(lab: Lab, case: Case, result: Result) -> None:
    """Leave what is needed to look at the case again."""
    repeat = repeat_command(lab, result.test)
    lines = [
        "#!/bin/sh",
        f"# {result.test}: {result.title}",
        f"# It failed: {result.reason}".split("\n")[0],
        "# This runs the test again. By hand, in this folder, it goes like this:",
        *[f"#     {step}" for step in case.steps],
        f"exec {repeat}" + ("" if lab.place else " -v") + ' "$@"',
    ]
    case.keep("repro.sh", "\n".join(lines) + "\n")
    (case.kept / "repro.sh").chmod(0o755)
    case.keep("maps.before", "".join(f"{region}\n" for region in case.maps_before))
    case.keep("symptoms", "\n".join(result.symptoms) + "\n")


def as_json(scoring: Scoring, started: float, empty: float = 0.0) -> str:
    """The results; if no test ran, the stage's maximum is `empty`."""
    got, maximum = scoring.total()
    table = {
        "stage": scoring.lab.stage.number,
        "title": scoring.lab.stage.title,
        "points": got,
        "maximum": maximum if scoring.order else empty,
        "message": scoring.problem,
        "warnings": scoring.lab.warnings,
        "sandbox": scoring.lab.runner.events,
        "seconds": round(time.monotonic() - started, 2),
        "processor": scoring.spent.table(),
    }
    rows = ",\n".join(scoring.encoded(result) for result in scoring.ordered())
    return f'{json.dumps(table)[:-1]}, "tests": [\n{rows}\n]}}'


def write_json(scoring: Scoring, path: Path, started: float, empty: float = 0.0) -> None:
    """The file is whole whenever it is read."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(as_json(scoring, started, empty) + "\n")
    partial.replace(path)
