"""Stage 4: the Open File Table, regular files, terminals. Other kinds of state are in stage4_*_test.py.

What is noted is judged with the reference's readckpt and restart; what is brought back, with images that the
reference made. The program under test, programs/openfiles.c, does what its arguments say.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stage.case import Case
from stage.config import expand
from stage.failure import check, check_equal
from stage.image import CKPT_TYPES
from stage.lab import REFERENCE, STUDENT
from stage.oracle import EXIT, expected_output, text_of
from stage.process import Life, exit_words, open_numbers, wait_until
from stage.scoring import points

NUMBERS = "0123456789abcdefghij"
OPEN_FILE = 1  # open_files.h


@dataclass(frozen=True)
class Descriptor:
    """What the kernel shows of one, from outside."""

    file: tuple[int, int]  # device and inode
    offset: int
    flags: int  # O_ bits, O_CLOEXEC too


def descriptors(life: Life) -> dict[int, Descriptor]:
    """The open files of a running program, but for 0, 1 and 2."""
    folder, found = Path(f"/proc/{life.pid}"), {}
    for number in sorted(int(name) for name in os.listdir(folder / "fd")):
        status = (folder / "fd" / str(number)).stat()
        lines = (folder / "fdinfo" / str(number)).read_text().splitlines()
        info = dict(line.split(":", 1) for line in lines if ":" in line)
        found[number] = Descriptor((status.st_dev, status.st_ino), int(info["pos"]), int(info["flags"], 8))
    return {number: descriptor for number, descriptor in found.items() if number > 2}


def numbers(case: Case, name: str = "numbers") -> Path:
    """A file with known content."""
    path = case.folder / name
    path.write_text(NUMBERS)
    return path


def saved(case: Case, *commands: object, ckpt: str = STUDENT, env: dict[str, str] | None = None) -> Life:
    """A program that did some commands, checkpointed at gate 1; it lives."""
    life = case.start_at_gate("openfiles", *commands, ckpt=ckpt, env=env)
    before = open_numbers(life.pid)
    case.checkpoint(life)
    after = open_numbers(life.pid)
    check(after == before, f"descriptors {before} are now {after}", "ckpt: descriptors")
    return life


def whole_text(case: Case, who: str = REFERENCE) -> list[str]:
    """What `readckpt --files` says of the image."""
    words = expand(case.lab.interface.readckpt, bin=case.lab.bin(who))
    life = case.run("readckpt", [*words, "--files", str(case.image)])
    status = life.wait()
    check(status == 0, f"readckpt --files: {exit_words(status)}", "files: not shown", *life.symptoms())
    return life.lines()


def files_text(case: Case, who: str = REFERENCE) -> list[str]:
    """The same, but for 0, 1 and 2, with the paths as seen from the case's folder."""
    return without_standard(line.replace(f"{case.folder}/", "") for line in whole_text(case, who))


def without_standard(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if int(line.lstrip("# ").split(" ")[0]) > 2]


def comes_back(case: Case, *commands: object, after: Sequence[str], before: Sequence[str] = (), who: str = "restart",
               options: Sequence[str] = ()) -> Life:
    """The commands, in which there is a gate 1, with a restart there; `who` is the student's program of the two."""
    ckpt, restart = (REFERENCE, STUDENT) if who == "restart" else (STUDENT, REFERENCE)
    return case.survives("openfiles", *commands, before=before, after=after, ckpt=ckpt, restart=restart, options=options)


def check_text(path: Path, expected: str, what: str) -> None:
    check_equal(path.read_text().splitlines(), expected.splitlines(), f"{path.name}: {what}", f"files: {what}")


# What is noted


@points(2, step="4.1")
def test_table(case: Case) -> None:
    """each open file is noted: path, offset, flags, close-on-exec"""
    names = [numbers(case, name) for name in ("input", "log", "both")]
    life = saved(case, f"open 3 {names[0]} r", "read 3 4", f"open 5 {names[1]} wax", f"open 9 {names[2]} un", "seek 9 7",
                 "open 10 . d", "gate 1")
    expected = ["3 : input : 4 : read", "5 : log : 0 : write append cloexec",
                "9 : both : 7 : read-write nonblock", f"10 : {case.folder} : 0 : read"]
    got = [line.replace(" directory", "") for line in files_text(case)]
    nameless = any("(deleted" in line for line in got)  # all have names, and one is taken for a file without
    check_equal(got, expected, "the table is not what the kernel shows", "files: not known" if nameless else "files: table")
    check_equal(files_text(case, STUDENT), files_text(case), "your readckpt shows another table", "files: table")
    born = [line.lstrip("# ").split(" ")[0] for line in whole_text(case) if " pre-opened" in line]
    check_equal(born, ["0", "1", "2"], "what the program was born with", "files: pre-opened")
    case.open_gate(1)
    life.wait()
    case.close_gates()
    is_known(case, *names)


