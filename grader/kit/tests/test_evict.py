"""ckpt --evict: a job leaves when its engine says so, and the same command, given again, goes on with it."""
from __future__ import annotations

import fcntl
import os
import shutil
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from conftest import TOP
from job_terminal import Terminal
from kit import built
from stage.process import children_of, wait_until

pytestmark = pytest.mark.xdist_group("evict")  # what is built once is built by one worker

LIMIT = 60.0
TALLY = "import sys\nfor line in sys.stdin: print(line.strip(), flush=True)\nsys.exit(7)"
READERS = {"python3": ["/usr/bin/python3", "-c", TALLY], "sort": ["sort", "-n", "--parallel=1", "-S", "100K"]}
ENDS = {"python3": 7, "sort": 0}


class Job:
    """One command, as an engine gives it, and asks it to leave."""

    def __init__(self, folder: Path, *words: str | Path) -> None:
        self.folder, self.words = folder, words
        self.output, self.errors = folder / "output", folder / "errors"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *before: str | Path, stdin: int | IO[bytes] | None = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Its output is appended to that of its earlier lives."""
        with self.output.open("ab") as output, self.errors.open("ab") as errors:
            self.process = subprocess.Popen([*before, *self.words], cwd=self.folder, stdin=stdin, stdout=output,
                                            stderr=errors, env={**os.environ, "LC_ALL": "C"})
        return self.process

    def leave(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(LIMIT)

    def lines(self) -> list[str]:
        """All that it printed in all lives, word by word."""
        return self.output.read_text().split()

    def said(self, words: str) -> bool:
        return words in self.errors.read_text()

    def child(self) -> int:
        """The pid of PROG itself, past its start: it has opened its eyes, and waits."""
        assert self.process is not None
        pid = self.process.pid
        assert wait_until(lambda: [bool(is_program(child)) for child in children_of(pid)] == [True], of=pid)
        return children_of(pid)[0]


def is_program(pid: int) -> bool:
    """libckpt.so's handler is there."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught, 16) >> (signal.SIGUSR2 - 1) & 1)


@pytest.fixture(name="job")
def job_fixture(tmp_path: Path) -> Iterator[Job]:
    job = Job(tmp_path)
    yield job
    if job.process is not None and job.process.poll() is None:
        job.process.kill()
        job.process.wait()


def stage() -> Path:
    return built.solution() / "stage4-openfiles"


def evicts(*more: str | Path) -> list[str | Path]:
    return [stage() / "ckpt", "--evict", "--resume", "-o", "image", *more]


def is_drained(pipe: IO[bytes]) -> bool:
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0] == 0


@pytest.mark.parametrize("name", READERS)
def test_a_job_that_left_three_times_goes_on(job: Job, name: str) -> None:
    """sort has a SIGTERM handler of its own, and is killed by it if it ever gets one."""
    job.words = (*evicts(), *READERS[name])
    numbers = [str(number * 7919 % 4000) for number in range(4000)]
    for life in range(4):
        process = job.start(stdin=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write("".join(number + "\n" for number in numbers[life * 1000:life * 1000 + 1000]).encode())
        process.stdin.flush()
        if life < 3:
            assert wait_until(lambda: is_drained(process.stdin), LIMIT)  # noqa: B023
            assert job.leave() == 85
            assert (job.folder / "image").is_file()
            process.stdin.close()
    process.stdin.close()
    assert process.wait(LIMIT) == ENDS[name], job.errors.read_text()
    assert job.lines() == (sorted(numbers, key=int) if name == "sort" else numbers)
    assert sorted(path.name for path in job.folder.iterdir()) == ["errors", "output"]


def test_nothing_is_done_twice(job: Job) -> None:
    """A program that never rests: between its image and its end it does nothing, and the last restart is by hand."""
    source = TOP / "grader/tests/programs/counting.c"
    subprocess.run(["gcc", "-O1", "-w", "-o", job.folder / "counting", source], check=True)
    job.words = (*evicts(), "./counting", "400")
    job.output.touch()
    for life in range(4):
        if life == 3:
            job.words = (stage() / "restart", "image")
        before = len(job.lines())
        job.start()
        assert wait_until(lambda: len(job.lines()) > before + 50, LIMIT)  # noqa: B023
        assert job.leave() == 85, "the restart by hand does not ask it to leave" if life == 3 else life
    assert job.start().wait(LIMIT) == 0
    assert job.lines() == [str(number) for number in range(1, 401)]
    assert not (job.folder / "image").exists()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL, signal.SIGSEGV, signal.SIGRTMIN + 3])
