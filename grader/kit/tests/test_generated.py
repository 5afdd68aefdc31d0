"""The mutants that nobody chose: those that were caught once are caught, and where they are is found; those that survive
have a reason."""
from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from kit import built, generated
from kit.generated import Tree, name_of
from kit.operators import OPERATORS, all_generated

EACH_DAY, STRESS = 3, 300


def test_a_few_are_caught(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """By the test that caught them; of the first, its place is searched."""
    tree, found = Tree(tmp_path), generated.results()
    for number, mutant in enumerate(generated.chosen(EACH_DAY, request.config.option.seed)):
        known = found[name_of(mutant)]
        got, said = tree.grade(mutant, only=known.test, where=generated.WHERE if number == 0 else 0)
        assert got.outcome == "caught", f"{mutant.key}: {got}\n{said}"
        if number == 0:
            assert got.file == "yes" and got.cause != "other", f"{mutant.key}: {got}\n{said}"


@pytest.mark.stress
def test_three_hundred(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    tree = Tree(tmp_path)
    count: Counter[str] = Counter()
    wrong = []
    for mutant in generated.chosen(STRESS, request.config.option.seed):
        got, _ = tree.grade(mutant)
        count += Counter([got.outcome, f"file {got.file}", f"step {got.step}", f"cause {got.cause}"])
        if got.outcome != "caught" or got.file != "yes" or got.cause == "other":
            wrong.append(f"{name_of(mutant)} {got} {mutant.key}")
    print(f"seed {request.config.option.seed}:", ", ".join(f"{what} {times}" for what, times in sorted(count.items())))
    assert not wrong, "\n".join(wrong)
    assert count["step yes"] >= 0.95 * count["caught"], count


def test_each_survivor_has_a_reason() -> None:
    left = [mutant.key for mutant in generated.survivors()]
    assert not left, "write a test that catches them, or say in mutants/generated/survivors.toml why none can:\n" + "\n".join(left)
    assert all(generated.reasons().values())


def test_the_list_is_finite_and_the_same() -> None:
    names = [name_of(mutant) for mutant in generated.mutants()]
    assert len(set(names)) == len(names)
    assert names == [name_of(mutant) for mutant in all_generated(built.solution())]
    assert {mutant.operator for mutant in generated.mutants()} == set(OPERATORS)


def test_readme_has_the_counts() -> None:
    """Of the day when they were made: the solution may have changed since."""
    text = generated.README.read_text()
    rows = re.findall(r"^\|.*\|$", text.split(generated.BEGIN)[1].split(generated.END)[0], re.MULTILINE)
    assert rows[0] == generated.HEAD
    numbers = [list(map(int, re.findall(r"\d+", row.partition("|")[2].partition("|")[2]))) for row in rows[2:]]
    for all_of_them, none, later, caught, file, step, other, survive, reason in numbers:
        assert all_of_them == none + later + caught + survive
        assert step <= file <= caught and other == 0 and reason == survive
    assert numbers[-1] == [sum(column) for column in zip(*numbers[:-1])]
