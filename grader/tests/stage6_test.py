"""Stage 6: ckpt-shadow runs a program elsewhere, and its files are here.

"Elsewhere" is the folder decoys: where the job runs, files of the same names have another content. Where bubblewrap can
be used it is a machine of its own, with nothing but the stage's folder and the decoys, at the paths that home's
files have. The programs under test keep nonces, as in all stages; files that a job wrote are compared here, afterwards.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from stage import away
from stage.case import Case
from stage.failure import Failure, check, check_equal
from stage.oracle import EXIT, compare_symptoms, exit_status_of, expected_output, text_of
from stage.process import Life, exit_words, open_numbers, patience, status_field, wait_until
from stage.scoring import points

ALONE = ["bwrap", "--unshare-all", "--die-with-parent", "--proc", "/proc", "--dev", "/dev"]
FRAME = struct.Struct("=IIQ")  # frame.h
HELLO, IMAGE, START = (0x6B63 << 16 | number for number in range(3))
ABANDON = 0x6B63 << 16 | 6
FRAME_MAX = 80 << 10
NUMBERS = 2048  # of descriptors, in programs/elsewhere.c
DATA_WRONG, NOT_STARTED, LOST, PROTOCOL = 65, 71, 75, 76  # sysexits.h


@lru_cache(maxsize=1)
def machines_work() -> bool:
    """Whether bubblewrap can make another machine here."""
    if shutil.which("bwrap") is None:
        return False
    command = [*ALONE, "--ro-bind", "/", "/", "true"]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def words_of(length: int) -> str:
    """Letters that nobody can know before."""
    return os.urandom(length).hex()[:length]


def decoys(case: Case) -> Path:
    folder = case.folder / "decoys"
    with case.lab.runner.student():
        folder.mkdir(exist_ok=True)
    return folder


def write(case: Case, path: Path, text: str) -> Path:
    with case.lab.runner.student():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return path


def two_files(case: Case, name: str, length: int = 20) -> str:
    """A file at home, and a decoy of the same name; what is at home."""
    text = words_of(length)
    write(case, case.folder / name, text)
    write(case, decoys(case) / name, "decoy" * (length // 5))
    return text


def read(case: Case, path: Path) -> str:
    with case.lab.runner.student():
        return path.read_text(errors="replace") if path.exists() else ""


def elsewhere(case: Case, *landlord: str) -> list[str]:
    """The options that lead to another machine, which may have a landlord."""
    there = decoys(case)
    if case.lab.place is not None or not machines_work():
        return ["-e", f"cd {shlex.quote(str(there))} && exec {shlex.join(landlord)}"]
    binds = ["--ro-bind", str(case.lab.folder), "/stage", "--bind", str(there), str(case.folder)]
    words = [*landlord, *ALONE, *binds, "--chdir", str(case.folder), "--"]
    return ["-e", shlex.join(words), "--restart", "/stage/restart-static"]


def shadow(case: Case, program: str, *arguments: object, way: Sequence[str] | None = None, through: Sequence[str] = ()) -> Life:
    """ckpt-shadow with a program under test, or one of the system's; its gates are files of home's."""
    path = program if "/" in program else str(case.program(program))
    options = [*(elsewhere(case) if way is None else way), "--allow", str(case.kept / "gates")]
    words = [*through, str(case.lab.folder / "ckpt-shadow"), *options, path, *(str(argument) for argument in arguments)]
    return case.run("ckpt-shadow", words)


def check_output(life: Life, texts: Sequence[str], what: str) -> None:
    """It ended as it should, and printed these texts."""
    wait_until(lambda: bool(life.lines()) or life.status is not None, of=life.pid)
    if not life.lines():
        words, symptoms = exit_words(life.status), life.symptoms()
        life.kill()
        raise Failure(f"{words}, and the job printed nothing", "remote: printed nothing", *symptoms)
    status, lines = life.wait(), life.lines()
    expected = expected_output(lines[0], [*texts, EXIT])
    if lines != expected:
        more = compare_symptoms(expected[:1], expected[1:], lines[1:])
        raise Failure(f"{what}: {exit_words(status)}, and the output is not what it must be", f"remote: {what}", *more,
                      *life.symptoms(), expected=[text_of(line) for line in expected], got=[text_of(line) for line in lines])
    Case.check_status(life, status, exit_status_of(expected))


# 6.1: the template


def stub_gen(case: Case, *words: object) -> Life:
    life = case.run("stub_gen", [case.lab.folder / "stub_gen", *(str(word) for word in words)])
    life.wait()
    return life


@points(2, step="6.1")
def test_list(case: Case) -> None:
    """stub_gen --list has lseek and getdents64 among the calls that read the table; a wrong line is named"""
    life = stub_gen(case, "--list", case.lab.folder / "stubs.tmpl")
    rows = {words[0]: words[1:] for words in map(str.split, life.lines()) if words}
    for name in ("lseek", "getdents64"):
        check(name in rows, f"{name} is not in the template", f"template: no {name}", *life.symptoms())
        check_equal(rows[name][:1], ["reads"], f"{name}: its class is wrong: is map() around the descriptor?",
                    f"template: class of {name}")
    wrong = write(case, case.folder / "wrong.tmpl", "int fstat(map(int fd), struct stat *buf);\nint fsync(map(int fd);\n")
    life = stub_gen(case, "--list", wrong)
    check(life.status == DATA_WRONG and "wrong.tmpl:2" in life.messages(),
          f"a template with a mistake in line 2: {exit_words(life.status)}: {life.messages()!r}", "template: mistake accepted")


# 6.2: frames


def frame(kind: int, data: bytes) -> bytes:
    return FRAME.pack(kind, len(data), 0) + data


def keeper(case: Case, said: bytes) -> tuple[int, bytes]:
    """restart --remote gets these bytes, the first ones one by one: its status, and what it answers."""
    path = case.folder / "said"
    with case.lab.runner.student():
        path.write_bytes(said)
    words = f'"{case.program("trickle")}" <said | "{case.lab.folder}/restart-static" --remote'
    life = case.run("keeper", ["/bin/sh", "-c", words])
    status = life.wait()
    return status, life.text().encode("utf-8", "surrogateescape")


@points(4, step="6.2", needs="test_list")
def test_frames(case: Case) -> None:
    """restart --remote reads frames that come byte by byte, and believes none that is wrong or not whole"""
    ours = struct.pack("=4I", 1, 62, 4096, 0)
    status, answer = keeper(case, frame(HELLO, ours))
    symptoms = case.lives[-1].symptoms()
    check(len(answer) == FRAME.size + len(ours) and FRAME.unpack(answer[: FRAME.size]) == (HELLO, len(ours), 0),
          f"no HELLO came for one that came byte by byte: {exit_words(status)}", "frames: no hello", *symptoms)
    hello = frame(HELLO, answer[FRAME.size :])  # the same list of calls
    gone, broken = "the shadow went away", "what should be the shadow's frames"
    for name, said, wanted, word in (
        ("none", b"", LOST, gone),
        ("the end behind a frame", hello, LOST, gone),
        ("a byte of a head", hello + frame(START, bytes(8))[:1], LOST, broken),
        ("half a head", hello + frame(START, bytes(8))[:7], LOST, broken),
        ("half a head that is none", hello + b"Welcome", LOST, broken),
        ("half a frame", hello + frame(IMAGE, bytes(5000))[:2000], LOST, broken),
        ("a head alone", hello + frame(START, bytes(8))[: FRAME.size], LOST, broken),
        ("other bytes", hello + b"Welcome to this machine!\n" * 4, PROTOCOL, broken),
        ("a size too large", hello + FRAME.pack(IMAGE, FRAME_MAX + 1, 0) + bytes(FRAME_MAX + 1), PROTOCOL, broken),
        ("an enormous size", hello + FRAME.pack(IMAGE, 0xFFFFFFFF, 0), PROTOCOL, broken),
    ):
        status, _ = keeper(case, said)
        check(status != DATA_WRONG, "HELLO was read, and its content is another now", "frames: data elsewhere",
              *case.lives[-1].symptoms())
        ended_so(case.lives[-1], name, status, wanted, word)
    life = case.run("keeper", ["/bin/sh", "-c", f'exec "{case.lab.folder}/restart-static" --remote <.'])
    ended_so(life, "a folder", life.wait(), LOST, broken)
    with fifo(case) as end:  # it has no end: who waits for the rest of such a frame waits long
        life = case.run("keeper", ["/bin/sh", "-c", f'exec "{case.lab.folder}/restart-static" --remote <fifo'])
        os.write(end, hello + FRAME.pack(IMAGE, FRAME_MAX + 1, 0))
        wait_until(lambda: life.status is not None, of=life.pid)
        life.kill()
    ended_so(life, "a size too large, and no end", life.status or 0, PROTOCOL, broken)


def ended_so(life: Life, name: str, status: int, wanted: int, word: str) -> None:
    good = status == wanted and word in life.messages()
    check(good, f"{name}: {exit_words(status)}, must be {wanted}, and {word!r}: {life.messages()!r}", f"frames: {name}",
          *life.symptoms())


# 6.3: the loop


def status_of(folder: Path) -> int:
    """As programs/elsewhere.c computes it."""
    total = 0
    for byte in os.fsencode(os.path.realpath(folder)):
        total = (total * 31 + byte) % 101
    return total


@points(2, step="6.3", needs="test_frames")
def test_exit_status(case: Case) -> None:
    """the job asks for its working directory, and gets home's; its exit status is ckpt-shadow's"""
    case = in_own_folder(case)
    with case.rests_on_earlier():
        life = shadow(case, "elsewhere", "status")
        status, wanted = life.wait(), status_of(case.folder)
        check(status == wanted, f"{exit_words(status)}, must be {wanted}: of {case.folder}", "remote: exit status",
              *life.symptoms())
        life = shadow(case, "elsewhere", "term")
        if wait_until(lambda: (case.folder / "ready").exists() or life.status is not None, of=life.pid):
            look(case, life, "elsewhere")
            check(rests(life), "the job does nothing, and ckpt-shadow is busy all the time", "remote: busy", *life.symptoms())
        life.kill()


def rests(life: Life) -> bool:
    """Whether it comes to a time when it sleeps, and nothing wakes it."""
    seen: list[list[str]] = []

    def quiet() -> bool:
        time.sleep(0.05)
        seen.append([status_field(life.pid, name) for name in ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")])
        return seen[-1] in seen[-2:-1] and status_field(life.pid, "State").startswith("S")

    return wait_until(lambda: quiet() or life.status is not None, of=life.pid)


def look(case: Case, life: Life, program: str, *files: Path) -> None:
    """Whether a job that waits is elsewhere, and has these files at home."""
    folder = case.lab.folder
    if life.status is None:
        case.looks.note(away.doubt(life.pid, folder / "ckpt-shadow", folder / "restart-static", case.program(program), files,
                                   [line for line in life.lines() if line.startswith("nonces") or " #" in line]))


def in_own_folder(case: Case) -> Case:
    """Whose name, and so whose exit status, nobody knows before: not that of the folder before it, nor the decoys'."""
    first = case.folder
    while status_of(case.folder) in (0, status_of(first), status_of(first / "decoys"), status_of(case.folder / "decoys")):
        case.folder = first / words_of(8)
    with case.lab.runner.student():
        case.folder.mkdir()
    return case


