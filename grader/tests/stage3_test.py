"""Stage 3, 45 points: restart brings a saved program back.

Images come from the reference's ckpt, so that stage 2 does not matter here; one test takes the
student's own programs all the way.
"""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

from elftools.elf.elffile import ELFFile

from stage import image as core
from stage import maps
from stage.case import Case, Stamp, steps
from stage.config import expand
from stage.failure import Failure, check, check_equal
from stage.lab import REFERENCE, STUDENT
from stage.oracle import EXIT, expected_output, text_of
from stage.process import Life, exit_words, has_signal, open_numbers, patience, status_field, wait_until
from stage.processor import HERE
from stage.programs import compilers
from stage.runner import WITHOUT_ASLR
from stage.scoring import points

BEFORE, AFTER = steps(1, 5), steps(6, 12)
LARGE = ["large 1", "behind 1"]  # of programs/large.c: all of it is there, and nothing is behind it


def counts(case: Case, program: str, **how: object) -> Life:
    """One of the counters, 12 steps, checkpointed after step 5."""
    return case.survives(program, 12, 5, before=BEFORE, after=AFTER, **how)  # type: ignore[arg-type]


# The core: memory, stack, registers


@points(5, step="3.5")
def test_bare(case: Case) -> None:
    """a counter that uses no libc goes on where it was"""
    counts(case, "bare")


@points(2, step="3.6", needs="test_bare")
def test_counter(case: Case) -> None:
    """a counter with libc and thread-local variables"""
    counts(case, "counter")


@points(2, step="3.6", needs="test_counter")
def test_usleep(case: Case) -> None:
    """a counter that sleeps, with stack protectors everywhere"""
    counts(case, "counter-usleep")


@points(2, step="3.6", needs="test_counter")
def test_stdio(case: Case) -> None:
    """lines in stdio's buffer are neither lost nor printed twice"""
    first = case.start_at_gate("counter-stdio", 12, 5, ckpt=REFERENCE)
    image = case.checkpoint(first)
    first.kill()
    case.open_gate(1)
    expected = expected_output(first.lines()[0], [*BEFORE, "gate 01", *AFTER, EXIT])
    second = case.restart(image)
    status = second.wait()
    rest = [*expected[1:6], *expected[7:]]
    # The buffered lines come out at fflush(); exit is written without a buffer.
    check_equal(second.lines(), rest, f"after the restart: {exit_words(status)}", *second.symptoms())
    case.check_status(second, status, int(text_of(expected[-1]).split()[1]))


@points(2, step="3.7", needs="test_counter")
def test_clock(case: Case) -> None:
    """a counter that asks for the time: the vdso is where the program expects it"""
    counts(case, "counter-clock")


RAISED = ["raise returned 0", "caught 1", "pthread_kill returned 0", "caught 1", "affinity 0", "clock 0"]


@points(1, step="3.6", needs="test_counter")
def test_raise(case: Case) -> None:
    """raise() and pthread_kill() reach this process"""
    case.survives("raise", after=RAISED)


@points(1, step="3.6", needs="test_counter")
def test_abort(case: Case) -> None:
    """abort() ends it by SIGABRT"""
    case.survives("abort", after=["abort"], status=-signal.SIGABRT)


@points(1, step="3.6", needs="test_counter")
def test_float(case: Case) -> None:
    """printf("%.2f")"""
    case.survives("float", after=["two thirds 0.67", "big 1000000000000000.25", "product 666.667"])


@points(1, step="3.6", needs="test_counter")
def test_tls(case: Case) -> None:
    """thread-local variables and errno"""
    case.survives("tls", after=["words 1", "text Initial value", "errno 1234", "self 1"])


MALLOC = ["brk kept 1", "brk grew 1", "small 4000", *(f"large {letter}" for letter in "ABCD")]


@points(1, step="3.8", needs="test_counter")
def test_malloc(case: Case) -> None:
    """malloc: the heap is where it was, and grows"""
    case.survives("malloc", before=["brk is set"], after=MALLOC)


