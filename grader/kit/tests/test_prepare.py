"""The tree that is graded: the student's sources, the kit's Makefiles, and nothing that came built."""
from __future__ import annotations

import dataclasses
import gzip
import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Optional

import pytest

from batch import makevars
from batch.intake import Submission, look
from batch.notes import Notes
from batch.prepare import Prepared, prepare
from batch.stages import Kit
from batch.unpack import Limits, Refused
from stage import config
from stage import handin

KIT = Kit.load()
ONE, TWO, THREE = (KIT.stages[number].folder for number in (1, 2, 3))

Contents = dict[str, bytes]  # what is handed in, by name


def tar(files: Contents) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue())


class Class:
    """A class of one student, whose hand-ins are prepared."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.count = 0

    def prepare(self, *contents: Contents, kit: Optional[Kit] = None) -> Prepared:
        """Hands in the archives in this order."""
        self.count += 1
        paths = []
        for number, files in enumerate(contents):
            paths.append(self.top / f"{self.count}-{number}.tar.gz")
            paths[-1].write_bytes(tar(files))
        return self.of_paths(*paths, kit=kit)

    def of_paths(self, *paths: Path, kit: Optional[Kit] = None) -> Prepared:
        submission = Submission("ann", "Ann", "1", paths, "x", notes=("from intake",))
        prepared = prepare(submission, self.tree, kit=kit or KIT)
        assert prepared.notes[0] == "from intake"
        assert prepared.tree == self.tree
        assert list(self.tree.parent.iterdir()) == [self.tree], "no scratch is left"
        return dataclasses.replace(prepared, notes=prepared.notes[1:])

    @property
    def tree(self) -> Path:
        return self.top / f"work{self.count}" / "tree"

    def refuses(self, files: Contents, words: str) -> None:
        with pytest.raises(Refused) as refusal:
            self.prepare(files)
        assert words in str(refusal.value)
        assert not list(self.tree.parent.iterdir())


@pytest.fixture(name="klass")
def class_fixture(tmp_path: Path) -> Class:
    return Class(tmp_path)


def skeleton(stage: int) -> Contents:
    return {f"{KIT.stages[stage].folder}/{name}": path.read_bytes() for name, path in KIT.files[stage].items()}


def tree_of(prepared: Prepared) -> Contents:
    return {str(path.relative_to(prepared.tree)): path.read_bytes()
            for path in prepared.tree.rglob("*") if path.is_file()}


MAPS = f"{ONE}/maps.c"
CODE = b"/* mine */\n"


# The kit's files and the student's


def test_the_kit_knows_its_files() -> None:
    assert {"Makefile", "common.mk", "maps.c", "maps.h", "sys.h"} <= set(KIT.files[1])
    assert {"restorer.ld", "walkthrough", "ckpt_gdb.py"} <= set(KIT.files[3])
    assert not [name for files in KIT.files.values() for name in files if name.startswith("build/")]
    assert not [name for stage in KIT.stages.values() for name in stage.programs if name in KIT.files[stage.number]]


def test_one_source_is_enough(klass: Class) -> None:
    prepared = klass.prepare({MAPS: CODE})
    assert tree_of(prepared) == {**skeleton(1), MAPS: CODE}
    assert prepared.stages == {1: prepared.tree / ONE}
    assert prepared.notes == [f"{ONE}/region_plan.c: not handed in: the skeleton's was used"]


def test_everything_handed_in_needs_no_note(klass: Class) -> None:
    prepared = klass.prepare({**skeleton(1), **skeleton(2), **skeleton(3)})
    assert tree_of(prepared) == {**skeleton(1), **skeleton(2), **skeleton(3)}
    assert prepared.notes == []
    assert list(prepared.stages) == [1, 2, 3]


@pytest.mark.parametrize("name", [f"{ONE}/Makefile", f"{ONE}/common.mk", f"{THREE}/restorer.ld",
                                  f"{THREE}/walkthrough", f"{THREE}/ckpt_gdb.py", f"{THREE}/moments.gdb"])
def test_what_is_the_kit_s(klass: Class, name: str) -> None:
    prepared = klass.prepare({**skeleton(1), **skeleton(2), **skeleton(3), name: b"all:; touch /tmp/evil\n"})
    assert tree_of(prepared)[name] == skeleton(int(name[5]))[name]
    assert prepared.notes == [f"{name}: differs from the kit's: the kit's was used"]


@pytest.mark.parametrize("name", ["GNUmakefile", "makefile", "build/flags", "build/maps.d", "extra.mk", "ld.conf",
                                  "readmaps.sh", "notes.txt", ".gdbinit", "sub/Makefile"])
def test_no_other_file_can_change_the_build(klass: Class, name: str) -> None:
    prepared = klass.prepare({**skeleton(1), f"{ONE}/{name}": b"all:; touch /tmp/evil\n"})
    assert tree_of(prepared) == skeleton(1)


def test_given_headers_and_sources_may_be_changed(klass: Class) -> None:
    names = [f"{ONE}/maps.h", f"{ONE}/text.c", f"{THREE}/switch_stack_x86_64.S"]
    everything = {**skeleton(1), **skeleton(2), **skeleton(3), **{name: CODE for name in names}}
    prepared = klass.prepare(everything)
    assert tree_of(prepared) == everything
    assert prepared.notes == []


def test_binaries_are_thrown_away(klass: Class) -> None:
    elf = b"\x7fELF\2\1\1\0"
    came = {"readmaps": elf, "maps.o": elf, "libx.a": b"!<arch>\n", "myckpt": b"\0", "a.c": b"\0",
            "maps.c": "int ü;".encode("utf-16")}
    prepared = klass.prepare({**skeleton(1), **{f"{ONE}/{name}": data for name, data in came.items()}})
    assert tree_of(prepared) == skeleton(1)
    binaries = ["a.c", "libx.a", "maps.c", "maps.o", "myckpt", "readmaps"]
    assert prepared.notes == [*(f"{ONE}/{name}: not text: thrown away" for name in binaries),
                              f"{MAPS}: not handed in: the skeleton's was used"]


def test_many_binaries_do_not_flood_the_notes(klass: Class) -> None:
    prepared = klass.prepare({**skeleton(1), **{f"{ONE}/{i}.o": b"\x7fELF\0" for i in range(200)}})
    assert len(prepared.notes) == 11
    assert prepared.notes[-1] == f"{ONE}: 190 more that are not text: thrown away"


def test_other_files_are_told_in_one_line(klass: Class) -> None:
    prepared = klass.prepare({**skeleton(1), **{f"{ONE}/{name}": b"x" for name in "abcdefg"}})
    assert prepared.notes == [f"{ONE}: left out, no sources: a, b, c, d, e and 2 more"]


@pytest.mark.parametrize("name", ["a b.c", "$(shell id).c", "-o.c", "a;b.c", "a:b.c", "a%.c", "sub dir/a.c",
                                  "maps.c/x.h", "Makefile/x.c", "a'.c"])
def test_names_that_make_would_stumble_over(klass: Class, name: str) -> None:
    files = {file: data for file, data in skeleton(1).items() if not name.startswith(f"{Path(file).name}/")}
    prepared = klass.prepare({**files, f"{ONE}/{name}": CODE})
    assert tree_of(prepared) == skeleton(1)
    assert f"{ONE}/{name}: left out: no name for a source" in prepared.notes


def test_new_sources(klass: Class) -> None:
    prepared = klass.prepare({**skeleton(1), f"{ONE}/lonely.c": CODE, f"{ONE}/used.c": CODE, f"{ONE}/new.h": CODE,
                              f"{ONE}/sub/table.c": CODE, f"{ONE}/fast.S": CODE,
                              MAPS: b'#include "new.h"\n#include "used.c"\n # include "sub/table.c"\n'})
    new = {"lonely.c", "used.c", "new.h", "sub/table.c", "fast.S"}
    assert {f"{ONE}/{name}" for name in new} <= set(tree_of(prepared))
    why = "in no rule of the kit's Makefile, and in no #include: #include it, or put its code into a given file"
    assert prepared.notes == [f"{ONE}/fast.S: {why}", f"{ONE}/lonely.c: {why}"]


def test_a_source_of_an_earlier_stage_in_a_later_one_is_built(klass: Class) -> None:
    """By vpath it takes the place of the earlier stage's."""
    prepared = klass.prepare({**skeleton(1), **skeleton(2), f"{TWO}/maps.c": CODE})
    assert tree_of(prepared)[f"{TWO}/maps.c"] == CODE
    assert prepared.notes == []


