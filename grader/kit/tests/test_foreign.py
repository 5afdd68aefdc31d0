"""Images of another kind of machine: what reads them says what they are, what restarts them refuses them by name."""
from __future__ import annotations

import platform
import shutil
import signal
import struct
import subprocess
from pathlib import Path

import pytest

from kit import built
from stage.image import Image
from stage.process import has_signal, wait_until

NAMES = {62: "x86-64", 183: "aarch64"}
HERE = {"x86_64": 62, "aarch64": 183}.get(platform.machine(), 0)
OTHER = 183 if HERE == 62 else 62
REFUSAL = f"this image is of another machine, {NAMES[OTHER]}; this is {NAMES.get(HERE)}"
REGISTERS = {62: 27, 183: 34}  # in NT_PRSTATUS, each of 8 bytes
BEFORE = 112  # bytes of NT_PRSTATUS before them
P_OFFSET, P_FILESZ = 64 + 8, 64 + 32  # in the file: of the first program header
RESTARTS = ["stage3-restart/restart", "stage4-openfiles/restart", "stage5-coredump/restart", "stage6-remote/restart-static"]


def foreign(data: bytes, machine: int) -> bytes:
    """The image as a machine with that number would have written it: the ELF header, and the registers in the first note.

    The notes have another size now, and stand at the end of the file.
    """
    image = bytearray(data) + bytes(-len(data) % 4)
    struct.pack_into("<H", image, 18, machine)
    at, size = (struct.unpack_from("<Q", image, field)[0] for field in (P_OFFSET, P_FILESZ))
    status = struct.unpack_from("<I", image, at + 4)[0]
    registers = struct.pack(f"<{REGISTERS[machine]}Q", *range(0x1000, 0x1000 + REGISTERS[machine]))
    value = bytes(image[at + 20 : at + 20 + BEFORE]) + registers + bytes(8)
    notes = struct.pack("<III8s", 5, len(value), 1, b"CORE") + value + bytes(image[at + 20 + status : at + size])
    struct.pack_into("<Q", image, P_OFFSET, len(image))
    struct.pack_into("<Q", image, P_FILESZ, len(notes))
    return bytes(image) + notes


@pytest.fixture(name="path", scope="module")
def path_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("foreign")
    ckpt = built.solution() / "stage4-openfiles/ckpt"
    with subprocess.Popen([ckpt, "sleep", "1000"], cwd=folder) as life:
        try:
            assert wait_until(lambda: has_signal(life.pid, "SigCgt", signal.SIGUSR2), 60)
            life.send_signal(signal.SIGUSR2)
            assert wait_until((folder / "myckpt").exists, 60)
        finally:
            life.kill()
    path = folder / "foreign"
    path.write_bytes(foreign((folder / "myckpt").read_bytes(), OTHER))
    return path


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_readckpt_says_what_it_is(path: Path) -> None:
    done = run(built.solution() / "stage4-openfiles/readckpt", path)
    assert done.returncode == 65 and REFUSAL in done.stderr
    assert "program: sleep 1000 (pid" in done.stdout and "pages of 4096 bytes" in done.stdout


@pytest.mark.parametrize("restart", RESTARTS)
def test_restart_refuses_it_by_name(restart: str, path: Path) -> None:
    """As an image; of stage 5's, as a core of a program, too."""
    program = [["/usr/bin/sleep"]] if "stage5" in restart else []
    for words in ([], *program):
        done = run(built.solution() / restart, *words, path)
        assert (done.returncode, done.stdout) == (65, "") and REFUSAL in done.stderr


def test_other_readers_know_it(path: Path) -> None:
    """pyelftools; and, where it is installed, gdb-multiarch, which finds the registers of that machine."""
    assert Image(path).machine == {62: "EM_X86_64", 183: "EM_AARCH64"}[OTHER]
    if shutil.which("gdb-multiarch"):
        said = run("gdb-multiarch", "-nx", "-batch", "-ex", "info registers sp", "-ex", "show architecture", "-c", path).stdout
        sp = 0x1000 + (31 if OTHER == 183 else 19)
        assert f"0x{sp:x}" in said and NAMES[OTHER].replace("-", "_") in said.replace("-", "_"), said
