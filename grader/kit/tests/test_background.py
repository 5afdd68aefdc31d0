"""The demo programs: each builds without a warning, shows its point, and has its twin."""
from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import SAMPLE, need
from kit import built
from kit.arm64.lab import CROSS

ARM = "_aarch64"
BACKGROUND = Path(__file__).resolve().parents[3] / "BACKGROUND"
SOURCES = sorted(path.name for path in BACKGROUND.glob("*.c"))
TARGETS = re.findall(r"^    \d+ +(\w+) ", (BACKGROUND / "README.md").read_text(), re.MULTILINE)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in [*SOURCES, "Makefile", "README.md", "show", "check"]:
        shutil.copy2(BACKGROUND / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def ready(copy: Path) -> Path:
    built.lay(built.demos(), copy)
    return copy


def make(folder: Path, *arguments: str) -> str:
    run = subprocess.run(["make", "--no-print-directory", *arguments], cwd=folder, text=True,
                         check=False, timeout=600,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert run.returncode == 0, run.stdout
    return run.stdout


@pytest.mark.parametrize("compiler, flags", [
    pytest.param("", "", marks=pytest.mark.sample),  # as they are built for all other tests
    pytest.param("gcc", "-O2", marks=pytest.mark.sample), pytest.param("clang", "-O1", marks=pytest.mark.sample),
    pytest.param("gcc", "-O0", marks=pytest.mark.stress),
    pytest.param("gcc", "-O3", marks=pytest.mark.stress),
    pytest.param("clang", "-O0", marks=pytest.mark.stress),
    pytest.param("clang", "-O3", marks=pytest.mark.stress)])
def test_demos_show_what_the_text_says(copy: Path, compiler: str, flags: str) -> None:
    """Row H10. Broken programs break, fixed ones do not, whoever compiles them."""
    if compiler:
        need(compiler)
        words = ["WERROR=1", f"CC={compiler}", f"CFLAGS={flags}"]
    else:
        built.lay(built.demos(), copy)
        words = []
    assert "ok  ./primes 5" in make(copy, "check", *words)


@pytest.mark.parametrize("target", TARGETS)
def test_each_part_runs_by_its_make_target(ready: Path, target: str) -> None:
    """It builds what it runs, and runs it."""
    plan = make(ready, "-n", "-B", target)
    runs = re.findall(r"\./([\w.-]+)", plan) + " ".join(re.findall(r"for program in ([^;]*);", plan)).split()
    assert set(runs) - {"show"} <= set(re.findall(r" -o (\S+)", plan))
    assert re.search(r"^\[(exit status|killed by) \w+\]$", make(ready, target), re.MULTILINE)
    assert f"make {target} " in make(ready, "help")


@pytest.mark.sample
@pytest.mark.parametrize("part", range(SAMPLE))
def test_fixed_demos_are_clean_under_valgrind(ready: Path, part: int) -> None:
    """Row K9."""
    need("valgrind")
    names = re.findall(r"--valgrind (.*)", make(ready, "-n", "valgrind"))[0].split()
    assert "ok " in make(ready, "valgrind", f"CLEAN={' '.join(names[part::SAMPLE])}")


def test_check_notices_a_demo_that_does_not_show_its_point(ready: Path) -> None:
    shutil.copy(ready / "tls-canary.c", ready / "tls-canary-broken.c")
    with pytest.raises(AssertionError, match="tls-canary-broken does not print"):
        make(ready, "check")


def test_clean_leaves_only_sources(copy: Path) -> None:
    before = sorted(path.name for path in copy.iterdir())
    built.lay(built.demos(), copy)
    make(copy, "all")
    make(copy, "clean")
    assert sorted(path.name for path in copy.iterdir()) == before


def test_every_broken_demo_marks_its_mistake_and_has_a_twin() -> None:
    for name in [name for name in SOURCES if "-broken" in name]:
        text = (BACKGROUND / name).read_text()
        assert text.startswith(f"/* {name}: BROKEN.") and text.count("BROKEN") >= 2, name
        twin = "constructor4.c" if name.startswith("constructor5") else name.replace("-broken", "")
        assert twin in SOURCES


def test_the_text_speaks_of_every_program() -> None:
    text = (BACKGROUND / "README.md").read_text()
    assert [name for name in SOURCES if Path(name).stem.removesuffix(ARM) not in text] == []


def test_who_names_registers_is_another_program_on_arm64(copy: Path) -> None:
    """And all of them build for it; what they print there, documents.py sees."""
    assembly = {name for name in SOURCES if "__asm__" in (BACKGROUND / name).read_text()}
    other = {name for name in assembly if Path(name).stem.endswith(ARM)}
    assert len(other) == 7 and {name.replace(ARM, "") for name in other} == assembly - other
    need(CROSS)
    make(copy, "all", f"CC={CROSS}", "WERROR=1")
    assert "AArch64" in subprocess.run(["readelf", "-h", copy / "sigreturn"], check=True, text=True, stdout=subprocess.PIPE).stdout
