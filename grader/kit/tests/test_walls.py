"""The walls around a job (sandbox/walls.py): a file system and a control group of its own, or the reason why not."""
from __future__ import annotations

import errno
import mmap
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import cgroup, own_files, system_v, usage
from sandbox.spec import BUBBLEWRAP, MIB, Limits, Spec
from sandbox.watch import Watch
from stage import process_table
from stage.config import GRADER
from stage.process import children_of, wait_until

LIMITS = "Limits(memory=64 << 20, disk=8 << 20, files=100)"

JOB = f"""
import os, sys
from pathlib import Path
from sandbox import walls
from sandbox.spec import Limits
job = Path(sys.argv[1])
with walls.around(job, {LIMITS}) as held:
    print(held.own_files, held.unwalled, flush=True)
    if not held.own_files:
        sys.exit()
    outcome = []
    hidden = open(job / "gone", "wb", 0)
    os.unlink(job / "gone")
    try:
        while True:
            hidden.write(bytes(1 << 20))
    except OSError as error:
        outcome.append(error.errno)
    (job / "kept" / "note").write_bytes(bytes(1 << 20))
    hidden.close()
    try:
        for number in range(5000):
            (job / str(number)).touch()
    except OSError as error:
        outcome.append(error.errno)
    print(*outcome, number, flush=True)
print(sorted(path.name for path in job.iterdir()))
"""


