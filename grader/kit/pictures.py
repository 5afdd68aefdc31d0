#!/usr/bin/env python3
"""Draws OVERVIEW's pictures of the address spaces anew: the text in it, and OVERVIEW.svg.

    pictures.py --write    draw them from a real run (solution/stage3-restart/picture), and write both
    pictures.py --check    say what differs from a new run but addresses and sizes; exit 1 if anything does
"""
from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
SVG = "{http://www.w3.org/2000/svg}"
# The drawing in OVERVIEW is the block whose first line names the first moment.
BLOCK = re.compile(r"(?<=```text\n) +1\. restart starts.*?(?=```\n)", re.DOTALL)
CELL = 33  # characters from one column of a text drawing of three to the next
# Not part of an outline: newer kernels have more of them.
VARYING = "[vvar"

Outline = list[set[str]]  # for each column: what is in it, but no address and no size


def build(folder: Path) -> Path:
    """A copy of the solution and the demos, with all programs of stage 3."""
    for source in [*(path.parent for path in TOP.glob("solution/stage[0-9]*-*/Makefile")), TOP / "BACKGROUND"]:
        shutil.copytree(source, folder / source.name, symlinks=True, ignore=shutil.ignore_patterns("build"))
    stage = folder / "stage3-restart"
    subprocess.run(["make", "-s"], cwd=stage, check=True, stdout=subprocess.DEVNULL)
    return stage


def draw(stage: Path) -> tuple[str, str]:
    """The three moments as text and as SVG."""
    text = subprocess.run(["./picture", "--draw"], cwd=stage, check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    subprocess.run(["./picture"], cwd=stage, check=True, stdout=subprocess.DEVNULL)
    return text, (stage / "picture.svg").read_text()


def text_outline(text: str) -> Outline:
    lines = text.splitlines()
    columns: Outline = []
    for start in range(0, max(map(len, lines)), CELL):
        cells = [line[start:start + CELL - 1] for line in lines]
        found = {cells[0].strip()}
        for cell in cells[1:]:
            label = re.fullmatch(r"[ 0-9a-f]{12} \|[ #/](.*?) +[0-9.]+[KMGT]\|", cell)
            mark = re.search(r"<- \w+", cell)
            found |= {match[1] if match is label else match[0] for match in (label, mark) if match}
        columns.append({name for name in found if not name.startswith(VARYING)})
    return columns


def svg_outline(text: str) -> Outline:
    columns: Outline = []
    for column in ElementTree.fromstring(text).iter(SVG + "g"):
        if column.get("class") != "column":
            continue
        titles = [title.text or "" for title in column.iter(SVG + "title")]
        found = {title.split(" ", 2)[-1].strip().rpartition(": ")[2] for title in titles}
        found |= {"<- " + (mark.find(SVG + "text").text or "").split()[0]  # type: ignore[union-attr]
                  for mark in column.iter(SVG + "g") if mark.get("class") == "mark"}
        found.add(next(column.iter(SVG + "text")).text or "")
        columns.append({name for name in found if not name.startswith(VARYING)})
    return columns


def shown_text(top: Path) -> str:
    block = BLOCK.search((top / "OVERVIEW").read_text())
    return block.group() if block else ""


def differences(top: Path, text: str, svg: str) -> list[str]:
    pairs = [("OVERVIEW", text_outline(shown_text(top) or "?"), text_outline(text)),
             ("OVERVIEW.svg", svg_outline((top / "OVERVIEW.svg").read_text()), svg_outline(svg))]
    return [f"{name}: column {number + 1}: {sorted(a ^ b)}"
            for name, old, new in pairs
            for number, (a, b) in enumerate(zip(old, new)) if a != b or len(old) != len(new)]


def write(top: Path, text: str, svg: str) -> None:
    overview = (top / "OVERVIEW").read_text()
    (top / "OVERVIEW").write_text(BLOCK.sub(lambda _: text, overview))
    (top / "OVERVIEW.svg").write_text(svg)


def main() -> int:
    parser = argparse.ArgumentParser(description="Draw OVERVIEW's pictures anew.")
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--write", action="store_true", help="write OVERVIEW's drawing and OVERVIEW.svg")
    group.add_argument("--check", action="store_true", help="say what would be another picture")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        text, svg = draw(build(Path(name)))
    if arguments.write:
        write(TOP, text, svg)
        return 0
    found = differences(TOP, text, svg)
    print("\n".join(found) or "the pictures are as the tools draw them")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
