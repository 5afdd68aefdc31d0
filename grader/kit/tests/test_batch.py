"""A class, from a folder of submissions to the reports, with the real grader and the real sandbox."""
from __future__ import annotations

import csv
import html
import os
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from conftest import copy_tracked
from batch import anew
from batch.request import Options
from kit import honest
from kit import mutants
from reports import clusters, environment, merge, reports, results
from reports.course import Course, Declared
from reports.results import ENVIRONMENT, FAILED, GRADED, MISSING, NOT_BUILT, PASSED, REFUSED, SKIPPED, StageResult
from reports.results import SubmissionResult, TestResult
from stage.config import GRADER, TOP, load_interface

# What is made once is made by one worker; all mutants, or a hundred submissions, take their time.
pytestmark = [pytest.mark.xdist_group("batch"), pytest.mark.timeout(7200)]

STAGE1 = ("--stage", "1", "--where", "120")
HONEST = [name for name in honest.names() if 1 in honest.stages(name)]

# For `make check`: one stage, with a mutant that loses there and one honest submission, other ones each day (a small
# class has the first stage); for `make stress`: all stages, all mutants, and all of those. Of stages 4 to 6, where nobody
# but the solution is honest, a few tests: what two programs of a case need of each other. (test_tiers.py has all tests.)
DAYS: list[tuple[int, tuple[str, ...], tuple[str, ...]]] = [
    (2, ("is-restart-late",), ()), (3, ("no-tls",), ()), (4, ("files-append-lost",), ("test_flags_kept", "test_shared_nameless")),
    (5, ("core-red-zone",), ("test_regions", "test_general", "test_red_zone", "test_kernel_core", "test_linklist")),
    (2, ("short-write",), ()), (3, ("is-restart-late",), ()), (6, ("remote-dup-shares",), ("test_exit_status", "test_dup", "test_moves")),
]
SOLUTION = "solution"
SAMPLE = ("no-tls", "vvar-exact", "no-unescape", "is-restart-late", "short-write")


def grade(submissions: Path, out: Path, *options: object, top: Path = TOP, limit: float = 7000) -> subprocess.CompletedProcess[str]:
    command = [str(top / "grader/grade"), str(submissions), "-o", str(out), "-j", "2", *map(str, options)]
    return subprocess.run(command, env=clean(), capture_output=True, text=True, timeout=limit, check=False)


def clean() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "PYTEST", "CKPTLAB"))}


def table(out: Path) -> dict[str, SubmissionResult]:
    return {result.name: result for result in results.load_all(out / "results")}


def packed(tree: Path, archive: Path) -> None:
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tree, "ckptlab-handin")
    shutil.rmtree(tree)


def stage1(target: Path, find: str = "", put: str = "") -> Path:
    """The solution's first stage, with a change."""
    stage = target / "stage1-readmaps"
    shutil.copytree(mutants.SOLUTION / "stage1-readmaps", stage, ignore=shutil.ignore_patterns("build", "readmaps"))
    if find:
        path = stage / "region_plan.c"
        text = path.read_text()
        assert find in text
        path.write_text(text.replace(find, put))
    return target