@points(2, step="6.3", needs="test_exit_status")
def test_signals(case: Case) -> None:
    """SIGTERM for ckpt-shadow goes to the job; a job that is killed: so is ckpt-shadow"""
    life = shadow(case, "elsewhere", "term")
    there = wait_until(lambda: (case.folder / "ready").exists() or life.status is not None, of=life.pid)
    check(there and life.status is None, f"mkdir() made no folder at home: {exit_words(life.status)}",
          "remote: mkdir not at home", *life.symptoms())
    case.signal(life, signal.SIGTERM)
    status, wanted = life.wait(), status_of(case.folder) + 1
    check(status == wanted, f"{exit_words(status)}, must be {wanted}", "remote: signal", *life.symptoms())
    life = shadow(case, "elsewhere", "killed")
    check(life.wait() == -signal.SIGKILL, f"{exit_words(life.status)}, must be SIGKILL", "remote: killed", *life.symptoms())


# 6.4: the table decides


def no_decoy_changed(case: Case, names: Sequence[str]) -> None:
    for path in decoys(case).iterdir():
        good = path.name in names and set(read(case, path).split("decoy")) <= {""}
        check(good, f"the job wrote {path.name} where it runs", "remote: file elsewhere")


@points(4, step="6.4", needs="test_exit_status")
def test_files_are_homes(case: Case) -> None:
    """files that are read and written are home's, whatever has their names where the job runs"""
    text, other = two_files(case, "numbers"), two_files(case, "beside")
    secret = words_of(30)
    life = shadow(case, "openfiles", "open 3 numbers r", "read 3 10", "open 4 out wc", f"write 4 {secret}",
                  f"open 5 {case.folder}/beside r", "read 5 20", "read 3 10", f"write 4 {secret[::-1]}", "gate 1")
    if said(life, "gate 01"):
        look(case, life, "openfiles", case.folder / "numbers", case.folder / "out")
    case.open_gate(1)
    check_output(life, [f"read 3 {text[:10]}", f"read 5 {other}", f"read 3 {text[10:]}", "gate 01"], "home's files")
    check_equal(read(case, case.folder / "out").split(), [secret, secret[::-1]], "what the job wrote is not at home",
                "remote: not written at home")
    no_decoy_changed(case, ["numbers", "beside"])


