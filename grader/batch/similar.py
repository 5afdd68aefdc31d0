"""Which submissions have program text in common: `make similar SUBMISSIONS=DIR`.

Only students' own lines are compared (own_code.py), stage by stage, by sim_c (simtool.py). A high figure is a
reason to look at the two texts, side by side, and no verdict.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from batch import intake, prepare, simtool, unpack
from batch.own_code import Given, given_code, own_code, sources, stage_of
from reports import course_file, pages
from stage.config import TOP, load_toml

USAGE, CANNOT = 64, 70
THRESHOLD = 30  # percent
SHOWN = 50  # pairs that are laid side by side
SMALLEST = 100  # tokens: about 15 lines
WIDTH = 160  # columns of what is laid side by side
SOLUTION = "(the solution)"

CAUTION = (
    "A high figure is a reason to look, not a verdict. The tasks are the same for all, and many steps have few "
    "good answers. A pair stands out if it is far above the rest of the class, and if what the two share is odd: "
    "the same detour, the same mistake, the same needless line. Read both texts and talk to both students before "
    "you decide."
)

Trees = Mapping[str, Path]  # who -> the folder with the stages


@dataclass(frozen=True)
class Pair:
    """Two students' code of one stage, the larger share first: so much of a's code is also in b's."""

    stage: int
    a: str
    b: str
    a_in_b: int
    b_in_a: int
    a_tokens: int
    b_tokens: int


@dataclass
class Stage:
    """One stage of the class."""

    number: int
    pairs: list[Pair] = field(default_factory=list)  # those with anything in common, the highest first
    small: list[str] = field(default_factory=list)  # who has too little code of their own to compare
    count: int = 0  # pairs that were compared

    def share_below(self, part: float) -> int:
        """The percentage that this part of all pairs does not exceed: 0.5 gives the median."""
        index = self.count - 1 - int(part * (self.count - 1))  # of the highest first
        return self.pairs[index].a_in_b if 0 <= index < len(self.pairs) else 0


@dataclass(frozen=True)
class Class:
    """Whom to compare. Those of `old` (other years, the solution) are not compared with each other."""

    new: Trees
    old: Trees
    given: Given

    def names(self) -> list[str]:
        return [*self.new, *self.old]

    def tree(self, name: str) -> Path:
        return self.new[name] if name in self.new else self.old[name]


def own_texts(tree: Path, given: Given) -> dict[int, dict[Path, str]]:
    """Stage -> file -> the student's own lines."""
    texts: dict[int, dict[Path, str]] = {}
    for path in sources(tree):
        name = path.relative_to(tree)
        text = own_code(path, given)
        if text.strip():
            texts.setdefault(stage_of(name), {})[name] = text
    return texts


def compare_stage(number: int, texts: dict[str, str], new: Trees, scratch: Path, jobs: int) -> Stage:
    """`texts`: who -> all own code of this stage."""
    who = sorted(texts, key=lambda name: (name not in new, name))
    ours = sum(name in new for name in who)
    found = simtool.compare([texts[name] for name in who], ours, scratch / f"stage{number}", jobs)
    large = {i for i in range(len(who)) if found.tokens.get(i, 0) >= SMALLEST}
    stage = Stage(number, small=[name for i, name in enumerate(who) if i not in large])
    mine, theirs = sum(i < ours for i in large), sum(i >= ours for i in large)
    stage.count = mine * (mine - 1) // 2 + mine * theirs
    for i, j in {(min(pair), max(pair)) for pair in found.percent}:
        if i in large and j in large:
            a, b = sorted((i, j), key=lambda n: -found.percent.get((n, i + j - n), 0))
            ways = found.percent.get((a, b), 0), found.percent.get((b, a), 0)
            stage.pairs.append(Pair(number, who[a], who[b], *ways, found.tokens[a], found.tokens[b]))
    stage.pairs.sort(key=lambda pair: (-pair.a_in_b, -pair.b_in_a, pair.a, pair.b))
    return stage


def compare(group: Class, jobs: int = 0) -> list[Stage]:
    by_stage: dict[int, dict[str, str]] = {}
    for name in group.names():
        for number, files in own_texts(group.tree(name), group.given).items():
            by_stage.setdefault(number, {})[name] = "\n".join(files.values()) + "\n"
    with tempfile.TemporaryDirectory() as scratch:
        return [compare_stage(n, texts, group.new, Path(scratch), jobs) for n, texts in sorted(by_stage.items())]


def above(stages: Sequence[Stage], threshold: int) -> list[Pair]:
    """The pairs to look at, of all stages, the highest first."""
    pairs = [pair for stage in stages for pair in stage.pairs if pair.a_in_b >= threshold]
    return sorted(pairs, key=lambda pair: (-pair.a_in_b, -pair.b_in_a, pair.a, pair.b, pair.stage))


