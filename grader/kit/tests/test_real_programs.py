"""Programs that nobody here wrote, checkpointed in mid-run, killed and restarted.

The oracle is an uninterrupted run: what the killed program wrote must be the beginning of its output, what
the restarted one wrote the end, byte for byte, and they must meet at the moment of the checkpoint. (Between
the image and the SIGKILL the program goes on, and may write something that the restarted one writes again.)
The exit status must be the same.
"""
from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Callable

import pytest

import mutants
from lab import Lab
from process import has_signal, wait_until

LIMIT = 60.0  # seconds for one event; only reached when something is broken

PYTHON = """
import json, random, sys, time
random.seed(5)
table = {}
for i in range(6_000_000):
    table[i % 1000] = random.random()
    if i % 300_000 == 0:
        print(i, sum(table.values()), time.time() > 0, flush=i % 600_000 == 0)
print(json.dumps(table)[:300])
sys.exit(5)
"""
PERL = r"""
for ($i = 0; $i < 9_000_000; $i++) {
    $sum += sin($i);
    $text{$i % 1000} .= "x" if $i % 10 == 0;
    printf "%d %.6f\n", $i, $sum if $i % 500_000 == 0;
}
print length(join("", values %text)), "\n";
exit 3;
"""
AWK = """BEGIN {
    for (i = 0; i < 15000000; i++) { sum += sin(i); if (i % 1000000 == 0) print i, sum }
    exit 6
}"""
BASH = """
for ((i = 0; i < 600000; i++)); do
    ((sum += i * i % 7))
    if ((i % 50000 == 0)); then echo "$i $sum"; fi
done
echo "$sum"
exit 4
"""
BC = "scale = 3000\n4 * a(1)\nhalt\n"

# Name, command, standard input. The first word must be in PATH; python3 is Debian's.
PROGRAMS: list[tuple[str, list[str], str]] = [
    ("bc", ["bc", "-l"], BC),
    ("awk", ["awk", AWK], ""),
    ("perl", ["perl", "-e", PERL], ""),
    ("python3", ["/usr/bin/python3", "-c", PYTHON], ""),
    ("bash", ["bash", "-c", BASH], ""),
]


def wait_for(event: Callable[[], bool], what: str) -> None:
    assert wait_until(event, LIMIT), f"{what} did not happen in {LIMIT} seconds"


def cpu_ticks(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11])


@pytest.fixture(name="tools", scope="module")
def tools_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tools")
    mutants.copy_solution(folder)
    lab = Lab(3, folder / "stage3-restart")
    lab.build()
    return lab.folder


class Run:
    """One folder with the outputs of the three runs of a program."""

    def __init__(self, folder: Path, stdin: str) -> None:
        self.folder = folder
        self.input = folder / "input"
        self.input.write_text(stdin)

    def start(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "LC_ALL": "C", "PYTHONHASHSEED": "0"}
        with self.input.open() as stdin, (self.folder / name).open("wb") as out:
            return subprocess.Popen(command, stdin=stdin, stdout=out, cwd=self.folder, env=environment)

    def output(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()


def checkpoint_and_kill(life: subprocess.Popen[bytes], output: Path, image: Path, ticks: int) -> int:
    """Returns how many bytes the program had written when the signal was sent."""
    wait_for(lambda: has_signal(life.pid, "SigCgt", signal.SIGUSR2), "a handler for SIGUSR2")
    wait_for(lambda: cpu_ticks(life.pid) >= ticks or life.poll() is not None, "computing")
    written = output.stat().st_size
    life.send_signal(signal.SIGUSR2)
    wait_for(image.exists, "the image")
    life.kill()
    assert life.wait() == -signal.SIGKILL, "the program ended before it was killed: let it compute more"
    return written


def comes_back(tools: Path, tmp_path: Path, command: list[str], stdin: str, ticks: int, *options: str) -> None:
    run = Run(tmp_path, stdin)
    whole = run.start("whole", command)
    first = run.start("first", [str(tools / "ckpt"), *command])
    written = checkpoint_and_kill(first, tmp_path / "first", tmp_path / "myckpt", ticks)
    second = run.start("second", [str(tools / "restart"), *options, "myckpt"])
    assert second.wait(LIMIT) == whole.wait(LIMIT)
    expected, head, tail = run.output("whole"), run.output("first"), run.output("second")
    assert expected.startswith(head) and expected.endswith(tail)
    assert written <= len(expected) - len(tail) <= len(head), "something is missing, or comes from before the checkpoint"


@pytest.mark.parametrize("name, command, stdin", PROGRAMS, ids=[row[0] for row in PROGRAMS])
def test_program_comes_back(name: str, command: list[str], stdin: str, tools: Path, tmp_path: Path) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{name} is not installed here")
    comes_back(tools, tmp_path, command, stdin, 15)


@pytest.mark.stress
@pytest.mark.parametrize("options", [(), ("--lazy",)], ids=["read", "lazy"])
@pytest.mark.parametrize("ticks", range(1, 41, 3))
@pytest.mark.parametrize("name, command, stdin", PROGRAMS, ids=[row[0] for row in PROGRAMS])
def test_program_comes_back_from_many_moments(
    name: str, command: list[str], stdin: str, ticks: int, options: tuple[str, ...], tools: Path, tmp_path: Path
) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{name} is not installed here")
    comes_back(tools, tmp_path, command, stdin, ticks, *options)
