"""Cases for other courses' programs: nothing is known of their images, and little of their manners.

They run as the homework has it: the submission's programs, the program under test and the image are in one
folder, and that is the working directory. The processes may be children of what was started, the image may
have any name that fits a pattern, the program may end after its checkpoint, and anybody may print anything.
"""

from __future__ import annotations

import os
import re
import shutil
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from classic import evidence, images
from classic.watched import Watched, Way
from stage import maps
from stage.case import Case, Stamp, _GivenUp, steps
from stage.config import expand
from stage.failure import Failure, check
from stage.lab import Lab
from stage.oracle import EXIT, compare_symptoms, exit_status_of, expected_output
from stage.process import Life, exit_words, has_signal, wait_until
from stage.programs import NotLinked

NO_ASLR = ("setarch", "-R")  # the same addresses at each start
ADDR_NO_RANDOMIZE = 0x0040000
LARGEST = 64 << 20  # bytes of a program of the submission's
LONG_FOLDER = 80  # characters; programs with char filename[100] fail everything then

PROGRAM = "program"  # any program under test is called so where it runs

BEFORE, AFTER = steps(1, 5), steps(6, 12)


# What a program printed, among what others print

HASHED = re.compile(r" #[0-9a-f]{16}$")
PLAIN = re.compile(r"nonces(?: [0-9a-f]{16}){5}$|(?:step|gate|exit) \d+ #[0-9a-f]{16}$")


def said(life: Life, expected: Sequence[str] = ()) -> list[str]:
    """The lines of the program under test; others may print, too, and before them on the same line."""
    result = []
    for line in life.lines():
        plain = PLAIN.search(line)
        if plain:
            result.append(plain[0])
        elif HASHED.search(line):
            result.append(next((want for want in expected if line.endswith(want)), line))
    return result


def place_of(name: str) -> str:
    """The name of a case's folder: as long for each of them, or a path that does not fit would fail by a test's name."""
    return f"t{zlib.crc32(name.encode()) % 100000:05d}"


def link_by_name(lab: Lab, name: str) -> None:
    """For people: build/check/test_tls is there, too. (In a sandbox, what is the grader's is under that name.)"""
    if lab.place:
        return
    link = lab.results / name
    if link.is_symlink():
        link.unlink()
    shutil.rmtree(link, ignore_errors=True)  # of a grader before this one
    link.symlink_to(place_of(name))


