"""libckpt.so is a guest in somebody else's program: what is the program's stays the program's.

Most of it is done by grader/tests/programs/guest.c, which takes its checkpoints itself (ckpt_now()) and says what it found;
so nothing here waits for a moment that might pass.
"""
from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from conftest import TOP
from kit import mutants

LIMIT = 60.0
CHILD = "the program has child processes"

pytestmark = pytest.mark.xdist_group("guest")  # what is built once is built by one worker


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stage, built in a scratch copy, with guest beside it."""
    folder = mutants.build_solution(tmp_path_factory.mktemp("solution"), "stage5-coredump")
    compile_c(folder / "guest", (TOP / "grader/tests/programs/guest.c").read_text())
    return folder


def compile_c(program: Path, text: str, *flags: str) -> Path:
    words = ["gcc", "-O1", "-w", "-x", "c", "-o", str(program), "-", *flags]
    subprocess.run(words, input=text, text=True, check=True)
    return program


class Lives:
    """One program under ckpt, and restarts of its image."""

    def __init__(self, stage: Path, folder: Path) -> None:
        self.stage, self.folder, self.said = stage, folder, ""

    def run(self, *words: str | Path, stderr: int = subprocess.PIPE, **environment: str) -> list[str]:
        done = subprocess.run(words, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr,
                              env={**os.environ, **environment}, text=True, timeout=LIMIT)
        self.said = done.stderr or ""
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}{self.said}"
        return done.stdout.splitlines()

    def first(self, *words: str | Path, stderr: int = subprocess.PIPE, **environment: str) -> list[str]:
        return self.run(self.stage / "ckpt", "-o", "image", *words, stderr=stderr, **environment)

    def guest(self, mode: str, *more: str | Path, stderr: int = subprocess.PIPE, **environment: str) -> list[str]:
        return self.first(self.stage / "guest", mode, *more, stderr=stderr, **environment)

    def second(self, *words: str, stderr: int = subprocess.PIPE) -> list[str]:
        return self.run(self.stage / "restart", *words, "image", stderr=stderr)


@pytest.fixture(name="lives")
def lives_fixture(stage: Path, tmp_path: Path) -> Lives:
    return Lives(stage, tmp_path)


def closed_pipe() -> int:
    """Where to write, when nobody reads any more."""
    mouth, end = os.pipe()
    os.close(mouth)
    return end


# Messages


@pytest.mark.parametrize("verbose", ["0", "1"])
def test_messages_never_go_into_a_file_of_the_program(lives: Lives, verbose: str) -> None:
    assert lives.guest("database", CKPT_VERBOSE=verbose) == ["refused -1", "life 0", "refused -1", "end 0"]
    database = lives.folder / "database"
    assert database.read_text() == "record 1\nrecord 2\n" and lives.said == ""
    for options in ["--redirect", "--rollback"], ["--rollback"]:
        assert lives.second(*options)[0] == "life 1"
        assert database.read_text() == "record 1\nrecord 2\n" and CHILD not in lives.said


def test_the_restorer_s_messages_never_go_into_a_file_of_the_program(lives: Lives) -> None:
    """Files that it opened as 1 and 2 come back; restart's own standard error hears what goes wrong, also at the last."""
    assert lives.guest("own-files") == ["life 0", "end 0"]
    names = [f"{lives.folder}/{name}" for name in ("table", "database")]
    wanted = [Path(name).read_text() for name in names]
    assert wanted == ["table 1\ntable 2\n", "record 1\nrecord 2\n"]
    for options in [], ["-nw"]:
        lives.second(*options)
        assert [Path(name).read_text() for name in names] == wanted
        assert "epoll: its entry for" in lives.said and "is restart's own now" not in lives.said
    lives.run("sh", "-c", 'exec "$0" image >&- 2>&-', lives.stage / "restart")
    assert [Path(name).read_text() for name in names] == wanted


def test_messages_go_to_the_standard_error_of_each_life(lives: Lives) -> None:
    lives.guest("messages")
    assert lives.said.count(CHILD) == 2
    assert lives.second() == ["life 1", "refused -1", "SIGPIPE waits 0", "end 0"]
    assert lives.said.count(CHILD) == 1


@pytest.mark.parametrize("verbose", ["0", "1"])
def test_nobody_reads(lives: Lives, verbose: str) -> None:
    end = closed_pipe()
    try:
        told = lives.guest("messages", stderr=end, CKPT_VERBOSE=verbose)
        assert told == ["refused -1", "life 0", "refused -1", "SIGPIPE waits 0", "end 0"]
        assert lives.second(stderr=end)[-2:] == ["SIGPIPE waits 0", "end 0"]
        assert "SIGPIPE waits 1" in lives.guest("waiting-sigpipe", stderr=end), "the program's own is still there"
    finally:
        os.close(end)


