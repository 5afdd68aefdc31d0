"""60 points: the programs of another course, as a profile describes them (grader/classic/profiles).

Each test asks for one thing that such a homework promises, and says so alone. What a weak machine or sandbox
does not allow to test is "not tested": it costs nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from classic.case import AFTER, BEFORE, ClassicCase, Ways, check_alive, said
from classic.images import files_of, kept, put_back, size_of
from classic.watched import Way
from stage.case import steps
from stage.failure import Failure, check, check_equal
from stage.folders import remove
from stage.lab import Lab
from stage.oracle import EXIT, exit_status_of, expected_output
from stage.process import Life, exit_words, has_signal
from stage.scoring import NOT_TESTED, points

RESTARTS = 6  # of one image, with ASLR
LIVES = 3


@pytest.fixture(name="ways", scope="session")
def ways_fixture(lab: Lab) -> Ways:
    return Ways(lab)


@pytest.fixture(name="case")
def case_fixture(lab: Lab, ways: Ways, request: pytest.FixtureRequest) -> Generator[ClassicCase, None, None]:
    with lab.runner.student():  # to find the way, the submission is run
        case = ClassicCase.make(lab, request.node.name, ways.best())
    request.node.case = case
    yield case
    case.close()


def same_case(case: ClassicCase, way: Way) -> ClassicCase:
    """The test's case, which goes another way; the old one is forgotten."""
    again = ClassicCase.make(case.lab, case.name, way)
    case.__dict__.update(again.__dict__)
    return case


# The checkpoint


@points(2, step="")
def test_checkpoint(case: ClassicCase) -> None:
    """the signal makes an image"""
    case.saved("bare" + case.way.suffix, 12, 5)
    assert case.image is not None
    size = size_of(case.image)
    check(size > 4096, f"{case.image.name} has {size} bytes", "checkpoint: no image")


def outcome(case: ClassicCase, life: Life) -> str:
    """How a program went on that was saved: "goes on", "exits" or, in words, what else."""
    if case.ended is not None:
        return "exits" if case.ended >= 0 else exit_words(case.ended)
    case.open_gate(1)
    status = life.wait()
    lines = said(life)
    expected = expected_output(lines[0], [*BEFORE, "gate 01", *AFTER, EXIT])
    check_equal(lines, expected, "it went on, but wrong", "after: wrong output", *life.symptoms())
    check(status == exit_status_of(expected), f"it ended with {exit_words(status)}", "after: wrong status")
    return "goes on"


@points(3, step="", needs="test_checkpoint")
def test_after_the_checkpoint(case: ClassicCase) -> None:
    """after it the program goes on, or ends, as the profile says"""
    life = case.begin("counter" + case.way.suffix, 12, 5)
    case.checkpoint(life)
    wanted, got = case.lab.interface.after, outcome(case, life)
    good = got == wanted or wanted == "either" and got in ("goes on", "exits")
    check(good, f"after the checkpoint: {got}; must be: {wanted}", f"after: {got}", *life.symptoms())


# The restart


@points(5, step="", needs="test_checkpoint")
def test_counter(case: ClassicCase) -> None:
    """a counter that uses no libc while it counts"""
    case.counts()


@points(2, step="", needs="test_counter")
def test_pie(case: ClassicCase, ways: Ways) -> None:
    """a position-independent program"""
    same_case(case, ways.other(suffix="")).counts()


@points(3, step="", needs="test_counter")
def test_no_pie(case: ClassicCase, ways: Ways) -> None:
    """a program that is not position-independent"""
    same_case(case, ways.other(suffix="-no-pie")).counts()


@points(3, step="", needs="test_counter")
def test_aslr_off(case: ClassicCase, ways: Ways) -> None:
    """ASLR off: restart gets the same addresses as the program had"""
    if not ways.fixed_possible():
        pytest.skip(f"{NOT_TESTED}ASLR cannot be switched off here (setarch -R)")
    same_case(case, ways.other(aslr=False)).counts()


