"""Objects of which a submission's are known already: compiled once, not for each submission, nor for each of its stages.

Two thirds of what a stage compiles is the kit's own. Where a source is the kit's, and all headers that it includes and
the rules are, its object would be the same as from the kit's skeleton; so it is put there, newer than its source, and
make has nothing to do for it. It is the object of the same text, made by the same rules.

And each stage compiles the sources of those before it. What a submission's own source became in an earlier stage is put
into a later one, if the kit's rules have the same command there, and no header there can be in its way. (Only the name
that gdb knows the source by is then the earlier stage's.)
"""

from __future__ import annotations

import glob
import json
import os
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Optional

from stage import common_objects
from stage.common_objects import included
from stage.config import TOP, Interface
from stage.lab import make_reference, run_make

RULES = {".mk", ".ld"}  # with the Makefiles: what all objects depend on
BUILD_AGE = 60.0  # seconds that sources are older than objects
COMMANDS = "commands.json"  # the kit's: by the stage's number and the object's name
LARGEST = 16 << 20  # bytes of an object
SYSTEMS = ("/usr/include", "/usr/include/*-linux-*", "/usr/local/include", "/usr/lib*/gcc/*/*/include")  # of headers
ASKS_WHAT_IS_THERE = b"__has_include"  # what a source that says this was made from, no list of headers tells


def build(interface: Interface, folder: Path) -> None:
    """Compile the skeletons of all stages in `folder`, as make would in a submission; first of all, the solution's objects
    are put there, where a skeleton has its text."""
    for stage in interface.stages.values():
        ignore = shutil.ignore_patterns("build", *stage.programs)
        shutil.copytree(TOP / stage.folder, folder / stage.folder, ignore=ignore, symlinks=True)
    solution = TOP / "solution"
    if all((solution / stage.folder / "Makefile").exists() for stage in interface.stages.values()):
        for stage in interface.stages.values():
            make_reference(interface, solution / stage.folder)
        lay_objects(Trees(interface, solution, folder))
    for stage in interface.stages.values():
        common_objects.share(folder / stage.folder)
        run_make(interface, folder / stage.folder, keep_flags=False)
    table = {number: common_objects.commands(folder / stage.folder, (), "-B") for number, stage in interface.stages.items()}
    (folder / COMMANDS).write_text(json.dumps(table))


def is_rule(name: str) -> bool:
    return os.path.splitext(name)[1] in RULES or name == "Makefile"


class Trees:
    """The kit's stages, and those of a submission: which files of them are alike. Each is read once."""

    def __init__(self, interface: Interface, ours: Path, theirs: Path) -> None:
        self.folders = {number: stage.folder for number, stage in interface.stages.items()}
        self.ours, self.theirs = ours, theirs
        # Who has come to stage 3 has handed in no rules of those behind it, which are in no rule of stage 3.
        last = max((number for number, folder in self.folders.items() if (theirs / folder).is_dir()), default=0)
        self.folders = {number: folder for number, folder in self.folders.items() if number <= last}
        self.kits = {number: files_of(ours / folder) for number, folder in self.folders.items()}
        self.handed = {number: files_of(theirs / folder) for number, folder in self.folders.items()}
        self._same: dict[str, bool] = {}
        self.rules_are_ours = self._rules_are_ours()
        self.asks_what_is_there = self._asks_what_is_there()

    def same(self, name: str) -> bool:
        """A file, by its path in both."""
        if name not in self._same:
            first, second = content(self.ours / name), content(self.theirs / name)
            self._same[name] = first is not None and first == second
        return self._same[name]

    def new_headers(self, number: int) -> set[str]:
        """That the kit does not have in that stage."""
        return {name for name in self.handed[number] - self.kits[number] if name.endswith(".h")}

    def _rules_are_ours(self) -> bool:
        """Whether the rules are the kit's, and no header hides one of the kit's in another stage's folder."""
        kits = {name for names in self.kits.values() for name in names}
        for number, folder in self.folders.items():
            rules = filter(is_rule, self.kits[number] | self.handed[number])
            if self.new_headers(number) & kits or not all(self.same(f"{folder}/{name}") for name in rules):
                return False
        return True

    def _asks_what_is_there(self) -> bool:
        """Whether a file does that is not the kit's."""
        named = [f"{folder}/{name}" for number, folder in self.folders.items() for name in self.handed[number]]
        own = (name for name in named if name.endswith((".c", ".h", ".S")) and not self.same(name))
        return any(ASKS_WHAT_IS_THERE in (content(self.theirs / name) or b"") for name in own)

    def source(self, names: dict[int, set[str]], stage: int, made: str) -> Optional[str]:
        """Where make finds an object's source (vpath in common.mk): in the stage, then in those before it, the last first."""
        for name in (made[:-2] + ".c", made[:-2] + ".S"):
            for number in sorted(self.folders, reverse=True):
                if number <= stage and name in names[number]:
                    return f"{self.folders[number]}/{name}"
        return None

    def is_unchanged(self, stage: int, made: str) -> bool:
        mine, theirs = self.source(self.kits, stage, made), self.source(self.handed, stage, made)
        return mine is not None and mine == theirs and self.same(mine)