# Where the stages are


def test_earlier_stages_that_are_missing(klass: Class) -> None:
    prepared = klass.prepare(skeleton(2))
    assert tree_of(prepared) == {**skeleton(1), **skeleton(2)}
    assert prepared.stages == {2: prepared.tree / TWO}
    assert prepared.notes == [f"{ONE}: not handed in: the skeleton is in its place"]


@pytest.mark.parametrize("wrap", ["ckptlab/{}", "./{}", "a/b/c/{}", "Homework 3 (final)/{}"])
def test_folders_around_the_stages(klass: Class, wrap: str) -> None:
    prepared = klass.prepare({wrap.format(name): data for name, data in skeleton(1).items()})
    assert tree_of(prepared) == skeleton(1)
    assert prepared.notes == []


@pytest.mark.parametrize("name", ["stage1", "Stage1-readmaps", "stage_1", "stage1-readmaps-final",
                                  "stage 1 (copy)"])
def test_folders_that_are_called_nearly_like_a_stage(klass: Class, name: str) -> None:
    prepared = klass.prepare({f"x/{name}/maps.c": CODE})
    assert tree_of(prepared)[MAPS] == CODE


def test_the_uppermost_counts(klass: Class) -> None:
    prepared = klass.prepare({f"a/old/{MAPS}": b"old", f"z/{MAPS}": CODE, f"{THREE}x/empty.o": b"\0",
                              "z/stage1-readmaps-backup/maps.c": b"backup"})
    assert tree_of(prepared)[MAPS] == CODE
    assert f"z/stage1-readmaps-backup: not taken: z/{ONE} is stage 1" in prepared.notes
    assert f"a/old/{ONE}: not taken: z/{ONE} is stage 1" in prepared.notes
    assert list(prepared.stages) == [1]


