"""Waiting for an event: the limit is in the time that the program has had, not in that of a busy machine."""
from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stage import case as cases
from stage import lab

from stage.config import GRADER, TOP
from stage.process import OwnTime, wait_until

SPIN = "while True: pass"
REST = "import time; time.sleep(100)"


def started(script: str) -> subprocess.Popen[bytes]:
    """A program of Python's, past its start: it has written a byte."""
    words = [sys.executable, "-c", f"import os\nos.write(1, b'x')\n{script}"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    assert process.stdout and process.stdout.read(1) == b"x"
    return process


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    running: list[subprocess.Popen[bytes]] = []
    yield running
    for process in running:
        process.kill()
        process.communicate()


def cpu_time(pid: int) -> float:
    return OwnTime(pid).cpu


def test_a_program_that_waits_for_a_cpu_does_not_hang(processes: list[subprocess.Popen[bytes]]) -> None:
    """Five programs want one CPU: each gets a fifth of it, and its limit all the same."""
    processes += [started(f"os.sched_setaffinity(0, {{{min(os.sched_getaffinity(0))}}})\n{SPIN}") for _ in range(5)]
    pid = processes[-1].pid
    before, start = cpu_time(pid), time.monotonic()
    assert not wait_until(lambda: False, 0.4, of=pid)
    had, passed = cpu_time(pid) - before, time.monotonic() - start
    assert had > 0.3, f"it was given up after {had} s of CPU time, {passed} s of the wall clock"


def test_a_program_that_spins_has_a_limit(processes: list[subprocess.Popen[bytes]]) -> None:
    processes.append(started(SPIN))
    assert not wait_until(lambda: False, 0.1, of=processes[0].pid)


def test_a_program_that_waits_for_its_vfork_has_a_limit(processes: list[subprocess.Popen[bytes]], tmp_path: Path) -> None:
    """State D, as for a disk, and no time of a processor."""
    source = GRADER / "kit/hostile/vfork-waits.c"
    (tmp_path / "waits.c").write_text(source.read_text() + "int main(void) { return 0; }\n")
    subprocess.run(["cc", "-o", tmp_path / "waits", tmp_path / "waits.c"], check=True)
    processes.append(subprocess.Popen([tmp_path / "waits"], stdout=subprocess.PIPE, start_new_session=True))
    pid = processes[0].pid
    assert wait_until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "D")
    try:
        assert not wait_until(lambda: False, 0.1, of=pid)
    finally:
        os.killpg(pid, signal.SIGKILL)


def test_a_program_that_rests_has_a_limit(processes: list[subprocess.Popen[bytes]]) -> None:
    processes.append(started(REST))
    before, start = cpu_time(processes[0].pid), time.monotonic()
    assert not wait_until(lambda: False, 0.3, of=processes[0].pid)
    assert time.monotonic() - start > 0.25
    assert cpu_time(processes[0].pid) - before < 0.1


def test_a_program_that_is_gone_has_a_limit(processes: list[subprocess.Popen[bytes]]) -> None:
    process = started("")
    process.communicate()
    assert not wait_until(lambda: False, 0.05, of=process.pid)


def test_the_event_ends_the_waiting(processes: list[subprocess.Popen[bytes]]) -> None:
    processes.append(started(REST))
    seen = iter([False, False, True])
    assert wait_until(lambda: next(seen), 10, of=processes[0].pid)
    assert wait_until(lambda: True, 0)


@pytest.mark.parametrize("late", [0.0, 0.3])
def test_a_late_grader_judges_the_same(late: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The homework's programs run freely. They come to their end before a grader looks that is as late as this."""
    monkeypatch.syspath_prepend(str(GRADER / "tests"))
    stage3_test = importlib.import_module("stage3_test")

    def wait_and_be_late(event: Callable[[], bool], limit: float | None = None, of: int | None = None) -> bool:
        came = wait_until(event, limit, of)
        time.sleep(late)
        return came

    for module in (cases, lab, stage3_test):
        monkeypatch.setattr(module, "wait_until", wait_and_be_late)
    (tmp_path / "gates").mkdir()
    graded = lab.Lab(3, TOP / "solution/stage3-restart", results=False)
    graded.programs.make_folder()
    graded.reference()
    case = cases.Case(graded, "late", tmp_path, tmp_path)
    try:
        stage3_test.check_suffix(case, "counting", 120)
    finally:
        case.close()
    assert [life.role for life in case.lives][-1] == "restart"
