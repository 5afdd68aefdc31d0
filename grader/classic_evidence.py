"""What became of another course's program, from outside: the maps before and after, gdb, strace.

Symptoms in the sense of diagnosis.py. Nothing here decides whether a test passes.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

import maps
from process import Life, patience, status_field, wait_until

if TYPE_CHECKING:
    from classic import ClassicCase

MOST = 4  # symptoms of one kind that are shown


def of_failure(case: ClassicCase, deep: bool) -> list[str]:
    """All there is to say of a failed case; what runs the restart once more only if `deep`."""
    symptoms = place_symptoms(case) + image_symptoms(case)
    if case.maps_after:
        text = "".join(f"{region}\n" for region in case.maps_after)
        (case.folder / "maps.after").write_text(text, encoding="utf-8", errors="surrogateescape")
        symptoms += compare_maps(case.maps_before, case.maps_after)
    if deep and case.image is not None and case.image.exists() and restarts(case):
        symptoms += strace_symptoms(case)
        symptoms += held_symptoms(case)
    return symptoms


def restarts(case: ClassicCase) -> list[Life]:
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


def restart_program(case: ClassicCase) -> Path:
    return case.folder / case.restart_command(Path("image"))[0]


def place_symptoms(case: ClassicCase) -> list[str]:
    """Whether restart is linked where the program lies."""
    own = linked_range(restart_program(case))
    if own is None:
        return []
    hit = [region for region in case.maps_before if region.start < own[1] and own[0] < region.end]
    return [f"restart: is linked where the program has {region.kind()}" for region in hit[:1]]


def image_symptoms(case: ClassicCase) -> list[str]:
    """Memory that only the program has must be in the image, in whatever format."""
    if case.image is None or not case.image.is_file():
        return []
    size, own = case.image.stat().st_size, [r for r in case.maps_before if "w" in r.perms and "p" in r.perms]
    needed = sum(region.size for region in own)
    return [f"image: {size} bytes, but the program can write to {needed}"] if size < needed else []


# strace and gdb: once more, with someone looking on


def run_tool(case: ClassicCase, command: Sequence[str], limit: float) -> None:
    """Runs a command in the case's folder; what it prints is of no interest."""
    case.output_of(command, case.lives[-1].extra_env, limit)


def tell_trace(path: Path) -> list[str]:
    """The last system calls that failed, and what ended the process."""
    text = path.read_text(errors="replace") if path.exists() else ""
    lines = [re.sub(r"^\d+ +", "", line) for line in text.splitlines()]
    start = max((i for i, line in enumerate(lines) if line.startswith("execve(")), default=-1) + 1
    failed = [line for line in lines[start:] if re.search(r" = -1 E(?!INTR|NOTTY)", line)]
    ended = [line for line in lines[start:] if line.startswith("--- SIG") or line.startswith("+++ killed")]
    return [f"strace says: {line[:200]}" for line in [*failed[-MOST:], *ended[-2:]]]


def strace_symptoms(case: ClassicCase) -> list[str]:
    """A restart that ended without becoming the program, once more under strace."""
    last = restarts(case)[-1]
    if not shutil.which("strace") or (last.status == 0 and not last.messages()):
        return []
    trace = case.folder / "strace.txt"
    run_tool(case, ["strace", "-f", "-o", str(trace), *last.command], 5)
    return tell_trace(trace)


def of_checkpoint(case: ClassicCase, life: Life) -> list[str]:
    """No image came: send the signal once more while strace looks on."""
    pid, trace = case.target(life), case.folder / "strace.txt"
    if life.status is not None or not case.handler_is_done(life) or not shutil.which("strace"):
        return []
    tool = case.run("strace", ["strace", "-f", "-o", str(trace), "-p", str(pid)])
    attached = wait_until(lambda: status_field(pid, "TracerPid") not in ("", "0") or tool.status is not None, 3)
    if attached and tool.status is None:
        case.signal_program(life)
        wait_until(lambda: "rt_sigreturn" in trace.read_text(errors="replace") or life.status is not None, 2)
    tool.kill()
    return tell_trace(trace)


def held_symptoms(case: ClassicCase) -> list[str]:
    """The registers of a restarted program that waits at its gate again."""
    if not shutil.which("gdb") or not case.gate_stack or not case.maps_after:
        return []
    case.close_gates()
    with patience.times(0.3):
        life = case.restart_held()
    if life.status is not None:
        return []
    command = ["gdb", "-nx", "-batch", "-iex", "set exec-file-mismatch off", "-iex", "set auto-load off",
               "-p", str(case.target(life)), "-ex", "printf \"FS %lx\\n\", $fs_base"]
    try:
        text = subprocess.run(command, cwd=case.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=10, check=False).stdout
    except subprocess.TimeoutExpired:
        text = ""
    life.kill()
    found = re.search(r"^FS (\w+)$", text, re.MULTILINE)
    if found is None:
        return []
    region = maps.find(case.maps_before, int(found[1], 16))
    return [f"gdb says: the restarted program's fs is in {region.kind() if region else 'memory that it never had'}"]
