"""A machine is lost: ckpt-shadow lets the job begin again from its last image, if what has happened since can be taken back."""
from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from test_shadow import HEAD, HELLO, IMAGE, LEAVE, START, Shadow, stage_fixture, text  # noqa: F401: a fixture

pytestmark = pytest.mark.xdist_group("shadow")
CREATE = os.O_CREAT | os.O_RDWR


class Job(Shadow):
    """On two machines; the test plays both."""

    def moves(self) -> None:
        """It saves itself, and goes to the next."""
        self.process.send_signal(signal.SIGUSR2)
        assert self.receive()[0] == LEAVE
        self.image_comes()

    def image_comes(self, said: bytes = b"life") -> None:
        self.send(IMAGE, struct.pack("=Q", 0) + said)
        self.send(START, struct.pack("=Q", 4096))
        self.disconnect()
        self.connect()

    def is_lost(self) -> None:
        self.disconnect()
        self.connect()

    def is_refused(self, *cannot: str) -> None:
        """The machine is lost, and this is why the job cannot begin again."""
        status, errors = self.wait()
        assert status == 75 and "cannot be taken back" in errors
        assert sorted(line for line in errors.splitlines() if not line.startswith("ckpt-shadow:")) == sorted(cannot)

    def write(self, fd: int, data: bytes) -> None:
        assert self.call("write", fd, data, len(data)) == len(data)


@pytest.fixture(name="job")
def job_fixture(stage: Path, tmp_path: Path) -> Iterator[Job]:
    with started(stage, tmp_path) as job:
        yield job


@contextlib.contextmanager
def started(stage: Path, tmp_path: Path, *options: str, machines: int = 2, stderr: int | IO[str] = subprocess.PIPE) -> Iterator[Job]:
    (tmp_path / "home").mkdir()
    job = Job(stage, tmp_path / "home", *options, machines=machines, stderr=stderr)
    try:
        yield job
    finally:
        job.close()


# --- What can be taken back ---

def test_a_file_that_has_grown_is_cut_back(job: Job) -> None:
    (job.folder / "log").write_text("before ")
    fd = job.open("log", os.O_WRONLY | os.O_APPEND)
    job.write(fd, b"image ")
    job.moves()
    job.write(fd, b"since")
    fd2 = job.open("log", os.O_WRONLY)
    assert job.call("pwrite64", fd2, b"more", 4, 18) == 4
    assert (job.folder / "log").read_text() == "before image since" + "more"
    job.is_lost()
    assert (job.folder / "log").read_text() == "before image "
    job.write(fd, b"again")
    assert (job.folder / "log").read_text() == "before image again"
    assert job.call("close", fd2) == -9, "it was opened since"
    assert job.finish()[0] == 0


def test_a_file_without_a_name_is_cut_back(job: Job) -> None:
    fd = job.open("file", CREATE)
    assert job.call("unlink", text("file")) == 0
    job.write(fd, b"image ")
    job.moves()
    job.write(fd, b"since")
    job.is_lost()
    assert job.call("lseek", fd, 0, os.SEEK_END) == 6
    assert job.finish()[0] == 0


def test_a_file_that_was_made_is_removed(job: Job) -> None:
    job.moves()
    fd = job.open("new", CREATE | os.O_EXCL)
    job.write(fd, b"some text")
    assert job.call("ftruncate", fd, 4) == 0 and job.call("fchmod", fd, 0o640) == 0
    fd = job.open("temporary", CREATE)
    job.write(fd, b"more")
    assert job.call("unlink", text("temporary")) == 0
    assert job.open("temporary", CREATE | os.O_EXCL) >= 0
    nameless = job.open(".", os.O_TMPFILE | os.O_RDWR)
    job.write(nameless, b"text")
    assert job.call("pwrite64", nameless, b"T", 1, 0) == 1
    job.is_lost()
    assert os.listdir(job.folder) == []
    assert job.open("new", CREATE | os.O_EXCL) >= 0
    assert job.finish()[0] == 0


def test_descriptors_are_what_they_were(job: Job) -> None:
    """Their offsets, their flags, those that were closed; the working directory; umask."""
    (job.folder / "sub").mkdir()
    (job.folder / "file").write_text("0123456789")
    (job.folder / "closed").write_text("abcdef")
    fd, closed = job.open("file"), job.open("closed", os.O_RDWR)
    assert job.call("read", fd, 1, 3) == 3 and job.call("lseek", closed, 2, os.SEEK_SET) == 2
    job.call("umask", 0o22)
    job.moves()
    assert job.call("read", fd, 1, 5) == 5
    assert job.call("fcntl_F_SETFL", closed, 0, os.O_APPEND) == 0
    assert job.call("close", closed) == 0 and job.call("lseek", closed, 0, os.SEEK_SET) == -9
    assert job.open("sub") not in (fd, closed)
    assert job.call("chdir", text("sub")) == 0 and job.call("umask", 0o77) == 0o22
    job.is_lost()
    assert job.call("lseek", fd, 0, os.SEEK_CUR) == 3
    assert job.call("lseek", closed, 0, os.SEEK_CUR) == 2 and not job.call("fcntl_F_GETFL", closed) & os.O_APPEND
    assert job.stat("file") == 0 and job.call("umask", 0) == 0o22
    assert job.finish()[0] == 0