@dataclass
class ClassicCase(Watched):
    """One test's folder, in which a submission is used as its own course would."""

    @staticmethod
    def make(lab: Lab, name: str, way: Way) -> ClassicCase:
        plain = Case.fresh(lab, name, place_of(name))
        link_by_name(lab, name)
        case = ClassicCase(lab, name, plain.folder, plain.kept, way=way)
        case.notes = [f"profile: {lab.interface.path.stem}"]
        if len(str(case.folder)) > LONG_FOLDER:
            case.notes.append(f"the program's path is long, for it lies in {case.folder}")
        case.through = [] if way.aslr else list(NO_ASLR)
        case.gdb_settings = ("set disable-randomization off",)
        with lab.runner.student():
            case.bring_programs()
        return case

    def bring_programs(self) -> None:
        """What the build made; copies, since a path in them may be relative to the working directory."""
        for path in sorted(self.lab.folder.iterdir()):
            inside = self.lab.folder in path.resolve().parents  # a link may point to what nobody should read
            if not inside or not path.is_file() or not (path.stat().st_mode & 0o100 or path.suffix == ".so"):
                continue
            if path.stat().st_size > LARGEST:
                self.notes.append(f"{path.name} is larger than {LARGEST >> 20} MiB: it was left out")
            else:
                shutil.copy(path, self.folder / path.name)

    # The program under test

    def program(self, name: str) -> Path:
        try:
            return self.lab.programs.get(name)
        except NotLinked as error:
            lines = [line for line in str(error).splitlines()[1:] if not line.startswith("collect2:")]
            said_by_linker = [f"the linker says: {line}" for line in lines[-4:]]
            message = f"{name} cannot be linked with the submission's library"
            raise Failure(message, "link: fails", *said_by_linker) from error

    def bring(self, name: str, place: Path | None = None) -> Path:
        """The program in the working directory, or at another place."""
        target, source = place or self.folder / PROGRAM, self.program(name)
        target.unlink(missing_ok=True)
        shutil.copy(source, target, follow_symlinks=False)
        self.steps.append(f"cp {source} {target.name if place is None else target}")
        return target

    def launch_command(self, words: list[str]) -> list[str]:
        """The first of the profile's commands whose program is there."""
        interface = self.lab.interface
        names = {"bin": self.lab.folder, "dir": self.lab.folder, "image": interface.image}
        commands = [expand(c, words, **names) for c in (interface.launch, *interface.launch_instead)]
        return next((c for c in commands if "/" not in c[0] or (self.folder / c[0]).exists()), commands[0])

    def begin(self, name: str, *arguments: object, place: Path | None = None) -> Life:
        """Start a program under test, and wait until it is at gate 1, ready for the signal."""
        path = self.bring(name, place)
        word = f"./{PROGRAM}" if place is None else str(path)
        words = [word, *(str(argument) for argument in arguments)]
        life = self.run("original", [*self.through, *self.launch_command(words)])
        life.wait_for_line("gate 01")
        interface, target = self.lab.interface, self.target(life, path)
        caught = [number for number in interface.signals if has_signal(target, "SigCgt", number)]
        number = caught[0] if caught else interface.signal
        if number != interface.signal:
            self.lab.interface = replace(interface, signal=number)
        if not caught:
            message = f"the program runs, but has no handler for signal {number}: the signal would kill it"
            raise Failure(message, "no handler", *life.symptoms())
        self.learn_gate(self.target(life))
        return life

    # Checkpoints

    def images(self) -> dict[Path, list[Stamp | None]]:
        """The files that may be images, and the folders with a file in them, as they are now."""
        found = sorted({path for pattern in self.lab.interface.images for path in self.folder.glob(pattern)})
        return {path: stamps for path in found if (stamps := images.stamps_of(path))}

    def signal_program(self, life: Life) -> None:
        pid, number, self.is_back = self.target(life), self.lab.interface.signal, False
        self.steps.append(f"kill -{number} PID   # of the program that {life.role} runs")
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass

    def checkpoint(self, life: Life, image: str = "", stopped: bool = False) -> Path:
        """Send the signal, and wait for a new image and the handler's end, or the program's."""
        before = self.images()
        self.maps_before = maps.read_maps(self.target(life))
        self.maps_first = self.maps_first or self.maps_before
        self.signal_program(life)
        gone = _GivenUp(self, life)

        def new() -> list[Path]:
            return [path for path, stamp in self.images().items() if stamp != before.get(path)]

        done = wait_until(lambda: bool(new() and self.handler_is_done(life)) or gone())
        self.ended = life.status
        self.image = next(iter(new()), None)
        if self.image is None:
            self.image = self.folder / self.lab.interface.image
            self.notes += evidence.of_checkpoint(self, life)
            self._no_image(life, self.image)
        if self.ended is None and not done:
            raise Failure("the handler does not return", "checkpoint: hangs while it writes", *life.symptoms())
        return self.image

    def saved(self, name: str, *arguments: object, place: Path | None = None) -> Life:
        """A program that was saved at gate 1, and is gone. The gate is still closed."""
        life = self.begin(name, *arguments, place=place)
        self.checkpoint(life)
        life.kill()
        return life

    # Restarts

    def restart_held(self) -> Life:
        """Restart the image; the program goes on to its gate, which is closed, and its maps are read."""
        assert self.image is not None
        life = self.restart(self.image)
        there: Callable[[], bool] = lambda: life.status is not None or self.at_gate(life)
        wait_until(there, None if self.gate_stack else 0.5)
        self.maps_after = maps.read_maps(self.target(life)) if life.status is None else []
        return life

    def check_tail(self, first: Life, second: Life, expected: Sequence[str], head: int) -> None:
        """The restarted program printed the rest, whatever its exit status is."""
        status = second.wait()
        got, tail = said(second, expected[head:]), list(expected[head:])
        if got == tail:
            return
        kind = second.role.split()[0]
        raise Failure(
            f"after the restart: {exit_words(status)}, and the output is not the rest",
            *compare_symptoms(expected[:head], tail, got),
            *[symptom.replace(second.role, kind, 1) for symptom in second.symptoms()],
            expected=tail,
            got=got or second.lines(),
        )

    def comes_back(
        self,
        name: str,
        *arguments: object,
        before: Sequence[str] = (),
        after: Sequence[str] = (),
        place: Path | None = None,
    ) -> Life:
        """Checkpoint at gate 1, kill, restart: the rest of the output must come out exactly."""
        self.started, self.texts = [name, *arguments], [*before, "gate 01", *after, EXIT]
        first = self.saved(name, *arguments, place=place)
        expected = expected_output(said(first)[0], self.texts)
        second = self.restart_held()
        self.open_gate(1)
        self.check_tail(first, second, expected, len(before) + 2)
        return second

    def counts(self, name: str = "bare", place: Path | None = None) -> Life:
        """One of the counters, 12 steps, checkpointed after step 5."""
        return self.comes_back(name + self.way.suffix, 12, 5, before=BEFORE, after=AFTER, place=place)

    @staticmethod
    def expected_status(life: Life) -> int | None:
        """The exit status that the restarted program said it would have."""
        lines = said(life)
        return exit_status_of([lines[-1]]) if lines else None

    def evidence(self, deep: bool) -> list[str]:
        symptoms = evidence.of_failure(self, deep)
        state = [line for line in symptoms if line.startswith("witness: state: ")]
        same = state and all(line.startswith(("witness: state: no diff", "witness: state: [v")) for line in state)
        return symptoms + (self.original_alone() if same else [])

    def original_alone(self) -> list[str]:
        """The same without a restart: does the original go on as it should, when its image is written?"""
        if not self.texts:
            return []
        case = ClassicCase.make(self.lab, f"{self.name}-original", self.way)
        name, *arguments = self.started
        try:
            life = case.begin(str(name), *arguments)
            case.checkpoint(life)
            if case.ended is not None:
                return [f"alone: the original ended at its checkpoint: {exit_words(case.ended)}"]
            case.open_gate(1)
            life.wait()
            expected = expected_output(said(life)[0], self.texts)
            got = said(life, expected)
        except (Failure, LookupError):
            return []
        finally:
            case.close()
        wrong = [] if got == expected else compare_symptoms([], expected[1:], got[1:])
        return [f"alone: the original goes on wrong: {line}" for line in wrong] or ["alone: the original goes on right"]


