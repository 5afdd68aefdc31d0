"""Runs the console blocks of the documents and compares what comes out with what they show.

    rundocs.py [--update] [--list] [--session N] DOC...

A block looks like this (indented here, at the margin in a document):

    ```console
    $ echo one; seq 2 9
    one
    ...
    9
    ```

`$ ` begins a command, `> ` goes on with it, all else is its output. `...` alone on a line stands
for any lines, within a line for any text. Numbers that differ from run to run (addresses, pids,
sizes, times) are compared loosely: see LOOSE below.

All blocks of a document run in one bash session, which starts in the document's own folder of a
scratch copy of the tree. There stageN-*/ hold the solution's sources, as if the student had
finished. Blocks that begin with ```console skeleton run in a second session, in an untouched copy,
and those that begin with ```console step 2.4 in a third, where the stages are as after that step
(steps.py): there the files advance from step to step. A `cd FOLDER` alone ends such a session and
begins the next, in a copy of its own, so that they can run side by side; what was set up before it
(SETS_UP) is set up there, too.
A block that ends in `on aarch64` or `on x86_64` is for readers with such a processor, and runs there alone.
A block of commands that is not a console block (```sh, or `$ ` in a ```text) is refused: nobody
would notice that it does not work any more.
"""
from __future__ import annotations

import argparse
import contextlib
import dataclasses
import difflib
import os
import platform
import re
import secrets
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Iterator

from handout import steps
from kit import built

TOP = Path(__file__).resolve().parents[2]
SHOWN_HOME = "/home/you/ckptlab"  # what a document shows in place of the scratch copy's path
REFUSED = {"sh", "bash", "shell", "zsh", "shell-session", "sh-session", "terminal", "gdb"}
ANY = "..."
LIMIT = 600.0  # seconds for a command: a build on a busy machine takes some minutes, and only a hang takes all
ON = re.compile(r" on (\w+)$")  # which processor a block is for
SETS_UP = re.compile(r"cd \S+$|\w+\(\) \{|make -s -C ")


# --- Reading a document ---------------------------------------------------------------------

@dataclasses.dataclass
class Command:
    text: str            # may have several lines
    line: int            # where its `$ ` is, from 1
    expected: list[str]  # the output that the document shows
    where: str           # "finished", "skeleton" or "step": the tree that it runs in
    step: str = ""       # the last step that is done in that tree

    @property
    def first_output_line(self) -> int:
        return self.line + self.text.count("\n") + 1


@dataclasses.dataclass
class Problem:
    doc: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.doc}:{self.line}: {self.text}"


