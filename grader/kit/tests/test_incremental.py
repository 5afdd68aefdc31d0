"""ckpt --incremental: a checkpoint writes what has changed, and the image is as whole as any."""
from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Iterator

import pytest

from conftest import TOP
from kit import mutants
from two_lives import Lives

PAGES = re.compile(r"--incremental: (\d+) of (\d+) pages were written(.*)")

pytestmark = pytest.mark.xdist_group("guest")  # the stage is built once by one worker


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stage, built in a scratch copy, with the program beside it."""
    folder = mutants.build_solution(tmp_path_factory.mktemp("solution"), "stage4-openfiles")
    source = TOP / "grader/kit/tests/incremental.c"
    subprocess.run(["gcc", "-O1", "-o", str(folder / "incremental"), str(source)], check=True)
    return folder


class Run(Lives):
    def first(self, *words: str, options: tuple[str, ...] = ("-o", "image"), contained: bool = False) -> str:
        program = self.stage / "incremental"
        first = [program, "contained"] if contained else []
        return self(*first, self.stage / "ckpt", "-v", "--incremental", *options, program, *words)

    def pages(self) -> list[tuple[int, int, str]]:
        """Of each checkpoint: pages that were written, pages that there were, and why the file is a new one."""
        return [(int(written), int(of), why) for written, of, why in PAGES.findall(self.said)]



@pytest.fixture(name="run")
def run_fixture(stage: Path, tmp_path: Path) -> Run:
    return Run(stage, tmp_path)


@pytest.fixture(name="tracked", scope="module")
def tracked_fixture(stage: Path, tmp_path_factory: pytest.TempPathFactory) -> bool:
    """Does this machine track writes?  If not, everything is written, and -v says why."""
    run = Run(stage, tmp_path_factory.mktemp("tracked"))
    run.first("few", "1")
    return "writes are not tracked" not in run.said


# The images are right


def test_the_last_images_of_a_program_that_moves_its_memory(run: Run, tracked: bool) -> None:
    """...of which each was an older one that was brought up to date; in the second life, too."""
    plain = run(run.stage / "incremental", "deeds", "7").splitlines()
    assert all(line.endswith(", 0 wrong") for line in plain)
    options = ("--keep", "2", "-o", "image.%n")
    assert run.first("deeds", "7", options=options).splitlines() == plain
    assert [why == "" for *_, why in run.pages()] == [False] * 3 + [True] * 4 if tracked else not run.pages()
    assert run.left() == ["image.6", "image.7"], "and no spare"
    assert run.second("image.7").splitlines() == plain[6:]
    (run.folder / "image.7").unlink()
    assert run.second("image.6").splitlines() == plain[5:]
    assert run.left() == ["image.6", "image.7"]
    assert run.second("image.7").splitlines() == plain[6:], "the image of the second life"
    assert run(run.stage / "readckpt", "--check", "image.7").strip().endswith("nothing is wrong with its form")


def test_a_region_begins_before_a_place_and_ends_behind_it(run: Run) -> None:
    assert run.first("between").count(", 0 wrong") == 5
    assert run.second().startswith("5: ") and run(run.stage / "readckpt", "--check", "image")


def test_few_pages_are_written(run: Run, tracked: bool) -> None:
    run.first("few", "5")
    assert run.left() == ["image"] and run.second().startswith("5: ")
    if tracked:
        run.first("few", "5")
        assert [why == "" for *_, why in run.pages()] == [False, False, True, True, True]
        assert all(written < of / 10 for written, of, why in run.pages() if why == "")


def many(run: Run, seed: int, *options: str) -> tuple[int, int]:
    """Images, most of which were brought up to date: how many, and how many are wrong?"""
    words = ["many", "30", str(seed)]
    plain = run(run.stage / "incremental", *words)
    assert run.first(*words, options=options) == plain
    wrong = 0
    names = run.left()
    for name in names:
        told = run.second(name)
        wrong += not told or not plain.endswith(told)
        (run.folder / name).unlink()
    return len(names), wrong


@pytest.mark.stress
@pytest.mark.parametrize("seed", range(4))
def test_many_images(run: Run, seed: int) -> None:
    assert many(run, 100 + seed, "-o", "image") == (31, 0)
    assert many(run, 200 + seed, "--keep", "14", "-o", "image.%n") == (14, 0)


def meanwhile(run: Run, seed: int, keep: int) -> list[bool]:
    """It goes on while it is saved.  Of each image: was an older one brought up to date?"""
    words = ["live", "60", str(seed)]
    plain = run(run.stage / "incremental", *words)
    (run.folder / "ask").touch()
    assert run.first(*words, options=("--live", "--keep", str(keep), "-o", "image.%n")) == plain
    updated = [why == "" for *_, why in run.pages()]
    (run.folder / "ask").unlink()
    for name in filter(re.compile(r"image\.\d+").fullmatch, run.left()):  # a child may outlive it, and remove its own files
        assert plain.endswith(run.second(name)), f"{name} of seed {seed}"
    return updated


def test_it_goes_on_while_it_is_saved(run: Run, tracked: bool) -> None:
    updated = meanwhile(run, 7, 2)
    assert not tracked or updated[:5] == [False] * 3 + [True] * 2


@pytest.mark.stress
@pytest.mark.parametrize("keep", range(1, 5))
def test_it_goes_on_while_it_is_saved_many_times(run: Run, keep: int) -> None:
    for seed in range(40):
        meanwhile(run, 40 * keep + seed, keep)
        for name in run.left():
            (run.folder / name).unlink(missing_ok=True)


WAYS = pytest.mark.parametrize("way", [["many", "9", "7"], ["live", "60", "7"]], ids=["stands", "goes-on"])


def kill_while_it_saves(run: Run, plain: str, way: list[str]) -> None:
    options = ["--incremental", "-o", "img", *["--live"] * (way[0] == "live")]
    (run.folder / "ask").touch()
    words = [str(run.stage / "ckpt"), *options, str(run.stage / "incremental"), *way]
    with subprocess.Popen(words, cwd=run.folder, stdout=subprocess.PIPE, text=True) as job:
        assert job.stdout is not None
        for _ in range(random.randint(2, 6)):
            job.stdout.readline()
        time.sleep(random.random() * 0.1)  # any instant will do
        job.send_signal(signal.SIGKILL)
    (run.folder / "ask").unlink()
    names = {"img", "img.spare"} if way[0] == "many" else {"img"}  # a child may outlive it, and take the spare
    for name in names & set(run.left()):
        assert plain.endswith(run.second(name) or "nothing"), name
    for name in run.left():
        (run.folder / name).unlink(missing_ok=True)


@WAYS
def test_killed_while_it_saves(run: Run, way: list[str]) -> None:
    """The name shows a whole image; and the older one is whole, too, or is not there."""
    kill_while_it_saves(run, run(run.stage / "incremental", *way), way)


@pytest.mark.stress
@WAYS
def test_killed_while_it_saves_many_times(run: Run, way: list[str]) -> None:
    plain = run(run.stage / "incremental", *way)
    for _ in range(50):
        kill_while_it_saves(run, plain, way)


@pytest.fixture(name="sharing")
def sharing_fixture(stage: Path, tmp_path: Path) -> Iterator[Run]:
    """In a folder whose files can share their bytes."""
    if os.geteuid() != 0 or shutil.which("mkfs.xfs") is None:
        pytest.skip("only root can mount XFS; mkfs.xfs makes one")
    disk, folder = tmp_path / "disk", tmp_path / "folder"
    folder.mkdir()
    disk.touch()
    os.truncate(disk, 512 << 20)
    subprocess.run(["mkfs.xfs", "-q", disk], check=True)
    if subprocess.run(["mount", "-o", "loop", disk, folder], check=False, capture_output=True).returncode != 0:
        pytest.skip("XFS, or a loop device, is not there")
    try:
        yield Run(stage, folder)
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_new_file_shares_the_last_one_s_bytes(sharing: Run, tracked: bool) -> None:
    plain = sharing(sharing.stage / "incremental", "deeds", "5").splitlines()
    assert sharing.first("deeds", "5", options=("--keep", "3", "-o", "image.%n")).splitlines() == plain
    shared = [why.endswith(", and it shares the last one's bytes") for *_, why in sharing.pages()]
    assert shared == [False, True, True, True, False] or not tracked
    for number in 3, 4, 5:  # each life removes older images
        (sharing.folder / f"image.{number}").rename(sharing.folder / f"old.{number}")
    for number in 3, 4, 5:
        assert sharing.second(f"old.{number}").splitlines() == plain[number - 1:]


# What others do with the files


@pytest.mark.parametrize("deed, why", [
    ("open", "somebody has the older one open"), ("link", "the older one has another name"),
    ("touch", "the older one is not there any more, as it was"), ("gone", "the older one is not there any more"),
])
def test_the_older_one_is_somebody_else_s_too(run: Run, tracked: bool, deed: str, why: str) -> None:
    """Then it is not written to."""
    run.first(deed)
    assert not tracked or run.pages()[3][2].startswith(f", to a new file: {why}")
    assert run.second().startswith("5: ")
    if deed == "link":
        (run.folder / "image").unlink()
        assert run.second("another").startswith("2: ")


def test_a_spare_of_another_run_is_not_trusted(run: Run, tracked: bool) -> None:
    run.first("few", "2")
    (run.folder / "image").rename(run.folder / "image.spare")
    run.first("few", "3")
    assert run.left() == ["image"] or not tracked
    assert run.second().startswith("3: ")
    (run.folder / "image.spare").write_text("no image")
    run.first("few", "3")
    assert (run.folder / "image.spare").read_text() == "no image" and run.second().startswith("3: ")


def test_who_is_killed_leaves_no_more_than_one_spare(run: Run, tracked: bool) -> None:
    words = ["sh", "-c", '"$0" --incremental --keep 2 -o image.%n "$1" killed; true']
    run(*words, run.stage / "ckpt", run.stage / "incremental")
    assert run.left() == ["image.2", "image.3"] + ["image.spare"] * tracked
    run.first("few", "1")
    assert "image.spare" not in run.left(), "the first checkpoint of the next run needs the room"


def test_who_is_evicted_leaves_no_spare(run: Run) -> None:
    words = [str(run.stage / "ckpt"), "--incremental", "--evict", "-o", "image", str(run.stage / "incremental")]
    with subprocess.Popen([*words, "few", "100000"], cwd=run.folder, stdout=subprocess.PIPE, text=True) as job:
        assert job.stdout is not None
        for _ in range(4):
            job.stdout.readline()
        job.send_signal(signal.SIGTERM)
        job.stdout.read()
    assert job.returncode == 85 and run.left() == ["image"]


# The program does not see it, and what is in the way


def test_the_tracker_is_nobody_s_file(run: Run, tracked: bool) -> None:
    """It is above 1000, in no child's hands after exec, and in no Open File Table."""
    told = run.first("exec").splitlines()
    assert told[3] == "0" and (told[4] == "1" or not tracked), "ls's own, its parent's"
    assert "userfaultfd" not in run(run.stage / "readckpt", "--files", "image")
    assert run.second().startswith("5: ") and run.said.count("userfaultfd") == 0


