"""DuckDB as the endpoint sets it up, and how SQL is put together and run on it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from customer_analytics.embedded_snowflake.state.macros import MACROS


def connect(memory_limit: str, spill: Path | str) -> duckdb.DuckDBPyConnection:
    """DuckDB in memory, with the endpoint's settings and macros."""
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
            # Otherwise a division by zero returns infinity, where Snowflake raises.
            "ieee_floating_point_ops": False,
        },
    )
    execute(connection, "SET GLOBAL TimeZone = 'UTC'")
    execute(connection, MACROS)
    return connection


def confine(connection: duckdb.DuckDBPyConnection, folders: Iterable[Path]) -> None:
    """Let DuckDB access files in these folders only; no statement can change that, or any other setting."""
    allowed = ", ".join(literal(f"{folder}/") for folder in folders)
    execute(connection, f"SET GLOBAL allowed_directories = [{allowed}]")
    execute(connection, "SET GLOBAL enable_external_access = false")
    execute(connection, "SET GLOBAL lock_configuration = true")


def execute(connection: duckdb.DuckDBPyConnection, sql: str, parameters: object = None) -> list[tuple[Any, ...]]:
    """Run the SQL and fetch all rows: a connection with rows left to fetch accepts no other statement."""
    return connection.execute(sql, parameters).fetchall()


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit the changes of the block, or none of them if it raises."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def quoted(identifier: str) -> str:
    """The identifier, quoted for SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"