def is_known(case: Case, *paths: Path) -> None:
    """A restart that is strict finds the files as they were noted: of the same type, size and time, not another file.

    In a sandbox what is hidden from one program and not from the next is so by a namespace of its own.
    """
    for path in paths:
        os.utime(path, ns=(0, 1_600_000_000_123_456_789))
    first = saved(case, *(f"open {3 + i} {path} {how}" for i, (path, how) in enumerate(zip(paths, "rwu"))), "gate 1", "gate 2")
    before = [d.file for d in descriptors(first).values()]
    first.kill()
    case.open_gate(1)
    assert case.image is not None
    second = case.restart(case.image, REFERENCE, "--strict", "--accept", "namespaces")
    same = said(second, "gate 02") and [d.file for d in descriptors(second).values()] == before
    check(same, f"after the restart, files are others than before: {second.messages()}", "files: not known", *second.symptoms())
    second.kill()


def said(life: Life, word: str) -> bool:
    wait_until(lambda: word in life.text() or life.status is not None, of=life.pid)
    return word in life.text()


SHARED = ["open 3 {} r", "dup 3 4", "open 5 {} r", "dup 3 6", "dup 5 7"]


def check_owners(case: Case, *commands: str) -> None:
    path = numbers(case)
    saved(case, *commands, *(line.format(path) for line in SHARED), "gate 1")
    got = [line.split(" : ")[-1] for line in files_text(case)]
    check_equal(got, ["read", "dup-of=3", "read", "dup-of=3", "dup-of=5"], "who shares an offset", "files: owners")


@points(1, step="4.2", needs="test_table")
def test_owners(case: Case) -> None:
    """which descriptors share an offset: those made by dup(), not the same file opened twice"""
    check_owners(case)


@points(1, step="4.2", needs="test_owners")
def test_owners_without_kcmp(case: Case) -> None:
    """the same where kcmp() is forbidden, as in many containers"""
    check_owners(case, "no-kcmp")


@points(1, step="4.6", needs="test_owners")
def test_nameless_kept(case: Case) -> None:
    """a deleted file: its content travels, its offset too, whether open to read or to write; and one that never had a name"""
    path, other = case.folder / "gone", case.folder / "written"
    commands = [f"open 3 {path} ucl", "fill 3 2", "seek 3 5000000", "write 3 end", f"remove {path}", "sum 3", "seek 3 100"]
    commands += [f"open 4 {other} wc", "write 4 hello", f"remove {other}", "open 12 /dev/shm um", "write 12 more"]
    commands += ["gate 1", "sum 3", "pos 3", "pos 4", "seek 12 1", "read 12 9"]
    life = saved(case, *commands)
    case.open_gate(1)
    life.wait()
    first, texts = life.lines(), [text_of(line) for line in life.lines()[1:]]
    check(texts[2:] == [texts[0], "pos 3 100", "pos 4 6", "read 12 ore/", texts[-1]], "the original's output", "original: wrong output")
    assert case.image is not None
    suffixes = [line for line in files_text(case) if "(deleted)" in line.split(" : ")[1]]
    check(not suffixes, f"' (deleted)' is no part of the name: {suffixes[:1]}", "files: suffix")
    check(case.image.stat().st_blocks * 512 < 32 << 20, "the image is too large", "files: nameless")
    second = case.restart(case.image, REFERENCE)
    second.wait()
    check_equal(second.lines(), first[3:], "the content of a deleted file", "files: nameless", *second.symptoms())
    left = [p.name for p in (path, other) if p.exists()]
    check(not left, f"a file that was deleted has a name again: {left}", "files: nameless")


@points(1, step="4.6", needs="test_nameless_kept")
def test_replaced_kept(case: Case) -> None:
    """another file was renamed over it: the program keeps the old one, and needs no descriptor 0 for that"""
    path, new = numbers(case), numbers(case, "new")
    new.write_text("another file")
    numbers(case, "numbers (deleted)").write_text("so the kernel calls the old one")
    comes_back(case, f"open 3 {path} r", "read 3 5", f"rename {new} {path}", "close 0", "gate 1", "read 3 5",
               before=["read 3 01234"], after=["read 3 56789"], who="ckpt")
    check_text(path, "another file", "the new file was touched")


