"""Hostile and damaged archives: nothing of them gets out of its folder, and a refusal leaves nothing behind."""
from __future__ import annotations

import gzip
import io
import lzma
import os
import random
import shutil
import socket
import stat
import struct
import subprocess
import tarfile
import time
import warnings
import zipfile
from pathlib import Path
from typing import Callable, Optional

import pytest

from test_removal import dig

from batch import removal, unpack
from batch.unpack import Limits, Refused, copy_folder

SMALL = Limits(files=20, mebibytes=1, depth=4)


def entry(name: str, data: bytes = b"int one;\n", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    """A member of a tar archive; the fields are those of TarInfo."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data if info.isreg() else b""


def tar_bytes(*members: tuple[tarfile.TarInfo, bytes], kind: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind, errors="surrogateescape") as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def symlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, b"", type=tarfile.SYMTYPE, linkname=target)


def hard_link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, b"", type=tarfile.LNKTYPE, linkname=target)


def folder(name: str) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, b"", type=tarfile.DIRTYPE, mode=0o755)


class Place:
    """Where one archive is unpacked, with neighbours that must stay as they are."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.target = top / "scratch" / "target"
        self.target.parent.mkdir()
        (top / "neighbour").write_text("untouched\n")

    def unpack(self, data: bytes, name: str = "a.tar", limits: Limits = SMALL, strict: bool = True) -> list[str]:
        archive = self.top / name
        archive.write_bytes(data)
        return unpack.unpack(archive, self.target, limits, strict)

    def refuses(self, data: bytes, words: str, name: str = "a.tar", limits: Limits = SMALL) -> None:
        with pytest.raises(Refused) as refusal:
            self.unpack(data, name, limits)
        assert words in str(refusal.value)
        assert str(refusal.value).isprintable()
        self.nothing_happened()

    def nothing_happened(self) -> None:
        assert not self.target.exists()
        assert not list(self.target.parent.iterdir())
        assert (self.top / "neighbour").read_text() == "untouched\n"

    def files(self) -> dict[str, bytes]:
        """What was unpacked. There is nothing but folders and regular files, without special bits."""
        found = {}
        for path in self.target.rglob("*"):
            mode = path.lstat().st_mode
            assert stat.S_ISDIR(mode) or stat.S_ISREG(mode), path
            assert not mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX), path
            if path.is_file():
                found[str(path.relative_to(self.target))] = path.read_bytes()
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def zip_bytes(*members: tuple[str, bytes], mode: int = 0, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", method) as archive:
        warnings.simplefilter("ignore")  # of names that come twice
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, method
            archive.writestr(info, data)
    return out.getvalue()


# What is taken

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "a.tar": lambda data: data,
    "a.tar.gz": gzip.compress,
    "a.TGZ": gzip.compress,
    "a.tar.xz": lzma.compress,
    "really-a-plain.tar.gz": lambda data: data,  # some browsers unpack half of it, and keep the name
    "really-gzip.zip": gzip.compress,
}


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_a_tar_archive_of_any_kind(place: Place, name: str, kind: int) -> None:
    data = tar_bytes(folder("stage1"), entry("./stage1/maps.c"), entry("stage1/run", mode=0o755), kind=kind)
    assert place.unpack(PACKERS[name](data), name) == []
    assert place.files() == {"stage1/maps.c": b"int one;\n", "stage1/run": b"int one;\n"}
    assert os.access(place.target / "stage1/run", os.X_OK)
    assert not (place.target / "stage1/maps.c").stat().st_mode & 0o111


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_archive(place: Place, method: int) -> None:
    data = zip_bytes(("stage1/", b""), ("stage1/maps.c", b"int one;\n"), ("a.h", b""), method=method)
    assert place.unpack(data, "a.ZIP") == []
    assert place.files() == {"stage1/maps.c": b"int one;\n", "a.h": b""}


@pytest.mark.parametrize("command", [["tar", "czf"], ["tar", "cJf"], ["zip", "-qry"],
                                     ["tar", "--format=v7", "-cf"]])
