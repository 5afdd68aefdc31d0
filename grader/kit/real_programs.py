"""Programs that nobody here wrote, and what became of them: checkpointed in mid-run, killed, restarted.

    real_programs.py            run them all, at one random moment each
    real_programs.py NAME...    run these
    real_programs.py --times N  each at N random moments
    real_programs.py --table    the table in solution/README anew, from a run of all

Each runs twice, in two folders with the same input: uninterrupted, and under `ckpt`. The second is saved when it
has used a random part of the processor time that the first took, is killed with SIGKILL, and restarted with
`restart --rollback --redirect`. Then all its files, its output among them, and its exit status must be those of
the uninterrupted run. The kill comes before the program has done anything more (class Gag), or, every second time,
at another random moment, up to its end: what it wrote to its files until then, the rollback has to take back.
"""

from __future__ import annotations

import argparse
import fcntl
import filecmp
import gzip
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
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
    signal: int = signal.SIGUSR2  # for a checkpoint; not one that the program itself uses
    refused: str = ""  # what ckpt or libckpt says: there is no image, and the program goes on
    late: str = ""  # why it need not come back if it ran on after its checkpoint: it is always killed at once


Row = tuple[Program, str, str]  # its version, and what became of it
Attempt = Callable[[Program, Path, random.Random, int], None]  # in this folder, at so many random moments; or Failed
Expected = Callable[[Program], str]


# --- Input -------------------------------------------------------------------------------------

WORDS = [f"{a}{b}{c}" for a in ("ba", "ko", "ri", "tu", "zen") for b in ("la", "mi", "no", "pu") for c in ("x", "sk", "")]


def text(folder: Path, lines: int, name: str = "text", seed: int = 1) -> None:
    draw = random.Random(seed)
    words = iter(draw.choices(WORDS, k=8 * lines))
    rows = [" ".join([*row, str(int(draw.random() * 1e9))]) + "\n" for row in zip(*[words] * 8)]
    (folder / name).write_text("".join(rows))


def lines(count: int) -> Callable[[Path], None]:
    return lambda folder: text(folder, count)


def gzipped(folder: Path) -> None:
    content = " ".join(random.Random(8).choices(WORDS, k=1000)).encode() * 5_000
    (folder / "text.gz").write_bytes(gzip.compress(content, 1, mtime=0))


def two_texts(folder: Path) -> None:
    text(folder, 50_000)
    rows = (folder / "text").read_text().splitlines(keepends=True)
    draw = random.Random(9)
    (folder / "other").write_text("".join(row if draw.random() < 0.9 else row.upper() for row in rows))


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
                 f"return s > {i} ? s - f{max(i - 1, 0)}(x / 2) : s; }}" for i in range(60)]
    (folder / "big.c").write_text("\n".join(functions) + "\n")


def assembly(folder: Path, before: str = "") -> None:
    rows = [f"{before.format(i)}l{i}:\tmov ${i}, %rax\n\tadd %rax, {8 * (i % 99)}(%rsp)\n\tjne l{i * 7 % (i + 1)}\n" for i in range(60_000)]
    (folder / "big.s").write_text("".join(rows))


def object_file(folder: Path) -> None:
    assembly(folder, ".globl l{0}\n.type l{0}, @function\n")
    subprocess.run(["as", "big.s", "-o", "big.o"], cwd=folder, check=True)


def xml_source(folder: Path) -> None:
    rows = [f'<row id="{i}"><word>{WORDS[i % 60]}</word><value>{i * i}</value></row>' for i in range(80_000)]
    (folder / "big.xml").write_text(f"<table>{''.join(rows)}</table>\n")


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
RUBY = """
n = Hash.new(0); s = 0.0
File.open("out.txt", "w") { |out| 2_000_000.times { |i| s += Math.sin(i); n[i % 1000] += i; out.puts s if i % 1000 == 0 } }
puts s, n.values.sum; exit 3
"""
PHP = """<?php
mt_srand(5); $n = []; $s = 0;
for ($i = 0; $i < 4000000; $i++) { $s += sin($i); $n[mt_rand(0, 50000)] = $i; }
ksort($n); echo $s, " ", array_sum($n), "\\n"; exit(3);
"""
FORTH = ": fib dup 2 < if drop 1 else dup 1- recurse swap 2 - recurse + then ;\n34 fib . cr bye\n"
GNUPLOT = 'set terminal svg\nset output "out.svg"\nset samples 5000\nplot sin(x*x)*cos(3*x), for [i=1:20] sin(i*x)\n'
POSTSCRIPT = """%!
/f { dup 2 lt { pop 1 } { dup 1 sub f exch 2 sub f add } ifelse } def
1 1 200 { /i exch def newpath i 3 mul i 2 mul moveto 300 400 i 0 360 arc i 200 div setgray fill } for
25 f == showpage
"""
NASM = "%assign i 0\n%rep 30000\nlabel%[i]: mov rax, [rbx + i]\njne label%[i]\n%assign i i+1\n%endrep\n"
DC = "[la1+sala*lb+999999999989%sblax]sx 1sb0sa[la1+sala7*lb13*+999999999989%sbla300000>y]sylyxlbp"
M4 = "define(`loop', `ifelse($1, 0, `', `eval($1 * $1 % 7) loop(decr($1))')')dnl\n"


