"""State that is neither memory, files nor stack (solution/README, "What comes back: the check list")."""
from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from stage.case import Case
from stage.config import TOP
from stage.lab import REFERENCE, Lab
from stage.process import children_of, wait_until


@pytest.fixture(name="made", scope="module")
def made_fixture() -> Lab:
    made = Lab(4, TOP / "solution/stage4-openfiles", results=False)
    made.programs.make_folder()
    made.reference()
    return made


@pytest.fixture(name="case")
def case_fixture(made: Lab, request: pytest.FixtureRequest) -> Iterator[Case]:
    case = Case.fresh(made, f"kit-state/{request.node.name}")
    yield case
    case.close()


@pytest.mark.parametrize("interval, after", [
    ((5000, 0), ["rang", "nothing", "nothing", "every 5000.000000, next in time 1"]),
    ((0, 300), ["rang", "rang", "rang", "every 0.000300, next in time 1"]),
])
def test_a_timer_that_rang_goes_on(case: Case, interval: tuple[int, int], after: list[str]) -> None:
    """Its signal waited: it comes once, and the timer rings on."""
    case.survives("rungtimer", *interval, after=after, restart=REFERENCE)


# What /proc/PID shows, before and after. A field is equal, or it is here, and its word is in the table's first column.
DIFFERENT = {
    # file, key (a field of status, a number of stat, or "" for all of it): the row of the table that says why
    ("status", "Pid"): "process id", ("status", "Tgid"): "process id", ("status", "NSpid"): "process id",
    ("status", "NStgid"): "process id", ("status", "PPid"): "parent",
    ("status", "NSpgid"): "process group", ("status", "NSsid"): "session",
    ("status", "voluntary_ctxt_switches"): "accounts", ("status", "nonvoluntary_ctxt_switches"): "accounts",
    **{("status", name): "sizes of memory" for name in (
        "VmPeak", "VmHWM", "VmRSS", "RssAnon", "RssFile", "RssShmem", "VmPTE", "VmSwap", "VmSize", "VmData", "VmStk",
        "VmExe", "VmLib")},
    ("status", "FDSize"): "descriptors", ("status", "SigQ"): "accounts", ("status", "State"): "state of running",
    ("stat", "1"): "process id", ("stat", "3"): "state of running", ("stat", "4"): "parent",
    ("stat", "5"): "process group", ("stat", "6"): "session", ("stat", "7"): "controlling terminal",
    ("stat", "8"): "controlling terminal", ("stat", "9"): "accounts",
    **{("stat", str(n)): "accounts" for n in (10, 11, 12, 13, 36, 37, 39, 42, 43)},
    **{("stat", str(n)): "CPU time" for n in (14, 15, 16, 17, 22)},
    **{("stat", str(n)): "sizes of memory" for n in (23, 24)},
    ("stat", "29"): "registers", ("stat", "30"): "registers", ("stat", "35"): "state of running",
    ("statm", ""): "sizes of memory", ("schedstat", ""): "accounts", ("sched", ""): "accounts",
    ("io", ""): "accounts", ("syscall", ""): "state of running", ("wchan", ""): "state of running",
    ("stack", ""): "state of running", ("autogroup", ""): "session", ("cgroup", ""): "control group",
    ("timens_offsets", ""): "clocks", ("loginuid", ""): "audit", ("sessionid", ""): "audit",
    ("oom_score", ""): "sizes of memory", ("ksm_stat", ""): "accounts", ("latency", ""): "accounts",
    ("maps", ""): "memory", ("smaps", ""): "memory", ("smaps_rollup", ""): "memory", ("numa_maps", ""): "memory",
    ("map_files", ""): "memory", ("mounts", ""): "namespaces",
}
# Not read: they are another test's, endless, binary, of the whole machine, or change nothing.
UNREAD = {"pagemap", "mem", "clear_refs", "task", "net", "mounts", "mountinfo", "mountstats", "fd", "fdinfo", "exe", "map_files",
          "setgroups", "sched", "stack", "syscall", "arch_status", "seccomp_cache"}


def fields_of(pid: int) -> dict[tuple[str, str], str]:
    """All readable fields: those of status and stat one by one, of other files the whole text."""
    folder = Path(f"/proc/{pid}")
    found: dict[tuple[str, str], str] = {}
    for path in [*folder.iterdir(), *(folder / "ns").iterdir(), *(folder / "attr").glob("*")]:
        name = str(path.relative_to(folder))
        try:
            text = str(path.readlink()) if path.is_symlink() else path.read_text(errors="replace")
        except OSError:
            continue
        if name in UNREAD or path.parent.name == "task":
            continue
        if name == "status":
            found.update({(name, line.split(":")[0]): line.split(":")[1] for line in text.splitlines() if ":" in line})
        elif name == "stat":
            words = [text.split(" ", 1)[0], "", *text.rsplit(")", 1)[1].split()]
            found.update({(name, str(n + 1)): word for n, word in enumerate(words)})
        elif name == "timers":
            found[name, ""] = re.sub(r"(pid|tid)\.\d+", r"\1", text)
        else:
            found[name, ""] = text
    return found