def groups(pairs: Sequence[Pair]) -> list[tuple[str, ...]]:
    """Three or more who are joined by pairs. A pair joins two if half of the others whom the one with fewer is like are
    common to both: a single pair between two groups does not make them one."""
    like: dict[str, set[str]] = {}
    for pair in pairs:
        like.setdefault(pair.a, set()).add(pair.b)
        like.setdefault(pair.b, set()).add(pair.a)
    home = {name: {name} for name in like}
    for pair in pairs:
        others = min(len(like[pair.a]), len(like[pair.b])) - 1
        if home[pair.a] is not home[pair.b] and 2 * len(like[pair.a] & like[pair.b]) >= others:
            home[pair.a] |= home[pair.b]
            home.update(dict.fromkeys(home[pair.b], home[pair.a]))
    return sorted({tuple(sorted(names)) for names in home.values() if len(names) > 2})


# Side by side


def lay_out(name: str, tree: Path, stage: int, given: Given, folder: Path) -> list[str]:
    """Write the own lines of a stage below folder/name; the files' names there."""
    names = []
    for path, text in own_texts(tree, given).get(stage, {}).items():
        place = folder / name / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="ascii")
        names.append(str(Path(name) / path))
    return names


def side_by_side(pair: Pair, group: Class) -> str:
    """The runs that two have in common, the longest first, in two columns with files and line numbers."""
    with tempfile.TemporaryDirectory() as scratch:
        names = [lay_out(who, group.tree(who), pair.stage, group.given, Path(scratch)) for who in (pair.a, pair.b)]
        options = ["-S", "-e", "-r", str(simtool.RUN), "-w", str(WIDTH), "-i"]
        text = simtool.sim_c(options, Path(scratch), [*names[0], "/", *names[1]])
    return (
        f"Stage {pair.stage}: {pair.a_in_b} % of the code of {pair.a} is also in that of {pair.b}, "
        f"{pair.b_in_a} % the other way round.\nComments and lines that the course gave out are empty here; "
        f"the line numbers are those of the submissions.\n\n{text}"
    )


# What is written


