"""Stage 2, 35 points: ckpt, libckpt.so and readckpt write and show a checkpoint image."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from stage import image as core
from stage import maps
from stage.case import Case, Stamp, steps
from stage.config import expand
from stage.failure import Failure, check, check_equal
from stage.image import Image, Load
from stage.lab import REFERENCE, STUDENT
from stage.oracle import EXIT, expected_output, text_of
from stage.process import Life, children_of, exit_words, has_signal, open_numbers, patience, status_field, wait_until
from stage.processor import HERE
from stage.runner import WITHOUT_ASLR
from stage.scoring import points

COUNTER = ("counter", 12, 5)
BEFORE, AFTER = steps(1, 5), steps(6, 12)
WHOLE = [*BEFORE, "gate 01", *AFTER, EXIT]
LARGE = ["large 1", "behind 1"]  # of programs/large.c: all of it is there, and nothing is behind it


def saved(case: Case, program: str | Path = "counter", *arguments: object) -> tuple[Life, Image]:
    """A program at gate 1 whose image was just written; it still runs."""
    life = case.start_at_gate(program, *(arguments or COUNTER[1:]))
    return life, case.open_image(case.checkpoint(life))


def restarts(case: Case, program: str, *arguments: object, after: Sequence[str]) -> None:
    """The reference's restart brings the student's image back."""
    case.survives(program, *arguments, after=after, ckpt=STUDENT, restart=REFERENCE)


@points(2, step="2.1")
def test_preload(case: Case) -> None:
    """ckpt PROG runs PROG with libckpt.so in it and a handler for SIGUSR2"""
    life = case.start_at_gate(*COUNTER)
    library = str(case.lab.folder / case.lab.interface.library)
    names = {region.name for region in maps.read_maps(life.pid)}
    check(library in names, f"{library} is not mapped in the program", "ckpt: no library")
    number = case.lab.interface.signal
    check(not has_signal(life.pid, "SigBlk", number), "the signal stays blocked", "ckpt: signal blocked")
    case.open_gate(1)
    case.check_whole(life, WHOLE)


@points(3, step="2.3", needs="test_preload")
def test_image(case: Case) -> None:
    """SIGUSR2 makes an image, and the program goes on as if nothing had happened"""
    older = case.folder / "image"
    older.write_bytes(b"an older and longer image\n" * 200000)
    older.chmod(0o600)
    life = case.start_at_gate(*COUNTER)
    before = open_numbers(life.pid)
    image = case.open_image(case.checkpoint(life))
    after = open_numbers(life.pid)
    check(after == before, f"descriptors {before} are now {after}", "ckpt: descriptors")
    check(image.type == "ET_CORE", f"the ELF type is {image.type}, must be ET_CORE", "image: not a core file")
    here = {"x86_64": "EM_X86_64", "aarch64": "EM_AARCH64"}[os.uname().machine]
    check(image.machine == here, f"the ELF machine is {image.machine}", "image: machine")
    end = max((load.offset + load.stored for load in image.loads), default=0)
    check(image.size <= end + maps.PAGE, "behind the image is more: an older image?", "image: longer than its regions")
    mode = image.path.stat().st_mode & 0o777
    check(mode == 0o600, f"mode {mode:o}: others can read the program's memory", "image: mode")
    case.open_gate(1)
    case.check_whole(life, WHOLE)


def bounds(start: int, end: int) -> str:
    return f"{start:012x}-{end:012x}"


@points(2, step="2.4", needs="test_image")
def test_regions(case: Case) -> None:
    """every region of /proc/PID/maps is in the image, in order; with addresses that are not random, too"""
    for case.through in ([], WITHOUT_ASLR):
        life, image = saved(case)
        expected = [bounds(r.start, r.end) for r in maps.without_vsyscall(case.maps_before)]
        got = [bounds(load.start, load.end) for load in image.loads]
        check_equal(got, expected, "the PT_LOADs are not the regions", "image: regions differ")
        life.kill()


@points(1, step="2.4", needs="test_image")
def test_kernel_regions(case: Case) -> None:
    """[vvar] and its kind are listed but not stored, [vsyscall] is left out"""
    _, image = saved(case)
    for region in case.maps_before:
        load = image.load_at(region.start)
        if region.name.startswith("[vvar"):
            check(load, f"no PT_LOAD for {region.name}", f"image: no region {region.name}")
            check(load and load.stored == 0, f"{region.name} is stored", f"image: stores {region.name}")
        elif region.name == "[vsyscall]":
            check(load is None, "[vsyscall] is in the image", "image: has [vsyscall]")


@points(1, step="2.5", needs="test_regions")
def test_segments(case: Case) -> None:
    """each PT_LOAD has the region's permissions and a page-aligned place in the file"""
    _, image = saved(case)
    for load in image.loads:
        check_segment(load, image, maps.find(case.maps_before, load.start))
    stored = sorted((load.offset, load.offset + load.stored) for load in image.loads if load.stored)
    for (_, end), (start, _) in zip(stored, stored[1:]):
        check(end <= start, "two regions' bytes overlap in the file", "image: overlap")


