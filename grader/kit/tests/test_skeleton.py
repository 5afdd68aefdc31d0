"""The skeleton generator: each marker, each mistake in a marker, and the skeletons that we ship."""
from __future__ import annotations

from pathlib import Path

import pytest
from handout import skeleton

from conftest import git

C = Path("solution/stage3-restart/restorer.c")
MAKEFILE = Path("solution/stage3-restart/Makefile")


def made(text: str, path: Path = C) -> str:
    out, _ = skeleton.generate(path, text)
    assert out is not None
    return out


def test_a_file_without_markers_is_given_whole() -> None:
    text = "int main(void)\n{\n    return 0; // @ here, and //@ is quoted below\n}\n"
    assert made(text.replace(", and //@ is quoted below", "")) == text.replace(
        ", and //@ is quoted below", "")


def test_a_kind_of_file_that_has_no_markers_is_left_alone() -> None:
    assert made("//@ step 1.1 An example.\n", Path("solution/stage1-x/notes.md")) == \
        "//@ step 1.1 An example.\n"


def test_a_step_becomes_a_todo_and_its_stubs() -> None:
    assert made("""\
int clear(void)
{
    //@ step 3.4 Clear every mapping but the restorer and the vdso.
    //@ More text.
    //@ stub: if (0)
    //@ stub:     return 1;
    //@ stub:
    //@ stub: return -ENOSYS;
    secret();
    return 0;
    //@ end
}
""") == """\
int clear(void)
{
    /* TODO 3.4: Clear every mapping but the restorer and the vdso.
     * More text. */
    if (0)
        return 1;

    return -ENOSYS;
}
"""


def test_a_step_needs_no_text_and_no_stub() -> None:
    assert made("\t//@ step 3.1 Do it.\n\tsecret();\n\t//@ end\n") == "\t/* TODO 3.1: Do it. */\n"


def test_no_line_gets_longer_than_the_page() -> None:
    title = "x" * (skeleton.COLUMNS - len("/* TODO 3.1: "))
    assert made(f"//@ step 3.1 {title}\n//@ end\n") == f"/* TODO 3.1: {title}\n */\n"


def test_makefiles_have_their_own_sign() -> None:
    text = "all:\n#@ step 3.2 Link it.\n#@ With -static.\n\t$(CC)\n#@ end\n"
    assert made(text, MAKEFILE) == "all:\n# TODO 3.2: Link it.\n# With -static.\n"


def test_only_solution_vanishes() -> None:
    assert made("a\n//@ only solution\nb\n//@ end\nc\n") == "a\nc\n"


def test_only_skeleton_appears() -> None:
    text = "a\n    //@ only skeleton\n    //@ | b\n    //@ |     c\n    //@ |\n    //@ end\nd\n"
    assert made(text) == "a\n    b\n        c\n\nd\n"


def test_a_whole_file_can_be_withheld() -> None:
    assert skeleton.generate(C, "//@ file only solution\nint x;\n") == (None, [])


def test_steps_are_collected() -> None:
    text = "//@ step 3.10 B.\n//@ end\n//@ step 3.2 A.\n//@ end\n"
    assert skeleton.generate(C, text)[1] == ["3.10", "3.2"]


