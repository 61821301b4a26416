"""What an attack may not do, observed: files opened or made in a folder, connections to a port, files changed."""

import ctypes
import hashlib
import os
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ACCESS, _OPEN, _CREATE, _DELETE, _MODIFY, _MOVE = 0x1, 0x20, 0x100, 0x200, 0x2, 0xC0
_ANY_USE = _ACCESS | _OPEN | _CREATE | _DELETE | _MODIFY | _MOVE
_NONBLOCK = 0o4000
_HEADER = struct.Struct("iIII")


@contextmanager
def uses_of(*folders: Path) -> Iterator[list[str]]:
    """The files in the folders that any process opens, makes, changes or deletes meanwhile, told at the end."""
    used: list[str] = []
    if sys.platform != "linux":  # inotify is Linux's
        yield used
        return
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(_NONBLOCK)
    watched = {}
    for folder in (path for top in folders for path in (top, *top.rglob("*")) if path.is_dir()):
        watched[libc.inotify_add_watch(descriptor, os.fsencode(folder), _ANY_USE)] = folder
    assert -1 not in watched
    try:
        yield used
    finally:
        while events := _read(descriptor):
            while events:
                number, _, _, length = _HEADER.unpack_from(events)
                name = events[_HEADER.size : _HEADER.size + length].rstrip(b"\0").decode()
                used.append(str(watched[number] / name))
                events = events[_HEADER.size + length :]
        os.close(descriptor)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except BlockingIOError:
        return b""


@contextmanager
def connections() -> Iterator[tuple[int, list[str]]]:
    """A port of this machine, and who has connected to it."""
    seen: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    client, address = server.accept()
                except OSError:
                    return
                seen.append(str(address))
                client.close()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1], seen
        server.shutdown(socket.SHUT_RDWR)


def contents(folder: Path, but: frozenset[str] = frozenset()) -> dict[str, str]:
    """The hash of every file in the folder, by its path in it."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in but
    }
