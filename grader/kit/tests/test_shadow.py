"""ckpt-shadow, without a job: the test plays `restart --remote` and what runs there, frame by frame."""
from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from conftest import need
from kit import mutants

pytestmark = pytest.mark.xdist_group("shadow")  # what is built once is built by one worker

MAGIC = 0x6B63 << 16
HELLO, IMAGE, START, CALL, RESULT, NOT_DONE, ABANDON, SIGNAL, LEAVE, STOPPED, ENDED, MESSAGE, PING, PONG = range(MAGIC, MAGIC + 14)
HEAD = struct.Struct("=IIQ")
CALL_HEAD = struct.Struct("=II6q6I")
AT_FDCWD, AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW = -100, 0x100, 0x400
NO_WAIT = 1
PATIENCE = 10
# A program whose life ends before main, with an image that has a hole.
EMBRYO = r"""
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
__attribute__((constructor)) static void embryo(void)
{
    const char *image = getenv("CKPT_IMAGE");
    int fd = image != NULL ? open(image, O_CREAT | O_WRONLY, 0600) : -1;
    if (fd >= 0)
        _exit(pwrite(fd, "begin", 5, 0) != 5 || pwrite(fd, "end", 3, 1 << 20) != 3);
}
"""


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with ckpt-shadow, whose limits are a second, and a libckpt.so that only makes an image."""
    folder = tmp_path_factory.mktemp("shadow")
    mutants.copy_solution(folder)
    stage = folder / "stage6-remote"
    flags = "-O1 -g -DHEARTBEAT_SECONDS=1 -DLOST_SECONDS=2"
    subprocess.run(["make", "-s", "-C", stage, "ckpt-shadow", f"CFLAGS={flags}", "WERROR=1"], check=True)
    (stage / "embryo.c").write_text(EMBRYO)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", stage / "libckpt.so", stage / "embryo.c"], check=True)
    return stage


def call_numbers(stage: Path) -> dict[str, int]:
    header = next(stage.rglob("syscall_stubs.h")).read_text()
    names = re.findall(r"\bCALL_(\w+),", header[header.index("enum remote_call_number"):])
    return {name: number for number, name in enumerate(names)}


class Shadow:
    """One ckpt-shadow, and the other end of its connection."""

    def __init__(self, stage: Path, folder: Path, *options: str, program: str = "/bin/true", hello: bool = True,
                 stdin: int = subprocess.DEVNULL, arguments: tuple[str, ...] = (), before: tuple[str, ...] = (),
                 command: str = "sleep 1000 #", machines: int = 1,
                 stderr: int | IO[str] = subprocess.PIPE) -> None:
        self.numbers = call_numbers(stage)
        self.folder = folder
        self.serial = 0
        self.image: dict[int, bytes] = {}
        self.pid_read, self.pid_write = os.pipe()
        os.set_inheritable(self.pid_write, True)
        command = f"(echo $$ > /dev/fd/{self.pid_write}); exec {command}"
        environment = {**os.environ, "TMPDIR": str(folder)}
        words = [*before, stage / "ckpt-shadow", *(["-e", command] * machines), *options, "--", program, *arguments]
        self.process = subprocess.Popen(words, cwd=folder, env=environment, pass_fds=[self.pid_write], stdin=stdin,
                                        stdout=subprocess.PIPE, stderr=stderr)
        self.connect(hello)

    def connect(self, hello: bool = True) -> None:
        """COMMAND sleeps; its standard input and output are ours, through /proc."""
        self.command = int(self.bytes_from(self.pid_read, 1, until=b"\n"))
        self.reading = os.open(f"/proc/{self.command}/fd/0", os.O_RDONLY)
        self.writing = os.open(f"/proc/{self.command}/fd/1", os.O_WRONLY)
        kind, _, self.hello = self.receive()
        assert kind == HELLO
        self.serial = 0
        if hello:
            self.send(HELLO, self.hello)
            self.take_image()

    def take_image(self) -> None:
        self.image = {}
        while True:
            kind, _, data = self.receive()
            offset, = struct.unpack_from("=Q", data)
            if kind == START:
                self.size = offset
                return
            assert kind == IMAGE
            self.image[offset] = data[8:]

    def bytes_from(self, fd: int, size: int, until: bytes = b"") -> bytes:
        data = b""
        while len(data) < size or not data.endswith(until):
            ready, _, _ = select.select([fd], [], [], PATIENCE)
            assert ready, f"nothing came: {data!r}"
            more = os.read(fd, size - len(data) if not until else 1)
            if not more:
                raise EOFError(data)
            data += more
        return data

    def receive(self) -> tuple[int, int, bytes]:
        """The next frame; PINGs are answered on the way."""
        while True:
            kind, size, serial = HEAD.unpack(self.bytes_from(self.reading, HEAD.size))
            data = self.bytes_from(self.reading, size) if size else b""
            if kind != PING:
                return kind, serial, data
            self.send(PONG)

    def send(self, kind: int, data: bytes = b"", serial: int = 0) -> None:
        os.write(self.writing, HEAD.pack(kind, len(data), serial) + data)

    def begin(self, name: str | int, *arguments: int | bytes | None, flags: int = 0) -> int:
        """Sends a call, and returns its serial.  Bytes go in; None is NULL."""
        self.serial += 1
        number = self.numbers[name] if isinstance(name, str) else name
        words = [*arguments, *[0] * (6 - len(arguments))]
        values = [1 if isinstance(word, bytes) else 0 if word is None else word for word in words]
        ins = [word if isinstance(word, bytes) else b"" for word in words]
        head = CALL_HEAD.pack(number, flags, *values, *map(len, ins))
        self.send(CALL, head + b"".join(ins), self.serial)
        return self.serial

    def answer(self) -> tuple[int, bytes]:
        kind, serial, data = self.receive()
        assert (kind, serial) == (RESULT, self.serial)
        return struct.unpack_from("=q", data)[0], data[8:]

    def call(self, name: str, *arguments: int | bytes | None, flags: int = 0) -> int:
        self.begin(name, *arguments, flags=flags)
        return self.answer()[0]

    def open(self, path: str | Path, flags: int = os.O_RDONLY, mode: int = 0o600, at: int = AT_FDCWD) -> int:
        return self.call("openat", at, text(path), flags, mode)

    def stat(self, path: str | Path, flags: int = 0) -> int:
        return self.call("newfstatat", AT_FDCWD, text(path), 1, flags)

    def finish(self, status: int = 0) -> tuple[int, str]:
        """The job ends.  The shadow's exit status, and what it said."""
        with contextlib.suppress(BrokenPipeError):
            self.send(ENDED, struct.pack("=i", status))
        return self.wait()

    def wait(self) -> tuple[int, str]:
        self.disconnect()
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, (errors or b"").decode()

    def disconnect(self) -> None:
        for fd in (self.reading, self.writing):
            with contextlib.suppress(OSError):
                os.close(fd)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.command, signal.SIGKILL)
        self.reading = self.writing = -1

    def close(self) -> None:
        self.disconnect()
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):  # not to its end: a COMMAND may hold it
            if stream is not None:
                stream.close()
        os.close(self.pid_read)
        os.close(self.pid_write)


