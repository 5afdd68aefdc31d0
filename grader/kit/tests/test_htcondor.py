"""stage6-remote/engines/htcondor in a real pool: a program that nobody wrote for it is evicted, and goes on."""
from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import condor_pool
from condor_pool import Pool, wait_for
from engine_jobs import ENGINES, IN_MEMORY, PERL, PROGRAMS, PYTHON, ROUNDS, SUM, commands, keep_log, sql, straight
from kit import built, rundocs
from kit.systems import NOT_TRIED, NotHere

pytestmark = [pytest.mark.stress, pytest.mark.xdist_group("htcondor"), pytest.mark.timeout(5400)]  # a chroot, at first

@pytest.fixture(name="pool", scope="module")
def pool_fixture() -> Iterator[Pool]:
    folder = Path(tempfile.mkdtemp(prefix="ckptlab-htcondor-"))
    try:
        pool = Pool(condor_pool.make_root(), folder, built.solution() / "stage6-remote")
    except NotHere as why:
        pytest.skip(f"{NOT_TRIED}{why}")
    try:
        pool.start()
        yield pool
    finally:
        pool.stop()
        shutil.rmtree(folder)


class Submitted:
    """A job in a folder of its own, as a user makes it: copies of the engine's files and of the stage's programs."""

    def __init__(self, pool: Pool, name: str, sources: dict[str, str]) -> None:
        self.pool, self.name = pool, name
        self.folder = pool.folder / name
        shutil.copytree(pool.stage.parent / ENGINES / "htcondor", self.folder)
        (self.folder / "state").mkdir()
        for program in PROGRAMS:
            shutil.copy2(pool.stage / program, self.folder)
        for file, text in sources.items():
            (self.folder / file).write_text(text)
        pool.own(self.folder)
        self.id = ""

    def ask(self, *words: str) -> str:
        return self.pool.ask(*words, folder=f"/pool/{self.name}")

    def submit(self, *words: str) -> None:
        said = self.ask("condor_submit", "-terse", *words)
        assert re.match(r"\d+\.0 ", said), said
        self.id = said.split()[0]

    def log(self) -> str:
        return (self.folder / "log").read_text() if (self.folder / "log").exists() else ""

    def count(self, event: str) -> int:
        return len(re.findall(rf"^{event} ", self.log(), re.M))

    def wait_for(self, event: str, count: int = 1) -> None:
        self.wait(f"event {event}", lambda: self.count(event) >= count or self.count("012") > 0)
        assert self.count(event) >= count, self.log()

    def wait(self, what: str, event: Callable[[], bool]) -> None:
        try:
            wait_for(what, event)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.log()}\n{self.ask('sh', '-c', 'condor_q -long; cat err')}") from late

    def round(self, number: int) -> None:
        """The program is there, and waits."""
        self.wait(f"round {number}", (self.pool.folder / f"{self.name}.up{number}").exists)

    def go(self, number: int) -> None:
        (self.pool.folder / f"{self.name}.go{number}").touch()

    def evict(self, number: int, *words: str) -> None:
        """In the middle of a round; it goes on there, and the next time, elsewhere, it ends that round."""
        self.round(number)
        self.ask(*(words or ("condor_vacate_job", self.id)))
        self.wait_for("004", number)
        self.wait_for("001", number + 1)
        self.go(number)

    def out(self) -> list[str]:
        return (self.folder / "out").read_text().splitlines()

    def places(self) -> list[str]:
        return re.findall(r'CondorScratchDir = "(.*)"', self.log())


def statuses(job: Submitted, command: str) -> list[str]:
    """Of each life, as its starter saw them end."""
    lines = [line for path in sorted((job.pool.folder / "log").glob("StarterLog.slot*")) for line in path.open()]
    found: list[str] = []
    its = False
    for line in lines:
        its = command in line if "About to exec" in line else its
        found += re.findall(r"Process exited, pid=\d+, status=(\d+)", line) if its else []
    return found


JOBS = {
    "python3": ("/usr/bin/python3 job.py", "job.py", PYTHON),
    "perl": ("/usr/bin/perl job.pl", "job.pl", PERL),
    "sqlite3": ("/usr/bin/sqlite3 state/db", "", ""),
}


