"""The log of all statements: bounded in size, one JSON object per line, without values."""

import json
import logging
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FILE_NAME = "statements.jsonl"
_MAX_BYTES = 32 * 1024 * 1024
_log = logging.getLogger(__name__)


def read_statements(home: Path) -> Iterator[dict[str, Any]]:
    """Statements of the endpoint of this home, oldest first.

    Each has `time` (UTC, ISO 8601), `session`, `query_id`, `query_tag`, `sql` (as sent, but each string is `'***'`
    and each number 0), `rows` (returned or affected), `milliseconds` and `error` (Snowflake's number, or None).
    The log keeps at least the latest 32 MB.
    """
    log = home / "warehouse" / FILE_NAME
    for path in (_previous(log), log):
        if path.exists():
            with path.open(encoding="utf-8") as lines:
                # The last line may be incomplete.
                yield from (json.loads(line) for line in lines if line.endswith("\n"))


class StatementLog:
    """Appends to the log. A full file becomes the previous one and replaces the one before that.

    If the log cannot be written, for example on a full disk, the line is left out and the statement succeeds.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._lock = threading.Lock()
        self._file: int | None = None
        self._size = 0
        self._writes = True

    def append(self, **entry: Any) -> None:
        """Write one statement whose values are masked."""
        entry = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **entry}
        line = json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        with self._lock:
            try:
                self._write(line)
            except OSError as problem:
                if self._writes:
                    _log.warning("statements are not logged until %s can be written: %s", self._path, problem)
                self._writes = False
            else:
                self._writes = True

    def clear(self) -> None:
        """Delete all statements."""
        with self._lock:
            self._close()
            self._path.unlink(missing_ok=True)
            _previous(self._path).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._close()

    def _write(self, line: bytes) -> None:
        if self._file is None:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._size = os.fstat(self._file).st_size
        written = os.write(self._file, line)
        if written < len(line):
            os.ftruncate(self._file, self._size)
            raise OSError("no space left")
        self._size += written
        if self._size > _MAX_BYTES:
            self._close()
            self._path.replace(_previous(self._path))

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _previous(path: Path) -> Path:
    return path.with_suffix(".1.jsonl")
