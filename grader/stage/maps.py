"""/proc/PID/maps, read independently of the students' parsers."""

from __future__ import annotations

import os
from typing import NamedTuple

PAGE = os.sysconf("SC_PAGE_SIZE")
HUGE_PAGE = PAGE // 8 * PAGE  # what a page of entries, 8 bytes each, leads to; who writes to a byte may be given all of it
KERNEL = ("[vvar", "[vdso]", "[vsyscall]")


class Region(NamedTuple):
    """A program with 5,000 of them is looked at a dozen times: made in a quarter of the time that a dataclass takes."""

    start: int
    end: int
    perms: str
    offset: int
    device: str
    inode: int
    name: str

    @property
    def size(self) -> int:
        return self.end - self.start

    @property
    def is_kernel(self) -> bool:
        return self.name.startswith(KERNEL)

    def kind(self) -> str:
        """A word for messages and symptoms, without addresses."""
        if self.name:
            return os.path.basename(self.name) if self.name.startswith("/") else self.name
        return "guard" if self.perms.startswith("---") else "anonymous"

    def __str__(self) -> str:
        return (
            f"{self.start:012x}-{self.end:012x} {self.perms} {self.offset:08x} "
            f"{self.device} {self.inode} {self.name}".rstrip()
        )


def parse_line(line: str) -> Region:
    addresses, perms, offset, device, rest = line.split(" ", 4)
    inode, _, name = rest.partition(" ")
    start, _, end = addresses.partition("-")
    return Region(int(start, 16), int(end, 16), perms, int(offset, 16), device, int(inode), name.lstrip(" "))


def parse(text: str) -> list[Region]:
    return [parse_line(line) for line in text.split("\n") if line]


def read_maps(pid: int) -> list[Region]:
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
        return parse(file.read())


def regions_of(pid: int) -> list[Region]:
    """The same; none if the process is gone."""
    try:
        return read_maps(pid)
    except (FileNotFoundError, ProcessLookupError):
        return []


def without_vsyscall(regions: list[Region]) -> list[Region]:
    return [region for region in regions if region.name != "[vsyscall]"]


def _continues(first: Region, second: Region) -> bool:
    same = first._replace(start=second.start, end=second.end, offset=second.offset) == second
    offset = first.offset + first.size if first.inode else first.offset
    return same and first.end == second.start and offset == second.offset


def joined(regions: list[Region]) -> list[Region]:
    """Adjacent regions with equal attributes as one; no [vsyscall]."""
    result: list[Region] = []
    for region in without_vsyscall(regions):
        if result and _continues(result[-1], region):
            result[-1] = result[-1]._replace(end=region.end)
        else:
            result.append(region)
    return result


def find(regions: list[Region], address: int) -> Region | None:
    """Of regions in the order of their addresses, as the kernel gives them."""
    first, last = 0, len(regions)
    while first < last:
        middle = (first + last) // 2
        if regions[middle].end <= address:
            first = middle + 1
        else:
            last = middle
    return regions[first] if first < len(regions) and regions[first].start <= address else None


def region_at(pid: int, address: int) -> Region | None:
    """One region of a process; of 5,000 the others are not looked at."""
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().split("\n")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return None
    first, last = 0, len(lines)
    while first < last:
        middle = (first + last) // 2
        if int(lines[middle].split(" ", 1)[0].split("-")[1], 16) <= address:
            first = middle + 1
        else:
            last = middle
    return find([parse_line(lines[first])], address) if first < len(lines) else None
