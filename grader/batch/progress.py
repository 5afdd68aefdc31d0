"""What is seen while a class is graded: a bar with an estimate on a terminal, a line per submission elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from reports.text import one_line

Take = Callable[[str], None]  # what is to be done with a result as soon as it is there


class Estimate:
    """How long the rest takes, if each takes as long as those did that are done, as many at a time as were seen."""

    def __init__(self, total: int) -> None:
        self.total, self.width = total, 1
        self.begun: dict[str, float] = {}
        self.took: list[float] = []

    def starts(self, name: str, now: float) -> None:
        self.begun[name] = now
        self.width = max(self.width, len(self.begun))

    def ends(self, name: str, now: float, seconds: float = 0.0) -> None:
        """`seconds`: what it took, if it was not seen to start."""
        self.took.append(now - self.begun.pop(name) if name in self.begun else seconds)

    def left(self, now: float) -> float | None:
        """Seconds; None as long as nothing is done."""
        if not self.took:
            return None
        mean = sum(self.took) / len(self.took)
        done = sum(min(mean, now - begun) for begun in self.begun.values())
        rest = mean * (self.total - len(self.took)) - done
        return max(0.0, rest / max(1, min(self.width, self.total - len(self.took))))


def in_words(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    return f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"


class Lines:
    """For a log: one line per submission, with the time that is left."""

    def __init__(self, total: int, take: Take = lambda name: None) -> None:
        self.total, self.count, self.estimate = total, 0, Estimate(total)
        self.failures: list[tuple[str, str]] = []
        self.take = take

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *rest: object) -> None: ...

    def started(self, name: str) -> None:
        self.estimate.starts(name, time.monotonic())

    def done(self, name: str, seconds: float) -> None:
        self.estimate.ends(name, time.monotonic(), seconds)
        self.take(name)
        self._say(f"{name} ({seconds:.0f} s)")

    def failed(self, name: str, why: str) -> None:
        self.estimate.ends(name, time.monotonic())
        self.failures.append((name, why))
        self._say(f"{name}: NOT GRADED: {one_line(why)}")

    def _say(self, words: str) -> None:
        self.count += 1
        left = self.estimate.left(time.monotonic()) or 0.0
        print(f"[{self.count}/{self.total}] {words}{f'; {in_words(left)} left' if left > 90 else ''}", flush=True)


class Left(ProgressColumn):
    """The estimate, as it is at this moment."""

    def __init__(self, estimate: Estimate) -> None:
        super().__init__()
        self.estimate = estimate

    def render(self, task: Task) -> Text:
        return Text(in_words(self.estimate.left(time.monotonic())))


class Bar(Lines):
    """For people: what runs, how much is done, how long it will take."""

    def __init__(self, total: int, take: Take = lambda name: None) -> None:
        super().__init__(total, take)
        self.running: list[str] = []
        self.progress = Progress(
            TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TextColumn("left:"), Left(self.estimate),
            TextColumn("{task.description}", markup=False), console=Console(file=sys.stdout),
        )
        self.task = self.progress.add_task("", total=total)

    def __enter__(self) -> Bar:
        self.progress.start()
        return self

    def __exit__(self, *rest: object) -> None:
        self.progress.stop()

    def started(self, name: str) -> None:
        super().started(name)
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
