#!/usr/bin/env python3
"""The commands of documents, on the arm64 machine: do they print there what the text shows for such a machine?

    documents.py DOC...       as rundocs.py does here; documents.py BACKGROUND/README.md takes some minutes
"""

from __future__ import annotations

import argparse
import sys
import tarfile
from pathlib import Path

from handout import skeleton
from kit.arm64 import lab
from kit.arm64.stages import command, patience, with_machine
from kit.systems import STAGES, TOP

LIMIT = 4 * 3600  # seconds for all; only reached when something is broken


def run(folder: Path, documents: list[str]) -> bool:
    unpack = "tar -C / -xf /host/skeletons.tar && cd /lab"
    with lab.there(folder, STAGES, demos=True) as machine:
        with tarfile.open(machine.host / "skeletons.tar", "w") as tar:
            for path in skeleton.tracked(TOP, "stage[0-9]-*"):
                tar.add(TOP / path, f"lab/{path}")
        text = f"{unpack} && grader/python grader/kit/rundocs.py --limit 1800 {' '.join(documents)}"
        status, _ = machine.run(command(text, patience(machine)), LIMIT, lambda more: print(more, end="", flush=True))
    return status == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("documents", nargs="+", metavar="DOC", help="from the top: OVERVIEW, 000-README...")
    options = parser.parse_args()
    return with_machine(lambda folder: run(folder, options.documents))


if __name__ == "__main__":
    sys.exit(main())
