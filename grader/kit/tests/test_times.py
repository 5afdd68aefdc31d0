"""Time: --times says where that of a start, of a checkpoint and of a restart went; and --keep leads back in it.

`ckpt --keep N -o NAME.%n` keeps the last N images, and gdb's `ckpt back` opens the one before the first wrong write.
"""
from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import TOP
from kit import mutants
from kit.real_programs import not_tried

LIMIT = 60.0
LINE = re.compile(r"^(libckpt|restart): +(\d+) us  (.+)$", re.MULTILINE)
PROGRAM = r"""
#include "ckpt.h"
#include <stdio.h>
#include <time.h>

int main(void)
{
    struct timespec start, end;
    for (int i = 0; i < 2; i++) {
        clock_gettime(CLOCK_MONOTONIC, &start);
        if (ckpt_now() == 1)
            return 7;
        clock_gettime(CLOCK_MONOTONIC, &end);
        printf("%ld\n", (end.tv_sec - start.tv_sec) * 1000000 + (end.tv_nsec - start.tv_nsec) / 1000);
    }
    return 0;
}
"""


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = mutants.build_solution(tmp_path_factory.mktemp("solution"), "stage4-openfiles")
    words = ["gcc", "-w", "-I", TOP / "solution/stage2-saveimage", "-x", "c", "-o", folder / "twice", "-"]
    subprocess.run(words, input=PROGRAM, text=True, check=True)
    subprocess.run(["gcc", "-O1", "-g", "-o", folder / "late", TOP / "BACKGROUND/late.c"], check=True)
    return folder


def run(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False)


def tables(said: str, last: str) -> list[dict[str, int]]:
    """The tables of phases, each up to the line of its sum, which is right but for the rounding."""
    found, rows = [], {}
    for _, number, phase in LINE.findall(said):
        if phase == last:
            assert abs(sum(rows.values()) - int(number)) <= len(rows)
            found.append(rows)
        rows = {} if phase == last or phase == "until main()" else {**rows, phase: int(number)}
    return found


def test_the_times_of_checkpoints_are_those_that_the_program_sees(stage: Path, tmp_path: Path) -> None:
    done = run(stage / "ckpt", "--times", stage / "twice", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    start, = tables(done.stderr.split("until main()")[0] + "until main()\n", "until main()")
    assert list(start) == ["ckpt, before its main()", "ckpt", "execve(2) and ld.so", "constructor of libckpt"]
    checkpoints = tables(done.stderr, "for the checkpoint")
    assert len(checkpoints) == 2
    for phases, seen in zip(checkpoints, map(int, done.stdout.split())):
        assert {"checks", "regions", "files", "write, and rename"} <= set(phases)
        assert sum(phases.values()) <= seen + len(phases)  # what the program saw: that, and the printing


def test_the_times_of_a_restart(stage: Path, tmp_path: Path) -> None:
    assert run(stage / "ckpt", stage / "twice", cwd=tmp_path).returncode == 0
    done = run(stage / "restart", "--times", "myckpt", cwd=tmp_path)
    assert done.returncode == 7, done.stderr
    phases, = tables(done.stderr, "until the jump into the program")
    assert list(phases)[:6] == ["before main()", "open the image", "plan of open files", "plans of other rooms",
                                "regions, and the block", "clear"]
    assert {"map", "signals", "timers"} <= set(phases)


def test_without_it_nothing_is_said(stage: Path, tmp_path: Path) -> None:
    first = run(stage / "ckpt", stage / "twice", cwd=tmp_path)
    second = run(stage / "restart", "myckpt", cwd=tmp_path)
    assert (first.returncode, second.returncode) == (0, 7)
    assert not LINE.search(first.stderr + second.stderr)


def test_what_the_program_executes_finds_the_wish_and_no_old_times(stage: Path, tmp_path: Path) -> None:
    done = run(stage / "ckpt", "--times", "/bin/sh", "-c", "exec env", cwd=tmp_path)
    assert "CKPT_TIMES=1" in done.stdout.splitlines()
    assert done.stderr.count("execve(2) and ld.so") == 1 and done.stderr.count("constructor of libckpt") == 2


def images(folder: Path) -> list[int]:
    return sorted(int(path.suffix[1:]) for path in folder.glob("img.*"))


def test_the_last_images_are_kept(stage: Path, tmp_path: Path) -> None:
    """late takes nine. What has such a name and is no image stays; no number is given twice, in later lives neither."""
    (tmp_path / "img.2").write_text("somebody's letter")
    assert run(stage / "ckpt", "--keep", "3", "-o", "img.%n", stage / "late", cwd=tmp_path).returncode < 0
    assert images(tmp_path) == [2, 8, 9, 10]
    done = run(stage / "restart", "img.9", cwd=tmp_path)  # it dies in its second life, too, after one checkpoint
    assert done.returncode < 0, done.stderr
    assert images(tmp_path) == [2, 9, 10, 11]
    assert (tmp_path / "img.2").read_text() == "somebody's letter"


def test_what_cannot_be_read_is_no_image(stage: Path, tmp_path: Path) -> None:
    (tmp_path / "img.2").write_text("somebody's letter")
    (tmp_path / "img.2").chmod(0)
    as_user = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    run(*as_user, stage / "ckpt", "--keep", "2", "-o", "img.%n", stage / "late", cwd=tmp_path)
    assert images(tmp_path)[-2:] == [9, 10] and images(tmp_path)[0] == 2


def test_no_image_goes_before_the_next_one_is_whole(stage: Path, tmp_path: Path) -> None:
    run(stage / "ckpt", "--keep", "3", "-o", "img.%n", stage / "late", cwd=tmp_path)
    assert images(tmp_path) == [7, 8, 9]
    words = [stage / "ckpt", "--keep", "1", "-o", "img.%n", stage / "late"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT, check=False,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)))
    assert done.stderr.count("no checkpoint; the program goes on") == 9
    assert sorted(path.name for path in tmp_path.iterdir()) == ["img.7", "img.8", "img.9"]


