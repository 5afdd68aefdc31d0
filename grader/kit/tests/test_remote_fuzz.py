"""Damaged frames in each direction, under ASan and UBSan: no crash, no hang, nothing outside of what is allowed.

What is damaged are conversations of real jobs, and made-up ones (kit/fuzz). The seed is the check's (`--seed N`); what a
fuzzer finds it says how to repeat: `FUZZER FOLDER SEED FIRST 1 RECORDINGS`.
"""
from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Optional

import pytest

from conftest import need
from kit import mutants

pytestmark = pytest.mark.xdist_group("remote_fuzz")  # what is built once is built by one worker

SECRET = "nobody may read this"
FLAGS = ("-std=gnu11 -D_GNU_SOURCE -g -w -fsanitize=address,undefined -fno-sanitize-recover=all -DHEARTBEAT_SECONDS=1 "
         "-DLOST_SECONDS=2").split()


class Fuzzer(NamedTuple):
    """What it is made of, besides its own file, and what it gets instead of some functions."""

    sources: Sequence[str]
    wrapped: Sequence[str] = ()
    direction: str = ""  # of the recordings that it damages


REMOTE = "stage6-remote"
FUZZERS = {
    "shadow": Fuzzer((f"{REMOTE}/shadow_*.c", f"{REMOTE}/since*.c", f"{REMOTE}/serve*.c", f"{REMOTE}/frame.c",
                      f"{REMOTE}/image_stream.c", f"{REMOTE}/build/shadow_calls.c", "stage1-readmaps/text.c"),
                     ("raise", "fsync", "fdatasync", "sync", "syncfs"), "home"),
    "keeper": Fuzzer((f"{REMOTE}/keeper.c", f"{REMOTE}/keeper_watch.c", f"{REMOTE}/keeper_image.c", f"{REMOTE}/frame.c",
                      f"{REMOTE}/image_[sap]*.c", "stage2-saveimage/image_read.c", "stage2-saveimage/no_image.c", "stage1-readmaps/text.c"),
                     ("exit", "err", "errx", "alarm", "kill", "waitpid", "isatty"), "there"),
    "job": Fuzzer((f"{REMOTE}/remote_table.c", f"{REMOTE}/path*.c", f"{REMOTE}/build/syscall_stubs.c", f"{REMOTE}/stubs_*.c",
                   f"{REMOTE}/frame.c", "stage4-openfiles/fdinfo.c", "stage1-readmaps/text.c")),
}
# Checks that are gone: what is tried here must see each.
PLANTED = {
    "shadow-length": ("shadow", "serve_call.c", "if (head->in_size[i] > left)", "if (false)"),
    "shadow-frame": ("shadow", "frame.c", "|| frame->size > kinds[kind].most", ""),
    "shadow-look": ("shadow", "serve_allow.c", "bool known = allow_inside(path, false)", "return true; bool known = false"),
    "shadow-allowed": ("shadow", "serve_allow.c", "if ((trees[i].change || !change) && is_in(path, trees[i].path))", "if (true)"),
    "shadow-serial": ("shadow", "shadow_loop.c", "if (shadow.serving || shadow.call_came || frame->serial <= shadow.call.serial)",
                      "if (false)"),
    "keeper-frame": ("keeper", "frame.c", "|| frame->size > kinds[kind].most", ""),
    "keeper-signal": ("keeper", "keeper_relay.c", "if (number < 1 || number > 64)", "if (false)"),
    "keeper-job": ("keeper", "keeper_relay.c", "if (!is_fine(size))", "if (false)"),
    "job-truncated": ("job", "remote_call.c", "(message.msg_flags & MSG_TRUNC)", "false"),
    "job-length": ("job", "remote_call.c", "size != sizeof *frame + frame->size ||", ""),
    "job-serial": ("job", "remote_call.c", "|| frame->serial != serial", ""),
    "job-result": ("job", "remote_call.c", "&& call->result >= -MOST_ERRNO", ""),
    "job-within": ("job", "stub_job.h", "result > (long)count ? -EIO : result", "result"),
    "job-name": ("job", "stubs_links.c", "directory[PATH_MAX + 1]", "directory[PATH_MAX]"),
}


@pytest.fixture(name="stages", scope="module")
def stages_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mutants.build_solution(tmp_path_factory.mktemp("fuzz"), REMOTE).parent


