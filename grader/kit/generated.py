"""Grades the mutants of operators.py, and keeps what came of each.

    grader/python grader/kit/generated.py --run [STAGE...]   those that have no result yet; it may be interrupted
    grader/python grader/kit/generated.py --again [STAGE...] those that survive without a reason, once more
    grader/python grader/kit/generated.py --survivors        those without a reason, as mutants/generated/survivors.toml has them
    grader/python grader/kit/generated.py --table            what came of them, stage by stage; --write: in grader/README
    grader/python grader/kit/generated.py --show WORD        those whose text has this word, and their results

First each is compiled alone. What does not compile is no mutant; of those whose object is that of the solution, or of
another mutant, nobody can tell the difference. The rest is linked with the solution's objects, and graded up to the first
test that fails; then the search of stage/where.py must name the file, and the step. That takes some five seconds of a
processor, most of them for the search: it runs the test six times. CKPTLAB_WORKERS=1: one at a time, beside other work.
Who changes a test while it runs should know that the next mutant is graded by it.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import multiprocessing
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.pool import Pool
from pathlib import Path

from kit import built, imported
from kit.mutants import declared_tests
from kit.operators import Generated, all_generated
from stage.config import GRADER, TOP, load_interface, load_toml
from stage.diagnosis import load_causes

RESULTS = GRADER / "kit" / "mutants" / "generated" / "results.txt"
SURVIVORS = GRADER / "kit" / "mutants" / "generated" / "survivors.toml"
README = GRADER / "README"
PATIENCE = 6
WHERE = 600  # seconds for the search: what is found on a quiet machine must be found on a busy one
WORKERS = int(os.environ.get("CKPTLAB_WORKERS", "2"))
DEAR = {"test_killed": "2.1 2.3", "test_many_regions": "2.4 3.3", "test_homework": ""}  # they run for mutants of these steps


@dataclass(frozen=True)
class Result:
    """What came of a mutant."""

    outcome: str  # no-build; same; differs: not graded yet; caught; survives
    test: str = "-"
    file: str = "-"  # yes, no, or more: it is one of several that were named
    step: str = "-"
    cause: str = "-"  # what was printed: of the right step, of another, or "unknown"
    id: str = "-"

    @staticmethod
    def of(words: Sequence[str]) -> Result:
        return Result(*words)

    def __str__(self) -> str:
        return " ".join([self.outcome, self.test, self.file, self.step, self.cause, self.id]).removesuffix(" - - - - -")


def name_of(mutant: Generated) -> str:
    return f"{mutant.stage}-{hashlib.sha256(mutant.key.encode()).hexdigest()[:10]}"


@functools.lru_cache(maxsize=None)
def mutants() -> list[Generated]:
    return all_generated(built.solution())


def results() -> dict[str, Result]:
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    return {words[0]: Result.of(words[1:]) for words in map(str.split, lines) if words}


def keep(found: dict[str, Result]) -> None:
    """In the mutants' order; what the solution has no more is left out."""
    rows = [f"{name_of(mutant)} {found[name_of(mutant)]}\n" for mutant in mutants() if name_of(mutant) in found]
    partial = RESULTS.with_suffix(".partial")
    partial.write_text("".join(rows))
    partial.replace(RESULTS)


def reasons() -> dict[str, str]:
    """Why a survivor is no fault that a test could see, by its text."""
    rows = load_toml(SURVIVORS)["survivor"] if SURVIVORS.exists() else []
    return {f"{row['file']} | {row['function']} | {row['before']} | {row['after']}": row["why"] for row in rows}


# Compiling

STRICT = ["-Werror=int-conversion", "-Werror=incompatible-pointer-types"]  # newer compilers take these for errors; not beside -w


