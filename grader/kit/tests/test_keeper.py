"""restart --remote (solution/stage6-remote): this machine's side of a job whose files are at home.

The shadow is this test, which speaks frames over pipes; the job is JOB, which knows the connection itself, so
nothing here depends on libckpt.so's side of stage 6. Its image is an ordinary one with NOTE_REMOTE put in.
"""
from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Optional

import pytest

from conftest import TOP, need
from kit import mutants

LIMIT = 60.0
FRAME = struct.Struct("=IIQ")
KINDS = ("HELLO IMAGE START CALL RESULT NOT_DONE ABANDON SIGNAL LEAVE STOPPED ENDED MESSAGE PING PONG").split()
KIND = {name: 0x6B63 << 16 | number for number, name in enumerate(KINDS)}
NOTE_REMOTE, NOTE_HEADER = 0x434B0021, 0x434B0000

pytestmark = pytest.mark.xdist_group("keeper")  # what is built once is built by one worker

JOB = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct frame { unsigned kind, size; unsigned long serial; };
static struct { int connection, image, signals; } life = {-1, -1, -1};
static char message[1 << 17];
static volatile int turns;

static void home(unsigned kind, unsigned long serial, const char *text)
{
    struct frame frame = {0x6b63u << 16 | kind, strlen(text), serial};
    if (kind == 3)
        frame.size = 80; /* struct call_head */
    memset(message, 0, 200);
    strcpy(message + sizeof frame, text);
    memcpy(message, &frame, sizeof frame);
    send(life.connection, message, sizeof frame + frame.size, 0);
}

