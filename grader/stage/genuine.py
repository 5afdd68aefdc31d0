"""Whether what goes on after a restart is the restarted process: restart itself, with the image's memory in it.

A program that is run anew, and given a few words from the image, prints the same lines; so does one that somebody else's
restart brought back. Neither is work. So a restarted program that waits at a gate is looked at from outside before the
gate is opened: what the kernel says that the process executes, who traces it, who else is there; and the writable pages,
each against what the image had before the restart. Their addresses and much of their content are chance: only the image
has them.

Nothing here makes a failing test fail otherwise: it is asked for when a test has passed (scoring.py).
"""

from __future__ import annotations

import bisect
import contextlib
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Optional, TypeVar

from stage import maps
from stage.failure import Failure
from stage.image import BadImage, open_plain
from stage.process import children_of, status_field
from stage.runner import End

PAGE = maps.PAGE
MOST = 4 << 20  # bytes that are compared
# Of the pages: the stack and a few variables of libraries change in the restart itself; large pages seldom stay as they were.
ENOUGH = 0.75 if os.sysconf("SC_PAGE_SIZE") < 65536 else 0.6
LEAST, FEW = 0.3, 8  # of the memory, when a program is at its end; pages, which a larger part is taken for
LOAD, WRITABLE, EXECUTABLE = 1, 2, 1  # p_type, p_flags

LOOKS = 100  # at what only now and then lets nobody look at it
EXITING, FORKED = 0x4, 0x40  # PF_EXITING, PF_FORKNOEXEC
FLAGS = 6  # where they stand behind the name in /proc/PID/stat


class Hides(Failure):
    """A process that none of its user may look at (PR_SET_DUMPABLE, prctl(2); a program that may not be read)."""

    def __init__(self, who: str = "the process that goes on") -> None:
        super().__init__(f"{who} lets nobody look at it (PR_SET_DUMPABLE)", "genuine: hides")


@dataclass(frozen=True)
class Saved:
    """A program when it was saved."""

    program: Optional[Path]  # None if it did not wait at a gate, where it can be looked at
    regions: list[maps.Region]  # none if nobody looked
    processes: int  # that it had started


@dataclass(frozen=True)
class Restarter:
    """What is to bring it back."""

    restart: Path
    through: Optional[Path]  # a program of the tests' that starts it, and may trace it
    waits: bool  # for its child (-w), which goes on


@dataclass(frozen=True)
class Pages:
    """Adjacent pages with the same rights, and what is in them."""

    start: int
    data: bytes


