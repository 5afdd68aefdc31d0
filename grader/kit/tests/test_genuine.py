"""Points are for work: what prints the lines of a restarted program, and was not restarted, has none (stage/genuine.py).

The sources of kit/hostile/stage3 take restart.c's place in stage 3's skeleton. That a reason says what is wrong with the
process shows that its lines were right: it is asked for when a test would pass.
"""
from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from batch import blobs
from conftest import copy_tracked
from reports import results
from reports.feedback import feedback
from reports.results import SubmissionResult
from sandbox.spec import BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, OWN_UID
from stage import genuine
from stage.config import GRADER, TOP, load_interface
from stage.image import BadImage, open_plain
from stage.lab import make_reference

pytestmark = pytest.mark.xdist_group("hostile")

STAGE = "stage3-restart"
TEST = "test_bare"  # all others need it
POINTS = {"honest": 5.0, "anew": 0.0, "borrowed": 0.0}


def lay_out(name: str, tree: Path) -> None:
    """A submission that has stage 3's restart.c alone, or all of it."""
    if name == "honest":
        for folder in ("stage1-readmaps", "stage2-saveimage", STAGE):
            shutil.copytree(TOP / "solution" / folder, tree / folder, ignore=shutil.ignore_patterns("build", "restart", "*.so"))
        return
    code = (GRADER / "kit/hostile/stage3" / f"{name}.c").read_text()
    if name == "borrowed":
        make_reference(load_interface(), TOP / "solution" / STAGE)
        data = (TOP / "solution" / STAGE / "restart").read_bytes()
        code = code.replace("{ BORROWED }", "{\n" + "\n".join(", ".join(map(str, data[at : at + 24])) + ","
                                                              for at in range(0, len(data), 24)) + "\n}")
    (tree / STAGE).mkdir(parents=True)
    (tree / STAGE / "restart.c").write_text(code)


def grade(tree: Path, out: Path, tier: str, top: Path) -> SubmissionResult:
    command = [top / "grader/grade", tree, "-o", out, "--stage", "3", "--only", TEST, "--no-reference", "--where", "0",
               "--sandbox", tier]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "PYTEST"))}
    done = subprocess.run(list(map(str, command)), env=env, capture_output=True, text=True, timeout=600, check=False)
    found = results.load_all(out / "results")
    assert len(found) == 1, done.stdout + done.stderr
    return found[0]


@pytest.mark.sample(3)
@pytest.mark.parametrize("tier", [BUBBLEWRAP, pytest.param(BUBBLEWRAP_BY_ROOT, marks=pytest.mark.stress),
                                  pytest.param(OWN_UID, marks=pytest.mark.stress)])
@pytest.mark.parametrize("name", sorted(POINTS))
def test_points_are_for_a_restart(tmp_path: Path, name: str, tier: str) -> None:
    if tier != BUBBLEWRAP and os.geteuid() != 0:
        pytest.skip(f"{tier}: only root has this tier")
    top = TOP
    if tier == OWN_UID:  # nothing but modes hides the kit then
        top = tmp_path / "kit"
        copy_tracked(TOP, top)
        top.chmod(0o700)
    lay_out(name, tmp_path / "class" / name)
    result = grade(tmp_path / "class", tmp_path / "out", tier, top)
    test = next((test for _, test in result.tests() if test.test == TEST), None)
    assert test is not None, result
    assert result.points == POINTS[name], (test.reason, test.symptoms)
    if name != "honest":
        assert "executes" in test.reason and test.cause == "not-restarted", (test.reason, test.symptoms)
    assert any("an array of" in words for words in result.suspects) == (name == "borrowed")
    assert not feedback(result).result.suspects


# Pages and processes


def an_image(path: Path, parts: dict[int, bytes]) -> Path:
    """A file with these segments."""
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, len(parts), 0, 0, 0)
    table, data, at = b"", b"", 64 + 56 * len(parts)
    for address, content in parts.items():
        table += struct.pack("<IIQQQQQQ", 1, 6, at + len(data), address, 0, len(content), len(content), 4096)
        data += content
    path.write_bytes(head + table + data)
    return path