@points(2, step="6.4", needs="test_files_are_homes")
def test_equal_numbers(case: Case) -> None:
    """pipes of the job's own, and home's files: the same real numbers never meet"""
    texts = [os.urandom(8) for _ in range(8)]
    folder = case.folder / "files"
    with case.lab.runner.student():
        folder.mkdir()
        for number, text in enumerate(texts):
            (folder / str(number)).write_bytes(text)
    life = shadow(case, "elsewhere", "equal", "files")
    wait_until(lambda: life.status is not None or "wide " in life.text(), of=life.pid)
    wide = [text_of(line) for line in life.lines() if line.startswith("wide ")]
    check(wide in ([], ["wide 16"]), f"lseek() with something in the upper half of its descriptor: {wide}, must be 'wide 16'",
          "remote: upper half", *life.symptoms())
    check_output(life, [*(f"read {i}: 8" for i in range(8)), "wide 16", "written 40", "pipes 32"], "equal numbers")
    for number, text in enumerate(texts):
        got = (folder / str(number)).read_bytes()
        check(got == text * 2, f"file {number} is {got!r}, must be {text * 2!r}", "remote: equal numbers")


# 6.1, 6.2 once more, from the job's side


@points(2, step="6.1", needs="test_files_are_homes")
def test_directories(case: Case) -> None:
    """opendir(), fopen(), getline() and fseek() of what is at home"""
    texts = {f"{words_of(6)}-{i}": words_of(10 + i) for i in range(12)}
    for name, text in texts.items():
        write(case, case.folder / "files" / name, f"{text}\nmore\n")
    write(case, decoys(case) / "files" / "decoy", "decoy")
    life = shadow(case, "elsewhere", "list", "files")
    rows = [f"{name}: {text}, {len(text) + 6} bytes" for name, text in sorted(texts.items())]
    check_output(life, ["12 names", *rows], "directories")
    numbers = two_files(case, "numbers")
    life = shadow(case, "openfiles", "open 3 numbers r", "seek 3 7", "read 3 5", "pos 3")
    check_output(life, [f"read 3 {numbers[7:12]}", "pos 3 12"], "lseek")