@points(3, step="", needs="test_counter")
def test_aslr_on(case: ClassicCase, ways: Ways) -> None:
    """ASLR on: one image restarted six times, at whatever addresses the kernel chooses"""
    if not ways.random_possible():
        pytest.skip(f"{NOT_TESTED}ASLR is off on this machine")
    same_case(case, ways.other(aslr=True))
    first = case.saved("bare" + case.way.suffix, 12, 5)
    expected = expected_output(said(first)[0], [*BEFORE, "gate 01", *AFTER, EXIT])
    bad: list[Failure] = []
    assert case.image is not None
    files = kept(case.image)  # a program that writes it again is another test's matter
    for _ in range(RESTARTS):
        put_back(files)
        case.close_gates()
        second = case.restart_held()
        case.open_gate(1)
        try:
            case.check_tail(first, second, expected, 7)
        except Failure as failure:
            bad.append(failure)
    if bad:
        words = f"{RESTARTS - len(bad)}/{RESTARTS} (depends on addresses): {bad[0].message}"
        some = ["several: some fail"] if len(bad) < RESTARTS else []
        raise Failure(words, *some, *bad[0].symptoms, expected=bad[0].expected, got=bad[0].got)


@points(3, step="", needs="test_counter")
def test_exit_status(case: ClassicCase) -> None:
    """the restarted program ends with its own exit status"""
    life = case.counts()
    wanted = case.expected_status(life)
    words = f"{exit_words(life.status)}, must be exit status {wanted}"
    check(life.status == wanted, words, f"exit: {exit_words(life.status)}", *life.symptoms())


@points(1, step="", needs="test_counter")
def test_only_once(case: ClassicCase) -> None:
    """the restarted program does not write its image again"""
    first = case.saved("bare" + case.way.suffix, 12, 5)
    before = case.images()
    expected = expected_output(said(first)[0], [*BEFORE, "gate 01", *AFTER, EXIT])
    second = case.restart_held()
    case.open_gate(1)
    case.check_tail(first, second, expected, 7)
    check(case.images() == before, "the restarted program wrote its image again", "restart: second checkpoint")


# What is in the memory and in the registers


@points(3, step="", needs="test_counter")
def test_memory(case: ClassicCase) -> None:
    """the content of data, heap, mappings and a deep stack"""
    kinds = ("stack", "data", "zeroed", "heap", "mapped", "fixed")
    case.comes_back("memory" + case.way.suffix, after=[f"{kind} {1 << 17}" for kind in kinds])


@points(2, step="", needs="test_counter")
def test_guard(case: ClassicCase) -> None:
    """a page that nobody may read (a guard page)"""
    case.comes_back("fence" + case.way.suffix, after=["both sides are there"])


@points(3, step="", needs="test_counter")
def test_many_regions(case: ClassicCase) -> None:
    """180 regions"""
    case.comes_back("bare-regions" + case.way.suffix, 180, after=["regions 180"])


@points(3, step="", needs="test_counter")
def test_libc(case: ClassicCase) -> None:
    """libc and a thread-local variable while it counts, and exit()"""
    check_alive(case.counts("counter"))


@points(3, step="", needs="test_counter")
def test_tls(case: ClassicCase) -> None:
    """thread-local variables and errno"""
    case.comes_back("tls" + case.way.suffix, after=["words 1", "text Initial value", "errno 1234", "self 1"])


@points(2, step="", needs="test_counter")
def test_canary(case: ClassicCase) -> None:
    """stack protectors in each function"""
    case.counts("bare-canary")


@points(2, step="", needs="test_counter")
def test_float(case: ClassicCase) -> None:
    """floating point output: printf("%.2f")"""
    after = ["two thirds 0.67", "big 1000000000000000.25", "product 666.667"]
    case.comes_back("float" + case.way.suffix, after=after)


@points(3, step="", needs="test_counter")
def test_clock(case: ClassicCase) -> None:
    """clock_gettime() and time(): the vdso"""
    case.counts("bare-clock")


@points(2, step="", needs="test_libc")
def test_registers(case: ClassicCase) -> None:
    """general and vector registers"""
    case.comes_back("registers" + case.way.suffix, after=["general 10 of 10", "vector 16 of 16"])


@points(2, step="", needs="test_libc")
def test_sleep(case: ClassicCase) -> None:
    """the signal comes in usleep() (EINTR), and it sleeps again after the restart"""
    case.comes_back("sleeper" + case.way.suffix, after=["slept"])


# Files and folders


