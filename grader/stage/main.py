"""The command line of the grader: grader/check --stage N DIR, or grader/check --profile NAME DIR."""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from stage import report, where
from stage.config import GRADER, TOP, BadProfile, Interface, find_profile, load_interface
from stage.lab import BuildError, Lab
from stage.process import end_in_order, heed_signals, nobody_reads_on, patience
from stage.runner import Runner
from stage.scoring import Declaration, Scoring, Selection, write_json

NOT_FULL, USAGE, CANNOT, STOPPED = 1, 64, 70, 130
MORE = 6  # times as many seconds for --where with -v
LIMIT, TIMES = 300, 30  # seconds for one test, and of CKPTLAB_PATIENCE; only reached when something is broken


class Stop:
    """Somebody has had enough: Ctrl-C, a closed terminal, SIGTERM."""

    wished = False

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self.wished = excinfo.type is KeyboardInterrupt  # pytest itself may have interrupted the tests, too


class EnvironmentFailed(Exception):
    """Not even the reference can be graded on this machine: no word about the student."""


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="check", description="Build and grade one stage.")
    parser.add_argument("--stage", type=int, help="its number, as in lab.toml; with --profile it may be left out")
    parser.add_argument("--profile", metavar="NAME", help="another course's: classic, classic-static, or a file")
    parser.add_argument("folder", metavar="DIR", type=Path, help="the stage's folder")
    parser.add_argument("--list", action="store_true", help="list the stage's tests as JSON (without --stage: all), run none")
    parser.add_argument("--only", action="append", default=[], metavar="TEST", help="run this test alone")
    parser.add_argument("--not-here", action="append", default=[], metavar="TEST",
                        help="the reference fails this test on this machine: it is not tested, and costs nothing")
    parser.add_argument("--reference-first", action="store_true",
                        help="with --profile: find out which tests those are, by grading the profile's reference")
    parser.add_argument("--stress", action="store_true", help="also the long tests, which take minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there as JSON")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the results there as JUnit XML")
    parser.add_argument("--variable", action="append", default=[], metavar="NAME=VALUE", help="of make, in a sandbox")
    parser.add_argument("--where", type=float, default=0.0, metavar="SECONDS",
                        help="for so long, look for the file at fault: the reference's objects in place of the student's")
    parser.add_argument("--film", action="store_true", help="of the first restart that failed: a page, beside its other files")
    parser.add_argument("-v", "--verbose", action="store_true", help="the evidence of every failure")
    return parser.parse_args(argv)


def interface_of(options: argparse.Namespace) -> Interface:
    """The lab's, or the profile's; sets the stage if it is left out and there is only one."""
    interface = load_interface(find_profile(options.profile)) if options.profile else load_interface()
    if options.stage is None and len(interface.stages) == 1 and not options.list:
        options.stage = next(iter(interface.stages))
    if options.stage is None and not options.list:
        raise BadProfile(f"--stage is missing; there are: {', '.join(map(str, interface.stages))}")
    for stage in [options.stage] if options.stage is not None else interface.stages:
        if stage not in interface.stages or not interface.stages[stage].tests.exists():
            raise BadProfile(f"there is no stage {stage}")
    return interface


def tests_files(lab: Lab) -> list[Path]:
    """The tests of a stage, of the lab's also stage4_*_test.py; those that students do not get come last."""
    first = lab.stage.tests
    more = [] if lab.interface.is_profile else sorted(first.parent.glob(f"stage{lab.stage.number}_*_test.py"))
    hidden = [path.with_name(f"hidden_{path.name}") for path in (first, *more)]
    return [path for path in (first, *more, *hidden) if path.exists()]


def pytest_arguments(options: argparse.Namespace, lab: Lab) -> list[str]:
    sys.path.append(str(GRADER / "tests"))  # a hidden test may use the functions of the others
    words = [*map(str, tests_files(lab)), "-c", str(GRADER / "stage" / "pytest.ini")]
    words += ["-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:xdist.looponfail"]
    words += ["--import-mode=importlib", "-o", f"timeout={max(LIMIT, TIMES * patience.seconds):g}"]
    if options.junit:
        words.append(f"--junitxml={options.junit.resolve()}")
    return words


def build(lab: Lab) -> str | None:
    """Build the stage; the reason if that fails."""
    try:
        lab.build()
    except BuildError as error:
        return str(error)
    return None


def write_results(options: argparse.Namespace, scoring: Scoring, started: float, empty: float = 0.0) -> None:
    """What is known by now; if no test ran, the stage's maximum is `empty`."""
    if options.json:
        write_json(scoring, options.json, started, empty)


def collect(options: argparse.Namespace, interface: Interface, stage: int) -> list[Declaration]:
    """What the stage's tests declare; none is run. Empty if the tests themselves are at fault."""
    lab = Lab(stage, options.folder, results=False, interface=interface)
    scoring = Scoring(lab, Selection(stress=True), report.progress)
    ended = pytest.main([*pytest_arguments(options, lab), "--collect-only"], plugins=[scoring, Scoring.Doubts()])
    for error in scoring.errors:
        print(error, file=sys.stderr)
    return scoring.declared() if ended == pytest.ExitCode.OK else []