def test_names_are_what_they_say(stage: Path, tmp_path: Path) -> None:
    folder = tmp_path / "of 50%n"
    folder.mkdir()
    assert run(stage / "ckpt", "-o", "100%%.%n.%n", stage / "twice", cwd=folder).returncode == 0
    assert sorted(path.name for path in folder.iterdir()) == ["100%.1.1", "100%.2.2"]


@pytest.mark.parametrize("words, why", [
    (["-o", "img.%d"], "%d is none of %p"),
    (["-o", "img.%"], "% is none of %p"),
    (["-o", "%n/img"], "%n belongs into the last part of the name"),
    (["--keep", "3"], "--keep needs %n"),
    (["--keep", "0", "-o", "img.%n"], "--keep 0: not a number of images"),
    (["--keep", "3x", "-o", "img.%n"], "--keep 3x: not a number of images"),
    (["--evict", "--resume", "-o", "img.%n"], "--resume needs an image whose name is known"),
])
def test_other_names_are_refused(stage: Path, tmp_path: Path, words: list[str], why: str) -> None:
    done = run(stage / "ckpt", *words, stage / "twice", cwd=tmp_path)
    assert done.returncode == 64 and "ckpt: " in done.stderr and why in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(shutil.which("gdb") is None, reason=not_tried("gdb"))
def test_the_first_wrong_write_of_a_real_bug_is_found(stage: Path, tmp_path: Path) -> None:
    """late dies in round 9. Its table was spoilt in round 5: the newest image in which it is whole is that of round 5."""
    run(stage / "ckpt", "--keep", "6", "-o", "img.%n", stage / "late", cwd=tmp_path)
    script = ["ckpt images img.%n"]
    script += [line for back in (4, 5) for line in (f"ckpt back {back}", "print station.names[0]")]
    script += ["set can-use-hw-watchpoints 0", "watch station.names[0]", "continue", "info line", "ckpt back 7"]
    (tmp_path / "script").write_text("\n".join(script) + "\n")
    said = run("gdb", "-q", "-nx", "-batch", "-x", stage.parent / "stage3-restart/ckpt_gdb.py", "-x",
               stage / "travel_gdb.py", "-x", "script", cwd=tmp_path).stdout
    assert re.findall(r"^ckpt back (\d) .* before the newest  .*/img\.(\d)$", said, re.MULTILINE) == [
        (str(back), str(10 - back)) for back in range(1, 7)]
    assert re.findall(r"^\$\d = 0x\w+ (.*)$", said, re.MULTILINE) == [
        "<error: Cannot access memory at address 0x1fc>", '"north"'], said
    assert re.search(r"^Old value = .*\"north\"\nNew value = 0x1fc .*\n.*measure \(round=5\)", said, re.MULTILINE), said
    assert "there are 6 images: 1 is the newest" in said
    assert images(tmp_path) == [4, 5, 6, 7, 8, 9]
