"""Watches a restart, and writes down what the kernel said: record.py FILE IMAGE COMMAND...

It needs no more of the grader than this room and stage/, so it can run in a sandbox, beside the restart that it watches.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from film import plan, saved, tracer

NOT_HERE = 69


def watched(command: list[str], image: Path) -> tuple[tracer.Record, plan.Plan]:
    """Lets a restart run, as far as a film goes; its process is gone then."""
    planned = plan.plan_of(image)
    with tempfile.TemporaryDirectory(prefix="ckptlab-film-") as folder:
        said = Path(folder) / "said"
        return tracer.record(command, image.parent, said, lambda address: planned.at(address) is not None), planned


def main(argv: list[str]) -> int:
    output, image, *command = argv
    try:
        text = saved.saved(*watched(command, Path(image)))
    except tracer.NotHere as reason:
        print(f"film: not tried here: {reason}", file=sys.stderr)
        return NOT_HERE
    Path(output).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