def m4_source(folder: Path) -> None:
    (folder / "big.m4").write_text(M4 + "loop(400)\n" * 750)


def json_source(folder: Path) -> None:
    draw = random.Random(7)
    items = ",\n".join(f'{{"id": {i}, "value": {draw.random()}, "word": "{draw.choice(WORDS)}"}}' for i in range(60_000))
    (folder / "big.json").write_text(f"[{items}]\n")


def random_bits(folder: Path) -> None:
    (folder / "bits").write_bytes(random.Random(11).randbytes(6_000_000))


# --- The programs ------------------------------------------------------------------------------

THREADS = "the program has more than one thread"
CHILDREN = "child processes"
STATIC = "is statically linked"
DELETES = "no: deletes temporary files that the second life needs"
RENAMES = "no: gives its output another name at its end; restart names the file that it misses"
OVERWRITES = "no: overwrites and deletes parts of its database; rollback takes back what was appended"
USR2_IS_TAKEN = 40  # a signal for programs that take SIGUSR2 for something else

PROGRAMS = [
    Program("python3", "python3", "a script with files, json, random and big lists",
            ["/usr/bin/python3", "script.py"], both(lines(30_000), script("script.py", PYTHON))),
    Program("perl", "perl", "counts and reverses words of a file", ["perl", "-e", PERL], lines(40_000)),
    Program("gawk", "gawk", "counts words, then computes sines", ["gawk", AWK, "text"], lines(30_000)),
    Program("mawk", "mawk", "the same", ["mawk", AWK, "text"], lines(60_000)),
    Program("bash", "bash", "a loop with redirected files", ["bash", "script"],
            both(lines(20_000), script("script", BASH))),
    Program("dash", "dash", "the same, in POSIX shell", ["dash", "script"],
            both(lines(6_000), script("script", DASH))),
    Program("sqlite3", "sqlite3", "a transaction of 60,000 rows; then PRAGMA integrity_check",
            ["sqlite3", "data.db"], script("sql", SQL), stdin="sql", late=OVERWRITES),
    Program("gzip", "gzip", "a file from standard input to standard output", ["gzip", "-9", "-n"], lines(50_000), stdin="text"),
    Program("gunzip", "gzip", "the way back", ["gzip", "-dc", "text.gz"],
            gzipped),
    Program("bzip2", "bzip2", "a file in its place", ["bzip2", "-k", "text"], lines(60_000)),
    Program("xz", "xz-utils", "a file in its place, one thread (-T1)", ["xz", "-T1", "-k", "-3", "text"], lines(30_000)),
    Program("zstd", "zstd", "a file, --single-thread --no-asyncio",
            ["zstd", "--single-thread", "--no-asyncio", "-q", "-13", "text", "-o", "text.zst"], lines(30_000)),
    Program("sort", "coreutils", "a file larger than its buffer: temporary files are merged",
            ["sort", "-S", "1M", "--parallel=1", "-T", ".", "-f", "-k", "3", "text", "-o", "sorted"], lines(150_000),
            late=DELETES),
    Program("tar", "tar", "1,500 files into an archive",
            ["tar", "--sort=name", "--owner=0", "--group=0", "--mtime=@0", "-b", "2", "-cf", "tree.tar", "tree"], many_files),
    Program("cc1", "gcc-12", "gcc's compiler proper, 60 functions with -O2",
            ["cc1", "-quiet", "-O2", "big.c", "-o", "big.s"], c_source),
    Program("as", "binutils", "180,000 lines of assembly", ["as", "big.s", "-o", "big.o"], assembly),
    Program("bc", "bc", "pi to 1,500 digits", ["bc", "-l", "pi"], script("pi", "scale = 1500\n4 * a(1)\nhalt\n")),
    Program("dc", "dc", "300,000 steps of a generator", ["dc", "-e", DC]),
    Program("lua5.4", "lua5.4", "counts words, then computes sines", ["lua5.4", "script.lua"],
            both(lines(30_000), script("script.lua", LUA))),
    Program("m4", "m4", "300,000 macro expansions", ["m4", "big.m4"], m4_source),
    Program("sed", "sed", "rewrites a file, line by line", ["sed", "-E", "s/([a-z]+) ([a-z]+)/\\2 \\1/g; 1~3d", "text"],
            lines(60_000)),
    Program("grep", "grep", "a regular expression with back references",
            ["grep", "-nE", r"(ko|tu)([a-z]+) .*\1\2 .*[13579]$", "text"], lines(60_000)),
    Program("diff", "diffutils", "a file of 50,000 lines and another, in which every tenth is different (-d)", ["diff", "-d", "text", "other"], two_texts),
    Program("od", "coreutils", "6 MB in hexadecimal", ["od", "-An", "-tx1z", "bits"], random_bits),
    Program("sha256sum", "coreutils", "a file of 140 MB",
            ["sha256sum", "zeros"], lambda folder: os.truncate(shutil.copy("/dev/null", folder / "zeros"), 140_000_000)),
    Program("openssl", "openssl", "encrypts a file",
            ["openssl", "enc", "-aes-256-ctr", "-K", "0" * 64, "-iv", "0" * 32, "-in", "zeros", "-out", "secret"],
            lambda folder: os.truncate(shutil.copy("/dev/null", folder / "zeros"), 250_000_000)),
    Program("tclsh", "tcl", "counts words, with two files open", ["tclsh", "script.tcl"],
            both(lines(30_000), script("script.tcl", TCL))),
    Program("jq", "jq", "60,000 objects", ["jq", "-c", "map(select(.value > 0.5)) | group_by(.word) | map(length)", "big.json"],
            json_source),
    Program("ruby", "ruby", "counts in a hash, computes sines", ["ruby", "script.rb"], script("script.rb", RUBY)),
    Program("php", "php-cli", "random numbers in an array, which is sorted", ["php", "-n", "script.php"],
            script("script.php", PHP)),
    Program("gforth", "gforth", "Fibonacci numbers", ["gforth", "script.fs"], script("script.fs", FORTH), signal=USR2_IS_TAKEN),
    Program("gnuplot", "gnuplot-nox", "curves, into an SVG file", ["gnuplot", "script.gp"], script("script.gp", GNUPLOT)),
    Program("gs", "ghostscript", "a page of PostScript, as pixels",
            ["gs", "-q", "-dNOPAUSE", "-dBATCH", "-sDEVICE=ppmraw", "-r150", "-o", "page.ppm", "page.ps"],
            script("page.ps", POSTSCRIPT)),
    Program("clang", "clang-14", "its compiler proper (-cc1), 60 functions with -O2",
            ["clang", "-cc1", "-triple", "x86_64-linux-gnu", "-O2", "-S", "big.c", "-o", "big.s"], c_source,
            signal=USR2_IS_TAKEN, late=RENAMES),
    Program("ld", "binutils", "an object of 60,000 symbols, linked into a library", ["ld", "-shared", "big.o", "-o", "big.so"],
            object_file),
    Program("objdump", "binutils", "disassembles 60,000 functions", ["objdump", "-d", "big.o"], object_file),
    Program("xmllint", "libxml2-utils", "formats a large tree", ["xmllint", "--format", "big.xml", "-o", "out.xml"], xml_source),
    Program("git", "git", "compares two files, word by word",
            ["git", "diff", "--no-index", "--word-diff", "text", "other"], two_texts),
    Program("nasm", "nasm", "its macros, repeated", ["nasm", "-f", "elf64", "big.asm", "-o", "big.o"], script("big.asm", NASM)),
    Program("lz4", "lz4", "compresses a file", ["lz4", "-q", "-9", "text", "text.lz4"], lines(30_000)),
    Program("brotli", "brotli", "compresses a file", ["brotli", "-q", "8", "-k", "text"], lines(30_000)),
    Program("busybox", "busybox", "its own awk", ["busybox", "awk", AWK, "text"], lines(30_000)),
    Program("sort, two threads", "coreutils", "--parallel=2", ["sort", "--parallel=2", "-f", "text", "-o", "sorted"], lines(150_000),
            refused=THREADS),
    Program("make", "make", "waits for a recipe", ["make", "-f", "rules"], script("rules", "all:\n\t@sleep 0.5; echo made\n"),
            refused=CHILDREN),
    Program("ldconfig", "libc-bin", "lists libraries", ["/sbin/ldconfig", "-p"], refused=STATIC),
    Program("xz -T2", "xz-utils", "two threads", ["xz", "-T2", "--block-size=100KiB", "-k", "text"], lines(60_000), refused=THREADS),
    Program("bash, waiting", "bash", "waits for a child process", ["bash", "-c", "sleep 0.5; echo done"], refused=CHILDREN),
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


def start(folder: Path, program: Program, words: list[str], stderr: int | None = None, settings: dict[str, str] | None = None,
          before: Callable[[], None] | None = None) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONHASHSEED": "0", "TMPDIR": str(folder), **(settings or {})}
    stdin = folder / program.stdin if program.stdin else Path(os.devnull)
    with stdin.open("rb") as source, (folder / "stdout").open("ab") as out, (folder / "stderr").open("ab") as err:
        return subprocess.Popen(words, stdin=source, stdout=out, stderr=stderr or err, cwd=folder, env=environment, preexec_fn=before)


def cpu_seconds(pid: int) -> float:
    """By the clock that clock_getcpuclockid(3) names: /proc/PID/stat counts in hundredths of a second only."""
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:  # it has ended
        return 0.0


def await_event(event: Callable[[], bool], what: str) -> None:
    if not wait_until(event, LIMIT):
        raise Failed(f"{what} did not happen in {LIMIT} seconds")


class Gag:
    """A pipe for stderr that can be filled up: who says something then stays there until it is killed.

    `ckpt -v` says when the image is written, still in the signal handler. So the program does nothing more after
    its checkpoint, however long this process has to wait for a processor.
    """

    def __init__(self) -> None:
        self.mouth, self.end = os.pipe()
        fcntl.fcntl(self.end, fcntl.F_SETPIPE_SZ, os.sysconf("SC_PAGE_SIZE"))

    def fill(self) -> None:
        """By another description of the pipe: O_NONBLOCK would be the program's as well."""
        other = os.open(f"/proc/self/fd/{self.end}", os.O_WRONLY | os.O_NONBLOCK)
        try:
            while os.write(other, b"\n"):
                pass
        except BlockingIOError:
            pass
        finally:
            os.close(other)

    @staticmethod
    def holds(pid: int) -> bool:
        """Whether it is in write(2, ...); only who says why there is no image needs that."""
        try:
            return Path(f"/proc/{pid}/syscall").read_text().startswith("1 0x2 ")
        except (OSError, ValueError):
            return False

    def drain(self) -> None:
        """So that nobody who speaks has to wait."""
        other = os.open(f"/proc/self/fd/{self.mouth}", os.O_RDONLY | os.O_NONBLOCK)
        try:
            os.read(other, os.sysconf("SC_PAGE_SIZE"))
        except BlockingIOError:
            pass
        finally:
            os.close(other)

    def close(self) -> str:
        """What was said, when nobody can say more."""
        os.close(self.end)
        with os.fdopen(self.mouth, "rb") as said:
            return said.read().decode(errors="replace").strip()


class Trial:
    """One program at random moments."""

    def __init__(self, program: Program, folder: Path, stage: Path = STAGE) -> None:
        self.program, self.stage = program, stage
        self.whole, self.first, self.image = folder / "whole", folder / "first", folder / "image"
        path = find(program.command[0])
        assert path is not None
        self.words = [path, *program.command[1:]]
        self.under_ckpt = [str(stage / "ckpt"), "-v", "-s", str(int(program.signal)), "-o", str(self.image), "--", *self.words]
        self.fresh(self.whole)
        self.status, self.seconds = self.run_whole()

    def fresh(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if self.program.make:
            self.program.make(folder)

    def run_whole(self) -> tuple[int, float]:
        life = start(self.whole, self.program, self.words)
        _, status, usage = os.wait4(life.pid, 0)
        life.returncode = os.waitstatus_to_exitcode(status)
        return life.returncode, usage.ru_utime + usage.ru_stime

    def wait_for_moment(self, life: subprocess.Popen[bytes], event: Callable[[], bool]) -> None:
        await_event(lambda: life.poll() is not None or has_signal(life.pid, "SigCgt", self.program.signal), "a handler")
        await_event(lambda: life.poll() is not None or event(), "the right moment")

    def save(self, share: float, until: float | None) -> tuple[int, str]:
        """Exit status and last words of a program that is saved at one share of its time and killed at another."""
        gag = Gag()
        life = start(self.first, self.program, self.under_ckpt, gag.end)
        try:
            self.wait_for_moment(life, lambda: cpu_seconds(life.pid) >= share * self.seconds)
            gag.fill()
            life.send_signal(self.program.signal)
            await_event(lambda: life.poll() is not None or self.image.exists() or gag.holds(life.pid), "an image")
            if not self.image.exists():
                os.read(gag.mouth, os.sysconf("SC_PAGE_SIZE"))  # now it can say why
                wait_until(lambda: life.poll() is not None or not gag.holds(life.pid), 1.0)
            elif until is not None:
                self.run_on(life, gag, until)
        finally:
            life.kill()
            status = life.wait()
            said = gag.close()
        return status, said

    def run_on(self, life: subprocess.Popen[bytes], gag: Gag, until: float) -> None:
        """Let it out of its checkpoint, up to this share of its time; it may end before.

        Files that it made after the checkpoint are removed: no restart can know of them.
        """
        names = set(self.first.rglob("*"))

        def is_over() -> bool:
            gag.drain()
            return life.poll() is not None or cpu_seconds(life.pid) >= until * self.seconds

        try:
            await_event(is_over, "the moment of its end")
        finally:
            life.kill()
            life.wait()
        for path in set(self.first.rglob("*")) - names:
            path.unlink()

    def check(self, status: int) -> None:
        if status != self.status:
            tail = (self.first / "stderr").read_text(errors="replace")[-500:]
            raise Failed(f"exit status {status}, not {self.status}: {tail}")
        compared = filecmp.dircmp(self.whole, self.first, ignore=["stderr"])
        names = [*compared.left_only, *compared.right_only, *compared.common_funny]
        _, different, errors = filecmp.cmpfiles(self.whole, self.first, compared.common_files, shallow=False)
        if bad := [name for name in [*names, *different, *errors] if name != "stderr"]:
            raise Failed(f"not what an uninterrupted run leaves: {', '.join(sorted(bad))}")

    def comes_back(self, share: float, *options: str, until: float | None = None) -> bool:
        """False: it had ended before it could be saved."""
        self.image.unlink(missing_ok=True)
        self.fresh(self.first)
        status, said = self.save(share, until)
        if not self.image.exists():
            if said or status == -signal.SIGKILL:
                raise Failed(f"no image: {said or 'and no word'}")
            self.check(status)
            return False
        words = [str(self.stage / "restart"), "--rollback", "--redirect", *options, str(self.image)]
        self.check(self.end_of(start(self.first, self.program, words)))
        return True

    @staticmethod
    def end_of(life: subprocess.Popen[bytes]) -> int:
        try:
            return life.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise Failed(f"it still runs after {LIMIT} seconds") from None
        finally:
            life.kill()

    def at_random(self, draw: random.Random, *options: str) -> None:
        for attempt in range(4):
            share = draw.uniform(0, 1) / 2**attempt
            until = draw.choice([None, draw.uniform(share, 1.2)]) if not self.program.late else None
            try:
                if self.comes_back(share, *options, until=until):
                    return
            except Failed as failed:
                killed = "at once" if until is None else f"after {until:.3f}"
                raise Failed(f"saved after {share:.3f} of its time, killed {killed}: {failed}") from failed
        raise Failed("it always ended before it could be saved: let it compute more")

    def stderr(self) -> str:
        return (self.first / "stderr").read_text(errors="replace")

    def is_refused(self) -> None:
        """It says why there is no image, and the program goes on to its right end."""
        self.fresh(self.first)
        life = start(self.first, self.program, self.under_ckpt)
        try:
            if self.program.refused == STATIC:
                await_event(lambda: life.poll() is not None, "an end")
            else:
                self.wait_for_moment(life, lambda: self.must_be_refused(life.pid))
                life.send_signal(self.program.signal)
                await_event(lambda: life.poll() is not None or "libckpt: " in self.stderr(), "a message")
            if self.program.refused not in self.stderr() or self.image.exists():
                raise Failed(f"not refused with the right words, but: {self.stderr() or 'an image'}")
            if self.program.refused != STATIC:
                self.check(self.end_of(life))
        finally:
            life.kill()
            life.wait()

    def must_be_refused(self, pid: int) -> bool:
        """From the moment on when there are threads or children."""
        if self.program.refused == THREADS:
            return len(os.listdir(f"/proc/{pid}/task")) > 1
        return bool(children_of(pid))


def result_of(program: Program) -> str:
    return f"refused: {program.refused}" if program.refused else "comes back"


def late_result_of(program: Program) -> str:
    return "-" if program.refused else program.late or "comes back"


def try_program(program: Program, folder: Path, draw: random.Random, times: int = 1) -> None:
    trial = Trial(program, folder)
    for _ in range(times):
        if program.refused:
            trial.is_refused()
        else:
            trial.at_random(draw)


def table(rows: list[Row]) -> str:
    lines = ["| program | version | what it did | result | if it ran on |", "|---|---|---|---|---|"]
    lines += [f"| {program.name} | {version} | {program.does} | {result} | {late_result_of(program)} |"
              for program, version, result in rows]
    lines += [f"| {name} | {package_version(name)} | {does} | comes back | - |" for name, does, _ in SCREENS]  # tested apart
    return "\n".join(lines)


def committed_rows(begin: str = BEGIN, end: str = END) -> list[list[str]]:
    """The table in the README between these two lines, without its head."""
    part = README.read_text().split(begin)[1].split(end)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("|")]
    return rows[2:]


def write_table(text: str, begin: str = BEGIN, end: str = END) -> None:
    head, rest = README.read_text().split(begin)
    README.write_text("\n".join([head + begin, "", text, "", end]) + rest.split(end)[1])


def generator(program: Program, seed: int) -> random.Random:
    return random.Random(f"{seed} {program.name}")


def seeded(program: Program, tool: str = "real_programs.py") -> random.Random:
    """For a test, which says how to repeat what it does."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"to repeat it: grader/kit/{tool} --seed {seed} {shlex.quote(program.name)}")
    return generator(program, seed)


def run_one(program: Program, times: int, seed: int, attempt: Attempt = try_program, expected: Expected = result_of) -> str:
    """What became of it: what was expected, or why not."""
    if find(program.command[0]) is None:
        return "not installed here"
    with tempfile.TemporaryDirectory() as folder:
        try:
            attempt(program, Path(folder), generator(program, seed), times)
        except Failed as failed:
            return f"FAILS: {failed}"
    return expected(program)


def run_all(programs: list[Program], options: argparse.Namespace, run: Callable[[Program, int, int], str]) -> list[Row]:
    """Those that were asked for, or all; says at once what became of each."""
    print(f"seed {options.seed}")
    rows = []
    for program in programs:
        if not options.names or program.name in options.names:
            result = run(program, options.times, options.seed)
            rows.append((program, package_version(program.package), result))
            print(f"{program.name:16} {rows[-1][1]:24} {result}", flush=True)
    return rows


def parse_options(description: str, programs: list[Program]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--times", type=int, default=1, metavar="N", help="random moments for each (1)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="repeat a run")
    parser.add_argument("--table", action="store_true", help="write the table in solution/README anew")
    options = parser.parse_args()
    if unknown := set(options.names) - {program.name for program in programs}:
        parser.error(f"no such program: {', '.join(sorted(unknown))}")
    return options


def failed(rows: list[Row]) -> bool:
    return any(result.startswith("FAILS") for _, _, result in rows)


def main() -> int:
    options = parse_options("Programs that nobody here wrote, saved, killed and restarted.", PROGRAMS)
    subprocess.run(["make", "-s", "-C", STAGE], check=True, stdout=subprocess.DEVNULL)
    rows = run_all(PROGRAMS, options, run_one)
    if options.table and not options.names:
        write_table(table(rows))
    return failed(rows)


if __name__ == "__main__":
    sys.exit(main())
