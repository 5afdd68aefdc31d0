"""The solution's programs are clean under valgrind, as far as valgrind can run them (row K9)."""
from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

import mutants
from lab import Case, Lab
from lab import STUDENT

VALGRIND = ["valgrind", "-q", "--error-exitcode=99", "--leak-check=full", "--trace-children=no"]


@pytest.fixture(name="case")
def case_fixture(tmp_path: Path) -> Case:
    if shutil.which("valgrind") is None:
        pytest.skip("no valgrind here")
    mutants.copy_solution(tmp_path)
    lab = Lab(3, tmp_path / "stage3-restart")
    lab.build()
    return Case.fresh(lab, "valgrind")


def clean(*words: object, statuses: tuple[int, ...] = (0,)) -> str:
    command = [*VALGRIND, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in statuses and "==" not in done.stderr, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_programs_are_clean_under_valgrind(case: Case) -> None:
    subprocess.run(["make", "-C", case.lab.sibling(1)], check=True, capture_output=True)
    clean(case.lab.sibling(1) / "readmaps", os.getpid())
    life = case.start_at_gate("counter", 12, 5, ckpt=STUDENT)
    image = case.checkpoint(life)
    case.signal(life, signal.SIGKILL)
    clean(case.lab.folder / "readckpt", image)
    clean(case.lab.folder / "readckpt", "--regions", "--registers", "--notes", image)
    # Under valgrind a process has no vdso: restart may say so, after it has read the whole image.
    clean(case.lab.folder / "restart", "--dry-run", image, statuses=(0, 65))
    clean(case.lab.folder / "ckpt", "/bin/true")
    case.close()