MISTAKES = {
    "unclosed": ("\n//@ step 3.1 A.\ncode\n", 2, "has no `end`"),
    "unclosed only": ("//@ only solution\ncode\n", 1, "has no `end`"),
    "end alone": ("code\n//@ end\n", 2, "without a beginning"),
    "step in step": ("//@ step 3.1 A.\n//@ step 3.2 B.\n//@ end\n", 2, "inside of"),
    "step in only": ("//@ only solution\n//@ step 3.2 B.\n//@ end\n", 2, "inside of"),
    "only in step": ("//@ step 3.1 A.\n//@ only solution\n//@ end\n", 2, "inside of"),
    "only in step's code": ("//@ step 3.1 A.\nx\n//@ only solution\n", 3, "before the code"),
    "step without number": ("//@ step A.\n//@ end\n", 1, "unknown marker"),
    "step without text": ("//@ step 3.1\n//@ end\n", 1, "unknown marker"),
    "unknown": ("//@ stepp 3.1 A.\n//@ end\n", 1, "unknown marker"),
    "stub alone": ("//@ stub: return 0;\n", 1, "unknown marker"),
    "stub without colon": ("//@ step 3.1 A.\n//@ stub return 0;\n//@ end\n", 2, "inside of"),
    "stub after code": ("//@ step 3.1 A.\nx;\n//@ stub: y;\n//@ end\n", 3, "before the code"),
    "text after code": ("//@ step 3.1 A.\nx;\n//@ B.\n//@ end\n", 3, "before the code"),
    "text after stub": ("//@ step 3.1 A.\n//@ stub: x;\n//@ B.\n//@ end\n", 3, "before the stubs"),
    "end with more": ("//@ step 3.1 A.\n//@ end of it\n", 2, "inside of"),
    "code in only skeleton": ("//@ only skeleton\nx;\n//@ end\n", 1, "may stand in it"),
    "text in only skeleton": ("//@ only skeleton\n//@ x;\n//@ end\n", 2, "inside of"),
    "file marker too late": ("\n//@ file only solution\n", 2, "first line"),
    "behind code": ("x; //@ end\n", 1, "line of its own"),
    "no blank": ("//@end\n", 1, "a blank must follow"),
    "other stage": ("//@ step 2.1 A.\n//@ end\n", 1, "in a file of stage 3"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_place(name: str) -> None:
    text, line, why = MISTAKES[name]
    with pytest.raises(skeleton.MarkerError) as error:
        skeleton.generate(C, text)
    assert str(error.value).startswith(f"{C}:{line}: ")
    assert why in str(error.value)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small solution, tracked by git, whose skeleton is up to date."""
    folder = tmp_path / "solution/stage1-readmaps"
    folder.mkdir(parents=True)
    (folder / "maps.c").write_text("//@ step 1.1 Parse.\nsecret();\n//@ end\n")
    (folder / "given.h").write_text("int given;\n")
    (folder / "hidden.c").write_text("//@ file only solution\nint hidden;\n")
    (folder / "script").write_text("#!/bin/sh\n")
    (folder / "script").chmod(0o755)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    (folder / "maps.o").write_text("a build product\n")
    assert skeleton.main(["--top", str(tmp_path), "--write"]) == 0
    git(tmp_path, "add", "stage1-readmaps")
    return tmp_path


def test_write_makes_the_folder(tree: Path) -> None:
    files = sorted(path.name for path in (tree / "stage1-readmaps").iterdir())
    assert files == ["given.h", "maps.c", "script"]
    assert (tree / "stage1-readmaps/maps.c").read_text() == "/* TODO 1.1: Parse. */\n"
    assert (tree / "stage1-readmaps/script").stat().st_mode & 0o111
    assert skeleton.main(["--top", str(tree), "--check"]) == 0


def test_check_shows_an_edit_by_hand(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "stage1-readmaps/maps.c").write_text("secret();\n")
    capsys.readouterr()
    assert skeleton.main(["--top", str(tree), "--check"]) == 1
    out, err = capsys.readouterr()
    assert "-secret();" in out and "+/* TODO 1.1: Parse. */" in out
    assert "make skeletons" in err


def test_check_shows_a_file_that_the_solution_has_no_more(tree: Path) -> None:
    (tree / "solution/stage1-readmaps/given.h").unlink()
    assert skeleton.main(["--top", str(tree), "--check"]) == 1
    assert skeleton.main(["--top", str(tree), "--write"]) == 0
    assert not (tree / "stage1-readmaps/given.h").exists()


def test_check_shows_a_lost_execute_bit(tree: Path) -> None:
    (tree / "stage1-readmaps/script").chmod(0o644)
    assert skeleton.main(["--top", str(tree), "--check"]) == 1


def test_check_names_a_bad_marker(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "solution/stage1-readmaps/maps.c").write_text("\n//@ end\n")
    assert skeleton.main(["--top", str(tree), "--check"]) == 65
    assert "solution/stage1-readmaps/maps.c:2: " in capsys.readouterr().err


def test_build_products_in_a_skeleton_are_left_alone(tree: Path) -> None:
    (tree / "stage1-readmaps/maps.o").write_text("built\n")
    (tree / "stage1-readmaps/maps.c").unlink()
    assert skeleton.main(["--top", str(tree), "--write"]) == 0
    assert (tree / "stage1-readmaps/maps.o").exists()


def test_our_skeletons_are_what_the_solution_says(top: Path) -> None:
    assert "".join(skeleton.compare(top)) == ""


def test_the_markers_and_the_handout_name_the_same_steps(top: Path) -> None:
    handout = top / "000-README"
    if not handout.exists():
        pytest.skip("000-README is not written yet")
    steps = skeleton.steps_of_handout(handout.read_text())
    assert steps == sorted(steps, key=skeleton.by_number), "the hand-out's steps are out of order"
    assert len(steps) == len(set(steps)), "a step has two headings in the hand-out"
    assert steps == skeleton.steps_of_markers(top)
