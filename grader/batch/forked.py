"""A process of the grader's that is a copy of this one (fork(2)): Python has started there, and all modules are read.

It does what a new one would do, and reaches no more: what is copied is the grader's code, and what the grader itself knows.
Nothing that a submission runs is ever such a copy: that is started by the sandbox, by execve(2), as before.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import os
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn, Optional

from _pytest.config import default_plugins

from stage.process import patience

WISHES = {signal.SIGTERM, signal.SIGINT}
FAILED = 70  # the grader itself
MODULES = [*(f"_pytest.{name}" for name in default_plugins), "xdist.plugin", "pytest_timeout", "stage.main", "sandbox.runner"]


@functools.lru_cache(maxsize=None)
def warm_up() -> None:
    """What copies will need, once."""
    for name in MODULES:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)


class Forked:
    """As much of subprocess.Popen as is needed; in a session of its own."""

    def __init__(self, work: Callable[[], int], log: Path, env: Optional[Mapping[str, str]] = None) -> None:
        warm_up()
        sys.stdout.flush()
        sys.stderr.flush()
        gc.freeze()  # a collection in the copy would copy all pages, and close what is closed there already
        self.returncode: Optional[int] = None
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)  # there is one, whatever comes
        before = signal.pthread_sigmask(signal.SIG_BLOCK, WISHES)  # heeded where they were sent to, and nowhere else
        self.pid = os.fork()
        if self.pid == 0:
            _be_the_copy(work, output, env)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(output)
        self._end = os.pidfd_open(self.pid)

    def poll(self) -> Optional[int]:
        if self.returncode is None and select.select([self._end], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: Optional[float] = None) -> int:
        if self.returncode is None:
            if not select.select([self._end], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("a copy of the grader", timeout or 0.0)
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            os.close(self._end)
        return self.returncode

    def terminate(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """With all of its session's first group."""
        if self.poll() is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:  # it has not come so far
                os.kill(self.pid, signal.SIGKILL)


def begin_anew(output: int, env: Optional[Mapping[str, str]]) -> None:
    """As if Python had been started with this output, no input, and this environment (None: as it is)."""
    for source, target in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    if env is not None:
        os.environ.clear()
        os.environ.update(env)
    patience.begin()


def _be_the_copy(work: Callable[[], int], output: int, env: Optional[Mapping[str, str]]) -> NoReturn:
    """Never returns into what the other one was doing; and has none of its files, sockets and locks."""
    status = FAILED
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WISHES)
        begin_anew(output, env)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        sys.stdout = sys.stderr = open(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
        status = work()
    except SystemExit as wish:
        status = wish.code if isinstance(wish.code, int) else FAILED
    except BaseException:  # pylint: disable=broad-except
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os._exit(status)
