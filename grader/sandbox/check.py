"""grader/check, with the submission's programs in a sandbox: `check.py SPEC ...`, then the words of grader/check."""

from __future__ import annotations

import sys
from pathlib import Path

from sandbox.runner import SandboxRunner
from sandbox.spec import Spec
from stage import main

if __name__ == "__main__":
    sys.exit(main.run(sys.argv[2:], SandboxRunner(Spec.load(Path(sys.argv[1])))))