@points(1, step="3.3", needs="test_counter")
def test_recursion(case: Case) -> None:
    """a deep recursion returns, and a deeper one makes the stack grow"""
    case.survives("recursion", after=["shallow 1", "deep 1"])


KEPT = ["tid address 1", "robust list 1", "gs 1"]  # of programs/kept.c


@points(1, step="3.6", needs="test_counter")
def test_rseq(case: Case) -> None:
    """what the kernel keeps of the thread: the processor's number (rseq), the tid's address, the robust list, gs"""
    case.survives("rseq", before=["rseq 1"], after=["rseq 1"])
    again(case, "kept", after=KEPT)
    again(case, "kept", after=KEPT, env={"GLIBC_TUNABLES": "glibc.pthread.rseq=0"})  # one that has no rseq


def again(case: Case, program: str, *arguments: object, **how: object) -> None:
    """Another program in the same case."""
    case.close_gates()
    case.survives(program, *arguments, **how)  # type: ignore[arg-type]


# Addresses


def has_hung(failure: Failure) -> bool:
    return any(symptom.endswith(": hangs") for symptom in failure.symptoms)


def repeat_restart(case: Case, program: str, times: int, options: Sequence[str] = ()) -> None:
    """Restart one image several times; how many were good depends on the addresses."""
    first = case.save(program, 12, 5, ckpt=REFERENCE)
    expected = expected_output(first.lines()[0], [*BEFORE, "gate 01", *AFTER, EXIT])
    bad: list[Failure] = []
    assert case.image is not None
    for tried in range(1, times + 1):
        try:
            case.check_rest(first, case.restart(case.image, STUDENT, *options), expected, 7)
        except Failure as failure:
            bad.append(failure)
            if len(bad) > 9 or sum(map(has_hung, bad)) > 1:
                break
    if bad:
        words = f"{tried - len(bad)}/{tried} (depends on addresses): {bad[0].message}"
        raise Failure(words, "several: some fail", *bad[0].symptoms, expected=bad[0].expected, got=bad[0].got)


@points(1, step="3.1", needs="test_counter")
def test_addresses(case: Case) -> None:
    """one image restarted eight times, at whatever addresses the kernel chooses; and place_find() among 200 others"""
    repeat_restart(case, "counter", 8)
    check_places(case)


def check_places(case: Case) -> None:
    """The student's place_find() in a program of ours."""
    stages = sorted(case.lab.folder.parent.glob("stage[123]-*"))
    folders = [word for folder in (case.lab.folder, *reversed(stages)) for word in ("-I", folder)]
    program, source = case.folder / "places", case.lab.programs.source("places.c")
    case.beside = stages
    built = case.run("gcc", ["gcc", *folders, source, case.lab.folder / "build" / "place.o", "-o", program])
    check(built.wait(30) == 0, f"{built.shell()}\n{built.messages()}", "restart: interface of place.c")
    life = case.run("places", [program])
    check(life.wait() == 0, f"place_find(): {exit_words(life.status)}", "place: crashes", *life.symptoms())
    wrong = [line for line in life.lines() if not line.endswith((": is free", ": none"))]
    words = f"place_find() is wrong {len(wrong)} times of {len(life.lines())}: {''.join(wrong[:1])}"
    check(not wrong, words, *sorted({f"place: {line.partition(': ')[2]}" for line in wrong}))


def lowest_address(program: Path) -> int:
    with program.open("rb") as file:
        loads = [s.header.p_vaddr for s in ELFFile(file).iter_segments("PT_LOAD")]
    return int(min(loads)) & ~0xFFF


@points(1, step="3.3", needs="test_counter")
def test_no_pie(case: Case) -> None:
    """a program that is not position-independent"""
    counts(case, "counter-no-pie")


@points(1, step="3.1", needs="test_no_pie")
def test_same_address(case: Case) -> None:
    """a program that is linked at restart's own addresses"""
    restart = case.restart_command(Path("x"), STUDENT)[0]
    address = lowest_address(Path(restart)) or 0x400000
    counts(case, f"counter-at-{address:#x}")


