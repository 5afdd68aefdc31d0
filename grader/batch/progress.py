"""What is seen while a class is graded: a bar with an estimate on a terminal, a line per submission elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


Take = Callable[[str], None]  # what is to be done with a result as soon as it is there


class Lines:
    """For a log: one line per submission, with the time that is left if the others take as long."""

    def __init__(self, total: int, take: Take = lambda name: None) -> None:
        self.total, self.count, self.begin = total, 0, time.monotonic()
        self.failures: list[tuple[str, str]] = []
        self.take = take

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *rest: object) -> None: ...

    def started(self, name: str) -> None: ...

    def done(self, name: str, seconds: float) -> None:
        self.take(name)
        self._say(f"{name} ({seconds:.0f} s)")

    def failed(self, name: str, why: str) -> None:
        self.failures.append((name, why))
        self._say(f"{name}: NOT GRADED: {why}")

    def _say(self, words: str) -> None:
        self.count += 1
        left = (time.monotonic() - self.begin) / self.count * (self.total - self.count)
        print(f"[{self.count}/{self.total}] {words}; {left / 60:.0f} min left" if left > 90 else
              f"[{self.count}/{self.total}] {words}", flush=True)


class Bar(Lines):
    """For people: what runs, how much is done, how long it will take."""

    def __init__(self, total: int, take: Take = lambda name: None) -> None:
        super().__init__(total, take)
        self.running: list[str] = []
        self.progress = Progress(
            TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TextColumn("left:"), TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False), console=Console(file=sys.stdout),
        )
        self.task = self.progress.add_task("", total=total)

    def __enter__(self) -> Bar:
        self.progress.start()
        return self

    def __exit__(self, *rest: object) -> None:
        self.progress.stop()

    def started(self, name: str) -> None:
        self.running.append(name)
        self._show()

    def _say(self, words: str) -> None:
        self.count += 1
        if "NOT GRADED" in words:
            self.progress.console.print(words, markup=False, highlight=False)
        self.progress.advance(self.task)

    def done(self, name: str, seconds: float) -> None:
        self._ends(name)
        super().done(name, seconds)
        self._show()

    def failed(self, name: str, why: str) -> None:
        self._ends(name)
        super().failed(name, why)
        self._show()

    def _ends(self, name: str) -> None:
        if name in self.running:
            self.running.remove(name)

    def _show(self) -> None:
        self.progress.update(self.task, description=", ".join(self.running)[:50])


class Silent(Lines):
    """For one job among others."""

    def _say(self, words: str) -> None: ...


def watcher(total: int, take: Take) -> Lines:
    return Bar(total, take) if sys.stdout.isatty() else Lines(total, take)
