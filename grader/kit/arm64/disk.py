"""The disk of an arm64 machine, made without running anything of it.

Packages are unpacked, what their scripts would have set up is set up by hand, and mke2fs puts it all into a file. It is
made once for each list of packages and each text of disk.py and packages.py; what is made lies below grader/build.

CKPTLAB_ARM64_KERNEL=SUITE/PACKAGE, as trixie/linux-image-arm64-16k, is a kernel of another suite, for the same disk; or one
that somebody has put there: see other_kernel(). -16k or -64k at the end: so large are its pages.
"""

from __future__ import annotations

import hashlib
import os
import py_compile
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kit.arm64 import packages
from stage.config import GRADER
from stage.programs import locked

HERE = Path(__file__).resolve().parent
PLACE = Path(os.environ.get("CKPTLAB_ARM64", str(GRADER / "build" / "arm64")))
KERNEL = os.environ.get("CKPTLAB_ARM64_KERNEL", "")  # none: the system's own
PAGE = 1024 * int(kib[1]) if (kib := re.search(r"-(16|64)k$", KERNEL)) else 4096  # bytes
SYSTEM = ["?essential", "linux-image-arm64", "busybox-static", "mount", "procps"]
TYPED = ["valgrind"]  # in documents, beside what they name as needed
GROUPS = ("demo", "grade")  # of grader/dependencies
PROGRAMS = (  # that nobody here wrote, for real_programs.py
    "bc perl mawk gawk sqlite3 bzip2 zstd dc lua5.4 tcl m4 jq openssl ruby ed xz-utils nasm lz4 brotli tmux vim-tiny nano luajit tcc"
).split()
BYTECODE = "var/cache/python"
UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH
SIZE = "2G"  # of the disk; what is not written takes no room

LINKS = {  # what alternatives and maintainers' scripts would have linked
    "usr/bin/cc": "gcc", "usr/bin/awk": "gawk", "usr/bin/sh": "dash", "usr/bin/lua": "lua5.4", "usr/bin/vi": "vim.tiny",
    "usr/bin/pager": "more", "usr/bin/yacc": "bison", "usr/bin/which": "which.debianutils", "usr/bin/editor": "nano",
    "usr/sbin/init": "../bin/busybox", "etc/mtab": "/proc/mounts",
}  # fmt: skip
TEXTS = {
    "etc/hostname": "arm64\n",
    "etc/hosts": "127.0.0.1 localhost arm64\n",
    "etc/inittab": "::sysinit:/run/setup\n::respawn:/run/agent\n",
    "etc/locale.conf": "LANG=C.UTF-8\n",
}


@dataclass(frozen=True)
class Disk:
    kernel: Path
    modules: Path  # a folder, with a busybox for the first files
    disk: Path


def dependencies() -> Iterator[str]:
    group = ""
    for line in (GRADER / "dependencies").read_text().splitlines():
        if line.startswith("["):
            group = line.strip("[]")
        elif group in GROUPS and (row := re.match(r"([^#|\s]\S*) *\|", line)):
            yield row[1]


def wanted() -> list[str]:
    return sorted({*SYSTEM, *TYPED, *dependencies(), *PROGRAMS})


def folder() -> Path:
    """Where the files of this machine lie, or will."""
    made_of = " ".join([packages.SUITE, *wanted()]).encode()
    made_of += b"".join((HERE / name).read_bytes() for name in ("disk.py", "packages.py"))
    return PLACE / hashlib.sha256(made_of).hexdigest()[:16]


def files(place: Path) -> Disk:
    return Disk(place / "kernel", place / "modules", place / "disk")


