"""A comment in a skeleton speaks to who is in that stage: of no later stage, no file of one, and no step of one.

Messages and help texts may: "--evict comes with stage 4" is an answer, to whoever asked for it.
"""
from __future__ import annotations

import re
from pathlib import Path

import pytest
from handout import skeleton

STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')
STAGES = re.compile(r"\b[Ss]tages?'? ((?:\d|, | and | to | or )+)")
STEP = re.compile(r"\b(?:[Ss]teps? |TODO )(\d)\.\d")
FILE = re.compile(r"(?<![\w/])[\w-]+\.(?:c|h|S|mk|l|y|py|tmpl)\b")
LATER = re.compile(r"\b(?:a|the) (?:later|next|following) stage")

# What may all the same: a word of the line, and why.
ALLOWED = {
    ("common.mk", "make walkthrough"): "a list of what make does, and where: it is included by all stages",
    ("common.mk", "make film"): "the same",
    ("arch_x86_64.h", "switch_stack_x86_64.S"): "all that a processor has of its own is declared in one header",
    ("arch_aarch64.h", "switch_stack_aarch64.S"): "the same",
    ("files_gdb.py", "remote_table.c"): "by this gdb finds the variable; it is no comment",
}


def homes() -> dict[str, int]:
    """The first stage that has a file of this name."""
    found: dict[str, int] = {}
    for path in skeleton.tracked(skeleton.TOP, "solution/stage[0-9]-*/**", "solution/stage[0-9]-*"):
        stage = int(skeleton.stage_number(path) or 0)
        found[path.name] = min(stage, found.get(path.name, stage))
    return found


def riddles(name: str, text: str, own: int, home: dict[str, int]) -> list[str]:
    if name.endswith((".c", ".h", ".S")):
        text = STRING.sub('""', "\n".join(line for line in text.splitlines() if not line.startswith("#include")))
    found = []
    for line in text.splitlines():
        named = [int(digit) for words in STAGES.findall(line) for digit in re.findall(r"\d", words)]
        named += [int(stage) for stage in STEP.findall(line)]
        named += [home.get(file, 0) for file in FILE.findall(line)]
        if max(named, default=0) > own or LATER.search(line):
            if not any(name == file and words in line for file, words in ALLOWED):
                found.append(line.strip())
    return found


def test_skeletons_have_no_riddles(top: Path) -> None:
    home = homes()
    assert home["maps.h"] == 1 and home["open_files.h"] == 4
    found = []
    for path, file in skeleton.wanted(top).items():
        own = int(skeleton.stage_number(path) or 0)
        if own:
            lines = riddles(path.name, file.data.decode(errors="replace"), own, home)
            found += [f"{path}: {line}" for line in lines]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("line", [
    "/* shared with others (stage 4) */", " * stages 2 and 3 have none", "/* Stage 3's: step 1 */", "/* as step 4.2 does */",
    " * (it is in part_memory.c)", "/* a later stage's */", "    //@ | /* TODO 3.1: this */", "f(\"stage 2\"); /* stage 3 */",
])
def test_a_riddle_is_seen(line: str) -> None:
    assert riddles("x.c", line, 2, {"part_memory.c": 4}) == [STRING.sub('""', line).strip()]


@pytest.mark.parametrize("line", [
    'errx(EX_USAGE, "--evict comes with stage 4");', "/* stage 2, as stage 1 */", '#include "part_memory.c"',
    " * lib/x86/part_memory.c of glibc's", "/* as step 2.3 does */",
])
def test_an_answer_is_none(line: str) -> None:
    assert riddles("x.c", line, 2, {"part_memory.c": 4}) == []


def test_what_is_allowed_is_there(top: Path) -> None:
    texts = {path.name: file.data.decode(errors="replace") for path, file in skeleton.wanted(top).items()}
    assert [(name, words) for name, words in ALLOWED if words not in texts[name]] == []