# A small class, its first stage alone


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which `class` has been graded into `out`; one job was interrupted on the way."""
    folder = tmp_path_factory.mktemp("small")
    made = folder / "class"
    packed(stage1(folder / "ada"), make(made) / "ada.tar.gz")
    stage1(made / "vvar", 'starts_with(region->name, "[vvar")', 'strcmp(region->name, "[vvar]") == 0')
    stage1(made / "nobuild", "return", "returns")
    (make(made / "other") / "essay.txt").write_text("I did not do it.\n")
    (made / "broken.zip").write_bytes(b"PK\3\4 and no more")
    (make(made / "stage2only" / "stage2-saveimage") / "ckpt.c").write_text("int main(void) { return 0; }\n")
    interrupted(made, folder / "out")
    done = grade(made, folder / "out", *STAGE1)
    (folder / "said").write_text(done.stdout + done.stderr)
    return folder


def make(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def interrupted(submissions: Path, out: Path) -> None:
    """Grade, until the first result is there; then Ctrl-C."""
    command = ["env", "--default-signal=INT", str(GRADER / "grade"), str(submissions), "-o", str(out), "-j", "1", *STAGE1]
    process = subprocess.Popen(command, env=clean(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    end = time.monotonic() + 600
    while not list((out / "results").glob("*.json")) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "the same command goes on" in said


def test_it_goes_on_where_it_was(small: Path) -> None:
    said = (small / "said").read_text()
    assert "6 submissions, 0 of them graded already" not in said
    assert "of them graded already" in said
    assert sorted(table(small / "out")) == ["ada", "broken", "nobuild", "other", "stage2only", "vvar"]


def test_each_has_what_it_deserves(small: Path) -> None:
    found = table(small / "out")
    assert found["ada"].points == 20 and found["ada"].status == GRADED
    assert {t.test for _, t in found["vvar"].tests() if t.outcome == FAILED} == {"test_plan"}
    assert [t.cause for _, t in found["vvar"].tests() if t.outcome == FAILED] == ["vvar-exact"]
    assert found["nobuild"].stages[0].status == NOT_BUILT and "error" in found["nobuild"].stages[0].message
    assert found["nobuild"].stages[0].cause == "does-not-build"
    assert found["broken"].status == REFUSED and found["other"].status == REFUSED
    assert found["stage2only"].stages[0].status == MISSING
    assert {result.maximum for result in found.values() if result.status == GRADED} == {20}


def test_the_place_of_a_fault_is_found_and_shown(small: Path) -> None:
    """After the verdict, in the sandbox; the class page has those with one fault together."""
    [failed] = [t for _, t in table(small / "out")["vvar"].tests() if t.outcome == FAILED]
    assert failed.where == "region_plan.c, region_plan() (step 1.5)", failed.where_how
    page = (small / "out/index.html").read_text()
    assert f"<strong>{failed.where}</strong>" in page and failed.cause_text in html.unescape(page)
    assert failed.where in (small / "out/feedback/vvar.html").read_text()


def test_failures_leave_what_is_needed_to_look_again(small: Path) -> None:
    test = next(t for _, t in table(small / "out")["vvar"].tests() if t.outcome == FAILED)
    case = small / "out" / test.artefacts
    assert {"repro.sh", "symptoms", "readmaps.out", "submission"} <= {path.name for path in case.iterdir()}
    assert "maps.txt" in {path.name for path in (case / "submission").iterdir()}
    done = subprocess.run([case / "repro.sh"], env=clean(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert table(small / "out")["vvar"].notes[-1].startswith("graded anew")


def test_all_reports_are_there(small: Path) -> None:
    out = small / "out"
    for name in ("index.html", "junit.xml", "students/ada.html", "feedback/ada.html"):
        assert (out / name).stat().st_size > 100, name
    with (out / "grades.csv").open() as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert float(rows["ada"]["total"]) == 20 and float(rows["nobuild"]["total"]) == 0


def test_a_second_time_nothing_is_graded(small: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (small / "out" / "results").iterdir()}
    done = grade(small / "class", small / "out", *STAGE1)
    assert done.returncode == 0 and "6 submissions, 6 of them graded already" in done.stdout, done.stdout + done.stderr
    assert {path: path.stat().st_mtime_ns for path in (small / "out" / "results").iterdir()} == before


def test_one_test_is_graded_anew_for_everybody(small: Path) -> None:
    """Of all stages, as `make grade ONLY=test_file` asks: only one has it, and the reference is known there."""
    out = small / "copy"
    shutil.copytree(small / "out", out)
    path = out / "results" / "ada.json"
    spoiled = results.load(path)
    for _, test in spoiled.tests():
        test.outcome, test.points = FAILED, 0.0
    results.save(spoiled, path)
    done = grade(small / "class", out, "--only", "test_file", "--student", "ada")
    assert done.returncode == 0 and "grading the reference" not in done.stdout, done.stdout + done.stderr
    found = table(out)["ada"]
    assert {t.test for _, t in found.tests() if t.outcome == PASSED} == {"test_file"} and found.points == 3


@pytest.mark.sample
@pytest.mark.parametrize("words", [
    [], ["missing"], [".", "--one", "."], [".", "--stage", "9"], [".", "-j", "0"], [".", "--platform", "gradescope"],
    [".", "--student", "nobody"], [".", "-o", "grades"],
])
def test_a_wrong_call_is_refused(words: Sequence[str], small: Path) -> None:
    done = subprocess.run([GRADER / "grade", *words], cwd=small / "class", env=clean(), capture_output=True, text=True,
                          check=False)
    assert done.returncode == 64 and done.stderr.startswith(("grade:", "usage:")), done.stdout + done.stderr
    shutil.rmtree(small / "class-grades", ignore_errors=True)


# The mutants as a class, and honest students among them


def make_class(folder: Path, names: Sequence[str], good: Sequence[str]) -> Path:
    for name in good:
        if name == SOLUTION:
            mutants.copy_solution(folder / f"honest-{name}")
        else:
            honest.lay_out(name, make(folder / f"honest-{name}"))
    for mutant in mutants.all_mutants():
        if mutant.name in names:
            tree = folder / mutant.name
            mutants.copy_solution(tree)
            mutant.apply(tree)
    return folder


def stages_of(result: SubmissionResult) -> dict[int, StageResult]:
    """Those that were graded."""
    return {row.stage: row for row in result.stages}


# What needs cores of the kernel in the program's folder; elsewhere these count for nobody.
KERNEL_CORES = {"test_mask", "test_read_kernel_core", "test_kernel_core", "test_signal_actions", "test_open_files", "test_fprintf"}


def reachable(stage: int) -> dict[str, float]:
    """The points of its tests that can be had on this machine."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text()
    elsewhere = KERNEL_CORES if pattern.startswith("|") or "/" in pattern else set()
    return {test: row["points"] for test, row in mutants.declared_tests(stage).items() if test not in elsewhere}


