"""The state on disk: one DuckDB file for each database, and stage files beside them."""

import shutil
from pathlib import Path
from urllib.parse import quote, unquote

import duckdb

from customer_analytics.damage import damaged, flush_to_disk
from customer_analytics.embedded_snowflake.state import errors
from customer_analytics.embedded_snowflake.state.engine import confine, connect, execute, literal, quoted
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError
from customer_analytics.embedded_snowflake.state.format import check_format
from customer_analytics.embedded_snowflake.state.log_check import loses_commits

TEMPORARY = "_temporary"
"""In-memory database of the sessions' temporary tables.

DuckDB's own temporary tables belong to one connection and share one namespace. Snowflake's belong to a session and
to a schema, so each session has a schema in this database for each schema that it creates them in.
"""

META = "_meta"
"""Schema in every database for what DuckDB does not store: stages, directory tables, load history."""

REWRITING = "rewriting"
"""Folder of rewritten database files, before they replace the originals."""

UNFINISHED = ".upload-"
"""Prefix of the names of files that are being uploaded."""

_MAX_FILE_NAME = 240
"""File systems allow 255 bytes, of which the suffixes of logs and unfinished files take some."""

COPIES = "copies"
"""Folder of copies of the whole state."""

OWN_DATABASES = (TEMPORARY, "memory", "system", "temp")
"""DuckDB's databases without users' tables."""

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


class Store:
    """All databases, open in one process."""

    def __init__(self, folder: Path, memory_limit: str = "2GB") -> None:
        """Open the state in `folder`; create it if absent.

        Raises StateFormatError if it has another format, DamagedError if one of its files is damaged.
        """
        self.folder = folder
        self.stages = folder / "stages"
        self._databases = folder / "databases"
        for path in (self.stages, self._databases):
            path.mkdir(parents=True, exist_ok=True)
        check_format(folder)
        self._memory_limit = memory_limit
        self.broken = ""
        """Why DuckDB refuses all statements: a fatal error, until the databases are reopened."""
        for leftover in (REWRITING, COPIES, "spill"):  # left by a killed process
            shutil.rmtree(folder / leftover, ignore_errors=True)
        self._open()
        self._remove_orphaned_stage_files()

    def _open(self) -> None:
        spill = self.folder / "spill"
        self.root = connect(self._memory_limit, spill)
        confine(self.root, (self._databases, self.stages, spill))
        execute(self.root, f"ATTACH ':memory:' AS {TEMPORARY}")
        for log in self._databases.glob("*.duckdb.wal"):
            if not log.with_suffix("").exists():
                raise damaged(log.with_suffix(""), "it is missing, but its log exists")
        for file in sorted(self._databases.glob("*.duckdb")):
            self._attach(unquote(file.stem))

    def reattach(self) -> bool:
        """Reattach the databases that DuckDB has invalidated; return whether all can be used again.

        No statement may run and no transaction may be open meanwhile.
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
        """Close and open all databases. The sessions' connections must be closed, and no statement may run.

        Temporary tables are lost. If this fails, `broken` stays set and the call can be repeated.
        """
        self.root.close()
        self._open()
        self.broken = ""

    def copy_database_file(self, name: str, copy: Path) -> None:
        """Copy the file of a database and its log. Nothing may write to the database meanwhile."""
        execute(self.root, f"CHECKPOINT {quoted(name)}")
        shutil.copyfile(self.file_of(name), copy)
        if _log_of(self.file_of(name)).exists():
            shutil.copyfile(_log_of(self.file_of(name)), f"{copy}.wal")

    def replace_database_file(self, name: str, new: Path) -> None:
        """Replace the file of a database by a closed one on the same file system.

        No statement may run meanwhile. A process killed meanwhile leaves the old file or the new one.
        """
        execute(self.root, f"CHECKPOINT {quoted(name)}")
        execute(self.root, f"DETACH {quoted(name)}")
        try:
            if _log_of(self.file_of(name)).exists():
                raise RuntimeError(f"The file of {name} cannot be replaced: its log still holds changes.")
            flush_to_disk(new)
            new.replace(self.file_of(name))
            flush_to_disk(self._databases)
        finally:
            self._attach(name)

    def close(self) -> None:
        """Write all changes into the database files and close them."""
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
        return len(self.file_of(name).name) <= _MAX_FILE_NAME and self.file_of(name).exists()

    def has_schema(self, database: str, schema: str) -> bool:
        """Whether users see a schema of this name."""
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
            raise errors.already_exists(name)
        if len(self.file_of(name).name) > _MAX_FILE_NAME:
            raise SnowflakeError(
                1003, "42000", "The name of the database is too long for a file name; choose a shorter one."
            )
        if name.lower() in OWN_DATABASES:
            raise SnowflakeError(
                1003, "42000", f"The embedded endpoint reserves the name {name}; choose another one."
            )
        self._make(name)
        self._attach(name)

    def drop_database(self, name: str) -> None:
        """Drop a database with all its tables and stage files."""
        if not self.has_database(name):
            raise errors.missing(name, "Database")
        storages = self._storages(name)
        execute(self.root, f"DETACH {quoted(name)}")
        # The log first: a file without its log is a database not dropped yet, while a log without its file would
        # be replayed into the next database of the same name.
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
            if errors.reports_damage(error):
                raise damaged(file, str(error).split("\n")[0]) from None
            raise

    def _make(self, name: str) -> None:
        # Under another name until it is complete, so that a killed process leaves no half-made database.
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
