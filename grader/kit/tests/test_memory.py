"""Memory of every kind: what it costs to save, what comes back, and what is named. With the solution's stage 4."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit import mutants
from stage import maps
from stage.case import Case
from stage.lab import STUDENT, Lab

pytestmark = pytest.mark.xdist_group("memory")  # what is built once is built by one worker
HUGE_PAGES = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")
RESERVED = ["wrong 0, middle 5, end 9", "present 700 and 0", "hidden 7"]


@pytest.fixture(name="lab", scope="module")
def lab_fixture(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    folder = tmp_path_factory.mktemp("memory")
    mutants.copy_solution(folder)
    lab = Lab(4, folder / "stage4-openfiles")
    lab.build()
    return lab


@pytest.fixture(name="case")
def case_fixture(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Case]:
    case = Case.fresh(lab, re.sub(r"\W", "-", request.node.name))
    yield case
    case.close()


def needed(case: Case, kind: str) -> None:
    """Memory of that kind must be there to be tried."""
    words = [case.program("mappings"), kind, "probe"]
    if subprocess.run(words, capture_output=True, check=False).returncode != 0:
        pytest.skip(f"not tried here: this machine has no memory of the kind '{kind}'")


def has_scan() -> bool:
    return tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) >= (6, 7)


@contextmanager
def pool_of_huge_pages() -> Iterator[Path]:
    """Whoever may write it finds four huge pages in it, and puts it back."""
    if not os.access(HUGE_PAGES, os.W_OK):
        pytest.skip("not tried here: only root can fill the pool of huge pages")
    before = HUGE_PAGES.read_text()
    HUGE_PAGES.write_text(str(int(before) + 4))
    try:
        yield HUGE_PAGES
    finally:
        HUGE_PAGES.write_text(before)


def restarted(case: Case, kind: str, *arguments: object, after: Sequence[str], options: Sequence[str] = ()) -> str:
    """What restart said."""
    case.close_gates()
    life = case.survives("mappings", kind, *arguments, after=after, ckpt=STUDENT, options=options)
    return life.messages()


# What it costs


def test_terabytes_are_reserved_and_little_is_written(case: Case) -> None:
    """Read page by page, 16 TiB took minutes, and as many bytes of a file are more than ext4 has."""
    size = 16384 if has_scan() else 1024
    first = case.start_at_gate("mappings", "reserved", size, ckpt=STUDENT)
    image = case.checkpoint(first)
    assert image.stat().st_size < 64 << 20 and image.stat().st_blocks * 512 < 16 << 20
    region = next(r for r in maps.read_maps(first.pid) if r.end - r.start == size << 30)
    readckpt = case.lab.folder / "readckpt"
    said = subprocess.run([readckpt, "--against", str(first.pid), image], capture_output=True, text=True, check=False)
    assert re.search(rf"^same .* 0*{region.start:x}-0*{region.end:x}", said.stdout, re.MULTILINE), said.stdout
    assert subprocess.run([readckpt, "--check", image], check=False).returncode == 0
    elf = subprocess.run(["readelf", "-lW", image], capture_output=True, text=True, check=True)
    assert "Warning" not in elf.stderr
    first.kill()
    case.open_gate(1)
    second = case.restart(image)
    assert second.wait() < 128 and [line.rsplit(" #", 1)[0] for line in second.lines()[:3]] == RESERVED


def test_a_program_under_address_sanitizer(case: Case) -> None:
    """Its shadow has 14 TiB. (clang links it into the program; gcc has a library, which must be the first.)"""
    try:
        program = case.program("mappings-asan")
        works = subprocess.run([program, "sealed", "probe"], capture_output=True, check=False).returncode in (0, 77)
    except (OSError, RuntimeError):
        works = False
    if not works:
        pytest.skip("not tried here: no clang with AddressSanitizer")
    life = case.start_at_gate(program, "reserved", 1, ckpt=STUDENT)
    image = case.checkpoint(life)
    life.kill()
    case.open_gate(1)
    second = case.restart(image)
    second.wait()
    assert [line.rsplit(" #", 1)[0] for line in second.lines()[:3]] == RESERVED, second.messages()


@pytest.mark.parametrize(("lacks", "size"), [("scan", 64), ("swap", 16)])
def test_an_older_kernel_finds_the_same_pages(case: Case, lacks: str, size: int) -> None:
    case.through = [str(case.program("olderkernel")), lacks]
    restarted(case, "reserved", size, after=RESERVED)


# What comes back


@pytest.mark.parametrize(
    ("kind", "after"),
    [("grows", "1 2 3"), ("guards", "1 1 0, others 7 7"), ("droppable", "empty 1"), ("sealed", "unmapped 0"),
     ("numa", "1 2 on 1, 0")],
)
def test_memory_comes_back(case: Case, kind: str, after: str) -> None:
    needed(case, kind)
    assert "memory at" not in restarted(case, kind, after=[after])


def test_a_guard_at_the_beginning_of_a_file(case: Case) -> None:
    needed(case, "guarded-file")
    restarted(case, "guarded-file", case.folder / "file", after=["1 0"])


def test_guards_of_shared_memory_are_refused(case: Case) -> None:
    """What is behind them cannot be read, and zeros would go into the file."""
    needed(case, "guarded-shared")
    first = case.start_at_gate("mappings", "guarded-shared", case.folder / "file", ckpt=STUDENT)
    case.refuses(first, ["with guards", "cannot be saved"])


def test_guards_are_seen_by_an_older_kernel(case: Case) -> None:
    """Without PAGEMAP_SCAN: by /proc/self/pagemap."""
    needed(case, "guards")
    case.through = [str(case.program("olderkernel")), "swap"]
    restarted(case, "guards", after=["1 1 0, others 7 7"])


def test_huge_pages_come_back_or_are_named(case: Case) -> None:
    with pool_of_huge_pages() as pool:
        needed(case, "huge")
        assert "memory at" not in restarted(case, "huge", after=["1 4", "unmapped in small pages 0"])
        pool.write_text("0")
        case.close_gates()
        case.open_gate(1)
        assert case.image is not None
        strict = case.restart(case.image, STUDENT, "--strict", "--redirect")
        assert strict.wait() == 66 and "too few free here" in strict.messages()
        second = case.restart(case.image)
        assert second.wait() < 128 and "unmapped in small pages 1" in second.lines()[1]
        assert "it will have small ones" in second.messages()


def test_a_file_open_for_writing_may_become_writable(case: Case) -> None:
    file = case.folder / "file"
    restarted(case, "later-writable", file, after=["x, writable 1", "y"])
    assert file.read_bytes()[:1] == b"y"


def test_userfaultfd_is_named(case: Case) -> None:
    needed(case, "userfault")
    assert "was registered with a userfaultfd(2)" in restarted(case, "userfault", after=["0"])
