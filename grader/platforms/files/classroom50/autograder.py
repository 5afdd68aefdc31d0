#!/usr/bin/env python3
"""Classroom 50 runs this for each submission, in the student's checkout: it leaves result.json there.

It lies in CLASSROOM/autograders/ASSIGNMENT/, beside ckptlab-grader.tar.gz. The exit status is 0 if there are
results, whatever the points; else the runner reports an error, and no score changes.
https://github.com/foundation50/classroom50/wiki/Advanced-Autograding is the contract.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
GRADER = "ckptlab-grader.tar.gz"
LIMIT = 600  # seconds for the grader; the job as a whole has 15 minutes
RESULTS = ("release-body.md", "result.json")

# What the grader needs of the runner's environment: the identity of the submission, and options.
PASSED_ON = ("CLASSROOM", "ASSIGNMENT", "ASSIGNMENT_TYPE", "SUBMISSION_TAG", "OWNER", "USERNAME",
             "COMMIT_URL", "RELEASE_URL", "REVIEW_URL", "CKPTLAB_LIMIT", "CKPTLAB_OPTIONS", "PATH")


def as_root() -> list[str]:
    """What makes root run a command, if that is possible: then the submission can get a uid of its own."""
    if os.getuid() == 0 or not shutil.which("sudo"):
        return []
    asked = subprocess.run(["sudo", "-n", "true"], stderr=subprocess.DEVNULL, check=False)
    return ["sudo", "-n"] if asked.returncode == 0 else []


def environment() -> list[str]:
    known = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    known.setdefault("CKPTLAB_LIMIT", str(LIMIT))
    return ["env", *(f"{name}={value}" for name, value in known.items())]


def grade(lab: Path, workspace: Path, output: Path, log: Path) -> bool:
    """Whether the packages could be installed and there are results. What both print goes to `log`."""
    setup = ["sh", str(lab / "grader/setup"), "batch"]
    run = ["sh", str(lab / "grader/platforms/files/grade_one"), "classroom50", str(workspace), str(output)]
    with log.open("wb") as file:
        for command in (setup, [*as_root(), *environment(), *run]):
            if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False).returncode:
                return False
    return True


def show(log: Path) -> None:
    """The end of the log. No line begins as in the file: GitHub would obey one that begins with `::`."""
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-40:]:
        print(f"| {line}", file=sys.stderr)


def main() -> int:
    workspace = Path.cwd()
    scratch = Path(tempfile.mkdtemp(prefix="ckptlab-"))
    scratch.chmod(0o711)  # the submission's uid has to come through to its own folder
    try:
        with tarfile.open(HERE / GRADER) as archive:
            archive.extractall(scratch / "lab")
        results = scratch / "results"
        results.mkdir()
        if not grade(scratch / "lab", workspace, results / "result.json", scratch / "log"):
            print("autograder.py: the grader failed:", file=sys.stderr)
            show(scratch / "log")
            return 70
        for name in RESULTS:
            (workspace / name).unlink(missing_ok=True)
            shutil.copyfile(results / name, workspace / name)
        return 0
    finally:
        subprocess.run([*as_root(), "rm", "-rf", str(scratch)], check=False)


if __name__ == "__main__":
    sys.exit(main())
