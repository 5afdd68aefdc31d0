"""The table of attacks in kit/hostile/README, made of the attacks themselves; test_hostile.py finds out whether it is true.

    grader/python grader/kit/attacks.py            prints it; --write: puts it there
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from stage.config import GRADER
from stage.diagnosis import load_causes

HOSTILE = GRADER / "kit" / "hostile"
README = HOSTILE / "README"
BEGIN, END = "<!-- BEGIN attacks.py --write -->\n", "<!-- END attacks.py -->\n"
OUTCOMES = {
    "none": "nothing: all doors are closed, and it has the points of an honest one",
    "harmless": "nothing: nobody is harmed, and it has the points of an honest one",
    "outlived": "a note: what it left was ended",
    "parser": "its own failure, which the report shows",
    "end-of-file": "ended, since it hangs",
    "refused": "refused before anything is unpacked",
    "ends-too": "ended together with whom it ended",
}
USUAL = {"stage2": "hides", "stage3": "not-restarted", "stage4": "not-restarted", "stage5": "not-restarted", "stage6": "at-home"}


def attacks() -> list[Path]:
    return sorted(HOSTILE.glob("*.c"))


def own_cause(attack: Path) -> str:
    match = re.match(r"/\* cause: (\S+) \*/", attack.read_text())
    return match[1] if match else ""


def cause_of(attack: Path) -> str:
    if not own_cause(attack):
        raise ValueError(f"{attack.name}: the first line names no cause")
    return own_cause(attack)


def purpose_of(attack: Path) -> str:
    """Its first comment that is not the cause."""
    comments = [text for text in re.findall(r"/\*(.*?)\*/", attack.read_text(), re.S) if not text.startswith(" cause:")]
    if not comments:
        raise ValueError(f"{attack.name}: no comment tells what it does")
    return re.sub(r"\s*\n \*\s*|\s+", " ", comments[0]).strip()


def table() -> str:
    titles = {cause.id: cause.title for cause in load_causes()}
    told = {**titles, **OUTCOMES}
    rows = [(path.stem, purpose_of(path), told[cause_of(path)]) for path in attacks()]
    for stage, usual in USUAL.items():
        rows += [(f"{stage}/{path.stem}", purpose_of(path), told[own_cause(path) or usual]) for path in sorted(HOSTILE.glob(f"{stage}/*.c"))]
    lines = ["| attack | what it tries | what comes of it |", "|---|---|---|"]
    lines += [f"| {name} | {purpose} | {outcome} |" for name, purpose, outcome in rows]
    return "\n".join(lines) + "\n"


def in_readme(text: str) -> str:
    """The page with today's table."""
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


def main(words: list[str]) -> int:
    if words == ["--write"]:
        README.write_text(in_readme(README.read_text()))
    else:
        print(table(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
