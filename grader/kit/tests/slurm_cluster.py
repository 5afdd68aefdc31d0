"""A Slurm cluster on this machine, for one test: Debian's munged, slurmctld and slurmd, all state in one folder.

Debian builds slurmd so that several can run on one machine: each has a node name, a port and a spool
folder of its own. There is no accounting database and no cgroup plugin. Everything is found again, and
ended, by this folder: it stands in the environment of each daemon (SLURM_CONF) and in each task's
working folder.
"""
from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Callable, Optional

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "sinfo")
LIMIT = 240.0  # seconds for anything that must happen

# A daemon must not outlive a test that was killed; and it has the limits that Debian's service gives it.
AS_A_SERVICE = ("setpriv", "--pdeathsig", "KILL", "--", "prlimit", "--stack=unlimited", "--")

# Times are short: a requeued task waits for cred_expire (5 is the least), a node is down after SlurmdTimeout.
CONFIGURATION = """\
ClusterName=ckptlab
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdPidFile={folder}/%n.pid
SlurmdLogFile={folder}/%n.log
SlurmdSpoolDir={folder}/spool-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU,CR_LLN
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
Prolog={folder}/prolog
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=4
KillWait=1
MaxArraySize={array}
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=1
{nodes}
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=all Nodes=node[1-{count}] PriorityTier=1 Default=YES MaxTime=INFINITE
PartitionName=short Nodes=node[1-{count}] PriorityTier=1 MaxTime=5
PartitionName=urgent Nodes=node[1-{count}] PriorityTier=2 MaxTime=INFINITE
"""

# Runs before each task; a task cannot be launched on a node for which there is such a file.
PROLOG = """\
#!/bin/sh
! [ -e {folder}/cannot-launch-$SLURMD_NODENAME ]
"""


def with_lines(configuration: str, lines: str) -> str:
    """Each of the lines takes the place of one that begins with the same word, if there is one."""
    words = {line.split()[0].partition("=")[0] if not line.startswith(("NodeName", "PartitionName")) else line.split()[0]
             for line in lines.splitlines() if line and not line.startswith("#")}
    kept = [line for line in configuration.splitlines()
            if not {line.split()[0], line.split()[0].partition("=")[0]} & words]
    return "\n".join([*kept, lines])


