"""`make film`: a restart call by call, as a page that is looked through in a browser."""
from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from batch import artefacts
from conftest import TOP
from film import main, pictures, plan, saved, story, tracer
from film.main import film_of, make_image
from film.record import watched
from kit import accessible, built, mutants
from kit.browser import Browser, browser, chromium
from reports import pages
from reports.results import FAILED, StageResult, SubmissionResult, TestResult
from stage import filmed
from stage.case import Case
from stage.image import Image
from stage.lab import Lab

pytestmark = [
    pytest.mark.xdist_group("film"),  # what is made once is made by one worker
    pytest.mark.skipif(bool(tracer.can_trace()), reason=f"not tried here: {tracer.can_trace()}"),
]

EVIL = "a</script><script>document.title='caught'</script><img src=x onerror=alert(1)>&\u202e"


class Film:
    """A page, as a program reads it."""

    def __init__(self, path: Path) -> None:
        self.path, self.source = path, path.read_text(encoding="utf-8")
        data = re.search(r'<script type="application/json" id="film">(.*?)</script>', self.source, re.DOTALL)
        assert data is not None
        self.data: dict[str, Any] = json.loads(data[1])
        self.steps: list[dict[str, Any]] = self.data["steps"]

    def phases(self) -> list[str]:
        return [step["phase"] for step in self.steps]

    def words(self, phase: str) -> str:
        return "\n".join(step["words"] for step in self.steps if step["phase"] == phase)

    def faults(self) -> list[dict[str, Any]]:
        return [step for step in self.steps if step["fault"]]

    def rows(self, step: dict[str, Any]) -> list[list[str]]:
        return [self.data["rows"][number] for number in step["picture"]]


@pytest.fixture(name="stage", scope="module")
def stage_fixture() -> Path:
    return built.solution() / "stage3-restart"


