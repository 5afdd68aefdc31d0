"""The honest submissions: they fit the skeletons, are written differently from the solution and from each
other, build without a warning, and have full marks, since the tests judge what a program does and not how."""
from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Optional

import pytest
from handout import skeleton
from kit import honest
from kit import mutants

from conftest import TOP, git
from test_top import make

# Each has the first three stages, as the lab was before stage 4; or those of which it has a folder.
OWN = [(name, stage) for name in honest.names() for stage in honest.stages(name)]
of_each_stage = pytest.mark.parametrize("submission, stage", OWN, indirect=["submission"], scope="module")
ALIKE = 0.5  # of the words; the solution with all its names changed has about 1
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
WORD = re.compile(r'"(?:\\.|[^"\\])*"|\w+|[^\s\w]')


@pytest.fixture(scope="module", params=honest.names())
def submission(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student's tree, whose folder has the submission's name."""
    tree = tmp_path_factory.mktemp("honest") / str(request.param)
    honest.lay_out(tree.name, tree)
    return tree


# Full marks


def test_there_are_enough() -> None:
    of_stage = [stage for _, stage in OWN]
    assert all(of_stage.count(stage) >= 3 for stage in (1, 2, 3)) and of_stage.count(6) >= 1


def objects_of(submission: Path) -> list[str]:
    """What the student's own sources become."""
    return [f"build/{path.stem}.o" for path in honest.own_files(submission.name) if path.suffix == ".c"]


def build(tree: Path, *arguments: str) -> None:
    last = list(honest.stages(tree.name).values())[-1]  # which has the sources of all stages
    done = make(tree, "-j2", "-C", last, "WERROR=1", *arguments)
    assert done.returncode == 0 and "warning:" not in done.stdout, done.stdout


@pytest.mark.sample
def test_its_own_files_have_no_warning(submission: Path) -> None:
    build(submission, *objects_of(submission))


@pytest.mark.stress
@pytest.mark.parametrize("flags", ["CC=gcc", "CC=clang", "CFLAGS=-O0 -g", "CFLAGS=-O3"])
def test_it_builds_without_a_warning(submission: Path, flags: str) -> None:
    build(submission, flags)


def full_marks(tree: Path, stage: int, stress: bool = False) -> None:
    got = mutants.grade(stage, tree / honest.stages(tree.name)[stage], stress=stress, patience=120 if stress else 20)
    assert got.status == 0, got.output
    assert got.table["points"] == got.table["maximum"]


@pytest.mark.sample
@pytest.mark.parametrize("submission", [name for name, stage in OWN if stage == 1], indirect=True, scope="module")
def test_stage_1_has_full_marks(submission: Path) -> None:
    full_marks(submission, 1)


@pytest.mark.stress
@of_each_stage
def test_five_times_full_marks(submission: Path, stage: int) -> None:
    for _ in range(5):
        full_marks(submission, stage)


@pytest.mark.stress
@of_each_stage
@pytest.mark.parametrize("line", ["CC := clang", "CFLAGS := -O0 -g"])
def test_full_marks_however_it_is_built(submission: Path, stage: int, line: str, tmp_path: Path) -> None:
    tree = tmp_path / submission.name
    honest.lay_out(tree.name, tree)
    for makefile in tree.glob("stage*/Makefile"):  # mutants.grade() hands no flags to make
        makefile.write_text(f"{line}\n{makefile.read_text()}")
    full_marks(tree, stage)


@pytest.mark.stress
@of_each_stage
def test_it_bears_stress(submission: Path, stage: int) -> None:
    full_marks(submission, stage, stress=True)


# Written differently


def code_lines(text: str) -> list[str]:
    return [line.strip() for line in COMMENT.sub("", text).splitlines() if line.strip()]


def own_words(path: Path, text: str) -> list[str]:
    """The words of what stands in a file besides the skeleton, with the same word for all names made up for it."""
    given = skeleton.generate(path, (TOP / path).read_text())[0] or ""
    matcher = difflib.SequenceMatcher(None, code_lines(given), code_lines(text), autojunk=False)
    own = [line for tag, _, _, start, end in matcher.get_opcodes() if tag in ("insert", "replace")
           for line in code_lines(text)[start:end]]
    known = {*WORD.findall(given), "if", "else", "for", "while", "do", "switch", "case", "goto", "return"}
    return ["NAME" if word[0].isalpha() and word not in known else word for word in WORD.findall("\n".join(own))]


def written(name: str, folders: Iterable[str]) -> dict[Path, list[str]]:
    """What a submission has (or the solution, for the name "") in each file of these stages that has a step."""
    files: dict[Path, skeleton.File] = honest.submission(name) if name else {}
    words = {}
    for path in skeleton.tracked(TOP, *(f"solution/{folder}/*.[ch]" for folder in folders)):
        text = (TOP / path).read_text()
        if skeleton.generate(path, text)[1]:
            words[path] = own_words(path, files[path.relative_to("solution")].data.decode() if name else text)
    return words


def likeness(first: dict[Path, list[str]], second: dict[Path, list[str]]) -> float:
    """How much of two submissions is the same, from 0 to 1, file by file."""
    same = total = 0
    for path, words in first.items():
        matcher = difflib.SequenceMatcher(None, words, second[path], autojunk=False)
        same += 2 * sum(block.size for block in matcher.get_matching_blocks())
        total += len(words) + len(second[path])
    return same / total


@pytest.mark.parametrize("folders", sorted({tuple(honest.stages(name).values()) for name in honest.names()}),
                         ids="-".join)
def test_each_is_written_differently(folders: tuple[str, ...]) -> None:
    same = [name for name in honest.names() if tuple(honest.stages(name).values()) == folders]
    texts = {name: written(name, folders) for name in ["", *same]}
    found = {pair: likeness(texts[pair[0]], texts[pair[1]]) for pair in itertools.combinations(texts, 2)}
    assert max(found.values()) < ALIKE, found


def renamed(text: str) -> str:
    """The solution's text as a copyist hands it in: each name that the skeleton does not have is another."""
    names = {"number": "val", "newline": "nl", "letters": "chars", "candidate": "addr", "done": "pos"}
    for old, new in names.items():
        text = re.sub(rf"\b{old}\b", new, text)
    return text


def test_a_renamed_solution_would_be_found() -> None:
    solution = written("", honest.stages("table").values())
    copied = {path: own_words(path, renamed((TOP / path).read_text())) for path in solution}
    assert likeness(solution, copied) > 0.9


# Mistakes in a submission are named


PATH = Path("solution/stage1-readmaps/maps.c")
SOLUTION = """\
#include "maps.h"
int f(void)
{
    //@ step 1.1 First.
    //@ stub: return 0;
    return 1;
    //@ end
}
"""


def filled(text: str) -> str:
    style = skeleton.C_STYLE
    return honest.fill(PATH, SOLUTION, style, honest.Reader(PATH, style.sign).run(text))


def test_a_step_gets_the_students_code() -> None:
    assert filled("""\
//@ top
int g(void);
//@ end
//@ step 1.1
    return g();
//@ end
//@ replace
int f(void)
{
//@ with
long f(void)
{
    g();
//@ end
""") == '#include "maps.h"\n\nint g(void);\nlong f(void)\n{\n    g();\n    return g();\n}\n'


MISTAKES = {
    "missing step": ("", "no code for step 1.1"),
    "unknown step": ("//@ step 1.1\n//@ end\n//@ step 1.9\n//@ end\n", "no such step here: 1.9"),
    "a step twice": ("//@ step 1.1\n//@ end\n//@ step 1.1\n//@ end\n", "no such step here: 1.1"),
    "no end": ("//@ step 1.1\nx;\n", ":1: `step 1.1` has no `end`"),
    "end alone": ("\n//@ end\n", ":2: `end` without a beginning"),
    "code outside": ("x;\n", ":1: code outside"),
    "block in block": ("//@ step 1.1\n//@ top\n", ":2: `top` inside of `step 1.1`"),
    "unknown marker": ("//@ sep 1.1\n", ":1: unknown marker `sep 1.1`"),
    "replace without with": ("//@ replace\nint f(void)\n//@ end\n", ":1: `replace` needs"),
    "with alone": ("//@ with\n", ":1: unknown marker `with`"),
    "nothing to replace": ("//@ step 1.1\n//@ end\n//@ replace\nint g;\n//@ with\n//@ end\n", "0 places, not one"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named(name: str) -> None:
    text, why = MISTAKES[name]
    with pytest.raises(honest.HonestError) as error:
        filled(text)
    assert str(error.value).startswith(str(PATH)) and why in str(error.value)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with a solution of one file, and an empty submission `one` beside it."""
    source = tmp_path / PATH
    source.parent.mkdir(parents=True)
    source.write_text(SOLUTION)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    (tmp_path / "honest/one/stage1-readmaps").mkdir(parents=True)
    monkeypatch.setattr(honest, "FOLDER", tmp_path / "honest")
    return tmp_path


def text_of(files: dict[Path, skeleton.File], name: str) -> Optional[str]:
    file = files.get(Path("stage1-readmaps") / name)
    return file and file.data.decode()


def test_whole_files_are_taken_as_they_are(small: Path) -> None:
    folder = small / "honest/one/stage1-readmaps"
    (folder / "maps.c").write_text("int rewritten;\n")
    (folder / "mine.h").write_text("int mine;\n")
    files = honest.submission("one", small)
    assert (text_of(files, "maps.c"), text_of(files, "mine.h")) == ("int rewritten;\n", "int mine;\n")


def test_a_file_that_the_submission_forgot_is_named(small: Path) -> None:
    with pytest.raises(honest.HonestError, match="maps.c: no code for step 1.1"):
        honest.submission("one", small)


def test_changes_of_a_file_that_is_not_there_are_refused(small: Path) -> None:
    folder = small / "honest/one/stage1-readmaps"
    (folder / "maps.c").write_text("int rewritten;\n")
    (folder / "map.c").write_text("//@ step 1.1\n//@ end\n")
    with pytest.raises(honest.HonestError, match="one/stage1-readmaps/map.c: there is no such file"):
        honest.submission("one", small)


def test_the_command_lays_one_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert honest.main([]) == 0
    assert capsys.readouterr().out.split() == honest.names()
    assert honest.main(["table", str(tmp_path)]) == 0
    assert (tmp_path / "stage3-restart/picture").stat().st_mode & 0o111
    assert "TODO" not in "".join(path.read_text() for path in tmp_path.glob("stage*/*.[ch]"))
    assert sorted(path.name for path in tmp_path.iterdir()) == list(honest.stages("table").values())
    assert honest.main(["nobody", str(tmp_path)]) == 65
    assert "there are away, pointers, table, verbose" in capsys.readouterr().err