def files_of(folder: Path) -> set[str]:
    try:
        return {entry.name for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)}
    except FileNotFoundError:
        return set()


def content(path: Path) -> Optional[bytes]:
    """Of a plain file; a link is none."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            return file.read() if stat.S_ISREG(status.st_mode) and status.st_size <= LARGEST else None
    except OSError:
        return None


def all_below(folder: str) -> Iterator[str]:
    for where, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield f"{where}/{name}"


def lay_objects(trees: Trees) -> int:
    """Put the objects of unchanged files into the build folders of the submission; how many they were."""
    old = time.time() - BUILD_AGE
    for path in all_below(str(trees.theirs)):
        os.utime(path, (old, old), follow_symlinks=False)
    return sum(_lay_stage(trees, number) for number in trees.folders) if trees.rules_are_ours else 0


def _lay_stage(trees: Trees, number: int) -> int:
    folder = trees.folders[number]
    mine, target = trees.ours / folder / "build", trees.theirs / folder / "build"
    target.mkdir(exist_ok=True)
    shutil.copyfile(mine / "flags", target / "flags")
    old = time.time() - BUILD_AGE
    os.utime(target / "flags", (old, old))
    count = 0
    for name in sorted(files_of(mine)):
        if not name.endswith(".o") or not trees.is_unchanged(number, name):
            continue
        depends = content(mine / (name[:-2] + ".d"))
        parts = included(depends.decode()) if depends is not None else []
        if all(trees.same(os.path.normpath(f"{folder}/{part}")) for part in parts if not part.startswith("/")):
            shutil.copyfile(mine / name, target / name)
            count += 1
            if depends is not None:
                (target / (name[:-2] + ".d")).write_bytes(depends)
    return count


# A submission's own objects


def lay_own(trees: Trees, number: int, built: Sequence[int], uid: Optional[int] = None) -> int:
    """Put what the stages `built` of a submission have compiled into the build folder of this one, as files of user `uid`;
    how many objects. Nothing of the submission runs meanwhile."""
    if not trees.rules_are_ours or trees.asks_what_is_there:
        return 0
    table = json.loads((trees.ours / COMMANDS).read_text())
    count = 0
    for earlier in sorted(built, reverse=True):  # the last has most
        between = [stage for stage in trees.folders if earlier < stage <= number]
        new = {name for stage in between for name in trees.new_headers(stage)}
        if between and not any(map(is_systems, new)):
            count += _lay_from(trees, table, earlier, number, new, uid)
    return count


def is_systems(header: str) -> bool:
    """Whether the system has one of that name, which lists of what an object was made from leave out (-MMD)."""
    return any(glob.glob(f"{folder}/{header}") for folder in SYSTEMS)


def _lay_from(trees: Trees, table: dict[str, dict[str, list[str]]], earlier: int, number: int, new: set[str],
              uid: Optional[int]) -> int:
    """But for those that were made from a header that is another one there: of the `new` ones."""
    first, second = (trees.theirs / trees.folders[stage] for stage in (earlier, number))
    made, count = files_of(first / "build"), 0
    wanted = {name for name, words in table[str(number)].items() if is_alike(words, table[str(earlier)].get(name))}
    for name in sorted(wanted & made - files_of(second / "build")):
        found, sources = name[:-2] + ".d", [trees.source(trees.handed, stage, name) for stage in (earlier, number)]
        parts = (content(first / "build" / name), content(first / "build" / found))
        if None in parts or sources[0] is None or sources[0] != sources[1]:
            continue
        depends = (parts[1] or b"").decode(errors="surrogateescape")
        if new & {os.path.basename(part) for part in included(depends)}:
            continue
        depends = common_objects.seen_from(second, first, depends)
        _put(second / "build" / found, depends.encode(errors="surrogateescape"), uid)
        _put(second / "build" / name, parts[0] or b"", uid)
        count += 1
    return count


def is_alike(words: list[str], others: Optional[list[str]]) -> bool:
    """The same command, but for how the source is called: the last but one of the words."""
    return others is not None and words[:-2] == others[:-2] and words[-1] == others[-1]


def _put(path: Path, data: bytes, uid: Optional[int]) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644), "wb") as file:
        file.write(data)
        if uid is not None:
            os.fchown(file.fileno(), uid, uid)