def test_another_signal_is_the_job_s(job: Job, number: int) -> None:
    """...and whoever waits for ckpt sees that the job was killed by it."""
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip("not tried here: whoever started this ignores the signal (nohup), and so does the job")
    job.words = (*evicts(), "sleep", "100")
    process = job.start()
    child = job.child()
    os.kill(child if number == signal.SIGKILL else process.pid, number)
    assert process.wait(LIMIT) == -number
    assert not Path(f"/proc/{child}").exists()


def test_a_killed_parent_leaves_no_job(job: Job) -> None:
    job.words = (*evicts(), "sleep", "100")
    process, child = job.start(), job.child()
    process.kill()
    assert wait_until(lambda: not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text())


def test_status_and_signal_of_choice_and_a_checkpoint_on_the_way(job: Job) -> None:
    job.words = (stage() / "ckpt", "--evict=99", "--evict-on", "USR1", "-v", "-o", "image", "sleep", "100")
    process = job.start()
    job.child()
    process.send_signal(signal.SIGUSR2)
    assert wait_until(lambda: job.said("wrote"), of=process.pid)
    assert job.leave(signal.SIGUSR1) == 99
    job.words = (stage() / "restart", "image")
    job.start()  # it may be asked before it is what it was
    job.child()
    assert job.leave(signal.SIGUSR1) == 99


def test_without_an_image_the_job_stays_and_may_be_asked_again(job: Job) -> None:
    job.words = (stage() / "ckpt", "--evict", "-o", "later/image", "sleep", "100")
    process = job.start()
    child = job.child()
    for _ in range(2):
        process.send_signal(signal.SIGTERM)
    assert wait_until(lambda: job.said("stays, since there is no image"), of=process.pid)
    assert process.poll() is None and is_program(child)
    (job.folder / "later").mkdir()
    assert job.leave() == 85 and (job.folder / "later/image").is_file()


def blocks_all(pid: int) -> bool:
    """...or it waits for them (sigwaitinfo(2) shows none as blocked): then it has a child already."""
    return "SigBlk:\tfff" in Path(f"/proc/{pid}/status").read_text() or bool(children_of(pid))


def test_asked_while_it_starts(job: Job) -> None:
    """As soon as ckpt has all signals blocked, none is lost, in the first life and in the second."""
    job.words = (*evicts(), "sleep", "100")
    for _ in range(2):
        process = job.start()
        assert wait_until(lambda: blocks_all(process.pid), of=process.pid)  # noqa: B023
        assert job.leave() == 85, job.errors.read_text()


def test_asked_before_it_starts(job: Job) -> None:
    """A signal that waits is taken when all of libckpt.so is ready.  (Once nobody heard why there was no image.)"""
    def ask() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
        os.kill(os.getpid(), signal.SIGUSR2)

    words = [stage() / "ckpt", "-o", "later/image", "sleep", "0"]
    done = subprocess.run(words, cwd=job.folder, preexec_fn=ask, stderr=subprocess.PIPE, text=True, timeout=LIMIT, check=True)
    assert "no checkpoint; the program goes on" in done.stderr


def test_what_is_no_image_of_this_command_is_left_alone(job: Job) -> None:
    job.words = (*evicts(), "sleep", "100")
    job.start()
    job.child()
    assert job.leave() == 85
    image = job.folder / "image"
    whole = image.read_bytes()
    job.words = (*evicts(), "sleep", "99")
    assert job.start().wait(LIMIT) == 65 and job.said("of another PROG or of other ARGS")
    assert image.read_bytes() == whole
    image.write_bytes(whole[:5000])
    job.words = (*evicts(), "sleep", "100")
    assert job.start().wait(LIMIT) == 65 and job.said("truncated")
    assert image.read_bytes() == whole[:5000]
    done = subprocess.run([stage() / "ckpt", "-o", "image", "sh", "-c", "kill -USR2 $$"], cwd=job.folder, check=True,
                          capture_output=True)
    assert done.returncode == 0 and image.stat().st_size > 5000
    assert job.start().wait(LIMIT) == 65 and job.said("not an image of ckpt --evict") and image.exists()