HOLDER = """
import ctypes, sys
page = ctypes.create_string_buffer(b"lab" * 10000, 1 << 16)
print(ctypes.addressof(page), flush=True)
sys.stdin.read()
"""


def test_pages_are_compared_with_a_process(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout and holder.stdin
        address = int(holder.stdout.readline())
        first = (address + 4095) & ~4095
        with open(f"/proc/{holder.pid}/mem", "rb", 0) as memory:
            memory.seek(first)
            data = memory.read(8 * 4096)
        try:
            right = genuine.writable_pages(an_image(tmp_path / "right", {first: data}))
            wrong = genuine.writable_pages(an_image(tmp_path / "wrong", {first: data[:4096] + os.urandom(7 * 4096)}))
            nowhere = genuine.writable_pages(an_image(tmp_path / "nowhere", {0x1000: data}))
            assert genuine.same_pages(holder.pid, right) == (8, 8)
            assert genuine.same_pages(holder.pid, wrong) == (1, 8)
            assert genuine.same_pages(holder.pid, nowhere) == (0, 8)
            executes = Path(f"/proc/{holder.pid}/exe").resolve()
            assert genuine.doubt(holder.pid, executes, right, 0) is None
            told = genuine.doubt(holder.pid, executes, wrong, 0)
            assert told is not None and told.symptoms == ["genuine: other memory"]
            told = genuine.doubt(holder.pid, Path("/bin/sh"), right, 0)
            assert told is not None and told.symptoms == ["genuine: another program"]
        finally:
            holder.stdin.close()


@pytest.mark.parametrize("data", [b"", b"\x7fELF\x02", b"\x7fELF\x02" + b"\xff" * 200, b"text" * 100])
def test_what_is_no_image_has_no_pages(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "image").write_bytes(data)
    assert genuine.writable_pages(tmp_path / "image") == []
    os.mkfifo(tmp_path / "fifo")
    assert genuine.writable_pages(tmp_path / "fifo") == []
    with pytest.raises(BadImage):
        open_plain(tmp_path / "fifo")


# Sources that hold bytes


@pytest.mark.parametrize(("data", "words"), [
    (b"int a[] = {" + b"1, " * 300 + b"};", "an array of 300 numbers"),
    (b"char a[] = {" + b"0x7fu,\n" * 256 + b"};", "an array of 256 numbers"),
    (b"char a[] = {" + b"'x', " * 256 + b"};", "an array of 256 numbers"),
    (b'char a[] = "' + b"\\x7f\\0" * 200 + b'";', "400 bytes written as escapes"),
    (b'__asm__(".incbin \\"restart\\"");', "taken in as it is"),
    (b"#embed <restart>\n", "taken in as it is"),
    (b'char a[] = "' + b"TG9uZyB3b3Jkcw" * 100 + b'";', "a word of more than 1,000 letters"),
    ("/* é */".encode() * 600, "that are no ASCII"),
])
def test_sources_that_hold_bytes_are_named(data: bytes, words: str) -> None:
    assert any(words in kind for kind in blobs.kinds(data)), blobs.kinds(data)


def test_no_source_of_ours_holds_bytes() -> None:
    ours = [path for path in (TOP / "solution").rglob("*.[chS]") if "build" not in path.parts]
    ours += (GRADER / "kit/honest").rglob("*.[chS]")
    assert {path.name: blobs.kinds(path.read_bytes()) for path in ours if blobs.kinds(path.read_bytes())} == {}


@pytest.mark.parametrize("unit", [b"1,", b"a", b"'a' ,", b"1uuu ", b"\n.", b". ", b"b" * 999 + b" ", b"#\n", b"\\x"])
def test_no_source_makes_the_search_slow(unit: bytes) -> None:
    before = os.times().user
    blobs.kinds(unit * (100_000 // len(unit)))
    assert os.times().user - before < 3
