"""From what the kernel said of a restart to steps in words, each with a picture of the address space.

What a call means is told by what it does, compared with the image: a mapping at the address of a region of the image
brings that region back, whoever makes it and in whatever order. Where that does not tell, nothing is said.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Optional

from film.calls import (ARCH_SET_FS, ARCH_SET_GS, MAP_FIXED, MAP_FIXED_NOREPLACE, MEMORY, PR_SET_MM, READS, error_words,
                        written)
from film.pictures import BLOCK, KERNELS, RESTARTS, Ground, Row, covered, differences
from film.plan import Plan, Planned
from film.tracer import Event, Record
from stage import maps
from stage.where import all_steps

STARTS, READS_IMAGE, PLANS, MOVES, CLEARS, MAPS, FILLS, SETTINGS, JUMPS, GOES_ON = PHASES = (
    "starts", "reads the image", "makes the plan", "moves itself away", "clears", "maps", "fills", "kernel's settings",
    "jumps", "goes on")
MOST_STEPS = 1000
MADV_POPULATE_WRITE = 23  # <linux/mman.h>
LONGEST = 600  # characters of what it says, in one step
FATAL = {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS}

# Calls with which a restart gives the kernel back what it knew of the process: words, and the step of the hand-out.
STATE = {
    "set_tid_address": ("tells the kernel where the thread's id is kept", "3.6"),
    "set_robust_list": ("tells the kernel where the list of robust mutexes is", "3.6"),
    "rt_sigaction": ("gives the program its signal actions back", ""),
    "rt_sigprocmask": ("sets which signals are blocked", ""),
    "sigaltstack": ("sets the signal stack", ""),
    "setitimer": ("sets the timers", ""),
    "timer_create": ("makes the program's timers", ""),
    "timer_settime": ("sets the program's timers", ""),
    "prlimit64": ("sets the limits", ""),
    "setrlimit": ("sets the limits", ""),
    "chdir": ("goes to the program's working directory", ""),
    "umask": ("sets the umask", ""),
    "dup2": ("puts a descriptor where the program had it", "4.5"),
    "dup3": ("puts a descriptor where the program had it", "4.5"),
    "fcntl": ("sets what belongs to a descriptor", ""),
    "kill": ("sends a signal, to itself for instance", ""),
    "execve": ("becomes another program", ""),
    "madvise": ("tells the kernel again what the program had advised of its memory", ""),
}
HIDDEN = {"lseek", "close", "fstat", "newfstatat", "getpid", "gettid", "open", "openat", "write", "exit_group", "rt_sigreturn"}


@dataclass
class Step:
    """One position of the slider."""

    phase: str
    words: str
    call: str = ""
    number: str = ""  # the step of the hand-out
    fault: str = ""  # what went wrong, as the kernel said it
    note: str = ""
    picture: list[Row] = field(default_factory=list)
    tags: dict[Row, str] = field(default_factory=dict)
    gone: list[Row] = field(default_factory=list)
    rip: int = 0
    rsp: int = 0
    count: int = 1
    bytes: int = 0
    key: object = None  # a call with the same one is joined to it

    @property
    def text(self) -> str:
        words = self.words.replace("{size}", size_words(self.bytes))
        return words if self.count == 1 else f"{words}, in {self.count} calls"

    @property
    def place(self) -> str:
        """Where the hand-out's step is written."""
        rows = [row for row in all_steps() if row.number == self.number and row.function != "save"]
        return f"{rows[0].function}() in {os.path.basename(rows[0].file)}" if rows else ""


def size_words(size: int) -> str:
    for unit in ("KiB", "MiB", "GiB"):
        if size < 1024:
            break
        size_in = size / 1024
        if size_in < 1024 or unit == "GiB":
            return f"{size_in:.1f}".rstrip("0").rstrip(".") + f" {unit}" if size_in < 100 else f"{size_in:.0f} {unit}"
        size = int(size_in)
    return f"{size} bytes"


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def hexa(address: int) -> str:
    return f"{address:#x}"


