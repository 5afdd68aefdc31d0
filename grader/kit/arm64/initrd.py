"""The first files of an arm64 machine, in memory: modules for its disk, and what then starts there (setup.sh, agent.sh)."""

from __future__ import annotations

import gzip
import lzma
import re
import stat
from pathlib import Path

from kit.otherkernel import archive

HERE = Path(__file__).resolve().parent
MODULES = ["virtio_pci", "virtio_blk", "crc32c_generic", "ext4", "virtio_console", "9pnet_virtio", "9p"]
FIRST = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do insmod /modules/$module; done
mount -t ext4 /dev/vda /system
mount -t tmpfs -o mode=755 tmpfs /system/run
cp /setup /agent /system/run
mount --move /dev /system/dev; umount /proc
exec switch_root /system /sbin/init
"""


def text_of(module: Path) -> bytes:
    return lzma.decompress(module.read_bytes()) if module.suffix == ".xz" else module.read_bytes()


def in_order(modules: list[str], found: dict[str, Path]) -> list[str]:
    """Modules with those that they need, each after them; one that the kernel has built in is left out."""
    order: list[str] = []
    for name in (name.replace("-", "_") for name in modules):
        if name in found and name not in order:
            depends = re.search(rb"\0depends=([^\0]*)\0", text_of(found[name]))
            words = depends[1].decode().split(",") if depends else []
            order += [one for one in in_order(words, found) if one not in order] + [name]
    return order


def content(modules: Path) -> bytes:
    found = {path.name.partition(".")[0].replace("-", "_"): path for path in modules.rglob("*.ko*")}
    order = in_order(MODULES, found)
    programs = {"/init": FIRST.encode(), **{f"/{name}": (HERE / f"{name}.sh").read_bytes() for name in ("setup", "agent")}}
    programs["/bin/busybox"] = (modules / "busybox").read_bytes()
    entries = {name: (stat.S_IFREG | 0o755, text) for name, text in programs.items()}
    for name in order:
        entries[f"/modules/{name}"] = (stat.S_IFREG | 0o644, text_of(found[name]))
    entries["/modules/order"] = (stat.S_IFREG | 0o644, "\n".join(order).encode())
    for name in ("/proc", "/dev", "/system"):
        entries[name] = (stat.S_IFDIR | 0o755, b"")
    return gzip.compress(archive(entries), 1)
