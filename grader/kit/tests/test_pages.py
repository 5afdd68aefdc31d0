"""The pages: all is there, links lead somewhere, and no word of a submission can do harm."""
from __future__ import annotations

import base64
import hashlib
import html
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from batch import similar
from kit import accessible, fakeclass
from kit.browser import browser, chromium
from kit.real_programs import not_tried
from reports import gradebook, pages, results, summary
from reports.clusters import clusters
from reports.results import ByHand, SubmissionResult
from reports.text import clean, cut, one_line, short, without_folders

pytestmark = pytest.mark.xdist_group("pages")  # what is made once is made by one worker

VOID = {"meta", "col", "br", "input", "link", "img", "hr"}
NOW = datetime(2025, 3, 20, tzinfo=timezone.utc)
COUNT = 60


class Page(HTMLParser):
    """A page as a reader sees it; complains of elements that are not closed in order."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.open = path, [""]
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.script = self.style = ""
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()
        assert self.open == [""], f"{path}: not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID and not self.rawdata[: self.rawdata.find(">", 1)].endswith("/"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{self.path}: </{tag}> in the wrong place, line {self.getpos()}"

    def handle_data(self, data: str) -> None:
        if self.open[-1] == "script":
            self.script += data
        elif self.open[-1] == "style":
            self.style += data
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def links(self) -> list[str]:
        return [attributes["href"] for attributes in self.all("a") if "href" in attributes]

    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]


class Written:
    """A class and its pages."""

    def __init__(self, out: Path, people: list[SubmissionResult]) -> None:
        self.out, self.people = out, people
        gradebook.write(people, out / "grades.csv")
        pages.write_pages(people, out, environment=[(2, "test_gdb")], title="Lab <1>", now=NOW)
        self.index = Page(out / "index.html")

    def page(self, name: str, folder: str = "students") -> Page:
        return Page(self.out / folder / f"{name}.html")

    def all(self) -> Iterator[Page]:
        yield self.index
        for path in sorted(self.out.glob("*/*.html")):
            yield Page(path)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    out = tmp_path_factory.mktemp("grades")
    return Written(out, fakeclass.Maker(fakeclass.small(), out).people(COUNT))


def find(written: Written, outcome: str) -> SubmissionResult:
    """Somebody who is not the hostile one, and has a test with that outcome."""
    return next(made for made in written.people
                if made.name != "student900" and any(test.outcome == outcome for _, test in made.tests()))


# All that is promised is there


def test_each_submission_has_its_pages(written: Written) -> None:
    names = {made.name for made in written.people}
    assert len(names) == COUNT
    for folder in ("students", "feedback"):
        assert {path.stem for path in (written.out / folder).iterdir()} == names


def test_every_link_leads_somewhere(written: Written) -> None:
    ids = {page.path: set(page.ids()) for page in written.all()}
    for page in written.all():
        for href in page.links():
            path, _, anchor = href.partition("#")
            target = (page.path.parent / unquote(path)).resolve() if path else page.path
            assert target.exists(), f"{page.path.name}: {href}"
            assert not anchor or anchor in ids[target], f"{page.path.name}: {href}"


def test_the_pages_can_be_read_aloud(written: Written) -> None:
    for page in written.all():
        assert page.all("html") == [{"lang": "en"}] and len(page.all("h1")) == 1 and page.all("title")
        assert len(page.ids()) == len(set(page.ids())), page.path
        assert all("scope" in attributes for attributes in page.all("th"))
        assert {attributes["aria-labelledby"] for attributes in page.all("section")} <= set(page.ids())
        assert all("aria-label" in attributes for attributes in page.all("svg"))


def test_pages_need_nothing_else(written: Written) -> None:
    for page in written.all():
        assert not {"link", "img", "iframe", "object", "form"} & {tag for tag, _ in page.tags}
        assert not any("src" in attributes for _, attributes in page.tags)
        assert "url(" not in page.style and "@import" not in page.style
        assert "prefers-color-scheme: dark" in page.style and "@media print" in page.style


def test_the_class_page_shows_the_class(written: Written) -> None:
    text = written.index.text
    assert written.index.text.count("Lab <1>") >= 2
    counted = summary.counted(written.people)
    assert f"Graded {len(counted)} of {COUNT}" in text
    for words in ("Zip Bomb", "bomb.zip: more than 10,000 files", "sandbox: bubblewrap", "Why points were lost"):
        assert words in text, words
    links = written.index.links()
    assert all(f"students/{made.name}.html" in links for made in written.people)
    bars = [int(word) for word in re.findall(r"points: (\d+)", text)]
    assert sum(bars) == len(counted), "the chart counts everybody"


def test_who_handed_in_nothing_is_no_submission(tmp_path: Path) -> None:
    """And all times are of one zone, whoever wrote them."""
    one = fakeclass.Maker(fakeclass.small(), tmp_path).people(3)
    none = SubmissionResult("zoe", "Zoe", status=results.ABSENT, message="in the list of the course, and in no submission")
    one[0].submitted, one[0].started = "2025-03-19T23:30:00-04:00", "2025-03-20T04:00:00+00:00"
    pages.write_pages([*one, none], tmp_path, now=NOW, zone=timezone(timedelta(hours=-4)))
    text = Page(tmp_path / "index.html").text
    assert "3 submissions, 1 of the course handed in nothing" in text and "of 3" in text and "4 submissions" not in text
    shown = Page(tmp_path / f"students/{one[0].name}.html").text
    assert "2025-03-19 23:30 -0400" in shown and "Graded 2025-03-20 00:00 -0400" in shown and "+0000" not in shown


def test_points_by_hand_have_a_column(tmp_path: Path) -> None:
    style = ByHand("Style", 10.0)
    people = [SubmissionResult("ann", "Ann", by_hand=replace(style, points=7.5, known=True)), SubmissionResult("bob", "Bob", by_hand=style)]
    pages.write_pages(people, tmp_path, title="CS 1")
    source = (tmp_path / "index.html").read_text()
    assert '<th scope="col" class="right">Style</th>' in source
    assert re.findall(r'data-label="Style"[^>]*>([^<]*)<', source) == ["7.5", "–"]


def test_clusters_are_shown_with_their_students(written: Written) -> None:
    first = clusters(written.people)[0]
    row = written.index.source[written.index.source.index('id="c1"'):written.index.source.index('id="c2"')]
    assert html.escape(first.title) in html.escape(html.unescape(row)) and first.text[:30] in row
    listed = set(re.findall(r'students/(\w+)\.html', row))
    assert listed == {made.name for made in first.students} and len(listed) > 1


def test_what_the_reference_fails_is_named_and_nobodys_fault(written: Written) -> None:
    made = find(written, results.ENVIRONMENT)
    for page in (written.index, written.page(made.name), written.page(made.name, "feedback")):
        assert "Grader environment:" in page.text and "test_rseq" in page.text and "nobody lost points" in page.text
    assert "test_gdb" in written.index.text[: written.index.text.index("Failures by the place")]


def test_where_the_grader_failed_is_said_first(written: Written) -> None:
    assert "The grader itself failed for 1 submission." in written.index.text
    assert "The grader itself failed here" in written.page("student901").text
    assert not [made for made in summary.counted(written.people) if made.name == "student901"]


def test_late_submissions_are_listed(written: Written) -> None:
    late = next(made for made in written.people if made.late.penalty)
    text = written.index.text[written.index.text.index("Days late"):]
    assert late.student in text and "2025-03-15 23:59 +0100" in text
    page = written.page(late.name)
    assert f"− {late.late.penalty:g} for lateness = {late.final:g}" in page.text


def test_a_students_page_shows_why(written: Written) -> None:
    made = find(written, results.FAILED)
    page = written.page(made.name)
    stage, test = next((s, t) for s, t in made.tests() if t.outcome == results.FAILED)
    for words in (test.title, test.reason, test.cause_text, test.next_step, test.read, *test.symptoms, test.detail,
                  f"{stage.points:g} of {stage.maximum:g} points", "Where to begin", made.digest, "Expected"):
        assert " ".join(words.split()) in page.text, words
    assert f"../{test.artefacts}/repro.sh" in page.links()
    assert "step 000011 #0000000000000000" in page.text
    assert page.source.count('class="differs"') >= 1


def test_what_does_not_build_shows_the_compilers_words(written: Written) -> None:
    made = next(made for made in written.people if results.NOT_BUILT in [stage.status for stage in made.stages])
    assert "'regoin' undeclared" in written.page(made.name).text


def test_feedback_has_no_hidden_test_and_no_artefacts(written: Written) -> None:
    for made in written.people:
        page = written.page(made.name, "feedback")
        assert not re.search("odd_names|artefacts|stack trace", page.source)
        assert [href for href in page.links() if not href.startswith("#")] == [], "no way to the other students"
        if any(test.test == "test_odd_names" for _, test in made.tests()):
            assert "1 test is not shown here" in page.text
            assert "odd_names" in written.page(made.name).source


def test_a_class_of_nobody_has_a_page(tmp_path: Path) -> None:
    pages.write_pages([], tmp_path)
    assert "0 submissions" in Page(tmp_path / "index.html").text


def test_a_class_with_full_marks_has_no_causes(tmp_path: Path) -> None:
    made = SubmissionResult("ann", "Ann", stages=[results.StageResult(1, "stage1", points=2.0, maximum=2.0)])
    pages.write_pages([made], tmp_path, now=NOW)
    assert "Nobody lost a point." in Page(tmp_path / "index.html").text
    assert "Where to begin" not in Page(tmp_path / "students/ann.html").text


def test_pages_of_who_is_gone_are_removed_and_other_files_stay(tmp_path: Path) -> None:
    people = [SubmissionResult(name, name) for name in ("ann", "bob")]
    pages.write_pages(people, tmp_path)
    (tmp_path / "students/notes.html").write_text("a TA's own")
    pages.write_pages(people[:1], tmp_path)
    assert {path.name for path in (tmp_path / "students").iterdir()} == {"ann.html", "notes.html"}
    assert {path.name for path in (tmp_path / "feedback").iterdir()} == {"ann.html"}


def test_the_order_of_the_results_does_not_matter(written: Written, tmp_path: Path) -> None:
    pages.write_pages(reversed(written.people), tmp_path, environment=[(2, "test_gdb")], title="Lab <1>", now=NOW)
    # The artefacts are not in this folder, so that links to them are not, either.
    strip = re.compile(r"<br><a href=\"artefacts[^<]*</a>")
    assert strip.sub("", written.index.source) == strip.sub("", (tmp_path / "index.html").read_text())


# Hostile words


def test_no_script_but_ours(written: Written) -> None:
    for page in written.all():
        scripts = page.all("script")
        assert len(scripts) == (page is written.index), page.path
        assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
        assert not [href for href in page.links() if re.match(r"\s*\w+:", href)]
    source = (pages.TEMPLATES / "class.js").read_text()
    assert written.index.script == source
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    (policy,) = [meta["content"] for meta in written.index.all("meta") if "http-equiv" in meta]
    assert "default-src 'none'" in policy and f"script-src 'sha256-{digest}'" in policy


WIDE = """[...document.querySelectorAll('*')].filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1
  && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX) || e.getBoundingClientRect().right > innerWidth + 1
  && getComputedStyle(e).position != 'absolute').map(e => e.tagName + '.' + e.className + ': ' + e.textContent.slice(0, 60))"""


@pytest.mark.skipif(chromium() is None, reason=not_tried("chromium (package chromium)"))
def test_nothing_scrolls_sideways_on_a_telephone(written: Written) -> None:
    """The class, a student with failures and several submissions, and the one who is hostile."""
    failed = find(written, results.FAILED)
    with browser() as screen:
        screen.resize(390)
        for name in ("index.html", f"feedback/{failed.name}.html", f"students/{failed.name}.html", "students/student900.html"):
            screen.open(written.out / name)
            assert screen.value("document.documentElement.scrollWidth") <= 390, name
            assert screen.value(WIDE) == [], name


@pytest.mark.stress
def test_who_cannot_see_them_can_read_the_pages(written: Written, tmp_path: Path) -> None:
    """By axe-core's rules: the class, somebody with failures, the hostile one, who handed in nothing, and `make similar`'s page."""
    if missing := accessible.lacks():
        pytest.skip(not_tried(missing))
    none = SubmissionResult("zoe", "Zoe", status=results.ABSENT, message="in the list of the course, and in no submission")
    pages.write_pages([*written.people, none], written.out, environment=[(2, "test_gdb")], title="Lab <1>", now=NOW)
    name = find(written, results.FAILED).name
    pair = similar.Pair(1, "ada " * 20, "bob " * 20, 90, 80, 500, 600)
    similar.write_html(tmp_path / "index.html", [similar.Stage(1, [pair], ["eve"], 1)], [pair], 30, "CS 1")
    with browser() as screen:
        for page in ("index.html", f"students/{name}.html", f"feedback/{name}.html", "students/student900.html", "students/zoe.html"):
            assert accessible.violations(screen, written.out / page) == []
        assert accessible.violations(screen, tmp_path / "index.html") == []


def test_students_come_before_tests_and_the_test_can_be_run_at_home(written: Written) -> None:
    index = (written.out / "index.html").read_text()
    assert index.index('id="students"') < index.index('id="causes"') < index.index('id="tests"')
    failed = find(written, results.FAILED)
    stage, test = next((stage, test) for stage, test in failed.tests() if test.outcome == results.FAILED)
    command = f"grader/check --stage {stage.stage} {stage.folder} --only {test.test} -v"
    assert command in written.page(failed.name).text


def test_hostile_words_are_shown_as_words(written: Written) -> None:
    for folder in ("students", "feedback"):
        page = written.page("student900", folder)
        heading = "<script>alert(1)</script>\u2400\\xff\ufffd'\"&]]></style>"
        assert heading in page.text[:200]
        longest = max(len(word) for word in re.findall("x+", page.text))
        assert 1000 < longest <= pages.LONG
    assert written.index.text.count("<script>alert(1)") > 1


def test_hostile_megabytes_do_not_fill_the_pages(written: Written) -> None:
    assert (written.out / "students/student900.html").stat().st_size < 1_500_000
    assert (written.out / "index.html").stat().st_size < 1_500_000


def test_no_unfit_character_is_in_any_page(written: Written) -> None:
    for page in written.all():
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]", page.source)


def test_artefacts_outside_are_not_linked(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("x")
    out = tmp_path / "out"
    writer = pages.Writer([], out, "", [], NOW)
    test = results.TestResult("test_a", "", 0.0, 1.0)
    for folder in ("../etc", str(tmp_path / "etc"), "a/../../etc", "", "missing", "a\0b"):
        test.artefacts = folder
        assert writer.files(test) == []
    (out / "artefacts/a#b").mkdir(parents=True)
    (out / "artefacts/a#b/link").symlink_to(tmp_path / "etc/passwd")
    (out / "artefacts/a#b/x y?").write_text("x")
    test.artefacts = "artefacts/a#b"
    assert writer.files(test) == [("x y?", "../artefacts/a%23b/x%20y%3F")]


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a\0"])
def test_a_name_that_is_no_file_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be the name of its page"):
        pages.write_pages([SubmissionResult(name, "x")], tmp_path / "out")
    assert not (tmp_path / "out").exists()


# The parts


def test_expected_and_got_are_shown_around_the_first_difference() -> None:
    test = results.TestResult("test_a", "", 0.0, 1.0, expected=[str(i) for i in range(100)])
    test.got = [*test.expected[:50], "x", *test.expected[51:99]]
    shown = pages.comparison(test)
    assert shown is not None and (shown.before, len(shown.lines), shown.after) == (47, 16, 37)
    assert [line.number for line in shown.lines if not line.same] == [51]
    assert pages.comparison(results.TestResult("test_a", "", 0.0, 1.0)) is None


@pytest.mark.parametrize(
    ("counts", "lines"), [([0], [0, 1]), ([7], [0, 2, 4, 6]), ([400], [0, 100, 200, 300, 400])]
)
def test_the_charts_lines_are_at_round_numbers(counts: list[int], lines: list[int]) -> None:
    drawn = pages.chart([summary.Bin(0.0, 1.0, count) for count in counts])
    assert [count for _, count in drawn.lines] == lines
    for bar in drawn.bars:
        assert 0 <= bar.y <= pages.HEIGHT and bar.height + bar.y == pytest.approx(pages.HEIGHT)


def test_the_histogram_counts_every_value() -> None:
    bins = summary.histogram([0.0, 4.999, 5.0, 99.9, 100.0, 120.0, -3.0, 30.0, 0.1 + 0.2], 100.0)
    assert (bins[0].count, bins[1].count, bins[6].count, bins[19].count) == (4, 1, 1, 3)
    assert sum(row.count for row in summary.histogram([0.0, 0.0], 0.0)) == 2


def test_a_pass_rate_is_of_those_for_whom_it_counts() -> None:
    row = summary.TestSummary(1, "test_a", "", 1.0, False)
    assert row.share is None and pages.percent(row.share) == ""
    row.outcomes.update({results.PASSED: 199, results.FAILED: 1, results.ENVIRONMENT: 50})
    assert pages.percent(row.share) == "99 %", "100 % means all"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\x1b(B", "red x"),
        ("a\x00b\x1b", "a\u2400b\u241b"),
        ("caf\udcc3\udca9 \ud800", "caf\\xc3\\xa9 \ufffd"),
        ("evil\u202etxt", "evil\ufffdtxt"),
        ("tab\tand\r\nnewline", "tab\tand\nnewline"),
        ("\x1b]never ends\nnext", "\nnext"),
    ],
)
def test_texts_are_cleaned(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_texts_are_cut_and_say_so() -> None:
    much = "x" * 10_000_000
    assert clean(much, 10) == cut(much, 10) == "xxxxxxxxxx \u2026 (cut: 10000000 characters in all)"
    assert clean("x" * 10, 10) == cut("x" * 10, 10) == "x" * 10
    assert one_line(" a \n\n b ") == "a b"
    assert short("x" * 61) == "x" * 59 + "\u2026" and short("x" * 60) == "x" * 60


def test_folders_of_this_machine_are_left_out() -> None:
    text = "/srv/a/b.so: bad; see /usr/lib/x.so, '/home/you/lab/' and and/or/else 1/2/3 https://a/b"
    assert without_folders(text) == ".../b.so: bad; see /usr/lib/x.so, '.../' and and/or/else 1/2/3 https://a/b"


@pytest.mark.stress
def test_a_class_of_400_takes_seconds(tmp_path: Path) -> None:
    people = fakeclass.Maker(fakeclass.declared(), tmp_path).people(400)
    started = time.process_time()
    Written(tmp_path, people)
    assert time.process_time() - started < 30
