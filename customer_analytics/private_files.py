"""State is for its owner alone: folders of mode 0700, files of mode 0600."""

import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

UMASK = 0o077
_log = logging.getLogger(__name__)


def keep(folder: Path) -> None:
    """Keep private what this process and those that it starts write, and what is in a folder of state already."""
    os.umask(UMASK)
    try:
        if _is_open(folder):
            _close(folder)
    except OSError as error:  # as on file systems that know no owners
        _log.warning("%s stays open to other users of this machine: %s", folder, error)


def make_folder(folder: Path) -> None:
    """Make a folder of state, with those above it, where it is absent."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _is_open(folder: Path) -> bool:
    """Whether others can enter the folder or one in it, as an earlier release has left them."""
    try:
        with os.scandir(folder) as entries:
            found = [folder.stat(), *(entry.stat(follow_symlinks=False) for entry in entries)]
    except (FileNotFoundError, NotADirectoryError):
        return False
    return any(stat.S_ISDIR(status.st_mode) and _is_ours_and_open(status) for status in found)


def _close(folder: Path) -> None:
    """Take from others what they may do with the folder and all in it, with each folder after what it holds."""
    for _, folders, files, here in os.fwalk(folder, topdown=False):
        for name in (*files, *folders):
            # Without following links, which may lead out of the folder; what has gone meanwhile needs nothing.
            with suppress(FileNotFoundError):
                status = os.stat(name, dir_fd=here, follow_symlinks=False)
                if not stat.S_ISLNK(status.st_mode) and _is_ours_and_open(status):
                    os.chmod(name, stat.S_IMODE(status.st_mode) & 0o700, dir_fd=here)
    if _is_ours_and_open(status := folder.stat()):
        folder.chmod(stat.S_IMODE(status.st_mode) & 0o700)


def _is_ours_and_open(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid() and bool(status.st_mode & 0o077)
