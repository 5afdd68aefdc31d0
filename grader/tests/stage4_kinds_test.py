"""Stage 4: the special kinds of open files. Their code is given; what is tested is that they find their places.

Each program sets its files up before the gate, and looks at them after the restart; what it must see is
what it sees without a restart.
"""

from __future__ import annotations

import os

from stage import maps
from stage.case import Case
from stage.scoring import points


@points(1, step="4.5", needs="test_reading_goes_on")
def test_pipes(case: Case) -> None:
    """pipes and FIFOs come back with the bytes in them, their capacities, and ends that are closed"""
    usual = 16 * maps.PAGE  # pipe(7)
    packets = f"packets: flags {{}} cloexec 1 hangup 0 error 0 capacity {usual}"
    full = "full: flags 0 cloexec 0 hangup 0 error 0 capacity 1048576"
    before_end = f"no writer: flags 0 cloexec 0 hangup 1 error 0 capacity {usual}"
    after = [full, "full: 1048576 bytes, 1048576 good", "full: 17 by the second end"]
    after += [packets.format("800"), packets.format(f"{os.O_DIRECT | os.O_NONBLOCK | os.O_WRONLY:x}")]
    after += ["packets: 3 one", "packets: 3 two", "packets: a page 1", "packets: errno 11"]
    after += ["empty: errno 11", "empty: 12 not any more"]
    after += [before_end, "no writer: 10 last words", "no writer: 0 "]
    after += [f"no reader: flags 1 cloexec 0 hangup 0 error 1 capacity {usual}", "no reader: broken 1"]
    after += [f"FIFO: flags 800 cloexec 1 hangup 0 error 0 capacity {usual}"]
    after += [f"FIFO: flags 1 cloexec 0 hangup 0 error 0 capacity {usual}"]
    after += ["FIFO: 16 through the FIFO", "FIFO: 0 "]
    case.survives("pipes", case.folder / "fifo", after=after)


@points(1, step="4.5", needs="test_reading_goes_on")
def test_memfd(case: Case) -> None:
    """files in memory (memfd) come back with name, content, seals, and what is opened twice"""
    after = [
        "plain: /memfd:my memory (deleted) flags 2 cloexec 1 seals 1",
        "plain: hello at 13 of 8388611",
        "reader: /memfd:my memory (deleted) flags 0 cloexec 0 seals 1",
        "reader: hello at 7 of 8388611",
        "sealed: /memfd:sealed (deleted) flags 2 cloexec 0 seals 17",
        "sealed: fixed at 5 of 5",
        "fixed: /memfd:fixed (deleted) flags 2 cloexec 0 seals c",
        "fixed: stone at 5 of 5",
        "its end",
        "through the one, and through the other: HEL",
        "write to the sealed one: -1",
    ]
    case.survives("memfd", after=after)


@points(1, step="4.5", needs="test_reading_goes_on")
def test_events(case: Case) -> None:
    """eventfd, timerfd and signalfd: counts, times left, expirations that nobody read"""
    counts = ["semaphore: 1"] * 3 + ["semaphore: errno 11", "counter: 1234567", "cloexec 1", "zero: errno 11"]
    timers = ["later: left 1 interval 7", "of day: left 1 interval 7", "once: 1", "once: errno 11"]
    timers += ["again: 1", "again: errno 11", "again: left 1 interval 5000"]
    case.survives("eventfds", after=[*counts, *timers, "no signal: -1", "signal 10"])


@points(1, step="4.5", needs="test_reading_goes_on")
def test_epoll(case: Case) -> None:
    """epoll: what is waited for, with its data; a set in a set"""
    after = ["cloexec 1 0", "outer: 0 ready"]
    after += ["outer: 1 ready", "outer: events 1 data 1111222233334444"]
    after += ["inner: 1 ready", "inner: events 1 data aaaa", "inner: 0 ready"]
    after += ["inner: 1 ready", "inner: events 1 data cccc"]
    case.survives("epoll", after=after)


@points(1, step="4.5", needs="test_reading_goes_on")
def test_inotify(case: Case) -> None:
    """inotify: watches under their numbers"""
    folder = case.folder / "watched folder"
    folder.mkdir()
    after = ["0 events", "1 events", "watch 2 mask 100 name made", "watch 3 mask 4 name -", "removed 0"]
    case.survives("inotify", folder, before=["watches 1 2 3"], after=after)


@points(1, step="4.5", needs="test_reading_goes_on")
def test_locks(case: Case) -> None:
    """locks on files are taken again: flock, fcntl, and those of open file descriptions"""
    posix = ["posix from 0: locked at 10", "posix: to write", "posix from 20: locked at 50", "posix: to read"]
    ofd = ["ofd from 0: locked at 5", "ofd: to write", "ofd from 6: free 0"]
    case.survives("locks", case.folder, after=["flock: 1", "flock to read: 1", *posix, *ofd])