def list_tests(options: argparse.Namespace, interface: Interface) -> int:
    """Those of a stage; without --stage of all, by the stages' numbers."""
    tables = {}
    for stage in [options.stage] if options.stage is not None else sorted(interface.stages):
        rows = collect(options, interface, stage)
        if not rows:
            print(f"check: the tests of stage {stage} cannot be listed", file=sys.stderr)
            return CANNOT
        tables[stage] = [asdict(row) for row in rows]
    print(json.dumps(tables if options.stage is None else tables[options.stage], indent=1))
    return 0


def report_no_build(options: argparse.Namespace, scoring: Scoring, problem: str, started: float) -> None:
    """All points are lost, those of hidden tests too."""
    maximum = sum(row.points for row in collect(options, scoring.lab.interface, options.stage))
    scoring.problem = problem
    print(problem)
    print(f"\n{scoring.lab.stage.title}: 0 of {report.number(maximum)} points: it does not build")
    write_results(options, scoring, started, maximum)


def reference_fails(lab: Lab) -> list[str]:
    """The tests that the profile's reference does not pass on this machine."""
    folder = next((TOP / name for name in lab.interface.reference if (TOP / name).is_dir()), None)
    if folder is None or folder.resolve() == lab.folder:
        return []
    with tempfile.TemporaryDirectory(prefix="ck") as scratch:
        copy, table = Path(scratch) / "reference", Path(scratch) / "table.json"
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("build", "*.o"))
        words = [sys.executable, __file__, "--profile", str(lab.interface.path), "--stage", str(lab.stage.number)]
        words += [str(copy), "--json", str(table)]
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, errors="replace", check=False)
        rows = json.loads(table.read_text())["tests"] if table.exists() else []
    if not rows:
        what = f"grader environment: the reference {folder.name} cannot be graded here"
        raise EnvironmentFailed(f"{what}:\n{done.stdout}")
    failed = [row["test"] for row in rows if row["outcome"] == "failed"]
    if failed:
        print(f"grader environment: on this machine the reference itself fails: {', '.join(failed)}")
    return failed


def not_here(options: argparse.Namespace, lab: Lab) -> list[str]:
    first = options.reference_first and lab.interface.is_profile
    return [*options.not_here, *(reference_fails(lab) if first else [])]


def locate(scoring: Scoring, seconds: float) -> None:
    """Where the first failure comes from."""
    lab, failed = scoring.lab, scoring.first_failure()
    if failed is None or seconds <= 0 or lab.interface.is_profile:
        return

    def again(folder: Path, test: str, table: Path) -> None:
        other = Lab(lab.stage.number, folder, interface=lab.interface, runner=lab.runner.anew(), variables=lab.variables)
        other.use_reference(lab.reference())
        grade(parse_arguments([str(folder), "--stage", str(lab.stage.number), "--only", test, "--json", str(table)]), other, deep=0)

    report.progress(1, 1, f"where {failed.test} fails")
    scoring.locate(failed, where.search(lab, failed.test, [*failed.cause_steps, failed.step], seconds, again))


def grade(options: argparse.Namespace, lab: Lab, deep: int = 1) -> int:
    """`deep`: how many failures are looked at under gdb."""
    started = time.monotonic()
    selection = Selection(options.stress, options.only, not_here(options, lab))
    scoring = Scoring(lab, selection, report.progress, deep)
    problem = build(lab)
    scoring.spent.built()
    if problem is not None:
        report_no_build(options, scoring, problem, started)
        return NOT_FULL
    if lab.remark:
        print(lab.remark)
    if lab.warnings:
        print(f"built with {lab.warnings} compiler warnings: read them, they cost no points")
    scoring.after_test = lambda: write_results(options, scoring, started)
    stop = Stop()
    ended = pytest.main(pytest_arguments(options, lab), plugins=[scoring, Scoring.Doubts(), stop])
    if options.only and not scoring.order and not scoring.errors:
        print(f"no such test: {', '.join(options.only)}", file=sys.stderr)
        return USAGE
    if not stop.wished:
        locate(scoring, options.where * (MORE if options.verbose else 1))
        if options.film:
            scoring.make_film()
    report.print_report(scoring, time.monotonic() - started, options.verbose)
    write_results(options, scoring, started)
    if stop.wished:
        print("check: stopped: the result above is not complete", file=sys.stderr)
        return STOPPED
    if ended not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        print("check: the grader itself failed: the result above is not complete", file=sys.stderr)
        return CANNOT
    return 0 if scoring.order and scoring.all_passed() else NOT_FULL


def main(argv: list[str], runner: Runner | None = None) -> int:
    options = parse_arguments(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if not options.folder.is_dir():
        print(f"check: {options.folder}: no such folder", file=sys.stderr)
        return USAGE
    try:
        interface = interface_of(options)
    except BadProfile as error:
        print(f"check: {error}", file=sys.stderr)
        return USAGE
    if options.list:
        return list_tests(options, interface)
    lab = Lab(options.stage, options.folder, interface=interface, runner=runner, variables=options.variable)
    try:
        return grade(options, lab)
    except EnvironmentFailed as error:
        print(f"check: {error}", file=sys.stderr)
        return CANNOT


def run(argv: list[str], runner: Runner | None = None) -> int:
    """main(), also for `... | head`, where nobody reads on."""
    heed_signals()
    end_in_order()
    try:
        status = main(argv, runner)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        nobody_reads_on()
        return NOT_FULL


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
