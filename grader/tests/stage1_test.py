"""Stage 1, 20 points: readmaps prints a process's regions and what a checkpointer does with each."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import termios
from pathlib import Path

from stage import maps
from stage.case import Case
from stage.config import expand
from stage.failure import Failure, check, check_equal
from stage.process import Life, children_of, status_field, wait_until
from stage.scoring import points

LINE = re.compile(
    r"(?P<plan>\w+) +(?P<size>\d+)(?P<unit>[KMG]) (?P<start>[0-9a-f]+)-(?P<end>[0-9a-f]+) "
    r"(?P<perms>[rwxps-]{4}) (?P<offset>[0-9a-f]+) (?P<device>[0-9a-f]+:[0-9a-f]+) (?P<inode>\d+) *(?P<name>.*)$"
)
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}

PLAIN = """\
55d0c000-55d0e000 r--p 00000000 fe:00 1835013                            /usr/bin/prog
55d0e000-55d0f000 r-xp 00002000 fe:00 1835013                            /usr/bin/prog
55d0f000-55d10000 rw-p 00003000 fe:00 1835013                            /usr/bin/prog
5600a000-5602b000 rw-p 00000000 00:00 0                                  [heap]
f10aa000-f10cb000 rw-p 00000000 00:00 0 
fd1b5000-fd1d6000 rw-p 00000000 00:00 0                          [stack]
"""


def readmaps(case: Case, *operands: object, role: str = "readmaps") -> Life:
    command = expand(case.lab.interface.readmaps, bin=case.lab.folder)
    return case.run(role, [*command, *map(str, operands)])


def parse_output(life: Life) -> list[tuple[str, maps.Region]]:
    """The printed regions with their plans; the last line is left out."""
    rows = []
    for line in life.lines()[:-1]:
        match = LINE.match(line)
        if match is None:
            raise Failure(f"not a line as readmaps prints it: {line!r}", "readmaps: wrong format")
        rows.append((match["plan"], region_of(match)))
        check_size(match, rows[-1][1])
    return rows


def region_of(match: re.Match[str]) -> maps.Region:
    return maps.Region(
        int(match["start"], 16),
        int(match["end"], 16),
        match["perms"],
        int(match["offset"], 16),
        match["device"],
        int(match["inode"]),
        match["name"],
    )


def check_size(match: re.Match[str], region: maps.Region) -> None:
    printed = int(match["size"]) * UNITS[match["unit"]]
    check(printed <= region.size < printed + UNITS[match["unit"]], f"wrong size: {match.group()!r}")


def show(case: Case, text: str) -> tuple[Life, list[tuple[str, maps.Region]]]:
    """readmaps of a file with this text; it must succeed."""
    path = case.folder / "maps.txt"
    path.write_text(text, errors="surrogateescape")
    life = readmaps(case, path)
    status = life.wait()
    check(status == 0, f"readmaps ended with {status}: {life.messages()}", *life.symptoms())
    return life, parse_output(life)


def check_same(rows: list[tuple[str, maps.Region]], text: str, *symptoms: str) -> None:
    got = [str(region) for _, region in rows]
    check_equal(got, [str(r) for r in maps.parse(text)], "the regions are not those of the file", *symptoms)


def line(start: int, end: int, perms: str = "rw-p", offset: int = 0, inode: int = 0, name: str = "") -> str:
    device = "fe:00" if inode else "00:00"
    numbers = f"{start:08x}-{end:08x} {perms} {offset:08x} {device} {inode} "
    return f"{numbers:<73}{name}\n" if name else numbers + "\n"


@points(3, step="1.2")
def test_file(case: Case) -> None:
    """readmaps FILE prints every region of a plain file"""
    life, rows = show(case, PLAIN)
    check_same(rows, PLAIN, "readmaps: plain file")
    last = life.lines()[-1]
    check(re.match(r"6 regions\b", last), f"the last line is {last!r}", "readmaps: last line")


@points(1, step="1.2", needs="test_file")
def test_numbers(case: Case) -> None:
    """64-bit addresses, offsets and inodes"""
    text = line(0x1000, 0x2000, offset=0x123456789000, inode=(1 << 64) - 1, name="/a")
    text += line(0x7FFFFFFFE000, 0x7FFFFFFFF000, name="[stack]")
    text += line(0xFFFFFFFFFF600000, 0xFFFFFFFFFF601000, "--xp", name="[vsyscall]")
    _, rows = show(case, text)
    check_same(rows, text, "readmaps: numbers")


@points(1, step="1.3", needs="test_file")
def test_permissions(case: Case) -> None:
    """all sixteen permissions"""
    text = ""
    for i in range(16):
        perms = "".join(c if i & bit else "-" for c, bit in (("r", 4), ("w", 2), ("x", 1)))
        text += line(0x10000 + i * 0x2000, 0x11000 + i * 0x2000, perms + ("s" if i & 8 else "p"))
    _, rows = show(case, text)
    check_same(rows, text, "readmaps: permissions")


# A program, and beside it readmaps of its pid: started by one shell, since in a sandbox each command that the grader
# starts has a world of its own. The file `go` is there when the grader has read the program's maps.
BESIDE = """
    "$0" 3 2 >program.out & pid=$!
    until [ -e go ]; do sleep 0.01; done
    "$@" $pid; status=$?
    kill $pid; wait $pid; exit $status