def table() -> str:
    return (TOP / "solution/README").read_text().split("\n## What comes back: the check list\n")[1].split("\n## ")[0]


def test_all_of_proc_is_compared(case: Case) -> None:
    """Each field of /proc/PID is what it was, or is in the table with its reason."""
    life = case.start_at_gate("checklist", ckpt=REFERENCE)
    image = case.checkpoint(life)
    before = fields_of(life.pid)
    life.kill()
    case.open_gate(1)
    again = case.restart(image, REFERENCE)
    again.wait_for_line("gate 02")
    after = fields_of(again.pid)
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    surprises = {key: (before.get(key), after.get(key)) for key in changed - DIFFERENT.keys()}
    assert not surprises
    told = [line.rsplit(" #", 1)[0] for line in [*life.lines()[1:], *again.lines()]]
    where = told.index("gate 01")
    assert told[:where] == told[where + 1 : told.index("gate 02")]
    assert {"keepcaps 1", "stack 1", "slack 54321"} <= set(told), "the program could not set them"


def test_each_known_difference_is_in_the_table() -> None:
    rows = {line.split("|")[1].strip() for line in table().splitlines() if line.startswith("| ")}
    assert set(DIFFERENT.values()) <= rows, set(DIFFERENT.values()) - rows


def said(case: Case, *options: str, image: Path, before: Sequence[str] = ()) -> tuple[int, str]:
    """What restart --dry-run says, and its status; it has no file to lose."""
    words = [*before, str(case.lab.reference() / "restart"), "--dry-run", *options, str(image)]
    run = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return run.returncode, run.stderr


def test_what_lies_around_is_named(case: Case) -> None:
    """CPU time and session; --strict refuses, unless that is accepted. As it was: not a word."""
    life = case.start_at_gate("busy", ckpt=REFERENCE)
    image = case.checkpoint(life)
    status, words = said(case, image=image)
    assert (status, "(cpu-time)" in words) == (0, True), words
    assert said(case, "--strict", image=image)[0] == 66
    accept = ",".join(set(re.findall(r"not as it was \((\S+)\)", words)))
    assert said(case, "--strict", "--accept", accept, image=image)[0] == 0
    assert "(user)" not in words and "(root)" not in words and "(clock)" not in words
    if os.geteuid() == 0:
        dropped = said(case, image=image, before=["setpriv", "--bounding-set", "-sys_nice", "--inh-caps", "-sys_nice"])[1]
        assert "(user): capabilities: CapBnd" in dropped


def saved_in_time(made: Lab, folder: Path, enter: list[str], seconds: int) -> bool:
    """Makes an image of a program that sleeps. False: it woke up before."""
    out, image = folder / f"out.{seconds}", folder / "image"
    program = [str(made.programs.get("waits")), "clock_nanosleep(absolute)", str(folder), str(seconds)]
    words = [*enter, "--fork", "--kill-child", str(made.reference() / "ckpt"), "-o", str(image), *program]
    with out.open("wb") as file, subprocess.Popen(words, stdout=file, cwd=folder) as life:
        assert wait_until(lambda: b"ready" in out.read_bytes(), 60)
        os.kill(children_of(life.pid)[0], signal.SIGUSR2)
        wait_until(lambda: image.exists() or life.poll() is not None, 60)
        life.kill()
    return image.exists()


@pytest.mark.parametrize("shift", [100000, -1])
def test_the_monotonic_clock_goes_on(made: Lab, tmp_path: Path, shift: int) -> None:
    """An image of a machine that is up longer, and of one that is up for less: the clock goes on, or it is named."""
    up = float(Path("/proc/uptime").read_text().split()[0])
    offset = shift if shift > 0 else -int(up / 2)
    enter = ["unshare", "-T", *([] if os.geteuid() == 0 else ["-Ur"]), "--monotonic", str(offset), "--boottime", str(offset)]
    if subprocess.run([*enter, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("no time namespaces here")
    image = tmp_path / "image"
    assert any(saved_in_time(made, tmp_path, enter, seconds) for seconds in (3, 9, 27)), "no image"
    bin_folder = made.reference()
    again = subprocess.run([str(bin_folder / "restart"), str(image)], capture_output=True, text=True, check=False, timeout=60)
    assert again.stdout == "0 - rang 0 early 0\n", again.stderr
    assert "a time namespace puts it right" in again.stderr


def test_only_the_boot_clock_is_another(made: Lab, tmp_path: Path) -> None:
    """As of a machine that has slept: that clock is named, and no other."""
    enter = ["unshare", "-T", *([] if os.geteuid() == 0 else ["-Ur"]), "--boottime", "100000"]
    if subprocess.run([*enter, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("no time namespaces here")
    assert any(saved_in_time(made, tmp_path, enter, seconds) for seconds in (3, 9, 27)), "no image"
    words = [str(made.reference() / "restart"), "--dry-run", str(tmp_path / "image")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert "the boot clock was 100000 s off" in done.stderr and "monotonic" not in done.stderr, done.stderr
