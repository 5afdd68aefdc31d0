"""grader/setup: what it does about a missing package, with and without the right to install it."""
from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = ("setup", "python", "dependencies")


def is_here(line: str) -> bool:
    """Not what this system's archive lacks: that would be one more that is missing."""
    command = re.search(r"\| command:(\S+) \|", line)
    return command is None or shutil.which(command[1], path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is not None


@pytest.fixture
def grader(top: Path, tmp_path: Path) -> Path:
    """A copy of the grader's scripts, whose list has one package more that is missing here."""
    folder = tmp_path / "grader"
    folder.mkdir()
    for name in SCRIPTS:
        shutil.copy2(top / "grader" / name, folder)
    script = (folder / "python").read_text()  # tries no other than these two, which saves time
    (folder / "python").write_text(re.sub(r"\$CKPTLAB_PYTHON [^;]*;", "$CKPTLAB_PYTHON /usr/bin/python3;", script))
    lines = (folder / "dependencies").read_text().splitlines()
    lines = [line for line in lines if is_here(line)]
    (folder / "dependencies").write_text("\n".join([*lines, ""]))
    lack(folder, "ckptlab-extra | command:ckptlab-extra | a test needs it")
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


def archive(tools: Path, *packages: str, lists: bool = True, broken: str = "none") -> None:
    """An apt whose archive has these packages, once it has lists; `install` makes their commands."""
    (tools / "lists").mkdir(exist_ok=True)
    if lists:
        (tools / "lists/Packages").touch()
    rows = "".join(f"{name}:\\n  Candidate: 1\\n" for name in packages)
    stand_in(tools, "apt-cache", f"""[ -e {tools}/lists/Packages ] && printf '{rows}ckptlab-no:\\n  Candidate: (none)\\n'""")
    stand_in(tools, "apt-get", f"""echo "$*" >>{tools}/log
case "$*" in
*update*) touch {tools}/lists/Packages; exit ;;
*{broken}*) exit 100 ;;
*" -s "*) exit ;;
esac
for word; do case $word in ckptlab-*) cp {tools}/apt-get {tools}/$word ;; esac; done
echo "front end $DEBIAN_FRONTEND\"""")


def rightless(tools: Path) -> None:
    stand_in(tools, "id", "echo 1000")
    stand_in(tools, "sudo", "exit 1")


def log(tools: Path) -> str:
    return (tools / "log").read_text()


def installed(tools: Path) -> list[str]:
    """What was really installed, call by call."""
    calls = [line.split() for line in log(tools).splitlines() if " -y " in line]
    return [" ".join(word for word in words if word.startswith("ckptlab-")) for words in calls]


def run(grader: Path, *arguments: str, tools: Path | None = None) -> subprocess.CompletedProcess[str]:
    settings = {} if tools is None else {"PATH": f"{tools}:{os.environ['PATH']}", "CKPTLAB_APT_LISTS": f"{tools}/lists"}
    return subprocess.run(["sh", grader / "setup", *arguments], text=True, timeout=60, env={**os.environ, **settings},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_nothing_to_do_is_quick_and_silent(top: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run(top / "grader", "-n", "check")  # where something is missing, a test does not install it
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(line.startswith("setup: not in this system's archive: ") for line in done.stdout.splitlines()), done.stdout
    # Of the processor, not by the clock: the machine may be busy.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3


def test_without_rights_it_prints_what_to_run(grader: Path, tools: Path) -> None:
    rightless(tools)
    archive(tools, "ckptlab-extra")
    done = run(grader, tools=tools)
    assert done.returncode == 69
    assert "ckptlab-extra: a test needs it" in done.stdout
    assert "sudo apt-get install --no-install-recommends ckptlab-extra\n" in done.stderr
    assert installed(tools) == [] and "update" not in log(tools)


@pytest.mark.sample
@pytest.mark.parametrize("user", ["0", "1000"])
def test_with_rights_it_installs(grader: Path, tools: Path, user: str) -> None:
    stand_in(tools, "id", f"echo {user}")
    stand_in(tools, "sudo", f'echo sudo >>{tools}/log; shift; exec "$@"')
    archive(tools, "ckptlab-extra")
    done = run(grader, tools=tools)
    assert done.returncode == 0, done.stderr
    assert "front end noninteractive" in done.stdout
    assert "install -y -q --no-install-recommends" in log(tools) and installed(tools) == ["ckptlab-extra"]
    assert ("sudo" in log(tools)) == (user != "0")
    assert run(grader, tools=tools).returncode == 0 and len(installed(tools)) == 1


def test_absent_package_lists_are_fetched(grader: Path, tools: Path) -> None:
    stand_in(tools, "id", "echo 0")
    archive(tools, "ckptlab-extra", lists=False)
    assert run(grader, tools=tools).returncode == 0
    assert log(tools).count("update") == 1


def test_old_package_lists_are_renewed(grader: Path, tools: Path) -> None:
    stand_in(tools, "id", "echo 0")
    archive(tools, "ckptlab-extra")
    stand_in(tools, "apt-get", f"""echo "$*" >>{tools}/log
case "$*" in *" -s "*) exit ;; *update*) touch {tools}/fresh; exit ;; esac
[ -e {tools}/fresh ] && cp {tools}/apt-get {tools}/ckptlab-extra""")
    assert run(grader, tools=tools).returncode == 0
    assert log(tools).count("update") == 1


def lack(grader: Path, *lines: str) -> None:
    """These lines are in the list, too: the last of [check]."""
    path = grader / "dependencies"
    check, stress, rest = path.read_text().partition("[stress]\n")
    path.write_text("".join([check, *(f"{line}\n" for line in lines), stress, rest]))


RARE = "ckptlab-rare | command:ckptlab-rare | an interpreter"
SAID = "setup: not in this system's archive: ckptlab-rare (an interpreter): what needs it is not tried here\n"


@pytest.mark.sample
@pytest.mark.parametrize("here", [{}, {"lists": False}, {"broken": "ckptlab-rare"}], ids=["lists", "no lists", "broken"])
def test_what_the_archive_lacks_is_said_and_no_failure(grader: Path, tools: Path, here: dict[str, Any]) -> None:
    """Nor is what it knows and cannot install, since something that it needs is not there."""
    stand_in(tools, "id", "echo 0")
    archive(tools, "ckptlab-extra", *(["ckptlab-rare"] if "broken" in here else []), **here)
    lack(grader, RARE)
    done = run(grader, tools=tools)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(SAID) == 1 and installed(tools) == ["ckptlab-extra"]
    again = run(grader, tools=tools)
    assert (again.returncode, again.stdout) == (0, SAID)
    assert len(installed(tools)) == 1


def test_what_the_archive_lacks_is_not_asked_of_the_administrator(grader: Path, tools: Path) -> None:
    rightless(tools)
    archive(tools, "ckptlab-extra")
    lack(grader, RARE)
    done = run(grader, tools=tools)
    assert done.returncode == 69 and SAID in done.stdout
    assert "ckptlab-rare" not in done.stderr
    (tools / "ckptlab-extra").symlink_to(tools / "id")
    done = run(grader, tools=tools)
    assert (done.returncode, done.stdout, done.stderr) == (0, SAID, "")


@pytest.mark.parametrize("group, line", [
    ("[grade]", "ckptlab-rare | command:ckptlab-rare | the grader's language"),
    ("[check]", "ckptlab-rare | python:ckptlab_rare | the grader imports it")])
def test_without_what_is_essential_it_fails(grader: Path, tools: Path, group: str, line: str) -> None:
    stand_in(tools, "id", "echo 0")
    archive(tools, "ckptlab-extra")
    path = grader / "dependencies"
    path.write_text(path.read_text().replace(f"{group}\n", f"{group}\n{line}\n"))
    done = run(grader, tools=tools)
    assert done.returncode == 71 and "without ckptlab-rare the lab does not work" in done.stderr
    assert installed(tools) == []


def test_without_apt_all_is_named(grader: Path, tools: Path) -> None:
    """Another distribution: nobody can tell what its archive has."""
    for name in ("sh", "dirname", "grep", "sed", "awk", "gcc", "cat", "tr", "env"):
        (tools / name).symlink_to(str(shutil.which(name)))
    lack(grader, RARE)
    script = (grader / "setup").read_text().replace("PATH=$PATH:/usr/sbin:/sbin\n", "")
    (grader / "setup").write_text(script)
    done = subprocess.run([str(tools / "sh"), grader / "setup", "ckptlab-rare"], env={"PATH": str(tools)}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 69
    assert "ckptlab-rare: an interpreter" in done.stdout and "there is no apt-get here" in done.stderr


def test_one_package_alone(grader: Path, tools: Path) -> None:
    stand_in(tools, "id", "echo 0")
    archive(tools, "ckptlab-extra", "ckptlab-rare")
    lack(grader, RARE)
    assert run(grader, "ckptlab-rare", tools=tools).returncode == 0
    assert installed(tools) == ["ckptlab-rare"]


def test_an_install_that_fails_is_told(grader: Path, tools: Path) -> None:
    stand_in(tools, "id", "echo 0")
    archive(tools, "ckptlab-extra")
    stand_in(tools, "apt-get", "exit 100")
    done = run(grader, tools=tools)
    assert done.returncode == 71
    assert "apt-get failed" in done.stderr


def test_an_install_that_changes_nothing_is_told(grader: Path, tools: Path) -> None:
    stand_in(tools, "id", "echo 0")
    archive(tools, "ckptlab-extra")
    stand_in(tools, "apt-get", "exit 0")
    done = run(grader, tools=tools)
    assert done.returncode == 71
    assert "still not found" in done.stderr


def test_a_dry_run_installs_nothing(grader: Path, tools: Path) -> None:
    stand_in(tools, "id", "echo 0")
    archive(tools, "ckptlab-extra")
    lack(grader, RARE)
    done = run(grader, "-n", tools=tools)
    assert done.returncode == 1
    assert "    ckptlab-extra: a test needs it\n" in done.stdout and SAID in done.stdout
    assert installed(tools) == [] and "update" not in log(tools)


def test_groups_include_those_above(grader: Path, tools: Path) -> None:
    archive(tools, "ckptlab-extra")
    assert run(grader, "-n", "grade", tools=tools).returncode == 0
    assert run(grader, "-n", "check", tools=tools).returncode == run(grader, "-n", "stress", tools=tools).returncode == 1


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


@pytest.fixture
def no_python(grader: Path, tools: Path) -> Path:
    """The grader's scripts where no interpreter has all modules, until ckptlab-module is installed."""
    path = grader / "dependencies"
    path.write_text(path.read_text().replace(
        "[grade]\n", "[grade]\nckptlab-module | python:ckptlab_module | a test\n"))
    script = (grader / "python").read_text()
    (grader / "python").write_text(re.sub(r"\$CKPTLAB_PYTHON [^;]*;", "$CKPTLAB_PYTHON;", script))
    stand_in(tools, "ckptlab-python", f"""[ -e {tools}/ckptlab-module ] || exit 1
case "$2" in *"find_spec(name)"*) echo ' ';; *find_spec*) ;; *) echo "runs: $*" ;; esac""")
    return grader


def start(grader: Path, tools: Path, *words: str) -> subprocess.CompletedProcess[str]:
    settings = {"PATH": f"{tools}:{os.environ['PATH']}", "CKPTLAB_PYTHON": str(tools / "ckptlab-python"),
                "CKPTLAB_APT_LISTS": str(tools / "lists")}
    return subprocess.run(words, cwd=grader, text=True, env={**os.environ, **settings}, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_what_the_grader_s_python_lacks_is_installed(no_python: Path, tools: Path) -> None:
    stand_in(tools, "id", "echo 0")
    archive(tools, "ckptlab-module")
    done = start(no_python, tools, "./python", "x.py")
    assert (done.returncode, done.stdout) == (0, "runs: x.py\n"), done.stderr
    assert installed(tools) == ["ckptlab-module"]
    assert start(no_python, tools, "./python", "x.py").stderr == ""
    assert len(installed(tools)) == 1


def test_no_interpreter_at_all_is_told(no_python: Path, tools: Path) -> None:
    rightless(tools)
    archive(tools, "ckptlab-module")
    done = start(no_python, tools, "./python", "-V")
    assert done.returncode == 69
    assert "    sudo apt-get install --no-install-recommends ckptlab-module\n" in done.stderr
    assert "CKPTLAB_PYTHON" in done.stderr


def test_who_only_asks_for_the_interpreter_installs_nothing(no_python: Path, tools: Path) -> None:
    stand_in(tools, "id", "echo 0")
    archive(tools, "ckptlab-module")
    done = start(no_python, tools, "./python", "--which")
    assert (done.returncode, done.stdout) == (1, "")
    assert not (tools / "log").exists()


@pytest.mark.sample
@pytest.mark.parametrize("rights", [True, False])
def test_check_installs_gdb_or_does_without(no_python: Path, tools: Path, rights: bool) -> None:
    """grader/check where all is there but gdb, which a list of one line stands for."""
    shutil.copy2(Path(__file__).resolve().parents[2] / "check", no_python)
    text = (no_python / "check").read_text().replace("command -v gdb", "command -v ckptlab-gdb")
    (no_python / "check").write_text(text)
    (no_python / "dependencies").write_text("[grade]\nckptlab-gdb | command:ckptlab-gdb | reads cores\n[batch]\n[check]\n")
    (tools / "ckptlab-module").touch()
    archive(tools, "ckptlab-gdb")
    if rights:
        stand_in(tools, "id", "echo 0")
    else:
        rightless(tools)
    done = start(no_python, tools, "./check", "--list")
    assert done.returncode == 0 and done.stdout.endswith("main.py --list\n") and done.stdout.count("\n") == 1
    assert installed(tools) == (["ckptlab-gdb"] if rights else [])
    assert ("sudo apt-get install" in done.stderr) != rights
