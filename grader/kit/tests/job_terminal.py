"""A terminal of a test's own, with a shell: the test types, and waits for what appears."""
from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import subprocess
import termios
from pathlib import Path

PATIENCE = 20.0
PROMPT = "ready> "


class Terminal:
    """Bash with job control, in a folder, at a pseudo-terminal; or another command."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.master, terminal = os.openpty()
        self.resize(24, 80)
        environment = {**os.environ, "PS1": PROMPT, "TERM": "dumb"}
        words = words or ("bash", "--norc", "--noediting", "-i")
        self.process = subprocess.Popen(["setsid", "--ctty", *words], cwd=folder, env=environment, stdin=terminal,
                                        stdout=terminal, stderr=terminal)
        os.close(terminal)
        self.shown, self.seen = "", 0

    def resize(self, lines: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("4H", lines, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Until the pattern has appeared behind what was waited for before."""
        while True:
            found = re.compile(pattern).search(self.shown, self.seen)
            if found:
                self.seen = found.end()
                return found
            ready, _, _ = select.select([self.master], [], [], PATIENCE)
            assert ready, f"{pattern!r} does not appear: {self.shown!r}"
            self.shown += os.read(self.master, 4096).decode(errors="replace")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)  # the others at this terminal get SIGHUP
