"""Verification of model files: SHA-256, remembered so that it costs nothing at the next start."""

import hashlib
import logging
import os
from pathlib import Path

from customer_analytics.damage import write_whole
from customer_analytics.model_files.catalog import ModelFile

_log = logging.getLogger(__name__)


def sha256(path: Path) -> str:
    """SHA-256 of a file's contents in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_intact(path: Path, file: ModelFile) -> bool:
    """Whether the path holds exactly the pinned bytes; reads the whole file."""
    return path.is_file() and path.stat().st_size == file.size and sha256(path) == file.sha256


def is_verified(path: Path, file: ModelFile) -> bool:
    """Whether the path holds exactly the pinned bytes; reads the file only where it changed since the last time.

    What was verified (hash, size, time of change, inode) is remembered in `<name>.verified` beside the file.
    """
    marker = path.with_name(f"{path.name}.verified")
    if path.is_file() and marker.is_file() and marker.read_text(errors="replace") == _state(path, file):
        return True
    if not is_intact(path, file):
        return False
    if os.access(path.parent, os.W_OK):
        write_whole(marker, _state(path, file))
    else:
        _log.info("%s cannot be written, so %s is verified again at each start", path.parent, path.name)
    return True


def _state(path: Path, file: ModelFile) -> str:
    status = path.stat()
    return f"{file.sha256} {status.st_size} {status.st_mtime_ns} {status.st_ino}\n"