def test_what_the_usual_programs_pack(place: Place, command: list[str]) -> None:
    if not shutil.which(command[0]):
        pytest.skip(f"no {command[0]} here: python's own zip archives are tested above")
    source = place.top / "source/stage1"
    source.mkdir(parents=True)
    (source / "maps.c").write_text("int one;\n")
    (source / "beside.h").symlink_to("maps.c")
    subprocess.run([*command, "../a.archive", "stage1"], cwd=source.parent, check=True)
    path = place.top / "a.archive"
    if not path.exists():  # zip adds its own ending
        path = place.top / "a.archive.zip"
    assert place.unpack(path.read_bytes()) == []
    assert place.files() == {"stage1/maps.c": b"int one;\n", "stage1/beside.h": b"int one;\n"}


def test_names_of_windows(place: Place) -> None:
    assert place.unpack(zip_bytes(("stage1\\maps.c", b"x")), "a.zip") == []
    assert place.files() == {"stage1/maps.c": b"x"}


def test_a_long_name_and_a_name_in_another_script(place: Place) -> None:
    names = {"d/" + "n" * 200 + ".c", "größe.c"}
    assert place.unpack(tar_bytes(*map(entry, sorted(names)))) == []
    assert set(place.files()) == names


# What is refused: every way out of the folder

ESCAPES = {
    "absolute": ([entry("/tmp/ckptlab-escape")], "an absolute name"),
    "up": ([entry("../neighbour")], "`..`"),
    "up and down": ([entry("a/../../../neighbour")], "`..`"),
    "up inside": ([entry("a/../b.c")], "`..`"),
    "drive": ([entry("C:\\windows\\x")], "an absolute name"),
    "symlink out": ([entry("a.c"), symlink("x", "/etc/passwd")], "leads out"),
    "symlink up": ([entry("a.c"), symlink("d/x", "../../neighbour")], "leads out"),
    "symlink to the folder above": ([entry("a.c"), symlink("x", "..")], "leads out"),
    "through a symlink": ([folder("d"), symlink("x", "d"), entry("x/neighbour")], "no folder"),
    "through two symlinks": ([symlink("x", "y/.."), symlink("y/z", "../.."), entry("x/z/n")], "leads out"),
    "hard link out": ([entry("a.c"), hard_link("x", "/etc/passwd")], "an absolute name"),
    "hard link up": ([entry("a.c"), hard_link("x", "../../neighbour")], "`..`"),
    "folder up": ([entry("a.c"), folder("../other")], "`..`"),
    "in a folder that is passed over": ([entry("a.c"), entry(".git/../../neighbour")], "`..`"),
    "device": ([entry("a.c"), entry("null", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3)], "a device"),
    "disk": ([entry("a.c"), entry("sda", b"", type=tarfile.BLKTYPE)], "a device"),
    "fifo": ([entry("a.c"), entry("pipe", b"", type=tarfile.FIFOTYPE)], "a FIFO"),
    "file, then folder": ([entry("a"), folder("a")], "a folder and a file"),
    "folder, then file": ([entry("a/b"), entry("a")], "a folder and a file"),
    "folder, then link": ([entry("a/b"), symlink("a", "c")], "a folder and a link"),
    "under a file": ([entry("a"), entry("a/b")], "no folder"),
    "control characters do not hide it": ([entry("../\x1b[31mred")], "`..`"),
}


@pytest.mark.parametrize("which", ESCAPES)
def test_escapes_are_refused(place: Place, which: str) -> None:
    members, words = ESCAPES[which]
    place.refuses(tar_bytes(*members), words)


@pytest.mark.parametrize("which", ESCAPES)
def test_in_a_whole_class_they_are_left_out(place: Place, which: str) -> None:
    """The download of a course platform is one archive: one student's link must not cost all the others."""
    members, words = ESCAPES[which]
    notes = place.unpack(tar_bytes(entry("honest/maps.c"), *members), strict=False)
    assert any(words in note for note in notes)
    assert place.files()["honest/maps.c"] == b"int one;\n"
    assert (place.top / "neighbour").read_text() == "untouched\n"
    assert not Path("/tmp/ckptlab-escape").exists()


@pytest.mark.parametrize("name, words", [
    ("/etc/passwd", "absolute"), ("../neighbour", "`..`"), ("..\\neighbour", "`..`"), ("C:\\x", "absolute"),
    ("a/../../neighbour", "`..`"), ("\\\\server\\share", "absolute")])
def test_zip_names_that_escape(place: Place, name: str, words: str) -> None:
    place.refuses(zip_bytes(("a.c", b"x"), (name, b"x")), words)


