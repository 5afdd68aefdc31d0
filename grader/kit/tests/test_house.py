"""The house rules: short functions, little code, lines that fit, no path of somebody's machine.

That all of it compiles without a warning under gcc and clang is tested in test_build.py.
"""
from __future__ import annotations

import re
import statistics
from pathlib import Path

import pytest

from conftest import TOP, git

MEDIAN = 15  # lines of a function, from its name to its last brace
LONG = 40
BUDGET = 2500  # lines of C in stages 1 to 3, without
# What makes the images of other machines fit here.
ELSEWHERE = ("part_platform", "platform_", "vectors_", "frame_convert", "features_", "portable", "part_vdso", "vdso_")
EYES = ("picture", "image_doctor", "image_compare", "no_image")  # what only shows things to people
COLUMNS = 116  # .clang-format, .editorconfig

SOURCES = sorted(TOP.glob("solution/stage*/*.c"))
FIRST_STAGES = sorted(TOP.glob("solution/stage[123]-*/*.c"))
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL)
MACHINE_PATH = re.compile("|".join(f"/{folder}/" for folder in ("work", "root")))


def code_lines(text: str) -> list[str]:
    """The lines that are neither blank nor comment; `//@` markers are comments."""

    def strip(match: re.Match[str]) -> str:
        return match.group() if match.group().startswith('"') else ""

    return [line for line in COMMENT.sub(strip, text).splitlines() if line.strip()]


def function_lengths(text: str) -> list[int]:
    """Lines of code of each function, its first and last line included."""
    lengths, start = [], 0
    lines = code_lines(text)
    for number, line in enumerate(lines):
        if line == "{":
            start = number
        elif line == "}" and start:
            lengths.append(number - start + 1 + signature_lines(lines, start))
            start = 0
    return lengths


def signature_lines(lines: list[str], brace: int) -> int:
    """The lines of the head of a function whose opening brace stands alone: the others are indented."""
    count = 1
    while lines[brace - count].startswith((" ", "\t")):
        count += 1
    return count


def test_the_counter_counts() -> None:
    text = 'int f(int a,\n      int b)\n{\n    //@ stub: return 1;\n    /* two\n\n lines */\n    g("/*");\n}\n\n'
    assert len(code_lines(text)) == 5
    assert function_lengths(text) == [5]


def test_functions_are_short() -> None:
    lengths = [length for path in SOURCES for length in function_lengths(path.read_text())]
    assert len(lengths) > 100
    assert statistics.median(lengths) <= MEDIAN
    sources = [*SOURCES, *TOP.glob("grader/sandbox/*.c"), *TOP.glob("grader/stage/*.c")]
    assert [path.name for path in sources if max(function_lengths(path.read_text()), default=0) > LONG] == []


def test_the_solution_is_small() -> None:
    sizes = {path.name: len(code_lines(path.read_text())) for path in FIRST_STAGES
             if not path.name.startswith((*EYES, *ELSEWHERE))}
    assert sum(sizes.values()) < BUDGET, sorted(sizes.items(), key=lambda item: -item[1])


def test_the_solution_says_how_large_it_is(top: Path) -> None:
    """In its README, rounded: `about 2,300 lines` may be 10 % off."""
    def lines(stages: str, names: tuple[str, ...] = ()) -> int:
        return sum(len(code_lines(path.read_text())) for path in top.glob(f"solution/stage[{stages}]-*/*.c")
                   if path.name.startswith(names or (*EYES, *ELSEWHERE)) == bool(names))

    text = " ".join((top / "solution/README").read_text().split())
    said = re.search(r"Stages 1 to 3 have about ([\d,]+) lines .*?Another ([\d,]+) lines only show .*?"
                     r"and ([\d,]+) make .*?"
                     r"Stage 4 has about ([\d,]+) lines.*?Stage 5 .*?about ([\d,]+) lines", text)
    assert said is not None
    assert [int(number.replace(",", "")) for number in said.groups()] == [
        pytest.approx(count, rel=0.1) for count in (lines("123"), lines("123", EYES), lines("123", ELSEWHERE), lines("4"), lines("5"))]


@pytest.mark.parametrize("suffix", ["c", "h", "S"])
def test_lines_fit(top: Path, suffix: str) -> None:
    long = [f"{path.relative_to(top)}:{number}"
            for path in sorted(top.glob(f"solution/stage*/*.{suffix}"))
            for number, line in enumerate(path.read_text().splitlines(), 1) if len(line) > COLUMNS]
    assert not long


def test_the_skeletons_are_marked_as_generated(top: Path) -> None:
    """What counts or searches lines leaves them out, since the solution has the same ones."""
    marked = git(top, "ls-files", ":(attr:linguist-generated)").splitlines()
    assert marked == git(top, "ls-files", "stage[1-9]-*").splitlines() != []


def test_no_path_of_a_machine(top: Path) -> None:
    found = []
    for name in git(top, "ls-files", "-z", ":(exclude,attr:linguist-generated)").split("\0"):
        path = top / name
        if name and path.is_file():
            text = path.read_text(errors="ignore")
            found += [f"{name}: {match.group()}" for match in MACHINE_PATH.finditer(text)]
    assert not found


def test_programs_under_test_include_what_is_there(top: Path) -> None:
    """By its own path: what was built before a file moved hides that it cannot be built any more."""
    wrong = [f"{path.name}: {name}" for path in sorted(top.glob("grader/tests/programs/*.[ch]"))
             for name in re.findall(r'^#\s*include "(.*/.*)"', path.read_text(), re.MULTILINE)
             if not (path.parent / name).exists()]
    assert wrong == []


def test_no_stage_puts_a_header_before_an_earlier_one_s() -> None:
    """What includes a header finds it beside itself, or in the one folder that has it: so -I decides nothing."""
    headers = list((TOP / "solution").glob("stage*/*.h"))
    for source in (TOP / "solution").glob("stage*/*.[chS]"):
        for name in re.findall(r'^#include "([^"]+)"', source.read_text(), re.M):
            found = [header for header in headers if header.name == name]
            assert len(found) < 2 or (source.parent / name) in found, f"{source.name}: which {name}?"
