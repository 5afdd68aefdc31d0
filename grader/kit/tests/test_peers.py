"""make bench beside other checkpointers (peers.py): who is found, what the table says, and what is a regression."""
from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kit import mutants, peers

MIB = peers.MIB
# Stands in for DMTCP: its three programs by their options, with our own stage behind them.
LAUNCH = """#!/bin/sh
while [ "$1" != --ckptdir ]; do [ "$1" = --port-file ] && echo 7779 >"$2"; shift; done; cd "$2"; shift 2
exec {stage}/ckpt -o image.dmtcp "$@"
"""
COMMAND = """#!/bin/sh
case "$*" in
*--quit) exit 0 ;;
*7779*--bcheckpoint) ;;
*) echo "which coordinator?"; exit 1 ;;
esac
until kill -USR2 $(cat pid); do sleep .1; done; until [ -e image.dmtcp ]; do sleep .05; done
"""
RESTART = """#!/bin/sh
shift 3; exec {stage}/restart "$@"
"""
ROW = {"stall": 0.0123, "whole": 0.2, "restart": 0.3, "size": 64.2 * MIB, "price": -0.004, "write": 0.1, "read": 0.2,
       "x write": 2.0, "x read": 1.5}
OURS = ["ckptlab", "ckptlab --lazy", "ckptlab --live", "ckptlab --live=track"]
NOTE = "a\n<!-- bench: made by x -->\n<!-- end of bench -->\nb\n"


@pytest.fixture(name="readme")
def readme_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "README"
    path.write_text(NOTE)
    monkeypatch.setattr(peers, "README", path)
    return path


def script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def test_who_is_here_is_found_and_who_is_not_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for variable in "BENCH_CRIU", "BENCH_DMTCP":
        monkeypatch.delenv(variable, raising=False)
    found, absent = peers.checkpointers()
    assert [peer.name for peer in found] == OURS and len(absent) == 2
    script(tmp_path / "criu", "#!/bin/sh\n")
    monkeypatch.setenv("BENCH_DMTCP", str(tmp_path))
    found, absent = peers.checkpointers()
    assert [peer.name for peer in found] == [*OURS, "DMTCP", "CRIU"] and absent == []


def test_ours_and_a_peer_in_turn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Real lives: ours under its own name and as DMTCP; and a peer that cannot do it here has its own words in its row."""
    stage = mutants.build_solution(tmp_path, "stage4-openfiles")
    monkeypatch.setattr(peers, "STAGE", stage)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    subprocess.run(["gcc", "-O1", "-o", tmp_path / "touch", "-x", "c", "-"], input=peers.PROGRAM, text=True, check=True)
    for name, text in ("dmtcp_launch", LAUNCH), ("dmtcp_command", COMMAND), ("dmtcp_restart", RESTART):
        script(tmp_path / name, text.replace("{stage}", str(stage)))
    script(tmp_path / "criu", "#!/bin/sh\necho 'Error: not | on this kernel' >&2; exit 1\n")

    class Fake(peers.Dmtcp):
        """The command must know whom it asks; a coordinator does."""

        def save(self, folder: Path, pid: int) -> None:
            (folder / "pid").write_text(str(pid))
            super().save(folder, pid)

    found: list[Any] = [peers.Ours(), Fake(tmp_path), peers.Criu(str(tmp_path / "criu"))]
    results = {"2 MiB": peers.compare(tmp_path / "touch", 2 * MIB, 1, 1, lambda size: (0.5, 0.25), found)}
    text = peers.table(results)
    for name in "ckptlab", "DMTCP":
        row = results["2 MiB"][name]
        assert isinstance(row, dict), text
        assert 0 < row["stall"] and 0 < row["restart"] and 2 * MIB < row["size"] < 4 * MIB
        assert row["x write"] == row["whole"] / 0.5 and row["x read"] == row["restart"] / 0.25
    assert "| 2 MiB | CRIU | failed: criu: Error: not / on this kernel | - | - | - | - | - | - |\n" in text
    assert not list(tmp_path.glob("ckptlab-peer-*"))


def test_the_table_is_noted_with_its_machine_and_read_again(readme: Path) -> None:
    results = {"64 MiB": {"ckptlab": ROW, "CRIU": "no"}}
    assert peers.table(results).splitlines()[2] == (
        "| 64 MiB | ckptlab | 12.3 ms | 200.0 ms | 2.00 | 300.0 ms | 1.50 | 64.2 MiB | -0 % |")
    peers.note(peers.table(results) + f"\nMachine: {peers.machine()}.\n")
    assert peers.noted() == (peers.machine(), {("64 MiB", "ckptlab"): (2.0, 1.5)})
    assert readme.read_text().startswith("a\n<!-- bench: ") and readme.read_text().endswith("<!-- end of bench -->\nb\n")


@pytest.mark.parametrize("change, worse", [
    ({}, []),
    ({"x write": 2.39, "x read": 1.79}, []),
    ({"x write": 2.41}, ["64 MiB, ckptlab: x write() is 2.41, and was 2.00"]),
    ({"x read": 1.9}, ["64 MiB, ckptlab: x read() is 1.90, and was 1.50"]),
    ({"x read": 1.9, "read": 0.001}, []),  # too short to be compared with
])
def test_a_regression_is_a_fifth(readme: Path, change: dict[str, float], worse: list[str]) -> None:
    peers.note(peers.table({"64 MiB": {"ckptlab": ROW, "CRIU": ROW}}) + f"\nMachine: {peers.machine()}.\n")
    now = {"64 MiB": {"ckptlab": {**ROW, **change}, "CRIU": {**ROW, "x write": 99.0}}, "1 MiB": {"ckptlab": ROW}}
    assert peers.regressions(now) == worse
    readme.write_text(readme.read_text().replace("Machine: ", "Machine: another "))
    assert peers.regressions(now) == []


def test_without_matplotlib_it_says_so(tmp_path: Path) -> None:
    said = peers.plot({"64 MiB": {"ckptlab": ROW, "CRIU": "no"}}, tmp_path / "a/bench.svg")
    if importlib.util.find_spec("matplotlib") is None:
        assert "not drawn here: python3-matplotlib is missing" in said
    else:
        assert re.search(r"<svg", (tmp_path / "a/bench.svg").read_text())