@pytest.mark.parametrize("target", ["/etc/passwd", "../../neighbour"])
def test_zip_symlink_out(place: Place, target: str) -> None:
    place.refuses(zip_bytes(("x", target.encode()), mode=0o120777), "leads out")


@pytest.mark.parametrize("mode", [0o020644, 0o060644, 0o010644, 0o140644])
def test_zip_devices(place: Place, mode: int) -> None:
    place.refuses(zip_bytes(("x", b""), mode=mode), "a device")


# What is left out or changed

ODD = {
    "latin-1": (entry("gr\udcf6sse.c"), "its name is not UTF-8"),
    "newline": (entry("a\nb.c"), "control characters"),
    "escape": (entry("a\x1b[2Jb.c"), "control characters"),
    "right to left": (entry("a\u202eb.c"), "control characters"),
    "backslash": (entry("a\\b.c"), "a backslash"),
    "long": (entry("n" * 256), "too long"),
    "long path": (entry("/".join(["n" * 250] * 5)), "too long"),
    "deep": (entry("a/b/c/d/e.c"), "more than 4 folders"),
    "link to nothing": (symlink("x", "nothing"), "no file of the archive"),
    "link to a folder": (symlink("x", "."), "no file of the archive"),
    "link to itself": (symlink("x", "x"), "no file of the archive"),
    "hard link to nothing": (hard_link("x", "nothing"), "no file of the archive"),
    "unknown": (entry("x", b"", type=b"Z"), "unknown kind"),
    "built": (entry("build/maps.o"), "build: left out (1)"),
    "of git": (entry("stage1/.git/config"), ".git: left out (1)"),
    "of macOS": (entry("__MACOSX/._a.c"), "macOS: left out (1)"),
}


@pytest.mark.parametrize("which", ODD)
def test_oddities_are_left_out(place: Place, which: str) -> None:
    member, words = ODD[which]
    notes = place.unpack(tar_bytes(entry("a.c"), member))
    assert len(notes) == 1 and words in notes[0] and notes[0].isprintable()
    assert place.files() == {"a.c": b"int one;\n"}


def test_zip_name_that_is_not_utf_8(place: Place) -> None:
    data = zip_bytes(("a.c", b"x"), ("b\xe4.c", b"x")).replace("b\xe4.c".encode(), b"b\xe4\x84.c"[:5])
    raw = bytearray(data)
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = raw.rindex(signature)
        raw[at + flags + 1] &= ~0x08  # no longer says that the name is UTF-8
    name = bytes(raw)
    assert name.count(b"b\xe4\x84.c") == 2
    notes = place.unpack(name)
    assert len(notes) == 1 and "not UTF-8" in notes[0]
    assert place.files() == {"a.c": b"x"}


def test_zip_name_with_a_zero_byte(place: Place) -> None:
    data = zip_bytes(("a.c", b"x"), ("ab.c", b"x")).replace(b"ab.c", b"a\0.c")
    notes = place.unpack(data)
    assert len(notes) == 1 and "control characters" in notes[0]
    assert place.files() == {"a.c": b"x"}


def test_setuid_is_dropped(place: Place) -> None:
    notes = place.unpack(tar_bytes(entry("run", mode=0o6755), entry("other", mode=0o1777)))
    assert notes == ["run: its setuid or setgid bit was dropped"]
    assert set(place.files()) == {"run", "other"}


def test_of_two_files_with_one_name_the_last_counts(place: Place) -> None:
    notes = place.unpack(tar_bytes(entry("a.c", b"first"), entry("./a.c", b"last")))
    assert notes == ["a.c: twice in the archive: the last one counts"]
    assert place.files() == {"a.c": b"last"}


def test_the_same_in_a_zip(place: Place) -> None:
    notes = place.unpack(zip_bytes(("a.c", b"first"), ("a.c", b"last")))
    assert notes == ["a.c: twice in the archive: the last one counts"]
    assert place.files() == {"a.c": b"last"}


def test_a_file_over_a_link_does_not_go_through_it(place: Place) -> None:
    place.unpack(tar_bytes(entry("victim", b"old"), symlink("x", "victim"), entry("x", b"new")))
    assert place.files() == {"victim": b"old", "x": b"new"}


