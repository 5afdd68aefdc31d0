"""What a program under test must print: the hash chain of programs/program.c again.

The first line of such a program has its nonces. From them and the texts of the lines, every later
line follows, with its hash; nobody who lost a nonce, or starts again, can print it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence

MASK = (1 << 64) - 1
EXIT = "exit"  # as a text: the last line, whose number is computed

_NONCES = re.compile(r"nonces((?: [0-9a-f]{16}){5})$")


def mix(a: int, b: int) -> int:
    a = ((a ^ b) * 0xFF51AFD7ED558CCD) & MASK
    return a ^ a >> 32


class Oracle:
    """The state of a program under test after the lines it printed."""

    def __init__(self, first_line: str) -> None:
        match = _NONCES.match(first_line)
        if match is None:
            raise ValueError(f"not a line of nonces: {first_line!r}")
        self.nonces = [int(word, 16) for word in match.group(1).split()]
        self.chain = 0x9E3779B97F4A7C15

    def copy(self) -> Oracle:
        return copy.deepcopy(self)

    def exit_status(self) -> int:
        return 1 + self.nonces[2] % 60

    def line(self, text: str) -> str:
        """The next line, given its text."""
        if text == EXIT:
            text = f"exit {self.exit_status():02d}"
        chain = self.chain
        for byte in text.encode():
            chain = ((chain ^ byte) * 0x100000001B3) & MASK
        for nonce in self.nonces:
            chain = mix(chain, nonce)
        self.nonces = [mix(n, (chain + i) & MASK) for i, n in enumerate(self.nonces)]
        self.chain = chain
        return f"{text} #{chain:016x}"

    def lines(self, texts: Sequence[str]) -> list[str]:
        return [self.line(text) for text in texts]


def text_of(line: str) -> str:
    return line.rpartition(" #")[0]


def expected_output(first_line: str, texts: Sequence[str]) -> list[str]:
    """The whole output of a program whose lines after the nonces have these texts."""
    return [first_line, *Oracle(first_line).lines(texts)]


def exit_status_of(lines: Sequence[str]) -> int | None:
    """What the last of the expected lines says that the exit status must be."""
    match = re.match(r"exit (\d+) #", lines[-1]) if lines else None
    return int(match.group(1)) if match else None


def compare_symptoms(head: Sequence[str], expected: Sequence[str], got: Sequence[str]) -> list[str]:
    """How a restarted program's output is wrong; head is what it had printed before."""
    symptoms = []
    if not got:
        symptoms.append("output: nothing")
    elif got[0].startswith("nonces"):
        symptoms.append("output: started again from the beginning")
    elif got[0] in head:
        symptoms.append("output: repeats lines from before the checkpoint")
    elif list(got) == list(expected[: len(got)]):
        symptoms.append("output: stops early")
    elif len(got) > len(expected) and list(got[: len(expected)]) == list(expected):
        symptoms.append("output: goes on too long")
    else:
        symptoms += _first_difference(expected, got)
    return symptoms


def _first_difference(expected: Sequence[str], got: Sequence[str]) -> list[str]:
    for want, have in zip(expected, got):
        if want != have and text_of(want) == text_of(have):
            return ["output: a nonce changed"]
        if want != have:
            return [f"output: expected '{text_of(want)}' got '{text_of(have) or have}'"]
    return ["output: stops early"]
