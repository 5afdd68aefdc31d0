"""The walkthrough in gdb (rows K8 and H11): the phases, and both sides of setcontext()."""
from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from batch import given
from conftest import copy_built, need
from kit import built
from stage.config import load_interface

pytestmark = pytest.mark.xdist_group("walkthrough")  # what is made once is made by one worker

PLACE = re.compile(r"\$(pc|sp|fs_base) +0x([0-9a-f]+)  in ([0-9a-f]+)-([0-9a-f]+) (\S{4}) (.*)")


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("gdb")
    tree = tmp_path_factory.mktemp("walkthrough")
    copy_built(tree)
    return tree / "solution" / "stage3-restart"


def run(stage: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=stage, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    assert "Python Exception" not in done.stdout and "Traceback" not in done.stdout, done.stdout
    return done.stdout


def places(text: str) -> dict[str, str]:
    """The mapping that each register lies in; the address must really lie there."""
    found = {}
    for name, value, start, end, permissions, where in PLACE.findall(text):
        assert int(start, 16) <= int(value, 16) < int(end, 16)
        found[name] = f"{permissions} {where}"
    return found


@pytest.fixture(name="text", scope="module")
def text_fixture(stage: Path) -> str:
    return run(stage, "make", "walkthrough-batch")


def test_walkthrough_shows_all_phases(text: str) -> None:
    phases = re.findall(r"^phase (\d):", text, re.MULTILINE)
    assert phases == ["1", "2", "3", "2", "4", "5"], text
    before, after = text.split("--- $pc is now in", 1)[0], text.rsplit("phase 5:", 1)[1]
    restorer = places(before.rsplit("phase 4:", 1)[1])
    assert restorer["pc"] == "r-xp (anonymous)" and restorer["sp"] == "rw-p (anonymous)", text
    program = places(after)
    assert program["pc"].endswith("libckpt.so") and program["sp"] == "rw-p [stack]", text
    assert "<setcontext" in text and "syscall" in text, "the instructions of setcontext() are shown by name"
    backtrace = after[after.index("#0"):]
    order = [backtrace.index(name) for name in ("on_checkpoint_signal", "<signal handler called>", "main (")]
    assert order == sorted(order), text


def test_registers_after_the_jump_are_those_of_the_image(text: str) -> None:
    """rip, rsp and fs_base as the image has them, read by gdb on the live process."""
    saved = dict(re.findall(r"^[ *] (rip|rsp|fs_base) +0x([0-9a-f]+) ", text, re.MULTILINE))
    live = {name: value for name, value, *_ in PLACE.findall(text.rsplit("phase 5:", 1)[1])}
    assert int(live["pc"], 16) == int(saved["rip"], 16)
    assert int(live["sp"], 16) == int(saved["rsp"], 16)
    assert int(live["fs_base"], 16) == int(saved["fs_base"], 16)


def gdb(stage: Path, *commands: str) -> str:
    words = [word for command in commands for word in ("-ex", command)]
    return run(stage, "gdb", "-q", "-nx", "-batch", "-x", "ckpt_gdb.py", *words)


@pytest.mark.parametrize("command", ["where", "phase", "maps", "context", "symbols", "walk"])
def test_what_is_missing_is_said_in_words(stage: Path, command: str) -> None:
    assert "ckpt: there is no process" in gdb(stage, f"ckpt {command}")


@pytest.mark.parametrize("content", [b"", b"no image", b"\x7fELF" + bytes(60), b"\x7fELF\2\1\1" + b"\xff" * 200],
                         ids=["empty", "text", "zeros", "ones"])
def test_bad_images_are_named(stage: Path, tmp_path: Path, content: bytes) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(content)
    text = gdb(stage, "file /bin/true", "starti", f"ckpt maps {bad}", f"ckpt context {bad}", "kill")
    assert text.count("ckpt: ") >= 1, text


@pytest.mark.sample
@pytest.mark.parametrize("make, words", [
    (["make"], "The constructor did not run"),
    (["make", "REFERENCE=1"], "restart ended before the jump"),
], ids=["nothing is written yet", "stage 3 is not written yet"])
def test_half_done_code_is_told_where_it_ended(checkout: Path, make: list[str], words: str) -> None:
    need("gdb")
    stage = checkout / "stage3-restart"
    built.lay_stages(built.solution(), checkout / "solution")
    given.lay_objects(given.Trees(load_interface(), built.solution(), checkout))
    subprocess.run([*make, "-s"], cwd=stage, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    text = run(stage, *make, "walkthrough-batch")
    assert words in text and "Error in sourced" not in text, text