def text(path: str | Path) -> bytes:
    return os.fsencode(path) + b"\0"


@pytest.fixture(name="shadow")
def shadow_fixture(stage: Path, tmp_path: Path) -> Iterator[Shadow]:
    (tmp_path / "home").mkdir()
    (tmp_path / "secret").write_text("secret")
    shadow = Shadow(stage, tmp_path / "home")
    yield shadow
    shadow.close()


# --- The life of a job ---

def test_the_image_travels_without_its_hole(shadow: Shadow) -> None:
    assert shadow.size == (1 << 20) + 3
    assert shadow.image[0].startswith(b"begin") and shadow.image[1 << 20] == b"end"
    assert sum(map(len, shadow.image.values())) < 16384
    assert shadow.finish() == (0, "") and not list(shadow.folder.iterdir())


@pytest.mark.parametrize("status", [0, 7, 255])
def test_the_exit_status_is_the_jobs(shadow: Shadow, status: int) -> None:
    assert shadow.finish(status << 8)[0] == status


def test_it_dies_as_the_job_did(shadow: Shadow) -> None:
    assert shadow.finish(signal.SIGSEGV)[0] == -signal.SIGSEGV


def test_what_one_types_goes_to_the_job(shadow: Shadow) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGWINCH, signal.SIGTSTP, signal.SIGUSR1):
        shadow.process.send_signal(number)
        assert shadow.receive() == (SIGNAL, 0, struct.pack("=i", number))
    assert shadow.finish(signal.SIGTERM)[0] == -signal.SIGTERM