def test_links_inside_become_copies(place: Place) -> None:
    members = [entry("d/two.h", b"two"), symlink("d/beside.h", "two.h"), symlink("up.h", "./d/../d/beside.h"),
               hard_link("hard.h", "d/two.h"), symlink("before", "after"), entry("after", b"after")]
    assert place.unpack(tar_bytes(*members)) == []
    assert place.files() == {"d/two.h": b"two", "d/beside.h": b"two", "up.h": b"two", "hard.h": b"two",
                             "before": b"after", "after": b"after"}


def test_zip_links_inside_become_copies(place: Place) -> None:
    out = io.BytesIO(zip_bytes(("a.c", b"x")))
    with zipfile.ZipFile(out, "a") as archive:
        info = zipfile.ZipInfo("b.c")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "a.c")
    assert place.unpack(out.getvalue()) == []
    assert place.files() == {"a.c": b"x", "b.c": b"x"}


def test_a_sparse_file_is_left_out(place: Place) -> None:
    big = place.top / "big"
    with big.open("wb") as file:
        file.truncate(1 << 40)
    (place.top / "a.c").write_text("x")
    subprocess.run(["tar", "-Scf", "b.tar", "a.c", "big"], cwd=place.top, check=True)
    notes = place.unpack((place.top / "b.tar").read_bytes())
    assert notes == ["big: left out: a sparse file"]
    assert place.files() == {"a.c": b"x"}


def test_notes_do_not_become_too_many(place: Place) -> None:
    notes = place.unpack(tar_bytes(entry("a.c"), *(entry(f"{i}\n") for i in range(100))))
    assert len(notes) < 50 and notes[-1] == "and 60 notes more"


# Bombs

ZEROS = bytes(3 << 20)


def test_too_many_files(place: Place) -> None:
    place.refuses(tar_bytes(*(entry(f"{i}.c") for i in range(21))), "more than 20 files")


def test_too_many_folders(place: Place) -> None:
    place.refuses(tar_bytes(entry("a.c"), *(folder(f"d{i}") for i in range(21))), "more than 20 files")


def test_too_many_files_that_are_left_out(place: Place) -> None:
    place.refuses(tar_bytes(entry("a.c"), *(entry(f"build/{i}") for i in range(161))), "more than 160 files")


def test_built_things_do_not_count(place: Place) -> None:
    built = [entry("build/image", ZEROS), *(entry(f"build/{i}") for i in range(99))]
    notes = place.unpack(tar_bytes(entry("a.c"), *built))
    assert notes == ["build: left out (100)"]


def test_too_many_files_in_a_zip(place: Place) -> None:
    place.refuses(zip_bytes(*((f"{i}.c", b"x") for i in range(21))), "more than 20 files")
    place.refuses(zip_bytes(*((f"build/{i}.c", b"x") for i in range(1000))), "files")


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.xz"])
def test_bombs_of_one_file(place: Place, name: str) -> None:
    place.refuses(PACKERS[name](tar_bytes(entry("zeros.c", ZEROS))), "more than 1 MiB, unpacked")


def test_zip_bomb(place: Place) -> None:
    place.refuses(zip_bytes(("zeros.c", ZEROS)), "more than 1 MiB, unpacked")


def test_bomb_of_links(place: Place) -> None:
    data = bytes(200 << 10)
    members = [entry("big", data), *(symlink(f"x{i}", "big") for i in range(10))]
    place.refuses(tar_bytes(*members), "more than 1 MiB, unpacked")


def test_bomb_in_what_is_passed_over(place: Place) -> None:
    data = gzip.compress(tar_bytes(entry("a.c"), entry("build/zeros", bytes(9 << 20))))
    place.refuses(data, "more than 8 MiB, unpacked")


def test_bomb_after_the_end(place: Place) -> None:
    place.refuses(gzip.compress(tar_bytes(entry("a.c")) + bytes(9 << 20)), "more than 8 MiB, unpacked")


def test_bomb_that_lies_about_its_size(place: Place) -> None:
    """Sizes in both headers say 1 byte: no more than that is taken, and the checksum shows the lie."""
    data = zip_bytes(("zeros.c", ZEROS)).replace(struct.pack("<L", len(ZEROS)), struct.pack("<L", 1))
    place.refuses(data, "damaged")


def test_zip_that_promises_more_than_it_has(place: Place) -> None:
    data = zip_bytes(("a.c", b"123456789")).replace(struct.pack("<L", 9), struct.pack("<L", 900))
    place.refuses(data, "damaged")


