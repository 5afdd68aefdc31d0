"""Programs that nobody here wrote, checkpointed in mid-run, killed and restarted: grader/kit/real_programs.py.

The oracle is an uninterrupted run: files, output and exit status must be the same. Full-screen programs run in
tmux, where the screen itself is looked at.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import mutants
import real_programs
from conftest import need, needed
from process import has_signal, wait_until
from real_programs import PROGRAMS, Program, Trial, find, late_result_of, not_tried, result_of, seeded

LIMIT = 60.0  # seconds for one event; only reached when something is broken
MOMENTS = 500  # in all, of a stress run
NAMES = [program.name for program in PROGRAMS]
COMING_BACK = [program for program in PROGRAMS if not program.refused]


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mutants.build_solution(tmp_path_factory.mktemp("tools"), "stage4-openfiles")


@pytest.mark.parametrize("program", PROGRAMS, ids=NAMES)
def test_program(program: Program, stage: Path, tmp_path: Path) -> None:
    needed(program)
    trial, draw = Trial(program, tmp_path, stage), seeded(program)
    if program.refused:
        trial.is_refused()
    else:
        trial.at_random(draw)


@pytest.mark.stress
@pytest.mark.parametrize("options", [(), ("--lazy",)], ids=["read", "lazy"])
@pytest.mark.parametrize("program", COMING_BACK, ids=[program.name for program in COMING_BACK])
def test_many_moments(program: Program, options: tuple[str, ...], stage: Path, tmp_path: Path) -> None:
    needed(program)
    trial, draw = Trial(program, tmp_path, stage), seeded(program)
    for _ in range(MOMENTS // len(COMING_BACK) // 2 + 1):
        trial.at_random(draw, *options)


def test_the_table_in_the_readme() -> None:
    """It names these programs, in this order, with these results; versions are those of the machine it was made on."""
    rows = [(name, does, *results) for name, _, does, *results in real_programs.committed_rows()]
    screens = [(name, does, "comes back", "-") for name, does, _ in SCREENS]
    programs = [(program.name, program.does, result_of(program), late_result_of(program)) for program in PROGRAMS]
    assert rows == programs + screens
    assert sum(result == "comes back" for _, _, result, _ in rows) >= 20


# --- Full-screen programs ----------------------------------------------------------------------

SCREENS = real_programs.SCREENS
SIGNAL = 40  # vim takes SIGUSR2 for its end


class Tmux:
    """A tmux server of our own, with one window for each life."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.command = ["tmux", "-S", str(folder / "socket"), "-f", "/dev/null"]
        self.run("new-session", "-d", "-x", "80", "-y", "24", "-s", "lab", "sh")

    def run(self, *words: str) -> str:
        environment = {**os.environ, "TERM": "screen", "LC_ALL": "C.UTF-8", "HOME": str(self.folder), "ENV": "", "PS1": "$ "}
        return subprocess.run([*self.command, *words], cwd=self.folder, env=environment, check=True,
                              capture_output=True, text=True).stdout

    def screen(self) -> str:
        return self.run("capture-pane", "-p", "-t", "lab")

    def keys(self, *words: str) -> None:
        self.run("send-keys", "-t", "lab", *words)

    def type(self, text: str) -> None:
        self.run("send-keys", "-t", "lab", "-l", text)

    def shows(self, text: str) -> None:
        assert wait_until(lambda: text in self.screen(), LIMIT), f"{text!r} is not on the screen:\n{self.screen()}"

    def enter(self, command: str) -> None:
        self.type(command)
        self.keys("Enter")

    def await_prompt(self) -> None:
        """A program that leaves throws away what was typed before (tcsetattr(3), TCSAFLUSH)."""
        self.wait_for(lambda: self.run("display-message", "-p", "-t", "lab", "#{pane_current_command}") == "sh\n", "prompt")

    def wait_for(self, event: Callable[[], bool], what: str) -> None:
        assert wait_until(event, LIMIT), f"no {what}; the screen:\n{self.screen()}"


@pytest.fixture(name="tmux")
def tmux_fixture(tmp_path: Path) -> Iterator[Tmux]:
    need("tmux")
    tmux = Tmux(tmp_path)
    yield tmux
    tmux.run("kill-server")


def settings(tmux: Tmux, name: str) -> str:
    """What `stty -a` says in the window."""
    path = tmux.folder / name
    tmux.enter(f"stty -a >{name}.tmp; mv {name}.tmp {name}")
    tmux.wait_for(path.exists, "answer of stty")
    return path.read_text()


@pytest.mark.parametrize("name, does, steps", SCREENS, ids=[row[0] for row in SCREENS])
def test_full_screen(name: str, does: str, steps: real_programs.Screen, tmux: Tmux, stage: Path) -> None:
    program = find(steps.command[0])
    if program is None:
        pytest.skip(not_tried(name))
    image, pid_file = tmux.folder / "image", tmux.folder / "pid"
    before = settings(tmux, "before")
    words = shlex.join([program, *steps.command[1:]])
    tmux.enter(f"sh -c 'echo $$ >pid.tmp; mv pid.tmp pid; exec {stage}/ckpt -s {SIGNAL} -o {image} {words}'")
    tmux.wait_for(pid_file.exists, "program")
    pid = int(pid_file.read_text())
    tmux.shows(steps.ready)
    tmux.wait_for(lambda: has_signal(pid, "SigCgt", SIGNAL), "handler")
    for keys in steps.before:
        tmux.keys(*keys)
    tmux.shows("first line")
    os.kill(pid, SIGNAL)
    tmux.wait_for(image.exists, "image")
    os.kill(pid, signal.SIGKILL)
    tmux.wait_for(lambda: not Path(f"/proc/{pid}").exists(), "end of the first life")
    tmux.run("new-window", "-t", "lab", "sh")
    tmux.wait_for(lambda: "first line" not in tmux.screen(), "other window")
    tmux.enter(f"{stage}/restart {image}")
    tmux.shows("first line")
    for keys in steps.after:
        tmux.keys(*keys)
    tmux.wait_for(lambda: (tmux.folder / "note").exists() and "second line" in (tmux.folder / "note").read_text(), "file")
    assert (tmux.folder / "note").read_text().splitlines() == ["first line", "second line"]
    tmux.await_prompt()
    assert settings(tmux, "after") == before
