"""From symptoms to a cause and a next step.

Symptoms are lines of text: those that a test names itself, how processes ended, what they said on
stderr, what is wrong with the image, where a restarted program crashed. causes/ is the one
table; its first entry of which every pattern is found among the symptoms is the answer.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from stage import crash
from stage import maps, witness
from stage.case import Case
from stage.config import GRADER, load_toml
from stage.failure import Failure, printable
from stage.image import BadImage, Image, open_plain
from stage.lab import REFERENCE, STUDENT
from stage.process import Life
from stage.processor import HERE

TABLES = GRADER / "stage" / "causes"  # *.toml, read in the order of their names

MOST_READ = 64 << 20  # bytes of an image; a hostile one may be endless
MOST_SHOWN = 1000  # characters of a symptom
MOST_SYMPTOMS = 500
DOCTOR_LINES = 3  # findings of the image doctor that are shown; there may be hundreds


SPEAKER = re.compile(r"\^?(?!says)[a-z][a-z -]*: ")


def is_seen(pattern: str, symptom: str) -> bool:
    """A pattern that begins with who says it ("sandbox: ") fits what he says, and not what a program has printed
    ("readmaps says: sandbox: time"): so no submission can speak for the grader."""
    return any((re.match if SPEAKER.match(one) else re.search)(one, symptom) for one in alternatives(pattern))


@lru_cache(maxsize=None)
def alternatives(pattern: str) -> list[str]:
    """Those of a|b(c|d)|[|]: a, b(c|d) and [|]."""
    found, depth = [""], 0
    for part in re.findall(r"\\.|\[\]?[^]]*\]|.", pattern):
        depth += (part == "(") - (part == ")")
        if part == "|" and depth == 0:
            found.append("")
        else:
            found[-1] += part
    return found


@dataclass(frozen=True)
class Cause:
    id: str
    title: str  # a few words, for lists
    when: list[str]
    text: str
    next: str
    step: str
    demo: str

    def fits(self, symptoms: Sequence[str]) -> bool:
        return all(any(is_seen(p, s) for s in symptoms) for p in self.when)

    @property
    def was_watched(self) -> bool:
        """It belongs to no step, and is printed for what the witness saw alone."""
        return not self.step and any(pattern.startswith("witness: ") for pattern in self.when)

    def reading(self, steps: bool = True) -> str:
        """What to read: the step of the hand-out, if students have it, and the demo."""
        parts = [f"000-README step {self.step}"] if self.step and steps else []
        parts += [f"BACKGROUND demo {self.demo}"] if self.demo else []
        return ", ".join(parts)


def load_causes(folder: Path = TABLES) -> list[Cause]:
    return [
        Cause(
            entry["id"],
            entry.get("title", ""),
            entry["when"],
            " ".join(entry["text"].split()),
            " ".join(entry["next"].split()),
            entry.get("step", ""),
            entry.get("demo", ""),
        )
        for path in sorted(folder.glob("*.toml"))
        for entry in load_toml(path)["cause"]
    ]


def find_cause(symptoms: Sequence[str], causes: Sequence[Cause] | None = None) -> Cause | None:
    for cause in load_causes() if causes is None else causes:
        if cause.fits(symptoms):
            return cause
    return None


# What the witness (witness.py) has seen, the most telling first.
SEEN = (r"state: (?!no difference|\[v)", "restart: (mmap|read|maps .* over the stack|unmaps|starts|the image)",
        "crash: (movaps|just below|fldenv|ldmxcsr)", "original: (?!write|ends)", "crash: at", r"state: \[v")


def seen(symptoms: Sequence[str]) -> str:
    """The first difference between the two lives, or what went wrong before there was a second one; "" if none was seen."""
    return next((s.removeprefix("witness: ").removeprefix("state: ") for p in SEEN for s in symptoms
                 if re.match(f"witness: {p}", s)), "")


# Evidence


def gather(test: str, failure: BaseException, case: Case | None, deep: bool = False) -> list[str]:
    """All symptoms of a failed case, the most telling first."""
    symptoms = [f"test: {test}"]
    if isinstance(failure, Failure):
        symptoms += failure.symptoms
        symptoms.append(f"message: {failure.message}")
    else:
        symptoms.append(f"error: {type(failure).__name__}: {failure}")
    if case is not None:
        symptoms += case.notes
        symptoms += [line for life in case.lives for line in case.lab.runner.symptoms(life.process)]
        with case.lab.runner.student():
            symptoms += image_symptoms(case)
            symptoms += doctor_symptoms(case)
            symptoms += crash_symptoms(case) if deep else []
            symptoms += case.evidence(deep)
            symptoms += witness.symptoms(case) if deep and not case.lab.interface.is_profile else []
    return _unique(symptoms)


def _unique(lines: Sequence[str]) -> list[str]:
    """Each once, and none of them endless: a submission may print what it likes."""
    return list(dict.fromkeys(printable(line[:MOST_SHOWN]) for line in lines))[:MOST_SYMPTOMS]


def image_symptoms(case: Case) -> list[str]:
    """What the image lacks or has too much of, compared with the maps before the checkpoint."""
    if case.image is None or not case.image.exists() or case.image_by != STUDENT:
        return []
    try:
        image = Image(case.image)
    except (BadImage, OSError, ValueError):
        return ["image: not an ELF file", *header_symptoms(case.image)]
    symptoms = truncation_symptoms(image)
    if any(load.start > 1 << 63 for load in image.loads):
        symptoms.append("image: has [vsyscall]")
    for region in maps.without_vsyscall(case.maps_before):
        symptoms += region_symptoms(image, region)
    return _unique(symptoms)


def doctor_symptoms(case: Case) -> list[str]:
    """What the reference's image doctor finds wrong with a student's image, in its words."""
    if case.image is None or not case.image.exists() or case.image_by != STUDENT:
        return []
    said = case.output_of([case.lab.bin(REFERENCE) / "readckpt", "--check", case.image])
    found = re.findall(r"^ *\d+\. (.*)$", said, re.MULTILINE)
    return [f"the image doctor says: {line}" for line in found[:DOCTOR_LINES]]


def header_symptoms(path: Path) -> list[str]:
    """Where the header of a core file is, if not at the start (as after a write with O_APPEND)."""
    core = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x04\x00"
    try:
        with open_plain(path) as file:
            return ["image: its header is not at the start"] if file.read(MOST_READ).find(core) > 0 else []
    except (BadImage, OSError):
        return []


def truncation_symptoms(image: Image) -> list[str]:
    end = max((load.offset + load.stored for load in image.loads if load.stored), default=image.size)
    if end > image.size:
        return ["image: truncated"]
    return ["image: longer than its regions"] if image.size > end + maps.PAGE else []


def region_symptoms(image: Image, region: maps.Region) -> list[str]:
    load = image.load_at(region.start)
    kind = region.kind()
    if load is None:
        return [f"image: no region {kind}"]
    symptoms = []
    if (load.start, load.end) != (region.start, region.end) and kind != "[stack]":
        symptoms.append(f"image: wrong bounds {kind}")
    if load.perms != region.perms[:3]:
        symptoms.append(f"image: wrong permissions {kind}")
    if region.name.startswith("[vvar") and load.stored:
        symptoms.append(f"image: stores {kind}")
    if region.perms.startswith("rw") and region.perms[3] == "p" and not load.stored:
        symptoms.append(f"image: nothing stored {kind}")
    return symptoms


# A crash seen by gdb

# No libthread_db, which would look for threads where there are none yet; no worker threads, one for each processor.
GDB_QUIET = ("-iex", "set libthread-db-search-path /nonexistent", "-iex", "maintenance set worker-threads 0")

GDB_COMMANDS = (
    "set pagination off",
    "set debuginfod enabled off",
    "set style enabled off",
    "set exec-file-mismatch off",
    "handle SIGUSR1 SIGUSR2 SIGALRM nostop noprint pass",
    "run",
    "printf \"CRASH signal %d address %lx rip %lx rsp %lx fs %lx\\n\", "
    f"$_siginfo.si_signo, $_siginfo._sifields._sigfault.si_addr, $pc, $sp, ${HERE.tls}",
    "x/i $pc",
    "printf \"CODE %d\\n\", $_siginfo.si_code",
    HERE.call,
    "python print('MAPS ' + open('/proc/%d/maps' % gdb.selected_inferior().pid).read().replace('\\n', '\\nMAPS '))",
)


def crash_symptoms(case: Case) -> list[str]:
    """Runs a restart that died of a signal once more under gdb, and tells where."""
    dead = [l for l in case.lives if l.role.startswith("restart") and (l.status or 0) < 0]
    if not dead or dead[0].status == -9 or not shutil.which("gdb"):
        return []
    text = _gdb(case, dead[0])
    match = re.search(r"CRASH signal (\d+) address (\w+) rip (\w+) rsp (\w+) fs (\w+)", text)
    if match is None:  # it ended otherwise this time
        return [f"restart says: {line}" for line in text.splitlines() if line.startswith("restart: ")]
    case.keep("gdb.txt", text)
    signal = int(match.group(1))
    address, rip, rsp, fs = (int(word, 16) for word in match.groups()[1:])
    now = maps.parse("\n".join(re.findall(r"^MAPS (\S.*)$", text, re.MULTILINE)))
    symptoms = _describe_crash(signal, address, rip, rsp, fs, case)
    if rsp % 16 == 8 and re.search(r"^=> .*\tv?mov(ap[sd]|dqa|ntdq)", text, re.MULTILINE):
        symptoms.append("crash: the stack is not aligned")
    elif killed_by_kernel(text):
        symptoms.append("crash: killed by the kernel")
    instruction = re.search(r"^=> .*$", text, re.MULTILINE)
    code = re.search(r"CODE (-?\d+)", text)
    words = crash.sentence(signal, int(code[1]) if code else 0, address, rip, instruction[0] if instruction else "",
                           now, case.maps_before)
    symptoms.append(f"gdb says: {words}")
    for start in re.findall(r"^BYTES (\w+)", text, re.MULTILINE):
        symptoms.append(f"crash: wrong bytes in {kind_of(case, int(start, 16))}")
    return symptoms + map_symptoms(now, case) + stack_symptoms(now, address, rip, rsp, case)


def _gdb(case: Case, life: Life) -> str:
    commands = [word for c in (*case.gdb_settings, *GDB_COMMANDS, compare_command(case)) for word in ("-ex", c)]
    argv = ["gdb", "-nx", "-batch", *GDB_QUIET, *commands, "--args", *life.command]
    return case.output_of(argv, life.extra_env)


def compare_command(case: Case) -> str:
    """For gdb: which regions that the program cannot write have other bytes than the image holds."""
    try:
        loads = Image(case.image).loads if case.image else []
    except (BadImage, OSError, ValueError):
        loads = []
    parts = [(l.start, l.stored, l.offset) for l in loads if l.stored and not l.flags & 2 and l.flags & 4]
    code = (
        f"f = open({str(case.image)!r}, 'rb'); read = gdb.selected_inferior().read_memory",
        f"bad = [a for a, n, o in {parts} if read(a, n).tobytes() != (f.seek(o), f.read(n))[1]]",
        "print(*['BYTES %x' % a for a in bad], sep='\\n')",
    )
    return "python " + "; ".join(code)


def _describe_crash(signal: int, address: int, rip: int, rsp: int, fs: int, case: Case) -> list[str]:
    symptoms = [f"crash: signal {signal}"]
    for name, value in (("rip", rip), ("rsp", rsp), ("address", address), ("fs", fs)):
        symptoms.append(f"crash: {name} in {kind_of(case, value)}")
    if fs != (saved_tls(case) if case.image_by else fs):
        symptoms.append("crash: fs is not the image's")
    return symptoms


def killed_by_kernel(text: str) -> bool:
    """SIGSEGV not for what the program did (SI_KERNEL, 128), as when the kernel cannot write to an rseq area."""
    after_system_call = re.search(r"^0x.*:\s+0x(0f\s+0x05|d4000001)$", text, re.MULTILINE)
    no_operand = re.search(r"^=> [^(]*$", text, re.MULTILINE)
    return "CODE 128" in text and bool(after_system_call or no_operand)


def map_symptoms(now: Sequence[maps.Region], case: Case) -> list[str]:
    """Which regions are there, but not as they were, when it crashed."""
    places = {region.start: region for region in now}
    symptoms = []
    for old in case.maps_before:
        new = places.get(old.start)
        if new is not None and new.inode and new.name == old.name and new.offset != old.offset:
            symptoms.append(f"crash: wrong offset {old.kind()}")
    return _unique(symptoms)


def stack_symptoms(now: Sequence[maps.Region], address: int, rip: int, rsp: int, case: Case) -> list[str]:
    """What became of the stack of a restart that crashed before it jumped."""
    code = maps.find(list(now), rip)
    old = maps.find(case.maps_before, rip)
    if code is None:
        return []
    if old is not None and old.name == code.name:  # no code of the program's; and its stack never lies there
        covered = "x" not in code.perms and code.start <= rsp < code.end
        return [f"crash: the restorer lies in {old.kind()}"] if covered else []
    if code.inode:
        return ["crash: rip in restart's own code"]
    symptoms = ["crash: rip in the restorer"]
    if old is not None:
        symptoms.append(f"crash: the restorer lies in {old.kind()}")
    if maps.find(list(now), rsp) is None and maps.find(list(now), rsp - 8) is None:
        symptoms.append("crash: the stack is not mapped")
    below = maps.find(list(now), address)
    if abs(rsp - address) < maps.PAGE and below is not None and "w" not in below.perms:
        symptoms.append("crash: the stack is too small")
    return symptoms


def kind_of(case: Case, address: int) -> str:
    region = maps.find(case.maps_before, address)
    return region.kind() if region else ("null" if address < 4096 else "outside the old maps")


def saved_tls(case: Case) -> int | None:
    """The TLS base in the image's NT_PRSTATUS."""
    try:
        return Image(case.image).registers().get(HERE.tls) if case.image else None
    except (BadImage, OSError, ValueError):
        return None
