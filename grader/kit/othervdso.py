"""Makes of an image, or of a core file, one of another kernel: all code of its vdso is replaced by int3.

A program that still runs one instruction of it gets SIGTRAP. Names can be changed, and notes; a changed image has no
checksum, which readers accept.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

INT3 = 0xCC
AT_SYSINFO_EHDR = 33
NT_AUXV, NOTE_HEADER, NOTE_VDSO = 6, 0x434B0000, 0x434B0023
PT_LOAD, PT_DYNAMIC, PT_NOTE = 1, 2, 4
DT_HASH, DT_STRTAB, DT_SYMTAB, DT_STRSZ = 4, 5, 6, 10
SYMBOL = struct.Struct("<IBBHQQ")


class Vdso:
    """One vdso in the bytes of a file, from `at` on: offsets in it are from there."""

    def __init__(self, data: bytearray, at: int, size: int) -> None:
        self.data, self.at, self.size = data, at, size
        self.dynamic = next(h[2] for h in headers(data, at) if h[0] == PT_DYNAMIC)
        self.tags: dict[int, int] = {}  # tag: where its value stands
        for place in range(self.dynamic, self.dynamic + 16 * 40, 16):
            tag = self.number(place)
            if tag == 0:
                break
            self.tags[tag] = place + 8
        self.strings, self.symbols, self.hash = (self.number(self.tags[tag]) for tag in (DT_STRTAB, DT_SYMTAB, DT_HASH))

    def number(self, offset: int) -> int:
        return int(struct.unpack_from("<Q", self.data, self.at + offset)[0])

    def put(self, offset: int, value: int, form: str = "<Q") -> None:
        struct.pack_into(form, self.data, self.at + offset, value)

    def functions(self) -> dict[str, tuple[int, int, int]]:
        """Of each name: where its symbol is, where the function begins, and its size."""
        found: dict[str, tuple[int, int, int]] = {}
        for i in range(struct.unpack_from("<I", self.data, self.at + self.hash + 4)[0]):
            place = self.symbols + i * SYMBOL.size
            name, info, _, section, value, size = SYMBOL.unpack_from(self.data, self.at + place)
            if info & 15 == 2 and section:
                start = self.at + self.strings + name
                found[self.data[start : self.data.index(0, start)].decode()] = place, value, size
        return found

    def rename(self, old: str, new: str) -> None:
        """The new name stands at the end of the vdso, where nothing is, and the table of names goes that far."""
        place, to = self.functions()[old][0], self.size - 64
        self.data[self.at + to : self.at + to + 64] = new.encode().ljust(64, b"\0")
        self.put(place, to - self.strings, "<I")
        self.put(self.tags[DT_STRSZ], self.size - self.strings)

    def poison(self) -> None:
        for _, start, size in self.functions().values():
            self.data[self.at + start : self.at + start + size] = bytes([INT3]) * size


def headers(data: bytes | bytearray, at: int = 0) -> list[tuple[Any, ...]]:
    """Of each program header: type, flags, offset, address, bytes in the file, and where it stands."""
    start, count = struct.unpack_from("<Q", data, at + 32)[0], struct.unpack_from("<H", data, at + 56)[0]
    places = [at + start + 56 * i for i in range(count)]
    return [(*struct.unpack_from("<IIQQ", data, p), struct.unpack_from("<Q", data, p + 32)[0], p) for p in places]


class Image:
    """An image, or a core, to be changed."""

    def __init__(self, path: Path) -> None:
        self.data = bytearray(path.read_bytes())
        self.notes: dict[int, tuple[int, int]] = {}  # of each type: where its value is, and its size
        _, _, at, _, size, _ = next(h for h in headers(self.data) if h[0] == PT_NOTE)
        end = at + size
        while at < end:
            name, length, kind = struct.unpack_from("<III", self.data, at)
            at += 12 + (name + 3) // 4 * 4
            self.notes.setdefault(kind, (at, length))
            at += (length + 3) // 4 * 4

    def told(self) -> int:
        """Where the program was told that its vdso is."""
        at, length = self.notes[NT_AUXV]
        pairs: dict[int, int] = {kind: value for kind, value in struct.iter_unpack("<QQ", self.data[at : at + length])}
        return pairs[AT_SYSINFO_EHDR]

    def vdsos(self) -> dict[int, Vdso]:
        """All by their addresses: the program's, and, if that is a bridge, the kernel's."""
        loads = [h for h in headers(self.data) if h[0] == PT_LOAD and h[4] and h[1] & 3 == 1]
        return {
            address: Vdso(self.data, offset, size)
            for _, _, offset, address, size, _ in loads
            if address == self.told() or (size <= 1 << 16 and b"linux-vdso.so.1" in self.data[offset : offset + size])
        }

    def vdso(self) -> Vdso:
        return self.vdsos()[self.told()]

    def poison(self) -> None:
        for vdso in self.vdsos().values():
            vdso.poison()

    def write(self, path: Path) -> Path:
        if NOTE_HEADER in self.notes:
            struct.pack_into("<Q", self.data, self.notes[NOTE_HEADER][0] + 16, 0)
        path.write_bytes(self.data)
        return path


def other_kernels(path: Path, to: Path) -> Path:
    """The same image, made under a kernel whose vdso is another one."""
    image = Image(path)
    image.poison()
    return image.write(to)
