"""The reports for people: a page of the class, one of each student, and one that each student may see.

    OUT/index.html           the class, for the staff
    OUT/students/NAME.html   everything about one submission, for the staff: hidden tests, artefacts
    OUT/feedback/NAME.html   the same for its author, without what feedback.py leaves out
    OUT/films/NAME-N.html    the restart of a failed test of stage N, call by call (film/README), for that author

Each page is one file that needs no network and no other file; templates/ holds what they look like. All
that goes into a page passes `finalize` (text.py: no escapes, a limit) and is then escaped; should something
slip through, the page's Content-Security-Policy still lets no script run but our own.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone, tzinfo
from itertools import zip_longest
from pathlib import Path
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from reports import clusters, results, summary
from reports.feedback import feedback, moment
from reports.results import SubmissionResult, TestResult
from reports.text import clean, one_line, short, write_whole

TEMPLATES = Path(__file__).resolve().parent / "templates"
GENERATOR = "ckptlab make grade"  # marks pages that may be written over, and removed when out of date

FILM_GENERATOR = "ckptlab make film"  # the same, of films
LARGEST_FILM = 16 << 20  # bytes

LONG = 12000  # characters of a compiler's output or a stack trace
REASON = 1500
ROWS = 16  # lines of expected and got that are shown
BEFORE = 3  # of those, before the first difference
CODE = 300  # characters of one of them
FEW = 15  # causes that are all shown; of more, those of a single student are folded away
FILES = 40  # artefacts of one test that are linked

Tests = Sequence[tuple[int, str]]  # stage and name


def write_pages(
    class_results: Iterable[SubmissionResult],
    out: Path,
    *,
    environment: Tests = (),
    title: str = "Grades",
    published: bool = False,
    now: datetime | None = None,
    passed_over: Sequence[str] = (),
    zone: tzinfo | None = None,
) -> None:
    """Writes all pages; the class page comes last, when its links lead somewhere.

    `environment`: the tests (stage, name) that the reference itself fails on this machine. `published`: the
    grades are, so students may see tests that are `after_published`. `now` is the time of the report. All times are shown
    in the course's `zone`, if it has one.
    """
    people = sorted(class_results, key=by_student)
    writer = Writer(people, out, title, environment, now or datetime.now(timezone.utc), zone)
    for result in writer.results:
        writer.student(result)
        writer.feedback(result, published)
    for folder in ("students", "feedback"):
        remove_old(out / folder, {result.name for result in writer.results})
    writer.remove_old_films()
    writer.class_page(passed_over)


def by_student(result: SubmissionResult) -> tuple[str, str]:
    return result.student.casefold(), result.name


class Writer:
    """The pages of one class."""

    def __init__(
        self, class_results: list[SubmissionResult], out: Path, title: str, environment: Tests, now: datetime,
        zone: tzinfo | None = None,
    ) -> None:
        for result in class_results:
            check_name(result.name)
        self.results = class_results
        self.out = out
        self.now = now
        self.clusters = clusters.clusters(class_results)
        self.anchors = {cluster.key: (f"c{i}", cluster) for i, cluster in enumerate(self.clusters, 1)}
        self.environment = sorted({*environment, *summary.environment(class_results)})
        self.films: set[str] = set()  # names of pages in OUT/films
        self.jinja = make_jinja(zone)
        self.jinja.globals.update(title=title, now=now, generator=GENERATOR)

    def student(self, result: SubmissionResult) -> None:
        films = {test.test: f"../{link(test.artefacts)}/{link(test.film)}" for _, test in result.tests() if self._film(test)}
        self._submission("students", result, staff=True, anchors=self.anchors, withheld=0, films=films)

    def feedback(self, result: SubmissionResult, published: bool) -> None:
        shown = feedback(result, published=published, now=self.now)
        films = self._give_films(result, {test.test for _, test in shown.result.tests()})
        self._submission("feedback", shown.result, staff=False, anchors={}, withheld=shown.withheld, films=films)

    def _film(self, test: TestResult) -> Path | None:
        """Where the page is; None if there is none, or if it is not one of ours."""
        path = self.out / test.artefacts / test.film
        if not test.film or not is_below(f"{test.artefacts}/{test.film}") or path.is_symlink() or not path.is_file():
            return None
        return path if 0 < path.stat().st_size <= LARGEST_FILM else None

    def _give_films(self, result: SubmissionResult, shown: set[str]) -> dict[str, str]:
        """Copies of those that the author may see: the folders where they lie have more in them."""
        given = {}
        for stage, test in result.tests():
            page = self._film(test) if test.test in shown else None
            if page:
                name = f"{result.name}-{stage.stage}.html"
                write_whole(self.out / "films" / name, page.read_bytes().decode(errors="replace"))
                self.films.add(name)
                given[test.test] = f"../films/{link(name)}"
        return given

    def remove_old_films(self) -> None:
        for path in (self.out / "films").glob("*.html"):
            if path.name not in self.films and not path.is_symlink():
                if FILM_GENERATOR in path.read_text(encoding="utf-8", errors="replace")[:1000]:
                    path.unlink()

    def _submission(self, folder: str, result: SubmissionResult, **values: object) -> None:
        tests = {(stage.stage, test.test) for stage, test in result.tests()}
        page = self.jinja.get_template("submission.html").render(
            result=result,
            environment=[row for row in self.environment if row in tests],
            losses=first_losses(result),
            files=self.files,
            **values,
        )
        write_whole(self.out / folder / f"{result.name}.html", page)

    def files(self, test: TestResult) -> list[tuple[str, str]]:
        """The artefacts of a test: their names, and links from a student's page. Plain files only."""
        folder = self.out / test.artefacts
        if not is_below(test.artefacts) or not folder.is_dir():
            return []
        names = sorted(path.name for path in folder.iterdir() if path.is_file() and not path.is_symlink())
        names = [*names[:FILES], *(["submission/"] if (folder / "submission").is_dir() else [])]  # batch/artefacts.py
        return [(name, f"../{link(test.artefacts)}/{link(name)}") for name in names]

    def class_page(self, passed_over: Sequence[str]) -> None:
        counted = summary.counted(self.results)
        maximum = max((result.maximum for result in counted), default=0.0)
        finals = [result.final for result in counted]
        script = (TEMPLATES / "class.js").read_text(encoding="utf-8")
        page = self.jinja.get_template("class.html").render(
            results=self.results,
            counted=counted,
            hand=next((result.by_hand for result in self.results if result.by_hand), None),
            handed_in=sum(result.status != results.ABSENT for result in self.results),
            maximum=maximum,
            spread=summary.spread(finals),
            chart=chart(summary.histogram(finals, maximum)),
            stages=summary.stages(counted),
            tests=summary.tests(counted),
            clusters=self.clusters,
            FEW=FEW,
            anchors=self.anchors,
            files=self.files,
            environment=self.environment,
            failed=[result for result in self.results if summary.grader_failed(result)],
            ungraded=[result for result in self.results if result.status != results.GRADED],
            late=[result for result in self.results if result.late.days > 0 or result.late.unknown],
            passed_over=[line.partition(": ")[::2] for line in passed_over],
            machines=Counter((result.machine, result.sandbox) for result in self.results).most_common(),
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
        write_whole(self.out / "index.html", page)


# What templates use


def make_jinja(zone: tzinfo | None = None) -> jinja2.Environment:
    jinja = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(TEMPLATES)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters.update(number=number, link=link, line=one_line, short=short, percent=percent)
    jinja.filters.update(moment=functools.partial(show_moment, zone=zone))
    jinja.filters.update(long=lambda text: Markup.escape(clean(text, LONG)), comparison=comparison)
    jinja.filters.update(words=clusters.words, code=lambda text: clean(text, CODE))
    jinja.filters.update(reason=lambda text: clean(text, REASON))
    jinja.globals.update(results_of=results, grader_failed=summary.grader_failed)
    jinja.globals.update(key_of=clusters.key_of, losses_of=clusters.losses_of, status_titles=clusters.STATUS_TITLES)
    return jinja


def finalize(value: object) -> object:
    """Every expression's value goes through here before it is escaped."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def number(value: float) -> str:
    return f"{round(value, 2):.12g}"


def percent(share: float | None) -> str:
    """Rounded down, so that 100 % means all."""
    return "" if share is None else f"{math.floor(share * 100 + 1e-9)} %"


def show_moment(value: str | datetime, zone: tzinfo | None = None) -> str:
    time = moment(value) if isinstance(value, str) else value
    local = isinstance(value, str) and re.fullmatch(r"[\d-]+[T ][\d:.]+", value)  # of a zone that nobody has named
    time = time.astimezone(zone) if time is not None and zone and not local else time
    return time.strftime("%Y-%m-%d %H:%M" if local else "%Y-%m-%d %H:%M %z") if time is not None else str(value)


def link(path: str) -> str:
    """A relative path as part of a link."""
    return quote(path, safe="/", errors="replace")


def check_name(name: str) -> None:
    if not name or "/" in name or "\0" in name or name.startswith("."):
        raise ValueError(f"a submission is called {name!r}: that cannot be the name of its page")


def is_below(path: str) -> bool:
    """Whether a path leads down from where it starts, and there is one."""
    parts = path.split("/")
    return bool(path) and "\0" not in path and not path.startswith("/") and ".." not in parts


def first_losses(result: SubmissionResult) -> list[clusters.Loss]:
    """Where the student got stuck: the first failure of each stage."""
    return [loss for loss in clusters.losses_of(result) if loss.first]


@dataclass(frozen=True)
class Line:
    """One row of expected and got."""

    number: int
    expected: str
    got: str

    @property
    def same(self) -> bool:
        return self.expected == self.got


@dataclass(frozen=True)
class Comparison:
    lines: list[Line]
    before: int  # how many rows there are above and below that are not shown
    after: int


def comparison(test: TestResult) -> Comparison | None:
    """Expected and got side by side, around the first difference."""
    if not test.expected and not test.got:
        return None
    pairs = list(zip_longest(test.expected, test.got, fillvalue=""))
    first = next((i for i, (want, have) in enumerate(pairs) if want != have), 0)
    start = max(0, first - BEFORE)
    rows = [Line(i, *pair) for i, pair in enumerate(pairs[start : start + ROWS], start + 1)]
    return Comparison(rows, start, len(pairs) - start - len(rows))


# The chart


@dataclass(frozen=True)
class Bar:
    """One bin as a rectangle in the drawing's units."""

    x: float
    y: float
    width: float
    height: float
    label: str
    count: int
    tick: str  # what stands below its left edge


@dataclass(frozen=True)
class Chart:
    bars: list[Bar]
    width: float
    height: float
    lines: list[tuple[float, int]]  # y and count
    end: str


WIDTH, HEIGHT = 600.0, 180.0


def chart(bins: Sequence[summary.Bin]) -> Chart:
    top = max([row.count for row in bins], default=0) or 1
    step = max(1, 10 ** int(math.log10(top)))
    step = next(s for s in (step, 2 * step, 5 * step, 10 * step) if top / s <= 5)
    wide = WIDTH / len(bins)
    bars = []
    for i, row in enumerate(bins):
        tall = HEIGHT * row.count / top
        label = f"{number(row.low)} to {number(row.high)} points: {row.count}"
        tick = number(row.low) if i % 4 == 0 else ""
        bars.append(Bar(round(i * wide, 2), round(HEIGHT - tall, 2), wide, round(tall, 2), label, row.count, tick))
    lines = [(round(HEIGHT - HEIGHT * count / top, 2), count) for count in range(0, top + 1, step)]
    return Chart(bars, WIDTH, HEIGHT, lines, number(bins[-1].high))


def remove_old(folder: Path, names: set[str]) -> None:
    """Removes our pages of submissions that are no longer there; files that others put there stay."""
    for path in folder.glob("*.html"):
        if path.stem not in names and not path.is_symlink():
            if GENERATOR in path.read_text(encoding="utf-8", errors="replace")[:1000]:
                path.unlink()
