"""A checkpoint image as any reader of ELF core files sees it (pyelftools)."""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from elftools.elf.elffile import ELFFile

from stage.processor import HERE

NT_PRSTATUS, NT_PRPSINFO, NT_AUXV, NT_FILE = 1, 3, 6, 0x46494C45
CKPT_TYPES = 0x434B0000
CONTEXT_AT = HERE.context_note + HERE.context_at  # in struct image_context: its ucontext_t, and the registers there
MOST_NOTES = 64 << 20  # bytes


@dataclass(frozen=True)
class Load:
    start: int
    end: int
    offset: int
    stored: int
    flags: int

    @property
    def perms(self) -> str:
        return "".join(c if self.flags & bit else "-" for c, bit in (("r", 4), ("w", 2), ("x", 1)))


@dataclass(frozen=True)
class Note:
    name: str
    type: int
    data: bytes


class BadImage(Exception):
    """The file is not an ELF core file of this machine."""


def open_plain(path: Path) -> BinaryIO:
    """A plain file, and nothing else that a submission may have put there: not a FIFO, at which one waits for ever, nor a
    link to what it cannot read itself."""
    try:
        file = open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except IsADirectoryError as error:
        raise BadImage("it is a folder") from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise BadImage("it is no plain file")
    return file


class Image:
    def __init__(self, path: Path) -> None:
        self.path = path
        with open_plain(path) as file:
            self.size = os.fstat(file.fileno()).st_size
            self._read(file)

    def _read(self, file: Any) -> None:
        try:
            elf = ELFFile(file)
        except Exception as error:
            raise BadImage(f"not an ELF file: {error}") from error
        self.header: dict[str, Any] = dict(elf.header)
        self.type = str(elf.header.e_type)
        self.machine = str(elf.header.e_machine)
        self.segments: list[dict[str, Any]] = [dict(s.header) for s in elf.iter_segments()]
        self.loads = [self._load(s) for s in self.segments if s["p_type"] == "PT_LOAD"]
        self.notes: list[Note] = []
        notes = [segment for segment in self.segments if segment["p_type"] == "PT_NOTE"]
        size = sum(segment["p_filesz"] for segment in notes)
        if size > MOST_NOTES:
            raise BadImage(f"notes of {size} bytes")
        for segment in notes:
            file.seek(segment["p_offset"])
            self.notes += parse_notes(file.read(segment["p_filesz"]))

    @staticmethod
    def _load(s: dict[str, Any]) -> Load:
        start = s["p_vaddr"]
        return Load(start, start + s["p_memsz"], s["p_offset"], s["p_filesz"], s["p_flags"])

    def note(self, type_: int, name: str = "CORE") -> Note | None:
        for note in self.notes:
            if note.type == type_ and note.name == name:
                return note
        return None

    def load_at(self, address: int) -> Load | None:
        for load in self.loads:
            if load.start <= address < load.end:
                return load
        return None

    def read(self, address: int, size: int) -> bytes | None:
        """The stored bytes at an address; None if they are not in the image."""
        load = self.load_at(address)
        if load is None or address - load.start + size > load.stored:
            return None
        with open_plain(self.path) as file:
            file.seek(load.offset + address - load.start)
            return file.read(size)

    def registers(self) -> dict[str, int]:
        """From NT_PRSTATUS: struct elf_prstatus, registers at byte 112; and the note of the TLS base, where it is one."""
        note, tls = self.note(NT_PRSTATUS), self.note(HERE.tls_note, "LINUX")
        count = len(HERE.saved)
        if note is None or len(note.data) < 112 + count * 8:
            return {}
        found = dict(zip(HERE.saved, struct.unpack_from(f"<{count}Q", note.data, 112)))
        if tls is not None and len(tls.data) >= 8:
            found[HERE.tls] = struct.unpack_from("<Q", tls.data)[0]
        return found

    def saved_by_getcontext(self) -> dict[str, int]:
        """From CKPT's note of the context: what getcontext() filled in."""
        note = self.note(CKPT_TYPES + 2, "CKPT")
        count = len(HERE.context)
        if note is None or len(note.data) < CONTEXT_AT + count * 8:
            return {}
        found = dict(zip(HERE.context, struct.unpack_from(f"<{count}Q", note.data, CONTEXT_AT)))
        return {name: value for name, value in found.items() if name not in HERE.left_out}

    def files(self) -> list[tuple[int, int, int, str]]:
        """From NT_FILE: start, end, offset in bytes, name."""
        note = self.note(NT_FILE)
        if note is None or len(note.data) < 16:
            return []
        count, unit = struct.unpack_from("<QQ", note.data)
        names = note.data[16 + 24 * count :].split(b"\0")
        result = []
        for i in range(min(count, len(names))):
            start, end, page = struct.unpack_from("<QQQ", note.data, 16 + 24 * i)
            result.append((start, end, page * unit, names[i].decode("utf-8", "surrogateescape")))
        return result


def parse_notes(data: bytes) -> list[Note]:
    """Notes padded to 4 bytes, as core files have them."""
    notes, at = [], 0
    while at + 12 <= len(data):
        name_size, size, type_ = struct.unpack_from("<III", data, at)
        name_at = at + 12
        data_at = name_at + (name_size + 3) // 4 * 4
        name = data[name_at : name_at + name_size].rstrip(b"\0").decode("latin-1")
        notes.append(Note(name, type_, data[data_at : data_at + size]))
        at = data_at + (size + 3) // 4 * 4
    return notes
