"""Grading on a cluster: the engine with a real slurmctld and three real slurmd on this machine."""
from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Callable, Iterator, Optional

import pytest

import slurm_cluster
from batch import engine_slurm, slurm_array, slurm_queue
from batch.engine_slurm import Times
from batch.engines import EngineError, Job
from conftest import TOP
from reports import results
from slurm_cluster import Cluster, wait_for

pytestmark = pytest.mark.xdist_group("slurm")  # what is made once is made by one worker

QUICK = Times(poll=0.1, patience=30, grace=0.3)

# A job of a test: it notes each of its lives (a line in NAME.lives: node, start, pid), does what the test says,
# and leaves its result.
JOB = """\
name=$1 result=$2
echo "$SLURMD_NODENAME $(date +%s.%N) $$" >>"$result.lives"
{what}
date +%s.%N >"$result.partial" && mv "$result.partial" "$result"
"""

# The engine in a process of its own, to be interrupted or killed.
DRIVER = """\
import json, sys
from batch import engine_slurm
from batch.engines import Job
from pathlib import Path

class Watcher:
    def started(self, name): print("started", name, flush=True)
    def done(self, name, seconds): print("done", name, flush=True)
    def failed(self, name, why): print("failed", name, why, flush=True)

rows = json.loads(sys.argv[1])
jobs = [Job(row["name"], row["command"], Path(row["result"]), row["limit"]) for row in rows]
try:
    engine_slurm.run(jobs, 4, Watcher(), Path(sys.argv[2]), engine_slurm.Times(poll=0.1, patience=30, grace=0.3))
except KeyboardInterrupt:
    sys.exit(130)
"""


class Log:
    """A watcher that keeps all it hears, and may do something when a job starts."""

    def __init__(self, on_start: Optional[Callable[[str], None]] = None) -> None:
        self.lines: list[str] = []
        self.why: dict[str, str] = {}
        self._on_start = on_start

    def started(self, name: str) -> None:
        self.lines.append(f"started {name}")
        if self._on_start:
            self._on_start(name)

    def done(self, name: str, seconds: float) -> None:
        assert seconds >= 0
        self.lines.append(f"done {name}")

    def failed(self, name: str, why: str) -> None:
        self.lines.append(f"failed {name}")
        self.why[name] = why

    def ends(self) -> list[str]:
        return sorted(line for line in self.lines if not line.startswith("started"))


