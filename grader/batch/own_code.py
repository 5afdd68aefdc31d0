"""What of a submission's C code is the student's own: all lines but those that the course gave out.

Comments are taken out, and every line that stands, but for its blanks, in the skeletons or the demos becomes an
empty one. So the numbers of the lines stay what they are in the submission.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

SUFFIXES = {".c", ".h", ".S", ".s", ".tmpl"}
LARGEST = 1 << 20  # bytes of a file
ELSEWHERE = 0  # the "stage" of what is in no stage's folder

# Strings and characters are found, too, so that no comment begins in them.
COMMENT = re.compile(r"""/\*.*?(?:\*/|\Z)|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)


def without_comments(text: str) -> str:
    def blank(match: re.Match[str]) -> str:
        found = match.group()
        return found if found[0] in "\"'" else " " + "\n" * found.count("\n")

    return COMMENT.sub(blank, text)


def squeezed(line: str) -> str:
    """What of a line is compared with given ones."""
    return "".join(line.split())


def read_text(path: Path) -> str:
    """The file's text in ASCII; nothing else comes to the eyes of other programs."""
    text = path.read_bytes()[:LARGEST].decode("ascii", errors="replace").replace("\ufffd", "?")
    return re.sub(r"[^\t\n -~]", " ", text.replace("\r\n", "\n").replace("\r", "\n"))


def sources(folder: Path) -> Iterator[Path]:
    """The C files below a folder. No link is followed: a submission may have any."""
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "build" and name[0] != ".")
        for name in sorted(names):
            path = Path(where, name)
            if path.suffix in SUFFIXES and path.is_file() and not path.is_symlink():
                yield path


def stage_of(path: Path) -> int:
    """The N of a path in which there is a folder stageN-something."""
    for part in path.parts:
        match = re.match(r"stage(\d+)-", part)
        if match:
            return int(match[1])
    return ELSEWHERE


def given_lines(folders: Iterable[Path]) -> frozenset[str]:
    """All lines of the code that everybody has from the course."""
    files = (path for folder in folders for path in sources(folder))
    return frozenset(squeezed(line) for path in files for line in without_comments(read_text(path)).split("\n"))


def own_code(path: Path, given: frozenset[str]) -> str:
    lines = without_comments(read_text(path)).split("\n")
    return "\n".join("" if squeezed(line) in given else line for line in lines)
