"""Queries on stages: DIRECTORY(@stage) and INFER_SCHEMA."""

import re
from pathlib import Path

import sqlglot
from sqlglot import exp

from customer_analytics.embedded_snowflake.state import stages
from customer_analytics.embedded_snowflake.state.engine import execute, literal, quoted
from customer_analytics.embedded_snowflake.state.errors import missing
from customer_analytics.embedded_snowflake.state.session import Session
from customer_analytics.embedded_snowflake.state.store import META

_COLUMN_TYPES = {
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "DOUBLE": "REAL",
    "FLOAT": "REAL",
    "TIME": "TIME",
    "BLOB": "BINARY",
    "VARCHAR": "TEXT",
}


def directory(reference: str, session: Session) -> exp.Query:
    """The query for `DIRECTORY(@stage)`: the files as of the last refresh."""
    name, _ = stages.parse_reference(reference, session)
    meta = f"{quoted(name[0])}.{META}"
    return _query(
        f"""SELECT relative_path AS RELATIVE_PATH, size AS SIZE, last_modified AS LAST_MODIFIED, md5 AS MD5,
            md5 AS ETAG, {literal(f"@{'.'.join(name)}/")} || relative_path AS FILE_URL
            FROM {meta}.directories
            WHERE storage = (SELECT storage FROM {meta}.stages
                WHERE schema_name = {literal(name[1])} AND name = {literal(name[2])})"""
    )


def infer_schema(reference: str, session: Session) -> exp.Query:
    """The query for INFER_SCHEMA: name and type of the columns of staged Parquet files."""
    stage, path = stages.find_path(reference, session)
    file = next((file for _, file in stage.files(path)), None)
    if file is None:
        raise missing(reference, "File")
    columns = execute(session.connection, f"DESCRIBE SELECT * FROM read_parquet({file_literal(file)})")
    rows = [
        f"({literal(column)}, {literal(_column_type(kind))}, TRUE, {position})"
        for position, (column, kind, *_) in enumerate(columns)
    ]
    return _query(f"SELECT * FROM (VALUES {', '.join(rows)}) AS t(COLUMN_NAME, TYPE, NULLABLE, ORDER_ID)")


def _query(sql: str) -> exp.Query:
    query = sqlglot.parse_one(sql, read="duckdb")
    assert isinstance(query, exp.Query)
    return query


def file_literal(file: Path) -> str:
    """The file as a SQL literal; DuckDB's functions read `*`, `?` and `[` in names as patterns."""
    return literal(re.sub(r"([*?\[])", r"[\1]", str(file)))


def _column_type(duckdb_type: str) -> str:
    if duckdb_type.startswith("DECIMAL"):
        return duckdb_type.replace("DECIMAL", "NUMBER").replace(",", ", ")
    if duckdb_type.startswith("TIMESTAMP"):
        return "TIMESTAMP_TZ" if "TIME ZONE" in duckdb_type else "TIMESTAMP_NTZ"
    if duckdb_type.endswith("INT") or duckdb_type == "INTEGER":
        return "NUMBER(38, 0)"
    return _COLUMN_TYPES.get(duckdb_type, "VARIANT")
