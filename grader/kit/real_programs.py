"""Programs that nobody here wrote, and what became of them: checkpointed in mid-run, killed, restarted.

    real_programs.py            run them all, at one random moment each
    real_programs.py NAME...    run these
    real_programs.py --times N  each at N random moments
    real_programs.py --table    the table in solution/README anew, from a run of all

Each runs twice, in two folders with the same input: uninterrupted, and under `ckpt`. The second is saved when it
has used a random part of the processor time that the first took, is killed with SIGKILL, and restarted with
`restart --rollback --redirect`. Then all its files, its output among them, and its exit status must be those
of the uninterrupted run.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from config import TOP
from process import children_of, has_signal, wait_until

STAGE = TOP / "solution" / "stage4-openfiles"
README = TOP / "solution" / "README"
BEGIN, END = "<!-- real programs: made by grader/kit/real_programs.py --table -->", "<!-- end of real programs -->"
LIMIT = 90.0  # seconds for one event; only reached when something is broken
TICK = 1 / os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """The program did not come back as it was; the text says in what."""


@dataclass(frozen=True)
class Program:
    name: str
    package: str  # Debian's
    does: str  # for the table
    command: list[str]  # the first word is looked up in PATH, in `elsewhere`, or asked of gcc
    make: Callable[[Path], None] | None = None  # makes the input in the folder
    stdin: str = ""  # a file in the folder; none: /dev/null
    refused: str = ""  # what libckpt says instead of writing an image: the program cannot be saved, and goes on


# --- Input -------------------------------------------------------------------------------------

WORDS = [f"{a}{b}{c}" for a in ("ba", "ko", "ri", "tu", "zen") for b in ("la", "mi", "no", "pu") for c in ("x", "sk", "")]


def text(folder: Path, lines: int, name: str = "text", seed: int = 1) -> None:
    draw = random.Random(seed)
    rows = (" ".join(draw.choices(WORDS, k=8)) + f" {draw.randrange(10**9)}\n" for _ in range(lines))
    (folder / name).write_text("".join(rows))


def lines(count: int) -> Callable[[Path], None]:
    return lambda folder: text(folder, count)


def gzipped(folder: Path) -> None:
    text(folder, 250_000)
    subprocess.run(["gzip", "-1", "-n", "text"], cwd=folder, check=True)


def two_texts(folder: Path) -> None:
    text(folder, 40_000)
    text(folder, 40_000, "other", seed=2)


def script(name: str, content: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / name).write_text(content)

    return make


def both(*makers: Callable[[Path], None]) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        for maker in makers:
            maker(folder)

    return make


def many_files(folder: Path) -> None:
    draw = random.Random(3)
    for number in range(1500):
        path = folder / "tree" / f"d{number % 40}" / f"f{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(draw.randbytes(20_000))
        os.utime(path, (1_000_000_000, 1_000_000_000))


def c_source(folder: Path) -> None:
    functions = [f"int f{i}(int x) {{ int s = {i}; for (int i = 0; i < x; i++) s += (i * {i % 7 + 1}) ^ (s << {i % 5}); "
                 f"return s > {i} ? s - f{max(i - 1, 0)}(x / 2) : s; }}" for i in range(700)]
    (folder / "big.c").write_text("\n".join(functions) + "\n")


def assembly(folder: Path) -> None:
    rows = [f"l{i}:\tmov ${i}, %rax\n\tadd %rax, {8 * (i % 99)}(%rsp)\n\tjne l{i * 7 % (i + 1)}\n" for i in range(60_000)]
    (folder / "big.s").write_text("".join(rows))


PYTHON = """
import json, random, sys
random.seed(5)
table, big = {}, []
with open("text") as words, open("log", "w") as log, open("copy", "a") as copy:
    for number, line in enumerate(words):
        for word in line.split():
            table[word] = table.get(word, 0) + random.random()
        big.append(number * 3)
        copy.write(line.upper())
        if number % 1000 == 0:
            print(number, sum(big), file=log)
    json.dump(table, log, sort_keys=True)
