"""SELECT: its rows, or only the columns that it would return."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa
from sqlglot import exp

from customer_analytics.embedded_snowflake.sql import nullability, privileges, rewrites
from customer_analytics.embedded_snowflake.sql.statement import Statement
from customer_analytics.embedded_snowflake.sql.work import preflight
from customer_analytics.embedded_snowflake.state import results
from customer_analytics.embedded_snowflake.state.engine import execute
from customer_analytics.embedded_snowflake.state.results import Result
from customer_analytics.embedded_snowflake.state.session import Session


def run(tree: exp.Query, statement: Statement) -> Result:
    """Run the query."""
    session, connection = statement.session, statement.session.connection
    if (scanned := _result_scan(tree)) is not None:
        return statement.result_of(scanned)
    if statement.describe_only:
        for placeholder in list(tree.find_all(exp.Placeholder)):
            placeholder.replace(exp.Null())
    prepared = rewrites.prepare(tree, session)
    not_null = frozenset[str]()
    if statement.describe_only:
        not_null = nullability.not_null_columns(prepared, lambda table: _table_columns(table, connection))
    sql = rewrites.to_duckdb(prepared)
    if session.writing:
        preflight(session, [sql])
    with _reading_only(session):
        relation = connection.sql(sql)
        if statement.describe_only:
            types = [str(kind) for kind in relation.types]
            no_rows = pa.table([pa.nulls(0)] * len(types), names=relation.columns)
            return Result(no_rows, types, results.SELECT, None, not_null)
        return statement.sessions.read(relation)


@contextmanager
def _reading_only(session: Session) -> Iterator[None]:
    """For the READER role, a transaction in which DuckDB refuses every write."""
    if session.role != privileges.READER or session.writing:
        yield
        return
    execute(session.connection, "BEGIN TRANSACTION READ ONLY")
    try:
        yield
    finally:
        session.connection.rollback()


def _table_columns(table: exp.Table, connection: duckdb.DuckDBPyConnection) -> nullability.Columns:
    sql = """SELECT column_name, NOT is_nullable FROM duckdb_columns()
        WHERE database_name = ? AND schema_name = ? AND table_name = ? ORDER BY column_index"""
    return [(name, bool(fixed)) for name, fixed in execute(connection, sql, [table.catalog, table.db, table.name])]


def _result_scan(tree: exp.Query) -> str | None:
    """The query id of `SELECT * FROM TABLE(RESULT_SCAN('<id>'))`."""
    function = tree.find(exp.TableFromRows)
    call = function.this if function is not None else None
    if isinstance(call, exp.Anonymous) and call.name.upper() == "RESULT_SCAN" and tree.is_star:
        return call.expressions[0].name if isinstance(call.expressions[0], exp.Literal) else None
    return None
