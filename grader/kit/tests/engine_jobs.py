"""What the engines' tests run: programs in four rounds. In each they say that they are there, and wait for the test."""
from __future__ import annotations

import subprocess
from pathlib import Path

from conftest import TOP
from kit import built, rundocs

ROUNDS = 4
PROGRAMS = ("ckpt", "restart", "libckpt.so")
ENGINES = "stage6-remote/engines"
SUM = f"{ROUNDS * 200}|{sum(number * 1000 + i for number in range(1, ROUNDS + 1) for i in range(200))}"  # sqlite3's end


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


IN_MEMORY = "PRAGMA journal_mode=MEMORY;"  # no name of a journal, which would be one in a folder


def sql(mark: str, first: str = "") -> str:
    """One transaction, read from a file a bit at a time; its waits are queries."""
    lines = [first, "CREATE TABLE t(n INTEGER, text TEXT);", "BEGIN;"]
    for number in range(1, ROUNDS + 1):
        lines += [f"INSERT INTO t VALUES({number * 1000 + i}, '{'x' * 40}');" for i in range(200)]
        lines += [f"SELECT 'round {number}' WHERE writefile('{mark}.up{number}', '') = 0;",
                  "SELECT 'went on' WHERE (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c "
                  f"WHERE readfile('{mark}.go{number}') IS NULL) SELECT count(*) FROM c) > 0;"]
    return "\n".join([*lines, "COMMIT;", "SELECT count(*), sum(n) FROM t;", ""])


def straight(folder: Path, command: list[str], stdin: str = "") -> list[str]:
    """What the program prints when nobody disturbs it."""
    (folder / "state").mkdir()
    for number in range(1, ROUNDS + 1):
        (folder / f"mark.go{number}").touch()
    done = subprocess.run(command, cwd=folder, input=stdin, text=True, check=True, capture_output=True)
    return done.stdout.splitlines()


def keep_log(name: str, text: str) -> None:
    """For who wants to read it: grader/build/engines has the logs of the last run."""
    (TOP / "grader/build/engines").mkdir(parents=True, exist_ok=True)
    (TOP / f"grader/build/engines/{name}.log").write_text(text)
    print(text)


def commands(engine: str) -> list[rundocs.Command]:
    """What the engine's README shows."""
    path = built.solution() / ENGINES / engine / "README"
    found, problems = rundocs.parse(path, path.read_text())
    assert found and not problems
    return found
