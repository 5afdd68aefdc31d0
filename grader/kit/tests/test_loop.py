"""stage6-remote/engines/loop: a shell's loop as the engine, as its README shows it."""
from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from conftest import need
from engine_jobs import ENGINES, PROGRAMS, PYTHON, ROUNDS, SUM, commands, keep_log, sql, straight
from kit import built, rundocs
from stage.process import wait_until

LIMIT = 60.0
pytestmark = pytest.mark.xdist_group("evict")


@pytest.fixture(name="folder")
def folder_fixture(tmp_path: Path) -> Path:
    """A copy, as a user makes it, and a program's files."""
    folder = shutil.copytree(built.solution() / ENGINES / "loop", tmp_path / "job")
    for program in PROGRAMS:
        shutil.copy2(built.solution() / "stage6-remote" / program, folder)
    (folder / "script.sql").write_text(sql(f"{tmp_path}/mark"))
    return folder


def test_its_text(folder: Path) -> None:
    """In one shell, which waits for the program before it asks it to leave."""
    need("sqlite3")
    mark, script, shown = folder.parent / "mark", [], []
    for command in commands("loop"):
        if command.text.startswith("kill"):
            script.append(f"until [ -e {mark}.up2 ]; do sleep 0.02; done")
        if command.text.endswith("; echo $?") and "loop" in command.text:
            script.append(f"touch {mark}.go3 {mark}.go4")
        script.append(command.text)
        if command.text.startswith("wait"):
            script.append(f"touch {mark}.go2")
        shown += command.expected
    (folder.parent / "mark.go1").touch()
    done = subprocess.run(["bash", "-c", "\n".join(script)], cwd=folder, stdin=subprocess.DEVNULL, text=True, timeout=LIMIT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "LC_ALL": "C"})
    assert rundocs.same(shown, done.stdout.splitlines()) and f"\n{SUM}\n" in done.stdout, done.stdout
    assert SUM in shown
    out = (folder / "out").read_text().split("\n")
    assert out == [line for n in range(1, ROUNDS + 1) for line in (f"round {n}", "went on")] + [SUM, ""]
    keep_log("loop", (folder / "err").read_text())


@pytest.mark.stress
def test_every_second(folder: Path) -> None:
    """Its image is renewed; a machine that is switched off (SIGKILL) costs what was done since."""
    mark = folder.parent / "mark"
    (folder / "state").mkdir()
    (folder / "job.py").write_text(PYTHON)
    command = ["./loop", "/usr/bin/python3", "job.py", mark]
    (folder.parent / "straight").mkdir()
    shutil.copy2(folder / "job.py", folder.parent / "straight")
    expected = straight(folder.parent / "straight", ["/usr/bin/python3", "job.py", "mark"])
    with (folder / "out").open("ab") as out:
        first = subprocess.Popen(command, cwd=folder, env={**os.environ, "EVERY": "1"}, stdout=out, stdin=subprocess.DEVNULL,
                                 start_new_session=True)
        for number in range(1, 4):
            assert wait_until(Path(f"{mark}.up{number}").exists, LIMIT)
            image = inode(folder / "image")
            assert wait_until(lambda: inode(folder / "image") not in (0, image), LIMIT)  # noqa: B023
            if number < 3:
                Path(f"{mark}.go{number}").touch()
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        for number in (3, 4):
            Path(f"{mark}.go{number}").touch()
        assert subprocess.run(command, cwd=folder, stdout=out, stdin=subprocess.DEVNULL, timeout=LIMIT).returncode == 0
    assert (folder / "out").read_text().splitlines() == expected
    assert not (folder / "image").exists()


HEARS = """
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: print("asked", flush=True))
print("up", flush=True)
while not os.path.exists("go"):
    time.sleep(0.01)
"""


TYPED = 'print("up", flush=True); print("read", input())'


@pytest.mark.stress
@pytest.mark.parametrize("words", ["", "--foreground "])
def test_whom_timeout_asks(folder: Path, words: str) -> None:
    loop = folder / "loop"
    loop.write_text(loop.read_text().replace("--foreground ", words))
    with (folder / "out").open("ab") as out:
        job = subprocess.Popen(["./loop", "/usr/bin/python3", "-c", HEARS], cwd=folder, stdin=subprocess.DEVNULL, stdout=out,
                               env={**os.environ, "EVERY": "1", "IMAGE": "another"}, start_new_session=True)
        assert wait_until(lambda: inode(folder / "another") > 0, LIMIT)
        (folder / "go").touch()
        assert job.wait(LIMIT) == 0
    assert ("asked" in (folder / "out").read_text()) is (words == ""), "the program, too?"


@pytest.mark.stress
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_its_input_and_what_control_c_means(folder: Path, number: int) -> None:
    """SIGTERM for the script, SIGINT for all, as a terminal sends it; and whoever goes on reads what is typed."""
    words = ["./loop", "/usr/bin/python3", "-c", TYPED]
    with (folder / "out").open("ab") as out, (folder / "err").open("ab") as err:
        first = subprocess.Popen(words, cwd=folder, stdin=subprocess.PIPE, stdout=out, stderr=err, start_new_session=True)
        assert wait_until(lambda: (folder / "out").read_text() == "up\n", LIMIT)
        (os.kill if number == signal.SIGTERM else os.killpg)(first.pid, number)
        status = first.wait(LIMIT)
        assert (folder / "image").exists() is (status == 85) is (number == signal.SIGTERM)
        if status == 85:
            subprocess.run(words, cwd=folder, input=b"a line\n", stdout=out, stderr=err, timeout=LIMIT, check=True)
            assert (folder / "out").read_text() == "up\nread a line\n"


def inode(path: Path) -> int:
    return path.stat().st_ino if path.exists() else 0
