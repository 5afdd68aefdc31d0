"""Archives that come out the same, byte for byte, whoever makes them: sorted, one owner, one time."""
from __future__ import annotations

import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from pathlib import Path
from time import gmtime
from typing import NamedTuple


class Entry(NamedTuple):
    """One file of an archive; `link` is the target if it is a symbolic link."""

    name: str
    data: bytes = b""
    executable: bool = False
    link: str = ""

    @staticmethod
    def of(name: str, path: Path) -> Entry:
        """The file at `path`, to be called `name`."""
        if path.is_symlink():
            return Entry(name, link=str(path.readlink()))
        return Entry(name, path.read_bytes(), bool(path.stat().st_mode & 0o100))


def header(entry: Entry, time: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(entry.name)
    info.size, info.mtime = len(entry.data), time
    info.mode = 0o755 if entry.executable else 0o644
    if entry.link:
        info.type, info.linkname = tarfile.SYMTYPE, entry.link
    return info


def tar(entries: list[Entry], time: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for entry in sorted(entries):
            archive.addfile(header(entry, time), io.BytesIO(entry.data))
    return out.getvalue()


def zipped(entries: list[Entry], time: int) -> bytes:
    """No links in it: those who unpack a zip do not agree on them."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for entry in sorted(entries):
            if entry.link:
                raise ValueError(f"{entry.name}: a link cannot go into a zip")
            info = zipfile.ZipInfo(entry.name, gmtime(time)[:6])
            info.create_system, info.compress_type = 3, zipfile.ZIP_DEFLATED  # 3: the mode is Unix's
            info.external_attr = (stat.S_IFREG | header(entry, time).mode) << 16
            archive.writestr(info, entry.data)
    return out.getvalue()


def pack(suffix: str, entries: list[Entry], time: int) -> bytes:
    """The bytes of an archive whose name ends so: .zip, .tar, .xz, .gz."""
    if suffix == ".zip":
        return zipped(entries, time)
    data = tar(entries, time)
    if suffix == ".tar":
        return data
    return lzma.compress(data) if suffix == ".xz" else gzip.compress(data, mtime=0)


def write(path: Path, entries: list[Entry], time: int) -> None:
    """Writes a .zip, .tar, .tar.gz or .tar.xz; it appears under its name when it is whole."""
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(pack(path.suffix, entries, time))
    partial.replace(path)


def unpack(path: Path, folder: Path) -> None:
    """Unpacks an archive that this module wrote."""
    with tarfile.open(path) as archive:
        archive.extractall(folder)
