"""An arm64 machine of qemu's, which computes its processor: it is started, sent commands, and ended.

    with Machine(folder, host=TREE) as machine:
        status, output = machine.run("make -C /host check", limit=300)

The folder holds what goes back and forth, and the console. A machine that hangs is ended; Hung says what it last said.
The one who starts it need not be the one who sends it commands: `Machine(folder)` is a machine that runs already.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from kit.arm64 import disk, initrd
from kit.arm64.packages import needed

QEMU = "qemu-system-aarch64"
BOOT = 180  # seconds until it must be ready; 10 on a machine that is not busy
GRACE = 30  # seconds beyond a command's own limit until the whole machine counts as hung


class Hung(Exception):
    """The machine does not answer, or has ended by itself; the text has the end of its console."""


def silent(_: str) -> None:
    pass


class Machine:
    def __init__(self, folder: Path, host: Path | None = None, memory: int = 2048, processors: int = 1) -> None:
        self.folder = folder.resolve()
        self.host = (host or folder).resolve()
        self.memory, self.processors = memory, processors

    def __enter__(self) -> Machine:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, _: TracebackType | None) -> None:
        self.halt()

    def console(self) -> str:
        try:
            return (self.folder / "console").read_text(errors="replace").replace("\r", "")
        except FileNotFoundError:
            return ""

    def hung(self, what: str) -> Hung:
        return Hung(f"arm64: {what}. Its console ends with:\n" + "\n".join(self.console().splitlines()[-25:]))

    def pid(self) -> int | None:
        """Of the machine, if it runs."""
        try:
            pid = int((self.folder / "pid").read_text())
            name = Path(f"/proc/{pid}/comm").read_text()
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        return pid if name.strip() == QEMU[:15] and state != "Z" else None

    def start(self) -> None:
        needed(QEMU)
        made = disk.get()
        shutil.rmtree(self.folder / "rig", ignore_errors=True)
        (self.folder / "rig").mkdir(parents=True)
        (self.folder / "rig/now").write_text(f"@{time.time():.0f}")  # for a kernel without a driver of the clock
        for name in ("port.in", "port.out"):
            (self.folder / name).unlink(missing_ok=True)
            os.mkfifo(self.folder / name)
        (self.folder / "initrd").write_bytes(initrd.content(made.modules))
        share = "local,multidevs=remap,security_model=none"
        words: list[str | Path] = [
            QEMU, "-machine", "virt,mte=on", "-cpu", "max,pauth-impdef=on,sve=off", "-m", str(self.memory),
            "-smp", str(self.processors), "-display", "none", "-monitor", "none", "-nic", "none", "-no-reboot",
            "-kernel", made.kernel, "-initrd", self.folder / "initrd", "-append", "console=ttyAMA0 quiet panic=-1",
            "-serial", f"file:{self.folder}/console", "-pidfile", self.folder / "pid",
            "-drive", f"file={made.disk},format=raw,if=virtio,snapshot=on",
            "-virtfs", f"{share},path={self.folder}/rig,mount_tag=rig",
            "-virtfs", f"{share},path={self.host},mount_tag=host",
            "-device", "virtio-serial-pci", "-chardev", f"pipe,id=port,path={self.folder}/port",
            "-device", "virtserialport,chardev=port,name=ckptlab",
        ]  # fmt: skip
        (self.folder / "console").unlink(missing_ok=True)
        (self.folder / "pid").unlink(missing_ok=True)
        with (self.folder / "qemu").open("w") as said:
            qemu = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True)
        end = time.monotonic() + BOOT
        while not (self.folder / "rig/ready").exists():
            if qemu.poll() is not None:
                raise self.hung(f"{QEMU} ended: {(self.folder / 'qemu').read_text().strip()}")
            if time.monotonic() > end:
                self.kill()
                raise self.hung(f"not ready in {BOOT} s")
            time.sleep(0.1)

    def send(self, line: str) -> None:
        try:
            port = os.open(self.folder / "port.in", os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in (errno.ENXIO, errno.ENOENT):
                raise self.hung("the machine does not run") from None
            raise
        os.write(port, line.encode() + b"\n")
        os.close(port)

    def number(self, command: str) -> str:
        """Puts a command where the machine finds it, under a number of its own."""
        for number in range(1, 1_000_000):
            try:
                with (self.folder / f"rig/{number}.sh").open("x") as file:
                    file.write(command + "\n")
                return str(number)
            except FileExistsError:
                continue
        raise RuntimeError("too many commands")

    def run(self, command: str, limit: float = 600, say: Callable[[str], None] = silent) -> tuple[int, str]:
        """Exit status (124: it was ended, at its limit) and output of a shell command in the machine; say: as it comes."""
        if self.pid() is None:
            raise self.hung("the machine does not run")
        number = self.number(command)
        self.send(f"{number} {limit}")
        out, status = self.folder / f"rig/{number}.out", self.folder / f"rig/{number}.status"
        end = time.monotonic() + limit + GRACE
        whole, done = b"", False
        while not done:
            done = status.exists()
            if out.exists() and (more := out.read_bytes()[len(whole) :]):
                whole += more
                say(more.decode(errors="replace"))
            if not done and self.pid() is None:
                raise self.hung(f"the machine ended during: {command}")
            if not done and time.monotonic() > end:
                self.kill()
                raise self.hung(f"no answer in {limit} s to: {command}")
            time.sleep(0 if done else 0.1)
        return int(status.read_text()), whole.decode(errors="replace")

    def wait(self, seconds: float) -> bool:
        """Has it ended by then?"""
        end = time.monotonic() + seconds
        while (pid := self.pid()) is not None and time.monotonic() < end:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass
            time.sleep(0.1)
        return self.pid() is None

    def kill(self) -> None:
        if (pid := self.pid()) is not None:
            os.kill(pid, signal.SIGKILL)
            self.wait(10)

    def halt(self) -> None:
        """Ends it; its disk is as before."""
        if self.pid() is not None:
            try:
                self.send("halt")
            except Hung:
                pass
            if not self.wait(GRACE):
                self.kill()


def main() -> int:
    verb, folder, *rest = sys.argv[1:]
    machine = Machine(Path(folder), Path(rest[0]) if verb == "boot" and rest else None)
    if verb == "boot":
        machine.start()
    elif verb == "halt":
        machine.halt()
    else:
        status, _ = machine.run(rest[0], float(rest[1]) if rest[1:] else 600, lambda text: print(text, end="", flush=True))
        return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
