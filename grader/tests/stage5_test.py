"""Stage 5: restart from core files, as gcore(1), gdb and the kernel write them; libsavefds.so.

The program under test runs without ckpt. Its core is taken at a gate, it is killed, and what restart makes of the
core must print the rest of its lines. The kernel's cores are tested where core_pattern leaves them in the program's
folder; it is never changed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import signal
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from stage import maps
from stage.case import Case, steps
from stage.failure import Failure, check, check_equal
from stage.image import NT_PRSTATUS, Image
from stage.lab import REFERENCE, STUDENT
from stage.oracle import EXIT, expected_output, text_of
from stage.process import Life, exit_words, status_field, wait_until
from stage.processor import HERE
from stage.scoring import NOT_TESTED, points

PATTERN = Path("/proc/sys/kernel/core_pattern")
# gdb before version 14 loses AVX-512 registers on AMD processors: libc shall not use them in its cores.
NO_AVX512 = "glibc.cpu.hwcaps=" + ",".join(f"-AVX512{part}" for part in ("F", "VL", "BW", "CD", "DQ"))
ENVIRONMENT = {"GLIBC_TUNABLES": NO_AVX512}
# As `ulimit -c unlimited` in the document of 2005, and with another coredump_filter (core(5)).
RAISED = ["/bin/sh", "-c", 'ulimit -S -c "$(ulimit -H -c)"; exec "$@"', "sh"]
FILTERED = ["/bin/sh", "-c", 'echo 0x3 >/proc/self/coredump_filter; ulimit -S -c "$(ulimit -H -c)"; exec "$@"', "sh"]
GDB = ["gdb", "-q", "-nx", "-batch", "-iex", "set debuginfod enabled off"]
NODES = 4000
PT_LOAD, SEGMENT = 1, struct.Struct("<2I5Q")  # elf(5): Elf64_Phdr up to p_memsz
XSAVE_HEADER = 512  # in NT_X86_XSTATE: which registers are in use
XSAVE_MARK, XSAVE_MARK_AT = b"FPXS"[::-1], 464  # in a signal frame: FP_XSTATE_MAGIC1 of <asm/sigcontext.h>
FRAME = 16384  # no signal frame is larger
ROUNDS = 2000  # of compute: some tenths of a second

Take = Callable[[Case, Life], Path]


def not_tested(why: str) -> None:
    pytest.skip(f"{NOT_TESTED}{why}")


# How cores are made


def begin(case: Case, name: str | Path, *arguments: object, through: Sequence[str] = (), env: dict[str, str] | None = None) -> Life:
    """Starts a program under test, or a copy of one, without ckpt."""
    program = case.program(name) if isinstance(name, str) else name
    words = [*through, str(program), *(str(argument) for argument in arguments)]
    life = case.run("original", words, {**ENVIRONMENT, **(env or {})})
    case.under_test[life.role] = program
    return life


def begin_to_gate(case: Case, name: str | Path, *arguments: object, **how: object) -> Life:
    life = begin(case, name, *arguments, **how)  # type: ignore[arg-type]
    life.wait_for_line("gate 01")
    return life


def remember(case: Case, life: Life, core: Path) -> None:
    """Of a program, before it ends, what its restart will be compared with."""
    case.maps_before = maps.read_maps(life.pid)
    case.remember(life, core)


def gcore(case: Case, life: Life) -> Path:
    """`gcore PID`; the program is killed then."""
    path, said = try_gcore(case, life)
    if not path.exists():
        not_tested(f"gcore makes no core here: {said.strip()[-200:] or 'it is not installed (package gdb)'}")
    remember(case, life, path)
    life.kill()
    return path


def try_gcore(case: Case, life: Life) -> tuple[Path, str]:
    """Where its core is, if it could be made; and what gcore said."""
    case.steps.append("gcore -o core PID   # of: original; kill -9 PID")
    said = case.output_of(["gcore", "-o", case.folder / "core", str(life.inner_pid)], limit=60)
    return case.folder / f"core.{life.inner_pid}", said


def systemd_has_cores() -> bool:
    return "systemd-coredump" in PATTERN.read_text() and shutil.which("coredumpctl") is not None


def need_kernel_cores(case: Case) -> None:
    pattern = PATTERN.read_text().strip()
    if (pattern.startswith("|") or "/" in pattern) and (case.lab.place is not None or not systemd_has_cores()):
        not_tested(f"the kernel gives its cores to somebody else (core_pattern is {pattern})")


def kernel_core(case: Case, life: Life) -> Path:
    """SIGQUIT, for a program that was started through RAISED."""
    remember(case, life, case.folder)  # under this name, until the core has its own
    case.signal(life, signal.SIGQUIT)
    core = core_that_came(case, life)
    case.looks.rename(case.folder, core)
    return core


def core_that_came(case: Case, life: Life) -> Path:
    """Where the kernel has put the core of a program to which SIGQUIT was sent."""
    status = life.wait()
    check(status == -signal.SIGQUIT, f"the program did not end by SIGQUIT: {exit_words(status)}", "core: no quit",
          *life.symptoms())
    if systemd_has_cores():
        return core_of_systemd(case, life)
    found = sorted(path for path in case.folder.glob("core*") if path.is_file())
    if not found:
        not_tested("the kernel writes no core here (ulimit -H -c? core_pattern?)")
    return found[0]


def core_of_systemd(case: Case, life: Life) -> Path:
    """It writes the core while the program has ended already."""
    path, said = case.folder / "core", [""]

    def there() -> bool:
        said.append(case.output_of(["coredumpctl", "-o", path, "dump", str(life.inner_pid)], limit=30))
        return path.exists() and path.stat().st_size > 0

    if not wait_until(there, 60):
        not_tested(f"coredumpctl does not have the core: {said[-1].strip()[-200:]}")
    return path


def preload(case: Case) -> dict[str, str]:
    return {"LD_PRELOAD": str(case.lab.folder / "libsavefds.so")}


def changed(file: Path, other: Path, at: int, value: bytes) -> Path:
    """A copy with these bytes at a place."""
    data = bytearray(file.read_bytes())
    data[at : at + len(value)] = value
    other.write_bytes(data)
    other.chmod(0o755)
    return other


def place_of_note(core: Path, kind: int, name: str) -> int:
    """Where its content begins; its type stands 12 bytes before."""
    note = Image(core).note(kind, name)
    if note is None:
        not_tested(f"this core has no note {kind:#x}")
    assert note is not None
    return core.read_bytes().find(note.data)


def with_register(core: Path, name: str, value: int) -> Path:
    at = place_of_note(core, NT_PRSTATUS, "CORE") + 112 + 8 * HERE.saved.index(name)
    return changed(core, core.with_name("changed"), at, struct.pack("<q", value))


# What becomes of them


def restart(case: Case, *words: str | Path, who: str = STUDENT) -> Life:
    """restart with these words; the last is the core, which it must not touch."""
    options = [str(word) for word in words if str(word).startswith("-")]
    stops = len(words) - len(options) > 1 and not {"-n", "--nostop"} & set(options)
    waits = bool({"-w", "--wait"} & set(options))
    command = [*case.through, case.lab.bin(who) / "restart", *words]
    return case.run_restart(command, Path(words[-1]), stops=stops, waits=waits)


def comes_back(case: Case, name: str, *arguments: object, before: Sequence[str] = (), after: Sequence[str] = (),
               take: Take = gcore, through: Sequence[str] = (), env: dict[str, str] | None = None,
               options: Sequence[str] = ("-n",)) -> Life:
    """A core at gate 1; restart PROG CORE prints the rest. `before` and `after` are the texts around the gate."""
    first = begin_to_gate(case, name, *arguments, through=through, env=env)
    core = take(case, first)
    case.open_gate(1)
    second = restart(case, *options, case.program(name), core)
    expected = expected_output(first.lines()[0], [*before, "gate 01", *after, EXIT])
    case.check_rest(first, second, expected, len(before) + 2)
    return second


def counter_comes_back(case: Case, name: str, take: Take = gcore, through: Sequence[str] = (),
                       options: Sequence[str] = ("-n",)) -> Life:
    return comes_back(case, name, 20, 10, before=steps(1, 10), after=steps(11, 20), take=take, through=through,
                      options=options)


def refused(case: Case, status: int, word: str, *words: str | Path) -> None:
    """restart says why not, with this status, and nothing runs."""
    life = restart(case, *words)
    got = life.wait()
    good = got == status and word in life.messages() and not life.text()
    check(good, f"{exit_words(got)}, must be {status} and a message with '{word}': {life.messages()!r}",
          f"core: not refused: {word}", *life.symptoms())
    case.check_image_stays(life)


def core_of_counter(case: Case) -> tuple[Life, Path]:
    life = begin_to_gate(case, "counter", 20, 10)
    core = gcore(case, life)
    case.open_gate(1)
    return life, core


def stopped(case: Case, life: Life) -> None:
    case.check_stopped(life, "restart PROG CORE does not leave the program stopped", "core: not stopped")


def shown(regions: Sequence[maps.Region]) -> list[str]:
    return [str(region) for region in regions]


# 5.1, 5.2: the memory, and the files that have the rest of it


@points(2, step="5.1")
def test_regions(case: Case) -> None:
    """left stopped, without -n: each region is there, and may be read, written, executed as before"""
    program = padded(case.program("corestate"), case.folder / "corestate")
    core = gcore(case, begin_to_gate(case, program, "split", "gate 1"))
    with case.rests_on_earlier():
        again = restart(case, program, core)
        stopped(case, again)
    now = maps.joined(maps.read_maps(again.pid))
    wanted = [region for region in maps.joined(case.maps_before) if not region.name.startswith("[stack")]
    places = {(region.start, region.end): region for region in now}
    for region in wanted:
        got = places.get((region.start, region.end))
        if got is None or got.perms != region.perms:
            raise Failure(f"{region.kind()}: {got.perms if got else 'not there'}, was {region.perms}",
                          f"core: protections {region.perms} {region.kind()}", expected=shown(wanted), got=shown(now))


def padded(program: Path, other: Path) -> Path:
    """The same program, but its segments end with a page if the next one's begins there or later."""
    page, data = os.sysconf("SC_PAGESIZE"), program.read_bytes()
    at, = struct.unpack_from("<Q", data, 32)
    count, = struct.unpack_from("<H", data, 56)
    headers = [(at + 56 * i, *SEGMENT.unpack_from(data, at + 56 * i)) for i in range(count)]
    loads = [header for header in headers if header[1] == PT_LOAD]
    other.write_bytes(data)
    for (place, _, _, offset, _, _, size, in_memory), following in zip(loads, loads[1:]):
        end = -(-(offset + size) // page) * page
        if size == in_memory and end <= following[3]:
            changed(other, other, place + 32, struct.pack("<2Q", end - offset, end - offset))
    other.chmod(0o755)
    return other


@points(0.5, step="5.2", needs="test_regions")
def test_other_program(case: Case) -> None:
    """a PROG that is not the one that ran is refused, exit status 66"""
    _, core = core_of_counter(case)
    refused(case, 66, "counter-no-pie", "-n", case.program("counter-no-pie"), core)
    refused(case, 66, "no-such-program", "-n", case.folder / "no-such-program", core)


@points(1, step="5.2", needs="test_other_program")
def test_program_built_anew(case: Case) -> None:
    """the same program, but built from other source: only the build id tells; without one, the ELF header"""
    first, core = core_of_counter(case)
    program, note = case.program("counter"), b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0"
    at = program.read_bytes().find(note) + len(note)
    other = changed(program, case.folder / "counter", at, bytes(byte ^ 0x5A for byte in program.read_bytes()[at : at + 20]))
    refused(case, 66, "build id", "-n", other, core)
    nameless = changed(program, case.folder / "counter-nameless", at - 8, b"\x5A")  # its id is none: a note of another type
    goes_on(case, first, nameless, core)
    case.close_gates()
    first = begin_to_gate(case, nameless, 20, 10)
    core = gcore(case, first)
    case.open_gate(1)
    for same in (nameless, program):
        goes_on(case, first, same, core)
    refused(case, 66, "counter-other", "-n", changed(nameless, case.folder / "counter-other", 40, b"\x5A"), core)


def goes_on(case: Case, first: Life, program: Path, core: Path) -> None:
    """A counter does, with this file as its program."""
    expected = expected_output(first.lines()[0], [*steps(1, 10), "gate 01", *steps(11, 20), EXIT])
    case.check_rest(first, restart(case, "-n", program, core), expected, 12)


# 5.4 to 5.6: the registers


@points(2, step="5.4", needs="test_regions")
def test_general(case: Case) -> None:
    """all general registers are what they were"""
    first = begin_to_gate(case, "registers")
    core = gcore(case, first)
    case.open_gate(1)
    second = restart(case, "-n", case.program("registers"), core)
    second.wait()
    got = second.lines()
    vectors = text_of(got[1]) if len(got) > 1 and got[1].startswith("vector") else "vector 16 of 16"
    expected = expected_output(first.lines()[0], ["gate 01", "general 10 of 10", vectors, EXIT])
    check(got and got[0] == expected[2], f"{exit_words(second.status)}, {got[:1]}, must be {expected[2]!r}",
          "core: general registers" if got else "core: nothing", *second.symptoms())
    case.check_rest(first, second, expected, 2)
    in_no_call(case)


def in_no_call(case: Case) -> None:
    """A system call leaves some registers as it likes: those of a program that makes none."""
    flag = case.folder / "flag"
    flag.write_text("0")
    first = begin(case, "corestate", f"spin {flag}")
    first.wait_for_line("spin")
    start = used(first.pid)
    wait_until(lambda: used(first.pid) > start + 0.01, of=first.pid)
    core, status = gcore(case, first), flag.stat()
    flag.write_text("1")
    os.utime(flag, ns=(status.st_atime_ns, status.st_mtime_ns))  # it is the file that the core knows
    second = restart(case, "-n", case.program("corestate"), core)
    second.wait()
    expected = expected_output(first.lines()[0], ["spin", "kept 1", EXIT])
    check_equal(second.lines(), expected[2:], "a register is not what it was", "core: general registers", *second.symptoms())


@points(2, step="5.6", needs="test_general")
def test_counter(case: Case) -> None:
    """the counter, from a core of gcore"""
    counter_comes_back(case, "counter")


@points(2, step="5.5", needs="test_general")
def test_vectors(case: Case) -> None:
    """all vector registers, with AVX state in flight"""
    first = begin_to_gate(case, "registers")
    core = gcore(case, first)
    case.open_gate(1)
    second = restart(case, "-n", case.program("registers"), core)
    second.wait()
    texts = [text_of(line) for line in second.lines()]
    check("vector 16 of 16" in texts, f"{texts[1:2]}, must be 'vector 16 of 16'",
          "core: vector registers" if texts else "core: nothing", *second.symptoms())


@points(0.5, step="5.5", needs="test_vectors")
def test_rounding(case: Case) -> None:
    """floating point goes on: numbers in flight, and how they are rounded (MXCSR, the x87's words); also without AVX"""
    comes_back(case, "float", after=["two thirds 0.67", "big 1000000000000000.25", "product 666.667"])
    case.close_gates()
    first = begin_to_gate(case, "fpenv")
    core = gcore(case, first)
    case.open_gate(1)
    state = ["rounding 1", "up 1", *HERE.float_state]
    expected = expected_output(first.lines()[0], [*state, "gate 01", *state, EXIT])
    for each in [core, *without_vectors(case, core)] if HERE.vectors_note else [core]:
        case.check_rest(first, restart(case, "-n", case.program("fpenv"), each), expected, 2 + len(state))


def without_vectors(case: Case, core: Path) -> list[Path]:
    """Cores as of a processor that has the oldest registers only; one of a processor with others is refused."""
    at = place_of_note(core, HERE.vectors_note, "LINUX")
    refused(case, 65, "other-registers", "-n", case.program("fpenv"),
            changed(core, core.with_name("other-registers"), at + XSAVE_HEADER + 7, b"\x40"))
    plain = changed(core, core.with_name("plain"), at - 12, struct.pack("<I", 0x7777))
    clean_header(case, plain)
    return [plain]


def clean_header(case: Case, core: Path) -> None:
    """Left stopped, the frame lies in the stack: its xsave header has the mask of what is in use, and else nothing."""
    again = restart(case, case.program("fpenv"), core)
    stopped(case, again)
    end = Image(core).registers()[HERE.stack] & ~7
    with open(f"/proc/{again.pid}/mem", "rb") as memory:
        memory.seek(end - FRAME)
        below = memory.read(FRAME)
    at = below.rfind(XSAVE_MARK) - XSAVE_MARK_AT + XSAVE_HEADER
    header = struct.unpack_from("<8Q", below, at) if at > 0 else ()
    check(header == (3, 0, 0, 0, 0, 0, 0, 0), f"the xsave header is {header}, must be 3 and seven times 0: x87 and SSE",
          "core: xsave header" if header else "core: no mark")
    again.kill()


@points(1, step="5.6", needs="test_general")
def test_red_zone(case: Case) -> None:
    """the 128 bytes below rsp are as they were: the frame lies below them"""
    first = begin_to_gate(case, "redzone")
    core = gcore(case, first)
    case.open_gate(1)
    second = restart(case, "-n", case.program("redzone"), core)
    second.wait()
    texts = [text_of(line) for line in second.lines()]
    check("red zone 16 of 16" in texts, f"{texts[:1]}, must be 'red zone 16 of 16'",
          "core: red zone" if texts else "core: nothing", *second.symptoms())


@points(1, step="5.4", needs="test_general")
def test_mask(case: Case) -> None:
    """blocked signals stay blocked, and no others are (a core of the kernel: gdb does not note them)"""
    need_kernel_cores(case)
    first = begin_to_gate(case, "corestate", "block", "gate 1", "mask", through=RAISED)
    core = kernel_core(case, first)
    case.open_gate(1)
    second = restart(case, "-n", case.program("corestate"), core)
    second.wait()
    texts = [text_of(line) for line in second.lines()]
    check("blocked 1 0" in texts, f"{texts[:1]}, must be 'blocked 1 0'",
          "core: signal mask" if texts else "core: nothing", *second.symptoms())


# 5.3: system calls


def resting(case: Case, command: str, through: Sequence[str] = ()) -> Life:
    """A program that rests in a system call."""
    word = command.split()[0]
    life = begin(case, "corestate", command, through=[*through, *case.through])
    life.wait_for_line(word)
    rests = wait_until(lambda: status_field(life.pid, "State").startswith("S"), of=life.pid)
    check(rests, "the program under test does not rest", *life.symptoms())
    return life


@contextlib.contextmanager
def pipe_as_input(case: Case) -> Iterator[int]:
    """Of all that is started now; its other end."""
    pipe = case.folder / "pipe"
    os.mkfifo(pipe)
    other_end = os.open(pipe, os.O_RDWR)
    case.through = ["/bin/sh", "-c", f'exec "$@" <"{pipe}"', "sh"]
    try:
        yield other_end
    finally:
        os.close(other_end)


def check_read(case: Case, first: Life, core: Path, text: str, what: str, symptom: str = "core: interrupted call") -> None:
    second = restart(case, "-n", case.program("corestate"), core)
    second.wait()
    expected = expected_output(first.lines()[0], ["read", text, EXIT])
    check_equal(second.lines(), expected[2:], what, symptom, *second.symptoms())


@points(2, step="5.3", needs="test_counter")
def test_read(case: Case) -> None:
    """a read() on a pipe that the core interrupted is made again, whatever the kernel noted for that; an answer stays one"""
    with pipe_as_input(case) as other_end:
        first = resting(case, "read")
        core = gcore(case, first)
        os.write(other_end, b"x")
        check_read(case, first, core, "got 1 0 x", "the interrupted read(2) was not made again")
        if HERE.answer:
            other_answers(case, first, core, other_end)


def other_answers(case: Case, first: Life, core: Path, other_end: int) -> None:
    """The same core, with what other calls have there while they wait, or programs that are in none."""
    for number in (512, 513, 514, 516, errno.ENOSYS):
        os.write(other_end, b"y")
        check_read(case, first, with_register(core, HERE.answer, -number), "got 1 0 y",
                   f"the call whose answer was to be -{number} was not made again")
    os.write(other_end, b"z")  # nobody reads it
    low_half = (1 << 32) - 512
    for value, call, text in ((-515, 0, "-1 515"), (low_half, 0, f"{low_half} 0"), (-512, -1, "-1 512")):
        other = with_register(with_register(core, HERE.call_number, call), HERE.answer, value)
        check_read(case, first, other, f"got {text} -", f"{HERE.answer} {value} with {HERE.call_number} {call} is an answer",
                   "core: no interrupted call")


@points(1, step="5.3", needs="test_read")
def test_read_kernel_core(case: Case) -> None:
    """the same, in a core of the kernel"""
    need_kernel_cores(case)
    with pipe_as_input(case) as other_end:
        first = resting(case, "read", RAISED)
        core = kernel_core(case, first)
        os.write(other_end, b"x")
        check_read(case, first, core, "got 1 0 x", "the interrupted read(2) was not made again")


@points(1, step="5.3", needs="test_read")
def test_sleep(case: Case) -> None:
    """an interrupted sleep is slept, and nanosleep() returns 0"""
    for seconds in (2, 20):
        first = resting(case, f"sleep {seconds}")
        core, said = try_gcore(case, first)
        if core.exists() and not first.has_line("slept"):
            break  # else the machine is busy: the core came too late
        core.unlink(missing_ok=True)
    else:
        not_tested(f"gcore makes no core in {seconds} seconds here: {said.strip()[-200:]}")
    remember(case, first, core)
    first.kill()
    second = restart(case, "-n", case.program("corestate"), core)
    second.wait(60)
    expected = expected_output(first.lines()[0], ["sleep", "slept 0 0", EXIT])
    check_equal(second.lines(), expected[2:], "the interrupted sleep was not gone on with", "core: interrupted call",
                *second.symptoms())


# Programs of all kinds


@points(1, step="5.6", needs="test_counter")
def test_programs(case: Case) -> None:
    """not position-independent, static, both; with the vdso, with usleep(); without code for a handler's return"""
    for name in ("counter-no-pie", "counter-static", "counter-static-pie", "counter-clock", "counter-usleep"):
        counter_comes_back(case, name)
        case.close_gates()
    without_return(case)


def without_return(case: Case) -> None:
    """A program in which is no code that would call rt_sigreturn(2), so that restart can make no chain of two frames."""
    first = begin_to_gate(case, "corestate", "no-return", "gate 1")
    core = gcore(case, first)
    case.open_gate(1)
    second = restart(case, "-n", case.program("corestate"), core)
    second.wait()
    expected = expected_output(first.lines()[0], ["gate 01", EXIT])
    check_equal(second.lines(), expected[2:], "it did not go on", "core: not entered without a chain", *second.symptoms())


@points(1, step="5.6", needs="test_counter")
def test_memory(case: Case) -> None:
    """the heap can grow; thread-local variables, held locks and a mapped file are there"""
    blocks = ["brk kept 1", "brk grew 1", "small 4000", *(f"large {letter}" for letter in "ABCD")]
    comes_back(case, "malloc", before=["brk is set"], after=blocks)
    case.close_gates()
    comes_back(case, "tls", after=["words 1", "text Initial value", "errno 1234", "self 1"])
    case.close_gates()
    unlocked = ["recursive: again 0", "unlocked 0 and 0", "it is not ours now: EPERM", "checking: again EDEADLK", "unlocked 0"]
    comes_back(case, "heldlocks", after=[*unlocked, "rwlock: again EDEADLK", "unlocked 0", "it is free: 0"])
    case.close_gates()
    data = case.folder / "data"
    data.write_text("hello" * 1000)
    comes_back(case, "corestate", f"map {data}", "gate 1", "mapped", after=["mapped hello"])


@points(1, step="5.2", needs="test_counter")
def test_library_that_changed(case: Case) -> None:
    """a library that was loaded with dlopen() is there again; another one in its place is refused"""
    library = case.folder / "plugin.so"
    shutil.copyfile(case.program("plugin"), library)
    first = begin_to_gate(case, "corestate", f"load {library}", "gate 1", "call")
    core = gcore(case, first)
    case.open_gate(1)
    good = library.rename(case.folder / "good.so")
    refused(case, 66, "plugin.so", "-n", case.program("corestate"), core)
    shutil.copyfile(case.program("plugin-other"), library)
    refused(case, 66, "plugin.so", "-n", case.program("corestate"), core)
    good.replace(library)
    second = restart(case, "-n", case.program("corestate"), core)
    case.check_rest(first, second, expected_output(first.lines()[0], ["gate 01", "answer 84", EXIT]), 2)


@points(1, step="5.1", needs="test_counter")
def test_maps(case: Case) -> None:
    """/proc/PID/maps is what it was, and the restorer is gone"""
    first = begin_to_gate(case, "counter", 20, 10, 15)
    core = gcore(case, first)
    case.open_gate(1)
    second = restart(case, "-n", case.program("counter"), core)
    second.wait_for_line("gate 02")
    now, before = (shown(maps.joined(regions)) for regions in (maps.read_maps(second.pid), case.maps_before))
    lost = [f"core: maps lost {line[26:30]}" for line in before if line not in now]
    extra = [f"core: maps extra {line[26:30]}" for line in now if line not in before]
    check_equal(now, before, "the address space is not what it was", *lost, *extra)


@points(1, step="5.6", needs="test_counter")
def test_any_instruction(case: Case) -> None:
    """8 cores of a computing program at random instants, in malloc(), in memcpy(): 8 right results"""
    any_instruction(case, 8)


@points(0, step="5.6", needs="test_counter", stress=True)
def test_any_instruction_200(case: Case) -> None:
    """the same, 200 times"""
    any_instruction(case, 200)


def used(pid: int) -> float:
    """The seconds that a process has had of a CPU."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except (OSError, IndexError):
        return float("inf")  # it has ended


def any_instruction(case: Case, count: int) -> None:
    result, most = uninterrupted(case)
    chance, done = random.Random(os.urandom(8)), 0
    for _ in range(3 * count):
        done += done < count and one_instant(case, most * chance.uniform(0.02, 0.7), result)
    check(done == count, f"only {done} cores of {count} came in time", "core: too late")


def uninterrupted(case: Case) -> tuple[str, float]:
    """The result of compute, and how much of a CPU it took."""
    life, spent = begin(case, "compute", ROUNDS), [0.0]

    def ended() -> bool:
        spent.append(used(life.pid))
        return life.status is not None

    check(wait_until(ended, 60), "the program under test does not end", *life.symptoms())
    return text_of(life.lines()[1]), max(seconds for seconds in spent if seconds < float("inf"))


def one_instant(case: Case, instant: float, result: str) -> bool:
    """False if the program had ended before its core was taken."""
    first = begin(case, "compute", ROUNDS)
    first.wait_for_line("nonces")
    wait_until(lambda: used(first.pid) >= instant, of=first.pid)
    case.signal(first, signal.SIGSTOP)
    wait_until(lambda: first.status is not None or status_field(first.pid, "State").startswith("T"), of=first.pid)
    if first.status is not None or len(first.lines()) > 1:
        return False
    core, said = try_gcore(case, first)
    early = core.exists() and len(first.lines()) == 1
    if early:
        remember(case, first, core)
    if not core.exists() and first.status is None:
        not_tested(f"gcore makes no core here: {said.strip()[-200:]}")
    first.kill()
    if early:
        second = restart(case, "-n", case.program("compute"), core)
        case.check_rest(first, second, expected_output(first.lines()[0], [result, EXIT]), 1)
    core.unlink(missing_ok=True)
    return early


# The kernel's cores, and libsavefds.so


@points(1, step="5.6", needs="test_counter")
def test_kernel_core(case: Case) -> None:
    """a core of the kernel, on SIGQUIT; also without the pages of files (coredump_filter)"""
    need_kernel_cores(case)
    for through in (RAISED, FILTERED):
        counter_comes_back(case, "counter", kernel_core, through)
        case.close_gates()
        for core in case.folder.glob("core*"):
            core.unlink()


@points(1, step="5.6", needs="test_kernel_core")
def test_signal_actions(case: Case) -> None:
    """libsavefds.so notes signal actions, too; LD_PRELOAD is not set at the restart"""
    need_kernel_cores(case)
    comes_back(case, "corestate", "handle", "gate 1", "raise", after=["caught 1"], take=kernel_core, through=RAISED,
               env=preload(case), options=["-f", "-n"])


@points(1, step="5.6", needs="test_kernel_core")
def test_open_files(case: Case) -> None:
    """-f, and -fFILE: open files come back from `filedescriptors`, which may be edited"""
    need_kernel_cores(case)
    path, text = case.folder / "numbers", case.folder / "filedescriptors"
    path.write_text("0123456789")
    first = begin_to_gate(case, "openfiles", f"open 3 {path} r", "read 3 4", "gate 1", "read 3 4", through=RAISED,
                          env=preload(case))
    core = kernel_core(case, first)
    case.open_gate(1)
    check(text.exists(), "no filedescriptors came", "core: no filedescriptors", *first.symptoms())
    check(any(line.startswith(f"3 : {path} : 4 : read") for line in text.read_text().splitlines()),
          f"not the open files: {text.read_text()!r}", "core: filedescriptors")
    expected = expected_output(first.lines()[0], ["read 3 0123", "gate 01", "read 3 4567", EXIT])
    case.check_rest(first, restart(case, "-f", "-n", case.program("openfiles"), core), expected, 3)
    moved = path.rename(case.folder / "moved")
    other = case.folder / "other"
    other.write_text(text.read_text().replace(f"{path} ", f"{moved} "))
    case.check_rest(first, restart(case, f"-f{other}", "-n", case.program("openfiles"), core), expected, 3)


@points(1, step="5.6", needs="test_open_files")
def test_fprintf(case: Case) -> None:
    """the document's first example: fprintf FILE NUMBER, SIGQUIT, restart -f -n -w fprintf CORE"""
    need_kernel_cores(case)
    numbers = case.folder / "numbers"
    for seconds in (0.1, 2):
        first = begin(case, "fprintf", numbers, 20, seconds, through=RAISED, env=preload(case))
        there = wait_until(lambda: numbers.exists() and status_field(first.pid, "State").startswith("S"), of=first.pid)
        check(there, "the program under test does not begin", *first.symptoms())
        remember(case, first, case.folder)
        case.signal(first, signal.SIGQUIT)
        if first.wait() != 0:
            break  # else the machine is busy: the signal came too late
    core = core_that_came(case, first)
    case.looks.rename(case.folder, core)
    second = restart(case, "-f", "-n", "-w", case.program("fprintf"), core)
    status = second.wait(60)
    check(status == 0 and "exit status 0" in second.messages(), f"{exit_words(status)}: {second.messages()!r}",
          "core: -w", *second.symptoms())
    check_equal(numbers.read_text().splitlines(), [str(i) for i in range(1, 21)], "the file is not whole", "core: fprintf")


# The document's second example, and gdb


def gdb_session(case: Case, *commands: str) -> Path:
    """gdb linklist, with these commands; its core."""
    (case.folder / "answer").write_text(f"{NODES}\n")
    words = [word for command in [*commands, "gcore core.linklist", "kill"] for word in ("-ex", command)]
    life = case.run("gdb", [*GDB, *words, case.program("linklist")], ENVIRONMENT)
    life.wait(60)
    core = case.folder / "core.linklist"
    if not core.exists():
        not_tested(f"gdb cannot run a program here: {life.messages().strip()[-200:]}")
    case.looks.remember(life, core, None, [])
    return core


@points(1, step="5.6", needs="test_counter")
def test_linklist(case: Case) -> None:
    """break 29, run, cont 500, gcore: the rest of the list is made, and all of it is printed"""
    core = gdb_session(case, "break 29", "run <answer", "cont 500")
    second = restart(case, "-n", "-w", case.program("linklist"), core)
    second.wait()
    got = second.text().replace("How many nodes? ", "").splitlines()
    check_equal(got, [str(i) for i in range(NODES + 1)], "not the whole list", "core: linklist", *second.symptoms())


@points(0.5, step="5.6", needs="test_linklist")
def test_linklist_printing(case: Case) -> None:
    """break 37, some numbers are printed, gcore: only the rest is printed"""
    core = gdb_session(case, "break 37", "run <answer >/dev/null", "cont 100", "call (int)fflush(0)")
    second = restart(case, "-n", "-w", case.program("linklist"), core)
    second.wait()
    got = second.lines()
    check_equal(got, [str(i) for i in range(100, NODES + 1)], "not the rest of the list", "core: linklist",
                *second.symptoms())


# Options, and what is refused


@points(1, step="5.6", needs="test_counter")
def test_options(case: Case) -> None:
    """stopped until SIGCONT; -w and --wait report; --nostop; -V; PROG from the core; our own images"""
    first, core = core_of_counter(case)
    expected = expected_output(first.lines()[0], [*steps(1, 10), "gate 01", *steps(11, 20), EXIT])
    program = case.program("counter")
    again = restart(case, program, core)
    stopped(case, again)
    case.go_on(again)
    case.check_rest(first, again, expected, 12)
    for words in (["-n", "-w", program], ["--nostop", "--wait", program], ["-n", "-V", program], ["-n"], []):
        life = restart(case, *words, core)
        case.check_rest(first, life, expected, 12)
        told = "--wait" in words or "-w" in words
        check(not told or f"exit status {life.status}" in life.messages(), f"-w does not report: {life.messages()!r}", "core: -w")
        check("-V" not in words or "restart:" in life.messages(), "-V says nothing", "core: -V")


@points(0.5, step="5.6", needs="test_options")
def test_killed_is_reported(case: Case) -> None:
    """-w: a program that a signal kills is reported, exit status 128 and the signal"""
    first = begin_to_gate(case, "corestate", "gate 1", "raise")
    core = gcore(case, first)
    case.open_gate(1)
    life = restart(case, "-n", "-w", case.program("corestate"), core)
    status = life.wait()
    number = int(signal.SIGUSR1)
    check(status == 128 + number and f"signal {number}" in life.messages(), f"{exit_words(status)}: {life.messages()!r}",
          "core: -w", *life.symptoms())


@points(0.5, step="5.6", needs="test_options")
def test_own_image(case: Case) -> None:
    """restart -n PROG IMAGE: an image of ckpt's, as before"""
    life = case.save("counter", 20, 10, ckpt=REFERENCE)
    assert case.image is not None
    second = restart(case, "-n", case.program("counter"), case.image)
    case.check_rest(life, second, expected_output(life.lines()[0], [*steps(1, 10), "gate 01", *steps(11, 20), EXIT]), 12)


@points(1, step="5.6", needs="test_counter")
def test_bad_cores(case: Case) -> None:
    """a truncated core, one of another machine, one of 32 bits, no core at all: refused, exit status 65 or 66"""
    first, core = core_of_counter(case)
    program = case.program("counter")
    size = core.stat().st_size
    for part in (10, 64, 1000, size // 2, size - 5000):
        (case.folder / "short").write_bytes(core.read_bytes()[:part])
        refused(case, 65, "truncated" if part > 64 else "short", "-n", program, case.folder / "short")
    refused(case, 65, "machine", "-n", program, changed(core, core.with_name("arm"), 18, struct.pack("<H", HERE.other_machine)))
    refused(case, 65, "machine", "-n", program, changed(core, core.with_name("small"), 4, b"\x01"))
    refused(case, 65, "not a core", "-n", program, program)
    refused(case, 66, "nothing", "-n", program, case.folder / "nothing")
    expected = expected_output(first.lines()[0], [*steps(1, 10), "gate 01", *steps(11, 20), EXIT])
    case.check_rest(first, restart(case, "-n", program, core), expected, 12)


@points(0.5, step="5.6", needs="test_counter")
def test_threads(case: Case) -> None:
    """a core with two threads is refused, exit status 65"""
    core = gcore(case, begin_to_gate(case, "threads"))
    refused(case, 65, "thread", "-n", case.program("threads"), core)
