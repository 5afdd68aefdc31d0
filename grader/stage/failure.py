"""What a test raises when the program under grading is wrong, and how tests say so."""

from __future__ import annotations

import re
from collections.abc import Sequence


def printable(text: str) -> str:
    """What a submission said, as text that any file and page takes: bytes that are not UTF-8 as \\xff."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


PATH = re.compile(r"(?<![\w./])/(?:[^\s/:'\",;()<>]+/)+([^\s/:'\",;()<>]*)")
SYSTEM = ("/proc/", "/dev/", "/sys/", "/usr/", "/lib/", "/lib64/", "/bin/", "/etc/")


def without_folders(text: str) -> str:
    """The text with `.../NAME` for each path into this machine's own folders; the system's stay."""
    return PATH.sub(lambda m: m[0] if m[0].startswith(SYSTEM) else f".../{m[1]}", text)


class Failure(AssertionError):
    """A wrong result: words for people, and symptoms for diagnosis.py."""

    def __init__(
        self,
        message: str,
        *symptoms: str,
        expected: Sequence[str] = (),
        got: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.symptoms = list(symptoms)
        self.expected = list(expected)
        self.got = list(got)


def check(good: object, message: str, *symptoms: str) -> None:
    """Fail with the message and the symptoms unless good."""
    if not good:
        raise Failure(message, *symptoms)


def check_equal(got: Sequence[str], expected: Sequence[str], message: str, *symptoms: str) -> None:
    """Fail, showing both side by side, unless the lines are equal."""
    if list(got) != list(expected):
        raise Failure(message, *symptoms, expected=expected, got=got)