def check_segment(load: Load, image: Image, region: maps.Region | None) -> None:
    where = bounds(load.start, load.end)
    check(load.offset % maps.PAGE == 0, f"{where}: file offset {load.offset:#x}", "image: offset not page-aligned")
    check(load.stored in (0, load.end - load.start), f"{where}: {load.stored} bytes stored", "image: partly stored")
    check(load.offset + load.stored <= image.size, f"{where}: beyond the end of the file", "image: truncated")
    if region is not None:
        check(
            load.perms == region.perms[:3],
            f"{where}: permissions {load.perms}, must be {region.perms[:3]}",
            f"image: wrong permissions {region.kind()}",
        )


def memory_of(pid: int, region: maps.Region) -> bytes:
    with open(f"/proc/{pid}/mem", "rb") as file:
        file.seek(region.start)
        return file.read(region.size)


@points(1, step="2.8", needs="test_image")
def test_contents(case: Case) -> None:
    """the stored bytes are the memory's, whatever a checkpoint that was killed left behind"""
    life = case.start_at_gate(*COUNTER)
    (case.folder / f"image.tmp.{life.inner_pid}").write_bytes(b"left behind\n" * 100000)
    image = case.open_image(case.checkpoint(life))
    os.kill(life.pid, signal.SIGSTOP)
    program = str(case.program("counter"))
    quiet = [r for r in case.maps_before if r.perms == "rw-p" and r.name in ("[heap]", program)]
    check(len(quiet) >= 2, "the program has no heap", "grader: no heap")
    for region in quiet:
        got, expected = image.read(region.start, region.size), memory_of(life.pid, region)
        check(got is not None, f"{region}: nothing stored", f"image: nothing stored {region.kind()}")
        check(got == expected, f"{region}: {first_difference(got, expected)}", "image: wrong bytes")


def first_difference(got: bytes | None, expected: bytes) -> str:
    pairs = zip(got or b"", expected)
    at = next((i for i, (a, b) in enumerate(pairs) if a != b), 0)
    return f"the first wrong byte is at +{at:#x}"


@points(2, step="2.6", needs="test_image")
def test_notes(case: Case) -> None:
    """the notes that every core file has come first, and are right"""
    for folder in ("a", "ab"):  # one byte more in each name: a note that happens to need no padding is not enough
        case.close_gates()
        life, image = saved(case, copied(case, "counter", case.folder / folder))
        check_notes(case, life, image)
        life.kill()


