"""Gradescope's submission_metadata.yml: who handed in each folder of an export, and when.

    submission_4711:
      :submitters:
      - :name: Alice Example
        :sid: '0815'
        :email: alice@example.edu
      :created_at: 2026-04-26 17:34:00.861687000 Z

A group has several submitters. Everything is read as text: else a number that begins with 0 would
change, and a person called No would be a truth value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FILE = "submission_metadata.yml"
TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)? ?(Z|UTC|[+-]\d\d:?\d\d)")


class BadMetadata(Exception):
    """Why the file cannot be used; the words are for people."""


@dataclass(frozen=True)
class Entry:
    """One submission: its people, `; ` between them, in one order everywhere."""

    student: str
    student_id: str
    submitted: str
    also: tuple[str, ...] = ()  # e-mails: an id is a number where there is one


def read(path: Path) -> dict[str, Entry]:
    """The entries by the names of their folders (or files)."""
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # the compiled one reads 400 students in a second
    try:
        table = yaml.load(path.read_text(encoding="utf-8", errors="replace"), Loader=loader)
    except (OSError, yaml.YAMLError, RecursionError) as error:
        raise BadMetadata(f"{FILE} cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(table, dict):
        raise BadMetadata(f"{FILE} has no submissions in it")
    return {str(name): _entry(str(name), fields) for name, fields in table.items()}


def _entry(name: str, fields: Any) -> Entry:
    fields = fields if isinstance(fields, dict) else {}
    people = [person for person in _list(fields.get(":submitters")) if isinstance(person, dict)]
    students = [_text(person, ":name", ":email", ":sid") for person in people]
    ids = [_text(person, ":sid", ":email") for person in people]
    also = tuple(filter(None, (_text(person, ":email") for person in people)))
    return Entry("; ".join(filter(None, students)) or name, "; ".join(filter(None, ids)),
                 _time(fields.get(":created_at")), also)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(person: dict[str, Any], *keys: str) -> str:
    """The first of the fields that is there."""
    texts = (person.get(key) for key in keys)
    return next((text for text in texts if isinstance(text, str) and text.strip()), "").strip()


def _time(value: Any) -> str:
    """ISO 8601 with an offset, or "" if that cannot be told. Rails writes some times as a table."""
    if isinstance(value, dict):
        value = value.get("utc")
    match = TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        return ""
    offset = "+00:00" if match[3] in ("Z", "UTC") else match[3]
    return f"{match[1]}T{match[2]}{offset if ':' in offset else f'{offset[:3]}:{offset[3:]}'}"
