"""The text of a function of C, as far as the lab's own style goes: it begins and ends in the first column."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Optional

HEAD = re.compile(r"[A-Za-z_][\w\s*()]*?\b(\w+)\(")
NOISE = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/', re.DOTALL)


def name_before(lines: Sequence[str], number: int) -> str:
    """The function in which a line stands; "" if it stands in none."""
    for at in range(number - 1, -1, -1):
        if lines[at] == "}":
            return ""
        if lines[at] == "{":
            return _name_above(lines, at)
    return ""


def _name_above(lines: Sequence[str], brace: int) -> str:
    """The head may have several lines; the first of them begins in the first column."""
    for at in range(brace - 1, -1, -1):
        if lines[at] and not lines[at][0].isspace():
            head = HEAD.match(lines[at])
            return head[1] if head else ""
    return ""


def text_of(text: str, name: str) -> str:
    """From the function's head to its last brace; "" if it is not there."""
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if line == "{" and _name_above(lines, at) == name:
            first = next(i for i in range(at - 1, -1, -1) if lines[i] and not lines[i][0].isspace())
            last = lines.index("}", at)
            return "\n".join(lines[first : last + 1])
    return ""


def squeezed(text: str) -> str:
    """Without comments and blanks: what a compiler sees, so that only a change of the code is one."""
    code = NOISE.sub(lambda match: match[0] if match[0][0] in "\"'" else " ", text)
    return re.sub(r"\s+", "", code)


# Of other people's style: ctags knows where a function ends


def plainly(words: Sequence[str]) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def lines_of(path: Path, name: str, run: Callable[[Sequence[str]], str] = plainly) -> Optional[range]:
    """The lines of a function, from 0; None if there is not exactly one of this name, or no ctags. `run` it, and tell
    what it printed."""
    if shutil.which("ctags") is None:
        return None
    words = ["ctags", "--options=NONE", "--language-force=C", "--kinds-C=f", "--output-format=json", "--fields=+ne", "-o", "-", str(path)]
    rows = [json.loads(line) for line in run(words).splitlines() if line.startswith("{")]
    rows = [row for row in rows if row.get("name") == name and "end" in row]
    return range(rows[0]["line"] - 1, rows[0]["end"]) if len(rows) == 1 else None


def function_in(path: Path, name: str) -> list[str]:
    """The lines of a function; none if they are not known, or there is no such file."""
    lines = lines_of(path, name) if path.exists() else None
    return path.read_text().splitlines(keepends=True)[lines.start : lines.stop] if lines else []


def with_lines(text: str, at: Optional[range], others: Sequence[str]) -> Optional[str]:
    """A text with other lines in place of these; None if one of them is not known."""
    if at is None or not others:
        return None
    lines = text.splitlines(keepends=True)
    return "".join([*lines[: at.start], *others, *lines[at.stop :]])
