"""What one types at home reaches a job on another machine, as if it ran here; and what home cannot do, it is told."""
from __future__ import annotations

import errno
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from job_terminal import PROMPT, Terminal
from kit import built, remote_programs

# Signals write to a pipe of its own, so that none is lost that comes between two calls; it waits for both at once.
TALKS = r"""
import os, select, signal, sys

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\n").encode())  # a handler may call it in the midst of another call

came, wakes = os.pipe()
os.set_blocking(wakes, False)
signal.set_wakeup_fd(wakes)
signal.signal(signal.SIGINT, lambda *_: say("interrupted"))
signal.signal(signal.SIGWINCH, lambda *_: say("window", *os.get_terminal_size(0)))
signal.signal(signal.SIGCONT, lambda *_: say("goes on"))
say("terminal", [os.isatty(fd) for fd in range(3)], os.ttyname(0), *os.get_terminal_size(1))
with open("/dev/tty", "w") as terminal:
    terminal.write("by its name\n")
while True:
    ready, _, _ = select.select([0, came], [], [])
    if came in ready:
        os.read(came, 100)
    if 0 in ready:
        line = os.read(0, 100).decode().strip()
        say("line", line)
        if line == "end":
            sys.exit(7)
"""
FILLS = r"""
import errno, os, sys
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
os.lseek(file, int(sys.argv[2]), os.SEEK_SET)
total = 0
while True:
    try:
        total += os.write(file, bytes(50000))
    except OSError as error:
        print(total, errno.errorcode[error.errno])
        break
"""


def job(folder: Path) -> list[str]:
    """The words before a program that make it a job, on another machine where that can be made."""
    stage = built.solution() / "stage6-remote"
    (folder / "decoys").mkdir(exist_ok=True)
    works = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    try:
        subprocess.run(works, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return [str(stage / "ckpt-shadow"), "--"]
    return remote_programs.two_machines(stage, folder / "decoys", folder)


@pytest.fixture(name="terminal")
def terminal_fixture(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    terminal.wait_for(PROMPT)
    yield terminal
    terminal.close()


def test_a_job_at_a_terminal(terminal: Terminal, tmp_path: Path) -> None:
    """Its name, size and lines; Ctrl-C; another size; Ctrl-Z and fg, twice; the exit status."""
    (tmp_path / "talks").write_text(TALKS)
    terminal.resize(31, 91)
    terminal.type(shlex.join([*job(tmp_path), "/usr/bin/python3", "talks"]) + "\n")
    terminal.wait_for(r"terminal \[True, True, True\] /dev/\S+ 91 31\r\nby its name\r\n")
    terminal.type("hello\n")
    terminal.wait_for("line hello")
    terminal.type("\x03")
    terminal.wait_for("interrupted")
    terminal.resize(32, 92)
    terminal.wait_for("window 92 32")
    for text in ("again", "and again"):
        terminal.type("\x1a")
        terminal.wait_for("Stopped(.|\n)*" + PROMPT)
        terminal.type("fg\n")
        terminal.wait_for("goes on")
        terminal.type(f"{text}\n")
        terminal.wait_for(f"line {text}\r")
    terminal.type("end\n")
    terminal.wait_for(PROMPT)
    terminal.type("echo status $?\n")
    terminal.wait_for("status 7\r")


def run(folder: Path, *words: str, before: str = "exec") -> subprocess.CompletedProcess[str]:
    """As a job, after some words of the shell's."""
    script = f"{before} {shlex.join([*job(folder), *words])}"
    return subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False, timeout=60)


SMALL = 64 << 12  # bytes of a disk


def test_no_space_left_at_home(tmp_path: Path) -> None:
    """A full device; and a full disk takes what fits, as write(2) says, before it fails."""
    (tmp_path / "fills").write_text(FILLS)
    assert run(tmp_path, "/usr/bin/python3", "fills", "/dev/full", "0").stdout == "0 ENOSPC\n"
    room = ["bwrap", "--dev-bind", "/", "/", "--size", str(SMALL), "--tmpfs", str(tmp_path / "small"), "--"]
    if run(tmp_path, "/usr/bin/true", before=f"exec {shlex.join(room)}").returncode != 0:
        pytest.skip("not tried here: bubblewrap cannot make a small disk, or no other machine beside it")
    done = run(tmp_path, "/usr/bin/python3", "fills", "small/file", "0", before=f"exec {shlex.join(room)}")
    assert done.stdout == f"{SMALL} ENOSPC\n", done


LIMIT = 32 << 20  # bytes of a file; the job's first image is smaller


@pytest.mark.parametrize("program, said, status", [
    (["/usr/bin/python3", "fills", "file", str(LIMIT - 20000)], "20000 EFBIG\n", 0),  # it ignores SIGXFSZ
    (["/usr/bin/dd", "if=/dev/zero", "of=file", "bs=1M", "count=1", f"seek={LIMIT >> 20}"], "", -signal.SIGXFSZ)])
def test_no_larger_file_at_home(tmp_path: Path, program: list[str], said: str, status: int) -> None:
    (tmp_path / "fills").write_text(FILLS)
    done = run(tmp_path, *program, before=f"ulimit -f {LIMIT >> 10}; exec")
    assert (done.stdout, done.returncode) == (said, status), done.stderr


def test_nobody_reads_at_home(tmp_path: Path) -> None:
    """A pipe whose reader is gone: SIGPIPE for the job, and EPIPE if it ignores that."""
    assert run(tmp_path, "/usr/bin/yes", before="exec > >(read -r line)\nexec").returncode == -signal.SIGPIPE
    script = "import os\ntry: os.write(1, b'x')\nexcept OSError as error: os._exit(error.errno)"
    assert run(tmp_path, "/usr/bin/python3", "-c", script, before="exec > >(exit)\nwait $!\nexec").returncode == errno.EPIPE