def test_overlapping_zip_entries(place: Place) -> None:
    """All entries of the directory name the same bytes, as in the bombs of David Fifield."""
    data = zip_bytes(("a", bytes(1000)), ("b", b""))
    start = data.index(b"PK\x01\x02")
    second = data.rindex(b"PK\x01\x02")
    end = data.rindex(b"PK\x05\x06")
    one = data[start:second]
    count = 10
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(one) * count, start, 0)
    assert len(data[end:]) == len(tail)
    place.refuses(data[:start] + one * count + tail, "overlaps")


def test_a_nested_bomb_is_not_opened(place: Place) -> None:
    """Ten zips in a zip, and so on: they are files like others here."""
    inner = zip_bytes(("zeros", ZEROS))
    for _ in range(3):
        inner = zip_bytes(*((f"{i}.zip", inner) for i in range(10)))
    place.unpack(inner)
    assert set(place.files()) == {f"{i}.zip" for i in range(10)}


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods_of_zip(place: Place, method: int) -> None:
    place.refuses(zip_bytes(("zeros", ZEROS), method=method), "only `deflate` is taken")


def test_a_tar_header_that_is_a_bomb(place: Place) -> None:
    info, data = entry("a.c")
    info.pax_headers = {"comment": "1" * (1 << 20)}
    place.refuses(tar_bytes((info, data), kind=tarfile.PAX_FORMAT), "extended headers of")


def test_many_tar_headers_that_are_a_bomb(place: Place) -> None:
    members = []
    for number in range(150):
        info, data = entry(f"build/{number}")
        info.pax_headers = {"comment": "1" * 7000}
        members.append((info, data))
    place.refuses(tar_bytes(*members, kind=tarfile.PAX_FORMAT), "extended headers of")
    place.unpack(tar_bytes(entry("a.c"), *members[:100], kind=tarfile.PAX_FORMAT))


def test_headers_of_headers(place: Place) -> None:
    """Each says that a longer name follows: tarfile reads them by recursion."""
    block = tar_bytes(entry("a.c"))[:512]
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 5
    longer = header.tobuf(tarfile.GNU_FORMAT) + b"a.c\0\0" + bytes(507)
    place.refuses(longer * 2000 + block, "damaged")


@pytest.mark.parametrize("size", [-512, -(1 << 40)])
def test_negative_sizes(place: Place, size: int) -> None:
    """A negative size once sent tarfile back to the same header, for ever."""
    raw = bytearray(tar_bytes(entry("a.c"), entry("b.c")))
    at = 1024  # the second header
    raw[at + 124 : at + 136] = b"\xff" + (256**11 + size).to_bytes(11, "big")
    raw[at + 148 : at + 156] = b" " * 8
    raw[at + 148 : at + 156] = b"%06o\0 " % sum(raw[at : at + 512])
    place.refuses(bytes(raw), "less than no bytes")


def test_negative_sizes_in_an_extended_header(place: Place) -> None:
    info, data = entry("b.c", b"", type=b"Z")
    info.pax_headers = {"size": "-1536"}
    place.refuses(tar_bytes(entry("a.c"), (info, data), kind=tarfile.PAX_FORMAT), "damaged")


# Damage


def whole(name: str) -> bytes:
    members = [entry("a.c", os.urandom(5000)), entry("b.c", os.urandom(5000))]
    return PACKERS[name](tar_bytes(*members))


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.xz"])
@pytest.mark.parametrize("part", [0.1, 0.3, 0.5, 0.8])
def test_archives_that_are_cut_off(place: Place, name: str, part: float) -> None:
    data = whole(name)
    length = len(data) if name != "a.tar" else 12000  # before the zeros at the end
    place.refuses(data[: int(length * part)], "damaged")