@points(1, step="6.2", needs="test_files_are_homes")
def test_pieces(case: Case) -> None:
    """a connection that brings frames in pieces"""
    text = two_files(case, "numbers", 50)
    life = shadow(case, "openfiles", "open 3 numbers r", "read 3 50", way=["-e", str(case.program("trickle"))])
    check_output(life, [f"read 3 {text}"], "pieces")


# 6.5: calls that change the table


def open_at_home(life: Life) -> int:
    return len(open_numbers(life.pid))


@points(2, step="6.5", needs="test_files_are_homes")
def test_close(case: Case) -> None:
    """close() of what is not open; open() and close() 1,500 times: always the lowest number; nothing stays open at home"""
    two_files(case, "numbers")
    life = shadow(case, "elsewhere", "often", "numbers", through=["/bin/sh", "-c", f'ulimit -n {NUMBERS}; exec "$@"', "sh"])
    wait_until(lambda: "closed" in life.text() or life.status is not None, of=life.pid)
    if "closes" in life.text() and "closed 0" not in life.text():
        life.kill()
        raise Failure("close() of numbers that the job has not open: each must be EBADF, and it goes on",
                      "remote: closes what is not open", *life.symptoms())
    life.wait_for_line("gate 01")
    left = open_at_home(life)
    case.open_gate(1)
    check_output(life, ["closes all", "closed 0", "open: yes", "other numbers 0, failed 0", "again: Bad file descriptor", "gate 01"], "close")
    check(left < 100, f"ckpt-shadow has {left} descriptors open, and the job none of its files", "remote: open at home")


