"""Unpacks what a student handed in as if somebody evil had packed it.

    unpack(archive, folder, limits)         a .tar.gz, .tar.xz, .tar.bz2, .tar or .zip
    copy_folder(folder, folder, limits)     a folder, under the same rules

Both make the folder, return notes on what they left out, and raise Refused, with no folder left, if
the archive is hostile or damaged. What an archive is, its first bytes say, not its name.

    the whole is refused       absolute names, names with `..`, links that lead out, devices and FIFOs, a
                               file where there is a folder, too many files, too many bytes (counted as they
                               come, whatever the headers say), zip entries that overlap, encryption, damage
    left out, with a note      names that are not UTF-8, that have control characters, that are too long or too
                               deep; sparse files; links to what is no file of the archive
    changed, with a note       setuid and setgid bits are dropped; of two files of one name the last counts

A link that stays inside becomes a copy of its file: nothing that is written here is ever a link, so
nothing can be written through one. Folders of built things (PASSED_OVER) are left out, and do not count
as files; but all that an archive holds may not be more than SLACK times the limits.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import mmap
import os
import re
import shutil
import stat
import tarfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, NoReturn, Protocol, cast

from batch.notes import Notes, is_control, printable

# Folders of built or noted things. They are no part of a submission, and may hold very many files.
PASSED_OVER = frozenset({"build", ".git", "__MACOSX", "__pycache__", ".pytest_cache"})

SLACK = 8
CHUNK = 1 << 16
LONGEST_NAME = 255  # bytes: what Linux can have
LONGEST_PATH = 1024
LONGEST_EXTENSION = 8 << 10  # bytes of a tar's extended header: names and times
MOST_EXTENSIONS = 1 << 20  # bytes of all of them; an older tarfile needs the square of their length to read them
LATEST = 2.0**32  # the year 2106
MOST_LINKS = 8  # from link to link to file

FILE, FOLDER, LINK, HARD_LINK = "file", "folder", "link", "hard link"
SPECIAL, SPARSE, UNKNOWN = "a device, a FIFO or a socket", "a sparse file", "a file of an unknown kind"


class Refused(Exception):
    """Why nothing of a submission is taken; the words are for people."""


class _Hostile(Refused):
    """The same, because of one member, without which the others could be taken."""


class _LeftOut(Exception):
    """Why one member is not taken."""


@dataclass(frozen=True)
class Limits:
    """How much one submission may hold."""

    files: int = 2000
    mebibytes: int = 64
    depth: int = 16

    @property
    def size(self) -> int:
        return self.mebibytes << 20


@dataclass(frozen=True)
class Member:
    """One thing in an archive or a folder."""

    name: str
    kind: str
    mode: int = 0o644
    size: int = 0  # as the header says; so many bytes must come
    target: str = ""
    time: float = 0  # when it was changed last
    data: Callable[[], Iterable[bytes]] = lambda: ()


def unpack(archive: Path, target: Path, limits: Limits = Limits(), strict: bool = True) -> list[str]:
    """Unpacks an archive into a new folder. Not strict: a hostile member is left out, the rest is taken.

    That is for the download of a whole class, which one student must not be able to spoil.
    """
    return _lay_out(_members_of(archive, limits), target, limits, strict)


def copy_folder(source: Path, target: Path, limits: Limits = Limits()) -> list[str]:
    """Copies a folder into a new one, under the rules for archives."""
    return _lay_out(_folder_members(source, limits), target, limits, strict=True)


def _lay_out(members: Iterator[Member], target: Path, limits: Limits, strict: bool) -> list[str]:
    target.mkdir(parents=True)
    try:
        unpacking = _Unpacking(target, limits, strict)
        for member in members:
            unpacking.take(member)
        return unpacking.finish()
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


# Names


def _path_of(name: str, limits: Limits) -> PurePosixPath:
    """Where a member of that name goes, below the target."""
    if name.startswith("/") or re.match(r"[A-Za-z]:[\\/]", name):
        raise _Hostile(f"{printable(name)}: an absolute name")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise _Hostile(f"{printable(name)}: a name with `..`")
    _check_characters(name)
    if not parts:
        raise _LeftOut("it has no name")
    if len(os.fsencode("/".join(parts))) > LONGEST_PATH or max(len(os.fsencode(p)) for p in parts) > LONGEST_NAME:
        raise _LeftOut("its name is too long")
    if len(parts) > limits.depth:
        raise _LeftOut(f"more than {limits.depth} folders deep")
    return PurePosixPath(*parts)


def _check_characters(name: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in name):
        raise _LeftOut("its name is not UTF-8")
    if any(is_control(character) for character in name):
        raise _LeftOut("its name has control characters")
    if "\\" in name:
        raise _LeftOut("its name has a backslash")


def _passed_over(path: PurePosixPath) -> str:
    """Of which kind of things that are passed over this is one; "" if it is none."""
    if path.name.startswith("._") or path.name == ".DS_Store":
        return "files of macOS"
    return next((part for part in path.parts if part in PASSED_OVER), "")


def _target_of(path: PurePosixPath, member: Member, limits: Limits) -> PurePosixPath:
    """What a link points to, below the target folder. Links themselves are never followed to find it."""
    if member.kind == HARD_LINK:
        return _path_of(member.target, limits)
    parts = list(path.parent.parts)
    if member.target.startswith("/"):
        raise _Hostile(f"{printable(member.name)}: a link that leads out, to {printable(member.target)}")
    for part in member.target.split("/"):
        if part == ".." and not parts:
            raise _Hostile(f"{printable(member.name)}: a link that leads out, to {printable(member.target)}")
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return PurePosixPath(*parts)


class _Unpacking:
    """One target folder while it is filled: what is there, and how much."""

    def __init__(self, target: Path, limits: Limits, strict: bool) -> None:
        self.target, self.limits, self.strict = target, limits, strict
        self.kinds: dict[PurePosixPath, str] = {}  # FILE, FOLDER or LINK
        self.links: dict[PurePosixPath, PurePosixPath] = {}
        self.passed: Counter[str] = Counter()
        self.notes = Notes()
        self.members = self.files = self.bytes = 0

    def take(self, member: Member) -> None:
        self.members += 1
        if self.members > SLACK * self.limits.files:
            raise Refused(f"more than {SLACK * self.limits.files} files, built ones included")
        try:
            self._take(member)
        except _LeftOut as why:
            self.notes.add(f"{printable(member.name)}: left out: {why}")
        except _Hostile as why:
            if self.strict:
                raise
            self.notes.add(f"left out: {why}")

    def _take(self, member: Member) -> None:
        if member.kind == FOLDER and not member.name.strip("./"):
            return
        path = _path_of(member.name, self.limits)
        if member.kind == SPECIAL:
            raise _Hostile(f"{printable(member.name)}: {member.kind}")
        target = _target_of(path, member, self.limits) if member.kind in (LINK, HARD_LINK) else path
        if _passed_over(path):
            self.passed[_passed_over(path)] += 1
            return
        if member.kind in (SPARSE, UNKNOWN):
            raise _LeftOut(member.kind)
        self._claim(path, {HARD_LINK: LINK}.get(member.kind, member.kind))
        if member.kind == FILE:
            self._write_member(path, member)
        elif member.kind != FOLDER:
            self.links[path] = target

    def _claim(self, path: PurePosixPath, kind: str) -> None:
        """Notes what is at the path, and the folders that lead there. One path cannot be two things."""
        for folder in [*path.parents][:-1]:
            if self.kinds.setdefault(folder, FOLDER) != FOLDER:
                above = printable(str(folder))
                raise _Hostile(f"{printable(str(path))}: it lies under {above}, which is no folder")
        before = self.kinds.get(path)
        if before is None:
            self._count()
        elif FOLDER in (before, kind):
            if before != kind:
                raise _Hostile(f"{printable(str(path))}: a folder and a {kind if before == FOLDER else before}")
        else:
            self.notes.add(f"{printable(str(path))}: twice in the archive: the last one counts")
            self.links.pop(path, None)
            (self.target / path).unlink(missing_ok=True)
        self.kinds[path] = kind

    def _count(self) -> None:
        self.files += 1
        if self.files > self.limits.files:
            raise Refused(f"more than {self.limits.files} files")

    def _write_member(self, path: PurePosixPath, member: Member) -> None:
        if member.mode & (stat.S_ISUID | stat.S_ISGID):
            self.notes.add(f"{printable(member.name)}: its setuid or setgid bit was dropped")
        size = self._write(path, member.data(), member.mode)
        when = min(max(member.time, 0.0), LATEST)
        os.utime(self.target / path, (when, when))
        if size != member.size:
            raise Refused(f"{printable(member.name)}: damaged: {size} bytes, and not {member.size}")

    def _write(self, path: PurePosixPath, chunks: Iterable[bytes], mode: int) -> int:
        where = self.target / path
        where.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        size = 0
        with os.fdopen(os.open(where, flags, 0o600), "wb") as file:
            os.fchmod(file.fileno(), 0o755 if mode & 0o100 else 0o644)
            for chunk in chunks:
                size += len(chunk)
                self.bytes += len(chunk)
                if self.bytes > self.limits.size:
                    raise Refused(f"more than {self.limits.mebibytes} MiB, unpacked")
                file.write(chunk)
        return size

    def finish(self) -> list[str]:
        """Links become copies; says what was left out."""
        for path in self.links:
            self._copy_link(path)
        for name, count in sorted(self.passed.items()):
            self.notes.add(f"{name}: left out ({count})")
        if FILE not in self.kinds.values():
            raise Refused("there is no file in it")
        return self.notes.lines()

    def _copy_link(self, path: PurePosixPath) -> None:
        source = path
        for _ in range(MOST_LINKS):
            source = self.links.get(source, source)
        if self.kinds.get(source) != FILE:
            self.notes.add(f"{printable(str(path))}: left out: a link to what is no file of the archive")
            return
        mode = (self.target / source).stat().st_mode
        with (self.target / source).open("rb") as file:
            self._write(path, _chunks(file), mode)


# Reading


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    """Whatever a library raises over a damaged archive is a refusal.

    It may be anything: they raise struct.error, RecursionError, OverflowError... on bytes that are made for it.
    """
    try:
        yield
    except (Refused, _LeftOut):
        raise
    except Exception as error:  # noqa: BLE001
        raise Refused(f"damaged: {printable(str(error)) or type(error).__name__}") from error


class _Readable(Protocol):
    """What can be read, and no more is wanted of it."""

    def read(self, size: int = -1) -> bytes: ...


def _chunks(file: _Readable) -> Iterator[bytes]:
    with _reading():
        while True:
            chunk = file.read(CHUNK)
            if not chunk:
                return
            yield chunk


class _Counted:
    """A stream that may not become longer than that."""

    def __init__(self, stream: _Readable, limits: Limits) -> None:
        self.stream, self.limits = stream, limits
        self.left = SLACK * limits.size

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(min(size, CHUNK) if size >= 0 else CHUNK)
        self.left -= len(data)
        if self.left < 0:
            raise Refused(f"more than {SLACK * self.limits.mebibytes} MiB, unpacked")
        return data


def _members_of(path: Path, limits: Limits) -> Iterator[Member]:
    """The members of an archive, by what its first bytes say."""
    with _open(path) as file:
        if os.fstat(file.fileno()).st_size > SLACK * limits.size:
            raise Refused(f"larger than {SLACK * limits.mebibytes} MiB")
        head = file.read(512)
        file.seek(0)
        if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
            yield from _zip_members(file, limits)
        else:
            yield from _tar_members(_decompressed(head, file), limits)


def _open(path: Path) -> IO[bytes]:
    """A regular file: not what a link leads to, and no FIFO, which would wait for ever."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise Refused(f"{printable(path.name)}: cannot be read: {error.strerror}") from error
    file = os.fdopen(number, "rb")
    if not stat.S_ISREG(os.fstat(number).st_mode):
        file.close()
        raise Refused(f"{printable(path.name)}: no file")
    return file


