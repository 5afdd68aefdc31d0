"""A record as JSON, so that a restart can be watched in one place and told in another.

Where a class is graded, it is watched inside the sandbox, and what comes from there may be anything: what is read here
is checked, and what does not fit is no record.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from film.plan import Plan, Planned
from film.tracer import MOST_CALLS, Event, Record, Regions
from stage import maps

LARGEST = 16 << 20  # bytes
MOST_REGIONS = 70000  # a process has no more: sysctl vm.max_map_count
MOST_TEXT = 100000  # characters of one string
HIGHEST = 1 << 64


class BadRecord(Exception):
    """It was not written by saved()."""


def saved(record: Record, plan: Plan) -> str:
    numbers: dict[Regions, int] = {}
    events = [[e.name, list(e.args), e.result, e.ip, e.sp, numbers.setdefault(e.regions, len(numbers)), e.path, e.text]
              for e in record.events]
    table = {"command": record.command, "events": events, "spaces": ["\n".join(map(str, space)) for space in numbers],
             "image": plan.path, "problem": plan.problem, "regions": [list(asdict(region).values()) for region in plan.regions]}
    return json.dumps(table)


def text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MOST_TEXT:
        raise BadRecord(f"no text: {type(value).__name__}")
    return value


def number(value: object) -> int:
    if type(value) is not int or not -HIGHEST < value < HIGHEST:
        raise BadRecord(f"no number: {type(value).__name__}")
    return value


def rows(value: object, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise BadRecord("no list, or one that is too long")
    return value


def space(value: object) -> Regions:
    if not isinstance(value, str) or value.count("\n") > MOST_REGIONS:
        raise BadRecord("no address space")
    return tuple(maps.parse(value))


def event(value: object, spaces: list[Regions]) -> Event:
    name, args, result, ip, sp, where, path, said = rows(value, 8)
    given = tuple(number(word) for word in rows(args, 6))
    return Event(text(name), given, number(result), number(ip), number(sp), spaces[number(where)], text(path), text(said))


def planned(value: object) -> Planned:
    words = rows(value, 8)
    start, end, perms, name, data, from_file, kernel, offset = words
    return Planned(number(start), number(end), text(perms), text(name), number(data), bool(from_file), bool(kernel),
                   number(offset))


def restored(data: bytes) -> tuple[Record, Plan]:
    """What saved() wrote; BadRecord for all else."""
    if len(data) > LARGEST:
        raise BadRecord("it is too large")
    try:
        table = json.loads(data)
        spaces = [space(value) for value in rows(table["spaces"], MOST_CALLS + 10)]
        events = [event(value, spaces) for value in rows(table["events"], MOST_CALLS + 10)]
        regions = [planned(value) for value in rows(table["regions"], MOST_REGIONS)]
        record = Record([text(word) for word in rows(table["command"], 100)], events)
        if any(len(e.args) not in (0, 3, 6) for e in events):
            raise BadRecord("a call without its arguments")
        return record, Plan(text(table["image"]), regions, text(table["problem"]))
    except (KeyError, IndexError, TypeError, ValueError, RecursionError) as error:
        raise BadRecord(f"{type(error).__name__}: {error}") from error

