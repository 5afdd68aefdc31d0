"""A film of the restart of a failed test (film/README): watched where the submission's programs run, told by the grader.

In a sandbox the watching is done inside it, beside the restart; what comes out may be anything, and is only data for the
page. This room imports from no other, so it calls the programs of that room.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Optional

from stage.case import Case
from stage.config import GRADER
from stage.process import Life, wait_until

FILM = GRADER / "film"
NAME = "film.html"
WATCH, TELL = 20.0, 20.0  # seconds; a restart that goes on for ever is stopped sooner, by who watches it
LARGEST = 16 << 20  # bytes of a record
LARGEST_PAGE = 4 << 20  # bytes: batch/artefacts.py keeps no larger file
FIRST = 3  # the first stage with a restart


def restart_of(case: Case) -> Optional[Life]:
    """The last restart, if it was the submission's own, and nothing else started it."""
    lives = [life for life in case.lives if life.role in case.stamps]
    own = lives and not case.through and Path(lives[-1].command[0]).parent == case.lab.folder
    return lives[-1] if own else None


def film(case: Case, title: str) -> str:
    """The name of the page in the case's own folder; "" if there is none."""
    life = restart_of(case)
    if case.lab.stage.number < FIRST or case.lab.interface.is_profile or life is None or not FILM.is_dir():
        return ""
    try:
        data = watched(case, life)
        return NAME if data and told(case, data, title) else ""
    except OSError:
        return ""


def watched(case: Case, life: Life) -> bytes:
    """The same restart once more."""
    record = case.folder / "film.record"
    image = case.stamps[life.role][0]
    words = [sys.executable, FILM / "record.py", record, image, *life.command]
    env = {**life.extra_env, "PYTHONPATH": str(GRADER), "PYTHONDONTWRITEBYTECODE": "1"}
    readable = [FILM, GRADER / "stage", case.kept / "gates", *case.beside, *case.lab.readable(life.command)]
    watcher = Life(".film", list(map(str, words)), case.folder, env, case.lab.runner, case.kept, readable)
    wait_until(lambda: watcher.status is not None, WATCH)
    watcher.kill()
    for path in (watcher.stdout, watcher.stderr):
        with case.lab.runner.grader():
            path.unlink(missing_ok=True)
    with case.lab.runner.student():
        data = small_file(record)
        record.unlink(missing_ok=True)
    return data


def small_file(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    with open(descriptor, "rb") as file:
        return file.read(LARGEST) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""


def told(case: Case, data: bytes, title: str) -> bool:
    words = [sys.executable, FILM / "main.py", "--stage", str(case.lab.stage.number), "-o", case.kept / NAME, "--title", title, "-"]
    with case.lab.runner.grader():
        (case.kept / NAME).unlink(missing_ok=True)
        try:
            done = subprocess.run(list(map(str, words)), input=data, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  env={**os.environ, "PYTHONPATH": str(GRADER)}, timeout=TELL, check=False)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0 and (case.kept / NAME).stat().st_size <= LARGEST_PAGE
