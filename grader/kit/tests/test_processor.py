"""Another processor: signal frames of others become this one's, or the restart is refused by the register's name.

The other processors are made here: the frame in an image is written anew, as theirs would have it, and the note says so.
"""
from __future__ import annotations

import math
import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kit import built, otherkernel, othervdso
from kit.systems import NotHere
from stage.image import Image, Load
from stage.processor import AARCH64
from stage.processor import HERE as PROCESSOR

pytestmark = [pytest.mark.xdist_group("processor"),  # what is built once is built by one worker
              pytest.mark.skipif(AARCH64 is PROCESSOR, reason="not tried here: the frames are those of x86-64")]

HERE = Path(__file__).resolve().parent
FLAGS = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")), "").split()
NOTE_PLATFORM = 0x434B0030
PARTS_AT, FEATURES_AT, BOUND_AT, FPREGS_AT = 24, 280, 296, 224  # in struct image_platform; in ucontext_t
LEGACY, MARK_AT, HEADER_END = 512, 464, 576
MAGIC1, MAGIC2 = 0x46505853, 0x46505845
ZMM = pytest.param("zmm", marks=pytest.mark.skipif("avx512f" not in FLAGS, reason="no AVX-512 here"))
YMM = pytest.param("ymm", marks=pytest.mark.skipif("avx" not in FLAGS, reason="no AVX here"))


@dataclass
class Area:
    """The vector registers as some processor has them in a frame: each part's offset and bytes."""
    legacy: bytes
    parts: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    used: int = 3
    features: int = 3
    size: int = HEADER_END
    marked: bool = True

    def bytes(self) -> bytes:
        out = bytearray(self.size + 4)
        out[:LEGACY] = self.legacy
        out[MARK_AT:LEGACY] = bytes(LEGACY - MARK_AT)
        if not self.marked:
            return bytes(out[:LEGACY])
        struct.pack_into("<IIQI", out, MARK_AT, MAGIC1, self.size + 4, self.features, self.size)
        struct.pack_into("<Q", out, LEGACY, self.used)
        for at, part in self.parts.values():
            out[at:at + len(part)] = part
        struct.pack_into("<I", out, self.size, MAGIC2)
        return bytes(out)


class Doctored:
    """An image whose frame is another processor's."""

    def __init__(self, path: Path) -> None:
        self.path, self.image = path, Image(path)
        self.file = othervdso.Image(path)
        self.raw, (self.note_at, _) = self.file.data, self.file.notes[NOTE_PLATFORM]
        self.context, self.room, self.present = struct.unpack_from("<QQQ", self.raw, self.note_at)
        self.here = [struct.unpack_from("<II", self.raw, self.note_at + PARTS_AT + 8 * i) for i in range(32)]
        self.area = self.read_area()

    def at(self, address: int) -> int:
        load = self.image.load_at(address)
        assert isinstance(load, Load) and address - load.start < load.stored
        return load.offset + address - load.start

    def read_area(self) -> Area:
        at = self.at(struct.unpack_from("<Q", self.raw, self.at(self.context + FPREGS_AT))[0])
        _, _, features, size = struct.unpack_from("<IIQI", self.raw, at + MARK_AT)
        used = struct.unpack_from("<Q", self.raw, at + LEGACY)[0]
        parts = {i: (offset, bytes(self.raw[at + offset:at + offset + length]))
                 for i, (offset, length) in enumerate(self.here) if length and features >> i & 1}
        return Area(bytes(self.raw[at:at + LEGACY]), parts, used, features, size)

    def move(self, order: list[int], begin: int = HEADER_END, gap: int = 0) -> None:
        """The parts one after the other in this order."""
        for i in order:
            self.area.parts[i] = begin, self.area.parts[i][1]
            begin += len(self.area.parts[i][1]) + gap
        self.area.size = max(self.area.size, begin)

    def add(self, part: int, content: bytes, used: bool) -> None:
        at = (self.area.size + 63) // 64 * 64
        self.area.parts[part] = at, content
        self.area.size = at + len(content)
        self.area.features |= 1 << part
        self.area.used |= int(used) << part

    def drop(self, parts: set[int]) -> None:
        for part in parts & set(self.area.parts):
            del self.area.parts[part]
            self.area.features &= ~(1 << part)
            self.area.used &= ~(1 << part)
        self.area.size = max([HEADER_END, *(at + len(part) for at, part in self.area.parts.values())])

    def write(self, place: int | None = None) -> None:
        """The frame gets this area, at the place that libckpt.so has for restart, and the note its parts."""
        place = place or self.room
        data = self.area.bytes()
        self.raw[self.at(place):self.at(place) + len(data)] = data
        struct.pack_into("<Q", self.raw, self.at(self.context + FPREGS_AT), place)
        struct.pack_into("<Q", self.raw, self.note_at + 16, self.area.features)
        for i in range(32):
            at, part = self.area.parts.get(i, (0, b""))
            struct.pack_into("<II", self.raw, self.note_at + PARTS_AT + 8 * i, at, len(part))
        self.save()

    def without_note(self) -> None:
        """As an image of before: a type that nobody reads."""
        struct.pack_into("<I", self.raw, self.note_at - 12, 0x434B7FFF)
        self.save()

    def may_use(self, *bits: int, drop: tuple[int, ...] = ()) -> None:
        """The note's features, arch_feature(i) of features_x86_64.c: with these, and without those."""
        low, high = struct.unpack_from("<QQ", self.raw, self.note_at + FEATURES_AT)
        both = low | high << 64
        for bit in bits:
            both |= 1 << bit
        for bit in drop:
            both &= ~(1 << bit)
        struct.pack_into("<QQ", self.raw, self.note_at + FEATURES_AT, both & (1 << 64) - 1, both >> 64)

    def save(self) -> None:
        self.file.write(self.path)


