"""Text of a student's program, made fit to be shown: of bounded length, without what a terminal or a page obeys."""

from __future__ import annotations

import re
import unicodedata

ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)", re.DOTALL)
INVISIBLE = {"Cc", "Cf", "Cs"}  # control characters, marks that turn the direction, halves of a pair
KEPT = {"\n", "\t"}
LONGEST = 1 << 14  # more than this is not looked at: there may be gigabytes


def shorten(text: str, limit: int) -> str:
    """The beginning and the end, and how much is between."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters are left out ...\n{text[-half:]}"


def visible(character: str) -> bool:
    return character in KEPT or unicodedata.category(character) not in INVISIBLE


def clean(text: str, limit: int) -> str:
    """Fit to be shown, and not much longer than `limit` characters."""
    text = ESCAPE.sub("", shorten(text, LONGEST)).replace("\r\n", "\n")
    text = re.sub("[\r\u2028\u2029]", "\n", text)
    return shorten("".join(filter(visible, text)), limit)


def one_line(text: str, limit: int) -> str:
    """The same, for a name or a title."""
    line = " ".join(clean(text, LONGEST).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."