@points(2, step="6.5", needs="test_close")
def test_dup(case: Case) -> None:
    """dup(): copies share one offset, the lowest number is taken; the job's own pipes, too"""
    text = two_files(case, "numbers")
    life = shadow(case, "elsewhere", "dup", "numbers")
    check_output(life, ["dup: the next number", f"read {text[:6]}", f"read 3 {text[6:9]}", "dup: the lowest number", "stays open behind exec",
                        "dup: number 0", "dup of nothing: Bad file descriptor", "pipe own"], "dup")


@points(1, step="6.5", needs=["test_close", "test_directories"])
def test_programs(case: Case) -> None:
    """sort and gzip, as they are installed: the same files as when they run here"""
    lines = "".join(f"{words_of(12)}\n" for _ in range(5000))
    for folder in (case.folder, case.folder / "here"):
        write(case, folder / "words", lines)
    for words in (["sort", "-o", "sorted", "words"], ["gzip", "-kn", "sorted"]):
        path = shutil.which(words[0]) or words[0]
        life = shadow(case, path, *words[1:])
        status = life.wait()
        check(status == 0, f"{words[0]}: {exit_words(status)}: {life.messages()}", f"remote: {words[0]}", *life.symptoms())
        case.output_of(["/bin/sh", "-c", f"cd here && exec {shlex.join([path, *words[1:]])}"])
    for name in ("sorted", "sorted.gz"):
        wanted = case.folder / "here" / name
        check(wanted.exists() and (case.folder / name).exists() and
              wanted.read_bytes() == (case.folder / name).read_bytes(), f"{name} is not the same", "remote: other output")


# 6.6: signals, and moves


@contextlib.contextmanager
def fifo(case: Case) -> Iterator[int]:
    """A FIFO at home, open here. The job's read() waits until something is written; at the end it finds the end."""
    path = case.folder / "fifo"
    with case.lab.runner.student():
        if not path.exists():
            os.mkfifo(path)
        end = os.open(path, os.O_RDWR)
    try:
        yield end
    finally:
        os.close(end)


