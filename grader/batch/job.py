"""Grades one submission: job.py REQUEST, a process of its own, on this machine or on another.

It unpacks the submission into a place of the workshop, lets grader/check build and test one stage after another in the
sandbox, keeps what is needed to look at failures again, and leaves work/new/NAME.json in the output folder. The exit
status is 0 if there is such a file. Whatever the submission does, it ends its own grading at most.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NoReturn

from batch import artefacts, given
from batch.forked import Forked
from batch.intake import Submission
from batch.prepare import Prepared, prepare
from batch.request import Options, Request
from batch.stages import Kit
from batch.unpack import Refused
from batch.workshop import Slot, Workshop, WorkshopError
from reports import results
from reports.results import StageResult, SubmissionResult, TestResult
from sandbox import probe, walls
from sandbox.check import check
from sandbox.child import kill_user
from sandbox.spec import MIB, NONE, OWN_UID, Limits, Spec
from sandbox.walls import Walls
from stage import spent
from stage.config import GRADER, Interface, Stage
from stage.diagnosis import find_cause
from stage.where import LUCK

COMMAND = [str(GRADER / "python"), str(GRADER / "batch" / "job.py")]
CANNOT = 70
FULL, NOT_FULL = 0, 1  # exit statuses of grader/check
MEMORY = 4 << 30  # bytes of address space for grader/check, which reads what a submission wrote
STRESS_MEMORY, STRESS_DISK = 6 << 30, 16 << 30  # bytes
LOOK_AGAIN = 0.5  # seconds between two looks for results of a stage that is being graded

OnProgress = Callable[[SubmissionResult], None]


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def machine() -> str:
    return f"{platform.node()}, Linux {platform.release()}, {' '.join(platform.libc_ver())}"


class Grading:
    """One submission in its place."""

    def __init__(self, request: Request, shop: Workshop, slot: Slot, walls: Walls, on_progress: OnProgress) -> None:
        self.request, self.shop, self.slot, self.walls = request, shop, slot, walls
        self.interface: Interface = request.options.interface()
        self.on_progress = on_progress
        self.trees: given.Trees | None = None  # for objects that are known already
        self.result = SubmissionResult(
            request.name, request.student, request.student_id, request.source, request.digest, request.submitted,
            request.grader, machine(), started=now(),
        )

    def run(self) -> SubmissionResult:
        start = time.monotonic()
        try:
            prepared = self._prepare()
        except Refused as refused:
            self.result.status, self.result.message = results.REFUSED, str(refused)
            return self.result
        spec = self._make_spec()
        for number in self.request.options.numbers():
            self.result.stages.append(self._missing(number))
            self._grade(number, prepared, spec)
            self.result.seconds = round(time.monotonic() - start, 2)
            self.on_progress(self.result)
        self._locate_all(prepared, spec)
        self.result.processor = round(spent.own(), 2)
        self.result.seconds = round(time.monotonic() - start, 2)
        return self.result

    # The place

    def _prepare(self) -> Prepared:
        """Only root's rights touch the archive; then all of it belongs to the submission's own user."""
        tree = self.slot.folder / "tree"
        prepared = prepare(submission_of(self.request), tree, kit=Kit.load(self.interface))
        self.result.notes, self.result.variables = list(prepared.notes), list(prepared.variables)
        self.result.suspects = list(prepared.suspects)
        if not prepared.variables and not self.interface.is_profile:
            self.trees = given.Trees(self.interface, self.shop.given, tree)
            given.lay_objects(self.trees)
        for number in self.interface.stages:
            (self.slot.folder / f"c{number}").mkdir(mode=0o700)
        (self.slot.folder / "w").mkdir(mode=0o700)
        if self.slot.uid is not None:
            for path in [tree, *tree.rglob("*"), self.slot.folder / "w", *self.slot.folder.glob("c[0-9]*")]:
                os.lchown(path, self.slot.uid, self.slot.uid)
        return prepared

    def _make_spec(self) -> Spec:
        shop, slot = self.shop, self.slot
        spec = Spec(
            self.request.options.tier, slot.uid, str(shop.keeper), str(slot.folder), str(shop.programs),
            str(shop.reference), self.request.repeat, limits_of(self.request.options), *self.walls,
        )
        if not spec.tier:
            spec = choose_tier(spec)
        self.result.sandbox = spec.words()
        return spec

    # One stage

    def _missing(self, number: int) -> StageResult:
        stage = self.interface.stages[number]
        maximum = self.request.options.maxima.get(str(number), stage.points)
        return StageResult(number, stage_name(stage), results.MISSING, "it was not handed in", maximum=maximum)

    def _grade(self, number: int, prepared: Prepared, spec: Spec) -> None:
        if number not in prepared.stages:
            return
        stage = self.result.stages[-1]
        if self.trees is not None:
            built = [one.stage for one in self.result.stages[:-1] if one.status == results.GRADED]
            given.lay_own(self.trees, number, built, self.slot.uid)
        spec_file, table_file = self.slot.folder / "kept/spec.json", self.slot.folder / "kept" / f"stage{number}.json"
        spec.save(spec_file)
        grader = self._start_check(number, prepared, spec_file, table_file, self.request.options.only_in(number),
                                   *([] if self.interface.is_profile else ["--film"]))
        ended = self._wait(grader, lambda: self._tell(stage, table_file), table_file)
        kill_user(self.slot.uid)
        log = (self.slot.folder / "kept" / f"stage{number}.log").read_text(errors="replace")
        table = read_table(table_file)
        fill(stage, table, ended, log)
        self.result.notes += [f"stage {number}: {event}" for event in table.get("sandbox", [])]
        artefacts.keep(stage, self.slot.folder, Path(self.request.out), self.request.name)

    def _start_check(self, number: int, prepared: Prepared, spec_file: Path, table_file: Path, only: Sequence[str],
                     *more: str) -> Forked:
        options = self.request.options
        words = ["--stage", str(number), str(prepared.stages[number])]
        words += ["--profile", options.profile] if options.profile else []
        words += ["--json", str(table_file), *more]
        words += [word for test in only for word in ("--only", test)]
        words += [word for variable in prepared.variables for word in ("--variable", variable)]
        words += ["--stress"] if options.stress else []
        compiled = sys.pycache_prefix or str(GRADER / "build/pycache")
        env = {"PATH": os.environ.get("PATH", os.defpath), "CKPTLAB_PATIENCE": str(options.patience),
               "PYTHONPYCACHEPREFIX": compiled, "PYTHONPATH": str(GRADER), "LANG": "C.UTF-8"}
        return Forked(lambda: check_alone(spec_file, words), table_file.with_suffix(".log"), env)

    def _tell(self, stage: StageResult, table_file: Path) -> None:
        fill(stage, read_table(table_file), NOT_FULL, "")
        self.on_progress(self.result)

    def _wait(self, grader: Forked, tell: Callable[[], None], table_file: Path) -> int | None:
        """grader/check's exit status, None if its time is over. What is known meanwhile goes to who wants to know."""
        end = time.monotonic() + self.request.options.stage_limit
        seen = 0
        try:
            while time.monotonic() < end:
                try:
                    return grader.wait(min(LOOK_AGAIN, max(0.0, end - time.monotonic())))
                except subprocess.TimeoutExpired:
                    count = table_file.stat().st_mtime_ns if table_file.exists() else 0
                    if count != seen:
                        seen = count
                        tell()
            return None
        finally:
            if grader.poll() is None:
                grader.kill()
                grader.wait()

    # Where a fault is

    def _locate_all(self, prepared: Prepared, spec: Spec) -> None:
        """When no verdict can change any more: the reference's objects come within a submission's reach only now."""
        seconds = self.request.options.where
        if seconds <= 0 or self.interface.is_profile:
            return
        for stage in self.result.stages:
            failed = next((test for test in stage.tests if test.outcome == results.FAILED), None)
            if failed is None or stage.status != results.GRADED:
                continue
            if spec.tier == OWN_UID:  # a program could leave them where a later one finds them
                failed.where_how = "not searched: this machine has no namespaces for the sandbox"
            else:
                self._locate(stage.stage, failed, prepared, spec)

    def _locate(self, number: int, failed: TestResult, prepared: Prepared, spec: Spec) -> None:
        spec_file, table_file = self.slot.folder / "kept/spec.json", self.slot.folder / "kept" / f"where{number}.json"
        spec.save(spec_file)
        grader = self._start_check(number, prepared, spec_file, table_file, [failed.test], "--where", str(self.request.options.where))
        self._wait(grader, lambda: None, table_file)
        kill_user(self.slot.uid)
        rows = read_table(table_file).get("tests", [])
        again = results.test_from(rows[0]) if rows else None
        if again is None or not again.where_how:
            failed.where_how = LUCK if again is not None and again.outcome == results.PASSED else "not searched: the grader ended"
            return
        for name in ("where", "where_how", "cause", "cause_text", "next_step", "read"):
            setattr(failed, name, getattr(again, name))