# Which way


class Ways:
    """Finds out, once for a submission, how its basic counter comes back."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._way: Way | None = None
        self._fixed: bool | None = None
        self._random: bool | None = None

    def _personality(self, *through: str) -> int:
        """What a program's personality is here: -1 if it cannot be set or seen."""
        case = ClassicCase.make(self.lab, "addresses", Way(True, "", ()))
        try:
            life = case.run("personality", [*through, "cat", "/proc/self/personality"])
            return int(life.text(), 16) if life.wait() == 0 else -1
        except (OSError, ValueError, Failure):
            return -1
        finally:
            case.close()
            with self.lab.runner.student():
                shutil.rmtree(case.folder, ignore_errors=True)

    def fixed_possible(self) -> bool:
        """Whether programs can be started with the same addresses each time."""
        if self._fixed is None:
            personality = self._personality(*NO_ASLR)
            self._fixed = personality > 0 and bool(personality & ADDR_NO_RANDOMIZE)
        return self._fixed

    def random_possible(self) -> bool:
        """Whether the kernel gives a program other addresses at each start."""
        if self._random is None:
            setting = Path("/proc/sys/kernel/randomize_va_space")
            off = setting.exists() and setting.read_text().strip() == "0"
            personality = self._personality()
            self._random = not off and not (personality > 0 and personality & ADDR_NO_RANDOMIZE)
        return self._random

    def restarts(self) -> list[tuple[str, ...]]:
        """The commands whose program is there."""
        interface, folder = self.lab.interface, self.lab.folder
        commands = [tuple(command) for command in (interface.restart, *interface.restart_instead)]
        return [c for c in commands if not c[0].startswith("./") or (folder / c[0]).exists()] or commands

    def all(self) -> list[Way]:
        """Without ASLR first: then nothing depends on luck."""
        modes = [False] if self.fixed_possible() else []
        modes += [True] if self.random_possible() or not modes else []
        return [Way(aslr, suffix, r) for suffix in ("", "-no-pie") for aslr in modes for r in self.restarts()]

    def best(self) -> Way:
        """The first that works; the very first if none does."""
        if self._way is None:
            ways = self.all()
            self._way = next((way for way in ways if self._works(way)), ways[0])
        return self._way

    def _works(self, way: Way) -> bool:
        case = ClassicCase.make(self.lab, "way", way)
        try:
            case.counts()
            return True
        except Failure:
            return False
        finally:
            case.close()

    def other(self, **changes: object) -> Way:
        return replace(self.best(), **changes)


def check_alive(life: Life) -> None:
    """The restarted program ended by itself, not by a signal."""
    status = life.status
    check(status is not None and status >= 0, f"it ended by {exit_words(status)}", *life.symptoms())
