#!/usr/bin/env python3
"""Makes the skeletons in stageN-*/ from the solution, which is the only source.

    skeleton.py --write    write stageN-*/ anew, and remove what the solution no longer has
    skeleton.py --check    say what --write would change, as a diff; exit 1 if it is anything
    skeleton.py --steps    list the steps that the markers name
    skeleton.py --print FILE    the skeleton of one file of the solution

Markers stand in the solution's files, each on a line of its own. In C and assembly they begin with
`//@`, in Makefiles and shell scripts with `#@`:

    //@ step 3.4 Clear every mapping but the restorer and the vdso.
    //@ More text for the student, any number of lines.
    //@ stub: return -ENOSYS;
    ...the solution's code...
    //@ end

The skeleton has a TODO comment with that text, then the stub lines, and none of the code. Which step is in which
function, and how that looks before it is begun, goes to grader/stage/steps.json: the grader asks there.

    //@ only solution               //@ only skeleton
    ...not in the skeleton...       //@ | only in the skeleton
    //@ end                         //@ end

A file that begins with `//@ file only solution` is not in the skeleton at all, nor is a stage's folder engines/. A file without
markers is given whole. Only files that git tracks count.
"""
from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, NoReturn, Optional

from stage import functions

TOP = Path(__file__).resolve().parents[2]
STEPS = Path("grader/stage/steps.json")
COLUMNS = 100

C_SUFFIXES = {".c", ".h", ".S", ".l", ".y", ".tmpl"}
HASH_SUFFIXES = {".mk", ".sh", ".py"}

STEP = re.compile(r"step (\d+)\.(\d+) (\S.*)")
HEADING = re.compile(r"### Step (\d+\.\d+):")
KEYWORDS = {"step", "stub", "stub:", "end", "only", "file", "|"}


class MarkerError(Exception):
    """A marker that makes no sense, with the place where it stands."""


class Marker(NamedTuple):
    """One `//@ text` line: its number, the blanks before it, and the text."""

    line: int
    indent: str
    text: str


class Style(NamedTuple):
    """How markers and comments look in one kind of file."""

    sign: str
    opening: str
    middle: str
    closing: str


C_STYLE = Style("//@", "/* ", " * ", " */")
HASH_STYLE = Style("#@", "# ", "# ", "")


def style_of(path: Path) -> Optional[Style]:
    """The marker style of a file, or None if that kind of file has no markers."""
    if path.suffix in C_SUFFIXES:
        return C_STYLE
    if path.suffix in HASH_SUFFIXES or path.name == "Makefile":
        return HASH_STYLE
    return None