@pytest.mark.parametrize("name", JOBS)
def test_evicted_three_times(pool: Pool, tmp_path: Path, name: str) -> None:
    command, file, source = JOBS[name]
    mark = f"/pool/{name}"
    job = Submitted(pool, name, {file or "script.sql": source or sql(mark, IN_MEMORY)})
    words = [f"program={command} {mark}" if file else f"program={command}", f"files={file}", "" if file else "stdin=script.sql"]
    job.submit("job.sub", *filter(None, words))
    for number in range(1, ROUNDS):
        job.evict(number)
    job.go(ROUNDS)
    job.wait_for("005")
    (tmp_path / (file or "script.sql")).write_text(source)
    expected = straight(tmp_path, [*command.split(), "mark"] if file else command.split(), sql("mark", IN_MEMORY))
    assert job.out() == expected
    if file:
        assert (job.folder / "state/result").read_text() == (tmp_path / "state/result").read_text()
    assert len(set(job.places())) == ROUNDS, "each life is in a folder of its own"
    assert not list(job.folder.rglob("image"))
    assert sorted(statuses(job, command)) == ["0", "85", "85", "85"], job.ask("sh", "-c", "cat err; ls -la . state")
    shadows = (pool.folder / "log/ShadowLog").read_text()
    assert shadows.count(f"Job {job.id} is being evicted") == 3 and f"Job {job.id} terminated: exited with status 0" in shadows
    keep_log(f"htcondor-{name}", job.log())


def changed(job: Submitted, old: str, new: str, file: str = "job.sub") -> None:
    path = job.folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def python(pool: Pool, name: str) -> tuple[Submitted, list[str]]:
    return Submitted(pool, name, {"job.py": PYTHON}), [f"program=/usr/bin/python3 job.py /pool/{name}", "files=job.py"]


def test_its_text(pool: Pool) -> None:
    """What README shows is typed in a copy of the folder, and comes out."""
    job = Submitted(pool, "text", {"script.sql": sql("/pool/text", IN_MEMORY)})
    (job.folder / "state").rmdir()
    cluster = ""
    for command in commands("htcondor"):
        if command.text.startswith("condor_vacate_job"):
            job.round(1)
        if command.text.startswith("condor_wait"):
            job.wait_for("001", 2)
            for number in range(1, ROUNDS + 1):
                job.go(number)
        said = job.ask("sh", "-c", re.sub(r"\b1\.0\b", f"{cluster}.0", command.text))
        cluster = cluster or "".join(re.findall(r"cluster (\d+)", said))
        said = said.replace(f"({int(cluster or 1):03}.", "(001.").replace(f" {cluster}.0", " 1.0")
        said = said.replace(f"cluster {cluster}.", "cluster 1.")
        expected = [re.sub(r"dir_\d+", "dir_...", line) for line in command.expected]
        assert rundocs.same(expected, said.splitlines()), f"{command.text}:\n{said}"
    assert job.out()[-1] == SUM


def test_sqlite3_does_not_find_its_journal(pool: Pool) -> None:
    job = Submitted(pool, "journal", {"script.sql": sql("/pool/journal")})
    job.submit("job.sub", "program=/usr/bin/sqlite3 state/db", "stdin=script.sql")
    job.evict(1)
    for number in range(2, ROUNDS + 1):
        job.go(number)
    job.wait_for("005")
    assert "(return value 1)" in job.log() and "disk I/O error" in job.ask("cat", "err")


def test_without_checkpoint_exit_code_the_output_begins_anew(pool: Pool) -> None:
    job, words = python(pool, "anew")
    changed(job, "checkpoint_exit_code    = 85\n", "")
    job.submit("job.sub", *words)
    job.evict(1)
    for number in range(2, ROUNDS + 1):
        job.go(number)
    job.wait_for("005")
    assert job.out()[0] == "round 2"
    assert "_condor_stdout: made anew, without the 8 bytes" in (job.folder / "err").read_text()


