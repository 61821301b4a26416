"""The log of every statement that the endpoint has run: bounded, one JSON object a line."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FILE_NAME = "statements.jsonl"
_MAX_BYTES = 32 * 1024 * 1024


def read_statements(home: Path) -> Iterator[dict[str, Any]]:
    """Statements of the endpoint of this home, oldest first.

    Each has `time` (UTC, ISO 8601), `session`, `query_id`, `query_tag`, `sql` (as sent, without bound values),
    `rows` (returned or affected), `milliseconds` and `error` (Snowflake's number, or None). At least the latest
    32 MB of them are kept.
    """
    log = home / "warehouse" / FILE_NAME
    for path in (_previous(log), log):
        if path.exists():
            with path.open(encoding="utf-8") as lines:
                # The last line may still be on its way to the file.
                yield from (json.loads(line) for line in lines if line.endswith("\n"))


class StatementLog:
    """Appends to the log; when the file is full it becomes the previous one, and the one before that goes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._lock = threading.Lock()
        self._file = self._path.open("a", encoding="utf-8")

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
        """Write one statement."""
        line = json.dumps(
            {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "session": session,
                "query_id": query_id,
                "query_tag": query_tag,
                "sql": sql,
                "rows": rows,
                "milliseconds": round(milliseconds, 1),
                "error": error,
            },
            ensure_ascii=False,
        )
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()
            if self._file.tell() > _MAX_BYTES:
                self._file.close()
                self._path.replace(_previous(self._path))
                self._file = self._path.open("a", encoding="utf-8")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()


def _previous(path: Path) -> Path:
    return path.with_suffix(".1.jsonl")
