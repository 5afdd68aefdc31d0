"""Due dates and late days.

A stage has a due date, or none. Stages with the same date are one deadline: their late days count once. Days are
counted by the clock on the wall of the course's time zone: what is due on Saturday at 23:59 is one day late until
Sunday at 23:59, though that day may have 23 or 25 hours. Whatever the clock leaves open is decided for the student.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Optional, Union

from reports.results import Late, StageResult, SubmissionResult

UTC = timezone.utc
MARKED = "marks it as late"  # how the note ends of a course system that tells no time
COSTS = re.compile(r"(: due \S+, \d+ days? late, \d+ free): -[\d.e+-]+ points$")  # as in_words() has it
Extension = Union[int, datetime]  # days more, or another date


@dataclass(frozen=True)
class Policy:
    """What lateness costs: the table [late] of course.toml."""

    free_days: int = 0  # of each student, over all deadlines
    percent: float = 0.0  # per day that is not free
    points: float = 0.0  # the same, in points of each deadline
    of_maximum: bool = False  # percent of what could be had, not of what was had
    at_most: float = 100.0  # percent: no more is taken away
    cutoff: Optional[int] = None  # later than so many days, free or not: nothing counts
    grace: int = 0  # minutes after the date that are nobody's business

    def costs_nothing(self) -> bool:
        return not self.percent and not self.points and self.cutoff is None


@dataclass(frozen=True)
class Dates:
    """All that decides how late a student is."""

    due: dict[int, datetime] = field(default_factory=dict)  # stage -> date, with a time zone
    policy: Policy = Policy()
    extensions: dict[str, dict[int, Extension]] = field(default_factory=dict)  # student -> stage -> what
    used: dict[str, int] = field(default_factory=dict)  # student -> free days used in earlier collections
    zone: Optional[tzinfo] = None  # of times that are written without an offset


@dataclass
class Deadline:
    """The stages of a submission that were due together."""

    due: datetime
    stages: list[StageResult]

    @property
    def points(self) -> float:
        return sum(stage.points for stage in self.stages)

    @property
    def maximum(self) -> float:
        return sum(stage.maximum for stage in self.stages)

    def name(self) -> str:
        numbers = [str(stage.stage) for stage in self.stages]
        return f"stage{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"


def is_student(key: str, result: SubmissionResult) -> bool:
    """Whether course.toml means this student (or one of a group): by id (an e-mail, a number), by name, or by file name."""
    known = {result.student_id, result.student, result.name, *result.also}
    known |= {*result.student_id.split("; "), *result.student.split("; ")}
    return key.casefold() in {word.casefold() for word in known if word}


# Dates


def in_zone(value: date, zone: Optional[tzinfo]) -> datetime:
    """A TOML date or date-time as a time in the course's zone; a date alone lasts to its end."""
    moment = value if isinstance(value, datetime) else datetime.combine(value, time(23, 59, 59))
    if moment.tzinfo is None:
        if zone is None:
            raise ValueError("in which time zone? Write an offset (-04:00), or set time_zone in [due]")
        return moment.replace(tzinfo=zone)
    return moment.astimezone(zone) if zone else moment


def instant(local: datetime) -> datetime:
    """When that is. A time that a change of the clock skips or repeats is taken as the later one."""
    return max(local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))


