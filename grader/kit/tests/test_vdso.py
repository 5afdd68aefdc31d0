"""Restarts under another kernel, whose vdso is another one: vdso_bridge.c, vdso_leave.c.

Here the image is changed: each instruction of its vdso is int3 (othervdso.py), so who runs one of them is killed.
`make stress` has another kernel: otherkernel.py.
"""
from __future__ import annotations

import ctypes
import os
import re
import signal
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import TOP
from kit import built, otherkernel
from kit.othervdso import NOTE_VDSO, Image, Vdso, other_kernels
from kit.real_programs import not_tried
from kit.systems import NotHere
from stage import maps
from stage.process import status_field, wait_until

pytestmark = pytest.mark.xdist_group("vdso")  # what is compiled once is compiled by one worker
LIMIT = 60.0
ANOTHER = "the image has another kernel's [vdso], and "
TESTS = TOP / "grader/kit/tests"
STAGES = {3: "stage3-restart", 4: "stage4-openfiles", 5: "stage5-coredump", 6: "stage6-remote"}
PTRACE_CONT, PTRACE_SEIZE = 7, 0x4206
NT_PRSTATUS, RIP = 1, 112 + 16 * 8  # elf_prstatus.pr_reg, user_regs_struct.rip


@pytest.fixture(name="stages", scope="module")
def stages_fixture() -> Path:
    return built.solution()


@pytest.fixture(name="clocks", scope="module")
def clocks_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, and the same without a dynamic linker."""
    program = tmp_path_factory.mktemp("clocks") / "clocks"
    for linking, name in ("-rdynamic", "clocks"), ("-static", "clocks-static"):
        command = ["gcc", "-O2", "-w", linking, TESTS / "clocks.c", "-o", program.with_name(name)]
        subprocess.run(command, check=True, capture_output=True)
    return program


class Life:
    """A process, its standard input, and all that it has said to a file."""

    def __init__(self, folder: Path, *command: str | Path, out: str = "out") -> None:
        self.out = folder / out
        with self.out.open("wb") as file:
            self.process = subprocess.Popen([str(word) for word in command], cwd=folder, stdin=subprocess.PIPE, stdout=file, stderr=file)

    def said(self) -> str:
        return self.out.read_text(errors="replace")

    def waits_for(self, line: str, count: int = 1) -> None:
        there = wait_until(lambda: self.said().count(line) >= count or self.process.poll() is not None, LIMIT)
        assert there and self.said().count(line) >= count, (line, self.process.poll(), self.said())

    def sleeps(self) -> None:
        assert wait_until(lambda: status_field(self.process.pid, "State").startswith("S"), LIMIT)

    def write(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()

    def end(self) -> None:
        self.process.communicate(timeout=LIMIT)
        assert self.process.returncode == 0, (self.process.returncode, self.said())

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def saved(life: Life, image: Path) -> Path:
    """Its image, whole; the program goes on."""
    image.unlink(missing_ok=True)
    life.process.send_signal(signal.SIGUSR2)
    assert wait_until(lambda: image.exists() or life.process.poll() is not None, LIMIT) and image.exists(), life.said()
    return image


def image_at_gate(stage: Path, folder: Path, clocks: Path) -> Path:
    life = Life(folder, stage / "ckpt", "-o", "image", clocks, "gate", out="first")
    life.waits_for("ready")
    image = saved(life, folder / "image")
    life.kill()
    return image


@pytest.fixture(name="image", scope="module")
def image_fixture(stages: Path, clocks: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of stage 4, at the gate."""
    return image_at_gate(stages / STAGES[4], tmp_path_factory.mktemp("image"), clocks)


