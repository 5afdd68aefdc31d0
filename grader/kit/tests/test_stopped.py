"""Who stops the grader leaves nothing running: by Ctrl-C, by SIGTERM, by closing the terminal."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kit import mutants
from stage.config import GRADER
from stage.process import wait_until
from stage.process_table import processes

SPINS = "    for (volatile int x = 0;; x = x)\n        continue;\n"


def running(program: Path) -> list[int]:
    def executes(pid: int) -> bool:
        try:
            return os.readlink(f"/proc/{pid}/exe") == str(program)
        except OSError:
            return False

    return [pid for pid in processes() if executes(pid)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    """Not even what spins; and nobody says that the grader failed."""
    mutants.copy_solution(tmp_path)
    source = tmp_path / "stage1-readmaps/readmaps.c"
    head, begin, rest = source.read_text().partition("int main(int argc, char **argv)\n{\n")
    source.write_text(head + begin + SPINS + rest)
    program = source.with_suffix("")
    words = [sys.executable, str(GRADER / "stage/main.py"), "--stage", "1", "--where", "60", str(source.parent)]
    check = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        assert wait_until(lambda: bool(running(program)), 120)
        check.send_signal(number)
        said = check.communicate(timeout=60)[0]
    finally:
        check.kill()
        left = running(program)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    assert left == []
    assert check.returncode == 130 and "check: stopped: the result above is not complete" in said, said
    assert "grader itself failed" not in said and "Traceback" not in said
