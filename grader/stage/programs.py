"""Builds the programs under test (grader/tests/programs), each when it is first needed."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Optional, TextIO

from stage.config import GRADER

Linker = Callable[[Sequence[str], Path], tuple[int, str]]  # runs a command in a folder; its status and its words

SOURCES = GRADER / "tests" / "programs"
NO_PLUGIN = ["-fno-lto", "-fno-use-linker-plugin"]
FLAGS = ["-O1", "-g", "-Wall", "-Wextra"]


class NotLinked(Exception):
    """A program under test cannot be linked with the submission's library."""


@dataclass(frozen=True)
class Recipe:
    source: str
    flags: list[str] = field(default_factory=list)
    compiler: str = "gcc"
    extra: list[str] = field(default_factory=list)
    alone: bool = False  # without program.c


def _counter(*flags: str, compiler: str = "gcc") -> Recipe:
    return Recipe("counter.c", list(flags), compiler)


RECIPES: dict[str, Recipe] = {
    "bare": _counter("-DBARE", "-fno-stack-protector"),
    "counter": _counter(),
    "counter-usleep": _counter("-DSLEEPS", "-fstack-protector-all"),
    "counter-stdio": _counter("-DSTDIO", "-fstack-protector-all"),
    "counter-clock": _counter("-DCLOCK", "-fstack-protector-all"),
    "counter-no-pie": _counter("-no-pie", "-fno-pie"),
    "counter-static": _counter("-static"),
    "counter-clang": _counter("-fstack-protector-all", compiler="clang"),
    "counter-clang-no-pie": _counter("-no-pie", "-fno-pie", compiler="clang"),
    "counter-static-pie": _counter("-static-pie"),
    "bare-canary": _counter("-DBARE", "-fstack-protector-all"),
    "bare-clock": _counter("-DBARE", "-DCLOCK", "-fno-stack-protector"),
    "bare-regions": Recipe("regions.c", ["-DBARE", "-fno-stack-protector"]),
    "memory": Recipe("memory.c", ["-DBARE", "-fno-stack-protector"]),
    "fence": Recipe("fence.c", ["-DBARE", "-fno-stack-protector"]),
    "counting": Recipe("counting.c", alone=True),
    "primes": Recipe("primes.c", alone=True),
    "shortio": Recipe("shortio.c", alone=True),
    "onterminal": Recipe("onterminal.c", alone=True),
    "olderkernel": Recipe("olderkernel.c", alone=True),
    "registers": Recipe("registers.c", extra=["registers.S"]),
    "fpenv": Recipe("fpenv.c", ["-lm"]),
    "redzone": Recipe("redzone.c", extra=["redzone.S"]),
    "compute": Recipe("compute.c", ["-lm"]),
    "corestate": Recipe("corestate.c", ["-ldl"]),
    "plugin": Recipe("plugin.c", ["-shared", "-fPIC"], alone=True),
    "plugin-other": Recipe("plugin.c", ["-shared", "-fPIC", "-DANSWER=43"], alone=True),
    "fprintf": Recipe("fprintf.c", alone=True),
    "linklist": Recipe("linklist.c", ["-O0"], alone=True),
    "mappings-asan": Recipe("mappings.c", ["-fsanitize=address"], compiler="clang"),
    "witness": Recipe("witness.c", alone=True),
    "threads": Recipe("threads.c", ["-pthread"]),
}


def recipe(name: str) -> Recipe:
    """counter-at-ADDRESS is linked there; NAME-no-pie is NAME, not position-independent; a name without a
    recipe is its source's."""
    if name.startswith("counter-at-"):
        address = name[len("counter-at-") :]
        return _counter("-no-pie", "-fno-pie", f"-Wl,-Ttext-segment={address}")
    if name not in RECIPES and name.endswith("-no-pie"):
        how = recipe(name[: -len("-no-pie")])
        return replace(how, flags=[*how.flags, "-no-pie", "-fno-pie"])
    return RECIPES.get(name) or Recipe(f"{name}.c")


def compilers() -> list[str]:
    return [name for name in ("gcc", "clang") if shutil.which(name)]


