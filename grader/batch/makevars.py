"""The make variables that a hand-in asks for: the line `make variables:` of its HANDIN.txt.

A submission may say how its author built it, but only in words that can do no more than that:
REFERENCE=1, CC=gcc or clang, and CFLAGS of optimization, debugging and warnings.
"""

from __future__ import annotations

import re
from pathlib import Path

from batch.notes import Notes, printable

FILE = "HANDIN.txt"
LONGEST = 1 << 16
LINE = re.compile(r"^make variables: *(.*)$", re.M)
WORD = re.compile(r"(?:\\.|[^\s\\])+")  # make writes a blank inside of a value as `\ `
FLAG = re.compile(r"-O[0-3sgz]?|-g[0-3]?|-ggdb[0-3]?|-W[a-zA-Z0-9+=-]*|-std=(?:gnu|c)[0-9]{2}|-pipe")
ALLOWED = {"REFERENCE": re.compile("1"), "CC": re.compile("gcc|clang")}


def wanted(folder: Path, notes: Notes) -> dict[str, str]:
    """The variables of the HANDIN.txt in a folder; what is not allowed is noted."""
    try:
        with (folder / FILE).open("rb") as file:
            text = file.read(LONGEST).decode("utf-8", errors="replace")
    except (FileNotFoundError, IsADirectoryError):
        return {}
    line = LINE.search(text)
    if not line or line[1].strip() in ("", "none"):
        return {}
    return _parse(line[1], notes)


def _parse(line: str, notes: Notes) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for word in WORD.findall(line):
        plain = re.sub(r"\\(.)", r"\1", word)
        if name == "CFLAGS" and plain.startswith("-"):
            plain = f"CFLAGS={found.get('CFLAGS', '')} {plain}"  # somebody did not write `\ `
        name, _, value = plain.partition("=")
        if not _take(found, name, value.strip()):
            notes.add(f"{FILE}: make variable not used: {printable(plain)}")
    return found


def _take(found: dict[str, str], name: str, value: str) -> bool:
    """Puts the variable to the others; says whether all of it is allowed."""
    if name == "CFLAGS":
        flags = [flag for flag in value.split() if FLAG.fullmatch(flag)]
        if flags:
            found[name] = " ".join(flags)
        return flags == value.split()
    allowed = name in ALLOWED and ALLOWED[name].fullmatch(value) is not None
    if allowed:
        found[name] = value
    return allowed


def words(variables: dict[str, str]) -> list[str]:
    """As arguments for make."""
    return [f"{name}={value}" for name, value in sorted(variables.items())]
