"""What became of another course's program, from outside: the maps before and after, gdb, strace.

Symptoms in the sense of diagnosis.py. Nothing here decides whether a test passes.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from classic.images import files_of, size_of
from classic.outside import descendants, read_file, runs, waits_at
from classic.watched import Watched
from stage import maps, witness
from stage.process import Life, exit_words, patience, wait_until

MOST = 4  # symptoms of one kind that are shown


def of_failure(case: Watched, deep: bool) -> list[str]:
    """All there is to say of a failed case; what runs the restart once more only if `deep`."""
    symptoms = original_symptoms(case) + place_symptoms(case) + image_symptoms(case) + leftovers(case)
    if case.maps_after:
        text = "".join(f"{region}\n" for region in case.maps_after)
        case.keep("maps.after", text)
        symptoms += compare_maps(case.maps_before, case.maps_after)
    seen = witness.symptoms(case, " ".join(case.lab.interface.images)) if restarts(case) else []
    symptoms += seen
    if deep and not any("state: " in line and "no diff" not in line for line in seen) and case.image is not None and case.image.exists() and restarts(case):
        symptoms += strace_symptoms(case)
        symptoms += held_symptoms(case)
    return symptoms


def restarts(case: Watched) -> list[Life]:
    return [life for life in case.lives if life.role.startswith("restart")]


# The maps before and after


def covered(region: maps.Region, now: Sequence[maps.Region]) -> bool:
    """Whether every page of the region is there again, with at least its permissions."""
    at = region.start
    while at < region.end:
        found = maps.find(list(now), at)
        if found is None or any(p not in found.perms[:3] for p in region.perms[:3] if p != "-"):
            return False
        at = found.end
    return True


def compare_maps(before: Sequence[maps.Region], after: Sequence[maps.Region]) -> list[str]:
    symptoms = []
    for region in maps.without_vsyscall(list(before)):
        if region.is_kernel:
            symptoms += kernel_symptoms(region, after)
        elif not covered(region, after):
            there = maps.find(list(after), region.start)
            word = "not restored" if there is None else "other permissions"
            symptoms.append(f"maps: {word}: {region.kind()}")
    places = {maps.find(list(before), region.start) is None for region in after if region.name.startswith("/")}
    symptoms += ["maps: restart's own memory is still there"] if True in places else []
    return list(dict.fromkeys(symptoms))


def kernel_symptoms(region: maps.Region, after: Sequence[maps.Region]) -> list[str]:
    same = [other for other in after if other.name == region.name]
    if not same:
        return [f"maps: lost: {region.name}"]
    return [] if any(other.start == region.start for other in same) else [f"maps: moved: {region.name}"]


# Restart's own place, and the image


def linked_range(program: Path) -> tuple[int, int] | None:
    """Where a program has to lie; None if it can lie anywhere, or is none."""
    try:
        with program.open("rb") as file:
            elf = ELFFile(file)
            if elf.header.e_type != "ET_EXEC":
                return None
            loads = [s.header for s in elf.iter_segments("PT_LOAD")]
            return min(l.p_vaddr for l in loads), max(l.p_vaddr + l.p_memsz for l in loads)
    except (OSError, ELFError, ValueError):
        return None


def restart_program(case: Watched) -> Path:
    return case.folder / case.restart_command(Path("image"))[0]


def original_symptoms(case: Watched) -> list[str]:
    """What the original's library printed, besides the program itself, and how it ended at its checkpoint."""
    first = next((life for life in case.lives if life.role == "original"), None)
    if first is None:
        return []
    ours = re.compile(r"(^nonces( [0-9a-f]{16}){5}| #[0-9a-f]{16})$")
    printed = [line for line in [*first.lines(), *first.messages().splitlines()] if not ours.search(line)]
    ended = [f"original: ended at its checkpoint: {exit_words(case.ended)}"] if case.ended is not None else []
    return [f"original says: {line}" for line in printed[:MOST]] + ended


def leftovers(case: Watched) -> list[str]:
    """Memory with restart's own name in a program that was restarted, and is saved again."""
    left = [region for region in case.maps_before if region.name == str(restart_program(case))]
    return ["maps: restart's own memory is still there"] if left and case.maps_before != case.maps_first else []


def place_symptoms(case: Watched) -> list[str]:
    """Whether restart is linked where the program lies."""
    program = restart_program(case)
    own = linked_range(program) if program.is_file() else None
    if own is None:
        return []
    hit = [region for region in case.maps_before if region.start < own[1] and own[0] < region.end]
    return [f"restart: is linked where the program has {region.kind()}" for region in hit[:1]]


def image_symptoms(case: Watched) -> list[str]:
    """Memory that only the program has must be in the image, in whatever format."""
    if case.image is None or not files_of(case.image):
        return []
    size, own = size_of(case.image), [r for r in case.maps_before if "w" in r.perms and "p" in r.perms]
    needed = sum(region.size for region in own)
    short = [f"image: {size} bytes, but the program can write to {needed}"] if size < needed else []
    return short + vdso_symptoms(case.image)