def unread(end: int) -> int:
    return int.from_bytes(fcntl.ioctl(end, termios.FIONREAD, bytes(4)), sys.byteorder)


def said(life: Life, word: str, times: int = 1) -> bool:
    """Waits until it has said so, so many times."""
    def there() -> bool:
        return (life.text() + life.messages()).count(word) >= times

    wait_until(lambda: there() or life.status is not None, of=life.pid)
    return there()


def interrupt(case: Case, life: Life, done: str) -> bool:
    """Signals until the job has said so: one that comes before it waits in read() does not interrupt that."""
    for _ in range(40):
        case.signal(life, signal.SIGUSR1)
        if wait_until(lambda: done in life.text() or life.status is not None, patience.seconds / 40):
            break
    return done in life.text()


@points(2, step="6.6", needs="test_files_are_homes")
def test_interrupted(case: Case) -> None:
    """a signal ends a slow read() with EINTR; with SA_RESTART it waits on, and loses nothing"""
    text = words_of(5)
    with fifo(case) as end:
        life = shadow(case, "elsewhere", "slow", "fifo")
        life.wait_for_line("waits 1")
        check(rests(life), "the job waits for what it reads at home, and ckpt-shadow is busy all the time",
              "remote: busy with one call", *life.symptoms())
        check(interrupt(case, life, "waits 2"), "a signal came, and read() of a file at home waits on",
              "remote: read not interrupted", *life.symptoms())
        case.signal(life, signal.SIGUSR1)
        os.write(end, text.encode())
        if not wait_until(lambda: life.status is not None, of=life.pid) and not unread(end):
            life.kill()
            raise Failure("what was written was read at home, and the job waits on for it",
                          "remote: bytes lost or twice: signals", *life.symptoms())
        check_output(life, ["waits 1", "read: Interrupted system call", "waits 2", f"read: {text}", "caught 1"], "signals")
        abandons_what_never_came(case)


def abandons_what_never_came(case: Case) -> None:
    """A machine that says so is not trusted."""
    way = elsewhere(case)
    with case.lab.runner.student():
        (case.folder / "said").write_bytes(FRAME.pack(ABANDON, 0, 1 << 40))
    noise = f"cd {shlex.quote(str(case.folder))} && {{ until test -e now; do sleep 0.05; done; cat said; }} & "
    life = shadow(case, "elsewhere", "slow", "fifo", way=[way[0], noise + way[1], *way[2:]])
    life.wait_for_line("waits 1")
    write(case, case.folder / "now", "")
    wait_until(lambda: life.status is not None, of=life.pid)
    life.kill()
    check(life.status == PROTOCOL, f"a call was abandoned that never came: {exit_words(life.status)}, must be {PROTOCOL}",
          "remote: abandoned before it came", *life.symptoms())


def records(count: int) -> str:
    """All that is written at once fits into a FIFO, 64 KiB."""
    return "".join(f"{i:06d} {words_of(8)}\n" for i in range(count))


def check_bytes(got: str, wanted: str, what: str) -> None:
    if got != wanted:
        at = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b), min(len(got), len(wanted)))
        raise Failure(f"{len(got)} bytes came, must be {len(wanted)}; the first difference is at {at}: "
                      f"{got[at:at + 20]!r}, must be {wanted[at:at + 20]!r}", f"remote: bytes lost or twice: {what}")


def check_copy(case: Case, life: Life, text: str, signals: int, what: str) -> None:
    """Every byte is there, once: in the file, and in what it printed."""
    wait_until(lambda: life.status is not None, of=life.pid)
    got = read(case, case.folder / "out")
    if not text.startswith(got):  # bytes are lost, however it ended
        check_bytes(got, text, what)
    check_output(life, ["begins", "end 0, wrong 0", f"signals {signals}"], what)
    check_bytes(read(case, case.folder / "out"), text, what)  # a busy machine may have written more since


