"""When what goes on after a restart is looked at (genuine.py): at the gate at which it was saved.

That gate is closed from the restart on until the look is done. What a restart leaves stopped (--stop; a core without -n)
is looked at twice: as it is stopped, where its memory need not be there yet, and when it has been let go on.

A program that was saved at no gate is looked at when it is about to end, where the kernel holds it for that (in a sandbox).
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from stage import genuine
from stage.failure import Failure
from stage.genuine import Restarter
from stage.maps import Region
from stage.process import Life, children_of, status_field, wait_until
from stage.runner import End, Runner


@dataclass(frozen=True)
class Look:
    """What a look needs to know of a restart that is under way."""

    by: Restarter
    program: Path
    saved: genuine.Saved
    pages: list[genuine.Pages]
    gates: list[Path]  # that were open

    def pid(self, life: Life) -> int:
        """The process that goes on; 0 if it is not there yet, or not any more."""
        return life.pid if not self.by.waits else next(iter(children_of(life.pid)), 0)

    def doubt(self, life: Life, pages: list[genuine.Pages]) -> Optional[Failure]:
        pid = self.pid(life)
        if self.by.waits and len(children_of(life.pid)) > 1:
            return Failure("restart -w left more than one process", "genuine: another process")
        return genuine.doubt(pid, self.by, pages, self.saved.processes) if pid else None


class EndLook:
    """At the end of a restart whose program is known, and waits at no gate."""

    def __init__(self, by: Restarter, saved: genuine.Saved, image: Path) -> None:
        self.by, self.saved = by, saved
        self.pages = genuine.writable_pages(image)
        self.life: Optional[Life] = None
        self.seen: Optional[End] = None
        self.found: Optional[Failure] = None

    def begin(self, life: Life) -> None:
        """Of a life that it was told of from its start."""
        self.life = life if life.process.holds_ends else None

    def at_end(self, end: End) -> None:
        """With -w of the program itself, which is restart's child; the last one, if there are more."""
        if self.life is None:
            return
        who = int(status_field(end.pid, "PPid" if self.by.waits else "Tgid") or 0)  # a thread of its ends it, too
        if who == self.life.pid:
            self.seen = end
            self.found = genuine.doubt_at_end(end, self.saved, self.by, self.pages)

    def doubt(self) -> Optional[Failure]:
        """Nothing is said of a restart that refused, or of what a signal ended."""
        life = self.life
        if life is None or life.status is None or life.status < 0:
            return None
        if life.status != 0 and not life.text():
            return None
        if self.seen is None:
            return Failure("restart ended, and the program had not come to its own end", "genuine: no end")
        return self.found


class Looks:
    """Of one case."""

    def __init__(self, runner: Runner, gates: Path) -> None:
        self.runner, self.gates = runner, gates
        self.saved: dict[Path, genuine.Saved] = {}  # by the image
        self.ends: list[EndLook] = []
        self.under_way: dict[str, Look] = {}  # by the life's role
        self.doubts: list[Failure] = []  # whether what went on was restarted

    def remember(self, life: Life, image: Path, program: Optional[Path], regions: list[Region]) -> None:
        """Who is saved at a gate can be looked at there after its restart, if the grader may look at it at all."""
        if not genuine.is_keeper_yet(life.pid) and genuine.hides(life.pid):
            self.note(genuine.Hides("the program that was to be saved"))
        said_so = (life.lines() or [""])[-1].startswith("gate ")
        if program is not None and said_so and self._can_be_seen(life, program, regions):
            self.saved[image] = genuine.Saved(program, regions, len(children_of(life.pid)))
        else:
            self.saved[image] = genuine.Saved(None, regions, 0)

    def _can_be_seen(self, life: Life, program: Path, regions: list[Region]) -> bool:
        try:
            return genuine.is_at_gate(life.pid, program, regions) is not None
        except genuine.Hides:
            self.note(genuine.Hides("the program that was to be saved"))
            return False

    def rename(self, image: Path, name: Path) -> None:
        if image in self.saved:
            self.saved[name] = self.saved.pop(image)

    def begin_until_end(self, image: Path, by: Restarter) -> Optional[EndLook]:
        """Before a restart that will be looked at at no gate."""
        saved = self.saved.get(image)
        if saved is None:
            return None
        self.ends.append(EndLook(by, saved, image))
        return self.ends[-1]

    def begin(self, image: Path, by: Restarter) -> Optional[Look]:
        """Before a restart: closes the gates. None if there will be nothing to look at."""
        saved = self.saved.get(image)
        if saved is None or saved.program is None:
            return None
        pages = genuine.writable_pages(image)
        with self.runner.grader():
            gates = list(self.gates.iterdir())
            for gate in gates:
                gate.unlink()
        return Look(by, saved.program, saved, pages, gates)

    def at_stop(self, life: Life) -> None:
        look = self.under_way.get(life.role)
        if look is not None and life.status is None:
            self.note(look.doubt(life, []))

    def at_gate(self, life: Life) -> None:
        """Waits until the process is at its gate again, looks, and opens the gates."""
        look = self.under_way.pop(life.role, None)
        if look is None:
            return
        try:
            self._wait_and_look(life, look)
        finally:
            with self.runner.grader(), contextlib.suppress(OSError):
                for gate in look.gates:
                    gate.touch()

    def _wait_and_look(self, life: Life, look: Look) -> None:
        def there() -> bool:
            began = not genuine.is_keeper_yet(life.pid)  # before the look: what hid may have been the keeper, and be gone
            try:
                at_gate = genuine.is_at_gate(look.pid(life), look.program, look.saved.regions)
            except genuine.Hides:
                at_gate = began  # of who hides, nothing else will be known
            return bool(at_gate) or life.status is not None

        if not wait_until(there, of=life.pid):
            life.hangs("its end")
        if life.status is None:
            self.note(look.doubt(life, look.pages))
        elif life.lines():
            self.note(Failure("lines came although the gate was closed at which it was saved", "genuine: no gate"))

    def note(self, doubt: Optional[Failure]) -> None:
        self.doubts += [doubt] if doubt else []

    def check(self) -> None:
        """At the end of a test that would pass."""
        for doubt in [*self.doubts, *(end.doubt() for end in self.ends)]:
            if doubt is not None:
                raise doubt