def digest(file: str, text: str) -> str:
    """Of all objects that are made of the file, without what tells lines and places apart; "" if it does not compile."""
    path = built.solution() / file
    total = hashlib.sha256()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for source, command in commands(file):
            (folder / path.name).write_text(text)
            if source.name != path.name:
                shutil.copyfile(source, folder / source.name)
            words = [*command, "-g0", *STRICT, f"-I{source.parent}", "-c", source.name, "-o", "out.o"]
            words = [f"-I{(path.parent / word[2:]).resolve()}" if word.startswith("-I") else word for word in words]
            if subprocess.run(words, cwd=folder, capture_output=True, check=False, timeout=60).returncode != 0:
                return ""
            total.update((folder / "out.o").read_bytes())
    return total.hexdigest()


def digest_of(mutant: Generated) -> str:
    return digest(mutant.file, mutant.text)


def compile_all(todo: Sequence[Generated], pool: Pool) -> None:
    """Which of them are worth a test; file by file, and what is known is kept."""
    for file in sorted({mutant.file for mutant in todo}):
        found = results()
        of_file = [mutant for mutant in mutants() if mutant.file == file]
        known = {digest(file, (built.solution() / file).read_text())}
        for mutant, made in zip(of_file, pool.map(digest_of, of_file, chunksize=4)):
            outcome = "no-build" if not made else "same" if made in known else "differs"
            known.add(made)
            if mutant in todo:
                found[name_of(mutant)] = Result(outcome)
        keep(found)


@functools.lru_cache(maxsize=None)
def commands(file: str) -> list[tuple[Path, list[str]]]:
    """The sources that are compiled for a file, and how, without -c and what follows."""
    path = built.solution() / file
    names = [path.stem]
    if path.suffix == ".h":
        lists = {d.stem: d.read_text() for d in sorted((path.parent / "build").glob("*.d"))}
        names = [name for name, text in lists.items() if f" {path.name}" in text]
    rows = []
    for name in names:
        said = subprocess.run(["make", "-n", "-B", f"build/{name}.o"], cwd=path.parent, capture_output=True, text=True, check=True)
        line = next(l for l in said.stdout.splitlines() if f" -o build/{name}.o" in l)
        words = shlex.split(line.rpartition(";")[2])
        at = words.index("-c")
        rows.append(((path.parent / words[at + 1]).resolve(), [w for w in words[:at] if w not in ("-g", "-MMD", "-MP")]))
    return rows


# Grading


class Tree:
    """A copy of the solution, with one mutant after the other in it."""

    def __init__(self, scratch: Path) -> None:
        self.folder = scratch / "m"

    def stage(self, number: int) -> Path:
        return self.folder / Path(load_interface().stages[number].folder).name

    def lay_out(self, number: int) -> None:
        """The stages up to this one, as they are in the solution."""
        for source in built.stages(built.solution()):
            target = self.folder / source.name
            if not target.exists() and int(source.name[len("stage")]) <= number:
                shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("check", ".lock", "*.tmp.*"))

    def restore(self, file: str, number: int) -> None:
        """As it was, with all times."""
        shutil.copy2(built.solution() / file, self.folder / file)
        folder = self.stage(number)
        source = built.solution() / folder.name
        shutil.rmtree(folder / "build" / "check", ignore_errors=True)
        for path in [*folder.glob("*"), *(folder / "build").glob("*")]:
            pristine = source / path.relative_to(folder)
            if path.is_file() and pristine.is_file() and not path.is_symlink():
                if (path.stat().st_mtime_ns, path.stat().st_size) != (pristine.stat().st_mtime_ns, pristine.stat().st_size):
                    shutil.copy2(pristine, path)

    def grade(self, mutant: Generated, only: str = "", where: float = WHERE) -> tuple[Result, str]:
        """Up to the first test that fails, and where that comes from; with what the grader said. Its step's tests first."""
        self.lay_out(mutant.stage)
        (self.folder / mutant.file).write_text(mutant.text)
        own, others = ([only], []) if only else tests_for(mutant)
        try:
            result, said = self._check(mutant, own, where)
            return self._check(mutant, others, where) if result.outcome == "survives" and others else (result, said)
        finally:
            self.restore(mutant.file, mutant.stage)

    def _check(self, mutant: Generated, tests: Sequence[str], where: float) -> tuple[Result, str]:
        table = self.folder / "table.json"
        table.unlink(missing_ok=True)
        words = ["--stage", str(mutant.stage), str(self.stage(mutant.stage)), "--json", str(table), "--where", str(where)]
        for test in tests:
            words += ["--only", test]
        env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        _, said = imported.check(words, {**env, "CKPTLAB_PATIENCE": str(PATIENCE), "PYTEST_ADDOPTS": "-x"})
        rows = json.loads(table.read_text())["tests"] if table.exists() else []
        return judged(mutant, rows), said


