"""The part of make bench that has us beside other checkpointers, on one program, in turn, in one run.

DMTCP (in PATH, or BENCH_DMTCP=FOLDER of its bin) and CRIU (in PATH, or BENCH_CRIU=FILE; root, as a rule) are measured if they
are here; nothing is fetched. What a peer cannot do is in its row, in its own words. All times are medians:

    stall     the longest gap that the program itself saw in its clock, while it was saved
    whole     from the request until the image is whole
    restart   from the command to the program's first line in its new life
    size      what the image takes on the disk
    price     by how much the program's work takes more CPU time under the checkpointer, while nothing is saved

"x" is the ratio of whole to a write() of as many bytes, and of restart to a read() of them into fresh memory. They were noted
in solution/README (`grader/bench --note`), with the machine; on that machine, one that is more than a fifth larger is a regression.
"""
from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[2]
STAGE = TOP / "solution" / "stage4-openfiles"
README = TOP / "solution" / "README"
NOTED = re.compile(r"(<!-- bench: .*? -->\n)(.*?)(<!-- end of bench -->)", re.DOTALL)
MIB = 1 << 20
LIMIT = 120.0  # seconds
WORSE = 1.2
SHORT = 0.01  # seconds: a plain call that takes less says little, so no ratio to it is a regression

