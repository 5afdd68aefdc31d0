"""Other courses' programs through the batch path: graded as a class, in the sandbox, clustered by what is wrong."""
from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from batch.intake import look
from batch.prepare import prepare
from batch.profiles import of_students
from batch.stages import Kit
from batch.unpack import Refused
from batch.workshop import grader_digest
from conftest import copy_tracked
from kit import mutants
from kit.mutants import Mutant, depends_on
from reports import results
from reports.clusters import clusters
from reports.results import FAILED, SubmissionResult
from sandbox.spec import BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, OWN_UID
from stage.config import PROFILES, TOP, BadProfile, find_profile, load_interface

pytestmark = pytest.mark.xdist_group("classic_batch")  # what is made once is made by one worker

GOOD = "good"
FEW = ("test_checkpoint", "test_counter", "test_clock", "test_stale_image")
CHEAP = ("append", "no-vdso")  # mutants that lose one of these
NAMES = sorted(path.stem for path in PROFILES.glob("*.toml"))
AS_ROOT = os.geteuid() == 0
KIT = Kit.load(load_interface(find_profile("classic")))


@dataclass
class Graded:
    status: int
    output: str
    results: dict[str, SubmissionResult]


def grade(folder: Path, profile: str, *options: str, top: Path = TOP) -> Graded:
    command = [str(top / "grader/grade"), str(folder), "-o", str(folder.parent / "out"), "--profile", profile, *options]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "PYTEST"))}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=3000, check=False)
    table = {result.name: result for result in results.load_all(folder.parent / "out" / "results")}
    return Graded(done.returncode, done.stdout + done.stderr, table)


def mutants_of(profile: str) -> list[Mutant]:
    return [mutant for mutant in mutants.all_mutants(mutants.CLASSIC) if mutant.profile == profile]


def make_class(folder: Path, profile: str, broken: Sequence[Mutant]) -> Path:
    """A folder of submissions: the reference, and others made from it."""
    mutants.copy_reference(profile, folder / GOOD)
    for mutant in broken:
        mutant.apply(mutants.copy_reference(profile, folder / mutant.name))
    return folder


def only(names: Sequence[str]) -> list[str]:
    return [word for name in names for word in ("--only", name)]


def failed(result: SubmissionResult) -> list[str]:
    return [test.test for _, test in result.tests() if test.outcome == FAILED]


def told(result: SubmissionResult) -> str:
    return f"{result.name}: {[(s.status, s.message) for s in result.stages]} " + str(
        [(test.test, test.reason, test.cause, test.symptoms) for _, test in result.tests() if test.outcome != "passed"])


def full_marks(result: SubmissionResult) -> None:
    assert result.points == result.maximum > 0, told(result)
    assert {test.outcome for _, test in result.tests()} <= {"passed", "environment"}, told(result)


# A class in check

BY_PID = (("static volatile int is_restart;", "static volatile int is_restart;\nstatic volatile pid_t first;"),
          ("    is_restart = 0;\n", "    first = getpid();\n"), ("    if (is_restart) {", "    if (first != getpid()) {"),
          ("static ucontext_t context;", "static struct ucontext context;"), ("sigaction(SIGUSR2", "sigaction(SIGUSR1"))


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """Three submissions, a few tests, without the reference. The good one knows its second life by its pid, is
    older than glibc 2.26, and has a profile of its own: another signal."""
    chosen = [mutant for mutant in mutants_of("classic") if mutant.name in CHEAP]
    folder = make_class(tmp_path_factory.mktemp("classic") / "class", "classic", chosen)
    source = folder / GOOD / "libckpt.c"
    text = source.read_text()
    for find, put in BY_PID:
        assert text.count(find) == 1, find
        text = text.replace(find, put)
    source.write_text(text)
    return grade(folder, "classic", "--no-reference", "-j", "2", "--profiles", str(own_profiles(folder.parent / "own")), *only(FEW))


def own_profiles(folder: Path) -> Path:
    """One for the good submission, and one for nobody."""
    folder.mkdir()
    text = (PROFILES / "classic.toml").read_text()
    (folder / f"{GOOD}.toml").write_text(text.replace('signal = "SIGUSR2"', 'signal = "SIGUSR1"'))
    (folder / "nobody.toml").write_text(text)
    return folder


def test_a_class_is_graded_under_a_profile(few: Graded) -> None:
    assert few.status == 0 and sorted(few.results) == sorted([GOOD, *CHEAP]), few.output
    assert "no reference solution was tried:" in few.output
    full_marks(few.results[GOOD])
    assert "its own profile: good.toml" in few.results[GOOD].notes
    assert "nobody.toml: no submission is called nobody" in few.output
    assert [len(result.tests()) for result in few.results.values()] == [len(FEW)] * 3
    assert few.results[GOOD].stages[0].folder == "checkpoint and restart (classic)", "the folder '.' says nothing"


