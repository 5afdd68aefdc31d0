"""Text of a student's program, made fit to be shown: of bounded length, without what a terminal or a page obeys."""

from __future__ import annotations

import re
import unicodedata

ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)", re.DOTALL)
INVISIBLE = {"Cc", "Cf", "Cs"}  # control characters, marks that turn the direction, halves of a pair
NOT_PLAIN = re.compile(r"[^\x20-\x7e\n\t]")  # all others are looked up
LONGEST = 1 << 14  # more than this is not looked at: there may be gigabytes


def shorten(text: str, limit: int) -> str:
    """The beginning and the end, and how much is between."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters are left out ...\n{text[-half:]}"


def if_visible(match: re.Match[str]) -> str:
    return "" if unicodedata.category(match.group()) in INVISIBLE else match.group()


def clean(text: str, limit: int) -> str:
    """Fit to be shown, and not much longer than `limit` characters."""
    text = ESCAPE.sub("", shorten(text, LONGEST)).replace("\r\n", "\n")
    text = re.sub("[\r\u2028\u2029]", "\n", text)
    return shorten(NOT_PLAIN.sub(if_visible, text), limit)


def one_line(text: str, limit: int) -> str:
    """The same, for a name or a title."""
    line = " ".join(clean(text, LONGEST).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."