@points(1, step="3.6", needs="test_counter")
def test_clang(case: Case) -> None:
    """programs that clang compiled (if it is here)"""
    if "clang" in compilers():
        counts(case, "counter-clang")
        other = Case.fresh(case.lab, f"{case.name}/no-pie")
        try:
            counts(other, "counter-clang-no-pie")
        finally:
            other.close()


# Again and again


def generations(case: Case, count: int, who: str) -> None:
    """Checkpoint, kill, restart; and the restarted one again."""
    gates = [3 * i for i in range(1, count + 1)]
    last = gates[-1] + 3
    life = case.start_at_gate("counter", last, *gates, ckpt=who)
    texts: list[str] = []
    for i in range(1, last + 1):
        texts += steps(i, i) + ([f"gate {gates.index(i) + 1:02d}"] if i in gates else [])
    expected = expected_output(life.lines()[0], [*texts, EXIT])
    for number in range(1, count + 1):
        life = next_life(case, life, number, expected)
    case.check_rest(life, life, expected, 1 + 4 * count)


def next_life(case: Case, life: Life, number: int, expected: Sequence[str]) -> Life:
    life.wait_for_line(f"gate {number:02d}")
    if number > 1:
        case.check_image_stays(life)
    got = life.lines()
    start = 0 if number == 1 else 1 + 4 * (number - 1)
    check_equal(got, expected[start : 1 + 4 * number], f"life {number} printed something else", "again: output")
    check(has_signal(life.pid, "SigCgt", case.lab.interface.signal), "no handler", "again: no handler")
    image = case.checkpoint(life)
    life.kill()
    case.open_gate(number)
    return case.restart(image)


@points(1, step="3.8", needs="test_usleep")
def test_again(case: Case) -> None:
    """a checkpoint of the restarted program, and so on, five times"""
    generations(case, 5, REFERENCE)


@points(1, step="3.8", needs="test_counter")
def test_whole_chain(case: Case) -> None:
    """your own ckpt and your own restart together, and once more"""
    generations(case, 2, STUDENT)


# The other kinds of state


@points(1, step="3.5", needs="test_counter")
def test_registers(case: Case) -> None:
    """all general and vector registers"""
    case.survives("registers", after=["general 10 of 10", "vector 16 of 16"])


@points(1, step="3.5", needs="test_counter")
def test_fpenv(case: Case) -> None:
    """rounding mode, MXCSR and the x87 control word"""
    state = ["rounding 1", "up 1", *HERE.float_state]
    case.survives("fpenv", before=state, after=state)


SIGNAL_STATE = [
    "handler 1 flags 18000000 mask 1",
    "pipe ignored 1",
    "term ignored 1",
    "alarm default 1",
    "blocked 1 1 0 0",
    "stack 1 65536 0",
    "on other stack 1",
]


@points(1, step="3.8", needs="test_counter")
def test_signals(case: Case) -> None:
    """signal mask, actions and alternate stack"""
    case.survives("sigstate", before=SIGNAL_STATE, after=SIGNAL_STATE)


@points(1, step="3.8", needs="test_counter")
def test_pending(case: Case) -> None:
    """pending and queued signals with their values"""
    queued = [f"signal 1 value {100 + i} code 1" for i in range(3)]
    after = ["signal 0 value 55 code 1", *queued, "signal 2 value 777 code 1", "no more"]
    case.survives("pending", after=after)


@points(1, step="3.8", needs="test_raise")
def test_timers(case: Case) -> None:
    """interval timers go on"""
    after = ["real armed 1 every 7", "virtual armed 1 every 8", "prof armed 1 every 9", "rang"]
    case.survives("timers", after=after)


@points(1, step="3.8", needs="test_counter")
def test_process(case: Case) -> None:
    """working directory, umask, limits, name, auxiliary vector, arguments, where its memory begins and ends"""
    process_state(case, REFERENCE)