def full(result: SubmissionResult) -> float:
    """What honest/ has, which goes to stage 3; the solution has all that was tested."""
    if result.name == f"honest-{SOLUTION}":
        return sum(reachable(stage.stage).get(test.test, 0.0) for stage, test in result.tests())
    return sum(load_interface().stages[stage].points for stage in stages_of(result) if stage <= mutants.CORE)


def true_causes(mutant: mutants.Mutant, result: SubmissionResult) -> set[str]:
    return {mutant.causes.get(stage, mutant.cause) for stage in mutant.loses if stage in stages_of(result)}


def lost(result: SubmissionResult) -> dict[int, set[str]]:
    found = {stage.stage: {t.test for t in stage.tests if t.outcome == FAILED} for stage in result.stages}
    return {stage: names for stage, names in found.items() if names}


@pytest.fixture(scope="module")
def graded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("class")
    seed = request.config.option.seed
    stage, chosen, tests = DAYS[seed % len(DAYS)]
    good = [HONEST[seed // len(DAYS) % len(HONEST)] if stage <= mutants.CORE else SOLUTION]
    words = ["--stage", stage, "--where", 0, *(word for test in tests for word in ("--only", test))]
    words += ["--no-reference"]  # `small` has it, and it would have all of the stage's tests
    if request.config.getoption("--stress"):
        words, chosen, good = ["--where", 0], tuple(mutant.name for mutant in mutants.all_mutants()), [*HONEST, SOLUTION]
    done = grade(make_class(folder / "class", chosen, good), folder / "out", *words)
    (folder / "said").write_text(done.stdout + done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "out"


def test_there_are_enough_mutants() -> None:
    assert len(mutants.all_mutants()) >= 40 and len(HONEST) >= 3


def honest_ones(graded: Path) -> list[SubmissionResult]:
    found = [result for name, result in table(graded).items() if name.startswith("honest-")]
    assert found
    return found


def test_an_honest_submission_has_full_marks(graded: Path) -> None:
    assert {result.name: lost(result) for result in honest_ones(graded) if result.points != full(result)} == {}


def test_each_mutant_loses_its_tests_and_no_others(graded: Path) -> None:
    found, wrong = table(graded), []
    for mutant in mutants.all_mutants():
        if mutant.name in found:
            rows = stages_of(found[mutant.name])
            for stage in [stage for stage in mutants.stages_of(mutant) if stage in rows]:
                wrong += mutants.compare(mutant, stage, as_grading(rows[stage]))
    assert not wrong, "\n".join(wrong)


def as_grading(stage: StageResult) -> mutants.Grading:
    """As grader/check says it, for the same comparison as without the batch."""
    rows = [{"test": t.test, "outcome": t.outcome, "cause": t.cause} for t in stage.tests]
    return mutants.Grading(0, stage.message, {"tests": rows})


def test_the_class_report_clusters_them_by_their_true_causes(graded: Path) -> None:
    found = table(graded)
    by_cause = {c.key: {result.name for result in c.students} for c in clusters.clusters(found.values())}
    for mutant in mutants.all_mutants():
        for cause in true_causes(mutant, found[mutant.name]) if mutant.name in found else ():
            assert mutant.name in by_cause.get(cause, set()), f"{mutant.name} is not among those of {cause}"
    # Their later stages are the untouched skeleton's: nothing there is theirs.
    honest_losses = [loss.place() for result in honest_ones(graded) for loss in clusters.losses_of(result)
                     if loss.stage.stage <= mutants.CORE]
    assert not honest_losses


def test_a_restart_that_failed_has_its_film(graded: Path) -> None:
    """Watched in the sandbox; in stages from 3 on."""
    for name, result in table(graded).items():
        filmed = [test for stage, test in result.tests() if test.film]
        assert len(filmed) <= sum(stage.stage >= 3 for stage in result.stages)
        assert filmed or name != "no-tls" or 3 not in lost(result), "its restart crashes"
        for test in filmed:
            page = (graded / test.artefacts / test.film).read_text()
            assert "ckptlab make film" in page and str(graded) not in page
            assert f"../films/{name}-" in (graded / f"feedback/{name}.html").read_text()


# What does not happen on this machine


def result_with(**outcomes: str) -> SubmissionResult:
    tests = [TestResult(name, name, 2.0 if outcome == PASSED else 0.0, 2.0, outcome=outcome)
             for name, outcome in outcomes.items()]
    stage = StageResult(1, "stage1-readmaps", points=sum(t.points for t in tests), maximum=2.0 * len(tests), tests=tests)
    return SubmissionResult("x", "x", stages=[stage])


def test_what_the_reference_fails_counts_for_nobody() -> None:
    faults = environment.faults(result_with(a=PASSED, b=FAILED, c=SKIPPED))
    assert [fault.test for fault in faults] == ["b", "c"]
    judged = environment.apply(faults, result_with(a=FAILED, b=FAILED, c=PASSED))
    assert [t.outcome for _, t in judged.tests()] == [FAILED, ENVIRONMENT, ENVIRONMENT]
    assert (judged.points, judged.maximum) == (0.0, 2.0)


COUNTING = {1: {"a": Declared(2.0), "b": Declared(2.0, ("a",)), "c": Declared(2.0, ("b",)), "d": Declared(2.0)}}


def test_what_needs_such_a_test_counts_for_nobody_either() -> None:
    """Passed or not, and whether the submission has results of it or not: the maximum is the same for all."""
    fault = [environment.Fault(1, "a", "no gcore")]
    passed = environment.apply(fault, result_with(a=PASSED, b=PASSED, c=PASSED, d=PASSED), COUNTING)
    lost = environment.apply(fault, result_with(a=FAILED, b=SKIPPED, c=SKIPPED, d=FAILED), COUNTING)
    alone = environment.apply([], result_with(a=ENVIRONMENT, b=PASSED, c=FAILED, d=PASSED), COUNTING)
    for judged, points in ((passed, 2.0), (lost, 0.0), (alone, 2.0)):
        assert [t.outcome for _, t in judged.tests()][:3] == [ENVIRONMENT] * 3
        assert (judged.points, judged.maximum) == (points, 2.0)


def test_a_stage_that_was_not_handed_in_has_the_maximum_of_the_others() -> None:
    course = Course(catalogue=COUNTING, points={(1, "b"): 7.0, (1, "d"): 3.0})
    missing = SubmissionResult("x", "x", stages=[StageResult(1, "stage1-readmaps", MISSING, maximum=8.0)])
    fault = [environment.Fault(1, "a", "no gcore")]
    assert reports.counted(missing, fault, course).maximum == 3.0
    assert reports.counted(result_with(a=FAILED, b=SKIPPED, c=SKIPPED, d=PASSED), fault, course).maximum == 3.0
    assert reports.counted(missing, [], course).maximum == 14.0


def test_a_skipped_test_does_not_rise_by_being_graded_alone() -> None:
    old, new = result_with(a=FAILED, b=SKIPPED), result_with(b=PASSED)
    old.stages[0].tests[1].reason = "needs a"
    assert merge.tests(old, new, ["b"]).points == 0.0
    assert old.notes == []


NEEDS = {1: {"a": Declared(2), "b": Declared(2, ("a",)), "c": Declared(2, ("b",)), "d": Declared(2, ("a", "e")), "e": Declared(2)},
         2: {"a": Declared(1)}}


def test_a_test_is_meant_in_each_stage_that_has_it() -> None:
    assert anew.named(["a"], NEEDS, []) == ["1.a", "2.a"] and anew.named(["2.a"], NEEDS, []) == anew.named(["a"], NEEDS, [2])
    for word in ("x", "2.b", "3.a"):
        with pytest.raises(anew.NoSuchTest, match=word):
            anew.named([word], NEEDS, [])
    options = Options(only=["1.a", "b"])
    assert options.numbers() == sorted(load_interface().stages) and options.only_in(1) == ["a", "b"] and options.only_in(2) == ["b"]
    assert Options(only=["2.a"]).numbers() == [2] and Options(only=["2.a"], stages=[1]).numbers() == []


def test_what_waited_for_a_test_comes_with_it_unless_it_waits_for_another_one() -> None:
    old = result_with(a=FAILED, b=SKIPPED, c=SKIPPED, d=SKIPPED, e=FAILED)
    assert anew.with_skipped(["1.a"], old, NEEDS) == ["1.a", "1.b", "1.c"]
    assert anew.with_skipped(["1.a"], result_with(a=PASSED, b=PASSED, d=SKIPPED, e=FAILED), NEEDS) == ["1.a"]
    old.stages[0].tests[1].reason = "needs a"
    new = merge.tests(old, result_with(a=PASSED, b=PASSED, c=FAILED), ["1.a", "1.b", "1.c"])
    assert [test.outcome for _, test in new.tests()] == [PASSED, PASSED, FAILED, SKIPPED, FAILED]
    assert new.points == 4 and new.notes[0].endswith(": a, b, c")


def test_what_cannot_be_graded_anew_is_in_no_note() -> None:
    """A hidden test of a stage that does not build is in no list of the result: nobody would take its name out."""
    old = SubmissionResult("x", "x", stages=[StageResult(1, "one", NOT_BUILT)])
    assert merge.tests(old, result_with(hidden=PASSED), ["hidden"]).notes == []


# Long runs


@pytest.mark.stress
def test_a_fault_of_the_machine_is_told_as_such(tmp_path: Path) -> None:
    """With a reference that is wrong itself."""
    top = make(tmp_path / "kit")
    copy_tracked(TOP, top)
    path = top / "solution/stage1-readmaps/region_plan.c"
    path.write_text(path.read_text().replace('starts_with(region->name, "[vvar")', 'strcmp(region->name, "[vvar]") == 0'))
    stage1(make(tmp_path / "class") / "ada")
    done = grade(tmp_path / "class", tmp_path / "out", "--stage", 1, top=top)
    assert "GRADER ENVIRONMENT, not student: stage 1 test_plan" in done.stderr, done.stdout + done.stderr
    assert "grader environment" in (tmp_path / "out/index.html").read_text().lower()
    with (tmp_path / "out/grades.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["total"]) == 17  # the plan's 3 points are nobody's


@pytest.mark.stress
def test_order_and_width_do_not_matter(tmp_path: Path, graded: Path) -> None:
    folder = make(tmp_path / "class")
    for number, name in enumerate(reversed(SAMPLE)):
        tree = folder / f"{number}-{name}"
        mutants.copy_solution(tree)
        next(m for m in mutants.all_mutants() if m.name == name).apply(tree)
    grade(folder, tmp_path / "out", "-j", "1", "--no-reference")
    again = {name.split("-", 1)[1]: lost(result) for name, result in table(tmp_path / "out").items()}
    assert again == {name: lost(table(graded)[name]) for name in SAMPLE}


@pytest.mark.stress
def test_one_submission_a_hundred_times(tmp_path: Path) -> None:
    folder = make(tmp_path / "class")
    for number in range(100):
        honest.lay_out(HONEST[number % len(HONEST)], make(folder / f"s{number:02}"))
    grade(folder, tmp_path / "out", "--no-reference")
    found = table(tmp_path / "out")
    assert len(found) == 100
    assert {name: lost(result) for name, result in found.items() if result.points != full(result)} == {}