def _decompressed(head: bytes, file: IO[bytes]) -> _Readable:
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file)
    if head.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMAFile(file)
    if head.startswith(b"BZh"):
        return bz2.BZ2File(file)
    if _is_tar(head):
        return file
    _no_archive(head)


def _is_tar(head: bytes) -> bool:
    """By the first header's checksum: old archives have no magic number."""
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return head == bytes(512)  # no header at all: an archive without members
    return True


def _no_archive(head: bytes) -> NoReturn:
    for magic, what in {b"7z\xbc\xaf": ".7z", b"Rar!": ".rar", b"\x28\xb5\x2f\xfd": ".zst"}.items():
        if head.startswith(magic):
            raise Refused(f"a {what} archive: only .tar.gz, .tar.xz, .tar.bz2, .tar and .zip can be unpacked")
    if not head:
        raise Refused("the file is empty")
    raise Refused(f"it is no archive: it begins with {printable(head[:20].decode(errors='replace'))}")


# Tar


class _Header(tarfile.TarInfo):
    """tarfile's header, without its patience: it takes a damaged header for the end of the archive.

    Each archive has a subclass of its own, which counts.
    """

    extensions = 0  # bytes of extended headers so far

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        header = super().frombuf(buf, encoding, errors)
        if header.size < 0:
            raise Refused("damaged: a file of less than no bytes")
        if header.type in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE,
                           tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK):
            cls.extensions += header.size
            if header.size > LONGEST_EXTENSION or cls.extensions > MOST_EXTENSIONS:
                raise Refused(f"extended headers of {cls.extensions} bytes")
        return header

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> _Header:
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # zeros: the end
            raise
        except tarfile.HeaderError as error:
            raise Refused(f"damaged or cut off: {error}") from error


