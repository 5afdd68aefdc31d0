"""Similar submissions: what counts as a student's own, who is found, and who is not."""

from __future__ import annotations

import csv
import itertools
import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from batch import own_code, similar, simtool
from batch.similar import Class, Pair, Stage
from kit.real_programs import not_tried
from stage.config import GRADER, TOP, load_interface

pytestmark = [
    pytest.mark.xdist_group("similar"),  # what is made once is made by one worker
    pytest.mark.skipif(shutil.which("sim_c") is None, reason=not_tried("sim_c (package similarity-tester)")),
]

SOLUTION = TOP / "solution"
KEYWORDS = "break case char const continue default else goto int long return short sizeof static struct unsigned void"
NAMES = re.compile(rf"\b(?!(?:{KEYWORDS.replace(' ', '|')})\b)[a-z]\w{{2,}}\b(?!\s*\()")
STAGES = sorted(load_interface().stages)


def given() -> own_code.Given:
    return own_code.given_code(similar.given_folders())


def files_of(tree: Path) -> dict[Path, str]:
    return {path.relative_to(tree): path.read_text() for path in own_code.sources(tree)}


def write_tree(tree: Path, files: dict[Path, str]) -> Path:
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    return tree


def disguised(text: str) -> str:
    """Other names, other layout, no comments: what is done to a text that was copied."""
    lines = own_code.without_comments(text).split("\n")
    return "\n".join(f"\t{NAMES.sub(lambda m: 'x_' + m.group()[::-1], line)} /* mine */" for line in lines)


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One who wrote it, one who copied it, one who did nothing, and three who wrote it otherwise."""
    top = tmp_path_factory.mktemp("class")
    original = files_of(SOLUTION)
    found = {
        "author": write_tree(top / "author", original),
        "copier": write_tree(top / "copier", {name: disguised(text) for name, text in original.items()}),
        "idle": write_tree(top / "idle", {n: t for s in similar.given_folders()[:-1] for n, t in below(s).items()}),
    }
    for honest in sorted((GRADER / "kit/honest").glob("*/stage1-*")):
        found[honest.parent.name] = honest.parent
    return found


def below(stage: Path) -> dict[Path, str]:
    return {Path(stage.name) / name: text for name, text in files_of(stage).items()}


@pytest.fixture(scope="module")
def stages(trees: dict[str, Path]) -> list[Stage]:
    return similar.compare(Class(trees, {}, given()))


# What is a student's own


def test_comments_go_and_line_numbers_stay() -> None:
    text = 'a; /* one\ntwo */ b; // c\nd = "/* no */"; e = \'"\'; /* open\n'
    lines = [line.strip() for line in own_code.without_comments(text).split("\n")]
    assert lines == ["a;", "b;", 'd = "/* no */"; e = \'"\';', ""]


def test_given_lines_are_no_ones_own(tmp_path: Path) -> None:
    write_tree(tmp_path / "given", {Path("a.c"): "int  given ;\n/* a comment that stays\n*/\n"})
    text = "\tint given;  // moved in\n/* a comment\n mine */ int mine;\n"
    tree = write_tree(tmp_path / "tree", {Path("a.c"): text})
    lines = own_code.own_code(tree / "a.c", own_code.given_code([tmp_path / "given"])).split("\n")
    assert [line.strip() for line in lines] == ["", "", "int mine;", ""]


def test_given_code_with_other_names_is_no_ones_own(tmp_path: Path) -> None:
    """Lines in a row; a single one that looks like a given one is the student's."""
    given = "int f(int a)\n{\n    int b = a + 1;\n    if (b > 3)\n        return g(b);\n    return h(a, b);\n}\n"
    write_tree(tmp_path / "given", {Path("a.c"): given})
    text = "int mine(int z)\n{\n    return z;\n}\n" + NAMES.sub(lambda m: f"own_{m[0]}", given.replace("a", "q").replace("b", "w"))
    tree = write_tree(tmp_path / "tree", {Path("a.c"): text})
    left = own_code.own_code(tree / "a.c", own_code.given_code([tmp_path / "given"])).split("\n")
    assert [line.strip() for line in left if line.strip()] == ["int mine(int z)", "return z;"]
    assert len(left) == len(text.split("\n"))


def test_the_skeleton_has_nothing_of_its_own(trees: dict[str, Path]) -> None:
    assert similar.own_texts(trees["idle"], given()) == {}
    assert sorted(similar.own_texts(trees["author"], given())) == STAGES