def process_state(case: Case, ckpt: str) -> None:
    folder = case.folder / "working here"
    folder.mkdir()
    state = ["cwd 1", "umask 137", "files 97", f"stack {6 << 20}", "name my own name", "auxv 1", "cmdline 1", "places 1", "getauxval 1"]
    case.survives("process", folder, before=state, after=state, ckpt=ckpt)


# Address spaces


def joined_maps(pid: int) -> list[str]:
    return [str(region) for region in maps.joined(maps.regions_of(pid))]


def pages_from(base: int, pid: int) -> list[str]:
    """The protections of the eight pages of programs/guard.c."""
    regions = maps.read_maps(pid)
    found = [(address, maps.find(regions, address)) for address in range(base, base + 8 * maps.PAGE, maps.PAGE)]
    return [f"{address:x} {region.perms if region else 'not mapped'}" for address, region in found]


@points(1, step="3.4", needs="test_counter")
def test_protections(case: Case) -> None:
    """guard pages, a page without access that has content, a read-only page, one behind the end of its file"""
    life = case.start_at_gate("guard", ckpt=REFERENCE)
    image = case.checkpoint(life)
    base = int(text_of(life.lines()[1]).split()[1], 16)
    expected = pages_from(base, life.pid)
    life.kill()
    second = case.restart(image)
    case.wait_in_program(second, case.program("guard"))
    got = pages_from(base, second.pid) if second.status is None else []
    pairs = [(e.split(" ", 1)[1], g.split(" ", 1)[1]) for e, g in zip(expected, got)]
    guards = [g for e, g in pairs if e == "---p" != g and "w" not in g]
    words = [f"maps: guard {'not mapped' if g == 'not mapped' else 'readable'}" for g in guards] or ["maps: protections"]
    check_equal(got, expected, "the protections are not what they were", *words, *second.symptoms())
    case.open_gate(1)
    texts = [text_of(life.lines()[1]), "gate 01", "locked 1", "hidden 1", EXIT]
    case.check_rest(life, second, expected_output(life.lines()[0], texts), 3)
    check_beyond(case)


def check_beyond(case: Case) -> None:
    """A private mapping that is longer than its file."""
    data = case.folder / "data"
    data.write_bytes(b"a" * maps.PAGE)
    again(case, "beyond", data, after=["file aXa"])


@points(1, step="3.8", needs="test_counter")
def test_maps(case: Case) -> None:
    """/proc/PID/maps afterwards is what it was, and no file is left open"""
    same_maps(case, REFERENCE)


def same_maps(case: Case, ckpt: str) -> None:
    """A restarted program that stays at gate 1 has the regions and descriptors that it had."""
    first = case.start_at_gate("counter", 12, 5, ckpt=ckpt)
    image = case.checkpoint(first)
    expected, numbers = joined_maps(first.pid), open_numbers(first.pid)
    first.kill()
    for case.through in ([], WITHOUT_ASLR):  # then restart's own stack, which must go, ends where addresses end
        life = case.restart(image)
        case.wait_in_program(life, case.program("counter"))
        wait_until(lambda: joined_maps(life.pid) == expected or life.status is not None, 1)
        got = joined_maps(life.pid)
        check_equal(got, expected, "the address space is not what it was", *map_symptoms(got, expected))
        got_numbers = open_numbers(life.pid)
        words = "descriptors: left open" if len(got_numbers) > len(numbers) else "descriptors: closed"
        check(got_numbers == numbers, f"descriptors {got_numbers}, and the program had {numbers}", words)
        life.kill()


def map_symptoms(got: Sequence[str], expected: Sequence[str]) -> list[str]:
    """What is wrong with an address space, line by line."""
    protections = {line.split()[0]: line.split()[1] for line in expected}
    symptoms = [f"maps: lost {line.split()[-1]}" for line in expected if line not in got]
    for words in (line.split() for line in got if line not in expected):
        symptoms.append(f"maps: extra {words[-1]}")
        if protections.get(words[0], words[1]) != words[1]:
            symptoms.append("maps: protections")
        if words[1] == "r-xp" and words[-1] == "0":
            symptoms.append("maps: extra code of the restorer")
    return symptoms