def _segments(file: BinaryIO) -> Iterator[tuple[int, ...]]:
    """p_type, p_flags, p_offset, p_vaddr, p_filesz; elftools would take a second for 5,000 of them."""
    header = file.read(64)
    if len(header) < 64 or not header.startswith(b"\x7fELF\x02"):
        return
    (at,), (size, count) = struct.unpack_from("<Q", header, 32), struct.unpack_from("<HH", header, 54)
    if size != 56:
        return
    file.seek(at)
    table = file.read(size * count)
    for kind, flags, offset, address, _, stored, _, _ in struct.iter_unpack("<IIQQQQQQ", table[: len(table) // size * size]):
        yield kind, flags, offset, address, stored


def writable_pages(image: Path) -> list[Pages]:
    """Those that an image holds, up to MOST; none of a file that is no image."""
    found: list[Pages] = []
    room = MOST
    with contextlib.suppress(BadImage, OSError), open_plain(image) as file:
        for kind, flags, offset, address, stored in list(_segments(file)):
            if kind == LOAD and flags & WRITABLE and 0 < stored and room > 0:
                file.seek(offset)
                data = file.read(min(stored, room))
                room -= len(data)
                found.append(Pages(address, data))
    return found


def code_of(program: Path) -> list[Pages]:
    """What a program executes, as its file has it; places are the file's own."""
    found = []
    with contextlib.suppress(BadImage, OSError), open_plain(program) as file:
        for kind, flags, offset, address, stored in list(_segments(file)):
            if kind == LOAD and flags & EXECUTABLE and stored:
                file.seek(offset)
                found.append(Pages(address, file.read(min(stored, MOST))))
    return found


Found = TypeVar("Found")


def seen(pid: int, look: Callable[[], Found]) -> Optional[Found]:
    """What a look at a process finds; None if it is gone, or if nobody may look at any process here (Yama).

    Who hides now and then, from a thread, does not hide from a hundred looks; and one of them finds that it hides.
    """
    for _ in range(LOOKS):
        try:
            return look()
        except PermissionError:
            if hides(pid):
                raise Hides from None
        except OSError:
            return None
    return None


def _read(memory: int, address: int, size: int) -> bytes:
    try:
        return os.pread(memory, size, address)
    except (OSError, OverflowError):
        return b""


def _is_there(memory: int, address: int, data: bytes) -> bool:
    """A page of zeros is not read: that would make a page where the process may have none."""
    return data.count(0) == len(data) or _read(memory, address, len(data)) == data


def parts_there(pid: int, pages: list[Pages]) -> Optional[list[tuple[int, int]]]:
    """Of each part, how many of its pages the process has as they were, and how many they are; None if nobody may look."""
    memory = seen(pid, lambda: os.open(f"/proc/{pid}/mem", os.O_RDONLY))
    if memory is None:
        return None
    regions = maps.regions_of(pid)
    starts = [region.start for region in regions]
    found = []
    try:
        for part in pages:
            last = bisect.bisect_right(starts, part.start)
            mapped = last > 0 and part.start < regions[last - 1].end
            places = range(0, len(part.data), PAGE)
            same = sum(mapped and _is_there(memory, part.start + at, part.data[at : at + PAGE]) for at in places)
            found.append((same, len(places)))
    finally:
        os.close(memory)
    return found


def same_pages(pid: int, pages: list[Pages]) -> Optional[tuple[int, int]]:
    """The same of all parts together."""
    parts = parts_there(pid, pages)
    return None if parts is None else (sum(same for same, _ in parts), sum(total for _, total in parts))


def share_of_parts(pid: int, pages: list[Pages]) -> float:
    """How much is as it was, of a program that has gone on: many pages have changed, but of few parts; so a large part
    counts no more than a few pages do."""
    parts = [(same / total, min(total, FEW)) for same, total in parts_there(pid, pages) or []]
    return sum(share * weight for share, weight in parts) / sum(weight for _, weight in parts) if parts else 1.0


def is_at_gate(pid: int, program: Path, before: list[maps.Region]) -> Optional[bool]:
    """Whether it waits in the program's own code, as programs under test do at a gate: the file's, or, if a restart copies
    it, what lies where the file was before. None if nobody may look at any process here."""
    text = seen(pid, Path(f"/proc/{pid}/syscall").read_text)
    if text is None:
        return None
    words = text.split()
    if len(words) < 2:
        return False
    address = int(words[-1], 16)
    places = [maps.region_at(pid, address), maps.find(before, address)]
    return any(region is not None and region.name == str(program) and "x" in region.perms for region in places)


def executes(pid: int, restart: Path) -> bool:
    """Whether a process does execute this file; also if it is gone, or if nobody may look at any."""
    now, own = seen(pid, lambda: os.stat(f"/proc/{pid}/exe")), restart.stat()
    return now is None or (now.st_dev, now.st_ino) == (own.st_dev, own.st_ino)


def doubt(pid: int, by: Restarter, pages: list[Pages], processes: int) -> Optional[Failure]:
    """What is wrong with a process that is at a gate, if anything is."""
    if hides(pid):
        return Hides()
    try:
        return _of_another(pid, by) or _doubt(pid, pages, processes)
    except Hides as failure:
        return failure


def _of_another(pid: int, by: Restarter) -> Optional[Failure]:
    if not executes(pid, by.restart):
        name = printable_exe(pid)
        return Failure(f"the process that goes on executes {name}, and not your restart", "genuine: another program")
    tracer = int(status_field(pid, "TracerPid") or 0)
    if tracer and not (by.through and executes(tracer, by.through)):
        return Failure("the process that goes on is traced (ptrace)", "genuine: traced")
    return None


def _doubt(pid: int, pages: list[Pages], processes: int) -> Optional[Failure]:
    if len(children_of(pid)) > processes:
        return Failure("restart left a process beside the restarted one", "genuine: another process")
    compared = same_pages(pid, pages)
    if compared and compared[0] < ENOUGH * compared[1]:
        words = f"only {compared[0]} of the image's {compared[1]} writable pages are in the process that goes on"
        return Failure(words, "genuine: other memory")
    return None


def doubt_at_end(end: End, saved: Saved, by: Restarter, pages: list[Pages]) -> Optional[Failure]:
    """The same of a process that is about to end."""
    if hides(end.pid):
        return Hides()
    try:
        return _of_another(end.pid, by) or _doubt_at_end(end, saved, pages)
    except Hides as failure:
        return failure


def _doubt_at_end(end: End, saved: Saved, pages: list[Pages]) -> Optional[Failure]:
    share = share_of_parts(end.pid, pages)
    if share < LEAST:
        words = f"only {share:.0%} of the image's writable pages are in the process that went on, at its end"
        return Failure(words, "genuine: other memory")
    code = maps.find(saved.regions, end.address)
    if saved.regions and (code is None or "x" not in code.perms):
        return Failure("what went on ends in code that the program did not have", "genuine: other memory")
    return None


def _name_and_flags(pid: int) -> tuple[str, int]:
    """From /proc/PID/stat; OSError if it is gone."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        name, _, rest = file.read().rpartition(")")
    return name.partition("(")[2], int(rest.split()[FLAGS])


def hides(pid: int) -> bool:
    """Whether nobody of its user may look at a process: its files in /proc are root's then. So are those of one that ends or
    has ended; who begins to end is never found alive again, so that is asked last."""
    try:
        if os.stat(f"/proc/{pid}/stat").st_uid == int(status_field(pid, "Uid").split()[1]):
            return False
        return not _name_and_flags(pid)[1] & EXITING
    except (OSError, IndexError):
        return False


def is_keeper_yet(pid: int) -> bool:
    """Whether what was started is not there yet, and its process still the sandbox's, which hides. Its name is the last that
    execve(2) changes."""
    try:
        name, flags = _name_and_flags(pid)
        return bool(flags & FORKED) or name == "keeper"
    except OSError:
        return False


def printable_exe(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return "another program"