def test_closefrom_ends_the_tracking(run: Run) -> None:
    """All pages count as written to."""
    plain = run(run.stage / "incremental", "few")
    assert run.first("closefrom") == plain
    assert run.second() == plain.splitlines(keepends=True)[4]


def test_what_it_works_in_is_mapped_over(run: Run, tracked: bool) -> None:
    """By the program, which does not know of it; what is there now stays as it is."""
    assert run.first("over").count(", 0 wrong") == 5
    assert not tracked or run.pages()[3][2].endswith("it is the first one")
    assert run.second().startswith("5: ") and run.said.count("/dev/zero") == 0


def test_a_child_that_shares_the_memory(run: Run, tracked: bool) -> None:
    """It is saved as without the option, and its parent goes on as before."""
    run.first("vfork", options=("-o", "image.%p"))
    assert [why == "" for *_, why in run.pages()] == [False, False, True, True, True] or not tracked
    assert len(run.left()) == 2, "and no spare"


@pytest.mark.parametrize("contained", [False, True])
def test_a_sandbox_at_the_end(run: Run, contained: bool) -> None:
    """The program is not killed because the spare would be removed; where there is a filter from the start, too."""
    assert run.first("sandbox", contained=contained).count(", 0 wrong") == 5


def test_a_filter_from_the_start_is_not_in_the_way(run: Run, tracked: bool) -> None:
    run.first("few", contained=True)
    assert run.left() == ["image"] and (run.pages()[4][2] == "" or not tracked)
    run.first("filter", contained=True)
    assert not tracked or run.said.count("everything is written: the program has set a filter of system calls") == 2