class World:
    """Makes images of vectors.c, one of each kind, and restarts what became of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.kept = folder, folder / "kept"
        self.kept.mkdir()
        subprocess.run(["gcc", "-O2", "-o", folder / "vectors", HERE / "vectors.c"], check=True)

    def stage(self, number: int = 3) -> Path:
        return next(built.solution().glob(f"stage{number}-*"))

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60)

    def image(self, kind: str, stage: int = 3, *options: str) -> Doctored:
        kept = self.kept / ".".join([kind, str(stage), *options])
        if not kept.exists():
            done = self.run(self.stage(stage) / "ckpt", "-o", kept, *options, self.folder / "vectors", kind)
            assert (done.returncode, done.stdout) == (0, f"{kind[0]}mm: 0 wrong\n"), done.stderr
        return Doctored(Path(shutil.copy(kept, self.folder / "image")))

    def restart(self, stage: int, *options: str) -> subprocess.CompletedProcess[str]:
        return self.run(self.stage(stage) / "restart", *options, self.folder / "image")

    def platform(self, *image: str | Path, stage: int = 3) -> dict[str, str]:
        """The line of readckpt --platform."""
        done = self.run(self.stage(stage) / "readckpt", "--platform", *image)
        assert done.returncode == 0 and done.stdout.count("\n") == 1, done.stderr
        return dict(word.split("=", 1) for word in done.stdout.split())

    def comes_back(self, kind: str, stage: int = 3, *options: str) -> None:
        done = self.restart(stage, *options)
        assert (done.stdout, done.returncode) == (f"{kind[0]}mm: 0 wrong\n", 0), done.stderr

    def refused(self, reason: str, stage: int = 3, *options: str) -> None:
        """With its reason, and while restart can still say no: 65, and not 71."""
        done = self.restart(stage, *options)
        assert (done.returncode, done.stdout) == (65, ""), done.stderr
        assert reason in done.stderr


@pytest.fixture(name="world", scope="module")
def world_fixture(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("processor"))


def larger(image: Doctored) -> None:
    """A processor with AMX, which the program does not use."""
    image.add(17, bytes(64), used=False)
    image.add(18, bytes(8192), used=False)


def shuffled(image: Doctored) -> None:
    """The parts in another order, with gaps: as Intel's and AMD's differ."""
    image.move(sorted(image.area.parts, reverse=True), begin=640, gap=64)


def smaller(image: Doctored) -> None:
    """One without what is not in use."""
    image.drop({i for i in image.area.parts if not image.area.used >> i & 1})


def with_keys(image: Doctored) -> None:
    """One with protection keys: the kernel gives all programs the same ones at their start."""
    if 9 in image.area.parts:
        pytest.skip("this processor has them, too")
    image.add(9, struct.pack("<Q", 0x55555554), used=True)


@pytest.mark.parametrize("kind", ["xmm", YMM, ZMM])
@pytest.mark.parametrize("change", [larger, shuffled, smaller, with_keys])
def test_the_frame_of_another_processor_becomes_ours(world: World, kind: str, change: Callable[[Doctored], None]) -> None:
    image = world.image(kind)
    change(image)
    image.write()
    world.comes_back(kind)


@pytest.mark.parametrize("stage", [4, 5, 6])
@pytest.mark.parametrize("kind", [YMM])
def test_so_it_is_in_each_stage(world: World, kind: str, stage: int) -> None:
    image = world.image(kind, stage)
    larger(image)
    shuffled(image)
    image.write()
    world.comes_back(kind, stage)


def test_a_processor_with_sse_alone(world: World) -> None:
    image = world.image("xmm")
    image.drop(set(image.area.parts))
    image.area.marked = False
    image.write()
    world.comes_back("xmm")


@pytest.mark.parametrize("part, content, reason", [
    (18, b"\1" * 8192, "AMX registers are in use (XTILEDATA), this processor has none"),
    (19, b"\1" * 128, "APX registers are in use (EGPR), this processor has none"),
    (9, struct.pack("<Q", 0x55555550), "protection keys are in use (PKRU), this processor has none"),
    (30, b"\1" * 64, "unknown registers are in use, this processor has none"),
])
def test_registers_in_use_that_are_not_here(world: World, part: int, content: bytes, reason: str) -> None:
    image = world.image("xmm")
    if part in image.area.parts:
        pytest.skip("this processor has these registers")
    image.add(part, content, used=True)
    image.write()
    world.refused(reason)


@pytest.mark.parametrize("kind", [YMM])
def test_an_older_image_says_nothing_of_its_processor(world: World, kind: str) -> None:
    """As it is, it comes back; AVX lies at the same place everywhere, so a larger frame of AVX does, too."""
    world.image(kind).without_note()
    world.comes_back(kind)
    image = world.image(kind)
    image.area.used &= 7  # libc's own functions may have left something in AVX-512's masks
    larger(image)
    image.write()
    image.without_note()
    world.comes_back(kind)


@pytest.mark.parametrize("kind", [ZMM])
def test_an_older_image_with_registers_at_unknown_places(world: World, kind: str) -> None:
    image = world.image(kind)
    larger(image)
    image.write()
    image.without_note()
    world.refused("and the image does not say where they lie")


def test_a_frame_that_is_not_whole_is_believed_in_nothing(world: World) -> None:
    image = world.image("xmm")
    image.area.used |= 1 << 20
    image.area.features |= 1 << 20
    image.area.parts[20] = (image.area.size - 64 + 1, bytes(64))
    image.write()
    struct.pack_into("<II", image.raw, image.note_at + PARTS_AT + 8 * 20, image.area.size - 10, 64)
    image.save()
    world.refused("lie outside of the signal frame")
    image = world.image("xmm")
    struct.pack_into("<Q", image.raw, image.at(image.context + FPREGS_AT), 64)
    image.save()
    world.refused("its signal frame is not where it says")


def test_a_bit_of_mxcsr_that_is_not_here(world: World) -> None:
    image = world.image("xmm")
    legacy = bytearray(image.area.legacy)
    legacy[26] |= 0x80  # bit 23, which no processor has yet
    image.area.legacy = bytes(legacy)
    larger(image)
    image.write()
    world.refused("bits of MXCSR are set that this processor has not (0x800000)")


# Numbers in features_x86_64.c, which images have: they stay.
AVX512F, XSAVE, XSAVEC, RTM, FMA4, XOP, TBM = 16, 7, 23, 21, 22, 47, 48
LACKING = [(number, name) for number, name in ((AVX512F, "avx512f"), (RTM, "rtm"), (FMA4, "fma4"), (XOP, "xop"), (TBM, "tbm"))
           if name not in FLAGS]


@pytest.mark.parametrize("stage", [3, 4, 5, 6])
def test_instructions_that_are_not_here(world: World, stage: int) -> None:
    """Named, all of them, and nothing is destroyed; from stage 4 on a user may know better."""
    image = world.image("xmm", stage)
    image.may_use(*(number for number, _ in LACKING))
    image.save()
    names = " ".join(name for _, name in LACKING)
    world.refused(f"the program may use what this processor does not have: {names} (`ckpt --portable`", stage)
    if stage > 3:
        world.refused("may use what this processor does not have", stage, "--accept", "user")
        world.comes_back("xmm", stage, "--strict", "--accept", "user,processor")


def test_registers_in_use_are_refused_whatever_is_accepted(world: World) -> None:
    image = world.image("xmm", 4)
    image.add(18, b"\1" * 8192, used=True)
    image.write()
    world.refused("AMX registers are in use", 4, "--accept", "processor")


@pytest.mark.parametrize("kind", [ZMM])
def test_the_linker_of_a_processor_without_xsavec(world: World, kind: str) -> None:
    """It would save our registers into a room that is too small; one that is bound at the start saves nothing."""
    image = world.image("xmm")
    image.may_use(XSAVE, drop=(XSAVEC,))
    image.drop({5, 6, 7})
    image.write()
    world.refused("without XSAVEC")
    struct.pack_into("<I", image.raw, image.note_at + BOUND_AT, 3)
    image.save()
    world.comes_back("xmm")


def test_platform_is_one_line_of_known_words(world: World) -> None:
    """An image's is this machine's, as long as nobody bound libc."""
    here = world.platform()
    assert list(here) == ["ckpt-platform", "arch", "level", "kernel", "vdso", "page", "vectors", "bound", "features"]
    release = Path("/proc/sys/kernel/osrelease").read_text().strip()
    assert (here["ckpt-platform"], here["arch"], here["kernel"], here["page"]) == ("1", "x86_64", release, "4096")
    extended = {"lahf_lm", "abm", "sse4a", "3dnowprefetch"}  # of leaf 0x80000001: some kernels do not show what they could
    assert set(here["features"].split(",")) <= {*FLAGS, *extended}
    assert here["level"] == f"x86-64-v{4 if 'avx512vl' in FLAGS else 3 if 'avx2' in FLAGS else 2}"
    for stage in (3, 4):
        world.image("xmm", stage)
        assert world.platform(world.folder / "image", stage=stage) == here


def test_platform_of_an_older_image(world: World) -> None:
    world.image("xmm").without_note()
    done = world.run(world.stage() / "readckpt", "--platform", world.folder / "image")
    assert (done.returncode, done.stdout) == (65, "") and "does not say what it ran on" in done.stderr


BEYOND = {"x86-64-v2": {"avx", "avx2", "fma", "bmi2", "avx512f", "xsavec", "aes"},
          "x86-64-v3": {"avx512f", "xsavec", "aes"}}
BMI2_AVX2, AVX512 = 1 << 5 | 1 << 8, 1 << 16 | 1 << 17 | 1 << 28 | 1 << 30 | 1 << 31  # of cpuid's leaf 7, ebx


@pytest.mark.parametrize("option, level", [("--portable", "x86-64-v2"), ("--portable=x86-64-v2", "x86-64-v2"),
                                           ("--portable=v3", "x86-64-v3"), ("--portable=x86-64-v3", "x86-64-v3")])
def test_portable_binds_libc_and_the_image_says_so(world: World, option: str, level: str) -> None:
    world.image("xmm", 3, option)
    needs = world.platform(world.folder / "image")
    assert needs["bound"] == level and needs["level"] <= level
    assert not set(needs["features"].split(",")) & BEYOND[level]
    assert {"ssse3", "sse4_2"} <= set(needs["features"].split(","))
    world.comes_back("xmm")


def linker_uses(world: World, *before: str | Path) -> int:
    """Leaf 7, ebx, as ld.so says that libc uses it."""
    done = world.run(*before, "/lib64/ld-linux-x86-64.so.2", "--list-diagnostics")
    found = re.search(r"cpu_features\.features\[0x1\]\.active\[0x1\]=(0x\w+)", done.stdout)
    assert done.returncode == 0 and found, done.stderr
    return int(found[1], 16)


def test_portable_is_what_the_linker_does(world: World) -> None:
    ckpt = world.stage() / "ckpt"
    plain = linker_uses(world, "env")
    assert linker_uses(world, ckpt, "--portable", "env") & (BMI2_AVX2 | AVX512) == 0
    assert linker_uses(world, ckpt, "--portable=v3", "env") & (BMI2_AVX2 | AVX512) == plain & BMI2_AVX2


FUNCTIONS = "memmove memcpy memset strlen strchr strrchr strcmp memchr memcmp wcslen strcpy strncmp".split()
FIRST = f"""import ctypes
for name in {FUNCTIONS}:
    at = ctypes.cast(getattr(ctypes.CDLL(None), name), ctypes.c_void_p).value
    print(name, ctypes.string_at(at, 32).hex())"""
VEX = re.compile(rb"\xc5[\xc8-\xff][\x6f\x7f\x6e\x7e\xef\x74\xd7\x11\x10]|\xc4[\xe1-\xe3]|\x62[\xa1\xb1\xe1\xf1\xf2\xf3]")


def beyond_sse(world: World, *before: str | Path) -> set[str]:
    """The functions of libc that begin with instructions of AVX or AVX-512."""
    lines = world.run(*before, "/usr/bin/python3", "-c", FIRST).stdout.split()
    assert lines[::2] == FUNCTIONS
    return {name for name, code in zip(lines[::2], lines[1::2], strict=True) if VEX.search(bytes.fromhex(code))}


@pytest.mark.skipif("avx2" not in FLAGS, reason="no AVX2 here")
def test_portable_is_what_the_functions_are(world: World) -> None:
    """glibc 2.36 chose memmove() by a preference, which the features do not change."""
    assert {"memmove", "memcpy"} <= beyond_sse(world, "env")
    assert beyond_sse(world, world.stage() / "ckpt", "--portable") == set()


@pytest.mark.parametrize("users, kept", [
    ("", "glibc.cpu.hwcaps="),
    ("glibc.malloc.perturb=1", "glibc.malloc.perturb=1:glibc.cpu.hwcaps="),
    ("glibc.cpu.hwcaps=-SSE4_1:glibc.malloc.perturb=1", "glibc.cpu.hwcaps=-SSE4_1,"),
])
def test_portable_keeps_the_tunables_of_the_user(world: World, users: str, kept: str) -> None:
    done = world.run("env", f"GLIBC_TUNABLES={users}", world.stage() / "ckpt", "--portable=v3", "env")
    value = next(line.partition("=")[2] for line in done.stdout.splitlines() if line.startswith("GLIBC_TUNABLES="))
    assert value.startswith(f"{kept}-AVX512F,") and value.count("glibc.cpu.hwcaps=") == 1
    assert value.endswith(":glibc.malloc.perturb=1") == (users.endswith("perturb=1") and "hwcaps" in users)


@pytest.mark.parametrize("level", ["x86-64-v4", "v1", "2", "haswell", ""])
def test_portable_knows_two_levels(world: World, level: str) -> None:
    done = world.run(world.stage() / "ckpt", f"--portable={level}", "true")
    assert (done.returncode, done.stdout) == (64, "")
    assert f"--portable={level}: not a level that libc can be bound to (x86-64-v2 or x86-64-v3)" in done.stderr


def test_python_runs_bound_and_comes_back(world: World) -> None:
    """(Its sums end otherwise than those of a libm that may use FMA, which rounds once.)"""
    program = "import math, os, signal\nprint(os.kill(os.getpid(), signal.SIGUSR2), math.fsum(map(math.sin, range(999))))"
    done = world.run(world.stage() / "ckpt", "--portable", "-o", "python", "/usr/bin/python3", "-c", program)
    again = world.run(world.stage() / "restart", "python")
    assert (done.returncode, again.returncode) == (0, 0), again.stderr
    assert world.platform("python")["bound"] == "x86-64-v2"
    assert done.stdout == again.stdout
    assert float(done.stdout.split()[1]) == pytest.approx(math.fsum(map(math.sin, range(999))))


def test_stage_2_has_none_of_it(world: World) -> None:
    for words in (("ckpt", "--portable", "true"), ("readckpt", "--platform")):
        done = world.run(world.stage(2) / words[0], *words[1:])
        assert done.returncode == 64 and "comes with stage 3" in done.stderr


PYTHON = """import math, os, signal
print(os.kill(os.getpid(), signal.SIGUSR2), math.fsum(math.sin(i) * math.exp(-i / 99) for i in range(2000)))"""
FITS = {"max": {"plain": "avx512f", "v3": None, "v2": None, "python": None},
        "Nehalem": {"plain": "avx2", "v3": "avx2", "v2": None, "python": None},
        "qemu64": {"plain": "avx2", "v3": "avx2", "v2": "sse4_2", "python": "sse4_2"}}


def images_for_others(world: World) -> dict[str, tuple[Path, str]]:
    """The images, and what each says when it goes on."""
    images = {}
    ymm, xmm = [world.folder / "vectors", "ymm"], [world.folder / "vectors", "xmm"]
    for name, option, program in (("plain", [], ymm), ("v3", ["--portable=v3"], ymm), ("v2", ["--portable"], xmm),
                                  ("python", ["--portable"], ["/usr/bin/python3", "-c", PYTHON])):
        path = world.folder / f"other.{name}"
        done = world.run("env", "LC_ALL=C", "CKPT_FULL=1", world.stage(4) / "ckpt", "-o", path, *option, *program)
        assert done.returncode == 0, done.stderr
        images[name] = path, done.stdout
    return images


@pytest.mark.stress
@pytest.mark.skipif(not {"avx512f", "avx2"} <= set(FLAGS), reason="not tried here: this processor has no AVX-512")
@pytest.mark.parametrize("cpu", FITS)
def test_really_another_processor(world: World, tmp_path: Path, cpu: str) -> None:
    """qemu computes it, under another kernel: one with MPX and protection keys, one without XSAVE, the least of all."""
    images, stage = images_for_others(world), world.stage(4)
    runs = "".join(f"echo; echo BEGIN; {stage}/restart {path} 2>errors; echo END $? {name} $(tail -n 1 errors)\n"
                   for name, (path, _) in images.items())
    program = world.folder / "vectors"
    back = f"cd {world.folder}; {stage}/ckpt --portable -o back {program} xmm; send back\n"
    paths = [stage / name for name in ("restart", "readckpt", "ckpt", "libckpt.so")]
    try:
        said, files = otherkernel.boot(tmp_path, [*paths, program, *(path for path, _ in images.values())],
                                       runs + back, cpu)
    except NotHere as why:
        pytest.skip(str(why))
    ends = {name: (out, int(status), why) for out, status, name, why in
            re.findall(r"^BEGIN\n(.*?)END (\d+) (\S+)([^\n]*)$", said, re.M | re.S)}
    for name, lacking in FITS[cpu].items():
        out, status, why = ends[name]
        if lacking is None:
            assert (out, status) == (images[name][1], 0), (name, why)
        else:
            assert (out, status) == ("", 65) and re.search(rf"processor does not have:.* {lacking} ", why), name
    (world.folder / "image").write_bytes(files["back"])
    world.comes_back("xmm", 4)


# --- No frame of the kernel's ---

@pytest.mark.parametrize("depth", ["0", "40"])
def test_a_handler_that_the_program_calls_itself(world: World, depth: str) -> None:
    """An image of php, for one: it comes back here; elsewhere nobody knows which frame to change."""
    program, image = world.folder / "deferred", world.folder / "image"
    subprocess.run(["gcc", "-O2", "-o", program, HERE / "deferred.c"], check=True)
    done = world.run(world.stage(4) / "ckpt", "-o", image, program, depth)
    assert (done.returncode, done.stdout) == (0, "after\n"), done.stderr
    done = world.restart(4)
    assert (done.returncode, done.stdout) == (0, "after\n"), done.stderr
    other = othervdso.Image(image)
    at, _ = other.notes[NOTE_PLATFORM]
    assert struct.unpack_from("<Q", other.data, at) == (0,), "it knows of no frame"
    struct.pack_into("<Q", other.data, at + 16, 0xFFFF)  # parts that this processor has not
    other.write(image)
    done = world.restart(4, "--dry-run")
    assert done.returncode == 65 and "this processor has other vector registers" in done.stderr, done.stderr
