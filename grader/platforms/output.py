"""What all formats share: tables that are never larger than a platform takes, and numbers as people write them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

LIMITS = (6000, 2000, 600, 200, 60)  # characters of one text; the first with which the file is small enough
LARGEST = 900_000  # bytes: PrairieLearn takes a megabyte, and nobody reads more

Table = dict[str, Any]


def dump(table: Table, indent: int | None = 1) -> str:
    """As JSON: ASCII alone, and no number that JSON does not have."""
    return json.dumps(table, indent=indent, allow_nan=False)


def fit(build: Callable[[int], Table], largest: int = LARGEST) -> Table:
    """What `build` gives for the largest limit of a text with which all of it is small enough."""
    table: Table = {}
    for limit in LIMITS:
        table = build(limit)
        if len(dump(table)) <= largest:
            break
    return table


def number(value: float) -> float:
    """Points as people write them: 2 for 2.0, and no 0.30000000000000004."""
    rounded = round(value, 4)
    return int(rounded) if rounded == int(rounded) else rounded
