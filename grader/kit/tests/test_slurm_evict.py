"""stage6-remote/engines/slurm on a real cluster: what its README says, seen in slurmctld's log."""
from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import slurm_cluster
from conftest import need
from engine_jobs import ENGINES, PROGRAMS, ROUNDS, SUM, commands, keep_log, sql
from kit import built, rundocs
from slurm_cluster import Cluster, wait_for

pytestmark = pytest.mark.xdist_group("slurm-evict")

TICKS = """
import os, time
number = 0
while not os.path.exists("go"):
    number += 1
    print(number, flush=True)
    time.sleep(0.05)
print("end", flush=True)
"""


def engine() -> Path:
    return built.solution() / ENGINES / "slurm"


class Job:
    """A folder that all nodes see, with copies of the engine's files and of the stage's programs."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster, self.folder = cluster, folder
        shutil.copytree(engine(), folder)
        for program in PROGRAMS:
            shutil.copy2(built.solution() / "stage6-remote" / program, folder)
        self.id = ""

    def ask(self, command: str) -> str:
        done = subprocess.run(["sh", "-c", command], cwd=self.folder, env=self.cluster.environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        return done.stdout

    def submit(self, *words: str, script: str = "job.sbatch") -> None:
        """A program that counts."""
        (self.folder / "job.py").write_text(TICKS)
        said = self.ask(" ".join(["sbatch", *words, script, "/usr/bin/python3", "job.py"]))
        assert said.startswith("Submitted"), said
        self.id = said.split()[-1]
        self.goes_on()

    def out(self) -> list[str]:
        return (self.folder / "out").read_text().split() if (self.folder / "out").exists() else []

    def goes_on(self) -> None:
        count = len(self.out())
        self.wait("it counts on", lambda: len(self.out()) >= count + 5)

    def wait(self, what: str, event: Callable[[], bool]) -> None:
        try:
            wait_for(what, event, 100)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.log()}\n{(self.folder / 'err').read_text()}") from late

    def log(self) -> str:
        """slurmctld's lines on it."""
        lines = (self.cluster.folder / "slurmctld.log").read_text().splitlines(keepends=True)
        return "".join(line for line in lines if re.search(rf"JobId={self.id}\b", line))

    def logged(self, words: str, count: int = 1) -> None:
        self.wait(words, lambda: len(re.findall(words, self.log())) >= count)

    def ends_well(self) -> None:
        """It printed each number once."""
        (self.folder / "go").touch()
        self.logged("WEXITSTATUS 0")
        numbers = self.out()
        assert numbers == [*map(str, range(1, len(numbers))), "end"]
        assert not (self.folder / "image").exists()


@contextmanager
def cluster_with(lines: str) -> Iterator[Cluster]:
    """One node, and these lines in slurm.conf."""
    why = slurm_cluster.missing()
    if why:
        pytest.skip(f"not tried here: no Slurm cluster can be started: {why}")
    folder = Path(tempfile.mkdtemp(prefix="ckptlab-slurm-"))
    cluster = Cluster(folder, nodes=1, lines=lines)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        left = cluster.processes()
        shutil.rmtree(folder)
    assert not left


def lines_without(*words: str) -> str:
    """slurm.conf.lines, without these words; the controller says whom it signals."""
    text = (engine() / "slurm.conf.lines").read_text()
    for word in words:
        assert word in text
        text = text.replace(word, "")
    return f"{text}SlurmctldDebug=verbose\n" if words else text


def test_its_text() -> None:
    """The program is asked to leave in its second round, and ends well."""
    need("sqlite3")
    with cluster_with(lines_without()) as cluster:
        job = Job(cluster, cluster.folder / "job")
        (job.folder / "script.sql").write_text(sql("mark"))
        (job.folder / "slurmctld.log").symlink_to(cluster.folder / "slurmctld.log")
        job.id = "1"
        (job.folder / "mark.go1").touch()
        for command in commands("slurm"):
            if command.text.startswith("scancel"):
                job.wait("round 2", (job.folder / "mark.up2").exists)
            if command.text.startswith("tail"):
                job.logged("Allocate", 2)
                for number in range(2, ROUNDS + 1):
                    (job.folder / f"mark.go{number}").touch()
                job.logged("WEXITSTATUS 0.*\n.*done")
            said = job.ask(command.text)
            assert rundocs.same(command.expected, said.splitlines()), f"{command.text}:\n{said}"
        assert SUM in commands("slurm")[2].expected
        assert (job.folder / "out").read_text().splitlines() == [
            line for n in range(1, ROUNDS + 1) for line in (f"round {n}", "went on")] + [SUM]
        keep_log("slurm", job.log())


