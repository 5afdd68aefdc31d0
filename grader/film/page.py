"""A story as one HTML page, which needs no other file and no network.

Whatever a restart printed and whatever a file is called is text in it: escaped where it stands in the page, put there
by textContent where the script does it; and no script runs but the one whose hash the page itself names.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path

from film.pictures import Row
from film.story import PHASES, Step, Story

HERE = Path(__file__).resolve().parent
LONGEST = 2000  # characters of one text


def clean(text: str) -> str:
    """Without what is no character of a text: controls, marks that turn the direction, halves of pairs."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in text[:LONGEST])


def escaped(text: str) -> str:
    return html.escape(clean(text))


def sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


class Table:
    """All rows of all pictures, each once."""

    def __init__(self) -> None:
        self.numbers: dict[Row, int] = {}

    def number(self, row: Row) -> int:
        return self.numbers.setdefault(row, len(self.numbers))

    def rows(self) -> list[list[str]]:
        return [[f"{row.start:x}", f"{row.end:x}", row.perms, clean(row.name), row.owner, row.state] for row in self.numbers]


def step_data(step: Step, table: Table) -> dict[str, object]:
    return {
        "phase": step.phase, "words": clean(step.text), "call": clean(step.call), "number": step.number,
        "place": step.place, "fault": clean(step.fault), "note": clean(step.note),
        "rip": f"{step.rip:x}" if step.rip else "", "rsp": f"{step.rsp:x}" if step.rip else "",
        "picture": [table.number(row) for row in step.picture],
        "tags": [[table.number(row), tag] for row, tag in step.tags.items()],
        "gone": [table.number(row) for row in step.gone],
    }


def data_of(story: Story) -> str:
    """JSON in which nothing can end the element that it stands in."""
    table = Table()
    steps = [step_data(step, table) for step in story.steps]
    phases = [phase for phase in PHASES if any(step.phase == phase for step in story.steps)]
    text = json.dumps({"steps": steps, "rows": table.rows(), "phases": phases}, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def step_line(number: int, step: Step) -> str:
    wrong = f' <span class="wrong">{escaped(step.fault)}</span>' if step.fault else ""
    return (f'<li><a href="#{number}"><span class="phase">{escaped(step.phase)}:</span> {escaped(step.text)}</a>{wrong}</li>')


def page_of(story: Story, title: str) -> str:
    style, script = (HERE / "film.css").read_text(), (HERE / "film.js").read_text()
    values = {
        "TITLE": escaped(title), "OUTCOME": escaped(story.outcome), "BAD": "" if story.good else " bad",
        "COMMAND": escaped(" ".join(story.record.command)), "COUNT": str(len(story.steps)),
        "STEPS": "\n".join(step_line(i, step) for i, step in enumerate(story.steps, 1)), "DATA": data_of(story),
        "STYLE": style, "SCRIPT": script, "STYLE_HASH": sha256(style), "SCRIPT_HASH": sha256(script),
    }
    return re.sub(r"@([A-Z_]+)@", lambda match: values[match[1]], (HERE / "film.html").read_text())
