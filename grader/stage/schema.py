"""What may stand in lab.toml and in a profile, and what is wrong with one, in words."""

from __future__ import annotations

import re
import signal
from typing import Any

WORDS, LISTS = "a list of words", "a list of lists of words"
POINTS = "a table of tests and their points"
NAMES = {"dir", "bin", "image", "program", "jobs"}

# Table -> key -> (what it is, whether it must be there).
KEYS: dict[str, dict[str, tuple[str, bool]]] = {
    "": {"steps": ("true or false", False)},
    "build": {
        "command": (WORDS, True), "limit": ("a number", True), "instead": (LISTS, False), "headers": ("a text", False),
    },
    "launch": {
        "command": (WORDS, True),
        "instead": (LISTS, False),
        "signal": ("a signal", True),
        "process": ("launched|child|either", False),
        "image": ("a file name or pattern", True),
        "after": ("goes on|exits|either", False),
        "library": ("a text", False),
    },
    "restart": {"command": (WORDS, True), "instead": (LISTS, False)},
    "program": {"libraries": (WORDS, True)},
    "readmaps": {"command": (WORDS, True)},
    "readckpt": {"command": (WORDS, True)},
    "submission": {"sources": (WORDS, True), "kit": (WORDS, True)},
    "reference": {"folders": (WORDS, True)},
    "stage.N": {
        "title": ("a text", False),
        "folder": ("a text", True),
        "programs": (WORDS, True),
        "points": ("a number", True),
        "tests": ("a text", False),
        "reference": (WORDS, False),
        "test_points": (POINTS, False),
        "bonus": (WORDS, False),
    },
}
REQUIRED = ("build", "launch", "restart", "stage")


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


def _is_signal(value: Any) -> bool:
    if isinstance(value, str):
        return value in signal.Signals.__members__
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65


def fits(kind: str, value: Any) -> bool:
    if kind == WORDS:
        return _is_words(value)
    if kind == LISTS:
        return isinstance(value, list) and all(_is_words(line) and line for line in value)
    if kind == POINTS:
        return isinstance(value, dict) and all(_is_number(points) or points == 0 for points in value.values())
    if kind == "a number":
        return _is_number(value)
    if kind in ("a signal", "a file name or pattern") and isinstance(value, list):
        return bool(value) and all(not isinstance(one, list) and fits(kind, one) for one in value)
    if kind == "a signal":
        return _is_signal(value)
    if kind == "true or false":
        return isinstance(value, bool)
    if kind == "a file name or pattern":
        return isinstance(value, str) and bool(value) and "/" not in value
    return isinstance(value, str) and ("|" not in kind or value in kind.split("|"))


def _table_problems(name: str, kind: str, table: Any) -> list[str]:
    if not isinstance(table, dict):
        return [f"[{name}] must be a table"]
    keys, where = KEYS[kind], f"[{name}] " if name else ""
    found = [f"{where}unknown key '{key}'; there are: {', '.join(keys)}" for key in table if key not in keys]
    for key, (what, needed) in keys.items():
        if key not in table:
            found += [f"{where}'{key}' is missing: {what}"] if needed else []
        elif not fits(what, table[key]):
            found.append(f"{where}'{key}' must be {what.replace('|', ', ')}, not {table[key]!r}")
    return found


def _name_problems(toml: dict[str, Any]) -> list[str]:
    """Words in braces that nobody fills in."""
    lines = [toml["build"]["command"], *toml["build"].get("instead", []), toml.get("program", {}).get("libraries", [])]
    for table in (toml["launch"], toml["restart"]):
        lines += [table["command"], *table.get("instead", [])]
    words = [word for line in lines for word in line]
    wrong = {name for word in words for name in re.findall(r"\{([^}]*)\}", word) if name not in NAMES}
    return [f"unknown name {{{name}}}; there are: {', '.join(sorted(NAMES))}" for name in sorted(wrong)]


def problems(toml: dict[str, Any]) -> list[str]:
    """What is wrong, a sentence each; nothing if all is well."""
    tables = {name: value for name, value in toml.items() if name in KEYS or name == "stage"}
    rest = {name: value for name, value in toml.items() if name not in tables}
    found = _table_problems("", "", rest)
    found += [f"the table [{name}] is missing" for name in REQUIRED if name not in toml]
    for name, table in tables.items():
        if name != "stage":
            found += _table_problems(name, name, table)
            continue
        stages = table if isinstance(table, dict) else {}
        found += [f"[stage.{n}]: the stage must be a number" for n in stages if not n.isdigit()]
        found += [line for n, stage in stages.items() for line in _table_problems(f"stage.{n}", "stage.N", stage)]
        found += [] if stages else ["there is no [stage.1]"]
    return found or _name_problems(toml)
