"""Starts the programs of a submission in the sandbox, for the stage's grader, which knows nothing of it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from sandbox import ends, system_v, tiers
from sandbox.child import Child, kill_user
from sandbox.identity import Identity
from sandbox.room import Room
from sandbox.spec import OWN_UID, SHARED, Spec
from sandbox.watch import Watch
from stage.runner import AtEnd, Process, Runner

PIDS = 16  # the first programs of one room and of the next have different pids


class SandboxRunner(Runner):
    """Starts all programs of a case in one room, and each tool that is no case's in a room of its own."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec, self.place = spec, spec.place()
        self.identity = Identity(spec.uid)
        self.watch = Watch(spec)
        self.made = 0
        self.hides = tiers.has_namespaces(spec)  # until a room knows better
        self.rooms: dict[Path, Optional[Room]] = {}  # by the cases' folders
        self.watch.start()

    def start(
        self, command: Sequence[str], cwd: Path, env: dict[str, str], stdout: Path, stderr: Path,
        readable: Sequence[Path], writable: Sequence[Path], at_end: Optional[AtEnd] = None,
    ) -> Process:
        at_end = at_end if ends.can_be_held() else None
        with self.grader(), stdout.open("wb") as out, stderr.open("wb") as err:
            room = self._room_of_case(cwd, set(readable), command) if list(writable) == [cwd] else None
            alone = room is None
            room = room or self._make(set(readable), writable)
            hidden = self._of_reference(room.readable) - set(readable)
            child = room.start(command, cwd, env, out.fileno(), err.fileno(), hidden, alone, at_end)
        self.watch.add(child, [stdout, stderr])
        return child

    def student(self) -> contextlib.AbstractContextManager[None]:
        return self.identity.student()

    def grader(self) -> contextlib.AbstractContextManager[None]:
        return self.identity.grader()

    def anew(self) -> Runner:
        return SandboxRunner(self.spec)

    def thaw(self, folder: Path) -> None:
        self._give(folder, self.spec.uid)

    def freeze(self, tree: Path) -> None:
        self._give(tree, 0)

    def _give(self, tree: Path, uid: Optional[int]) -> None:
        """By descriptors and without following links. A file that has another name is somebody's, perhaps."""
        if self.spec.tier != OWN_UID or uid is None or os.geteuid() != 0:
            return  # elsewhere the folder is read-only, but for make
        with self.grader():
            kill_user(self.spec.uid)
            for _, _, names, folder in os.fwalk(tree, follow_symlinks=False):
                os.fchown(folder, uid, uid)
                for name in names:
                    if os.stat(name, dir_fd=folder, follow_symlinks=False).st_nlink == 1:
                        os.chown(name, uid, uid, dir_fd=folder, follow_symlinks=False)

    def begin_case(self, folder: Path) -> None:
        if folder in self.rooms:
            self.end_case(folder)
        self.rooms[folder] = None
        self.watch.forget()

    def end_case(self, folder: Path) -> None:
        """No process of it is left."""
        room = self.rooms.pop(folder, None)
        if room is not None:
            room.close()
        full = f"sandbox: {self.watch.full()}"
        if full != "sandbox: " and full not in self.events:
            self.events.append(full)
        if self.spec.tier == OWN_UID and not any(self.rooms.values()):
            with self.grader():
                kill_user(self.spec.uid)
            self._remove_what_is_left()

    def _remove_what_is_left(self) -> None:
        if self.spec.uid is not None:
            with self.grader():
                system_v.remove_all(self.spec.uid)
        for folder in SHARED:
            for entry in os.scandir(folder):
                with contextlib.suppress(OSError), self.student():
                    if entry.stat(follow_symlinks=False).st_uid == self.spec.uid:
                        shutil.rmtree(entry) if entry.is_dir(follow_symlinks=False) else os.unlink(entry)

    def symptoms(self, process: Optional[Process] = None) -> list[str]:
        lines = []
        self.watch.look_back()
        if self.watch.breach:
            lines.append(f"sandbox: {self.watch.breach}")
        elif isinstance(process, Child) and process.keeper_was_killed:
            lines.append("sandbox: killed: it sent SIGKILL to processes that are not its own")
        if isinstance(process, Child) and process.left_something:
            lines.append("sandbox: outlived: it left processes behind, which were ended with it")
        self.events += [line for line in lines if line not in self.events]
        return lines

    # Rooms

    def _make(self, readable: set[Path], writable: Sequence[Path]) -> Room:
        self.made += 1
        return Room(self.spec, readable, writable, self.made % PIDS)

    def _room_of_case(self, folder: Path, readable: set[Path], command: Sequence[str]) -> Optional[Room]:
        """Where all is to be seen that this command needs, and what was started before it runs; or nothing."""
        run = {path for path in self._of_reference(readable) if str(path) in command}
        if folder not in self.rooms or (run and not self.hides):
            return None
        room = self.rooms[folder]
        if room is not None and room.is_there():
            if readable <= room.readable:
                return room
            if room.is_busy():
                return None
            readable = readable | room.readable
            room.close()
        more = self._beside_reference(readable) if self.hides else set()
        room = self.rooms[folder] = self._make(readable | more, [folder])
        if self.hides and not room.hides:
            self.hides = False
            room.close()
            return self._room_of_case(folder, readable, command)
        return room

    def _of_reference(self, paths: set[Path]) -> set[Path]:
        below = f"{self.spec.reference}{os.sep}"
        return {path for path in paths if str(path).startswith(below)}

    def _beside_reference(self, paths: set[Path]) -> set[Path]:
        """All programs of the reference's folder, of which a case may come to need one or the other."""
        folders = {path.parent for path in self._of_reference(paths)}
        return {path for folder in folders for path in folder.iterdir() if path.is_file()}
