"""The state on disk: one DuckDB file a database, stage files beside them, and the format's version."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import duckdb

from customer_analytics.embedded_snowflake import functions
from customer_analytics.embedded_snowflake.errors import SnowflakeError, already_exists, missing

STATE_FORMAT = 2
"""Raised whenever state written by an earlier version cannot be read, or not rightly."""

TEMPORARY = "_temporary"
"""In-memory database of the sessions' temporary tables.

DuckDB's own temporary tables belong to one connection and live in one namespace; Snowflake's belong to a session
and to a schema, so here each session has its own copy of a schema for them.
"""

META = "_meta"
"""Schema in every database with what DuckDB has no place for: stages, directory tables, load history."""

HIDDEN_SCHEMAS = ("main", META, "information_schema", "pg_catalog")

_META_TABLES = f"""
CREATE SCHEMA {{database}}.{META};
CREATE TABLE {{database}}.{META}.stages (
    schema_name VARCHAR, name VARCHAR, storage VARCHAR, directory BOOLEAN, comment VARCHAR, created_on TIMESTAMPTZ
);
CREATE TABLE {{database}}.{META}.directories (
    storage VARCHAR, relative_path VARCHAR, size BIGINT, last_modified TIMESTAMPTZ, md5 VARCHAR
);
CREATE TABLE {{database}}.{META}.loads (
    schema_name VARCHAR, table_name VARCHAR, file VARCHAR, version VARCHAR, loaded_at TIMESTAMPTZ
);
CREATE TABLE {{database}}.{META}.schemas (schema_name VARCHAR, comment VARCHAR, created_on TIMESTAMPTZ);
CREATE SCHEMA {{database}}."PUBLIC";
"""


class StateFormatError(Exception):
    """The state on disk was written by another version of the endpoint."""


class Store:
    """All databases, opened by one process."""

    def __init__(self, folder: Path, memory_limit: str = "2GB") -> None:
        """Open the state in `folder`, making it if absent; raises StateFormatError if it is of another format."""
        self.folder = folder
        self.stages = folder / "stages"
        self._databases = folder / "databases"
        for path in (self.stages, self._databases):
            path.mkdir(parents=True, exist_ok=True)
        check_format(folder)
        self.root = duckdb.connect(
            ":memory:",
            config={
                # sqlglot writes lambdas as `x -> …`.
                "lambda_syntax": "ENABLE_SINGLE_ARROW",
                "memory_limit": memory_limit,
                "temp_directory": str(folder / "spill"),
                "autoinstall_known_extensions": False,
                "python_enable_replacements": False,
                # Else a division by zero gives infinity, where Snowflake raises.
                "ieee_floating_point_ops": False,
            },
        )
        execute(self.root, "SET GLOBAL TimeZone = 'UTC'")
        execute(self.root, f"ATTACH ':memory:' AS {TEMPORARY}")
        execute(self.root, functions.MACROS)
        for file in sorted(self._databases.glob("*.duckdb")):
            self._attach(unquote(file.stem))
        self._remove_orphaned_stage_files()

    def close(self) -> None:
        """Write everything into the database files and close them."""
        for name in self.databases():
            execute(self.root, f"CHECKPOINT {quoted(name)}")
        self.root.close()

    def databases(self) -> list[str]:
        """Names of all databases."""
        sql = "SELECT database_name FROM duckdb_databases() WHERE NOT internal AND path IS NOT NULL ORDER BY 1"
        with self.root.cursor() as cursor:
            return [name for (name,) in execute(cursor, sql)]

    def has_database(self, name: str) -> bool:
        """Whether the database exists."""
        return self._file(name).exists()

    def has_schema(self, database: str, schema: str) -> bool:
        """Whether the schema exists, as the user sees it."""
        if schema == "INFORMATION_SCHEMA":
            return self.has_database(database)
        if schema in HIDDEN_SCHEMAS:
            return False
        sql = "SELECT 1 FROM duckdb_schemas() WHERE database_name = ? AND schema_name = ?"
        with self.root.cursor() as cursor:
            return bool(execute(cursor, sql, [database, schema]))

    def create_database(self, name: str) -> None:
        """Create a database with its PUBLIC schema."""
        if self.has_database(name):
            raise already_exists(name)
        if re.fullmatch(r"_temporary|memory|system|temp", name, re.IGNORECASE):
            raise SnowflakeError(
                1003, "42000", f"{name} is a name of the embedded endpoint's own; choose another one."
            )
        self._make(name)
        self._attach(name)

    def drop_database(self, name: str) -> None:
        """Drop a database with all its tables and stage files."""
        if not self.has_database(name):
            raise missing(name, "Database")
        storages = self._storages(name)
        execute(self.root, f"DETACH {quoted(name)}")
        # The log first: a database file without its log is merely not dropped yet, a log without its file would be
        # replayed into the next database of the name.
        self._file(name).with_suffix(".duckdb.wal").unlink(missing_ok=True)
        self._file(name).unlink()
        for storage in storages:
            shutil.rmtree(self.stages / storage, ignore_errors=True)

    def _attach(self, name: str) -> None:
        execute(self.root, f"ATTACH {literal(str(self._file(name)))} AS {quoted(name)}")

    def _make(self, name: str) -> None:
        # Under another name until it is whole, so that a process killed meanwhile leaves nothing behind.
        unfinished = self._file(name).with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        execute(self.root, f"ATTACH {literal(str(unfinished))} AS {quoted(name)}")
        execute(self.root, _META_TABLES.format(database=quoted(name)))
        execute(self.root, f"CHECKPOINT {quoted(name)}")
        execute(self.root, f"DETACH {quoted(name)}")
        unfinished.replace(self._file(name))

    def _file(self, name: str) -> Path:
        return self._databases / f"{quote(name, safe='')}.duckdb"

    def _storages(self, database: str) -> list[str]:
        sql = f"SELECT storage FROM {quoted(database)}.{META}.stages"
        with self.root.cursor() as cursor:
            return [storage for (storage,) in execute(cursor, sql)]

    def _remove_orphaned_stage_files(self) -> None:
        # Of temporary stages, and of stages dropped just before the process was killed.
        known = {storage for name in self.databases() for storage in self._storages(name)}
        for path in self.stages.iterdir():
            if path.name not in known:
                shutil.rmtree(path)


def execute(connection: duckdb.DuckDBPyConnection, sql: str, parameters: object = None) -> list[tuple[Any, ...]]:
    """Run the SQL and fetch all its rows: DuckDB takes nothing else on a connection with rows left to fetch."""
    return connection.execute(sql, parameters).fetchall()


def quoted(identifier: str) -> str:
    """The identifier as it may stand in SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit what the block did, or nothing of it."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def check_format(folder: Path) -> None:
    """Raise StateFormatError unless the folder is new or of this format."""
    file = folder / "format.json"
    if not file.exists():
        file.write_text(json.dumps({"format": STATE_FORMAT}), encoding="utf-8")
        return
    found = json.loads(file.read_text(encoding="utf-8"))["format"]
    if found != STATE_FORMAT:
        raise StateFormatError(
            f"The warehouse state in {folder} is of format {found}, this version reads format {STATE_FORMAT}: "
            f"run the version that wrote it, or move the whole state folder away ({folder.parent}, not only the "
            "warehouse in it) and run the pipeline again."
        )
