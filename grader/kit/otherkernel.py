"""A machine with another kernel: Debian 12's, in qemu-system-x86_64, which computes its processor (no KVM needed).

The machine has this system's C library and the files that it is given, at the same paths, in memory; its two serial
lines are files here. Nothing is installed: the kernel's package is only unpacked, into /var/cache/ckptlab/kernel
(CKPTLAB_KERNEL=DIR names another place), 90 MB, and stays there for the next run.
"""

from __future__ import annotations

import base64
import gzip
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterable
from pathlib import Path

from kit.systems import NOT_TRIED, NotHere

PLACE = Path(os.environ.get("CKPTLAB_KERNEL", "/var/cache/ckptlab/kernel"))
PACKAGE = "linux-image-amd64"
LIMIT = 600  # seconds; a machine that is computed takes about 20 to start and end

# Without AVX-512, and without xsavec, which qemu 7.2 does not compute: libc chooses what the other processor has.
LESS = "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX512CD,-XSAVEC"

BEGIN = """#!/usr/bin/busybox sh
/usr/bin/busybox mkdir -p /proc /sys /dev /tmp /usr/bin /usr/sbin
/usr/bin/busybox --install -s /usr/bin
export PATH=/usr/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
exec 9<>/dev/ttyS1; stty raw <&9
cd /tmp
"""
END = "\nsync; poweroff -f\n"


def command(*words: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotHere(f"{NOT_TRIED}{words[0]} fails: {done.stderr.strip()[-200:]}")
    return done.stdout


def kernel() -> Path:
    """The kernel's file, fetched and unpacked if it is not here yet."""
    for name in ("qemu-system-x86_64", "busybox", "dpkg-deb", "apt-get"):
        if shutil.which(name) is None:
            raise NotHere(f"{NOT_TRIED}there is no {name}")
    if not (found := sorted(PLACE.glob("boot/vmlinuz-*"))):
        depends = re.search(r"Depends: (linux-image-\d\S+)", command("apt-cache", "depends", PACKAGE))
        if depends is None:
            raise NotHere(f"{NOT_TRIED}apt knows no {PACKAGE}")
        PLACE.mkdir(parents=True, exist_ok=True)
        command("apt-get", "download", depends[1], cwd=PLACE)
        for package in PLACE.glob("*.deb"):
            command("dpkg-deb", "-x", package, PLACE)
            package.unlink()
        shutil.rmtree(PLACE / "lib", ignore_errors=True)  # modules: none is needed
        found = sorted(PLACE.glob("boot/vmlinuz-*"))
    return found[0]


def libraries(program: Path) -> set[Path]:
    """What the dynamic linker maps for a program."""
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return {Path(path) for path in re.findall(r"(?:=> |^\s+)(/\S+)", said, re.M)}


def archive(files: dict[str, tuple[int, bytes]]) -> bytes:
    """A cpio archive, as the kernel unpacks it (Documentation/driver-api/early-userspace/buffer-format.rst)."""
    whole = bytearray()
    folders = {str(parent): (stat.S_IFDIR | 0o755, b"") for name in files for parent in Path(name).parents}
    entries = {**dict(sorted(folders.items())), **files, "TRAILER!!!": (0, b"")}
    for number, (name, (mode, content)) in enumerate(entries.items(), 1):
        raw = name.strip("/").encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(raw), 0)
        whole += b"070701" + b"".join(b"%08x" % field for field in fields) + raw
        whole += b"\0" * (-len(whole) % 4) + content
        whole += b"\0" * (-len(whole) % 4)
    return bytes(whole)


def boot(folder: Path, paths: Iterable[Path], script: str, cpu: str = "max") -> tuple[str, dict[str, bytes]]:
    """Runs a script as the first process there; what it printed, and the files that it gave `send`.

    cpu: one of `qemu-system-x86_64 -cpu help`.
    """
    files: dict[str, tuple[int, bytes]] = {}
    programs = [Path("/usr/bin/busybox"), *paths]
    for path in {*programs, *(library for program in programs for library in libraries(program))}:
        for name in {path.parent.resolve() / path.name, path.resolve()}:
            files[str(name)] = (stat.S_IFREG | 0o755, path.read_bytes())
    for link in (Path(name) for name in ("/bin", "/sbin", "/lib", "/lib64") if Path(name).is_symlink()):
        files[str(link)] = (stat.S_IFLNK | 0o777, os.readlink(link).encode())
    send = 'send() { { echo "# $1"; gzip -c "$1" | base64; } >&9; }\n'
    files["/init"] = (stat.S_IFREG | 0o755, (BEGIN + send + script + END).encode())
    initrd, console, line = folder / "initrd", folder / "console", folder / "line"
    initrd.write_bytes(gzip.compress(archive(files), 1))
    subprocess.run(
        ["qemu-system-x86_64", "-cpu", cpu, "-m", "1024", "-nographic", "-no-reboot", "-monitor", "none",
         "-kernel", kernel(), "-initrd", initrd, "-append", "console=ttyS0 quiet panic=-1",
         "-serial", f"file:{console}", "-serial", f"file:{line}"],
        timeout=LIMIT, check=True, stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip
    sent = re.findall(rb"# (\S+)\n([A-Za-z0-9+/=\n]*)", line.read_bytes().replace(b"\r", b""))
    return console.read_text(errors="replace").replace("\r", ""), {
        name.decode(): gzip.decompress(base64.b64decode(text)) for name, text in sent
    }
