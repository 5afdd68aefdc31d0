"""Grades a class, from the folder of submissions to the reports."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Optional

from batch import anew, before, engine_local, engine_slurm, intake, people, profiles, progress
from batch.engines import Engine, Job
from batch.intake import Submission
from batch.job import COMMAND as GRADES_ONE
from batch.job import limits_of
from batch.request import Options, Request
from batch.stages import Kit
from batch.workshop import Slot, Workshop, WorkshopError, digest_of, grader_digest
from reports import course_file, environment, merge, reports, results, tries
from reports.course import BEST
from reports.results import GRADER_FAILED, SubmissionResult
from reports.text import one_line
from sandbox import probe, walls
from sandbox.identity import Identity
from sandbox.spec import NONE, OWN_UID, WORDS, Spec
from stage.config import GRADER, TOP, Interface
from stage.folders import files_below

ENGINES: dict[str, Engine] = {"local": engine_local.run, "slurm": engine_slurm.run}
ALL_GRADED, SOME_NOT, CANNOT = 0, 1, 70
OVERHEAD = 120.0  # seconds that a job may take besides its stages
REFERENCE = "reference"
NO_PLACE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.ENOTDIR)  # nobody's fault here: a full disk, rights
FAILED_HERE = "the grader failed at the newest hand-in; this is of an earlier one"


@dataclass(frozen=True)
class Plan:
    """What was asked for."""

    submissions: Path
    out: Path
    options: Options
    width: int
    engine: str
    fresh: bool
    only_reports: bool
    reference: bool
    students: Sequence[str]
    course: Optional[Path]
    people: Optional[Path] = None
    profiles: dict[str, str] = field(default_factory=dict)  # of single students, by the submission's name


def source_digest(submission: Submission) -> str:
    """Of what was handed in, as it came."""
    files = [path for path in submission.paths if path.is_file() and os.access(path, os.R_OK)]
    below = [entry for top in submission.paths if top.is_dir() for entry in files_below(top)]
    files += [Path(entry.path) for entry in below if os.access(entry.path, os.R_OK)]
    return digest_of(files, Path("/"))


def is_in(path: Path, request: Request) -> bool:
    """Whether the file has just this request."""
    try:
        return Request.load(path) == request
    except (OSError, ValueError, TypeError, KeyError):  # none, or one of an older grader
        return False


class Batch:
    """One call of `make grade`."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.grader = grader_digest(plan.options.profile)
        self.work = plan.out / "work"
        self.first = not any((plan.out / "results").glob("*.json"))
        self.fresh = self.work / "new"  # what jobs leave; taken from there when they are done

    # Submissions and jobs

    def request(self, submission: Submission, out: Path, digest: str = "") -> Request:
        words = [str(GRADER / "grade"), str(self.plan.submissions), "-o", str(self.plan.out), "--student", submission.name]
        own, digest = self.plan.profiles.get(submission.name, ""), digest or source_digest(submission)
        options = self._options(submission.name, digest)
        options = replace(options, profile=own) if own else options
        words += ["--profile", options.profile] if options.profile else []
        words += ["--course", str(self.plan.course.resolve())] if self.plan.course else []
        return Request(
            submission.name, submission.student, submission.student_id, submission.source, submission.submitted,
            [str(path) for path in submission.paths], [*submission.notes, *([f"its own profile: {Path(own).name}"] if own else [])],
            digest, grader_digest(own) if own else self.grader, str(out), shlex.join([*words, "--only"]), options,
        )

    def _options(self, name: str, digest: str) -> Options:
        """Some tests alone only of what is graded; what those tests were in the way of comes with them."""
        options, path = self.plan.options, self.result_path(name)
        if not options.only or self.first:
            return options
        old = results.load(path) if path.exists() else None
        if old is None or old.digest != digest:
            return replace(options, only=[])
        return replace(options, only=anew.with_skipped(options.only, old, course_file.read_catalogue(profile=options.profile)))

    def is_done(self, request: Request) -> bool:
        """Whether an earlier run graded just this, with just this grader."""
        path = self.result_path(request.name)
        if self.plan.fresh or self.plan.options.only or not path.exists():
            return False
        old = results.load(path)
        same = (old.digest, old.grader) == (request.digest, request.grader)
        wanted = set(self.plan.options.stages) <= {stage.stage for stage in old.stages} or not old.stages
        return same and wanted and GRADER_FAILED not in [old.status, *(stage.status for stage in old.stages)]

    def result_path(self, name: str) -> Path:
        return self.plan.out / "results" / f"{name}.json"

    def job(self, request: Request) -> Job:
        path = self.work / "requests" / f"{request.name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        result = self.fresh / f"{request.name}.json"
        if self.plan.fresh or not is_in(path, request):
            result.unlink(missing_ok=True)  # of a run that was stopped, and asked for something else
        request.save(path)
        stages = len(request.options.stages) or len(request.options.interface().stages)
        limit = request.options.stage_limit * stages + OVERHEAD
        command = [*GRADES_ONE, str(path)]
        return Job(request.name, command, result, limit)

    def take(self, request: Request) -> None:
        """Put what a job left to the results."""
        path = self.fresh / f"{request.name}.json"
        result, old = results.load(path), self.result_path(request.name)
        before = results.load(old) if old.exists() else None
        if before and before.digest != result.digest and before.status == results.GRADED:
            tries.put_aside(before, self.plan.out)
        if before and request.options.only:
            result = merge.tests(before, result, request.options.only)
        elif before and request.options.stages:
            result = merge.stages(before, result)
        results.save(result, old)
        path.unlink()

    def grade(self, requests: Sequence[Request]) -> list[tuple[str, str]]:
        """Run the jobs, those at which the grader fails a second time; who could not be graded, and why."""
        failures = self._run(requests)
        failed = {name for name, _ in failures}
        if failed:
            print(f"the grader failed at {', '.join(sorted(failed))}: once more", flush=True)
            failures = self._run([request for request in requests if request.name in failed])
        by_name = {request.name: request for request in requests}
        for name, why in failures:
            self._note_failure(by_name[name], why)
        return failures

    def _note_failure(self, request: Request, why: str) -> None:
        """So that there is a row: with what an earlier run found, or with none."""
        path = self.result_path(request.name)
        if path.exists():
            result = results.load(path)
            if result.digest == request.digest:
                return  # it says itself which stage the grader failed at
            result.notes = [note for note in result.notes if not note.startswith(FAILED_HERE)] + [f"{FAILED_HERE}: {why}"]
        else:
            result = SubmissionResult(request.name, request.student, request.student_id, request.source, request.digest,
                                      request.submitted, request.grader, status=GRADER_FAILED, message=why)
        results.save(result, path)

    def _run(self, requests: Sequence[Request]) -> list[tuple[str, str]]:
        self.fresh.mkdir(parents=True, exist_ok=True)
        by_name = {request.name: request for request in requests}
        jobs = [self.job(request) for request in requests]
        with progress.watcher(len(requests), lambda name: self.take(by_name[name])) as watcher:
            ENGINES[self.plan.engine](jobs, self.plan.width, watcher, self.work / "engine")
        for request in requests:  # of those that failed: the report says so
            if (self.fresh / f"{request.name}.json").exists():
                self.take(request)
        return watcher.failures

    # The reference

    def grade_reference(self, todo: Sequence[Request]) -> Optional[SubmissionResult]:
        """First of all: what fails here whoever wrote it?  In the stages that somebody's verdict is to come from."""
        path = self.plan.out / "reference.json"
        folder = handed_in(self.plan.options.interface())
        if not self.plan.reference or folder is None:
            path.unlink(missing_ok=True)  # of another grader, perhaps
            return None
        old = self._known_reference(path)
        asked = [request.options for request in todo] or [replace(self.plan.options, only=[])]
        wanted = {stage for options in asked for stage in options.numbers()} & set(self.plan.options.interface().stages)
        missing = wanted - ({stage.stage for stage in old.stages} if old else set())
        if old and not missing:
            return old
        submission = Submission(REFERENCE, "the reference solution", "", (folder,), folder.name)
        # Its sources are part of the grader; besides them there may be images of gigabytes in its folder.
        request = self.request(submission, self.plan.out, self.grader)
        options = replace(self.plan.options, stages=sorted(missing), only=[], where=0.0)
        print("grading the reference solution first", flush=True)
        failures = self._run_reference(replace(request, repeat="", options=options), path)
        if failures:
            raise WorkshopError(f"grader environment: the reference solution cannot be graded here: {failures[0][1]}")
        result = results.load(path)
        if old:
            results.save(merge.stages(old, result), path)
        return result

    def _known_reference(self, path: Path) -> Optional[SubmissionResult]:
        """What an earlier run found, if it may still be true."""
        old = results.load(path) if path.exists() and not self.plan.fresh else None
        return old if old and old.grader == self.grader and not environment.faults(old) else None

    def _run_reference(self, request: Request, path: Path) -> list[tuple[str, str]]:
        self.fresh.mkdir(parents=True, exist_ok=True)
        left = self.fresh / f"{REFERENCE}.json"
        left.unlink(missing_ok=True)
        watcher = progress.Silent(1)
        ENGINES[self.plan.engine]([self.job(request)], 1, watcher, self.work / "engine")
        if left.exists():
            left.replace(path)
        return watcher.failures


