"""The stages on other systems: grader/kit/systems.py, whose real runs are part of `make stress`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kit import systems
from kit.real_programs import committed_rows
from kit.systems import Grade, NotHere, Row, System

NOWHERE = System("Nowhere 1", "nowhere", "http://127.0.0.1:9")  # nobody listens there


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Chroots of the test's own, and a debootstrap that makes what it is told to make."""
    debootstrap = tmp_path / "debootstrap"
    debootstrap.write_text('#!/bin/sh\nmkdir "$5"; echo "E: no space"; exit "${FAKE_STATUS-0}"\n')
    debootstrap.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(systems, "PLACE", tmp_path / "systems")
    monkeypatch.setattr(systems, "check_rights", lambda: None)
    return tmp_path / "systems"


def test_without_a_mirror_it_says_so(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = systems.try_system(NOWHERE)
    assert row.why.startswith("not tried here: no mirror answers (http://127.0.0.1:9: ") and row.is_good()
    assert row.why in capsys.readouterr().out and not place.exists()


def test_without_root_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert systems.try_system(NOWHERE).why == "not tried here: only root can make a chroot"


def test_a_chroot_has_its_name_only_when_it_is_whole(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systems, "check_mirror", lambda system: None)
    monkeypatch.setenv("FAKE_STATUS", "1")
    with pytest.raises(NotHere, match="debootstrap fails: E: no space"):
        systems.root_of(NOWHERE, fresh=False)
    assert not (place / "nowhere").exists()
    monkeypatch.setenv("FAKE_STATUS", "0")
    assert systems.root_of(NOWHERE, fresh=False) == place / "nowhere"
    (place / "nowhere/kept").touch()
    assert (systems.root_of(NOWHERE, fresh=False) / "kept").exists()
    assert not (systems.root_of(NOWHERE, fresh=True) / "kept").exists()


FULL, LESS, NONE = Grade(20, 20, ()), Grade(18, 20, ("test_x",)), Grade(0, 20, ("test_x",))


@pytest.mark.parametrize("solution, skeleton, good", [(FULL, NONE, True), (LESS, NONE, False), (FULL, LESS, False)])
def test_what_is_good(solution: Grade, skeleton: Grade, good: bool) -> None:
    assert Row(NOWHERE, "", "gcc 1.0", (solution,), (skeleton,)).is_good() == good


def test_the_table_has_points_and_what_fails() -> None:
    stages = len(systems.STAGES)
    rows = [Row(NOWHERE, "", "gcc 1.0", (LESS, *[FULL] * (stages - 1)), (NONE,) * stages), Row(NOWHERE, "not tried here: why")]
    lines = systems.table([row.cells() for row in rows]).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert "| gcc 1.0 | 18 of 20 (test_x) | 20 of 20 |" in lines[2] and lines[2].endswith("| 0+0+0+0+0+0 |")
    assert "| Nowhere 1 | not tried here: why | - |" in lines[3]


def test_rows_of_systems_that_were_not_run_stay() -> None:
    first, second, third, *_ = systems.SYSTEMS
    old = [[second.name, "old"], [first.name, "old"]]
    rows = systems.renewed(old, [Row(second, "not tried here: why"), Row(third, "not tried here: why")])
    assert [row[:2] for row in rows] == [[first.name, "old"], [second.name, "not tried here: why"],
                                         [third.name, "not tried here: why"]]


def test_the_table_in_the_readme() -> None:
    """It names these systems, in this order; each has points or says why not."""
    rows = committed_rows(systems.BEGIN, systems.END)
    assert [row[0] for row in rows] == [system.name for system in systems.SYSTEMS]
    for row in rows:
        assert row[1].startswith("not tried here: ") or all(" of " in cell for cell in row[2:-1]), row
