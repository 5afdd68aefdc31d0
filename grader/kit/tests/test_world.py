"""What a restart does to the world outside: nothing, before it is certain. And files that have no name in it any more.

The program under test checkpoints itself; its first life goes on to its end, and the second must say the same.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import select
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kit import mutants

LIMIT = 60.0
HIDDEN = [".nfs00000000deadbeef00000001", ".fuse_hidden0000001200000003"]

PROGRAM = r"""
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int is_removed(const char *path)
{
    struct stat now;
    return stat(path, &now) == 0 && S_ISDIR(now.st_mode) && now.st_nlink == 0;
}

/* A log, a FIFO with bytes in it, a file without a name, and shared memory in another. */
static void files(void)
{
    char text[16] = "", bytes[16] = "";
    int log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600), gone = open("gone", O_RDWR | O_CREAT, 0600);
    int mapped = open("mapped", O_RDWR | O_CREAT, 0600);
    mkfifo("fifo", 0600);
    int fifo = open("fifo", O_RDWR | O_NONBLOCK);
    write(log, "one\n", 4);
    write(gone, "nameless", 8);
    write(fifo, "waiting", 7);
    ftruncate(mapped, 4096);
    char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, mapped, 0);
    strcpy(memory, "shared");
    close(mapped);
    unlink("gone");
    unlink("mapped");
    raise(SIGUSR2);
    write(log, "two\n", 4);
    pread(gone, text, 8, 0);
    read(fifo, bytes, 15);
    printf("%s %s %s\n", text, bytes, memory);
}

/* Directories: a removed one, as the working directory, too; and that of the process itself. */
static void directory(void)
{
    struct stat now;
    mkdir("sub", 0700);
    chdir("sub");
    int removed = open(".", O_RDONLY | O_DIRECTORY), self = open("/proc/self", O_RDONLY | O_DIRECTORY);
    rmdir("../sub");
    raise(SIGUSR2);
    printf("%d %d %d ", is_removed("."), is_removed("/proc/self/fd/3"), fstatat(self, "status", &now, 0));
    printf("%d %d\n", openat(removed, "x", O_WRONLY | O_CREAT, 0600), removed);
}

/* Files that a file system hides until they are closed: one is open, the other mapped, twice. */
static void hidden(char **names)
{
    char text[16] = "";
    int file = open(names[0], O_RDWR | O_CREAT, 0600), mapped = open(names[1], O_RDWR | O_CREAT, 0600);
    write(file, "open", 4);
    ftruncate(mapped, 8192);
    pwrite(mapped, "mapped", 6, 0);
    const char *private = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, mapped, 0);
    char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, mapped, 4096);
    strcpy(shared, "shared");
    close(mapped);
    raise(SIGUSR2);
    pread(file, text, 4, 0);
    printf("%s %s %s\n", text, private, shared);
}

/* What the kernel makes up: a message queue, and files of a process that is gone. */
static void kernels(void)
{
    char path[64];
    pid_t child = fork();
    if (child == 0)
        for (;;)
            pause();
    snprintf(path, sizeof path, "/proc/%d/status", child);
    open(path, O_RDONLY);
    snprintf(path, sizeof path, "/proc/%d", child);
    open(path, O_RDONLY | O_DIRECTORY);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    snprintf(path, sizeof path, "/ckptlab-%d", getpid());
    mqd_t queue = mq_open(path, O_RDWR | O_CREAT, 0600, NULL);
    mq_unlink(path);
    raise(SIGUSR2);
    printf("queue %d\n", queue);
}

/* Objects of the kernel that are no files at all; those that this kernel and this user have. */
static void made(const char *what, long fd)
{
    if (fd >= 0)
        printf("%ld %s\n", fd, what);
}

