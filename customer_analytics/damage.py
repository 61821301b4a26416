"""What is said of files that are damaged, and how small files are written so that they never are."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# SQLSTATEs of PostgreSQL, because Snowflake's disks do not fill up and its files are not damaged.
DISK_FULL, DATA_CORRUPTED = "53100", "XX001"

ASIDE = "damaged"
"""Folder below the state folder that holds what `repair` has moved aside."""

REPAIR = "run `customer-analytics repair`, which moves it aside and rebuilds what comes from the source"


class DamagedError(ValueError):
    """A file of the state is damaged; the text says which one and what to do. Trying again does not help."""


def damaged(path: Path | str, why: str) -> DamagedError:
    """The error of a file that `repair` deals with."""
    return DamagedError(f"{path} is damaged ({why.strip().rstrip('.')}): {REPAIR}.")


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a small file, readable by its owner only, so that a reader or a crash meets the old or the new one."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    synchronise(path.parent)


def synchronise(path: Path) -> None:
    """Have the disk hold what was written to a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link_tree(source: Path, target: Path) -> None:
    """Make a second name of every file below a folder, in another folder of the same file system.

    For files that are replaced and never changed; those that go meanwhile are left out.
    """
    target.mkdir(mode=0o700, parents=True)
    for path in source.iterdir():
        if path.is_dir() and not path.is_symlink():
            link_tree(path, target / path.name)
        else:
            with suppress(FileNotFoundError):
                os.link(path, target / path.name)


@contextmanager
def full_disk_told(folder: Path) -> Iterator[None]:
    """Raise OSError with a sentence where there is no room for what the block writes into a folder."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise OSError(f"The disk of {folder} is full: free some space there and try again.") from error
