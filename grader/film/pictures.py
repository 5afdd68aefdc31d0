"""What of an address space is whose: the rows of a picture, and what differs from one to the next."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from film.plan import Plan, Planned
from stage import maps

RESTARTS, IMAGES, KERNELS, BLOCK = "restart's", "the image's", "the kernel's", "restart's block"
TAGS = {"mmap": "new", "mremap": "moved here", "mprotect": "protection", "read": "read", "pread64": "read", "readv": "read",
        "preadv": "read", "shmat": "new"}

Range = tuple[int, int]


@dataclass(frozen=True)
class Row:
    """A region, as a picture shows it."""

    start: int
    end: int
    perms: str
    name: str
    owner: str
    state: str = ""  # of its bytes

    @property
    def label(self) -> str:
        return os.path.basename(self.name) if self.name.startswith("/") else self.name


def covered(ranges: Iterable[Range], start: int, end: int) -> int:
    """How many bytes of a range are in one of these."""
    total, at = 0, start
    for low, high in sorted(ranges):
        low, high = max(low, at), min(high, end)
        if low < high:
            total += high - low
            at = high
    return total


def short(size: int) -> str:
    """As the lab's pictures write sizes."""
    value, unit = size / 1024, "K"
    for unit in "KMGT":
        if value < 999.5:
            break
        value /= 1024
    return f"{value:.1f}{unit}" if value < 10 and value != int(value) else f"{value:.0f}{unit}"


@dataclass
class Ground:
    """What is known of whose the memory is; it grows as the story goes on."""

    plan: Plan
    block: Range
    restored: list[Range] = field(default_factory=list)
    filled: list[Range] = field(default_factory=list)

    def is_restored(self, address: int) -> bool:
        return any(start <= address < end for start, end in self.restored)

    def read_bytes(self, planned: Planned) -> int:
        return covered(self.filled, planned.start, planned.end)

    def rows(self, regions: Iterable[maps.Region], back: bool) -> list[Row]:
        return [self._row(region, back) for region in regions]

    def _row(self, region: maps.Region, back: bool) -> Row:
        owner = self._owner(region, back)
        planned = self.plan.touched(region.start, region.end) if owner == IMAGES else []
        name = region.name or next((p.name for p in planned if p.name), "")
        name = name or ("guard" if region.perms.startswith("---") else "anonymous")
        return Row(region.start, region.end, region.perms, name, owner, self._state(planned))

    def _owner(self, region: maps.Region, back: bool) -> str:
        if region.is_kernel:
            return KERNELS
        if region.start < self.block[1] and self.block[0] < region.end:
            return BLOCK
        if back or any(region.start < end and start < region.end for start, end in self.restored):
            return IMAGES
        return RESTARTS

    def _state(self, planned: list[Planned]) -> str:
        data = sum(region.data for region in planned)
        done = sum(min(self.read_bytes(region), region.data) for region in planned)
        from_file = bool(planned) and all(region.from_file for region in planned)
        if data == 0:
            return "from its file" if from_file else ""
        if done == 0:
            return "its changed pages are not read yet" if from_file else "empty so far"
        return "all its bytes read" if done >= data else f"{short(done)} of {short(data)} read"


def differences(before: list[Row], after: list[Row], call: str) -> tuple[dict[Row, str], list[Row]]:
    """For each row that is not as it was a word; and what is gone."""
    old, new = set(before), set(after)
    tags: dict[Row, str] = {}
    gone = [row for row in before if row not in new]
    for row in after:
        if row in old:
            continue
        was = [other for other in gone if other.start < row.end and row.start < other.end and other.owner == row.owner]
        word = TAGS.get(call, "changed")
        tags[row] = "changed" if was and word in ("new", "moved here") else "changed" if not was and word == "protection" else word
        gone = [other for other in gone if other not in was]
    return tags, gone