print(len(big), "lines")
sys.exit(5)
"""
PERL = r"""
open(my $in, "<", "text"); open(my $out, ">", "counts");
while (<$in>) { $n{$_}++ for split; printf $out "%d %s", $., scalar reverse $_ if $. % 7 == 0 }
print $out "$_ $n{$_}\n" for sort keys %n; exit 3;
"""
AWK = "{ for (i = 1; i <= NF; i++) n[$i]++; if (NR % 1000 == 0) print NR, length(n) > \"progress\" } " \
      "END { for (w in n) if (n[w] > 1) print w, n[w]; for (i = 0; i < 1500000; i++) s += sin(i); print s; exit 6 }"
BASH = """
sum=0
while read -r -a words; do
    ((sum += ${words[8]} % 7, count++))
    if ((count % 500 == 0)); then echo "$count $sum"; fi
done <text >numbers
echo "$sum"
exit 4
"""
DASH = """
sum=0
while read -r a b rest; do
    sum=$(( sum + ${#a} * ${#rest} ))
    echo "$b $sum" >&3
done <text 3>numbers
echo "$sum"
exit 4
"""
SQL = """
PRAGMA cache_size = 50;
CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT, value REAL);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
INSERT INTO t SELECT i, 'word ' || (i * 7919 % 10007), i * 0.5 FROM n;
CREATE INDEX w ON t (word);
UPDATE t SET value = value + 1 WHERE id % 3 = 0;
COMMIT;
PRAGMA integrity_check;
SELECT count(*), sum(value), min(word), max(word) FROM t;
"""
LUA = """
local out = io.open("out.txt", "w")
local n = {}
for line in io.lines("text") do
    for w in line:gmatch("%S+") do n[w] = (n[w] or 0) + 1 end
    out:write(line:reverse(), "\\n")
end
local s = 0
for i = 1, 4000000 do s = s + math.sin(i) end
print(s)
"""
TCL = """
set in [open text]; set out [open out.txt w]; set s 0
while {[gets $in line] >= 0} { foreach w $line { incr n($w) }; puts $out [string reverse $line]; incr s [string length $line] }
foreach w [lsort [array names n]] { puts $out "$w $n($w)" }
puts $s
"""
DC = "[la1+sala*lb+999999999989%sblax]sx 1sb0sa[la1+sala7*lb13*+999999999989%sbla600000>y]sylyxlbp"
M4 = "define(`loop', `ifelse($1, 0, `', `eval($1 * $1 % 7) loop(decr($1))')')dnl\n"


def m4_source(folder: Path) -> None:
    (folder / "big.m4").write_text(M4 + "loop(400)\n" * 250)


def json_source(folder: Path) -> None:
    draw = random.Random(7)
    items = ",\n".join(f'{{"id": {i}, "value": {draw.random()}, "word": "{draw.choice(WORDS)}"}}' for i in range(60_000))
    (folder / "big.json").write_text(f"[{items}]\n")


def gif_of_bits(folder: Path) -> None:
    (folder / "bits").write_bytes(random.Random(11).randbytes(6_000_000))


# --- The programs ------------------------------------------------------------------------------

THREADS = "the program has more than one thread"
CHILDREN = "child processes"

PROGRAMS = [
    Program("python3", "python3", "a script with files, json, random and big lists",
            ["/usr/bin/python3", "script.py"], both(lines(30_000), script("script.py", PYTHON))),
    Program("perl", "perl", "counts and reverses words of a file", ["perl", "-e", PERL], lines(40_000)),
    Program("gawk", "gawk", "counts words, then computes sines", ["gawk", AWK, "text"], lines(30_000)),
    Program("mawk", "mawk", "the same", ["mawk", AWK, "text"], lines(30_000)),
    Program("bash", "bash", "a loop with redirected files", ["bash", "script"],
            both(lines(12_000), script("script", BASH))),
    Program("dash", "dash", "the same, in POSIX shell", ["dash", "script"],
            both(lines(40_000), script("script", DASH))),
    Program("sqlite3", "sqlite3", "a transaction of 60,000 rows; then PRAGMA integrity_check",
            ["sqlite3", "data.db"], script("sql", SQL), stdin="sql"),
    Program("gzip", "gzip", "a file from standard input to standard output", ["gzip", "-9", "-n"], lines(100_000), stdin="text"),
    Program("gunzip", "gzip", "the way back", ["gzip", "-dc", "text.gz"],
            gzipped),
    Program("bzip2", "bzip2", "a file in its place", ["bzip2", "-k", "text"], lines(60_000)),
    Program("xz", "xz-utils", "a file in its place, one thread (-T1)", ["xz", "-T1", "-k", "-3", "text"], lines(40_000)),
    Program("zstd", "zstd", "a file, --single-thread --no-asyncio",
            ["zstd", "--single-thread", "--no-asyncio", "-q", "-13", "text", "-o", "text.zst"], lines(60_000)),
    Program("sort", "coreutils", "a file larger than its buffer: temporary files are merged",
            ["sort", "-S", "1M", "--parallel=1", "-T", ".", "-k", "3", "text", "-o", "sorted"], lines(60_000)),
    Program("tar", "tar", "1,500 files into an archive",
            ["tar", "--sort=name", "--owner=0", "--group=0", "--mtime=@0", "-b", "2", "-cf", "tree.tar", "tree"], many_files),
    Program("cc1", "gcc-12", "gcc's compiler proper, 700 functions with -O2",
            ["cc1", "-quiet", "-O2", "big.c", "-o", "big.s"], c_source),
    Program("as", "binutils", "180,000 lines of assembly", ["as", "big.s", "-o", "big.o"], assembly),
    Program("bc", "bc", "pi to 2,500 digits", ["bc", "-l", "pi"], script("pi", "scale = 2500\n4 * a(1)\nhalt\n")),
    Program("dc", "dc", "600,000 steps of a generator", ["dc", "-e", DC]),
    Program("lua5.4", "lua5.4", "counts words, then computes sines", ["lua5.4", "script.lua"],
            both(lines(30_000), script("script.lua", LUA))),
    Program("m4", "m4", "100,000 macro expansions", ["m4", "big.m4"], m4_source),
    Program("sed", "sed", "rewrites a file, line by line", ["sed", "-E", "s/([a-z]+) ([a-z]+)/\\2 \\1/g; 1~3d", "text"],
            lines(60_000)),
    Program("grep", "grep", "a regular expression with back references",
            ["grep", "-nE", r"(ko|tu)([a-z]+) .*\1\2 .*[13579]$", "text"], lines(60_000)),
    Program("diff", "diffutils", "two files of 40,000 lines", ["diff", "text", "other"], two_texts),
    Program("od", "coreutils", "6 MB in hexadecimal", ["od", "-An", "-tx1z", "bits"], gif_of_bits),
    Program("sha256sum", "coreutils", "a file of 70 MB",
            ["sha256sum", "zeros"], lambda folder: os.truncate(shutil.copy("/dev/null", folder / "zeros"), 140_000_000)),
    Program("openssl", "openssl", "encrypts a file",
            ["openssl", "enc", "-aes-256-ctr", "-K", "0" * 64, "-iv", "0" * 32, "-in", "zeros", "-out", "secret"],
            lambda folder: os.truncate(shutil.copy("/dev/null", folder / "zeros"), 250_000_000)),
    Program("tclsh", "tcl", "counts words, with two files open", ["tclsh", "script.tcl"],
            both(lines(30_000), script("script.tcl", TCL))),
    Program("jq", "jq", "60,000 objects", ["jq", "-c", "map(select(.value > 0.5)) | group_by(.word) | map(length)", "big.json"],
            json_source),
    Program("xz -T2", "xz-utils", "two threads", ["xz", "-T2", "--block-size=100KiB", "-k", "text"], lines(60_000), refused=THREADS),
    Program("bash, waiting", "bash", "waits for a child process", ["bash", "-c", "sleep 2; echo done"], refused=CHILDREN),
]


@dataclass(frozen=True)
class Screen:
    """A full-screen program, and the keys (of tmux) for it; test_real_programs.py presses them."""

    command: list[str]
    ready: str  # it is on the screen when the program waits for keys
    before: list[list[str]]  # in the first life
    after: list[list[str]]  # in the second


VIM = Screen(["vim.tiny", "-u", "NONE", "-N", "-n", "note"], "~", [["i"], ["first line", "Enter"]],
             [["second line", "Escape"], [":wq", "Enter"]])
NANO = Screen(["nano", "-I", "note"], "GNU nano", [["first line", "Enter"]], [["second line"], ["C-o", "Enter"], ["C-x"]])
SCREENS = [("vim-tiny", "text is typed in both lives, in tmux", VIM), ("nano", "the same", NANO)]


# --- Running them ------------------------------------------------------------------------------


def find(word: str) -> str | None:
    if word == "cc1":
        found = subprocess.run(["gcc", "-print-prog-name=cc1"], capture_output=True, text=True, check=False).stdout.strip()
        return shutil.which(found)
    return shutil.which(word)


def package_version(package: str) -> str:
    if shutil.which("dpkg-query"):
        words = ["dpkg-query", "-W", "-f", "${Version}", package]
        got = subprocess.run(words, capture_output=True, text=True, check=False)
        if got.returncode == 0:
            return got.stdout.strip()
    return "?"


def start(folder: Path, program: Program, before: list[str], command: list[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONHASHSEED": "0", "TMPDIR": str(folder)}
    stdin = folder / program.stdin if program.stdin else Path(os.devnull)
    with stdin.open("rb") as source, (folder / "stdout").open("ab") as out, (folder / "stderr").open("ab") as err:
        return subprocess.Popen([*before, *command], stdin=source, stdout=out, stderr=err, cwd=folder, env=environment)


def cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) * TICK


def await_event(event: Callable[[], bool], what: str) -> None:
    if not wait_until(event, LIMIT):
        raise Failed(f"{what} did not happen in {LIMIT} seconds")


class Trial:
    """One program at one random moment."""

    def __init__(self, program: Program, folder: Path, stage: Path = STAGE) -> None:
        self.program, self.stage = program, stage
        self.whole, self.first = folder / "whole", folder / "first"
        path = find(program.command[0])
        assert path is not None
        self.command = [path, *program.command[1:]]
        for place in (self.whole, self.first):
            place.mkdir(parents=True)
            if program.make:
                program.make(place)
        self.images = folder / "images"
        self.images.mkdir()
        self.status, self.seconds = self.run_whole()

    def run_whole(self) -> tuple[int, float]:
        life = start(self.whole, self.program, [], self.command)
        _, status, usage = os.wait4(life.pid, 0)
        life.returncode = os.waitstatus_to_exitcode(status)
        return life.returncode, usage.ru_utime + usage.ru_stime

    def fresh(self) -> None:
        shutil.rmtree(self.first)
        self.first.mkdir()
        if self.program.make:
            self.program.make(self.first)

    def save(self, share: float, image: Path) -> subprocess.Popen[bytes]:
        """The program, when it has used this share of its time and its image, if there is one, is written."""
        life = start(self.first, self.program, [str(self.stage / "ckpt"), "-o", str(image), "--"], self.command)
        await_event(lambda: life.poll() is not None or has_signal(life.pid, "SigCgt", signal.SIGUSR2), "a handler")
        await_event(lambda: life.poll() is not None or self.is_time(life.pid, share), "the right moment")
        life.send_signal(signal.SIGUSR2)
        await_event(lambda: life.poll() is not None or image.exists() or self.complaint() != "", "an image")
        return life

    def is_time(self, pid: int, share: float) -> bool:
        """What is refused is refused from the moment on when there are threads or children."""
        if self.program.refused == THREADS:
            return len(os.listdir(f"/proc/{pid}/task")) > 1
        if self.program.refused == CHILDREN:
            return bool(children_of(pid))
        return cpu_seconds(pid) >= share * self.seconds

    def complaint(self) -> str:
        text = (self.first / "stderr").read_text(errors="replace")
        return "\n".join(line for line in text.splitlines() if line.startswith("libckpt: "))

    def check(self, status: int) -> None:
        if status != self.status:
            tail = (self.first / "stderr").read_text(errors="replace")[-500:]
            raise Failed(f"exit status {status}, not {self.status}: {tail}")
        compared = filecmp.dircmp(self.whole, self.first, ignore=["stderr"])
        names = [*compared.left_only, *compared.right_only, *compared.common_funny]
        _, different, errors = filecmp.cmpfiles(self.whole, self.first, compared.common_files, shallow=False)
        if bad := [name for name in [*names, *different, *errors] if name != "stderr"]:
            raise Failed(f"not what an uninterrupted run leaves: {', '.join(sorted(bad))}")

    def comes_back(self, share: float, *options: str) -> bool:
        """False: it had ended before it could be saved."""
        image = self.images / "image"
        image.unlink(missing_ok=True)
        life = self.save(share, image)
        if life.poll() is not None:
            self.check(life.returncode)
            return False
        if complaint := self.complaint():
            life.kill()
            life.wait()
            raise Failed(complaint)
        life.kill()
        if life.wait() != -signal.SIGKILL:
            return False
        command = [str(self.stage / "restart"), "--rollback", "--redirect", *options, str(image)]
        self.check(start(self.first, self.program, [], command).wait(LIMIT))
        return True

    def at_random(self, draw: random.Random, *options: str) -> None:
        for attempt in range(4):
            share = draw.uniform(0.05, 0.85) / 2**attempt
            self.fresh()
            try:
                if self.comes_back(share, *options):
                    return
            except Failed as failed:
                raise Failed(f"saved after {share:.3f} of its time: {failed}") from failed
        raise Failed("it always ended before it could be saved: let it compute more")

    def is_refused(self) -> None:
        """It says why there is no image, and the program goes on to its right end."""
        self.fresh()
        life = self.save(0.2, self.images / "image")
        if self.program.refused not in self.complaint():
            life.kill()
            raise Failed(f"not refused with the right words, but: {self.complaint() or 'an image'}")
        self.check(life.wait(LIMIT))


def result_of(program: Program) -> str:
    return f"refused: {program.refused}" if program.refused else "comes back"


def try_program(program: Program, folder: Path, draw: random.Random, times: int = 1) -> None:
    trial = Trial(program, folder)
    for _ in range(times):
        if program.refused:
            trial.is_refused()
        else:
            trial.at_random(draw)


def table(rows: list[tuple[Program, str, str]]) -> str:
    lines = [BEGIN, "", "| program | version | what it did | result |", "|---|---|---|---|"]
    lines += [f"| {program.name} | {version} | {program.does} | {result} |" for program, version, result in rows]
    lines += [f"| {name} | {package_version(name)} | {does} | comes back |" for name, does, _ in SCREENS]  # tested apart
    return "\n".join([*lines, "", END])


def committed_rows() -> list[list[str]]:
    part = README.read_text().split(BEGIN)[1].split(END)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("|")]
    return rows[2:]


def run_one(program: Program, times: int, seed: int) -> str:
    if find(program.command[0]) is None:
        return "not installed here"
    with tempfile.TemporaryDirectory() as folder:
        try:
            try_program(program, Path(folder), random.Random(f"{seed} {program.name}"), times)
        except Failed as failed:
            return f"FAILS: {failed}"
    return result_of(program)


def main() -> int:
    parser = argparse.ArgumentParser(description="Programs that nobody here wrote, saved, killed and restarted.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--times", type=int, default=1, metavar="N", help="random moments for each (1)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="repeat a run")
    parser.add_argument("--table", action="store_true", help="write the table in solution/README anew")
    options = parser.parse_args()
    if unknown := set(options.names) - {program.name for program in PROGRAMS}:
        parser.error(f"no such program: {', '.join(sorted(unknown))}")
    subprocess.run(["make", "-s", "-C", STAGE], check=True, stdout=subprocess.DEVNULL)
    print(f"seed {options.seed}")
    rows = []
    for program in PROGRAMS:
        if not options.names or program.name in options.names:
            result = run_one(program, options.times, options.seed)
            rows.append((program, package_version(program.package), result))
            print(f"{program.name:16} {rows[-1][1]:24} {result}", flush=True)
    if options.table and not options.names:
        text = README.read_text()
        head, rest = text.split(BEGIN)
        README.write_text(head + table(rows) + rest.split(END)[1])
    return any(result.startswith("FAILS") for _, _, result in rows)


if __name__ == "__main__":
    sys.exit(main())