def test_a_full_pipe_is_not_waited_for(lives: Lives) -> None:
    mouth, end = os.pipe()
    try:
        os.set_blocking(end, False)
        with pytest.raises(BlockingIOError):
            while os.write(end, bytes(4096)):
                pass
        os.set_blocking(end, True)
        assert lives.guest("messages", stderr=end)[-1] == "end 0"
    finally:
        os.close(mouth)
        os.close(end)


def test_a_file_at_its_limit(lives: Lives) -> None:
    """SIGXFSZ comes of a message as well as of the image."""
    with (lives.folder / "messages").open("w") as file:
        assert lives.guest("file-limit", stderr=file.fileno()) == ["too large -1", "end 0"]


def test_no_descriptor_is_taken(lives: Lives) -> None:
    told = lives.guest("no-descriptors", CKPT_FDFILE="table", CKPT_VERBOSE="1")
    assert told == ["refused -1", "life 0", "free number 0", "end 0"] and lives.said == ""
    numbers = [line.split()[0] for line in (lives.folder / "table").read_text().splitlines() if line[0].isdigit()]
    assert not {"0", "1", "2"} & set(numbers)


# Stacks


def test_a_small_stack_is_not_overrun(lives: Lives) -> None:
    assert lives.guest("island") == ["life 0", "spoiled 0", "end 0"]
    assert lives.second() == ["life 1", "spoiled 0", "end 0"]


def test_the_alternate_stack_is_the_program_s(lives: Lives) -> None:
    """It sees none until it sets one; takes a checkpoint on that; and on a small stack when it has none again."""
    start = ["disabled 1", "own 0", "before 1", "too small 1"]
    here = ["on it 1", "disabled 0", "own 1", "spoiled 0", "disabled 1", "own 0"]
    assert lives.guest("alternate") == [*start, "life 0", *here, "life 0", "spoiled 0", "end 0"]
    assert lives.second() == ["life 1", "spoiled 0", "end 0"]


def test_the_program_s_alternate_stack_comes_back(lives: Lives) -> None:
    """The image is that of the first checkpoint: the directory of the second is not there."""
    source = (TOP / "grader/tests/programs/guest.c").read_text().replace("    sigaltstack(&ended, NULL);", "    return;")
    program = compile_c(lives.folder / "guest", source)
    here = ["on it 1", "disabled 0", "own 1", "spoiled 0", "end 0"]
    assert lives.first(program, "alternate")[-6:] == ["life 0", *here]
    assert lives.second() == ["life 1", *here]


def test_a_tiny_alternate_stack_is_left_alone(lives: Lives) -> None:
    told = ["disabled 0", "own 1", "spoiled 0", "end 0"]
    assert lives.guest("tiny") == ["life 0", *told]
    assert lives.second() == ["life 1", *told]


# The signal, and the next program


def test_a_program_takes_the_signal(lives: Lives) -> None:
    """Not who gives it back, and not a child."""
    lives.guest("takes")
    before, after = lives.said.split("given back\n")
    assert before == "" and after.startswith("libckpt: the program has its own action for signal 12 (SIGUSR2) now")
    assert after.count("libckpt:") == 1, "once"
    lives.guest("takes-at-once")
    assert lives.said.count("libckpt:") == 1
    assert lives.first("-s", "40", lives.stage / "guest", "takes-at-once") == ["end 0"] and lives.said == ""


def test_a_program_does_not_hear_the_signal(lives: Lives) -> None:
    """It blocks it to its end, though a checkpoint was asked for; or takes it by a system call of its own."""
    lives.guest("blocks", GUEST_UNBLOCKS="")
    assert lives.said == "" and (lives.folder / "image").exists()
    assert lives.second() == ["end 0"] and lives.said == ""
    for mode, words in ("blocks", "and had blocked signal 12 (SIGUSR2)"), ("takes-by-call", "by a system call"):
        lives.guest(mode)
        assert words in lives.said and lives.said.count("libckpt:") == 1, lives.said


@pytest.fixture(name="static", scope="module")
def static_fixture(stage: Path) -> Path:
    return compile_c(stage / "static-guest", (TOP / "grader/tests/programs/guest.c").read_text(), "-static")


