"""Grades one submission: for a course platform, in its format and as it goes, or for who looks at a case again."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Optional

import platforms
from batch import job
from batch.request import Options, Request
from batch.run import choose_tier, handed_in
from batch.workshop import grader_digest
from platforms import gradescope
from reports import environment, reports, results
from reports.course import Course
from reports.results import FAILED, SubmissionResult
from stage.config import Stage

PLATFORMS = platforms.WRITERS
Write = Callable[[SubmissionResult, list[environment.Fault], bool], None]


def grade(folder: Path, options: Options, platform: str, output: Optional[Path], course_path: Optional[Path]) -> int:
    """`output` is there with the first results, and whole at every moment. 0 if the submission was graded."""
    course = reports.load_course(course_path, options.profile)
    digest = grader_digest(options.profile)
    options = replace(options, tier=choose_tier(options, "local", digest))
    with tempfile.TemporaryDirectory() as scratch:
        request = Request("submission", "", "", folder.name, "", [str(folder.resolve())], [], "", digest, scratch,
                          options=options)
        write = writer(platform, output, course, stages_of(options))
        write(SubmissionResult("submission", ""), [], False)  # valid from the beginning
        result = job.grade(request, lambda so_far: write(so_far, [], False))
        faults = faults_among(result, request)
        write(result, faults, True)
        if not platform:
            counted = reports.counted(result, faults, course)
            print_result(counted)
            show_artefacts(counted, Path(scratch))
    failed = any(stage.status == results.GRADER_FAILED for stage in result.stages)
    return job.CANNOT if failed else 0


def stages_of(options: Options) -> list[Stage]:
    """The stages that will be graded."""
    stages = options.interface().stages
    return [stage for number, stage in sorted(stages.items()) if not options.stages or number in options.stages]


def writer(platform: str, output: Optional[Path], course: Course, stages: list[Stage]) -> Write:
    """What is to be done with results, also with those that are not all there yet: course.toml applies to all."""
    metadata = gradescope.load_metadata() if platform == "gradescope" else None

    def write(result: SubmissionResult, faults: list[environment.Fault], done: bool) -> None:
        if platform and output:
            if metadata is not None:
                gradescope.identify(result, metadata)
            platforms.write(platform, reports.counted(result, faults, course), output, done, stages)

    return write


def faults_among(result: SubmissionResult, request: Request) -> list[environment.Fault]:
    """Does the reference pass here what the submission failed? Only that is asked, as there is somebody waiting."""
    failed = sorted({test.test for _, test in result.tests() if test.outcome == FAILED})
    reference = handed_in(request.options.interface())
    if not failed or reference is None:
        return []
    stages = sorted({stage.stage for stage, test in result.tests() if test.outcome == FAILED})
    options = replace(request.options, only=failed, stages=stages, where=0.0)
    asked = replace(request, name="reference", paths=[str(reference)], options=options)
    return environment.faults(job.grade(asked, lambda result: None))


def print_result(result: SubmissionResult) -> None:
    """A short report for who called this by hand."""
    for note in result.notes:
        print(f"note: {note}")
    if result.status != results.GRADED:
        print(f"{result.status}: {result.message}")
    for stage in result.stages:
        print(f"\nStage {stage.stage}: {stage.points:g} of {stage.maximum:g} points ({stage.status})")
        if stage.message:
            print(stage.message)
        for test in stage.tests:
            words = f" {test.reason.splitlines()[0]}" if test.reason else ""
            print(f"  {test.points:g}/{test.maximum:g}  {test.outcome:<8} {test.test}{words}")
            if test.outcome == FAILED:
                print(f"        where: {test.where or 'not found'}; {test.where_how}\n" if test.where_how else "", end="")
                print(f"        cause {test.cause or 'unknown'}: {test.cause_text}")
    print_processor(result)
    print(f"\n{result.points:g} of {result.maximum:g} points; sandbox: {result.sandbox}")


def print_processor(result: SubmissionResult) -> None:
    """Where the time goes, whatever else this machine does meanwhile."""
    rows = [(stage.stage, stage.processor) for stage in result.stages if stage.processor]
    if rows:
        names = list(rows[0][1])
        print("\nprocessor seconds" + "".join(f"{name:>10}" for name in names))
        for stage, spent in rows:
            print(f"          stage {stage}" + "".join(f"{spent.get(name, 0.0):10.2f}" for name in names))
        total = result.processor + sum(sum(spent.values()) for _, spent in rows)
        print(f"              all {total:9.2f}, with {result.processor:.2f} to unpack it, and for what it shares with others")


def show_artefacts(result: SubmissionResult, scratch: Path) -> None:
    """What is left of failures, before it goes: in a folder of its own."""
    kept = [test.artefacts for _, test in result.tests() if test.artefacts]
    if kept:
        target = Path(tempfile.mkdtemp(prefix="ckptlab-case-"))
        shutil.move(scratch / "artefacts", target / "artefacts")
        print(f"what the failed cases left: {target / 'artefacts'}")