def vdso_symptoms(image: Path) -> list[str]:
    """Whether a file of the image holds the bytes of [vdso], which are the same in all processes of this kernel."""
    region = next((region for region in maps.read_maps(os.getpid()) if region.name == "[vdso]"), None)
    try:
        with open("/proc/self/mem", "rb") as memory:
            memory.seek(region.start if region else 0)
            page = memory.read(maps.PAGE) if region else b""
        return ["image: holds the bytes of [vdso]"] if page and any(page in read_file(path) for path in files_of(image)) else []
    except OSError:
        return []


# strace and gdb: once more, with someone looking on


def send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def run_tool(case: Watched, command: Sequence[str], limit: float) -> None:
    """Runs a command in the case's folder; what it prints is of no interest."""
    case.output_of(command, case.lives[-1].extra_env, limit)


def read_trace(path: Path) -> str:
    """What strace wrote into a folder of the submission's."""
    try:
        return read_file(path).decode(errors="replace")
    except OSError:
        return ""


def tell_trace(path: Path, number: int = 0) -> list[str]:
    """The last system calls that failed, and what ended the process; since a signal, if its number is given."""
    lines = [re.sub(r"^\d+ +", "", line) for line in read_trace(path).splitlines()]
    begin = f"--- {signal.Signals(number).name} " if number in set(signal.Signals) else "execve("
    start = max((i for i, line in enumerate(lines) if line.startswith(begin)), default=-1) + 1
    end = next((i for i, line in enumerate(lines) if i > start and line.startswith("rt_sigreturn")), len(lines))
    lines = lines[start : end if number else len(lines)]
    failed = [line for line in lines if re.match(r"(?!rt_sigreturn).* = -1 E(?!INTR|NOTTY)", line)]
    ended = [line for line in lines if line.startswith("--- SIG") or line.startswith("+++ killed")]
    return [f"strace says: {line[:200]}" for line in [*failed[-MOST:], *ended[-2:]]]


def strace_symptoms(case: Watched) -> list[str]:
    """A restart that ended without becoming the program, once more under strace."""
    last = restarts(case)[-1]
    if not shutil.which("strace") or (last.status == 0 and not last.messages()):
        return []
    trace = case.folder / "strace.txt"
    run_tool(case, ["strace", "-f", "-o", str(trace), *last.command], 5)
    return tell_trace(trace)


def of_checkpoint(case: Watched, life: Life) -> list[str]:
    """No image came: the same once more while strace looks on. It starts the program: from one sandbox, nobody can
    look into another."""
    trace, number = case.folder / "strace.txt", case.lab.interface.signal
    if life.status is not None or not case.handler_is_done(life) or not shutil.which("strace"):
        return []
    program = Path(f"/proc/{case.target(life)}/exe")
    tool = case.run("strace", ["strace", "-f", "-o", str(trace), *life.command])
    wait_until(lambda: tool.has_line("gate 01") or tool.status is not None)
    for pid in [pid for pid in descendants(tool.pid) if runs(pid, program)][-1:]:
        send(pid, number)
        wait_until(lambda: "rt_sigreturn" in read_trace(trace) or tool.status is not None, 2)
    tool.kill()
    return tell_trace(trace, number)


GDB_AT_GATE = ("set pagination off", "set debuginfod enabled off", "set auto-load off", "set startup-with-shell off",
               "set disable-randomization off", "set follow-fork-mode child", "set libthread-db-search-path /nonexistent")


def tls_base(case: Watched) -> str:
    """The fs register of a restarted program that waits at its gate again, in hexadecimal; "" if it does not come there.

    gdb restarts it, and is told by a SIGINT to look: from one sandbox, nobody can look into another.
    """
    case.close_gates()
    before = [word for setting in GDB_AT_GATE for word in ("-iex", setting)]
    look = ["-ex", "run", "-ex", 'printf "\\nFS %lx\\n", $fs_base']
    last = restarts(case)[-1]
    life = case.aside(".gdb", ["gdb", "-nx", "-batch", *before, *look, "--args", *last.command], last.extra_env)

    def told() -> bool:
        """Between two naps it looks busy, so tell it at the first look that finds it there."""
        there = [pid for pid in descendants(life.pid) if (waits_at(pid) or (0, 0))[1] == case.gate_stack]
        for pid in there:
            send(pid, signal.SIGINT)
        return bool(there) or life.status is not None

    wait_until(told, patience.seconds * 0.3)
    wait_until(lambda: life.status is not None, patience.seconds * 0.3)
    life.kill()
    found = re.search(r"^FS (\w+)$", life.text(), re.MULTILINE)
    return found[1] if found else ""


def held_symptoms(case: Watched) -> list[str]:
    """Whose the TLS base of a restarted program is that waits at its gate again."""
    if not shutil.which("gdb") or not case.gate_stack or not case.maps_after:
        return []
    found = tls_base(case)
    if not found:
        return []
    region = maps.find(case.maps_before, int(found, 16))
    return [f"gdb says: the restarted program's fs is in {region.kind() if region else 'memory that it never had'}"]