class Generator:
    """Turns the text of one solution file into that of its skeleton.

    `block` is the marker that opened the current block, or None outside of any.
    """

    def __init__(self, path: Path, style: Style) -> None:
        self.path = path
        self.style = style
        self.out: list[str] = []
        self.steps: list[str] = []
        self.block: Optional[Marker] = None
        self.todo: list[str] = []
        self.stubs: list[str] = []
        self.seen_code = False

    def fail(self, line: int, why: str) -> NoReturn:
        raise MarkerError(f"{self.path}:{line}: {why}")

    def run(self, text: str) -> str:
        for number, line in enumerate(text.splitlines(), 1):
            marker = self.parse(number, line)
            if marker:
                self.on_marker(marker)
            else:
                self.on_code(line)
        if self.block:
            self.fail(self.block.line, f"`{self.block.text}` has no `end`")
        return "".join(line + "\n" for line in self.out)

    def parse(self, number: int, line: str) -> Optional[Marker]:
        before, sign, text = line.partition(self.style.sign)
        if not sign:
            return None
        if before.strip():
            self.fail(number, "a marker stands on a line of its own")
        if text and not text.startswith(" "):
            self.fail(number, f"a blank must follow {self.style.sign}")
        return Marker(number, before, text[1:].rstrip())

    def on_code(self, line: str) -> None:
        self.seen_code = True
        if not self.block:
            self.out.append(line)
        elif self.block.text == "only skeleton" and line.strip():
            self.fail(self.block.line, f"only `{self.style.sign} | ` lines may stand in it")

    def on_marker(self, marker: Marker) -> None:
        if marker.text == "end":
            self.close(marker)
        elif not self.block:
            self.open(marker)
        elif self.block.text == "only skeleton":
            self.on_skeleton_line(marker)
        elif self.block.text.startswith("step "):
            self.on_step_line(marker, self.block)
        else:
            self.fail(marker.line, f"`{marker.text}` inside of `{self.block.text}`")

    def open(self, marker: Marker) -> None:
        step = STEP.fullmatch(marker.text)
        if step:
            self.start_step(marker, step)
        elif marker.text == "file only solution":
            self.fail(marker.line, "`file only solution` must be the first line")
        elif marker.text not in ("only solution", "only skeleton"):
            self.fail(marker.line, f"unknown marker `{marker.text}`")
        self.block = marker

    def start_step(self, marker: Marker, step: re.Match[str]) -> None:
        stage, number, title = step.groups()
        folder = stage_number(self.path)
        if folder and folder != stage:
            self.fail(marker.line, f"step {stage}.{number} in a file of stage {folder}")
        self.steps.append(f"{stage}.{number}")
        self.todo = [f"TODO {stage}.{number}: {title}"]
        self.stubs = []
        self.seen_code = False

    def on_step_line(self, marker: Marker, step: Marker) -> None:
        """A line of a step before its code: more text for the TODO, or a stub."""
        if self.seen_code:
            self.fail(marker.line, "text and stubs stand before the code")
        if marker.text.startswith("stub:"):
            self.stubs.append(marker.text[len("stub:"):].removeprefix(" "))
        elif marker.text.split(" ")[0] in KEYWORDS:
            self.fail(marker.line, f"`{marker.text}` inside of `{step.text}`")
        elif self.stubs:
            self.fail(marker.line, "text stands before the stubs")
        else:
            self.todo.append(marker.text)

    def on_skeleton_line(self, marker: Marker) -> None:
        if not marker.text.startswith("|"):
            self.fail(marker.line, f"`{marker.text}` inside of `only skeleton`")
        self.emit(marker.indent, marker.text[1:].removeprefix(" "))

    def close(self, marker: Marker) -> None:
        if not self.block:
            self.fail(marker.line, "`end` without a beginning")
        if self.block.text.startswith("step "):
            self.emit_step(self.block.indent)
        self.block = None

    def emit_step(self, indent: str) -> None:
        for line in comment(self.todo, indent, self.style):
            self.emit(indent, line)
        for line in self.stubs:
            self.emit(indent, line)

    def emit(self, indent: str, text: str) -> None:
        self.out.append((indent + text).rstrip())


def comment(lines: list[str], indent: str, style: Style) -> list[str]:
    """The lines as a comment; its closing sign goes behind the last one if there is room."""
    out = [style.opening + lines[0]] + [style.middle + line for line in lines[1:]]
    if len(indent + out[-1] + style.closing) <= COLUMNS:
        out[-1] += style.closing
    elif style.closing:
        out.append(style.closing)
    return out


def stage_number(path: Path) -> Optional[str]:
    """The N of a path in which there is a folder stageN-*."""
    for part in path.parts:
        match = re.match(r"stage(\d+)-", part)
        if match:
            return match[1]
    return None


def is_withheld(text: str, style: Style) -> bool:
    return text.split("\n", 1)[0].rstrip() == f"{style.sign} file only solution"


def generate(path: Path, text: str) -> tuple[Optional[str], list[str]]:
    """A file's skeleton (None if it has none) and the steps that it names."""
    style = style_of(path)
    if style is None:
        return text, []
    if is_withheld(text, style):
        return None, []
    generator = Generator(path, style)
    return generator.run(text), generator.steps


class File(NamedTuple):
    """What a file of a skeleton holds."""

    data: bytes
    executable: bool


def tracked(top: Path, *patterns: str) -> list[Path]:
    """The files that git tracks (or is about to) under the patterns, relative to top."""
    out = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=top, check=True,
                         stdout=subprocess.PIPE).stdout
    names = sorted(name for name in out.decode().split("\0") if name)
    return [Path(name) for name in names if (top / name).exists()]


def skeleton_of(top: Path, path: Path) -> Optional[File]:
    if "engines" in path.parts:
        return None
    data = (top / path).read_bytes()
    executable = os.access(top / path, os.X_OK)
    if style_of(path) is None:
        return File(data, executable)
    text, _ = generate(path, data.decode())
    return None if text is None else File(text.encode(), executable)


def wanted(top: Path) -> dict[Path, File]:
    """All that the skeletons should hold, by the path it should have."""
    files = {}
    for path in tracked(top, "solution/stage[0-9]-*/**"):
        skeleton = skeleton_of(top, path)
        if skeleton is not None:
            files[path.relative_to("solution")] = skeleton
    files[STEPS] = File(steps_table(top).encode(), False)
    return files


def present(top: Path) -> dict[Path, File]:
    """What the skeletons hold now."""
    return {path: File((top / path).read_bytes(), os.access(top / path, os.X_OK))
            for path in tracked(top, "stage[0-9]-*/**", str(STEPS))}


