"""COPY INTO <table> from staged Parquet and CSV files."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from customer_analytics.embedded_snowflake import results, rewrites
from customer_analytics.embedded_snowflake.errors import SnowflakeError, missing, unsupported
from customer_analytics.embedded_snowflake.results import Result
from customer_analytics.embedded_snowflake.session import Name, Session
from customer_analytics.embedded_snowflake.stages import Stage, file_literal
from customer_analytics.embedded_snowflake.store import META, TEMPORARY, execute, literal, quoted


@dataclass
class Options:
    """What COPY INTO says beside target and source."""

    format: dict[str, Any] = field(default_factory=lambda: {"TYPE": "CSV"})
    files: list[str] = field(default_factory=list)
    pattern: str | None = None
    match_by_name: bool = False
    purge: bool = False
    force: bool = False


def options(statement: exp.Copy, session: Session) -> Options:
    """The statement's options; raises on those that the endpoint does not have."""
    found = Options()
    for parameter in statement.args.get("params") or []:
        name, value = parameter.name.upper(), parameter.args.get("expression")
        if name == "FILE_FORMAT":
            given = {prop.name.upper(): option_value(prop.args["value"]) for prop in parameter.expressions}
            found.format = {"TYPE": "CSV", **_named_format(given.pop("FORMAT_NAME", None), session), **given}
        elif name == "FILES":
            found.files = [item.name for item in parameter.find_all(exp.Literal)]
        elif name == "PATTERN":
            found.pattern = value.name
        elif name == "MATCH_BY_COLUMN_NAME":
            found.match_by_name = value.name.upper() != "NONE"
        elif name in ("PURGE", "FORCE"):
            setattr(found, name.lower(), bool(option_value(value)))
        elif name == "ON_ERROR":
            if value.name.upper() != "ABORT_STATEMENT":
                raise unsupported(f"COPY INTO with ON_ERROR = {value.name}")
        else:
            raise unsupported(f"COPY INTO with {name}")
    return found


def _named_format(name: str | None, session: Session) -> dict[str, Any]:
    if name is None:
        return {}
    key = name.replace('"', "").rsplit(".", 1)[-1].upper()
    if key not in session.file_formats:
        raise missing(name, "File format")
    return session.file_formats[key]


def option_value(node: exp.Expression | None) -> Any:
    """The value of an option: a truth value, a text, or a list of texts."""
    if isinstance(node, exp.Boolean):
        return node.this
    if isinstance(node, exp.Tuple | exp.Paren | exp.Array):
        return [item.name for item in node.find_all(exp.Literal)]
    return node.name if node is not None else None


@dataclass
class Load:
    """A COPY INTO whose names are resolved."""

    target: exp.Table
    """The table as DuckDB knows it."""
    name: Name
    columns: list[str]
    """Columns that the statement names."""
    select: exp.Select | None
    """The query on the files' columns, if the statement has one."""
    stage: Stage
    path: str
    options: Options


def copy(load: Load, session: Session, connection: duckdb.DuckDBPyConnection) -> Result:
    """Load the files that were not loaded before; all of them or none."""
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
    """File and version of what was loaded into the table before."""
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


def _files(stage: Stage, path: str, how: Options) -> list[tuple[str, Path]]:
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
    kind = str(load.options.format.get("TYPE", "CSV")).upper()
    if kind not in ("PARQUET", "CSV"):
        raise unsupported(f"COPY INTO from files of type {kind}")
    source = f"read_parquet({file_literal(file)})" if kind == "PARQUET" else _read_csv(file, load.options.format)
    target, columns, query = load.target.sql(dialect="duckdb"), load.columns, f"SELECT * FROM {source}"
    if load.select is not None:
        query = _from_file(load.select, source)
    elif load.options.match_by_name:
        there = {row[0].upper(): row[0] for row in execute(connection, f"DESCRIBE {query}")}
        wanted = columns or [row[0] for row in execute(connection, f"DESCRIBE {target}")]
        columns = [column for column in wanted if column.upper() in there]
        query = f"SELECT {', '.join(quoted(there[column.upper()]) for column in columns)} FROM {source}"
    elif kind == "PARQUET":
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
    # The file comes in afterwards, because no client may name one.
    return f'WITH "_file" AS (SELECT * FROM {source}) {rewrites.to_duckdb(query)}'


_CSV_OPTIONS = {
    "TYPE",
    "NULL_IF",
    "EMPTY_FIELD_AS_NULL",
    "FIELD_OPTIONALLY_ENCLOSED_BY",
    "FIELD_DELIMITER",
    "SKIP_HEADER",
    "COMPRESSION",
}


def _read_csv(file: Path, given: dict[str, Any]) -> str:
    nulls = given.get("NULL_IF", ["\\N"])
    nulls = [nulls] if isinstance(nulls, str) else list(nulls)
    if given.get("EMPTY_FIELD_AS_NULL", True) and "" not in nulls:
        nulls = ["", *nulls]
    quote = str(given.get("FIELD_OPTIONALLY_ENCLOSED_BY", ""))
    if other := sorted(set(given) - _CSV_OPTIONS):
        raise unsupported(f"COPY INTO with the CSV option {', '.join(other)}")
    return (
        f"read_csv({file_literal(file)}, header = false, all_varchar = true, auto_detect = true, "
        f"delim = {literal(str(given.get('FIELD_DELIMITER', ',')))}, skip = {int(given.get('SKIP_HEADER', 0))}, "
        f"quote = {literal('' if quote.upper() == 'NONE' else quote)}, "
        f"nullstr = [{', '.join(map(literal, nulls))}])"
    )


def _report(rows: list[tuple[str, str, int, str | None]]) -> Result:
    if not rows:
        return results.message("Copy executed with 0 files processed.", results.COPY)
    files, statuses, numbers, errors = zip(*rows, strict=True)
    table = pa.table(
        {
            "file": files,
            "status": statuses,
            "rows_parsed": numbers,
            "rows_loaded": numbers,
            "error_limit": [1] * len(rows),
            "errors_seen": [0] * len(rows),
            "first_error": pa.array(errors, pa.string()),
            "first_error_line": pa.nulls(len(rows), pa.int64()),
            "first_error_character": pa.nulls(len(rows), pa.int64()),
            "first_error_column_name": pa.nulls(len(rows), pa.string()),
        }
    )
    types = ["VARCHAR", "VARCHAR", *["BIGINT"] * 4, "VARCHAR", "BIGINT", "BIGINT", "VARCHAR"]
    return Result(table, types, results.COPY, sum(numbers))
