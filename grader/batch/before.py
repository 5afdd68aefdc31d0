"""What the call before was told about this output folder: files of its work/, with a path in each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional


def told(out: Path, name: str) -> Optional[Path]:
    note = out / "work" / name
    return Path(os.fsdecode(note.read_bytes())) if note.is_file() else None


def note(out: Path, name: str, path: Path) -> None:
    (out / "work").mkdir(parents=True, exist_ok=True)
    (out / "work" / name).write_bytes(os.fsencode(path.resolve()))


def other_class(out: Path, submissions: Path) -> list[str]:
    """A line if the reports there are of other submissions: they are replaced."""
    before = told(out, "submissions")
    note(out, "submissions", submissions)
    return [f"{out} had the reports of {before} until now"] if before not in (None, submissions.resolve()) else []
