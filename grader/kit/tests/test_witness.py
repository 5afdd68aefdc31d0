"""The witness: two lives of a program, compared where the second goes on."""
from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from kit import built, mutants
from stage import diagnosis
from stage.config import GRADER
from stage.programs import Programs

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the witness knows x86-64 alone")
PROGRAMS = Programs(GRADER / "build" / "programs")


def witness(folder: Path, launch: Sequence[object], restart: Sequence[object], image: str = "myckpt") -> list[str]:
    """What it says of a counter that is saved and restarted in the folder.

    The end of its stack is a word of 16 KiB in its environment, which it never reads: a test may spoil what is there."""
    PROGRAMS.make_folder()
    (folder / "gates").mkdir(exist_ok=True)
    words = [PROGRAMS.tool("witness"), 30, 12, "gate 01", image, ":::", *launch, PROGRAMS.get("bare"), 12, 5, ":::", *restart]
    env = {**os.environ, "CKPTLAB_GATES": str(folder / "gates"), "CKPTLAB_PADDING": "." * (16 << 10)}
    done = subprocess.run([str(word) for word in words], cwd=folder, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def made(folder: Path, *changes: tuple[str, str, str]) -> Path:
    mutants.copy_reference("classic", folder)
    for name, find, put in changes:
        text = (folder / name).read_text()
        assert text.count(find) == 1, find
        (folder / name).write_text(text.replace(find, put))
    subprocess.run(["make", "-s", "-C", str(folder)], check=True, capture_output=True)
    return folder


def test_a_good_restart_differs_in_nothing(tmp_path: Path) -> None:
    folder = made(tmp_path / "s")
    assert witness(folder, ["./ckpt"], ["./restart", "{image}"]) == ["witness: state: no difference"]


def test_it_serves_the_labs_own_stages(tmp_path: Path) -> None:
    stage = built.solution() / "stage3-restart"
    got = witness(tmp_path, [stage / "ckpt", "-o", "image", "--"], [stage / "restart", "image"], "image")
    assert got == ["witness: state: no difference"]


def test_it_tells_apart_what_is_wrong_at_once(tmp_path: Path) -> None:
    """A TLS base, the kernel's pages, and a region whose bytes are not what they were: each is seen, and no more."""
    folder = made(tmp_path / "s", ("restart.c", "    raw(SYS_arch_prctl, ARCH_SET_FS, (long)header.tls, 0, 0, 0);\n", ""),
                  ("restart.c", "    clear_all_but_us();\n    for", "    (void)clear_all_but_us;\n    for"),
                  ("restart.c", "    int has_kernel = part_count", "    int has_kernel = 0 && part_count"),
                  ("restart.c", "    read_all((void *)start, region->stored);\n",
                   "    read_all((void *)start, region->stored);\n    if (region->grows_down)\n"
                   "        for (long i = 0; i < 4096; i++)\n            ((char *)(start + size - 8192))[i] ^= 1;\n"))
    got = witness(folder, ["./ckpt"], ["./restart", "{image}"])
    assert got[0].startswith("witness: state: the TLS base is still restart's: fs is "), got
    assert len(got) > 2 and all(line.startswith("witness: state: [v") for line in got[1:-1]), got
    assert "[stack]" in got[-1] and got[-1].endswith("has other bytes in 1 page (no zeros)"), got


@pytest.mark.parametrize(("symptoms", "words"), [
    (["restart: signal SIGSEGV"], ""),
    (["witness: state: no difference"], ""),
    (["witness: original: write() of [vvar] fails: EFAULT", "witness: state: [vdso] is not there"], "[vdso] is not there"),
    (["witness: state: [vvar] is not there", "witness: state: the TLS base is another"], "the TLS base is another"),
    (["witness: crash: at address 8", "witness: restart: unmaps the stack"], "restart: unmaps the stack"),
])
def test_the_first_difference_is_said(symptoms: list[str], words: str) -> None:
    assert diagnosis.seen(symptoms) == words
