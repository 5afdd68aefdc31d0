"""Stage 4: what a process and its memory were told to be; timers; and processes that have children.

The programs tell what they see; /proc tells the same from outside, before and after.
"""

from __future__ import annotations

import re
from pathlib import Path

from stage.case import Case, Stamp
from stage.failure import check, check_equal
from stage.lab import REFERENCE, STUDENT
from stage.oracle import EXIT, expected_output
from stage.process import Life, has_signal, wait_until
from stage.scoring import points

FLAGS = ("hg", "nh", "sr", "rr", "dc", "dd", "wf", "mg", "lo", "lf")  # proc_pid_smaps(5), VmFlags


def both_lives(case: Case, program: str, look: str, *arguments: object) -> list[str]:
    """The program at gate 1 and, restarted, at gate 2: `look` must see the same. Returns what the second said."""
    life = case.start_at_gate(program, *arguments, ckpt=REFERENCE)
    image = case.checkpoint(life)
    before = LOOKS[look](life)
    life.kill()
    case.open_gate(1)
    again = case.restart(image)
    again.wait_for_line("gate 02")
    check_equal(LOOKS[look](again), before, f"{look} is not what it was", "state: lost", *again.symptoms())
    case.open_gate(2)
    status = again.wait()
    lines = expected_output(life.lines()[0], [line.rsplit(" #", 1)[0] for line in [*life.lines()[1:], *again.lines()]])
    check_equal([*life.lines(), *again.lines()], lines, "its memory is not what it was", *again.symptoms())
    case.check_status(again, status, int(lines[-1].rsplit(" #", 1)[0].split()[1]))
    return [line.rsplit(" #", 1)[0] for line in again.lines()]


def attributes(life: Life) -> list[str]:
    """Scheduling and the like, from /proc. (Timer slack is shown to the privileged only: the program tells it.)"""
    proc = Path(f"/proc/{life.pid}")
    fields = (proc / "stat").read_text().rsplit(")", 1)[1].split()
    wanted = ("Cpus_allowed", "NoNewPrivs", "THP_enabled")
    lines = [line for line in (proc / "status").read_text().splitlines() if line.startswith(wanted)]
    return [f"nice {fields[16]} policy {fields[38]}", *lines]


def memory_flags(life: Life) -> list[str]:
    """The flags of all regions that have any of FLAGS, and names of anonymous memory, by address; joined."""
    found: dict[int, str] = {}
    start = end = 0
    name = ""
    for line in Path(f"/proc/{life.pid}/smaps").read_text().splitlines():
        if match := re.match(r"([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ *(.*)", line):
            start, end = int(match[1], 16), int(match[2], 16)
            name = match[3] if match[3].startswith("[anon:") else ""
        elif line.startswith("VmFlags:"):
            kept = " ".join([*(flag for flag in line.split()[1:] if flag in FLAGS), name]).strip()
            if kept and not name.startswith("[v"):
                found.update({page: kept for page in range(start, end, 65536)})
    return [f"{page:x} {text}" for page, text in sorted(found.items())]


def timers(life: Life) -> list[str]:
    """/proc/PID/timers, without the pid; and without libckpt's own, of the checkpoint signal."""
    text = Path(f"/proc/{life.pid}/timers").read_text()
    return [re.sub(r"\d+$", "", line) if "pid" in line or "tid" in line else line for line in text.splitlines()]


LOOKS = {"attributes": attributes, "memory": memory_flags, "timers": timers}


@points(0.5, step="4.5", needs="test_reading_goes_on")
def test_attributes(case: Case) -> None:
    """nice value, scheduling, CPU affinity, parent-death signal, timer slack, no_new_privs, personality"""
    said = both_lives(case, "attributes", "attributes")
    first = case.run("attributes-alone", [case.program("attributes")])
    first.wait_for_line("gate 01")
    alone = [line.rsplit(" #", 1)[0] for line in first.lines()[1:]]
    first.kill()
    check_equal(said[: said.index("gate 02")], alone[: alone.index("gate 01")], "not as an uninterrupted run has it",
                "state: lost")
    other = Case.fresh(case.lab, f"{case.name}/priority")
    try:
        other.survives("priority", 5, 3, 0, after=["nice 5 policy 3 priority 0 dumpable 1"])  # 3: SCHED_BATCH
    finally:
        other.close()


