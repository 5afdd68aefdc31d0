"""Where the fault is: the test that failed is run again with the reference's objects in place of the student's.

A stage is built of object files, and the reference's are here. All of the reference's: then the test must pass, else this
search can say nothing. One of them in place of the student's, and it passes: the fault is in that file. Only linked for
that; where the solution's source is, too, the functions of the file that was found are compiled, one by one. All in a copy
of the student's tree, after the verdict, and for no points. Where the submission has rights of its own, all that is done
in that copy is done with those: it can hold anything, links that lead out, too.

    unbegun     first all files with steps that are not begun, together: is it only that?
    one         then the others with steps, one by one: first the step which the test, or its cause, names
    several     all at once, and then the student's back, one by one, as long as the test passes
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NoReturn, Optional

from stage import functions
from stage.config import TOP
from stage.image import BadImage, open_plain
from stage.lab import BuildError, Lab
from stage.process import patience

STEPS = Path(__file__).with_name("steps.json")  # made by handout/skeleton.py
SOLUTION = TOP / "solution"  # not in a hand-out
LUCK = "run again, the test passed: it depends on luck"
MAKERS = "stub_"  # of stage 6's stub_gen: a new one would write sources anew, and make compile what needs them
NOT_WRITTEN = "is not written yet"
TIMES = 3  # an answer must come so often: some tests pass by luck
NOT_COPIED = shutil.ignore_patterns("check", "*.tmp", ".git")
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
LARGEST, MOST = 8 << 20, 64 << 20  # bytes of a file, and of all files, that are copied

Files = frozenset[str]
Grade = Callable[[Path, str, Path], object]  # runs one test of a stage's folder, and writes the results as JSON


@dataclass(frozen=True)
class Step:
    number: str
    file: str  # stageN-.../FILE
    function: str
    unbegun: str  # its text in the skeleton, without comments and blanks

    @property
    def order(self) -> tuple[int, ...]:
        return tuple(map(int, self.number.split(".")))

    def __str__(self) -> str:
        return f"{self.function}() (step {self.number})" if self.function else f"step {self.number}"


@dataclass(frozen=True)
class Where:
    """What was found out: `words` for people, the steps in which the fault can be, and how it was found."""

    words: str = ""
    steps: tuple[str, ...] = ()
    how: str = ""


@lru_cache(maxsize=1)
def all_steps() -> list[Step]:
    return [Step(row["step"], row["file"], row["function"], row["unbegun"]) for row in json.loads(STEPS.read_text())]


class OutOfTime(Exception):
    """The budget is spent."""


@dataclass
class Bench:
    """A copy of the student's tree, with the reference's objects for some of the files."""

    lab: Lab
    test: str
    tree: Path
    table: Path  # the results, where no submission comes
    deadline: float
    grade: Grade
    swapped: Files = frozenset()
    patience: float = 0.0  # seconds; 0: the grader's own
    tried: int = 0
    compiled: Files = frozenset()  # by make, from a text that is not the student's
    stale: Files = frozenset()  # what was left of that in build/

    @property
    def stage(self) -> Path:
        return self.tree / self.lab.folder.name

    @cached_property
    def objects(self) -> Files:
        """Those of the stage which the reference has, too, made of the same file."""
        with self.lab.runner.grader():
            theirs = {path.name for path in (self.lab.reference() / "build").glob("*.o")}
        return frozenset(path.name for path in (self.stage / "build").glob("*.o")
                         if path.name in theirs and not path.name.startswith(MAKERS)
                         and not self._is_a_later_stages(path.stem))

    def _is_a_later_stages(self, name: str) -> bool:
        """One reference serves stages 1 to 3: what a later stage has under this name may be the reference's."""
        with self.lab.runner.grader():
            files = [path.parent.name for path in TOP.glob(f"stage[0-9]*-*/{name}.c")]
        return not self.lab.stage.reference and any(folder > self.stage.name for folder in files)

    def passes(self, swapped: Files) -> bool:
        """Whether the test passes with the reference's objects in place of these."""
        if time.monotonic() > self.deadline:
            raise OutOfTime
        with self._build_folder() as folder:
            others = (swapped ^ self.swapped) | self.compiled | self.stale
            for name in others:
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)
            for name in others - self.compiled:
                put_new(name, folder, self._object(name, name in swapped))  # make links it
        self.swapped, self.stale = swapped, self.compiled
        self.tried += 1
        return self._outcome() == "passed"

    @contextmanager
    def _build_folder(self) -> Iterator[int]:
        """Step by step, and no link among them: what make runs of a submission's may have put one there."""
        stage = os.open(self.stage, FOLDER)
        try:
            build = os.open("build", FOLDER, dir_fd=stage)
        finally:
            os.close(stage)
        try:
            yield build
        finally:
            os.close(build)

    def _object(self, name: str, reference: bool) -> bytes:
        if not reference:
            return read_plain(self.lab.folder / "build" / name)
        with self.lab.runner.grader():
            return (self.lab.reference() / "build" / name).read_bytes()

    def _outcome(self) -> str:
        """Of the one test; "" if it cannot be built so. In a child of ours: all that it needs is loaded here already."""
        with self.lab.runner.grader():
            return self._graded()

    def _graded(self) -> str:
        table = self.table
        table.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            self._grade(table)
        try:
            os.waitpid(child, 0)
        except BaseException:  # Ctrl-C: the child has it, too, if it was typed
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise
        rows = json.loads(table.read_text())["tests"] if table.exists() else []
        return str(rows[0]["outcome"]) if rows else ""

    def _grade(self, table: Path) -> NoReturn:
        try:
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in range(3):
                os.dup2(null, descriptor)
            patience.seconds = self.patience or patience.seconds
            self.grade(self.stage, self.test, table)
        finally:
            os._exit(0)

    def ctags(self, words: Sequence[str]) -> str:
        """It reads what a submission wrote: where there is a sandbox, in that."""
        if self.lab.place is None:
            return functions.plainly(words)
        with self.lab.runner.grader():
            return self.lab.run_tool("ctags", words, self.stage, {}, [self.tree])[1]

    @contextmanager
    def with_text(self, file: str, text: str, objects: Files) -> Iterator[None]:
        """The student's file with another text; make compiles what is made of it."""
        path = self.tree / file
        own = read_plain(path)
        self._replace(path, text.encode(errors="surrogateescape"))
        self.compiled = objects
        yield
        self._replace(path, own)
        self.compiled = frozenset()

    @staticmethod
    def _replace(path: Path, data: bytes) -> None:
        folder = os.open(path.parent, FOLDER)
        try:
            os.unlink(path.name, dir_fd=folder)
            put_new(path.name, folder, data)
        finally:
            os.close(folder)

    def surely_passes(self, swapped: Files) -> bool:
        return all(self.passes(swapped) for _ in range(TIMES))


