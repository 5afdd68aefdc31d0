"""A film of the restart of a failed test (film/README): watched where the submission's programs run, told by the grader.

In a sandbox the watching is done inside it, beside the restart; what comes out may be anything, and is only data for the
page. Where there are no namespaces the submission's user may not read the grader's files, so who watches is copied into
the case's folder, as one file. This room imports from no other, so it calls the programs of that room.
"""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import zipfile
from functools import lru_cache
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
# record.py, and what it imports.
WATCHER = ("film/record.py", "film/plan.py", "film/saved.py", "film/tracer.py", "film/calls.py", "stage/image.py", "stage/maps.py",
           "stage/processor.py")


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
    open_gates(case)
    record, watcher = case.folder / "film.record", case.folder / "film.zip"
    image = case.stamps[life.role][0]
    program = packed()
    with case.lab.runner.student():
        fresh_file(watcher, program)
    words = list(map(str, [sys.executable, watcher, record, image, *life.command]))
    readable = [case.kept / "gates", *case.beside, *case.lab.readable(life.command)]
    watching = Life(".film", words, case.folder, life.extra_env, case.lab.runner, case.kept, readable)
    wait_until(lambda: watching.status is not None, WATCH)
    watching.kill()
    for path in (watching.stdout, watching.stderr):
        with case.lab.runner.grader():
            path.unlink(missing_ok=True)
    with case.lab.runner.student():
        data = small_file(record)
        record.unlink(missing_ok=True)
        watcher.unlink(missing_ok=True)
    return data


@lru_cache(maxsize=1)
def packed() -> bytes:
    """record.py as one file that Python runs."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in ("film/__init__.py", "stage/__init__.py"):
            archive.writestr(name, "")
        for name in WATCHER:
            archive.write(GRADER / name, name)
        archive.writestr("__main__.py", "import sys\nfrom film import record\nsys.exit(record.main(sys.argv[1:]))\n")
    return data.getvalue()


def fresh_file(path: Path, data: bytes) -> None:
    """Where a submission may have left something of that name."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)


def open_gates(case: Case) -> None:
    """Those that the test had opened; whoever looked at the case since may have closed them."""
    names = [step.rpartition("/")[2] for step in case.steps if step.startswith("touch gates/")]
    with case.lab.runner.grader():
        for name in names:
            (case.kept / "gates" / name).touch()


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
