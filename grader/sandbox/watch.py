"""Watches what the programs of a job use, and ends them when it is too much.

Limits of the kernel's (setrlimit(2)) are for one process; these are for all of a job, and need no rights that a grader
in a container lacks. What is used between two looks is lost to a limit, so they are looks at gauges, not at walls: a
hog gets some 200 MiB more than its limit before it is gone.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Optional

from sandbox.child import Child
from sandbox.spec import MIB, Spec
from stage.process_table import Process, descendants, processes

PAUSE = 0.1  # seconds between two looks
DISK_EVERY = 3  # looks


def used_on_disk(folder: Path) -> int:
    """Bytes in all files below a folder, holes not counted."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(where, name)).st_blocks * 512
            except OSError:
                continue
    return total


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # of a case that has begun anew
        return 0


class Watch(threading.Thread):
    """One thread for all programs of a job, one after another and beside each other."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(daemon=True)
        self.spec = spec
        self.breach = ""  # what went too far, in words; the first word is its kind
        self._lock = threading.Lock()
        self._children: dict[Child, list[Path]] = {}
        self._looks = 0
        self._over = threading.Event()

    def add(self, child: Child, outputs: list[Path]) -> None:
        with self._lock:
            self._children[child] = outputs

    def remove(self, child: Child) -> None:
        with self._lock:
            self._children.pop(child, None)

    def forget(self) -> None:
        """Begin a new case."""
        self.breach = ""
        with self._lock:
            self._children = {child: outputs for child, outputs in self._children.items() if child.returncode is None}

    def stop(self) -> None:
        self._over.set()

    def run(self) -> None:
        while not self._over.wait(PAUSE):
            with self._lock:
                children = dict(self._children)
            if children:
                self._look(children)

    def _look(self, children: dict[Child, list[Path]]) -> None:
        table = processes()
        members = descendants(table, {child.room for child in children})
        words = self._too_much(table, members) or self._too_long(children) or self._too_large()
        if words:
            self.breach = self.breach or words
            self._end(members)

    def _too_much(self, table: dict[int, Process], members: set[int]) -> Optional[str]:
        limits = self.spec.limits
        memory = sum(table[pid].memory for pid in members)
        if memory > limits.memory:
            return f"memory: {memory // MIB} MiB; the limit is {limits.memory // MIB} MiB"
        threads = sum(table[pid].threads for pid in members)
        if threads > limits.processes * 3 // 4:
            return f"processes: it started {threads} or more; the limit is {limits.processes}"
        return None

    def _too_long(self, children: dict[Child, list[Path]]) -> Optional[str]:
        for paths in children.values():
            for path in paths:
                if size_of(path) > self.spec.limits.output:
                    return f"output: more than {self.spec.limits.output // MIB} MiB from one program"
        return None

    def _too_large(self) -> Optional[str]:
        self._looks += 1
        if self._looks % DISK_EVERY:
            return None
        used = used_on_disk(Path(self.spec.job))
        if used > self.spec.limits.disk:
            return f"disk: {used // MIB} MiB written; the limit is {self.spec.limits.disk // MIB} MiB"
        return None

    @staticmethod
    def _end(members: set[int]) -> None:
        """Stop them all first, so that none can start another while it is its neighbour's turn."""
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in members:
                try:
                    os.kill(pid, number)
                except OSError:
                    continue
