"""The room of a case: its programs see each other, and nobody else; nothing is left of it, and nobody ends it but the grader."""
from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch import users
from sandbox import probe, tiers
from sandbox.child import Child
from sandbox.runner import SandboxRunner
from sandbox.spec import BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, OWN_UID, Spec
from stage.config import GRADER
from stage.process import wait_until
from stage.process_table import processes

pytestmark = pytest.mark.sample(3)  # of each the tier of the day

LIMIT = 20.0
ALL = ("h", "g")  # the reference's programs in these tests


class Cases:
    """A runner, and folders for its cases."""

    def __init__(self, spec: Spec) -> None:
        self.spec, self.job = spec, Path(spec.job)
        self.runner = SandboxRunner(spec)

    def begin(self, name: str) -> Path:
        folder = self.job / name
        folder.mkdir(exist_ok=True)
        if self.spec.uid is not None:
            os.chown(folder, self.spec.uid, self.spec.uid)
        self.runner.begin_case(folder)
        return folder

    def start(self, folder: Path, script: str, *used: Path) -> Child:
        words = ["sh", "-c", script, "sh", *map(str, used)]
        process = self.runner.start(words, folder, {}, folder / ".out", folder / ".err", [*used, self.reference / "library"], [folder])
        assert isinstance(process, Child)
        return process

    def says(self, folder: Path, script: str, *used: Path) -> str:
        child = self.start(folder, script, *used)
        ended = wait_until(lambda: child.poll() is not None, LIMIT)
        child.kill()
        assert ended, script
        return (folder / ".out").read_text() + (folder / ".err").read_text()

    @property
    def reference(self) -> Path:
        return Path(self.spec.reference)


@pytest.fixture(name="keeper", scope="module")
def keeper_fixture() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ckptlab-room-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        subprocess.run(["cc", "-O1", GRADER / "sandbox/keeper.c", "-o", folder / "keeper"], check=True)
        yield folder / "keeper"


@pytest.fixture(name="cases", params=[BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, OWN_UID])
def cases_fixture(request: pytest.FixtureRequest, keeper: Path) -> Iterator[Cases]:
    """In each tier that works here."""
    as_root, tier = os.geteuid() == 0, str(request.param)
    if tier != BUBBLEWRAP and not as_root:
        pytest.skip(f"{tier}: only root has this tier")
    with contextlib.ExitStack() as stack:
        uid = stack.enter_context(users.one_of_its_own()) if as_root else None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=keeper.parent)))
        folder.chmod(0o711)
        reference = folder / "reference"
        reference.mkdir(mode=0o755)
        for name in (*ALL, "library"):
            (reference / name).write_text(f"secret {name}\n")
        spec = Spec(tier, uid, str(keeper), str(folder), "", str(reference))
        reason = probe.why_not(spec)
        if reason:
            pytest.skip(f"{tier}: {reason}")
        cases = Cases(spec)
        yield cases
        for case in list(cases.runner.rooms):
            cases.runner.end_case(case)
        cases.runner.watch.stop()


def test_a_case_is_one_machine_and_each_case_another(cases: Cases) -> None:
    """A program finds the other by its pid and what it has left in shared memory; the next case finds neither."""
    name, first, second = f"ckptlab-{os.getpid()}", cases.begin("first"), cases.begin("second")
    life = cases.start(first, f"echo here >/dev/shm/{name}; echo $$; exec sleep 100")
    assert wait_until(lambda: (first / ".out").read_text().endswith("\n"), LIMIT)
    pid = (first / ".out").read_text().strip()
    look = f"cat /dev/shm/{name}; tr '\\0' ' ' </proc/{pid}/cmdline"
    (first / ".out").rename(first / ".life")
    assert cases.says(first, look) == "here\nsleep 100 "
    if tiers.has_namespaces(cases.spec):
        said = cases.says(second, look)
        assert "here" not in said and "sleep" not in said
    assert pid not in cases.says(second, "echo $$").split()  # who believes by its number that it is the first life is wrong
    life.kill()
    assert pid not in cases.says(first, "echo $$").split()
    assert cases.says(first, f"cat /dev/shm/{name}") == "here\n"
    cases.runner.end_case(second)
    cases.runner.end_case(first)
    assert "here" not in cases.says(cases.begin("first"), f"cat /dev/shm/{name}")