@pytest.mark.parametrize("name", CHEAP)
def test_a_mistake_has_its_cause_there_too(few: Graded, name: str) -> None:
    mutant, result = next(m for m in mutants_of("classic") if m.name == name), few.results[name]
    assert failed(result) == mutant.loses[1], told(result)
    assert [test.cause for _, test in result.tests() if test.outcome == FAILED] == [mutant.cause], told(result)
    assert {loss.result.name for c in clusters(few.results.values()) if c.key == mutant.cause for loss in c.losses} == {name}


def test_a_wrong_call_is_refused_in_words(tmp_path: Path) -> None:
    make_class(tmp_path / "class", "classic", [])
    stage, name = grade(tmp_path / "class", "classic", "--stage", "2"), grade(tmp_path / "class", "nobodys")
    assert stage.status == 64 and "there is no stage 2" in stage.output
    assert name.status == 64 and "nor a profile of the grader's (classic, classic-static)" in name.output
    assert not (tmp_path / "out").exists()


def test_a_library_is_linked_in_the_sandbox(tmp_path: Path) -> None:
    """One test under the static profile: the program under test is made from the submission's libckpt.a."""
    make_class(tmp_path / "class", "classic-static", [])
    got = grade(tmp_path / "class", "classic-static", "--no-reference", *only(["test_checkpoint", "test_no_pie"]))
    full_marks(got.results[GOOD])


# What is taken of a submission


def prepared(folder: Path, tree: Path) -> dict[str, int]:
    """The files of the tree to grade, and their modes."""
    prepare(look(folder, kit=KIT).submissions[0], tree, kit=KIT)
    return {str(p.relative_to(tree)): p.stat().st_mode & 0o777 for p in tree.rglob("*") if p.is_file()}


def test_all_text_is_the_students_own(tmp_path: Path) -> None:
    """The folder is called as the kit calls its own; a HANDIN.txt asks for nothing here."""
    inside = tmp_path / "class" / "ada" / "solution"
    inside.mkdir(parents=True)
    (inside / "Makefile").write_text("all:\n\t./configure\n")
    (inside / "configure").write_text("#!/bin/sh\n")
    (inside / "HANDIN.txt").write_text("make variables: REFERENCE=1\n")
    (inside / "restart").write_bytes(b"\x7fELF\0")
    files = prepared(tmp_path / "class", tmp_path / "tree")
    assert files == {"Makefile": 0o644, "configure": 0o755, "HANDIN.txt": 0o644}


def test_a_submission_without_a_source_is_refused(tmp_path: Path) -> None:
    (tmp_path / "class" / "ada").mkdir(parents=True)
    (tmp_path / "class" / "ada" / "essay.txt").write_text("I tried.\n")
    with pytest.raises(Refused, match="no Makefile and no source in it; it holds essay.txt"):
        prepare(look(tmp_path / "class", kit=KIT).submissions[0], tmp_path / "tree", kit=KIT)


def test_single_sources_do_not_make_the_class_one_submission(tmp_path: Path) -> None:
    for name in ("lovelaceada_12_345_libckpt.c", "babbagecharles_13_346_libckpt.c"):
        (tmp_path / "class").mkdir(exist_ok=True)
        (tmp_path / "class" / name).write_text("int x;\n")
    assert len(look(tmp_path / "class", kit=KIT).submissions) == 2


def test_the_digest_tells_profiles_apart(tmp_path: Path) -> None:
    """Else another profile's results would be taken for done."""
    own = tmp_path / "mine.toml"
    shutil.copy(PROFILES / "classic.toml", own)
    digests = {grader_digest(str(path)) for path in (own, *PROFILES.glob("*.toml"))} | {grader_digest()}
    own.write_text(own.read_text() + "\n")
    assert len(digests | {grader_digest(str(own))}) == len(NAMES) + 3


@pytest.mark.parametrize(("find", "put", "words"), [
    ("points = 60", "points = 50", "stage 1: its points must be those of the class's profile"),
    ("[stage.1]", "[stage.2]", "it has the stages [2], the class's profile [1]"),
    ('command = ["./ckpt", "{program}"]', "", "[launch] 'command' is missing"),
])
def test_a_profile_of_one_student_asks_for_the_same(find: str, put: str, words: str, tmp_path: Path) -> None:
    text = (PROFILES / "classic.toml").read_text()
    assert text.count(find) == 1
    (tmp_path / "ada.toml").write_text(text.replace(find, put))
    with pytest.raises(BadProfile) as caught:
        of_students(tmp_path, load_interface(find_profile("classic")))
    assert words in str(caught.value)


# The whole, in stress


@pytest.fixture
def hidden_kit(tmp_path: Path) -> Path:
    """A kit that no other user can read."""
    copy_tracked(TOP, tmp_path / "kit")
    (tmp_path / "kit").chmod(0o700)
    return tmp_path / "kit"