def _tar_members(stream: _Readable, limits: Limits) -> Iterator[Member]:
    """In one pass, forwards only."""
    counted = _Counted(stream, limits)
    file = cast(IO[bytes], counted)  # tarfile needs no more than read()
    counting: type[_Header] = type("_CountingHeader", (_Header,), {"extensions": 0})
    with _reading():
        with tarfile.open(fileobj=file, mode="r|", tarinfo=counting,
                          encoding="utf-8", errors="surrogateescape") as archive:
            for header in archive:
                yield _tar_member(archive, header)
        while counted.read():  # what follows must be sound, too: checksums stand at the end
            pass


def _tar_member(archive: tarfile.TarFile, header: tarfile.TarInfo) -> Member:
    kind = _kind_of(header)
    if kind != FILE:
        return Member(header.name, kind, header.mode, target=header.linkname)
    data = cast(IO[bytes], archive.extractfile(header))  # None only for what is no file
    return Member(header.name, kind, header.mode, header.size, time=float(header.mtime), data=lambda: _chunks(data))


def _kind_of(header: tarfile.TarInfo) -> str:
    if header.issparse():
        return SPARSE
    tests = {FILE: header.isreg, FOLDER: header.isdir, LINK: header.issym, HARD_LINK: header.islnk,
             SPECIAL: header.isdev}
    return next((kind for kind, test in tests.items() if test()), UNKNOWN)


