"""A case: one test's own folder, the processes that it started, and what was seen, for the diagnosis."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stage import maps
from stage.config import expand
from stage.failure import Failure, check, check_equal
from stage.folders import files_below
from stage.image import BadImage, Image, open_plain
from stage.lab import REFERENCE, STUDENT, Lab
from stage.genuine import Restarter
from stage.looks import Looks
from stage.oracle import EXIT, compare_symptoms, exit_status_of, expected_output
from stage.process import Life, exit_words, has_signal, patience, status_field, wait_until
from stage.runner import AtEnd


@dataclass(frozen=True)
class Stamp:
    """What tells one version of a file from the next."""

    inode: int
    size: int
    changed: int

    @staticmethod
    def of(path: Path) -> Stamp | None:
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
        return Stamp(status.st_ino, status.st_size, status.st_mtime_ns)


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Keeps a file open while it is replaced: else the next one but one may have its inode, and so its stamp."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(BadImage, OSError):
            stack.enter_context(open_plain(path))
        yield


def check_plain(path: Path) -> None:
    try:
        open_plain(path).close()
    except (BadImage, OSError) as error:
        raise Failure(f"{path.name}: {error}", "image: not an ELF file") from error


class _GivenUp:
    """True once no image can come any more: the process ended, or has long been out of its handler."""

    SECONDS = 1.0

    def __init__(self, case: Case, life: Life) -> None:
        self.case, self.life = case, life
        self.since = 0.0

    def __call__(self) -> bool:
        if self.life.status is not None:
            return True
        now = time.monotonic()
        if not self.case.handler_is_done(self.life):
            self.since = now
        self.since = self.since or now
        return now - self.since > self.SECONDS


@dataclass
class Case:
    """One test's folder and processes."""

    lab: Lab
    name: str
    folder: Path  # where its programs work; in a sandbox, all that they can write to
    kept: Path  # what is the grader's alone: outputs, gates, notes; without a sandbox, the same folder
    lives: list[Life] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    maps_before: list[maps.Region] = field(default_factory=list)
    image: Path | None = None
    image_by: str = ""
    stamps: dict[str, tuple[Path, Stamp | None]] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    through: list[str] = field(default_factory=list)  # a program that runs ckpt and restart
    gdb_settings: Sequence[str] = ()  # for gdb, before it runs a restart again
    beside: list[Path] = field(default_factory=list)  # more that its programs may read, in a sandbox
    under_test: dict[str, Path] = field(default_factory=dict)  # by the life's role

    def __post_init__(self) -> None:
        self.looks = Looks(self.lab.runner, self.kept / "gates")

    @staticmethod
    def fresh(lab: Lab, name: str, place: str = "") -> Case:
        """With empty folders; the one where its programs work may be called otherwise than the test: `place`."""
        folder, kept = lab.results / (place or name), lab.kept / name
        kept = kept if lab.place else folder
        lab.runner.begin_case(folder)
        with lab.runner.student():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        with lab.runner.grader():
            if kept != folder:
                shutil.rmtree(kept, ignore_errors=True)
            (kept / "gates").mkdir(parents=True)
        return Case(lab, name, folder, kept)

    # Starting programs

    def program(self, name: str) -> Path:
        return self.lab.programs.get(name)

    def run(self, role: str, command: Sequence[str | Path], env: dict[str, str] | None = None,
            at_end: AtEnd | None = None) -> Life:
        """Start a command in this case's folder."""
        env = {"CKPTLAB_GATES": str(self.kept / "gates"), **(env or {})}
        life = self.aside(self._unused(role), command, env, at_end)
        self.lives.append(life)
        self.steps.append(f"{life.shell()} <&- >{life.stdout.name} 2>{life.stderr.name} &")
        return life

    def aside(self, role: str, command: Sequence[str | Path], env: dict[str, str] | None = None,
              at_end: AtEnd | None = None) -> Life:
        """Start a command that is no part of the case, but looks at what came of it."""
        readable = [self.kept / "gates", *self.beside, *self.lab.readable(command)]
        return Life(role, command, self.folder, env, self.lab.runner, self.kept, readable, at_end)

    def output_of(self, command: Sequence[str | Path], env: dict[str, str] | None = None, limit: float = 10) -> str:
        """What such a command says; "" if it does not end in time."""
        try:
            life = self.aside(f".{Path(command[0]).name}", command, env)
        except OSError:
            return ""
        ended = wait_until(lambda: life.status is not None, limit)
        life.kill()
        return life.text() + life.messages() if ended else ""

    def keep(self, name: str, text: str) -> None:
        """Leaves a text with the case; it may hold bytes that are not UTF-8."""
        with self.lab.runner.grader():
            (self.kept / name).write_text(text, encoding="utf-8", errors="surrogateescape")

    def _unused(self, role: str) -> str:
        taken = {life.role for life in self.lives}
        if role not in taken:
            return role
        return next(f"{role} {i}" for i in range(2, 10000) if f"{role} {i}" not in taken)

    def start(
        self,
        program: str | Path,
        *arguments: object,
        ckpt: str = STUDENT,
        image: str = "image",
        env: dict[str, str] | None = None,
    ) -> Life:
        """Start a program under test with ckpt, and wait for nothing."""
        path = self.program(program) if isinstance(program, str) else program
        self.image_by = ckpt
        words = [str(path), *(str(argument) for argument in arguments)]
        launch = self.lab.interface.launch
        command = expand(launch, words, bin=self.lab.bin(ckpt), image=self.folder / image)
        life = self.run("original", [*self.through, *command], env)
        self.under_test[life.role] = path
        return life

    def start_at_gate(
        self,
        program: str | Path,
        *arguments: object,
        ckpt: str = STUDENT,
        image: str = "image",
        env: dict[str, str] | None = None,
    ) -> Life:
        """Start a program under test and wait until it is at gate 1, ready for the signal."""
        life = self.start(program, *arguments, ckpt=ckpt, image=image, env=env)
        life.wait_for_line("gate 01")
        number = self.lab.interface.signal
        if not has_signal(life.pid, "SigCgt", number):
            raise Failure(
                f"the program runs, but has no handler for signal {number}: the signal would kill it",
                "no handler",
                *life.symptoms(),
            )
        return life

    def open_gate(self, number: int) -> None:
        with self.lab.runner.grader():
            (self.kept / "gates" / f"{number:02d}").touch()
        self.steps.append(f"touch gates/{number:02d}")

    def close_gates(self) -> None:
        with self.lab.runner.grader():
            for gate in (self.kept / "gates").iterdir():
                gate.unlink()

    # Checkpoints

    def signal(self, life: Life, number: int | None = None) -> None:
        number = number or self.lab.interface.signal
        self.steps.append(f"kill -{number} PID   # of: {life.role}")
        try:
            os.kill(life.pid, number)
        except ProcessLookupError:
            pass

    def handler_is_done(self, life: Life) -> bool:
        """Whether the program is out of its handler, and lives: how one ended is known a moment after its end."""
        if status_field(life.pid, "State")[:1] in ("", "Z", "X"):
            return False
        number = self.lab.interface.signal
        return not any(has_signal(life.pid, f, number) for f in ("SigPnd", "ShdPnd", "SigBlk"))

    def checkpoint(self, life: Life, image: str = "image", stopped: bool = False) -> Path:
        """Send the signal and wait for a new image and for the handler's end.

        A program that is `stopped` goes on, and finds the signal there before it does anything else. No gate
        keeps it after its checkpoint: it may have come to its own end, with status 0, before we look.
        """
        path = self.folder / image
        before = Stamp.of(path)
        self.maps_before = maps.read_maps(life.pid)
        self.image = path
        self.remember(life, path)
        with held(path):
            self.signal(life)
            if stopped:
                self.signal(life, signal.SIGCONT)
            gone = _GivenUp(self, life)
            came = wait_until(lambda: Stamp.of(path) != before or gone(), of=life.pid)
            if not came or Stamp.of(path) == before:
                self.image = None  # what lies there is an older one, perhaps the test's own: nothing is to be said of it
                self._no_image(life, path)
        check_plain(path)
        done = wait_until(lambda: self.handler_is_done(life) or life.status is not None, of=life.pid)
        if not done:
            raise Failure("the handler does not return", "checkpoint: hangs while it writes", *life.symptoms())
        if life.status is not None and not (stopped and life.status == 0):
            self._died_in_checkpoint(life)
        return path

    def remember(self, life: Life, image: Path) -> None:
        """Before a program is saved: whether it is at a gate (looks.py)."""
        program = self.under_test.get(life.role)
        same = program is not None and any(region.name == str(program) for region in self.maps_before)
        self.looks.remember(life, image, program, self.maps_before if same else [])

    def _no_image(self, life: Life, path: Path) -> None:
        if life.status is not None:
            self._died_in_checkpoint(life)
        if not self.handler_is_done(life):
            patience.lost()
            if any(has_signal(life.pid, f, self.lab.interface.signal) for f in ("SigPnd", "ShdPnd")):
                raise Failure("the signal stays blocked", "ckpt: signal blocked", *life.symptoms())
            begun = any(p.name.startswith(path.name + ".") for p in self.folder.iterdir())
            when = "while it writes" if begun else "before it writes"
            raise Failure("the handler does not return", f"checkpoint: hangs {when}", *life.symptoms())
        words = life.messages().strip() or "and it said nothing"
        raise Failure(
            f"no image came as {path.name}: {words}", "checkpoint: no image", *life.symptoms()
        )

    def _died_in_checkpoint(self, life: Life) -> None:
        raise Failure(
            f"the program did not survive its checkpoint: {exit_words(life.status)}",
            f"checkpoint: {exit_words(life.status)}",
            *life.symptoms(),
        )

    def refuses(self, life: Life, words: Iterable[str], image: str = "image") -> str:
        """Send the signal; a message with all the words must come, and no image."""
        path = self.folder / image
        before = Stamp.of(path)
        self.signal(life)
        wait_until(
            lambda: bool(life.messages()) or Stamp.of(path) != before or life.status is not None, of=life.pid
        )
        check(life.status is None, f"the program died: {exit_words(life.status)}", *life.symptoms())
        done = wait_until(lambda: self.handler_is_done(life), of=life.pid)
        check(done, "the handler does not return", "checkpoint: hangs while it writes", *life.symptoms())
        older = ["image: written in place"] if before else []
        check(Stamp.of(path) == before, "an image was written all the same", *older, "refusal: image written")
        said = life.messages()
        for word in words:
            check(word in said, f"the message does not say '{word}': {said!r}", "refusal: message")
        return said

    def open_image(self, path: Path) -> Image:
        try:
            return Image(path)
        except (BadImage, OSError) as error:
            raise Failure(f"{path.name}: {error}", "image: not an ELF file") from error

    # Restarts

    def restart_command(self, image: Path, who: str, *options: str) -> list[str]:
        command = expand(self.lab.interface.restart, bin=self.lab.bin(who), image=image)
        return [command[0], *options, *command[1:]]

    def restart(
        self,
        image: Path,
        who: str = STUDENT,
        *options: str,
        env: dict[str, str] | None = None,
    ) -> Life:
        command = [*self.through, *self.restart_command(image, who, *options)]
        return self.run_restart(command, image, stops="--stop" in options, runs="--dry-run" not in options, env=env)

    def run_restart(self, command: Sequence[str | Path], image: Path, *, stops: bool = False, runs: bool = True,
                    waits: bool = False, env: dict[str, str] | None = None) -> Life:
        """`stops`: it leaves the program stopped, until go_on(); `waits`: its child becomes the program (-w)."""
        before = Stamp.of(image)
        words = command[len(self.through) :]
        who = Restarter(Path(words[0]), Path(self.through[0]) if self.through else None, waits)
        look = self.looks.begin(image, who) if runs else None
        ending = self.looks.begin_until_end(image, who) if runs and look is None else None
        life = self.run("restart", command, env, ending.at_end if ending else None)
        if ending is not None:
            ending.begin(life)
        self.stamps[life.role] = (image, before)
        if look is not None:
            self.under_test[life.role] = look.program
            self.looks.under_way[life.role] = look
            if not stops:
                self.looks.at_gate(life)
        return life

    def check_stopped(self, life: Life, words: str, symptom: str) -> None:
        """A restart has left the program stopped."""
        there = wait_until(lambda: status_field(life.pid, "State")[:1] in ("T", "Z", ""), of=life.pid)
        if not there or not status_field(life.pid, "State").startswith("T"):
            raise Failure(f"{words}: {exit_words(life.status)}", symptom, *life.symptoms())
        self.looks.at_stop(life)

    def go_on(self, life: Life) -> None:
        """SIGCONT, after that."""
        self.signal(life, signal.SIGCONT)
        self.looks.at_gate(life)

    def check_genuine(self) -> None:
        """At the end of a test that would pass."""
        self.looks.check()

    def wait_in_program(self, life: Life, program: Path) -> None:
        """Wait until a restarted process is in the program: its file is mapped, its signals are unblocked."""

        def there() -> bool:
            mapped = any(region.name == str(program) for region in maps.regions_of(life.pid))
            return life.status is not None or (mapped and self.handler_is_done(life))

        wait_until(there, of=life.pid)

    # What must come out

    def check_rest(self, first: Life, second: Life, expected: Sequence[str], head: int) -> None:
        """The restarted program printed exactly what follows the first `head` lines."""
        status = second.wait()
        got, tail = second.lines(), list(expected[head:])
        second_kind = second.role.split()[0]
        if got != tail:
            raise Failure(
                f"after the restart: {exit_words(status)}, and the output is not the rest",
                *compare_symptoms(expected[:head], tail, got),
                *[s.replace(second.role, second_kind, 1) for s in second.symptoms()],
                expected=tail,
                got=got,
            )
        self.check_status(second, status, exit_status_of(expected))
        self.check_image_stays(second)
        self.check_genuine()

    def check_image_stays(self, life: Life) -> None:
        """A restart only reads the image; a second life that writes it took itself for the first."""
        image, before = self.stamps.get(life.role, (None, None))
        if image is not None and Stamp.of(image) != before:
            raise Failure(f"the restarted program wrote {image.name} again", "restart: second checkpoint")
        if "no checkpoint" in life.messages():
            raise Failure("the restarted program tried to checkpoint itself", "restart: second checkpoint", *life.symptoms())

    @staticmethod
    def check_status(life: Life, status: int, expected: int | None) -> None:
        if expected is not None:
            check(
                status == expected,
                f"{life.role}: {exit_words(status)}, must be exit status {expected}",
                f"exit: {exit_words(status)}",
                *life.symptoms(),
            )

    def check_whole(self, life: Life, texts: Sequence[str]) -> None:
        """The program went on to its end with the right output and exit status."""
        status = life.wait()
        lines = life.lines()
        check(lines and lines[0].startswith("nonces"), "no first line", *life.symptoms())
        expected = expected_output(lines[0], texts)
        check_equal(lines, expected, "the original's output is wrong", "original: wrong output")
        self.check_status(life, status, exit_status_of(expected))

    def save(self, program: str, *arguments: object, ckpt: str, env: dict[str, str] | None = None) -> Life:
        """A program at gate 1, checkpointed and killed. Its gate is then open."""
        life = self.start_at_gate(program, *arguments, ckpt=ckpt, env=env)
        self.checkpoint(life)
        life.kill()
        self.open_gate(1)
        return life

    def survives(
        self,
        program: str,
        *arguments: object,
        before: Sequence[str] = (),
        after: Sequence[str] = (),
        ckpt: str = REFERENCE,
        restart: str = STUDENT,
        options: Sequence[str] = (),
        status: int | None = None,
        env: dict[str, str] | None = None,
    ) -> Life:
        """Checkpoint at gate 1, kill, restart: the rest of the output must come out exactly.

        `before` and `after` are the texts of the lines before gate 1 and after it. A `status` that
        is given is how it must end, else the last text is EXIT, which tells.
        """
        first = self.save(program, *arguments, ckpt=ckpt, env=env)
        end = [] if status is not None else [EXIT]
        texts = [*before, "gate 01", *after, *end]
        expected = expected_output(first.lines()[0], texts)
        assert self.image is not None
        second = self.restart(self.image, restart, *options)
        self.check_rest(first, second, expected, len(before) + 2)
        self.check_status(second, second.wait(), status)
        return second

    @contextlib.contextmanager
    def rests_on_earlier(self) -> Iterator[None]:
        """Around what first needs all stages before: if it fails, is it their fault? An ordinary program shows it."""
        try:
            yield
        except Failure as failure:
            try:
                self.survives("openfiles", "gate 1", ckpt=STUDENT)
            except Failure as earlier:
                words = f"{failure.message}. But a program that has no open file does not survive either: {earlier.message}"
                raise Failure(words, "earlier stages: no restart", *earlier.symptoms) from earlier
            raise

    def evidence(self, deep: bool) -> list[str]:
        """More symptoms of a failure, for cases of another kind; `deep`: also what takes time."""
        del deep
        return []

    # The end

    def close(self) -> None:
        for life in self.lives:
            life.kill()
        self.lab.runner.end_case(self.folder)
        with self.lab.runner.student():
            self._remove_large_files()

    def _remove_large_files(self) -> None:
        for entry in files_below(self.folder):
            with contextlib.suppress(OSError):
                if entry.stat(follow_symlinks=False).st_blocks * 512 > 64 << 20:
                    os.unlink(entry.path)


def steps(first: int, last: int) -> list[str]:
    """The texts of counter's lines."""
    return [f"step {i:06d}" for i in range(first, last + 1)]