def missing() -> str:
    """Why there can be no cluster here, or nothing."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    absent = [name for name in NEEDED if not shutil.which(name, path=path)]
    if absent:
        return f"not installed: {', '.join(absent)} (grader/dependencies, [check])"
    return "slurmd starts tasks as root only" if os.geteuid() else ""


def wait_for(what: str, event: Callable[[], bool], limit: float = LIMIT) -> None:
    end = time.monotonic() + limit
    while not event():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {limit:g} seconds")
        time.sleep(0.02)


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def belongs(pid: int, folder: Path) -> bool:
    """Whether a process has the folder in its environment or its command, or works in it; zombies do not count."""
    mark = os.fsencode(folder)
    try:
        proc = Path(f"/proc/{pid}")
        if b"\nState:\tZ" in (proc / "status").read_bytes():
            return False
        texts = [(proc / name).read_bytes() for name in ("environ", "cmdline")]
        return any(mark in text for text in [*texts, os.fsencode(os.readlink(proc / "cwd"))])
    except OSError:
        return False


class Cluster:
    """Started by start(), ended by stop()."""

    def __init__(self, folder: Path, nodes: int = 3, array: int = 20, lines: str = "") -> None:
        """With these lines of slurm.conf, too."""
        self.folder = folder
        self.lines = lines
        self.names = [f"node{number}" for number in range(1, nodes + 1)]
        self.conf = folder / "slurm.conf"
        self.array = array
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        self.changed = False  # a test changed how the nodes run
        self.environment = {**os.environ, "SLURM_CONF": str(self.conf),
                            "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}

    def start(self) -> None:
        """All daemons, and waits until every node can take tasks."""
        self._write_configuration()
        self._start_munge()
        self.start_controller()
        for name in self.names:
            self.start_node(name)
        self._wait_for_nodes()

    def _write_configuration(self) -> None:
        port, *ports = free_ports(1 + len(self.names))
        host = socket.gethostname().split(".")[0]
        nodes = [f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={number} CPUs=2"
                 for name, number in zip(self.names, ports)]
        prolog = self.folder / "prolog"
        prolog.write_text(PROLOG.format(folder=self.folder))
        prolog.chmod(0o755)
        for name in ("state", *(f"spool-{name}" for name in self.names)):
            (self.folder / name).mkdir()
        self.conf.write_text(with_lines(CONFIGURATION.format(
            folder=self.folder, host=host, port=port, array=self.array, nodes="\n".join(nodes),
            count=len(self.names)), self.lines))

    def _start_munge(self) -> None:
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        options = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        self._start("munged", "--foreground", "--force", "--num-threads=1",
                    *(f"--{name}={self.folder}/munge.{end}" for name, end in options.items()))
        wait_for("munged listens", (self.folder / "munge.socket").exists)

    def start_controller(self) -> None:
        self._start("slurmctld", "-D")

    def start_node(self, name: str, *wrapper: str) -> None:
        self._start(name, "-D", "-N", name, program="slurmd", wrapper=wrapper)

    def _start(self, name: str, *options: str, program: str = "", wrapper: tuple[str, ...] = ()) -> None:
        with (self.folder / f"{name}.out").open("ab") as out:
            self.daemons[name] = subprocess.Popen(
                [*AS_A_SERVICE, *wrapper, program or name, *options], cwd=self.folder, env=self.environment,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)

    def ask(self, *command: str) -> str:
        """What a command of Slurm's prints; "" if it fails."""
        done = subprocess.run(command, env=self.environment, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=LIMIT)
        return done.stdout if done.returncode == 0 else ""

    def states(self) -> dict[str, str]:
        lines = self.ask("sinfo", "--noheader", "--Node", "--partition=all", "--format=%N %T").splitlines()
        return {name: state for name, state in (line.split() for line in lines)}

    def tasks(self, *options: str) -> list[list[str]]:
        """Job id, array id, index, state, node and restarts of each task that is not at its end."""
        text = self.ask("squeue", "--noheader", "--array", "--format=%A %F %K %T %N", *options)
        return [line.split() for line in text.splitlines()]

    def kill(self, name: str) -> None:
        """A daemon dies, without a farewell."""
        daemon = self.daemons.pop(name)
        os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait()

    def crash(self, name: str) -> None:
        """A node is gone at once: slurmd, and all tasks on it."""
        self.kill(name)
        scripts = [pid for pid in self.processes() if f"/spool-{name}/" in _command(pid)]
        sessions = {os.getsid(pid) for pid in scripts}
        tasks = [pid for pid in self.processes() if os.getsid(pid) in sessions]
        stepds = [_parent(pid) for pid in scripts]
        for pid in [*stepds, *tasks]:  # in this order: a stepd must not tell how its task ended
            _kill(pid)

    def break_launching(self, name: str) -> None:
        (self.folder / f"cannot-launch-{name}").touch()

    def hide(self, folder: Path) -> None:
        """From now on the nodes do not see a folder: they are started anew, with something else in its place."""
        for name in self.names:
            self.kill(name)
            self.start_node(name, "unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"',
                            str(folder))
        self.changed = True

    def repair(self) -> None:
        """As it was at the start, after a test that did harm to it."""
        broken = list(self.folder.glob("cannot-launch-*"))
        if not self.changed and not broken and all(daemon.poll() is None for daemon in self.daemons.values()) \
                and all(state == "idle" for state in self.states().values()):
            return
        for path in broken:
            path.unlink()
        for name in self.names:
            if name in self.daemons:
                self.kill(name)
            self.start_node(name)
            self.ask("scontrol", "update", f"NodeName={name}", "State=RESUME")
        self.changed = False
        self._wait_for_nodes()

    def _wait_for_nodes(self) -> None:
        wait_for("all nodes are idle", lambda: self.states() == dict.fromkeys(self.names, "idle"))

    def processes(self) -> list[int]:
        """All that was started for this cluster and has not ended: daemons, stepds, tasks."""
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
        return [pid for pid in pids if belongs(pid, self.folder)]

    def stop(self) -> list[int]:
        """Ends everything; gives what had to be killed. Nothing is left when it returns."""
        if "slurmctld" in self.daemons:
            self.ask("scancel", "--user=root")
            wait_or_not(lambda: not self.tasks(), 10)
        for name in reversed(list(self.daemons)):
            daemon = self.daemons.pop(name)
            daemon.terminate()
            end(daemon)
        wait_or_not(lambda: not self.processes(), 5)
        left = self.processes()
        for pid in left:
            _kill(pid)
        wait_for("nothing is left", lambda: not self.processes())
        return left


def wait_or_not(event: Callable[[], bool], limit: float) -> None:
    try:
        wait_for("", event, limit)
    except AssertionError:
        pass


def end(daemon: subprocess.Popen[bytes]) -> Optional[int]:
    try:
        return daemon.wait(10)
    except subprocess.TimeoutExpired:
        daemon.kill()
        return daemon.wait()


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""
