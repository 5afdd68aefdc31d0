"""The grader's own tests: the solution has full marks, an untouched skeleton has none, and what the
grader says can be relied on."""
from __future__ import annotations

import itertools
import os
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from batch import given
from batch.workshop import Workshop, grader_digest
from conftest import SAMPLE, need
from handout import skeleton
from kit import mutants
from stage.config import GRADER, TOP, load_interface
from stage.diagnosis import alternatives, find_cause, load_causes
from stage.lab import Lab
from stage.oracle import EXIT, Oracle, compare_symptoms, expected_output
from stage.programs import RECIPES, SOURCES, Programs
from stage.scoring import NOT_TESTED, Result, Scoring, Selection

STAGES = sorted(load_interface().stages)


def folder_of(tree: Path, stage: int) -> Path:
    return tree / load_interface().stages[stage].folder


def once_a_day() -> Iterator[Any]:
    """The stages; a sample of those to whose full marks 000-README leads every day (test_docs.py)."""
    text = (TOP / "000-README").read_text()
    for number, stage in load_interface().stages.items():
        shown = f"\nStage {number}: {stage.points:g} of {stage.points:g} points" in text
        yield pytest.param(number, marks=pytest.mark.sample if shown and number <= mutants.CORE else ())


@pytest.mark.parametrize("stage", once_a_day())
def test_solution_has_full_marks(stage: int, tmp_path: Path) -> None:
    mutants.copy_solution(tmp_path)
    got = mutants.grade(stage, folder_of(tmp_path, stage), patience=20)
    assert got.status == 0, got.output
    declared = mutants.declared_tests(stage).values()  # hidden ones too, which lab.toml does not count
    assert got.table["points"] == sum(row["points"] for row in declared)


@pytest.mark.stress
@pytest.mark.parametrize("stage", STAGES)
def test_solution_bears_stress(stage: int, tmp_path: Path) -> None:
    mutants.copy_solution(tmp_path)
    got = mutants.grade(stage, folder_of(tmp_path, stage), stress=True, patience=120)
    assert got.status == 0, got.output


def make_skeletons(tree: Path) -> None:
    """The skeletons as the solution says now."""
    for source in mutants.SOLUTION.glob("stage[0-9]*/*"):
        if not source.is_file() or is_built(source):
            continue
        path = Path("solution") / source.relative_to(mutants.SOLUTION)
        text, _ = skeleton.generate(path, source.read_text())
        target = tree / source.relative_to(mutants.SOLUTION)
        if text is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)


def is_built(path: Path) -> bool:
    return path.suffix == ".so" or (path.suffix == "" and path.name != "Makefile")


@pytest.mark.parametrize("stage", STAGES)
def test_untouched_skeleton_builds_and_has_no_points(stage: int, tmp_path: Path) -> None:
    make_skeletons(tmp_path)
    given.lay_objects(given.Trees(load_interface(), Workshop.open(grader_digest(), load_interface()).given, tmp_path))
    got = mutants.grade(stage, folder_of(tmp_path, stage))
    assert got.status == 1
    assert "does not build" not in got.output
    assert got.table["points"] == 0, got.output
    assert got.first_cause(), got.output


@pytest.mark.parametrize("stage", STAGES)
def test_points_add_up(stage: int) -> None:
    rows = [row for row in mutants.declared_tests(stage).values() if not row["hidden"]]
    assert sum(row["points"] for row in rows) == load_interface().stages[stage].points
    assert all(row["points"] > 0 or row["stress"] for row in rows)


@pytest.mark.parametrize("stage", STAGES)
def test_tests_name_steps_and_earlier_tests(stage: int) -> None:
    seen: set[str] = set()
    steps = all_steps()
    for name, row in mutants.declared_tests(stage).items():
        assert set(row["needs"]) <= seen, f"{name} needs a test that is not before it"
        assert row["step"] in steps, f"{name}: no step {row['step']}"
        assert not row["title"].endswith("."), name
        seen.add(name)


def all_steps() -> set[str]:
    files = [p for p in mutants.SOLUTION.glob("stage*/*") if p.suffix in (".c", ".h", ".S", ".tmpl")]
    text = "".join(p.read_text() for p in files)
    return set(re.findall(r"//@ step (\d+\.\d+)", text))


def test_only_one_test_of_a_stage_needs_nothing() -> None:
    """Else a program that does nothing could have points."""
    for stage in STAGES:
        rows = mutants.declared_tests(stage)
        assert [name for name, row in rows.items() if not row["needs"]] == [next(iter(rows))]


# A failure, as a student sees it


