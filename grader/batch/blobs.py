"""Sources that hold bytes rather than code: for staff to look at, since the work in them may be somebody else's.

An array of a program's bytes can be run, and its restart is not the student's. No verdict hangs on this: tables are lawful.
"""

from __future__ import annotations

import re

LONGEST = 1 << 20  # bytes of a source that are read
NUMBERS, ESCAPES, FOREIGN, LARGE = 256, 256, 1024, 256 << 10

# Each begins where a word begins: a search that begins at each letter would take minutes for a source made for that.
_ROW = re.compile(rb"(?<![\w'])(?:(?:0[xXbB])?[0-9a-fA-F]+[uUlL]{0,3}\s*,\s*|'[^'\n]{1,4}'\s*,\s*)+")
_ESCAPE = re.compile(rb"\\(?:x[0-9a-fA-F]{1,2}|[0-7]{1,3})")
_INCLUDED = re.compile(rb"\.[ \t]*incbin\b|^[ \t]*#[ \t]*embed\b", re.M)
_WORD = re.compile(rb"(?<!\S)\S{1000}")
_ASCII = bytes(range(128))


def kinds(data: bytes) -> list[str]:
    """What a source has too much of, in words for people."""
    data = data[:LONGEST]
    numbers = max((row[0].count(b",") for row in _ROW.finditer(data)), default=0)
    escapes, foreign = len(_ESCAPE.findall(data)), len(data.translate(None, _ASCII))
    found = []
    if numbers >= NUMBERS:
        found.append(f"an array of {numbers} numbers")
    if escapes >= ESCAPES:
        found.append(f"{escapes} bytes written as escapes")
    if _INCLUDED.search(data):
        found.append("a file taken in as it is (.incbin, #embed)")
    if _WORD.search(data):
        found.append("a word of more than 1,000 letters")
    if foreign >= FOREIGN:
        found.append(f"{foreign} bytes that are no ASCII")
    if len(data) >= LARGE:
        found.append(f"{len(data) >> 10} KiB or more of text")
    return found


def suspects(folder: str, sources: dict[str, bytes]) -> list[str]:
    """One line for each such source."""
    rows = [(name, kinds(data)) for name, data in sorted(sources.items())]
    return [f"{folder}/{name}: {', '.join(words)}" for name, words in rows if words]