def some(names: list[str], most: int = 4) -> str:
    names = list(dict.fromkeys(names))
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def covers(planned: Planned, regions: Iterable[maps.Region]) -> bool:
    """Whether all of it is mapped."""
    return covered(((region.start, region.end) for region in regions), planned.start, planned.end) == planned.size


class Story:
    """Tells a record."""

    def __init__(self, record: Record, plan: Plan) -> None:
        self.record, self.plan = record, plan
        self.steps: list[Step] = []
        self.ground = Ground(plan, self._block())
        self.back = False  # the program runs again
        self.moved = False  # restart runs in its block
        self.opened = False
        self.outcome = ""
        self.good = False
        self.tells: dict[str, Callable[[Event], None]] = {
            "mmap": self._tell_mmap, "munmap": self._tell_munmap, "mremap": self._tell_mremap,
            "mprotect": self._tell_mprotect, "brk": self._tell_brk, "shmat": self._tell_shmat,
            "openat": self._tell_openat, "prctl": self._tell_prctl, "arch_prctl": self._tell_arch_prctl,
            "rseq": self._tell_rseq, "rt_sigreturn": self._tell_rt_sigreturn, "exit": self._tell_exit,
            "exec": self._tell_exec, "killed": self._tell_killed, "limit": self._tell_limit,
            "next": self._tell_next, "open": self._tell_openat,
        }
        self.amiss = 0  # the step in which the program was back, if not all was as in the image
        self._tell()

    def _block(self) -> tuple[int, int]:
        """The memory to which restart moved: code runs there that is of no file. The whole of what was mapped for it."""
        for event in self.record.events:
            region = maps.find(list(event.regions), event.ip)
            if region and not region.name and "x" in region.perms:
                made = (mapped for mapped in self.record.events if mapped.name == "mmap" and not mapped.error
                        and mapped.result <= event.ip < mapped.result + mapped.args[1])
                return next(((m.result, m.result + m.args[1]) for m in made), (region.start, region.end))
        return 0, 0

    def in_block(self, address: int) -> bool:
        return self.ground.block[0] <= address < self.ground.block[1]

    def _tell(self) -> None:
        events = self.record.events
        first = next((i for i, event in enumerate(events) if event.name in ("open", "openat") and self._is_image(event)), None)
        self.opened = first is not None
        self._start(events[first if first is not None else 0] if events else Event("exit"))
        for i, event in enumerate(events):
            if first is not None and i < first or first is None and event.name in MEMORY:
                continue
            if len(self.steps) > MOST_STEPS and i < len(events) - 2:
                continue
            self._event(event, events[i + 1] if i + 1 < len(events) else None)
        self.good = self.back and not self.outcome and not self.amiss
        if not self.outcome:
            self.outcome = "the program is back" if self.back else "restart did not become the program"
            self.outcome += f", but not all is as in the image: step {self.amiss}" if self.amiss else ""

    def _is_image(self, event: Event) -> bool:
        return os.path.basename(event.path) == os.path.basename(self.plan.path)

    def _start(self, event: Event) -> None:
        words = "restart starts: the kernel and the dynamic linker have mapped it and its libraries; of the image, nothing is here"
        self._add(Step(STARTS, words), event)

    def _add(self, step: Step, event: Event) -> None:
        """Another step, or more of the last one."""
        last = self.steps[-1] if self.steps else None
        picture = self.ground.rows(event.regions, self.back)
        said = isinstance(step.key, tuple) and step.key[0] == "says"
        if last and step.key is not None and step.key == last.key and not (step.fault and last.fault != step.fault):
            last.count += 1
            last.bytes += step.bytes
            last.note = f"{last.note}\n{step.note}"[:LONGEST] if said else step.note or last.note
            last.call = step.call
            before = self.steps[-2].picture if len(self.steps) > 1 else []
            step = last
        else:
            before = last.picture if last else picture
            self.steps.append(step)
        step.picture, step.rip, step.rsp = picture, event.ip, event.sp
        step.tags, step.gone = differences(before, picture, event.name)

    # What an event is

    def _event(self, event: Event, following: Optional[Event]) -> None:
        self._is_it_back(event)
        self.moved = self.moved or self.in_block(event.ip)
        if event.text and event.name == "write":
            said = event.text.strip()[:LONGEST]
            self._call(event, "the program prints" if self.back else "restart says", note=said, key=("says", self.back))
            return
        if event.name == "signal":
            self._signal(event, following)
        elif event.name in READS:
            self._read(event)
        elif event.name in self.tells:
            self.tells[event.name](event)
        elif event.name == "rt_sigaction" and event.args[0] in (signal.SIGKILL, signal.SIGSTOP):
            pass  # nobody can change these
        elif event.name == "madvise" and event.args[2] == MADV_POPULATE_WRITE:
            pass  # pages come at once that would come at the first write: nothing changes
        elif event.name in STATE and self.moved and not self.back:
            words, number = STATE[event.name]
            self._call(event, words, SETTINGS, number, key=event.name, soft=True)
        elif event.name not in HIDDEN and event.args and self.moved and not self.back:
            self._call(event, f"makes the call {event.name}", SETTINGS, key=event.name, soft=True)

    def _call(
        self, event: Event, words: str, phase: str = "", number: str = "", fault: str = "", note: str = "",
        key: object = None, size: int = 0, soft: bool = False,
    ) -> None:
        """A step of one call. If it failed, that is what went wrong; `soft`: it is only said."""
        if event.error and not fault:
            failed = f"{event.name} fails: {error_words(event.error)}"
            fault, note = ("", f"{note}{'; ' if note else ''}{failed}") if soft else (failed, note)
        phase = phase or (GOES_ON if self.back else self.steps[-1].phase)
        call = written(event.name, event.args, event.result, event.path)
        self._add(Step(phase, words, call, "" if self.back else number, fault, note, key=key, bytes=size), event)

    def _is_it_back(self, event: Event) -> None:
        """Code of a region that was brought back runs."""
        if self.back or not (self.moved or not self.ground.block[1]) or self.in_block(event.ip):
            return
        planned = self.plan.at(event.ip)
        if planned is None or not self.ground.is_restored(event.ip) or event.name in ("exit", "killed"):
            return
        left = [row.label for row in self.ground.rows(event.regions, False) if row.owner == RESTARTS]
        self.back = True
        wrong = [words for region in self.plan.regions if not region.kernel for words in self._amiss(region, event.regions)]
        wrong += [f"of restart's own memory there is still {some(left)}"] if left else []
        others = [region.words for region in self.plan.regions if region.kernel and region.name != "[vsyscall]"
                  and not covers(region, event.regions)]
        words = f"is in the program: its own code runs again, in {planned.words}"
        note = f"where the image had {some(others)} is nothing now" if others else ""
        note = note if wrong or others else "all regions of the image are there"
        self._add(Step(JUMPS, words, number="3.5", fault=some(wrong, 4), note=note), event)
        self.amiss = len(self.steps) if wrong else 0

    def _amiss(self, planned: Planned, regions: Iterable[maps.Region]) -> Iterator[str]:
        """What is not as the image has it."""
        where = f"{planned.words} at {hexa(planned.start)}"
        found = [region for region in regions if region.start < planned.end and planned.start < region.end]
        if not covers(planned, regions):
            yield f"{where} is not there, or not all of it"
        elif planned.perms and any(region.perms[:3] != planned.perms for region in found):
            yield f"{where} is {found[0].perms[:3]}, in the image {planned.perms}"
        elif planned.data and found[0].perms.endswith("p") and not self.ground.read_bytes(planned):
            yield f"{where} has none of its bytes"

    # Memory

    def _of_restart(self, event: Event, words: str, phase: str = PLANS) -> None:
        """Something of its own, before it moves."""
        self._call(event, words, GOES_ON if self.back else phase, key=words)

    def _tell_mmap(self, event: Event) -> None:
        where, size = event.args[0], event.args[1]
        planned = self.plan.at(where) if where and event.args[3] & (MAP_FIXED | MAP_FIXED_NOREPLACE) else None
        planned = planned or (self.plan.at(where) if where and self.moved else None)
        at = event.result
        if not event.error and self.ground.block[0] == at and self.ground.block[1]:
            there = self.plan.touched(at, at + size)
            fault = f"the image has {some([region.words for region in there])} there" if there else ""
            self._call(event, f"makes room for its second half, the block, at {hexa(at)}: {size_words(size)}", MOVES, "3.1", fault)
        elif self.back:
            self._of_restart(event, "the program maps memory")
        elif planned is None:
            beyond = "" if where == 0 or event.error else f" at {hexa(at)}"
            self._of_restart(event, f"maps memory{beyond}, for itself" if self.moved else "gets memory for its plan")
        else:
            self._region(event, planned, where, size)

    def _region(self, event: Event, planned: Planned, where: int, size: int) -> None:
        kind = "from its file" if event.args[4] & 0xFFFFFFFF != 0xFFFFFFFF else "fresh memory"
        fault = ""
        if not event.error:
            self.ground.restored.append((event.result, event.result + size))
            if os.path.basename(event.path) == os.path.basename(self.plan.path) and event.path:
                kind = "from the image itself (--lazy)"
                self.ground.filled.append((event.result, event.result + size))
        if not event.error and event.result != where:
            fault = f"the kernel mapped it elsewhere: at {hexa(event.result)}, not at {hexa(where)}"
        offset = event.args[5] - (where - planned.start)
        if planned.from_file and kind == "from its file" and offset != planned.offset and not fault and not event.error:
            fault = f"it is mapped from byte {hexa(event.args[5])} of the file; in the image it begins at {hexa(planned.offset)}"
        whole = where == planned.start and size == planned.size
        part = "" if whole else f"{size_words(size)} of "
        words = f"maps {part}{planned.words} at {hexa(where)}, {kind}: {size_words(size)}"
        self._call(event, words, MAPS, "3.3", fault)

    def _tell_munmap(self, event: Event) -> None:
        start, end = event.args[0], event.args[0] + event.args[1]
        before = self.steps[-1].picture
        after = {(row.start, row.end) for row in self.ground.rows(event.regions, self.back)}
        gone = [row for row in before if start < row.end and row.start < end and (row.start, row.end) not in after]
        if self.back:
            block = any(row.owner == BLOCK for row in gone)
            self._call(event, "the program unmaps the block: nothing of restart is left" if block
                       else "the program unmaps memory", GOES_ON, key=None if block else "munmap")
        elif not self.moved and all(row.owner != BLOCK for row in gone) and event.args[1] < 1 << 32:
            self._of_restart(event, "gives memory of its own back")
        else:
            names = f": {some([row.label for row in gone])}" if gone else ": nothing was there"
            words = f"unmaps {len(gone)} regions from {hexa(start)} to {hexa(end)}{names}"
            self._call(event, words, CLEARS, "3.2")

    def _tell_mremap(self, event: Event) -> None:
        start, size = event.args[0], event.args[1]
        target = event.result if not event.error else event.args[4]
        row = next((row for row in self.steps[-1].picture if row.start <= start < row.end), None)
        if row is None or row.owner != KERNELS:
            if not event.error and self.plan.at(target):
                self.ground.restored.append((target, target + size))
            self._of_restart(event, f"moves memory from {hexa(start)} to {hexa(target)}", MAPS if self.moved else PLANS)
            return
        to_block = self.in_block(target)
        words = f"moves {row.name} from {hexa(start)} to {hexa(target)}" + (
            ", into its block" if to_block else ", to where the image had it" if self.plan.at(target) else "")
        self._call(event, words, CLEARS if to_block else MAPS, "3.7")

    def _tell_mprotect(self, event: Event) -> None:
        start, size = event.args[0], event.args[1]
        rights = "".join(letter if event.args[2] & bit else "-" for letter, bit in (("r", 1), ("w", 2), ("x", 4)))
        planned = self.plan.at(start) if self.ground.is_restored(start) else None
        if self.in_block(start) and not self.back:
            self._call(event, f"gives the block {rights}, so that its code can run" if "x" in rights
                       else f"gives a part of the block {rights}", MOVES)
        elif self.back:
            self._of_restart(event, "the program changes a protection")
        elif planned is not None:
            self._call(event, f"gives {planned.words} its protection {rights}: {size_words(size)}", FILLS)
        elif self.moved:
            self._call(event, f"gives {rights} to {size_words(size)} at {hexa(start)}")

    def _tell_brk(self, event: Event) -> None:
        if event.args[0]:
            self._of_restart(event, "the program's heap grows" if self.back else "gets memory for its plan")

    def _tell_shmat(self, event: Event) -> None:
        planned = None if event.error else self.plan.at(event.result)
        if planned is not None:
            self.ground.restored.append((planned.start, planned.end))
            self.ground.filled.append((planned.start, planned.end))
            self._call(event, f"attaches the shared memory {planned.words}", MAPS)

    # The image, and other files

    def _read(self, event: Event) -> None:
        of_image = os.path.basename(event.path) == os.path.basename(self.plan.path)
        to, asked = event.args[1], event.args[2]
        planned = self.plan.at(to) if self.ground.is_restored(to) else None
        size = max(event.result, 0)
        if not of_image or self.back:
            return
        if planned is None:
            self._call(event, "reads the image's head: {size}", READS_IMAGE, key="head", size=size)
            return
        self.ground.filled.append((to, to + size))
        fault = "0 bytes: this is the end of the image's file" if event.result == 0 and asked else ""
        note = f"the last call gave {size} of {asked} bytes" if 0 < size < asked else ""
        whose = f"{planned.words}'s bytes" if planned.name else "the bytes of anonymous memory"
        words = f"reads {{size}} of {whose} from the image, to {hexa(planned.start)}"
        words = f"is to read {size_words(asked)} of {whose}" if event.error else words
        self._call(event, words, FILLS, "3.4", fault, note,
                   key=("fill", planned.start), size=size)

    def _tell_openat(self, event: Event) -> None:
        names = {region.name for region in self.plan.regions if region.name.startswith("/")}
        if self.back:
            return
        if self._is_image(event):
            self._call(event, "opens the image", READS_IMAGE, key="open image")
        elif event.path in names and self.moved:
            if event.error:
                self._call(event, f"opens {os.path.basename(event.path)}, to map it", MAPS, "3.3")
        elif event.path in names:
            self._call(event, "looks whether the files that the image needs are unchanged", PLANS, key="files")
        elif event.path == "/proc/self/maps":
            self._call(event, "reads what its own address space is: /proc/self/maps", PLANS, key="maps", soft=True)
        elif self.moved:
            self._call(event, f"opens {event.path}", SETTINGS, soft=True)

    # The kernel's settings

    def _tell_prctl(self, event: Event) -> None:
        if not self.moved or self.back:
            return
        if event.args[0] == PR_SET_MM:
            words = "tells the kernel where heap, stack, arguments and auxv are: it names [heap] and [stack] again"
            self._call(event, words, SETTINGS, "3.8")
        else:
            self._call(event, "sets what belongs to the process (prctl)", SETTINGS, key="prctl", soft=True)

    def _tell_arch_prctl(self, event: Event) -> None:
        which = {ARCH_SET_FS: "TLS base, fs", ARCH_SET_GS: "base of gs"}.get(event.args[0])
        if which and self.moved and not self.back:
            self._call(event, f"sets the {which}, to {hexa(event.args[1])}", SETTINGS, "3.6")

    def _tell_rseq(self, event: Event) -> None:
        if self.back or not self.moved:
            return
        if event.args[2] & 1:
            self._call(event, "runs in its block from here on; makes the kernel forget where restart's own rseq was", MOVES)
        else:
            self._call(event, "tells the kernel where the program's rseq is", SETTINGS, "3.6")

    def _tell_rt_sigreturn(self, event: Event) -> None:
        event.result = 0  # it has none: all registers are the program's
        if self.back:
            self._call(event, "returns from the signal handler: all registers are as they were when the signal came", GOES_ON)

    # Ends

    def _signal(self, event: Event, following: Optional[Event]) -> None:
        number = event.args[0]
        kills = following is None or following.name == "killed"
        if number not in FATAL or not (kills or self.moved):
            return
        name = signal_name(number)
        words = f"{'the program' if self.back else 'restart'} gets {name}" + ("" if kills else ", and has a handler for it")
        self._add(Step(GOES_ON if self.back else self.steps[-1].phase, words, fault=self._why(event) if kills else "",
                       note="" if kills else self._why(event)), event)
        if kills:
            self._end(f"killed by {name}")

    def _why(self, event: Event) -> str:
        number, code, address = event.args
        name = signal_name(number)
        here = maps.find(list(event.regions), event.ip)
        at = f"the instruction is at {hexa(event.ip)}, " + (f"in {self._kind(here)}" if here else "where nothing is mapped")
        if number not in (signal.SIGSEGV, signal.SIGBUS):
            return f"{name}; {at}"
        if code > 0x7F or code <= 0:
            return f"{name}: the kernel names no address (one that cannot be, or a misaligned one); {at}"
        there = maps.find(list(event.regions), address)
        what = f"{self._kind(there)} is {there.perms[:3]} there" if there else "nothing is mapped there"
        return f"{name} at address {hexa(address)}: {what}; {at}"

    def _kind(self, region: maps.Region) -> str:
        return BLOCK if self.in_block(region.start) else region.kind()

    def _end(self, words: str) -> None:
        self.outcome = f"{words}, in step {len(self.steps)} ({self.steps[-1].phase})"

    def _tell_exit(self, event: Event) -> None:
        who = "the program" if self.back else "restart"
        fault = "" if self.back else f"exit status {event.result}, and the program was never back"
        event.ip = event.sp = 0
        self._add(Step(self.steps[-1].phase, f"{who} ends: exit status {event.result}", fault=fault,
                       note="" if self.opened else "the image was never opened"), event)
        self._end(f"{who} ended with exit status {event.result}")

    def _tell_exec(self, event: Event) -> None:
        names = [os.path.basename(region.name) for region in event.regions if region.name.startswith("/")]
        self._add(Step(self.steps[-1].phase, f"becomes another program: {some(names, 1)}", note="execve(2)"), event)

    def _tell_killed(self, event: Event) -> None:
        if not self.outcome:
            name = signal_name(event.result)
            event.ip = event.sp = 0
            self._add(Step(self.steps[-1].phase, f"the process is gone: {name}", fault=f"killed by {name}"), event)
            self._end(f"killed by {name}")

    def _tell_limit(self, event: Event) -> None:
        self._add(Step(self.steps[-1].phase, "the film ends here: it may go on for ever", fault=event.text), event)
        self._end(event.text)

    def _tell_next(self, event: Event) -> None:
        what = f"its next system call is {event.text}()" if event.args else "it computes"
        if event.text and not event.args:
            what = f"it is in {event.text}()"
        words = f"the program goes on: {what}. The film ends here, and this process with it"
        block = any(region.start < self.ground.block[1] and self.ground.block[0] < region.end for region in event.regions)
        self._add(Step(GOES_ON, words, note="restart's block is still there" if block else ""), event)
