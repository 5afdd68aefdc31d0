"""Several jobs at a time on this machine, each a process of its own."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from batch.engines import Job, Watcher
from batch.forked import Forked
from batch.job import COMMAND as ONE_OF_OURS
from batch.job import main

GRACE = 20.0  # seconds that a job has to put its folder in order when it is told to end


@dataclass
class Running:
    job: Job
    process: Union[subprocess.Popen[bytes], Forked]
    started: float
    log: Path
    told: float = 0.0  # when it was told to end
    why: str = ""

    def tell_to_end(self, why: str) -> None:
        """SIGTERM first: the job then ends what it started. A second time: SIGKILL."""
        if not self.told:
            self.told, self.why = time.monotonic(), why
            self.process.terminate()
        elif time.monotonic() - self.told > GRACE:
            os.killpg(self.process.pid, signal.SIGKILL)


def start(job: Job, scratch: Path) -> Running:
    log = scratch / f"{job.name}.log"
    if job.command[:-1] == ONE_OF_OURS:
        return Running(job, Forked(lambda: main(job.command[1:]), log), time.monotonic(), log)
    with log.open("wb") as out:
        process = subprocess.Popen(
            job.command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    return Running(job, process, time.monotonic(), log)


def last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return " | ".join(lines[-3:]) if lines else "it said nothing"


def tell(one: Running, watcher: Watcher) -> None:
    """The end of a job, to whoever watches."""
    if one.process.returncode == 0 and one.job.result.exists():
        watcher.done(one.job.name, time.monotonic() - one.started)
    else:
        why = one.why or f"the grading process ended with {one.process.returncode}"
        watcher.failed(one.job.name, f"{why}: {last_words(one.log)}")


class Pool:
    """The jobs that run, woken by their ends: no time is spent waiting while there is something to do."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()

    def add(self, one: Running) -> None:
        self.selector.register(os.pidfd_open(one.process.pid), selectors.EVENT_READ, one)

    def running(self) -> list[Running]:
        return [key.data for key in self.selector.get_map().values()]

    def ended(self, limit: float) -> list[Running]:
        ended = []
        for key, _ in self.selector.select(limit):
            self.selector.unregister(key.fileobj)
            os.close(key.fd)
            key.data.process.wait()
            ended.append(key.data)
        return ended

    def end_all(self, why: str) -> None:
        end = time.monotonic() + GRACE + 5
        while self.running() and time.monotonic() < end:
            for one in self.running():
                one.tell_to_end(why)
            self.ended(0.5)


def run(jobs: Sequence[Job], width: int, watcher: Watcher, scratch: Path) -> None:
    """The Engine of this machine."""
    scratch.mkdir(parents=True, exist_ok=True)
    pool, waiting = Pool(), list(jobs)
    try:
        while waiting or pool.running():
            while waiting and len(pool.running()) < width:
                job = waiting.pop(0)
                if job.result.exists():  # left by a run that was stopped
                    watcher.done(job.name, 0.0)
                    continue
                watcher.started(job.name)
                pool.add(start(job, scratch))
            for one in pool.ended(1.0):
                tell(one, watcher)
            for one in pool.running():
                if time.monotonic() - one.started > one.job.limit:
                    one.tell_to_end(f"took longer than {one.job.limit:g} s")
    finally:
        pool.end_all("stopped")