@pytest.mark.parametrize("blocks", [1, 11, 12, 22])
def test_tar_archives_that_are_cut_off_between_blocks(place: Place, blocks: int) -> None:
    place.refuses(whole("a.tar")[: blocks * 512], "damaged")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_zip_archives_that_are_cut_off(place: Place, part: float) -> None:
    data = zip_bytes(("a.c", os.urandom(5000)), ("b.c", os.urandom(5000)))
    place.refuses(data[: int(len(data) * part)], "damaged")


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar.xz"])
def test_a_bit_that_is_wrong(place: Place, name: str) -> None:
    data = bytearray(whole(name))
    data[len(data) // 2] ^= 1
    place.refuses(bytes(data), "damaged")


def test_a_wrong_bit_in_a_zip(place: Place) -> None:
    data = bytearray(zip_bytes(("a.c", os.urandom(5000)), method=zipfile.ZIP_STORED))
    data[2000] ^= 1
    place.refuses(bytes(data), "damaged")


def test_a_damaged_header(place: Place) -> None:
    data = bytearray(whole("a.tar"))
    second = 512 + 5120
    data[second] ^= 1
    place.refuses(bytes(data), "damaged")


NO_ARCHIVE = {
    "empty": (b"", "the file is empty"),
    "html": (b"<!DOCTYPE html><title>Please log in</title>", "no archive: it begins with <!DOCTYPE"),
    "binary": (b"\x1b[2J\0\0", "no archive"),
    "head of a zip": (b"PK\x03\x04", "damaged"),
    "empty zip": (b"PK\x05\x06" + bytes(18), "no file"),
    "head of a gzip": (b"\x1f\x8b", "damaged"),
    "empty gzip": (gzip.compress(b""), "damaged"),
    "gzip, but no tar": (gzip.compress(b"int one;\n"), "damaged"),
    "7z": (b"7z\xbc\xaf\x27\x1c", "a .7z archive"),
    "rar": (b"Rar!\x1a\x07", "a .rar archive"),
    "empty tar": (tar_bytes(), "no file"),
    "empty tar.gz": (gzip.compress(tar_bytes()), "no file"),
    "folders": (tar_bytes(folder("a"), folder("a/b")), "no file"),
    "built things": (tar_bytes(entry("build/a.o")), "no file"),
}


@pytest.mark.parametrize("which", NO_ARCHIVE)
def test_what_is_no_archive_or_empty(place: Place, which: str) -> None:
    data, words = NO_ARCHIVE[which]
    place.refuses(data, words)


def test_encrypted(place: Place) -> None:
    data = bytearray(zip_bytes(("a.c", b"x")))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + flags] |= 1
    place.refuses(bytes(data), "encrypted")


def test_names_that_differ_between_the_headers(place: Place) -> None:
    data = zip_bytes(("a.c", b"x")).replace(b"a.c", b"b.c", 1)
    place.refuses(data, "damaged")


def with_checksums(raw: bytearray) -> bytes:
    """The checksums of tar headers made right again, so that the rest of a damaged header is looked at."""
    for at in range(0, len(raw) - 511, 512):
        if raw[at + 257 : at + 262] == b"ustar":
            raw[at + 148 : at + 156] = b" " * 8
            raw[at + 148 : at + 156] = b"%06o\0 " % sum(raw[at : at + 512])
    return bytes(raw)


@pytest.mark.parametrize("turns", [150, pytest.param(5000, marks=pytest.mark.stress)])
def test_no_bytes_make_it_fall_over(place: Place, turns: int) -> None:
    """Many damaged archives: each is unpacked or refused, and nothing else happens."""
    chance = random.Random(turns)
    long_names = [entry("n" * 150), hard_link("x", "n" * 150)]
    originals = [tar_bytes(entry("d/a.c"), symlink("x", "d/a.c"), *long_names, kind=tarfile.PAX_FORMAT),
                 tar_bytes(entry("d/a.c"), *long_names), zip_bytes(("d/a.c", b"x" * 100), ("b.c", b""))]
    outcomes = set()
    for turn in range(turns):
        data = bytearray(originals[turn % 3].rstrip(b"\0") + bytes(1024))
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data) - 1000)] = chance.choice([0, 0x2E, 0x2F, 0x31, 0x32, 0x80, 0xFF])
        try:
            place.unpack(with_checksums(data))
            place.files()
            shutil.rmtree(place.target)
            outcomes.add("taken")
        except Refused:
            place.nothing_happened()
            outcomes.add("refused")
    assert outcomes == {"taken", "refused"}


def test_the_target_must_be_new(place: Place) -> None:
    place.target.mkdir()
    (place.target / "mine").write_text("x")
    with pytest.raises(FileExistsError):
        place.unpack(tar_bytes(entry("a.c")))
    assert (place.target / "mine").exists()