def test_it_stops_with_the_job_and_goes_on_with_it(shadow: Shadow) -> None:
    shadow.send(STOPPED, struct.pack("=i", signal.SIGTSTP))
    _, status = os.waitpid(shadow.process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    shadow.process.send_signal(signal.SIGCONT)
    assert shadow.receive() == (SIGNAL, 0, struct.pack("=i", signal.SIGCONT))
    assert shadow.finish()[0] == 0


def test_messages_are_harmless(shadow: Shadow) -> None:
    shadow.send(MESSAGE, b"\033]0;title\007\x7fsaid\n" + b"x" * 10000)
    errors = shadow.finish()[1]
    assert "?]0;title??said\n" in errors and "\033" not in errors and len(errors) < 5000


def test_a_job_moves_with_its_open_files(shadow: Shadow) -> None:
    fd = shadow.open("file", os.O_CREAT | os.O_RDWR)
    assert shadow.call("write", fd, b"before", 6) == 6
    shadow.process.send_signal(signal.SIGUSR2)
    assert shadow.receive()[0] == LEAVE
    shadow.send(IMAGE, struct.pack("=Q", 4096) + b"second life")
    shadow.send(START, struct.pack("=Q", 8192))
    shadow.disconnect()
    shadow.connect()
    assert shadow.size == 8192 and shadow.image[4096].startswith(b"second life")
    assert shadow.call("write", fd, b" after", 6) == 6
    assert (shadow.folder / "file").read_text() == "before after"
    assert shadow.finish()[0] == 0


# --- Lost ---

def test_a_broken_connection(shadow: Shadow) -> None:
    shadow.stat("/usr")
    status, errors = shadow.wait()
    assert status == 75 and "the connection to the other machine broke (COMMAND was killed by signal 9)" in errors
    assert "the job's last state: newfstatat, its call number 1, " in errors


def test_a_silent_machine(shadow: Shadow) -> None:
    """PINGs that nobody answers."""
    _, errors = shadow.process.communicate(timeout=PATIENCE)
    assert shadow.process.returncode == 75 and "is silent for 2 s" in errors.decode()


def test_a_command_that_is_not_there(stage: Path, tmp_path: Path) -> None:
    words = [stage / "ckpt-shadow", "-e", "/no/such/ssh", "/bin/true"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 71 and "could not be started on the other machine (COMMAND exited with 127)" in done.stderr


def test_a_greeting_is_no_hello(stage: Path, tmp_path: Path) -> None:
    words = [stage / "ckpt-shadow", "-e", "echo Welcome to other; exec sleep 1000 #", "/bin/true"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 76 and "Welcome" in done.stderr


@pytest.mark.parametrize("field, said", enumerate(["another version", "another processor", "another size", "other calls"]))
def test_another_hello(stage: Path, tmp_path: Path, field: int, said: str) -> None:
    shadow = Shadow(stage, tmp_path, hello=False)
    words = list(struct.unpack("=4I", shadow.hello))
    words[field] += 1
    shadow.send(HELLO, struct.pack("=4I", *words))
    status, errors = shadow.wait()
    shadow.close()
    assert status == 76 and said in errors


# --- Frames that are wrong ---

@pytest.mark.parametrize("kind, data, serial", [
    (RESULT, bytes(8), 1), (LEAVE, b"x", 0), (HELLO, bytes(16), 0), (0x12345678, b"", 0), (MAGIC + 14, b"", 0),
    (IMAGE, bytes(16), 0), (START, bytes(8), 0), (ENDED, struct.pack("=i", 0x137F), 0), (ENDED, b"", 0), (ABANDON, b"", 5),
    (CALL, bytes(CALL_HEAD.size), 1), (CALL, b"", 1), (CALL, CALL_HEAD.pack(5, 0, *[1] * 6, *[0xFFFFFFFF] * 6), 1),
    (CALL, CALL_HEAD.pack(5, 0, *[0] * 6, 4, 0, 0, 0, 0, 0) + bytes(4), 1), (CALL, CALL_HEAD.pack(5, 0, *[1] * 6, *[0] * 6) + b"x", 1)], ids=map(str, range(15)))
def test_a_wrong_frame_ends_the_connection(shadow: Shadow, kind: int, data: bytes, serial: int) -> None:
    shadow.send(kind, data, serial)
    _, errors = shadow.process.communicate(timeout=PATIENCE)
    assert shadow.process.returncode == 76 and "is wrong" in errors.decode()


def test_two_calls_at_once(shadow: Shadow) -> None:
    reader, _ = fifo(shadow)
    shadow.begin("read", reader, 1, 1)
    shadow.begin("read", reader, 1, 1)
    assert shadow.process.wait(PATIENCE) == 76


# --- Descriptors and numbers ---

def test_no_descriptor_but_the_jobs(shadow: Shadow) -> None:
    own = [int(entry.name) for entry in Path(f"/proc/{shadow.process.pid}/fd").iterdir() if int(entry.name) > 2]
    assert len(own) > 3
    for fd in [*own, -1, 1 << 20, 1 << 32, (1 << 32) + 1]:
        assert shadow.call("write", fd, b"x", 1) == -errno.EBADF
        assert shadow.call("close", fd) == -errno.EBADF
        assert shadow.call("dup", fd) == -errno.EBADF
        assert shadow.open("x", at=fd) == -errno.EBADF
        assert shadow.open(f"/proc/self/fd/{fd}") < 0
    shadow.begin("poll", struct.pack("=ihh", own[0], 1, 0), 1, -1)
    result, out = shadow.answer()
    assert result == 1 and out[6] == select.POLLNVAL


def test_0_1_and_2_can_be_closed_and_are_not_given_out_again(shadow: Shadow) -> None:
    for fd in range(3):
        assert shadow.call("close", fd) == 0 and shadow.call("close", fd) == -errno.EBADF
    assert shadow.process.stdout is not None and shadow.process.stdout.read() == b""
    assert shadow.open("file", os.O_CREAT | os.O_WRONLY) > 2
    shadow.send(MESSAGE, b"still heard")
    shadow.disconnect()
    assert shadow.process.wait(PATIENCE) == 75


@pytest.mark.parametrize("count", [-1, 1 << 16 | 1, 1 << 31, 1 << 32, 1 << 62])
def test_counts_are_not_believed(shadow: Shadow, count: int) -> None:
    zero = shadow.open("/dev/zero")
    assert shadow.call("read", zero, 1, count) == -errno.EINVAL
    assert shadow.call("write", zero, b"abc", count) == -errno.EINVAL
    assert shadow.call("poll", b"12345678", count, 0) == -errno.EINVAL
    assert shadow.call("newfstatat", AT_FDCWD, b"x" * 5000, 1, 0) == -errno.ENAMETOOLONG
    assert shadow.call("newfstatat", AT_FDCWD, b"/usr\0/etc\0", 1, 0) == -errno.EINVAL
    assert shadow.call("fcntl_F_SETLK", zero, 0, b"short") == -errno.EINVAL
    assert shadow.finish()[0] == 0


def test_what_comes_out(shadow: Shadow) -> None:
    (shadow.folder / "file").write_bytes(b"abc" * 40000)
    fd = shadow.open("file")
    shadow.begin("read", fd, 1, 65536)
    assert shadow.answer() == (65536, (b"abc" * 40000)[:65536])
    shadow.begin("read", fd, 1, 65536)
    assert shadow.answer()[0] == 120000 - 65536
    shadow.begin("read", fd, 1, 65536)
    assert shadow.answer() == (0, b"")
    shadow.begin("newfstatat", AT_FDCWD, b"file\0", 1, 0)
    result, out = shadow.answer()
    assert result == 0 and struct.unpack_from("=q", out, 48)[0] == 120000


# --- Paths ---

def test_links_and_dots_lead_out_to_nothing(shadow: Shadow) -> None:
    home, secret = shadow.folder, shadow.folder.parent / "secret"
    (home / "absolute").symlink_to(secret)
    (home / "relative").symlink_to("../secret")
    (home / "folder").symlink_to("..")
    (home / "magic").symlink_to("/proc/self/root")
    (home / "loop").symlink_to("loop")
    (home / "chain").symlink_to("absolute")
    for path in (secret, "../secret", "absolute", "relative", "folder/secret", "chain", f"magic{secret}",
                 f"/proc/self/root{secret}", f"/proc/self/cwd/../{secret.name}", f"/proc/{os.getpid()}/root{secret}",
                 f"/usr/../{secret}", f"/proc/self/fd/0/../../{secret}"):
        for flags in (os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_PATH):
            assert shadow.open(path, flags) in (-errno.EACCES, -errno.ENOENT, -errno.ENOTDIR), path
        assert shadow.stat(path) < 0, path
        assert shadow.call("truncate", text(path), 0) < 0, path
        assert shadow.call("chmod", text(path), 0o777) < 0, path
    assert shadow.stat("../nothing") == shadow.stat("../secret") == -errno.EACCES
    assert shadow.stat("loop") == -errno.ELOOP
    assert shadow.stat("absolute", AT_SYMLINK_NOFOLLOW) == 0
    assert secret.read_text() == "secret" and secret.stat().st_mode & 0o777 != 0o777


def test_good_paths(shadow: Shadow) -> None:
    home = shadow.folder
    (home / "folder").mkdir()
    (home / "folder/file").write_text("text")
    (home / "link").symlink_to(home / "folder/file")
    (home / "dangling").symlink_to("new")
    for path in ("folder/file", "./folder//file", "folder/../folder/file", home / "folder/file", "link",
                 f"../{home.name}/link", "/usr/../usr/bin", "/bin/sh", "/etc/passwd", "folder/", "folder/.", "."):
        assert shadow.open(path) > 2, path
        assert shadow.stat(path) == 0, path
    for path in (home, *home.parents):
        assert shadow.stat(path) == 0, path  # names on the way
    assert shadow.open(home.parent) == -errno.EACCES
    assert shadow.open("folder/file/") == -errno.ENOTDIR
    assert shadow.open("nothing") == shadow.stat("nothing/") == -errno.ENOENT
    assert shadow.open("") == -errno.ENOENT
    assert shadow.open("dangling", os.O_CREAT | os.O_WRONLY) > 2 and (home / "new").exists()
    assert shadow.open("dangling", os.O_CREAT | os.O_EXCL | os.O_WRONLY) == -errno.EEXIST
    assert shadow.open("link", os.O_NOFOLLOW) == -errno.ELOOP
    assert shadow.open("folder", os.O_TMPFILE | os.O_RDWR) > 2
    folder = shadow.open("folder", os.O_DIRECTORY)
    assert shadow.open("file", at=folder) > 2
    assert shadow.open("../../secret", at=folder) == -errno.EACCES
    assert shadow.call("mkdirat", folder, b"made/\0", 0o700) == 0 and (home / "folder/made").is_dir()
    assert shadow.call("renameat2", AT_FDCWD, b"folder/file\0", folder, b"moved\0", 0) == 0
    assert shadow.call("unlinkat", folder, b"moved\0", 0) == 0 and not (home / "folder/moved").exists()
    assert shadow.call("unlinkat", AT_FDCWD, b"link\0", 0) == 0 and not (home / "link").is_symlink()


def test_read_only_is_read_only(stage: Path, tmp_path: Path) -> None:
    """All that is tried here is tried on files of the test's own: PROG's installation may be read and not changed."""
    for folder in ("home", "tool/bin", "tool/lib"):
        (tmp_path / folder).mkdir(parents=True)
    program, kept = tmp_path / "tool/bin/true", tmp_path / "tool/lib/kept"
    shutil.copy("/bin/true", program)
    kept.write_text("kept")
    (tmp_path / "home/link").symlink_to(kept)
    before = kept.stat()
    shadow = Shadow(stage, tmp_path / "home", program=str(program))
    fd = shadow.open(kept)
    assert fd > 2
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_TRUNC, os.O_CREAT, os.O_RDWR | os.O_APPEND):
        assert shadow.open(kept, flags) == shadow.open("link", flags) == -errno.EACCES
        assert shadow.open(f"/proc/self/fd/{fd}", flags) == -errno.EACCES
    assert shadow.open(kept.parent, os.O_TMPFILE | os.O_RDWR) == -errno.EACCES
    assert shadow.open(kept.parent / "new", os.O_CREAT | os.O_WRONLY) == -errno.EACCES
    assert shadow.call("fchmod", fd, 0o666) == -errno.EACCES
    assert shadow.call("linkat", AT_FDCWD, text(kept), AT_FDCWD, b"own\0", 0) == -errno.EACCES
    assert shadow.call("linkat", AT_FDCWD, b"link\0", AT_FDCWD, b"own\0", AT_SYMLINK_FOLLOW) == -errno.EACCES
    assert shadow.call("utimensat", fd, None, None, 0) == -errno.EACCES
    assert shadow.call("unlinkat", AT_FDCWD, text(kept), 0) == -errno.EACCES
    assert shadow.open(f"/proc/self/fd/{fd}") > 2
    shadow.close()
    assert kept.stat()[:9] == before[:9] and kept.read_text() == "kept" and not (shadow.folder / "own").exists()
    assert not (kept.parent / "new").exists()


def test_arguments_name_files(stage: Path, tmp_path: Path) -> None:
    for name in ("home", "data", "out", "more"):
        (tmp_path / name).mkdir()
    (tmp_path / "data/in").write_text("x")
    arguments = (f"{tmp_path}/data/in", f"--out={tmp_path}/out/new", f"-o{tmp_path}/data/other", "/", "s/a/b/")
    shadow = Shadow(stage, tmp_path / "home", "--allow", str(tmp_path / "more"), arguments=arguments)
    assert shadow.open(tmp_path / "data/in", os.O_RDWR) > 2
    assert shadow.open(tmp_path / "out/new", os.O_RDWR | os.O_CREAT) > 2
    assert shadow.open(tmp_path / "data/other", os.O_RDWR | os.O_CREAT) > 2
    assert shadow.open(tmp_path / "more/file", os.O_RDWR | os.O_CREAT) > 2
    assert shadow.open(tmp_path / "out/more", os.O_RDWR | os.O_CREAT) == -errno.EACCES
    assert shadow.open(tmp_path / "data") == -errno.EACCES and shadow.open("/") == -errno.EACCES
    status, errors = shadow.finish(1 << 8)
    shadow.close()
    assert status == 1 and f"refused a file 3 times (--allow PATH lets it; -v names all); the last ones, newest first: /, " \
                           f"{tmp_path}/data, {tmp_path}/out/more\n" in errors


def test_the_last_that_was_refused_is_named(shadow: Shadow) -> None:
    """What is missed in the end, not what every program looks for first; and each name once."""
    for name in ("a", "b", "c", "d", "b", "d", "d"):
        assert shadow.open(f"../{name}") == -errno.EACCES
    folder = shadow.folder.parent
    assert f"refused a file 7 times (--allow PATH lets it; -v names all); the last ones, newest first: {folder}/d, " \
           f"{folder}/b, {folder}/c, {folder}/a\n" in shadow.finish(1 << 8)[1]


def test_the_processes_of_home_are_nobodys_business(stage: Path, tmp_path: Path) -> None:
    """Whatever is allowed: by its mem(5) the shadow, and whoever started it, can be made to do anything."""
    shadow = Shadow(stage, tmp_path, "--allow", "/", arguments=("/proc/self/mem", "/proc"))
    (tmp_path / "link").symlink_to("/proc/self")
    own, folder = f"/proc/{shadow.process.pid}", shadow.open("/proc", os.O_PATH)
    assert folder > 2 and shadow.open(tmp_path / "../..") > 2 and shadow.open("/proc/self/fd/0") > 2
    for path in (f"{own}/mem", "/proc/self/mem", "/proc/self/../self/mem", "link/mem", f"{own}/task/{shadow.process.pid}/mem",
                 f"/proc/{os.getpid()}/mem", "/proc/thread-self/mem", f"{own}/cwd/link/mem", f"{own}/fd/3", "/proc/sys/vm"):
        assert shadow.open(path) == shadow.open(path, os.O_RDWR) == shadow.stat(path) == -errno.EACCES, path
        assert shadow.call("readlinkat", AT_FDCWD, text(path), 1, 100) == -errno.EACCES
    assert shadow.open(own[6:] + "/mem", at=folder) == -errno.EACCES
    shadow.close()


def test_a_name_that_changes_all_the_time(shadow: Shadow) -> None:
    """A file of the job's and a link to another's take turns under one name: what is opened is never the other's."""
    home = shadow.folder
    script = f"cd {home}; while :; do ln -s ../secret b; mv -T b a; echo own > c; mv -T c a; done"
    racer = subprocess.Popen(["sh", "-c", script])
    seen = set()
    try:
        for _ in range(300):
            fd = shadow.open("a")
            if fd > 2:
                shadow.begin("read", fd, 1, 100)
                seen.add(shadow.answer()[1])
                shadow.call("close", fd)
            shadow.call("truncate", b"a\0", 3)
            shadow.call("chmod", b"a\0", 0o777)
    finally:
        racer.kill()
        racer.wait()
    assert b"secret" not in seen and (home.parent / "secret").read_text() == "secret"
    assert (home.parent / "secret").stat().st_mode & 0o777 != 0o777


# --- A terminal ---

# The leader of a session, as a shell: what it starts is in the background, or with "fore" in the foreground; what stops
# is continued there.
LEADER = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    if sys.argv[1] == "fore":
        os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[2], sys.argv[2:])
_, status = os.waitpid(child, os.WUNTRACED)
while os.WIFSTOPPED(status):
    print("stopped", flush=True)
    os.tcsetpgrp(0, child)
    os.killpg(child, signal.SIGCONT)
    _, status = os.waitpid(child, os.WUNTRACED)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_a_job_in_the_background_stops_before_it_reads(stage: Path, tmp_path: Path) -> None:
    """Both stop, so that the keeper does not miss the heartbeats; and in the foreground the call is made again."""
    master, slave = os.openpty()
    shadow = Shadow(stage, tmp_path, stdin=slave, before=(sys.executable, "-c", LEADER, "back"))
    shadow.begin("read", 0, 1, 100)
    os.write(master, b"text\n")
    assert shadow.receive() == (SIGNAL, 0, struct.pack("=i", signal.SIGSTOP))
    shadow.send(STOPPED, struct.pack("=i", signal.SIGSTOP))
    came = {shadow.receive(), shadow.receive()}
    assert came == {(SIGNAL, 0, struct.pack("=i", signal.SIGCONT)), (RESULT, 1, struct.pack("=q", 5) + b"text\n")}
    shadow.send(ENDED, struct.pack("=i", 0))
    assert shadow.process.communicate(timeout=PATIENCE)[0] == b"stopped\n" and shadow.process.returncode == 0
    shadow.close()
    os.close(master), os.close(slave)


@pytest.mark.parametrize("end", ["lost", "killed", "exits"])
def test_a_lost_job_leaves_the_terminal_as_it_was(stage: Path, tmp_path: Path, end: str) -> None:
    master, slave = os.openpty()
    found = termios.tcgetattr(slave)
    shadow = Shadow(stage, tmp_path, stdin=slave, before=(sys.executable, "-c", LEADER, "fore"))
    shadow.begin("ioctl_TCGETS", 0, termios.TCGETS, 1)
    settings = shadow.answer()[1]
    quiet = settings[:12] + struct.pack("=I", struct.unpack_from("=I", settings, 12)[0] & ~termios.ECHO) + settings[16:]
    assert shadow.call("ioctl_TCSETS", 0, termios.TCSETS, quiet) == 0
    assert termios.tcgetattr(slave) != found
    if end != "lost":
        shadow.finish(signal.SIGKILL if end == "killed" else 0)
    shadow.wait()
    assert (termios.tcgetattr(slave) == found) == (end != "exits")
    shadow.close()
    os.close(master), os.close(slave)


# --- Where nobody has named anything ---

def test_all_files_are_nobodys_default(stage: Path, tmp_path: Path) -> None:
    (tmp_path / "root").symlink_to("/")
    for folder, variable, said in [
        (Path("/"), tmp_path, "the start directory is /"), (tmp_path, "/", "TMPDIR is /"), (tmp_path, tmp_path / "root", "TMPDIR is /"),
        (tmp_path, "..", "TMPDIR=.. is no absolute path"), (tmp_path, "/usr/../.", "TMPDIR is /")]:
        done = subprocess.run([stage / "ckpt-shadow", "--rules", "/bin/true"], cwd=folder, capture_output=True, text=True, check=True,
                              env={**os.environ, "TMPDIR": str(variable)})
        changed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("  change")]
        assert changed == [str(tmp_path)] and done.stderr.count("\n") == 1 and said in done.stderr
    done = subprocess.run([stage / "ckpt-shadow", "--allow", "/", "--rules", "/bin/true"], cwd="/", capture_output=True, text=True)
    assert "  change /\n" in done.stdout and done.stderr == ""


