"""Which tier works on this machine: each is tried, the best first, with a program that must run and be seen."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sandbox.child import Child
from sandbox.room import Room
from sandbox.spec import BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, OWN_UID, Spec

LIMIT = 10.0  # seconds
SCRIPT = "read line < /proc/self/maps; echo ready; until [ -e go ]; do sleep 0.01; done; exit 42"


def tiers() -> list[str]:
    """Those that this user may hope for."""
    return [BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, OWN_UID] if os.geteuid() == 0 else [BUBBLEWRAP]


def choose(spec: Spec, wanted: Sequence[str] = ()) -> tuple[str, list[str]]:
    """The best tier that works, or ""; and why the better ones do not."""
    reasons: list[str] = []
    for tier in wanted or tiers():
        reason = why_not(replace(spec, tier=tier))
        if not reason:
            return tier, reasons
        reasons.append(f"{tier}: {reason}")
    return "", reasons


def why_not(spec: Spec) -> str:
    """Why this tier does not work here, or nothing if it does."""
    with tempfile.TemporaryDirectory(dir=Path(spec.keeper).parent) as name:
        folder = Path(name)
        folder.chmod(0o711)
        inside = folder / "inside"
        inside.mkdir(mode=0o755)
        if spec.uid is not None:
            os.chown(inside, spec.uid, spec.uid)
        with (folder / "out").open("w+") as out, (folder / "err").open("w+") as err:
            try:
                room = Room(spec, [], [inside])
                child = room.start(["sh", "-c", SCRIPT], inside, {}, out.fileno(), err.fileno(), alone=True)
            except OSError as error:
                err.seek(0)
                return f"{error} {err.read().strip()}"[:300]
            try:
                return _look(child, folder / "out", inside)
            finally:
                child.kill()


def _look(child: Child, out: Path, inside: Path) -> str:
    end = time.monotonic() + LIMIT
    while not out.read_text() and child.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    try:
        Path(f"/proc/{child.pid}/maps").read_text()
    except OSError as error:
        return f"the grader cannot look at its processes: {error}"
    (inside / "go").touch()
    while child.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    return "" if child.poll() == 42 else f"a shell that must end with 42 ended with {child.poll()}"