def test_an_image_that_is_named_by_itself_is_missing_at_the_end(pool: Pool) -> None:
    job, words = python(pool, "named")
    changed(job, "transfer_output_files   = state", "transfer_output_files   = state, image")
    changed(job, "-o state/image", "-o image")
    job.submit("job.sub", *words)
    job.evict(1)
    for number in range(2, ROUNDS + 1):
        job.go(number)
    job.wait_for("012")
    assert re.search(r"reading from file \S*/image: \(errno 2\)", job.log())


def test_transfer_checkpoint_files_do_not_count_on_eviction(pool: Pool) -> None:
    job, words = python(pool, "uncounted")
    changed(job, "transfer_output_files   = state", "transfer_output_files   = state/result\ntransfer_checkpoint_files = state")
    job.submit("job.sub", *words)
    job.evict(1)
    for number in range(2, ROUNDS + 1):
        job.go(number)
    job.wait_for("005")
    assert job.out().count("round 1") == 2, "it began again"


def test_a_restart_that_is_refused_is_held(pool: Pool) -> None:
    job, words = python(pool, "refused")
    (job.folder / "state/image").write_text("not an image")
    pool.own(job.folder)
    job.submit("job.sub", *words)
    job.wait_for("012")
    assert "ExitCode =?= 65" in job.log()


MAPS = """
import mmap, os
with open("state/data", "w+b") as file:
    file.write(b"x" * 4096)
    file.flush()
    window = mmap.mmap(file.fileno(), 4096)
open("/pool/maps.up1", "w").close()
while window[0] != ord("y") and not os.path.exists("/pool/maps.go1"):
    pass
"""


def test_a_mapped_file_of_the_sandbox_is_another_there(pool: Pool) -> None:
    job = Submitted(pool, "maps", {"job.py": MAPS})
    job.submit("job.sub", "program=/usr/bin/python3 job.py", "files=job.py")
    job.round(1)
    job.ask("condor_vacate_job", job.id)
    job.wait_for("012")
    assert "ExitCode =?= 66" in job.log() and "state/data" in job.ask("cat", "err")
    assert (job.folder / "state/image").exists()


def test_another_exit_status(pool: Pool) -> None:
    """...for a program that has 85 of its own."""
    job = Submitted(pool, "status", {"job.py": PYTHON.replace('print("end"', 'sys.exit(85) # ')})
    changed(job, "checkpoint_exit_code    = 85", "checkpoint_exit_code    = 99")
    changed(job, "--evict ", "--evict=99 ")
    job.submit("job.sub", "program=/usr/bin/python3 job.py /pool/status", "files=job.py")
    job.evict(1)
    for number in range(2, ROUNDS + 1):
        job.go(number)
    job.wait_for("005")
    assert "(return value 85)" in job.log() and statuses(job, "/pool/status") == ["99", "85"]


def test_periodic(pool: Pool, tmp_path: Path) -> None:
    """Three times its image goes home; then the machine takes it away at once, and it goes on from the last."""
    job, words = python(pool, "periodic")
    job.submit("periodic.sub", "seconds=1", *words)
    for number in range(1, ROUNDS):
        job.round(number)
        sent = uploads(job)
        job.wait(f"upload {number}", lambda: uploads(job) >= sent + 2)  # noqa: B023
        job.go(number)
    job.round(ROUNDS)
    sent = uploads(job)
    job.wait("the last upload", lambda: uploads(job) >= sent + 2)
    assert len(job.places()) == 1 and job.count("004") == 0, "on the same machine, in the same folder, and not evicted"
    sent = uploads(job)
    job.ask("condor_vacate_job", "-fast", job.id)
    job.wait_for("004")
    assert uploads(job) == sent, "nobody asked it"
    job.wait_for("001", 2)
    job.go(ROUNDS)
    job.wait_for("005")
    keep_log("htcondor-periodic", job.log())
    (tmp_path / "job.py").write_text(PYTHON)
    assert job.out() == straight(tmp_path, ["/usr/bin/python3", "job.py", "mark"])
    assert (job.folder / "state/result").read_text() == (tmp_path / "state/result").read_text()
    assert len(set(job.places())) == 2


def uploads(job: Submitted) -> int:
    return job.log().count("Finished transferring output files")
