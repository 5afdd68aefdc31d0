"""A job goes through a real sshd, on this machine's loopback: all of it, its keys too, is in the test's folder."""
from __future__ import annotations

import contextlib
import getpass
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import need
from job_terminal import PROMPT, Terminal
from kit import built
from stage.process_table import descendants, processes

pytestmark = pytest.mark.stress

LIMIT = 30.0
LOST = 10.0  # seconds in which a job ends whose connection was cut
OWN_RUN = ["bwrap", "--dev-bind", "/", "/", "--tmpfs", "/run", "--dir", "/run/sshd", "--cap-add", "ALL", "--die-with-parent", "--"]
SERVER = """\
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitUserRC no
PrintMotd no
"""
CLIENT = """\
Host other
    HostName 127.0.0.1
    Port {port}
    User {user}
    IdentityFile {folder}/user
    IdentitiesOnly yes
    BatchMode yes
    UserKnownHostsFile {folder}/known_hosts
    GlobalKnownHostsFile none
    StrictHostKeyChecking yes
    LogLevel ERROR
"""
WAITS = r"""
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
sys.stderr.write(f"job {os.getpid()}\n")
if "signal" in sys.argv:
    sys.exit(signal.sigwait([signal.SIGINT]) + 7)
while "computes" in sys.argv:
    pass
print("got", input())
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def start_server(folder: Path, sshd: str) -> subprocess.Popen[str]:
    """sshd, when it listens.  Somebody else may take the port that was free: then another one."""
    said = ""
    for _ in range(5):
        port = free_port()
        host_key = (folder / "host.pub").read_text()
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}")
        (folder / "server").write_text(SERVER.format(folder=folder, port=port))
        (folder / "config").write_text(CLIENT.format(folder=folder, port=port, user=getpass.getuser()))
        needs_folder = os.geteuid() == 0 and not Path("/run/sshd").is_dir()  # only root's needs it
        words = [*(OWN_RUN if needs_folder else []), sshd, "-D", "-e", "-f", str(folder / "server")]
        server = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        assert server.stderr is not None
        line = server.stderr.readline()
        while line and "Server listening" not in line:
            said, line = line, server.stderr.readline()
        if line:
            return server
        server.wait()
    pytest.skip(f"not tried here: sshd does not start: {said.strip()}")


@pytest.fixture(name="ssh", scope="module")
def ssh_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """COMMAND: ssh to a server that runs, and lets us in."""
    folder = tmp_path_factory.mktemp("sshd")
    sshd = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    for tool in ("ssh", "ssh-keygen", sshd or "sshd"):
        need(tool)
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
    server = start_server(folder, str(sshd))
    command = f"ssh -F {shlex.quote(str(folder / 'config'))} other"
    done = subprocess.run([*shlex.split(command), "true"], capture_output=True, text=True, check=False, timeout=LIMIT)
    if done.returncode != 0:
        server.kill()
        pytest.skip(f"not tried here: sshd does not let {getpass.getuser()} in: {done.stderr.strip()}")
    yield command
    server.kill()
    server.wait()  # not communicate(): a connection that lives on has its standard error, too
    assert server.stderr is not None
    server.stderr.close()


def job(ssh: str, *words: str) -> list[str]:
    stage = built.solution() / "stage6-remote"
    return [str(stage / "ckpt-shadow"), "-e", ssh, "--restart", str(stage / "restart-static"), "--", *words]


def test_input_output_and_exit_status(ssh: str, tmp_path: Path) -> None:
    """A megabyte through both, to its last byte."""
    data = os.urandom(1 << 20)
    done = subprocess.run(job(ssh, "/usr/bin/cat"), input=data, capture_output=True, cwd=tmp_path, check=False, timeout=LIMIT)
    assert (done.returncode, done.stdout) == (0, data), done.stderr
    (tmp_path / "mine").write_text("home's\n")
    done = subprocess.run(job(ssh, "/usr/bin/python3", "-c", "print(open('mine').read(), end=''); exit(23)"), capture_output=True,
                          cwd=tmp_path, check=False, timeout=LIMIT)
    assert (done.returncode, done.stdout) == (23, b"home's\n"), done.stderr


def test_ctrl_c(ssh: str, tmp_path: Path) -> None:
    """It goes to all who are at the terminal, so to ssh, too; but it is the job's."""
    (tmp_path / "waits").write_text(WAITS)
    with contextlib.closing(Terminal(tmp_path)) as terminal:
        terminal.wait_for(PROMPT)
        terminal.type(shlex.join(job(ssh, "/usr/bin/python3", "waits", "signal")) + "\n")
        terminal.wait_for(r"job \d+\r")
        terminal.type("\x03")
        terminal.wait_for(PROMPT)
        terminal.type("echo status $?\n")
        terminal.wait_for("status 9\r")


def child_of(parent: int, name: str) -> int:
    """A process of this name below another one."""
    for pid in descendants(processes(), [parent]):
        if Path(f"/proc/{pid}/comm").read_text() == f"{name}\n":
            return pid
    raise AssertionError(f"no {name} below {parent}")


@pytest.mark.parametrize("what", ["waits", "computes"])
@pytest.mark.parametrize("cut", [signal.SIGKILL, signal.SIGSTOP])
def test_a_connection_that_is_cut(ssh: str, tmp_path: Path, cut: signal.Signals, what: str) -> None:
    """ssh is killed; or it is silent, as a network is that is gone."""
    (tmp_path / "waits").write_text(WAITS)
    read, write = os.pipe()
    shadow = subprocess.Popen(job(ssh, "/usr/bin/python3", "waits", what), cwd=tmp_path, stdin=read, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
    assert shadow.stderr is not None
    line = shadow.stderr.readline()
    assert line.startswith("job "), line
    gone = os.pidfd_open(int(line.split()[1]))
    connection = child_of(shadow.pid, "ssh")
    os.kill(connection, cut)
    start = time.monotonic()
    ended, _, _ = select.select([gone], [], [], LIMIT)
    seconds = time.monotonic() - start
    shadow.wait(LIMIT)
    if cut == signal.SIGSTOP:
        os.kill(connection, signal.SIGKILL)
    _, errors = shadow.communicate(timeout=LIMIT)
    for fd in (read, write, gone):
        os.close(fd)
    assert ended and seconds < LOST, f"the job ended after {seconds:.1f} s: {errors}"
    assert shadow.returncode == 75 and "the job's last state: " in errors