def handed_in(interface: Interface) -> Optional[Path]:
    """The reference as somebody would hand it in, if it is here: it is graded before all others."""
    names = interface.reference if interface.is_profile else ["solution"]
    return next((TOP / name for name in names if (TOP / name).is_dir()), None)


def choose_tier(options: Options, engine: str, grader: str) -> str:
    """The sandbox for all jobs of this machine; "" lets each machine of a cluster choose."""
    return choose_sandbox(options, engine, grader)[0]


def choose_sandbox(options: Options, engine: str, grader: str) -> tuple[str, str]:
    """And what it is, in words."""
    wanted, interface = options.tier, options.interface()
    if wanted == NONE or engine != "local":
        return wanted, WORDS.get(wanted, "as each machine of the cluster allows")
    shop = Workshop.open(grader, interface)
    with shop.slot(own_uid=os.geteuid() == 0) as slot:
        slot.folder.mkdir(mode=0o711)
        spec = Spec("", slot.uid, str(shop.keeper), str(slot.folder), str(shop.programs), str(shop.reference))
        tier, reasons = probe.choose(spec, [wanted] if wanted else [])
        if tier == OWN_UID:
            check_secrets(slot, interface)
        held = walls.tried(slot.folder / "walls", limits_of(options))
    for reason in reasons:
        print(f"sandbox: not {reason}")
    if not tier:
        raise WorkshopError("no sandbox works here, so nothing is graded. --unsafe grades without one: the submissions' "
                            "code then runs with all of your rights")
    return tier, WORDS[tier] + replace(spec, own_files=held.own_files, group=held.group, unwalled=held.unwalled).walls()


