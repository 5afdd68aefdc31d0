#!/usr/bin/env python3
"""Honest submissions: complete, right, and written differently from the solution. They must have full marks.

    honest.py                  list them
    honest.py NAME DIR         lay one out in DIR, as a student hands it in: stage1-readmaps and so on

A submission is a folder honest/NAME with the files that the student has worked on, at their paths. A file
without markers is the student's whole: it takes the place of the skeleton's, or is new. One with markers
(`//@` in C, `#@` in Makefiles) says what the student changed in the skeleton, and the rest is the skeleton's:

    //@ step 2.4            the code in place of that TODO; where a file has two TODOs of a step,
    ...                     there are two such blocks, in the file's order
    //@ end

    //@ top                 what stands behind the skeleton's last #include: helpers, more headers
    ...
    //@ end

    //@ replace             lines of the skeleton, which must be there exactly once,
    ...
    //@ with                and what the student made of them
    ...
    //@ end

The skeleton is made from solution/ each time, so a step that the solution gains or loses is an error here.
Stages before the first that it has a folder for are the solution's: a student of a later stage has them.
"""
from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Optional

from handout import skeleton

FOLDER = Path(__file__).resolve().parent / "honest"


class HonestError(Exception):
    """The submission itself is wrong: it does not fit the skeleton. With the file and the line or the step."""


@dataclass
class Changes:
    """What a student changed in one file of the skeleton."""

    steps: list[tuple[str, list[str]]] = field(default_factory=list)
    top: list[str] = field(default_factory=list)
    replaced: list[tuple[list[str], list[str]]] = field(default_factory=list)


@dataclass
class Block:
    """One block while it is read: its marker, and the lines so far, before and after `with`."""

    line: int
    marker: str
    parts: list[list[str]] = field(default_factory=lambda: [[]])


class Reader:
    """Reads the changes of one file."""

    def __init__(self, path: Path, sign: str) -> None:
        self.path = path
        self.sign = sign
        self.changes = Changes()
        self.block: Optional[Block] = None

    def fail(self, line: int, why: str) -> NoReturn:
        raise HonestError(f"{self.path}:{line}: {why}")

    def run(self, text: str) -> Changes:
        for number, line in enumerate(text.splitlines(), 1):
            if line.startswith(self.sign):
                self.on_marker(number, line[len(self.sign):].strip())
            elif self.block:
                self.block.parts[-1].append(line)
            elif line.strip():
                self.fail(number, "code outside of any block")
        if self.block:
            self.fail(self.block.line, f"`{self.block.marker}` has no `end`")
        return self.changes

    def on_marker(self, number: int, text: str) -> None:
        if text == "end":
            self.close(number)
        elif text == "with" and self.block and self.block.marker == "replace" and len(self.block.parts) == 1:
            self.block.parts.append([])
        elif self.block:
            self.fail(number, f"`{text}` inside of `{self.block.marker}`")
        elif text in ("top", "replace") or (text.startswith("step ") and text != "step "):
            self.block = Block(number, text)
        else:
            self.fail(number, f"unknown marker `{text}`")

    def close(self, number: int) -> None:
        if not self.block:
            self.fail(number, "`end` without a beginning")
        marker, parts = self.block.marker, self.block.parts
        if marker == "top":
            self.changes.top += parts[0]
        elif marker != "replace":
            self.changes.steps.append((marker[len("step "):], parts[0]))
        elif len(parts) != 2 or not parts[0]:
            self.fail(self.block.line, "`replace` needs lines, `with`, and other lines")
        else:
            self.changes.replaced.append((parts[0], parts[1]))
        self.block = None


class Filled(skeleton.Generator):
    """Like its base class, but each step has a student's code."""

    def __init__(self, path: Path, style: skeleton.Style, steps: list[tuple[str, list[str]]]) -> None:
        super().__init__(path, style)
        self.left = list(steps)

    def emit_step(self, indent: str) -> None:
        step = self.steps[-1]
        for block in self.left:
            if block[0] == step:
                self.out += block[1]
                self.left.remove(block)
                return
        raise HonestError(f"{self.path}: no code for step {step}")