@pytest.fixture(name="place")
def place_fixture() -> Iterator[Path]:
    """Where other users can go, too."""
    folder = Path(tempfile.mkdtemp(prefix="ckptlab-walls-", dir="/tmp"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def job(place: Path, *through: str) -> list[str]:
    shutil.copytree(GRADER / "sandbox", place / "code/sandbox", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(GRADER / "stage", place / "code/stage", ignore=shutil.ignore_patterns("__pycache__"))
    (place / "j").mkdir()
    (place / "j").chmod(0o777)
    done = subprocess.run([*through, sys.executable, "-c", JOB, place / "j/0"], capture_output=True, text=True, check=False,
                          env={"PYTHONPATH": str(place / "code"), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("user", ["this", "another"])
def test_a_job_s_file_system_ends_where_its_limits_are(place: Path, user: str) -> None:
    """What has no name counts; the grader's notes have room; nothing is left, and nobody else sees it."""
    if user == "another" and os.geteuid() != 0:
        pytest.skip("only root can be another user")
    lines = job(place, *(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if user == "another" else []))
    if not lines[0].startswith("True"):
        pytest.skip(f"no file system of its own here: {lines[0]}")
    disk, files, made = map(int, lines[1].split())
    assert (disk, files) == (errno.ENOSPC, errno.ENOSPC)
    assert 100 <= made < 100 + own_files.SPARE_FILES
    assert lines[2] == "['kept']"
    assert (place / "j/0/kept/note").stat().st_size == 1 << 20
    assert str(place) not in Path("/proc/self/mountinfo").read_text()


def test_more_than_half_of_the_free_memory_is_not_taken() -> None:
    own_files.check_room(Limits(disk=MIB))
    with pytest.raises(own_files.NoFileSystem, match="of memory are free"):
        own_files.check_room(Limits(disk=1 << 50))


# Control groups: on a folder that looks like their file system


@pytest.fixture(name="groups")
def groups_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    top = tmp_path / "groups"
    top.mkdir()
    monkeypatch.setattr(cgroup, "hierarchy", lambda: top)
    monkeypatch.setattr(cgroup, "parents", lambda where: [where / "closed", where])
    monkeypatch.setattr(cgroup, "REMOVAL", 0.05)
    return top


def with_controllers(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Path.mkdir

    def mkdir(self: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        plain(self, mode, parents, exist_ok)
        for name in ("memory.max", "memory.swap.max", "pids.max", "cgroup.procs"):
            (self / name).touch()

    monkeypatch.setattr(Path, "mkdir", mkdir)


def test_a_group_gets_the_limits_and_the_processes(groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_controllers(monkeypatch)
    with cgroup.of_its_own("lab", Limits(memory=10, processes=5), 7) as (group, why):
        assert (group, why) == (str(groups / "lab"), "")
        values = {name: (groups / "lab" / name).read_text().strip() for name in ("memory.max", "memory.swap.max", "pids.max")}
        assert values == {"memory.max": "17", "memory.swap.max": "0", "pids.max": str(5 + cgroup.OWN_PROCESSES)}
        said = subprocess.run(cgroup.command(group, ["echo", "a b", "$c"]), capture_output=True, text=True, check=True).stdout
        assert said == "a b $c\n"
        assert (groups / "lab" / "cgroup.procs").read_text() == "0\n"
        assert cgroup.killed(group) == 0
        (groups / "lab" / "memory.events").write_text("oom 4\noom_kill 3\noom_group_kill 0\n")
        assert cgroup.killed(group) == 3


def test_without_controllers_there_is_none_and_a_reason(groups: Path) -> None:
    with cgroup.of_its_own("lab", Limits(), 0) as (group, why):
        assert group == "" and "it has no memory.max" in why and "closed: No such file" in why
    assert list(groups.iterdir()) == []


def test_this_machine_s_answer_is_one_of_the_two() -> None:
    limits = Limits(memory=64 * MIB)
    with cgroup.of_its_own(f"ckptlab-test-{os.getpid()}", limits, 0) as (group, why):
        assert bool(group) != bool(why)
        if group:
            hog = ["python3", "-c", "x = bytearray(200 << 20); print(len(x))"]
            done = subprocess.run(cgroup.command(group, hog), capture_output=True, check=False)
            assert done.returncode != 0 and cgroup.killed(group) > 0
    assert not group or not Path(group).exists()


def test_a_result_says_what_holds() -> None:
    spec = Spec(BUBBLEWRAP, None, "", "", "", "", own_files=True, unwalled="memory (no cgroups)")
    assert spec.walls() == "; limits: files on a file system of their own; only looked at, ten times a second: memory (no cgroups)"
    assert Spec(BUBBLEWRAP, None, "", "", "", "").walls() == ""


# What is looked at


def test_what_has_no_name_is_counted(tmp_path: Path) -> None:
    (tmp_path / "named").write_bytes(bytes(3 << 20))
    os.symlink("named", tmp_path / "link")
    named = usage.of_folder(tmp_path)
    assert 3 << 20 <= named.size < 4 << 20 and named.files == 2
    with open(tmp_path / "gone", "wb") as gone:
        gone.write(bytes(2 << 20))
        gone.flush()
        os.unlink(tmp_path / "gone")
        memory = os.memfd_create("test")
        os.write(memory, bytes(5 << 20))
        here, elsewhere = usage.unnamed([os.getpid()], tmp_path)
        os.close(memory)
    assert 2 << 20 <= here < 3 << 20
    assert elsewhere >= 5 << 20
    assert usage.unnamed([os.getpid()], tmp_path)[0] == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may follow a mapping to its file")
def test_what_is_mapped_and_open_no_more_is_counted(tmp_path: Path) -> None:
    before = usage.unnamed([os.getpid()], tmp_path)[1]
    memory = os.memfd_create("named (deleted) as if it were not\n")
    os.write(memory, bytes(5 << 20))
    with mmap.mmap(memory, 5 << 20):
        os.close(memory)
        assert usage.unnamed([os.getpid()], tmp_path)[1] >= before + (5 << 20)


class FakeProcesses(dict[int, int]):
    """Who is whose child; and which were asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, parents: dict[int, int]) -> None:
        super().__init__(parents)
        self.asked: set[int] = set()
        monkeypatch.setattr(process_table, "pids", lambda: sorted(self))
        monkeypatch.setattr(process_table, "stat_of", self._stat)

    def _stat(self, pid: int) -> list[bytes]:
        self.asked.add(pid)
        if self[pid] < 0:
            raise ProcessLookupError
        return [b"S", str(self[pid]).encode(), *[b"1"] * 30]


def test_only_what_a_room_started_is_looked_at_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two shells of somebody, and a room (30) in which a program (31) starts another."""
    there = FakeProcesses(monkeypatch, {1: 0, 10: 1, 11: 10, 30: 1, 31: 30})
    table = process_table.Table()
    assert process_table.descendants(table.look({30}), {30}) == {31} and there.asked == {1, 10, 11, 30, 31}
    there.asked.clear()
    there[32], there[12] = 31, 10
    assert process_table.descendants(table.look({30}), {30}) == {31, 32} and there.asked == {12, 30, 31, 32}


def test_who_lost_a_parent_between_two_lines_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    there = FakeProcesses(monkeypatch, {1: 0, 30: 1, 31: -1, 40: 31})  # 31 is in the list, and gone when it is asked
    table = process_table.Table()
    table.look({30})
    there.update({40: 30, 41: 40})
    assert process_table.descendants(table.look({30}), {30}) == {40, 41}


def test_a_pid_that_somebody_else_had_is_seen_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    there = FakeProcesses(monkeypatch, {1: 0, 10: 1, 30: 1, 31: 30})
    table = process_table.Table()
    table.look({30})
    there[10] = 31  # between two looks
    seen = [process_table.descendants(table.look({30}), {30}) for _ in range(table.ALL_EVERY)]
    assert seen[-1] == {10, 31}
    there[10] = 1
    table.look({30})
    there[10], there[50] = 50, 1
    assert process_table.descendants(table.look({30, 50}), {30, 50}) == {10, 31}, "a room that is new is looked for everywhere"


def test_folders_that_hide_others_are_not_counted_for_ever(tmp_path: Path) -> None:
    here = os.getcwd()
    try:
        os.chdir(tmp_path)
        for _ in range(usage.DEEPEST + 2):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(here)
    with pytest.raises(usage.Uncountable):
        usage.of_folder(tmp_path)


class Started:
    """As sandbox/child.py's, as far as it is watched."""

    returncode = None

    def __init__(self, pid: int) -> None:
        self.room = self.pid = pid


def test_who_cannot_be_watched_goes_no_further(tmp_path: Path) -> None:
    """The files of its job are gone: that is said, it is ended, and the thread goes on."""
    process = subprocess.Popen(["sh", "-c", "sleep 1000 & wait"], start_new_session=True)  # a room
    watch = Watch(Spec(BUBBLEWRAP, None, "", str(tmp_path / "gone"), "", ""))
    try:
        watch.add(Started(process.pid), [])  # type: ignore[arg-type]
        watch.start()
        assert wait_until(lambda: bool(watch.breach))
        assert watch.breach.startswith("files: ") and wait_until(lambda: not children_of(process.pid)) and watch.is_alive()
    finally:
        watch.stop()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_no_lock_can_be_taken_by_who_does_not_own_it(tmp_path: Path) -> None:
    from stage.programs import open_lock

    (tmp_path / "lock").touch(0o644)
    open_lock(tmp_path / "lock").close()
    assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600


SEGMENT = """
import ctypes, os
os.setuid(61999)
libc = ctypes.CDLL(None)
print(libc.shmget(0, 4096, 0o1600), libc.semget(0, 1, 0o1600), libc.msgget(0, 0o1600))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has users to give to submissions")
def test_what_system_v_keeps_of_a_user_is_removed() -> None:
    made = subprocess.run([sys.executable, "-c", SEGMENT], capture_output=True, text=True, check=True).stdout.split()
    there = [system_v.owned(kind, 61999) for kind in ("shm", "sem", "msg")]
    assert [len(numbers) for numbers in there] == [1, 1, 1] and [str(numbers[0]) for numbers in there] == made
    system_v.remove_all(61999)
    assert [system_v.owned(kind, 61999) for kind in ("shm", "sem", "msg")] == [[], [], []]