def check_secrets(slot: Slot, interface: Interface) -> None:
    """Where no namespace hides them, the tests and the solution must be closed to other users."""
    reference = handed_in(interface)
    secrets = {stage.tests.parent for stage in interface.stages.values()} | ({reference} if reference else set())
    for secret in sorted(secrets):
        with Identity(slot.uid).student(), contextlib.suppress(OSError):
            os.listdir(secret)
            raise WorkshopError(f"without namespaces, a submission can read what every user can: {secret}. Close it "
                                f"(chmod -R go-rwx {secret}), or grade with --unsafe")


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """One run at a time for an output folder."""
    (out / "work").mkdir(parents=True, exist_ok=True)
    with (out / "work" / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WorkshopError(f"{out}: another `make grade` is at work there") from None
        yield


def chosen(plan: Plan, found: Sequence[Submission]) -> list[Submission]:
    unknown = sorted(set(plan.students) - {submission.name for submission in found})
    if unknown:
        raise intake.IntakeError(f"no submission is called {unknown[0]}; there are: {', '.join(s.name for s in found)}")
    return [one for one in found if not plan.students or {one.name, tries.student_of(one.name)} & set(plan.students)]


def unseen(submission: Submission) -> SubmissionResult:
    """What stands for a result in the reports until there is one."""
    return SubmissionResult(
        submission.name, submission.student, submission.student_id, submission.source, submitted=submission.submitted,
        status=results.NOT_YET, message="it is here, and has not been graded yet", also=list(submission.also),
    )


def run(plan: Plan) -> int:
    try:
        with alone(plan.out):
            return run_alone(plan)
    except OSError as error:
        if error.errno not in NO_PLACE:
            raise
        raise WorkshopError(f"{error.filename or plan.out}: {error.strerror}. What was graded is kept: mend that, and the same "
                            "command goes on") from error


def run_alone(plan: Plan) -> int:
    course = reports.load_course(plan.course, plan.options.profile)  # a mistake in it is told now, not after the evening
    reports.check_hand(course, plan.out)
    kit = Kit.load(plan.options.interface())
    found = intake.look(plan.submissions, plan.out / "work" / "unpacked", kit, course.several == BEST)
    roster = people.roster_of(plan.people, plan.submissions, plan.out)
    submissions, unknown = people.joined(found.submissions, roster) if roster else (found.submissions, [])
    replaced = before.other_class(plan.out, plan.submissions)
    for words in [*replaced, *found.notes, *(f"passed over: {words}" for words in found.ignored), *unknown]:
        print(words)
    for name in profiles.of_nobody(plan.profiles, [submission.name for submission in submissions]):
        print(f"grade: {name}.toml: no submission is called {name}", file=sys.stderr)
    wanted = chosen(plan, submissions)
    batch = Batch(plan)
    failures: list[tuple[str, str]] = []
    if not plan.only_reports:
        tier, words = choose_sandbox(plan.options, plan.engine, batch.grader)
        print(f"sandbox: {words}", flush=True)
        maxima = reports.declared_maxima(plan.options.profile)
        batch.plan = replace(plan, options=replace(plan.options, tier=tier, maxima=maxima))
        requests = [batch.request(submission, plan.out) for submission in wanted]
        todo = [request for request in requests if not batch.is_done(request)]
        tell_faults(batch.grade_reference(todo), plan.options)
        print(f"{len(requests)} submissions, {len(requests) - len(todo)} of them graded already", flush=True)
        failures = batch.grade(todo) if todo else []
    absent = people.absent(submissions, roster) if roster else []
    listed = reports.Listed([*map(unseen, submissions), *absent], found.ignored, roster)
    for words in reports.write(plan.out, listed, plan.course, plan.submissions.name, plan.options.profile):
        print(words)
    for name, why in failures:
        print(f"grade: {name} could not be graded: {one_line(why)}", file=sys.stderr)
    print(f"reports: {plan.out}/index.html")
    return SOME_NOT if failures else ALL_GRADED


def tell_faults(reference: Optional[SubmissionResult], options: Options) -> None:
    if reference is None:
        why = "; the profile names none that is here" if options.profile and not handed_in(options.interface()) else ""
        print(f"grade: no reference solution was tried{why}: what fails may be this machine's fault", file=sys.stderr)
    for fault in environment.faults(reference):
        what = f"stage {fault.stage} {fault.test}".strip() if fault.stage else "all of it"
        print(f"grade: GRADER ENVIRONMENT, not student: {what}: {fault.reason}", file=sys.stderr)
