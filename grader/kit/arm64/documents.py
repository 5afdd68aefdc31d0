#!/usr/bin/env python3
"""The commands of documents, on the arm64 machine: do they print there what the text shows for such a machine?

    documents.py DOC...                as rundocs.py does here; 000-README takes half an hour
    documents.py --session N DOC       one of its sessions alone, from 0

The trees are laid and brought from step to step here, and what `make` builds there is compiled here (away.py): a computed
processor would take most of the time for that. All else runs there, `make check` as well.
"""

from __future__ import annotations

import argparse
import functools
import sys
from pathlib import Path

from handout import skeleton
from kit import rundocs
from kit.arm64 import away, lab
from kit.arm64.machine import Machine
from kit.arm64.packages import needed
from kit.arm64.stages import patience, with_machine
from kit.systems import TOP, say

LIMIT = 1800  # seconds for one command; only reached when something is broken


def made(tree: Path) -> None:
    """The lab, as git tracks it, with skeletons; the solution and the demos are built for that machine."""
    lab.lay(tree)
    for path in skeleton.tracked(TOP, "stage[0-9]-*"):
        rundocs.copy_file(TOP / path, tree / path)
    for folder in [*sorted(tree.glob("solution/stage*")), tree / "BACKGROUND"]:
        lab.build(folder, tree)


def lay(tree: Path, copy: Path, first: rundocs.Command) -> None:
    rundocs.lay_built_of(tree / "solution", tree / "BACKGROUND", copy, first)


def run_one(machine: Machine, tree: Path, doc: Path, only: int | None) -> bool:
    """Do all of its commands print what it shows?"""
    begin = functools.partial(away.Session, machine, patience(machine))
    where = rundocs.Where("aarch64", begin, lay)
    problems = rundocs.run_doc(doc, tree, LIMIT, only, where).problems
    for problem in problems:
        print(problem, flush=True)
    return not problems


def run(folder: Path, options: argparse.Namespace) -> bool:
    tree = folder / "tree"
    made(tree)
    good = True
    (folder / "host").mkdir()
    with Machine(folder / "machine", folder / "host") as machine:
        for doc in options.documents:
            right = run_one(machine, tree, doc, options.session)
            say(f"arm64: {doc}: {'all as it says' if right else 'not as it says'}")
            good = good and right
    return good


def run_if_possible(folder: Path, options: argparse.Namespace) -> bool:
    needed(lab.CROSS)
    return run(folder, options)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--session", type=int, metavar="N", help="one session alone, from 0")
    parser.add_argument("documents", nargs="+", type=Path, metavar="DOC", help="from the top: OVERVIEW, 000-README...")
    options = parser.parse_args()
    return with_machine(lambda folder: run_if_possible(folder, options))


if __name__ == "__main__":
    sys.exit(main())