def check_notes(case: Case, life: Life, image: Image) -> None:
    first = image.segments[0]
    check(first["p_type"] == "PT_NOTE", "the first program header is not PT_NOTE", "image: no PT_NOTE")
    check(first["p_align"] == 4, f"PT_NOTE has p_align {first['p_align']}, must be 4", "image: note alignment")
    types = [note.type for note in image.notes if note.name == "CORE"]
    expected = [core.NT_PRSTATUS, core.NT_PRPSINFO, core.NT_AUXV, core.NT_FILE]
    check(types == expected, f"CORE notes {types}, must be {expected}", "image: CORE notes")
    names = [note.name for note in image.notes]
    check(names == sorted(names, key="CKPT".__eq__), "a CORE note after a CKPT note", "image: order of notes")
    ours = [note.type for note in image.notes if note.name == "CKPT"]
    check(ours and min(ours) >= core.CKPT_TYPES, f"CKPT notes {ours}", "image: CKPT notes")
    check_auxv_and_files(life, image, case.maps_before)


def check_auxv_and_files(life: Life, image: Image, regions: Sequence[maps.Region]) -> None:
    auxv = image.note(core.NT_AUXV)
    real = Path(f"/proc/{life.pid}/auxv").read_bytes()
    check(auxv and auxv.data[: len(real)] == real, "NT_AUXV is not /proc/PID/auxv", "image: auxv")
    expected = [f"{bounds(r.start, r.end)} {r.offset:x} {r.name}" for r in regions if r.inode]
    got = [f"{bounds(start, end)} {offset:x} {name}" for start, end, offset, name in image.files()]
    check_equal(got, expected, "NT_FILE is not the list of file regions", "image: NT_FILE")


@points(1, step="2.7", needs="test_notes")
def test_registers(case: Case) -> None:
    """NT_PRSTATUS has the registers at getcontext"""
    _, image = saved(case, "kept")
    registers = image.registers()
    check(registers, "NT_PRSTATUS is too short", "image: NT_PRSTATUS")
    names = (HERE.code, HERE.stack, HERE.tls)
    code, stack, tls = (maps.find(case.maps_before, registers.get(name, 0)) for name in names)
    check(code and "x" in code.perms, f"{HERE.code} {registers[HERE.code]:#x} is in no code", f"image: registers {HERE.code}")
    check(stack and stack.name == "[stack]", f"{HERE.stack} {registers[HERE.stack]:#x} is not in [stack]",
          f"image: registers {HERE.stack}")
    check(tls and tls.perms.startswith("rw"), f"{HERE.tls} {registers.get(HERE.tls, 0):#x}", f"image: registers {HERE.tls}")
    if HERE.second_tls:
        gs = maps.find(case.maps_before, registers["gs_base"])
        check(gs and gs.name == "[stack]", f"gs_base {registers['gs_base']:#x}", "image: registers gs_base")
    flags = registers[HERE.flags]
    check(flags & HERE.flags_mask == HERE.flags_are, f"{HERE.flags} is {flags:#x}: interrupts are on in user code, and no steps are made",
          f"image: registers {HERE.flags}")
    for name, value in {**HERE.fixed, **image.saved_by_getcontext()}.items():
        check(registers[name] == value, f"{name} is {registers[name]:#x}, must be {value:#x}", f"image: registers {name}")


def run_tool(case: Case, command: Sequence[str]) -> str:
    life = case.run(Path(command[0]).name, command)
    status = life.wait(30)
    text = life.text() + life.messages()
    check(status == 0, f"{' '.join(command)}: {exit_words(status)}\n{text}", f"{command[0]}: fails")
    return text


GDB = ["gdb", "-nx", "-batch", "-iex", "maintenance set worker-threads 0", "-ex", "set debuginfod enabled off"]


@points(3, step="2.7", needs="test_registers")
def test_gdb(case: Case) -> None:
    """gdb PROG IMAGE: a backtrace from the handler through the signal frame to main, no warning"""
    life, image = saved(case)
    life.kill()
    program = str(case.program("counter"))
    text = run_tool(case, [*GDB, "-ex", "bt", "-ex", "info registers", program, str(image.path)])
    frames = re.findall(r"^#\d+ .*$", text, re.MULTILINE)
    signal_frame = [i for i, f in enumerate(frames) if "<signal handler called>" in f]
    check(signal_frame and signal_frame[0] > 0, f"no signal frame:\n{text}", "gdb: no signal frame")
    after = " ".join(frames[signal_frame[0] :])
    check("gate" in after and "main" in after, f"no way to main:\n{text}", "gdb: no backtrace to main")
    warnings = [line for line in text.splitlines() if line.lower().startswith("warning")]
    check(not warnings, "\n".join(warnings), *[f"gdb: {line}" for line in warnings])


