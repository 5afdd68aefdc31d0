"""What an image promises: which regions a restart must bring back, what they are, and how many bytes each has stored."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from stage.image import CKPT_TYPES, Image, Load
from stage.processor import HERE

NT_AUXV, AT_SYSINFO_EHDR = 6, 33  # elf(5), getauxval(3)
NOTE_REGIONS = CKPT_TYPES + 1  # solution/stage2-saveimage/image.h
REGION = struct.Struct("<QQQIIQQQqqI20s")  # struct image_region
FILE, KERNEL = 4, 8  # of enum image_region_flag
KERNELS = ("[vvar", "[vdso]", "[vsyscall]")


@dataclass(frozen=True)
class Planned:
    """A region of the image."""

    start: int
    end: int
    perms: str  # "": not known
    name: str
    data: int  # bytes to be read: what is stored, without the holes of the image's file
    from_file: bool
    kernel: bool
    offset: int = 0  # bytes into its file

    @property
    def size(self) -> int:
        return self.end - self.start

    @property
    def words(self) -> str:
        if self.name.startswith("/"):
            return os.path.basename(self.name)
        return self.name or ("a guard" if self.perms == "---" else "anonymous memory")


@dataclass(frozen=True)
class Plan:
    path: str
    regions: list[Planned] = field(default_factory=list)
    problem: str = ""  # why nothing is known of the image

    def at(self, address: int) -> Optional[Planned]:
        return next((region for region in self.regions if region.start <= address < region.end), None)

    def touched(self, start: int, end: int) -> list[Planned]:
        """Those that have an address in a range."""
        return [region for region in self.regions if region.start < end and start < region.end and not region.kernel]


Noted = dict[int, tuple[str, int, int]]  # for each start the name, the flags, and the offset in bytes


def noted_regions(image: Image) -> Noted:
    """From our own note; empty if the image has none that we know."""
    note = image.note(NOTE_REGIONS, "CKPT")
    if note is None or len(note.data) < REGION.size * len(image.loads):
        return {}
    names = note.data[REGION.size * len(image.loads):]
    found = {}
    for i, load in enumerate(image.loads):
        row = REGION.unpack_from(note.data, i * REGION.size)
        if row[0] != load.start or row[1] != load.end:
            return {}
        found[load.start] = (os.fsdecode(names[row[10]:].split(b"\0", 1)[0]), row[4], row[2])
    return found


def data_bytes(file: int, load: Load) -> int:
    """How many bytes of a region's are no hole of the image; all, where the file system does not tell."""
    at, end, total = load.offset, load.offset + load.stored, 0
    try:
        while at < end:
            data = os.lseek(file, at, os.SEEK_DATA)
            at = min(os.lseek(file, data, os.SEEK_HOLE), end)
            total += max(at - data, 0)
    except OSError:  # ENXIO: nothing but a hole is left
        pass
    return total


def plan_of(path: Path) -> Plan:
    """A file that is no image has a plan without regions."""
    try:
        image = Image(path)
        noted, files = noted_regions(image), image.files()
        with path.open("rb") as file:
            regions = [planned(load, noted, files, image, file.fileno()) for load in image.loads]
        return Plan(str(path), regions if noted else sorted([*regions, *left_out(files, image)], key=lambda region: region.start))
    except Exception as problem:  # pylint: disable=broad-except  # it may be damaged in any way
        return Plan(str(path), problem=f"{path.name} is no image that can be read: {problem}")


def left_out(files: list[tuple[int, int, int, str]], image: Image) -> list[Planned]:
    """What a core does not hold, as it is in its file; only the file knows the protection."""
    return [Planned(start, end, "", name, 0, True, False, offset) for start, end, offset, name in files
            if not any(load.start < end and start < load.end for load in image.loads)]


def core_name(load: Load, image: Image) -> str:
    """What a core does not say, but its registers and its auxiliary vector do."""
    if load.start <= image.registers().get(HERE.stack, 0) < load.end:
        return "[stack]"
    vector = image.note(NT_AUXV)
    pairs = struct.iter_unpack("<QQ", vector.data[: len(vector.data) // 16 * 16]) if vector else ()
    if (AT_SYSINFO_EHDR, load.start) in pairs:
        return "[vdso]"
    return "[vsyscall]" if load.start >= HERE.end else ""


def planned(load: Load, noted: Noted, files: list[tuple[int, int, int, str]], image: Image, file: int) -> Planned:
    of_file = [(name, offset + load.start - start) for start, end, offset, name in files if start <= load.start < end]
    name, offset = of_file[0] if of_file else ("", 0)
    name, flags, offset = noted.get(load.start, (name, FILE if name and not load.stored else 0, offset))
    if not noted:
        name = name or core_name(load, image)
    return Planned(load.start, load.end, load.perms, name, data_bytes(file, load), bool(flags & FILE),
                   bool(flags & KERNEL) or name.startswith(KERNELS), offset)