@points(1, step="4.6", needs="test_nameless_kept")
def test_nameless_too_large(case: Case) -> None:
    """a deleted file with more content than an image takes: no checkpoint, a message, the program goes on"""
    path = case.folder / "gone"
    life = case.start_at_gate("openfiles", f"open 3 {path} uc", "fill 3 40", f"remove {path}", "gate 1", "pos 3")
    case.refuses(life, ["descriptor 3", "gone"])
    case.open_gate(1)
    case.check_whole(life, ["gate 01", f"pos 3 {40 << 20}", EXIT])


@points(1, step="4.1", needs="test_table")
def test_table_as_text(case: Case) -> None:
    """CKPT_FDFILE=NAME: the table as text, at the checkpoint"""
    path, text = numbers(case), case.folder / "filedescriptors"
    saved(case, f"open 3 {path} r", "read 3 4", "dup 3 4", "gate 1", env={"CKPT_FDFILE": str(text)})
    check(text.exists(), "no text came", "files: text")
    check_equal(text.read_text().splitlines(), whole_text(case), "the text is not what readckpt --files says", "files: text")


# What is brought back


@points(2, step="4.5", needs="test_table")
def test_reading_goes_on(case: Case) -> None:
    """a file that the program reads, at its offset"""
    path = numbers(case)
    comes_back(case, f"open 3 {path} r", "read 3 5", "gate 1", "read 3 5", "pos 3", before=["read 3 01234"],
               after=["read 3 56789", "pos 3 10"])


@points(1, step="4.4", needs="test_reading_goes_on")
def test_writing_goes_on(case: Case) -> None:
    """files that it writes, appends to, reads and writes: all lines are there, once"""
    paths = [case.folder / name for name in ("written", "appended", "both")]
    opened = [f"open {number} {path} {how}" for number, path, how in zip((3, 4, 5), paths, ("wct", "wca", "uct"))]
    first, second = ([f"write {number} {word}" for number in (3, 4, 5)] for word in ("one", "two"))
    comes_back(case, *opened, *first, "gate 1", *second, "seek 5 0", "read 5 8", after=["read 5 one/two/"])
    for path in paths:
        check_text(path, "one\ntwo\n", "what was written is not all there")
    orders_are_left_out(case)


def orders_are_left_out(case: Case) -> None:
    """O_CREAT, O_EXCL and O_TRUNC, in an image that has them among its flags."""
    case.close_gates()
    path, image, expected = saved_file(case, "u", "read 3 4")
    data, entry = bytearray(image.read_bytes()), struct.pack("<3I", 3, 3, OPEN_FILE)
    checksum = data.index(struct.pack("<I8s", CKPT_TYPES, b"CKPT")) + 12 + 16
    data[checksum : checksum + 8] = bytes(8)  # it is not looked at then
    at = data.index(entry) + len(entry)
    for order in (os.O_CREAT | os.O_EXCL, os.O_TRUNC):
        other, flags = case.folder / "orders", struct.unpack_from("<I", data, at)[0] | order
        other.write_bytes(data[:at] + struct.pack("<I", flags) + data[at + 4 :])
        check_goes_on(case, other, expected, "")
        check_text(path, NUMBERS, "what was there is gone")


@points(0.5, step="4.4", needs="test_writing_goes_on")
def test_stdio_lines(case: Case) -> None:
    """lines in stdio's buffer come into their file once"""
    path = case.folder / "output"
    comes_back(case, f"put {path} one.", "gate 1", f"put {path} two.", "flush", after=[])
    check_text(path, "one.two.", "what was written is not all there")


@points(1, step="4.5", needs="test_reading_goes_on")
def test_flags_kept(case: Case) -> None:
    """flags, offsets and close-on-exec, as /proc/PID/fdinfo shows them"""
    path = numbers(case)
    commands = [f"open 3 {path} rx", f"open 4 {path} ua", f"open 5 {path} wn", "dup 3 6", "seek 5 9", f"open 8 {path} ux"]
    same_table(case, *commands)