def test_a_stage_inside_of_another(klass: Class) -> None:
    prepared = klass.prepare({**{f"{TWO}/{name}": data for name, data in skeleton(1).items()}, **skeleton(2)})
    assert tree_of(prepared) == {**skeleton(1), **skeleton(2)}
    assert prepared.notes == []


def test_a_folder_of_another_name_is_recognised(klass: Class) -> None:
    files = {name.replace(ONE, "my-readmaps"): data for name, data in skeleton(1).items()}
    prepared = klass.prepare({**files, "my-readmaps/maps.c": CODE, "my-readmaps/Makefile": b"evil:\n",
                              "my-readmaps/new.h": CODE})
    assert tree_of(prepared) == {**skeleton(1), MAPS: CODE, f"{ONE}/new.h": CODE}
    assert prepared.notes == [f"{ONE}/Makefile: differs from the kit's: the kit's was used"]


def test_sources_without_a_folder(klass: Class) -> None:
    prepared = klass.prepare({"maps.c": CODE, "region_plan.c": CODE})
    assert tree_of(prepared) == {**skeleton(1), MAPS: CODE, f"{ONE}/region_plan.c": CODE}


def test_all_stages_in_one_folder(klass: Class) -> None:
    files: Contents = {}
    for stage in (1, 2, 3):
        files.update({Path(name).name: data for name, data in skeleton(stage).items()})
    prepared = klass.prepare({**files, "maps.c": CODE, "place.c": CODE, "new.h": CODE})
    assert tree_of(prepared) == {**skeleton(1), **skeleton(2), **skeleton(3), MAPS: CODE,
                                 f"{THREE}/place.c": CODE, f"{THREE}/new.h": CODE}
    assert list(prepared.stages) == [1, 2, 3]
    assert "parts.c, restart.c: of which stage cannot be told: the skeleton's was used" in prepared.notes


