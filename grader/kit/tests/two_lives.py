"""Programs that are saved and restarted in a folder of their own: what test_live.py and test_incremental.py share."""
from __future__ import annotations

import subprocess
import time
from pathlib import Path

LIMIT = 60.0  # seconds


class Lives:
    """What they said, too."""

    def __init__(self, stage: Path, folder: Path) -> None:
        self.stage, self.folder, self.said = stage, folder, ""

    def __call__(self, *words: str | Path) -> str:
        done = subprocess.run(words, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=LIMIT)
        self.said = done.stderr
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def second(self, name: str = "image") -> str:
        return self(self.stage / "restart", name)

    def is_left(self, *names: str) -> bool:
        """In the end: a copy that is written (ckpt --live) may outlive the program."""
        until = time.monotonic() + LIMIT
        while self.left() != [*names] and time.monotonic() < until:
            time.sleep(0.01)
        return self.left() == [*names]

    def left(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())
