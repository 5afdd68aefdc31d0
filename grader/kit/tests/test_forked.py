"""Copies of the grader's process: each does its work, ends, and has nothing of the other one's but its memory."""
from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from batch.forked import FAILED, Forked
from conftest import TOP
from stage.process import patience

LIMIT = 60.0


def said(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_it_ends_with_what_it_was_told_and_says_it(tmp_path: Path) -> None:
    def work() -> int:
        print("é", flush=True)
        os.write(2, b"two\n")
        return 3

    copy = Forked(work, tmp_path / "log")
    assert copy.wait(LIMIT) == copy.poll() == copy.wait() == 3
    assert said(tmp_path / "log") == "é\ntwo\n"


def test_what_goes_wrong_in_it_ends_there(tmp_path: Path) -> None:
    def fails() -> int:
        raise KeyError("what went wrong")

    assert Forked(fails, tmp_path / "log").wait(LIMIT) == FAILED
    assert "what went wrong" in said(tmp_path / "log")
    assert Forked(lambda: sys.exit(5), tmp_path / "log").wait(LIMIT) == 5
    assert Forked(lambda: sys.exit("a text"), tmp_path / "log").wait(LIMIT) == FAILED


def test_it_has_no_file_of_the_other_one(tmp_path: Path) -> None:
    def work() -> int:
        print(*sorted(os.readlink(f"/proc/self/fd/{name}") for name in ("0", "1", "2")), sep="\n")
        print(sum(os.path.exists(f"/proc/self/fd/{number}") for number in range(3, 1000)))
        return 0

    with (tmp_path / "mine").open("w") as mine:
        os.set_inheritable(mine.fileno(), True)
        assert Forked(work, tmp_path / "log").wait(LIMIT) == 0
    log = str(tmp_path / "log")
    assert said(tmp_path / "log").splitlines() == [*sorted(["/dev/null", log, log]), "0"]


def test_a_lock_of_the_other_one_s_is_free_when_that_is_gone(tmp_path: Path) -> None:
    """As when `make grade` is killed: the same command goes on at once, whatever still runs."""
    lock = (tmp_path / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)

    def work() -> int:
        print("there", flush=True)
        time.sleep(LIMIT)
        return 0

    copy = Forked(work, tmp_path / "log")
    try:
        until = time.monotonic() + LIMIT
        while "there" not in said(tmp_path / "log") and time.monotonic() < until:
            time.sleep(0.01)
        lock.close()
        with (tmp_path / "lock").open("w") as again:
            fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        copy.kill()
    assert copy.wait(LIMIT) == -signal.SIGKILL


def test_its_session_and_environment_are_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "of who grades")

    def work() -> int:
        print(os.getsid(0) == os.getpid() == os.getpgid(0), dict(os.environ), patience.seconds)
        return 0

    assert Forked(work, tmp_path / "log", {"CKPTLAB_PATIENCE": "7"}).wait(LIMIT) == 0
    assert said(tmp_path / "log") == "True {'CKPTLAB_PATIENCE': '7'} 7.0\n"


def test_a_wish_to_end_reaches_it_and_not_the_other_one(tmp_path: Path) -> None:
    """Whatever that does at SIGTERM; and the limit of a wait is one."""
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append(os.getpid()))
    try:
        copy = Forked(lambda: time.sleep(LIMIT) or 0, tmp_path / "log")
        with pytest.raises(subprocess.TimeoutExpired):
            copy.wait(0.01)
        copy.terminate()
        assert copy.wait(LIMIT) == -signal.SIGTERM and not heard
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_a_submission_runs_is_no_copy() -> None:
    """fork(2) alone gives a program the grader's memory: nothing in the sandbox starts one so, but the keeper, which has none."""
    for path in (TOP / "grader/sandbox").glob("*.py"):
        text = path.read_text()
        assert "forked" not in text and "Forked" not in text, path