def fake(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def fake_stage(tmp_path: Path, **programs: str) -> Path:
    folder = tmp_path / "stage3-restart"
    folder.mkdir()
    (folder / "Makefile").write_text("all:\n\t@echo 'x.c:1:1: warning: made up' >&2\n")
    for name in load_interface().stages[3].programs:
        fake(folder, name, programs.get(name.split(".")[0], "exit 70"))
    return folder


def test_a_program_that_is_run_again_is_found_out(tmp_path: Path) -> None:
    script = f'exec {GRADER}/build/programs/bare 12 5'
    folder = fake_stage(tmp_path, restart=script)
    got = mutants.grade(3, folder, ["test_bare"])
    assert (got.status, got.first_cause()) == (1, "started-again"), got.output


def test_a_failure_ends_in_a_cause_and_a_command(tmp_path: Path) -> None:
    folder = fake_stage(tmp_path, restart="echo restart: not yet written >&2; exit 70")
    got = mutants.grade(3, folder)
    assert "1 compiler warnings" in got.output
    for words in ("Cause:", "Next:", "Read:   000-README step 3.", "Again:", "0 of 45 points"):
        assert words in got.output, got.output
    results = folder / "build/check/test_bare"
    for name in ("repro.sh", "image", "maps.before", "symptoms", "original.out", "restart.err"):
        assert (results / name).exists(), name
    skipped = [test for test in got.table["tests"] if test["outcome"] == "skipped"]
    assert {test["points"] for test in skipped} == {0}
    assert all(test["reason"].startswith("needs ") for test in skipped)


@pytest.mark.parametrize("stage, test", [(5, "test_regions"), (6, "test_exit_status")])
def test_a_stage_that_is_not_there_is_not_blamed_on_later_ones(stage: int, test: str, tmp_path: Path) -> None:
    folder = mutants.build_solution(tmp_path / "tree", load_interface().stages[stage].folder)
    given = skeleton.skeleton_of(TOP, Path("solution/stage3-restart/place.c"))
    assert given
    (folder.parent / "stage3-restart/place.c").write_bytes(given.data)
    got = mutants.grade(stage, folder, [test])
    assert got.tests("environment") or (got.tests("failed"), got.first_cause()) == ([test], "earlier-stages"), got.output


def test_what_needs_a_test_that_cannot_be_tested_here_does_not_count(tmp_path: Path) -> None:
    """Whatever became of the others that it needs: nothing can be said of it."""
    scoring = Scoring(Lab(1, tmp_path, results=False), Selection(), lambda *_: None)
    for name, outcome in (("gone", "environment"), ("lost", "failed")):
        scoring.results[name] = Result(name, name, 0.0, 1.0, "1.1", outcome=outcome)
    for needs, words in ((["lost", "gone"], f"{NOT_TESTED}needs gone, which"), (["lost"], "needs lost")):
        item = SimpleNamespace(name="test", get_closest_marker=lambda _: SimpleNamespace(kwargs={"needs": needs}))
        scoring.order = ["test"]
        with pytest.raises(pytest.skip.Exception) as reason:
            scoring.pytest_runtest_setup(item)  # type: ignore[arg-type]
        assert str(reason.value).startswith(words)


def test_the_case_can_be_repeated(tmp_path: Path) -> None:
    folder = fake_stage(tmp_path)
    mutants.grade(3, folder, ["test_bare"])
    script = folder / "build/check/test_bare/repro.sh"
    assert script.stat().st_mode & stat.S_IXUSR
    done = subprocess.run([script], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "test_bare" in done.stdout and "Symptoms:" in done.stdout


def test_a_stage_that_does_not_build_has_no_points(tmp_path: Path) -> None:
    folder = fake_stage(tmp_path)
    (folder / "Makefile").write_text("all:\n\t@echo 'x.c:1: error: made up' >&2; false\n")
    got = mutants.grade(3, folder)
    assert got.status == 1 and "x.c:1: error: made up" in got.output
    assert (got.table["points"], got.table["maximum"]) == (0, 45)


def test_the_submission_is_never_built_with_werror(tmp_path: Path) -> None:
    folder = fake_stage(tmp_path)
    (folder / "Makefile").write_text("all:\n\t@test -z '$(WERROR)'\n")
    got = mutants.grade(3, folder, ["test_bare"])
    assert "does not build" not in got.output


def test_junit(tmp_path: Path) -> None:
    folder, report = fake_stage(tmp_path), tmp_path / "junit.xml"
    command = [str(GRADER / "check"), "--stage", "3", str(folder), "--only", "test_bare", "--junit", str(report)]
    subprocess.run(command, capture_output=True, check=False)
    assert 'failures="1"' in report.read_text()


@pytest.mark.parametrize("words", [["--stage", "9", "."], ["--stage", "1", "missing"], ["--stage", "1"]])
def test_a_wrong_call_is_refused(words: list[str]) -> None:
    done = subprocess.run([GRADER / "check", *words], capture_output=True, text=True, check=False)
    assert done.returncode not in (0, 1) and done.stderr


# The oracle and the programs under test


def run_counter(tmp_path: Path) -> list[str]:
    programs = Programs(tmp_path / "programs")
    programs.make_folder()
    (tmp_path / "01").touch()
    command = [str(programs.get("counter")), "8", "3"]
    env = {**os.environ, "CKPTLAB_GATES": str(tmp_path)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert done.returncode == int(lines[-1].split()[1])
    return lines


def test_the_oracle_knows_the_output(tmp_path: Path) -> None:
    lines = run_counter(tmp_path)
    steps = [f"step {i:06d}" for i in range(1, 9)]
    assert lines == expected_output(lines[0], [*steps[:3], "gate 01", *steps[3:], EXIT])


def test_another_nonce_makes_another_chain() -> None:
    first = "nonces " + " ".join(["00000000000000aa"] * 5)
    for i in range(5):
        other = Oracle(first)
        other.nonces[i] ^= 1
        assert other.line("step 000001") != Oracle(first).line("step 000001")


@pytest.mark.parametrize(
    ("got", "symptom"),
    [
        ([], "output: nothing"),
        (["nonces 0"], "output: started again from the beginning"),
        (["a #1", "b #2"], "output: repeats lines from before the checkpoint"),
        (["b #2"], "output: stops early"),
        (["b #2", "c #3", "d #4"], "output: goes on too long"),
        (["b #9"], "output: a nonce changed"),
        (["b #2", "x #3"], "output: expected 'c' got 'x'"),
    ],
)
def test_wrong_outputs_are_told_apart(got: list[str], symptom: str) -> None:
    assert compare_symptoms(["nonces", "a #1"], ["b #2", "c #3"], got) == [symptom]


WITH_A_STAGE = {"parse_names.c", "places.c"}  # compiled by their tests, with a stage's headers


@pytest.mark.sample
@pytest.mark.parametrize("compiler, part", itertools.product(["gcc", "clang"], range(SAMPLE)))
def test_programs_compile_without_a_warning(compiler: str, part: int, tmp_path: Path) -> None:
    need(compiler)
    sources = sorted(p for p in SOURCES.glob("*.c") if p.name not in WITH_A_STAGE)[part::SAMPLE]
    how = "-c" if compiler == "gcc" else "-fsyntax-only"  # its warnings come from there, and nothing is run
    command = [compiler, "-O1", "-Wall", "-Wextra", "-Werror", "-pthread", how, *map(str, sources)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_each_program_is_used() -> None:
    places = ("tests", "classic/profiles", "kit/tests")
    tests = "".join(path.read_text() for place in places for path in (GRADER / place).glob("*.py"))
    names = set(RECIPES) | {path.stem for path in SOURCES.glob("*.c")} - {"program", "counter"}
    assert not [name for name in sorted(names) if f'"{name}"' not in tests and f"/{name}" not in tests
                and name not in tests]


# The table of causes


def test_causes_point_at_steps_and_demos_that_exist() -> None:
    demos = " ".join(path.name for path in (TOP / "BACKGROUND").glob("*.c"))
    for cause in load_causes():
        assert not cause.step or cause.step in all_steps(), cause.id
        assert cause.demo in demos, cause.id
        assert cause.text.endswith(".") and cause.next.endswith((".", "?")), cause.id


def test_causes_have_different_names() -> None:
    names = [cause.id for cause in load_causes()]
    assert len(names) == len(set(names))


EXAMPLES = {
    "sandbox-memory": ["test: test_bare", "restart: signal SIGKILL", "sandbox: memory: 1600 MiB"],
    "sandbox-processes": ["test: test_bare", "sandbox: processes: it started 64"],
    "sandbox-disk": ["test: test_image", "sandbox: disk: 1100 MiB written"],
    "sandbox-files": ["test: test_file", "sandbox: files: it made 20100; the limit is 20000"],
    "sandbox-output": ["test: test_bare", "sandbox: output: more than 16 MiB"],
    "sandbox-killed": ["test: test_bare", "restart: signal SIGKILL", "sandbox: killed: it sent"],
    "sandbox-network": ["test: test_bare", "restart: signal SIGSYS"],
    "sandbox-time": ["sandbox: time"],
    "does-not-build": ["build: fails"],
    "no-reference": ["test: test_bare", "error: BuildError: no reference in reference"],
    "reference-broken": ["error: BuildError: make -C x"],
    "hides": ["test: test_bare", "genuine: hides"],
    "not-restarted": ["test: test_bare", "genuine: another program"],
    "other-memory": ["test: test_bare", "genuine: other memory"],
    "parser-interface": ["test: test_odd_names", "readmaps: interface"],
    "short-read": ["test: test_few_bytes"],
    "end-of-file": ["test: test_file", "readmaps: hangs"],
    "behind-the-buffer": ["test: test_thousands", "parse_names: signal SIGSEGV"],
    "fixed-table": ["test: test_thousands", "readmaps: thousands"],
    "name-cut": ["test: test_long_path", "image: path cut short"],
    "newline-name": ["test: test_odd_names", "readmaps: newline"],
    "odd-names": ["test: test_odd_names", "readmaps: odd names"],
    "narrow-number": ["test: test_numbers"],
    "permissions": ["test: test_permissions"],
    "letters-unchecked": ["test: test_errors", "readmaps: accepts 1000-2000 rw-q 00000000 00:00 0"],
    "long-line": ["test: test_errors", "a line too long: hangs"],
    "read-error": ["test: test_errors", "readmaps: accepts a folder: read(2) fails"],
    "accepts-garbage": ["test: test_errors", "readmaps: accepts nonsense"],
    "vvar-exact": ["test: test_kernel_regions", "image: stores [vvar_vclock]"],
    "vvar-saved": ["test: test_kernel_regions", "image: stores [vvar]"],
    "shared-plan": ["test: test_shared", "refusal: image written"],
    "plan": ["test: test_plan", "plan: save rwxp"],
    "unsafe-parser": ["test: test_signal_safe", "readmaps: unsafe calls"],
    "parser": ["test: test_file", "readmaps: plain file"],
    "no-preload": ["test: test_preload", "no handler"],
    "constructor-stays": ["test: test_preload", "original: hangs"],
    "signal-blocked": ["test: test_preload", "ckpt: signal blocked"],
    "signal-kills": ["test: test_image", "checkpoint: signal SIGUSR2"],
    "loop-adds-errors": ["test: test_full_disk", "checkpoint: hangs while it writes"],
    "deleted-file": ["test: test_plan", "plan: save r--p /usr/lib/old.so (deleted)"],
    "guard-plan": ["test: test_plan", "plan: guard ---p"],
    "files-saved": ["test: test_plan", "plan: file r-xp /usr/lib/libc.so.6"],
    "constructor-exits": ["test: test_preload", "original: exit status 0", "message: original: exit status 0 before it printed 'gate 01'"],
    "preload-overwritten": ["test: test_names", "ckpt: LD_PRELOAD overwritten"],
    "signal-fixed": ["test: test_names", "ckpt: name", "original 4: signal SIGUSR1"],
    "handler-exits": ["test: test_image", "checkpoint: exit status 0"],
    "shared-refused": ["test: test_shared_anonymous", "original 2 says: libckpt: region 7f-80 /dev/zero (deleted) is writable and shared with others"],
    "arena-saved": ["test: test_image", "checkpoint: no image", "original says: libckpt: region 7f-80 /dev/zero (deleted) is writable and shared with others"],
    "temporary-left": ["test: test_full_disk", "image: temporary file left"],
    "vsyscall": ["test: test_kernel_regions", "image: has [vsyscall]"],
    "guard-dropped": ["test: test_guard", "image: stores guard", "image: no region guard"],
    "image-mode": ["test: test_image", "image: mode"],
    "image-left-open": ["test: test_image", "ckpt: descriptors"],
    "interrupted-write": ["test: test_short_writes", "original says: libckpt: no checkpoint; image: Interrupted system call"],
    "long-write": ["test: test_short_writes", "output: expected 'behind 1' got 'behind 0'"],
    "interrupted-read": ["test: test_short_reads", "restart says: restart: failed half-way: read the bytes of 7f67b2012000: errno 4"],
    "long-read-image": ["test: test_short_reads", "output: expected 'behind 1' got 'behind 0'"],
    "thread-refused": ["test: test_rseq", "restart says: restart: failed half-way: restore() of the room thread: errno 22"],
    "short-write": ["test: test_short_writes", "output: expected 'large 1' got 'large 0'"],
    "short-read-image": ["test: test_short_reads", "output: expected 'large 1' got 'large 0'"],
    "own-rseq": ["test: test_bare", "restart: exit status 71", "restart says: restart: TLS base, robust list or rseq cannot be restored"],
    "region-not-writable": ["test: test_bare", "restart: exit status 71", "restart says: restart: failed half-way: /bin/x: errno 14"],
    "file-offset": ["test: test_bare", "restart: signal SIGSEGV", "crash: wrong offset libc.so.6"],
    "stack-not-moved": ["test: test_bare", "restart: signal SIGSEGV", "crash: rsp in outside the old maps", "crash: rip in the restorer", "crash: the stack is not mapped"],
    "tiny-stack": ["test: test_bare", "restart: signal SIGSEGV", "crash: rsp in outside the old maps", "crash: the stack is too small"],
    "guard-access": ["test: test_protections", "maps: guard readable"],
    "not-cleared": ["test: test_maps", "maps: extra /x/restart"],
    "block-left": ["test: test_maps", "maps: extra 0", "maps: extra code of the restorer"],
    "vvar-write": ["test: test_image", "checkpoint: no image", "original says: libckpt: Bad address"],
    "too-many-regions": ["test: test_many_regions", "checkpoint: no image"],
    "crash-in-handler": ["test: test_image", "checkpoint: signal SIGSEGV"],
    "runs-static": ["test: test_refused_programs", "ckpt: runs what it cannot save"],
    "threads": ["test: test_threads", "refusal: image written"],
    "child-writes": ["test: test_names", "ckpt: child writes"],
    "append": ["test: test_older_image", "image: longer than its regions"],
    "in-place": ["test: test_killed", "image: written in place"],
    "success-lost": ["test: test_older_image", "ckpt: success is failure"],
    "failure-forgotten": ["test: test_full_disk", "message: the message does not say 'Is a directory': 'libckpt: wrote folder"],
    "silent-failure": ["test: test_full_disk", "refusal: message"],
    "not-yet-2": ["test: test_image", "checkpoint: no image", "original says: step 2.7 is not yet written"],
    "size-32": ["test: test_large", "output: nothing"],
    "regions-missing": ["test: test_regions", "image: regions differ"],
    "elf-permissions": ["test: test_segments", "image: wrong permissions [heap]"],
    "misplaced-bytes": ["test: test_segments", "image: overlap"],
    "notes": ["test: test_notes", "image: CORE notes"],
    "bad-registers": ["test: test_gdb", "gdb: no signal frame"],
    "wrong-bytes": ["test: test_contents", "image: wrong bytes"],
    "not-a-core": ["test: test_image", "image: not a core file"],
    "regions-ended": ["test: test_image", "checkpoint: no image", "original says: libckpt: no checkpoint; the program goes on: /proc/self/maps: "],
    "handler-silent": ["test: test_image", "checkpoint: no image"],
    "is-restart-late": ["test: test_restart", "restart: second checkpoint"],
    "place-beyond": ["test: test_addresses", "place: crashes"],
    "place-fixed": ["test: test_addresses", "place: meets restart's own memory"],
    "thread-not-saved": ["test: test_own_thread", "output: expected 'caught 1' got 'caught 0'"],
    "layout-not-saved": ["test: test_own_process", "output: expected 'brk kept 1' got 'brk kept 0'"],
    "descriptor-left": ["test: test_maps", "descriptors: left open"],
    "no-robust-list": ["test: test_rseq", "output: expected 'robust list 1' got 'robust list 0'"],
    "mask-empty": ["test: test_killed", "ckpt: signals not blocked"],
    "read-interrupted": ["test: test_second_signal", "ckpt: read interrupted"],
    "second-life-left": ["test: test_restart", "maps: extra code of the restorer"],
    "place-taken": ["test: test_same_address", "restart: signal SIGSEGV", "crash: rsp in anonymous"],
    "stack-not-aligned": ["test: test_bare", "restart: signal SIGSEGV", "crash: the stack is not aligned"],
    "crash-in-restart": ["test: test_bare", "restart: signal SIGSEGV", "crash: rsp in outside the old maps", "crash: rip in restart's own code"],
    "writes-read-only": ["test: test_bare", "restart: signal SIGSEGV", "crash: rsp in outside the old maps",
                         "witness: crash: at address 1000000: the program had memory that it never had there, now it is r-xp"],
    "crash-in-restorer": ["test: test_bare", "restart: signal SIGSEGV", "crash: rsp in outside the old maps"],
    "started-again": ["test: test_bare", "output: started again from the beginning"],
    "no-tls": ["test: test_usleep", "restart says: *** stack smashing detected ***: terminated"],
    "context-frame": ["test: test_restart", "restart: signal SIGSEGV", "crash: rip in null", "crash: rsp in [stack]"],
    "no-vdso": ["test: test_clock", "restart: signal SIGSEGV", "crash: rip in [vdso]"],
    "no-tid": ["test: test_raise", "output: expected 'caught 1' got 'caught 0'"],
    "no-rseq": ["test: test_rseq", "output: expected 'rseq 1' got 'rseq 0'"],
    "no-brk": ["test: test_malloc", "output: stops early"],
    "stack-not-growing": ["test: test_recursion", "restart: signal SIGSEGV"],
    "registers-lost": ["test: test_fpenv", "output: expected 'up 1' got 'up 0'"],
    "depends-on-addresses": ["test: test_addresses", "several: some fail"],
    "file-s-last-page": ["test: test_protections", "output: expected 'file aXa' got 'file '"],
    "behind-the-file": ["test: test_protections", "output: expected 'file aXa' got ''"],
    "protections": ["test: test_protections", "maps: protections"],
    "maps-differ": ["test: test_maps", "maps: extra [heap]"],
    "core-not-stopped": ["test: test_x", "core: not stopped"],
    "core-protections": ["test: test_x", "core: protections r-xp counter"],
    "core-other-file": ["test: test_x", "core: not refused: build id"],
    "core-own-file-refused": ["test: test_program_built_anew", "restart: exit status 66", "restart says: restart: /x: another file (is it the program that ran?)"],
    "core-registers-unknown": ["test: test_rounding", "core: not refused: other-registers"],
    "core-float": ["test: test_rounding", "output: expected 'rounding 1' got 'rounding 0'"],
    "core-call-invented": ["test: test_read", "core: no interrupted call"],
    "core-not-refused": ["test: test_x", "core: not refused: truncated"],
    "core-not-entered": ["test: test_x", "core: nothing"],
    "core-code-closed": ["test: test_programs", "gdb says: SIGSEGV in gate+0xb9 of counter at address 0x4018f6: the program had "
                         "/home/you/counter 401000-402000 r-xp, but now it is ---p"],
    "core-unchained": ["test: test_programs", "core: not entered without a chain", "restart: signal 11"],
    "core-xsave-header": ["test: test_rounding", "core: xsave header"],
    "core-general": ["test: test_x", "core: general registers"],
    "core-vectors": ["test: test_x", "core: vector registers"],
    "core-red-zone": ["test: test_x", "core: red zone"],
    "core-mask": ["test: test_x", "core: signal mask"],
    "core-interrupted-call": ["test: test_x", "core: interrupted call"],
    "core-actions": ["test: test_signal_actions", "output: nothing", "restart: signal SIGUSR1"],
    "core-text": ["test: test_x", "core: no filedescriptors"],
    "core-options": ["test: test_x", "core: -w"],
    "core-document": ["test: test_x", "core: linklist"],
    "core-test": ["test: test_x", "core: too late"],
    "earlier-stages": ["test: test_exit_status", "earlier stages: no restart", "checkpoint: no image"],
    "remote-no-template": ["test: test_list", "template: no lseek"],
    "remote-template-class": ["test: test_list", "template: class of lseek"],
    "remote-template-accepted": ["test: test_list", "template: mistake accepted"],
    "remote-no-frame": ["test: test_frames", "frames: no hello", "keeper: exit status 75"],
    "remote-frame-believed": ["test: test_frames", "frames: an enormous size", "keeper: signal SIGSEGV"],
    "remote-frame-end": ["test: test_frames", "frames: none"],
    "remote-frame-data": ["test: test_frames", "frames: data elsewhere"],
    "remote-frame-error": ["test: test_frames", "frames: a folder"],
    "remote-frame-cut": ["test: test_frames", "frames: half a head", "keeper: exit status 76"],
    "remote-loop-busy": ["test: test_exit_status", "remote: busy"],
    "remote-loop-left": ["test: test_exit_status", "remote: exit status", "ckpt-shadow says: ckpt-shadow: the connection to the other machine broke (COMMAND exited with 75)"],
    "remote-loop-silent": ["test: test_exit_status", "ckpt-shadow: hangs"],
    "remote-loop": ["test: test_exit_status", "remote: exit status", "ckpt-shadow: exit status 0"],
    "remote-decoy": ["test: test_files_are_homes", "remote: home's files", "output: expected 'read 3 0123' got 'read 3 decoy'"],
    "remote-file-elsewhere": ["test: test_files_are_homes", "remote: file elsewhere"],
    "remote-nothing-printed": ["test: test_files_are_homes", "remote: printed nothing", "ckpt-shadow: still running"],
    "at-home": ["test: test_files_are_homes", "genuine: at home"],
    "remote-not-open-closed": ["test: test_close", "remote: closes what is not open"],
    "remote-open-at-home": ["test: test_close", "remote: open at home"],
    "remote-close": ["test: test_close", "remote: close", "output: expected 'failed 0' got 'failed 3'"],
    "remote-dup": ["test: test_dup", "remote: dup", "output: expected 'a' got 'b'"],
    "remote-other-output": ["test: test_programs", "remote: sort", "ckpt-shadow: exit status 2"],
    "remote-upper-half": ["test: test_equal_numbers", "remote: upper half"],
    "remote-equal-numbers": ["test: test_equal_numbers", "remote: equal numbers"],
    "remote-home-files": ["test: test_files_are_homes", "remote: home's files", "output: stops early"],
    "remote-abandoned-always": ["test: test_interrupted", "remote: busy with one call"],
    "remote-abandon-believed": ["test: test_interrupted", "remote: abandoned before it came"],
    "remote-not-interrupted": ["test: test_interrupted", "remote: read not interrupted", "ckpt-shadow: still running"],
    "remote-lost-bytes": ["test: test_many_signals", "remote: bytes lost or twice: signals"],
    "remote-no-move": ["test: test_moves", "remote: no move", "ckpt-shadow: still running"],
    "remote-signals": ["test: test_interrupted", "remote: signals", "output: expected 'a' got 'b'"],
    "remote-evict-no-room": ["test: test_evicted", "remote: eviction without room"],
    "remote-evict-unannounced": ["remote: no eviction", "ckpt-shadow says: ckpt-shadow: what came from the other machine is wrong: "
                                 "a piece of an image that nobody asked for"],
    "remote-evict-killed": ["remote: no eviction", "ckpt-shadow: signal SIGTERM"],
    "remote-no-eviction": ["remote: no eviction", "ckpt-shadow: still running"],
    "remote-not-again": ["remote: not again", "ckpt-shadow: exit status 75"],
    "remote-done-twice": ["remote: done twice", "ckpt-shadow: exit status 0"],
    "remote-tried-too-often": ["remote: tried too often", "ckpt-shadow: exit status 71"],
    "remote-back-for-nothing": ["remote: taken back for nothing", "ckpt-shadow: exit status 75"],
    "remote-wrong-trusted": ["remote: wrong one trusted", "ckpt-shadow: exit status 71"],
    "files-earlier": ["test: test_table", "no handler"],
    "files-grown": ["test: test_file_has_grown", "files: what was added is gone, though there was no --rollback"],
    "files-pre-opened": ["test: test_table", "files: pre-opened"],
    "files-suffix": ["test: test_nameless_kept", "files: suffix"],
    "files-not-known": ["test: test_table", "files: not known"],
    "files-table": ["test: test_table", "files: table"],
    "files-owners": ["test: test_owners", "files: owners"],
    "files-nameless": ["test: test_nameless_kept", "files: nameless"],
    "files-text": ["test: test_table_as_text", "files: text"],
    "files-not-opened": ["test: test_reading_goes_on", "restart: exit status 66", "restart says: restart: descriptor 3, /x: Function not implemented. Nothing is lost"],
    "files-none-placed": ["test: test_standard_is_own", "output: nothing", "restart says: restart: descriptor 0, /x: restart was started without one, so it is closed", "restart says: restart: a descriptor cannot be put in its place"],
    "files-not-placed": ["test: test_reading_goes_on", "output: expected 'read 3 56789' got 'read: Bad file descriptor'"],
    "files-number-reused": ["test: test_what_is_lost", "output: expected 'lowest 7' got 'lowest 4'"],
    "files-offset-shared": ["test: test_offset_shared", "output: expected 'pos 3 8' got 'pos 3 4'"],
    "files-truncated": ["test: test_writing_goes_on", "files: what was written is not all there"],
    "files-offset": ["test: test_reading_goes_on", "output: expected 'read 3 56789' got 'read 3 01234'"],
    "files-flags": ["test: test_flags_kept", "files: flags"],
    "files-extra": ["test: test_no_others", "files: extra 9"],
    "files-standard": ["test: test_standard_is_own", "output: expected 'read 0 ' got 'read 0 4567'", "restart: exit status 5"],
    "files-redirected": ["test: test_redirected", "files: redirected"],
    "files-terminal": ["test: test_on_a_terminal", "files: terminal"],
    "files-not-refused": ["test: test_file_is_missing", "files: not refused", "restart: exit status 0"],
    "files-silent": ["test: test_file_has_grown", "files: silent"],
    "accepts-bad-image": ["test: test_bad_images", "restart: accepts future version"],
    "refuses-good-image": ["test: test_bare", "restart: exit status 65", "restart says: another kernel"],
    "not-yet-3": ["test: test_bare", "restart: exit status 71", "restart says: failed half-way: restore() of the room mm: errno 22"],
    "not-yet-clear": ["test: test_bare", "restart: exit status 71", "restart says: failed half-way: unmap restart's own memory: errno 38"],
    "not-yet-map": ["test: test_bare", "restart: exit status 71", "restart says: failed half-way: map /bin/x: errno 38"],
    "not-yet-read": ["test: test_bare", "restart: exit status 71", "restart says: failed half-way: read the bytes of /bin/x: errno 38"],
    "not-yet-move": ["test: test_bare", "restart: exit status 71", "restart says: failed half-way: move vdso into the block: errno 22"],
    "no-place": ["test: test_bare", "restart: exit status 71", "restart says: restart: no place for the restorer"],
    "not-yet-jump": ["test: test_bare", "restart: exit status 71", "restart says: failed half-way: jump into the program"],
    "crash-after-jump": ["test: test_bare", "restart: signal SIGSEGV", "crash: rip in null"],
    "hang-in-restorer": ["test: test_bare", "restart: hangs", "restart: hangs in the restorer"],
    "hang-after-jump": ["test: test_bare", "restart: hangs"],
    "nonce-changed": ["test: test_bare", "output: a nonce changed", "restart: exit status 3"],
    "wrong-output": ["test: test_process", "output: expected 'cwd 1' got 'cwd 0'"],
    "classic-not-linked": ["test: test_checkpoint", "link: fails", "profile: classic-static"],
    "classic-main-never-ran": ["test: test_checkpoint", "original: exit status 0", "message: original: exit status 0 before it printed 'gate 01'", "profile: classic"],
    "classic-no-handler": ["test: test_checkpoint", "no handler", "profile: classic"],
    "classic-handler-hangs": ["test: test_checkpoint", "checkpoint: hangs while it writes", "profile: classic"],
    "classic-handler-crash": ["test: test_checkpoint", "checkpoint: signal SIGSEGV", "profile: classic"],
    "classic-append": ["test: test_stale_image", "image: written behind the old one", "profile: classic"],
    "classic-no-trunc": ["test: test_stale_image", "image: the old one's end is still there", "profile: classic"],
    "classic-exits": ["test: test_after_the_checkpoint", "after: exits", "original: exit status 0", "profile: classic"],
    "classic-goes-on": ["test: test_after_the_checkpoint", "after: goes on", "profile: classic"],
    "classic-after": ["test: test_after_the_checkpoint", "after: signal SIGSEGV", "profile: classic"],
    "classic-is-restart": ["test: test_only_once", "restart: second checkpoint", "profile: classic"],
    "classic-handler-lost": ["test: test_again", "again: no handler", "restart: still running", "profile: classic"],
    "classic-again": ["test: test_again", "restart: signal SIGSEGV", "profile: classic", "maps: restart's own memory is still there"],
    "classic-again-other": ["test: test_again", "restart: signal SIGSEGV", "profile: classic"],
    "classic-exit-status": ["test: test_exit_status", "exit: exit status 0", "restart: exit status 0", "profile: classic"],
    "classic-long-path": ["test: test_long_path", "checkpoint: no image", "profile: classic"],
    "classic-many-regions": ["test: test_many_regions", "output: nothing", "profile: classic"],
    "classic-own-address": ["test: test_no_pie", "profile: classic", "witness: restart: maps program over its own data", "witness: crash: SIGSEGV before the jump, in restart"],
    "classic-own-stack": ["test: test_counter", "profile: classic", "witness: restart: unmaps the stack that it runs on", "witness: crash: SIGSEGV before the jump, in restart"],
    "classic-stack": ["test: test_aslr_off", "profile: classic", "witness: restart: maps [stack] over the stack that it runs on", "witness: crash: SIGSEGV before the jump, in restart"],
    "classic-errno": ["test: test_tls", "profile: classic", "witness: state: no difference", "alone: the original goes on wrong: output: expected 'errno 1234' got 'errno 2'"],
    "classic-changes": ["test: test_memory", "profile: classic", "witness: state: no difference", "alone: the original goes on wrong: output: expected 'heap 3' got 'heap 2'"],
    "classic-handler-loop": ["test: test_counter", "profile: classic", "witness: original: write() returns EFAULT again and again"],
    "classic-map-fixed": ["test: test_counter", "profile: classic", "witness: restart: mmap() without MAP_FIXED: asked for 1000 (heap), got 2000"],
    "classic-misaligned": ["test: test_counter", "profile: classic", "witness: crash: SIGSEGV before the jump, in restart", "witness: crash: movaps, and the stack pointer 8 is no multiple of 16"],
    "classic-small-stack": ["test: test_counter", "profile: classic", "witness: crash: just below the stack that it runs on, which has 4096 bytes"],
    "classic-fpregs": ["test: test_counter", "profile: classic", "witness: crash: fldenv: uc_mcontext.fpregs leads nowhere"],
    "classic-read-loop": ["test: test_counter", "profile: classic", "witness: restart: read() returns 0 again and again"],
    "classic-kernel-pages": ["test: test_counter", "profile: classic", "witness: original: write() of [vvar] fails: EFAULT", "witness: state: region 3 of 9, x 1-2, is not there"],
    "classic-read-only": ["test: test_counter", "profile: classic", "witness: restart: read() into program 1000 fails: EFAULT"],
    "classic-short-read": ["test: test_counter", "profile: classic", "witness: restart: read() left 5 bytes out, and they were not asked for again"],
    "classic-image-ends": ["test: test_counter", "profile: classic", "witness: restart: the image has no bytes left for [stack] 7f"],
    "classic-stack-pointer": ["test: test_counter", "profile: classic", "witness: state: the stack pointer is 1, the program had 2"],
    "classic-region-lost": ["test: test_counter", "profile: classic", "witness: state: region 3 of 9, x 1-2, is not there"],
    "classic-other-bytes": ["test: test_counter", "profile: classic", "witness: state: region 3 of 9, x 1-2, has other bytes in 3 pages"],
    "classic-same-state": ["test: test_counter", "profile: classic", "witness: state: no difference"],
    "classic-same-addresses": ["test: test_aslr_off", "restart: signal SIGSEGV", "profile: classic"],
    "classic-other-addresses": ["test: test_aslr_on", "several: some fail", "profile: classic"],
    "classic-vdso": ["test: test_clock", "restart: signal SIGSEGV", "maps: moved: [vdso]", "profile: classic"],
    "classic-libc": ["test: test_libc", "output: a nonce changed", "gdb says: the restarted program's fs is in anonymous", "maps: not restored: libc.so.6", "profile: classic"],
    "classic-tls": ["test: test_libc", "output: a nonce changed", "gdb says: the restarted program's fs is in memory that it never had", "profile: classic"],
    "classic-registers": ["test: test_registers", "output: expected 'vector 16 of 16' got 'vector 0 of 16'", "profile: classic"],
    "classic-sleep": ["test: test_sleep", "restart: signal SIGSEGV", "profile: classic"],
    "classic-guard": ["test: test_guard", "checkpoint: no image", "profile: classic"],
    "classic-elsewhere": ["test: test_elsewhere", "output: nothing", "restart: exit status 1", "profile: classic"],
    "classic-memory": ["test: test_memory", "output: expected 'heap 131072' got 'heap 0'", "profile: classic"],
    "classic-permissions": ["test: test_counter", "restart: signal SIGSEGV", "maps: other permissions: libc.so.6", "profile: classic"],
    "classic-no-image": ["test: test_checkpoint", "checkpoint: no image", "profile: classic"],
    "classic-started-again": ["test: test_counter", "output: started again from the beginning", "profile: classic"],
    "classic-restart-crash": ["test: test_counter", "output: nothing", "restart: signal SIGSEGV", "crash: rip in restart's own code", "profile: classic"],
    "classic-restart-ends": ["test: test_counter", "output: nothing", "restart: exit status 1", "profile: classic"],
    "classic-crash": ["test: test_counter", "output: nothing", "restart: signal SIGSEGV", "profile: classic"],
    "classic-hang": ["test: test_counter", "restart: hangs", "profile: classic"],
    "classic-output": ["test: test_counter", "output: a nonce changed", "restart: exit status 5", "profile: classic"],
}


def test_alternatives_of_a_pattern() -> None:
    assert alternatives(r"a: x|b(c|d)|[|]e|\||says: y") == ["a: x", "b(c|d)", "[|]e", r"\|", "says: y"]


def test_a_program_cannot_speak_for_the_grader() -> None:
    said = ["test: test_file", "readmaps: exit status 1", *(f"readmaps says: {line}" for line in (
        "sandbox: time", "build: fails", "error: BuildError: no reference", "restart: exit status 71", "crash: rip in null"))]
    assert find_cause(said) == find_cause(said[:2])
    cause = find_cause(["sandbox: time", *said[2:]])
    assert cause and cause.id == "sandbox-time"


@pytest.mark.parametrize("cause", [cause.id for cause in load_causes()])
def test_each_cause_is_found(cause: str) -> None:
    """No cause is hidden by one that stands before it in the table."""
    found = find_cause(EXAMPLES[cause])
    assert found is not None and found.id == cause
