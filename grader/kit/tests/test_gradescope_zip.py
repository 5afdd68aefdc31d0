"""The archives that course platforms grade with: what is in them, and that their scripts grade a submission.

A stand-in for grader/grade says what it was called with and writes results of its own, and one for grader/setup
does nothing; the stress tests run the real ones.
"""
from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Generator
from pathlib import Path

import pytest
from handout import reference as compiled
from platforms import bundle
from stage import archive
from stage.config import load_interface

from conftest import TOP, copy_tracked, git
from test_platforms import RUNNER, autolab_reads, errors

pytestmark = pytest.mark.xdist_group("gradescope_zip")  # what is made once is made by one worker

IMAGE = "me/ckptlab:1"
GRADE_ONE = "grader/platforms/files/grade_one"
SCRIPTS = ["setup.sh", "run_autograder", GRADE_ONE]

# Stands in for grader/grade: all submissions have all points, and GRADE tells what else to do.
STAND_IN = """\
#!/bin/sh
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
exec python3 "$here/stand_in.py" "$@"
"""
SETUP = '#!/bin/sh\necho "SETUP $*"\n'
STAND_IN_PY = """\
import argparse, os, sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent))
import platforms
from reports.results import StageResult, SubmissionResult, TestResult

parser = argparse.ArgumentParser()
parser.add_argument("--one", type=Path, required=True)
parser.add_argument("--platform", required=True)
parser.add_argument("--output", type=Path, required=True)
parser.add_argument("--unsafe", action="store_true")
options = parser.parse_args()
task = os.environ.get("GRADE", "")
print("WORDS OF THE GRADER", " ".join(sorted(os.listdir(options.one))), options.unsafe)
print("::set-output name=x::y", file=sys.stderr)
if task == "crash":
    sys.exit("Traceback: no results")
stage = StageResult(1, "stage1-readmaps", maximum=20, warnings=int(options.unsafe))
result = SubmissionResult("one", "One", stages=[stage])
platforms.write(options.platform, result, options.output, done=False)
if task == "stopped":
    sys.exit(124)
stage.points, stage.tests = 20.0, [TestResult("test_a", "All is well", 20.0, 20.0, outcome="passed")]
platforms.write(options.platform, result, options.output)
"""


@pytest.fixture(scope="module")
def reference() -> Generator[None, None, None]:
    """One that takes no time: the real one is built for the hand-out's tests, and for the stress tests here."""
    objects = [archive.Entry("ckptlab/reference/x86_64/maps.o", b"object"),
               archive.Entry("ckptlab/reference/Makefile", b"all:\n\t@echo linked > linked\n")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "objects", lambda top: objects[:1])
        patch.setattr(compiled, "makefiles", lambda top: objects[1:])
        yield


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory, reference: None) -> Path:
    """A checkout with the stand-in, with a hidden test, and what must stay out of every archive."""
    top = tmp_path_factory.mktemp("tree") / "ckptlab"
    copy_tracked(TOP, top)
    texts = {"grader/grade": STAND_IN, "grader/stand_in.py": STAND_IN_PY, "grader/setup": SETUP,
             "grader/tests/hidden_stage1_test.py": "# secret\n", "grader/kit/honest/a/x.c": "// solution\n"}
    for name, text in texts.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    (top / "grader/grade").chmod(0o755)
    git(top, "init", "--quiet")
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--message", "test")
    return top


PACKED: dict[tuple[str, Path], bytes] = {}  # made once for all tests: they come out the same


def make_anew(platform: str, tree: Path, folder: Path) -> Path:
    path = folder / bundle.PLATFORMS[platform][1]
    arguments = ["--image", IMAGE] if platform == "prairielearn" else []
    assert bundle.main([platform, "--top", str(tree), "-o", str(path), *arguments]) == 0
    return path


def made(platform: str, tree: Path, folder: Path) -> Path:
    path = folder / bundle.PLATFORMS[platform][1]
    if (platform, tree) not in PACKED:
        PACKED[platform, tree] = make_anew(platform, tree, folder).read_bytes()
    path.write_bytes(PACKED[platform, tree])
    return path


