"""readckpt --check and --against: what is wrong with an image, in words."""
from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
from pathlib import Path
from typing import Callable

import pytest

from kit import mutants
from stage.case import Case
from stage.lab import STUDENT, Lab

pytestmark = pytest.mark.xdist_group("image_doctor")  # what is made once is made by one worker

PHDR = struct.Struct("<IIQQQQQQ")  # p_type, p_flags, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align
PRSTATUS_REGISTERS = 112
REGION_SIZE = 96  # struct image_region in image.h: flags at byte 28, name at 72
RIP, RSP, FS_BASE = 16, 19, 21  # indices in struct user_regs_struct


class Bytes:
    """An image that is taken apart, changed, and written again."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)
        self.table, = struct.unpack_from("<Q", data, 32)
        self.count, = struct.unpack_from("<H", data, 56)

    def segment(self, i: int) -> list[int]:
        return list(PHDR.unpack_from(self.data, self.table + i * PHDR.size))

    def put_segment(self, i: int, fields: list[int]) -> None:
        PHDR.pack_into(self.data, self.table + i * PHDR.size, *fields)

    def registers_at(self) -> int:
        notes = self.segment(0)[2]
        assert struct.unpack_from("<III", self.data, notes)[2] == 1, "NT_PRSTATUS is the first note"
        return notes + 20 + PRSTATUS_REGISTERS

    def put_register(self, index: int, value: int) -> None:
        struct.pack_into("<Q", self.data, self.registers_at() + 8 * index, value)

    def region_note(self) -> int:
        """Where the value of NOTE_REGIONS begins: after its header and the name "CKPT", 8 bytes in the file."""
        header = struct.pack("<I", 0x434B0001) + b"CKPT\0"
        return self.data.index(header) + 4 + 8


@pytest.fixture(name="case", scope="module")
def case_fixture(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("doctor")
    mutants.copy_solution(folder)
    lab = Lab(3, folder / "stage3-restart")
    lab.build()
    return Case.fresh(lab, "doctor")


@pytest.fixture(name="image", scope="module")
def image_fixture(case: Case) -> bytes:
    life = case.start_at_gate("counter", 12, 5, ckpt=STUDENT)
    image = case.checkpoint(life).read_bytes()
    case.signal(life, signal.SIGKILL)
    return image


def readckpt(case: Case, *arguments: object) -> tuple[int, str]:
    command = [str(case.lab.folder / "readckpt"), *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def rsp_uncovered(image: Bytes) -> None:
    image.put_register(RSP, 0x1000)


def rip_in_data(image: Bytes) -> None:
    stack = image.segment(image.count - 1)
    image.put_register(RIP, stack[3])


def no_tls(image: Bytes) -> None:
    image.put_register(FS_BASE, 0)


def tls_unmapped(image: Bytes) -> None:
    image.put_register(FS_BASE, 0x2000)


def overlap(image: Bytes) -> None:
    first, second = image.segment(1), image.segment(2)
    second[3] = first[3]
    image.put_segment(2, second)


def frames_short(image: Bytes) -> None:
    notes = image.segment(0)
    notes[5] -= 12
    image.put_segment(0, notes)


def alignment_of_notes(image: Bytes) -> None:
    notes = image.segment(0)
    notes[7] = 8
    image.put_segment(0, notes)


def stored_in_part(image: Bytes) -> None:
    stack = image.segment(image.count - 1)
    stack[5] -= 4096
    image.put_segment(image.count - 1, stack)


def vvar_stored(image: Bytes) -> None:
    """Sets REGION_STORED (16) in the flags of the region that is called [vvar]."""
    note, count = image.region_note(), image.count - 1
    name = image.data.index(b"[vvar]\0", note) - note - count * REGION_SIZE
    for at in range(note, note + count * REGION_SIZE, REGION_SIZE):
        flags, = struct.unpack_from("<I", image.data, at + 28)
        if struct.unpack_from("<I", image.data, at + 72)[0] == name:
            struct.pack_into("<I", image.data, at + 28, flags | 16)
            return
    raise AssertionError("no region [vvar] in the note")


def cut_off(image: Bytes) -> None:
    del image.data[-4096:]


WRONG: list[tuple[Callable[[Bytes], None], str]] = [
    (rsp_uncovered, r"no PT_LOAD covers rsp \(0x1000\)"),
    (rip_in_data, r"rip \(0x[0-9a-f]+\) lies in a region without the permission"),
    (no_tls, r"fs_base is 0: the TLS base was not saved"),
    (tls_unmapped, r"no PT_LOAD covers fs_base \(0x2000\): the TLS base is not mapped"),
    (overlap, r"region 2 \(0x[0-9a-f]+-0x[0-9a-f]+\) overlaps the one before it"),
    (frames_short, r"the notes are broken \d+ bytes before their end"),
    (alignment_of_notes, r"PT_NOTE has p_align 8"),
    (stored_in_part, r"is stored in part: \d+ of \d+ bytes"),
    (vvar_stored, r"\[vvar\] is stored: it is the kernel's"),
    (cut_off, r"the file is cut off: region \d+ .* should end at byte \d+"),
]


def test_a_good_image_is_well(case: Case, image: bytes, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(image)
    status, text = readckpt(case, "--check", tmp_path / "image")
    assert (status, text.endswith("nothing is wrong with its form\n")) == (0, True), text


@pytest.mark.parametrize("spoil, words", WRONG, ids=[row[0].__name__ for row in WRONG])
def test_what_is_wrong_is_said(
    spoil: Callable[[Bytes], None], words: str, case: Case, image: bytes, tmp_path: Path
) -> None:
    spoilt = Bytes(image)
    spoil(spoilt)
    (tmp_path / "image").write_bytes(spoilt.data)
    status, text = readckpt(case, "--check", tmp_path / "image")
    assert status == 65 and re.search(words, text), text


def test_several_wrong_things_are_all_said(case: Case, image: bytes, tmp_path: Path) -> None:
    spoilt = Bytes(image)
    rsp_uncovered(spoilt)
    no_tls(spoilt)
    alignment_of_notes(spoilt)
    (tmp_path / "image").write_bytes(spoilt.data)
    assert readckpt(case, "--check", tmp_path / "image")[1].endswith(": 3 things are wrong\n")


def test_against_a_process(case: Case, tmp_path: Path) -> None:
    """Only the regions that the handler and the gate used since may differ; a region more is found."""
    case = Case.fresh(case.lab, "against")
    life = case.start_at_gate("counter", 12, 5, ckpt=STUDENT)
    image = case.checkpoint(life)
    case.signal(life, signal.SIGSTOP)
    status, text = readckpt(case, "--against", life.pid, image)
    live = [line.split()[0] for line in Path(f"/proc/{life.pid}/maps").read_text().splitlines() if "vsyscall" not in line]
    case.signal(life, signal.SIGKILL)
    shown = [line for line in text.splitlines() if re.match(r"(same|differ|live|image) ", line)]
    assert status == 65 and len(shown) == len(live), text
    assert not any(line.startswith(("live", "image")) for line in shown), text
    assert sum(line.startswith("differ") for line in shown) <= 6 and "bytes differ, the first at 0x" in text, text


def test_against_another_process(case: Case, image: bytes, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(image)
    status, text = readckpt(case, "--against", os.getpid(), tmp_path / "image")
    assert status == 65 and re.search(r"^live ", text, re.MULTILINE) and re.search(r"^image ", text, re.MULTILINE)


@pytest.mark.parametrize("arguments", [["--check"], ["--against", "x", "image"], ["--against", "1"]])
def test_wrong_usage(case: Case, arguments: list[str]) -> None:
    assert readckpt(case, *arguments)[0] == 64


@pytest.mark.parametrize("asked", ["", "-m", "-r", "-n", "--check", "--svg", "--draw", "--platform", "--help", "--against"])
def test_what_cannot_be_written_is_said(case: Case, image: bytes, tmp_path: Path, asked: str) -> None:
    """Wherever it fails: in the middle, or with the last bytes."""
    (tmp_path / "image").write_bytes(image)
    words = [asked, str(os.getpid())] if asked == "--against" else asked.split()
    with open("/dev/full", "wb") as full:
        done = subprocess.run([case.lab.folder / "readckpt", *words, tmp_path / "image"], check=False, stdout=full,
                              stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr.count(b"standard output")) == (74, 1), done.stderr


@pytest.mark.parametrize("content", [b"", b"text", b"\x7fELF\2\1\1" + b"\xff" * 300])
def test_hostile_files_do_not_crash_it(case: Case, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(content)
    assert readckpt(case, "--check", tmp_path / "image")[0] == 65
