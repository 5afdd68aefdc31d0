"""What a submission left is removed, whatever it is."""
from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from batch import artefacts, removal

MANY = 1200  # folders in folders: more than Python calls itself, and with long names longer than any path


def dig(folder: Path, name: str, count: int) -> None:
    """So many folders, each in the one before, with a file in the last."""
    at = os.open(folder, os.O_RDONLY)
    for _ in range(count):
        os.mkdir(name, dir_fd=at)
        inner = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(os.open("leaf", os.O_CREAT, 0o600, dir_fd=at))
    os.close(at)


@pytest.fixture
def left(tmp_path: Path) -> Path:
    folder = tmp_path / "left"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", ["d", "d" * 40, ".removed-0", "\udcff\n"], ids=["short", "long", "ours", "odd"])
def test_folders_in_folders(left: Path, name: str) -> None:
    assert MANY > sys.getrecursionlimit()
    dig(left, name, MANY)
    removal.remove(left)
    assert not left.exists()


def test_links_lead_nowhere_and_rights_do_not_matter(left: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    (left / "to-folder").symlink_to(outside)
    (left / "to-file").symlink_to(outside / "kept")
    (left / "inner").mkdir()
    (left / "inner/out").symlink_to(outside)
    os.mkfifo(left / "inner/fifo")
    for name in ("a/b/c", "a/b/.removed-0", ".removed-0"):
        (left / name).mkdir(parents=True)
    for name in ("a/b/c", "a/b", "a", "inner"):
        (left / name).chmod(0)
    removal.remove(left)
    removal.remove(left)  # it is gone
    assert not left.exists() and (outside / "kept").read_text() == "kept"


def test_a_link_is_no_folder_to_remove(left: Path) -> None:
    link = left.with_name("link")
    link.symlink_to(left)
    with pytest.raises(OSError):
        removal.remove(link)
    assert left.is_dir()


@pytest.mark.parametrize("name", ["d", "d" * 40], ids=["short", "long"])
def test_what_is_kept_of_it_is_not_deep(left: Path, name: str, tmp_path: Path) -> None:
    """And nothing of the submission's can be run, whatever it is called."""
    dig(left, name, MANY)
    (left / "repro.sh").write_text("#!/bin/sh\n")
    (left / "repro.sh").chmod(0o755)
    artefacts.copy_folder(left, tmp_path / "kept", artefacts.MOST, ours=False)
    assert [path.name for path in (tmp_path / "kept").rglob("*")] == ["repro.sh"]
    assert not os.access(tmp_path / "kept/repro.sh", os.X_OK)
    removal.remove(left)
