"""Points are for work: what prints the lines of a restarted program, and was not restarted, has none (stage/genuine.py).

The sources of kit/hostile/stage3 take restart.c's place in a stage's skeleton; others are put behind a source of the
solution. That a reason says what is wrong with the process shows that its lines were right: it is asked for when a test
would pass.
"""
from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from batch import blobs
from reports import results
from reports.feedback import feedback
from reports.results import SubmissionResult
from sandbox import ends
from sandbox.identity import Identity
from sandbox.spec import BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, OWN_UID
from stage import genuine
from stage.config import GRADER, TOP, load_interface
from stage.failure import Failure
from stage.image import BadImage, open_plain
from stage.lab import make_reference
from stage.looks import Looks
from stage.process import wait_until
from stage.runner import Runner
from test_tiers import kit_for

pytestmark = pytest.mark.xdist_group("hostile")

HOSTILE = GRADER / "kit/hostile"
STAGES = {"3": "stage3-restart", "5": "stage5-coredump"}
TESTS = {"3": ["test_bare", "test_lazy", "test_stop"], "5": ["test_counter", "test_options"],
         "6": ["test_exit_status", "test_signals", "test_files_are_homes"]}
TRACED = ("is traced", "not-restarted")  # where who poked the nonces in is not gone yet
TOLD = {"anew": [("executes", "not-restarted")], "borrowed": [("executes", "not-restarted")],
        "loaded": [("writable pages", "other-memory"), TRACED], "hides": [("nobody look at it", "hides"), TRACED]}
WAITS = {"test_options"}  # what they cannot do: -w


def whole(source: Path) -> str:
    """With the hostile files that it takes in."""
    return re.sub(r'#include "(\w+\.c)"', lambda m: whole(HOSTILE / "stage3" / m[1]), source.read_text())


def lay_out(name: str, number: str, tree: Path) -> None:
    """A submission that has the stage's restart.c alone, or all of it."""
    if name == "honest":
        for folder in (TOP / "solution").glob("stage[1-6]-*"):
            shutil.copytree(folder, tree / folder.name, ignore=shutil.ignore_patterns("build", "restart", "*.so"))
        return
    code = whole(HOSTILE / f"stage3/{name}.c")
    if name == "borrowed":
        folder = TOP / "solution" / STAGES[number]
        make_reference(load_interface(), folder)
        data = (folder / "restart").read_bytes()
        code = code.replace("{ BORROWED }", "{\n" + "\n".join(", ".join(map(str, data[at : at + 24])) + ","
                                                              for at in range(0, len(data), 24)) + "\n}")
    (tree / STAGES[number]).mkdir(parents=True)
    (tree / STAGES[number] / "restart.c").write_text(code)


def grade(folder: Path, tier: str, top: Path, number: str, tests: Sequence[str] = ()) -> dict[str, SubmissionResult]:
    only = [word for test in tests or TESTS[number] for word in ("--only", test)]
    command = [top / "grader/grade", folder / "class", "-o", folder / "out", "--stage", number, *only, "--no-reference",
               "--where", "0", "--sandbox", tier]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "PYTEST"))}
    done = subprocess.run(list(map(str, command)), env=env, capture_output=True, text=True, timeout=1800, check=False)
    found = {result.name: result for result in results.load_all(folder / "out/results")}
    assert found, done.stdout + done.stderr
    return found


def kit_of(tier: str, folder: Path) -> Path:
    if tier != BUBBLEWRAP and os.geteuid() != 0:
        pytest.skip(f"{tier}: only root has this tier")
    return kit_for(tier, folder / "kit")


SUBMISSIONS = [(number, name) for number in STAGES for name in ("honest", "anew", "loaded", "hides", "borrowed")
               if (number, name) != ("5", "borrowed")] + [("6", "honest")]


@pytest.mark.sample
@pytest.mark.parametrize("tier", [BUBBLEWRAP, pytest.param(BUBBLEWRAP_BY_ROOT, marks=pytest.mark.stress),
                                  pytest.param(OWN_UID, marks=pytest.mark.stress)])