static void objects(void)
{
    char params[256] = "";
    unsigned long rules[1] = {1}, event[16] = {0};
    ((unsigned *)event)[0] = 1; /* PERF_TYPE_SOFTWARE */
    ((unsigned *)event)[1] = 64;
    event[5] = 0x60; /* exclude_kernel, exclude_hv */
    made("a pidfd", syscall(SYS_pidfd_open, getpid(), 0));
    made("a set of rules for landlock", syscall(444, rules, sizeof rules[0], 0));
    made("an io_uring", syscall(425, 2, params));
    made("a userfaultfd", syscall(SYS_userfaultfd, 1));
    made("a performance counter", syscall(SYS_perf_event_open, event, 0, -1, -1, 0));
    made("secret memory", syscall(447, 0));
    made("a fanotify", syscall(SYS_fanotify_init, 0, 0));
    made("a mount under way", syscall(430, "tmpfs", 0));
    made("a namespace", open("/proc/self/ns/uts", O_RDONLY));
    made("a socket", socket(AF_UNIX, SOCK_STREAM, 0));
    raise(SIGUSR2);
    puts("on");
}

/* A loss of each kind: a socket, a filter of system calls, and the working directory, which the test removes. */
static void losses(void)
{
    mkdir("watched", 0700);
    inotify_add_watch(inotify_init1(0), "watched", IN_CREATE);
    struct sock_filter allow = {.code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW};
    struct sock_fprog filter = {1, &allow};
    socket(AF_UNIX, SOCK_STREAM, 0);
    mkdir("sub", 0700);
    chdir("sub");
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
    raise(SIGUSR2);
    puts("on");
}

static void not_dumpable(void)
{
    if (getuid() == 0)
        setuid(65534);
    else
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    raise(SIGUSR2);
    puts("on");
}

