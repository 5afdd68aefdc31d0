"""The kernel's table of processes, and who started whom."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from typing import NamedTuple, Optional

PAGE = os.sysconf("SC_PAGE_SIZE")


class Process(NamedTuple):
    """A line of the process table."""

    parent: int
    threads: int
    memory: int  # bytes
    state: str  # a letter
    thread: int  # by which its memory and its namespaces are seen: if the first one has ended, another that goes on


def stat_of(pid: int | str) -> list[bytes]:
    """Of a process, or PID/task/THREAD. Without a file object, which takes twice the time: a watch asks for all processes, ten times a second."""
    file = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    try:
        return os.read(file, 4096).rpartition(b")")[2].split()
    finally:
        os.close(file)


def pids() -> list[int]:
    """Of all processes."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def processes(which: Optional[Iterable[int]] = None) -> dict[int, Process]:
    """The process table, or these of its lines, from /proc/PID/stat: readable whatever a process does to hide
    (proc_pid_stat(5))."""
    table = {}
    for pid in pids() if which is None else which:
        try:
            fields, thread = stat_of(pid), pid
            if fields[0] == b"Z" and int(fields[17]) > 1:
                thread, fields = living_thread(pid, fields)
        except OSError:
            continue
        table[pid] = Process(int(fields[1]), int(fields[17]), int(fields[21]) * PAGE, fields[0].decode(), thread)
    return table


def living_thread(pid: int, fields: list[bytes]) -> tuple[int, list[bytes]]:
    """Of a process whose first thread, which has its pid, has ended; itself if there is none."""
    for name in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError):
            found = stat_of(f"{pid}/task/{name}")
            if found[0] not in (b"Z", b"X"):
                return int(name), found
    return pid, fields


def threads_of(table: dict[int, Process], members: Iterable[int]) -> set[int]:
    """All of these processes' threads: each may have files of its own (clone(2) without CLONE_FILES)."""
    found: set[int] = set()
    for pid in members:
        found.add(pid)
        if table[pid].threads > 1:
            with contextlib.suppress(OSError):
                found.update(map(int, os.listdir(f"/proc/{pid}/task")))
    return found


class Table:
    """The process table for who looks again and again, and only at what certain processes (the roots) started.

    Who is none of theirs never becomes one: whoever loses its parent gets one of its own forebears, or the first process
    of its namespace. So it is not asked again while its pid is there. Its end and a new process of the same pid could
    both lie between two looks; so now and then all are asked.
    """

    ALL_EVERY = 10  # looks

    def __init__(self) -> None:
        self._others: set[int] = set()
        self._roots: set[int] = set()
        self._looks = 0

    def look(self, roots: Iterable[int]) -> dict[int, Process]:
        """The lines of all that is theirs. Of others, those that are new."""
        now = set(roots)
        if self._looks % self.ALL_EVERY == 0 or not now <= self._roots:
            self._others = set()
        self._looks, self._roots = self._looks + 1, now
        there = set(pids())
        self._others &= there
        table = processes(there - self._others)
        # One whose parent went between two lines is of unknown descent: not before the next look is it told whose it is.
        self._others |= descendants(table, {0} | self._others) - descendants(table, now) - now
        return table


def descendants(table: dict[int, Process], roots: Iterable[int]) -> set[int]:
    """All that these processes started, and what those started; without them."""
    children: dict[int, list[int]] = {}
    for pid, process in table.items():
        children.setdefault(process.parent, []).append(pid)
    found: set[int] = set()
    todo = list(roots)
    while todo:
        new = children.get(todo.pop(), [])
        found.update(new)
        todo += new
    return found
