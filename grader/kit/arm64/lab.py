"""The lab as the arm64 machine gets it: what git tracks, as one archive, since through 9p a thousand files take minutes.

If a cross compiler is here (gcc-aarch64-linux-gnu), the stages and the programs under test are built before: a compiler on
a processor that is computed takes ten times as long. Else, or if that fails, they are built there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from handout import skeleton
from kit.arm64 import disk
from kit.arm64.machine import Hung, Machine
from kit.systems import TOP, say
from stage.config import GRADER

CROSS = "aarch64-linux-gnu-gcc"
# What one stage has compiled, the next need not; as in kit/tests/conftest.py, which says why so.
CACHE = {
    "CCACHE_DIR": str(GRADER / "build/ccache"), "CCACHE_NOHASHDIR": "1", "CCACHE_DEPEND": "1",
    "CCACHE_IGNOREOPTIONS": "-I../*", "CCACHE_SLOPPINESS": "include_file_mtime,include_file_ctime",
}  # fmt: skip


def is_wanted(path: Path) -> bool:
    """Of the skeletons the headers alone, which programs under test include; of the kit none of the tests' hundreds."""
    if path.parts[:2] == ("grader", "kit"):
        return len(path.parts) == 3 or path.parts[2] == "arm64"
    return not path.parts[0].startswith("stage") or path.suffix == ".h"


def lay(tree: Path) -> None:
    """What git tracks, as it is now."""
    shutil.rmtree(tree, ignore_errors=True)
    for path in skeleton.tracked(TOP):
        if is_wanted(path):
            (tree / path.parent).mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / path, tree / path, follow_symlinks=False)


def build(stage: Path, tree: Path) -> None:
    """Or BACKGROUND."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    compiler = f"{'ccache ' if shutil.which('ccache') else ''}{CROSS} -ffile-prefix-map={tree}=/lab"
    words: list[str | Path] = ["make", "-s", "-j2", "-C", stage, f"CC={compiler}", f"PAGE={disk.PAGE}"]
    done = subprocess.run(words, env={**environment, **CACHE}, capture_output=True, text=True, check=False)
    flags = stage / "build/flags"
    if done.returncode != 0:
        say(f"arm64: {stage.name} is built there: {CROSS} fails: {done.stderr.strip()[-300:]}")
        shutil.rmtree(stage / "build", ignore_errors=True)
    elif flags.is_file():
        # There it is cc; the files that the compiler noted here are elsewhere there.
        made = flags.stat()
        flags.write_text(flags.read_text().replace(f"{compiler} ", "cc ", 1))
        os.utime(flags, ns=(made.st_atime_ns, made.st_mtime_ns))
        for path in (stage / "build").rglob("*.d"):
            path.unlink()


def build_programs(tree: Path) -> None:
    """What can be built of the programs under test, where the grader looks for them there; clang's are built there."""
    bin = tree.parent / "bin"
    bin.mkdir(exist_ok=True)
    ccache = "ccache " if shutil.which("ccache") else ""
    for name in ("gcc", "clang"):
        words = f'exec {ccache}{CROSS} -ffile-prefix-map={tree}=/lab "$@"' if name == "gcc" else "exit 1"
        (bin / name).write_text(f"#!/bin/sh\n{words}\n")
        (bin / name).chmod(0o755)
    command = [sys.executable, "-m", "kit.arm64.prebuild"]
    environment = {**os.environ, **CACHE, "PATH": f"{bin}:{os.environ['PATH']}", "PYTHONPATH": str(tree / "grader")}
    subprocess.run(command, cwd=tree, env=environment, check=False)
    shutil.rmtree(bin)


def archive(folder: Path, stages: list[int], tests: bool = False, demos: bool = False) -> Path:
    """Of the tree; it is for tar -C / -x there. These stages are built, and programs under test or demos if wanted."""
    tree = folder / "lab"
    lay(tree)
    if shutil.which(CROSS):
        for stage in stages:
            build(next(tree.glob(f"solution/stage{stage}-*")), tree)
        if demos:
            build(tree / "BACKGROUND", tree)
        if tests:
            build_programs(tree)
    with tarfile.open(folder / "lab.tar", "w") as tar:
        tar.add(tree, "lab")
    shutil.rmtree(tree)
    return folder / "lab.tar"


@contextlib.contextmanager
def there(folder: Path, stages: list[int], tests: bool = False, demos: bool = False, limit: float = 600) -> Iterator[Machine]:
    """A machine that has it, as /lab; it is unpacked within so many seconds, and the machine ends with the block."""
    host = folder / "host"
    host.mkdir()
    archive(host, stages, tests, demos)
    with Machine(folder / "machine", host) as machine:
        status, said = machine.run("tar -C / -xf /host/lab.tar", limit)
        if status != 0:
            raise Hung(f"the lab cannot be unpacked there:\n{said}")
        yield machine
