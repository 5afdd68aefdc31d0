"""Programs that nobody here wrote, checkpointed in mid-run, killed and restarted: grader/kit/real_programs.py.

The oracle is an uninterrupted run: files, output and exit status must be the same. Full-screen programs run in
tmux, where the screen itself is looked at.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import need, needed
from kit import mutants
from kit import real_programs
from kit.real_programs import PROGRAMS, Program, Trial, find, late_result_of, not_tried, result_of, seeded
from stage.process import has_signal, wait_until

LIMIT = 60.0  # seconds for one event; only reached when something is broken
MOMENTS = 500  # in all, of a stress run
COMING_BACK = [program for program in PROGRAMS if not program.refused]


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mutants.build_solution(tmp_path_factory.mktemp("tools"), "stage4-openfiles")


@pytest.mark.sample(14)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
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


def is_right(row: list[str], program: Program) -> bool:
    """A machine that lacks a program makes a row that says so."""
    name, version, does, times, *results = row
    if results == [not_tried(program.name), "-"]:
        return (name, does, times) == (program.name, program.does, "-")
    tried = times.isdecimal() and int(times) > 0
    return tried and (name, does, *results) == (program.name, program.does, result_of(program), late_result_of(program))


def test_the_table_in_the_readme() -> None:
    """It names these programs, in this order, with these results; versions are those of the machine it was made on."""
    rows = real_programs.committed_rows()
    programs, screens = rows[:len(PROGRAMS)], rows[len(PROGRAMS):]
    wrong = [row for row, program in zip(programs, PROGRAMS, strict=True) if not is_right(row, program)]
    assert wrong == []
    assert [(name, does, *rest) for name, _, does, *rest in screens] == [(row.name, row.does, "-", "comes back", "-") for row in SCREENS]
    assert sum(row[4] == "comes back" for row in rows) >= 20


def test_a_program_that_is_not_here_makes_a_row() -> None:
    program = Program("missing", "no-package", "nothing", ["/no/such/program"])
    row = real_programs.cells((program, "?", real_programs.run_one(program, 3, 1)), 3)
    assert row == ["missing", "?", "nothing", "-", "not tried here: missing is not installed", "-"] and is_right(row, program)
    other = Program("here", "a-package", "something", ["sh"], late="no")
    assert is_right(real_programs.cells((other, "1", "comes back"), 3), other)
    assert not is_right(real_programs.cells((other, "1", "FAILS: it stood still"), 3), other)


def test_who_is_about_to_take_the_signal_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some call libckpt's handler from their own: it is no failure that they say so when the signal has just come."""
    trial = Trial(Program("true", "coreutils", "", ["true"]), tmp_path)
    monkeypatch.setattr(trial, "save", lambda share, until: (-signal.SIGKILL, f"{real_programs.TAKEN} for signal 12"))
    assert not trial.comes_back(0.1)
    monkeypatch.setattr(trial, "save", lambda share, until: (-signal.SIGKILL, f"{real_programs.REFUSAL}; why"))
    with pytest.raises(real_programs.Failed, match="no image: .*why"):
        trial.comes_back(0.1)


def test_rows_that_were_not_made_now_are_kept() -> None:
    kept = [["a", "old"], ["gone", "old"], ["b", "old"]]
    assert real_programs.with_kept([["b", "new"], ["c", "new"]], kept, ["a", "b", "c", "d"]) == [["a", "old"], ["b", "new"], ["c", "new"]]


# --- Full-screen programs ----------------------------------------------------------------------

SCREENS = real_programs.SCREENS


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

    def enter(self, command: str) -> None:
        self.type(command)
        self.keys("Enter")

    def command_in_front(self) -> str:
        return self.run("display-message", "-p", "-t", "lab", "#{pane_current_command}").strip()

    def await_prompt(self) -> None:
        """A program that leaves throws away what was typed before (tcsetattr(3), TCSAFLUSH)."""
        self.wait_for(lambda: self.command_in_front() == "sh", "prompt")

    def await_program(self) -> None:
        self.wait_for(lambda: self.command_in_front() not in ("sh", "restart"), "program")

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


class Play:
    """A full-screen program that is saved in one window and goes on in another; its steps are those of Screen."""

    def __init__(self, tmux: Tmux, program: real_programs.Screen, stage: Path) -> None:
        self.tmux, self.program, self.stage = tmux, program, stage
        self.kept = ""

    def waits_for(self, event: Callable[[], bool], what: str, key: str) -> None:
        """The key is pressed until it has come: the terminal is not the program's own at once."""
        self.tmux.wait_for(lambda: event() or bool(key and self.tmux.keys(key)), what)

    def does(self, steps: list[list[str]]) -> None:
        for step in steps:
            match step:
                case ["see", text, *key]:
                    self.waits_for(lambda text=text: text in self.tmux.screen(), repr(text), "".join(key))
                case ["keep"]:
                    self.kept = self.tmux.screen()
                case ["same", *key]:
                    self.waits_for(lambda: self.tmux.screen() == self.kept, f"screen as it was:\n{self.kept}", "".join(key))
                case ["moves"]:
                    now = self.tmux.screen()
                    self.tmux.wait_for(lambda now=now: self.tmux.screen() != now, "movement")
                case _:
                    self.tmux.keys(*step)

    def first_life(self, path: str) -> Path:
        image, pid_file = self.tmux.folder / "image", self.tmux.folder / "pid"
        words = shlex.join([path, *self.program.command[1:]])
        start = f"exec {self.stage}/ckpt -s {self.program.signal} -o {image} {words}"
        self.tmux.enter(f"sh -c 'echo $$ >pid.tmp; mv pid.tmp pid; {start}'")
        self.tmux.wait_for(pid_file.exists, "program")
        pid = int(pid_file.read_text())
        self.tmux.wait_for(lambda: has_signal(pid, "SigCgt", self.program.signal), "handler")
        self.does(self.program.before)
        os.kill(pid, self.program.signal)
        self.tmux.wait_for(image.exists, "image")
        os.kill(pid, signal.SIGKILL)
        self.tmux.wait_for(lambda: not Path(f"/proc/{pid}").exists(), "end of the first life")
        return image

    def second_life(self, image: Path) -> None:
        before = self.tmux.screen()
        self.tmux.run("new-window", "-t", "lab", "sh")
        self.tmux.wait_for(lambda: self.tmux.screen() != before, "other window")
        self.tmux.enter(f"{self.stage}/restart {image}")
        self.tmux.await_program()
        self.does(self.program.after)
        self.tmux.await_prompt()


@pytest.mark.sample
@pytest.mark.parametrize("program", SCREENS, ids=lambda program: program.name)
def test_full_screen(program: real_programs.Screen, tmux: Tmux, stage: Path) -> None:
    path = find(program.command[0])
    if path is None:
        pytest.skip(not_tried(program.name))
    before = settings(tmux, "before")
    play = Play(tmux, program, stage)
    play.second_life(play.first_life(path))
    assert settings(tmux, "after") == before
    if "note" in program.command:
        assert (tmux.folder / "note").read_text().splitlines() == ["first line", "second line"]
