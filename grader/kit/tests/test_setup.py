"""grader/setup: what it does about a missing package, with and without the right to install it."""
from __future__ import annotations

import os
import resource
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = ("setup", "python", "dependencies")


@pytest.fixture
def grader(top: Path, tmp_path: Path) -> Path:
    """A copy of the grader's scripts, whose list has one package more that is missing here."""
    folder = tmp_path / "grader"
    folder.mkdir()
    for name in SCRIPTS:
        shutil.copy2(top / "grader" / name, folder)
    with (folder / "dependencies").open("a") as dependencies:
        dependencies.write("ckptlab-extra | command:ckptlab-extra | a test needs it\n")
    return folder


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder in front of PATH, for commands that stand in for the real ones."""
    folder = tmp_path / "tools"
    folder.mkdir()
    return folder


def stand_in(tools: Path, name: str, script: str) -> None:
    (tools / name).write_text(f"#!/bin/sh\n{script}\n")
    (tools / name).chmod(0o755)


def run(grader: Path, *arguments: str, tools: Path | None = None) -> subprocess.CompletedProcess[str]:
    path = os.environ["PATH"] if tools is None else f"{tools}:{os.environ['PATH']}"
    return subprocess.run(["sh", grader / "setup", *arguments], text=True, timeout=60,
                          env={**os.environ, "PATH": path},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_nothing_to_do_is_quick_and_silent(top: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run(top / "grader", "check")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    # Of the processor, not by the clock: the machine may be busy.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3


def test_without_rights_it_prints_what_to_run(grader: Path, tools: Path) -> None:
    stand_in(tools, "id", "echo 1000")
    stand_in(tools, "sudo", "exit 1")
    stand_in(tools, "apt-get", f"touch {tools}/called")
    done = run(grader, tools=tools)
    assert done.returncode == 69
    assert "ckptlab-extra: a test needs it" in done.stdout
    assert "sudo apt-get install --no-install-recommends ckptlab-extra\n" in done.stderr
    assert not (tools / "called").exists()


@pytest.mark.parametrize("user", ["0", "1000"])
def test_with_rights_it_installs(grader: Path, tools: Path, user: str) -> None:
    stand_in(tools, "id", f"echo {user}")
    stand_in(tools, "sudo", f'echo sudo >>{tools}/log; shift; exec "$@"')
    stand_in(tools, "apt-get", f'echo "$*" >>{tools}/log\n'
             f'cp {tools}/apt-get {tools}/ckptlab-extra\necho "front end $DEBIAN_FRONTEND"')
    done = run(grader, tools=tools)
    log = (tools / "log").read_text()
    assert done.returncode == 0, done.stderr
    assert "front end noninteractive" in done.stdout
    assert "install -y -q --no-install-recommends" in log and "ckptlab-extra" in log
    assert ("sudo" in log) == (user != "0")


def test_old_package_lists_are_renewed(grader: Path, tools: Path) -> None:
    stand_in(tools, "id", "echo 0")
    stand_in(tools, "apt-get", f"""echo "$*" >>{tools}/log
[ "$1" = update ] && touch {tools}/fresh && exit 0
[ -e {tools}/fresh ] && cp {tools}/apt-get {tools}/ckptlab-extra""")
    assert run(grader, tools=tools).returncode == 0
    assert (tools / "log").read_text().count("update") == 1


def test_an_install_that_fails_is_told(grader: Path, tools: Path) -> None:
    stand_in(tools, "id", "echo 0")
    stand_in(tools, "apt-get", "exit 100")
    done = run(grader, tools=tools)
    assert done.returncode == 71
    assert "apt-get failed" in done.stderr


def test_an_install_that_changes_nothing_is_told(grader: Path, tools: Path) -> None:
    stand_in(tools, "id", "echo 0")
    stand_in(tools, "apt-get", "exit 0")
    done = run(grader, tools=tools)
    assert done.returncode == 71
    assert "still not found" in done.stderr


def test_a_dry_run_installs_nothing(grader: Path, tools: Path) -> None:
    stand_in(tools, "id", "echo 0")
    stand_in(tools, "apt-get", f"touch {tools}/called")
    done = run(grader, "-n", tools=tools)
    assert done.returncode == 1
    assert "ckptlab-extra" in done.stdout
    assert not (tools / "called").exists()


def test_groups_include_those_above(grader: Path) -> None:
    assert run(grader, "-n", "grade").returncode == 0
    assert run(grader, "-n", "check").returncode == 1


@pytest.mark.parametrize("arguments", [["everything"], ["demo", "check"], ["-x"]])
def test_a_wrong_call_is_refused(grader: Path, arguments: list[str]) -> None:
    done = run(grader, *arguments)
    assert done.returncode == 64
    assert "usage:" in done.stderr


def test_each_package_has_a_probe_and_a_reason(top: Path) -> None:
    line = re.compile(r"[a-z0-9][a-z0-9.+-]+ \| (command|header|python):[\w./-]+ \| \S.*")
    lines = (top / "grader/dependencies").read_text().splitlines()
    packages = [text for text in lines if text and text[0] not in "#["]
    assert all(line.fullmatch(text) for text in packages), packages
    names = [text.split()[0] for text in packages]
    assert len(names) == len(set(names))


def test_the_interpreter_can_be_chosen(grader: Path, tools: Path) -> None:
    stand_in(tools, "mine", 'echo "mine: $*"')
    done = subprocess.run([grader / "python", "x.py", "1"], text=True, stdout=subprocess.PIPE,
                          env={**os.environ, "CKPTLAB_PYTHON": str(tools / "mine")}, check=True)
    assert done.stdout.splitlines()[-1] == "mine: x.py 1"


def test_an_interpreter_without_our_modules_is_passed_over(grader: Path, tools: Path) -> None:
    stand_in(tools, "mine", "exit 1")
    done = subprocess.run([grader / "python", "-c", "import pytest, elftools, rich; print('ok')"],
                          text=True, stdout=subprocess.PIPE, check=True,
                          env={**os.environ, "CKPTLAB_PYTHON": str(tools / "mine")})
    assert done.stdout == "ok\n"


def test_no_interpreter_at_all_is_told(grader: Path) -> None:
    path = grader / "dependencies"
    path.write_text(path.read_text().replace("[grade]\n", "[grade]\npython3-x | python:no_such_module | a test\n"))
    done = subprocess.run([grader / "python", "-V"], text=True, stderr=subprocess.PIPE)
    assert done.returncode == 69
    assert "setup grade" in done.stderr and "CKPTLAB_PYTHON" in done.stderr