@pytest.mark.parametrize("number, name", SUBMISSIONS)
def test_points_are_for_a_restart(tmp_path: Path, number: str, name: str, tier: str) -> None:
    top = kit_of(tier, tmp_path)
    lay_out(name, number, tmp_path / "class" / name)
    [result] = grade(tmp_path, tier, top, number).values()
    tests = {test.test: test for _, test in result.tests() if test.outcome != "environment"}
    told = {test.test: (test.outcome, test.reason, test.cause, test.symptoms) for test in tests.values()}
    if name == "honest":
        assert tests and {test.outcome for test in tests.values()} <= {"passed"}, told
        return
    assert result.points == 0, told
    for test in TESTS[number]:
        if test in tests and test not in WAITS:
            assert any(words in tests[test].reason and cause == tests[test].cause for words, cause in TOLD[name]), (test, told)
    assert {test.cause for test in tests.values()} & {cause for _, cause in TOLD[name][:1]}, told
    assert any("an array of" in words for words in result.suspects) == (name == "borrowed")
    assert not feedback(result).result.suspects


def solution_with(number: str, source: str, name: str, tree: Path) -> None:
    """The solution, with a hostile file behind one of its sources."""
    lay_out("honest", number, tree)
    code = whole(HOSTILE / f"stage{number}/{name}.c")
    [path] = tree.glob(f"stage{number}-*/{source}")
    begin = "#define _GNU_SOURCE\n" + path.read_text()
    path.write_text(begin + code)


@pytest.mark.sample
@pytest.mark.parametrize("test, name", [("test_exit_status", "at-home"), ("test_files_are_homes", "at-home"),
                                        ("test_exit_status", "beside"), ("test_files_are_homes", "beside")])
def test_a_job_that_stays_at_home_has_no_points(tmp_path: Path, test: str, name: str) -> None:
    """All others of stage 6 wait for these two, or for those that do."""
    solution_with("6", "shadow.c", name, tmp_path / "class" / name)
    [result] = grade(tmp_path, BUBBLEWRAP, TOP, "6", [test]).values()
    [told] = [one for _, one in result.tests()]
    assert (told.points, told.cause) == (0, "at-home"), (told.outcome, told.reason, told.symptoms)
    assert "home" in told.reason


@dataclass(frozen=True)
class Way:
    """Around a restart: a hostile file behind one of a stage's sources, a test, and the cause or a symptom that this test tells."""

    number: str
    source: str
    name: str
    test: str
    told: str


WAYS = [
    Way("2", "libckpt.c", "hides-before", "test_restart", "hides"),
    Way("3", "restart.c", "ends-tracer", "test_short_reads", "restart: signal SIGKILL"),  # who traces a restart ends with it
    Way("4", "restart.c", "on-terminal", "test_on_a_terminal", "genuine: another program"),
    Way("5", "restart.c", "endless-ends", "test_any_instruction", "end-of-file"),  # its time is limited, though its ends are not
]


@pytest.mark.skipif(not ends.can_be_held(), reason="this kernel holds no end of a program")
@pytest.mark.sample
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_ways_around_a_restart_have_no_points(tmp_path: Path, way: Way) -> None:
    solution_with(way.number, way.source, way.name, tmp_path / "class" / way.name)
    [result] = grade(tmp_path, BUBBLEWRAP, TOP, way.number, [way.test]).values()
    [told] = [one for _, one in result.tests()]
    assert told.points == 0 and way.told in [told.cause, *told.symptoms], (told.outcome, told.reason, told.symptoms)


@pytest.mark.skipif(not ends.can_be_held(), reason="this kernel holds no end of a program")
@pytest.mark.parametrize("tier", [BUBBLEWRAP, pytest.param(BUBBLEWRAP_BY_ROOT, marks=pytest.mark.stress),
                                  pytest.param(OWN_UID, marks=pytest.mark.stress)])