def unpacked(path: Path, folder: Path) -> Path:
    """As a platform does it."""
    folder.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".zip":
        subprocess.run(["tar", "-xf", path, "-C", folder], check=True)
        return folder
    with zipfile.ZipFile(path) as packed:  # unzip is not in grader/dependencies; this one forgets the modes
        packed.extractall(folder)
        for info in packed.infolist():
            (folder / info.filename).chmod(info.external_attr >> 16 & 0o777)
    return folder


def run(command: list[str], cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in os.environ.items()
             if not name.startswith(("MAKE", "CKPTLAB_", "GITHUB_"))}
    return subprocess.run(command, cwd=cwd, env={**known, **environment}, text=True, timeout=900,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def names(path: Path) -> list[str]:
    if path.suffix == ".zip":
        return zipfile.ZipFile(path).namelist()
    with tarfile.open(path) as packed:
        return packed.getnames()


def all_names(platform: str, tree: Path, folder: Path) -> list[str]:
    """With those of the archive inside, if there is one."""
    found = unpacked(made(platform, tree, folder), folder / "in")
    inner = [name for path in found.glob("*.tar*") for name in names(path)]
    return inner + [str(path.relative_to(found)) for path in found.rglob("*")]


# What is in them


@pytest.mark.parametrize("platform", bundle.PLATFORMS)
def test_what_is_needed_is_in_it_and_no_solution(platform: str, tree: Path, tmp_path: Path) -> None:
    found = all_names(platform, tree, tmp_path)
    for name in ("grader/grade", "grader/check", "grader/lab.toml", "grader/tests/stage1_test.py", GRADE_ONE,
                 "grader/reports/results.py", "grader/setup", "grader/dependencies", "grader/tests/programs/counter.c",
                 "stage1-readmaps/Makefile", "stage3-restart/Makefile", "reference/x86_64/maps.o", "reference/Makefile",
                 "000-README", "BACKGROUND/README.md", "grader/stage/archive.py"):
        assert [path for path in found if path == name or path.endswith(f"/tests/{name}")], name
    for part in ("solution", "kit/tests", "mutants/", "honest", "schemas", ".git/"):
        assert not [path for path in found if part in path], part
    hidden = [path for path in found if "hidden_stage1" in path]
    assert bool(hidden) == (platform != "classroom50"), "what Classroom 50 has, everybody can fetch"


@pytest.mark.parametrize("platform", bundle.PLATFORMS)
def test_it_is_the_same_byte_for_byte(platform: str, tree: Path, tmp_path: Path) -> None:
    first = made(platform, tree, tmp_path).read_bytes()
    (tree / "LICENSE").touch()
    assert make_anew(platform, tree, tmp_path).read_bytes() == first


def test_the_scripts_are_at_the_top_executable_and_posix(tree: Path, tmp_path: Path) -> None:
    path = made("gradescope", tree, tmp_path)
    modes = {info.filename: info.external_attr >> 16 for info in zipfile.ZipFile(path).infolist()}
    source = unpacked(path, tmp_path / "source")
    for name in [*SCRIPTS, "grader/setup", "grader/python", "grader/check", "grader/grade"]:
        assert stat.S_IMODE(modes[name]) == 0o755, name
        text = (source / name).read_text()
        assert text.startswith("#!/bin/sh\n") and "\r" not in text
        assert subprocess.run(["sh", "-n", source / name], stderr=subprocess.PIPE).stderr == b""
    assert stat.S_IMODE(modes["grader/lab.toml"]) == 0o644
    assert not [name for name, mode in modes.items() if not stat.S_ISREG(mode)], "unpackers differ on links"


def test_a_link_does_not_go_into_a_zip() -> None:
    with pytest.raises(ValueError, match="a: a link cannot go"):
        archive.zipped([archive.Entry("a", link="b")], 0)


def test_what_is_about_single_students_is_not_published(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    course, old = tree / "grader/course.toml", None
    if course.exists():
        old = course.read_text()
    try:
        course.write_text('[extensions]\n"ada@example.edu" = 3\n')
        assert bundle.main(["classroom50", "--top", str(tree), "-o", str(tmp_path / "x.tar.gz")]) == 70
        assert "single students" in capsys.readouterr().err and not (tmp_path / "x.tar.gz").exists()
        assert bundle.main(["gradescope", "--top", str(tree), "-o", str(tmp_path / "x.zip")]) == 0
    finally:
        if old is None:
            course.unlink()
        else:
            course.write_text(old)


def test_prairielearn_needs_an_image_and_its_question_is_valid(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bundle.main(["prairielearn", "--top", str(tree), "-o", str(tmp_path / "x.tar.gz")]) == 70
    assert "IMAGE=" in capsys.readouterr().err
    course = unpacked(made("prairielearn", tree, tmp_path), tmp_path / "course")
    info = json.loads((course / "questions/ckptlab/info.json").read_text())
    assert errors("prairielearn-question", info) == []
    assert errors("prairielearn-question", {**info, "gradingMethod": "Internal"}) != []
    assert info["externalGradingOptions"]["image"] == IMAGE
    entry = info["externalGradingOptions"]["entrypoint"].replace("/grade/tests", "tests")
    assert os.access(course / "questions/ckptlab" / entry, os.X_OK)
    copied = re.findall(r"^COPY (\S+)", (course / "docker/Dockerfile").read_text(), re.MULTILINE)
    assert copied and all((course / "docker" / name).exists() for name in copied)
    assert "pl-external-grader-results" in (course / "questions/ckptlab/question.html").read_text()


# Gradescope


@pytest.fixture(scope="module")
def container(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("container") / "autograder"
    source = unpacked(made("gradescope", tree, root.parent), root / "source")
    shutil.copy(source / "run_autograder", root)
    return root


@pytest.fixture
def autograder(container: Path) -> Path:
    """Gradescope's folders in its container, before a submission is graded."""
    for name in ("submission", "results"):
        shutil.rmtree(container / name, ignore_errors=True)
    (container / "submission_metadata.json").unlink(missing_ok=True)
    (container / "submission/stage1-readmaps").mkdir(parents=True)
    return container


def grade_on_gradescope(root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(["./run_autograder"], root, AUTOGRADER_ROOT=str(root), **environment)


def test_gradescope_grades(autograder: Path) -> None:
    (autograder / "submission_metadata.json").write_text(json.dumps({"previous_submissions": [{}, {}]}))
    done = grade_on_gradescope(autograder)
    assert done.returncode == 0, done.stdout
    assert "WORDS OF THE GRADER stage1-readmaps False" in done.stdout
    table = json.loads((autograder / "results/results.json").read_text())
    assert errors("gradescope-results", table) == []
    assert table["score"] == 20 and table["extra_data"]["done"] is True
    assert "Earlier submissions of yours: 2" in table["output"], "the metadata were not found"


def test_gradescope_s_setup_makes_all_ready(autograder: Path) -> None:
    """Modes are lost by some who unpack."""
    source = autograder / "source"
    for name in ("grader/setup", "grader/grade", "grader/python"):
        (source / name).chmod(0o644)
    done = run(["sh", "source/setup.sh"], autograder, AUTOGRADER_ROOT=str(autograder))
    assert done.returncode == 0 and "SETUP batch\n" in done.stdout, done.stdout
    assert (source / "reference/linked").exists()
    assert all(os.access(source / name, os.X_OK) for name in ("grader/setup", "grader/grade", "grader/python"))


def test_a_grader_that_fails_leaves_no_results(autograder: Path) -> None:
    (autograder / "results").mkdir()
    (autograder / "results/results.json").write_text('{"score": 100}')
    done = grade_on_gradescope(autograder, GRADE="crash")
    assert done.returncode == 70 and "ended with status 1" in done.stdout
    assert not (autograder / "results/results.json").exists(), "the results of before stand there as if new"


def test_what_was_graded_before_the_time_limit_counts(autograder: Path) -> None:
    done = grade_on_gradescope(autograder, GRADE="stopped")
    assert done.returncode == 0 and "ended with status 124" in done.stdout
    table = json.loads((autograder / "results/results.json").read_text())
    assert table["extra_data"]["done"] is False and "not graded yet" in table["tests"][0]["name"]


def test_the_grader_has_a_time_limit_and_options(autograder: Path, tmp_path: Path) -> None:
    """Another `timeout` says how it was called, and runs nothing."""
    (tmp_path / "timeout").write_text('#!/bin/sh\necho "TIMEOUT $*"\n')
    (tmp_path / "timeout").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    assert re.search("TIMEOUT -k 30 540 .*grader/grade --one", grade_on_gradescope(autograder, PATH=path).stdout)
    done = grade_on_gradescope(autograder, PATH=path, CKPTLAB_LIMIT="77", CKPTLAB_OPTIONS="--unsafe -v")
    assert re.search("TIMEOUT -k 30 77 .*results.json --unsafe -v\n", done.stdout)


@pytest.mark.skipif(os.getuid() != 0, reason="only root runs a submission under another uid")
def test_a_submission_s_uid_cannot_read_tests_or_reference(autograder: Path) -> None:
    (autograder / "submission_metadata.json").write_text("{}")
    grade_on_gradescope(autograder)
    for name in ("source/grader/tests/hidden_stage1_test.py", "source/grader/tests", "source/reference/x86_64/maps.o",
                 "source/grader/batch", "submission_metadata.json"):
        assert (autograder / name).stat().st_mode & 0o077 == 0, name
    assert (autograder / "source/grader/tests/programs").stat().st_mode & 0o055 == 0o055


def test_a_missing_folder_is_named(autograder: Path) -> None:
    shutil.rmtree(autograder / "submission")
    done = grade_on_gradescope(autograder)
    assert done.returncode == 66 and "submission: there is no such folder" in done.stdout
    assert run(["sh", f"source/{GRADE_ONE}"], autograder).returncode == 64


# Autolab, PrairieLearn, Classroom 50


@pytest.mark.parametrize("task, scores", [("", 20), ("stopped", 0), ("crash", None)])
def test_autolab_grades(task: str, scores: int | None, tree: Path, tmp_path: Path) -> None:
    folder = unpacked(made("autolab", tree, tmp_path), tmp_path / "job")
    (folder / "autograde-Makefile").rename(folder / "Makefile")  # as Autolab does
    (folder / "handin.tar.gz").write_text("a hand-in")
    done = run(["make", "OPTIONS=--unsafe"], folder, GRADE=task)
    assert done.returncode == 0, "make would print a line after the last"
    assert "WORDS OF THE GRADER" not in done.stdout, "students see all of the output"
    assert "WORDS OF THE GRADER handin.tar.gz True" in (folder / "grader.log").read_text()
    if scores is None:
        assert done.stdout.startswith("The grader failed. This is not your fault")
    else:
        assert autolab_reads(done.stdout)[1]["Stage 1"] == scores


def test_prairielearn_grades(tree: Path, tmp_path: Path) -> None:
    course = unpacked(made("prairielearn", tree, tmp_path), tmp_path / "course")
    shutil.copytree(course / "questions/ckptlab/tests", tmp_path / "grade/tests")
    (tmp_path / "grade/student").mkdir()
    (tmp_path / "grade/student/ckptlab-handin.tar.gz").write_text("a hand-in")
    done = run([str(tmp_path / "grade/tests/run.sh")], tmp_path, GRADE_ROOT=str(tmp_path / "grade"))
    assert done.returncode == 0 and "GRADER ckptlab-handin.tar.gz" in done.stdout, done.stdout
    table = json.loads((tmp_path / "grade/results/results.json").read_text())
    assert errors("prairielearn-results", table) == [] and table["score"] == 1


def run_classroom50(packed: Path, tmp_path: Path) -> tuple[subprocess.CompletedProcess[str], Path]:
    """The runner calls the autograder in the student's checkout."""
    folder = unpacked(packed, tmp_path / "autograders/ckptlab")
    checkout = tmp_path / "checkout"
    (checkout / "stage1-readmaps").mkdir(parents=True)
    (tmp_path / "precious").write_text("stays")
    (checkout / "result.json").symlink_to(tmp_path / "precious")
    done = run([sys.executable, str(folder / "autograder.py")], checkout, TMPDIR=str(tmp_path), **RUNNER)
    assert (tmp_path / "precious").read_text() == "stays"
    assert not list(tmp_path.glob("ckptlab-*/")), "its scratch folder stays"
    return done, checkout


def test_classroom50_grades(tree: Path, tmp_path: Path) -> None:
    done, checkout = run_classroom50(made("classroom50", tree, tmp_path), tmp_path)
    assert done.returncode == 0, done.stdout
    assert "WORDS OF THE GRADER" not in done.stdout, "students read the log of the workflow"
    table = json.loads((checkout / "result.json").read_text())
    assert errors("classroom50-result", table) == []
    assert (table["score"], table["owner"]) == (20, "alice")
    assert (checkout / "release-body.md").read_text().startswith("### ckptlab: 20/20")


def test_classroom50_hears_of_a_grader_that_fails(tree: Path, tmp_path: Path) -> None:
    """The stand-in's crash cannot be asked for by a variable: only what the grader needs is passed on."""
    (tree / "grader/stand_in.py").write_text(STAND_IN_PY.replace('task = os', 'task = "crash" or os'))
    try:
        done, _ = run_classroom50(make_anew("classroom50", tree, tmp_path), tmp_path)
    finally:
        (tree / "grader/stand_in.py").write_text(STAND_IN_PY)
    assert done.returncode == 70 and "| Traceback: no results" in done.stdout
    assert not re.search("^::", done.stdout, re.MULTILINE), "GitHub obeys such a line"


# The real grader


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real zip, unpacked and set up as Gradescope does it."""
    root = tmp_path_factory.mktemp("gradescope") / "autograder"
    source = unpacked(made("gradescope", TOP, root.parent), root / "source")
    done = run(["sh", "source/setup.sh"], root, AUTOGRADER_ROOT=str(root))
    assert done.returncode == 0, done.stdout
    return source


@pytest.mark.stress
def test_the_zip_grades_the_solution_s_stage_1(source: Path) -> None:
    root = source.parent
    shutil.copytree(TOP / "solution/stage1-readmaps", root / "submission/stage1-readmaps",
                    ignore=shutil.ignore_patterns("build", "readmaps"))
    done = run(["sh", "source/run_autograder"], root, AUTOGRADER_ROOT=str(root))
    assert done.returncode == 0, done.stdout
    table = json.loads((root / "results/results.json").read_text())
    assert errors("gradescope-results", table) == []
    first = [test for test in table["tests"] if test["number"].startswith("1.")]
    assert first and {test.get("status") for test in first} == {"passed"}, done.stdout
    assert sum(test["score"] for test in first) == table["score"] == 20
    assert [test["name"] for test in table["tests"] if test not in first] == [
        f"Stage {stage}, it is not in the submission" for stage in load_interface().stages if stage != 1]
    assert table["extra_data"]["done"] is True


@pytest.mark.stress
def test_the_real_grader_fits_classroom50(tmp_path: Path) -> None:
    """Its runner fetches 10 MiB at most, and the bundle has no hidden test and no source of the solution."""
    path = made("classroom50", TOP, tmp_path)
    assert path.stat().st_size < bundle.LARGEST_PUBLIC
    lab = unpacked(path, tmp_path / "in") / "ckptlab-grader.tar.gz"
    assert not [name for name in names(lab) if re.search("hidden|solution|mutants|honest", name)]
