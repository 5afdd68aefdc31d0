"""A job of ckpt-shadow's that looks for the files of the machine that runs it; and what ckpt-shadow lets it change."""
from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import need
from kit import mutants

pytestmark = pytest.mark.xdist_group("remote_hostile")  # what is built once is built by one worker

# Each path that it is given, from "/" and from directories of /proc: prints those behind which the decoy is.
SEEKER = r"""
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void seek(int directory, const char *path)
{
    char text[6] = "";
    struct stat st;
    int fd = openat(directory, path, O_RDONLY);
    if (fd >= 0)
        read(fd, text, 5);
    close(fd);
    if (strcmp(text, "DECOY") == 0 || (fstatat(directory, path, &st, 0) == 0 && st.st_size == 5) ||
        openat(directory, path, O_WRONLY) >= 0)
        printf("%d %s\n", directory, path);
}

int main(int argc, char **argv)
{
    int proc = open("/proc", O_RDONLY), self = open("/proc/./self", O_RDONLY | O_DIRECTORY);
    for (int i = 1; i < argc; i++) {
        seek(AT_FDCWD, argv[i]);
        seek(proc, strncmp(argv[i], "/proc/", 6) == 0 ? argv[i] + 6 : argv[i]);
        seek(self, strncmp(argv[i], "/proc/self/", 11) == 0 ? argv[i] + 11 : argv[i]);
    }
    printf("%d %d\n", proc >= 0 && self >= 0, open("/dev/./urandom", O_RDONLY) >= 0);
}
"""
ROOTS = ("", "/proc/self/root", "/proc//self/root", "/proc/./self/root", "/proc/self//root", "/proc/self/./root", "//proc/self/root",
         "/./proc/self/root", "/proc/1/root", "/proc//1/./root", "/proc/thread-self//root", "/proc/self/./task/1/root",
         "/proc/self//cwd", "/proc/1//cwd", "/proc/../", "/sys/./..", "/proc/self/fd/../root", "link")


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mutants.build_solution(tmp_path_factory.mktemp("hostile"), "stage6-remote")


def test_no_name_leads_to_the_other_machines_files(stage: Path, tmp_path: Path) -> None:
    """The decoy is nowhere at home, and under this name on the other machine."""
    need("bwrap")
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    for folder in ("proc", "dev", "sys", "x"):
        (other / folder).mkdir(parents=True)
    (other / "decoy").write_text("DECOY")
    (home / "link").symlink_to("/proc/self/root")
    subprocess.run(["gcc", "-w", "-x", "c", "-o", home / "seeker", "-"], input=SEEKER, text=True, check=True)
    command = f"bwrap --bind {other} / --ro-bind {stage} /x --ro-bind /proc /proc --dev /dev --ro-bind /sys /sys --chdir / --"
    words = [stage / "ckpt-shadow", "-e", command, "--restart", "/x/restart-static", home / "seeker",
             *(f"{root}/decoy" for root in ROOTS)]
    done = subprocess.run(words, cwd=home, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "1 1\n"), done.stderr


def test_what_may_be_changed_is_never_all_nor_a_device(stage: Path, tmp_path: Path) -> None:
    """--rules, so that nothing is tried on this machine's devices."""
    (tmp_path / "link").symlink_to("/")
    words = [stage / "ckpt-shadow", "--rules", "/bin/cat", "/", "//", "/.", "/usr/..", "--in=/./", str(tmp_path / "link")]
    rules = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    changed = [line.split()[1] for line in rules.splitlines() if line.startswith("  change")]
    assert str(tmp_path) in changed and "/" not in changed and not [path for path in changed if path.startswith("/dev")]


def test_devices_can_be_written_to(stage: Path, tmp_path: Path) -> None:
    words = [stage / "ckpt-shadow", "/usr/bin/tee", "/dev/null", "/dev/full"]
    done = subprocess.run(words, cwd=tmp_path, input="text", capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (1, "text") and "No space left" in done.stderr


def test_a_signal_mask_from_outside_kills_no_job(stage: Path, tmp_path: Path) -> None:
    """SIGSYS, blocked by who starts ckpt-shadow, would be blocked in the job; and the kernel kills for that."""
    code = f"import os, signal; signal.pthread_sigmask(signal.SIG_BLOCK, [{int(signal.SIGSYS)}]); " \
           f"os.execv('{stage}/ckpt-shadow', ['ckpt-shadow', '/bin/echo', 'text'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "text\n"), done.stderr


# Numbers that nobody can have: what was open stays, and nothing more is open at home, where 4096 can be.
NUMBERS = r"""
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static int wrong;

static void check(int good, const char *what)
{
    wrong += !good;
    if (!good)
        printf("%s\n", what);
}

int main(void)
{
    int fd = open("file", O_RDWR | O_CREAT, 0600), other = open("other", O_RDWR | O_CREAT, 0600), failed = 0, last = -1;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < 1500; i++) {
        failed += dup2(fd, 1 << 20) < 0 && errno == EBADF;
        failed += fcntl(fd, F_DUPFD, 1 << 20) < 0 && errno == EINVAL;
        failed += fcntl(fd, F_DUPFD, -1) < 0 && errno == EINVAL;
        failed += dup2(fd, -1) < 0 && errno == EBADF;
    }
    check(failed == 6000, "not refused");
    check(dup2(999, other) < 0 && write(other, "o", 1) == 1, "closed too early");
    limit.rlim_cur = 64;
    setrlimit(RLIMIT_NOFILE, &limit);
    check(dup2(fd, 64) < 0 && errno == EBADF, "beyond the limit");
    for (int new; (new = dup(fd)) >= 0;)
        last = new;
    check(last == 63 && errno == EMFILE, "not all numbers");
    check(dup2(fd, other) == other && write(other, "f", 1) == 1, "dup2 with all numbers taken");
    check(write(fd, "f", 1) == 1 && lseek(last, 0, SEEK_CUR) == 2, "one file");
    return wrong;
}
"""


def test_a_number_that_nobody_can_have_changes_nothing(stage: Path, tmp_path: Path) -> None:
    subprocess.run(["gcc", "-w", "-x", "c", "-o", tmp_path / "numbers", "-"], input=NUMBERS, text=True, check=True)
    words = [stage / "ckpt-shadow", tmp_path / "numbers"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert ((tmp_path / "file").read_text(), (tmp_path / "other").read_text()) == ("ff", "o")


# By a number's name in /proc one opens the file anew, whoever has it open.
NAMES = r"""
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    int found = 0;
    char path[64];
    for (int fd = 3; fd < 2000; fd++)
        for (int way = 0; way < 3; way++) {
            static const char *const ways[] = {"/proc/self/fd/%d", "/dev/fd/%d", "/proc/thread-self/fd/%d"};
            sprintf(path, ways[way], fd);
            found += open(path, O_RDWR) >= 0;
        }
    return found;
}
"""


def test_the_next_image_is_nothing_of_the_programs(stage: Path, tmp_path: Path) -> None:
    subprocess.run(["gcc", "-w", "-x", "c", "-o", tmp_path / "names", "-"], input=NAMES, text=True, check=True)
    words = ["prlimit", "--nofile=1024", stage / "ckpt-shadow", tmp_path / "names"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