# Zip


def _zip_members(file: IO[bytes], limits: Limits) -> Iterator[Member]:
    _check_directory(file, limits)
    with _reading(), zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        _check_overlaps(entries)
        for entry in entries:
            yield _zip_member(archive, entry)


def _check_directory(file: IO[bytes], limits: Limits) -> None:
    """zipfile reads the whole directory at once: this many entries at most can be in it."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        entries = sum(1 for _ in re.finditer(rb"PK\x01\x02", data))
    if entries > 2 * SLACK * limits.files:
        raise Refused(f"more than {SLACK * limits.files} files")


def _check_overlaps(entries: list[zipfile.ZipInfo]) -> None:
    """Entries that share their bytes unpack to far more than there is: that is a bomb, and never a mistake."""
    header = 30
    ordered = sorted(entries, key=lambda entry: entry.header_offset)
    for entry, after in zip(ordered, ordered[1:]):
        if entry.header_offset + header + entry.compress_size > after.header_offset:
            raise Refused(f"{printable(after.filename)}: it overlaps with {printable(entry.filename)}: a zip bomb")


def _zip_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Member:
    name = _zip_name(entry)
    mode = entry.external_attr >> 16
    if entry.flag_bits & 0x41:
        raise Refused(f"{printable(name)}: encrypted")
    if name.endswith("/") or stat.S_ISDIR(mode):
        return Member(name, FOLDER)
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # zipfile's readers of these unpack a whole block at once, however long it becomes.
        raise Refused(f"{printable(name)}: packed by method {entry.compress_type}: only `deflate` is taken")
    if stat.S_ISLNK(mode):
        with archive.open(entry) as file:
            return Member(name, LINK, target=os.fsdecode(file.read(LONGEST_PATH)))
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return Member(name, SPECIAL)
    when = time.mktime((*entry.date_time, 0, 0, -1))
    return Member(name, FILE, mode or 0o644, entry.file_size, time=when, data=lambda: _zip_data(archive, entry))


def _zip_data(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    with _reading(), archive.open(entry) as file:
        yield from _chunks(file)


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """The name as it was packed. Some programs of Windows write `\\` between folders."""
    name = entry.orig_filename
    if not entry.flag_bits & 0x800:
        name = os.fsdecode(name.encode("cp437"))
    return name if "/" in name else name.replace("\\", "/")


# Folders


def _folder_members(source: Path, limits: Limits) -> Iterator[Member]:
    """Everything below a folder, in order; links are not followed. What is too deep to be taken is not gone down into:
    its path would soon be longer than a path can be."""
    folders = [source]
    while folders:
        for entry in _entries(folders.pop()):
            name = os.path.relpath(entry.path, source)
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                taken = len(PurePosixPath(name).parts) <= limits.depth and len(os.fsencode(name)) <= LONGEST_PATH
                if taken and not _passed_over(PurePosixPath(name)):
                    folders.append(Path(entry.path))
                yield Member(name, FOLDER)
            elif stat.S_ISLNK(mode):
                yield Member(name, LINK, target=os.readlink(entry.path))
            elif not stat.S_ISREG(mode):
                yield Member(name, SPECIAL)
            else:
                yield _file_member(name, Path(entry.path), mode)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise Refused(f"{printable(folder.name)}: cannot be read: {error.strerror}") from error


def _file_member(name: str, path: Path, mode: int) -> Member:
    def data() -> Iterator[bytes]:
        with _open(path) as file:
            yield from _chunks(file)

    status = path.lstat()
    return Member(name, FILE, mode, status.st_size, time=status.st_mtime, data=data)
