"""COPY INTO <table> from staged Parquet and CSV files."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from customer_analytics.embedded_snowflake.sql import file_formats, names, rewrites
from customer_analytics.embedded_snowflake.sql.work import Reach, Work
from customer_analytics.embedded_snowflake.state import results, stages
from customer_analytics.embedded_snowflake.state.engine import execute, quoted
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError, unsupported
from customer_analytics.embedded_snowflake.state.results import Result
from customer_analytics.embedded_snowflake.state.session import Name, Session
from customer_analytics.embedded_snowflake.state.stages import StageFolder
from customer_analytics.embedded_snowflake.state.store import META, TEMPORARY


@dataclass
class Options:
    """The options of COPY INTO."""

    format: dict[str, Any] = field(default_factory=lambda: {"TYPE": "CSV"})
    files: list[str] = field(default_factory=list)
    pattern: str | None = None
    match_by_name: bool = False
    purge: bool = False
    force: bool = False


def options(statement: exp.Copy, session: Session) -> Options:
    """The statement's options; raises on those that the endpoint does not support."""
    found = Options()
    for parameter in statement.args.get("params") or []:
        name, value = parameter.name.upper(), parameter.args.get("expression")
        if name == "FILE_FORMAT":
            found.format = file_formats.complete(file_formats.options(parameter.expressions), session)
        elif name == "FILES":
            found.files = [item.name for item in parameter.find_all(exp.Literal)]
        elif name == "PATTERN":
            found.pattern = value.name
        elif name == "MATCH_BY_COLUMN_NAME":
            found.match_by_name = value.name.upper() != "NONE"
        elif name in ("PURGE", "FORCE"):
            setattr(found, name.lower(), bool(file_formats.option_value(value)))
        elif name == "ON_ERROR":
            if value.name.upper() != "ABORT_STATEMENT":
                raise unsupported(f"COPY INTO with ON_ERROR = {value.name}")
        else:
            raise unsupported(f"COPY INTO with {name}")
    return found


@dataclass
class Load:
    """A COPY INTO whose names are resolved."""

    target: exp.Table
    """The table in DuckDB."""
    name: Name
    columns: list[str]
    """Columns listed in the statement."""
    select: exp.Select | None
    """The query on the files' columns, if there is one."""
    stage: StageFolder
    path: str
    options: Options


def plan(tree: exp.Copy, session: Session) -> Work:
    """The work of a COPY INTO."""
    names.fold_case(tree)
    target, source = tree.this, tree.args["files"][0]
    columns = [column.name for column in target.expressions] if isinstance(target, exp.Schema) else []
    table = target.this if isinstance(target, exp.Schema) else target
    if isinstance(table.this, exp.Var):
        raise unsupported("COPY INTO a stage")
    name, chosen = names.full_name(table, session), options(tree, session)
    select = source.this if isinstance(source, exp.Subquery) else None
    if select is not None:
        source = select.args["from_"].this
    stage, path = stages.find_path(source.this.name, session)
    load = Load(names.physical(name, session), name, columns, select, stage, path, chosen)
    return Work(
        lambda connection: copy(load, session, connection),
        Reach.TEMPORARY if names.is_temporary(name, session) else Reach.ROWS,
    )


def copy(load: Load, session: Session, connection: duckdb.DuckDBPyConnection) -> Result:
    """Load the files that were not loaded before: all of them or none."""
    history = _history(load, session, connection)
    rows: list[tuple[str, str, int, str | None]] = []
    for relative, file in _files(load.stage, load.path, load.options):
        source, stat = f"{load.stage.storage}/{relative}", file.stat()
        version = f"{stat.st_size}-{stat.st_mtime_ns}"
        shown = f"{load.stage.name[2].lower()}/{relative}"
        if (source, version) in history and not load.options.force:
            rows.append((shown, "LOAD_SKIPPED", 0, "File was loaded before."))
            continue
        ((count,),) = execute(connection, _insert(load, file, connection))
        _record(load, source, version, session, connection)
        if load.options.purge:
            session.after_commit.append(partial(file.unlink, missing_ok=True))
        rows.append((shown, "LOADED", count, None))
    return _report(rows)