def places_of(folder: Path, lines: int) -> str:
    """What COMMAND has written, as soon as there is so much of it."""
    end, places = time.monotonic() + PATIENCE, folder / "places"
    while not places.exists() or places.read_text().count("\n") < lines:
        assert time.monotonic() < end
        time.sleep(0.01)
    return places.read_text()


def test_a_later_life_begins_where_the_first_did(stage: Path, tmp_path: Path) -> None:
    """A relative COMMAND, though the job is in another directory now."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "where").write_text("#!/bin/sh\npwd -P >> places; umask >> places; exec sleep 1000\n")
    (tmp_path / "where").chmod(0o755)
    shadow = Shadow(stage, tmp_path, command="./where #")
    places_of(tmp_path, 2)
    assert shadow.call("chdir", b"folder\0") == 0
    before = shadow.call("umask", 0o77)
    shadow.process.send_signal(signal.SIGUSR2)
    assert shadow.receive()[0] == LEAVE
    shadow.send(IMAGE, struct.pack("=Q", 0) + b"second life")
    shadow.send(START, struct.pack("=Q", 4096))
    shadow.disconnect()
    shadow.connect()
    assert places_of(tmp_path, 4) == f"{tmp_path.resolve()}\n{before:04o}\n" * 2
    shadow.close()


# --- Calls that wait ---

def fifo(shadow: Shadow) -> tuple[int, int]:
    """The job's reading end of a FIFO, and our writing end."""
    os.mkfifo(shadow.folder / "fifo")
    reader = shadow.open("fifo")
    return reader, os.open(shadow.folder / "fifo", os.O_WRONLY)