def other_kernel(own: Disk) -> Disk:
    """With the kernel of CKPTLAB_ARM64_KERNEL, which stays below PLACE: who removes it there gets the newest one.

    One that is no package of Debian's is put there by hand: `kernel`, an Image as qemu starts it; and `modules`, with what
    initrd.MODULES names, as far as it is not built in (.ko, .ko.xz), and a busybox.
    """
    suite, _, name = KERNEL.partition("/")
    place = PLACE / suite / name
    other = Disk(place / "kernel", place / "modules", own.disk)
    if not other.kernel.is_file():
        work = PLACE / "work"
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        packages.unpack([packages.fetch_kernel(work, suite, name)], work / "root")
        shutil.move(next((work / "root").glob("usr/lib/modules/*/kernel")), other.modules)
        shutil.copy(own.modules / "busybox", other.modules)
        shutil.move(next((work / "root").glob("boot/vmlinuz-*")), other.kernel)
        shutil.rmtree(work)
    return other


def is_there() -> bool:
    return files(folder()).disk.is_file()


def by_hand(root: Path) -> None:
    """What the packages' scripts do when they are installed, as far as anything here needs it."""
    for name in ("passwd", "group"):
        text = (root / f"usr/share/base-passwd/{name}.master").read_text()
        student = "student:x:1000:1000::/tmp:/bin/bash\n" if name == "passwd" else "student:x:1000:\n"
        (root / "etc" / name).write_text(text + student)
    shutil.copy(root / "usr/share/libc-bin/nsswitch.conf", root / "etc/nsswitch.conf")
    for name, text in TEXTS.items():
        (root / name).write_text(text)
    for name, target in LINKS.items():
        (root / name).unlink(missing_ok=True)
        (root / name).symlink_to(target)
    for name in ("proc", "sys", "dev", "run", "tmp", "host", "rig", "root", "var/tmp"):
        (root / name).mkdir(parents=True, exist_ok=True)


def compile_python(root: Path) -> None:
    """Python's library, for who sets PYTHONPYCACHEPREFIX=/BYTECODE there: a computed processor takes minutes for that."""
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if not (root / "usr/lib" / here).is_dir():
        return  # another Python's bytecode
    for folder in (f"usr/lib/{here}", "usr/lib/python3/dist-packages"):
        for source in (root / folder).rglob("*.py"):
            name = source.relative_to(root)
            made = (root / BYTECODE / name).with_suffix(f".{sys.implementation.cache_tag}.pyc")
            py_compile.compile(str(source), str(made), f"/{name}", invalidation_mode=UNCHECKED, quiet=2)


def owned_by_root(*words: str | Path) -> None:
    """Runs a command to which all files of ours are root's."""
    maps = [] if os.geteuid() == 0 else ["unshare", "-r"]
    subprocess.run([*maps, *words], check=True)


def make(place: Path) -> None:
    packages.needed("qemu-system-aarch64", "apt-get", "dpkg-deb", "tar", "mke2fs")
    work = PLACE / "work"
    root = work / "root"
    shutil.rmtree(root, ignore_errors=True)
    print(f"arm64: fetches {len(wanted())} packages and what they need (200 MB), once", flush=True)
    debs = packages.fetch(work, wanted())
    print(f"arm64: unpacks {len(debs)} packages", flush=True)
    packages.unpack(debs, root)
    by_hand(root)
    compile_python(root)
    place.mkdir(parents=True, exist_ok=True)
    made = files(place)
    (place / "packages").write_text("".join(f"{deb.name}\n" for deb in debs))
    shutil.copy(next(root.glob("boot/vmlinuz-*")), made.kernel)
    shutil.rmtree(made.modules, ignore_errors=True)
    shutil.move(next(root.glob("usr/lib/modules/*/kernel")), made.modules)
    shutil.copy(root / "usr/bin/busybox", made.modules)
    shutil.rmtree(root / "boot")
    print("arm64: makes the disk", flush=True)
    new = place / "disk.new"
    new.unlink(missing_ok=True)
    options = "^has_journal,^metadata_csum"
    owned_by_root("mke2fs", "-q", "-t", "ext4", "-O", options, "-m", "0", "-d", root, new, SIZE)
    new.rename(made.disk)  # last: what is there is whole
    shutil.rmtree(work)


def get() -> Disk:
    """The machine's files; they are made if they are not here yet."""
    PLACE.mkdir(parents=True, exist_ok=True)
    with locked(PLACE / ".lock"):
        if not is_there():
            make(folder())
        return other_kernel(files(folder())) if KERNEL else files(folder())
