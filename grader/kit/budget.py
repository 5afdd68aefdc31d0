"""What the kit's own check costs: a table of the time that each file of tests took, against the budget.

It fails nothing. Processor seconds are those of the tests and of all that they started and waited for; they say the
same on a busy machine, within a fifth or so. What adds a minute takes a minute away.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from kit import imported

WALL, CPU = 600, 800  # seconds that `make check` may take on two processors
SHOWN = 12  # files that have a line of their own


def processor_seconds() -> float:
    return sum(os.times()[:4]) + sum(imported.spent)


class Budget:
    """In a worker it adds each phase's processor time to its report; where the reports arrive it adds them up."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.last = 0.0
        self.files: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])

    def pytest_runtest_logstart(self) -> None:
        self.last = processor_seconds()

    @pytest.hookimpl(hookwrapper=True)  # type: ignore[misc]
    def pytest_runtest_makereport(self) -> Iterator[None]:
        outcome: Any = yield
        now = processor_seconds()
        outcome.get_result().cpu, self.last = now - self.last, now

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file = self.files[report.nodeid.split("::")[0].rpartition("/")[2]]
        file[0] += report.duration
        file[1] += getattr(report, "cpu", 0.0)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if len(self.files) < 2:
            return
        rows = sorted(self.files.items(), key=lambda row: -row[1][1])
        wall, cpu = (sum(times[i] for times in self.files.values()) for i in (0, 1))
        rest = [sum(times[i] for _, times in rows[SHOWN:]) for i in (0, 1)]
        terminalreporter.section("time by file: waited, and of the processors")
        for name, (waited, used) in [*rows[:SHOWN], (f"{len(rows[SHOWN:])} others", rest), ("all", [wall, cpu])]:
            terminalreporter.line(f"{waited:8.1f} s {used:8.1f} s   {name}")
        took = time.monotonic() - self.began
        terminalreporter.line(f"{took:.0f} s of {WALL} s by the clock, {cpu:.0f} s of {CPU} s of the processors")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Budget())