def _history(load: Load, session: Session, connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    """File and version of all loads into the table."""
    database, schema, table = load.name
    if load.target.catalog == TEMPORARY:
        return {(file, version) for s, t, file, version in session.temporary_loads if (s, t) == (schema, table)}
    sql = f"SELECT file, version FROM {quoted(database)}.{META}.loads WHERE schema_name = ? AND table_name = ?"
    return {(file, version) for file, version in execute(connection, sql, [schema, table])}


def _record(
    load: Load, source: str, version: str, session: Session, connection: duckdb.DuckDBPyConnection
) -> None:
    database, schema, table = load.name
    if load.target.catalog == TEMPORARY:
        session.temporary_loads.add((schema, table, source, version))
        return
    values = [schema, table, source, version, datetime.now(UTC)]
    execute(connection, f"INSERT INTO {quoted(database)}.{META}.loads VALUES (?, ?, ?, ?, ?)", values)


def _files(stage: StageFolder, path: str, how: Options) -> list[tuple[str, Path]]:
    if how.files:
        prefix = f"{path.rstrip('/')}/" if path else ""
        named = [(prefix + file, stage.path(prefix + file)) for file in how.files]
        for relative, file in named:
            if not file.is_file():
                raise SnowflakeError(
                    91016, "22000", f"Remote file '{stage.name[2].lower()}/{relative}' was not found."
                )
        return named
    return list(stage.files(path, how.pattern))


def _insert(load: Load, file: Path, connection: duckdb.DuckDBPyConnection) -> str:
    source = file_formats.source(file, load.options.format)
    target, columns, query = load.target.sql(dialect="duckdb"), load.columns, f"SELECT * FROM {source}"
    if load.select is not None:
        query = _from_file(load.select, source)
    elif load.options.match_by_name:
        in_file = {row[0].upper(): row[0] for row in execute(connection, f"DESCRIBE {query}")}
        wanted = columns or [row[0] for row in execute(connection, f"DESCRIBE {target}")]
        columns = [column for column in wanted if column.upper() in in_file]
        query = f"SELECT {', '.join(quoted(in_file[column.upper()]) for column in columns)} FROM {source}"
    elif source.startswith("read_parquet"):
        raise SnowflakeError(
            2019,
            "0A000",
            "SQL compilation error:\nPARQUET file format can produce one and only one column of type variant; "
            "load with MATCH_BY_COLUMN_NAME.",
        )
    into = f" ({', '.join(map(quoted, columns))})" if columns else ""
    return f"INSERT INTO {target}{into} {query}"


def _from_file(select: exp.Select, source: str) -> str:
    """The query with `$1:name` of Parquet files, or `$n` of CSV files, as columns of the file."""
    if select.args.get("with_") is not None or len(list(select.find_all(exp.Table))) > 1:
        raise unsupported("COPY INTO from a query on more than staged files")
    query = select.copy()
    for path in list(query.find_all(exp.JSONExtract)):
        if isinstance(path.this, exp.Parameter):
            path.replace(exp.column(path.expression.find(exp.JSONPathKey).this, quoted=True))
    for parameter in list(query.find_all(exp.Parameter)):
        parameter.replace(exp.column(f"column{int(parameter.this.name) - 1}", quoted=True))
    query.set("from_", exp.From(this=exp.table_("_file", quoted=True)))
    # The file is added after the check of the query, which may not name files.
    return f'WITH "_file" AS (SELECT * FROM {source}) {rewrites.to_duckdb(query)}'


_TEXT, _NUMBER = pa.string(), pa.int64()
_REPORT = {
    "file": _TEXT,
    "status": _TEXT,
    "rows_parsed": _NUMBER,
    "rows_loaded": _NUMBER,
    "error_limit": _NUMBER,
    "errors_seen": _NUMBER,
    "first_error": _TEXT,
    "first_error_line": _NUMBER,
    "first_error_character": _NUMBER,
    "first_error_column_name": _TEXT,
}


def _report(files: list[tuple[str, str, int, str | None]]) -> Result:
    if not files:
        return results.message("Copy executed with 0 files processed.", results.COPY)
    rows = [(file, status, n, n, 1, 0, error, None, None, None) for file, status, n, error in files]
    result = results.tabular(rows, results.COPY, **_REPORT)
    result.affected = sum(n for _, _, n, _ in files)
    return result
