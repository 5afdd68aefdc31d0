"""One submission never costs another: odd files in a class, and a grader that fails at one of them."""
from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from test_removal import dig

from batch import removal, run
from batch.engines import Job, Watcher
from batch.intake import Submission
from batch.request import Options
from batch.run import Batch, Plan
from batch.workshop import WorkshopError
from reports import reports, results
from reports.results import GRADED, GRADER_FAILED, StageResult, SubmissionResult

NAMES = ["ann", "bob", "eve"]


def submission(name: str, *paths: Path) -> Submission:
    return Submission(name, name.title(), "", paths, name)


def test_odd_files_have_a_digest(tmp_path: Path) -> None:
    """Names that are not UTF-8, folders deeper than a path is long, what may not be read, FIFOs and links to nowhere."""
    folder = tmp_path / "bob"
    folder.mkdir()
    before = run.source_digest(submission("bob", folder))
    (folder / os.fsdecode(b"r\xe9sum\xe9.txt")).write_text("x")
    after = run.source_digest(submission("bob", folder))
    assert before != after
    os.mkfifo(folder / "fifo")
    (folder / "link").symlink_to("nowhere")
    (folder / "closed").write_text("x")
    (folder / "closed").chmod(0)
    dig(folder, "deeper", 1100)
    same = run.source_digest(submission("bob", folder)) == after
    assert same == (os.geteuid() != 0)  # root may read what is closed
    removal.remove(folder)


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    plan = Plan(tmp_path, tmp_path / "out", Options(stages=[1]), 1, "local", False, False, False, [], None)
    return Batch(plan)


def engine(bad: dict[str, int]) -> object:
    """Leaves a result for each job; for those in `bad` it fails so many times."""

    def grade(jobs: Sequence[Job], width: int, watcher: Watcher, scratch: Path) -> None:
        for job in jobs:
            if bad.get(job.name, 0):
                bad[job.name] -= 1
                watcher.failed(job.name, "Text file busy")
            else:
                results.save(SubmissionResult(job.name, job.name, stages=[StageResult(1, "x", GRADED)]), job.result)
                watcher.done(job.name, 0.1)

    return grade


@pytest.mark.parametrize("times", [1, 2])
def test_a_fault_of_the_grader_is_retried_once_and_stands_in_its_row(
        times: int, batch: Batch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(run.ENGINES, "local", engine({"bob": times}))
    requests = [batch.request(submission(name), batch.plan.out) for name in NAMES]
    failures = batch.grade(requests)
    assert failures == ([("bob", "Text file busy")] if times == 2 else [])
    assert "the grader failed at bob: once more" in capsys.readouterr().out
    found = {result.name: result for result in results.load_all(batch.plan.out / "results")}
    assert sorted(found) == NAMES
    assert (found["bob"].status, found["bob"].message) == ((GRADER_FAILED, "Text file busy") if times == 2 else (GRADED, ""))
    assert not batch.is_done(requests[1])  # and so it is graded again
    reports.write(batch.plan.out, reports.Listed([SubmissionResult(name, name) for name in NAMES]), None, "class")
    assert len((batch.plan.out / "grades.csv").read_text().splitlines()) == 4


def test_an_earlier_result_stays_and_says_so(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(run.ENGINES, "local", engine({"bob": 2}))
    old = SubmissionResult("bob", "Bob", digest="of an earlier hand-in", stages=[StageResult(1, "x", GRADED, points=7)])
    results.save(old, batch.result_path("bob"))
    batch.grade([batch.request(submission("bob"), batch.plan.out)])
    found = results.load(batch.result_path("bob"))
    assert found.points == 7 and found.notes == [f"{run.FAILED_HERE}: Text file busy"]


def full(plan: Plan) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_and_a_place_that_is_none_are_told_in_a_line(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "run_alone", full)
    with pytest.raises(WorkshopError, match="out: No space left on device. What was graded is kept"):
        run.run(batch.plan)
    (batch.plan.submissions / "file").write_text("x")
    with pytest.raises(WorkshopError, match="file/work: Not a directory"):
        run.run(replace(batch.plan, out=batch.plan.submissions / "file"))
