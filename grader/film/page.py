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
from collections.abc import Callable
from pathlib import Path

from film.pictures import Row
from film.story import PHASES, Step, Story
from stage.failure import without_folders
from stage.processor import HERE as PROCESSOR

HERE = Path(__file__).resolve().parent
Say = Callable[[str], str]
LONGEST = 2000  # characters of one text


def clean(text: str) -> str:
    """Without what is no character of a text: controls, marks that turn the direction, halves of pairs."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in text[:LONGEST])


def whole(text: str) -> str:
    return text


def sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


class Table:
    """All rows of all pictures, each once."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.numbers: dict[Row, int] = {}

    def number(self, row: Row) -> int:
        return self.numbers.setdefault(row, len(self.numbers))

    def rows(self) -> list[list[str]]:
        return [[f"{row.start:x}", f"{row.end:x}", row.perms, self.say(row.name), row.owner, row.state] for row in self.numbers]


def step_data(step: Step, table: Table) -> dict[str, object]:
    say = table.say
    return {
        "phase": step.phase, "words": say(step.text), "call": say(step.call), "number": step.number,
        "place": step.place, "fault": say(step.fault), "note": say(step.note),
        "rip": f"{step.rip:x}" if step.rip else "", "rsp": f"{step.rsp:x}" if step.rip else "",
        "picture": [table.number(row) for row in step.picture],
        "tags": [[table.number(row), tag] for row, tag in step.tags.items()],
        "gone": [table.number(row) for row in step.gone],
    }


def data_of(story: Story, say: Say) -> str:
    """JSON in which nothing can end the element that it stands in."""
    table = Table(say)
    steps = [step_data(step, table) for step in story.steps]
    phases = [phase for phase in PHASES if any(step.phase == phase for step in story.steps)]
    told = {"names": [PROCESSOR.code, PROCESSOR.stack], "end": f"{PROCESSOR.end:x}"}
    text = json.dumps({"steps": steps, "rows": table.rows(), "phases": phases, **told}, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def step_line(number: int, step: Step, say: Say) -> str:
    wrong = f' <span class="wrong">{html.escape(say(step.fault))}</span>' if step.fault else ""
    words = f'<span class="phase">{html.escape(step.phase)}:</span> {html.escape(say(step.text))}'
    note = f'<noscript><div class="note">{html.escape(say(step.note))}</div></noscript>' if step.note else ""
    return f'<li><a href="#{number}">{words}</a>{wrong}{note}</li>'


def page_of(story: Story, title: str, bare: bool = False) -> str:
    """`bare`: no path of this machine's folders is in it."""
    cut = without_folders if bare else whole

    def say(text: str) -> str:
        return clean(cut(text))

    def escaped(text: str) -> str:
        return html.escape(say(text))

    style, script = (HERE / "film.css").read_text(), (HERE / "film.js").read_text()
    values = {
        "TITLE": escaped(title), "OUTCOME": escaped(story.outcome), "BAD": "" if story.good else " bad",
        "COMMAND": escaped(" ".join(story.record.command)), "COUNT": str(len(story.steps)),
        "STEPS": "\n".join(step_line(i, step, say) for i, step in enumerate(story.steps, 1)), "DATA": data_of(story, say),
        "STYLE": style, "SCRIPT": script, "STYLE_HASH": sha256(style), "SCRIPT_HASH": sha256(script),
    }
    return re.sub(r"@([A-Z_]+)@", lambda match: values[match[1]], (HERE / "film.html").read_text())
