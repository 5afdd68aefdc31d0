"""Small programs in the style of another course's homework, each with a fault: is it told the true cause?

    grader/python grader/kit/homework.py [NAME]...    what each is told, and the counts (all: some minutes)
    grader/python grader/kit/homework.py --write      all, and the tables of grader/classic/README and grader/README

The programs are styles (folders of kit/classic/homework), changed as faults.toml there says.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from kit import mutants
from kit.mutants import Grading
from stage.config import GRADER, load_toml

FOLDER = GRADER / "kit" / "classic" / "homework"
PAGE = GRADER / "classic" / "README"
COUNTS = GRADER / "README"
BEGIN, END = "<!-- BEGIN homework.py --write -->\n", "<!-- END homework.py -->\n"
PROFILES = {"array": "classic", "stream": "classic", "context": "classic", "recursion": "classic-static",
            "lines": "classic-static"}
TRUE, HALF, NONE, UNTRUE = "true", "half", "none", "untrue"
# Causes that say themselves that they do not know why.
MODEST = {"", "classic-same-state", "classic-restart-crash", "classic-crash", "classic-hang", "classic-output",
          "classic-restart-ends", "classic-again-other"}


@dataclass(frozen=True)
class Program:
    name: str
    style: str
    fault: str
    tests: list[str]
    causes: list[str]
    words: str
    edit: list[dict[str, str]]
    half: list[str] = field(default_factory=list)

    @property
    def profile(self) -> str:
        return PROFILES[self.style]

    def lay_out(self, folder: Path) -> Path:
        shutil.copytree(FOLDER / self.style, folder)
        for edit in self.edit:
            path = folder / edit["file"]
            text = path.read_text()
            assert text.count(edit["find"]) == 1, (self.name, edit["find"])
            path.write_text(text.replace(edit["find"], edit["put"]))
        return folder

    def grade(self, folder: Path) -> Grading:
        return mutants.grade(1, self.lay_out(folder), self.tests, profile=self.profile)

    def verdict(self, got: Grading) -> str:
        """true, half, none (it says that it does not know, or nothing), untrue; and half if the words are missing."""
        cause = got.first_cause()
        if cause in self.causes:
            return TRUE if re.search(self.words, told(got)) else HALF
        return HALF if cause in self.half else NONE if cause in MODEST else UNTRUE


def told(got: Grading) -> str:
    rows = [row for row in got.table.get("tests", []) if row["outcome"] == "failed"]
    return "\n".join(line for row in rows for line in (row["reason"], *row["symptoms"]))


def all_programs() -> list[Program]:
    return [Program(**table) for table in load_toml(FOLDER / "faults.toml")["program"]]


def table(verdicts: dict[str, tuple[str, str]]) -> str:
    """The page's table: what each was told, and the counts."""
    rows = ["    | program | style | the fault | the first cause printed | which is |", "    |---|---|---|---|---|"]
    for program in all_programs():
        cause, verdict = verdicts[program.name]
        rows.append(f"    | {program.name} | {program.style} | {program.fault} | {cause or 'none'} | {verdict} |")
    counts = Counter(verdict for _, verdict in verdicts.values())
    return "\n".join(rows) + "\n\n" + counted(counts) + "\n"


def counted(counts: Counter[str]) -> str:
    return "    " + ", ".join(f"{counts[word]} {word}" for word in (TRUE, HALF, NONE, UNTRUE)) + f" of {counts.total()}"


def write(text: str) -> None:
    """In place of the table that is there."""
    page = PAGE.read_text()
    new, found = re.subn(r"    \| program \| style \|.*?\n    \d+ true, [^\n]*\n", lambda _: text, page, flags=re.DOTALL)
    assert found == 1
    PAGE.write_text(new)
    before, rest = COUNTS.read_text().split(BEGIN)
    COUNTS.write_text(before + BEGIN + "\n" + by_style() + "\n" + END + rest.split(END)[1])


def rows() -> list[tuple[str, str, str]]:
    """Of the page's table: program, style, verdict."""
    return re.findall(r"^    \| (\S+) \| (\w+) \| .* \| [\w-]+ \| (\w+) \|$", PAGE.read_text(), re.MULTILINE)


def by_style() -> str:
    """The same in counts."""
    words = (TRUE, HALF, NONE, UNTRUE)
    lines = ["| style | programs | true cause | half of it | none | untrue |", "|---|---|---|---|---|---|"]
    for style in [*PROFILES, "all"]:
        found = Counter(verdict for _, of, verdict in rows() if style in (of, "all"))
        lines.append("| " + " | ".join([style, str(found.total()), *(str(found[word]) for word in words)]) + " |")
    return "\n".join(lines) + "\n"


def main(words: list[str]) -> None:
    verdicts = {}
    for program in all_programs():
        if words in ([], ["--write"]) or program.name in words:
            with tempfile.TemporaryDirectory(prefix="ck") as folder:
                got = program.grade(Path(folder) / "s")
            verdicts[program.name] = (got.first_cause(), program.verdict(got))
            print(f"{program.name:<14} {verdicts[program.name][1]:<7} {got.first_cause() or got.output[-300:]}", flush=True)
            if verdicts[program.name][1] != TRUE:
                print("    " + told(got).replace("\n", "\n    "))
    print(counted(Counter(verdict for _, verdict in verdicts.values())))
    if words == ["--write"]:
        write(table(verdicts))


if __name__ == "__main__":
    main(sys.argv[1:])
