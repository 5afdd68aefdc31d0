"""An HTCondor pool of one machine, for one test: Debian 13's, in a chroot, in namespaces of its own.

Debian 12 has no HTCondor, so debootstrap makes the chroot, beside those of kit/systems.py, where it stays for the
next run. The pool's daemons and jobs are one ordinary user's, in a pid namespace that ends with the test, and in a
network namespace that has only its loopback device: nobody else can reach them, nor they anybody. The stage's programs
are those that were built here: a job takes one build along to all machines, and runs with newer C libraries than it was
built with (here 2.41), not with older ones.
"""
from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from kit import systems
from kit.systems import NotHere
from stage.process import children_of

LIMIT = 120.0  # seconds for anything that must happen
SYSTEM = systems.System("Debian 13", "trixie", systems.DEBIAN)
ROOT = systems.PLACE / "trixie-htcondor"
USER = 1000  # in the chroot alone
INSTALL = f"""
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive
apt-get -q update && apt-get -q install -y --no-install-recommends htcondor sqlite3 python3-minimal && apt-get clean &&
useradd --uid {USER} --home-dir /pool --no-create-home job && mkdir -p /pool /stage
"""

# All times short. A job that leaves has as long as it needs (MachineMaxVacateTime is ten minutes).
CONFIGURATION = """\
RELEASE_DIR = /usr
LOCAL_DIR = /pool
use ROLE: Personal
BIN = /usr/bin
SBIN = /usr/sbin
LIB = /usr/lib/condor
LIBEXEC = /usr/libexec/condor
RUN = /pool/run
LOG = /pool/log
LOCK = /pool/lock
SPOOL = /pool/spool
EXECUTE = /pool/execute
NETWORK_INTERFACE = 127.0.0.1
CONDOR_HOST = 127.0.0.1
ALLOW_READ = *
ALLOW_WRITE = *
ALLOW_DAEMON = *
ALLOW_ADMINISTRATOR = *
ALLOW_NEGOTIATOR = *
START = true
SUSPEND = false
PREEMPT = false
NUM_CPUS = 8
NUM_SLOTS = 8
MEMORY = 16000
RUNBENCHMARKS = false
USE_PROCD = false
NEGOTIATOR_INTERVAL = 1
NEGOTIATOR_MIN_INTERVAL = 1
NEGOTIATOR_CYCLE_DELAY = 1
SCHEDD_INTERVAL = 1
SCHEDD_MIN_INTERVAL = 1
UPDATE_INTERVAL = 2
"""

NAMESPACES = ["setpriv", "--pdeathsig", "KILL", "--", *systems.PRIVATE, "--net", "--ipc", "--uts"]
AS_USER = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs"]
ENVIRONMENT = ["/usr/bin/env", "-i", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/pool", "LC_ALL=C.UTF-8",
               "CONDOR_CONFIG=/pool/condor_config"]
# Process 1 stays root's: a change of user would let the daemons outlive who started them (PR_SET_PDEATHSIG).
ENTER = """
root=$0 pool=$1 stage=$2
shift 2
ip link set lo up && hostname pool && mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" &&
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm" && mount -t tmpfs -o mode=1777 tmpfs "$root/tmp" &&
mount --bind "$pool" "$root/pool" && mount --bind -o ro "$stage" "$root/stage" &&
mount --bind "$pool/hosts" "$root/etc/hosts" || exit 71
chroot "$root" "$@" &
wait
"""


def check_rights() -> None:
    systems.check_rights()
    if shutil.which("ip") is None:
        raise NotHere("ip is not installed (iproute2), which brings up the loopback device")
    done = subprocess.run([*NAMESPACES, "true"], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise NotHere(f"no network of its own: {done.stderr.strip()}")


def make_root() -> Path:
    """The chroot, which has its name only when it is whole."""
    check_rights()
    if not ROOT.exists():
        partial = ROOT.with_name(f"{ROOT.name}.making")
        shutil.rmtree(partial, ignore_errors=True)
        systems.make_root(SYSTEM, partial)
        for name in ("resolv.conf", "hosts"):
            shutil.copyfile(Path("/etc", name), partial / "etc" / name)
        done = systems.inside(partial, "sh", "-ec", INSTALL)
        if done.returncode != 0:
            raise NotHere(f"HTCondor cannot be installed in {partial}: {done.stdout.strip().splitlines()[-1]}")
        partial.rename(ROOT)
    return ROOT


def wait_for(what: str, event: Callable[[], bool], limit: float = LIMIT) -> None:
    end = time.monotonic() + limit
    while not event():
        assert time.monotonic() < end, f"{what}: not within {limit:g} seconds"
        time.sleep(0.05)


class Pool:
    """Started by start(), ended by stop()."""

    def __init__(self, root: Path, folder: Path, stage: Path) -> None:
        self.root, self.folder, self.stage = root, folder, stage
        self.unshare: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        for name in ("run", "log", "lock", "spool", "execute"):
            (self.folder / name).mkdir()
        (self.folder / "condor_config").write_text(CONFIGURATION)
        (self.folder / "hosts").write_text("127.0.0.1 localhost pool\n")
        self.own(self.folder)
        with (self.folder / "master.out").open("ab") as out:
            self.unshare = subprocess.Popen(
                [*NAMESPACES, "sh", "-c", ENTER, self.root, self.folder, self.stage, *ENVIRONMENT, *AS_USER,
                 "condor_master", "-f"], stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        wait_for("the machine is in the pool", lambda: "slot1@" in self.ask("condor_status", "-af", "Name"))

    def own(self, folder: Path) -> None:
        for path in [folder, *folder.rglob("*")]:
            shutil.chown(path, USER, USER)

    def ask(self, *words: str, folder: str = "/pool") -> str:
        """What a command prints inside; its errors as well."""
        assert self.unshare is not None
        assert self.unshare.poll() is None, (self.folder / "master.out").read_text()
        inside = children_of(self.unshare.pid)
        if not inside:
            return ""
        done = subprocess.run(["nsenter", f"--target={inside[0]}", "--mount", "--pid", "--net", "--uts", "--ipc", "chroot", self.root,
                               *ENVIRONMENT, *AS_USER, "sh", "-c", 'cd "$0" && exec "$@"', folder, *words],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=LIMIT, check=False)
        return done.stdout

    def stop(self) -> None:
        """Process 1 of the namespace dies, and so do all."""
        if self.unshare is not None:
            self.unshare.send_signal(signal.SIGKILL)
            self.unshare.wait(LIMIT)
