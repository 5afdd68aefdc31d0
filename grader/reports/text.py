"""Words that come from submissions, made fit for a report: nothing in them can do harm or fill a page.

A submission chooses its author's name, what its programs print, the names of its files. In them there may
be ANSI escapes, zero bytes, halves of surrogate pairs (bytes that are not UTF-8), marks that turn the
direction of the text, megabytes.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from stage.failure import without_folders as without_folders  # for those who import it from here

LIMIT = 4000  # characters of one text, unless its place has more room

ESCAPES = re.compile(
    r"\x1b(?:"
    r"\[[0-?]*[ -/]*[@-~]"  # colours, cursor movement
    r"|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # the terminal's title, links
    r"|[PX^_][^\x1b\n]*(?:\x1b\\)?"  # device control strings
    r"|[ -/]*[0-~])"
)
UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and newline
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks of direction: they show text other than it is
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"  # what no UTF-8 file and no XML may hold
)


def _picture(match: re.Match[str]) -> str:
    """What is shown for a character that must not be there itself."""
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)  # the control picture
    if code == 0x7F:
        return "\u2421"
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else "\ufffd"


def clean(text: str, limit: int = LIMIT) -> str:
    """The text without escapes, with pictures for other unfit characters, and not longer than the limit."""
    start = ESCAPES.sub("", text[: 4 * limit].replace("\r\n", "\n"))
    start = UNFIT.sub(_picture, start)
    if len(start) <= limit and len(text) <= 4 * limit:
        return start
    return start[:limit] + _cut_mark(text)


def cut(text: str, limit: int) -> str:
    """The text, not longer than the limit, and otherwise as it is."""
    return text if len(text) <= limit else text[:limit] + _cut_mark(text)


def _cut_mark(text: str) -> str:
    return f" \u2026 (cut: {len(text)} characters in all)"


def one_line(text: str, limit: int = 300) -> str:
    return " ".join(clean(text, limit).split())


def short(text: str, limit: int = 60) -> str:
    """For a narrow place: what is cut is not counted."""
    line = one_line(text)
    return line if len(line) <= limit else line[: limit - 1] + "\u2026"


def unreadable(error: Exception) -> str:
    """Why a file that an instructor wrote cannot be read."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no text in UTF-8: save it as UTF-8 (a spreadsheet: as CSV UTF-8)"
    return (error.strerror if isinstance(error, OSError) else "") or str(error)


def write_whole(path: Path, text: str) -> None:
    """The file appears when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8", newline="")
    partial.replace(path)
