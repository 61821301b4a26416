"""The file by which processes of one user find the endpoint of a state folder."""

import errno
import json
import os
import stat
from dataclasses import asdict, dataclass, field
from pathlib import Path

from customer_analytics.damage import write_whole

_FILE = "endpoint.json"
_MAX_BYTES = 4096


@dataclass(frozen=True)
class Announcement:
    """Where on loopback an endpoint listens, the token that it knows, and its process."""

    port: int
    token: str = field(repr=False)
    pid: int

    def write(self, folder: Path) -> None:
        """Tell other processes of this user."""
        write_whole(folder / _FILE, json.dumps({**asdict(self), "folder": identity(folder)}))


def identity(folder: Path) -> list[int]:
    """What tells a folder from a copy of it, and from another one that has its name later."""
    status = folder.stat()
    return [status.st_dev, status.st_ino]


def read(folder: Path) -> Announcement | None:
    """What was announced last, or None: also for a file that no endpoint of this folder has written."""
    try:
        opened = os.open(folder / _FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):  # the last is of a symbolic link
            return None
        raise
    try:
        found = os.fstat(opened)
        # The endpoint's is its owner's alone. What others can write may lead to a server of theirs.
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
    """Take the announcement back."""
    (folder / _FILE).unlink(missing_ok=True)
