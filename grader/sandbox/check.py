"""grader/check, with the submission's programs in a sandbox: for a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sandbox.runner import SandboxRunner
from sandbox.spec import Spec
from stage import main


def check(spec: Path, words: Sequence[str]) -> int:
    """The words are grader/check's, and so is the exit status."""
    return main.run(list(words), SandboxRunner(Spec.load(spec)))
