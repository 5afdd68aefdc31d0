"""The command line that runs a program in a sandbox, tier by tier, and which tier works on this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sandbox.spec import BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, OWN_UID, Spec

# What programs need of the system, read-only. Where /bin and the like are links into /usr, they are links inside.
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SETTINGS = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "ld.so.preload", "alternatives", "passwd", "group",
            "nsswitch.conf", "localtime")
NAMESPACES = ("--unshare-all", "--die-with-parent", "--new-session", "--as-pid-1", "--clearenv")
CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")

def environment(extra: dict[str, str]) -> dict[str, str]:
    """What a sandboxed program finds in its environment: nothing of the grader's."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8", **extra}

def system_binds() -> list[str]:
    words: list[str] = []
    for name in SYSTEM:
        path = Path(name)
        if path.is_symlink():
            words += ["--symlink", os.readlink(name), name]
        elif path.is_dir():
            words += ["--ro-bind", name, name]
    for name in SETTINGS:
        words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return words

def folder_binds(readable: Sequence[Path], writable: Sequence[Path]) -> list[str]:
    """At the same places inside as outside: /proc/PID/maps must read alike. An outer folder comes before an inner one."""
    pairs = [("--ro-bind", path) for path in readable] + [("--bind", path) for path in writable]
    words: list[str] = []
    for option, path in sorted(pairs, key=lambda pair: (len(pair[1].parts), pair[1])):
        words += [option, str(path), str(path)]
    return words

def open_parents(paths: Sequence[Path]) -> list[str]:
    """bubblewrap makes the folders above a bound one for whom it runs as alone; run by root, others could not pass."""
    parents = {parent for path in paths for parent in path.parents if parent != Path("/")}
    return [word for path in sorted(parents) for word in ("--perms", "0755", "--dir", str(path))]

def private_memory(size: int) -> list[str]:
    """What would else be as large as half of the machine's memory, and root's alone where root runs bubblewrap."""
    one = ["--perms", "1777", "--size", str(size), "--tmpfs"]
    return ["--proc", "/proc", "--dev", "/dev", *one, "/dev/shm", "--remount-ro", "/dev", *one, "/tmp"]

def user_words(spec: Spec) -> list[str]:
    """Who the programs are. --disable-userns: none can make itself root of a namespace in the namespace. What the keeper
    may, and they may not: hide a file from one of them, and be another user."""
    if spec.tier == BUBBLEWRAP:
        return ["--unshare-user", "--disable-userns", "--cap-add", "CAP_SYS_ADMIN"]
    return [word for name in ("SETUID", "SETGID", "KILL", "SYS_ADMIN") for word in ("--cap-add", f"CAP_{name}")]

def bubblewrap(spec: Spec, readable: Sequence[Path], writable: Sequence[Path]) -> list[str]:
    """All of bubblewrap's words. The keeper is the first process: no other one there can kill or stop it. (A program as
    the first would ignore signals that it has no handler for, so a missing handler for SIGUSR2 would go unseen.)"""
    unshare = list(NAMESPACES)
    if spec.tier == BUBBLEWRAP_BY_ROOT:  # all, but for the user namespace
        unshare[0:1] = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    words = ["bwrap", *unshare, *user_words(spec)]
    for name, value in environment({}).items():
        words += ["--setenv", name, value]
    if spec.tier == BUBBLEWRAP_BY_ROOT:
        words += open_parents([Path("/etc/passwd")])
    words += [*system_binds(), *private_memory(spec.limits.scratch)]
    if spec.tier == BUBBLEWRAP_BY_ROOT:
        words += open_parents([Path(spec.keeper), *readable, *writable])
    words += folder_binds([Path(spec.keeper), *readable], writable)
    return [*words, "--remount-ro", "/", "--chdir", "/", "--"]

def largest_core(spec: Spec) -> int:
    """What the kernel may write of a program, if that is a file in the program's folder, and no other program's affair."""
    try:
        pattern = CORE_PATTERN.read_text()
    except OSError:
        return 0
    return 0 if pattern.startswith("|") or "/" in pattern else spec.limits.disk

def keeper(spec: Spec, socket: int, pids: int) -> list[str]:
    limits = spec.limits
    words = [spec.keeper, str(socket), "-s", str(pids)]
    if spec.uid is not None and spec.tier in (BUBBLEWRAP_BY_ROOT, OWN_UID):
        words += ["-u", str(spec.uid)]
    values = {"core": largest_core(spec), "nproc": limits.processes, "fsize": limits.file, "cpu": limits.cpu, "nofile": 4096,
              "as": 2**64 - 1}  # the grader's own address space is limited, the program's is not
    for name, value in values.items():
        words += ["-l", f"{name}={value}"]
    return words

def command(spec: Spec, socket: int, readable: Sequence[Path], writable: Sequence[Path], pids: int = 0) -> list[str]:
    """The whole command line for a room, whose programs are started when so many pids of its namespace are used up."""
    inside = keeper(spec, socket, pids)
    if has_namespaces(spec):
        return [*other_user(spec), *bubblewrap(spec, readable, writable), *inside]
    return inside

def has_namespaces(spec: Spec) -> bool:
    return spec.tier in (BUBBLEWRAP, BUBBLEWRAP_BY_ROOT)


def other_user(spec: Spec) -> list[str]:
    """Who runs bubblewrap. A command, not Popen(user=...): with that, Python forks and copies itself each time."""
    if spec.tier != BUBBLEWRAP or spec.uid is None:
        return []
    return ["setpriv", f"--reuid={spec.uid}", f"--regid={spec.uid}", "--clear-groups", "--"]
