"""The solution's programs are clean under valgrind, as far as valgrind can run them (row K9)."""
from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from conftest import need
from kit import mutants
from stage.case import Case
from stage.lab import Lab
from stage.lab import STUDENT

VALGRIND = ["valgrind", "-q", "--error-exitcode=99", "--leak-check=full", "--trace-children=no"]


@pytest.fixture(name="case")
def case_fixture(tmp_path: Path) -> Case:
    need("valgrind")
    mutants.copy_solution(tmp_path)
    lab = Lab(3, tmp_path / "stage3-restart")
    lab.build()
    return Case.fresh(lab, "valgrind")


def clean(*words: object) -> str:
    command = [*VALGRIND, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "==" not in done.stderr, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def portable(case: Case) -> dict[str, str]:
    """What ckpt --portable sets: valgrind's processor has less than this one, and restart would refuse the image."""
    lines = subprocess.check_output([case.lab.folder / "ckpt", "--portable", "env"], text=True).splitlines()
    pairs = (line.partition("=") for line in lines)
    return {name: value for name, _, value in pairs if name in ("GLIBC_TUNABLES", "CKPT_PORTABLE")}


def test_programs_are_clean_under_valgrind(case: Case) -> None:
    subprocess.run(["make", "-C", case.lab.sibling(1)], check=True, capture_output=True)
    clean(case.lab.sibling(1) / "readmaps", os.getpid())
    life = case.start_at_gate("counter", 12, 5, ckpt=STUDENT, env=portable(case))
    image = case.checkpoint(life)
    case.signal(life, signal.SIGKILL)
    clean(case.lab.folder / "readckpt", image)
    clean(case.lab.folder / "readckpt", "--regions", "--registers", "--notes", image)
    clean(case.lab.folder / "readckpt", "--check", image)
    # Under valgrind a process has no vdso: restart plans a bridge to none.
    clean(case.lab.folder / "restart", "--dry-run", image)
    clean(case.lab.folder / "ckpt", "/bin/true")
    case.close()