TIERS = (BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, OWN_UID)


@pytest.mark.stress
@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("profile", NAMES)
def test_all_mutants_are_clustered_by_their_causes(profile: str, tier: str, tmp_path: Path, hidden_kit: Path) -> None:
    if tier != BUBBLEWRAP and not AS_ROOT:
        pytest.skip(f"{tier}: only root has this tier")
    chosen = mutants_of(profile)
    folder = make_class(tmp_path / "class", profile, chosen)
    got = grade(folder, profile, "--sandbox", tier, "--patience", "8", "-j", "2", top=hidden_kit)
    assert got.status == 0 and "grading the reference solution first" in got.output, got.output
    assert "GRADER ENVIRONMENT" not in got.output, got.output
    full_marks(got.results[GOOD])
    for mutant in chosen:
        check_mutant(mutant, got.results[mutant.name])
    stuck = {c.key: {loss.result.name for loss in c.losses if loss.first} for c in clusters(got.results.values())}
    for mutant in chosen:
        assert mutant.name in stuck[mutant.cause], stuck


def check_mutant(mutant: Mutant, result: SubmissionResult) -> None:
    tests, free = mutants.declared_tests(1, mutant.profile), mutant.may_lose
    lost = {n for n in failed(result) if n not in free and not depends_on(tests, n, free)}
    untested = {test.test for _, test in result.tests() if test.outcome == "environment"}
    assert lost == set(mutant.loses[1]) - untested, told(result)


def broken_profile(folder: Path) -> str:
    """The classic profile, whose reference knows nothing of the vdso."""
    good = mutants.reference("classic").relative_to(TOP)
    mutant = next(m for m in mutants_of("classic") if m.name == "no-vdso")
    mutant.apply(mutants.copy_reference("classic", folder / "broken"))
    text = (PROFILES / "classic.toml").read_text()
    assert text.count(f'"{good}"') == 1
    (folder / "mine.toml").write_text(text.replace(f'"{good}"', f'"{folder}/broken"'))
    return str(folder / "mine.toml")


@pytest.mark.stress
def test_what_the_reference_fails_costs_nobody(tmp_path: Path) -> None:
    chosen = [mutant for mutant in mutants_of("classic") if mutant.name in CHEAP]
    folder = make_class(tmp_path / "class", "classic", chosen)
    got = grade(folder, broken_profile(tmp_path), *only(FEW))
    assert "GRADER ENVIRONMENT, not student: stage 1 test_clock" in got.output, got.output
    rows = (tmp_path / "out" / "grades.csv").read_text().splitlines()
    final = {row.split(",")[0]: row.split(",")[-3] for row in rows[1:]}
    assert final == {GOOD: "10", "no-vdso": "10", "append": "7"}, rows


@pytest.mark.stress
def test_without_a_reference_the_run_says_so(tmp_path: Path) -> None:
    text = (PROFILES / "classic.toml").read_text().split("[reference]")[0]
    (tmp_path / "mine.toml").write_text(text)
    make_class(tmp_path / "class", "classic", [])
    got = grade(tmp_path / "class", str(tmp_path / "mine.toml"), *only(["test_checkpoint"]))
    assert "the profile names none" in got.output and got.status == 0
    full_marks(got.results[GOOD])


NO_IMAGE = 'open("/nonexistent/myckpt",'


@pytest.mark.stress
@pytest.mark.parametrize("tier", TIERS)
def test_evidence_is_found_in_the_sandbox(tier: str, tmp_path: Path, hidden_kit: Path) -> None:
    """strace of a handler that leaves no image; the witness of a restarted program whose TLS base is wrong."""
    if tier != BUBBLEWRAP and not AS_ROOT:
        pytest.skip(f"{tier}: only root has this tier")
    mutant = next(m for m in mutants_of("classic") if m.name == "no-tls")
    folder = make_class(tmp_path / "class", "classic", [mutant])
    source = folder / GOOD / "libckpt.c"
    assert source.read_text().count('open("myckpt",') == 1
    source.write_text(source.read_text().replace('open("myckpt",', NO_IMAGE))
    got = grade(folder, "classic", "--sandbox", tier, "--no-reference", *only(["test_checkpoint", "test_libc"]), top=hidden_kit)
    symptoms = {name: [s for _, t in result.tests() for s in t.symptoms] for name, result in got.results.items()}
    opened = [s for s in symptoms[GOOD] if s.startswith("strace says: ") and "/nonexistent/myckpt" in s]
    assert opened and not [s for s in symptoms[GOOD] if "gates" in s], [*map(told, got.results.values()), symptoms]
    seen = [s for s in symptoms["no-tls"] if s.startswith("witness: state: the TLS base is still restart's")]
    assert seen, symptoms