def same_table(case: Case, *commands: str) -> None:
    """The kernel shows the same descriptors after the restart."""
    first = saved(case, *commands, "gate 1", "gate 2", ckpt=REFERENCE)
    before = descriptors(first)
    first.kill()
    case.open_gate(1)
    assert case.image is not None
    second = case.restart(case.image)
    second.wait_for_line("gate 02")
    after = descriptors(second)
    lost = [f"files: lost {number}" for number in before if number not in after]
    extra = [f"files: extra {number}" for number in after if number not in before]
    other = ["files: flags"] if not lost and not extra else []
    shown = [[f"{number} {d}" for number, d in sorted(table.items())] for table in (after, before)]
    check_equal(shown[0], shown[1], "the descriptors are not what they were", *lost, *extra, *other)


@points(2, step="4.5", needs="test_reading_goes_on")
def test_offset_shared(case: Case) -> None:
    """duplicates share their offset, two open()s of one file do not"""
    path = numbers(case)
    comes_back(case, f"open 3 {path} r", "dup 3 4", f"open 5 {path} r", "dup 5 8", "read 3 4", "seek 5 10", "gate 1",
               "read 4 4", "pos 3", "read 8 2", "pos 5", before=["read 3 0123"],
               after=["read 4 4567", "pos 3 8", "read 8 ab", "pos 5 12"])


@points(1, step="4.5", needs="test_reading_goes_on")
def test_many_descriptors(case: Case) -> None:
    """300 descriptors, and one of number 500"""
    path = numbers(case)
    same_table(case, f"many 3 302 {path}", f"open 500 {path} r", "seek 302 7", "seek 500 9")


@points(1, step="4.5", needs="test_flags_kept")
def test_no_others(case: Case) -> None:
    """what restart was started with, and the program had not, is closed"""
    path = numbers(case)
    first = saved(case, f"open 3 {path} r", f"open 20 {path} r", "gate 1", "gate 2", ckpt=REFERENCE)
    before = sorted(descriptors(first))
    first.kill()
    case.open_gate(1)
    case.through = ["/bin/sh", "-c", f'exec "$@" 5<"{path}" 9<"{path}"', "sh"]
    assert case.image is not None
    second = case.restart(case.image)
    second.wait_for_line("gate 02")
    extra = [f"files: extra {number}" for number in descriptors(second) if number not in before]
    check_equal(sorted(descriptors(second)), before, "other descriptors are open", *extra)


# 0, 1 and 2


@points(1, step="4.3", needs="test_reading_goes_on")
def test_standard_is_own(case: Case) -> None:
    """0, 1 and 2 are restart's own, each by itself, though the program had 2>&1"""
    path = numbers(case)
    case.through = ["/bin/sh", "-c", f'exec "$@" <"{path}"', "sh"]
    first = saved(case, "read 0 4", "dup 1 2", "dup 0 5", "gate 1", "read 0 4", "read 5 4", "write 2 to standard error",
                  ckpt=REFERENCE)
    first.kill()
    case.open_gate(1)
    case.through = []
    assert case.image is not None
    second = case.restart(case.image)
    expected = expected_output(first.lines()[0], ["read 0 0123", "gate 01", "read 0 ", "read 5 ", EXIT])
    case.check_rest(first, second, expected, 3)
    check("to standard error" in second.messages(), "2 is not restart's own any more", "files: standard")
    check(path.name in second.messages(), "no message says that 0 was a file", "files: silent")
    case.through = ["/bin/sh", "-c", 'exec "$@" <&-', "sh"]
    third = case.restart(case.image)
    closed = ["read 0 0123", "gate 01", "read: Bad file descriptor", "read 0 ", "read: Bad file descriptor", "read 5 ", EXIT]
    case.check_rest(first, third, expected_output(first.lines()[0], closed), 3)


def redirected(case: Case) -> tuple[Path, list[str]]:
    """A program with files of its own as its 0 to 2, saved and killed at its gate; its output, as it must be in the end."""
    path, output = numbers(case), case.folder / "output"
    case.through = ["/bin/sh", "-c", f'exec "$@" <"{path}" >"{output}" 2>"{case.folder}/errors"', "sh"]
    life = case.start("openfiles", "read 0 4", "gate 1", "read 0 4", ckpt=REFERENCE)
    there = wait_until(lambda: output.exists() and "gate 01" in output.read_text(), of=life.pid)
    check(there, "the program does not come to its gate", *life.symptoms())
    case.checkpoint(life)
    life.kill()
    case.open_gate(1)
    case.through = []
    lines = output.read_text().splitlines()
    return output, expected_output(lines[0], ["read 0 0123", "gate 01", "read 0 4567", EXIT])