GHOST = "(trap '' TERM HUP; setsid sh -c 'exec sleep 12345' & ) ; "


def ghosts() -> list[int]:
    def words(pid: int) -> bytes:
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes()
        return b""
    return [pid for pid in processes() if words(pid) == b"sleep\0" b"12345\0"]


def test_nothing_of_a_program_outlives_it_nor_of_a_case(cases: Cases) -> None:
    folder = cases.begin("case")
    child = cases.start(folder, GHOST + "until [ -e go ]; do sleep 0.01; done")
    assert wait_until(lambda: bool(ghosts()), LIMIT)
    with cases.runner.student():
        (folder / "go").touch()
    assert wait_until(lambda: child.poll() is not None, LIMIT) and child.left_something and not ghosts()
    cases.start(folder, GHOST + "exec sleep 100")
    assert wait_until(lambda: bool(ghosts()), LIMIT)
    cases.runner.end_case(folder)
    assert not ghosts()


def test_nobody_in_a_room_ends_it_or_holds_it(cases: Cases) -> None:
    """Neither the keeper nor the supervisor can be stopped; who kills his supervisor ends his own room, and no other."""
    if not tiers.has_namespaces(cases.spec):
        pytest.skip("the keeper's pid is not 1 there, and root's")
    other, folder = cases.begin("other"), cases.begin("case")
    beside = cases.start(other, "exec sleep 100")
    since = time.monotonic()
    assert "on\n" in cases.says(folder, "kill -STOP 1 $PPID; kill -9 1; kill -TERM 1; echo on")
    assert time.monotonic() - since < LIMIT / 2
    child = cases.start(folder, "kill -9 -1; exec sleep 100")
    if cases.spec.tier == BUBBLEWRAP:
        assert wait_until(lambda: child.poll() is not None, LIMIT) and child.keeper_was_killed
        assert cases.runner.symptoms(child)[0].startswith("sandbox: killed")
    child.kill()
    assert cases.says(folder, "echo again") == "again\n" and beside.poll() is None


@pytest.mark.parametrize("hides", [True, False])
def test_of_the_reference_a_program_sees_what_it_is_given(cases: Cases, hides: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a system that lets nobody in a room change his view of the files."""
    if not tiers.has_namespaces(cases.spec):
        pytest.skip("it can read what every user can")
    if not hides:
        words = [*tiers.user_words(cases.spec), "--cap-drop", "CAP_SYS_ADMIN"]
        monkeypatch.setattr(tiers, "user_words", lambda spec: words)
    folder, g, h = cases.begin("case"), cases.reference / "g", cases.reference / "h"
    everything = f"cat {cases.reference}/library {g} {h}"
    for used in ((), (g,), (), (h,), (g, h), ()):
        said = cases.says(folder, everything, *used)
        assert {name for name in ALL if f"secret {name}" in said} == {path.name for path in used}, said
        assert "secret library" in said
    assert cases.runner.hides == hides


RIGHTS = """\
grep -E '^Cap(Inh|Prm|Eff|Amb)|NoNewPrivs|^Seccomp:' /proc/self/status
unshare -m true || echo refused
for pid in 1 $PPID; do (cd /proc/$pid/root) && echo ENTERED; ls /proc/$pid/fd >/dev/null && echo ENTERED; done
"""


def test_a_program_has_no_rights_of_the_keeper_s(cases: Cases) -> None:
    words = cases.says(cases.begin("case"), RIGHTS).split()
    masks = [word for word in words if len(word) == 16 and set(word) <= set("0123456789abcdef")]
    assert masks == ["0" * 16] * 4, words
    assert "NoNewPrivs: 1" in " ".join(words) and "Seccomp: 2" in " ".join(words)
    assert "refused" in words and "ENTERED" not in words