def deep_place(folder: Path, length: int) -> Path:
    """A path in the folder with so many characters."""
    place = folder
    while len(str(place)) < length - 210:
        place = place / ("d" * 200)
    place = place / ("d" * max(1, length - len(str(place)) - 9))
    place.mkdir(parents=True)
    return place / "program"


@points(2, step="", needs="test_counter")
def test_long_path(case: ClassicCase) -> None:
    """a program whose path has 150 characters, or somewhat more"""
    case.counts(place=deep_place(case.folder, 150))


@points(1, step="", needs="test_long_path")
def test_very_long_path(case: ClassicCase) -> None:
    """a path of 1,000 characters"""
    case.counts(place=deep_place(case.folder, 1000))


def make_older_image(case: ClassicCase) -> tuple[Path, int]:
    """An image of another process is there, and it is longer than the next one will be."""
    case.saved("bare" + case.way.suffix, 12, 5)
    older = case.image
    assert older is not None
    put_back({path: data + data[: 1 << 20] for path, data in kept(older).items()})
    return older, size_of(older)


@points(3, step="", needs="test_counter")
def test_stale_image(case: ClassicCase) -> None:
    """an older, longer image in the directory is replaced"""
    older, size = make_older_image(case)
    first = case.saved("bare" + case.way.suffix, 12, 5)
    expected = expected_output(said(first)[0], [*BEFORE, "gate 01", *AFTER, EXIT])
    assert case.image is not None
    now = size_of(case.image)
    if case.image == older and older.is_file():  # files of a folder may have other names each time
        check(now <= size, f"it has grown from {size} to {now} bytes", "image: written behind the old one")
        check(now != size, f"it still has the old one's {size} bytes", "image: the old one's end is still there")
    second = case.restart_held()
    case.open_gate(1)
    case.check_tail(first, second, expected, 7)


@points(1, step="", needs="test_counter")
def test_elsewhere(case: ClassicCase) -> None:
    """the image is moved to another directory and restarted there"""
    first = case.saved("bare" + case.way.suffix, 12, 5)
    expected = expected_output(said(first)[0], [*BEFORE, "gate 01", *AFTER, EXIT])
    assert case.image is not None
    other = ClassicCase.make(case.lab, f"{case.name}-elsewhere", case.way)
    other.gate_stack, other.maps_before = case.gate_stack, case.maps_before
    other.beside = [case.folder, case.kept / "gates"]
    other.image = case.image.rename(other.folder / case.image.name)
    try:
        second = other.restart_held()
        case.lives.append(second)
        case.open_gate(1)
        case.check_tail(first, second, expected, 7)
    finally:
        other.close()


# Again


def all_texts(gates: Sequence[int], last: int) -> list[str]:
    texts: list[str] = []
    for i in range(1, last + 1):
        texts += steps(i, i) + ([f"gate {gates.index(i) + 1:02d}"] if i in gates else [])
    return [*texts, EXIT]


def next_life(case: ClassicCase, life: Life, number: int, expected: Sequence[str]) -> Life:
    """Checkpoint, kill, and restart the life that is at this gate."""
    life.wait_for_line(f"gate {number:02d}")
    start = 0 if number == 1 else 4 * number - 3
    lines = list(expected[start : 4 * number + 1])
    message = f"life {number} printed something else"
    check_equal(said(life, lines), lines, message, "again: output", *life.symptoms())
    caught = has_signal(case.target(life), "SigCgt", case.lab.interface.signal)
    check(caught, f"life {number} has no handler", "again: no handler", *life.symptoms())
    case.checkpoint(life)
    life.kill()
    second = case.restart_held()
    for image in case.images():  # an older image is another test's matter
        remove(image)
    case.open_gate(number)
    return second


@points(3, step="", needs="test_only_once")
def test_again(case: ClassicCase) -> None:
    """a checkpoint of the restarted program, and of that one's"""
    gates = [3 * i for i in range(1, LIVES + 1)]
    life = case.begin("bare" + case.way.suffix, gates[-1] + 3, *gates)
    expected = expected_output(said(life)[0], all_texts(gates, gates[-1] + 3))
    for number in range(1, LIVES + 1):
        life = next_life(case, life, number, expected)
    case.check_tail(life, life, expected, 4 * LIVES + 1)
