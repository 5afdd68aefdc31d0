"""A session of a document's (rundocs.py) whose commands run on the arm64 machine, in a copy of the tree at the same path.

The tree is here. Before each command what has changed in it goes there. A `make` there asks for what it would build: it is
cross-compiled here, and comes back. All of it goes through /host/talk, whole files, each under its last name when it is
complete: N.text is a command; PID.make is a make's folder and arguments, PID.up the sources that were changed there,
PID.tar, PID.out and PID.status what came of it. Then goals are made there, too: they may run what is built.
"""

from __future__ import annotations

import io
import os
import re
import secrets
import shutil
import subprocess
import tarfile
import threading
import time
from pathlib import Path

from kit import rundocs
from kit.arm64 import disk, lab
from kit.arm64.machine import Machine
from kit.arm64.stages import command as with_setup

TALK = "/host/talk"
CROSS, OWN = f"{lab.CROSS} ".encode(), b"cc "  # what build/flags begins with, here and there
MAKE = r"""#!/bin/bash
case "$PWD $* " in *" check "* | *" doctor "* | *" stress "*) exec /usr/bin/make "$@" ;; @TREE@*) ;; *) exec /usr/bin/make "$@" ;; esac
goals=() words=() value=
for word in "$@"; do
    case $value$word in [!-]*=* | -*) words+=("$word") ;; *) goals+=("$word") ;; esac
    [ "$word" = -C ] && value=-C || value=
done
[ "${goals[*]}" != clean ] || words=("$@")
n=@TALK@/$$
find @TREE@/solution @TREE@/stage* -maxdepth 2 -name '*.[chS]' -newer /tmp/stamp | tar -C / -cf $n.up -T - 2>/dev/null
printf '%s\0' "$PWD" "${words[@]}" >$n.new
mv $n.new $n.make
until [ -e $n.status ]; do sleep 0.1; done
tar -C / -xf $n.tar
touch /tmp/stamp
status=$(cat $n.status)
[ "$status" = 0 ] && [ ${#goals[@]} != 0 ] && [ "${goals[*]}" != clean ] && exec /usr/bin/make "$@"
cat $n.out
exit "$status"
"""
# Its standard input is a pipe that never ends; who feeds it looks for the next command ten times a second.
SHELL = r"""set +e
export DEBUGINFOD_URLS= LC_ALL=C.UTF-8 TERM=dumb PATH=/tmp/bin:$PATH
rm -rf /tmp/bin /tmp/talk /tmp/never
mkdir /tmp/bin && cp @TALK@/make /tmp/bin && chmod +x /tmp/bin/make && mkfifo /tmp/talk /tmp/never
tar -C / -xf @TALK@/first.tar && touch /tmp/stamp
(n=0; exec 8<>/tmp/never
while [ -e @TALK@/make ]; do
    if [ -e @TALK@/$n.text ]; then cat @TALK@/$n.text >/tmp/talk; n=$((n + 1)); else read -t 0.1 -u 8; fi
done) &
cd @FOLDER@ && exec 0<>/tmp/talk && exec setsid bash -c 'echo $$ >/tmp/session; exec bash --norc --noprofile'
"""


class Session(rundocs.Session):
    """Machine and patience: of stages.py; the others are rundocs.Session's."""

    def __init__(self, machine: Machine, patience: int, tree: Path, folder: Path, limit: float) -> None:
        self.machine, self.tree, self.limit = machine, tree, limit
        self.mark = f"rundocs-{secrets.token_hex(8)}"
        self.there: dict[Path, int] = {}  # what the machine has, and from when
        self.heard, self.sent = b"", 0
        self.talk = machine.host / Path(TALK).name
        shutil.rmtree(self.talk, ignore_errors=True)
        self.talk.mkdir()
        self._make_here()
        (self.talk / "make").write_text(self._filled(MAKE, folder))
        self._pack(self.talk / "first.tar")
        begin = with_setup(self._filled(SHELL, folder), patience).replace("/lab/grader", f"{tree}/grader")
        self.shell = threading.Thread(target=machine.run, args=(begin, 3 * 3600, self._hear), daemon=True)
        self.shell.start()

    def _filled(self, script: str, folder: Path) -> str:
        return script.replace("@TREE@", str(self.tree)).replace("@TALK@", TALK).replace("@FOLDER@", str(folder))

    def _hear(self, more: str) -> None:
        self.heard += more.encode()

    def _make_here(self) -> None:
        """What is built is up to date for the make of here: lab.build() has left it for that of there."""
        for flags in self.tree.glob("**/build/flags"):
            made, text = flags.stat(), flags.read_bytes()
            flags.write_bytes(re.sub(b"^" + OWN, CROSS, text))
            os.utime(flags, ns=(made.st_atime_ns, made.st_mtime_ns))

    def _pack(self, archive: Path) -> bool:
        """All that is new; is there anything?"""
        new = [path for path in self.tree.rglob("*") if self.there.get(path) != self._date(path)]
        with tarfile.open(archive, "w") as tar:
            for path in sorted(new):
                self.there[path] = self._date(path)
                info = tar.gettarinfo(path, str(path)[1:])
                content = path.read_bytes() if info.isreg() else b""
                if path.name == "flags":
                    content = re.sub(b"^" + CROSS, OWN, content)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        return bool(new)

    @staticmethod
    def _date(path: Path) -> int:
        """Folders only come and go."""
        return 0 if path.is_dir() and not path.is_symlink() else path.lstat().st_mtime_ns

    def _take(self, archive: Path) -> None:
        """Sources that a command there has changed."""
        if archive.stat().st_size:
            with tarfile.open(archive) as tar:
                tar.extractall("/")
                self.there.update({Path("/") / name: self._date(Path("/") / name) for name in tar.getnames()})

    def _build(self, request: Path) -> None:
        stem = request.with_suffix("")
        folder, *words = request.read_text().rstrip("\0").split("\0")
        request.unlink()
        self._take(stem.with_suffix(".up"))
        done = subprocess.run(
            ["make", *words, f"CC={lab.CROSS}", f"PAGE={disk.PAGE}"], cwd=folder, env=rundocs.clean_environment(),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)  # fmt: skip
        self._pack(stem.with_suffix(".tar"))
        stem.with_suffix(".out").write_bytes(done.stdout)
        stem.with_suffix(".new").write_text(str(done.returncode))
        stem.with_suffix(".new").rename(stem.with_suffix(".status"))

    def send(self, text: str) -> None:
        archive = f"{self.sent}.tar"
        if self._pack(self.talk / archive):
            text = f"tar -C / -xf {TALK}/{archive}; touch /tmp/stamp; (exit ${{rundocs_status:-0}})\n{text}"
        self.heard = b""
        (self.talk / "new").write_text(text)
        (self.talk / "new").rename(self.talk / f"{self.sent}.text")
        self.sent += 1

    def _until_mark(self) -> tuple[str, int]:
        end = re.compile(rf"\n{self.mark} (\d+)\n".encode())
        deadline = time.monotonic() + self.limit
        while not (match := end.search(self.heard)):
            if time.monotonic() > deadline or not self.shell.is_alive():
                why = f"still runs after {self.limit:g} s" if self.shell.is_alive() else "the shell has ended"
                raise rundocs.Stopped(why, self.heard)
            for request in self.talk.glob("*.make"):
                self._build(request)
            time.sleep(0.1)
        return self.heard[: match.start()].decode(errors="replace"), int(match[1])

    def close(self) -> None:
        (self.talk / "make").unlink()
        self.machine.run(f"pkill -KILL -s $(cat /tmp/session); rm -rf {self.tree.parent}", 300)
        self.shell.join(30)