def put_new(name: str, folder: int, data: bytes) -> None:
    """A file that was not there, in a folder that is open."""
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=folder)
    with open(fd, "wb") as file:
        file.write(data)


def read_plain(path: Path) -> bytes:
    with open_plain(path) as file:
        return file.read(LARGEST)


class Copying:
    """Copies regular files, as many bytes as may be; what else there is does not come along."""

    def __init__(self) -> None:
        self.room = MOST

    def __call__(self, source: str, target: str) -> None:
        with suppress(BadImage), open_plain(Path(source)) as file:
            status = os.fstat(file.fileno())
            if status.st_size <= min(self.room, LARGEST):
                self.room -= status.st_size
                Path(target).write_bytes(file.read(LARGEST))
                os.chmod(target, stat.S_IMODE(status.st_mode) & 0o777)
                os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


@contextmanager
def copy_of(lab: Lab) -> Iterator[Path]:
    """The stages of the student's tree, as built; what they need of the kit lies beside them."""
    with lab.runner.student():
        tree = Path(tempfile.mkdtemp(prefix="ckptlab-where-") if lab.place is None else tempfile.mkdtemp("", "", f"{lab.place.job}/w"))
        copying = Copying()
        try:
            for folder in sorted({lab.folder, *(path for path in lab.folder.parent.glob("stage[0-9]*-*") if path.is_dir())}):
                shutil.copytree(folder, tree / folder.name, symlinks=True, ignore=NOT_COPIED, copy_function=copying)
            for name in ("grader", "reference", "solution") if lab.place is None else ():
                if (TOP / name).exists() and not (tree / name).exists():
                    (tree / name).symlink_to(TOP / name)
            yield tree
        finally:
            shutil.rmtree(tree, ignore_errors=True)


