"""Programs that nobody here wrote, and what became of them: checkpointed in mid-run, killed, restarted.

    real_programs.py            run them all, at one random moment each
    real_programs.py NAME...    run these
    real_programs.py --times N  each at N random moments
    real_programs.py --table    the table in solution/README anew, or only the rows of those that are named

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
import platform
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stage import config
from stage.config import TOP
from stage.process import children_of, has_signal, wait_until

STAGE = TOP / "solution" / "stage4-openfiles"
README = TOP / "solution" / "README"
HEAD = ["program", "version", "what it did", "times", "result", "if it ran on"]
BEGIN, END = "<!-- real programs: made by grader/kit/real_programs.py --table -->", "<!-- end of real programs -->"
LIMIT = 90.0  # seconds for one event; only reached when something is broken


WRITE = 64 if platform.machine() == "aarch64" else 1  # the number of write(2)
USR2_IS_TAKEN = 40  # a signal for programs that take SIGUSR2 for something else
THREADS = "the program has more than one thread"
REFUSAL = "libckpt: no checkpoint"
TAKEN = "libckpt: the program has its own action"  # even if that calls libckpt's (php, swipl)
NOT_STARTED = ("is statically linked", "runs with other rights than yours")


class Failed(Exception):
    """The program did not come back as it was; the text says in what."""


@dataclass(frozen=True)
class Program:
    name: str
    package: str  # Debian's
    does: str  # for the table
    command: list[str]  # the first word is looked up in PATH, or asked of gcc
    input: list[str] = field(default_factory=list)  # names of files of real_programs.toml, and MAKERS with their numbers
    stdin: str = ""  # a file in the folder; none: /dev/null
    signal: int = signal.SIGUSR2  # for a checkpoint; not one that the program itself uses
    refused: str = ""  # what ckpt or libckpt says: there is no image, and the program goes on
    late: str = ""  # why it need not come back if it ran on after its checkpoint: it is always killed at once
    core: str = ""  # what becomes of it from a core, if it does not come back (/proc/PID/status: SigIgn, SigCgt)
    begins: float = 0.0  # before this part of its time it has another thread, which it ends
    needs: str = ""  # a path that must be there, besides the command
    unlike: list[str] = field(default_factory=list)  # files that no two runs have in common: times are in them
    job: str = ""  # what it says, at its end, as a job of ckpt-shadow's, which cannot do what it needs; or "not tried: why"
    allow: str = ""  # what a job of ckpt-shadow's may change besides its folder

    def make(self, folder: Path) -> None:
        for word in self.input:
            name, *numbers = word.split()
            if name in FILES:
                (folder / name).write_text(FILES[name])
            elif name in ROWS:
                (folder / name).write_text(rows(**ROWS[name]))
            else:
                MAKERS[name](folder, *map(int, numbers))


@dataclass(frozen=True)
class Screen:
    """A full-screen program, and what test_real_programs.py does with it. A step is keys (of tmux), or one of

        see TEXT [KEY]      wait until the text is on the screen (the key makes the program draw again)
        keep, same [KEY]    the screen is to be, in the second life, as it was in the first
        moves               wait until the program has changed its screen by itself
    """

    name: str
    package: str
    does: str
    command: list[str]
    before: list[list[str]]  # steps in the first life
    after: list[list[str]]  # in the second, up to its end
    signal: int = USR2_IS_TAKEN


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


def zeros(folder: Path, size: int) -> None:
    with (folder / "zeros").open("wb") as file:
        file.truncate(size)


def gzipped(folder: Path) -> None:
    content = " ".join(random.Random(8).choices(WORDS, k=1000)).encode() * 5_000
    (folder / "text.gz").write_bytes(gzip.compress(content, 1, mtime=0))


def two_texts(folder: Path) -> None:
    text(folder, 50_000)
    rows = (folder / "text").read_text().splitlines(keepends=True)
    draw = random.Random(9)
    (folder / "other").write_text("".join(row if draw.random() < 0.9 else row.upper() for row in rows))


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


def m4_source(folder: Path) -> None:
    loop = "define(`loop', `ifelse($1, 0, `', `eval($1 * $1 % 7) loop(decr($1))')')dnl\n"
    (folder / "big.m4").write_text(loop + "loop(400)\n" * 750)


def pigeons(folder: Path, count: int) -> None:
    """Each in a hole, no two in one, but there is a hole too few: the formula in conjunctive normal form."""
    holes, birds = range(1, count), range(count)
    rows = [[bird * (count - 1) + hole for hole in holes] for bird in birds]
    rows += [[-(one * (count - 1) + hole), -(two * (count - 1) + hole)] for hole in holes for two in birds for one in range(two)]
    content = "".join(" ".join(map(str, [*row, 0])) + "\n" for row in rows)
    (folder / "pigeons.cnf").write_text(f"p cnf {count * (count - 1)} {len(rows)}\n{content}")


def simulation(folder: Path) -> None:
    subprocess.run(["iverilog", "-o", "simulation", "register.v"], cwd=folder, check=True)


def rows(head: str = "", row: str = "", tail: str = "", count: int = 0) -> str:
    draw = random.Random(7)
    middle = [row.format(i=i, square=i * i, mixed=i * 7919 % 100_003, word=draw.choice(WORDS), real=draw.random()) for i in range(count)]
    return "".join([head.format(), *middle, tail.format()])


def random_bits(folder: Path) -> None:
    (folder / "bits").write_bytes(random.Random(11).randbytes(6_000_000))


# --- The programs ------------------------------------------------------------------------------

MAKING: tuple[Callable[..., None], ...] = (
    text, zeros, gzipped, two_texts, many_files, c_source, assembly, object_file, m4_source, random_bits, pigeons, simulation)
MAKERS = {maker.__name__: maker for maker in MAKING}
DATA = config.load_toml(Path(__file__).with_suffix(".toml"))
FILES: dict[str, str] = DATA["file"]
ROWS: dict[str, dict[str, Any]] = DATA["rows"]
PROGRAMS = [Program(**row) for row in DATA["program"]]
SCREENS = [Screen(**row) for row in DATA.get("screen", [])]


# --- Running them ------------------------------------------------------------------------------


def find(word: str) -> str | None:
    if word == "cc1":
        found = subprocess.run(["gcc", "-print-prog-name=cc1"], capture_output=True, text=True, check=False).stdout.strip()
        return shutil.which(found)
    return shutil.which(word, path=os.environ.get("CKPTLAB_PATH"))  # the kit's own check has ccache in front of clang


def is_installed(program: Program) -> bool:
    return find(program.command[0]) is not None and (not program.needs or Path(program.needs).exists())


def package_version(package: str) -> str:
    if shutil.which("dpkg-query"):
        words = ["dpkg-query", "-W", "-f", "${Version}", package]
        got = subprocess.run(words, capture_output=True, text=True, check=False)
        if got.returncode == 0:
            return got.stdout.strip()
    return "?"


def surroundings(**settings: str) -> dict[str, str]:
    """The environment of a program that is not ours: without what grader/python wants of the grader's own Python. (One that
    may not use that folder for what it compiles makes folders where it stands.)"""
    ours = {"PYTHONPATH", "PYTHONPYCACHEPREFIX"}
    return {**{name: value for name, value in os.environ.items() if name not in ours}, **settings}


def start(folder: Path, program: Program, words: list[str], stderr: int | None = None, settings: dict[str, str] | None = None,
          before: Callable[[], None] | None = None) -> subprocess.Popen[bytes]:
    environment = surroundings(**{"LC_ALL": "C", "PYTHONHASHSEED": "0", "TMPDIR": str(folder), **(settings or {})})
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
            return Path(f"/proc/{pid}/syscall").read_text().startswith(f"{WRITE} 0x2 ")
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


def is_same(one: Path, two: Path) -> bool:
    """In kind and mode, and in content or where it leads."""
    if not (os.path.lexists(one) and os.path.lexists(two)) or one.lstat().st_mode != two.lstat().st_mode:
        return False
    if one.is_symlink():
        return os.readlink(one) == os.readlink(two)
    return one.is_dir() or filecmp.cmp(one, two, shallow=False)


def differing(one: Path, two: Path, ignore: list[str]) -> list[str]:
    """What is not the same in both folders."""
    names = {path.relative_to(folder) for folder in (one, two) for path in folder.rglob("*")}
    return sorted(str(name) for name in names if name.parts[0] not in ignore and not is_same(one / name, two / name))


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
        self.status, self.seconds = self.run_whole(self.whole)

    def fresh(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.program.make(folder)

    def run_whole(self, folder: Path) -> tuple[int, float]:
        life = start(folder, self.program, self.words)
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
        if bad := differing(self.whole, self.first, ["stderr", *self.program.unlike]):
            raise Failed(f"not what an uninterrupted run leaves: {', '.join(bad)}")

    def comes_back(self, share: float, *options: str, until: float | None = None) -> bool:
        """False: it had ended before it could be saved, or was just about to take the signal for itself."""
        self.image.unlink(missing_ok=True)
        self.fresh(self.first)
        status, said = self.save(share, until)
        if not self.image.exists():
            if TAKEN in said:
                return False
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
            share = self.program.begins + (1 - self.program.begins) * draw.uniform(0, 1) / 2**attempt
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
            if self.program.refused in NOT_STARTED:
                await_event(lambda: life.poll() is not None, "an end")
            else:
                self.wait_for_moment(life, lambda: self.must_be_refused(life.pid))
                life.send_signal(self.program.signal)
                await_event(lambda: life.poll() is not None or REFUSAL in self.stderr(), "a message")
            if self.program.refused not in self.stderr() or self.image.exists():
                raise Failed(f"not refused with the right words, but: {self.stderr() or 'an image'}")
            if self.program.refused not in NOT_STARTED:
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


def was_tried(result: str) -> bool:
    return not result.startswith("not tried")


def cells(row: Row, times: int) -> list[str]:
    program, version, result = row
    if not was_tried(result):
        return [program.name, version, program.does, "-", result, "-"]
    return [program.name, version, program.does, str(times), result, late_result_of(program)]


def screen_cells() -> list[list[str]]:
    """Tested apart, each at the moment that its steps come to."""
    return [[row.name, package_version(row.package), row.does, "-", "comes back", "-"] for row in SCREENS]


def markdown(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def with_kept(made: list[list[str]], kept: list[list[str]], names: list[str]) -> list[list[str]]:
    """The rows of these names in this order: those that were made now, and the older ones of others."""
    row_of = {row[0]: row for row in [*kept, *made]}
    return [row_of[name] for name in names if name in row_of]


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


def not_tried(tool: str) -> str:
    """Not every system has every tool; each says so in the same words."""
    return f"not tried here: {tool} is not installed"


def run_one(program: Program, times: int, seed: int, attempt: Attempt = try_program, expected: Expected = result_of) -> str:
    """What became of it: what was expected, or why not."""
    if not is_installed(program):
        return not_tried(program.name)
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
    parser.add_argument("--table", action="store_true", help="write the rows of these programs in solution/README anew")
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
    if options.table:
        made = [*(cells(row, options.times) for row in rows), *screen_cells()]
        names = [*(row.name for row in PROGRAMS), *(row.name for row in SCREENS)]
        write_table(markdown(HEAD, with_kept(made, committed_rows(), names)))
    return failed(rows)


if __name__ == "__main__":
    sys.exit(main())
