"""ckpt --live: the program goes on while it is saved, and the image is of one moment.

Most of it is done by live.c, which holds the moment, so nothing here waits for one that might pass.
"""
from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from conftest import TOP
from kit import mutants
from kit.real_programs import not_tried
from two_lives import LIMIT, Lives

WAYS = ["--live=track", "--live=fork", "--live --incremental"]

TRACKED = pytest.mark.parametrize("way", ["--live=track", "--live --incremental"])

pytestmark = pytest.mark.xdist_group("guest")  # the stage is built once by one worker

# Changes memory all the time, in the order in which a chain of its own values leads it: a page that is torn, or of another
# moment than the rest, leads elsewhere.
CHAIN = r"""
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
int main(int argc, char **argv)
{
    uint64_t pages = 1000, steps = strtoull(argv[1], NULL, 10), h = 1;
    uint64_t *p = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (uint64_t s = 1; s <= steps; s++) {
        uint64_t *q = p + (h >> 20) % pages * 512;
        h = (h + q[0] + s) * 0x9E3779B97F4A7C15;
        h ^= h >> 29;
        q[0] = h;
        q[(h >> 40) % 512] += h;
        if (s % 4096 == 0)
            madvise(p + h % (pages - 8) * 512, 8 * 4096, MADV_DONTNEED);
        if (s % (steps / 10) == 0) {
            printf("%lu %016lx\n", s, h);
            fflush(stdout);
        }
    }
    for (uint64_t i = 0; i < pages * 512; i++)
        h = h * 31 + p[i];
    printf("end %016lx\n", h);
}
"""


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stage, built in a scratch copy, with the three programs beside it."""
    folder = mutants.build_solution(tmp_path_factory.mktemp("solution"), "stage4-openfiles")
    files = {name: (TOP / f"grader/kit/tests/{name}.c").read_text() for name in ("live", "shuffle")}
    for name, text in {**files, "chain": CHAIN}.items():
        words = ["gcc", "-O1", "-w", "-x", "c", "-o", str(folder / name), "-"]
        subprocess.run(words, input=text, text=True, check=True)
    return folder


class Run(Lives):
    def first(self, way: str, *words: str, name: str = "image") -> str:
        return self(self.stage / "ckpt", "-v", *way.split(), "-o", name, self.stage / "live", *words)



@pytest.fixture(name="run")
def run_fixture(stage: Path, tmp_path: Path) -> Run:
    return Run(stage, tmp_path)


def is_tracked(run: Run) -> bool:
    """Does this machine track writes?  If not, --live forks, and says why."""
    run.first("--live=track", "once")
    return "writes are not tracked here" not in run.said


# One moment


@pytest.mark.parametrize("way", WAYS)
def test_all_sorts_of_memory_change_meanwhile(run: Run, way: str) -> None:
    """...and come back as they were; twice, and in the second life, too."""
    forks = ["fork"] if way == "--live=fork" or not is_tracked(run) else []
    for old in run.left():
        (run.folder / old).unlink()
    told = run.first(way, "deeds", "2", *forks)
    assert "errno" not in told and told.count("moved:") == 2
    assert forks or run.said.count("once more while the program stood still") == 2
    first, last = run.folder / "image.0", run.folder / "image.1"
    assert run(run.stage / "readckpt", "--check", first).strip().endswith("nothing is wrong with its form")
    assert run.second("image.1") == told[told.index("after 1") :] and run.left() == ["image.0", "image.1"]
    last.unlink()
    assert run.second("image.0") == told
    assert run.second("image.1") == told[told.index("after 1") :], "the image of the second life"


def test_gdb_and_readelf_read_it(run: Run) -> None:
    run.first("--live=track", "deeds", "1", *([] if is_tracked(run) else ["fork"]))
    headers = run("readelf", "-lW", "image.0")
    assert "CORE (Core file)" in headers and headers.count(" LOAD ") > 10
    words = ["gdb", "-batch", "-nx", "-ex", "x/s program_invocation_short_name", run.stage / "live", "image.0"]
    assert '"live"' in run(*words)


def moments(run: Run, way: str, program: list[str], count: int) -> None:
    """At random moments; each image must end as a run without us does."""
    start = time.monotonic()
    plain = run(*program)
    takes = time.monotonic() - start
    for moment in range(count):
        image = run.folder / f"image{moment}"
        with open(run.folder / "said", "w+", encoding="utf-8") as said:
            words = [str(run.stage / "ckpt"), *way.split(), "-o", str(image), *program]
            job = subprocess.Popen(words, cwd=run.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said)
            while Path(f"/proc/{job.pid}/comm").read_text() != Path(program[0]).name + "\n":
                time.sleep(0.001)
            time.sleep(random.random() * takes)
            job.send_signal(signal.SIGUSR2)  # ckpt has blocked it, so it waits for the handler
            told = job.communicate(timeout=LIMIT)[0].decode()
            said.seek(0)
            assert job.returncode == 0 and told == plain, said.read()
        if image.exists():
            assert plain.endswith(run.second(image.name)), f"moment {moment}"


BUSY = pytest.mark.parametrize("program, steps", [("chain", 60000), ("shuffle", 600)])


@BUSY
@pytest.mark.parametrize("way", WAYS)
def test_a_program_that_changes_memory_all_the_time(run: Run, way: str, program: str, steps: int) -> None:
    moments(run, way, [str(run.stage / program), str(steps)], 1)


@pytest.mark.stress
@BUSY
@pytest.mark.parametrize("way", WAYS)
def test_a_program_that_changes_memory_all_the_time_many_times(run: Run, way: str, program: str, steps: int) -> None:
    moments(run, way, [str(run.stage / program), str(steps * 5)], 100)


@TRACKED
def test_memory_that_may_not_be_read_for_a_while(run: Run, way: str) -> None:
    """mprotect(PROT_NONE) while a page is copied: it is copied later.  (Once hundreds of such pages were lost.)"""
    assert run.first(way, "forbidden") == "lost: 0\n"
    assert run.second() == "lost: 0\n"


@pytest.mark.parametrize("way", ["", *WAYS])
def test_locks_that_are_held(run: Run, way: str) -> None:
    """...come back as its own; a copy of the program (--live) looks for them in the memory that it has."""
    told = "0 0 0 0 0 0 1\n"
    assert run.first(way, "locks") == told
    assert run("sh", "-c", '"$0" image | grep -c "a lock held by"', run.stage / "readckpt") == "7\n"
    assert run.second() == told


@TRACKED
def test_a_device_may_write_past_the_notes(run: Run, way: str) -> None:
    """A file is open for direct reads: all that was copied is written once more.  (Some 5 in 100 images were wrong.)"""
    if not is_tracked(run):
        pytest.skip(not_tried("userfaultfd(2)"))
    (run.folder / "data").write_bytes(bytes(4096))
    told = run.first(way, "direct", "data", name="image")
    if "no direct reads" in told:
        pytest.skip(not_tried("O_DIRECT in this file system"))
    pages = re.search(r"(\d+) pages were copied in \d+ rounds, (\d+) once more", run.said)
    assert pages and int(pages[2]) > 400, run.said
    assert run.second() == told


def test_what_is_in_the_way_of_tracking_comes_late(run: Run) -> None:
    """When the child has copied nearly all: then the image is written anew, while the program stands still."""
    if not is_tracked(run):
        pytest.skip(not_tried("userfaultfd(2)"))
    (run.folder / "image").unlink()
    assert run.first("--live --incremental", "late") == "late\n"
    assert "everything is written: it has a userfaultfd(2) of its own" in run.said
    assert run.second() == "late\n" and run.left() == ["image"]


# Nobody notices, and nothing is harmed


@pytest.mark.parametrize("way", WAYS)
def test_the_program_does_not_notice_the_child(run: Run, way: str) -> None:
    """Neither wait(2) nor SIGCHLD tells of it, and it holds no descriptor of the program's."""
    told = run.first(way, "notice").splitlines()
    assert told == ["end of the pipe: 0", "children: -1, errno 10", "my own: 1, 3; SIGCHLD: 1"]


