"""Errors for damaged files and full disks, and writing small files so that a crash does not damage them."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# SQLSTATEs of PostgreSQL; Snowflake has none for a full disk or a damaged file.
DISK_FULL, DATA_CORRUPTED = "53100", "XX001"

ASIDE = "damaged"
"""Folder of the state folder to which `repair` moves damaged files."""

REPAIR = "run `customer-analytics repair`, which moves it aside and rebuilds its contents from the source"


class DamagedError(ValueError):
    """A file of the state is damaged; the message says which one and what to do. Retrying does not help."""


def damaged(path: Path | str, why: str) -> DamagedError:
    """The error for a file that `repair` can handle."""
    return DamagedError(f"{path} is damaged ({why.strip().rstrip('.')}): {REPAIR}.")


def write_atomically(path: Path, content: bytes | str) -> None:
    """Atomically replace a small file, which only its owner can read."""
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
    flush_to_disk(path.parent)


def flush_to_disk(path: Path) -> None:
    """Flush a file, or the names in a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link_tree(source: Path, target: Path) -> None:
    """Hard-link every file below a folder into another folder on the same file system.

    For files that are replaced but never modified. Files that are deleted in the meantime are skipped.
    """
    target.mkdir(mode=0o700, parents=True)
    for path in source.iterdir():
        if path.is_dir() and not path.is_symlink():
            link_tree(path, target / path.name)
        else:
            with suppress(FileNotFoundError):
                os.link(path, target / path.name)


@contextmanager
def explain_full_disk(folder: Path) -> Iterator[None]:
    """Raise OSError with instructions if the disk is full when the block writes into a folder."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise OSError(f"The disk of {folder} is full: free some space and try again.") from error
