"""A stage folder under grading, built, with the reference beside it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from stage import common_objects
from stage.config import GRADER, TOP, Interface, expand, load_interface
from stage.failure import printable
from stage.process import Life, wait_until
from stage.programs import Programs, locked
from stage.runner import Runner

STUDENT, REFERENCE = "student", "reference"


class BuildError(Exception):
    """The programs could not be built; the words are make's."""


def jobs() -> int:
    return len(os.sched_getaffinity(0))


def make_variables(flags: str) -> list[str]:
    """The words NAME=VALUE of MAKEFLAGS, as they stand there: make writes a blank in a value as `\\ `."""
    words = re.findall(r"(?:\\.|[^\s\\])+", flags)
    return [word for word in words if "=" in word and not word.startswith("-")]


def _clean_environment(make_flags: str) -> dict[str, str]:
    env = {k: v for k, v in os.environ.items() if k not in ("MAKELEVEL", "MFLAGS", "MAKEFLAGS")}
    words = make_variables(make_flags)
    if words:
        env["MAKEFLAGS"] = "-- " + " ".join(words)
    return env


def run_make(interface: Interface, folder: Path, keep_flags: bool, instead: Sequence[str] = ()) -> str:
    """Build a folder that can be trusted; returns what make and the compiler said."""
    flags = os.environ.get("MAKEFLAGS", "") if keep_flags else ""
    command = expand(list(instead) or interface.build, dir=folder, jobs=jobs())
    try:
        result = subprocess.run(
            command,
            env={**_clean_environment(flags), **(headers(interface) if instead else {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=interface.build_limit,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{shlex.join(command)}: took longer than {error.timeout} s") from error
    return _built(command, result.returncode, result.stdout + result.stderr)


def headers(interface: Interface, place: Path | None = None) -> dict[str, str]:
    """For the compiler, if a build has failed without: where a profile's own header files are. A sandbox, which may not
    read the kit, has a copy at `place`."""
    if interface.headers and place:
        shutil.copytree(interface.headers, place, dirs_exist_ok=True)
    return {"CPATH": str(place or interface.headers)} if interface.headers else {}


def make_reference(interface: Interface, folder: Path) -> None:
    """Build a stage of the solution, or all that stands alone. One at a time in a tree: they have objects in common."""
    with locked(common_objects.stages_beside(folder)[0] / "build" / ".lock"):
        common_objects.share(folder)
        run_make(interface, folder, keep_flags=False)


def _built(command: Sequence[str], status: int, text: str) -> str:
    if status != 0:
        raise BuildError(f"{shlex.join(command)}\n{telling_lines(text)}")
    return text


def telling_lines(text: str, most: int = 30) -> str:
    """A failed build's output from the first error on, without what make says of itself."""
    lines = [line for line in text.split("\n") if not line.startswith(("  CC ", "  LINK ", "make: Ent", "make: Leav"))]
    first = next((i for i, line in enumerate(lines) if re.search(r"error|No rule|\*\*\*", line)), 0)
    return "\n".join(lines[max(first - 1, 0) : first + most])


def is_binary(path: Path) -> bool:
    """An ELF file that is linked, or an archive."""
    if not path.is_file() or path.suffix == ".o":
        return False
    with path.open("rb") as file:
        return file.read(8).startswith((b"!<arch>\n", b"\x7fELF"))


class Lab:
    """A stage folder under grading; the `runner` starts its programs: in a sandbox, or as they are."""

    def __init__(
        self,
        stage: int,
        folder: Path,
        results: bool = True,
        interface: Interface | None = None,
        runner: Runner | None = None,
        variables: Sequence[str] = (),
    ) -> None:
        self.interface = interface or load_interface()
        self.stage = self.interface.stages[stage]
        self.folder = folder.resolve()
        self.variables = list(variables)
        self.runner = runner or Runner()
        self.place = place = self.runner.place
        self.results = Path(place.job) / f"c{stage}" if place else self.folder / "build" / "check"
        self.kept = Path(place.job) / "kept" / f"stage{stage}" if place else self.results
        self.programs = self._make_programs()
        if results:
            self._make_folders()
        self._reference: Path | None = Path(place.reference, self.stage.reference_place) if place else None
        self.warnings = 0
        self.remark = ""  # on the build, for people

    def _make_folders(self) -> None:
        with self.runner.student():
            self.results.mkdir(parents=True, exist_ok=True)
        self.kept.mkdir(parents=True, exist_ok=True)
        self.programs.make_folder()
        if self.programs.linked:
            with self.runner.student():
                self.programs.linked.mkdir(exist_ok=True)

    def _make_programs(self) -> Programs:
        """In a sandbox, the submission's library is linked there, too, in a folder of the submission's."""
        libraries = expand(self.interface.libraries, bin=self.folder, dir=self.folder)
        folder = self._programs_folder()
        if not libraries or not self.place:
            return Programs(folder, libraries, self.runner.grader)
        return Programs(folder, libraries, self.runner.grader, self._link_in_sandbox, self.results / "programs")

    def _programs_folder(self) -> Path:
        if self.place:
            return Path(self.place.programs)
        shared = GRADER / "build"
        alone = bool(self.interface.libraries) or not os.access(GRADER, os.W_OK)
        return self.results / "programs" if alone else shared / "programs"

    def build(self) -> str:
        """Build what is there; warnings are counted and do no harm. Of another course's submission nothing matters but
        that its programs are there: its `make` may run a demo, which crashes, or may have another target."""
        self.runner.thaw(self.folder)
        try:
            return self._build()
        finally:
            self.runner.freeze(self.tree)

    def _build(self) -> str:
        text = ""
        ways: list[list[str]] = [[], *self.interface.build_instead]
        for instead in ways:
            problem = None
            try:
                text = self._build_in_sandbox(instead) if self.place else run_make(self.interface, self.folder, True, instead)
            except BuildError as error:
                problem = error
            if not self.missing():
                break
        missing = self.missing()
        if problem is not None and (missing or not self.interface.is_profile):
            raise BuildError(f"{problem}{self._found() if self.interface.is_profile else ''}") from problem
        if missing:
            raise BuildError(f"{self.folder}: the build made no {missing[0]}{self._found()}\n{text}")
        if problem is not None:
            self.remark = "the build failed, but the programs are there: they are graded"
        self.warnings = text.count("warning:")
        return text

    def missing(self) -> list[str]:
        """The programs that a build must leave, and did not, under none of their names."""
        with self.runner.student():
            return [" or ".join(names) for names in self.stage.names if not any((self.folder / n).is_file() for n in names)]

    def _found(self) -> str:
        """Programs and libraries under other names, in words."""
        with self.runner.student():
            names = sorted(path.name for path in self.folder.iterdir() if not path.is_symlink() and is_binary(path))
        return f"\nbuilt, but under other names? these are there: {printable(', '.join(names[:20]))}" if names else ""

    def _build_in_sandbox(self, instead: list[str]) -> str:
        assert self.place
        command = expand(instead or self.interface.build, dir=self.folder, jobs=2)
        earlier = Path(self.place.reference, "earlier", str(self.stage.number))
        words = [*self.variables, *([f"REFERENCE_DIR={earlier}"] if self.variables else [])]
        env = {"MAKEFLAGS": "-- " + " ".join(words)} if words else {}
        with self.runner.grader():
            env.update(headers(self.interface, self.programs.folder / "headers") if instead else {})
        readable = [self.tree, *([self.programs.folder] if instead else [])]
        readable += [earlier] if "REFERENCE=1" in words else []
        return _built(command, *self.run_tool("make", command, self.folder, env, readable))

    def _link_in_sandbox(self, command: Sequence[str], folder: Path) -> tuple[int, str]:
        try:
            return self.run_tool("link", command, folder, {}, [self.tree, self.programs.folder])
        except BuildError as error:
            return 1, str(error)

    def run_tool(
        self, role: str, command: Sequence[str], folder: Path, env: dict[str, str], readable: Sequence[Path]
    ) -> tuple[int, str]:
        """A compiler or the like, which reads what the submission wrote: its exit status and its words."""
        life = Life(role, command, folder, env, self.runner, self.kept, readable)
        ended = wait_until(lambda: life.status is not None, self.interface.build_limit)
        life.kill()
        if not ended:
            raise BuildError(f"{shlex.join(command)}: took longer than {self.interface.build_limit:g} s")
        if self.runner.symptoms():
            raise BuildError("\n".join([shlex.join(command), *self.runner.symptoms()]))
        return life.status or 0, printable(life.text() + life.messages())

    @property
    def tree(self) -> Path:
        """All of the submission: the folder in which the stages are, or the stage's own."""
        depth = len(Path(self.stage.folder).parts)
        return self.folder.parents[depth - 1] if depth else self.folder

    def reference(self) -> Path:
        """The folder of the reference's programs, built when first asked for."""
        if self._reference is None:
            self._reference = self._build_reference()
        return self._reference

    def use_reference(self, folder: Path) -> None:
        """It is built already."""
        self._reference = folder

    def _build_reference(self) -> Path:
        other = os.environ.get("CKPTLAB_REFERENCE")
        names = self.interface.reference_of(self.stage)
        for folder in [Path(other)] if other else [TOP / name for name in names]:
            if folder.resolve() == self.folder:
                return folder
            if (folder / "Makefile").exists():
                make_reference(self.interface, folder)
                return folder
        raise BuildError(f"no reference in {' or '.join(names)} under {TOP}")

    def bin(self, who: str) -> Path:
        return self.folder if who == STUDENT else self.reference()

    def readable(self, command: Sequence[str | Path]) -> list[Path]:
        """What a sandboxed program may read besides its own folder: of the reference, no more than is run or mapped."""
        if not self.place:
            return []
        if self.interface.is_profile:
            return [self.tree, self.programs.folder]
        reference = self.reference()
        used = [path for path in map(Path, command) if path.parent == reference]
        library = [path for path in [reference / self.interface.library] if path.exists()]
        return [self.folder, self.programs.folder, *used, *library]

    def sibling(self, stage: int) -> Path:
        """The folder of another stage, beside the one under grading."""
        return self.folder.parent / self.interface.stages[stage].folder
