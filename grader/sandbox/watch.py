"""Watches what the programs of a job use, and ends them when it is too much.

Limits of the kernel's (setrlimit(2)) are for one process; these are for all of a job. Where there are walls (own_files.py,
cgroup.py), a look tells who ran into one. Where there is none, the look is all there is, and needs no rights that a grader
in a container lacks: a hog gets some 200 MiB more than its limit before it is gone.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Optional

from sandbox import cgroup, usage
from sandbox.child import Child
from sandbox.spec import BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, MIB, OWN_UID, SHARED, Spec
from stage.process_table import Process, Table, descendants, threads_of

PAUSE = 0.1  # seconds between two looks
DISK_EVERY = 3  # looks, where files must be counted one by one
MOST_IN_FLIGHT = 16  # descriptors in sockets


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
        self._table = Table()
        self._killed = cgroup.killed(spec.group) if spec.group else 0
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
        rooms = {child.room for child in children}
        table = self._table.look(rooms)
        members = descendants(table, rooms)
        try:
            words = (self._stopped(table, children) or self._too_much(table, members, children)
                     or self._too_long(children) or self._too_large(table, members, children))
        except (usage.Uncountable, OSError) as what:  # who cannot be watched goes no further: this thread must not end
            words = f"files: {what}"
        if words:
            self.breach = self.breach or words
            self._end(members)

    def look_back(self) -> None:
        """What a program that is gone ran into, between two looks."""
        self.breach = self.breach or self._ended_by_the_kernel() or self.full()

    def full(self) -> str:
        """What the job has filled, and left so: its next case would not even begin."""
        if not self.spec.own_files:
            return ""
        return self._beyond(usage.of_file_system(Path(self.spec.job))) or ""

    def _beyond(self, used: usage.Usage) -> Optional[str]:
        limits = self.spec.limits
        if used.size > limits.disk:
            return f"disk: {used.size // MIB} MiB written; the limit is {limits.disk // MIB} MiB"
        if used.files > limits.files:
            return f"files: it made {used.files}; the limit is {limits.files}"
        return None

    def _ended_by_the_kernel(self) -> Optional[str]:
        before, self._killed = self._killed, cgroup.killed(self.spec.group) if self.spec.group else 0
        limit = self.spec.limits.memory // MIB
        return f"memory: the kernel ended it; the limit is {limit} MiB" if self._killed > before else None

    @staticmethod
    def _stopped(table: dict[int, Process], children: dict[Child, list[Path]]) -> Optional[str]:
        """The keeper, by a signal that no process can block: it would then tell nobody of its program's end."""
        for child in children:
            keeper = table.get(table[child.pid].parent) if child.pid in table else None
            if keeper is not None and keeper.state in "Tt":
                return "killed: it stopped the process that waits for its end (SIGSTOP)"
        return None

    def _too_much(self, table: dict[int, Process], members: set[int], children: Iterable[Child]) -> Optional[str]:
        limits = self.spec.limits
        rooms = {child.room: table[child.pid].thread for child in children if child.pid in table}
        all_threads = threads_of(table, members)
        memory = sum(table[pid].memory for pid in members) + usage.unnamed(all_threads, Path(self.spec.job))[1]
        memory += sum(usage.system_v(pid, self.spec.uid) for pid in rooms.values())
        sockets = usage.of_sockets(all_threads)
        memory += sockets.room
        if memory > limits.memory:
            return f"memory: {memory // MIB} MiB; the limit is {limits.memory // MIB} MiB"
        if sockets.in_flight > MOST_IN_FLIGHT:
            return "memory: it hides files in sockets, where nobody can count them"
        threads = sum(table[pid].threads for pid in members)
        if threads > limits.processes * 3 // 4:
            return f"processes: it started {threads} or more; the limit is {limits.processes}"
        return self._ended_by_the_kernel()

    def _too_long(self, children: dict[Child, list[Path]]) -> Optional[str]:
        for paths in children.values():
            for path in paths:
                if size_of(path) > self.spec.limits.output:
                    return f"output: more than {self.spec.limits.output // MIB} MiB from one program"
        return None

    def _too_large(self, table: dict[int, Process], members: set[int], children: Iterable[Child]) -> Optional[str]:
        job = Path(self.spec.job)
        if self.spec.own_files:
            used = usage.of_file_system(job)
        else:
            self._looks += 1
            if self._looks % DISK_EVERY:
                return None
            named = usage.of_folder(job)
            used = usage.Usage(named.size + usage.unnamed(threads_of(table, members), job)[0], named.files)
        if self.spec.tier == OWN_UID and self.spec.uid is not None:
            beside = usage.of_user(self.spec.uid, SHARED)
            used = usage.Usage(used.size + beside.size, used.files + beside.files)
        elif self.spec.tier in (BUBBLEWRAP, BUBBLEWRAP_BY_ROOT):
            there = [table[child.pid].thread for child in children if child.pid in table]
            used = usage.Usage(used.size, used.files + usage.in_scratch(there))
        return self._beyond(used)

    @staticmethod
    def _end(members: set[int]) -> None:
        """Stop them all first, so that none can start another while it is its neighbour's turn."""
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in members:
                try:
                    os.kill(pid, number)
                except OSError:
                    continue