@points(1, step="3.6", needs=["test_whole_chain", "test_raise", "test_rseq"])
def test_own_thread(case: Case) -> None:
    """the thread, from an image of your own ckpt: raise(), rseq, the tid's address, the robust list"""
    case.survives("raise", after=RAISED, ckpt=STUDENT)
    again(case, "rseq", before=["rseq 1"], after=["rseq 1"], ckpt=STUDENT)
    again(case, "kept", after=KEPT, ckpt=STUDENT)


@points(1, step="3.8", needs=["test_whole_chain", "test_malloc", "test_process", "test_maps"])
def test_own_process(case: Case) -> None:
    """the address space, from an image of your own ckpt: the heap, the arguments, all regions"""
    case.survives("malloc", before=["brk is set"], after=MALLOC, ckpt=STUDENT)
    case.close_gates()
    process_state(case, STUDENT)
    case.close_gates()
    same_maps(case, STUDENT)


@points(1, step="3.4", needs="test_counter")
def test_lazy(case: Case) -> None:
    """restart --lazy maps the image's pages instead of reading them"""
    counts(case, "counter-clock", options=["--lazy"])


@points(1, step="3.5", needs="test_counter")
def test_stop(case: Case) -> None:
    """restart --stop waits for SIGCONT; --dry-run does nothing but check"""
    first = case.save("counter", 12, 5, ckpt=REFERENCE)
    expected = expected_output(first.lines()[0], [*BEFORE, "gate 01", *AFTER, EXIT])
    assert case.image is not None
    dry = case.restart(case.image, STUDENT, "--dry-run")
    check(dry.wait() == 0, f"--dry-run: {exit_words(dry.status)}", "restart: dry run", *dry.symptoms())
    check("step" not in dry.text(), "--dry-run ran the program", "restart: dry run")
    life = case.restart(case.image, STUDENT, "--stop")
    case.check_stopped(life, "--stop", "restart: stop")
    check(not life.text(), "--stop: the program ran on", "restart: stop")
    case.go_on(life)
    case.check_rest(first, life, expected, 7)


@points(1, step="3.3", needs="test_counter")
def test_many_regions(case: Case) -> None:
    """5,000 regions"""
    case.survives("regions", 5000, after=["regions 5000"])


@points(1, step="3.4", needs="test_counter")
def test_large(case: Case) -> None:
    """a region of more than 4 GiB, mostly untouched"""
    case.survives("large", 4400, 32 * maps.HUGE_PAGE >> 10, after=LARGE)


@points(1, step="3.4", needs="test_counter")
def test_short_reads(case: Case) -> None:
    """each large read() moves only a part of the bytes, and one is interrupted"""
    first = case.save("large", 4, 4, ckpt=REFERENCE)
    expected = expected_output(first.lines()[0], ["gate 01", *LARGE, EXIT])
    assert case.image is not None
    case.through = [str(case.program("shortio"))]
    case.check_rest(first, case.restart(case.image), expected, 2)


# Refusals


