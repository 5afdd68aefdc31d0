"""Which stages a hand-out has, and what of a text, a Makefile or a table belongs to the later ones.

Nothing here knows a stage by name. A file belongs to stage N if its path says stageN; a section, if its heading names
that stage, or a session in it, or a line of it is "Stage N needs this."; of what is left, remarks in parentheses, items,
rows and paragraphs that name a later stage go. left() finds what is named all the same, for whoever changes a text.
"""
from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

BASE = 3  # the demos of BACKGROUND are one course up to this stage: they are always there

COUNTS = ("no stage", "one stage", "two stages", "three stages", "four stages", "five stages", "six stages")
HEADING = re.compile(r"(#+) ")
SESSION = re.compile(r"(^```.*?^```\n)", re.MULTILINE | re.DOTALL)
PATH = re.compile(r"stage(\d+)")
NAMES = (re.compile(r"\b[Ss]tages? (\d+(?:(?:, | and | to |, and )\d+)*)"), re.compile(r"\bstage(\d+)-"),
         re.compile(r"\b[Ss]teps? (\d+)\.\d"), re.compile(r"^\*\*(\d+)\.\d+\*\*", re.MULTILINE),
         re.compile(r"^\| (\d+) \|", re.MULTILINE))
TABLE = re.compile(r"^ +\d+ +(\w+) +([\w, ()-]*?)  +.*?stages? (\d+)$", re.MULTILINE)  # of BACKGROUND/README.md


class BadStages(Exception):
    """What is wrong with the stages that were asked for."""


class Released(NamedTuple):
    """The stages from `first` to `last` are new, those before `first` were handed out."""

    first: int
    last: int

    @property
    def whole(self) -> bool:
        return self.first == 1


def parsed(stages: str, add: str, known: Iterable[int]) -> Released:
    """STAGES=1-3 or ADD=4: each stage needs the files of those before it, so there is no gap."""
    highest = max(known)
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", add or stages or f"1-{highest}")
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= first <= last <= highest:
        raise BadStages(f"{add or stages}: is a stage, or a first and a last one, as 1-{highest}")
    if not add and first != 1:
        raise BadStages(f"{stages}: stages use the files of those before them: STAGES=1-{last}, or ADD={stages}")
    if add and first == 1:
        raise BadStages(f"{add}: there is nothing that it could be added to: STAGES={add}")
    return Released(first, last)


def names_later(text: str, last: int) -> bool:
    found = (words for pattern in NAMES for words in pattern.findall(text))
    return any(int(number) > last for words in found for number in re.findall(r"\d+", words))


def of_later(name: str, last: int) -> bool:
    """Whether the path is of a later stage."""
    return any(int(number) > last for number in PATH.findall(name))


# Texts


def sections(text: str) -> list[str]:
    """From heading to heading. What looks like one in a session of a terminal is none."""
    found, inside = [""], False
    for line in text.splitlines(keepends=True):
        inside ^= line.startswith("```")
        if HEADING.match(line) and not inside:
            found.append("")
        found[-1] += line
    return found


def is_of_later(section: str, last: int) -> bool:
    needed = re.search(r"^Stage (\d+) needs this\.$", section, re.MULTILINE)
    typed = "".join(SESSION.findall(section))
    return names_later(section.partition("\n")[0] + typed, last) or bool(needed and int(needed[1]) > last)


def sections_until(text: str, last: int) -> Iterator[str]:
    """The sections but those of later stages, and what is below these."""
    above = 99  # the level of a heading whose section goes
    for section in sections(text):
        heading = HEADING.match(section)
        level = len(heading[1]) if heading else 0
        if level <= above:
            above = level if heading and is_of_later(section, last) else 99
        if above == 99:
            yield section


def pieces(block: str) -> list[str]:
    """A list by its items, a table and what is indented by their lines, a paragraph whole."""
    if block.startswith(("    ", "|")):
        return block.splitlines(keepends=True)
    return re.split(r"^(?=- )", block, flags=re.MULTILINE)


def without_later(prose: str, last: int) -> str:
    """Text between sessions, without what names a later stage."""
    prose = re.sub(r"(?: +|\n)?\([^()]*\)", lambda found: "" if names_later(found[0], last) else found[0], prose)
    parts = re.split(r"(?<=\n)(\n+)", prose)
    blocks = ("".join(piece for piece in pieces(block) if not names_later(piece, last)) for block in parts[::2])
    return "".join(block + blank for block, blank in zip(blocks, [*parts[1::2], ""]) if block)


def text_until(text: str, last: int, demos: Iterable[str] = ()) -> str:
    """A text as it is for those who have the stages up to `last`, without these demos' lines."""
    out = []
    for section in sections_until(text, last):
        parts = SESSION.split(section)
        out += [part if part.startswith("```") else without_later(part, last) for part in parts]
    return lines_without("".join(out), demos).replace(COUNTS[6], COUNTS[last])


def left(text: str, last: int) -> list[str]:
    """The lines that name a later stage."""
    return [line for line in text.splitlines() if names_later(line, last)]


# Demos


def demos_of_later(readme: str, last: int) -> tuple[set[str], set[str]]:
    """The targets of BACKGROUND's table, and their programs, that only later stages need."""
    rows = [row for row in TABLE.findall(readme) if int(row[2]) > last]
    return {row[0] for row in rows}, {name for row in rows for name in re.findall(r"[a-z][\w-]+", row[1])}


def is_demo(path: Path, demos: Iterable[str]) -> bool:
    return path.stem.removesuffix("_aarch64").removesuffix("-broken") in set(demos)


def lines_without(text: str, demos: Iterable[str]) -> str:
    """Without the lines that run one of these demos, or say that it is well: a command may go on in the next line."""
    for name in demos:
        text = re.sub(rf"^(?:ok  |    expect (?:[^\n]|\\\n)*)\./{name}(?:-broken)?\n", "", text, flags=re.MULTILINE)
    return text


def makefile_without(text: str, targets: Iterable[str], demos: Iterable[str]) -> str:
    for name in targets:
        text = re.sub(rf"^{name}:.*\n(?:\t.*\n)+\n", "", text, flags=re.MULTILINE)
        text = re.sub(rf'^\t@echo "make {name} .*\n', "", text, flags=re.MULTILINE)
    words = "|".join(map(re.escape, [*targets, *demos])) or "$."
    return re.sub(rf"(?<=[ (,])(?:{words})(?=[ ,)\n]) ?", "", text)


# Tables


def steps_until(text: str, last: int) -> str:
    rows = [row for row in json.loads(text) if int(row["step"].split(".")[0]) <= last]
    return json.dumps(rows, indent=1) + "\n"


def lab_until(text: str, last: int) -> str:
    """lab.toml without the tables of later stages."""
    parts = re.split(r"^(?=\[)", text, flags=re.MULTILINE)
    return "".join(part for part in parts if not (found := re.match(r"\[stage\.(\d+)\]", part)) or int(found[1]) <= last)