class Class:
    """Jobs, their results, and the engine's scratch folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scratch = folder / "work"
        (folder / "results").mkdir(parents=True)

    def job(self, name: str, what: str = ":", limit: float = 120) -> Job:
        result = self.folder / "results" / name
        return Job(name, ["sh", "-c", JOB.format(what=what), "sh", name, str(result)], result, limit)

    def hangs_once(self, name: str) -> Job:
        """A job that never ends in its first life, and is good in the next."""
        return self.job(name, f'[ "$(wc -l <"$result.lives")" = 1 ] && {self.until("never")}')

    def lives(self, job: Job) -> list[list[str]]:
        """Node, start and pid of each life of a job."""
        try:
            return [line.split() for line in Path(f"{job.result}.lives").read_text().splitlines()]
        except FileNotFoundError:
            return []

    def until(self, name: str) -> str:
        """Shell: waits until the test makes a file."""
        return f"until [ -e {self.folder}/{name} ]; do sleep 0.05; done"

    def release(self, name: str) -> None:
        (self.folder / name).touch()

    def run(self, jobs: list[Job], on_start: Optional[Callable[[str], None]] = None, width: int = 6,
            times: Times = QUICK) -> Log:
        log = Log(on_start)
        engine_slurm.run(jobs, width, log, self.scratch, times)
        return log

    def start(self, jobs: list[Job]) -> subprocess.Popen[str]:
        """The engine in a process of its own."""
        rows = [{"name": job.name, "command": job.command, "result": str(job.result), "limit": job.limit}
                for job in jobs]
        return subprocess.Popen([sys.executable, "-B", "-c", DRIVER, json.dumps(rows), str(self.scratch)],
                                text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                env={**os.environ, "PYTHONPATH": str(TOP / "grader")})


@pytest.fixture(scope="module")
def daemons() -> Iterator[Cluster]:
    why = slurm_cluster.missing()
    if why:
        pytest.skip(f"no Slurm cluster can be started here: {why}")
    folder = Path(tempfile.mkdtemp(prefix="ckptlab-slurm-"))
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        killed = cluster.stop()
        left = cluster.processes()
        shutil.rmtree(folder)
    assert not left
    assert not killed, "they did not end by themselves"


@pytest.fixture
def cluster(daemons: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """With nothing in the queue, before and after."""
    monkeypatch.setenv("SLURM_CONF", str(daemons.conf))
    monkeypatch.delenv("CKPTLAB_SBATCH", raising=False)
    yield daemons
    daemons.ask("scancel", "--user=root")
    wait_for("the queue is empty", lambda: not daemons.tasks())
    daemons.repair()


@pytest.fixture
def group(tmp_path: Path) -> Class:
    return Class(tmp_path)


def most_at_once(spans: list[tuple[float, float]]) -> int:
    return max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)


def test_a_class_on_three_nodes(cluster: Cluster, group: Class) -> None:
    jobs = [group.job(f"student {number}", "sleep 0.3") for number in range(8)]
    log = group.run(jobs, width=4)
    assert log.ends() == sorted(f"done {job.name}" for job in jobs)
    assert all(len(group.lives(job)) == 1 for job in jobs), "one life each"
    assert {group.lives(job)[0][0] for job in jobs} == set(cluster.names)
    spans = [(float(group.lives(job)[0][1]), float(job.result.read_text())) for job in jobs]
    assert 1 < most_at_once(spans) <= 4, "width"


def test_make_grade_on_the_cluster(cluster: Cluster, tmp_path: Path) -> None:
    """The real thing: submissions, jobs in their sandboxes on the nodes, reports."""
    for name in ("ada", "bob", "eve"):
        ignore = shutil.ignore_patterns("build", "readmaps")
        stage = shutil.copytree(TOP / "solution/stage1-readmaps", tmp_path / "class" / name / "stage1-readmaps", ignore=ignore)
    with (stage / "region_plan.c").open("a") as file:
        file.write("no C\n")
    command = [TOP / "grader/grade", tmp_path / "class", "-o", tmp_path / "out", "--engine", "slurm", "-j", "3",
               "--stage", "1"]
    done = subprocess.run([str(word) for word in command], text=True, timeout=600, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    found = {result.name: result for result in results.load_all(tmp_path / "out/results")}
    assert {name: result.points for name, result in found.items()} == {"ada": 20, "bob": 20, "eve": 0}, done.stdout
    assert found["eve"].stages[0].cause == "does-not-build" and found["ada"].sandbox
    assert (tmp_path / "out/index.html").exists() and list((tmp_path / "out" / "work" / "engine").rglob("*"))


def test_what_a_task_finds(cluster: Cluster, group: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CKPTLAB_PATIENCE", "a 'quoted' $word")
    monkeypatch.setenv("SECRET", "of the submitting shell")
    monkeypatch.setenv("SQUEUE_PARTITION", "all")  # would hide tasks from the engine
    monkeypatch.setenv("CKPTLAB_SBATCH", "--partition=short --comment='two words'")
    job = group.job("a", 'env >"$result.env"; ulimit -s >>"$result.env"; date >>"$result.env"')
    assert group.run([job]).ends() == ["done a"]
    found = Path(f"{job.result}.env").read_text()
    assert "CKPTLAB_PATIENCE=a 'quoted' $word\n" in found
    assert f"PATH={os.environ['PATH']}\n" in found
    assert "SECRET" not in found and "SBATCH" not in found
    assert "\n8192\n" in found


def test_results_that_are_there_are_not_made_again(cluster: Cluster, group: Class) -> None:
    jobs = [group.job("old"), group.job("new")]
    jobs[0].result.write_text("as it was")
    assert group.run(jobs).ends() == ["done new", "done old"]
    assert jobs[0].result.read_text() == "as it was" and not group.lives(jobs[0])


# What becomes of the jobs of test_trouble: the end, the lives, words of the reason.
ENDS: dict[str, tuple[str, int, list[str]]] = {
    "good": ("done", 1, []),
    "killed": ("done", 2, []),
    "cancelled": ("done", 2, []),
    "fails": ("failed", 3, ["3 tries", "FAILED (NonZeroExitCode) on node", "no compiler", "exit status 3"]),
    "silent": ("failed", 3, ["3 tries", "COMPLETED on node", "exit status 0"]),
    "slow": ("failed", 3, ["3 tries", "FAILED", "ended after 1 seconds, the time limit"]),
}


def test_trouble(cluster: Cluster, group: Class) -> None:
    """One run in which much goes wrong."""
    jobs = {job.name: job for job in [
        group.job("good"), group.hangs_once("killed"), group.hangs_once("cancelled"),
        group.job("fails", "echo 'no compiler' >&2; exit 3"), group.job("silent", "exit 0"),
        group.job("slow", group.until("never"), limit=1)]}

    def harm(name: str) -> None:
        wait_for("it lives", lambda: bool(group.lives(jobs[name])))
        if name == "killed":
            os.kill(int(group.lives(jobs[name])[0][2]), signal.SIGKILL)
        if name == "cancelled":
            _, array, index, *_ = next(task for task in cluster.tasks() if task[2] == "2")
            cluster.ask("scancel", "--signal=KILL", f"{array}_{index}")

    log = group.run(list(jobs.values()), harm)
    assert sorted(log.lines) == sorted([f"started {name}" for name in ENDS]
                                       + [f"{ENDS[name][0]} {name}" for name in ENDS])
    for name, (_, lives, words) in ENDS.items():
        assert len(group.lives(jobs[name])) == lives, name
        assert all(word in log.why[name] for word in words), log.why[name]


def test_ctrl_c_cancels_and_the_next_run_goes_on(cluster: Cluster, group: Class) -> None:
    jobs = [group.job("quick"), *(group.job(f"slow{number}", group.until("go")) for number in range(6))]
    engine = group.start(jobs)
    assert engine.stdout
    wait_for("one is done, others run", lambda: jobs[0].result.exists() and len(cluster.tasks("--states=R")) > 1)
    engine.send_signal(signal.SIGINT)
    assert engine.wait(30) == 130, engine.stdout.read()
    wait_for("the queue is empty", lambda: not cluster.tasks())
    assert "cancelling" in engine.stdout.read()
    assert [job.name for job in jobs if job.result.exists()] == ["quick"]
    group.release("go")
    assert len(group.run(jobs).ends()) == 7
    assert all(job.result.exists() for job in jobs) and len(group.lives(jobs[0])) == 1


def test_the_array_of_a_dead_engine_is_picked_up(cluster: Cluster, group: Class) -> None:
    jobs = [group.job("quick"), *(group.job(f"slow{number}", group.until("go")) for number in range(5)),
            group.job("dropped", group.until("go"))]
    engine = group.start(jobs)
    wait_for("one is done, others run", lambda: jobs[0].result.exists() and len(cluster.tasks("--states=R")) == 4)
    engine.kill()
    engine.wait()
    wanted = [*jobs[:-1], group.job("added")]
    widths = []

    def go(name: str) -> None:
        widths.append("ArrayTaskThrottle=6" in cluster.ask("scontrol", "show", "job"))
        group.release("go")

    log = group.run(wanted, go, width=6)
    assert log.ends() == sorted(f"done {job.name}" for job in wanted)
    assert [len(group.lives(job)) for job in wanted] == [1] * 7, "nothing ran twice"
    assert not group.lives(jobs[-1]), "what is not wanted any more is cancelled"
    assert widths[0], "and the width is the new one"


def test_a_lost_answer_submits_once(cluster: Cluster, group: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    """sbatch says that it failed, but the array is in the queue."""
    real = shutil.which("sbatch")
    stand_in(group.folder, "sbatch", f'echo call >>{group.folder}/calls; {real} "$@"; echo "timed out" >&2; exit 1')
    monkeypatch.setenv("PATH", f"{group.folder}:{os.environ['PATH']}")
    job = group.job("a")
    assert group.run([job]).ends() == ["done a"]
    assert (group.folder / "calls").read_text() == "call\n" and len(group.lives(job)) == 1


def test_many_jobs_need_several_arrays(cluster: Cluster, group: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CKPTLAB_ARRAY", "3")
    jobs = [group.job(f"student{number}") for number in range(4)]
    assert len(group.run(jobs).ends()) == 4
    assert all(job.result.exists() for job in jobs)
    assert len({path.name.rpartition("-")[0] for path in (group.scratch / "slurm/log").iterdir()}) == 2


@pytest.mark.parametrize("options, words", [
    ("-p nowhere", "invalid partition"),
    ("--no-such-option", "unrecognized option"),
    ("-p 'open", "CKPTLAB_SBATCH: No closing quotation"),
])
def test_what_slurm_refuses_is_told(cluster: Cluster, group: Class, monkeypatch: pytest.MonkeyPatch, options: str,
                                    words: str) -> None:
    monkeypatch.setenv("CKPTLAB_SBATCH", options)
    with pytest.raises(EngineError, match=words) as error:
        group.run([group.job("a")])
    assert "CKPTLAB_SBATCH" in str(error.value)


def test_what_can_never_start_is_told(cluster: Cluster, group: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CKPTLAB_SBATCH", "-p short")
    with pytest.raises(EngineError, match="PartitionTimeLimit.* 11 minutes"):
        group.run([group.job("a", limit=600)])
    wait_for("the queue is empty", lambda: not cluster.tasks())


# Without a cluster.


def stand_in(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_a_silent_controller_is_given_up(group: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(group.folder, "scontrol", f"echo call >>{group.folder}/calls; echo 'Unable to contact' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{group.folder}:{os.environ['PATH']}")
    with pytest.raises(EngineError, match="has not answered for .* Unable to contact"):
        group.run([group.job("a")], times=Times(poll=0.1, patience=0.3))
    assert len((group.folder / "calls").read_text().splitlines()) > 1, "it was tried again"


def test_missing_programs_are_told(group: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(group.folder))
    with pytest.raises(EngineError, match="scontrol is not installed here"):
        group.run([group.job("a")])


def test_a_cluster_without_arrays_is_told(group: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(group.folder, "scontrol", "echo 'MaxArraySize            = 0'")
    monkeypatch.setenv("PATH", f"{group.folder}:{os.environ['PATH']}")
    with pytest.raises(EngineError, match="no job arrays"):
        group.run([group.job("a")])


@pytest.mark.parametrize("size", ["0", "-1", "many"])
def test_a_wrong_size_is_told(group: Class, monkeypatch: pytest.MonkeyPatch, size: str) -> None:
    stand_in(group.folder, "scontrol", "echo 'MaxArraySize = 1001'")
    monkeypatch.setenv("PATH", f"{group.folder}:{os.environ['PATH']}")
    monkeypatch.setenv("CKPTLAB_ARRAY", size)
    with pytest.raises(EngineError, match="CKPTLAB_ARRAY"):
        group.run([group.job("a")])


def test_nothing_to_do_needs_no_slurm(group: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(group.folder))
    job = group.job("a")
    job.result.write_text("")
    assert group.run([job]).ends() == ["done a"]
    assert group.run([]).ends() == []


def test_squeue_s_lines() -> None:
    text = ("CLUSTER: lab\n"
            "9|7|0|RUNNING|node1|1-02:03:04|None\n"
            "7|7|1|PENDING||0:00|launch failed requeued held\n"
            "8|8|N/A|RUNNING|node1|0:01|None\n"
            "10|7|2|STRANGE|node2|INVALID|a|b\n"
            "11|7|3|OUT_OF_MEMORY|node2|2:01|OutOfMemory\n")
    tasks = slurm_queue.parse(text)
    assert [task.index for task in tasks] == [0, 1, 2, 3]
    assert [task.alive for task in tasks] == [True, False, True, False]
    assert [task.seconds for task in tasks] == [93784, 0, 0, 121]
    assert tasks[2].reason == "a|b"


def test_a_note_is_read_as_it_was_written(group: Class) -> None:
    array = slurm_array.new_array([group.job("a"), group.job("ü b")])
    slurm_array.write_note(array, group.folder)
    assert slurm_array.read_note(group.folder) == array
    for text in ("", "{", "[]", '{"name": "x"}', '{"name": "x", "jobs": [1]}'):
        (group.folder / slurm_array.NOTE).write_text(text)
        assert slurm_array.read_note(group.folder) is None


@pytest.mark.parametrize("limit, minutes", [(1, 2), (60, 2), (60.5, 3), (600, 11)])
def test_the_limit_in_minutes(group: Class, limit: float, minutes: int) -> None:
    jobs = [group.job("a", limit=0.5), group.job("b", limit=limit)]
    assert slurm_array.new_array(jobs).minutes == minutes


def test_the_script_runs_any_words(group: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["sh", "-c", 'for word; do printf "<%s>" "$word"; done', "sh", "a b", "'", '"', "$HOME", "`id`",
             "\\", "", "{x}", "two\nlines", ";;", "esac", "%a"]
    job = Job("a", words, group.folder / "it's", 5)
    text = slurm_array.script(slurm_array.new_array([group.job("other"), job]))
    environment = {**os.environ, "SLURM_ARRAY_TASK_ID": "1", "SLURMD_NODENAME": "n", "SLURM_JOB_ID": "1"}
    done = subprocess.run(["sh"], input=text, text=True, env=environment, stdout=subprocess.PIPE, timeout=30)
    assert "".join(f"<{word}>" for word in words[4:]) in done.stdout and done.returncode == 0
    job.result.write_text("")
    done = subprocess.run(["sh"], input=text, text=True, env=environment, stdout=subprocess.PIPE, timeout=30)
    assert done.stdout == "" and done.returncode == 0, "its result is there"


# What takes long.


@pytest.mark.stress
def test_a_node_that_is_lost(cluster: Cluster, group: Class) -> None:
    """slurmd and all on the node die; Slurm sees it, and starts the tasks on other nodes."""
    job = group.hangs_once("a")

    def crash(name: str) -> None:
        wait_for("it lives", lambda: bool(group.lives(job)))
        cluster.crash(group.lives(job)[0][0])

    assert group.run([job], crash).ends() == ["done a"]
    first, second = (life[0] for life in group.lives(job))
    assert first != second


@pytest.mark.stress
def test_a_node_that_is_set_down(cluster: Cluster, group: Class) -> None:
    job = group.hangs_once("a")

    def down(name: str) -> None:
        wait_for("it lives", lambda: bool(group.lives(job)))
        cluster.ask("scontrol", "update", f"NodeName={group.lives(job)[0][0]}", "State=DOWN", "Reason=test")

    log = group.run([job], down)
    assert log.lines == ["started a", "done a"] and len(group.lives(job)) == 2
    assert len(list((group.scratch / "slurm/log").iterdir())) == 1, "the same array"


@pytest.mark.stress
def test_a_preempted_task(cluster: Cluster, group: Class) -> None:
    """More urgent work takes all nodes. It waits, and runs again under the same number; no try is counted."""
    job = group.hangs_once("a")

    def preempt(name: str) -> None:
        wait_for("it lives", lambda: bool(group.lives(job)))
        assert cluster.ask("sbatch", "--partition=urgent", "--nodes=3", "--exclusive", "--output=/dev/null",
                           f"--chdir={group.folder}", "--wrap", group.until("go"))
        wait_for("it waits", lambda: [task[3] for task in cluster.tasks() if task[2] == "0"] == ["PENDING"])
        group.release("go")

    log = group.run([job], preempt)
    assert log.lines == ["started a", "done a"] and len(group.lives(job)) == 2
    assert len(list((group.scratch / "slurm/log").iterdir())) == 1, "the same array"


@pytest.mark.stress
def test_a_task_that_brings_its_node_down(cluster: Cluster, group: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_slurm, "RESTARTS", 2)
    itself = f"export SLURM_CONF={cluster.conf}; scontrol requeue $(squeue --noheader --array --format=%F_%K)"
    job = group.job("a", f"{itself}; {group.until('never')}")
    log = group.run([job])
    assert log.ends() == ["failed a"] and "start it again 2 times" in log.why["a"]
    assert len(group.lives(job)) == 2


@pytest.mark.stress
def test_slurm_s_own_time_limit(cluster: Cluster, group: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script's own limit comes first; here it is taken away."""
    monkeypatch.setattr(engine_slurm, "TRIES", 1)
    monkeypatch.setattr(slurm_array, "MARGIN", 0)
    own = 'timeout --verbose --kill-after=10 "$limit" '
    assert own in slurm_array.TASK
    monkeypatch.setattr(slurm_array, "TASK", slurm_array.TASK.replace(own, ""))
    log = group.run([group.job("a", group.until("never"), limit=1)])
    assert log.ends() == ["failed a"] and "TIMEOUT (TimeLimit)" in log.why["a"]