def test_closing_drops_the_locks_though_the_file_waits(job: Job) -> None:
    """A descriptor that is kept for going back is closed for all others."""
    fd = job.open("file", CREATE)
    lock = struct.pack("=hhxxxxqqixxxx", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    assert job.call("fcntl_F_SETLK", fd, 0, lock) == 0
    job.moves()
    assert job.call("close", fd) == 0
    with (job.folder / "file").open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert job.finish()[0] == 0


def test_a_lock_stays_when_a_descriptor_that_waited_is_closed(job: Job) -> None:
    """close(2) of any descriptor drops the process's locks on the file: not before the job closes its last one."""
    fd, other = job.open("file", CREATE), job.open("file", os.O_RDWR)
    job.moves()
    assert job.call("close", fd) == 0
    lock = struct.pack("=hhxxxxqqixxxx", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    assert job.call("fcntl_F_SETLK", other, 0, lock) == 0
    job.moves()
    with (job.folder / "file").open("r+b") as file, pytest.raises(OSError):
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert job.finish()[0] == 0


def test_before_the_first_image_all_begins_anew(job: Job) -> None:
    fd = job.open("new", CREATE)
    job.write(fd, b"text")
    job.is_lost()
    assert os.listdir(job.folder) == [] and job.call("close", fd) == -9
    assert job.finish()[0] == 0


def test_it_begins_again_after_each_image(job: Job) -> None:
    for _ in range(3):
        job.moves()
        fd = job.open("new", CREATE)
        job.write(fd, b"text")
        job.is_lost()
        assert os.listdir(job.folder) == []
    assert job.finish()[0] == 0


def test_an_image_that_does_not_arrive_is_none(job: Job) -> None:
    """The last one stays until the next is whole."""
    job.moves()
    job.process.send_signal(signal.SIGUSR2)
    assert job.receive()[0] == LEAVE
    job.send(IMAGE, struct.pack("=Q", 0) + b"half")
    command, ends = job.command, [job.writing, job.reading]
    job.connect(hello=False)  # the next machine begins ahead, with an image that will not come
    ends += [job.writing, job.reading]
    os.kill(command, signal.SIGKILL)
    for end in ends[:2]:
        os.close(end)
    job.connect()
    for end in ends[2:]:
        os.close(end)
    assert job.image[0].startswith(b"life")
    assert job.finish()[0] == 0


def test_the_next_machine_gets_what_is_here_and_begins_when_all_is(job: Job) -> None:
    job.process.send_signal(signal.SIGUSR2)
    assert job.receive()[0] == LEAVE
    job.send(IMAGE, struct.pack("=Q", 0) + b"life" * 1024)
    writing, reading = job.writing, job.reading
    job.connect(hello=False)
    job.send(HELLO, job.hello)
    assert job.receive() == (IMAGE, 0, struct.pack("=Q", 0) + b"life" * 1024)
    os.write(writing, HEAD.pack(IMAGE, 12, 0) + struct.pack("=Q", 8192) + b"more")
    assert job.receive() == (IMAGE, 0, struct.pack("=Q", 8192) + b"more"), "and still no START"
    os.write(writing, HEAD.pack(START, 8, 0) + struct.pack("=Q", 12288))
    assert job.receive() == (START, 0, struct.pack("=Q", 12288))
    os.close(writing)
    os.close(reading)
    assert job.finish()[0] == 0


def test_a_job_that_saves_itself_anew_begins_at_the_beginning(job: Job) -> None:
    job.process.send_signal(signal.SIGUSR2)
    assert job.receive()[0] == LEAVE
    job.send(IMAGE, struct.pack("=Q", 0) + b"what is no use")
    job.bytes_from(job.pid_read, 1, until=b"\n")  # the next machine's COMMAND, which is ended again
    job.image_comes()
    assert job.image == {0: b"life"} and job.finish()[0] == 0


def test_who_asks_again_is_heard(job: Job) -> None:
    """The first time the job could perhaps not be saved: nothing came."""
    for _ in range(2):
        job.process.send_signal(signal.SIGUSR2)
        assert job.receive()[0] == LEAVE
    job.image_comes()
    assert job.finish()[0] == 0


def test_pieces_come_in_their_order(job: Job) -> None:
    job.process.send_signal(signal.SIGUSR2)
    assert job.receive()[0] == LEAVE
    job.send(IMAGE, struct.pack("=Q", 4096) + b"later")
    job.send(IMAGE, struct.pack("=Q", 8) + b"earlier")
    status, errors = job.wait()
    assert status == 76 and "should have come before" in errors


def test_messages_stay(stage: Path, tmp_path: Path) -> None:
    """Standard error may be a file, in which ckpt-shadow writes, too."""
    with (tmp_path / "errors").open("w") as errors, started(stage, tmp_path, "-v", stderr=errors) as job:
        job.moves()
        job.write(2, b"a warning\n")
        job.is_lost()
        job.write(2, b"a warning\n")
        assert job.finish()[0] == 0
    said = (tmp_path / "errors").read_text()
    assert said.count("a warning\n") == 2 and said.index("a warning") < said.index("the job begins again")
    assert re.findall(r"life (\d) begins", said) == ["1", "2", "3"]


# --- What cannot ---

def test_what_cannot_be_taken_back_is_listed(job: Job) -> None:
    home = job.folder
    for name in ("base", "cut", "emptied", "old", "gone", "mode"):
        (home / name).write_text("0123456789")
    base = job.open("base", os.O_RDWR)
    job.moves()
    assert job.call("pwrite64", base, b"x", 1, 4) == 1
    assert job.call("ftruncate", job.open("cut", os.O_RDWR), 3) == 0
    job.open("emptied", os.O_WRONLY | os.O_TRUNC)
    assert job.call("rename", text("old"), text("new")) == 0
    assert job.call("unlink", text("gone")) == 0
    assert job.call("chmod", text("mode"), 0o600) == 0
    assert job.call("mkdir", text("folder"), 0o700) == 0
    job.write(1, b"to a pipe")
    job.is_refused(f"written in place: {home}/base", f"cut: {home}/cut", f"emptied: {home}/emptied",
                   f"rename: {home}/old", f"unlink: {home}/gone", f"chmod: {home}/mode", f"mkdir: {home}/folder",
                   "written to: standard output, a pipe")
    assert (home / "base").read_text() == "0123x56789", "nothing has been touched"


def test_somebody_else_has_written(job: Job) -> None:
    """A log that others append to is not cut."""
    (job.folder / "log").write_text("")
    fd = job.open("log", os.O_WRONLY | os.O_APPEND)
    job.moves()
    job.write(fd, b"ours")
    with (job.folder / "log").open("a") as file:
        file.write("theirs")
    job.is_refused(f"changed by somebody else as well: {job.folder}/log")
    assert (job.folder / "log").read_text() == "ourstheirs"


def test_force(stage: Path, tmp_path: Path) -> None:
    with started(stage, tmp_path, "--force") as job:
        (job.folder / "base").write_text("0123456789")
        base = job.open("base", os.O_RDWR)
        log = job.open("log", CREATE)
        job.moves()
        job.write(base, b"x")
        job.write(log, b"text")
        job.is_lost()
        assert (job.folder / "base").read_text() == "x123456789" and (job.folder / "log").read_text() == ""
        assert job.call("lseek", base, 0, os.SEEK_CUR) == 0
        status, errors = job.finish()
        assert status == 0 and "--force: these stay as they are now" in errors and f"{job.folder}/base" in errors


def test_all_machines_are_lost(job: Job) -> None:
    """Each is tried once; then the job is lost."""
    job.moves()
    job.is_lost()
    status, errors = job.wait()
    assert status == 75 and errors.count("the connection to the other machine broke") == 2
    assert errors.count("the job begins again from its last image") == 1


def test_the_next_machine_is_tried_when_one_cannot_be_reached(stage: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    job = Job(stage, tmp_path / "home", "-e", "true", machines=1)
    job.process.send_signal(signal.SIGUSR2)
    assert job.receive()[0] == LEAVE
    job.image_comes()
    status, errors = job.finish()
    job.close()
    assert status == 0 and "the job could not be started on the other machine (COMMAND exited with 0)" in errors


# --- Images ---

def test_an_eviction(job: Job) -> None:
    """SIGTERM to `restart --remote`: it says LEAVE, and sends the image, though nobody here has asked."""
    job.send(LEAVE)
    job.image_comes(b"evicted")
    assert job.image[0].startswith(b"evicted") and job.finish()[0] == 0


def test_images_by_the_clock(stage: Path, tmp_path: Path) -> None:
    with started(stage, tmp_path, "-i", "1", "-v") as job:
        assert job.receive()[0] == LEAVE
        job.image_comes()
        status, errors = job.finish()
        commands = [line.split(": ")[-1] for line in errors.splitlines() if " begins: " in line]
        assert status == 0 and len(commands) == 2 and commands[0] == commands[1]


@pytest.mark.parametrize("seconds", ["0", "x", "1x", "-1", ""])
def test_wrong_seconds(stage: Path, seconds: str) -> None:
    done = subprocess.run([stage / "ckpt-shadow", "-i", seconds, "true"], capture_output=True, text=True, check=False)
    assert done.returncode == 64 and "must be a number of seconds" in done.stderr