class Programs:
    """The programs in a folder of their own, where they stay from run to run; only `grader` may write there.

    `libraries` are words for the linker, as a profile has them: a submission's own libckpt.a. With a `linker`, which
    is in a sandbox, nothing of the submission is read here: our sources become one object, and the linker makes the
    program of it, in `linked`, a folder of the submission's.
    """

    def __init__(
        self,
        folder: Path,
        libraries: Sequence[str] = (),
        grader: Callable[[], AbstractContextManager[None]] = nullcontext,
        linker: Optional[Linker] = None,
        linked: Optional[Path] = None,
    ) -> None:
        self.folder = folder
        self.libraries = list(libraries)
        self.grader = grader
        self.linker, self.linked = linker, linked
        self._linked: dict[str, Path] = {}

    def make_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def get(self, name: str) -> Path:
        how = recipe(name)
        if self.linker and self.linked:
            return self._get_linked(name, how, self.linker, self.linked)
        return self._made(name, lambda target: self._build(how, self._sources(how), target, self._their_words(how)))

    def tool(self, name: str) -> Path:
        """A program that is no program under test: nothing of a submission is in it."""
        how = recipe(name)
        return self._made(name, lambda target: self._build(how, self._sources(how), target, []))

    def _get_linked(self, name: str, how: Recipe, linker: Linker, folder: Path) -> Path:
        """Linked once for each grading; what lies there else may be anything."""
        if name not in self._linked:
            flags = [flag for flag in how.flags if flag[:2] not in ("-l", "-W") and flag != "-static"]
            whole = replace(how, flags=[*flags, "-r"])
            made = self._made(f"{name}.o", lambda target: self._build(whole, self._sources(how), target, []))
            command = self._command(how, [str(made)], folder / name, self._their_words(how))
            status, words = linker(command, folder)
            if status != 0:
                raise NotLinked(f"{' '.join(command)}\n{words}")
            self._linked[name] = folder / name
        return self._linked[name]

    def source(self, name: str) -> Path:
        """A source of ours that is compiled together with a student's objects, where a sandbox can read it."""
        return self._made(name, lambda target: shutil.copyfile(SOURCES / name, target))

    def _made(self, name: str, make: Callable[[Path], object]) -> Path:
        target = self.folder / name
        with self.grader():
            if not self._is_fresh(target):
                with locked(self.folder / ".lock"):
                    if not self._is_fresh(target):  # a grader beside this one may have built it meanwhile
                        make(target)
        return target

    @staticmethod
    def _sources(how: Recipe) -> list[str]:
        return [how.source, *how.extra, *([] if how.alone else ["program.c"])]

    @staticmethod
    def _compiler(how: Recipe) -> str:
        return how.compiler if shutil.which(how.compiler) else "cc"

    def _command(self, how: Recipe, sources: list[str], target: Path, libraries: list[str]) -> list[str]:
        flags = [flag for flag in how.flags if not flag.startswith("-l")]
        last = [flag for flag in how.flags if flag.startswith("-l")]
        return [self._compiler(how), *FLAGS, *flags, *sources, "-o", str(target), *libraries, *last]

    def _build(self, how: Recipe, sources: list[str], target: Path, libraries: list[str]) -> None:
        """Each source alone, by its name in its folder: a cache of compilers' work then has it for all copies of the kit.

        With -MD, the list of its headers, such a cache need not run the preprocessor first.
        """
        part = target.with_name(f".{target.name}.{os.getpid()}")
        alone = replace(how, flags=[flag for flag in how.flags if not _is_for_the_linker(flag)])
        with tempfile.TemporaryDirectory() as folder:
            objects = [f"{folder}/{source}.o" for source in sources]
            for source, made in zip(sources, objects):
                _run(self._command(alone, ["-MD", "-c", source], Path(made), []), RuntimeError)
            _run(self._command(how, objects, part, libraries), NotLinked if libraries else RuntimeError)
        part.rename(target)

    def _their_words(self, how: Recipe) -> list[str]:
        """The words for the linker; a file among them must be what it seems.

        A linker takes a text for a script, which can put any file of this machine into the program; a thin archive
        and a link name other files, too. And no compiler plugin runs for objects that ask for one.
        """
        for word in self.libraries:
            if word.startswith("/") and not _is_object(Path(word)):
                raise NotLinked(f"\n{Path(word).name} is no archive and no object file")
        return [*self.libraries, *(NO_PLUGIN if self.libraries and self._compiler(how) == "gcc" else [])]

    def _is_fresh(self, target: Path) -> bool:
        libraries = [] if self.linker else self.libraries
        newest = max(_newest_source(), *(Path(word).stat().st_mtime for word in libraries if word.startswith("/")), 0.0)
        return target.exists() and target.stat().st_mtime >= newest


def _is_for_the_linker(flag: str) -> bool:
    return flag in ("-shared", "-r") or flag.startswith(("-l", "-Wl,"))


def _run(command: Sequence[str], error: type[Exception]) -> None:
    result = subprocess.run(command, cwd=SOURCES, capture_output=True, text=True, errors="replace", check=False)
    if result.returncode != 0:
        raise error(f"{' '.join(command)}\n{result.stderr}")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Two graders must not build the same thing at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_lock(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def open_lock(path: Path) -> TextIO:
    """Nobody else may read it: who can open a file can lock it, and make all others wait."""
    file = path.open("w")
    os.fchmod(file.fileno(), 0o600)
    return file


def _is_object(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(8).startswith((b"!<arch>\n", b"\x7fELF"))


@functools.lru_cache(maxsize=None)
def _newest_source() -> float:
    return max(path.stat().st_mtime for path in SOURCES.iterdir())
