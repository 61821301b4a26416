"""Reading all data in the database files, which detects damaged blocks by their checksums."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import duckdb

from customer_analytics.embedded_snowflake.state.engine import execute, literal, quoted
from customer_analytics.embedded_snowflake.state.log_check import loses_commits
from customer_analytics.embedded_snowflake.state.store import Store

_ALONE = "_checked"


def unreadable_tables(store: Store) -> Iterator[tuple[Path, str]]:
    """Each database file of an open store that cannot be read completely, and why."""
    for name in store.databases():
        with store.root.cursor() as cursor:
            if why := _unreadable(cursor, name):
                yield store.file_of(name), why


def unreadable_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """The same for a state folder that no endpoint uses, without writing to it."""
    for log in sorted((folder / "databases").glob("*.duckdb.wal")):
        if not log.with_suffix("").exists():
            yield log.with_suffix(""), "it is missing, but its log exists"
    for file in sorted((folder / "databases").glob("*.duckdb")):
        log = file.with_suffix(".duckdb.wal")
        if log.exists() and loses_commits(log):
            yield log, "it holds changes that cannot be read"
            continue
        with duckdb.connect(":memory:") as alone:
            try:
                execute(alone, f"ATTACH {literal(str(file))} AS {_ALONE} (READ_ONLY)")
            except duckdb.Error as error:
                yield file, _reason(error)
                continue
            if why := _unreadable(alone, _ALONE):
                yield file, why


def rescued(file: Path, schema: str, table: str) -> list[list[str]] | None:
    """The rows of a table of texts in a damaged database file, ignoring its log; None if they cannot be read."""
    with duckdb.connect(":memory:") as alone:
        try:
            execute(alone, f"ATTACH {literal(str(file))} AS {_ALONE} (READ_ONLY)")
            found = execute(
                alone,
                "SELECT 1 FROM duckdb_tables() WHERE database_name = ? AND schema_name = ? AND table_name = ?",
                [_ALONE, schema, table],
            )
            if not found:
                return []
            return [
                list(row) for row in execute(alone, f"SELECT * FROM {_ALONE}.{quoted(schema)}.{quoted(table)}")
            ]
        except duckdb.Error:
            return None


def as_json(found: Iterator[tuple[Path, str]]) -> str:
    """The findings as JSON, for another process."""
    return json.dumps([[str(path), why] for path, why in found])


def database_of(file: Path) -> str:
    """The name of the database of a file or log."""
    return unquote(file.name.removesuffix(".wal").removesuffix(".duckdb"))


def _unreadable(connection: duckdb.DuckDBPyConnection, database: str) -> str | None:
    try:
        tables = execute(
            connection,
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY ALL",
            [database],
        )
        for schema, table in tables:
            # Hashing whole rows reads every column; a count would read none.
            execute(connection, f"SELECT MAX(HASH(r)) FROM {quoted(database)}.{quoted(schema)}.{quoted(table)} r")
    except duckdb.Error as error:
        return _reason(error)
    return None


def _reason(error: duckdb.Error) -> str:
    return str(error).split("\n")[0].split(": ", 1)[-1]
