"""`make doctor`: what it says here, and what it would say on machines that forbid things."""
from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

# Stands in for a kernel that lacks or forbids what the probes try.
FORBIDDING = r"""
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/types.h>
static int refuse(int error) { errno = error; return -1; }
int prctl(int option, ...) { (void)option; return refuse(EINVAL); }
int personality(unsigned long persona) { (void)persona; return refuse(EPERM); }
long ptrace(int request, ...) { (void)request; return refuse(EPERM); }
off_t lseek(int fd, off_t offset, int whence) { (void)fd, (void)whence; return offset + (1 << 20); }
ssize_t pread(int fd, void *buf, size_t size, off_t at)
{ (void)fd, (void)buf, (void)size, (void)at; return refuse(EIO); }
int mprotect(void *at, size_t size, int prot) { (void)at, (void)size, (void)prot; return refuse(EACCES); }
void *mremap(void *at, size_t from, size_t to, int flags, ...)
{ (void)at, (void)from, (void)to, (void)flags; errno = EPERM; return MAP_FAILED; }
"""

EXPECTED = {
    "vdso": ("missing", "it is sealed"),
    "restorer": ("missing", "cannot be made executable"),
    "mm layout": ("limited", "CONFIG_CHECKPOINT_RESTORE"),
    "tid address": ("limited", "CONFIG_CHECKPOINT_RESTORE"),
    "pagemap": ("limited", "says nothing"),
    "self/mem": ("limited", "cannot be read"),
    "ASLR": ("limited", "refused"),
    "ptrace": ("limited", "not even a child"),
    "holes": ("limited", "keeps no holes"),
    "maps": ("ok", "names the stack"),
}


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    binary = tmp_path_factory.mktemp("probe") / "probe"
    source = Path(__file__).resolve().parents[2] / "doctor/probe.c"
    subprocess.run(["gcc", "-Wall", "-Wextra", "-Werror", source, "-o", binary], check=True)
    return binary


def facts(probe: Path, folder: Path, **environment: str) -> dict[str, list[str]]:
    out = subprocess.run([probe], cwd=folder, env={**os.environ, **environment}, check=True,
                         text=True, stdout=subprocess.PIPE, timeout=60).stdout
    lines = [line.split("|") for line in out.splitlines()]
    assert all(len(line) == 4 for line in lines), out
    assert all(line[0] == "ok" or line[3] for line in lines), "no advice:\n" + out
    return {line[1]: line for line in lines}


def test_each_probe_says_one_thing(probe: Path, tmp_path: Path) -> None:
    found = facts(probe, tmp_path)
    assert len(found) == 14
    assert {line[0] for line in found.values()} <= {"ok", "limited", "missing"}
    assert not list(tmp_path.iterdir())


def test_what_is_forbidden_is_told(probe: Path, tmp_path: Path) -> None:
    source, library = tmp_path / "forbid.c", tmp_path / "forbid.so"
    source.write_text(FORBIDDING)
    subprocess.run(["gcc", "-shared", "-fPIC", source, "-o", library], check=True)
    found = facts(probe, tmp_path, LD_PRELOAD=str(library))
    for name, (status, fact) in EXPECTED.items():
        assert found[name][0] == status and fact in found[name][2], found[name]


def test_a_small_limit_is_told(probe: Path, tmp_path: Path) -> None:
    out = subprocess.run(["sh", "-c", f"ulimit -f 100; {probe}"], cwd=tmp_path, check=True,
                         text=True, stdout=subprocess.PIPE, timeout=60).stdout
    assert "limited|limits|" in out


def test_doctor_ends_with_a_verdict(top: Path, tmp_path: Path) -> None:
    run = subprocess.run([top / "grader/doctor/doctor"], cwd=tmp_path, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    missing = "\nmissing " in run.stdout
    assert run.returncode == (1 if missing else 0)
    assert run.stderr == ""
    for name in ("machine", "libc", "kernel", "container", "gcc", "python", "vdso", "ptrace"):
        assert f" {name} " in run.stdout
    assert run.stdout.splitlines()[-1].startswith("Something is" if missing else ("The lab", "All of"))


def test_doctor_says_so_if_there_is_no_compiler(top: Path, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in "sh awk cat df dirname dmesg env grep getconf head id mktemp nproc rm sed tee tr uname".split():
        found = next(path for path in (Path("/bin", name), Path("/usr/bin", name)) if path.exists())
        (tools / name).symlink_to(found)
    run = subprocess.run([top / "grader/doctor/doctor"], cwd=tmp_path, text=True, timeout=60,
                         env={"PATH": str(tools)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert run.returncode == 1
    assert "missing  gcc" in run.stdout
    assert "there is no compiler" in run.stdout