"""


@points(1, step="1.2", needs="test_file")
def test_pid(case: Case) -> None:
    """readmaps PID prints what /proc/PID/maps has"""
    command = [*expand(case.lab.interface.readmaps, bin=case.lab.folder)]
    life = case.run("readmaps", ["sh", "-c", BESIDE, case.program("counter"), *command])
    said, go = case.folder / "program.out", case.folder / "go"
    wait_until(lambda: said.exists() and "gate 01" in said.read_text() or life.status is not None)
    programs = [pid for pid in children_of(life.pid) if status_field(pid, "Name") == "counter"]
    check(programs, "the program beside it did not start", *life.symptoms())
    expected = [str(region) for region in maps.read_maps(programs[0])]
    go.touch()
    check(life.wait() == 0, life.messages(), *life.symptoms())
    check_equal([str(region) for _, region in parse_output(life)], expected, "not the regions of PID")


@points(1, step="1.2", needs="test_file")
def test_self(case: Case) -> None:
    """readmaps shows itself, and reading makes no region of its own"""
    life = readmaps(case)
    check(life.wait() == 0, life.messages(), *life.symptoms())
    names = [region.name for _, region in parse_output(life)]
    for name in ("[stack]", "[vdso]", str(case.lab.folder / "readmaps")):
        check(name in names, f"no region {name}", f"readmaps: no {name}")
    check("[heap]" not in names, "reading its own maps made a [heap]", "readmaps: allocates")


def feed(fifo: Path, life: Life, text: bytes) -> None:
    """Write a few bytes, wait until they are read, write the next: no read can get more."""
    with fifo.open("wb", buffering=0) as pipe:
        size = 1
        while text and life.status is None:
            pipe.write(text[:size])
            text = text[size:]
            size = size % 7 + 1
            wait_until(lambda: _is_read(pipe.fileno()) or life.status is not None)


def _is_read(fd: int) -> bool:
    return fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4) == b"\0" * 4


@points(2, step="1.1", needs="test_file")
def test_few_bytes(case: Case) -> None:
    """a read may return a few bytes only, anywhere in a line"""
    fifo = case.folder / "fifo"
    os.mkfifo(fifo)
    life = readmaps(case, fifo)
    try:
        feed(fifo, life, PLAIN.encode())
    except BrokenPipeError:
        pass
    check(life.wait() == 0, f"readmaps: {life.messages()}", "readmaps: short reads", *life.symptoms())
    check_same(parse_output(life), PLAIN, "readmaps: short reads")


@points(2, step="1.1", needs="test_file")
def test_thousands(case: Case) -> None:
    """20,000 regions"""
    text = "".join(line(0x100000 + i * 0x2000, 0x101000 + i * 0x2000, name="[heap]") for i in range(20000))
    life, rows = show(case, text)
    check_same(rows, text, "readmaps: thousands")
    check(life.lines()[-1].startswith("20000 regions"), "the last line miscounts", "readmaps: thousands")
    some = "".join(text.splitlines(keepends=True)[:1000])  # more than the buffer holds, behind which there is nothing
    check(len(parse_names(case, some)) == 1001, "the parser does not find 1,000 regions", "readmaps: thousands")


@points(2, step="1.1", needs="test_file")
def test_long_names(case: Case) -> None:
    """names of up to 4,095 bytes"""
    text = ""
    for i, size in enumerate((99, 100, 150, 255, 256, 511, 1024, 4000, 4095)):
        name = "/" + "d" * (size - 1)
        text += line(0x10000 + i * 0x2000, 0x11000 + i * 0x2000, "r--p", inode=7, name=name)
    _, rows = show(case, text * 1)
    check_same(rows, text, "readmaps: long names")


def parse_names(case: Case, text: str) -> list[str]:
    """The student's parser in a program of ours, which shows the bytes of each name."""
    build = case.lab.folder / "build"
    objects = [str(path) for path in sorted(build.glob("*.o")) if path.name != "readmaps.o"]
    program = case.folder / "parse_names"
    source = case.lab.programs.source("parse_names.c")
    built = case.run("gcc", ["gcc", "-I", case.lab.folder, source, *objects, "-o", program])
    check(built.wait(30) == 0, f"{built.shell()}\n{built.messages()}", "readmaps: interface")
    path = case.folder / "maps.txt"
    path.write_text(text)
    life = case.run("parse_names", [program, path])
    check(life.wait() == 0, life.messages(), *life.symptoms())
    return life.lines()


@points(2, step="1.4", needs="test_file")
def test_odd_names(case: Case) -> None:
    """blanks, newlines and (deleted) in names"""
    names = ["/a b  c", "/two\\012lines\\012", "/gone (deleted)", "/ends in blank ", "[anon: my heap]"]
    inodes = [5, 6, 7, 8, 0]
    text = "".join(
        line(0x10000 + i * 0x2000, 0x11000 + i * 0x2000, inode=inodes[i], name=name)
        for i, name in enumerate(names)
    )
    _, rows = show(case, text)
    check_same(rows, text, "readmaps: odd names")
    expected = [name.replace("\\012", "\n").encode().hex() for name in names]
    got = [row.split()[1] for row in parse_names(case, text)[:-1]]
    check_equal(got, expected, "the parser's names are wrong (as hexadecimal bytes)", "readmaps: newline")


