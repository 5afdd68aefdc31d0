"""Stage 4, shared memory: what shows the same bytes before a checkpoint does so after the restart."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

from stage import maps
from stage.case import Case
from stage.failure import check, check_equal
from stage.lab import REFERENCE, STUDENT
from stage.oracle import EXIT, expected_output
from stage.process import Life, wait_until
from stage.scoring import points

PAGE = maps.PAGE


def sum_of(pages: int) -> int:
    """As sharedmap computes it, of what it has put there."""
    total = 0
    for at in range(pages * PAGE):
        total = (total * 31 + (ord("a") if at == 7 else (at * 7 + at // PAGE) & 0xFF)) & (1 << 64) - 1
    return total


TWICE = [f"98 98 sum {sum_of(3)}", "shifted z z"]  # what sharedmap prints of three pages, uninterrupted
MAPPED = "of which pages are mapped, was changed since"


def twice(kind: str, *more: str) -> list[str]:
    return [f"{kind} {TWICE[0]}", TWICE[1], *more]


def shared_maps(pid: int) -> list[str]:
    """Start, protections, offset and name of each shared region; inode numbers of nameless memory are new."""
    try:
        regions = maps.joined(maps.read_maps(pid))
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [f"{r.start:x}-{r.end:x} {r.perms} {r.offset:x} {r.name}" for r in regions if r.perms.endswith("s")]


def again(case: Case, kind: str, *files: Path, after: Sequence[str]) -> tuple[Life, Life]:
    """Checkpoint, restart, the same shared regions; then a second checkpoint, and a restart of that one."""
    case.close_gates()
    first = case.start_at_gate("sharedmap", kind, *files, ckpt=REFERENCE)
    image = case.checkpoint(first)
    expected = shared_maps(first.pid)
    first.kill()
    second = case.restart(image)
    wait_until(lambda: has_come(case, second, expected), of=second.pid)
    check_equal(shared_maps(second.pid), expected, "the shared memory is not what it was", *second.symptoms())
    third = case.restart(case.checkpoint(second))
    second.kill()
    wait_until(lambda: has_come(case, third, expected), of=third.pid)
    check_equal(shared_maps(third.pid), expected, "after the second restart, shared memory differs", *third.symptoms())
    case.open_gate(1)
    texts = ["gate 01", *after, EXIT]
    case.check_rest(first, third, expected_output(first.lines()[0], texts), 2)
    case.check_status(third, third.wait(), None)
    return first, third


def has_come(case: Case, life: Life, expected: Sequence[str]) -> bool:
    return life.status is not None or (shared_maps(life.pid) == expected and case.handler_is_done(life))


@points(1, step="4.5", needs="test_reading_goes_on")
def test_shared_anonymous(case: Case) -> None:
    """shared memory without a file: seen at several places, in part without access; your own ckpt saves it"""
    after = [f"anonymous 98 98 sum {sum_of(4)}", "tail xx y alone", "hidden 1"]
    again(case, "anonymous", after=after)
    case.close_gates()
    case.survives("sharedmap", "anonymous", after=after, ckpt=STUDENT, restart=REFERENCE)


@points(1, step="4.5", needs="test_reading_goes_on")
def test_shared_memfd(case: Case) -> None:
    """memfd memory that is mapped twice, with its descriptor open and closed"""
    again(case, "memfd-closed", after=twice("memfd-closed"))
    again(case, "memfd", after=twice("memfd", "descriptor z"))


@points(1, step="4.5", needs="test_reading_goes_on")
def test_shared_nameless(case: Case) -> None:
    """POSIX shared memory; and a file that was deleted while it is mapped, without a descriptor"""
    memory = Path("/dev/shm") / f"ckptlab-{uuid.uuid4()}"
    try:
        again(case, "file", memory, after=twice("file", "descriptor z"))
    finally:
        memory.unlink(missing_ok=True)
    again(case, "deleted", case.folder / "gone", after=twice("deleted"))
    check(not (case.folder / "gone").exists(), "the deleted file has a name again")


def rest(case: Case, first: Life, second: Life, *texts: str) -> None:
    case.check_rest(first, second, expected_output(first.lines()[0], ["gate 01", *texts, EXIT]), 2)


@points(1, step="4.5", needs="test_reading_goes_on")
def test_shared_file(case: Case) -> None:
    """a file that is mapped to be written: memory and file are what they were at the checkpoint"""
    file = case.folder / "mapped"
    first = case.save("sharedmap", "file", file, ckpt=REFERENCE)
    assert case.image is not None
    expected = bytearray(file.read_bytes())
    file.write_bytes(b"?" * len(expected))
    second = case.restart(case.image)
    rest(case, first, second, *twice("file", "descriptor z"))
    check(MAPPED in second.messages(), "restart does not say that the file was changed", *second.symptoms())
    expected[7], expected[PAGE + 5] = ord("b"), ord("z")
    check(file.read_bytes() == bytes(expected), "the file is not what the program wrote into its memory")


@points(1, step="4.5", needs="test_reading_goes_on")
def test_shared_two_files(case: Case) -> None:
    """two files, one of which was cut off since, and is mapped beyond its end; it grows later"""
    one, two = case.folder / "one", case.folder / "two"
    first = case.save("sharedmap", "two-files", one, two, ckpt=REFERENCE)
    assert case.image is not None
    two.write_bytes(b"")
    second = case.restart(case.image)
    rest(case, first, second, f"first {TWICE[0]}", "second 2 2 0", "grown g")
    check(two.stat().st_size == 8 * PAGE, "the second file has not the length that the program gave it")


@points(1, step="4.5", needs="test_reading_goes_on")
def test_shared_moved(case: Case) -> None:
    """a mapped file that went is refused; one that moved is found by an edited line; System V memory is refused"""
    old, new = case.folder / "old", case.folder / "new"
    first = case.save("sharedmap", "file", old, ckpt=REFERENCE)
    assert case.image is not None
    text = case.output_of([case.lab.bin(REFERENCE) / "readckpt", "--files", case.image])
    old.rename(new)
    (case.folder / "table").write_text(text.replace(str(old), str(new)))
    refused = case.restart(case.image)
    check(refused.wait() == 66 and str(old) in refused.messages(), "no refusal that names it", *refused.symptoms())
    second = case.restart(case.image, STUDENT, f"-f{case.folder / 'table'}")
    rest(case, first, second, *twice("file", "descriptor z"))
    case.close_gates()
    case.refuses(case.start_at_gate("sharedmap", "system-v", ckpt=STUDENT), ["System V shared memory"])