def zoned(text: str, zone: Optional[tzinfo]) -> str:
    """A time without an offset as one of the course's zone, if there is one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment.replace(tzinfo=zone).isoformat() if moment.tzinfo is None and zone else text


def submitted_at(result: SubmissionResult) -> Optional[datetime]:
    """When it was handed in, to the second, or None if nobody knows."""
    try:
        moment = datetime.fromisoformat(result.submitted.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment.replace(microsecond=0).astimezone(UTC) if moment.tzinfo else None


def days_late(due: datetime, submitted: datetime) -> int:
    """The days begun after a due date; 0 if it was in time."""
    days = max(0, (submitted - instant(due)).days - 1)
    while submitted > instant(due + timedelta(days=days)):
        days += 1
    return days


def extended(due: datetime, extension: Extension) -> datetime:
    return due + timedelta(days=extension) if isinstance(extension, int) else extension


def due_dates(dates: Dates, result: SubmissionResult) -> dict[int, datetime]:
    """The dates of this student."""
    due = dict(dates.due)
    for key, extensions in dates.extensions.items():
        if is_student(key, result):
            due.update({n: extended(due[n], extension) for n, extension in extensions.items() if n in due})
    return due


def deadlines(dates: Dates, result: SubmissionResult) -> list[Deadline]:
    """The submission's stages by the instant when they are due; stages without a date have none."""
    due = due_dates(dates, result)
    found: dict[datetime, Deadline] = {}
    for stage in sorted(result.stages, key=lambda stage: stage.stage):
        if stage.stage in due:
            moment = instant(due[stage.stage])
            found.setdefault(moment, Deadline(due[stage.stage], [])).stages.append(stage)
    return [found[moment] for moment in sorted(found)]


# What it costs


def penalty(policy: Policy, deadline: Deadline, paid: int) -> float:
    """Points for so many days that are not free; never more than there are."""
    base = deadline.maximum if policy.of_maximum else deadline.points
    lost = paid * (policy.points + policy.percent / 100 * base)
    return round(min(lost, policy.at_most / 100 * base, deadline.points), 2)


def judge_deadline(policy: Policy, deadline: Deadline, submitted: datetime, free: int) -> Late:
    """One deadline's lateness, if the student has so many free days left.

    Free days go only where there are points to save.
    """
    days = days_late(deadline.due, submitted - timedelta(minutes=policy.grace))
    late = Late(due=deadline.due.isoformat(), days=days)
    if policy.cutoff is not None and days > policy.cutoff:
        late.penalty = round(deadline.points, 2)
    elif days and deadline.points > 0:
        late.free_days = min(days, free)
        late.penalty = penalty(policy, deadline, days - late.free_days)
    return late


def free_days_left(dates: Dates, result: SubmissionResult) -> int:
    used = sum(days for key, days in dates.used.items() if is_student(key, result))
    return max(0, dates.policy.free_days - used)


def in_words(deadline: Deadline, late: Late) -> str:
    days = f"{late.days} day{'' if late.days == 1 else 's'}"
    return f"{deadline.name()}: due {late.due}, {days} late, {late.free_days} free: -{late.penalty:g} points"


def without_costs(notes: list[str]) -> list[str]:
    """Of notes, those of in_words() without the points: these are a share of all that there are, of hidden tests too."""
    return [COSTS.sub(r"\1", note) for note in notes]


def judge(dates: Dates, result: SubmissionResult) -> tuple[Late, list[str]]:
    """How late a submission is in all, and a line for each deadline that it missed.

    `due` is the first date that was missed, or else the last one.
    """
    met = deadlines(dates, result)
    if not met:
        return Late(), []
    submitted = submitted_at(result)
    if submitted is None:
        said = f" (it says '{result.submitted}')" if result.submitted else ""
        if any(note.endswith(MARKED) for note in result.notes):
            words = f"late, and nobody knows by how much{said}: it costs nothing until a list says when it came"
            return Late(met[-1].due.isoformat(), unknown=True, marked=True), [words]
        return Late(met[-1].due.isoformat(), unknown=True), [f"nobody knows when it was handed in{said}: not counted as late"]
    total, notes, left = Late(), [], free_days_left(dates, result)
    for deadline in met:
        late = judge_deadline(dates.policy, deadline, submitted, left - total.free_days)
        if late.days:
            notes.append(in_words(deadline, late))
        total = replace(
            total,
            due=total.due if total.days else late.due,
            days=total.days + late.days,
            free_days=total.free_days + late.free_days,
            penalty=round(total.penalty + late.penalty, 2),
        )
    return total, notes