PLANS = [
    ("file", "r-xp", 9, "/usr/lib/libc.so.6"),
    ("file", "r--p", 9, "/usr/lib/libc.so.6"),
    ("save", "rw-p", 9, "/usr/lib/libc.so.6"),
    ("save", "r--p", 9, "/usr/lib/old.so (deleted)"),
    ("save", "rw-p", 0, "[heap]"),
    ("save", "r--p", 0, ""),
    ("save", "rwxp", 0, ""),
    ("guard", "---p", 0, ""),
    ("guard", "---p", 9, "/usr/lib/libc.so.6"),
    ("refuse", "rw-s", 9, "/dev/shm/shared"),
    ("refuse", "rw-s", 9, "/dev/zero (deleted)"),
    ("file", "r--s", 9, "/usr/lib/gconv-modules.cache"),
    ("kernel", "r--p", 0, "[vvar]"),
    ("kernel", "r--p", 0, "[vvar_vclock]"),
    ("kernel", "r-xp", 0, "[vdso]"),
    ("save", "rw-p", 0, "[stack]"),
    ("kernel", "--xp", 0, "[vsyscall]"),
]


@points(3, step="1.5", needs="test_file")
def test_plan(case: Case) -> None:
    """the plan for each kind of region"""
    text = "".join(
        line(0x10000 + i * 0x2000, 0x11000 + i * 0x2000, perms, inode=inode, name=name)
        for i, (_, perms, inode, name) in enumerate(PLANS)
    )
    _, rows = show(case, text)
    expected = [f"{plan} {perms} {name}".rstrip() for plan, perms, _, name in PLANS]
    got = [f"{plan} {region.perms} {region.name}".rstrip() for plan, region in rows]
    wrong = [e for e, g in zip(expected, got) if e != g]
    check_equal(got, expected, "a plan is wrong", *[f"plan: {words}" for words in wrong])


FORBIDDEN = re.compile(
    r"\b(malloc|calloc|realloc|free|strdup|f?printf|sn?printf|puts|fopen|fdopen|fgets|getline|fread|"
    r"sscanf|fscanf|getc|fgetc|strtok|opendir|exit)\b"
)


@points(1, step="1.2", needs="test_file")
def test_signal_safe(case: Case) -> None:
    """the parser uses no malloc and no stdio"""
    target = case.lab.folder / "build" / "maps.o"
    check(target.exists(), "there is no build/maps.o", "readmaps: interface")
    shown = case.run("nm", [shutil.which("nm") or "nm", "-u", target])
    check(shown.wait() == 0, shown.messages(), "readmaps: interface")
    used = sorted(set(FORBIDDEN.findall(shown.text().replace("__isoc99_", "").replace("_chk", ""))))
    check(not used, f"maps.o calls {', '.join(used)}", "readmaps: unsafe calls")


BAD_LINES = [
    "nonsense\n", "1000-2000 rw-p 0 0:0\n", "1000-2000 rw-q 00000000 00:00 0 \n", "2000-1000 rw-p 0 00:00 0 \n",
    "1000-2000 rw-p  00:00 0 \n", "1000-1000000000000002000 rw-p 0 00:00 0 \n", "1000-2000 rw-p 0 00:00 99999999999999999999 \n",
    "1000-2000 rw-p 0 00:00 12a \n", "1000-2000 rzxp 0 00:00 0 \n",
]
TOO_LONG = line(0x1000, 0x2000, inode=7, name="/" + "d" * (1 << 20))  # no buffer has room for it


@points(1, step="1.2", needs="test_file")
def test_errors(case: Case) -> None:
    """bad input is refused with a message and the right exit status"""
    for text in BAD_LINES:
        (case.folder / "bad").write_text(PLAIN + text)
        refused(readmaps(case, case.folder / "bad"), 65, text)
    (case.folder / "long").write_text(PLAIN + TOO_LONG)
    refused(readmaps(case, case.folder / "long", role="a line too long"), 65, "a line of 1 MiB")
    refused(readmaps(case, case.folder, role="a folder"), 71, "a folder: read(2) fails")
    refused(readmaps(case, case.folder / "missing"), 66, "a missing file")
    refused(readmaps(case, "999999999"), 66, "a missing process")
    refused(readmaps(case, "--nonsense"), 64, "an unknown option")
    helped = readmaps(case, "--help")
    check(helped.wait() == 0 and helped.text(), "no help on stdout", "readmaps: no help")


def refused(life: Life, status: int, what: str) -> None:
    got = life.wait()
    check(
        got == status and life.messages(),
        f"{what!r}: exit status {got}, must be {status} and a message on stderr",
        f"readmaps: accepts {what.strip()}" if got == 0 else f"readmaps: exit {got} for {what.strip()}",
    )
