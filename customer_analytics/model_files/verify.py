"""Verification of model files by SHA-256; results are kept, so that the next start need not read the files."""

import hashlib
import logging
import os
from pathlib import Path

from customer_analytics.damage import write_atomically
from customer_analytics.model_files.catalog import ModelFile

_log = logging.getLogger(__name__)


def sha256(path: Path) -> str:
    """SHA-256 of a file's contents in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_intact(path: Path, file: ModelFile) -> bool:
    """Whether the file has exactly the pinned bytes; reads all of it."""
    return path.is_file() and path.stat().st_size == file.size and sha256(path) == file.sha256


def is_verified(path: Path, file: ModelFile) -> bool:
    """Whether the file has exactly the pinned bytes; reads it only if it changed since the last verification.

    `<name>.verified` beside the file holds what was verified: hash, size, modification time and inode.
    """
    marker = path.with_name(f"{path.name}.verified")
    if path.is_file() and marker.is_file() and marker.read_text(errors="replace") == _state(path, file):
        return True
    if not is_intact(path, file):
        return False
    if os.access(path.parent, os.W_OK):
        write_atomically(marker, _state(path, file))
    else:
        _log.info("%s is not writable, so %s is verified at each start", path.parent, path.name)
    return True


def _state(path: Path, file: ModelFile) -> str:
    status = path.stat()
    return f"{file.sha256} {status.st_size} {status.st_mtime_ns} {status.st_ino}\n"
