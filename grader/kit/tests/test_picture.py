"""Pictures of address spaces: readckpt --svg and --draw, `make picture`, and those in OVERVIEW."""
from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Iterator, NamedTuple

import pytest

from conftest import TOP, copy_built, need
from handout import skeleton
from kit import pictures
from kit.pictures import SVG
from kit.real_programs import not_tried

pytestmark = pytest.mark.xdist_group("picture")  # what is made once is made by one worker

SIZE = 40_000  # bytes of SVG that are enough for any one address space
LINES = 130    # lines of text
WIDTH = 100
CHECKPOINT_ITSELF = "import os, signal; os.kill(os.getpid(), signal.SIGUSR2)"


class Row(NamedTuple):
    """A box of the picture: a region, or several that were joined."""

    start: int
    end: int
    regions: int
    text: str
    top: int
    bottom: int


class Region(NamedTuple):
    start: int
    end: int


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("picture")
    copy_built(tree)
    return tree / "solution" / "stage3-restart"


@pytest.fixture(name="image", scope="module")
def image_fixture(stage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a program with many libraries."""
    image = tmp_path_factory.mktemp("image") / "image"
    command = [str(stage / "ckpt"), "-o", str(image), "/usr/bin/python3", "-c", CHECKPOINT_ITSELF]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return image


@pytest.fixture(name="maps")
def maps_fixture(tmp_path: Path) -> Path:
    maps = tmp_path / "maps"
    maps.write_text(Path("/proc/self/maps").read_text())
    return maps


def readckpt(stage: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(stage / "readckpt"), *map(str, words)], text=True, check=False, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def drawn(stage: Path, option: str, *files: object) -> str:
    done = readckpt(stage, option, *files)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def columns(svg: str) -> list[ElementTree.Element]:
    return [group for group in ElementTree.fromstring(svg).iter(SVG + "g") if group.get("class") == "column"]


def number(element: ElementTree.Element, name: str) -> int:
    return int(element.get(name) or "-1")


def rows(column: ElementTree.Element) -> Iterator[tuple[Row, ElementTree.Element]]:
    for group in column.iter(SVG + "g"):
        title, box = group.find(SVG + "title"), group.find(SVG + "rect")
        if group.get("class") not in ("region", "regions") or title is None or box is None:
            continue
        match = re.match(r"(\w+)-(\w+) (?:(\d+) regions: )?(.*)", title.text or "", re.DOTALL)
        assert match is not None
        top = number(box, "y")
        yield Row(int(match[1], 16), int(match[2], 16), int(match[3] or 1), match[4].strip(), top,
                  top + number(box, "height")), group


def regions(maps: str) -> list[Region]:
    lines = re.findall(r"^(\w+)-(\w+) \S{4} ", maps, re.MULTILINE)
    return [Region(int(start, 16), int(end, 16)) for start, end in lines]


def check_all_drawn(svg: str, maps: str) -> None:
    """Each region lies in one box, and each box has as many regions as it says."""
    boxes = [row for row, _ in rows(columns(svg)[0])]
    inside = [[r for r in regions(maps) if row.start <= r.start and r.end <= row.end] for row in boxes]
    assert [len(found) for found in inside] == [row.regions for row in boxes]
    assert sum(row.regions for row in boxes) == len(regions(maps))


def many_regions(count: int, name: str) -> str:
    """Every second one a guard, one page of gap behind each; {} in the name is replaced by the number."""
    return "".join(f"{0x7f0000000000 + i * 0x2000:x}-{0x7f0000000000 + i * 0x2000 + 0x1000:x} "
                   f"{'rw-p' if i % 2 else '---p'} 00000000 00:00 0 {name.format(i)}\n" for i in range(count))


def test_every_region_is_drawn(stage: Path, maps: Path) -> None:
    svg = drawn(stage, "--svg", maps)
    check_all_drawn(svg, maps.read_text())
    assert len(svg) < SIZE


def test_every_region_of_an_image_is_drawn(stage: Path, image: Path) -> None:
    lines = [line.split(None, 2)[2] for line in drawn(stage, "--regions", image).splitlines()]
    svg = drawn(stage, "--svg", image)
    check_all_drawn(svg, "\n".join(lines))
    assert "stored in the image" in svg and len(svg) < SIZE


def test_the_same_file_gives_the_same_picture(stage: Path, image: Path, maps: Path) -> None:
    for option in ("--svg", "--draw"):
        assert drawn(stage, option, image, maps) == drawn(stage, option, image, maps)


def check_marks(column: ElementTree.Element, expected: dict[str, int]) -> None:
    """Each mark stands in the region that its address lies in, and beside it."""
    found = {}
    for row, group in rows(column):
        for mark in (g for g in group.iter(SVG + "g") if g.get("class") == "mark"):
            text = mark.find(SVG + "text")
            assert text is not None and text.text is not None
            name, address = text.text.split()
            found[name] = int(address, 16)
            assert row.start <= found[name] < row.end, (row, name)
            assert row.top <= number(text, "y") - 4 <= row.bottom, (row, name)
    assert found == expected


def test_registers_are_marked_in_their_regions(stage: Path, image: Path) -> None:
    shown = re.findall(r"^(rip|rsp|fs_base) +0x(\w+)", drawn(stage, "--registers", image), re.MULTILINE)
    expected = {name.replace("fs_base", "TLS"): int(value, 16) for name, value in shown}
    assert len(expected) == 3
    check_marks(columns(drawn(stage, "--svg", image))[0], expected)
    text = drawn(stage, "--draw", image)
    for name, address in expected.items():
        assert re.search(rf"^ *{address:x} \|   <- {name} ", text, re.MULTILINE)


def test_registers_in_front_of_maps_are_marked(stage: Path, tmp_path: Path) -> None:
    """As gdb's `info registers` prints them; the last one points to nothing."""
    registers = ("rip            0x1010              0x1010 <main+4>\n"
                 "rsp            0x5ff8              0x5ff8\nfs_base        0x9000              36864\n")
    (tmp_path / "maps").write_text(registers + "1000-2000 r-xp 0 00:00 0\n4000-6000 rw-p 0 00:00 0 [stack]\n")
    svg = drawn(stage, "--svg", tmp_path / "maps")
    check_marks(columns(svg)[0], {"rip": 0x1010, "rsp": 0x5ff8})
    assert "TLS 9000" in svg
    assert "9000 :   <- TLS" in drawn(stage, "--draw", tmp_path / "maps")


def test_the_same_address_has_the_same_height(stage: Path, image: Path, maps: Path) -> None:
    heights: dict[int, set[int]] = {}
    lines = drawn(stage, "--svg", f"one={image}", f"two={maps}")
    assert [next(column.iter(SVG + "text")).text for column in columns(lines)] == ["one", "two"]
    for column in columns(lines):
        for row, _ in rows(column):
            heights.setdefault(row.start, set()).add(row.top)
            heights.setdefault(row.end, set()).add(row.bottom)
    assert all(len(found) == 1 for found in heights.values())
    in_order = [min(heights[address]) for address in sorted(heights)]
    assert in_order == sorted(in_order)


@pytest.mark.parametrize("name", ["", "/lib/lib{}.so", "/lib/same.so", "[heap]", "[anon:{}]", "[stack]"])
def test_thousands_of_regions_give_a_small_picture(name: str, stage: Path, tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.write_text(many_regions(5000, name))
    svg = drawn(stage, "--svg", maps)
    check_all_drawn(svg, maps.read_text())
    assert len(svg) < SIZE
    assert len(drawn(stage, "--draw", maps).splitlines()) < LINES


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_text_fits_on_a_terminal(count: int, stage: Path, image: Path) -> None:
    lines = drawn(stage, "--draw", *[f"{'long title ' * 20}{i}={image}" for i in range(count)]).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert all(line.isascii() and line.isprintable() for line in lines)


def test_names_are_escaped(stage: Path, tmp_path: Path) -> None:
    maps = tmp_path / "ma&ps"
    maps.write_bytes(b"1000-2000 r--p 0 08:01 7 /tmp/a<b>&\"'\\012c\x01\xff\xc3\xa4]]>\n")
    svg = drawn(stage, "--svg", maps)
    row, _ = next(rows(columns(svg)[0]))
    assert row.text == "r--p a<b>&\"'?c????]]>"
    assert next(columns(svg)[0].iter(SVG + "text")).text == "ma&ps"
    assert "a<b>&\"'?c????]]>" in drawn(stage, "--draw", maps)


BAD = {
    "text": (b"hello\n", 65),
    "empty": (b"", 65),
    "binary": (bytes(range(256)) * 40, 65),
    "a line without an end": (b"1000-2000 r--p 0 00:00 0", 65),
    "out of order": (b"3000-4000 r--p 0 00:00 0\n1000-2000 r--p 0 00:00 0\n", 65),
    "overlap": (b"1000-3000 r--p 0 00:00 0\n2000-4000 r--p 0 00:00 0\n", 65),
    "ELF": (b"\x7fELF" + bytes(200), 65),
    "only registers": (b"rip 0x1000\nrsp 0x1000\n", 65),
}


@pytest.mark.parametrize("option", ["--svg", "--draw"])
@pytest.mark.parametrize("content, status", BAD.values(), ids=BAD.keys())
def test_bad_files_are_refused(content: bytes, status: int, option: str, stage: Path, maps: Path) -> None:
    bad = maps.with_name("bad")
    bad.write_bytes(content)
    done = readckpt(stage, option, maps, bad)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith(f"readckpt: {bad}: ") and done.stderr.count("\n") == 1


def test_what_cannot_be_opened_is_refused(stage: Path, image: Path, tmp_path: Path) -> None:
    assert readckpt(stage, "--svg", tmp_path / "nothing").returncode == 66
    assert readckpt(stage, "--svg", f"title={tmp_path}/nothing").returncode == 66
    assert readckpt(stage, "--svg", tmp_path).returncode == 66
    assert readckpt(stage, "--svg").returncode == 64
    (tmp_path / "cut").write_bytes(image.read_bytes()[:20_000])
    done = readckpt(stage, "--svg", tmp_path / "cut")
    assert done.returncode == 65 and "truncated" in done.stderr


def test_drawing_is_clean_under_valgrind(stage: Path, image: Path, maps: Path) -> None:
    need("valgrind")
    (maps.parent / "bad").write_text(maps.read_text() + "bad\n")
    (maps.parent / "many").write_text(many_regions(5000, ""))
    for option in ("--svg", "--draw"):
        for files, status in (([image, maps, maps.parent / "many", maps], 0), ([image, maps.parent / "bad"], 65)):
            done = subprocess.run(["valgrind", "-q", "--error-exitcode=99", "--leak-check=full", "./readckpt", option,
                                   *files], cwd=stage, check=False, capture_output=True, text=True)
            assert done.returncode == status and "==" not in done.stderr, done.stderr


# --- The three moments of a restart -------------------------------------------------------------

needs_gdb = pytest.mark.skipif(shutil.which("gdb") is None, reason=not_tried("gdb"))


def picture(stage: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["./picture", *map(str, words)], cwd=stage, text=True, check=False, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@needs_gdb
def test_moments_of_a_restart(stage: Path, image: Path) -> None:
    done = subprocess.run(["make", "-s", "picture", f"IMAGE={image}"], cwd=stage, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.stdout == f"picture: see {stage}/picture.svg\n" and done.returncode == 0
    first, second, third = pictures.svg_outline((stage / "picture.svg").read_text())
    assert {"restart", "[stack]", "libc.so.6", "<- rsp"} <= first and "code" not in first
    assert second - {"[vdso]", "code", "anonymous", "", "<- rip", "<- rsp", "<- TLS"} == {
        "2. on its moved stack, all cleared"}
    assert {"libckpt.so", "[stack]", "[heap]", "code", "<- rsp"} <= third and "restart" not in third


@needs_gdb
def test_overview_shows_what_the_tools_draw(stage: Path, tmp_path: Path) -> None:
    shutil.copytree(stage.parents[1] / "BACKGROUND", stage.parent / "BACKGROUND", dirs_exist_ok=True)
    text, svg = pictures.draw(stage)
    assert pictures.differences(TOP, text, svg) == []
    copy_of_top = tmp_path / "top"
    copy_of_top.mkdir()
    shutil.copy(TOP / "OVERVIEW", copy_of_top)
    pictures.write(copy_of_top, text.replace(" [stack] ", " [staple]"), svg)
    assert [line.split(":")[0] for line in pictures.differences(copy_of_top, text, svg)] == ["OVERVIEW"] * 2


@needs_gdb
def test_moments_that_are_missing_are_named(stage: Path, image: Path, tmp_path: Path) -> None:
    """The student's restart clears everything, but does not yet map a region."""
    tree = tmp_path / "solution"
    shutil.copytree(stage.parent, tree)
    source = Path("solution/stage3-restart/restorer_map.c")
    file = skeleton.skeleton_of(TOP, source)
    assert file is not None
    skeleton.write_file(tmp_path / source, file)
    half = tree / stage.name
    subprocess.run(["make", "-s"], cwd=half, check=True, stdout=subprocess.DEVNULL)
    done = picture(half, "--draw", image)
    assert "moment 3 is missing" in done.stderr and "moment 2" not in done.stderr
    assert "restart: failed half-way" in done.stderr, "what restart said itself is shown"
    assert done.returncode == 0 and "2. all is cleared" in done.stdout and "3." not in done.stdout


@needs_gdb
def test_an_image_that_is_not_valid_is_named(stage: Path, tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("no image\n")
    done = picture(stage, tmp_path / "bad")
    assert "moment 2 is missing" in done.stderr and "not an ELF file" in done.stderr
    assert picture(stage, tmp_path / "nothing").returncode == 66


def test_without_gdb_it_says_so(stage: Path, tmp_path: Path) -> None:
    for command in ("sh", "dirname"):
        (tmp_path / command).symlink_to(str(shutil.which(command)))
    done = subprocess.run([str(stage / "picture")], env={"PATH": str(tmp_path)}, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 69 and "gdb is not installed" in done.stderr