@points(2, step="6.6", needs="test_files_are_homes")
def test_many_signals(case: Case) -> None:
    """signals come all the time while a stream is read and a file grows: no byte is lost, none is there twice"""
    slow = max(1.0, patience.seconds / 10)  # times: where a call takes longer, fewer are made, and signals come as often in each
    text, microseconds = records(max(200, int(2500 / slow))), min(int(400 * slow), 999_999)
    with fifo(case) as end:
        life = shadow(case, "elsewhere", "copy", "fifo", "out", microseconds)
        life.wait_for_line("begins")
        os.write(end, text.encode())
    check_copy(case, life, text, 1, "signals")


@points(2, step="6.6", needs="test_interrupted")
def test_moves(case: Case) -> None:
    """SIGUSR2: the job goes to the next machine in mid-reading and appending: no byte is lost, none is there twice"""
    way, moves = elsewhere(case), 4
    text = [records(100) for _ in range(moves + 1)]
    with fifo(case) as end:
        life = shadow(case, "elsewhere", "copy", "fifo", "out", way=["-v", *way[:2], *way])
        life.wait_for_line("begins")
        for number, part in enumerate(text[:-1]):
            os.write(end, part.encode())
            case.signal(life, signal.SIGUSR2)
            check(said(life, "life", number + 2), "SIGUSR2 came, and the job did not go to the next machine",
                  "remote: no move", *life.symptoms())
        os.write(end, text[-1].encode())
    check_copy(case, life, "".join(text), 0, "moves")


# 6.7, 6.8: the machine is somebody's, and it may be lost


class Machine:
    """One with a landlord, who gives its keeper a signal when we ask for that."""

    def __init__(self, case: Case, name: str, number: signal.Signals) -> None:
        self.case, self.asked = case, case.folder / f"{name}.asked"
        self.way = elsewhere(case, str(case.program("landlord")), str(int(number)), str(self.asked))

    def ask(self) -> None:
        write(self.case, self.asked, "")


@points(2, step="6.7", needs="test_moves")
def test_evicted(case: Case) -> None:
    """SIGTERM to restart --remote: the job leaves that machine with all it has, and goes on on the next one"""
    machines = [Machine(case, name, signal.SIGTERM) for name in ("first", "second")]
    text = [records(100) for _ in range(len(machines) + 1)]
    way = [word for machine in machines for word in machine.way]
    with fifo(case) as end:
        life = shadow(case, "elsewhere", "copy", "fifo", "out", way=["-v", *way, *elsewhere(case)])
        life.wait_for_line("begins")
        for number, machine in enumerate(machines):
            os.write(end, text[number].encode())
            machine.ask()
            check(said(life, "life", number + 2), f"the job was evicted, and did not go to the next machine: "
                  f"{exit_words(life.status)}", "remote: no eviction", *life.symptoms())
        os.write(end, text[-1].encode())
    check_copy(case, life, "".join(text), 0, "eviction")
    no_room_for_it(case)


def no_room_for_it(case: Case) -> None:
    """The shadow has no descriptor left when the job is evicted: it is lost, and that is said."""
    machine = Machine(case, "third", signal.SIGTERM)
    life = shadow(case, "openfiles", "gate 1", way=machine.way)
    life.wait_for_line("gate 01")
    try:
        resource.prlimit(life.pid, resource.RLIMIT_NOFILE, (3, 3))
    except OSError:  # in a sandbox it is another user's
        life.kill()
        return
    machine.ask()
    wait_until(lambda: life.status is not None, of=life.pid)
    life.kill()
    check(life.status == LOST, f"no room for the image of a job that is evicted: {exit_words(life.status)}, must be {LOST}",
          "remote: eviction without room", *life.symptoms())


def lose(case: Case, life: Life, machine: Machine) -> None:
    """While the job waits at its gate."""
    life.wait_for_line("gate 01")
    machine.ask()