/* Some memory with content, much without; and checkpoints, as long as there is a file `again`. */
static void memory(void)
{
    size_t size = 1 << 20, much = 1UL << 32;
    unsigned sum = 0, *words = malloc(size);
    char *sparse = mmap(NULL, much, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    for (size_t i = 0; i < size / sizeof *words; i++)
        words[i] = (unsigned)i * 2654435761U;
    sparse[much / 2] = 7;
    char *none = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    none[5] = 9;
    mprotect(none, 4096, PROT_NONE);
    raise(SIGUSR2);
    for (int i = 0; i < 2 && access("again", F_OK) == 0; i++) {
        raise(SIGUSR2);
        words[0]++;
    }
    mprotect(none, 4096, PROT_READ);
    for (size_t i = 1; i < size / sizeof *words; i++)
        sum = sum * 31 + words[i];
    printf("%u %d %d\n", sum, sparse[much / 2] + sparse[0], none[5]);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(argv[1], "files") == 0)
        files();
    if (strcmp(argv[1], "directory") == 0)
        directory();
    if (strcmp(argv[1], "hidden") == 0)
        hidden(argv + 2);
    if (strcmp(argv[1], "kernels") == 0)
        kernels();
    if (strcmp(argv[1], "objects") == 0)
        objects();
    if (strcmp(argv[1], "losses") == 0)
        losses();
    if (strcmp(argv[1], "not-dumpable") == 0)
        not_dumpable();
    if (strcmp(argv[1], "memory") == 0)
        memory();
    return 0;
}
"""


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    stage = mutants.build_solution(tmp_path_factory.mktemp("world"), "stage4-openfiles")
    (stage / "world.c").write_text(PROGRAM)
    subprocess.run(["gcc", "-w", "-o", stage / "world", stage / "world.c", "-lrt"], check=True)
    return stage


class World:
    """A folder, and in it a program, its image, and its lives."""

    def __init__(self, stage: Path, folder: Path) -> None:
        self.stage, self.folder, self.image = stage, folder, folder / "image"
        self.program = folder / "world"
        self.program.write_bytes((stage / "world").read_bytes())
        self.program.chmod(0o755)

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=LIMIT, check=False)

    def first_life(self, *arguments: str, image: bool = True) -> subprocess.CompletedProcess[str]:
        done = self.run(self.stage / "ckpt", "-o", self.image, self.program, *arguments)
        assert done.returncode == 0 and self.image.exists() == image, done
        return done

    def restart(self, *options: str | Path) -> subprocess.CompletedProcess[str]:
        return self.run(self.stage / "restart", *options, self.image)

    def seen(self) -> dict[str, tuple[int, int, bytes]]:
        """All of it: types, times and content. The folder's own time tells of a name that came and went."""
        paths = [self.folder, *sorted(self.folder.iterdir())]
        return {str(path): (path.lstat().st_mode, path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
                for path in paths}


@pytest.fixture(name="world")
def world_fixture(stage: Path, tmp_path: Path) -> World:
    return World(stage, tmp_path)


def nothing_came(reader: int) -> bool:
    """Nobody has opened the other end of this FIFO, let alone written to it."""
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    return poll.poll(0) == []


def test_a_restart_changes_nothing_before_it_is_certain(world: World) -> None:
    first = world.first_life("files")
    reader = os.open(world.folder / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    program = world.program.read_bytes()
    for status, options in (0, ["--dry-run"]), (66, []), (66, ["--strict"]):
        if status != 0:
            world.program.write_bytes(program + b"changed")  # the last thing that is checked
        for path in [world.folder / "log", world.folder]:
            os.utime(path, (1, 1))
        before = world.seen()
        done = world.restart("--rollback", *options)
        assert done.returncode == status, done
        assert world.seen() == before and nothing_came(reader), done
        assert "cut back" not in done.stderr
        world.program.write_bytes(program)
    os.close(reader)
    back = world.restart("--rollback")
    assert back.stdout == first.stdout == "nameless waiting shared\n", back
    assert f"restart: {world.folder}/log: cut back from 8 to 4 bytes" in back.stderr
    assert (world.folder / "log").read_text() == "one\ntwo\n"
    assert not (world.folder / "gone").exists() and not (world.folder / "mapped").exists()


def link_to(other: Path, log: Path) -> None:
    log.symlink_to(other)


def put_there(other: Path, log: Path) -> None:
    os.link(other, log)


@pytest.mark.parametrize("replace", [link_to, put_there])
def test_only_the_file_that_was_open_is_cut(replace: Callable[[Path, Path], None], world: World) -> None:
    world.first_life("files")
    log, other = world.folder / "log", world.folder / "other"
    log.rename(world.folder / "old")
    other.write_text("precious\n" * 100)
    replace(other, log)
    strict = world.restart("--rollback", "--strict")
    assert strict.returncode == 66 and "is not cut back: it is not the file that was open" in strict.stderr
    back = world.restart("--rollback")
    assert back.returncode == 0 and "is not cut back: it is not the file that was open" in back.stderr
    assert other.read_text() == "precious\n" * 100 + "two\n"


def test_a_fifo_in_the_place_of_a_file(world: World) -> None:
    """Nobody waits for its other end, nor does who waits there hear of us."""
    world.first_life("files")
    (world.folder / "log").unlink()
    os.mkfifo(world.folder / "log")
    reader = os.open(world.folder / "log", os.O_RDONLY | os.O_NONBLOCK)
    done = world.restart()
    assert done.returncode == 66 and "of another type now" in done.stderr, done
    assert nothing_came(reader)
    os.close(reader)


def test_removed_directories(world: World) -> None:
    first = world.first_life("directory")
    before = sorted(os.listdir(world.folder))
    sub = world.folder / "sub"
    for taken in (None, Path.touch, Path.mkdir):
        if taken is not None:
            taken(sub)
        back = world.restart("--strict")
        assert back.stdout == first.stdout == "1 1 0 -1 3\n", (first, back)
        assert sub.exists() == (taken is not None), "what has that name now is somebody's"
        if sub.is_file():
            sub.unlink()
    sub.rmdir()
    assert sorted(os.listdir(world.folder)) == before


def test_strict_names_all_kinds_of_losses(world: World) -> None:
    """And then it refuses, once; without it the same is named, once."""
    world.first_life("losses")
    (world.folder / "sub").rmdir()
    (world.folder / "watched").rmdir()
    words = ["descriptor 3, anon_inode:inotify: not all", "descriptor 4, socket:", "(seccomp)", f"(directory): its working directory {world.folder}/sub cannot be entered"]
    for options in [], ["--strict"], ["--strict", "--dry-run"], ["--strict", "--accept", "seccomp,directory"]:
        done = world.restart(*options)
        counts = [done.stderr.count(word) for word in words]
        assert counts == ["--strict" in options, 1, 1, 1] and "watched) is lost" in done.stderr, done
        assert done.returncode == (66 if options else 0) and ("on" in done.stdout) != bool(options), done
        assert done.stderr.count("limited its system calls") == 1, done
        assert done.stderr.count("so no restart") == bool(options) == ("--strict: " in done.stderr), done


def test_hidden_files(world: World) -> None:
    """Their file system removes them with the first life."""
    first = world.first_life("hidden", *HIDDEN)
    for name in HIDDEN:
        (world.folder / name).unlink()
    back = world.restart("--strict")
    assert back.stdout == first.stdout == "open mapped shared\n", back
    assert not any((world.folder / name).exists() for name in HIDDEN)


def test_what_the_kernel_makes_up(world: World) -> None:
    """It is named, as what it is; and the program gets its image."""
    world.first_life("kernels")
    strict = world.restart("--strict")
    back = world.restart()
    assert strict.returncode == 66 and (back.returncode, back.stdout) == (0, "queue 5\n"), (strict, back)
    for number, words in enumerate(["a file of /proc, of a process that is gone"] * 2 + ["a POSIX message queue"], 3):
        assert any(f"descriptor {number}, " in line and f"not brought back: {words}" in line
                   for line in back.stderr.splitlines()), back.stderr


def test_objects_of_the_kernel(world: World) -> None:
    """Each is named, as what it is; those that can be made here."""
    made = world.first_life("objects").stdout.splitlines()[:-1]
    back = world.restart()
    assert back.stdout == "on\n" and len(made) >= 2, (made, back)
    for number, _, words in (line.partition(" ") for line in made):
        assert any(f"descriptor {number}, " in line and f": not brought back: {words}" in line
                   for line in back.stderr.splitlines()), (words, back.stderr)


def test_a_fifo_in_the_place_of_the_program(world: World) -> None:
    world.first_life("objects")
    world.program.unlink()
    os.mkfifo(world.program)
    done = world.restart()
    assert done.returncode == 66 and "it is a FIFO now" in done.stderr, done


def test_a_program_that_is_not_dumpable(world: World) -> None:
    done = world.first_life("not-dumpable", image=False)
    assert done.stdout == "on\n" and "the program is not dumpable" in done.stderr, done


def test_a_checkpoint_in_a_lazy_life(world: World) -> None:
    """It replaces the image that its pages are in, and needs it no more; what was sparse stays sparse."""
    first = world.first_life("memory")
    (world.folder / "again").touch()
    second = world.restart("--lazy", "--strict")
    assert second.stdout == first.stdout, second
    (world.folder / "again").unlink()
    third = world.restart()
    assert third.stdout == first.stdout, third


def test_what_was_sparse_stays_sparse(world: World) -> None:
    """A lazy life's first image, made while the old one has its name."""
    first = world.first_life("memory")
    (world.folder / "again").touch()
    os.link(world.image, world.folder / "kept")
    life = world.run(world.stage / "restart", "--lazy", world.folder / "kept")
    assert life.stdout == first.stdout, life
    assert world.image.stat().st_ino != (world.folder / "kept").stat().st_ino
    assert world.image.stat().st_blocks * 512 < 64 << 20
    assert world.restart().stdout == first.stdout


PACKED = {
    "gzip -dc": gzip.compress, "bzip2 -dc": bz2.compress, "xz -dc": lzma.compress,
    "zstd -dc": lambda image: b"\x28\xb5\x2f\xfd" + image, "lz4 -dc": lambda image: b"\x04\x22\x4d\x18" + image,
}


@pytest.mark.parametrize("command", PACKED)
def test_compressed_images(command: str, stage: Path, tmp_path: Path) -> None:
    path = tmp_path / "packed"
    path.write_bytes(PACKED[command]((stage / "world").read_bytes()))
    for words in ["restart"], ["readckpt"], ["readckpt", "--check"]:
        done = subprocess.run([stage / words[0], *words[1:], path], capture_output=True, text=True, check=False)
        assert done.returncode == 65 and f": {command} FILE" in done.stderr, done


def test_an_image_in_a_pipe(stage: Path, tmp_path: Path) -> None:
    for words in ["restart"], ["readckpt"], ["readckpt", "--check"]:
        done = subprocess.run([stage / words[0], *words[1:], "/dev/stdin"], input="image", capture_output=True, text=True,
                              check=False)
        assert done.returncode == 65 and "copy what it gives into a file" in done.stderr, done