def is_unbegun(step: Step, tree: Path) -> bool:
    """Whether the student's file still has the skeleton's text of it."""
    path = tree / step.file
    return path.is_file() and step.unbegun in functions.squeezed(read_plain(path).decode(errors="replace"))


def objects_of(file: str, bench: Bench) -> Files:
    """Those that are made of a file: of a header, all that include it."""
    name = Path(file).name
    if name.endswith(".c"):
        return frozenset([name[:-2] + ".o"]) & bench.objects
    paths = [path for path in (bench.stage / "build").glob("*.d") if path.is_file() and not path.is_symlink()]
    lists = {path.stem + ".o": read_plain(path).decode(errors="replace") for path in paths}
    return frozenset(user for user, text in lists.items() if f"/{name}" in text or f" {name}" in text) & bench.objects


class Search:
    """One search: for the file, or the files, with which the test passes."""

    def __init__(self, bench: Bench, likely: Sequence[str]) -> None:
        self.bench, self.likely = bench, likely
        number = bench.lab.stage.number
        self.made = {file: objects_of(file, bench) for file in {step.file for step in all_steps()}}
        self.steps = [step for step in all_steps() if step.order[0] <= number and self.made[step.file]]
        self.unbegun = [step for step in self.steps if is_unbegun(step, bench.tree)]
        self.written = [step for step in self.steps if step not in self.unbegun]

    def find(self) -> Where:
        if self.bench.passes(frozenset()):
            return Where(how=LUCK)
        started = time.monotonic()
        if not self.bench.passes(self.bench.objects):
            return Where(how="the test fails with the reference's objects, too: no file can be singled out (a header? a Makefile?)")
        self.bench.patience = max(2.0, 2 * (time.monotonic() - started))
        return self._unbegun() or self._one() or self._several()

    def _objects(self, steps: Iterable[Step]) -> Files:
        return frozenset().union(*(self.made[step.file] for step in steps))

    def _unbegun(self) -> Optional[Where]:
        """The fewest of them: the one that the test asks for, those of this stage, or all."""
        alone = [step for step in self.unbegun if step.number in self.likely]
        own = [step for step in self.unbegun if step.order[0] == self.bench.lab.stage.number]
        tried: list[list[Step]] = [[]]
        for steps in (alone, own, self.unbegun):
            if steps not in tried and self.bench.surely_passes(self._objects(steps)):
                return self._not_begun(steps)
            tried.append(steps)
        return None

    def _not_begun(self, steps: Sequence[Step]) -> Where:
        """The first is what there is to do; others come behind it."""
        first, *others = sorted(steps, key=lambda step: step.order)
        how = f"with the reference's {' '.join(sorted(self._objects(steps)))} in place of yours the test passes"
        rest = f"; not written yet either: {', '.join(dict.fromkeys(step.number for step in others))}" if others else ""
        return Where(f"{self._words(first.file, [first])} {NOT_WRITTEN}", (first.number,), f"{how} ({TIMES} of {TIMES}){rest}")

    def _by_likelihood(self) -> list[str]:
        """The files of written steps: likely steps first, then those nearest to the test's."""
        aim = max((step.order for step in all_steps() if step.number in self.likely), default=(0, 0))

        def rank(step: Step) -> tuple[object, ...]:
            users = step.file.endswith(".h")  # they are many files, and the fault may be in one of them
            named = self.likely.index(step.number) if step.number in self.likely else len(self.likely)
            return users, named, step.order > aim, tuple(-n for n in step.order)

        return list(dict.fromkeys(step.file for step in sorted(self.written, key=rank)))

    def _in_files(self, files: Sequence[str]) -> list[Step]:
        return [step for step in self.steps if step.file in files]

    def _one(self) -> Optional[Where]:
        """The likeliest step alone, or its file; then, if it is one file, always half of those that are left."""
        files = self._by_likelihood()
        likely = next((number for number in self.likely if any(step.number == number for step in self.written)), "")
        found = next((step for step in self.written if step.number == likely and self._is_function(step)), None)
        if found is not None:
            return self._answer([found], "function")
        return self._alone(files[:1]) or self._alone(self._halved(files[1:]))

    def _halved(self, files: list[str]) -> list[str]:
        while len(files) > 1:
            half = files[: len(files) // 2]
            files = half if self.bench.passes(self._with_unbegun(half)) else files[len(half) :]
        return files

    def _alone(self, files: Sequence[str]) -> Optional[Where]:
        if not files or not self.bench.surely_passes(self._with_unbegun(files)):
            return None
        steps = self._in_files(files)
        found = next((step for step in steps if self._is_function(step)), None)
        if found is None and files[0].endswith(".h") and self._has_sources():
            return None  # the objects that include it have other code as well
        return self._answer([found] if found else steps, "function" if found else "alone")

    def _is_function(self, step: Step) -> bool:
        """Where the solution's source is: does the test pass with the solution's text of this function?"""
        path = self.bench.tree / step.file
        with self.bench.lab.runner.grader():
            ours = functions.function_in(SOLUTION / step.file, step.function)
        lines = functions.lines_of(path, step.function, self.bench.ctags) if ours else None
        text = functions.with_lines(read_plain(path).decode(errors="surrogateescape"), lines, ours)
        if text is None:
            return False
        objects = self.made[step.file]
        with self.bench.with_text(step.file, text, objects):
            return self.bench.surely_passes(self._objects(self.unbegun) - objects)

    def _has_sources(self) -> bool:
        with self.bench.lab.runner.grader():
            return SOLUTION.exists()

    def _with_unbegun(self, files: Sequence[str]) -> Files:
        return self._objects([*self.unbegun, *self._in_files(files)])

    def _several(self) -> Where:
        """All files, and the student's back one by one; the least likely first."""
        files = list(dict.fromkeys([*self._by_likelihood(), *(step.file for step in self.unbegun)]))
        if not self.bench.surely_passes(self._objects(self.steps)):
            return Where(how="it passes with all of the reference's objects, but not with those of the steps' files alone: "
                             "is a file changed that was given to you?")
        for file in reversed(files[:]):
            rest = [other for other in files if other != file]
            if rest and self.bench.surely_passes(self._objects(self._in_files(rest))):
                files = rest
        return self._answer(self._in_files(files), "together")

    def _answer(self, steps: Sequence[Step], kind: str) -> Where:
        files = list(dict.fromkeys(step.file for step in steps))
        words = "; ".join(self._words(file, [step for step in steps if step.file == file]) for file in files)
        objects = f"{steps[0].function}()" if kind == "function" else " ".join(sorted(self._objects(steps)))
        how = f"with the reference's {objects} in place of yours the test passes ({TIMES} of {TIMES}), else it fails"
        if self.unbegun and kind != "together":
            how += "; steps that are not begun were the reference's each time"
        return Where(words, tuple(dict.fromkeys(step.number for step in steps)), how)

    @staticmethod
    def _words(file: str, steps: Sequence[Step]) -> str:
        return f"{Path(file).name}, {' or '.join(map(str, steps))}"


def search(lab: Lab, test: str, likely: Sequence[str], seconds: float, grade: Grade) -> Where:
    """Where the fault is that fails this test; at most about so many seconds."""
    all_steps()  # they are read with the grader's rights
    try:
        if lab.reference().resolve() == lab.folder:
            return Where()
        with tempfile.TemporaryDirectory(prefix="ckptlab-where-") as ours, copy_of(lab) as tree:
            bench = Bench(lab, test, tree, Path(ours) / "table.json", time.monotonic() + seconds, grade)
            try:
                return Search(bench, likely).find()
            except OutOfTime:
                return Where(how=f"not found in {seconds:g} s, and {bench.tried} runs")
    except KeyboardInterrupt:
        return Where(how="not found: interrupted")
    except (BuildError, BadImage, OSError) as error:
        return Where(how=f"not searched: {str(error).splitlines()[0]}")
