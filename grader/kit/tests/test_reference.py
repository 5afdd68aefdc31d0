"""The hand-out's reference has objects for each kind of processor, and what uses them takes those of its own machine."""
from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from handout import pack, reference

from conftest import TOP
from kit.arm64 import disk
from kit.arm64.machine import Machine
from kit.systems import NOT_TRIED
from stage import archive
from test_top import make

HERE = platform.machine()
OTHER = next(processor for processor in reference.PROCESSORS if processor != HERE)
MACHINES = {"x86_64": "EM_X86_64", "aarch64": "EM_AARCH64"}
CC = f"CC={OTHER}-linux-gnu-gcc"

pytestmark = pytest.mark.xdist_group("reference")  # what is built once is built by one worker
cross = pytest.mark.skipif(not reference.can_be_made(OTHER), reason=f"{NOT_TRIED}there is no {CC[3:]}")


def machine(path: Path) -> str:
    with path.open("rb") as file:
        return str(ELFFile(file)["e_machine"])


def lay(entries: list[archive.Entry], folder: Path) -> None:
    for entry in entries:
        (folder / entry.name).parent.mkdir(parents=True, exist_ok=True)
        (folder / entry.name).write_bytes(entry.data)
        (folder / entry.name).chmod(0o755 if entry.executable else 0o644)


@pytest.fixture(scope="module")
def last(request: pytest.FixtureRequest) -> int:
    """Of the stages whose objects are made: what a cross compiler takes longest for is for --stress."""
    return 6 if request.config.option.stress else 3


@pytest.fixture(scope="module")
def lab(last: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hand-out of these stages, unpacked."""
    folder = tmp_path_factory.mktemp("reference")
    assert pack.main(["--stages", f"1-{last}", "-o", str(folder / "handout.tar.xz")]) == 0
    archive.unpack(folder / "handout.tar.xz", folder)
    return folder / "ckptlab"


@cross
def test_there_are_objects_for_each_processor(lab: Path, last: int) -> None:
    """Of the right kind; and for both the same, but for what knows one processor alone."""
    names = {}
    for processor in reference.PROCESSORS:
        objects = sorted(lab.glob(f"reference/**/{processor}/*.o"))
        assert objects and {machine(path) for path in objects} == {MACHINES[processor]}
        names[processor] = {str(path.relative_to(lab)).replace(processor, "ARCH") for path in objects}
        assert not list(lab.glob(f"reference/**/{processor}/*{({*MACHINES} - {processor}).pop()}.o"))
    assert len(list(lab.glob("reference/**/*.o"))) == sum(len(list(lab.glob(f"reference/**/{name}/*.o"))) for name in MACHINES)
    first = [{name for name in found if name.startswith("reference/ARCH/")} for found in names.values()]
    assert first[0] == first[1] and len(first[0]) > 50
    if last == 6:
        ported = {place: reference.is_ported(TOP / "solution" / stage, OTHER) for place, stage in reference.PLACES.items()}
        assert {place: (lab / "reference" / place / OTHER).is_dir() for place in ported} == ported


@cross
@pytest.mark.parametrize("folder", ["stage2-saveimage", "stage3-restart", "reference"])
def test_a_build_takes_those_of_its_own_processor(lab: Path, folder: str) -> None:
    """One after the other, in one folder: as a student does who has two machines and one home folder."""
    programs = ("ckpt", "libckpt.so", "readckpt")
    for words, processor in ((["REFERENCE=1", CC], OTHER), (["REFERENCE=1"], HERE), (["REFERENCE=1", CC], OTHER)):
        done = make(lab, "-C", folder, *words)
        assert done.returncode == 0, done.stdout
        assert {machine(lab / folder / name) for name in programs} == {MACHINES[processor]}
    assert make(lab, "-C", folder, "clean").returncode == 0


@cross
def test_an_object_is_the_same_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCACHE_DISABLE", "1")
    assert reference.objects_for(TOP, 1, OTHER) == reference.objects_for(TOP, 1, OTHER) != []


def test_what_was_not_made_is_said(lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To who makes the hand-out, and to who would use it: in words."""
    shutil.copytree(lab, tmp_path / "ckptlab", symlinks=True)
    for path in (tmp_path / "ckptlab/reference").rglob(HERE):
        shutil.rmtree(path)
    for folder in ("stage3-restart", "reference"):
        done = make(tmp_path / "ckptlab", "-C", folder, "REFERENCE=1")
        assert done.returncode != 0 and f"this hand-out has no reference for {HERE}" in done.stdout
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not reference.can_be_made(OTHER) and reference.can_be_made(HERE)
    [said] = reference.lacking()
    assert f"there is no {OTHER}-linux-gnu-gcc" in said and f"grader/setup gcc-{OTHER.replace('_', '-')}-linux-gnu" in said
    assert reference.lacking([HERE]) == []


# A student's stage 3 is not begun; the reference's programs bring a counter back.
THERE = """set -e
tar -C /tmp -xf /host/handout.tar
cd /tmp/ckptlab
export CKPTLAB_CHOSEN=/tmp/ckptlab/grader::/usr/bin/python3 CKPTLAB_PATIENCE=40
make -s -C reference
make -s -C BACKGROUND counting
make -s -C stage2-saveimage REFERENCE=1 ckpt
cd reference
./ckpt ../BACKGROUND/counting 100 100 >first &
until [ -s first ]; do sleep 0.1; done
kill -USR2 $!
until ./readckpt myckpt >valid 2>&1; do sleep 0.1; done
kill -KILL $! || :
./restart myckpt >second
sort -nu first second | wc -l
cd .. && grader/check --stage 1 stage1-readmaps | tail -n 1
"""


@cross
@pytest.mark.stress
@pytest.mark.skipif(OTHER != "aarch64" or not disk.is_there(), reason=f"{NOT_TRIED}make check-arm64 makes the machine")
def test_the_other_half_works_on_such_a_machine(lab: Path, tmp_path: Path) -> None:
    subprocess.run(["tar", "-C", lab.parent, "-cf", tmp_path / "handout.tar", "ckptlab"], check=True)
    with Machine(tmp_path / "machine", tmp_path) as there:
        status, output = there.run(THERE, 600)
    count, points = output.splitlines()[-2:]
    assert status == 0 and count == "100" and points.startswith("Stage 1: 0 of 20 points"), output
