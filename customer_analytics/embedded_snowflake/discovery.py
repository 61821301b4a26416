"""The file in a state folder by which a user's processes find its endpoint."""

import errno
import json
import os
import stat
from dataclasses import asdict, dataclass, field
from pathlib import Path

from customer_analytics.damage import write_atomically

_FILE = "endpoint.json"
_MAX_BYTES = 4096


@dataclass(frozen=True)
class Announcement:
    """An endpoint's port on loopback, its token, and its process."""

    port: int
    token: str = field(repr=False)
    pid: int

    def write(self, folder: Path) -> None:
        """Write the file, readable by this user only."""
        write_atomically(folder / _FILE, json.dumps({**asdict(self), "folder": identity(folder)}))


def identity(folder: Path) -> list[int]:
    """What distinguishes a folder from a copy of it, and from a later folder of the same name."""
    status = folder.stat()
    return [status.st_dev, status.st_ino]


def read(folder: Path) -> Announcement | None:
    """The last announcement, or None if there is none that an endpoint of this folder has written."""
    try:
        opened = os.open(folder / _FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):  # ELOOP: a symbolic link
            return None
        raise
    try:
        found = os.fstat(opened)
        # The endpoint makes the file private. One that others can write may point to their server.
        if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o077 or found.st_uid != folder.stat().st_uid:
            return None
        content = os.read(opened, _MAX_BYTES)
    finally:
        os.close(opened)
    try:
        kept = json.loads(content)
        port, token, pid, of_folder = kept["port"], kept["token"], kept["pid"], kept["folder"]
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    if type(port) is not int or type(token) is not str or type(pid) is not int or of_folder != identity(folder):
        return None
    return Announcement(port, token, pid) if 0 < port < 2**16 and token and pid > 0 else None


def remove(folder: Path) -> None:
    """Remove the announcement."""
    (folder / _FILE).unlink(missing_ok=True)
