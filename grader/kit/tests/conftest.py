"""What all of the kit's tests share: which of them run, and copies of the tree to work in.

Tests that are marked `sample` are many of one kind: `make check` runs one of SAMPLE of each function's, others on each day
of the week, and all in SAMPLE days; `sample(N)`: one of N. If there are fewer, one. `make check SEED=N` repeats a day's,
`make stress` runs all. kit/README has a table of them.
"""
from __future__ import annotations

import datetime
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit import built
from kit.arm64.lab import CROSS
from kit.real_programs import Program, is_installed, not_tried
from kit.remote_programs import why_no_machine
from stage.process import heed_signals

pytest_plugins = ["kit.budget"]

TOP = Path(__file__).resolve().parents[3]
SAMPLE = 7
kinds: dict[str, int] = {}  # of all that is collected: one of how many runs
told: dict[str, Any] = {}  # by the workers: how large the sample was


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--stress", action="store_true", help="run the tests that take long, too")
    parser.addoption("--seed", type=int, help="which sample of the tests that are marked so runs (else the date says)")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """The workers have the options from here: at midnight, too, all have the same seed."""
    if config.option.seed is None:
        config.option.seed = datetime.date.today().toordinal()
    heed_signals()
    if not hasattr(config, "workerinput"):
        compile_once(TOP / "grader/build/ccache")


def compile_once(folder: Path) -> None:
    """What one test has compiled, the next need not: ccache in front of the compilers, if it is here.

    It must not look at the folder of the compilation: debuggers find sources in their own working folder, too. Nor at
    -I../stageN-...: a later stage names one folder more, and the header files that it finds are compared in any case.
    """
    real = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if not part.endswith("build/ccache/bin"))
    compilers = {name: shutil.which(name, path=real) for name in ("cc", "gcc", "clang", CROSS)}  # not this script itself, of an earlier run
    if compilers["cc"] and compilers["gcc"] and os.path.samefile(compilers["cc"], compilers["gcc"]):
        compilers["cc"] = compilers["gcc"]  # ccache knows compilers by their names, too
    ccache = shutil.which("ccache")
    if ccache is None or not os.access(TOP / "grader", os.W_OK):
        return
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    for name, path in compilers.items():
        if path:
            words = f"CCACHE_DIR={folder} CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1 CCACHE_IGNOREOPTIONS='-I../*' "
            words += "CCACHE_SLOPPINESS=include_file_mtime,include_file_ctime"
            (folder / "bin" / name).unlink(missing_ok=True)  # a link there leads to ccache itself
            (folder / "bin" / name).write_text(f'#!/bin/sh\n{words} exec {ccache} {path} "$@"\n')
            (folder / "bin" / name).chmod(0o755)
    os.environ["CKPTLAB_PATH"] = os.environ["PATH"]
    os.environ["PATH"] = f"{folder / 'bin'}:{os.environ['PATH']}"


def sampled(config: pytest.Config) -> bool:
    """Who names tests gets them all."""
    named = config.option.keyword or any("::" in word for word in config.args)
    return not (named or config.option.stress)


def share(item: pytest.Item) -> int:
    """@sample: one of SAMPLE; @sample(30): one of 30; else each."""
    mark = item.get_closest_marker("sample")
    return (mark.args[0] if mark.args else SAMPLE) if mark else 1


def sample(items: list[pytest.Item], seed: int) -> list[pytest.Item]:
    """Those of the day, of one kind: one at least. Each kind begins with another, so that no day has all that is dear."""
    first = seed + zlib.crc32(kind(items[0]).encode())
    return [item for number, item in enumerate(items, first) if number % min(share(item), len(items)) == 0]


def kind(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0].rpartition("/")[2]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept = [item for item in items if config.option.stress or not item.get_closest_marker("stress")]
    many = sorted((item for item in kept if item.get_closest_marker("sample")), key=kind)
    groups = {name: list(group) for name, group in itertools.groupby(many, kind)}
    kinds.update({name: min(share(group[0]), len(group)) for name, group in groups.items()})
    if sampled(config):
        day = {item for group in groups.values() for item in sample(group, config.option.seed)}
        getattr(config, "workeroutput", told)["sample"] = f"{len(day)} of {len(many)}"
        kept = [item for item in kept if item in day or not item.get_closest_marker("sample")]
    config.hook.pytest_deselected(items=list(set(items) - set(kept)))
    # Long groups begin first, so that nothing long is left when all else is done.
    items[:] = sorted(kept, key=lambda item: not item.get_closest_marker("xdist_group"))


def pytest_unconfigure(config: pytest.Config) -> None:
    """What Python has compiled of copies of this tree is of no use to anybody any more."""
    if sys.pycache_prefix and not hasattr(config, "workerinput") and not TOP.is_relative_to(tempfile.gettempdir()):
        shutil.rmtree(sys.pycache_prefix + tempfile.gettempdir(), ignore_errors=True)


@pytest.hookimpl(optionalhook=True)  # pytest-xdist's
def pytest_testnodedown(node: Any) -> None:
    told.update(getattr(node, "workeroutput", {}))


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> Iterator[None]:
    yield  # to be the last but pytest's own line
    if sampled(config):
        terminalreporter.line(f"sample {told.get('sample', 'of none')} (grader/kit/README), seed {config.option.seed}")


def git(tree: Path, *arguments: str) -> str:
    """Runs git in a tree of a test's own, whatever the user's configuration says."""
    command = ["git", "-c", "user.name=test", "-c", "user.email=test", "-c", "core.hooksPath=", "-c", "core.compression=0",
               *arguments]
    return subprocess.run(command, cwd=tree, check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def needed(program: Program) -> None:
    if not is_installed(program):
        pytest.skip(not_tried(f"{program.name} (package {program.package})"))


def need(tool: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(not_tried(tool))


def need_machine() -> None:
    """Another machine, with other files."""
    if why_no_machine():
        pytest.skip(why_no_machine())


def copy_built(target: Path) -> None:
    """The tree with the solution's stages built."""
    copy_tracked(TOP, target)
    built.lay_stages(built.solution(), target / "solution")


def copy_tracked(source: Path, target: Path) -> None:
    """Copies the files that git tracks, as they are now, committed or not."""
    names = [name for name in git(source, "ls-files", "-z").split("\0") if name and os.path.lexists(source / name)]
    target.mkdir(parents=True, exist_ok=True)
    words = ["xargs", "-0", "cp", "-P", "-p", "--parents", "-t", target]
    subprocess.run(words, cwd=source, input="\0".join(names), text=True, check=True)


@pytest.fixture
def top() -> Path:
    return TOP


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A fresh clone, as far as a program can tell: the tracked files of this tree, and no others."""
    tree = tmp_path / "ckptlab"
    copy_tracked(TOP, tree)
    git(tree, "init", "--quiet")
    objects = TOP / git(TOP, "rev-parse", "--git-path", "objects").strip()
    (tree / ".git/objects/info/alternates").write_text(f"{objects}\n")  # what is committed here is not written once more
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "test")
    return tree
