"""How the kit's own check chooses among its tests, and tells what they cost."""
from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from conftest import SAMPLE, TOP, kinds

TESTS = """
import pytest

def test_plain(): pass

@pytest.mark.sample
@pytest.mark.parametrize("number", range(11))
def test_many(number): pass

@pytest.mark.sample(10)
@pytest.mark.parametrize("number", range(30))
def test_rare(number): pass

@pytest.mark.parametrize("number", [0, *(pytest.param(n, marks=pytest.mark.sample) for n in (1, 2, 3))])
def test_few(number): pass

@pytest.mark.xdist_group("long")
def test_long(): pytest.skip("not here, says the test")
"""


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    """A kit whose tests take no time."""
    (tmp_path / "conftest.py").write_text((TOP / "grader/kit/tests/conftest.py").read_text())
    (tmp_path / "test_a.py").write_text(TESTS)
    (tmp_path / "test_b.py").write_text("def test_b(): pass\n")
    (tmp_path / "grader").mkdir()
    return tmp_path


# Runs pytest once for each list of words that it reads, in a process of its own; Python has been started once for all.
PYTEST = """
import json, os, sys
import pytest
from kit import budget, real_programs, remote_programs  # what conftest.py needs

for words in json.load(sys.stdin):
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        sys.argv[1:] = words
        sys.exit(pytest.main(words))
    if os.waitpid(child, 0)[1]:
        sys.exit("pytest failed: " + " ".join(words))
"""


def check(kit: Path, *calls: Sequence[str]) -> list[str]:
    """The lines that pytest prints, called with the words of each call."""
    ours = ["-c", str(TOP / "grader/kit/pytest.ini"), "--rootdir", str(kit), "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    done = subprocess.run([sys.executable, "-c", PYTEST], cwd=kit, text=True, input=json.dumps([[*ours, *words] for words in calls]),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()


def test_each_is_in_one_of_the_samples(kit: Path) -> None:
    """And a mark can say how few: @sample(10)."""
    lines = check(kit, *(["--co", "-q", "--seed", str(seed)] for seed in range(7, 7 + SAMPLE)))
    for name, count in (("many", 11), ("rare", 3 * SAMPLE)):
        chosen = [line for line in lines if name in line]
        assert len(chosen) == len(set(chosen)) == count
    few = [line for line in lines if "few" in line]
    assert few[::2] == ["test_a.py::test_few[0]"] * SAMPLE and len(set(few[1::2])) == 3, "of three each day one"


@pytest.mark.parametrize("words", [["--stress"], ["-k", "many"], ["test_a.py::test_many"]])
def test_who_asks_has_all(kit: Path, words: list[str]) -> None:
    lines = check(kit, ["--co", "-q", "--seed", "7", *words])
    assert sum("test_many[" in line for line in lines) == 11 and not any("sample" in line for line in lines)


def test_the_readme_has_a_row_for_each_kind() -> None:
    """Of all that is collected: nothing, if this file is alone."""
    text = (TOP / "grader/kit/README").read_text()
    rows = {name: int(of) for name, of in re.findall(r"^\| `(test_\w+\.py::\w+)` \|.*\| 1 of (\d+) \|$", text, re.MULTILINE)}
    assert rows and {name: of for name, of in kinds.items() if rows.get(name, 0) < of} == {}


def test_the_end_names_what_was_left_out_and_what_it_cost(kit: Path) -> None:
    lines = check(kit, ["-q", "-n", "2", "--dist", "loadgroup", "--seed", "7"])
    assert "passed" in lines[-1] and lines[-2] == "sample 6 of 44 (grader/kit/README), seed 7"
    assert any("not here, says the test" in line for line in lines)
    assert any(line.endswith(" s   test_b.py") for line in lines)
    assert any("s of 800 s of the processors" in line for line in lines)
