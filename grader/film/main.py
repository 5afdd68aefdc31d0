#!/usr/bin/env python3
"""Makes a film of a restart: main.py --stage N [--image FILE] DIR. `make film` in a stage runs it.

Exit status: 0 if there is a film, of whatever the restart did; 64 for a wrong call; 66 if there is no image, 69 if this
machine does not let programs be traced.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from film import page, record, saved, story, tracer
from stage.config import TOP, expand, load_interface
from stage.lab import BuildError, Lab
from stage.process import Life, has_signal, wait_until

FIRST = 3  # the first stage with a restart
USAGE, NO_IMAGE, NOT_HERE = 64, 66, 69


class NoFilm(Exception):
    """Why there is none, and the exit status."""

    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.status = status


def demo() -> Path:
    """BACKGROUND's counting, built."""
    folder = TOP / "BACKGROUND"
    made = subprocess.run(["make", "-s", "-C", str(folder), "counting"], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise NoFilm(f"the demo program does not build:\n{made.stdout}{made.stderr}", NO_IMAGE)
    return folder / "counting"


def make_image(lab: Lab, programs: Path, image: Path) -> str:
    """An image of the demo, by the ckpt in a folder; what is wrong if there is none."""
    if not (programs / "ckpt").exists():
        return "there is no ckpt"
    with tempfile.TemporaryDirectory(prefix="ckptlab-film-") as folder:
        life = Life("demo", expand(lab.interface.launch, [str(demo())], bin=programs, image=image), Path(folder))
        try:
            wait_until(lambda: bool(life.lines()) or life.status is not None)
            if life.status is not None or not has_signal(life.pid, "SigCgt", lab.interface.signal):
                return "the demo has no handler for the signal, under your ckpt"
            os.kill(life.pid, lab.interface.signal)
            wait_until(lambda: image.exists() or life.status is not None, of=life.pid)
        finally:
            life.kill()
        return "" if image.exists() else life.messages().strip() or "no image came"


def own_image(lab: Lab, image: Path) -> None:
    """Of the demo: by the stage's own ckpt; if that does not work yet, by the reference's."""
    image.unlink(missing_ok=True)
    why = make_image(lab, lab.folder, image)
    if not why:
        return
    print(f"film: this stage's ckpt makes no image yet ({why}): the reference's made it")
    try:
        again = make_image(lab, lab.reference(), image)
    except BuildError as error:
        again = str(error)
    if again:
        raise NoFilm(f"there is no image to restart: {again}", NO_IMAGE)


def film_of(command: list[str], image: Path, output: Path, title: str) -> story.Story:
    """Runs a restart, and writes its film; the process is gone then."""
    return write(story.Story(*record.watched(command, image)), output, title)


def write(told: story.Story, output: Path, title: str, bare: bool = False) -> story.Story:
    output.parent.mkdir(parents=True, exist_ok=True)
    part = output.with_name(f"{output.name}.tmp.{os.getpid()}")
    part.write_text(page.page_of(told, title, bare), encoding="utf-8", errors="replace")
    part.rename(output)
    return told


def film_from(options: argparse.Namespace) -> None:
    """Of what record.py has written; nothing runs. No path of this machine's folders is in the page."""
    try:
        told = story.Story(*saved.restored(sys.stdin.buffer.read(saved.LARGEST + 1)))
    except saved.BadRecord as problem:
        raise NoFilm(f"this is no record of a restart: {problem}", NO_IMAGE) from problem
    write(told, options.output, options.title, bare=True)


def make_film(options: argparse.Namespace) -> None:
    lab = Lab(options.stage, options.folder, results=False)
    output = options.output or lab.folder / "build" / "film.html"
    image = options.image.resolve() if options.image else lab.folder / "build" / "film.img"
    if options.image is None:
        own_image(lab, image)
    if not os.access(image, os.R_OK):
        raise NoFilm(f"{options.image}: no such image", NO_IMAGE)
    command = expand(lab.interface.restart, bin=lab.folder, image=image)
    command = [command[0], *shlex.split(options.options), *command[1:]]
    try:
        told = film_of(command, image, output, f"{lab.stage.title}: a restart of {image.name}, step by step")
    except tracer.NotHere as reason:
        raise NoFilm(f"not tried here: {reason}", NOT_HERE) from reason
    print(f"film: {len(told.steps)} steps; {told.outcome}")
    print(f"film: see {output}")


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="film", description="A restart, step by step: one page to look through.")
    parser.add_argument("--stage", type=int, required=True, help="its number")
    parser.add_argument("--image", type=Path, metavar="FILE", help="of a program of your own; else one of a demo is made")
    parser.add_argument("--options", default="", metavar="WORDS", help="options for restart, --lazy for instance")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="the page (build/film.html in the stage's folder)")
    parser.add_argument("--title", default="A restart, step by step", metavar="WORDS", help="of a page from stdin")
    parser.add_argument("folder", type=Path, metavar="DIR", help="the stage's folder, built; -: a record, from stdin")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    options = parse_arguments(argv)
    if options.stage not in load_interface().stages or options.stage < FIRST:
        print(f"film: there is a restart from stage {FIRST} on", file=sys.stderr)
        return USAGE
    try:
        if options.folder == Path("-"):
            film_from(options)
        else:
            make_film(options)
    except NoFilm as reason:
        print(f"film: {reason}", file=sys.stderr)
        return reason.status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