def test_the_whole_hand_out(klass: Class) -> None:
    """Somebody packs all that they were given, with what was built."""
    top = config.TOP
    files = {**skeleton(1), "Makefile": b"all:\n", "000-README": b"x", f"{ONE}/build/maps.o": b"\x7fELF\0",
             "reference/common.mk": b"x", "reference/restorer.ld": b"x", ".git/config": b"x"}
    for path in [*top.glob("grader/tests/programs/*.c"), *top.glob("grader/tests/programs/*.h"), *top.glob("BACKGROUND/*.c")]:
        files[str(path.relative_to(top))] = path.read_bytes()
    prepared = klass.prepare({f"ckptlab/{name}": data for name, data in files.items()})
    assert tree_of(prepared) == skeleton(1)
    assert prepared.notes == [".git: left out (1)", "build: left out (1)"]


def test_nothing_to_grade(klass: Class) -> None:
    klass.refuses({"report.pdf": b"x", "lab/essay.txt": b"x"},
                  f"no stage in it ({', '.join(stage.folder for stage in KIT.stages.values())}); it holds lab, report")
    klass.refuses({f"{ONE}/readmaps": b"\x7fELF\0"}, f"{ONE}: there is no source file in it; programs and object files are not used")
    klass.refuses({}, "no file")
    klass.refuses({"../x": b"x"}, "`..`")


# Several archives


def test_stages_in_archives_of_their_own(klass: Class) -> None:
    """As `make handin` packs them: each with the earlier stages, as they were then."""
    prepared = klass.prepare({**skeleton(1), MAPS: b"first"}, {**skeleton(1), MAPS: b"later", **skeleton(2)})
    assert tree_of(prepared) == {**skeleton(1), **skeleton(2), MAPS: b"later"}
    assert list(prepared.stages) == [1, 2]


def test_an_archive_with_changes_only_is_laid_over_the_other(klass: Class) -> None:
    prepared = klass.prepare({**skeleton(1), MAPS: CODE}, {f"{ONE}/maps.h": CODE})
    assert tree_of(prepared) == {**skeleton(1), MAPS: CODE, f"{ONE}/maps.h": CODE}


def test_archives_in_an_archive(klass: Class) -> None:
    inner = tar({**skeleton(1), MAPS: CODE})
    prepared = klass.prepare({"hw/ckptlab-handin-stage1.tar.gz": inner,
                              "hw/ckptlab-handin-stage2.tar.gz": tar(skeleton(2)), "hw/report.pdf": b"x"})
    assert tree_of(prepared) == {**skeleton(1), **skeleton(2), MAPS: CODE}
    klass.refuses({"a.tar.gz": tar({"b.tar.gz": inner})}, "no stage in it")
    klass.refuses({"a.tar.gz": tar({"../b": inner})}, "`..`")


def test_single_files_of_a_platform(klass: Class, tmp_path: Path) -> None:
    folder = tmp_path / "canvas"
    folder.mkdir()
    for name, data in {"maps.c": CODE, "region_plan.c": CODE, "report.pdf": b"\0"}.items():
        (folder / f"doejane_67_{len(name)}_{name}").write_bytes(data)
    submission, = look(folder).submissions
    prepared = klass.of_paths(*submission.paths)
    assert tree_of(prepared) == {**skeleton(1), MAPS: CODE, f"{ONE}/region_plan.c": CODE}