@pytest.mark.parametrize("name", ["stage4-openfiles", "stage5-coredump", "stage6-remote"])
def test_what_is_no_image_at_all_is_left_alone(job: Job, name: str) -> None:
    (job.folder / "image").write_text("A text, and no core either.")
    job.words = (built.solution() / name / "ckpt", *evicts()[1:], "true")
    assert job.start().wait(LIMIT) == 65, job.errors.read_text()
    assert (job.folder / "image").read_text() == "A text, and no core either."


@pytest.mark.parametrize("words", [["--resume"], ["--evict=0"], ["--evict=256"], ["--evict", "--evict-on", "USR2"],
                                   ["--evict", "--resume", "-o", "x.%p"]])
def test_what_cannot_be_meant(words: list[str]) -> None:
    assert subprocess.run([stage() / "ckpt", *words, "true"], capture_output=True).returncode == 64


def test_the_terminal_is_the_job_s(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    try:
        terminal.type(f"{stage()}/ckpt --evict sh -c 'echo up; exec cat'; echo status=$?\n")
        terminal.wait_for(r"up\r\n")
        for word in ("first", "second"):
            terminal.type(f"{word}\n")
            terminal.wait_for(rf"{word}\r\n{word}\r\n")
            if word == "first":
                terminal.type("\x1a")
                terminal.wait_for("Stopped")
                terminal.wait_for("status=")
                terminal.type("fg\n")
                terminal.wait_for("exec cat'")
        terminal.type("\x03")
        terminal.wait_for("ready> ")
        terminal.type("echo was=$?\n")
        terminal.wait_for("was=130")
    finally:
        terminal.close()


READS = """
import os, time
while word := os.read(0, 2):
    print(word.decode(), end="", flush=True)
    while not os.path.exists("go"):
        time.sleep(0.001)
"""


def test_the_same_command_reads_on_in_its_standard_input(job: Job) -> None:
    """The engine opens it anew, so it is at its beginning."""
    (job.folder / "input").write_text("1 2 3 ")
    job.words = (*evicts(), "/usr/bin/python3", "-c", READS)
    job.output.touch()
    for life in range(2):
        with (job.folder / "input").open("rb") as stdin:
            process = job.start(stdin=stdin)
        if life == 0:
            assert wait_until(lambda: job.lines() == ["1"], LIMIT)
            assert job.leave() == 85
            (job.folder / "go").touch()
    assert process.wait(LIMIT) == 0 and job.lines() == ["1", "2", "3"], job.errors.read_text()


@pytest.mark.parametrize("kept", [True, False])
def test_a_copied_sandbox_whose_old_name_is_another_job_s(tmp_path: Path, kept: bool) -> None:
    """As HTCondor's on another machine: other files under the same names; and its output may be made anew."""
    job = Job(tmp_path / "dir_1", *evicts(), "/usr/bin/python3", "-c", READS)
    job.folder.mkdir()
    (job.folder / "input").write_text("1 2 3 ")
    with (job.folder / "input").open("rb") as stdin:
        job.start(stdin=stdin)
    assert wait_until(lambda: job.lines() == ["1"], LIMIT)
    assert job.leave() == 85
    job.folder = shutil.copytree(job.folder, tmp_path / "dir_2")
    (tmp_path / "dir_1/image").write_text("another job's")
    job.output, job.errors = job.folder / "output", job.folder / "errors"
    if not kept:
        job.output.write_text("")
    (job.folder / "go").touch()
    with (job.folder / "input").open("rb") as stdin:
        assert job.start(stdin=stdin).wait(LIMIT) == 0, job.errors.read_text()
    assert job.lines() == (["1", "2", "3"] if kept else ["2", "3"])
    assert job.said("output: made anew, without the 2 bytes") is not kept
    assert (tmp_path / "dir_1/image").exists() and not (job.folder / "image").exists()


MOVES = r"""
import mmap, os, sys
shared = open("shared", "r+b")
window = mmap.mmap(shared.fileno(), 4096)
private = mmap.mmap(os.open("private", os.O_RDONLY), 4096, mmap.MAP_PRIVATE, mmap.PROT_READ)
kept = open("kept", "a")
print("up", flush=True)
for number, line in enumerate(sys.stdin):
    print(line.strip(), file=kept, flush=True)
    window[number] = ord(line[0])
    print(os.getcwd(), private[0], open("private", "rb").read(1)[0], flush=True)
"""


def sandbox(folder: Path) -> Path:
    place = folder / "dir_1"
    place.mkdir()
    for name in ("shared", "private"):
        (place / name).write_bytes(b"p" * 4096)
    return place


def feed(job: Job, text: bytes, words: int) -> None:
    """One line, and its answer."""
    assert job.process is not None and job.process.stdin is not None
    job.process.stdin.write(text)
    job.process.stdin.flush()
    assert wait_until(lambda: len(job.lines()) >= words, LIMIT), job.errors.read_text()


def test_a_sandbox_with_another_name_each_time(tmp_path: Path) -> None:
    """As HTCondor's dir_PID: the same command is given in a folder that was renamed, twice; then a restart by hand."""
    job = Job(sandbox(tmp_path), *evicts(), "/usr/bin/python3", "-c", MOVES)
    job.output, job.errors = tmp_path / "output", tmp_path / "errors"
    seen = ["up"]
    for life in range(1, 5):
        if life == 4:
            job.words = (stage() / "restart", "--moved", f"{tmp_path}/dir_3={job.folder}/", "image")
        job.start(stdin=subprocess.PIPE)
        if life == 1:
            assert wait_until(lambda: job.output.read_text() == "up\n", LIMIT)
        seen += [str(job.folder), "112", "112"]
        feed(job, f"{life}\n".encode(), len(seen))
        assert job.leave() == 85 and (job.folder / "image").exists(), job.errors.read_text()
        job.folder = job.folder.rename(tmp_path / f"dir_{life + 1}")
    assert job.lines() == seen
    assert (job.folder / "kept").read_text() == "1\n2\n3\n4\n" and (job.folder / "shared").read_bytes()[:5] == b"1234p"
    assert sorted(path.name for path in job.folder.iterdir()) == ["image", "kept", "private", "shared"]


WRONG_RULES = [("{0}/dir_1", 64), ("dir_1={0}/dir_2", 64), ("{0}/dir_1={0}/none", 66), ("{0}/dir={0}/dir_2", 66),
               ("{0}/dir_1=" + "/." * 2045, 66)]


def test_a_wrong_rule_changes_nothing(tmp_path: Path) -> None:
    """Only whole parts of a path count; and what is too long, or not there, is said before anything is opened."""
    job = Job(sandbox(tmp_path), stage() / "ckpt", "--evict", "-o", "image", "/usr/bin/python3", "-c", MOVES)
    job.output, job.errors = tmp_path / "output", tmp_path / "errors"
    job.start(stdin=subprocess.PIPE)
    assert wait_until(lambda: job.output.exists() and job.output.read_text() == "up\n", LIMIT)
    assert job.leave() == 85
    job.folder = job.folder.rename(tmp_path / "dir_2")
    before = {path.name: path.read_bytes() for path in job.folder.iterdir()}
    for rule, status in WRONG_RULES:
        job.words = (stage() / "restart", "--moved", rule.format(tmp_path), "image")
        assert job.start().wait(LIMIT) == status, job.errors.read_text()
        assert {path.name: path.read_bytes() for path in job.folder.iterdir()} == before


def test_the_longest_rule_wins(tmp_path: Path) -> None:
    job = Job(sandbox(tmp_path), stage() / "ckpt", "--evict", "-o", tmp_path / "image", "/usr/bin/python3", "-c", MOVES)
    job.output, job.errors = tmp_path / "output", tmp_path / "errors"
    job.start(stdin=subprocess.PIPE)
    assert wait_until(lambda: job.output.exists() and job.output.read_text() == "up\n", LIMIT)
    assert job.leave() == 85
    (tmp_path / "dir_1/kept").rename(tmp_path / "elsewhere")
    job.folder = job.folder.rename(tmp_path / "dir_2")
    rules = [f"{tmp_path}/dir_1={tmp_path}/dir_2", f"{tmp_path}/dir_1/kept={tmp_path}/elsewhere", f"/={tmp_path}"]
    job.words = (stage() / "restart", *(f"--moved={rule}" for rule in rules[:2]), tmp_path / "image")
    job.start(stdin=subprocess.PIPE)
    feed(job, b"one\n", 4)
    assert job.leave() == 85
    assert (tmp_path / "elsewhere").read_text() == "one\n" and not (job.folder / "kept").exists()