@points(1, step="4.3", needs="test_standard_is_own")
def test_redirected(case: Case) -> None:
    """a redirected 0 and 1 are opened again: with --redirect, or where restart has a terminal"""
    output, expected = redirected(case)
    image, before = case.folder / "image", output.read_text()
    terminal, own = [str(case.program("onterminal")), "24", "80"], case.folder / "own"
    to_own = [*terminal, "/bin/sh", "-c", f'exec "$@" >"{own}"', "sh"]
    for through, options, rest in (([], ["--redirect"], output), (terminal, [], output), (to_own, [], own)):
        output.write_text(before)
        case.through = through
        life = case.restart(image, STUDENT, *options)
        wait_until(lambda: life.status is not None, of=life.pid)  # it waits for ever if its 0 is the terminal
        life.kill()
        now = output.read_text() + (own.read_text() if rest == own else "")
        symptom = "files: redirected" if now.startswith(before) else "files: what was written is not all there"
        check_equal(now.splitlines(), expected, f"the output is not whole in {rest.name}", symptom, *life.symptoms())


@points(1, step="4.3", needs="test_standard_is_own")
def test_on_a_terminal(case: Case) -> None:
    """a terminal: the program's settings come back, and it is told of the other window (SIGWINCH)"""
    program = str(case.program("onterminal"))
    case.through = [program, "24", "80"]
    first = saved(case, "raw", "gate 1", "termios", "await-winch", "gate 2", ckpt=REFERENCE)
    first.kill()
    case.open_gate(1)
    case.through = [program, "30", "100"]
    assert case.image is not None
    second = case.restart(case.image)
    second.wait_for_line("gate 02")
    texts = ["gate 01", "termios canonical 0 echo 0 min 3", "winch", "gate 02"]
    expected = expected_output(first.lines()[0], texts)[2:]
    got = [line for line in second.lines() if " #" in line]
    check_equal(got, expected, "the terminal is not what it was", "files: terminal")


# Files that are not what they were


def saved_file(case: Case, how: str, *then: str) -> tuple[Path, Path, list[str]]:
    """A program with one file open, at offset 4, saved and killed; its output, as it must be in the end."""
    path = numbers(case)
    opened = [f"open 3 {path} {how}", "seek 3 4"]
    texts = ["gate 01", *(["read 3 4567"] if then == ("read 3 4",) else []), EXIT]
    first = case.save("openfiles", *opened, "gate 1", *then, ckpt=REFERENCE)
    assert case.image is not None
    return path, case.image, expected_output(first.lines()[0], texts)


def check_goes_on(case: Case, image: Path, expected: list[str], word: str, *options: str) -> None:
    """The restart succeeds, and its message has the word."""
    life = case.restart(image, STUDENT, *options)
    case.check_rest(life, life, expected, 2)
    check(word in life.messages(), f"no message says '{word}': {life.messages()!r}", "files: silent")


def check_refused(case: Case, image: Path, status: int, word: str, *options: str) -> None:
    """The restart says why not, with this status, and the program does not run."""
    life = case.restart(image, STUDENT, *options)
    got = life.wait()
    good = got == status and word in life.messages() and not life.text()
    check(good, f"{exit_words(got)}, must be {status} and a message with '{word}': {life.messages()!r}", "files: not refused")


@points(1, step="4.4", needs="test_writing_goes_on")
def test_file_has_grown(case: Case) -> None:
    """a file that grew since, shrank or was changed: a message; --strict refuses; --rollback cuts it back"""
    path, image, expected = saved_file(case, "u", "read 3 4")
    path.write_text(NUMBERS + "more")
    check_refused(case, image, 66, path.name, "--strict")
    check_goes_on(case, image, expected, path.name)
    check_text(path, NUMBERS + "more", "what was added is gone, though there was no --rollback")
    check_goes_on(case, image, expected, "", "--rollback")
    check_text(path, NUMBERS, "--rollback did not cut it back")
    for text in (NUMBERS[:10], NUMBERS.replace("j", "x")):
        path.write_text(text)
        os.utime(path, (1, 1))
        check_goes_on(case, image, expected, path.name)