def tests_for(mutant: Generated) -> tuple[list[str], list[str]]:
    """Those of its step, and the others of its stage, but for a few that take long and are about other steps."""
    rows = {name: row for name, row in declared_tests(mutant.stage).items() if not row["stress"]}
    others = [name for name, row in rows.items() if row["step"] != mutant.step]
    return [name for name in rows if name not in others], [name for name in others if mutant.step in DEAR.get(name, mutant.step)]


def judged(mutant: Generated, rows: Sequence[dict[str, object]]) -> Result:
    failed = next((row for row in rows if row["outcome"] == "failed"), None)
    if failed is None:
        return Result("survives" if any(row["outcome"] == "passed" for row in rows) else "no-build")
    words = str(failed["where"])
    steps = {cause.id: cause.step for cause in load_causes()}
    printed = str(failed["cause"])
    cause = "unknown" if not printed or not steps[printed] else "right" if steps[printed] == mutant.step else "other"
    named = [part.partition(",")[0] for part in words.split("; ")]
    own = Path(mutant.file).name
    file = "yes" if named == [own] else "more" if own in named else "no"
    step = f"{mutant.function}() (step {mutant.step})"
    exact = "yes" if file == "yes" and words == f"{own}, {step}" else "more" if step in words else "no"
    return Result("caught", str(failed["test"]), file, exact, cause, printed or "-")


def one(mutant: Generated) -> tuple[str, Result, float]:
    """In a worker; with the processor seconds that it took."""
    before = sum(imported.spent)
    try:
        result, _ = worker_tree().grade(mutant)
    except (OSError, ValueError, AssertionError) as error:
        print(f"{name_of(mutant)}: {error}", file=sys.stderr)
        result = Result("broken")
    return name_of(mutant), result, sum(imported.spent) - before


@functools.lru_cache(maxsize=None)
def worker_tree() -> Tree:
    return Tree(Path(tempfile.mkdtemp(prefix="gm")))


def run(mine: Sequence[Generated]) -> None:
    """What has no result yet, in an order of chance: what is known by now is a fair sample."""
    with multiprocessing.Pool(WORKERS) as pool:
        compile_all([mutant for mutant in mine if name_of(mutant) not in results()], pool)
        found = results()
        todo = sorted((m for m in mine if found[name_of(m)].outcome == "differs"), key=lambda m: name_of(m)[2:])
        grade_all(todo, pool)


def grade_all(todo: Sequence[Generated], pool: Pool) -> None:
    print(f"{len(todo)} mutants to be graded", flush=True)
    for number, (name, result, seconds) in enumerate(pool.imap_unordered(one, todo), 1):
        if result.outcome != "broken":
            keep({**results(), name: result})
        print(f"{number} {name} {result} ({seconds:.1f} s)", flush=True)


def contained() -> None:
    """Again in a room of its own, where bwrap is: what a mutant writes, it writes to a scratch folder or to this tree."""
    if shutil.which("bwrap") is None or os.environ.get("CKPTLAB_CONTAINED"):
        return
    with tempfile.TemporaryDirectory(prefix="gm") as scratch:
        words = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--bind", scratch, "/tmp",
                 "--bind", str(TOP), str(TOP), "--unshare-pid", "--die-with-parent", "--cap-add", "ALL",
                 "--setenv", "CKPTLAB_CONTAINED", "1", "--", sys.executable, __file__, *sys.argv[1:]]
        sys.exit(subprocess.run(words, check=False).returncode)


