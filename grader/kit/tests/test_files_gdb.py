"""gdb shows the Open File Table: `ckpt files`, which reads the image by itself, says what readckpt --files says.

So it is of a job whose files are at home (stage 6), in its image and while it runs.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from conftest import TOP
from kit import mutants
from kit.real_programs import not_tried
from stage.process import has_signal, wait_until

LIMIT = 60.0
pytestmark = pytest.mark.skipif(shutil.which("gdb") is None, reason=not_tried("gdb"))


def saved_ledger(tmp_path: Path) -> Path:
    """An image of BACKGROUND/ledger, and the stage that made it."""
    stage = mutants.build_solution(tmp_path, "stage4-openfiles")
    subprocess.run(["gcc", "-o", tmp_path / "ledger", TOP / "BACKGROUND" / "ledger.c"], check=True)
    life = subprocess.Popen([stage / "ckpt", tmp_path / "ledger", "1000", "1000"], cwd=tmp_path)
    try:
        assert wait_until(lambda: (tmp_path / "ledger.out").exists() and (tmp_path / "ledger.out").stat().st_size > 0, LIMIT)
        assert has_signal(life.pid, "SigCgt", signal.SIGUSR2)
        life.send_signal(signal.SIGUSR2)
        assert wait_until((tmp_path / "myckpt").exists, LIMIT)
    finally:
        life.kill()
        life.wait()
    return stage


def test_gdb_shows_the_open_file_table(tmp_path: Path) -> None:
    stage = saved_ledger(tmp_path)
    said = subprocess.run(["gdb", "-q", "-nx", "-batch", "-x", stage.parent / "stage3-restart/ckpt_gdb.py",
                           "-x", stage / "files_gdb.py", "-ex", "ckpt files"],
                          cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    table = subprocess.run([stage / "readckpt", "--files", "myckpt"], cwd=tmp_path, capture_output=True, text=True,
                           check=True).stdout
    rows = {int(match[1]): match[2] for match in re.finditer(r"^image +(\d+)  (.*)$", said, re.MULTILINE)}
    for line in table.splitlines():
        fd, path, offset, flags = line.removeprefix("# ").split(" : ")
        if "dup-of" in flags:
            assert rows[int(fd)] == f"the same as {flags.split('=')[1].split()[0]}"
        else:
            assert rows[int(fd)].startswith(f"{path}  at {offset}  {flags.split()[0]}"), rows
    assert len(rows) == len(table.splitlines()) >= 7
    assert "(deleted)" in rows[3] and rows[6] == "the same as 5"


def child_of(pid: int) -> int:
    """The only child, or 0: there is none yet."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else 0


def test_what_is_open_at_home_is_shown(tmp_path: Path) -> None:
    stage = mutants.build_solution(tmp_path, "stage6-remote")
    subprocess.run(["gcc", "-o", tmp_path / "ledger", TOP / "BACKGROUND" / "ledger.c"], check=True)
    out = tmp_path / "ledger.out"
    with subprocess.Popen([stage / "ckpt-shadow", "--keep-image", "kept", tmp_path / "ledger", "100000", "20"],
                          cwd=tmp_path) as shadow:
        try:
            assert wait_until(lambda: out.exists() and out.stat().st_size > 0, LIMIT)
            shadow.send_signal(signal.SIGUSR2)
            assert wait_until((tmp_path / "kept").exists, LIMIT)
            length = out.stat().st_size
            assert wait_until(lambda: out.stat().st_size > length, LIMIT)  # it goes on, in a second life
            job = child_of(child_of(shadow.pid))
            said = subprocess.run(["gdb", "-q", "-nx", "-batch", "-iex", "set exec-file-mismatch off",
                                   "-x", stage.parent / "stage3-restart/ckpt_gdb.py",
                                   "-x", stage.parent / "stage4-openfiles/files_gdb.py", tmp_path / "ledger", str(job),
                                   "-ex", "ckpt files kept"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        finally:
            shadow.kill()
    assert not list(tmp_path.glob("kept.*"))
    table = subprocess.run([stage / "readckpt", "--files", "kept"], cwd=tmp_path, capture_output=True, text=True,
                           check=True).stdout
    assert re.search(r"^# 6 : ledger.out : home : as \d+$", table, re.MULTILINE), table
    for fd, path, real in re.findall(r"^# (\d+) : (.*) : home : as (\d+)$", table, re.MULTILINE):
        for when in ("image", "now  "):
            assert f"\n{when} {fd:>3}  home, as {real}  {path}\n" in "\n" + said