def test_what_waits_at_no_gate_is_looked_at_its_end(tmp_path: Path, tier: str) -> None:
    top = kit_of(tier, tmp_path)
    solution_with("5", "restart.c", "no-gate", tmp_path / "class/no-gate")
    lay_out("honest", "5", tmp_path / "class/honest")
    tests = ["test_counter", "test_any_instruction", "test_linklist", "test_fprintf"]
    found = grade(tmp_path, tier, top, "5", tests)
    honest, hostile = ({test.test: test for _, test in found[name].tests()} for name in ("honest", "no-gate"))
    assert {test.outcome for test in honest.values()} <= {"passed", "environment"}, honest
    assert hostile["test_counter"].outcome == "passed", "it restarts what waits at a gate"
    for test, words in (("test_any_instruction", "executes"), ("test_linklist", "writable pages")):
        assert hostile[test].points == 0 and words in hostile[test].reason, (tier, hostile[test])


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
            own = genuine.Restarter(executes, None, False)
            assert genuine.doubt(holder.pid, own, right, 0) is None
            told = genuine.doubt(holder.pid, own, wrong, 0)
            assert told is not None and told.symptoms == ["genuine: other memory"]
            told = genuine.doubt(holder.pid, replace(own, restart=Path("/bin/sh")), right, 0)
            assert told is not None and told.symptoms == ["genuine: another program"]
        finally:
            holder.stdin.close()


HIDER = """
import ctypes, sys, threading
libc, go = ctypes.CDLL(None), threading.Event()
def now_and_then():
    while not go.is_set():
        libc.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
        libc.prctl(4, int(sys.argv[1]), 0, 0, 0)
thread = threading.Thread(target=now_and_then)
thread.start()
print("", flush=True)
sys.stdin.read()
go.set()
"""
USER = 61999  # nobody's


@pytest.mark.skipif(os.geteuid() != 0, reason="who hides from its own user may not be looked at as that user, and root may")
@pytest.mark.parametrize("dumpable", [0, 1])
def test_who_hides_now_and_then_is_seen(dumpable: int) -> None:
    with subprocess.Popen([sys.executable, "-c", HIDER, str(dumpable)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          user=USER, group=USER) as hider:
        assert hider.stdout and hider.stdin
        hider.stdout.readline()
        own, pages = genuine.Restarter(Path(sys.executable).resolve(), None, False), [genuine.Pages(0x10000, b"x" * 4096)]
        with Identity(USER).student():
            told = {(genuine.doubt(hider.pid, own, pages, 0) or Failure("")).message.split()[0] for _ in range(300)}
        hider.stdin.close()
    assert told <= {"the", "only"}, told
    assert "the" in told, "it was never found out"


def test_what_hid_before_it_began_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox's process hides until it becomes the program, perhaps between two questions."""
    looked: list[int] = []

    def is_at_gate(pid: int, *_: object) -> bool:
        looked.append(pid)
        if len(looked) == 1:
            raise genuine.Hides
        return True

    monkeypatch.setattr(genuine, "is_keeper_yet", lambda pid: not looked)
    monkeypatch.setattr(genuine, "is_at_gate", is_at_gate)
    life = SimpleNamespace(pid=os.getpid(), status=None)
    look = SimpleNamespace(pid=lambda life: life.pid, program=None, saved=SimpleNamespace(regions=[]), pages=[], doubt=lambda life, pages: None)
    Looks(Runner(), Path())._wait_and_look(life, look)  # type: ignore[arg-type]
    assert len(looked) == 2


def test_who_ends_does_not_hide() -> None:
    """From the moment on at which it has no memory any more its files are root's."""
    for _ in range(100):
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE, **({"user": USER, "group": USER} if os.geteuid() == 0 else {})) as ends_soon:
            assert ends_soon.stdin
            wait_until(lambda: not genuine.is_keeper_yet(ends_soon.pid) and not genuine.hides(ends_soon.pid), 30)
            ends_soon.stdin.close()
            while os.waitid(os.P_PID, ends_soon.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
                assert not genuine.hides(ends_soon.pid)
            assert not genuine.hides(ends_soon.pid)


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