def test_a_read_waits_and_is_abandoned(shadow: Shadow) -> None:
    reader, writer = fifo(shadow)
    assert shadow.call("read", reader, 1, 10, flags=NO_WAIT) == -errno.EAGAIN
    serial = shadow.begin("read", reader, 1, 10)
    shadow.process.send_signal(signal.SIGWINCH)
    assert shadow.receive()[0] == SIGNAL  # it waits, and is not deaf
    shadow.send(ABANDON, serial=serial)
    assert shadow.receive() == (NOT_DONE, serial, b"")
    shadow.begin("read", reader, 1, 10)
    os.write(writer, b"now")
    assert shadow.answer() == (3, b"now")


def test_an_answer_and_abandon_cross(shadow: Shadow) -> None:
    reader, writer = fifo(shadow)
    answers = 0
    for turn in range(200):
        serial = shadow.begin("read", reader, 1, 1)
        if turn % 2:
            os.write(writer, b"x")
        shadow.send(ABANDON, serial=serial)
        if not turn % 2:
            os.write(writer, b"x")
        kind, got, data = shadow.receive()
        assert got == serial and kind in (RESULT, NOT_DONE)
        answers += kind == RESULT
        if kind == NOT_DONE:
            assert shadow.call("read", reader, 1, 1) == 1  # the byte is still there
        else:
            assert data[8:] == b"x"
    assert shadow.call("read", reader, 1, 1, flags=NO_WAIT) == -errno.EAGAIN and answers > 0