@dataclasses.dataclass
class Block:
    line: int            # of its first line after the fence, from 1
    info: str            # what follows the fence: "console", "c", ""...
    lines: list[str]


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a document."""
    fence, block = "", Block(0, "", [])
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r"(```+|~~~+)\s*(.*)$", line)
        if not fence and match:
            fence, block = match.group(1), Block(number + 1, match.group(2).strip(), [])
        elif fence and line.rstrip() == fence:
            yield block
            fence = ""
        elif fence:
            block.lines.append(line)
    if fence:
        yield Block(block.line, "unfinished", block.lines)


def commands_of(block: Block) -> list[Command]:
    """The commands of a console block, each with the output that follows it."""
    commands: list[Command] = []
    where, step = (*ON.sub("", block.info).split()[1:], "", "")[:2]
    for number, line in enumerate(block.lines, block.line):
        if line.startswith("$ "):
            commands.append(Command(line[2:], number, [], where or "finished", step))
        elif commands and line.startswith("> ") and not commands[-1].expected:
            commands[-1].text += "\n" + line[2:]
        elif commands:
            commands[-1].expected.append(line)
    return commands


def complaint(block: Block) -> str | None:
    """What is wrong with a block, before anything runs."""
    words = block.info.split() or [""]
    if words[0] == "console":
        if not re.fullmatch(r"console( skeleton| step \d+\.\d+)?( on (x86_64|aarch64))?", block.info):
            return f"console block with unknown words: {' '.join(words[1:])}"
        if not block.lines or not block.lines[0].startswith("$ "):
            return "a console block begins with a command: `$ ...`"
    elif words[0] == "unfinished":
        return "a block begins here and does not end"
    elif words[0] in REFUSED:
        return f"a block of commands that nobody runs (```{words[0]}): make it ```console"
    elif any(re.match(r"\s*\$ ", line) for line in block.lines):
        return "commands in a block that is not run: make it ```console"
    return None


def is_for(block: Block, processor: str) -> bool:
    named = ON.search(block.info)
    return named is None or named[1] == processor


def parse(doc: Path, text: str, processor: str = platform.machine()) -> tuple[list[Command], list[Problem]]:
    commands: list[Command] = []
    problems: list[Problem] = []
    for block in blocks(text):
        wrong = complaint(block)
        if wrong:
            problems.append(Problem(doc, block.line - 1, wrong))
        elif block.info.startswith("console") and is_for(block, processor):
            commands += commands_of(block)
    return commands, problems


# --- Comparing ------------------------------------------------------------------------------

# What differs between two good runs, or two machines. In order; the first few take longer things.
LOOSE = [(re.compile(pattern), name) for pattern, name in [
    (r"\b\d{4}-\d\d-\d\d\b", "DATE"),
    (r"\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d+\b", "DATE"),
    (r"\b\d\d:\d\d:\d\d(\.\d+)?\b", "TIME"),
    (r"\b[0-9a-f]{2,3}:[0-9a-f]{2,4}\b", "TIME"),                  # also a device's numbers
    (r"(?<=TIME )\d+(?= +[/.])", "N"),                             # then that is an inode
    (r"\b0x[0-9a-f]{4,}\b", "HEX"),
    (r"\b(?=[a-f]*[0-9])[0-9a-f]{7,}\b", "N"),                     # an inode, or an address: who knows
    (r"\b(pid|PID|process|Process|LWP) \d+", r"\1 N"),
    (r"\b\d+([.,]\d+)* ?([KMGT]i?B?|[kKMG]?B|bytes|pages|ms|us|s|sec|seconds|minutes)\b", r"SIZE"),
    (r"\b\d+ (regions|notes|tests|passed)\b", r"N \1"),
    (r"\b\d+\.\d\d+\b", "N"),
    (r"\b\d{4,}\b", "N"),
    (r" *\(core dumped\)", ""),
    (r"\s+", " "),
]]


def loosely(line: str) -> str:
    """A line without what may differ."""
    for pattern, name in LOOSE:
        line = pattern.sub(name, line)
    return line.strip()


def same_line(expected: str, actual: str) -> bool:
    if ANY not in expected:
        return loosely(expected) == loosely(actual)
    parts = [re.escape(loosely(part)) for part in expected.split(ANY)]
    return re.fullmatch(" ?.* ?".join(parts), loosely(actual)) is not None


def same(expected: list[str], actual: list[str]) -> bool:
    """Do the lines match, with `...` for any number of lines?"""
    reachable = {0}  # how many of the actual lines can have been used up so far
    for line in expected:
        if line.strip() == ANY:
            reachable = set(range(min(reachable), len(actual) + 1))
        else:
            reachable = {i + 1 for i in reachable
                         if i < len(actual) and same_line(line, actual[i])}
        if not reachable:
            return False
    return len(actual) in reachable


def opcodes(expected: list[str], actual: list[str]) -> list[tuple[str, int, int, int, int]]:
    """As difflib has them, but with lines that are the same loosely, wildcards included."""
    one = list(expected)
    for i, line in enumerate(one):
        if ANY in line and line.strip() != ANY:
            one[i] = next((other for other in actual if same_line(line, other)), line)
    matcher = difflib.SequenceMatcher(None, [loosely(line) for line in one],
                                      [loosely(line) for line in actual], autojunk=False)
    return matcher.get_opcodes()


def difference(expected: list[str], actual: list[str]) -> str:
    """For people: `-` is what the document shows, `+` is what came out."""
    rows: list[str] = []
    for tag, a, b, c, d in opcodes(expected, actual):
        if tag == "equal":
            rows += ["      " + line for line in actual[c:d]]
        elif expected[a:b] == [ANY]:
            rows.append("      " + ANY)
        else:
            rows += ["    - " + line for line in expected[a:b]]
            rows += ["    + " + line for line in actual[c:d]]
    return "\n".join(rows)


def updated(expected: list[str], actual: list[str]) -> list[str]:
    """The new output for a document. Lines that still match, and `...`, stay as they are."""
    lines: list[str] = []
    for tag, a, b, c, d in opcodes(expected, actual):
        if tag == "equal":
            lines += expected[a:b]
        else:
            lines += replaced(expected[a:b], actual[c:d])
    return lines


def replaced(old: list[str], new: list[str]) -> list[str]:
    """New lines for old ones. With `...` among the old: as many around it as there were."""
    if ANY not in old:
        return new
    before, after = old.index(ANY), len(old) - 1 - old.index(ANY)
    return new[:before] + [ANY] + new[max(before, len(new) - after):]


# --- The scratch copies ---------------------------------------------------------------------

def files_of(tree: Path) -> list[str]:
    """The files that git tracks or would track; in a tree without git, all but what was built."""
    with contextlib.suppress(FileNotFoundError):  # there may be no git at all
        git = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=tree,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        if git.returncode == 0:
            return [name for name in git.stdout.decode().split("\0") if name]
    return [str(path.relative_to(tree)) for path in tree.rglob("*")
            if not path.is_dir() and "build" not in path.parts]


def copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.exists():
        target.unlink()
    shutil.copy2(source, target, follow_symlinks=False)


def copy_tree(tree: Path, target: Path, finished: bool) -> None:
    """Copy the tree. If finished, each stage folder gets the sources of the solution."""
    names = [name for name in files_of(tree) if os.path.lexists(tree / name)]
    for name in names:
        copy_file(tree / name, target / name)
    for name in names:
        stage = re.match(r"solution/(stage\d-[^/]+/.*)", name)
        if finished and stage:
            copy_file(tree / name, target / stage.group(1))


def lay_built(tree: Path, copy: Path, first: Command) -> None:
    """What the lab itself has built is not compiled again, where the solution's sources are. The skeletons are built."""
    if tree == TOP:
        lay_built_of(built.solution(), built.demos(), copy, first)