def restart(stage: Path, folder: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([stage / "restart", *options], cwd=folder, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=LIMIT)  # fmt: skip


def tells_the_time(life: Life, told: int) -> None:
    """All clocks are right, through ordinary memory where the vdso was; and this kernel's is elsewhere."""
    life.write("x\n")
    life.waits_for("all fine")
    assert "wrong:" not in life.said(), life.said()
    regions = maps.read_maps(life.process.pid)
    bridge, own = maps.find(regions, told), [region for region in regions if region.name == "[vdso]"]
    assert bridge is not None and (bridge.start, bridge.name, bridge.perms) == (told, "", "r-xp"), regions
    assert len(own) == 1 and own[0].start != told


@pytest.mark.parametrize("number", [3, 5, 6])
def test_all_clocks_are_right_on_the_bridge(stages: Path, clocks: Path, tmp_path: Path, number: int) -> None:
    image = image_at_gate(stages / STAGES[number], tmp_path, clocks)
    other_kernels(image, tmp_path / "other")
    life = Life(tmp_path, stages / STAGES[number] / "restart", "-v", "other")
    tells_the_time(life, Image(image).told())
    assert re.search(r"another kernel's vdso at 0x\w+: \d+ of its functions jump to this kernel's", life.said())
    assert "getrandom" not in life.said() or "getrandom: state -38, bytes 16, all fine" in life.said()
    assert life.process.stdin is not None
    life.end()


def test_the_image_of_a_bridged_program(stages: Path, clocks: Path, tmp_path: Path) -> None:
    """It comes back here, under its first kernel, and under a third: with one bridge each time."""
    stage = stages / STAGES[4]
    image = image_at_gate(stage, tmp_path, clocks)
    told = Image(image).told()
    other_kernels(image, tmp_path / "other")
    life = Life(tmp_path, stage / "restart", "other")
    life.write("x\n")
    life.waits_for("all fine")
    again = saved(life, image)
    tells_the_time(life, told)
    life.end()
    assert len(Image(again).vdsos()) == 2 and Image(again).told() == told
    shown = subprocess.run([stage / "readckpt", again], capture_output=True, text=True, check=True).stdout
    assert re.search(rf"8192 bytes at 0x{told:x}: a bridge to this kernel's, which is at 0x\w+\n", shown), shown
    auxv = subprocess.run(["gdb", "-batch", "-nx", "-ex", "info auxv", "-ex", "bt", clocks, again],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert f"0x{told:x}" in auxv.stdout and "main" in auxv.stdout, auxv
    counts = []
    for name in (again, other_kernels(again, tmp_path / "third")):
        life = Life(tmp_path, stage / "restart", name)
        tells_the_time(life, told)
        counts.append(len(maps.read_maps(life.process.pid)))
        life.end()
    assert counts[0] == counts[1]


def change_dynamic(tag: int, value: int) -> Callable[[Vdso], None]:
    return lambda vdso: vdso.put(vdso.tags[tag], value)


DAMAGED: dict[str, tuple[Callable[[Vdso], None], str]] = {
    "magic": (lambda v: v.put(0, 0), "it is no shared library of this machine"),
    "headers": (lambda v: v.put(32, 1 << 63), "it has no dynamic section"),
    "hash": (change_dynamic(4, 1 << 40), "it has no hash table"),
    "count": (lambda v: v.put(v.hash + 4, 0xFFFFFFFF, "<I"), "its symbols lie outside of it"),
    "symbols": (change_dynamic(6, -8 & (1 << 64) - 1), "its symbols lie outside of it"),
    "names": (change_dynamic(10, 1 << 62), "its symbols lie outside of it"),
    "name": (lambda v: v.put(v.symbols + 24, 0xFFFFFFF0, "<I"), "the name of a function lies outside of it"),
    "place": (lambda v: v.put(v.symbols + 32, 8190), "a function lies outside of it"),
    "size": (lambda v: v.put(v.functions()["time"][0] + 16, 5), "time() has no room for a jump"),
    "overlap": (lambda v: v.put(v.functions()["time"][0] + 8, v.functions()["getcpu"][1] - 8), "overlaps another"),
    "none": (lambda v: v.put(v.hash + 4, 1, "<I"), "it has no functions"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_vdso_is_refused(stages: Path, image: Path, tmp_path: Path, what: str) -> None:
    changed = Image(image)
    change, why = DAMAGED[what]
    change(changed.vdso())
    changed.write(tmp_path / "damaged")
    done = restart(stages / STAGES[4], tmp_path, "damaged")
    assert done.returncode == 65 and why in done.stderr.partition(f"restart: {ANOTHER}that is damaged: ")[2], done


def test_functions_that_this_kernel_lacks(stages: Path, image: Path, tmp_path: Path) -> None:
    """That of enclaves has no system call, and no program can have one here; others are refused by name."""
    for name, status in ("__vdso_sgx_enter_enclave", 0), ("__vdso_tea", 65):
        changed = Image(image)
        changed.vdso().rename("__vdso_time", name)
        changed.write(tmp_path / "other")
        done = restart(stages / STAGES[4], tmp_path, "--dry-run", "other")
        assert done.returncode == status, done
    assert f"restart: {ANOTHER}this kernel has no __vdso_tea()" in done.stderr


def test_system_calls_in_place_of_functions(tmp_path: Path) -> None:
    """What a bridge has where the kernel has nothing, each run by itself."""
    sources = [f"-I{TOP / 'solution' / name}" for name in ("stage1-readmaps", "stage2-saveimage", "stage3-restart")]
    subprocess.run(["gcc", "-O1", "-w", "-D_GNU_SOURCE", *sources, TESTS / "vdso_stubs.c", "-o", "stubs"], cwd=tmp_path, check=True)
    said = subprocess.run([tmp_path / "stubs"], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == [
        "clock_gettime 0 gettimeofday 0 time 1 the same 1",
        "clock_getres 0 1 getcpu 0 1",
        "wrong clock -22",
        "getrandom 8 -38 enclave -38",
        "unknown 1 known 54321",
    ]


def test_images_that_stay_with_their_kernel(stages: Path, image: Path, tmp_path: Path) -> None:
    """One that a libckpt.so without this room wrote, and one that was inside the vdso: the same kernel takes them."""
    stage = stages / STAGES[4]
    for flags, why in (None, "does not say whether the program was inside it"), (1, "the program was inside it"), (2, "a signal's handler was running"):
        changed = Image(image)
        at = changed.notes[NOTE_VDSO][0]
        if flags is None:
            changed.data[at - 8 - 4 : at - 8] = b"\xff\xff\x4b\x43"  # another type of note, which nobody knows
        else:
            changed.data[at + 24] = flags
        changed.write(tmp_path / "here")
        assert restart(stage, tmp_path, "--dry-run", "here").returncode == 0
        done = restart(stage, tmp_path, other_kernels(tmp_path / "here", tmp_path / "there"))
        assert done.returncode == 65 and f"restart: {ANOTHER}{why}" in done.stderr, done


@pytest.mark.parametrize("runs", [4, pytest.param(500, marks=pytest.mark.stress)])
def test_who_is_inside_gets_out_first(stages: Path, clocks: Path, tmp_path: Path, runs: int) -> None:
    """Nearly each of these signals finds the program inside the vdso; none of the images does."""
    stage, end = stages / STAGES[4], tmp_path / "end"
    life = Life(tmp_path, stage / "ckpt", "-o", "image", clocks, "loop", end, out="first")
    life.waits_for("ready")
    images = [saved(life, tmp_path / "image").rename(tmp_path / f"image{number}") for number in range(runs)]
    end.touch()
    life.end()
    assert "all fine" in life.said()
    for image in images:
        again = Life(tmp_path, stage / "restart", other_kernels(image, tmp_path / "other"))
        again.end()
        assert "all fine" in again.said()
        image.unlink()


def traced(pid: int) -> ctypes.CDLL:
    """A debugger that lets all signals through."""
    libc = ctypes.CDLL(None)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    assert libc.ptrace(PTRACE_SEIZE, pid, None, None) == 0
    return libc


def test_under_a_debugger_nobody_gets_out(stages: Path, clocks: Path, tmp_path: Path) -> None:
    """SIGTRAP would be the debugger's. The image says where the program was."""
    stage, end, shown = stages / STAGES[4], tmp_path / "end", ""
    life = Life(tmp_path, stage / "ckpt", "-o", "image", clocks, "loop", end, out="first")
    life.waits_for("ready")
    libc = traced(life.process.pid)
    for _ in range(50):  # one is enough, as a rule
        (tmp_path / "image").unlink(missing_ok=True)
        life.process.send_signal(signal.SIGUSR2)
        _, status = os.waitpid(life.process.pid, 0)
        assert os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGUSR2
        libc.ptrace(PTRACE_CONT, life.process.pid, None, signal.SIGUSR2)
        assert wait_until((tmp_path / "image").exists, LIMIT)
        shown = subprocess.run([stage / "readckpt", "image"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        if "; the program was inside it: no restart under another kernel" in shown:
            break
    assert "; the program was inside it" in shown
    end.touch()
    os.waitpid(life.process.pid, 0)
    assert restart(stage, tmp_path, "image").returncode == 0
    done = restart(stage, tmp_path, other_kernels(tmp_path / "image", tmp_path / "other"))
    assert done.returncode == 65 and f"{ANOTHER}the program was inside it" in done.stderr


def test_cores_of_another_kernel(stages: Path, clocks: Path, tmp_path: Path) -> None:
    """A static program's; and one that was dumped inside the vdso stays with its kernel."""
    stage, static = stages / STAGES[5], clocks.with_name("clocks-static")
    life = Life(tmp_path, static, "gate", out="first")
    life.waits_for("ready")
    life.sleeps()
    dump = ["gdb", "-batch", "-nx", "-p", str(life.process.pid), "-ex", "gcore core"]
    subprocess.run(dump, cwd=tmp_path, check=True, capture_output=True)
    life.kill()
    changed = Image(tmp_path / "core")
    changed.poison()
    struct.pack_into("<Q", changed.data, changed.notes[NT_PRSTATUS][0] + RIP, changed.told() + 0x900)
    done = restart(stage, tmp_path, "-n", static, changed.write(tmp_path / "inside"))
    assert done.returncode == 65 and f"{ANOTHER}the program was inside it" in done.stderr
    again = Life(tmp_path, stage / "restart", "-n", static, other_kernels(tmp_path / "core", tmp_path / "other"))
    tells_the_time(again, Image(tmp_path / "core").told())
    again.end()


REAL: dict[str, tuple[list[str], str, str]] = {
    "/usr/bin/python3": (["-uc", """
import sys, time, os
for line in sys.stdin:
    a = time.clock_gettime(time.CLOCK_MONOTONIC), time.time(), time.time_ns() / 1e9, time.monotonic(), time.process_time()
    print("time", a[1], "fine" if a[0] <= a[3] and 0 <= a[2] - a[1] < 9 and len(os.urandom(9)) == 9 else a)
"""], "x\n", r"time (\d+)\S+ fine"),
    "/usr/bin/sqlite3": ([], "select 'time ' || strftime('%s', 'now') || ' ' || length(randomblob(9));\n", r"time (\d+) 9"),
}  # fmt: skip


@pytest.mark.parametrize("program", REAL)
def test_real_programs_on_the_bridge(stages: Path, tmp_path: Path, program: str) -> None:
    if not Path(program).exists():
        pytest.skip(not_tried(program))
    arguments, line, answer = REAL[program]
    stage = stages / STAGES[4]
    first = Life(tmp_path, stage / "ckpt", "-o", "image", program, *arguments, out="first")
    first.write(line)
    assert wait_until(lambda: re.search(answer, first.said()) is not None, LIMIT), first.said()
    first.sleeps()
    image = saved(first, tmp_path / "image")
    first.kill()
    before = time.time()
    again = Life(tmp_path, stage / "restart", other_kernels(image, tmp_path / "other"))
    again.write(line)
    again.end()
    found = re.search(answer, again.said())
    assert found and int(before) <= int(found[1]) <= time.time(), again.said()


def test_a_handler_that_will_return_inside(stages: Path, clocks: Path, tmp_path: Path) -> None:
    stage = stages / STAGES[4]
    life = Life(tmp_path, stage / "ckpt", "-o", "image", clocks, "nested", out="first")
    life.waits_for("inside")
    life.sleeps()
    image = saved(life, tmp_path / "image")
    life.kill()
    shown = subprocess.run([stage / "readckpt", image], capture_output=True, text=True, check=True).stdout
    assert "; a handler will return into it: no restart under another kernel" in shown
    done = restart(stage, tmp_path, other_kernels(image, tmp_path / "other"))
    assert done.returncode == 65 and f"{ANOTHER}a signal's handler was running that will return into it" in done.stderr
    here = Life(tmp_path, stage / "restart", image)
    here.write("x\n")
    here.end()
    assert "all fine" in here.said()


# --- Another kernel, for real -----------------------------------------------------------------------

# An image of this kernel's there, and its second image, which it sends back; then one that is made there.
SCRIPT = """
echo; uname -r
export PATH=$PATH:{stage}
mkfifo gate
restart -v {image} <gate >out 2>&1 & life=$!; exec 3>gate
echo x >&3; until grep -qE "all fine|wrong:" out; do sleep 1; done
rm {image}; kill -USR2 $life; until [ -e {image} ]; do sleep 1; done; send {image}
echo x >&3; exec 3>&-; wait $life; echo "second life: status $?"; cat out
export LD_BIND_NOW=1
ckpt --portable -o there {clocks} gate <gate >first 2>&1 & life=$!; exec 3>gate
until grep -q ready first; do sleep 1; done
kill -USR2 $life; until [ -e there ]; do sleep 1; done; send there
echo x >&3; exec 3>&-; wait $life; echo "first life: status $?"; cat first
"""


def image_with_less(stage: Path, folder: Path, clocks: Path) -> Path:
    """libc chose no instructions that the other processor lacks; and the next image has another name."""
    life = Life(folder, stage / "ckpt", "--portable=v3", "-o", "image", clocks, "gate", out="first")
    life.waits_for("ready")
    image = saved(life, folder / "image")
    life.kill()
    return image


@pytest.mark.stress
def test_there_and_back(stages: Path, clocks: Path, tmp_path: Path) -> None:
    stage = stages / STAGES[4]
    image = image_with_less(stage, tmp_path, clocks)
    told = Image(image).told()
    files = [stage / name for name in ("ckpt", "restart", "libckpt.so")]
    script = SCRIPT.format(stage=stage, image=image, clocks=clocks)
    try:
        said, made = otherkernel.boot(tmp_path, [*files, clocks, image], script)
    except NotHere as why:
        pytest.skip(str(why))
    assert re.search(r"^6\.1\.", said, re.M) and os.uname().release not in said, said
    assert "second life: status 0" in said and "first life: status 0" in said and "wrong:" not in said, said
    assert said.count("all fine") == 3 and re.search(r"\d+ of its functions jump to this kernel's", said), said
    assert re.search(r"the monotonic clock was -?\d+ s off: a time namespace puts it right", said), said
    for name, content in made.items():
        (tmp_path / "back").write_bytes(content)
        back = Image(tmp_path / "back")
        assert len(back.vdsos()) == (2 if name == str(image) else 1), name
        life = Life(tmp_path, stage / "restart", "-v", "back")
        tells_the_time(life, told if name == str(image) else back.told())
        life.end()
    assert len(made) == 2 and "cannot be restored" not in said and " now\n" not in said.partition("[vdso] at")[2], said