@pytest.mark.stress
def test_requeue_only_permits() -> None:
    """...and itself.sbatch does it."""
    with cluster_with(lines_without("RequeueExit=85")) as cluster:
        job = Job(cluster, cluster.folder / "job")
        job.submit()
        job.ask(f"scancel --batch --signal=TERM {job.id}")
        job.logged("WEXITSTATUS 85.*\n.*done")
        state = job.ask(f"scontrol show job {job.id}")
        assert "JobState=FAILED" in state and "Requeue=1 Restarts=0" in state and (job.folder / "image").exists()
        job.submit(script="itself.sbatch")  # with that image
        for life in range(1, 3):
            job.ask(f"scancel --batch --signal=TERM {job.id}")
            job.logged("Requeuing|requeu", life)
            job.goes_on()
        assert f"Restarts={life}" in job.ask(f"scontrol show job {job.id}")
        job.ends_well()
        keep_log("slurm-itself", job.log())


@pytest.mark.stress
def test_who_is_signalled() -> None:
    with cluster_with(lines_without("RequeueExit=85")) as cluster:
        job = Job(cluster, cluster.folder / "job")
        job.submit()
        job.ask(f"scancel --signal=TERM {job.id}")
        job.logged("job_signal: 15 of running")
        job.goes_on()
        assert "Restarts=0" in job.ask(f"scontrol show job {job.id}"), "there are no steps"
        job.ends_well()

        script = job.folder / "job.sbatch"
        script.write_text(script.read_text().replace("exec ", "") + "exit\n")  # more may follow, so no shell does it itself
        for name in ("go", "out"):
            (job.folder / name).unlink()
        job.submit()
        job.ask(f"scancel --batch --signal=TERM {job.id}")
        job.logged("WTERMSIG 15")
        assert not (job.folder / "image").exists()


@pytest.mark.stress
def test_an_output_that_begins_anew() -> None:
    with cluster_with(lines_without()) as cluster:
        job = Job(cluster, cluster.folder / "job")
        script = job.folder / "job.sbatch"
        script.write_text(script.read_text().replace("#SBATCH --open-mode=append\n", ""))
        job.submit()
        job.ask(f"scancel --batch --signal=TERM {job.id}")
        job.logged("Allocate", 2)
        job.wait("restart says so", lambda: "made anew, without the" in (job.folder / "err").read_text())
        (job.folder / "go").touch()
        job.logged("WEXITSTATUS 0")
        assert job.out()[0] != "1"


@pytest.mark.stress
def test_a_time_limit() -> None:
    """The least that Slurm has is a minute: the signal comes 45 seconds before its end."""
    with cluster_with(lines_without()) as cluster:
        job = Job(cluster, cluster.folder / "job")
        job.submit("--time=1", "--signal=B:TERM@45")
        job.logged("WEXITSTATUS 85")
        job.logged("Requeuing")
        job.goes_on()
        assert "Restarts=1" in job.ask(f"scontrol show job {job.id}")
        job.ends_well()


def preempt(job: Job) -> None:
    said = job.ask("sbatch --partition=urgent --exclusive --output=/dev/null --wrap true")
    assert said.startswith("Submitted"), said


@pytest.mark.stress
def test_a_preemption() -> None:
    with cluster_with(lines_without()) as cluster:
        job = Job(cluster, cluster.folder / "job")
        job.submit()
        for life in range(1, 4):
            preempt(job)
            job.logged("WEXITSTATUS 85", life)
            job.logged("Requeuing", life)
            job.goes_on()
        job.ends_well()
        keep_log("slurm-preempted", job.log())


@pytest.mark.stress
def test_a_preemption_without_preempt_send_user_signal() -> None:
    """The time of grace begins, with a signal to the steps; and the job knows nothing."""
    with cluster_with(lines_without("SlurmctldParameters=preempt_send_user_signal")) as cluster:
        job = Job(cluster, cluster.folder / "job")
        job.submit()
        preempt(job)
        job.logged("job_signal: 15 of running")
        job.goes_on()
        assert "WEXITSTATUS" not in job.log() and not (job.folder / "image").exists()
        job.ends_well()


@pytest.mark.stress
def test_a_preemption_without_grace() -> None:
    """All processes of the job are ended, so the program is, too."""
    with cluster_with(lines_without(" GraceTime=300")) as cluster:
        job = Job(cluster, cluster.folder / "job")
        job.submit()
        preempt(job)
        job.logged("preempted JobId=.* has been requeued to reclaim resources")
        wait_for("the node says why", lambda: "DUE TO PREEMPTION" in (cluster.folder / "node1.log").read_text(), 60)
        assert "WEXITSTATUS 85" not in job.log()