def fill(path: Path, text: str, style: skeleton.Style, changes: Changes) -> str:
    """The solution's file `path` as the student has it."""
    generator = Filled(path, style, changes.steps)
    lines = generator.run(text).splitlines()
    if generator.left:
        raise HonestError(f"{path}: there is no such step here: {generator.left[0][0]}")
    for old, new in changes.replaced:
        lines = replace(path, lines, old, new)
    if changes.top:
        last = max((i for i, line in enumerate(lines) if line.startswith("#include")), default=-1)
        lines[last + 1:last + 1] = ["", *changes.top]
    return "".join(line + "\n" for line in lines)


def replace(path: Path, lines: list[str], old: list[str], new: list[str]) -> list[str]:
    found = [i for i in range(len(lines)) if lines[i:i + len(old)] == old]
    if len(found) != 1:
        raise HonestError(f"{path}: {len(found)} places, not one, have the lines to replace: {old[0]!r}...")
    return [*lines[:found[0]], *new, *lines[found[0] + len(old):]]


def names() -> list[str]:
    """All honest submissions."""
    return sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def stages(name: str) -> dict[int, str]:
    """The stages that a submission has a folder for, by their numbers."""
    folders = sorted(path.name for path in (FOLDER / name).glob("stage[0-9]-*"))
    return {int(folder[len("stage")]): folder for folder in folders}


def own_files(name: str) -> dict[Path, str]:
    """The files of a submission, by the path that they have in a student's tree."""
    folder = FOLDER / name
    if not folder.is_dir():
        raise HonestError(f"no submission {name}: there are {', '.join(names())}")
    return {path.relative_to(folder): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def has_markers(text: str, style: Optional[skeleton.Style]) -> bool:
    return style is not None and any(line.startswith(style.sign) for line in text.splitlines())


def as_student_has_it(top: Path, path: Path, own: Optional[str]) -> Optional[skeleton.File]:
    """One file of the solution (its path from solution/), made a student's; None if students do not get it."""
    source = top / "solution" / path
    given = skeleton.skeleton_of(top, source.relative_to(top))
    style = skeleton.style_of(path)
    if given is None or style is None or (own is not None and not has_markers(own, style)):
        return given if own is None or given is None else given._replace(data=own.encode())
    changes = Reader(path, style.sign).run(own or "")
    return given._replace(data=fill(path, source.read_text(), style, changes).encode())


def as_the_solution_has_it(top: Path, path: Path) -> Optional[skeleton.File]:
    """The same for a stage that is behind the student."""
    source = top / "solution" / path
    given = skeleton.skeleton_of(top, source.relative_to(top))
    return given and given._replace(data=source.read_bytes())


def submission(name: str, top: Path = skeleton.TOP) -> dict[Path, skeleton.File]:
    """All files of a student's tree, by their paths in it: the stages that it has a folder for, and those before."""
    own, folders = own_files(name), stages(name).values()
    files: dict[Path, skeleton.File] = {}
    for source in skeleton.tracked(top, "solution/stage[0-9]-*/**"):
        path = source.relative_to("solution")
        if path.parts[0] in folders:
            file = as_student_has_it(top, path, own.get(path))
        else:
            file = as_the_solution_has_it(top, path) if path.parts[0] < min(folders) else None
        if file is not None:
            files[path] = file
    for path in own.keys() - files.keys():
        if has_markers(own[path], skeleton.style_of(path)):
            raise HonestError(f"{name}/{path}: there is no such file in the skeletons to be changed")
        files[path] = skeleton.File(own[path].encode(), False)
    return files


def lay_out(name: str, tree: Path) -> None:
    """Write the submission's stages into `tree`, as a student hands them in."""
    for path, file in submission(name).items():
        skeleton.write_file(tree / path, file)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("name", metavar="NAME", nargs="?", help="the submission (none: list them)")
    parser.add_argument("folder", metavar="DIR", nargs="?", type=Path, help="where to lay it out")
    arguments = parser.parse_args(argv)
    if arguments.name is None:
        print("\n".join(names()))
        return 0
    if arguments.folder is None:
        parser.error("where to? honest.py NAME DIR")
    try:
        lay_out(arguments.name, arguments.folder)
    except (HonestError, skeleton.MarkerError, OSError) as error:
        print(f"honest: {error}", file=sys.stderr)
        return 65
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