def stage_name(stage: Stage) -> str:
    """What reports call it: its folder, or its title if it has none of its own."""
    return stage.title if stage.folder == "." else stage.folder


def submission_of(request: Request) -> Submission:
    paths = tuple(Path(path) for path in request.paths)
    return Submission(request.name, request.student, request.student_id, paths, request.source, request.submitted,
                      tuple(request.notes))


def limits_of(options: Options) -> Limits:
    if options.stress:  # its programs have gigabytes, and so have their images
        return Limits(memory=STRESS_MEMORY, disk=STRESS_DISK)
    return Limits(memory=options.memory * MIB, disk=options.disk * MIB)


def check_alone(spec: Path, words: Sequence[str]) -> int:
    """In a process of its own, of limited memory. The keeper takes the limit from the programs under grading."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, hard))
    return check(spec, words)


def read_table(path: Path) -> dict[str, Any]:
    """What grader/check wrote; it replaces the file after each test."""
    return dict(json.loads(path.read_text())) if path.exists() else {}


def fill(stage: StageResult, table: dict[str, Any], ended: int | None, log: str) -> None:
    """Put what grader/check said of a stage into the result."""
    stage.tests = [results.test_from(test) for test in table.get("tests", [])]
    stage.points = sum(test.points for test in stage.tests)
    stage.maximum = table.get("maximum", stage.maximum)
    stage.warnings, stage.seconds = table.get("warnings", 0), table.get("seconds", 0.0)
    stage.processor = table.get("processor", {})
    stage.status, stage.message = results.GRADED, table.get("message", "")
    events = table.get("sandbox", [])
    if ended is None:
        stage.status, stage.message = results.TIME_LIMIT, "its time was over before all tests were run"
        events = [*events, "sandbox: time"]
        for test in stage.tests:
            test.reason = test.reason or ("" if test.outcome == results.PASSED else "the stage's time was over")
    elif ended not in (FULL, NOT_FULL) or not table:
        stage.status, stage.message = results.GRADER_FAILED, "\n".join(log.strip().splitlines()[-20:])
    elif not stage.tests:
        stage.status = results.NOT_BUILT
        events = [*events, "build: fails"]
    explain(stage, events)


def explain(stage: StageResult, events: list[str]) -> None:
    """A cause for a stage as a whole: for what no single test can be blamed for."""
    cause = find_cause(events) if events else None
    stage.cause, stage.cause_text = (cause.id, cause.text) if cause else ("", "")


def choose_tier(spec: Spec) -> Spec:
    tier, reasons = probe.choose(spec)
    if not tier:
        raise WorkshopError("no sandbox works on this machine: " + "; ".join(reasons))
    return replace(spec, tier=tier)


def grade(request: Request, on_progress: OnProgress) -> SubmissionResult:
    shop = Workshop.open(request.grader, request.options.interface())
    limits = limits_of(request.options)
    with shop.slot(own_uid=os.geteuid() == 0 and request.options.tier != NONE) as slot, walls.around(slot.folder, limits) as held:
        return Grading(request, shop, slot, held, on_progress).run()


def run(request: Request, on_progress: OnProgress = lambda result: None) -> SubmissionResult:
    """Grade, and leave the result where the engine looks for it."""
    result = grade(request, on_progress)
    results.save(result, Path(request.out) / "work" / "new" / f"{request.name}.json")
    return result


def end(number: int, _frame: object) -> NoReturn:
    """SIGTERM: through all `finally`, so that nothing is left behind."""
    sys.exit(128 + number)


def main(argv: list[str]) -> int:
    signal.signal(signal.SIGTERM, end)
    request = Request.load(Path(argv[1]))
    try:
        result = run(request)
    except WorkshopError as error:
        print(f"grade: {error}", file=sys.stderr)
        return CANNOT
    failed = any(stage.status == results.GRADER_FAILED for stage in result.stages)
    return CANNOT if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
