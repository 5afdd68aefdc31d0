"""The state where a restarted program goes on, compared with the original's: tests/programs/witness.c looks on.

Symptoms in the sense of diagnosis.py, each begins with "witness: ". Nothing here decides whether a test passes.
"""

from __future__ import annotations

from pathlib import Path

from stage.case import Case
from stage.folders import remove
from stage.process import Life, patience

GATE = "gate 01"
ASIDE = ".as-it-was"  # behind the name of the image, while the experiment makes another


def symptoms(case: Case, image: str = "") -> list[str]:
    """Saves and restarts the case's program once more, under the eyes of the witness. `image` is a pattern, if the
    name is another each time."""
    first = next((life for life in case.lives if life.role == "original"), None)
    second = next((life for life in case.lives if life.role == "restart"), None)
    if first is None or second is None or case.image is None:
        return []
    try:
        program = case.lab.programs.tool("witness")
    except RuntimeError:  # a libc that is too old for it
        return []
    restart = ["{image}" if word == case.image.name and "*" in image else word for word in second.command]
    case.close_gates()
    said = _beside(case, case.image, first, [str(program), str(seconds()), str(case.lab.interface.signal), GATE,
                                             case.image.name, ":::", *first.command, ":::", *restart])
    return [line for line in said.splitlines() if line.startswith("witness: ")]


def seconds() -> int:
    return max(2, int(patience.seconds * 0.3))


def _beside(case: Case, image: Path, life: Life, command: list[str]) -> str:
    """What the command says; the case's image is there again afterwards."""
    kept = image.with_name(image.name + ASIDE)
    there = image.exists()
    if there:
        image.rename(kept)
    said = case.output_of(command, life.extra_env, 2.0 * seconds() + 4)
    if there and kept.exists():
        remove(image)  # another course's may be a folder
        kept.replace(image)
    return said