@pytest.fixture(name="image", scope="module")
def image_fixture(stage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    built.demos()
    image = tmp_path_factory.mktemp("film") / "image"
    assert make_image(Lab(3, stage, results=False), stage, image) == ""
    return image


@pytest.fixture(name="film", scope="module")
def film_fixture(stage: Path, image: Path) -> Film:
    output = image.with_name("film.html")
    assert main.main(["--stage", "3", "--image", str(image), "--output", str(output), str(stage)]) == 0
    return Film(output)


@pytest.fixture(name="mutant", scope="module")
def mutant_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stage 3, whose restorer stays on restart's old stack, which it unmaps."""
    tree = tmp_path_factory.mktemp("mutant") / "solution"
    mutants.lay_out(mutants.Mutant.load(mutants.FOLDER / "stack-not-moved.toml"), tree)
    subprocess.run(["make", "-s", "restart"], cwd=tree / "stage3-restart", check=True, stdout=subprocess.DEVNULL)
    return tree / "stage3-restart"


@pytest.fixture(name="page", scope="module")
def page_fixture() -> Iterator[Browser]:
    if chromium() is None:
        pytest.skip("not tried here: chromium (package chromium) is missing")
    with browser() as page:
        yield page


def program(folder: Path, text: str) -> list[str]:
    """A restart of another make."""
    (folder / "restart.c").write_text(text)
    subprocess.run(["cc", "-w", "-O1", "-o", folder / "restart", folder / "restart.c"], check=True)
    return [str(folder / "restart")]


def run(command: list[str], image: Path, output: Path) -> tuple[story.Story, Film]:
    told = film_of([*command, str(image)], image, output, "a test")
    return told, Film(output)


# What a film of a good restart tells


def test_all_phases_in_order(film: Film) -> None:
    firsts = [film.phases().index(phase) for phase in story.PHASES]
    assert firsts == sorted(firsts) and film.data["phases"] == list(story.PHASES)
    assert not film.faults() and "the program is back" in film.source


def test_each_region_comes_back_by_its_own_steps(film: Film, image: Path) -> None:
    regions = [region for region in plan.plan_of(image).regions if not region.kernel]
    maps = [step for step in film.steps if step["phase"] == "maps" and step["number"] == "3.3"]
    assert len(maps) == len(regions) > 20
    reads = [step for step in film.steps if step["number"] == "3.4"]
    assert len(reads) == sum(region.data > 0 for region in regions)
    assert "[heap]'s bytes from the image" in film.words("fills")
    assert "read_all() in restorer_map.c" in {step["place"] for step in reads}


def test_words_and_steps_of_the_hand_out(film: Film) -> None:
    assert re.search(r"moves \[vdso\] from 0x\w+ to 0x\w+, into its block", film.words("clears"))
    assert re.search(r"moves \[vdso\] from 0x\w+ to 0x\w+, to where the image had it", film.words("maps"))
    assert "libc.so.6" in next(step["words"] for step in film.steps if step["number"] == "3.2" and step["gone"])
    numbers = {step["number"] for step in film.steps} - {""}
    assert numbers == {"3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7", "3.8"}
    assert "the program unmaps the block" in film.words("goes on")


def test_pictures_are_what_the_kernel_had(film: Film, image: Path) -> None:
    """At the end all regions of the image are there, and nothing of restart's."""
    last, first = film.rows(film.steps[-1]), film.rows(film.steps[0])
    assert {row[4] for row in first} == {"restart's", "the kernel's"}
    assert {row[4] for row in last} == {"the image's", "the kernel's"}
    shown = {int(row[0], 16) for row in last}
    assert {load.start for load in Image(image).loads if load.stored} <= shown
    cleared = film.rows(next(step for step in film.steps if step["gone"] and step["number"] == "3.2"))
    assert {row[4] for row in cleared} == {"restart's block", "the kernel's"}


def test_every_step_can_be_read_without_a_script(film: Film) -> None:
    for number, step in enumerate(film.steps, 1):
        assert f'<li><a href="#{number}">' in film.source and html.escape(step["words"]) in film.source
        assert not step["note"] or f'<noscript><div class="note">{html.escape(step["note"])}</div></noscript>' in film.source


def test_reads_of_one_region_are_one_step() -> None:
    rows = [pictures.Row(0, 4096, "rw-p", "[heap]", pictures.IMAGES, state) for state in ("empty so far", "4K of 8K read")]
    assert pictures.differences([rows[0]], [rows[1]], "pread64") == ({rows[1]: "read"}, [])
    assert pictures.differences([rows[0]], [], "munmap") == ({}, [rows[0]])
    assert story.some(["a", "b", "a", "c"], 2) == "a, b and 1 more"


def test_lazy_reads_nothing(stage: Path, image: Path, tmp_path: Path) -> None:
    _, film = run([str(stage / "restart"), "--lazy"], image, tmp_path / "film.html")
    assert "from the image itself (--lazy)" in film.words("maps")
    assert not film.faults() and not [step for step in film.steps if "[heap]'s bytes" in step["words"]]


@pytest.mark.sample
@pytest.mark.parametrize("name", ["stage4-openfiles", "stage5-coredump", "stage6-remote"])
def test_later_stages_and_a_large_program(name: str, tmp_path: Path) -> None:
    stage, image = built.solution() / name, tmp_path / "image"
    itself = "import os, signal; file = open('/bin/true', 'rb'); os.kill(os.getpid(), signal.SIGUSR2)"
    subprocess.run([stage / "ckpt", "-o", image, "/usr/bin/python3", "-c", itself], check=True, stdout=subprocess.DEVNULL)
    told, film = run([str(stage / "restart")], image, tmp_path / "film.html")
    assert told.good and not film.faults() and len(film.steps) > 100
    assert [step["place"] for step in film.steps if step["number"] == "4.5"] == ["place_all() in part_files.c"]
    assert len(film.source) < 400_000


def test_a_core_of_gcore_s(tmp_path: Path) -> None:
    """Much of the program is in its files only; the film knows all the same when the program is back."""
    program = subprocess.Popen([built.demos() / "counting"], stdout=subprocess.PIPE)
    core = tmp_path / f"core.{program.pid}"
    try:
        assert program.stdout is not None and program.stdout.readline() == b"1\n"
        subprocess.run(["gcore", "-o", tmp_path / "core", str(program.pid)], check=False, capture_output=True)
    finally:
        program.kill()
        program.communicate()
    if not core.exists():
        pytest.skip("not tried here: gcore makes no core")
    told, film = run([str(built.solution() / "stage5-coredump" / "restart"), "-n"], core, tmp_path / "film.html")
    assert told.good and not film.faults(), film.faults()
    assert "its own code runs again, in libc" in film.words("jumps")


# What is not finished, and what fails


def test_a_crash_is_marked_where_it_happened(mutant: Path, image: Path, page: Browser, tmp_path: Path) -> None:
    told, film = run([str(mutant / "restart")], image, tmp_path / "film.html")
    (crash,) = film.faults()
    assert crash is film.steps[-1] and crash["phase"] == "clears" and "killed by SIGSEGV" in told.outcome
    assert re.match(r"SIGSEGV at address 0x7\w+: nothing is mapped there; the instruction is at \w+, in restart's block",
                    crash["fault"])
    page.open(film.path)
    page.value("document.getElementById('fault').click()")
    assert page.value("document.querySelector('#now .fault').textContent").startswith("Here it failed: SIGSEGV at")
    assert page.value("document.querySelectorAll('#ticks i').length") == 1
    assert re.search(r"rsp 7\w+ \(nothing is mapped there\)", page.value("document.getElementById('now').textContent"))
    assert page.complaints == []


def test_a_call_that_fails_is_marked(image: Path, tmp_path: Path) -> None:
    load = next(load for load in Image(image).loads if load.stored)
    command = program(tmp_path, f"""#include <fcntl.h>
        #include <sys/mman.h>
        #include <unistd.h>
        int main(int c, char **v) {{
            int fd = open(v[1], O_RDONLY);
            void *to = mmap((void *){load.start}, {load.end - load.start}, 1, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0);
            pread(fd, to, {load.stored}, {load.offset});
            return 9; }}""")
    told, film = run(command, image, tmp_path / "film.html")
    call, end = film.faults()
    assert call["fault"] == "pread64 fails: EFAULT (Bad address)" and call["number"] == "3.4" and "= -1 EFAULT" in call["call"]
    assert end["fault"] == "exit status 9, and the program was never back" and "status 9" in told.outcome


def test_one_that_loops_is_ended(image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracer, "LIMIT", 0.3)
    computes = program(tmp_path, "int main(void) { for (;;); }")
    assert "it still runs after 0.3 seconds" in run(computes, image, tmp_path / "film.html")[0].outcome
    monkeypatch.setattr(tracer, "LIMIT", 60.0)
    monkeypatch.setattr(tracer, "MOST_CALLS", 500)
    asks = program(tmp_path, """#include <fcntl.h>
        #include <unistd.h>
        int main(int c, char **v) { int fd = open(v[1], 0); char b; for (;;) { pread(fd, &b, 1, 0); open(v[1], 0); } }""")
    assert "it made 500 system calls" in run(asks, image, tmp_path / "film.html")[0].outcome


def test_no_image_and_no_restart(stage: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad"
    bad.write_text("no image\n")
    told, film = run([str(stage / "restart")], bad, tmp_path / "film.html")
    assert "exit status 65" in told.outcome and "not an ELF file" in "".join(step["note"] for step in film.steps)
    assert main.main(["--stage", "3", "--image", str(tmp_path / "none"), str(stage)]) == main.NO_IMAGE
    assert main.main(["--stage", "2", str(stage)]) == main.USAGE
    assert "no such image" in capsys.readouterr().err


def test_nothing_goes_on_behind_a_film(image: Path, tmp_path: Path) -> None:
    """A child of the restart is ended, too."""
    command = program(tmp_path, """#include <stdio.h>
        #include <unistd.h>
        int main(void) { if (fork() == 0) for (;;) pause(); for (;;); }""")
    tracer_limit, tracer.LIMIT = tracer.LIMIT, 0.3
    try:
        run(command, image, tmp_path / "film.html")
    finally:
        tracer.LIMIT = tracer_limit
    found = subprocess.run(["pgrep", "-f", command[0]], stdout=subprocess.PIPE, text=True, check=False)
    assert found.stdout == ""


# The page in a browser


@pytest.mark.stress
def test_who_cannot_see_it_can_go_through_the_page(film: Film, page: Browser) -> None:
    """By axe-core's rules, at its first step and at one in the middle."""
    if missing := accessible.lacks():
        pytest.skip(f"not tried here: {missing}")
    assert accessible.violations(page, film.path) == []
    assert accessible.violations(page, film.path, f"#{len(film.steps) // 2}") == []


def test_slider_keys_and_buttons(film: Film, page: Browser) -> None:
    page.resize(1280)
    page.open(film.path)
    last = len(film.steps)

    def shown() -> str:
        return str(page.value("document.getElementById('count').textContent + '|' + document.getElementById('at').value"))

    def rows() -> int:
        return int(page.value("document.querySelectorAll('#rows li:not(.gap):not(.gone)').length"))

    assert shown() == f"step 1 of {last}|1" and rows() == len(film.steps[0]["picture"])
    page.press("ArrowRight")
    page.press("ArrowRight")
    page.press("ArrowLeft")
    assert shown() == f"step 2 of {last}|2"
    page.press("End")
    assert shown() == f"step {last} of {last}|{last}" and rows() == len(film.steps[-1]["picture"])
    page.press("ArrowRight")
    page.press("Home")
    assert shown().startswith("step 1 ")
    cleared = next(i for i, step in enumerate(film.steps, 1) if step["gone"] and step["number"] == "3.2")
    page.value(f"const at = document.getElementById('at'); at.value = {cleared}; at.dispatchEvent(new Event('input'))")
    assert rows() == len(film.steps[cleared - 1]["picture"])
    assert page.value("document.querySelectorAll('#rows .gone .tag').length") == len(film.steps[cleared - 1]["gone"])
    assert page.value("document.querySelector('#now .words').textContent") == film.steps[cleared - 1]["words"]
    assert page.value("document.querySelector('#phases [aria-current]').textContent") == "clears"
    page.press(" ")
    assert page.value("document.getElementById('play').textContent") == "Pause"
    page.press("ArrowLeft")
    assert page.value("document.getElementById('play').textContent") == "Play"
    page.open(film.path, "#7")
    assert shown().startswith("step 7 ") and page.complaints == []


CONTRASTS = """(() => {
  const light = text => { const part = text.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
      .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2]; };
  const behind = e => { for (; e; e = e.parentElement) { const back = getComputedStyle(e).backgroundColor;
    if (!/, 0\\)$/.test(back) && back !== "transparent") return back; } return "rgb(255, 255, 255)"; };
  return [...document.querySelectorAll("body *")].filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())
      && e.checkVisibility() && !["SCRIPT", "NOSCRIPT"].includes(e.tagName)).map(e => {
    const [a, b] = [light(getComputedStyle(e).color), light(behind(e))];
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.className + ": " + e.textContent.slice(0, 30)]; })
    .filter(([ratio]) => ratio < 4.5); })()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_telephone_in_light_and_dark(scheme: str, film: Film, page: Browser) -> None:
    page.resize(390)
    page.prefer(scheme)
    for step in film.steps:
        if step["gone"] or step["number"] == "3.4":
            page.open(film.path, f"#{film.steps.index(step) + 1}")
            break
    assert page.value("document.documentElement.scrollWidth") == 390
    assert page.value("document.getElementById('view').scrollWidth <= document.getElementById('view').clientWidth")
    red = int(re.findall(r"\d+", page.value("getComputedStyle(document.body).backgroundColor"))[0])
    assert (red > 200) == (scheme == "light")
    assert page.value(CONTRASTS) == []
    assert page.complaints == []


def test_it_can_be_read_aloud(film: Film, page: Browser) -> None:
    page.open(film.path)
    nameless = """[...document.querySelectorAll('button, input')].filter(e => !(e.getAttribute('aria-label') ||
        e.textContent.trim() || document.querySelector(`label[for=${e.id}]`))).length"""
    assert page.value(nameless) == 0
    assert page.value("document.getElementById('at').getAttribute('aria-valuetext')").startswith("step 1 of ")
    assert page.value("document.getElementById('now').getAttribute('aria-live')") == "polite"
    assert page.value("[...document.querySelectorAll('#rows .whose')].every(e => e.textContent)")


def test_what_a_restart_says_and_is_called_is_text(page: Browser, tmp_path: Path) -> None:
    folder = tmp_path / EVIL.replace("/", "-")
    folder.mkdir()
    text = json.dumps(EVIL)
    command = program(tmp_path, f"""#include <fcntl.h>
        #include <stdio.h>
        int main(int c, char **v) {{ open(v[1], O_RDONLY); fputs({text}, stderr); *(volatile int *)8 = 1; }}""")
    image = folder / "image<b>"
    image.write_text("none")
    told, film = run(command, image, tmp_path / "film.html")
    assert film.source.count("<script") == 2 and "<img" not in film.source and "\u202e" not in film.source
    said = "".join(step["note"] for step in film.steps)
    assert "<img src=x onerror=alert(1)>" in said and "killed by SIGSEGV" in told.outcome
    page.open(film.path, "#3")
    page.press("End")
    assert page.value("document.title") == "a test" and page.value("document.images.length") == 0
    assert "SIGSEGV at address 0x8: nothing is mapped there" in page.value("document.getElementById('now').textContent")
    assert page.complaints == []


# Films of failed tests


def test_the_restart_of_a_failed_test(mutant: Path, image: Path) -> None:
    """It is watched where the programs of the test run, and no folder of this machine is named in its page."""
    case = Case.fresh(Lab(3, mutant), "test_x")
    assert filmed.film(case, "test_x") == "", "nothing was restarted"
    shutil.copy(image, case.folder / "image")
    case.restart(case.folder / "image").wait()
    case.open_gate(1)
    case.close_gates()
    assert filmed.film(case, "test_x: <b>") == "film.html" and (case.kept / "gates/01").exists()
    film = Film(case.kept / "film.html")
    assert "<h1>test_x: &lt;b&gt;</h1>" in film.source and film.faults()[-1]["fault"].startswith("SIGSEGV at address")
    assert str(mutant) not in film.source and ".../restart .../image" in film.source
    case.through = ["env"]
    assert filmed.film(case, "test_x") == ""


def test_what_comes_from_a_sandbox_is_checked(image: Path, tmp_path: Path) -> None:
    command = program(tmp_path, "int main(int c, char **v) { return 3; }")
    record, planned = watched([*command, str(image)], image)
    text = saved.saved(record, planned)
    again, plan_again = saved.restored(text.encode())
    assert (again.events, again.command, plan_again) == (record.events, record.command, planned)
    table = json.loads(text)
    spoilt: list[Any] = [None, [], {}, "x", {**table, "events": [[1]]}, {**table, "events": [["mmap", [], "x", 0, 0, 0, "", ""]]},
                         {**table, "spaces": ["no map"]}, {**table, "regions": [["a"] * 8]}, {**table, "image": 7},
                         {**table, "events": [["mmap", [1 << 80] * 6, 0, 0, 0, 0, "", ""]]},
                         {**table, "events": [["mmap", [1], 0, 0, 0, 0, "", ""]]}, {**table, "command": ["x"] * 101}]
    for bad in [b"", b"\xff", b"[" * 100000, b" " * (saved.LARGEST + 1), *(json.dumps(row).encode() for row in spoilt)]:
        with pytest.raises(saved.BadRecord):
            saved.restored(bad)
    table["events"] = [["signal", [99, 0, 0], 0, 0, 0, 0, EVIL, EVIL], ["openat", [0] * 6, 0, 0, 0, 0, str(image), ""],
                       ["\x00<b>", [5] * 6, -5, 1, 1, 0, "", ""], ["killed", [], 99, 0, 0, 0, "", ""]]
    assert "killed by signal 99" in story.Story(*saved.restored(json.dumps(table).encode())).outcome


def test_pages_link_films(tmp_path: Path) -> None:
    """The staff's where it lies; the author's is a copy, of tests that are not hidden; no other file takes its place."""
    shown, hidden = (TestResult(name, name, 0, 1, outcome=FAILED, film="film.html", visibility=seen)
                     for name, seen in (("test_a", "visible"), ("test_b", "hidden")))
    stages = [StageResult(3, "stage3-restart", tests=[hidden, shown])]
    kept = tmp_path / "job/kept/stage3/test_a"
    for folder, words in ((kept, "ckptlab make film: ours"), (tmp_path / "job/c3/test_a", "theirs")):
        folder.mkdir(parents=True)
        (folder / "film.html").write_text(words)
    artefacts.keep(stages[0], tmp_path / "job", tmp_path / "out", "ann")
    assert shown.film == "film.html" and hidden.film == ""
    hidden.film = "film.html"
    (tmp_path / "out/artefacts/ann/stage3/test_b").mkdir(parents=True)
    (tmp_path / "out/artefacts/ann/stage3/test_b/film.html").symlink_to("/etc/passwd")
    old = tmp_path / "out/films/bob-3.html"
    old.parent.mkdir()
    old.write_text("<meta name=generator content='ckptlab make film'>")
    pages.write_pages([SubmissionResult("ann", "Ann", stages=stages)], tmp_path / "out")
    assert '"../artefacts/ann/stage3/test_a/film.html">its restart' in (tmp_path / "out/students/ann.html").read_text()
    assert '"../films/ann-3.html">its restart' in (tmp_path / "out/feedback/ann.html").read_text()
    assert [path.name for path in old.parent.iterdir()] == ["ann-3.html"]
    assert (old.parent / "ann-3.html").read_text() == "ckptlab make film: ours"
    for folder in ("students", "feedback"):
        assert (tmp_path / "out" / folder / "ann.html").read_text().count("its restart, call by call") == 1


# The target


def test_make_film_of_a_demo(mutant: Path) -> None:
    """As a student calls it: an image of the demo is made, and the page lies in build/."""
    (mutant.parent.parent / "grader").symlink_to(TOP / "grader")
    done = subprocess.run(["make", "-s", "film"], cwd=mutant, text=True, check=False, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    page = mutant / "build/film.html"
    assert done.stdout.endswith(f"film: see {page}\n") and "killed by SIGSEGV" in done.stdout and done.returncode == 0
    assert len(Film(page).faults()) == 1
