"""The arm64 machine of the kit's: what is missing for it is said, how its modules are ordered; and a restart on it."""
from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import TOP
from kit import built
from kit.arm64 import disk, initrd, lab
from kit.arm64.machine import QEMU, Hung, Machine
from kit.systems import NOT_TRIED
from stage.image import Image

RESTARTED = """set -e
make -s -C /lab/solution/stage3-restart ckpt libckpt.so restart readckpt
S=/lab/solution/stage3-restart
cat >count.c <<'END'
#include <stdio.h>
#include <unistd.h>
int main(void)
{
    for (int i = 1; i <= 40; i++) {
        printf("%d\\n", i);
        fflush(stdout);
        usleep(200000);
    }
    return 7;
}
END
gcc -O2 count.c -o count
($S/ckpt ./count >first & echo $! >pid) # no job of this shell's, which would tell of its end
until [ -s first ]; do sleep 0.1; done
grep -oE 'ld-linux|vdso' "/proc/$(cat pid)/maps" | uniq >/host/layout
kill -USR2 "$(cat pid)"
until $S/readckpt myckpt >/dev/null 2>&1; do sleep 0.1; done
kill -KILL "$(cat pid)"
cp myckpt /host/image
status=0
$S/restart myckpt >second || status=$?
cat second
exit $status
"""

LANDING_AND_TAGS = """set -e
S=/lab/solution/stage4-openfiles
make -s -C $S ckpt libckpt.so restart readckpt
cat >pages.c <<'END'
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int main(void)
{
    int how = MAP_PRIVATE | MAP_ANONYMOUS, code[] = {0xd503245f, 0xd65f03c0}; /* bti c; ret */
    char *tagged = mmap(NULL, 4096, PROT_READ | PROT_WRITE | 0x20, how, -1, 0), line[256];
    char *landing = mmap(NULL, 4096, PROT_READ | PROT_WRITE, how, -1, 0);
    strcpy(tagged, "kept");
    memcpy(landing, code, sizeof code);
    mprotect(landing, 4096, PROT_READ | PROT_EXEC | 0x10);
    puts("ready");
    fflush(stdout);
    while (access("go", F_OK) != 0)
        usleep(100000);
    ((void (*)(void))landing)();
    FILE *smaps = fopen("/proc/self/smaps", "r");
    unsigned long start, end, at = 0;
    while (fgets(line, sizeof line, smaps))
        if (sscanf(line, "%lx-%lx", &start, &end) == 2)
            at = start;
        else if (strncmp(line, "VmFlags", 7) == 0 && (at == (unsigned long)tagged || at == (unsigned long)landing))
            printf("%s:%s%s\\n", at == (unsigned long)tagged ? tagged : "landing", strstr(line, " bt") ? " bt" : "",
                   strstr(line, " mt") ? " mt" : "");
    return 7;
}
END
gcc -O2 pages.c -o pages
($S/ckpt ./pages >first & echo $! >pid) # no job of this shell's, which would tell of its end
until [ -s first ]; do sleep 0.1; done
kill -USR2 "$(cat pid)"
until [ -e myckpt ]; do sleep 0.1; done
kill -KILL "$(cat pid)"
touch go
$S/readckpt myckpt | grep -E ' (bt|mt)$'
! $S/restart --strict myckpt
status=0
$S/restart myckpt || status=$?
cat first
exit $status
"""


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    for name in ("sh", "env"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    done = subprocess.run([sys.executable, TOP / "grader/kit/arm64/stages.py", "1"], capture_output=True, text=True, check=False,
                          env={**os.environ, "PATH": str(tmp_path), "CKPTLAB_ARM64": str(tmp_path / "place")})
    assert (done.returncode, done.stderr) == (0, "") and f"{NOT_TRIED}there is no {QEMU}" in done.stdout


def test_modules_come_after_those_that_they_need(tmp_path: Path) -> None:
    found = {name: tmp_path / f"{name}.ko" for name in ("a", "b_c", "d")}
    for name, needs in {"a": b"b-c,d", "b_c": b"d", "d": b""}.items():
        found[name].write_bytes(b"\x7fELF\0license=GPL\0depends=" + needs + b"\0")
    assert initrd.in_order(["a", "built-in", "d"], found) == ["d", "b_c", "a"]


def test_a_machine_that_ends_is_said_with_its_console(tmp_path: Path) -> None:
    (tmp_path / "console").write_text("Kernel panic\n")
    with pytest.raises(Hung, match="(?s)does not run.*Kernel panic"):
        Machine(tmp_path).run("true")


@pytest.mark.skipif(not disk.is_there(), reason=f"{NOT_TRIED}make check-arm64 makes the machine")
def test_a_program_is_restarted_there(tmp_path: Path) -> None:
    with lab.there(tmp_path, [3], limit=100) as machine:
        status, output = machine.run(RESTARTED, 300)
    lines = output.split()
    assert (tmp_path / "host/layout").read_text().split() == ["ld-linux", "vdso", "ld-linux"], "not in the gap of ld.so's segments"
    assert status == 7 and lines[-1] == "40" and lines == list(map(str, range(int(lines[0]), 41))), output
    assert Image(tmp_path / "host/image").machine == "EM_AARCH64"
    if platform.machine() == "x86_64":
        for program in ("stage4-openfiles/readckpt", "stage5-coredump/restart"):
            done = subprocess.run([built.solution() / program, tmp_path / "host/image"], capture_output=True, text=True, check=False)
            assert done.returncode == 65 and "this image is of another machine, aarch64; this is x86-64" in done.stderr


@pytest.mark.skipif(not disk.is_there(), reason=f"{NOT_TRIED}make check-arm64 makes the machine")
def test_landing_pads_come_back_and_tags_are_named(tmp_path: Path) -> None:
    with lab.there(tmp_path, [4], limit=100) as machine:
        status, output = machine.run(LANDING_AND_TAGS, 300)
    assert status == 7 and "kept:\n" in output and "landing: bt\n" in output, output
    assert output.count("has tags (PROT_MTE): they do not come back") == 1, output
    assert output.count("had tags (PROT_MTE)") == 2, output  # --strict, and without