def test_a_folder(klass: Class, tmp_path: Path) -> None:
    source = tmp_path / "folder" / ONE
    source.mkdir(parents=True)
    (source / "maps.c").write_bytes(CODE)
    (source / "sys.h").symlink_to("maps.c")
    assert tree_of(klass.of_paths(source.parent)) == {**skeleton(1), MAPS: CODE, f"{ONE}/sys.h": CODE}
    (source / "text.h").symlink_to("/etc/passwd")
    klass.count += 1
    with pytest.raises(Refused, match="leads out"):
        klass.of_paths(source.parent)
    assert not list(klass.tree.parent.iterdir())


# Digests, times, variables


def test_the_digest_is_of_the_sources(klass: Class) -> None:
    one = klass.prepare(skeleton(1))
    backwards = dict(reversed(skeleton(1).items()))
    same = klass.prepare({f"x/{name}": data for name, data in backwards.items()})
    junk = {f"{ONE}/readmaps": b"\x7fELF\0", f"{ONE}/Makefile": b"x", "notes": b"x"}
    with_junk = klass.prepare({**skeleton(1), **junk})
    assert one.digest == same.digest == with_junk.digest and len(one.digest) == 64
    others = [klass.prepare({**skeleton(1), MAPS: CODE}), klass.prepare(skeleton(2)),
              klass.prepare({**skeleton(1), f"{ONE}/new.h": b""}),
              klass.prepare({**skeleton(1), "HANDIN.txt": b"make variables: CC=clang\n"})]
    assert len({one.digest, *(other.digest for other in others)}) == 5


def test_times_and_modes(klass: Class) -> None:
    before = os.umask(0o077)
    try:
        prepared = klass.prepare(skeleton(3))
    finally:
        os.umask(before)
    paths = list(prepared.tree.rglob("*"))
    assert len({path.stat().st_mtime for path in paths}) == 1
    assert {path.stat().st_mode & 0o7777 for path in paths if path.is_dir()} == {0o755}
    assert {path.name for path in paths if path.is_file() and path.stat().st_mode & 0o7777 == 0o755} == {
        "picture", "walkthrough"}
    assert {path.stat().st_mode & 0o7777 for path in paths if path.is_file()} == {0o755, 0o644}


def test_a_tree_that_exists_is_left_alone(klass: Class, tmp_path: Path) -> None:
    klass.count = 1
    klass.tree.mkdir(parents=True)
    (klass.tree / "mine").write_text("x")
    klass.count = 0
    with pytest.raises(FileExistsError):
        klass.prepare(skeleton(1))
    assert (klass.tree / "mine").exists()


@pytest.mark.parametrize("line, variables, notes", [
    ("none", [], 0), ("", [], 0), ("REFERENCE=1", ["REFERENCE=1"], 0),
    ("CC=clang REFERENCE=1", ["CC=clang", "REFERENCE=1"], 0),
    ("CFLAGS=-O0\\ -g3\\ -Wall\\ -std=gnu11", ["CFLAGS=-O0 -g3 -Wall -std=gnu11"], 0),
    ("CFLAGS=-O1 -g -Wno-unused", ["CFLAGS=-O1 -g -Wno-unused"], 0),
    ("CFLAGS=-O1\\", ["CFLAGS=-O1"], 0),
    ("CFLAGS=-O1\\ -fplugin=evil.so\\ -g", ["CFLAGS=-O1 -g"], 1),
    ("CFLAGS=-Wl,-rpath,/x", [], 1), ("CFLAGS=-B/tmp", [], 1), ("CFLAGS=`id`", [], 1),
    ("CFLAGS=$(shell\\ id)", [], 1),
    ("CC=/tmp/evil", [], 1), ("CC=gcc;id", [], 1), ("CC=", [], 1), ("REFERENCE=2", [], 1),
    ("SHELL=/tmp/evil PROGRAMS=x V=1", [], 3), ("-f evil.mk", [], 2), ("CC=gcc CC=clang", ["CC=clang"], 0),
])
def test_make_variables(tmp_path: Path, line: str, variables: list[str], notes: int) -> None:
    (tmp_path / "HANDIN.txt").write_text(f"ckptlab hand-in\nmake variables: {line}\nstage 1: 3 of 20 points\n")
    told = Notes()
    assert makevars.words(makevars.wanted(tmp_path, told)) == variables
    assert len(told.lines()) == notes


