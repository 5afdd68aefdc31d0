#!/usr/bin/env python3
"""The stages in the middle of the work: all steps up to one are done, the others are not.

    steps.py STEP FOLDER    write the stages into FOLDER as they are when STEP (say 2.4) works

This is what a student's tree looks like on the way. The documents' commands run in such trees
(rundocs.py, blocks that begin with ```console step 2.4), so their outputs are those of that step.
Files that are as they should be are not touched: make builds only what a step changed.
"""
from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from handout import skeleton


class Partial(skeleton.Generator):
    """Like its base class, but the steps up to `last` keep the solution's code."""

    def __init__(self, path: Path, style: skeleton.Style, last: str) -> None:
        super().__init__(path, style)
        self.last = skeleton.by_number(last)
        self.done = False

    def start_step(self, marker: skeleton.Marker, step: re.Match[str]) -> None:
        super().start_step(marker, step)
        self.done = skeleton.by_number(self.steps[-1]) <= self.last

    def on_code(self, line: str) -> None:
        super().on_code(line)
        if self.block and self.block.text.startswith("step ") and self.done:
            self.out.append(line)

    def emit_step(self, indent: str) -> None:
        if not self.done:
            super().emit_step(indent)


def partial(path: Path, text: str, last: str) -> str | None:
    """One file's text when the steps up to `last` are done; None if students do not get it."""
    style = skeleton.style_of(path)
    if style is None:
        return text
    if skeleton.is_withheld(text, style):
        return None
    return Partial(path, style, last).run(text)


def bring_to_step(tree: Path, target: Path, last: str) -> None:
    """Write the stages of the lab in `tree` into `target` as they are after the step `last`."""
    for path in tree.glob("solution/stage[0-9]-*/*"):
        if path.is_dir() or not (skeleton.style_of(path) or path.suffix == ".ld"):
            continue
        name = path.relative_to(tree / "solution")
        text = partial(name, path.read_text(), last)
        place = target / name
        if text is not None and (not place.is_file() or place.read_text() != text):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("step", metavar="STEP")
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    arguments = parser.parse_args()
    if not re.fullmatch(r"\d+\.\d+", arguments.step):
        parser.error(f"{arguments.step} is not the number of a step, such as 2.4")
    bring_to_step(skeleton.TOP, arguments.folder, arguments.step)
    return 0


if __name__ == "__main__":
    sys.exit(main())
