"""Runs the jobs of a class as Slurm job arrays, one after the other.

    write the note -> sbatch -> squeue, gather results, squeue, ... -> all tasks are at their end -> the next array

One array holds the whole class, as a rule. What is left without a result when its tasks are at their end (they
were killed, lost their node, ran out of memory or time, failed) goes into the next array, three times at most.
What Slurm itself preempts, or loses with a node, it puts back in the queue under the same number: we only wait.

There is never more than one array in the queue, so its %WIDTH is the width of all. If this process dies, the
array goes on; the next run finds the note, and gathers. Ctrl-C cancels it.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from batch.engines import EngineError, Job, Watcher
from batch.slurm_array import LOGS, SCRIPT, Array, log_of, new_array, read_note, script, write_note
from batch.slurm_queue import HOPELESS, Queue, Task

TRIES = 3  # how often a job is submitted before it counts as failed
RESTARTS = 10  # how often Slurm may start one again: a submission may be what brings its nodes down
TAIL = 5  # lines of a log in a message


@dataclass(frozen=True)
class Times:
    """In seconds."""

    poll: float = 3.0  # between two looks at the queue
    patience: float = 900.0  # a controller that is silent for longer is given up
    grace: float = 60.0  # a file may come that late from another machine, with NFS


def run(jobs: Sequence[Job], width: int, watcher: Watcher, scratch: Path, times: Times = Times()) -> None:
    """Returns when each job is done or has failed. EngineError: no further; a later run goes on from here."""
    engine = _Engine(jobs, max(1, width), watcher, scratch.absolute() / "slurm", times)
    try:
        engine.run()
    except KeyboardInterrupt:
        engine.give_up()
        raise


def _arrived(jobs: Iterable[Job]) -> list[Job]:
    """The jobs whose results exist. Folders are listed, for that makes NFS look again."""
    jobs = list(jobs)
    names = {folder: set(os.listdir(folder)) for folder in {job.result.parent for job in jobs} if folder.is_dir()}
    return [job for job in jobs if job.result.name in names.get(job.result.parent, ())]


def _array_limit(allowed: int) -> int:
    text = os.environ.get("CKPTLAB_ARRAY", "") or str(allowed)
    if not text.isdigit() or not int(text):
        raise EngineError(f"CKPTLAB_ARRAY is '{text}'; it is the largest number of tasks in one array")
    return min(allowed, int(text))


class _Engine:
    def __init__(self, jobs: Sequence[Job], width: int, watcher: Watcher, folder: Path, times: Times) -> None:
        self.open = {job.name: job for job in jobs}
        self.width = width
        self.watcher = watcher
        self.folder = folder
        self.times = times
        self.queue = Queue(times.patience)
        self.array: Array | None = None  # what is in the queue
        self.started: set[str] = set()
        self.running: set[str] = set()
        self.tries: Counter[str] = Counter()
        self.restarts: Counter[str] = Counter()

    def run(self) -> None:
        (self.folder / LOGS).mkdir(parents=True, exist_ok=True)
        self._gather({})
        if not self.open:
            return
        limit = _array_limit(self.queue.largest_array())
        self._go_on()
        while self.open:
            self._submit(new_array(list(self.open.values())[:limit]))
            self._follow()

    def give_up(self) -> None:
        """After Ctrl-C. What is in the note stays there: should the array live on, the next run finds it."""
        if self.array:
            print("slurm: cancelling what is in the queue", file=sys.stderr, flush=True)
            self.queue.patience = min(self.queue.patience, 20.0)
            try:
                self.queue.cancel(self.array)
            except EngineError as error:
                print(f"slurm: {error}\nslurm: type later: scancel --name={self.array.name}", file=sys.stderr)

    def _go_on(self) -> None:
        """If an array of an earlier run is still in the queue, it is followed to its end."""
        array = read_note(self.folder)
        if array is None:
            return
        alive = [task for task in self.queue.tasks(array) if task.alive and task.index < len(array.jobs)]
        wanted = [task for task in alive if self._wants(array.jobs[task.index])]
        for task in alive:
            if task not in wanted:
                self.queue.cancel_task(task)
        if wanted:
            self.array = array
            self.queue.set_width(wanted, self.width)
            self._follow()
        else:
            self.queue.cancel(array)  # what Slurm holds of it

    def _wants(self, job: Job) -> bool:
        """Whether a job of an earlier run is one of ours, and the same in all that matters."""
        mine = self.open.get(job.name)
        return mine is not None and (mine.command, mine.result) == (job.command, job.result)

    def _submit(self, array: Array) -> None:
        path = self.folder / SCRIPT
        path.write_text(script(array), encoding="utf-8", errors="surrogateescape")
        write_note(array, self.folder)
        self.array = array
        self.queue.submit(array, self.width, self.folder, path)

    def _follow(self) -> None:
        """Until the array's tasks are at their end."""
        assert self.array
        while True:
            tasks = {task.index: task for task in self.queue.tasks(self.array)}
            self._look(tasks)
            self._gather(tasks)
            if not any(tasks[index].alive for index, _ in self._mine() if index in tasks):
                break
            time.sleep(self.times.poll)
        self._wait_for_late_files(tasks)
        self.queue.cancel(self.array)  # what Slurm may still have of it must not meet its successor
        for index, job in self._mine():
            self._lost(index, job, tasks.get(index))
        self.array = None

    def _mine(self) -> list[tuple[int, Job]]:
        """The jobs of the array that have no result yet, with their indices."""
        assert self.array
        return [(index, job) for index, job in enumerate(self.array.jobs) if self._wants(job)]

    def _look(self, tasks: dict[int, Task]) -> None:
        """Tells what has started, and notices what has started again, or never will."""
        for index, job in self._mine():
            task = tasks.get(index)
            if task and task.state == "RUNNING":
                self._has_started(job.name)
            elif task and task.state == "PENDING":
                self._waits(job.name, task)

    def _has_started(self, name: str) -> None:
        self.running.add(name)
        if name not in self.started:
            self.started.add(name)
            self.watcher.started(name)

    def _waits(self, name: str, task: Task) -> None:
        assert self.array
        if task.reason in HOPELESS:
            self.queue.cancel(self.array)
            raise EngineError(
                f"Slurm will not start the jobs: {task.reason}. They ask for {self.array.minutes} minutes;\n"
                "CKPTLAB_SBATCH holds options for sbatch: a partition, an account (grader/batch/README)")
        if name in self.running:
            self.running.remove(name)
            self.restarts[name] += 1
            if self.restarts[name] >= RESTARTS:
                self.tries[name] = TRIES
                self.queue.cancel_task(task)

    def _gather(self, tasks: dict[int, Task]) -> None:
        seconds = {job.name: tasks[index].seconds for index, job in self._mine() if index in tasks} if tasks else {}
        for job in _arrived(self.open.values()):
            del self.open[job.name]
            self.watcher.done(job.name, seconds.get(job.name, 0.0))

    def _wait_for_late_files(self, tasks: dict[int, Task]) -> None:
        """A task that says it has graded is believed for a while."""
        end = time.monotonic() + self.times.grace
        while any(index not in tasks or tasks[index].state == "COMPLETED" for index, _ in self._mine()):
            if time.monotonic() > end:
                return
            time.sleep(min(self.times.poll, self.times.grace))
            self._gather(tasks)

    def _lost(self, index: int, job: Job, task: Task | None) -> None:
        """Its task is at its end without a result: it goes to the end of the list, or has failed."""
        del self.open[job.name]
        self.running.discard(job.name)
        self.tries[job.name] += 1
        if self.tries[job.name] < TRIES:
            self.open[job.name] = job
        else:
            self.watcher.failed(job.name, self._why(index, job.name, task))

    def _why(self, index: int, name: str, task: Task | None) -> str:
        assert self.array
        log = log_of(self.folder, self.array, index)
        words = f"no result after {self.tries[name]} tries"
        if self.restarts[name] >= RESTARTS:
            words = f"no result, and Slurm had to start it again {RESTARTS} times: does it bring its node down?"
        return f"{words}; Slurm says: {_state(task)}; {_last_words(log, task)}"


def _state(task: Task | None) -> str:
    """What became of a task. The reason in the queue may be that for which it waited before it ran."""
    if task is None:
        return "nothing any more"
    reason = f" ({task.reason})" if task.reason != "None" and task.state != "COMPLETED" else ""
    return f"{task.state}{reason}{f' on {task.node}' if task.node else ''}"


def _last_words(log: Path, task: Task | None) -> str:
    """The end of its log. If it left none, its machine did not see the folder."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]
    except OSError:
        return f"it left no {log}: does {task.node if task and task.node else 'its node'} see this folder?"
    return "\n".join([f"the end of {log}:", *(f"    {line}" for line in lines)])
