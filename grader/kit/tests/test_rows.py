"""The table of promised rows in the kit's README: each row names tests that exist."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

from stage.config import GRADER, TOP

ROWS = [*(f"K{i}" for i in range(1, 10)), *(f"H{i}" for i in range(1, 13)), *(f"C{i}" for i in range(2, 11)),
        *(f"S{i}" for i in range(1, 8))]


def table() -> dict[str, list[str]]:
    """Row -> the tests that it names as `file::test`."""
    text = (GRADER / "kit" / "README").read_text()
    rows = re.findall(r"^\| (\w\d+) \|[^|]*\| (.*) \|$", text, re.MULTILINE)
    return {row: re.findall(r"`([^`]+::\w+)`", tests) for row, tests in rows}


def exists(test: str) -> bool:
    name, _, function = test.partition("::")
    path: Path = TOP / name
    return path.exists() and re.search(rf"^def {function}\(", path.read_text(), re.MULTILINE) is not None


@pytest.mark.parametrize("row", ROWS)
def test_row_is_shown_by_a_test(row: str) -> None:
    tests = table().get(row, [])
    assert tests, f"row {row} names no test"
    missing = [test for test in tests if not exists(test)]
    assert not missing, f"row {row}: there is no {missing}"


def test_no_other_rows() -> None:
    assert sorted(table()) == sorted(ROWS)
