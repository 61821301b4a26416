"""Redact words in the records of Dagster: its databases and the output of runs."""

import re
import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from customer_analytics.erasure.search import as_json, in_any_case, search, searcher

_SQLITE = b"SQLite format 3\0"
_REPLACEMENT = "(erased)"
_WAIT_SECONDS = 30.0


def redact(home: Path, words: Collection[str]) -> None:
    """Replace the words in every SQLite database in Dagster's home, and delete other files that contain any.

    If Dagster uses another database, such as PostgreSQL, that one does not change.
    """
    for file in search(home / "dagster", words).holding:
        database = file.with_name(re.sub(r"-(wal|shm|journal)$", "", file.name))
        if _is_database(database):
            _redact_database(database, words)
        else:
            file.unlink(missing_ok=True)


def _is_database(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return opened.read(len(_SQLITE)) == _SQLITE


def _redact_database(file: Path, words: Collection[str]) -> None:
    """Rewrite the rows that contain a word, then the whole file, which would otherwise keep the old rows."""
    holds, longest_first = searcher(words), sorted(words, key=len, reverse=True)
    forms = (in_any_case(word, encoded) for word in longest_first for encoded in (re.escape, as_json))
    pattern = re.compile("|".join(forms), re.IGNORECASE)

    def redacted(text: str) -> str:
        return pattern.sub(_REPLACEMENT, text) if holds(text.encode(errors="replace")) else text

    with closing(sqlite3.connect(file, timeout=_WAIT_SECONDS)) as database:
        database.create_function("redacted", 1, redacted, deterministic=True)
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in map(_quoted, (name for name in names if not name.startswith("sqlite_"))):
            for column in (_quoted(row[1]) for row in database.execute(f"PRAGMA table_info({table})")):
                text = f"typeof({column}) = 'text' AND {column} <> redacted({column})"
                database.execute(f"UPDATE {table} SET {column} = redacted({column}) WHERE {text}")  # noqa: S608
        database.commit()
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
