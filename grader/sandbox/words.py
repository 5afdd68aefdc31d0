"""What the grader and the keeper (keeper.c) say to each other: messages of a few words, and requests with descriptors."""

from __future__ import annotations

import array
import os
import socket
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid


def pair() -> tuple[socket.socket, socket.socket]:
    """Ours, which is told who sent a message, and the keeper's."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    return ours, theirs


def receive(ours: socket.socket) -> tuple[str, list[int], int]:
    """One message, its numbers, and its sender; "" at the end, or if nothing came in time."""
    word, values, pid, descriptor = receive_with_descriptor(ours)
    if descriptor >= 0:
        os.close(descriptor)
    return word, values, pid


def receive_with_descriptor(ours: socket.socket) -> tuple[str, list[int], int, int]:
    """The same, and a descriptor that came with it, or -1."""
    pid, descriptor, number = 0, -1, struct.Struct("i")
    room = socket.CMSG_SPACE(CREDENTIALS.size) + socket.CMSG_SPACE(number.size)
    try:
        data, ancillary, *_ = ours.recvmsg(64, room, socket.MSG_CMSG_CLOEXEC)
    except (ConnectionError, socket.timeout):
        return "", [], 0, -1
    for level, kind, value in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            pid = CREDENTIALS.unpack(value[: CREDENTIALS.size])[0]
        elif (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            [descriptor] = number.unpack(value[: number.size])
    word, *rest = data.decode("ascii", "replace").split() or [""]
    return word, [int(number) for number in rest], pid, descriptor


def request(ours: socket.socket, folder: Path, command: Sequence[str], env: dict[str, str], hidden: Iterable[Path],
            out: int, err: int, theirs: int, end_waits: bool = False) -> None:
    """Start this command there."""
    words = [f"d{folder}", *(f"a{word}" for word in command), *(f"e{name}={value}" for name, value in env.items()),
             *(f"h{path}" for path in hidden), *["w"] * end_waits]
    what = os.memfd_create("request")
    try:
        with os.fdopen(os.dup(what), "wb") as file:
            file.writelines(os.fsencode(word) + b"\0" for word in words)
        descriptors = array.array("i", [what, out, err, theirs])
        ours.sendmsg([b"s"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
    finally:
        os.close(what)