@points(1, step="4.4", needs="test_reading_goes_on")
def test_file_is_missing(case: Case) -> None:
    """a file that is gone, or a directory now: refused, exit status 66; and all is well once it is back"""
    path, image, expected = saved_file(case, "r", "read 3 4")
    away = path.rename(case.folder / "away")
    check_refused(case, image, 66, f"{path.name}: No such file")
    path.mkdir()
    check_refused(case, image, 66, f"{path.name}: it is of another type now")
    path.rmdir()
    away.rename(path)
    check_goes_on(case, image, expected, "")


@points(0.5, step="4.4", needs="test_file_is_missing")
def test_file_has_moved(case: Case) -> None:
    """filedescriptors, edited by hand: a file that moved is found"""
    path, image, expected = saved_file(case, "r", "read 3 4")
    moved = path.rename(case.folder / "moved here")
    text = case.folder / "filedescriptors"
    text.write_text("\n".join(whole_text(case)).replace(str(path), str(moved)) + "\n")
    check_goes_on(case, image, expected, "", "-f")
    text.write_text("\n".join(whole_text(case)).replace(str(path), moved.name) + "\n")
    text.rename(case.folder / "other")
    check_goes_on(case, image, expected, "", "-fother")


@points(0.5, step="4.4", needs="test_file_has_moved")
def test_bad_lines(case: Case) -> None:
    """filedescriptors with a line that is none: refused with the line's number, exit status 65"""
    path, image, expected = saved_file(case, "r", "read 3 4")
    text, lines = case.folder / "filedescriptors", whole_text(case)
    for bad in ("x : y : 0", f"4 : {path}", f"4 : {path} : four", f"4 : {path} : 0 : raed", f"3 : {path} : 0", "4"):
        text.write_text("\n".join(["# a comment", *lines, bad]) + "\n")
        check_refused(case, image, 65, f"line {len(lines) + 2}", "-f")
    text.write_text("\n".join(["# a comment", *lines]) + "\n")
    check_goes_on(case, image, expected, "", "-f")


# Directories and devices; what cannot come back


@points(0.5, step="4.4", needs="test_reading_goes_on")
def test_directories(case: Case) -> None:
    """a directory that is being read, /dev/null, a file of /proc/self"""
    folder = case.folder / "directory"
    folder.mkdir()
    for number in range(20):
        (folder / f"file{number:02d}").touch()
    names = ["next 3"] * 30
    first = saved(case, f"open 3 {folder} d", *names[:4], "open 4 /dev/null u", "open 5 /proc/self/status r", "read 5 5",
                  "gate 1", *names, "write 4 nothing", "read 4 9", "seek 5 0", "read 5 15", ckpt=REFERENCE)
    case.open_gate(1)
    first.wait()
    second = case.restart(case.folder / "image")
    case.check_rest(first, second, first.lines(), 1 + 4 + 1 + 1)


@points(1, step="4.5", needs="test_no_others")
def test_what_is_lost(case: Case) -> None:
    """a socket is named, --strict refuses, and its number is not given to another file"""
    path = numbers(case)
    first = case.save("openfiles", f"open 3 {path} r", "socket 4", f"open 6 {path} r", "gate 1", "lowest", ckpt=REFERENCE)
    assert case.image is not None
    check_refused(case, case.image, 66, "socket:", "--strict")
    check_goes_on(case, case.image, expected_output(first.lines()[0], ["gate 01", "lowest 7", EXIT]), "socket:")


# Again and again


@points(1, step="4.6", needs=["test_offset_shared", "test_nameless_kept"])
def test_three_more_lives(case: Case) -> None:
    """your own ckpt and restart: a restarted program is checkpointed again, three times"""
    path, gone, gates = numbers(case), case.folder / "gone", (1, 2, 3)
    commands = [f"open 3 {path} r", "dup 3 4", f"open 5 {gone} uc", f"remove {gone}"]
    texts = []
    for gate in gates:
        commands += [f"read {3 + gate % 2} 2", f"write 5 {gate}", f"gate {gate}"]
        texts += [f"read {3 + gate % 2} {NUMBERS[2 * gate - 2 : 2 * gate]}", f"gate {gate:02d}"]
    commands += ["pos 3", "seek 5 0", "read 5 9"]
    life = case.start("openfiles", *commands)
    expected: list[str] = []
    for gate in gates:
        life.wait_for_line(f"gate {gate:02d}")
        expected = expected or expected_output(life.lines()[0], [*texts, "pos 3 6", "read 5 1/2/3/", EXIT])
        image = case.checkpoint(life)
        life.kill()
        case.open_gate(gate)
        life = case.restart(image)
    case.check_rest(life, life, expected, 1 + 2 * len(gates))
