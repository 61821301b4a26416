"""Keep state private to its owner: folders of mode 0700, files of mode 0600."""

import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

UMASK = 0o077
_log = logging.getLogger(__name__)


def enforce(folder: Path) -> None:
    """Make private what this process and its children write, and what a state folder already contains."""
    os.umask(UMASK)
    try:
        if _is_open(folder):
            _close(folder)
    except OSError as error:  # for example on a file system without owners
        _log.warning("Other users of this machine can still read %s: %s", folder, error)


def make_folder(folder: Path) -> None:
    """Create a private folder and its parents, if absent."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _is_open(folder: Path) -> bool:
    """Whether others can enter the folder or one in it, as in the state of an earlier release."""
    try:
        with os.scandir(folder) as entries:
            found = [folder.stat(), *(entry.stat(follow_symlinks=False) for entry in entries)]
    except (FileNotFoundError, NotADirectoryError):
        return False
    return any(stat.S_ISDIR(status.st_mode) and _is_ours_and_open(status) for status in found)


def _close(folder: Path) -> None:
    """Remove the permissions of others from the folder and its contents, contents first."""
    for _, folders, files, here in os.fwalk(folder, topdown=False):
        for name in (*files, *folders):
            # Do not follow links, which may lead out of the folder; skip files that were deleted in the meantime.
            with suppress(FileNotFoundError):
                status = os.stat(name, dir_fd=here, follow_symlinks=False)
                if not stat.S_ISLNK(status.st_mode) and _is_ours_and_open(status):
                    os.chmod(name, stat.S_IMODE(status.st_mode) & 0o700, dir_fd=here)
    if _is_ours_and_open(status := folder.stat()):
        folder.chmod(stat.S_IMODE(status.st_mode) & 0o700)


def _is_ours_and_open(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid() and bool(status.st_mode & 0o077)
