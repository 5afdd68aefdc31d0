"""What of a submission's C code is the student's own: all lines but those that the course gave out.

Comments are taken out, and every line that stands, but for its blanks, in the skeletons or the demos becomes an
empty one. So do RUN lines in a row that are given ones with other names: who renames what everybody has has not written
it. The numbers of the lines stay what they are in the submission.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

SUFFIXES = {".c", ".h", ".S", ".s", ".tmpl"}
LARGEST = 1 << 20  # bytes of a file
ELSEWHERE = 0  # the "stage" of what is in no stage's folder

RUN = 5  # lines, blank ones not counted: fewer may look alike by chance
WORDS = """break case char const continue default do else enum for goto if int long return short sizeof static struct
switch unsigned void while"""
NAME = re.compile(rf"\b(?!(?:{'|'.join(WORDS.split())})\b)[A-Za-z_]\w*")

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


class Given(NamedTuple):
    """The code that everybody has from the course."""

    lines: frozenset[str]
    runs: frozenset[tuple[str, ...]]  # RUN lines in a row, all names alike


def runs(lines: Sequence[str]) -> Iterator[tuple[list[int], tuple[str, ...]]]:
    """Each RUN of lines that are not blank: their numbers, and what they look like whatever the names are."""
    looks = [(number, squeezed(NAME.sub("n", line))) for number, line in enumerate(lines) if line.strip()]
    for start in range(len(looks) - RUN + 1):
        window = looks[start : start + RUN]
        yield [number for number, _ in window], tuple(look for _, look in window)


def given_code(folders: Iterable[Path]) -> Given:
    texts = [without_comments(read_text(path)).split("\n") for folder in folders for path in sources(folder)]
    return Given(frozenset(squeezed(line) for lines in texts for line in lines),
                 frozenset(look for lines in texts for _, look in runs(lines)))


def own_code(path: Path, given: Given) -> str:
    lines = without_comments(read_text(path)).split("\n")
    renamed = {number for numbers, look in runs(lines) if look in given.runs for number in numbers}
    return "\n".join("" if number in renamed or squeezed(line) in given.lines else line for number, line in enumerate(lines))
