"""Other courses' programs: submissions that know nothing of this kit have full marks under their profile, and
mistakes lose what they should, with the right cause; a profile that is wrong is refused in words."""
from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from classic import case as classic
from classic import evidence as classic_evidence
from classic import outside
from conftest import need
from kit import mutants
from kit.mutants import Grading, Mutant
from stage import maps, schema
from stage.config import GRADER, LAB, TOP, PROFILES, BadProfile, find_profile, load_interface, load_toml
from stage.diagnosis import find_cause, load_causes
from stage.lab import Lab
from stage.process import Life
from stage.programs import RECIPES, recipe

NAMES = sorted(path.stem for path in PROFILES.glob("*.toml"))
CHEAP = ("no-vdso",)  # of the mutants: one for each kind of evidence
FEW = ("test_checkpoint", "test_after_the_checkpoint", "test_counter", "test_aslr_on", "test_exit_status",
       "test_tls", "test_clock", "test_stale_image")


def grade(profile: str, folder: Path, only: Sequence[str] = (), patience: float = 6, extra: Sequence[str] = ()) -> Grading:
    return mutants.grade(1, folder, only, patience=patience, profile=profile, extra=extra)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path is short: tmp_path would be longer than filename[100]."""
    with tempfile.TemporaryDirectory(prefix="ck") as name:
        yield Path(name)


def is_stress(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--stress"))


def full_marks(got: Grading, tests: int) -> None:
    assert got.status == 0, got.output
    assert len(got.tests("passed") + got.tests("environment")) == tests, got.output
    assert got.table["points"] == got.table["maximum"]


# Full marks


def test_the_reference_of_the_classic_profile_has_full_marks(short: Path) -> None:
    got = grade("classic", mutants.copy_reference("classic", short / "s"), patience=20)
    full_marks(got, len(mutants.declared_tests(1, "classic")))


def test_the_reference_of_the_static_profile_has_full_marks(short: Path, request: pytest.FixtureRequest) -> None:
    profile, only = "classic-static", [] if is_stress(request) else FEW
    got = grade(profile, mutants.copy_reference(profile, short / "s"), only, patience=20)
    full_marks(got, len(only or mutants.declared_tests(1, profile)))


def test_the_solution_of_this_lab_has_full_marks_there_too(short: Path, request: pytest.FixtureRequest) -> None:
    """It is one more submission: its image is a core file, and nobody here knows that."""
    mutants.copy_solution(short)
    only = [] if is_stress(request) else FEW
    got = grade("classic", short / "stage3-restart", only, patience=20)
    full_marks(got, len(only or mutants.declared_tests(1, "classic")))


@pytest.mark.parametrize("profile", NAMES)
def test_points_add_up(profile: str) -> None:
    rows = mutants.declared_tests(1, profile)
    assert sum(row["points"] for row in rows.values()) == load_interface(find_profile(profile)).stages[1].points
    seen: set[str] = set()
    for name, row in rows.items():
        assert set(row["needs"]) <= seen and bool(row["needs"]) == bool(seen), name
        seen.add(name)


@pytest.mark.parametrize("profile", NAMES)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_references_build_without_a_warning(profile: str, compiler: str, short: Path) -> None:
    need(compiler)
    folder = mutants.copy_reference(profile, short / "s")
    command = ["make", "-C", str(folder), f"CC={compiler}", "CFLAGS=-O1 -Wall -Wextra -Werror"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# Other manners


def profile_with(folder: Path, *changes: tuple[str, str]) -> str:
    """The classic profile, changed."""
    text = (PROFILES / "classic.toml").read_text()
    for find, put in changes:
        assert text.count(find) == 1, find
        text = text.replace(find, put)
    (folder / "mine.toml").write_text(text)
    return str(folder / "mine.toml")


def submission_with(folder: Path, *changes: tuple[str, str, str]) -> Path:
    """The classic reference, changed."""
    target = mutants.copy_reference("classic", folder / "s")
    for name, find, put in changes:
        text = (target / name).read_text()
        assert text.count(find) == 1, find
        (target / name).write_text(text.replace(find, put))
    return target


PID_NAME = """    char name[] = "ckpt.00000000.img";
    for (long pid = getpid(), i = 12; pid > 0; pid /= 10)
        name[i--] = (char)('0' + pid % 10);
    int fd = open(name,"""


def test_no_ckpt_and_images_with_a_pid_in_their_names(short: Path) -> None:
    profile = profile_with(short, ('"myckpt"', '"ckpt.*.img"'))
    folder = submission_with(short, ("libckpt.c", '    int fd = open("myckpt",', PID_NAME),
                             ("Makefile", "all: ckpt libckpt.so", "all: libckpt.so"))
    full_marks(grade(profile, folder, ["test_counter", "test_stale_image"], patience=20), 2)
    assert not (folder / "ckpt").exists() and len(list(folder.glob("build/check/test_stale_image/ckpt.*.img"))) == 2


FOLDER = (("libckpt.c", '    int fd = open("myckpt",', '    mkdir("myckpt", 0700);\n    int fd = open("myckpt/memory",'),
          ("libckpt.c", "#include <string.h>\n", "#include <string.h>\n#include <sys/stat.h>\n"),
          ("libckpt.c", "    close(fd);\n}\n\nstatic void __attribute__((constructor))",
           '    close(fd);\n    close(open("myckpt/done", O_WRONLY | O_CREAT | O_TRUNC, 0600));\n}\n\n'
           "static void __attribute__((constructor))"),
          ("restart.c", "    image = open(name, O_RDONLY);\n",
           "    chdir(name);\n    image = open(\"memory\", O_RDONLY);\n    chdir(\"..\");\n"))


def test_an_image_that_is_a_folder_of_files(short: Path) -> None:
    """It comes back, is compared, kept, put back and removed as a file is."""
    folder = submission_with(short, *FOLDER)
    only = ["test_checkpoint", "test_counter", "test_aslr_on", "test_only_once", "test_stale_image", "test_elsewhere", "test_again"]
    full_marks(grade("classic", folder, only, patience=20), len(only))
    submission = folder / "restart.c"
    submission.write_text(submission.read_text().replace("    raw(SYS_arch_prctl, ARCH_SET_FS, (long)header.tls, 0, 0, 0);\n", ""))
    got = grade("classic", folder, ["test_tls"])
    assert got.first_cause() == "classic-tls", got.output


def test_a_library_that_is_linked_static(short: Path) -> None:
    """All of libc is in the program under test, too: no interpreter, no other library."""
    folder = mutants.copy_reference("classic-static", short / "s")
    text = (PROFILES / "classic-static.toml").read_text()
    (short / "mine.toml").write_text(text.replace('libraries = [', 'libraries = ["-static", '))
    full_marks(grade(str(short / "mine.toml"), folder, ["test_counter", "test_tls"], patience=20), 2)
    program = folder / "build/check/test_counter/program"
    assert "INTERP" not in subprocess.run(["readelf", "-lW", program], capture_output=True, text=True, check=True).stdout


def test_a_restart_that_takes_no_operand(short: Path) -> None:
    refuse = 'argc > 1 ? (exit(64), "") : "myckpt"'
    folder = submission_with(short, ("restart.c", 'argc > 1 ? argv[1] : "myckpt"', refuse))
    full_marks(grade("classic", folder, ["test_counter"], patience=20), 1)


CHILD = """    if (fork() > 0) {
        int status = 0;
        wait(&status);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
    }
    execvp("""


NOISE = """    (void)number;
    static const char noise[] = "in the handler: ";
    if (write(1, noise, sizeof noise - 1) < 0)
        return;"""


START = "    find_kernel_parts();\n    getcontext"
LOUD = START.replace("    get", '    puts("restarting"), fflush(stdout);\n    get')


def test_ckpt_may_start_a_child_and_all_may_print(short: Path) -> None:
    include = ("ckpt.c", "#include <unistd.h>", "#include <unistd.h>\n#include <sys/wait.h>")
    folder = submission_with(short, include, ("ckpt.c", "    execvp(", CHILD), ("restart.c", START, LOUD),
                             ("libckpt.c", "    (void)number;", NOISE))
    only = ["test_after_the_checkpoint", "test_counter"]
    full_marks(grade("classic", folder, only, patience=20), 2)


ODD_MAKEFILE = """help:
\t@echo make all
all: ckpt libckpt.so myrestart
\tkill -11 $$$$
ckpt: ckpt.c
\tgcc -o $@ $<
libckpt.so: libckpt.c image.h
\tgcc -fPIC -shared -o $@ $<
myrestart: restart.c image.h
\tgcc -static -fno-stack-protector -Wl,-Ttext-segment=0x50000000 -o $@ $<
"""


def test_whatever_way_a_course_built_it(short: Path) -> None:
    """make tells its targets; `all` runs a demo, which crashes; other names of restart, image, signal and struct."""
    folder = submission_with(short, ("libckpt.c", "static ucontext_t context;", "static struct ucontext context;"),
                             ("libckpt.c", 'open("myckpt"', 'open("image.ckpt"'), ("libckpt.c", "sigaction(SIGUSR2", "sigaction(SIGUSR1"))
    (folder / "Makefile").write_text(ODD_MAKEFILE)
    profile = profile_with(short, ('signal = "SIGUSR2"', 'signal = ["SIGUSR2", "SIGUSR1"]'),
                           ('image = "myckpt"', 'image = ["myckpt", "*.ckpt"]'))
    got = grade(profile, folder, ["test_counter"], patience=20)
    full_marks(got, 1)
    assert "the build failed, but the programs are there" in got.output


def test_programs_under_other_names_are_said(short: Path) -> None:
    folder = submission_with(short, ("Makefile", "all: ckpt libckpt.so restart", "all: ckpt libckpt.so resume"),
                             ("Makefile", "\nrestart: restart.c", "\nresume: restart.c"))
    got = grade("classic", folder, ["test_counter"])
    assert "made no restart or myrestart" in got.output, got.output
    assert "under other names? these are there: ckpt, libckpt.so, resume" in got.output


def test_a_library_that_cannot_be_linked_is_said_to_be_one(short: Path) -> None:
    folder = mutants.copy_reference("classic-static", short / "s")
    with (folder / "libckpt.c").open("a") as file:
        file.write("\nint main(void)\n{\n\treturn 0;\n}\n")
    got = grade("classic-static", folder, ["test_checkpoint"])
    assert got.first_cause() == "classic-not-linked" and "multiple definition" in got.output, got.output


def test_a_library_that_is_a_linker_script_is_not_linked(short: Path) -> None:
    """It could bring any file that the grader may read into the program under test."""
    (short / "secret").write_text("secret")
    folder = short / "s"
    folder.mkdir()
    make = f"all:\n\techo 'TARGET(binary) INPUT({short}/secret)' >libckpt.a\n\tcp /bin/true myrestart\n"
    (folder / "Makefile").write_text(make)
    got = grade("classic-static", folder, ["test_checkpoint"])
    assert got.first_cause() == "classic-not-linked" and "no archive" in got.output, got.output
    assert not (folder / "build/check/programs/bare").exists()


def test_what_the_machine_does_not_allow_is_not_lost(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setarch that is refused, as by Docker's seccomp profile."""
    (short / "bin").mkdir()
    (short / "bin/setarch").write_text("#!/bin/sh\necho 'setarch: Operation not permitted' >&2\nexit 1\n")
    (short / "bin/setarch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{short}/bin:{os.environ['PATH']}")
    folder = mutants.copy_reference("classic", short / "s")
    got = grade("classic", folder, ["test_aslr_off", "test_counter"], patience=20)
    full_marks(got, 2)
    assert got.tests("environment") == ["test_aslr_off"] and "not tested: ASLR cannot" in got.output


def test_what_the_reference_fails_too_is_the_environment(short: Path) -> None:
    """A machine on which the reference, here a broken one, has no vdso: the student's failure costs nothing."""
    good = mutants.reference("classic")
    broken = mutants.Mutant.load(mutants.CLASSIC / "no-vdso.toml")
    broken.apply(mutants.copy_reference("classic", short / "s"))
    profile = profile_with(short, (f'"{good.relative_to(TOP)}"', f'"{short}/s"'))
    shutil.copytree(short / "s", short / "student")
    only = ["test_clock", "test_counter"]
    got = grade(profile, short / "student", only, extra=["--reference-first"])
    full_marks(got, 2)
    assert got.tests("environment") == ["test_clock"], got.output
    assert "grader environment: on this machine the reference itself fails: test_clock" in got.output


def test_a_submission_that_does_nothing_has_no_points(short: Path) -> None:
    folder = short / "s"
    folder.mkdir()
    make = "all:\n\ttouch libckpt.so\n\tprintf '#!/bin/sh\\n' >restart; chmod +x restart\n"
    (folder / "Makefile").write_text(make)
    got = grade("classic", folder, patience=2)
    assert got.status == 1 and got.table["points"] == 0 and got.first_cause() == "classic-no-handler", got.output
    assert "000-README" not in got.output, "another course has no 000-README"
    assert "BACKGROUND demo" in got.output


def test_the_case_can_be_repeated(short: Path) -> None:
    folder = submission_with(short, ("libckpt.c", "((constructor))", "((unused))"))
    grade("classic", folder, ["test_checkpoint"])
    script = (folder / "build/check/test_checkpoint/repro.sh").read_text()
    assert "--profile" in script and "LD_PRELOAD" not in script and "./ckpt ./program" in script and "programs/bare program" in script


def test_all_tests_run_in_paths_of_the_same_length() -> None:
    """A path that does not fit somewhere must not make tests fail by the length of their names."""
    names = [*mutants.declared_tests(1, "classic"), "way", "test_elsewhere-elsewhere"]
    places = {classic.place_of(name) for name in names}
    assert len(places) == len(names) and {len(place) for place in places} == {6}


LATIN1 = """    printf("B\\374cher\\n"), fflush(stdout), fprintf(stderr, "caf\\xe9\\n");
    *(volatile char *)8 = 0;
"""


def test_what_is_not_utf_8_does_not_end_the_grader(short: Path) -> None:
    """Neither on its output, nor on standard error, nor in gdb's words, in a file's name, or in what make says."""
    folder = submission_with(short, ("restart.c", START, LATIN1 + START), ("Makefile", "all: ", "all: odd "))
    with (folder / "Makefile").open("ab") as file:
        file.write(b"odd:\n\t@echo 'caf\xe9'\n")
    got = grade("classic", folder, ["test_checkpoint", "test_counter"], extra=["--junit", str(short / "junit.xml"), "-v"])
    assert got.status == 1 and got.tests("failed") == ["test_counter"], got.output
    row = next(row for row in got.table["tests"] if row["test"] == "test_counter")
    assert row["got"] == ["B\\xfccher"] and "restart says: caf\\xe9" in row["symptoms"], row
    assert b"\xe9" in (folder / "build/check/test_counter/restart.err").read_bytes()


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    """Neither for what is copied to where the submission runs, nor for an image that the grader changes."""
    folder, secret = tmp_path / "s", tmp_path / "secret"
    folder.mkdir()
    secret.write_text("secret")
    secret.chmod(0o755)
    (folder / "out").symlink_to(secret)
    (folder / "restart").write_text("#!/bin/sh\n")
    (folder / "restart").chmod(0o755)
    lab = Lab(1, folder, interface=load_interface(find_profile("classic")))
    case = classic.ClassicCase.make(lab, "test_x", classic.Way(True, "", ("./restart", "{image}")))
    assert (case.folder / "restart").exists() and not (case.folder / "out").exists()
    (case.folder / "myckpt").symlink_to(secret)
    assert case.images() == {}
    outside.replace_file(case.folder / "myckpt", b"other")
    assert secret.read_text() == "secret" and outside.read_file(case.folder / "myckpt") == b"other"


# Mutants


def by_name(mutant: Mutant) -> str:
    return mutant.name


def cases() -> list[object]:
    """A few in check, each of them in stress."""
    return [pytest.param(m, id=m.name, marks=[] if m.name in CHEAP else [pytest.mark.stress])
            for m in mutants.all_mutants(mutants.CLASSIC)]


@pytest.mark.parametrize("mutant", cases())
def test_mutant(mutant: Mutant, short: Path, request: pytest.FixtureRequest) -> None:
    problems = mutants.judge(mutant, short / "s", is_stress(request))
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("mutant", mutants.all_mutants(mutants.CLASSIC), ids=by_name)
def test_mutant_names_what_exists(mutant: Mutant, short: Path) -> None:
    profile = mutant.profile
    assert mutant.cause in {cause.id for cause in load_causes()} and list(mutant.loses) == [1] and mutant.edits
    assert {*mutant.loses[1], *mutant.may_lose} <= set(mutants.declared_tests(1, profile))
    mutant.apply(mutants.copy_reference(profile, short / "s"))


# Evidence

OLD = maps.parse("""\
400000-401000 r-xp 00000000 00:00 7 /x/prog
7000000-7003000 rw-p 00000000 00:00 0
7ff000-7ff100 r-xp 00000000 00:00 0 [vdso]
""".replace("7ff000-7ff100", "7ff00000-7ff01000"))


@pytest.mark.parametrize(("text", "symptoms"), [
    ("400000-401000 rwxp 0 00:00 0\n7000000-7002000 rw-p 0 00:00 0\n7002000-7003000 rwxp 0 00:00 0\n"
     "7ff00000-7ff01000 r-xp 0 00:00 0 [vdso]\n", []),
    ("400000-401000 r--p 0 00:00 0\n7000000-7003000 rw-p 0 00:00 0\n8ff00000-8ff01000 r-xp 0 00:00 0 [vdso]\n"
     "50000000-50001000 r-xp 0 00:00 9 /x/restart\n",
     ["maps: other permissions: prog", "maps: moved: [vdso]", "maps: restart's own memory is still there"]),
    ("7000000-7001000 rw-p 0 00:00 0\n",
     ["maps: not restored: prog", "maps: other permissions: anonymous", "maps: lost: [vdso]"]),
])
def test_maps_are_compared(text: str, symptoms: list[str]) -> None:
    assert classic_evidence.compare_maps(OLD, maps.parse(text)) == symptoms


def test_a_trace_tells_what_failed(tmp_path: Path) -> None:
    trace = tmp_path / "strace.txt"
    trace.write_text('11 execve("./restart", ...) = 0\n11 open("a") = 3\n11 mmap(0x1, 2) = -1 ENOMEM (No memory)\n'
                     "11 --- SIGSEGV {si_addr=0x8} ---\n")
    assert classic_evidence.tell_trace(trace) == [
        "strace says: mmap(0x1, 2) = -1 ENOMEM (No memory)", "strace says: --- SIGSEGV {si_addr=0x8} ---"]


def test_a_kit_cause_is_never_given_for_another_course() -> None:
    causes = load_causes()
    for row in mutants.declared_tests(1, "classic"):
        for symptom in ("restart: signal SIGSEGV", "output: nothing", "checkpoint: no image", "restart: hangs"):
            cause = find_cause([f"test: {row}", symptom, "profile: mine"], causes)
            assert cause is not None and cause.id.startswith("classic-") and not cause.step


# Profiles


def test_the_labs_own_interface_is_as_ever() -> None:
    lab = load_interface()
    assert not lab.is_profile and lab.steps and lab.signal == 12 and sorted(lab.stages) == [1, 2, 3, 4, 5, 6]
    assert not schema.problems(load_toml(LAB))


@pytest.mark.parametrize(("find", "put", "words"), [
    ("[restart]", "[restrat]", ["unknown key 'restrat'", "the table [restart] is missing"]),
    ('signal = "SIGUSR2"', 'signal = "SIGUSER2"', ["[launch] 'signal' must be a signal", "SIGUSER2"]),
    ('signal = "SIGUSR2"', "", ["[launch] 'signal' is missing"]),
    ('after = "goes on"', 'after = "stops"', ["'after' must be goes on, exits, either", "stops"]),
    ('process = "either"', "proces = 1", ["unknown key 'proces'; there are: command, instead, signal"]),
    ('["./restart", "{image}"]', '"./restart"', ["[restart] 'command' must be a list of words"]),
    ('command = ["./restart", "{image}"]', 'command = ["./restart", "{imag}"]', ["unknown name {imag}"]),
    ('image = "myckpt"', 'image = "/tmp/myckpt"', ["'image' must be a file name or pattern"]),
    ("[stage.1]", "[stage.one]", ["[stage.one]: the stage must be a number"]),
    ("points = 60", "points = true", ["[stage.1] 'points' must be a number"]),
    ("[build]", "[build", ["line "]),
])
def test_a_wrong_profile_is_refused_in_words(find: str, put: str, words: list[str], tmp_path: Path) -> None:
    text = (PROFILES / "classic.toml").read_text()
    assert find in text
    (tmp_path / "wrong.toml").write_text(text.replace(find, put, 1))
    with pytest.raises(BadProfile) as error:
        load_interface(tmp_path / "wrong.toml")
    for word in words:
        assert word in str(error.value)


def test_a_profile_that_is_not_there(tmp_path: Path) -> None:
    got = grade("clasic", tmp_path)
    assert got.status == 64 and "nor a profile of the grader's (classic, classic-static)" in got.output


def test_a_course_may_bring_its_own_tests(tmp_path: Path) -> None:
    profile = profile_with(tmp_path, ('tests = "classic_test.py"', 'tests = "my_test.py"'))
    shutil.copy(GRADER / "classic/profiles/classic_test.py", tmp_path / "my_test.py")
    assert load_interface(Path(profile)).stages[1].tests == tmp_path / "my_test.py"


def test_any_program_can_be_built_not_position_independent() -> None:
    assert "-no-pie" in recipe("memory-no-pie").flags and recipe("memory-no-pie").source == "memory.c"
    assert recipe("counter-no-pie") == RECIPES["counter-no-pie"]


def test_lines_of_the_program_are_found_among_others() -> None:
    class Printed(Life):
        def __init__(self, text: str) -> None:
            self.all = text

        def text(self) -> str:
            return self.all

    nonces = "nonces" + " 00000000000000aa" * 5
    line = "step 000001 #00000000000000bb"
    printed = Printed(f"hello\nready: {nonces}\nrestarting... {line}\nbye\n")
    assert classic.said(printed, [line]) == [nonces, line]