static const char *link_of(int fd, char *to)
{
    char path[32];
    sprintf(path, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(path, to, 200);
    to[n < 0 ? 0 : n] = '\0';
    return to;
}

static const char *next;

static void image_frame(unsigned kind, unsigned long value, const char *bytes, size_t size)
{
    struct frame frame = {0x6b63u << 16 | kind, sizeof value + size, 0};
    if (write(life.image, &frame, sizeof frame) < 0 || write(life.image, &value, sizeof value) < 0 ||
        (size != 0 && write(life.image, bytes, size) < 0))
        _exit(1);
}

static void leave(int number) /* as libckpt.so does: the next image, without its holes; then the end */
{
    static char chunk[1 << 16];
    int from = open(next, O_RDONLY);
    off_t at, hole = 0;
    while ((at = lseek(from, hole, SEEK_DATA)) >= 0) {
        hole = lseek(from, at, SEEK_HOLE);
        for (ssize_t n; at < hole; at += n) {
            n = pread(from, chunk, hole - at < (off_t)sizeof chunk ? hole - at : (off_t)sizeof chunk, at);
            image_frame(1, at, chunk, n);
        }
    }
    image_frame(2, lseek(from, 0, SEEK_END), "", 0);
    _exit(0);
}

static void tell(void)
{
    char text[4000], link[201], directory[200];
    struct rlimit limit;
    int at = sprintf(text, "group %d terminal %d parent %d in %s;", getpgrp() == getpid() && getsid(0) == getppid(),
                     open("/dev/tty", O_RDWR), getppid() > 1, getcwd(directory, 200));
    for (int fd = 0; fd < 70000; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            at += sprintf(text + at, " %d %s;", fd, link_of(fd, link));
    getrlimit(RLIMIT_NOFILE, &limit);
    FILE *maps = fopen("/proc/self/maps", "r");
    int mapped = 0;
    while (fgets(directory, sizeof directory, maps) != NULL)
        mapped += strchr(directory, '/') != NULL;
    fclose(maps);
    sprintf(text + at, " mapped %d limit %d next %d", mapped, (int)limit.rlim_cur, dup(0));
    home(11, 0, text);
}

int main(int argc, char **argv)
{
    const char *mode = argv[1];
    next = argv[2];
    char *large = mmap(NULL, 4UL << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    for (unsigned long i = 0; i < 8; i++) /* holes of half a GiB, which stay in one region of the image */
        large[i << 29] = 7;
    open("data", O_RDWR); /* 3 */
    int ends[2];
    pipe(ends); /* 4, 5 */
    dprintf(1, "%p\n", (void *)&life);
    raise(SIGUSR1);
    if (life.connection < 0)
        return 0;
    signal(50, leave); /* REMOTE_SIGNAL */
    signal(SIGCONT, SIG_DFL);
    if (strcmp(mode, "tell") == 0)
        tell();
    if (strcmp(mode, "call") == 0)
        for (int i = 1; i <= 3; i++) {
            home(3, i, "call");
            ssize_t n = recv(life.connection, message, sizeof message, 0);
            struct frame *frame = (struct frame *)message;
            message[n] = '\0';
            char text[100];
            sprintf(text, "%d %u %lu %zd", frame->kind & 0xff, frame->size, frame->serial, n);
            home(11, 0, text);
        }
    if (strcmp(mode, "wait") == 0 || strcmp(mode, "compute") == 0)
        home(11, 0, "here");
    if (strcmp(mode, "at") == 0) {
        char text[100];
        int got = read(3, message, 1), put = write(3, "12345678", 8);
        sprintf(text, "%d %d %d", got, put, openat(3, "proc", O_RDONLY));
        home(11, 0, text);
    }
    if (strcmp(mode, "bad") == 0)
        send(life.connection, "x", 1, 0), pause();
    while (strcmp(mode, "compute") == 0)
        turns++;
    while (strcmp(mode, "wait") == 0)
        pause();
    home(11, 0, "the last");
    return large[1UL << 30] + large[5] + 35;
}
"""


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = mutants.build_solution(tmp_path_factory.mktemp("keeper"), "stage6-remote")
    subprocess.run(["gcc", "-O1", "-w", "-x", "c", "-o", folder / "job", "-"], input=JOB, text=True, check=True)
    calls = re.search(r"CALLS_DIGEST (\w+)U", (folder / "build/syscall_stubs.h").read_text())
    assert calls
    Shadow.hello = struct.pack("=4I", 2, 62, 4096, int(calls[1], 16))
    return folder


def with_note(image: bytes, kind: int, value: bytes) -> bytes:
    """An image with one more note of ours; what follows the notes moves by whole pages."""
    phoff, = struct.unpack_from("<Q", image, 32)
    count, = struct.unpack_from("<H", image, 56)
    at, = struct.unpack_from("<Q", image, phoff + 8)
    size, = struct.unpack_from("<Q", image, phoff + 32)
    added = struct.pack("<3I8s", 5, len(value), kind, b"CKPT") + value + bytes(-len(value) % 4)
    head = bytearray(image[: at + size] + added)
    struct.pack_into("<Q", head, phoff + 32, size + len(added))
    first = min(struct.unpack_from("<Q", image, phoff + 56 * i + 8)[0] for i in range(1, count))
    room = -(-len(head) // 4096) * 4096
    for i in range(1, count):
        offset, = struct.unpack_from("<Q", image, phoff + 56 * i + 8)
        struct.pack_into("<Q", head, phoff + 56 * i + 8, offset - first + room)
    header = head.index(struct.pack("<I8s", NOTE_HEADER, b"CKPT")) + 12
    struct.pack_into("<Q", head, header + 16, 0)  # the checksum: not computed
    return bytes(head) + bytes(room - len(head))


class Image:
    """An image as a shadow has it: its data, by offset, and its size. The holes are not read."""

    def __init__(self) -> None:
        self.records: list[tuple[int, bytes]] = []
        self.size = 0

    @classmethod
    def read(cls, path: Path, note: bytes) -> Image:
        """The image with NOTE_REMOTE; without, if `note` is empty."""
        image, end = cls(), 0
        with path.open("rb") as file:
            fd, image.size = file.fileno(), path.stat().st_size
            while end < image.size:
                try:
                    at = os.lseek(fd, end, os.SEEK_DATA)
                except OSError:  # a hole at the end
                    break
                end = os.lseek(fd, at, os.SEEK_HOLE)
                image.records += [(i, os.pread(fd, min(65536, end - i), i)) for i in range(at, end, 65536)]
            if note:
                image.insert(os.pread(fd, 1 << 20, 0), note)
        return image

    def insert(self, head: bytes, note: bytes) -> None:
        phoff, = struct.unpack_from("<Q", head, 32)
        count, = struct.unpack_from("<H", head, 56)
        first = min(struct.unpack_from("<Q", head, phoff + 56 * i + 8)[0] for i in range(1, count))
        new = with_note(head, NOTE_REMOTE, note)
        data = [(max(at, first), part[max(0, first - at):]) for at, part in self.records if at + len(part) > first]
        self.records = [(i, new[i: i + 65536]) for i in range(0, len(new), 65536)]
        self.records += [(at - first + len(new), part) for at, part in data]
        self.size += len(new) - first

    def write(self, path: Path) -> Path:
        with path.open("wb") as file:
            for at, part in self.records:
                os.pwrite(file.fileno(), part, at)
            file.truncate(self.size)
        return path


class Shadow:
    """The home side: a running restart --remote, and what it sent."""

    hello = b""

    def __init__(self, command: list[str | Path], stderr: Path) -> None:
        self.stderr = stderr
        with stderr.open("wb") as file:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file)
        self.left = b""

    def send(self, kind: str, data: bytes = b"", serial: int = 0) -> None:
        assert self.process.stdin
        self.process.stdin.write(FRAME.pack(KIND[kind], len(data), serial) + data)
        self.process.stdin.flush()

    def take(self, size: int) -> bytes:
        """The next bytes; fewer at the end of the stream."""
        assert self.process.stdout
        while len(self.left) < size:
            assert select.select([self.process.stdout], [], [], LIMIT)[0], f"nothing comes: {self.said()}"
            got = os.read(self.process.stdout.fileno(), 1 << 20)
            if not got:
                break
            self.left += got
        taken, self.left = self.left[:size], self.left[size:]
        return taken

    def next(self) -> tuple[str, bytes, int]:
        head = self.take(FRAME.size)
        if not head:
            return "", b"", 0
        kind, size, serial = FRAME.unpack(head)
        return KINDS[kind & 0xFFFF], self.take(size), serial

    def wait_for(self, kind: str) -> bytes:
        got, data, _ = self.next()
        assert got == kind, f"{got} {data[:500]!r}: {self.said()}"
        return data

    def start(self, image: Image) -> None:
        self.send("HELLO", self.hello)
        assert self.wait_for("HELLO") == self.hello
        for at, part in image.records:
            self.send("IMAGE", struct.pack("=Q", at) + part)
        self.send("START", struct.pack("=Q", image.size))

    def end(self) -> int:
        """The exit status, without any other frame before."""
        assert self.next()[0] == ""
        return self.process.wait(LIMIT)

    def said(self) -> str:
        return self.stderr.read_text()


MakeEmbryo = Callable[..., Image]
StartKeeper = Callable[..., Shadow]


@pytest.fixture(name="embryo")
def embryo_fixture(stage: Path, tmp_path: Path) -> MakeEmbryo:
    """Makes the image of a job: its first life ends behind the checkpoint."""
    def make(mode: str, note: bool = True, full: int = 1, remote: int = 1) -> Image:
        (tmp_path / "data").write_text("home")
        words = [stage / "ckpt", "-o", "image", stage / "job", mode, tmp_path / "next"]
        variables = {**os.environ, "CKPT_FULL": str(full), "CKPT_SIGNAL": str(int(signal.SIGUSR1))}
        done = subprocess.run(words, cwd=tmp_path, env=variables, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=LIMIT, check=False)
        assert done.returncode == 0, done.stderr
        value = struct.pack("=QiiiIIiiI96s", int(done.stdout, 16), -1, -1, -1, remote, 0, 3, 7, 0, b"data")
        return Image.read(tmp_path / "image", value if note else b"")
    return make


@pytest.fixture(name="keeper")
def keeper_fixture(stage: Path, tmp_path: Path) -> Iterator[StartKeeper]:
    shadows: list[Shadow] = []

    def start(image: Image, *before: str | Path, program: Optional[str] = None) -> Shadow:
        restart = program or stage / "restart"
        shadows.append(Shadow([*before, restart, "--remote"], tmp_path / "stderr"))
        shadows[-1].start(image)
        return shadows[-1]

    yield start
    for shadow in shadows:
        shadow.process.kill()
        shadow.process.wait(LIMIT)
        for stream in (shadow.process.stdin, shadow.process.stdout):
            with contextlib.suppress(BrokenPipeError):
                if stream:
                    stream.close()


@pytest.fixture(name="elsewhere")
def elsewhere_fixture(stage: Path, tmp_path: Path) -> list[str | Path]:
    """What runs restart-static on a machine that has nothing but it, and /proc."""
    need("bwrap")
    (tmp_path / "machine").mkdir()
    shutil.copy(stage / "restart-static", tmp_path / "machine/restart")
    folder = tmp_path / "machine"
    return ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", folder, "/lab", "--proc", "/proc"]


def check_descriptors(told: str) -> None:
    for fd in range(4):
        assert f" {fd} anon_inode:[eventfd];" in told
    assert " 4 pipe:" in told and " 5 pipe:" in told, told
    numbers = [int(part.split()[0]) for part in told.split(";")[1:-1]]
    limit = int(told.split("limit ")[1].split()[0])
    assert numbers[:6] == [0, 1, 2, 3, 4, 5] and len(numbers) == 9, told
    assert min(numbers[6:]) >= limit, told  # the job's own are where the program gets no number
    assert told.endswith("next 6"), told


def check_life(shadow: Shadow) -> None:
    told = shadow.wait_for("MESSAGE").decode()
    assert "group 1 terminal -1 parent 1 in /;" in told
    assert "mapped 0 " in told  # no file of this machine, though those of its libraries may be here
    check_descriptors(told)
    assert shadow.wait_for("MESSAGE") == b"the last"
    assert shadow.wait_for("ENDED") == struct.pack("=i", 42 << 8)
    assert shadow.end() == 0
    assert shadow.said() == ""


def test_a_job_lives_and_its_end_comes_home(embryo: MakeEmbryo, keeper: StartKeeper) -> None:
    check_life(keeper(embryo("tell")))


def test_the_other_machine_needs_nothing_but_restart(
    embryo: MakeEmbryo, keeper: StartKeeper, elsewhere: list[str | Path]
) -> None:
    check_life(keeper(embryo("tell"), *elsewhere, program="/lab/restart"))


def test_large_memory_is_received_where_it_shall_be(stage: Path, embryo: MakeEmbryo, tmp_path: Path) -> None:
    shadow = Shadow([stage / "restart", "--remote", "-v"], tmp_path / "stderr")
    shadow.start(embryo("wait"))
    shadow.wait_for("MESSAGE")
    shadow.process.kill()
    shadow.process.communicate()
    assert "restart: what came at 0x" in shadow.said()


def test_calls_and_results_are_passed_on(embryo: MakeEmbryo, keeper: StartKeeper) -> None:
    shadow = keeper(embryo("call"))
    for serial, kind, data in [(1, "RESULT", b"12345678"), (2, "NOT_DONE", b""), (3, "RESULT", bytes(65536 + 8))]:
        assert shadow.next() == ("CALL", b"call" + bytes(76), serial)
        shadow.send("PING")
        shadow.wait_for("PONG")
        shadow.send(kind, data, serial)
        told = shadow.wait_for("MESSAGE").decode()
        assert told == f"{KINDS.index(kind)} {len(data)} {serial} {len(data) + 16}"
    shadow.wait_for("MESSAGE")
    shadow.wait_for("ENDED")
    assert shadow.end() == 0


def test_a_job_that_computes_is_stopped_continued_and_killed(embryo: MakeEmbryo, keeper: StartKeeper) -> None:
    shadow = keeper(embryo("compute"))
    shadow.wait_for("MESSAGE")
    for _ in range(3):
        shadow.send("PING")
        shadow.wait_for("PONG")
    for number in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN):  # the kernel drops two of them in an orphaned group
        shadow.send("SIGNAL", struct.pack("=i", number))
        assert shadow.wait_for("STOPPED") == struct.pack("=i", number)
        shadow.send("SIGNAL", struct.pack("=i", signal.SIGCONT))
    shadow.send("SIGNAL", struct.pack("=i", signal.SIGTERM))
    assert shadow.wait_for("ENDED") == struct.pack("=i", signal.SIGTERM)
    assert shadow.end() == 0


@pytest.mark.parametrize("how", ["LEAVE", "SIGTERM"])
def test_a_job_that_leaves_sends_its_image(
    embryo: MakeEmbryo, keeper: StartKeeper, tmp_path: Path, how: str
) -> None:
    image = embryo("wait")
    image.write(tmp_path / "next")
    shadow = keeper(image)
    shadow.wait_for("MESSAGE")
    if how == "LEAVE":
        shadow.send("LEAVE")
    else:
        shadow.process.terminate()
        assert shadow.next()[0] == "LEAVE"
    again = receive_image(shadow)
    assert shadow.end() == 0
    third = keeper(again)
    third.wait_for("MESSAGE")
    assert shadow.said() == ""


def receive_image(shadow: Shadow) -> Image:
    """What comes is as small as its data: its holes are 4 GiB."""
    image, kind = Image(), "IMAGE"
    while kind == "IMAGE":
        kind, data, _ = shadow.next()
        if kind == "IMAGE":
            image.records.append((struct.unpack("=Q", data[:8])[0], data[8:]))
    assert kind == "START", f"{kind}: {shadow.said()}"
    image.size, = struct.unpack("=Q", data)
    assert sum(len(part) for _, part in image.records) < 64 << 20 < image.size
    return image


def gone(pid: int) -> bool:
    """No longer there, or a zombie that nobody has waited for yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until_gone(job: int) -> None:
    end = time.monotonic() + LIMIT
    while not gone(job):
        assert time.monotonic() < end, "the job is still there"
        time.sleep(0.01)


def child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@pytest.mark.parametrize("end, status, words", [
    ("close", 75, "the shadow is gone"),
    ("half", 75, "Broken pipe"),
    ("junk", 76, "Protocol error"),
    ("hello", 76, "not its to send"),
    ("answers", 76, "more answers than there were calls"),
    ("signal", 76, "a signal that is none"),
    ("kill", -9, ""),
    pytest.param("silence", 75, "nothing comes", marks=pytest.mark.stress),  # which takes its time
])
def test_no_job_without_its_shadow(
    embryo: MakeEmbryo, keeper: StartKeeper, end: str, status: int, words: str
) -> None:
    shadow = keeper(embryo("compute"))
    shadow.wait_for("MESSAGE")
    job, stdin = child_of(shadow.process.pid), shadow.process.stdin
    assert stdin
    shadow.send("PING")
    shadow.wait_for("PONG")
    with contextlib.suppress(BrokenPipeError):
        go_away(shadow, end)
    if end in ("close", "half"):
        stdin.close()
    assert shadow.end() == status
    assert words in shadow.said()
    wait_until_gone(job)


def go_away(shadow: Shadow, how: str) -> None:
    stdin = shadow.process.stdin
    assert stdin
    if how == "kill":
        shadow.process.kill()
    elif how == "junk":
        stdin.write(bytes(16))
    elif how == "half":
        stdin.write(FRAME.pack(KIND["RESULT"], 20, 1) + b"half")
    elif how == "hello":
        shadow.send("HELLO", shadow.hello)
    elif how == "signal":
        shadow.send("SIGNAL", struct.pack("=i", 65))
    elif how == "answers":
        for _ in range(1000):
            shadow.send("RESULT", bytes(65536), 1)
    stdin.flush()


def test_what_is_not_the_shadows_is_lost_and_leads_nowhere(embryo: MakeEmbryo, keeper: StartKeeper) -> None:
    """The job's 3 is not open at home: it is neither what its path leads to here, nor a way to files here."""
    shadow = keeper(embryo("at", remote=0))
    assert shadow.wait_for("MESSAGE") == b"-1 -1 -1"
    assert "descriptor 3, " in shadow.said() and "not brought back" in shadow.said()


def test_a_job_that_sends_no_frame_is_killed(embryo: MakeEmbryo, keeper: StartKeeper) -> None:
    shadow = keeper(embryo("bad"))
    assert shadow.end() == 76
    assert "the job sends what is no frame of its own" in shadow.said()


def test_only_jobs_are_remote(stage: Path, embryo: MakeEmbryo, keeper: StartKeeper, tmp_path: Path) -> None:
    shadow = keeper(embryo("wait", note=False))
    assert shadow.end() == 65
    assert "the image is no job of ckpt-shadow's" in shadow.said()
    embryo("wait").write(tmp_path / "remote")
    done = subprocess.run([stage / "restart", tmp_path / "remote"], text=True, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 65
    assert "this image is a job of ckpt-shadow's" in done.stderr


def test_no_file_stands_in_for_pages(embryo: MakeEmbryo, keeper: StartKeeper) -> None:
    shadow = keeper(embryo("wait", full=0))
    assert shadow.end() == 65
    assert "files are not opened here" in shadow.said()


def test_a_machine_without_room_says_so(embryo: MakeEmbryo, keeper: StartKeeper) -> None:
    shadow = keeper(embryo("wait"), "prlimit", f"--as={1 << 31}", "--")
    assert shadow.end() == 71
    assert "it needs" in shadow.said()


def test_the_other_side_must_be_the_same(stage: Path, tmp_path: Path) -> None:
    for at, status in [(0, 65), (1, 65), (2, 65), (3, 65)]:
        shadow = Shadow([stage / "restart", "--remote"], tmp_path / "stderr")
        numbers = list(struct.unpack("=4I", Shadow.hello))
        numbers[at] += 1
        shadow.send("HELLO", struct.pack("=4I", *numbers))
        assert shadow.wait_for("HELLO") == Shadow.hello  # so that the shadow can say it, too
        assert shadow.end() == status
        shadow.process.communicate()


@pytest.mark.parametrize("frames, words", [
    ([("PONG", b"")], "the first frame is no HELLO"),
    ([("HELLO", b""), ("RESULT", bytes(8))], "another frame"),
    ([("HELLO", b""), ("IMAGE", struct.pack("=Q", 0))], "no bytes"),
    ([("HELLO", b""), ("IMAGE", struct.pack("=Qq", (1 << 64) - 4, 0))], "beyond all images"),
    ([("HELLO", b""), ("IMAGE", struct.pack("=Qq", 1 << 63, 0))], "beyond all images"),
    ([("HELLO", b""), ("IMAGE", struct.pack("=Qq", 8, 0)), ("START", struct.pack("=Q", 8))], "not as long"),
    ([("HELLO", b""), ("START", struct.pack("=Q", 1 << 63))], "not as long"),
])
def test_what_comes_is_not_believed(
    stage: Path, tmp_path: Path, frames: list[tuple[str, bytes]], words: str
) -> None:
    shadow = Shadow([stage / "restart", "--remote"], tmp_path / "stderr")
    for kind, data in frames:
        shadow.send(kind, shadow.hello if kind == "HELLO" else data, int(kind == "RESULT"))
    if frames[0][0] == "HELLO":
        shadow.wait_for("HELLO")
    assert shadow.end() == 76
    assert words in shadow.said()
    shadow.process.communicate()


def test_an_image_that_is_none(stage: Path, tmp_path: Path) -> None:
    image = Image()
    image.records, image.size = [(0, b"junk" * 1000)], 4000
    shadow = Shadow([stage / "restart", "--remote"], tmp_path / "stderr")
    shadow.start(image)
    assert shadow.end() == 65
    assert "not an ELF file" in shadow.said()
    shadow.process.communicate()