def test_bytes_that_are_no_text_are_harmless(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_bytes(b"int \xff\xfe\x00\x1b[31m;\r\nx\xc3\xa4;\r")
    assert own_code.read_text(tmp_path / "a.c") == "int ??  [31m;\nx??;\n"


def test_links_and_built_things_are_not_read(tmp_path: Path) -> None:
    write_tree(tmp_path, {Path(name): "int a;" for name in ("stage1-x/a.c", "stage1-x/build/b.c", ".git/c.c")})
    (tmp_path / "stage1-x/passwd.c").symlink_to("/etc/passwd")
    (tmp_path / "stage1-x/loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "stage1-x/pipe.c")
    assert [path.name for path in own_code.sources(tmp_path)] == ["a.c"]


# Who is found


def test_a_copy_is_found_in_every_stage_whatever_its_disguise(stages: list[Stage]) -> None:
    assert [stage.number for stage in stages] == STAGES
    for stage in stages:
        assert {stage.pairs[0].a, stage.pairs[0].b} == {"author", "copier"}
        assert stage.pairs[0].a_in_b >= 80, stage.pairs[0]


def test_who_wrote_it_alone_is_not_found(stages: list[Stage]) -> None:
    pairs = similar.above(stages, similar.THRESHOLD)
    assert {name for pair in pairs for name in (pair.a, pair.b)} == {"author", "copier"}


def test_a_part_of_a_text_is_found(tmp_path: Path, trees: dict[str, Path]) -> None:
    """All of the small text is in the large one, little of the large one in the small one."""
    name = Path("stage1-readmaps/maps.c")
    small = write_tree(tmp_path / "small", {name: files_of(SOLUTION)[name]})
    others = [f"int f{i}(int a) {{ return a {'+-*/'[i % 4]} g[{i}]({'a, ' * (i % 7)}a); }}" for i in range(200)]
    text = "\n".join([files_of(SOLUTION)[name], *others])
    large = write_tree(tmp_path / "large", {Path("stage1-readmaps/all.c"): text})
    stage, = similar.compare(Class({"small": small, "large": large}, {}, given()))
    pair, = stage.pairs
    assert (pair.a, pair.b) == ("small", "large")
    assert pair.a_in_b >= 95 and pair.b_in_a < 30


def test_old_submissions_are_compared_with_new_ones_only(trees: dict[str, Path]) -> None:
    old = {"last year": trees["author"], "the year before": trees["author"]}
    stages = similar.compare(Class({"copier": trees["copier"]}, old, given()))
    for stage in stages:
        assert stage.count == 2
        assert sorted((pair.a, pair.b) if pair.b in old else (pair.b, pair.a) for pair in stage.pairs) == [
            ("copier", "last year"), ("copier", "the year before")]


def test_too_little_code_is_told_and_not_compared(tmp_path: Path) -> None:
    name = Path("stage1-readmaps/maps.c")
    trees = {who: write_tree(tmp_path / who, {name: "int own(void) { return 42; }\n"}) for who in ("a", "b")}
    stage, = similar.compare(Class(trees, {}, given()))
    assert (stage.pairs, stage.small, stage.count) == ([], ["a", "b"], 0)


def test_blocks_find_what_one_run_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["a + b;", "f(a);", "if (x)", "y[3] = z;"]
    texts = [" ".join(random.Random(i // 2).choices(words, k=200)) + "\n" for i in range(7)]
    whole = simtool.compare(texts, 5, tmp_path / "whole")
    monkeypatch.setattr(simtool, "BLOCK", 2)
    parts = simtool.compare(texts, 5, tmp_path / "parts", jobs=1)
    assert whole == parts
    assert whole.percent[0, 1] == 100 and (5, 6) not in whole.percent
    assert sorted(whole.tokens) == list(range(7))


def test_quantiles() -> None:
    pairs = [Pair(1, "a", "b", n, n, 200, 200) for n in (90, 20, 10)]
    stage = Stage(1, pairs, [], 5)
    assert [stage.share_below(part) for part in (0, 0.5, 0.75, 1)] == [0, 10, 20, 90]
    assert Stage(1).share_below(0.5) == 0


def test_groups() -> None:
    def pair(a: str, b: str) -> Pair:
        return Pair(1, a, b, 50, 50, 200, 200)

    assert similar.groups([pair("a", "b"), pair("c", "d"), pair("d", "e"), pair("c", "e"), pair("f", "e")]) == [
        ("c", "d", "e", "f")]
    assert similar.groups([pair("a", "b"), pair("b", "c")]) == [("a", "b", "c")], "who gave it to two"
    five, six = "abcde", "fghijk"
    both = [pair(x, y) for names in (five, six) for x, y in itertools.combinations(names, 2)]
    assert similar.groups([pair("e", "f"), *both]) == similar.groups([*both, pair("e", "f")]) == [tuple(five), tuple(six)]


# The command


@pytest.fixture(scope="module")
def submissions(trees: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("handed in") / "hw"
    for name in ("author", "copier"):
        shutil.copytree(trees[name], top / name)
    return top


def command(*words: object, path: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": path or os.environ["PATH"]}
    line = [sys.executable, "-B", str(GRADER / "batch/similar.py"), *map(str, words)]
    return subprocess.run(line, env=environment, text=True, capture_output=True, timeout=120)


def test_the_report(submissions: Path) -> None:
    done = command(submissions)
    assert done.returncode == 0, done.stderr
    assert "not a verdict" in done.stdout
    assert re.search(r"1 +100 % +\d+ %  stage \d  ", done.stdout)
    assert "together: (the solution), author, copier" in done.stdout
    out = submissions.with_name("hw-similar")
    page = (out / "index.html").read_text()
    assert "not a verdict" in page and "pairs/1.txt" in page
    rows = list(csv.DictReader((out / "similar.csv").open()))
    assert {row["stage"] for row in rows} == set(map(str, STAGES))
    beside = (out / "pairs/1.txt").read_text()
    assert "stage" in beside and re.search(r"\.c: line \d+-\d+ *\|.*\.c: line \d+-\d+ *\[\d+\]", beside)


def test_names_cannot_do_harm(tmp_path: Path) -> None:
    name = '=1+<script>alert("x")'
    pair = Pair(1, name, "b", 50, 50, 200, 200)
    stage = Stage(1, [pair], [name], 1)
    similar.write_html(tmp_path / "index.html", [stage], [pair], 30, "<b>")
    similar.write_csv(tmp_path / "similar.csv", [stage])
    assert "<script" not in (tmp_path / "index.html").read_text()
    assert "'=1+<script>" in (tmp_path / "similar.csv").read_text()


def test_a_missing_tool_is_named(submissions: Path, tmp_path: Path) -> None:
    done = command(submissions, path=str(tmp_path))
    assert done.returncode == similar.CANNOT
    assert "apt install similarity-tester" in done.stderr and "Traceback" not in done.stderr


def test_a_tool_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(simtool.ToolError, match="exit status 1"):
        simtool.sim_c(["-Z"], tmp_path)
    with pytest.raises(simtool.ToolError, match="missing.c: .*cannot open"):
        simtool.sim_c(["-p", "-i"], tmp_path, ["missing.c"])


@pytest.mark.parametrize("words, said", [
    (["missing"], "missing"), ([".", "--old", "missing"], "missing: there is no such folder"),
    ([".", "--export", "."], "is there already"), ([".", "--threshold", "0"], "a percentage from 1 to 100"),
])
def test_wrong_calls(words: list[str], said: str) -> None:
    done = command(*words)
    assert done.returncode in (2, similar.USAGE)
    assert said in done.stderr and "Traceback" not in done.stderr


def test_export(submissions: Path, tmp_path: Path) -> None:
    done = command(submissions, "--export", tmp_path / "out", path=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out/submissions").iterdir()) == ["author", "copier"]
    assert (tmp_path / "out/submissions/author/stage1-readmaps/maps.c").read_text() == files_of(SOLUTION)[
        Path("stage1-readmaps/maps.c")]
    assert (tmp_path / "out/base/stage1-readmaps/maps.c").is_file()
    assert (tmp_path / "out/base/BACKGROUND/short-write.c").is_file()


@pytest.mark.stress
def test_four_hundred_submissions(tmp_path: Path) -> None:
    """80,000 pairs in each stage, in minutes; the one copy among them is found."""
    source = [TOP / "solution", *(path.parent for path in (GRADER / "kit/honest").glob("*/stage1-*"))]
    texts = [similar.own_texts(tree, given()) for tree in source]
    trees = {}
    for number in range(400):
        draw = random.Random(number or 1)  # the first two are the same
        files = {}
        for part in (1, 2, 3):
            own = "\n".join(file for text in texts for file in text[part].values()).split("\n")
            lines = [line for line in own if line.strip()]
            files[Path(f"stage{part}-x/all.c")] = "\n".join(draw.choices(lines, k=180)) + "\n"
        trees[f"{number:03}"] = write_tree(tmp_path / f"{number:03}", files)
    started = time.monotonic()
    stages = similar.compare(Class(trees, {}, given()))
    print(f"400 submissions: {time.monotonic() - started:.0f} s")
    for stage in stages:
        assert stage.count == 400 * 399 // 2
        assert (stage.pairs[0].a, stage.pairs[0].b, stage.pairs[0].b_in_a) == ("000", "001", 100)
        assert stage.pairs[1].a_in_b < 90