@pytest.mark.parametrize("way", WAYS)
def test_the_child_is_killed(run: Run, way: str) -> None:
    (run.folder / "image.old").write_text("old")
    assert run.first(way, "killed") == "goes on\n"
    assert way == "--live=fork" or run.said.count("the process that wrote it (ckpt --live) was killed") == 1
    assert run.is_left("image", "image.old")
    run.second()


def test_the_child_is_killed_when_the_image_has_its_name(run: Run) -> None:
    """The two files have changed places, and the old one is to become the spare: there is a new image."""
    if not is_tracked(run) or shutil.which("strace") is None:
        pytest.skip(not_tried("userfaultfd(2), or strace"))
    words = [run.stage / "ckpt", "-v", "--live", "--incremental", "-o", "image", run.stage / "live", "traced"]
    with subprocess.Popen(words, cwd=run.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as job:
        assert job.stdout is not None and job.stderr is not None
        kill = ["strace", "-o", "/dev/null", "-e", "inject=renameat:signal=KILL", "-p", job.stdout.readline().strip()]
        with subprocess.Popen(kill, stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None and "attached" in tracer.stderr.readline()
            (run.folder / "traced").touch()
            said = job.communicate(timeout=LIMIT)[1]
            tracer.communicate(timeout=LIMIT)
    assert job.returncode == 0 and said.count("libckpt: wrote") == 2 and "no checkpoint" not in said
    assert run.is_left("image", "traced") and run.second() == "goes on\n", "the second image"


@TRACKED
def test_the_program_sets_a_filter_of_system_calls_meanwhile(run: Run, way: str) -> None:
    """The child does not ask for the last changes, since our handler's calls may kill the program."""
    if not is_tracked(run):
        pytest.skip(not_tried("userfaultfd(2)"))
    (run.folder / "image").unlink()
    assert run.first(way, "sandbox") == "still here\n" and run.left() == []


@TRACKED
def test_what_the_child_works_in_is_mapped_over(run: Run, way: str) -> None:
    """The child ends, and what is there now stays as it is."""
    if not is_tracked(run):
        pytest.skip(not_tried("userfaultfd(2)"))
    (run.folder / "image").unlink()
    told = run.first(way, "over")
    assert told.endswith(", 0 wrong\n") and run.second() == told


@pytest.mark.parametrize("way", WAYS)
def test_the_program_s_children_are_to_live_in_another_pid_namespace(run: Run, way: str) -> None:
    """Ours would be the first there, and when that ends the program can have no others."""
    told = run.first(way, "namespace")
    if "no namespaces" in told:
        pytest.skip(not_tried("unshare(2) by root"))
    assert told == "the first of them is 1\n" and "in another PID namespace" in run.said
    run.second()


@pytest.mark.parametrize("way", WAYS)
def test_a_child_that_shares_the_memory_is_asked_meanwhile(run: Run, way: str) -> None:
    """vfork(2): it is saved at once, and who saves its parent goes on."""
    assert run.first(way, "vfork", name="image.%p") == "child: 0\nend\n"
    assert "no checkpoint" not in run.said and len(run.left()) == 2
    for image in run.left():
        run.second(image)


@TRACKED
def test_ckpt_now_has_its_image_when_it_returns(run: Run, way: str) -> None:
    assert run.first(way, "now") == "now: 0\n"
    assert run.second() == "now: 1\n"


def test_no_number_is_given_twice(run: Run) -> None:
    """A child of fork(2) goes on with its own image, while ckpt_now() writes the next one."""
    run.first("--live=fork", "numbers", name="image.%n")
    assert run.is_left("image.1", "image.2", "image.3")


def test_an_engine_asks_while_the_program_is_saved(run: Run) -> None:
    """The first checkpoint's handler sees that the job was asked to leave since: no reason to say that it stays."""
    words = [run.stage / "ckpt", "--live=fork", "--evict", "-o", "image", run.stage / "live", "shared"]
    with subprocess.Popen(words, cwd=run.folder, stderr=subprocess.PIPE, text=True) as parent:
        while not run.left():  # the shared memory is written before the child begins
            time.sleep(0.001)
        parent.terminate()
        said = parent.communicate(timeout=LIMIT)[1]
    assert parent.returncode == 85 and "stays" not in said
    assert run.left() == ["image"]


@pytest.mark.parametrize("way", WAYS)
def test_the_program_becomes_another_one_meanwhile(run: Run, way: str) -> None:
    """The child gives up, or writes its copy; it is no reason to refuse the next program's checkpoint."""
    assert run.first(way, "exec", str(run.stage / "live"), "once") == "still here\nend\n"
    assert "no checkpoint" not in run.said
    assert run.is_left("image") and run.second().endswith("end\n")  # of a moment before "still here", or after it


@pytest.mark.parametrize("way", WAYS)
def test_there_is_no_room_for_the_image(run: Run, way: str) -> None:
    """The file may not be so large: a message, the older image stays, and the program lives."""
    (run.folder / "old").write_text("old")
    words = ["sh", "-c", f'ulimit -f 100; exec "$0" {way} -o old "$1" once', run.stage / "ckpt", run.stage / "live"]
    with subprocess.Popen(words, cwd=run.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as job:
        assert job.stderr is not None
        said = job.stderr.readline()
        (run.folder / "enough").touch()
        told = job.communicate(timeout=LIMIT)[0]
    assert "libckpt: no checkpoint; the program goes on" in said and "File too large" in said
    assert job.returncode == 0 and told == "still here\nend\n"
    assert run.left() == ["enough", "old"] and (run.folder / "old").read_text() == "old"
