"""Follows a process from system call to system call (ptrace(2)), and keeps what the kernel says of it each time.

No other program is needed. After each call that can change the address space, /proc/PID/maps is read anew: what a
picture shows is what was there, and not what the call asked for.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import signal
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Optional

from film.calls import IMAGE_MAY_NEED, MEMORY, QUIET, name_of
from stage import maps

# ptrace(2), <linux/ptrace.h>
TRACEME, SYSCALL, SETOPTIONS, GETSIGINFO, SYSCALL_INFO = 0, 24, 0x4200, 0x4202, 0x420E
TRACESYSGOOD, TRACEEXEC, EXITKILL = 1, 16, 1 << 20
EVENT_EXEC = 4
ENTRY = 1
WALL = 0x40000000
CALL_STOP = signal.SIGTRAP | 0x80

LIMIT = float(os.environ.get("CKPTLAB_PATIENCE", "10"))  # seconds for the whole
AFTER = 1.0  # seconds of the program, once it is back
MOST_CALLS = 20000
MOST_AFTER = 300
LONGEST = 4000  # bytes of a path, or of what is said

Regions = tuple[maps.Region, ...]


class NotHere(Exception):
    """This machine does not let us trace; the words say why."""


class Info(ctypes.Structure):
    """struct ptrace_syscall_info; at an entry the number and the arguments, at an exit the answer in the first."""

    _fields_ = [("op", ctypes.c_uint8), ("pad", ctypes.c_uint8 * 3), ("arch", ctypes.c_uint32),
                ("ip", ctypes.c_uint64), ("sp", ctypes.c_uint64), ("first", ctypes.c_uint64),
                ("args", ctypes.c_uint64 * 6), ("more", ctypes.c_uint64)]


@dataclass
class Event:
    """One system call, a signal, or the end; and how the address space was then."""

    name: str  # of the call; "signal", "exit", "killed", "limit", "next" (a call that was not let happen), "exec"
    args: tuple[int, ...] = ()
    result: int = 0  # as the kernel gives it: -errno if it failed
    ip: int = 0
    sp: int = 0
    regions: Regions = ()
    path: str = ""  # of the file that is opened, or that its descriptor is
    text: str = ""  # what it writes to standard output or standard error

    @property
    def error(self) -> int:
        return -self.result if -4096 < self.result < 0 else 0


@dataclass
class Record:
    """A whole run."""

    command: list[str]
    events: list[Event] = field(default_factory=list)
    said: str = ""  # on standard error


class Tracer:
    """One run of a command; `is_program` says whether an address is the restored program's."""

    def __init__(self, command: Sequence[str], folder: Path, said: Path, is_program: Callable[[int], bool]) -> None:
        self.record = Record(list(command))
        self.folder, self.said, self.is_program = folder, said, is_program
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        self.libc.ptrace.restype = ctypes.c_long
        self.pid = 0
        self.call: Optional[Event] = None  # it has begun
        self.interrupted = ""  # the call out of which a signal took it
        self.regions: Regions = ()
        self.block: Optional[tuple[int, int]] = None  # where restart's code runs once it has moved
        self.back = 0  # calls since the program is back
        self.late = ""  # why it is stopped by us
        self.handle = -1  # a pidfd: its number may soon be another process's
        self.timers: list[threading.Timer] = []

    def run(self) -> Record:
        self.pid = os.fork()
        if self.pid == 0:
            self._child()
        try:
            self.handle = os.pidfd_open(self.pid)
            self._stop_after(LIMIT, f"it still runs after {LIMIT:g} seconds")
            self._begin()
            self._follow()
        finally:
            self._end()
        self.record.said = self.said.read_text(errors="replace") if self.said.exists() else ""
        return self.record

    def _child(self) -> NoReturn:
        try:
            os.setsid()
            os.chdir(self.folder)
            null = os.open(os.devnull, os.O_RDONLY)
            out = os.open(self.said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
            for number, descriptor in enumerate((null, out, out)):
                os.dup2(descriptor, number)
            os.closerange(3, 256)
            if self.libc.ptrace(TRACEME, 0, None, None) == 0:
                os.execv(self.record.command[0], self.record.command)
        finally:
            os._exit(126)

    def _begin(self) -> None:
        _, status = os.waitpid(self.pid, WALL)
        if not os.WIFSTOPPED(status):
            self.pid = 0
            raise NotHere("ptrace(2) is not allowed here, or the program cannot be started")
        self._ptrace(SETOPTIONS, 0, TRACESYSGOOD | TRACEEXEC | EXITKILL)
        self.regions = self._maps()

    def _stop_after(self, seconds: float, why: str) -> None:
        timer = threading.Timer(seconds, self._too_long, [why])
        timer.daemon = True
        timer.start()
        self.timers.append(timer)

    def _too_long(self, why: str) -> None:
        """In another thread: only the one that began may trace, so it must be woken."""
        self.late = why
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, signal.SIGSTOP)

    def _end(self) -> None:
        """Nothing of the run goes on: what it started is in its session."""
        for timer in self.timers:
            timer.cancel()
            timer.join()
        if self.handle >= 0:
            os.close(self.handle)
        if not self.pid:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.WIFSTOPPED(os.waitpid(self.pid, WALL)[1]):
                pass

    def _ptrace(self, request: int, address: int, data: object) -> int:
        result = int(self.libc.ptrace(request, self.pid, address, data))
        if result < 0:
            number = ctypes.get_errno()
            if number == errno.ESRCH:
                raise ProcessLookupError
            raise NotHere(f"ptrace(2), request {request:#x}: {os.strerror(number)}")
        return result

    def _info(self) -> Info:
        info = Info()
        self._ptrace(SYSCALL_INFO, ctypes.sizeof(info), ctypes.byref(info))
        return info

    def _maps(self) -> Regions:
        try:
            found = tuple(maps.without_vsyscall(maps.read_maps(self.pid)))
        except (OSError, ValueError):
            return self.regions
        return found or self.regions

    def _memory(self, address: int, size: int) -> bytes:
        try:
            with open(f"/proc/{self.pid}/mem", "rb", buffering=0) as file:
                file.seek(address)
                return file.read(min(size, LONGEST))
        except (OSError, ValueError, OverflowError):
            return b""

    def _string(self, address: int) -> str:
        """A page's end may be the end of what can be read."""
        data = self._memory(address, LONGEST) or self._memory(address, maps.PAGE - address % maps.PAGE)
        return os.fsdecode(data.split(b"\0", 1)[0])

    def _link(self, descriptor: int) -> str:
        try:
            return os.readlink(f"/proc/{self.pid}/fd/{descriptor & 0xFFFFFFFF}")
        except OSError:
            return ""

    # From stop to stop

    def _follow(self) -> None:
        deliver = 0
        while len(self.record.events) < MOST_CALLS:
            try:
                self._ptrace(SYSCALL, 0, deliver)
            except ProcessLookupError:
                pass
            _, status = os.waitpid(self.pid, WALL)
            if not os.WIFSTOPPED(status):
                self._gone(status)
                return
            try:
                deliver = self._stopped(status)
            except ProcessLookupError:
                deliver = 0
            if deliver < 0:
                return
        self._add(Event("limit", regions=self._maps(), text=f"it made {MOST_CALLS} system calls"))

    def _gone(self, status: int) -> None:
        self.pid = 0
        if os.WIFEXITED(status):
            self._add(Event("exit", result=os.WEXITSTATUS(status), regions=self.regions))
        else:
            self._add(Event("killed", result=os.WTERMSIG(status), regions=self.regions))

    def _stopped(self, status: int) -> int:
        """The signal that it gets; -1: the film ends here."""
        number = os.WSTOPSIG(status)
        if number == CALL_STOP:
            info = self._info()
            return self._entry(info) if info.op == ENTRY else self._exit(info)
        if status >> 16 == EVENT_EXEC:
            self.regions = self._maps()
            self._add(Event("exec", regions=self.regions))
            return 0
        return 0 if status >> 16 else self._signal(number)

    def _entry(self, info: Info) -> int:
        name = name_of(info.first)
        call = Event(name, tuple(info.args), ip=info.ip, sp=info.sp, regions=self.regions)
        self._look_at(call)
        self._is_it_back(call)
        if self.back and not self._is_quiet(call):
            call.text, call.name = name, "next"
            self._add(call)
            return -1
        self.call = call
        return 0

    def _look_at(self, call: Event) -> None:
        if call.name in ("open", "openat"):
            call.path = self._string(call.args[call.name == "openat"])
        elif call.name in IMAGE_MAY_NEED:
            call.path = self._link(call.args[4] if call.name == "mmap" else call.args[0])
        elif call.name == "write":
            call.path = self._link(call.args[0])
            if call.path == str(self.said):
                call.text = self._memory(call.args[1], call.args[2]).decode(errors="replace")

    def _is_it_back(self, call: Event) -> None:
        """restart moves into memory without a file, and leaves it for the program."""
        region = maps.find(list(self.regions), call.ip)
        if self.block is None:
            if region is not None and not region.name and "x" in region.perms:
                self.block = (region.start, region.end)
        elif self.back:
            self.back += 1
        elif not self.block[0] <= call.ip < self.block[1] and self.is_program(call.ip):
            self.back = 1
            self._stop_after(AFTER, "")

    def _is_quiet(self, call: Event) -> bool:
        """Whether the program may make this call: it changes nothing outside."""
        return self.back < MOST_AFTER and (call.name in QUIET or call.name == "write" and bool(call.text))

    def _exit(self, info: Info) -> int:
        call, self.call = self.call, None
        if call is None:
            return 0
        call.result = struct.unpack("<q", struct.pack("<Q", info.first))[0]
        self.interrupted = call.name if -516 <= call.result <= -512 else ""  # ERESTARTSYS and its kind
        if call.name in MEMORY:
            self.regions = self._maps()
        call.regions = self.regions
        self._add(call)
        return 0

    def _signal(self, number: int) -> int:
        info = (ctypes.c_char * 128)()
        try:
            self._ptrace(GETSIGINFO, 0, ctypes.byref(info))
            code, address = struct.unpack_from("<i", info.raw, 8)[0], struct.unpack_from("<Q", info.raw, 16)[0]
        except NotHere:
            return 0  # a group-stop: the process was stopped, not told
        where = self._info()
        event = Event("signal", (number, code, address), ip=where.ip, sp=where.sp, regions=self._maps())
        if number == signal.SIGSTOP and (self.late or self.back):
            event.name, event.text = "limit", self.late
            if self.back:
                event.name, event.args, event.text = "next", (), self.interrupted
            self._add(event)
            return -1
        self._add(event)
        return number

    def _add(self, event: Event) -> None:
        self.record.events.append(event)


def can_trace() -> str:
    """Why nothing can be traced here; "" if it can."""
    null = Path(os.devnull)
    try:
        Tracer(["/bin/true"], Path("/"), null, lambda _: False).run()
    except NotHere as reason:
        return str(reason)
    return ""


def record(command: Sequence[str], folder: Path, said: Path, is_program: Callable[[int], bool]) -> Record:
    """The run of a command, as far as a film of it goes; what it says stands in the file `said` then."""
    return Tracer(command, folder, said, is_program).run()
