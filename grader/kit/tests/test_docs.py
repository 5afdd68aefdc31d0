"""Every command in the documents runs, and prints what they show. The runner notices if not."""
from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit import rundocs

TOP = Path(__file__).resolve().parents[3]

ROOMS = sorted(str(path.relative_to(TOP)) for path in TOP.glob("grader/*/README"))
DOCS = ["000-README", "OVERVIEW", "BACKGROUND/README.md", "solution/README", "grader/README", *ROOMS]


MAIN = 5  # sessions of 000-README: to the end of stage 3


def sessions() -> Iterator[Any]:
    """Of each document one at least: it may be without commands, and still have a block that is wrong.

    The way to the end of stage 3 is walked every day; then one stage, or a document of many commands.
    """
    for name in DOCS:
        parts = rundocs.sessions(rundocs.parse(Path(name), (TOP / name).read_text())[0])
        for number in range(max(1, len(parts))):
            long = name == "000-README" and number >= MAIN or parts and name != "000-README"
            yield pytest.param(name, number, marks=pytest.mark.sample if long else ())


@pytest.mark.parametrize("name, session", sessions())
def test_document_tells_the_truth(name: str, session: int) -> None:
    problems = rundocs.check_doc(Path(name), only=session)
    assert not problems, "\n\n".join(str(problem) for problem in problems)


def test_each_step_asks_a_question_that_is_answered_at_the_end() -> None:
    text, _, answers = (TOP / "000-README").read_text().partition("\n## Answers to the predictions\n")
    steps = re.split(r"^### Step (\d+\.\d+): .*$|^##.*$", text, flags=re.MULTILINE)
    asked = [number for number, body in zip(steps[1::2], steps[2::2]) if number and body.count("\n**Predict.** ") == 1]
    assert asked == [number for number in steps[1::2] if number] == re.findall(r"^\*\*(\d+\.\d+)\*\* ", answers, re.MULTILINE)


# --- The runner itself, on small documents --------------------------------------------------