def in_a_table(name: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{name}" if name[:1] in ("=", "+", "-", "@") else name


def write_csv(path: Path, stages: Sequence[Stage]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["stage", "a", "b", "percent of a in b", "percent of b in a", "tokens of a", "tokens of b"])
        for pair in above(stages, 1):
            names = in_a_table(pair.a), in_a_table(pair.b)
            writer.writerow([pair.stage, *names, pair.a_in_b, pair.b_in_a, pair.a_tokens, pair.b_tokens])


def write_html(path: Path, stages: Sequence[Stage], pairs: Sequence[Pair], threshold: int, title: str) -> None:
    jinja = pages.make_jinja()
    jinja.globals.update(title=title, now=datetime.now(timezone.utc), generator=pages.GENERATOR)
    page = jinja.get_template("similar.html").render(
        stages=stages, pairs=pairs, threshold=threshold, shown=SHOWN, groups=groups(pairs), caution=CAUTION
    )
    path.write_text(page, encoding="utf-8")


def write(out: Path, stages: Sequence[Stage], group: Class, threshold: int, title: str = "") -> list[Pair]:
    """All files of the report, in a folder of its own; an earlier report there is replaced."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out / "pairs", ignore_errors=True)
    (out / "pairs").mkdir()
    pairs = above(stages, threshold)
    for number, pair in enumerate(pairs[:SHOWN], 1):
        (out / "pairs" / f"{number}.txt").write_text(side_by_side(pair, group), encoding="utf-8")
    write_csv(out / "similar.csv", stages)
    write_html(out / "index.html", stages, pairs, threshold, title or out.name)
    return pairs


def summary(stages: Sequence[Stage], pairs: Sequence[Pair], threshold: int, most: int = 20) -> list[str]:
    lines = []
    for stage in stages:
        half, nearly = stage.share_below(0.5), stage.share_below(0.99)
        line = f"stage {stage.number}: {stage.count} pairs; half have at most {half} % in common, "
        line += f"99 of 100 at most {nearly} %"
        lines.append(line + (f"; {len(stage.small)} have too little code of their own" if stage.small else ""))
    lines.append(f"{len(pairs)} pairs with {threshold} % or more" + (":" if pairs else ""))
    for number, pair in enumerate(pairs[:most], 1):
        lines.append(f"{number:4} {pair.a_in_b:4} % {pair.b_in_a:4} %  stage {pair.stage}  {pair.a}  {pair.b}")
    lines += [f"     ... and {len(pairs) - most} more"] if len(pairs) > most else []
    lines += [f"together: {', '.join(names)}" for names in groups(pairs)]
    return lines


# For other tools


def export(group: Class, folder: Path) -> None:
    """Submissions and the given code as JPlag and MOSS want them; grader/batch/README tells the commands."""
    folder.mkdir(parents=True)
    for name in group.new:
        for path in sources(group.new[name]):
            target = folder / "submissions" / name / path.relative_to(group.new[name])
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    for given in given_folders():
        for path in sources(given):
            target = folder / "base" / given.name / path.relative_to(given)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


# The command


def course_name() -> str:
    """Of course.toml, if it says one: a mistake in the rest of it is nothing to this page."""
    try:
        return str(load_toml(course_file.FILE).get("name", ""))
    except (OSError, ValueError):
        return ""


def given_folders() -> list[Path]:
    return [*sorted(TOP.glob("stage[0-9]*-*")), TOP / "BACKGROUND"]


def prepared(place: Path, scratch: Path) -> tuple[dict[str, Path], list[str]]:
    """A tree for each submission of a folder, and a line for each that has none."""
    trees: dict[str, Path] = {}
    refused = []
    for submission in intake.look(place, scratch).submissions:
        try:
            trees[submission.name] = prepare.prepare(submission, scratch / "trees" / submission.name).tree
        except (unpack.Refused, OSError) as error:
            refused.append(f"{submission.name} is left out: {error}")
    return trees, refused


def old_trees(folders: Sequence[Path], scratch: Path) -> tuple[dict[str, Path], list[str]]:
    trees: dict[str, Path] = {}
    lines: list[str] = []
    for number, folder in enumerate(folders):
        found, refused = prepared(folder, scratch / f"old{number}")
        trees.update({f"{folder.name}:{name}": tree for name, tree in found.items()})
        lines += refused
    if (TOP / "solution").is_dir():
        trees[SOLUTION] = TOP / "solution"
    return trees, lines


def percentage(word: str) -> int:
    if not word.isdigit() or not 1 <= int(word) <= 100:
        raise argparse.ArgumentTypeError("a percentage from 1 to 100")
    return int(word)


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="similar", description="Which submissions have program text in common. " + CAUTION,
        epilog="The output folder has index.html, similar.csv, and pairs/ with the texts side by side.",
    )
    parser.add_argument("submissions", type=Path, metavar="SUBMISSIONS", help="as for `make grade`")
    parser.add_argument("-o", "--out", type=Path, metavar="DIR", help="the output folder (SUBMISSIONS-similar)")
    parser.add_argument("-j", "--jobs", type=int, default=0, metavar="N", help="so many at a time (the processors)")
    parser.add_argument("--threshold", type=percentage, default=THRESHOLD, metavar="N",
                        help=f"list pairs with so many percent in common ({THRESHOLD})")
    parser.add_argument("--old", type=Path, action="append", default=[], metavar="DIR",
                        help="submissions of another year, to compare with; may be repeated")
    parser.add_argument("--given", type=Path, action="append", default=[], metavar="DIR",
                        help="more code that everybody had, such as a lecture's; may be repeated")
    parser.add_argument("--export", type=Path, metavar="DIR",
                        help="compare nothing; write the submissions and the given code there for JPlag or MOSS")
    return parser.parse_args(argv)


def run(arguments: argparse.Namespace, scratch: Path) -> int:
    new, refused = prepared(arguments.submissions, scratch / "new")
    old, more = old_trees(arguments.old, scratch)
    for line in [*refused, *more]:
        print(f"similar: {line}", file=sys.stderr)
    group = Class(new, old, given_code([*given_folders(), *arguments.given]))
    if arguments.export:
        export(group, arguments.export)
        print(f"similar: {len(new)} submissions are in {arguments.export}/submissions, given code in base")
        return 0
    started = time.monotonic()
    stages = compare(group, arguments.jobs)
    place = arguments.submissions.resolve()
    out = arguments.out or place.with_name(f"{place.name.split('.')[0] if place.is_file() else place.name}-similar")
    pairs = write(out, stages, group, arguments.threshold, course_name() or place.name)
    print("\n".join(summary(stages, pairs, arguments.threshold)))
    print(f"\n{CAUTION}\n\n{out}/index.html ({time.monotonic() - started:.0f} s)")
    return 0


def main(argv: list[str]) -> int:
    arguments = parse_arguments(argv)
    try:
        if not arguments.export:
            simtool.check_tool()
        for folder in [*arguments.old, *arguments.given]:
            if not folder.is_dir():
                raise intake.IntakeError(f"{folder}: there is no such folder")
        if arguments.export and arguments.export.exists():
            raise intake.IntakeError(f"{arguments.export} is there already: name a new folder")
        with tempfile.TemporaryDirectory(prefix="similar-") as scratch:
            return run(arguments, Path(scratch))
    except intake.IntakeError as error:
        print(f"similar: {error}", file=sys.stderr)
        return USAGE
    except (simtool.ToolError, OSError) as error:
        print(f"similar: {error}", file=sys.stderr)
        return CANNOT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
