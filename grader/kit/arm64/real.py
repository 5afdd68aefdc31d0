#!/usr/bin/env python3
"""Real programs on an arm64 machine: those of real_programs.py that it has, each saved, killed and restarted at a random moment.

    real.py             run them all
    real.py NAME...     run these
    real.py --table     the table in solution/README anew, or only the rows of those that are named

They have less to do than in real_programs.py, since that processor is computed. What is compared is the same.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from dataclasses import replace
from pathlib import Path

from kit import real_programs
from kit.arm64 import disk, lab
from kit.arm64.machine import Machine
from kit.arm64.stages import command, patience, with_machine
from kit.real_programs import FILES, PROGRAMS, ROWS, Program, committed_rows, markdown, with_kept, write_table
from kit.systems import say

NAMES = (
    "python3 perl gawk mawk bash dash sqlite3 gzip bzip2 xz zstd sort bc dc lua5.4 m4 sed grep diff od sha256sum openssl tclsh "
    "jq ruby lz4 brotli luajit tcc"
).split()
HEAD = ["program", "version", "result"]
BEGIN, END = "<!-- real programs on arm64: made by grader/kit/arm64/real.py --table -->", "<!-- end of real programs on arm64 -->"
LIMIT = 1800.0  # seconds for one program, or one event of it; only reached when something is broken
TIMES = 12  # as much to do here as there
LESS = {  # the same for what is written in a script
    "count.awk": ("1500000", "100000"), "pi": ("1500", "300"), "steps.dc": ("300000", "20000"), "script.lua": ("4000000", "300000"),
    "script.rb": ("2_000_000", "150_000"), "mix.lua": ("20000", "1500"), "sieve.c": ("round < 10", "round < 2"),
    "sql": ("i < 60000", "i < 5000"),
}  # fmt: skip


def less(program: Program) -> Program:
    return replace(program, input=[re.sub(r"\d{4,}", lambda n: str(int(n[0]) // TIMES), word) for word in program.input])


def do_less() -> None:
    """On the arm64 machine, once."""
    real_programs.LIMIT = LIMIT / 2
    for file, (old, new) in LESS.items():
        FILES[file] = FILES[file].replace(old, new)
    for row in ROWS.values():
        row["count"] //= TIMES


def try_there(names: list[str], seed: int) -> None:
    """On the arm64 machine, all by one Python, whose start takes as long as a program: a line of each, what became of it."""
    do_less()
    for name in names:
        result = real_programs.run_one(less(named(name)), 1, seed)
        print(json.dumps({"name": name, "result": result}), flush=True)


def named(name: str) -> Program:
    return next(program for program in PROGRAMS if program.name == name)


def versions() -> dict[str, str]:
    """The machine's packages."""
    names = (disk.folder() / "packages").read_text().splitlines()
    return {package: version.replace("%3a", ":") for package, version, _ in (name.split("_", 2) for name in names)}


def cells(program: Program, result: str) -> list[str]:
    return [program.name, versions().get(program.package, "?"), result]


def result_in(line: str) -> list[str]:
    """The row of a program, if the line is what became of one; said as well."""
    if not line.startswith('{"name"'):
        return []
    found = json.loads(line)
    say(f"{found['name']:16} {found['result']}")
    return cells(named(found["name"]), found["result"])


def run(machine: Machine, names: list[str], seed: int) -> list[list[str]]:
    """A row for each."""
    rows: list[list[str]] = []
    rest = ""

    def hear(more: str) -> None:
        nonlocal rest
        *lines, rest = (rest + more).split("\n")
        rows.extend(row for row in map(result_in, lines) if row)

    text = f"cd /lab && grader/python grader/kit/arm64/real.py --there --seed {seed} {' '.join(names)}"
    _, said = machine.run(command(text, patience(machine)), LIMIT * len(names), hear)
    lacking = names[len(rows) :]
    return rows + [cells(named(name), f"FAILS: {said.strip()[-500:]}") for name in lacking]


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *NAMES])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="repeat a run")
    parser.add_argument("--table", action="store_true", help="write the rows of these programs in solution/README anew")
    parser.add_argument("--there", action="store_true", help="this is the arm64 machine")
    return parser.parse_args()


def run_all(folder: Path, options: argparse.Namespace) -> bool:
    """Do all come back?"""
    with lab.there(folder, [4]) as machine:
        say(f"seed {options.seed}")
        rows = run(machine, options.names or NAMES, options.seed)
    if options.table:
        write_table(markdown(HEAD, with_kept(rows, committed_rows(BEGIN, END), NAMES)), BEGIN, END)
    return not any(row[2].startswith("FAILS") for row in rows)


def main() -> int:
    options = parse_options()
    if options.there:
        try_there(options.names, options.seed)
        return 0
    return with_machine(lambda folder: run_all(folder, options))


if __name__ == "__main__":
    sys.exit(main())
