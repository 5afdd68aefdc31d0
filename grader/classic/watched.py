"""A case of another course, as it can be watched from outside: which process it is, and where it waits.

The program under test may be a child of what was started; it waits at gates, and only there no handler runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from classic.outside import NAPS, can_look, descendants, runs, waits_at
from stage import maps
from stage.case import Case
from stage.config import expand
from stage.process import Life, has_signal, wait_until


@dataclass(frozen=True)
class Way:
    """How the basic counter comes back with a submission; the other tests go the same way."""

    aslr: bool
    suffix: str  # of the programs under test: "" or "-no-pie"
    restart: tuple[str, ...]

    def words(self) -> str:
        address = "addresses as the kernel chooses them" if self.aslr else "the same addresses each time"
        kind = "not position-independent" if self.suffix else "position-independent"
        return f"{address}, programs {kind}, `{' '.join(self.restart).format(image='IMAGE')}`"


@dataclass
class Watched(Case):
    """One test's folder and processes, and what tells where the program is."""

    way: Way = field(default_factory=lambda: Way(True, "", ()))
    ended: int | None = None  # how the original ended at its checkpoint, if it did
    maps_after: list[maps.Region] = field(default_factory=list)
    maps_first: list[maps.Region] = field(default_factory=list)  # at the first of several checkpoints
    gate_stack: int = 0  # the stack pointer of a program that waits at a gate
    texts: list[str] = field(default_factory=list)  # of the lines behind the nonces, if it comes back by comes_back()
    started: list[object] = field(default_factory=list)  # the name of the program at gate 1, and its arguments
    is_back: bool = False  # at its gate, after the last signal

    def target(self, life: Life, program: Path | None = None) -> int:
        """The process that is, or becomes, the program: what was started, or a child of it."""
        kind = self.lab.interface.process
        family = [life.pid] if kind == "launched" else descendants(life.pid)
        if program is not None:
            family = [pid for pid in family if runs(pid, program)] or family
        if kind == "child":
            family = family[1:] or family
        return family[-1]

    def learn_gate(self, pid: int) -> None:
        """Remember the stack pointer at the gate: there, and only there, no handler runs."""
        self.gate_stack = 0

        def napping() -> bool:
            number, stack = waits_at(pid) or (0, 0)
            self.gate_stack = stack if number in NAPS else 0
            return bool(self.gate_stack)

        if can_look(pid):
            wait_until(napping)

    def at_gate(self, life: Life) -> bool:
        return bool(self.gate_stack) and (waits_at(self.target(life)) or (0, 0))[1] == self.gate_stack

    def handler_is_done(self, life: Life) -> bool:
        """Also for handlers that do not block their own signal. Who was back at the gate is done, though it looks
        busy between two naps."""
        pid, number = self.target(life), self.lab.interface.signal
        quiet = not any(has_signal(pid, f, number) for f in ("SigPnd", "ShdPnd", "SigBlk"))
        if not self.gate_stack:
            return quiet
        self.is_back = self.is_back or quiet and self.at_gate(life)
        return self.is_back

    def restart_command(self, image: Path, who: str = "", *options: str) -> list[str]:
        words = expand(list(self.way.restart), image=image.name, bin=self.lab.folder, dir=self.lab.folder)
        return [*words, *options]