def test_an_archive_that_is_a_link_or_a_fifo(place: Place) -> None:
    (place.top / "a.tar").symlink_to("neighbour")
    os.mkfifo(place.top / "b.tar")
    for name in ("a.tar", "b.tar", "not-there.tar"):
        with pytest.raises(Refused):
            unpack.unpack(place.top / name, place.target, SMALL)
        place.nothing_happened()


def test_a_failing_disk_is_no_refusal(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not the student's fault: it must not look as if it were."""
    real = os.open

    def full(path: str, flags: int, *rest: int, **fields: Optional[int]) -> int:
        if flags & os.O_CREAT:
            raise OSError(28, "No space left on device")
        return real(path, flags, *rest, **fields)  # type: ignore[arg-type]

    archive = place.top / "a.tar"
    archive.write_bytes(tar_bytes(entry("a.c")))
    monkeypatch.setattr(os, "open", full)
    with pytest.raises(OSError, match="No space"):
        unpack.unpack(archive, place.target, SMALL)
    monkeypatch.undo()
    place.nothing_happened()


# Folders


def test_copy_of_a_folder(place: Place) -> None:
    source = place.top / "source"
    (source / "stage1/build").mkdir(parents=True)
    (source / "stage1/maps.c").write_text("x")
    (source / "stage1/run").write_text("x")
    (source / "stage1/run").chmod(0o4755)
    (source / "stage1/build/a.o").write_bytes(b"\x7fELF")
    (source / "beside").symlink_to("stage1/maps.c")
    (source / "gone").symlink_to("nothing")
    notes = copy_folder(source, place.target, SMALL)
    assert place.files() == {"stage1/maps.c": b"x", "stage1/run": b"x", "beside": b"x"}
    assert notes == ["stage1/run: its setuid or setgid bit was dropped",
                     "gone: left out: a link to what is no file of the archive", "build: left out (1)"]


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket must be short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def make_big(path: Path) -> None:
    path.write_bytes(ZEROS)


def make_many(path: Path) -> None:
    path.mkdir()
    for number in range(21):
        (path / str(number)).write_text("x")


@pytest.mark.parametrize("make, words", [
    (lambda path: path.symlink_to("/etc/passwd"), "leads out"),
    (lambda path: path.symlink_to("../neighbour"), "leads out"),
    (lambda path: path.symlink_to("/"), "leads out"),
    (make_fifo, "a FIFO"), (make_socket, "a socket"), (make_big, "more than 1 MiB"),
    (make_many, "more than 20 files")])
def test_hostile_folders(place: Place, make: Callable[[Path], Optional[object]], words: str) -> None:
    source = place.top / "source"
    source.mkdir()
    (source / "a.c").write_text("x")
    make(source / "x")
    with pytest.raises(Refused, match=words):
        copy_folder(source, place.target, SMALL)
    place.nothing_happened()


@pytest.mark.parametrize("name, count", [("d", 6000), ("x" * 250, 30)])
def test_folders_deeper_than_a_path_can_be_long(name: str, count: int, place: Place) -> None:
    """The student's other files count, as of an archive."""
    source = place.top / "source"
    source.mkdir()
    (source / "a.c").write_text("x")
    dig(source, name, count)
    note, = copy_folder(source, place.target)
    assert place.files() == {"a.c": b"x"} and "left out: " in note
    removal.remove(source)


def test_odd_names_in_a_folder(place: Place) -> None:
    source = place.top / "source"
    source.mkdir()
    for name in (b"a.c", b"\xff.c", b"new\nline.c"):
        Path(os.fsdecode(os.fsencode(source) + b"/" + name)).write_text("x")
    notes = copy_folder(source, place.target, SMALL)
    assert len(notes) == 2 and all(note.isprintable() for note in notes)
    assert place.files() == {"a.c": b"x"}


def test_an_empty_folder(place: Place) -> None:
    (place.top / "source/sub").mkdir(parents=True)
    with pytest.raises(Refused, match="no file"):
        copy_folder(place.top / "source", place.target, SMALL)
    place.nothing_happened()


@pytest.mark.stress
def test_the_usual_limits_are_quick(place: Place) -> None:
    """The worst that is let in: a bomb costs seconds, whatever it would unpack to."""
    start = time.monotonic()
    data = gzip.compress(tar_bytes(entry("zeros.c", bytes(100 << 20))), 1)
    place.refuses(data, "more than 64 MiB", limits=Limits())
    assert time.monotonic() - start < 30
