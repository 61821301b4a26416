"""The log of every statement that the endpoint has run: bounded, one JSON object a line, without values."""

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
    and each number 0), `rows` (returned or affected), `milliseconds` and `error` (Snowflake's number, or None). At
    least the latest 32 MB of them are kept.
    """
    log = home / "warehouse" / FILE_NAME
    for path in (_previous(log), log):
        if path.exists():
            with path.open(encoding="utf-8") as lines:
                # The last line may still be on its way to the file.
                yield from (json.loads(line) for line in lines if line.endswith("\n"))


class StatementLog:
    """Appends to the log; when the file is full it becomes the previous one, and the one before that goes.

    A log that cannot be written, as on a full disk, is no reason for a statement to fail: its line is left out.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._lock = threading.Lock()
        self._file: int | None = None
        self._size = 0
        self._writes = True

    def append(
        self,
        *,
        session: int,
        query_id: str,
        query_tag: str,
        sql: str,
        rows: int | None,
        milliseconds: float,
        error: int | None,
    ) -> None:
        """Write one statement, of which the values are masked already."""
        entry = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "session": session,
            "query_id": query_id,
            "query_tag": query_tag,
            "sql": sql,
            "rows": rows,
            "milliseconds": round(milliseconds, 1),
            "error": error,
        }
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
        """Forget all statements."""
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
