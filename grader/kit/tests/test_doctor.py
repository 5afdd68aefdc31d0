"""`make doctor`: what it says here, and what it would say on machines that forbid things."""
from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from test_setup import RARE, lack

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


def test_what_the_archive_lacks_is_a_limit(top: Path, tmp_path: Path) -> None:
    for name in ("doctor/doctor", "doctor/probe.c", "setup", "python", "dependencies"):
        (tmp_path / "grader" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(top / "grader" / name, tmp_path / "grader" / name)
    lack(tmp_path / "grader", RARE)
    (tmp_path / "grader/kit").mkdir()
    (tmp_path / "Packages").touch()
    for name in ("apt-cache", "apt-get"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    settings = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CKPTLAB_APT_LISTS": str(tmp_path)}

    def said() -> str:
        return subprocess.run([tmp_path / "grader/doctor/doctor"], env={**os.environ, **settings}, text=True,
                              stdout=subprocess.PIPE, timeout=60, check=False).stdout

    words = r"limited +ckptlab-rare +an interpreter; not in this system's archive\n +-> what needs it is not tried here\n"
    assert re.search(words, said()), said()
    (tmp_path / "grader/kit").rmdir()  # a hand-out has no kit: what only that needs is not spoken of
    assert "ckptlab-rare" not in said()


# Machines that are not here: what of /proc, /etc and uname differs there, and what doctor must say. Five hold it all,
# whatever becomes of a processor of Apple's in WSL 1: a run of doctor starts a hundred processes.
OTHERS: list[tuple[dict[str, str], dict[str, str], list[str]]] = [
    ({"proc/cpuinfo": "vendor_id : VirtualApple", ".dockerenv": "", "proc/self/status": "x86_Thread_features:\tshstk",
      "proc/meminfo": "MemAvailable: 1024000 kB"},
     {"-r": "4.4.0-19041-Microsoft", "getconf": "exit 1"},
     ["missing kernel: WSL 1", "limited emulator: Rosetta", "ok container: Docker", "missing libc: not glibc",
      "limited shadow stack: on in this shell", "limited space: 1000 MiB"]),
    ({"proc/cpuinfo": "CPU implementer : 0x61", "run/.containerenv": "", "proc/meminfo": "MemAvailable: 90000000 kB",
      "sys/fs/cgroup/memory.max": "1073741824", "proc/sys/kernel/core_pattern": "|/usr/share/apport/apport -p%p"},
     {"-r": "5.15.90.1-microsoft-standard-WSL2", "getconf": "echo glibc 2.28"},
     ["ok kernel: WSL 2", "missing emulator: qemu-user", "ok container: Podman", "limited libc: 2.28",
      "limited space: 1024 MiB", "limited core files: program: /usr/share/apport/apport"]),
    ({"proc/version": "Linux version 4.4.0 gVisor", "proc/cpuinfo": "model name : QEMU TCG CPU",
      "proc/1/environ": "a=b\0container=lxc\0"},
     {"-m": "riscv64"},
     ["missing kernel: gVisor", "missing machine: riscv64", "ok emulator: slowly", "ok container: lxc"]),
    ({"proc/self/status": "Seccomp:\t2"}, {"-s": "Darwin", "-m": "aarch64", "getconf": "echo 16384"},
     ["missing system: Darwin", "limited machine: pages of 16384 bytes", "ok container: are filtered"]),
    ({"proc/cpuinfo": "CPU implementer : 0x61", "proc/sys/fs/binfmt_misc/rosetta": "enabled"},
     {"-m": "aarch64", "getconf": "[ $1 = PAGESIZE ] && echo 4096 || echo glibc 2.36"},
     ["ok machine: grader/doctor/names", "ok emulator: none", "ok libc: 2.36"]),
]


def pretend(folder: Path, files: dict[str, str], answers: dict[str, str]) -> dict[str, str]:
    """Lays out another machine's files and commands; returns the environment that shows them."""
    root, tools = folder / "root", folder / "tools"
    for name, text in {"proc/meminfo": "MemAvailable: 9000000 kB", **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    tools.mkdir()
    cases = "".join(f"{option}) echo {answer} ;; " for option, answer in answers.items())
    scripts = {"uname": f'case $1 in {cases}*) exec /bin/uname "$@" ;; esac',
               "getconf": answers.get("getconf", "echo glibc 2.36"),
               **dict.fromkeys(("dmesg", "gcc", "clang", "gdb", "valgrind"), "exit 1")}
    for name, script in scripts.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    return {"PATH": f"{tools}:{os.environ['PATH']}", "CKPTLAB_DOCTOR_ROOT": str(root)}


@pytest.fixture
def doctor(top: Path, tmp_path: Path) -> Path:
    """doctor where all is installed, which to see takes longer than all else."""
    grader = tmp_path / "grader"
    grader.mkdir()
    for name, script in {"setup": "exit 0", "python": "echo python3"}.items():
        (grader / name).write_text(script)
    (grader / "doctor").mkdir()
    return Path(shutil.copy2(top / "grader/doctor/doctor", grader / "doctor/doctor"))


@pytest.mark.sample
@pytest.mark.parametrize("files, answers, expected", OTHERS)
def test_another_machine_is_known(files: dict[str, str], answers: dict[str, str], expected: list[str], doctor: Path,
                                  tmp_path: Path) -> None:
    environment = {**os.environ, **pretend(tmp_path, files, answers)}
    run = subprocess.run([doctor], cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, timeout=60)
    for line in expected:
        status, rest = line.split(" ", 1)
        about, words = rest.split(": ", 1)
        found = re.findall(rf"^{status} +{about} .*\n.*", run.stdout, re.MULTILINE)
        assert len(found) == 1 and words in found[0].splitlines()[0], run.stdout
        assert status == "ok" or "-> " in found[0].splitlines()[1], run.stdout


@pytest.mark.parametrize("processor, said", [("x86_64", "ok +reference"), ("aarch64", "missing +reference")])
def test_a_handout_s_reference_is_looked_for(processor: str, said: str, doctor: Path, tmp_path: Path) -> None:
    (tmp_path / "reference/x86_64").mkdir(parents=True)
    environment = {**os.environ, **pretend(tmp_path, {}, {"-m": processor})}
    run = subprocess.run([doctor], cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, timeout=60)
    assert re.search(rf"^{said} .* for {processor}$", run.stdout, re.MULTILINE), run.stdout


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