@points(0.25, step="4.5", needs="test_reading_goes_on")
def test_memory_flags(case: Case) -> None:
    """mlock(2), madvise(2), names of anonymous memory"""
    both_lives(case, "memoryflags", "memory")


@points(0.25, step="4.5", needs="test_reading_goes_on")
def test_held_locks(case: Case) -> None:
    """mutexes that are held at the checkpoint, and a rwlock, are still the program's own"""
    unlocked = ["recursive: again 0", "unlocked 0 and 0", "it is not ours now: EPERM"]
    more = ["checking: again EDEADLK", "unlocked 0", "rwlock: again EDEADLK", "unlocked 0", "it is free: 0"]
    case.survives("heldlocks", after=[*unlocked, *more])
    case.close_gates()
    case.survives("robustlocks", after=["own: unlocked 0", "locked again 0", "shared: unlocked 0", "locked again 0"])


@points(0.5, step="4.5", needs="test_reading_goes_on")
def test_posix_timers(case: Case) -> None:
    """timers of timer_create(2) go on under their numbers; one that rang, rang once"""
    said = both_lives(case, "posixtimers", "timers")
    expected = ["timer 1 every 7", "timer 1 every 8", "timer 0 every 0", "timer 1 every 9"]
    check_equal(said[:4], expected, "timers are not what they were", "state: lost")
    rang = [line.split(" timer")[0] for line in said[4:7]]
    check_equal(rang, ["signal 1", "nothing of 1", "signal 0"], "a timer's signal came twice, or never", "state: lost")


@points(0.5, step="4.5", needs="test_reading_goes_on")
def test_children(case: Case) -> None:
    """a process with a child, or one that was not waited for, is refused; when it has none, it is saved"""
    life = case.start_at_gate("family")
    case.refuses(life, ["child"])
    case.open_gate(1)
    life.wait_for_line("gate 02")
    case.refuses(life, ["child"])
    case.open_gate(2)
    life.wait_for_line("gate 03")
    image = case.checkpoint(life)
    life.kill()
    case.open_gate(3)
    expected = expected_output(life.lines()[0], ["gate 01", "gate 02", "gate 03", "alone", EXIT])
    case.check_rest(life, case.restart(image), expected, 4)


@points(0.25, step="4.5", needs="test_reading_goes_on")
def test_and_exit(case: Case) -> None:
    """ckpt_and_exit(): the image is written, the first life ends with status 0, the second goes on"""
    life = case.start_at_gate("andexit")
    path = case.folder / "image"
    case.open_gate(1)
    check_equal([life.wait()], [0], "the first life's exit status", "api: and exit")
    expected = expected_output(life.lines()[0], ["gate 01", "life 1", EXIT])
    check(path.exists(), "no image was written", "api: no image")
    case.check_rest(life, case.restart(path), expected, 2)


@points(0.5, step="4.5", needs="test_reading_goes_on")
def test_several_processes(case: Case) -> None:
    """several processes under one ckpt: each has an image of its own, by %p in the name"""
    life = case.start("children", image="image.%p", env={"CKPT_INTERVAL": "1"})
    life.wait_for_line("gate 01")
    child = int(life.lines()[1].split()[1])
    path = case.folder / f"image.{child}"
    check(wait_until(path.exists, of=life.pid), "no image of the child came by itself", "api: no period")
    check(not list(case.folder.glob(f"image.{life.pid}")), "an image of the parent, which has a child", "state: half")
    case.open_gate(1)
    life.wait_for_line("gate 02")  # the child is gone
    again = case.restart(path)
    wait_until(lambda: has_signal(again.pid, "SigCgt", case.lab.interface.signal), of=again.pid)
    check(again.status is None, "the child did not come back", "state: lost", *again.symptoms())
    again.kill()


@points(0.25, step="4.5", needs="test_reading_goes_on")
def test_periodic(case: Case) -> None:
    """ckpt -i 1: images come by themselves, in the second life, too"""
    life = case.start_at_gate("counter", 12, 5, env={"CKPT_INTERVAL": "1"})
    path = case.folder / "image"
    check(wait_until(path.exists, of=life.pid), "no image came by itself", "api: no period")
    life.kill()
    before = Stamp.of(path)
    again = case.restart(path, STUDENT)
    check(wait_until(lambda: Stamp.of(path) != before, of=again.pid), "no image came by itself in the second life",
          "api: no period", *again.symptoms())
    again.kill()
