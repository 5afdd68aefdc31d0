"""What may be called `image` and is none: the grader neither waits at it, nor reads what it should not, nor believes it."""
from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from stage.case import Stamp, check_plain, held
from stage.diagnosis import header_symptoms
from stage.failure import Failure
from stage.image import MOST_NOTES, BadImage, Image

PT_NOTE, ET_CORE, EM_X86_64 = 4, 4, 62


def many_notes(path: Path) -> None:
    """60,000 headers, each of which says that the same 50 MiB are its notes."""
    count = 60000
    elf = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", ET_CORE, EM_X86_64, 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0)
    path.write_bytes(elf + struct.pack("<IIQQQQQQ", PT_NOTE, 4, 0, 0, 0, 50 << 20, 0, 4) * count)
    os.truncate(path, MOST_NOTES)


def link(path: Path) -> None:
    path.with_name("secret").write_text("\x7fELF")
    path.symlink_to("secret")


def socket(path: Path) -> None:
    os.mknod(path, 0o140600)


ODD: dict[str, Callable[[Path], None]] = {"a FIFO": os.mkfifo, "a folder": os.mkdir, "a link": link, "a socket": socket}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD.keys())
def test_what_is_no_plain_file_is_no_image(make: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "image"
    make(path)
    with pytest.raises((BadImage, OSError)):
        Image(path)
    with pytest.raises(Failure, match="image: "):
        check_plain(path)
    with held(path):
        assert Stamp.of(path) is not None
    assert header_symptoms(path) == []


def test_notes_have_a_limit_all_together(tmp_path: Path) -> None:
    many_notes(tmp_path / "image")
    with pytest.raises(BadImage, match="notes of 3145728000000 bytes"):
        Image(tmp_path / "image")