@pytest.mark.parametrize("way", range(8))
def test_the_next_program_cannot_be_checkpointed(lives: Lives, static: Path, way: int) -> None:
    """The checkpoint signal waits, and does not kill it; in the second life, too."""
    told = lives.guest("become", static, "blocked", GUEST_WAY=str(way))
    assert told == ["life 0", "waits 1", "end 0"] and "no more checkpoints" in lives.said
    assert "is statically linked" in lives.said
    assert lives.second() == ["life 1", "waits 1", "end 0"] and "is statically linked" in lives.said


@pytest.mark.parametrize("way", range(8))
def test_the_next_program_can_be_checkpointed(lives: Lives, way: int) -> None:
    """It takes a checkpoint in the first life; after exec in the second, too: CKPT_PID is not the first's."""
    guest = lives.stage / "guest"
    told = lives.guest("become", guest, "island", GUEST_WAY=str(way))
    assert told == ["life 0", "life 0", "spoiled 0", "end 0"] and lives.said == ""
    assert lives.second() == ["life 1", "spoiled 0", "end 0"], "the image is that of the next program"
    lives.guest("become", guest, "no-such-mode", GUEST_WAY=str(way))
    assert lives.second() == ["life 1", "end 0"]
    lives.guest("become", lives.folder / "absent", "island", GUEST_WAY=str(way))
    assert "life 1" in lives.second() and "no more checkpoints" not in lives.said


def test_a_checkpoint_after_exec_in_a_second_life(lives: Lives) -> None:
    lives.guest("become", lives.folder / "next", "island")
    (lives.folder / "next").symlink_to(lives.stage / "guest")
    assert lives.second() == ["life 1", "life 0", "spoiled 0", "end 0"]
    assert lives.second() == ["life 1", "spoiled 0", "end 0"]


def test_a_script_that_becomes_another_program(lives: Lives, static: Path) -> None:
    script = lives.folder / "script"
    script.write_text(f"#!/bin/sh\nexec {static} blocked\n")
    script.chmod(0o755)
    assert lives.first(script) == ["waits 1", "end 0"] and "is statically linked" in lives.said
    script.write_text(f"#!/bin/sh\nexec env -i {lives.stage}/guest\n")
    assert lives.first(script) == ["end 0"] and "without libckpt.so in LD_PRELOAD" in lives.said
    script.write_text(f"#!/bin/sh\n{static}\nexec {lives.stage}/guest island\n")
    assert lives.first(script) == ["end 0", "life 0", "spoiled 0", "end 0"] and lives.said == ""


# What ckpt sees beforehand


def refusal(stage: Path, program: Path, **environment: str) -> str:
    done = subprocess.run([stage / "ckpt", program], env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 65 or environment, done.stderr
    return done.stderr


def test_another_dynamic_linker(stage: Path, tmp_path: Path) -> None:
    for linker, word in [("/lib/ld-musl-x86_64.so.1", "musl"), ("/opt/ld-other.so.7", "another libc")]:
        program = compile_c(tmp_path / "program", "int main(void) { return 0; }", f"-Wl,--dynamic-linker={linker}")
        said = refusal(stage, program)
        assert f"is linked for {word}: its dynamic linker is {linker}" in said


def asan(folder: Path) -> Path:
    """A program that needs a library of that name; AddressSanitizer itself may not be installed."""
    compile_c(folder / "libasan.so.8", "int one = 1;", "-shared", "-fPIC", "-Wl,-soname,libasan.so.8")
    return compile_c(folder / "program", "extern int one; int main(void) { return one; }", f"-L{folder}",
                     "-l:libasan.so.8", f"-Wl,-rpath,{folder}")


def test_address_sanitizer(stage: Path, tmp_path: Path) -> None:
    program = asan(tmp_path)
    assert "is built with gcc's AddressSanitizer" in refusal(stage, program)
    assert refusal(stage, program, ASAN_OPTIONS="verify_asan_link_order=0") == "", "it runs then"


def test_a_damaged_program_is_only_refused(stage: Path, tmp_path: Path) -> None:
    """Whatever stands in its headers: the kernel refuses it, or ckpt does; nothing crashes, nothing takes long."""
    data = asan(tmp_path).read_bytes()
    damaged = tmp_path / "damaged"
    table = int.from_bytes(data[0x20:0x28], "little")
    for at in [0x20, 0x38, *range(table, table + 13 * 56, 8)]:
        for value in (b"\xf0" + b"\xff" * 6 + b"\x7f", bytes(8)):
            damaged.write_bytes(data[:at] + value[: 2 if at == 0x38 else 8] + data[at + (2 if at == 0x38 else 8):])
            damaged.chmod(0o755)
            done = subprocess.run([stage / "ckpt", damaged], capture_output=True, timeout=LIMIT)
            assert done.returncode in (1, 65, 71, 127, -9, -11), (at, value, done)