@pytest.mark.stress
def test_the_controller_is_away(cluster: Cluster, group: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the engine sees it: squeue fails, and is asked again."""
    stand_in(group.folder, "squeue", f'{shutil.which("squeue")} "$@" || {{ touch {group.folder}/failed; exit 1; }}')
    monkeypatch.setenv("PATH", f"{group.folder}:{os.environ['PATH']}")
    jobs = [group.job("a", group.until("failed")), group.job("b")]

    def come_back() -> None:
        wait_for("the engine notices", (group.folder / "failed").exists)
        cluster.start_controller()

    def kill(name: str) -> None:
        if name == "a":
            cluster.kill("slurmctld")
            thread.start()

    thread = threading.Thread(target=come_back)
    assert group.run(jobs, kill).ends() == ["done a", "done b"]
    thread.join()
    assert [len(group.lives(job)) for job in jobs] == [1, 1]


@pytest.mark.stress
def test_a_task_that_cannot_be_launched(cluster: Cluster, group: Class) -> None:
    """Slurm drains the node and holds the task for ever; it must go elsewhere."""
    for name in cluster.names[:2]:
        cluster.break_launching(name)
    jobs = [group.job(f"student{number}") for number in range(3)]
    log = group.run(jobs)
    assert len(log.ends()) == 3 and all(line.startswith("done") for line in log.ends()), log.why
    assert {group.lives(job)[0][0] for job in jobs} == {cluster.names[2]}
    assert [cluster.states()[name] for name in cluster.names] == ["drained", "drained", "idle"], "it did go wrong"


@pytest.mark.stress
def test_a_node_that_does_not_see_the_folder(cluster: Cluster, group: Class) -> None:
    cluster.hide(group.folder)
    log = group.run([group.job("a")])
    assert log.ends() == ["failed a"]
    assert "it left no" in log.why["a"] and "see this folder?" in log.why["a"]


@pytest.mark.stress
def test_a_large_class(cluster: Cluster, group: Class) -> None:
    """More jobs than this cluster's MaxArraySize."""
    jobs = [group.job(f"student{number}") for number in range(cluster.array + 20)]
    log = group.run(jobs)
    assert log.ends() == sorted(f"done {job.name}" for job in jobs)
    assert all(len(group.lives(job)) == 1 for job in jobs)
