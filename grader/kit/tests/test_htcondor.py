"""stage6-remote/engines/htcondor in a real pool: a program that nobody wrote for it is evicted, and goes on."""
from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import condor_pool
from condor_pool import Pool, wait_for
from kit import built, rundocs
from kit.systems import NOT_TRIED, NotHere

pytestmark = [pytest.mark.stress, pytest.mark.xdist_group("htcondor")]

ROUNDS = 4  # an eviction between two of them
PYTHON = """
import hashlib, os, sys, time
chain = b"start"
for number in range(1, 5):
    for _ in range(1000):
        chain = hashlib.sha256(chain).digest()
    print(number, chain.hex(), file=open("state/result", "a"))
    print("round", number, flush=True)
    open(f"{sys.argv[1]}.up{number}", "w").close()
    while not os.path.exists(f"{sys.argv[1]}.go{number}"):
        time.sleep(0.01)
print("end", chain.hex())
"""
PERL = r"""
$| = 1;
my $x = 1;
open my $result, ">", "state/result";
for my $number (1 .. 4) {
    $x = ($x * 16807) % 2147483647 for 1 .. 1000;
    syswrite $result, "$number $x\n";
    print "round $number\n";
    open my $up, ">", "$ARGV[0].up$number";
    close $up;
    select undef, undef, undef, 0.01 until -e "$ARGV[0].go$number";
}
print "end $x\n";
"""


def sql(mark: str) -> str:
    """One transaction, read from standard input a bit at a time; its waits are queries."""
    lines = ["CREATE TABLE t(n INTEGER, text TEXT);", "BEGIN;"]
    for number in range(1, ROUNDS + 1):
        lines += [f"INSERT INTO t VALUES({number * 1000 + i}, '{'x' * 40}');" for i in range(200)]
        lines += [f"SELECT 'round {number}' WHERE writefile('{mark}.up{number}', '') = 0;",
                  "SELECT 'went on' WHERE (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c "
                  f"WHERE readfile('{mark}.go{number}') IS NULL) SELECT count(*) FROM c) > 0;"]
    return "\n".join([*lines, "COMMIT;", "SELECT count(*), sum(n) FROM t;", ""])


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
        shutil.copytree(pool.stage / "engines/htcondor", self.folder)
        (self.folder / "state").mkdir()
        for program in ("ckpt", "restart", "libckpt.so"):
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


def straight(folder: Path, command: list[str], stdin: str = "") -> list[str]:
    """What the program prints when nobody disturbs it."""
    (folder / "state").mkdir()
    for number in range(1, ROUNDS + 1):
        (folder / f"mark.go{number}").touch()
    done = subprocess.run(command, cwd=folder, input=stdin, text=True, check=True, capture_output=True)
    return done.stdout.splitlines()


PROGRAMS = {
    "python3": ("/usr/bin/python3 job.py", "job.py", PYTHON),
    "perl": ("/usr/bin/perl job.pl", "job.pl", PERL),
    "sqlite3": ("/usr/bin/sqlite3 state/db", "", ""),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_evicted_three_times(pool: Pool, tmp_path: Path, name: str) -> None:
    command, file, source = PROGRAMS[name]
    mark = f"/pool/{name}"
    job = Submitted(pool, name, {file or "script.sql": source or sql(mark)})
    words = [f"program={command} {mark}" if file else f"program={command}", f"files={file}", "" if file else "stdin=script.sql"]
    job.submit("job.sub", *filter(None, words))
    for number in range(1, ROUNDS):
        job.evict(number)
    job.go(ROUNDS)
    job.wait_for("005")
    (tmp_path / (file or "script.sql")).write_text(source)
    expected = straight(tmp_path, [*command.split(), "mark"] if file else command.split(), sql("mark"))
    assert job.out() == expected
    if file:
        assert (job.folder / "state/result").read_text() == (tmp_path / "state/result").read_text()
    assert len(set(job.places())) == ROUNDS, "each life is in a folder of its own"
    assert not list(job.folder.rglob("image"))
    print(job.log())
