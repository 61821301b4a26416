"""The state on disk: one DuckDB file a database, stage files beside them, and the format's version."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import duckdb

from customer_analytics.damage import damaged, synchronise, write_whole
from customer_analytics.embedded_snowflake import functions
from customer_analytics.embedded_snowflake.errors import SnowflakeError, already_exists, missing, says_damaged
from customer_analytics.embedded_snowflake.log_check import loses_commits

STATE_FORMAT = 2
"""Raised whenever state written by an earlier version cannot be read, or not rightly."""

TEMPORARY = "_temporary"
"""In-memory database of the sessions' temporary tables.

DuckDB's own temporary tables belong to one connection and live in one namespace; Snowflake's belong to a session
and to a schema, so here each session has its own copy of a schema for them.
"""

META = "_meta"
"""Schema in every database with what DuckDB has no place for: stages, directory tables, load history."""

REWRITING = "rewriting"
"""Folder of the files that take the place of database files, and of what they are made of."""

UNFINISHED = ".upload-"
"""Beginning of the names of files that are still being uploaded."""

_LONGEST_FILE_NAME = 240
"""A file system takes 255 bytes, of which the endings of logs and unfinished files need some."""

COPIES = "copies"
"""Folder of copies of the whole state."""
OWN_DATABASES = (TEMPORARY, "memory", "system", "temp")
"""Names of DuckDB's databases that hold no user's tables."""

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
        """Open the state in `folder`, making it if absent.

        Raises StateFormatError if it is of another format, DamagedError if a file of it cannot be used.
        """
        self.folder = folder
        self.stages = folder / "stages"
        self._databases = folder / "databases"
        for path in (self.stages, self._databases):
            path.mkdir(parents=True, exist_ok=True)
        check_format(folder)
        self._memory_limit = memory_limit
        self.broken = ""
        """Why DuckDB refuses further statements, after a fatal error and until the databases are opened anew."""
        for leftover in (REWRITING, COPIES, "spill"):  # of a process that was killed
            shutil.rmtree(folder / leftover, ignore_errors=True)
        self._open()
        self._remove_orphaned_stage_files()

    def _open(self) -> None:
        self.root = self._connect(self._memory_limit)
        execute(self.root, f"ATTACH ':memory:' AS {TEMPORARY}")
        execute(self.root, functions.MACROS)
        for log in self._databases.glob("*.duckdb.wal"):
            if not log.with_suffix("").exists():
                raise damaged(log.with_suffix(""), "it is missing, and its log is there")
        for file in sorted(self._databases.glob("*.duckdb")):
            self._attach(unquote(file.stem))

    def reattach(self) -> bool:
        """Attach those databases anew that DuckDB has given up, and say whether all can be used after it.

        Nobody may run anything meanwhile, nor have a transaction open.
        """
        try:
            for name in self.databases():
                if not self._is_usable(name):
                    execute(self.root, f"DETACH {quoted(name)}")
                    self._attach(name)
            usable = all(map(self._is_usable, self.databases()))
        except duckdb.Error:
            return False
        if usable:
            self.broken = ""
        return usable

    def _is_usable(self, name: str) -> bool:
        try:
            self._storages(name)
        except duckdb.Error:
            return False
        return True

    def reopen(self) -> None:
        """Open everything anew; the caller has closed the connections of the sessions, and nobody runs anything.

        Temporary tables are lost. Where this fails, `broken` stays as it is, and it may be called again.
        """
        self.root.close()
        self._open()
        self.broken = ""

    def copy_database_file(self, name: str, copy: Path) -> None:
        """Copy the file of a database, and its log; nobody may write to it meanwhile."""
        execute(self.root, f"CHECKPOINT {quoted(name)}")
        shutil.copyfile(self.file_of(name), copy)
        if _log_of(self.file_of(name)).exists():
            shutil.copyfile(_log_of(self.file_of(name)), f"{copy}.wal")

    def replace_database_file(self, name: str, new: Path) -> None:
        """Put a database file, closed and of the same folder, in the place of the one that the database is in.

        Nobody may run anything meanwhile. A process killed meanwhile leaves the old file or the new one.
        """
        execute(self.root, f"CHECKPOINT {quoted(name)}")
        execute(self.root, f"DETACH {quoted(name)}")
        try:
            if _log_of(self.file_of(name)).exists():
                raise RuntimeError(f"The log of {name} still holds changes, so that its file cannot be replaced.")
            synchronise(new)
            new.replace(self.file_of(name))
            synchronise(self._databases)
        finally:
            self._attach(name)

    def _connect(self, memory_limit: str) -> duckdb.DuckDBPyConnection:
        """DuckDB without databases: it reaches the state's own files only, and no statement can change that."""
        spill = self.folder / "spill"
        connection = duckdb.connect(
            ":memory:",
            config={
                # sqlglot writes lambdas as `x -> …`.
                "lambda_syntax": "ENABLE_SINGLE_ARROW",
                "memory_limit": memory_limit,
                "temp_directory": str(spill),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "python_enable_replacements": False,
                # Else a division by zero gives infinity, where Snowflake raises.
                "ieee_floating_point_ops": False,
            },
        )
        execute(connection, "SET GLOBAL TimeZone = 'UTC'")
        reached = ", ".join(literal(f"{path}/") for path in (self._databases, self.stages, spill))
        execute(connection, f"SET GLOBAL allowed_directories = [{reached}]")
        execute(connection, "SET GLOBAL enable_external_access = false")
        execute(connection, "SET GLOBAL lock_configuration = true")
        return connection

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
        return len(self.file_of(name).name) <= _LONGEST_FILE_NAME and self.file_of(name).exists()

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
        if len(self.file_of(name).name) > _LONGEST_FILE_NAME:
            raise SnowflakeError(
                1003, "42000", "The name of the database is too long for the name of a file; choose a shorter one."
            )
        if name.lower() in OWN_DATABASES:
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
        _log_of(self.file_of(name)).unlink(missing_ok=True)
        self.file_of(name).unlink()
        for storage in storages:
            shutil.rmtree(self.stages / storage, ignore_errors=True)

    def _attach(self, name: str) -> None:
        file, log = self.file_of(name), _log_of(self.file_of(name))
        if log.exists() and loses_commits(log):
            raise damaged(log, "it holds changes that cannot be read")
        try:
            execute(self.root, f"ATTACH {literal(str(file))} AS {quoted(name)}")
        except duckdb.Error as error:
            if says_damaged(error):
                raise damaged(file, str(error).split("\n")[0]) from None
            raise

    def _make(self, name: str) -> None:
        # Under another name until it is whole, so that a process killed meanwhile leaves nothing behind.
        unfinished = self.file_of(name).with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        execute(self.root, f"ATTACH {literal(str(unfinished))} AS {quoted(name)}")
        execute(self.root, _META_TABLES.format(database=quoted(name)))
        execute(self.root, f"CHECKPOINT {quoted(name)}")
        execute(self.root, f"DETACH {quoted(name)}")
        unfinished.replace(self.file_of(name))

    def file_of(self, name: str) -> Path:
        """The file of a database."""
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
        for unfinished in self.stages.glob(f"*/**/{UNFINISHED}*"):
            unfinished.unlink()


def _log_of(file: Path) -> Path:
    return file.with_suffix(".duckdb.wal")


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
        write_whole(file, json.dumps({"format": STATE_FORMAT}))
        return
    try:
        found = json.loads(file.read_bytes())["format"]
    except (ValueError, TypeError, KeyError):
        raise damaged(file, "it does not say which format the state has") from None
    if found != STATE_FORMAT:
        raise StateFormatError(
            f"The warehouse state in {folder} is of format {found}, this version reads format {STATE_FORMAT}: "
            f"run the version that wrote it, or move the whole state folder away ({folder.parent}, not only the "
            "warehouse in it) and run the pipeline again."
        )