@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"\xff\xfe", b"make variables:\n", b"make variables"])
def test_a_note_that_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "HANDIN.txt").write_bytes(data)
    assert makevars.wanted(tmp_path, Notes()) == {}


def test_variables_in_a_folder_around(klass: Class) -> None:
    prepared = klass.prepare({f"x/{MAPS}": CODE, "x/HANDIN.txt": b"make variables: REFERENCE=1 AR=x\n"})
    assert prepared.variables == ["REFERENCE=1"]
    assert "HANDIN.txt: make variable not used: AR=x" in prepared.notes


# Other courses' programs


def test_a_stage_of_which_the_kit_has_nothing(klass: Class) -> None:
    """All text is the student's, the Makefile too."""
    stage = config.Stage(3, "homework", ["ckpt"], 100, Path("none"), "")
    kit = Kit({3: stage}, {3: {}}, ["*.c", "*.h", "*.S"], ["Makefile"])
    files = {"Makefile": b"all:\n", "ckpt.c": CODE, "readme.txt": b"x", "sub/a.c": CODE, "ckpt": b"\x7fELF\0"}
    for wrap in ("", "hw2/", "homework/"):
        prepared = klass.prepare({wrap + name: data for name, data in files.items()}, kit=kit)
        assert tree_of(prepared) == {f"homework/{name}": data for name, data in files.items() if name != "ckpt"}
        assert prepared.stages == {3: prepared.tree / "homework"}
        assert prepared.notes == ["homework/ckpt: not text: thrown away"]


# What `make handin` packs


@pytest.mark.parametrize("stages", [[1], pytest.param([1, 2, 3], marks=pytest.mark.stress)])
def test_what_make_handin_packs_can_be_built(klass: Class, tmp_path: Path, stages: list[int],
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAKEFLAGS", raising=False)  # of the make that runs the tests
    top = Path(os.environ.get("CKPTLAB_SOLUTION", config.TOP / "solution"))
    if not top.exists():
        pytest.skip("the solution is not here")
    work = tmp_path / "lab"
    for stage in stages:
        name = KIT.stages[stage].folder
        shutil.copytree(top / name, work / name, ignore=shutil.ignore_patterns("build", "__pycache__"))
    (work / "grader").symlink_to(config.GRADER)
    (work / ONE / "readmaps").write_bytes(b"\x7fELF\0")
    archive = tmp_path / "ckptlab-handin.tar.gz"
    handin.make_archive(archive, handin.stage_folders(work), {})
    prepared = klass.of_paths(archive)
    assert list(prepared.stages) == stages
    assert prepared.notes == [] and prepared.variables == []
    for stage, folder in prepared.stages.items():
        done = subprocess.run(["make", "-s", "-C", str(folder)], text=True, timeout=120, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, done.stdout
        assert "warning" not in done.stdout
        assert all((folder / program).exists() for program in KIT.stages[stage].programs)


def test_limits_are_kept(klass: Class, tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(tar({MAPS: b"x" * (2 << 20)}))
    with pytest.raises(Refused, match="more than 1 MiB"):
        prepare(Submission("a", "a", "", (archive,), "a"), tmp_path / "work/tree", Limits(mebibytes=1), KIT)