def changed(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def bad_images(image: core.Image) -> dict[str, bytes]:
    """Files that are no image, each by another way."""
    data = image.path.read_bytes()
    note = data.find(b"CKPT\0")
    first = image.segments[1]
    return {
        "empty": b"",
        "text": b"This is no image.\n" * 300,
        "elf header only": data[:64],
        "cut in the notes": data[: note + 40],
        "cut in the regions": data[: len(data) * 2 // 3],
        "cut by a page": data[: max(load.offset + load.stored for load in image.loads) - maps.PAGE],
        "another machine": changed(data, 18, struct.pack("<H", HERE.other_machine)),
        "an executable": changed(data, 16, struct.pack("<H", 3)),
        "no note of ours": data.replace(b"CKPT\0", b"TPKC\0"),
        "future version": changed(data, note + 8, struct.pack("<I", 99)),
        "region beyond the file": changed(data, 64 + 56 + 8, struct.pack("<Q", 1 << 50)),
        "region at address 0": changed(data, 64 + 56 + 16, struct.pack("<Q", 0)),
        "regions overlap": changed(data, 64 + 56 + 40, struct.pack("<Q", first["p_memsz"] + (64 << 40))),
        "notes of huge size": changed(data, 64 + 32, struct.pack("<Q", 1 << 62)),
    }


@points(1, step="3.1", needs="test_counter")
def test_bad_images(case: Case) -> None:
    """truncated, corrupt, foreign and future images are refused with a message"""
    case.save("counter", 12, 5, ckpt=REFERENCE)
    assert case.image is not None
    for name, data in bad_images(case.open_image(case.image)).items():
        path = case.folder / f"{name}.image"
        path.write_bytes(data)
        refused(case.restart(path), 65, name)
        path.unlink()
    refused(case.restart(case.folder / "missing"), 66, "missing")
    usage = case.run("restart", case.restart_command(case.image, STUDENT)[:1])
    refused(usage, 64, "no operand")


def refused(life: Life, status: int, what: str) -> None:
    got = life.wait()
    good = got == status and life.messages().startswith("restart") or status == 64 == got
    check(good, f"{what}: {exit_words(got)}, must be {status} and a message: {life.messages()!r}", "restart: accepts " + what)


@points(1, step="3.3", needs="test_counter")
def test_changed_file(case: Case) -> None:
    """a file that changed since is refused, unless the image has all its pages"""
    data = case.folder / "data"
    for full in ("", "1"):
        case.close_gates()
        data.write_bytes(b"".join(letter * maps.PAGE for letter in (b"a", b"b", b"c")))
        first = case.save("privatefile", data, ckpt=REFERENCE, env={"CKPT_FULL": full})
        data.write_bytes(b"other")
        assert case.image is not None
        second = case.restart(case.image)
        if full:
            texts = [text_of(first.lines()[1]), "gate 01", "file aXc b", EXIT]
            case.check_rest(first, second, expected_output(first.lines()[0], texts), 3)
        else:
            status = second.wait()
            check(status != 0 and not second.text(), f"it restarted: {exit_words(status)}", "restart: accepts a changed file")
        check("data" in second.messages(), "no message names the file", "restart: silent about a file")


@points(1, step="3.8", needs="test_counter")
def test_files(case: Case) -> None:
    """an open file, which only stage 4 brings back, is named by restart and by readckpt"""
    data = case.folder / "open.data"
    data.touch()
    first = case.save("files", data, ckpt=REFERENCE)
    assert case.image is not None
    second = case.restart(case.image)
    second.wait()
    shown = case.run("readckpt", [*expand(case.lab.interface.readckpt, bin=case.lab.folder), str(case.image)])
    shown.wait()
    for life, said in ((second, second.messages()), (shown, shown.text())):
        check("open.data" in said, f"{life.role} does not name the open file", "restart: silent about a file")
    texts = [text_of(first.lines()[1]), "gate 01", EXIT]
    case.check_rest(first, second, expected_output(first.lines()[0], texts), 3)


# The homework's own programs, at full speed


def whole_output(program: Path, *arguments: int) -> str:
    command = [str(program), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def stopped_in_mid_run(case: Case, program: str, last: int) -> Life:
    """A program that counts freely, stopped (SIGSTOP) after its first numbers; it may be at its end by then."""
    life = case.start(program, last, ckpt=REFERENCE)
    wait_until(lambda: len(life.text().split()) > 20 or life.status is not None, of=life.pid)
    case.signal(life, signal.SIGSTOP)
    wait_until(lambda: status_field(life.pid, "State").startswith("T") or life.status is not None)
    return life


def check_suffix(case: Case, program: str, last: int) -> None:
    """Checkpoint a program that counts freely; the rest must come, neither more nor less."""
    life = stopped_in_mid_run(case, program, last)
    while life.status == 0 and last < 1 << 20:  # on a busy machine it may have ended before we looked
        last *= 2
        life = stopped_in_mid_run(case, program, last)
    check(life.status is None, f"{program}: {exit_words(life.status)}", *life.symptoms())
    whole, seen = whole_output(case.program(program), last), len(life.text())
    image = case.checkpoint(life, stopped=True)
    life.kill()
    until = len(life.text())
    second = case.restart(image)
    status = second.wait()
    start = len(whole) - len(second.text())
    good = whole.endswith(second.text()) and seen <= start <= until
    words = f"{program}: {exit_words(status)}, and the output is not the rest"
    if not good or status != 0:
        raise Failure(words, *second.symptoms(), expected=[whole[until:]], got=[second.text()])


@points(1, step="3.7", needs="test_stdio")
def test_homework(case: Case) -> None:
    """the homework's counting and primes, checkpointed in mid-run"""
    for program, last in (("counting", 120), ("primes", 600)):
        check_suffix(case, program, last)


# Stress: no points, but each must pass


@points(0, step="3.1", needs=["test_addresses", "test_clock", "test_lazy"], stress=True)
def test_hundred(case: Case) -> None:
    """one image restarted 100 times"""
    repeat_restart(case, "counter-clock", 100)


@points(0, step="3.1", needs=["test_addresses", "test_clock", "test_lazy"], stress=True)
def test_hundred_images(case: Case) -> None:
    """40 images, each restarted, lazily and not"""
    for i in range(40):
        again = Case.fresh(case.lab, f"{case.name}/{i}")
        try:
            counts(again, "counter-clock", options=["--lazy"] if i % 2 else [])
        finally:
            again.close()


@points(0, step="3.4", needs="test_large", stress=True)
def test_two_gibibytes(case: Case) -> None:
    """2.1 GiB, every page written"""
    with patience.times(12):
        case.survives("large", 2200, 4, after=LARGE)


@points(0, step="3.8", needs="test_again", stress=True)
def test_many_generations(case: Case) -> None:
    """nine lives of your own programs"""
    generations(case, 9, STUDENT)


def without_aslr(command: Sequence[str]) -> list[str]:
    return [shutil.which("setarch") or "setarch", os.uname().machine, "-R", *command]


@points(0, step="3.1", needs=["test_addresses", "test_clock", "test_lazy"], stress=True)
def test_without_aslr(case: Case) -> None:
    """with address randomisation off, restart and the program want the same places"""
    for command in ("save", "both"):
        case.close_gates()
        first = case.save("counter-clock", 12, 5, ckpt=REFERENCE)
        assert case.image is not None
        words = case.restart_command(case.image, STUDENT)
        second = case.run("restart", without_aslr(words) if command == "both" else words)
        expected = expected_output(first.lines()[0], [*BEFORE, "gate 01", *AFTER, EXIT])
        case.check_rest(first, second, expected, 7)


@points(0, step="3.8", needs=["test_whole_chain", "test_raise"], stress=True)
def test_api(case: Case) -> None:
    """ckpt_now() tells the two lives apart, ckpt_disable() postpones a checkpoint"""
    life = case.start("api")
    path, rest = case.folder / "image", ["gate 01", "gate 02", "gate 03", EXIT]
    life.wait_for_line("gate 01")
    now = shutil.copy(path, case.folder / "now")
    before = Stamp.of(path)
    case.open_gate(1)
    life.wait_for_line("gate 02")
    check(Stamp.of(path) == before, "a checkpoint while they were disabled", "api: not disabled")
    case.open_gate(2)
    life.wait_for_line("gate 03")
    check(Stamp.of(path) != before, "the postponed checkpoint was forgotten", "api: forgotten")
    case.open_gate(3)
    case.check_whole(life, ["now 0", *rest])
    again = expected_output(life.lines()[0], ["now 1", *rest])
    case.check_rest(life, case.restart(Path(now)), again, 1)