@points(1, step="2.5", needs="test_notes")
def test_readelf(case: Case) -> None:
    """readelf reads it all without a warning"""
    life, image = saved(case)
    life.kill()
    text = run_tool(case, ["readelf", "-h", "-l", "-n", "-W", str(image.path)])
    bad = [line for line in text.splitlines() if re.search(r"warning|error|corrupt", line, re.IGNORECASE)]
    check(not bad, "\n".join(bad), "readelf: warns")
    check("CKPT" in text, "readelf shows no CKPT note", "readelf: no notes")


def readckpt(case: Case, *words: object) -> Life:
    return case.run("readckpt", [*expand(case.lab.interface.readckpt, bin=case.lab.folder), *map(str, words)])


@points(1, step="2.5", needs="test_regions")
def test_readckpt(case: Case) -> None:
    """readckpt shows the regions as /proc/PID/maps has them, and refuses what is no image"""
    life, image = saved(case)
    life.kill()
    shown = readckpt(case, "--regions", image.path)
    check(shown.wait() == 0, shown.messages(), "readckpt: fails", *shown.symptoms())
    found = re.findall(r"([0-9a-f]{8,16})-([0-9a-f]{8,16}) ([rwxps-]{4})", shown.text())
    got = [f"{bounds(int(a, 16), int(b, 16))} {perms}" for a, b, perms in found]
    expected = [f"{bounds(r.start, r.end)} {r.perms}" for r in maps.without_vsyscall(case.maps_before)]
    check_equal(got, expected, "readckpt's regions are not those of the program", "readckpt: regions")
    (case.folder / "half").write_bytes(image.path.read_bytes()[: image.size // 2])
    for name, status in (("half", 65), ("missing", 66)):
        refused = readckpt(case, case.folder / name)
        check(refused.wait() == status, f"{name}: {exit_words(refused.status)}", "readckpt: accepts anything")


@points(3, step="2.2", needs="test_image")
def test_restart(case: Case) -> None:
    """the reference's restart brings the counter back from this image, and nothing of restart's is left"""
    life, image = saved(case)
    life.kill()
    second = case.restart(image.path, REFERENCE)
    case.wait_in_program(second, case.program("counter"))
    case.check_image_stays(second)
    known = [region.start for region in case.maps_before]
    left = [r for r in maps.regions_of(second.pid) if r.perms == "r-xp" and not r.inode and not r.name and r.start not in known]
    check(not left, f"the restorer's block is still there: {left[:1]}", "maps: extra code of the restorer")
    case.open_gate(1)
    case.check_rest(life, second, expected_output(life.lines()[0], WHOLE), 7)


@points(1, step="2.3", needs="test_restart")
def test_older_image(case: Case) -> None:
    """a new image takes the old one's name in one step; a reader of the old one sees no change; without a standard input"""
    case.through = ["/bin/sh", "-c", 'exec "$@" <&-', "sh"]  # so that what is opened has descriptor 0
    life = case.start_at_gate("counter", 12, 3, 6, env={"CKPT_VERBOSE": "1"})
    path = case.checkpoint(life)
    said = life.messages()
    check("wrote" in said and "no checkpoint" not in said, f"it is written, and is not said to be: {said!r}", "ckpt: success is failure")
    with path.open("rb") as old:
        before = old.read()
        case.open_gate(1)
        life.wait_for_line("gate 02")
        case.checkpoint(life)
        old.seek(0)
        check(old.read() == before, "the old image was written over", "image: written in place")
    left = [p.name for p in case.folder.iterdir() if p.name.startswith("image") and p != path]
    check(not left, f"left behind: {left}", "image: temporary file left")
    case.open_gate(2)
    case.check_whole(life, [*steps(1, 3), "gate 01", *steps(4, 6), "gate 02", *steps(7, 12), EXIT])


def copied(case: Case, program: str, folder: Path) -> Path:
    folder.mkdir(parents=True)
    return Path(shutil.copy(case.program(program), folder / "program"))


def path_of_length(case: Case, length: int) -> Path:
    left = length - len(str(case.folder)) - len("/program")
    parts = []
    while left > 0:
        size = min(left - 1, 100)
        parts.append("d" * max(size, 1))
        left -= size + 1
    return case.folder.joinpath(*parts)


@points(1, step="2.4", needs="test_restart")
def test_long_path(case: Case) -> None:
    """programs whose paths have 150 and 1,000 characters, or blanks"""
    for folder in (path_of_length(case, 250), path_of_length(case, 1000), case.folder / "a b  c"):
        program = copied(case, "counter", folder)
        case.close_gates()
        life = case.start_at_gate(program, *COUNTER[1:], ckpt=STUDENT)
        path = case.checkpoint(life)
        names = {name for *_, name in case.open_image(path).files()}
        symptom = "image: path cut at a blank" if " " in folder.name else "image: path cut short"
        check(str(program) in names, f"the image does not name {program}", symptom)
        life.kill()
        restart_rest(case, life, path)


def restart_rest(case: Case, life: Life, path: Path) -> None:
    """COUNTER's rest, by the reference's restart."""
    case.open_gate(1)
    expected = expected_output(life.lines()[0], WHOLE)
    case.check_rest(life, case.restart(path, REFERENCE), expected, 7)


@points(1, step="2.4", needs="test_restart")
def test_many_regions(case: Case) -> None:
    """5,000 regions"""
    restarts(case, "regions", 5000, after=["regions 5000"])


@points(1, step="2.8", needs="test_restart")
def test_large(case: Case) -> None:
    """a region of more than 4 GiB, mostly untouched"""
    restarts(case, "large", 4400, 32 * maps.HUGE_PAGE >> 10, after=LARGE)


@points(1, step="2.8", needs="test_restart")
def test_short_writes(case: Case) -> None:
    """each large write() moves only a part of the bytes, and one is interrupted"""
    case.through = [str(case.program("shortio"))]
    life = case.start_at_gate("large", 4, 4)
    path = case.checkpoint(life)
    life.kill()
    case.open_gate(1)
    case.through = []
    expected = expected_output(life.lines()[0], ["gate 01", *LARGE, EXIT])
    case.check_rest(life, case.restart(path, REFERENCE), expected, 2)


@points(1, step="2.8", needs="test_restart")
def test_guard(case: Case) -> None:
    """guard pages have no content; a page without access that has content keeps it"""
    life = case.start_at_gate("guard")
    image = case.open_image(case.checkpoint(life))
    base = int(life.lines()[1].split()[1], 16)
    for address in (base, base + 7 * maps.PAGE):
        load = image.load_at(address)
        check(load and load.stored == 0 and load.flags == 0, "a guard page is stored", "image: stores guard")
    life.kill()
    case.open_gate(1)
    check_guard(case, life, image.path)


def check_guard(case: Case, life: Life, path: Path) -> None:
    texts = [text_of(life.lines()[1]), "gate 01", "locked 1", "hidden 1", EXIT]
    expected = expected_output(life.lines()[0], texts)
    case.check_rest(life, case.restart(path, REFERENCE), expected, 3)


@points(1, step="2.8", needs="test_restart")
def test_private_file(case: Case) -> None:
    """private mappings of files: changed in memory, and longer than the file"""
    data = case.folder / "data"
    data.write_bytes(b"a" * maps.PAGE)
    behind = case.start_at_gate("beyond", data)
    case.checkpoint(behind)
    case.open_gate(1)
    case.check_whole(behind, ["gate 01", "file aXa", EXIT])
    case.close_gates()
    data.write_bytes(b"".join(letter * maps.PAGE for letter in (b"a", b"b", b"c")))
    life = case.save("privatefile", data, ckpt=STUDENT)
    texts = [text_of(life.lines()[1]), "gate 01", "file aXc b", EXIT]
    assert case.image is not None
    expected = expected_output(life.lines()[0], texts)
    case.check_rest(life, case.restart(case.image, REFERENCE), expected, 3)


@points(1, step="2.3", needs="test_image")
def test_full_disk(case: Case) -> None:
    """no room for the image, no folder, or one of its name: a message that says which, the old image stays, the program goes on"""
    life = case.start_at_gate("limited")
    path = case.checkpoint(life)
    before = path.read_bytes()
    case.open_gate(1)
    life.wait_for_line("gate 02")
    case.refuses(life, ["libckpt", "image", "File too large"])
    check(path.read_bytes() == before, "the old image is damaged", "image: written in place")
    left = [p.name for p in case.folder.iterdir() if p.name.startswith("image") and p != path]
    check(not left, f"left behind: {left}", "image: temporary file left")
    for gate in (2, 3):
        case.open_gate(gate)
    case.check_whole(life, ["gate 01", "gate 02", "gate 03", EXIT])
    case.close_gates()
    life = start_named(case, ["-o", "gone/image"], {})
    case.refuses(life, ["libckpt", "gone/image", "No such file or directory"], "gone/image")
    life.kill()
    check_folder(case)


def check_folder(case: Case) -> None:
    """What is written cannot have its name: that is no success."""
    (case.folder / "folder").mkdir()
    life = start_named(case, ["-o", "folder"], {"CKPT_VERBOSE": "1"})
    said = case.refuses(life, ["libckpt", "folder", "Is a directory"], "folder")
    check("wrote" not in said, f"it failed, and is said to be written: {said!r}", "ckpt: failure is success")
    left = [p.name for p in case.folder.iterdir() if p.name.startswith("folder.")]
    check(not left, f"left behind: {left}", "image: temporary file left")
    life.kill()


@points(1, step="2.1", needs="test_restart")
def test_second_signal(case: Case) -> None:
    """more signals arrive while the image is written; and a read() that waits goes on"""
    life = case.start_at_gate(*COUNTER)
    for _ in range(30):
        case.signal(life)
    path = case.checkpoint(life)
    case.open_gate(1)
    case.check_whole(life, WHOLE)
    restart_rest(case, life, path)
    check_reading(case)


def check_reading(case: Case) -> None:
    """SA_RESTART: the program does not hear of the checkpoint."""
    case.close_gates()
    life = case.start_at_gate("reader")
    wait_until(lambda: status_field(life.pid, "State").startswith("S"), of=life.pid)
    case.checkpoint(life)
    case.open_gate(1)
    life.wait_for_line("gate 02")
    check("EINTR" not in life.text(), "a read() was interrupted by the checkpoint", "ckpt: read interrupted")
    life.kill()


def check_mask(life: Life) -> None:
    """While the handler runs, all other signals wait. It may be done by now, or dead."""
    blocked = int(status_field(life.pid, "SigBlk") or "0", 16)
    ours, others = 1 << signal.SIGUSR2 - 1, (signal.SIGUSR1, signal.SIGALRM, signal.SIGINT, signal.SIGTERM, signal.SIGRTMIN + 1)
    bad = [number for number in others if not blocked >> number - 1 & 1]
    check(not blocked & ours or not bad, f"in the handler, signals {bad} are not blocked", "ckpt: signals not blocked")


LARGE_MIB = 96


def _is_written(folder: Path, before: dict[str, Stamp | None]) -> bool:
    """True once a new file, or the old one anew, has its first MiB."""
    files = [p for p in folder.iterdir() if p.name.startswith("image") and Stamp.of(p) != before.get(p.name)]
    try:
        return any(p.stat().st_blocks * 512 >= 1 << 20 for p in files)
    except FileNotFoundError:  # it got its final name just now
        return True


def kill_in_mid_write(case: Case) -> Path:
    """A process that is killed when its second image has begun; returns the name of the image."""
    life = case.start_at_gate("large", LARGE_MIB, 4)
    path = case.checkpoint(life)
    before = {p.name: Stamp.of(p) for p in case.folder.iterdir()}
    case.signal(life)
    wait_until(lambda: _is_written(case.folder, before) or life.status is not None, of=life.pid)
    check_mask(life)
    check(life.status is None, f"the program died: {exit_words(life.status)}", *life.symptoms())
    life.kill()
    return path


def check_not_torn(case: Case, path: Path) -> None:
    """All pages of the program `large` are in its image: it has written something else than 0 to each."""
    try:
        image = Image(path)
    except (core.BadImage, OSError) as error:
        raise Failure(f"the image is torn: {error}", "image: written in place") from error
    data = path.read_bytes()
    at = (offset for load in image.loads for offset in range(load.offset, load.offset + load.stored, maps.PAGE))
    written = sum(data[offset : offset + 8] not in (b"", bytes(8)) for offset in at)
    all_of_it = written >= (LARGE_MIB << 20) // maps.PAGE
    check(all_of_it, f"the image is torn: {written} pages are in it", "image: written in place")


@points(1, step="2.3", needs="test_image")
def test_killed(case: Case) -> None:
    """killed in mid-write: the image under its name is whole"""
    for _ in range(5):
        case.close_gates()
        path = kill_in_mid_write(case)
        check_not_torn(case, path)
        begun = [p for p in case.folder.iterdir() if p.name.startswith("image") and p != path]
        if begun:
            break  # the proof that it was killed in time; else it may have been done before we came


@points(1, step="2.9", needs="test_image")
def test_threads(case: Case) -> None:
    """a program with threads is refused with a message, and goes on"""
    life = case.start_at_gate("threads")
    case.refuses(life, ["thread"])
    case.open_gate(1)
    case.check_whole(life, ["gate 01", "joined", EXIT])


@points(1, step="2.4", needs="test_image")
def test_shared(case: Case) -> None:
    """a writable shared region is named and refused, and the program goes on"""
    data = case.folder / "shared.data"
    data.write_bytes(bytes(maps.PAGE))
    life = case.start_at_gate("shared", data)
    case.refuses(life, ["shared.data"])
    case.open_gate(1)
    case.check_whole(life, ["gate 01", "shared 1", EXIT])


def set_uid_program(case: Case) -> Path | None:
    """A program that runs with other rights than ours."""
    if os.getuid() == 0 and case.lab.place is None:
        path = copied(case, "counter", case.folder / "other")
        os.chown(path, 65534, 65534)
        path.chmod(0o4755)
        return path
    candidates = (shutil.which(name) for name in ("su", "passwd", "mount", "chsh"))
    return next((Path(p) for p in candidates if p and os.stat(p).st_mode & 0o4000), None)


@points(1, step="2.1", needs="test_image")
def test_refused_programs(case: Case) -> None:
    """a static program and a set-uid one are refused with the reason"""
    programs: list[tuple[Path | None, Sequence[str]]] = [
        (case.program("counter-static"), ["static"]),
        (set_uid_program(case), ["set-u"]),
    ]
    for program, words in programs:
        if program is None:
            continue
        life = case.start(program, 3)
        status, said = life.wait(), life.messages()
        check(status == 65, f"{program.name}: {exit_words(status)}, must be 65", "ckpt: runs what it cannot save")
        check(all(word in said for word in words), f"the message: {said!r}", "ckpt: no reason")
        check(not life.text(), "it was started all the same", "ckpt: runs what it cannot save")


def start_named(case: Case, words: Sequence[str], env: dict[str, str]) -> Life:
    command = [str(case.lab.folder / "ckpt"), *words, str(case.program("counter")), "12", "5"]
    life = case.run("original", command, env)
    life.wait_for_line("gate 01")
    return life


@points(1, step="2.1", needs="test_image")
def test_names(case: Case) -> None:
    """-o, %p, CKPT_IMAGE, the default name, another signal; a child leaves the image alone"""
    cases: list[tuple[list[str], dict[str, str], Callable[[int], str], int]] = [
        ([], {}, lambda pid: "myckpt", signal.SIGUSR2),
        (["-o", "saved.%p"], {}, lambda pid: f"saved.{pid}", signal.SIGUSR2),
        ([], {"CKPT_IMAGE": "named"}, lambda pid: "named", signal.SIGUSR2),
        (["-s", "USR1", "-o", "usr1"], {}, lambda pid: "usr1", signal.SIGUSR1),
    ]
    for words, env, name, number in cases:
        life = start_named(case, words, env)
        path = case.folder / name(life.inner_pid)
        case.signal(life, number)
        wait_until(lambda: path.exists() or life.status is not None, of=life.pid)
        check(path.exists(), f"ckpt {' '.join(words)}: no {path.name}", "ckpt: name", *life.symptoms())
        life.kill()
    check_preload(case)
    check_child(case)


def check_preload(case: Case) -> None:
    """What the user preloads is loaded, too."""
    life = start_named(case, ["-o", "preload"], {"LD_PRELOAD": "libm.so.6"})
    names = [region.name for region in maps.read_maps(life.pid)]
    there = any("libm.so" in name or "libm-" in name for name in names)
    check(there, "LD_PRELOAD=libm.so.6 is lost", "ckpt: LD_PRELOAD overwritten")
    life.kill()


def check_child(case: Case) -> None:
    life = case.start_at_gate("children")
    (child,) = children_of(life.pid)
    os.kill(child, case.lab.interface.signal)
    number = case.lab.interface.signal
    wait_until(lambda: bool(life.messages()) or (case.folder / "image").exists())
    wait_until(lambda: not any(has_signal(child, f, number) for f in ("SigPnd", "ShdPnd", "SigBlk")))
    check(not (case.folder / "image").exists(), "the child wrote the image", "ckpt: child writes")
    case.open_gate(1)
    life.wait_for_line("gate 02")


# Stress: no points, but each must pass


@points(0, step="2.1", needs="test_names", stress=True)
def test_interval(case: Case) -> None:
    """ckpt -i 1 takes a checkpoint every second, without a signal from outside"""
    life = start_named(case, ["-i", "1", "-o", "periodic"], {})
    path = case.folder / "periodic"
    stamps: set[Stamp | None] = {None}
    for _ in range(3):
        check(wait_until(lambda: Stamp.of(path) not in stamps), "no periodic image", *life.symptoms())
        stamps.add(Stamp.of(path))
    case.open_gate(1)
    case.check_whole(life, WHOLE)


@points(0, step="2.8", needs="test_restart", stress=True)
def test_two_gibibytes(case: Case) -> None:
    """2.1 GiB, every page written"""
    with patience.times(12):
        restarts(case, "large", 2200, 4, after=LARGE)


@points(0, step="2.3", needs="test_killed", stress=True)
def test_killed_often(case: Case) -> None:
    """killed in mid-write, twenty times"""
    for i in range(20):
        again = Case.fresh(case.lab, f"{case.name}/{i}")
        try:
            test_killed(again)
        except Failure as failure:
            raise Failure(f"time {i + 1}: {failure.message}", *failure.symptoms) from failure
        finally:
            again.close()


@points(0, step="2.3", needs="test_full_disk", stress=True)
def test_really_full_disk(case: Case) -> None:
    """a file system of 2 MiB that is full (needs the right to mount one)"""
    inside = f"mount -t tmpfs -o size=2m tmpfs {case.folder} && exec {case.lab.folder}/ckpt -o image"
    program = f"{case.program('large')} 64 4"
    life = case.run("original", ["unshare", "-rm", "sh", "-c", f"{inside} {program}"])
    if not wait_until(lambda: life.has_line("gate 01") or life.status is not None) or life.status is not None:
        return
    case.signal(life)
    wait_until(lambda: bool(life.messages()))
    check("libckpt" in life.messages(), "no message", "refusal: message")
    check(life.status is None, "the program died", *life.symptoms())