# Touches one page in STEP of SIZE MiB, then works, and writes to FILE: "gap SECONDS" when the clock has jumped by more
# than 0.2 ms, and every 5 ms "at SECONDS LOOPS CPUSECONDS".
PROGRAM = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
static int out;
static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
static void line(const char *what, double seconds, long loops)
{
    char text[100];
    int size = snprintf(text, sizeof text, "%s %.6f %ld %.6f\n", what, seconds, loops, now(CLOCK_PROCESS_CPUTIME_ID));
    if (write(out, text, (size_t)size) != size)
        exit(1);
}
int main(int argc, char **argv)
{
    size_t size = strtoul(argv[2], NULL, 10) << 20, step = strtoul(argv[3], NULL, 10) << 12;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    double last, told = 0;
    alarm(900); /* whoever started it may be gone */
    if (argc != 4 || memory == MAP_FAILED || (out = open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0600)) < 0)
        return 1;
    for (size_t i = 0; i < size; i += step)
        for (size_t j = 0; j < 4096; j += 8)
            *(long *)(memory + i + j) = (long)(i ^ j) | 1;
    last = now(CLOCK_MONOTONIC);
    for (long loops = 0;; loops++) {
        for (size_t i = 0, page = (size_t)loops * step; i < 4096; i += 8)
            *(volatile long *)(memory + page % size + i) += 2;
        double time = now(CLOCK_MONOTONIC);
        if (time - last > 0.0002)
            line("gap", time - last, loops);
        if (time - told > 0.005)
            line("at", told = time, loops);
        last = now(CLOCK_MONOTONIC);
    }
}
"""


class Failed(Exception):
    """A peer cannot do what it was asked for; the text is what it says."""


def run(words: list[str | Path], folder: Path) -> None:
    done = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False)
    if done.returncode != 0:
        said = (done.stderr + done.stdout).strip().splitlines() or [f"exit status {done.returncode}"]
        raise Failed(f"{Path(words[0]).name}: {said[-1]}")


def wait_for(event: Callable[[], Any]) -> Any:
    end = time.monotonic() + LIMIT
    while not (seen := event()):
        if time.monotonic() > end:
            raise Failed(f"nothing happened in {LIMIT:.0f} seconds")
        time.sleep(0.0005)
    return seen


def blocks(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.glob(pattern) if path.is_file())


class Plain:
    """No checkpointer at all: what the price is compared with."""

    name = "none"

    def words(self, folder: Path) -> list[str | Path]:
        return []

    def end(self, folder: Path) -> None:
        pass


class Ours(Plain):
    name = "ckptlab"
    images = "myckpt"

    def words(self, folder: Path) -> list[str | Path]:
        return [STAGE / "ckpt", "--"]

    def save(self, folder: Path, pid: int) -> None:
        os.kill(pid, signal.SIGUSR2)
        wait_for((folder / "myckpt").exists)

    def restart(self, folder: Path) -> list[str | Path]:
        return [STAGE / "restart", "myckpt"]


class Lazy(Ours):
    name = "ckptlab --lazy"

    def restart(self, folder: Path) -> list[str | Path]:
        return [STAGE / "restart", "--lazy", "myckpt"]


class Live(Ours):
    def __init__(self, way: str) -> None:
        self.name = f"ckptlab {way}"
        self.way = way

    def words(self, folder: Path) -> list[str | Path]:
        return [STAGE / "ckpt", self.way, "--"]


class Criu(Plain):
    name = "CRIU"
    images = "criu/*"

    def __init__(self, program: str) -> None:
        self.program = program

    def save(self, folder: Path, pid: int) -> None:
        (folder / "criu").mkdir()
        run([self.program, "dump", "-t", str(pid), "-D", "criu", "--leave-running", "--shell-job"], folder)

    def restart(self, folder: Path) -> list[str | Path]:
        return [self.program, "restore", "-D", "criu", "--shell-job"]


class Dmtcp(Plain):
    name = "DMTCP"
    images = "*.dmtcp"

    def __init__(self, programs: Path) -> None:
        self.programs = programs

    def words(self, folder: Path) -> list[str | Path]:
        return [self.programs / "dmtcp_launch", "--new-coordinator", "--coord-port", "0", "--port-file", folder / "port",
                "--no-gzip", "--ckptdir", folder]

    def save(self, folder: Path, pid: int) -> None:
        port = (folder / "port").read_text().strip()
        run([self.programs / "dmtcp_command", "--coord-port", port, "--bcheckpoint"], folder)

    def restart(self, folder: Path) -> list[str | Path]:
        return [self.programs / "dmtcp_restart", "--new-coordinator", "--coord-port", "0", *sorted(folder.glob("*.dmtcp"))]

    def end(self, folder: Path) -> None:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            port = (folder / "port").read_text().strip()
            subprocess.run([self.programs / "dmtcp_command", "--coord-port", port, "--quit"], capture_output=True, check=False,
                           timeout=LIMIT)


def checkpointers() -> tuple[list[Any], list[str]]:
    """Those that are here; and of the others, what to say."""
    found: list[Any] = [Ours(), Lazy(), Live("--live"), Live("--live=track")]
    criu, launch = os.environ.get("BENCH_CRIU") or shutil.which("criu"), shutil.which("dmtcp_launch")
    dmtcp = os.environ.get("BENCH_DMTCP") or (str(Path(launch).parent) if launch else None)
    if dmtcp:
        found.append(Dmtcp(Path(dmtcp)))
    if criu:
        found.append(Criu(criu))
    absent = [f"{name} is not here, so not measured ({variable} names one that is)"
              for name, variable, there in (("DMTCP", "BENCH_DMTCP", dmtcp), ("CRIU", "BENCH_CRIU", criu)) if not there]
    return found, absent


class Life:
    """The program under one checkpointer, in a folder of its own."""

    def __init__(self, peer: Any, folder: Path, program: Path, size: int, step: int) -> None:
        self.peer, self.folder, self.log = peer, folder, folder / "log"
        self.started: list[subprocess.Popen[bytes]] = []
        self.start([*peer.words(folder), program, self.log, str(size // MIB), str(step)])

    def start(self, words: list[str | Path]) -> None:
        with (self.folder / "said").open("ab") as said:
            self.started.append(subprocess.Popen(words, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                                 start_new_session=True))

    def lines(self, what: str) -> list[tuple[float, int, float]]:
        text = self.log.read_text() if self.log.exists() else ""
        rows = [line.split() for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return [(float(row[1]), int(row[2]), float(row[3])) for row in rows if len(row) == 4 and row[0] == what]

    def after(self, moment: float) -> float:
        """The time of its first line behind a moment. (CLOCK_MONOTONIC, as time.monotonic().)"""
        def line() -> float | None:
            if self.started[-1].poll() not in (None, 0):
                raise Failed((self.folder / "said").read_text(errors="replace").strip().splitlines()[-1])
            return next((at for at, _, _ in self.lines("at") if at > moment), None)
        return float(wait_for(line))

    def cost(self) -> float:
        """CPU seconds of one loop, over a fifth of a second: from one line to another, however long it had to wait for them."""
        begin = self.after(time.monotonic())
        self.after(begin + 0.2)
        rows = [row for row in self.lines("at") if row[0] >= begin]
        return (rows[-1][2] - rows[0][2]) / (rows[-1][1] - rows[0][1])

    def end(self) -> None:
        self.peer.end(self.folder)
        for process in self.started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def life_of(peer: Any, program: Path, size: int, step: int) -> Iterator[Life]:
    with tempfile.TemporaryDirectory(prefix="ckptlab-peer-", dir=os.environ.get("TMPDIR")) as name:
        life = Life(peer, Path(name), program, size, step)
        try:
            yield life
        finally:
            life.end()


def measure(peer: Any, program: Path, size: int, step: int, plain_cost: float) -> dict[str, float]:
    with life_of(peer, program, size, step) as life:
        life.after(0)
        price = life.cost() / plain_cost - 1
        begin, pid = time.monotonic(), life.started[0].pid
        gaps = len(life.lines("gap"))
        peer.save(life.folder, pid)
        whole = time.monotonic() - begin
        life.after(time.monotonic())
        stall = max((gap for gap, _, _ in life.lines("gap")[gaps:]), default=0.0002)
        saved = blocks(life.folder, peer.images)
        life.end()
        begin = time.monotonic()
        life.start(peer.restart(life.folder))
        return {"stall": stall, "whole": whole, "restart": life.after(begin) - begin, "size": saved, "price": price}


def plain_cost(program: Path, size: int, step: int) -> float:
    with life_of(Plain(), program, size, step) as life:
        life.after(0)
        return life.cost()


def median(rows: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(row[key] for row in rows) for key in rows[0]}


def compare(program: Path, size: int, step: int, rounds: int, plain: Callable[[int], tuple[float, float]],
            peers: list[Any]) -> dict[str, dict[str, float] | str]:
    """In turn, so that all have the same neighbours. Of each: medians, or why there are none."""
    rows: dict[str, list[dict[str, float]]] = {peer.name: [] for peer in peers}
    failed: dict[str, str] = {}
    for _ in range(rounds):
        write, read = plain(size // step)
        cost = plain_cost(program, size, step)
        for peer in peers:
            if peer.name in failed:
                continue
            try:
                row = measure(peer, program, size, step, cost)
            except (Failed, OSError, subprocess.SubprocessError) as error:
                failed[peer.name] = " ".join(str(error).split()) or type(error).__name__
                continue
            rows[peer.name].append({**row, "write": write, "read": read, "x write": row["whole"] / write,
                                    "x read": row["restart"] / read})
    return {name: failed[name] if name in failed else median(found) for name, found in rows.items()}


HEAD = ["program", "checkpointer", "stall", "whole", "x write()", "restart", "x read()", "size", "price"]


def what(size: int, step: int) -> str:
    return f"{size // MIB} MiB" + (f", 1 page in {step}" if step > 1 else "")


def table(results: dict[str, dict[str, Any]]) -> str:
    lines = [HEAD, ["---"] * len(HEAD)]
    for program, peers in results.items():
        for name, row in peers.items():
            if isinstance(row, str):
                lines.append([program, name, "failed: " + row.replace("|", "/"), *["-"] * 6])
                continue
            lines.append([program, name, *(f"{row[key] * 1000:.1f} ms" if key in ("stall", "whole", "restart") else f"{row[key]:.2f}"
                          for key in ("stall", "whole", "x write", "restart", "x read")), f"{row['size'] / MIB:.1f} MiB",
                          f"{row['price'] * 100:+.0f} %"])
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def machine() -> str:
    """This machine, as far as it says how fast things are."""
    text = Path("/proc/cpuinfo").read_text(errors="replace")
    model = re.search(r"model name\s*: (.*)", text)
    return (f"{model[1].strip() if model else platform.machine()}, {os.cpu_count()} processors, "
            f"Linux {platform.release()}, {Path(tempfile.gettempdir())} on {file_system(Path(tempfile.gettempdir()))}")


def file_system(path: Path) -> str:
    return subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, text=True, check=False).stdout.strip() or "?"


def noted() -> tuple[str, dict[tuple[str, str], tuple[float, float]]]:
    """What solution/README has: the machine; and (program, checkpointer) -> the two ratios."""
    found = NOTED.search(README.read_text())
    text = found[2] if found else ""
    where = re.search(r"^Machine: (.*?)\.$", text, re.MULTILINE)
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in text.splitlines() if line.startswith("|")]
    return where[1] if where else "", {(row[0], row[1]): (float(row[4]), float(row[6])) for row in rows[2:] if row[4] != "-"}


def regressions(results: dict[str, dict[str, Any]]) -> list[str]:
    """Our own ratios that are more than a fifth larger than those noted. Of another machine nothing is said."""
    where, before = noted()
    worse = []
    for program, peers in results.items() if where == machine() else ():
        for name, row in peers.items():
            if not name.startswith("ckptlab") or isinstance(row, str) or (program, name) not in before:
                continue
            for key, plain, old in zip(("x write", "x read"), ("write", "read"), before[program, name]):
                if row[key] > WORSE * old and row[plain] > SHORT:
                    worse.append(f"{program}, {name}: {key}() is {row[key]:.2f}, and was {old:.2f}")
    return worse


def note(text: str) -> None:
    """Puts the table into solution/README."""
    old = README.read_text()
    if NOTED.search(old) is None:
        raise SystemExit(f"bench: {README} has no place for the table")
    README.write_text(NOTED.sub(lambda match: match[1] + "\n" + text + "\n" + match[3], old))


def plot(results: dict[str, dict[str, Any]], path: Path) -> str:
    """Draws the times as an SVG file. Returns what to say of it."""
    try:
        import matplotlib
    except ImportError:
        return "the plot is not drawn here: python3-matplotlib is missing (grader/setup python3-matplotlib)"
    matplotlib.use("svg")
    from matplotlib import pyplot
    names = list(dict.fromkeys(name for peers in results.values() for name in peers))
    figure, axes = pyplot.subplots(1, 3, figsize=(13, 4), sharey=True)
    for axis, key in zip(axes, ("stall", "whole", "restart")):
        for number, name in enumerate(names):
            rows = [peers.get(name) for peers in results.values()]
            axis.bar([at + number * 0.8 / len(names) for at in range(len(rows))],
                     [row[key] * 1000 if isinstance(row, dict) else 0 for row in rows], 0.8 / len(names), label=name)
        axis.set_xticks([at + 0.3 for at in range(len(results))], list(results), rotation=20)
        axis.set_title(key)
        axis.set_yscale("log")
        axis.set_ylim(bottom=0.2)
    axes[0].set_ylabel("milliseconds")
    axes[0].legend()
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    return f"the plot is {path}"