# The table


def survivors(without: bool = True) -> Iterator[Generated]:
    found, known = results(), reasons()
    for mutant in mutants():
        if found.get(name_of(mutant), Result("")).outcome == "survives" and (mutant.key not in known or not without):
            yield mutant


def as_toml(mutant: Generated, why: str = "") -> str:
    rows = [("file", mutant.file), ("function", mutant.function), ("before", mutant.before), ("after", mutant.after), ("why", why)]
    return "[[survivor]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in rows)


HEAD = ("| stage | all | do not build, or are the same program | not graded yet | caught | file named | step named "
        "| another step's cause | survive | with a reason |")


def table() -> str:
    rows = [HEAD, "|" + "---|" * 10]
    total: Counter[str] = Counter()
    for stage in sorted(load_interface().stages):
        count = counted([mutant for mutant in mutants() if mutant.stage == stage])
        total += count
        rows.append(row_of(str(stage), count))
    return "\n".join([*rows, row_of("all", total)]) + "\n"


def counted(of_stage: Sequence[Generated]) -> Counter[str]:
    found, known = results(), reasons()
    count: Counter[str] = Counter(all=len(of_stage))
    for mutant in of_stage:
        result = found.get(name_of(mutant), Result("differs"))
        count[result.outcome] += 1
        count["file"] += result.file == "yes"
        count["step"] += result.step == "yes"
        count["untrue"] += result.cause == "other"
        count["reason"] += result.outcome == "survives" and mutant.key in known
    return count


def row_of(name: str, count: Counter[str]) -> str:
    words = [count["all"], count["no-build"] + count["same"], count["differs"],
             *(count[word] for word in ("caught", "file", "step", "untrue", "survives", "reason"))]
    return "| " + " | ".join([name, *map(str, words)]) + " |"


BEGIN, END = "<!-- BEGIN generated.py --write -->\n", "<!-- END generated.py -->\n"


def in_readme(text: str) -> str:
    """The text of grader/README, with the table as it is now."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + "\n" + table() + "\n" + END + rest.split(END)[1]


def chosen(count: int, seed: int) -> list[Generated]:
    """So many at random of those that were caught once."""
    found = results()
    caught = [mutant for mutant in mutants() if found.get(name_of(mutant), Result("")).outcome == "caught"]
    return random.Random(seed).sample(caught, min(count, len(caught)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="generated.py", description="Grade the mutants that operators.py makes.")
    what = parser.add_mutually_exclusive_group(required=True)
    for word in ("--run", "--again", "--survivors", "--table", "--write"):
        what.add_argument(word, action="store_true")
    what.add_argument("--show", metavar="WORD")
    parser.add_argument("stages", nargs="*", type=int)
    options = parser.parse_args()
    mine = [mutant for mutant in mutants() if not options.stages or mutant.stage in options.stages]
    if options.run or options.again:
        contained()
        if options.run:
            run(mine)
        else:
            with multiprocessing.Pool(WORKERS) as pool:
                grade_all([mutant for mutant in survivors() if mutant in mine], pool)
    elif options.table:
        print(table(), end="")
    elif options.write:
        README.write_text(in_readme(README.read_text()))
    elif options.survivors:
        print("\n".join(as_toml(mutant) for mutant in survivors() if mutant in mine), end="")
    else:
        for mutant in mine:
            if options.show in mutant.key or options.show == name_of(mutant):
                print(name_of(mutant), results().get(name_of(mutant), "?"), mutant.operator, mutant.step, mutant.key, sep="\n    ")


if __name__ == "__main__":
    main()
