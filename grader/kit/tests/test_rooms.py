"""The rooms of the grader: who may import whom, and that each has its page."""
from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from stage.config import GRADER

# A room -> the rooms that it may import from. The kit may import from all.
MAY: dict[str, set[str]] = {
    "stage": set(),
    "tests": {"stage"},
    "film": {"stage"},
    "classic": {"stage"},
    "sandbox": {"stage"},
    "reports": {"stage"},
    "handout": {"stage", "reports"},
    "platforms": {"stage", "reports", "handout"},
    "batch": {"stage", "reports", "platforms", "sandbox"},
}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("room", MAY)
def test_arrows_run_one_way(room: str) -> None:
    wrong = [f"{path.relative_to(GRADER)} imports {name}" for path in sorted((GRADER / room).rglob("*.py"))
             for name in imported(path) if name.partition(".")[0] in {*MAY, "kit"} - {room} - MAY[room]]
    assert not wrong


def test_no_two_modules_of_a_room_import_each_other() -> None:
    """Straight or in a ring: each module is read with the ones below it alone."""
    arrows = {f"{room}.{path.stem}": {f"{room}.{name}" for name in inside(path, room)}
              for room in MAY for path in (GRADER / room).glob("*.py") if path.stem != "__init__"}
    below = {name for name, targets in arrows.items() if not targets & arrows.keys()}
    while True:
        more = {name for name, targets in arrows.items() if targets & arrows.keys() <= below} - below
        if not more:
            break
        below |= more
    assert sorted(arrows.keys() - below) == []


def inside(path: Path, room: str) -> set[str]:
    """The modules of its own room that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == room:
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{room}."):
            found.add(str(node.module).split(".")[1])
    return found


def test_the_page_at_the_top_shows_the_arrows() -> None:
    rows = [f"    {room:<10} {', '.join(sorted(below)) or 'no other'}\n" for room, below in MAY.items()]
    assert "".join(rows) in (GRADER / "README").read_text()


@pytest.mark.parametrize("room", [*MAY, "kit"])
def test_each_room_has_a_page(room: str) -> None:
    page = (GRADER / room / "README").read_text()
    assert page.startswith("# ")
    assert f"| {room}/ " in (GRADER / "README").read_text(), "the page at the top leads to it"


def test_no_module_beside_a_program_has_the_name_of_a_room() -> None:
    """A program's own folder comes first in sys.path: it would find that module in place of the room."""
    modules = sorted(GRADER.glob("*/*.py"))
    folders = {path.parent for path in modules if "__main__" in path.read_text()}
    assert GRADER / "handout" in folders
    assert [str(path) for path in modules if path.parent in folders and (GRADER / path.stem).is_dir()] == []
