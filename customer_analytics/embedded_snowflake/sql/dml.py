"""INSERT, UPDATE, DELETE, TRUNCATE and MERGE."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake.sql import bindings, create_table, rewrites
from customer_analytics.embedded_snowflake.sql.work import SUCCESS, Reach, Work
from customer_analytics.embedded_snowflake.state import results
from customer_analytics.embedded_snowflake.state.engine import execute
from customer_analytics.embedded_snowflake.state.errors import unsupported
from customer_analytics.embedded_snowflake.state.results import Result
from customer_analytics.embedded_snowflake.state.store import TEMPORARY

_SOURCE = "_source"
_ROWS = "_rows"


def plan(tree: Expr, rows: Sequence[Sequence[Any]] | None) -> Work:
    """The work of a statement whose names are resolved; `rows` are bindings for each row of an INSERT."""
    table = tree.expressions[0] if isinstance(tree, exp.TruncateTable) else tree.this
    table = table.this if isinstance(table, exp.Schema) else table
    reach = Reach.TEMPORARY if table.catalog == TEMPORARY else Reach.ROWS
    if rows is not None:
        return Work(_insert_rows(tree, rows) if isinstance(tree, exp.Insert) else _repeat(tree, rows), reach)
    if isinstance(tree, exp.Insert):
        return _insert(tree, table, reach)
    if isinstance(tree, exp.Merge):
        return _merge(tree, reach)
    if isinstance(tree, exp.TruncateTable):
        return _truncate(table, bool(tree.args.get("exists")), reach)
    return _update_or_delete(tree, reach)


def _truncate(table: exp.Table, if_exists: bool, reach: Reach) -> Work:
    sql = f"DELETE FROM {table.sql(dialect='duckdb')}"

    def run(connection: duckdb.DuckDBPyConnection) -> Result:
        if not if_exists or create_table.kind_of(table, connection) == "TABLE":
            execute(connection, sql)
        return results.message(SUCCESS)

    return Work(run, reach, [] if if_exists else [sql])


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    return int(execute(connection, sql)[0][0])


def _bare_columns(update: exp.Update) -> None:
    """Leave the bare column on the left of each assignment, as DuckDB expects."""
    for assignment in update.expressions:
        assignment.set("this", exp.to_identifier(assignment.this.name, quoted=True))


def _update_or_delete(tree: Expr, reach: Reach) -> Work:
    if isinstance(tree, exp.Update):
        _bare_columns(tree)
    sql = rewrites.to_duckdb(tree)
    return Work(lambda c: _changed(tree, _count(c, sql)), reach, [sql])


def _changed(tree: Expr, count: int) -> Result:
    if isinstance(tree, exp.Update):
        return results.counts(results.UPDATE, rows_updated=count, multi_joined_rows_updated=0)
    return results.counts(results.DELETE, rows_deleted=count)


def _insert(tree: exp.Insert, table: exp.Table, reach: Reach) -> Work:
    if not tree.args.get("overwrite"):
        sql = rewrites.to_duckdb(tree)
        return Work(lambda c: results.counts(results.INSERT, rows_inserted=_count(c, sql)), reach, [sql])
    tree.set("overwrite", False)
    target = table.sql(dialect="duckdb")
    sources = list(tree.expression.find_all(exp.Table))
    reads_target = any(other.parts == table.parts for other in sources)
    source = rewrites.to_duckdb(tree.expression.copy())
    check = rewrites.to_duckdb(tree.copy())
    tree.set("expression", exp.select("*").from_(exp.table_(_SOURCE, quoted=True)))
    insert = tree.sql(dialect="duckdb")

    def run(connection: duckdb.DuckDBPyConnection) -> Result:
        # The source may read the target, directly or through a view, so it is stored before the target is emptied.
        if not reads_target and not any(create_table.kind_of(other, connection) == "VIEW" for other in sources):
            execute(connection, f"DELETE FROM {target}")
            return results.counts(results.INSERT, rows_inserted=_count(connection, check))
        execute(connection, f'CREATE OR REPLACE TEMPORARY TABLE "{_SOURCE}" AS {source}')
        execute(connection, f"DELETE FROM {target}")
        count = _count(connection, insert)
        execute(connection, f'DROP TABLE "{_SOURCE}"')
        return results.counts(results.INSERT, rows_inserted=count)

    return Work(run, reach, [check])


def _insert_rows(tree: exp.Insert, rows: Sequence[Sequence[Any]]) -> Callable[[duckdb.DuckDBPyConnection], Result]:
    """INSERT … VALUES (?, …) with many rows: the rows become a table that the statement selects from."""
    values = tree.expression
    if not (isinstance(values, exp.Values) and len(values.expressions) == 1) and not isinstance(
        values, exp.Select
    ):
        raise unsupported("many rows of bindings in this form of INSERT")
    for index, placeholder in enumerate(list(values.find_all(exp.Placeholder, bfs=False))):
        placeholder.replace(exp.column(f"c{index}", quoted=True))
    columns = values.expressions[0].expressions if isinstance(values, exp.Values) else values.expressions
    tree.set("expression", exp.select(*columns).from_(exp.table_(_ROWS, quoted=True)))
    sql = rewrites.to_duckdb(tree)
    width = len(rows[0])
    table = pa.table({f"c{i}": _column([row[i] for row in rows]) for i in range(width)})

    def run(connection: duckdb.DuckDBPyConnection) -> Result:
        connection.register(_ROWS, table)
        try:
            return results.counts(results.INSERT, rows_inserted=_count(connection, sql))
        finally:
            connection.unregister(_ROWS)

    return run


def _column(values: list[Any]) -> pa.Array:
    if all(value is None for value in values):
        return pa.array(values, pa.string())
    return pa.array(values)


def _repeat(tree: Expr, rows: Sequence[Sequence[Any]]) -> Callable[[duckdb.DuckDBPyConnection], Result]:
    def run(connection: duckdb.DuckDBPyConnection) -> Result:
        total = 0
        for row in rows:
            bound = tree.copy()
            bindings.bind(bound, row)
            total += plan(bound, None).run(connection).affected or 0
        if isinstance(tree, exp.Update):
            return results.counts(results.UPDATE, rows_updated=total)
        return results.counts(results.DELETE, rows_deleted=total)

    return run


_ACTIONS = {"INSERT": "rows_inserted", "UPDATE": "rows_updated", "DELETE": "rows_deleted"}


def _merge(tree: exp.Merge, reach: Reach) -> Work:
    present = Counter[str]()
    for when in tree.args["whens"].expressions:
        then = when.args["then"]
        if isinstance(then, exp.Insert):
            present["rows_inserted"] = 0
        elif isinstance(then, exp.Update):
            present["rows_updated"] = 0
            _bare_columns(then)
        else:
            present["rows_deleted"] = 0
    source = tree.args["using"]
    if isinstance(source, exp.Subquery):
        # DuckDB 2.0 reads the source while it inserts. A source that reads the target could see the new rows.
        rows = exp.select("*").from_("_merge_source")
        source.set("this", rows.with_("_merge_source", as_=source.this.copy(), materialized=True))
    sql = f"{rewrites.to_duckdb(tree)} RETURNING merge_action"
    order = [name for name in _ACTIONS.values() if name in present]

    def run(connection: duckdb.DuckDBPyConnection) -> Result:
        done = Counter[str]()
        connection.execute(sql)
        # In batches, because there is one row for each merged row.
        while actions := connection.fetchmany(10_000):
            done.update(_ACTIONS[action] for (action,) in actions)
        return results.counts(results.MERGE, **{name: done[name] for name in order})

    return Work(run, reach, [sql])
