"""Notes for people on what was left out or replaced: one line each, and not too many."""

from __future__ import annotations

import unicodedata

MOST = 40
LONGEST = 120


def printable(name: str) -> str:
    """A name from an archive, fit for a terminal and a page, whatever its author put into it."""
    text = "".join(_visible(character) for character in name)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def is_control(character: str) -> bool:
    """Also what is invisible or turns the direction of writing: it makes a name look like another."""
    return unicodedata.category(character).startswith("C")


def _visible(character: str) -> str:
    if is_control(character):
        return character.encode("unicode_escape", "backslashreplace").decode()
    return character


def some(names: list[str], most: int = 5) -> str:
    """The names in a row; of many, the first few and how many there are."""
    shown = ", ".join(printable(name) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


class Notes:
    """The first lines, and how many came after them."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._more = 0

    def add(self, line: str) -> None:
        if line in self._lines:
            return
        if len(self._lines) < MOST:
            self._lines.append(line)
        else:
            self._more += 1

    def extend(self, lines: list[str]) -> None:
        for line in lines:
            self.add(line)

    def lines(self) -> list[str]:
        return [*self._lines, f"and {self._more} notes more"] if self._more else list(self._lines)