@pytest.mark.parametrize("deed, why", [
    ("tracker", "it has a userfaultfd(2) of its own"), ("filter", "the program has set a filter of system calls"),
    ("lock", "the program has locked memory"),
])
def test_everything_is_written(run: Run, tracked: bool, deed: str, why: str) -> None:
    run.first(deed)
    assert not tracked or run.said.count(f"--incremental: everything is written: {why}") == 2
    assert run.left() == ["image"] and run.second().startswith("5: ")
    assert (run.folder / "image").stat().st_blocks * 512 < 32 << 20, "what the checkpoints work in is in no image"


def test_no_descriptor_is_left(run: Run) -> None:
    words = ["sh", "-c", 'ulimit -n 512; exec "$0" -v --incremental -o image "$1" few 2']
    run(*words, run.stage / "ckpt", run.stage / "incremental")
    assert "everything is written: writes are not tracked" in run.said and run.second().startswith("2: ")


@pytest.mark.parametrize("words, why", [
    (["--incremental", "-o", "image.%n"], "--incremental with %n needs --keep N"),
])
def test_it_is_refused(run: Run, words: list[str], why: str) -> None:
    done = subprocess.run([run.stage / "ckpt", *words, "true"], cwd=run.folder, stderr=subprocess.PIPE, text=True)
    assert done.returncode == os.EX_USAGE and why in done.stderr