def test_a_fifo_opens_when_there_is_a_reader(shadow: Shadow) -> None:
    os.mkfifo(shadow.folder / "fifo")
    assert shadow.open("fifo", os.O_WRONLY | os.O_NONBLOCK) == -errno.ENXIO
    serial = shadow.begin("openat", AT_FDCWD, b"fifo\0", os.O_WRONLY, 0)
    shadow.send(ABANDON, serial=serial)
    assert shadow.receive() == (NOT_DONE, serial, b"")
    shadow.begin("openat", AT_FDCWD, b"fifo\0", os.O_WRONLY, 0)
    reader = os.open(shadow.folder / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    fd, _ = shadow.answer()
    assert shadow.call("write", fd, b"x" * 65536, 65536) == select.PIPE_BUF
    os.close(reader)


def lock(shadow: Shadow, path: Path) -> bool:
    """Can we have the lock on it?"""
    with path.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_locks_wait_and_are_not_dropped_by_the_way(shadow: Shadow) -> None:
    path = shadow.folder / "file"
    path.write_text("x")
    flock = struct.pack("=hhiqqii", fcntl.F_WRLCK, 0, 0, 0, 0, 0, 0)
    fd = shadow.open("file", os.O_RDWR)
    with path.open("r+b") as other:
        fcntl.lockf(other, fcntl.LOCK_EX)
        serial = shadow.begin("fcntl_F_SETLKW", fd, 0, flock)
        shadow.send(ABANDON, serial=serial)
        assert shadow.receive() == (NOT_DONE, serial, b"")
        shadow.begin("fcntl_F_SETLKW", fd, 0, flock)
        fcntl.lockf(other, fcntl.LOCK_UN)
        assert shadow.answer()[0] == 0
    assert not lock(shadow, path)
    assert shadow.stat("file") == 0 and shadow.call("chmod", b"file\0", 0o644) == 0
    assert shadow.open("file", os.O_RDWR | os.O_CREAT | os.O_EXCL) == -errno.EEXIST
    assert not lock(shadow, path)
    other_fd = shadow.open("file")
    assert shadow.call("close", other_fd) == 0 and lock(shadow, path)  # as POSIX has it


def test_poll_waits_for_all_at_once(shadow: Shadow) -> None:
    reader, writer = fifo(shadow)
    fds = struct.pack("=ihhihh", reader, select.POLLIN, 0, -1, 0, 0)
    assert shadow.call("poll", fds, 2, 10) == 0
    serial = shadow.begin("poll", fds, 2, -1)
    shadow.send(ABANDON, serial=serial)
    assert shadow.receive() == (NOT_DONE, serial, b"")
    shadow.begin("poll", fds, 2, -1)
    os.write(writer, b"x")
    result, out = shadow.answer()
    assert result == 1 and struct.unpack_from("=h", out, 6)[0] == select.POLLIN