@pytest.fixture(name="recordings", scope="module")
def recordings_fixture(stages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What went each way between home and there, of real jobs: N.home and N.there."""
    folder = tmp_path_factory.mktemp("recordings")
    start = folder / "start"
    (start / "folder").mkdir(parents=True)
    (start / "file").write_text("one\ntwo\nthree\n")
    script = "read a < file; echo $a > new; cd folder; ls=*; echo $ls >> ../new; read b < ../new; echo $b; umask 7; > x"
    for number, words in enumerate([["/usr/bin/sort", "-o", "sorted", "file"], ["/bin/ls", "-lR", "."], ["/bin/sh", "-c", script]]):
        command = f"record() {{ tee {folder}/{number}.there | \"$@\" | tee {folder}/{number}.home; }}; record"
        subprocess.run([stages / REMOTE / "ckpt-shadow", "-e", command, *words], cwd=start, check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)
    return folder


def build(name: str, stages: Path, top: Path, target: Path, planted: Optional[Path] = None) -> Path:
    """A fuzzer; files of the folder `planted` go before those of the stages."""
    fuzzer, folder = FUZZERS[name], top / "grader/kit/fuzz"
    sources = sorted(path for pattern in fuzzer.sources for path in stages.glob(pattern))
    if planted:
        sources = [planted / path.name if (planted / path.name).exists() else path for path in sources]
    folders = [*([planted] if planted else []), stages / REMOTE, stages / REMOTE / "build", *sorted(stages.glob("stage*")), folder]
    words = ["gcc", *FLAGS, *(f"-I{path}" for path in folders), *sources, folder / f"{name}_fuzz.c", "-o", target,
             *(f"-Wl,--wrap={function}" for function in fuzzer.wrapped)]
    subprocess.run(words, check=True)
    return target


def fuzz(name: str, program: Path, recordings: Path, arena: Path, seed: int, count: int) -> subprocess.CompletedProcess[str]:
    """Runs it where nothing but the arena can be written to."""
    for folder in ("home", "outside"):
        (arena / folder).mkdir(parents=True)
    (arena / "outside/secret").write_text(SECRET)
    direction = FUZZERS[name].direction
    files = sorted(recordings.glob(f"*.{direction}")) if direction else []
    run = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--bind", arena, arena, "--cap-drop", "ALL",
           "--new-session", "--die-with-parent", program, arena, seed, 0, count, *files]
    return subprocess.run(list(map(str, run)), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=3600,
                          env={**os.environ, "TMPDIR": str(arena / "home")})


def outside(arena: Path) -> list[tuple[str, int, str]]:
    """What lies outside of what is allowed."""
    return [(path.name, path.stat().st_mode & 0o7777, path.read_text()) for path in (arena / "outside").iterdir()]


@pytest.mark.sample(len(FUZZERS))
@pytest.mark.parametrize("name", FUZZERS)
@pytest.mark.parametrize("count", [500, pytest.param(100_000, marks=pytest.mark.stress)])
def test_damaged_frames(name: str, count: int, stages: Path, recordings: Path, tmp_path: Path, top: Path,
                        request: pytest.FixtureRequest) -> None:
    need("bwrap")
    program = build(name, stages, top, tmp_path / name)
    done = fuzz(name, program, recordings, tmp_path / "arena", request.config.option.seed, count)
    assert done.returncode == 0 and f"{count} conversations" in done.stdout, done.stdout + done.stderr[-3000:]
    assert outside(tmp_path / "arena") == [("secret", (tmp_path / "arena/outside/secret").stat().st_mode & 0o7777, SECRET)]


@pytest.mark.stress
@pytest.mark.parametrize("planted", PLANTED)
def test_a_check_that_is_gone_is_found(planted: str, stages: Path, recordings: Path, tmp_path: Path, top: Path,
                                       request: pytest.FixtureRequest) -> None:
    need("bwrap")
    name, file, old, new = PLANTED[planted]
    text = (stages / REMOTE / file).read_text()
    assert text.count(old) == 1
    (tmp_path / "planted").mkdir()
    (tmp_path / "planted" / file).write_text(text.replace(old, new))
    program = build(name, stages, top, tmp_path / name, tmp_path / "planted")
    done = fuzz(name, program, recordings, tmp_path / "arena", request.config.option.seed, 100_000)
    assert done.returncode == 1 and "again: SEED" in done.stdout