@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A lab of three files: a stage, its solution, and room for a document."""
    root = tmp_path / "lab"
    for folder, text in [("stage1-x", "skeleton"), ("solution/stage1-x", "solution")]:
        (root / folder).mkdir(parents=True)
        (root / folder / "word").write_text(text + "\n")
    return root


def problems_of(tree: Path, text: str, limit: float = 20) -> str:
    (tree / "DOC").write_text(text)
    return "\n".join(str(problem) for problem in rundocs.check_doc(Path("DOC"), tree, limit))


def console(text: str, info: str = "console") -> str:
    return f"Text before.\n\n```{info}\n{text}```\n\nText after.\n"


GOOD = {
    "output": "$ echo one\none\n",
    "no output": "$ true\n",
    "one session": "$ cd stage1-x\n$ v=7\n$ pwd; echo $v\n/home/you/ckptlab/stage1-x\n7\n",
    "the status": "$ (exit 3)\n$ echo $?\n3\n",
    "several lines": "$ for i in 1 2; do\n>     echo $i\n> done\n1\n2\n",
    "any lines": "$ seq 9\n1\n...\n8\n9\n",
    "any lines, none": "$ seq 2\n1\n...\n2\n",
    "any text": "$ echo library version 2.36 here\nlibrary version ... here\n",
    "an inode": "$ echo file 332835\nfile 11053365\n",
    "an address": "$ echo at 0x7ffd1234 pid 12\nat 0x7ffe9876 pid 7777\n",
    "a size": "$ echo 132K of 5308715\n64K of 1234567\n",
    "stderr": "$ ls nowhere\nls: cannot access 'nowhere': No such file or directory\n",
    "no newline at the end": "$ printf abc\nabc\n",
    "standard input is empty": "$ cat\n$ echo next\nnext\n",
    "killed": "$ sh -c 'kill -SEGV $$'\nSegmentation fault\n",
    "the solution": "$ cat stage1-x/word\nsolution\n",
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_good_documents_pass(tree: Path, text: str) -> None:
    assert problems_of(tree, console(text)) == ""


BAD = {
    "wrong output": ("$ echo one\ntwo\n", "DOC:4: $ echo one\n    - two\n    + one"),
    "missing output": ("$ true\none\n", "    - one"),
    "more output": ("$ seq 2\n1\n", "    + 2"),
    "a count": ("$ echo 0 lines differ\n2 lines differ\n", "    - 2 lines"),
    "a small number": ("$ echo getcontext returned 0\ngetcontext returned 1\n", "returned 0"),
    "lines after any lines": ("$ seq 9\n1\n...\n8\n", "    + 9"),
    "second command": ("$ true\n$ echo one\ntwo\n", "DOC:5: $ echo one"),
    "a failure behind ...": ("$ echo bad; false\n...\n", "exit status 1"),
    "the shell ends": ("$ exit\n$ echo one\none\n", "the shell has ended"),
}


@pytest.mark.parametrize("text, message", BAD.values(), ids=BAD.keys())
def test_bad_documents_are_caught(tree: Path, text: str, message: str) -> None:
    assert message in problems_of(tree, console(text))


@pytest.mark.parametrize("text, info", [("ls\n", "sh"), ("$ ls\n", "text"), ("    $ ls\n", ""),
                                        ("ls\n", "console"), ("$ ls\n", "console quietly")])
def test_commands_that_nobody_runs_are_refused(tree: Path, text: str, info: str) -> None:
    assert "DOC:3: " in problems_of(tree, console(text, info))


def test_a_block_without_an_end_is_refused(tree: Path) -> None:
    assert "does not end" in problems_of(tree, "```console\n$ true\n")


def test_skeleton_blocks_run_in_an_untouched_tree(tree: Path) -> None:
    text = "$ cat stage1-x/word\nskeleton\n$ echo changed >stage1-x/word\n"
    assert problems_of(tree, console(text, "console skeleton")) == ""
    assert (tree / "stage1-x/word").read_text() == "skeleton\n"


def test_a_block_may_be_for_one_processor(tree: Path) -> None:
    here, other = sorted(("x86_64", "aarch64"), key=platform.machine().__ne__)
    text = console("$ echo one\none\n", f"console on {here}") + console("$ echo one\ntwo\n", f"console on {other}")
    assert problems_of(tree, text) == ""
    assert "    - two" in problems_of(tree, text.replace(f"on {other}", f"skeleton on {here}"))
    assert "unknown words" in problems_of(tree, console("$ true\n", "console on mips"))


STEPS = """\
//@ step 1.1 One.
int one = 1;
//@ end
//@ step 1.2 Two.
//@ stub: int two = 0;
int two = 2;
//@ end
"""


def test_step_blocks_run_in_a_tree_that_advances(tree: Path) -> None:
    (tree / "solution/stage1-x/a.c").write_text(STEPS)
    text = (console("$ grep int stage1-x/a.c\nint one = 1;\nint two = 0;\n$ v=7\n", "console step 1.1")
            + console("$ grep int stage1-x/a.c; echo $v\nint one = 1;\nint two = 2;\n7\n",
                      "console step 1.2"))
    assert problems_of(tree, text) == ""
    assert "unknown words" in problems_of(tree, console("$ true\n", "console step two"))


def test_another_folder_begins_a_session_with_what_was_set_up(tree: Path) -> None:
    (tree / "solution/stage1-x/a.c").write_text(STEPS)
    text = (console("$ cd stage1-x\n$ say() { echo I say $1; }\n$ v=7; touch b\n", "console step 1.1")
            + console("$ cd ../solution\n$ say $v; ls ../stage1-x\nI say\na.c\nword\n", "console step 1.2"))
    assert problems_of(tree, text) == ""
    result = rundocs.run_doc(Path("DOC"), tree, only=1)
    assert [command.text for command, _ in result.outputs] == ["cd ../solution", "say $v; ls ../stage1-x"]


def test_a_command_that_hangs_is_caught_and_killed(tree: Path) -> None:
    began = time.monotonic()
    text = "$ echo $$; exec sleep 1000\n$ echo never\nnever\n"
    found = problems_of(tree, console(text), limit=0.5)
    pid = int(found.split("    + ")[1])
    assert "DOC:4: $ echo $$; exec sleep 1000\n    still runs after 0.5 s" in found
    assert time.monotonic() - began < 60  # not 1000
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("before", ["$ true\n", "$ set -m\n"], ids=["its group", "own group"])
def test_a_process_in_the_background_does_not_outlive_the_document(tree: Path, before: str) -> None:
    (tree / "DOC").write_text(console(before + "$ sleep 1000 &\n$ echo $!\n"))
    pid = int(rundocs.run_doc(Path("DOC"), tree).outputs[2][1][0])
    with pytest.raises(ProcessLookupError):
        for _ in range(50):  # init may take a moment to reap it
            os.kill(pid, 0)
            time.sleep(0.1)


def test_update_writes_what_came_out_and_keeps_the_wildcards(tree: Path) -> None:
    kept = "$ echo at 0x1234567\nat 0x7654321\n"
    old = "$ seq 9\nold\n...\n9\n" + kept + "$ echo new\n$ seq 2\nold\nold\nold\n"
    new = "$ seq 9\n1\n...\n9\n" + kept + "$ echo new\nnew\n$ seq 2\n1\n2\n"
    (tree / "DOC").write_text(console(old))
    rundocs.update_doc(Path("DOC"), tree, rundocs.run_doc(Path("DOC"), tree))
    assert (tree / "DOC").read_text() == console(new)


def test_the_command(tree: Path) -> None:
    (tree / "DOC").write_text(console("$ echo one\ntwo\n"))
    command = [sys.executable, str(TOP / "grader/kit/rundocs.py"), "--tree", str(tree)]
    for options, status, shown in [(["--list"], 0, "DOC:4: $ echo one"), ([], 1, "    + one"),
                                   (["--update"], 1, "1 of 1 outputs rewritten"),
                                   ([], 0, "1 commands ran, all as it says")]:
        run = subprocess.run([*command, *options, str(tree / "DOC")], text=True, check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert (run.returncode, shown in run.stdout) == (status, True), run.stdout