@points(2, step="6.8", needs="test_moves")
def test_machine_lost(case: Case) -> None:
    """a machine is lost: what its job has done is taken back, and it begins again on the next one"""
    machine, old, new = Machine(case, "lost", signal.SIGKILL), words_of(12), words_of(9)
    write(case, case.folder / "grown", old + "\n")
    life = shadow(case, "openfiles", "open 3 grown wa", f"write 3 {new}", "open 4 made wc", f"write 4 {new}", "gate 1",
                  f"write 3 {new[::-1]}", way=["-v", *machine.way, *elsewhere(case)])
    lose(case, life, machine)
    check(said(life, "life", 2), f"its machine was lost, and the job did not begin again on the next one: "
          f"{exit_words(life.status)}", "remote: not again", *life.symptoms())
    case.open_gate(1)
    status = life.wait()
    check(status != LOST, f"the job was lost: {life.messages()}", "remote: not again", *life.symptoms())
    for name, texts in (("grown", [old, new, new[::-1]]), ("made", [new])):
        check_equal(read(case, case.folder / name).split(), texts, f"{name} is not as if its job had run once",
                    "remote: done twice", *life.symptoms())
    check_output(life, ["gate 01"], "again")


def check_tries(case: Case, way: list[str], wanted: int, count: int, too_often: str) -> None:
    """No machine of `way` runs the job; each notes that it was tried."""
    def tries() -> int:
        return len(read(case, case.folder / "tries").splitlines())

    before = tries()
    life = shadow(case, "elsewhere", "status", way=way)
    wait_until(lambda: life.status is not None or tries() - before > 2 * count, of=life.pid)
    tried = tries() - before
    life.kill()
    check(tried == count, f"machines were tried {tried} times, must be {count}",
          f"remote: {too_often if tried > count else 'not again'}", *life.symptoms())
    check(life.status == wanted, f"{exit_words(life.status)}, must be {wanted}", "remote: status", *life.symptoms())


def lose_both(case: Case, old: str, new: str) -> None:
    """A job appends to a file, and is lost on each of its two machines: what it has done last stays."""
    machines = [Machine(case, name, signal.SIGKILL) for name in ("first", "second")]
    path = write(case, case.folder / "grown", old)
    life = shadow(case, "openfiles", "open 3 grown wa", f"write 3 {new[:-1]}", "gate 1",
                  way=["-v", *machines[0].way, *machines[1].way])
    for number, machine in enumerate(machines):
        said(life, "life", number + 1)  # what the life before has done is taken back by then
        wait_until(lambda: read(case, path) == old + new or life.status is not None, of=life.pid)
        machine.ask()
    life.wait()
    check_equal(read(case, path), old + new, "both machines are lost: the file is not as its job left it",
                "remote: taken back for nothing", *life.symptoms())


@points(1, step="6.8", needs="test_machine_lost")
def test_lost_for_good(case: Case) -> None:
    """no machine works; one sends what is wrong; the job has changed what cannot be taken back: it does not begin again"""
    note = f"echo >>{shlex.quote(str(case.folder / 'tries'))}; "
    fails, greets = ["-e", note + "false"], ["-e", note + "echo Welcome to this machine.; true"]
    check_tries(case, fails * 3, NOT_STARTED, 3, "tried too often")
    check_tries(case, greets + fails, PROTOCOL, 1, "wrong one trusted")
    old, new = words_of(12), words_of(9)
    lose_both(case, old, f"{new}\n")
    machine = Machine(case, "lost", signal.SIGKILL)
    write(case, case.folder / "numbers", old)
    life = shadow(case, "openfiles", "open 3 numbers u", f"write 3 {new}", "gate 1", way=[*machine.way, *elsewhere(case)])
    lose(case, life, machine)
    over = wait_until(lambda: life.status is not None or "begins again" in life.messages(), of=life.pid)
    if "begins again" in life.messages():
        life.kill()
    check(over and life.status == LOST, f"a file was written over, and its job's machine was lost: "
          f"{exit_words(life.status)}, must be {LOST}", "remote: again in spite of", *life.symptoms())