def lay_built_of(solution: Path, demos: Path, copy: Path, first: Command) -> None:
    built.lay(demos, copy / "BACKGROUND")
    built.lay_stages(solution, copy / "solution")
    if first.where != "skeleton":
        if first.step:
            steps.bring_to_step(copy, copy, first.step)
        built.lay_stages(solution, copy)


# --- Running --------------------------------------------------------------------------------

class Stopped(Exception):
    """A session cannot go on."""

    def __init__(self, why: str, output: bytes) -> None:
        super().__init__(why)
        self.output = output.decode(errors="replace")


def clean_environment() -> dict[str, str]:
    """A session knows nothing of the make, the debugger or the checkpoint that it runs under."""
    drop = re.compile(r"MAKE.*|MFLAGS|CKPT_.*|LD_PRELOAD|CFLAGS|CC|LC_.*|LANG.*|PYTEST.*|"
                      r"BASH_ENV|ENV|PROMPT_COMMAND|GITHUB_.*|COLUMNS|LINES")
    kept = {name: value for name, value in os.environ.items() if not drop.fullmatch(name)}
    return {**kept, "LC_ALL": "C.UTF-8", "TERM": "dumb", "DEBUGINFOD_URLS": ""}


def processes_of(session: int) -> list[int]:
    """All processes of a session: those that gdb or `set -m` put into groups of their own, too."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text(errors="replace").rpartition(")")[2].split()[3]) == session:
                found.append(int(stat.parent.name))
    return found


class Session:
    """One bash, which keeps its folder and its variables from command to command."""

    def __init__(self, tree: Path, folder: Path, limit: float) -> None:
        self.tree, self.limit = tree, limit
        self.mark = f"rundocs-{secrets.token_hex(8)}"
        self.bash = subprocess.Popen(
            ["bash", "--norc", "--noprofile"], cwd=folder, env=clean_environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True)

    def run(self, command: str) -> tuple[list[str], int]:
        """Output and exit status. `$?` is kept for the next command."""
        self.send(f"eval {shlex.quote(command)} </dev/null; rundocs_status=$?; "
                  f"printf '\\n%s %d\\n' {self.mark} $rundocs_status; (exit $rundocs_status)\n")
        output, status = self._until_mark()
        return self.as_shown(output), status

    def send(self, text: str) -> None:
        assert self.bash.stdin is not None
        self.bash.stdin.write(text.encode())
        self.bash.stdin.flush()

    def _until_mark(self) -> tuple[str, int]:
        assert self.bash.stdout is not None
        end = re.compile(rf"\n{self.mark} (\d+)\n".encode())
        data, deadline = b"", time.monotonic() + self.limit
        while True:
            match = end.search(data)
            if match:
                return data[:match.start()].decode(errors="replace"), int(match.group(1))
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.bash.stdout], [], [], left)[0]:
                raise Stopped(f"still runs after {self.limit:g} s", data)
            more = os.read(self.bash.stdout.fileno(), 65536)
            if not more:
                raise Stopped("the shell has ended", data)
            data += more

    def as_shown(self, output: str) -> list[str]:
        """Output as a reader's own interactive shell would show it."""
        output = output.replace(str(self.tree), SHOWN_HOME)
        output = re.sub(r"(?m)^bash: line \d+: +\d+ (\S[^\n]*?)(?: \(core dumped\))?  +\S.*$",
                        r"\1", output)
        output = re.sub(r"(?m)^bash: line \d+: ", "bash: ", output)
        return [line.rstrip() for line in output.rstrip("\n").split("\n")] if output.strip() else []

    def close(self) -> None:
        """Nothing that a document started goes on after it."""
        for pid in processes_of(self.bash.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for stream in (self.bash.stdin, self.bash.stdout):
            assert stream is not None
            stream.close()
        self.bash.wait()


def judge(command: Command, actual: list[str], status: int) -> str | None:
    """None if the document tells the truth, else what is wrong."""
    if not same(command.expected, actual):
        return f"$ {command.text}\n{difference(command.expected, actual)}"
    hidden = command.expected and all(line.strip() == ANY for line in command.expected)
    if hidden and status != 0:
        shown = "\n".join("    + " + line for line in actual[-20:])
        return (f"$ {command.text}\n    exit status {status}, "
                f"and the document shows only `...`\n{shown}")
    return None


@dataclasses.dataclass
class Where:
    """Where the commands run: on a machine with this processor, in such a session, in a tree with what is built laid so."""
    processor: str = platform.machine()
    begin: Callable[[Path, Path, float], Session] = Session
    lay: Callable[[Path, Path, Command], None] = lay_built


@dataclasses.dataclass
class Result:
    problems: list[Problem]
    outputs: list[tuple[Command, list[str]]]  # the commands that ran, and what came out


def run_in(tree: Path, doc: Path, commands: list[Command], limit: float, where: Where) -> Result:
    """Run the commands in one session, in the document's own folder of that tree."""
    result, step = Result([], []), ""
    session = where.begin(tree, (tree / doc).parent, limit)
    try:
        for command in commands:
            if command.step != step:
                step = command.step
                steps.bring_to_step(tree, tree, step)
            output, status = session.run(command.text)
            result.outputs.append((command, output))
            wrong = judge(command, output, status)
            if wrong:
                result.problems.append(Problem(doc, command.line, wrong))
    except Stopped as stopped:
        shown = "".join("\n    + " + line for line in session.as_shown(stopped.output))
        result.problems.append(Problem(doc, command.line, f"$ {command.text}\n    {stopped}; "
                                       f"what follows was not run{shown}"))
    finally:
        session.close()
    return result


def sessions(commands: list[Command]) -> list[tuple[list[Command], list[Command]]]:
    """The sessions of a document: what each sets up first, and its own commands."""
    parts = [[command for command in commands if command.where == where] for where in ("finished", "skeleton")]
    found: list[tuple[list[Command], list[Command]]] = [([], part) for part in parts]
    before: list[Command] = []
    for command in commands:
        if command.where == "step":
            if len(found) == len(parts) or re.fullmatch(r"cd \S+", command.text):
                found.append(([dataclasses.replace(old, step=command.step) for old in before], []))
            found[-1][1].append(command)
            before += [command] if SETS_UP.match(command.text) else []
    return [(first, own) for first, own in found if own]


def run_doc(doc: Path, tree: Path = TOP, limit: float = LIMIT, only: int | None = None, where: Where = Where()) -> Result:
    """Run all blocks of a document, or one session alone. `doc` is relative to the tree."""
    commands, problems = parse(doc, (tree / doc).read_text(encoding="utf-8"), where.processor)
    result = Result(list(problems), [])
    for number, (first, own) in enumerate(sessions(commands)):
        if problems or only not in (None, number):
            continue
        with tempfile.TemporaryDirectory(prefix="rundocs-") as scratch:
            copy = Path(scratch).resolve() / "ckptlab"
            copy_tree(tree, copy, finished=own[0].where == "finished")
            where.lay(tree, copy, own[0])
            part = run_in(copy, doc, first + own, limit, where)
        result.problems += part.problems
        result.outputs += part.outputs[len(first):]
    return result


def check_doc(doc: Path, tree: Path = TOP, limit: float = LIMIT, only: int | None = None) -> list[Problem]:
    """What the tests call: an empty list if all is as the document says."""
    return run_doc(doc, tree, limit, only).problems


def update_doc(doc: Path, tree: Path, result: Result) -> int:
    """Write the outputs that changed into the document. How many were there?"""
    lines = (tree / doc).read_text(encoding="utf-8").splitlines()
    changed = 0
    for command, actual in sorted(result.outputs, key=lambda pair: -pair[0].line):
        if not same(command.expected, actual):
            start = command.first_output_line - 1
            lines[start:start + len(command.expected)] = updated(command.expected, actual)
            changed += 1
    (tree / doc).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return changed


# --- The command ----------------------------------------------------------------------------

def list_doc(doc: Path, tree: Path) -> list[Problem]:
    commands, problems = parse(doc, (tree / doc).read_text(encoding="utf-8"))
    for command in commands:
        where = "" if command.where == "finished" else f" ({command.where} {command.step}".rstrip() + ")"
        print(f"{doc}:{command.line}:{where} $ {command.text}")
    return problems


def one_doc(doc: Path, arguments: argparse.Namespace) -> bool:
    """Do what was asked for with one document. Is all well with it?"""
    tree: Path = arguments.tree.resolve()
    doc = doc.resolve().relative_to(tree)
    if arguments.list:
        problems = list_doc(doc, tree)
    else:
        result = run_doc(doc, tree, arguments.limit, arguments.session)
        problems = result.problems
        if arguments.update and result.outputs:
            changed = update_doc(doc, tree, result)
            print(f"{doc}: {changed} of {len(result.outputs)} outputs rewritten")
        elif not problems:
            print(f"{doc}: {len(result.outputs)} commands ran, all as it says")
    for problem in problems:
        print(problem, file=sys.stderr)
    return not problems


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the commands that the documents show.")
    parser.add_argument("--update", action="store_true", help="rewrite the outputs that changed")
    parser.add_argument("--list", action="store_true", help="only list the commands")
    parser.add_argument("--limit", type=float, default=LIMIT, metavar="SECONDS",
                        help="for one command")
    parser.add_argument("--session", type=int, metavar="N", help="run one session alone, from 0")
    parser.add_argument("--tree", type=Path, default=TOP, help="the tree that is copied")
    parser.add_argument("docs", nargs="+", type=Path, metavar="DOC")
    arguments = parser.parse_args()
    missing = [doc for doc in arguments.docs if not doc.is_file()]
    if missing:
        print(f"rundocs: {missing[0]}: no such document", file=sys.stderr)
        return 66
    return 0 if all([one_doc(doc, arguments) for doc in arguments.docs]) else 1


if __name__ == "__main__":
    sys.exit(main())