# --- Which step is where ---

def steps_in(path: Path, text: str) -> list[dict[str, str]]:
    """Of one file of the solution: its steps, each with its function, and that function's text before it is begun."""
    style, skeleton = style_of(path), generate(path, text)[0]
    lines = text.splitlines()
    found = []
    for number, line in enumerate(lines):
        step = STEP.fullmatch(line.partition(style.sign)[2].strip()) if style else None
        if step and skeleton is not None:
            name = functions.name_before(lines, number)
            todo = functions.squeezed(functions.text_of(skeleton, name) if name else skeleton)
            found.append({"step": f"{step[1]}.{step[2]}", "file": str(path.relative_to("solution")),
                          "function": name, "unbegun": todo})
    return found


def steps_table(top: Path) -> str:
    rows = [row for path in tracked(top, "solution/stage[0-9]-*/**") if style_of(path)
            for row in steps_in(path, (top / path).read_text())]
    rows.sort(key=lambda row: (by_number(row["step"]), row["file"], row["function"]))
    return json.dumps(rows, indent=1) + "\n"


def on_disk(top: Path, files: dict[Path, File]) -> dict[Path, File]:
    """Those of the files that exist, though git may not track them yet, as they are."""
    return {path: File((top / path).read_bytes(), os.access(top / path, os.X_OK))
            for path in files if (top / path).is_file()}


def diff(path: Path, old: Optional[File], new: Optional[File]) -> list[str]:
    """How one file of a skeleton differs from what the solution says."""
    if old == new:
        return []
    if old and new and old.data == new.data:
        return [f"{path}: should {'' if new.executable else 'not '}be executable\n"]
    lines = [(file.data.decode(errors="replace") if file else "").splitlines(keepends=True)
             for file in (old, new)]
    names = [f"{path} ({what})" if file else "/dev/null"
             for file, what in ((old, "committed"), (new, "from the solution"))]
    return list(difflib.unified_diff(lines[0], lines[1], names[0], names[1]))


def compare(top: Path) -> list[str]:
    """All differences between the skeletons and what the solution says, as lines of a diff."""
    new = wanted(top)
    old = {**present(top), **on_disk(top, new)}
    return [line for path in sorted({*old, *new})
            for line in diff(path, old.get(path), new.get(path))]


def write_file(path: Path, file: File) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.data)
    path.chmod(0o755 if file.executable else 0o644)


def write(top: Path) -> list[Path]:
    """Brings the skeletons up to date; returns what changed."""
    new = wanted(top)
    old = {**present(top), **on_disk(top, new)}
    changed = sorted(path for path in {*old, *new} if old.get(path) != new.get(path))
    for path in changed:
        if path in new:
            write_file(top / path, new[path])
        else:
            (top / path).unlink()
    return changed


def steps_of_markers(top: Path) -> list[str]:
    """The numbers of all steps that the solution's markers name, each once, in order."""
    steps: set[str] = set()
    for path in tracked(top, "solution/stage[0-9]-*/**"):
        if style_of(path) is not None:
            steps.update(generate(path, (top / path).read_text())[1])
    return sorted(steps, key=by_number)


def by_number(step: str) -> tuple[int, ...]:
    return tuple(map(int, step.split(".")))


def steps_of_handout(text: str) -> list[str]:
    """The numbers in the headings `### Step N.M: ...`, in the order of the text."""
    return [match[1] for match in map(HEADING.match, text.splitlines()) if match]


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--top", type=Path, default=TOP, help="another checkout of ckptlab")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="write the skeletons anew")
    what.add_argument("--check", action="store_true", help="exit 1, with a diff, if they differ")
    what.add_argument("--steps", action="store_true", help="list the steps in the markers")
    what.add_argument("--print", type=Path, metavar="FILE", help="the skeleton of one file")
    return parser.parse_args(argv)


def check(top: Path) -> int:
    difference = compare(top)
    sys.stdout.writelines(difference)
    if difference:
        print("skeleton: the skeletons are not what the solution says: run `make skeletons`",
              file=sys.stderr)
    return 1 if difference else 0


def main(argv: list[str]) -> int:
    arguments = parse_arguments(argv)
    try:
        if arguments.check:
            return check(arguments.top)
        if arguments.print:
            text, _ = generate(arguments.print, arguments.print.read_text())
            print(text or "", end="")
        elif arguments.steps:
            print("\n".join(steps_of_markers(arguments.top)))
        else:
            for path in write(arguments.top):
                print(path)
    except MarkerError as error:
        print(f"skeleton: {error}", file=sys.stderr)
        return 65
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
