"""INSERT, UPDATE, DELETE, TRUNCATE and MERGE."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake import bindings, create_table, results, rewrites
from customer_analytics.embedded_snowflake.errors import unsupported
from customer_analytics.embedded_snowflake.results import Result
from customer_analytics.embedded_snowflake.session import Session
from customer_analytics.embedded_snowflake.store import TEMPORARY, execute

_SOURCE = "_source"
_ROWS = "_rows"


@dataclass
class Work:
    """A change that is ready to run on a connection with an open transaction."""

    run: Callable[[duckdb.DuckDBPyConnection], Result]
    temporary: bool
    """It writes to a temporary table, which no other session sees."""
    sql: Sequence[str] = ()
    """Statements that can be checked beforehand."""

    def validate(self, session: Session) -> None:
        """Raise what is wrong with the statement before the open transaction meets it and is rolled back."""
        with session.connection.cursor() as cursor:
            for sql in self.sql:
                execute(cursor, f"EXPLAIN {sql}")


def work(tree: Expr, rows: Sequence[Sequence[Any]] | None) -> Work:
    """The work of a statement whose names are resolved; `rows` are bindings for each row of an INSERT."""
    table = tree.expressions[0] if isinstance(tree, exp.TruncateTable) else tree.this
    table = table.this if isinstance(table, exp.Schema) else table
    temporary = table.catalog == TEMPORARY
    if isinstance(tree, exp.Insert):
        if rows is not None:
            return Work(_insert_rows(tree, rows), temporary)
        return _insert(tree, table, temporary)
    if rows is not None:
        return Work(_repeat(tree, rows), temporary)
    if isinstance(tree, exp.Merge):
        return _merge(tree, temporary)
    if isinstance(tree, exp.TruncateTable):
        return _truncate(table, bool(tree.args.get("exists")), temporary)
    return _update_or_delete(tree, temporary)


def _truncate(table: exp.Table, if_exists: bool, temporary: bool) -> Work:
    sql = f"DELETE FROM {table.sql(dialect='duckdb')}"

    def run(connection: duckdb.DuckDBPyConnection) -> Result:
        found = execute(
            connection,
            "SELECT 1 FROM duckdb_tables() WHERE database_name = ? AND schema_name = ? AND table_name = ?",
            [table.catalog, table.db, table.name],
        )
        if found or not if_exists:
            execute(connection, sql)
        return results.message("Statement executed successfully.")

    return Work(run, temporary, [] if if_exists else [sql])


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    return int(execute(connection, sql)[0][0])


def _update_or_delete(tree: Expr, temporary: bool) -> Work:
    if isinstance(tree, exp.Update):
        for assignment in tree.expressions:
            # DuckDB wants the bare column on the left.
            assignment.set("this", exp.to_identifier(assignment.this.name, quoted=True))
        sql = rewrites.to_duckdb(tree)
        return Work(
            lambda c: results.counts(results.UPDATE, rows_updated=_count(c, sql), multi_joined_rows_updated=0),
            temporary,
            [sql],
        )
    sql = rewrites.to_duckdb(tree)
    return Work(lambda c: results.counts(results.DELETE, rows_deleted=_count(c, sql)), temporary, [sql])


def _insert(tree: exp.Insert, table: exp.Table, temporary: bool) -> Work:
    if not tree.args.get("overwrite"):
        sql = rewrites.to_duckdb(tree)
        return Work(lambda c: results.counts(results.INSERT, rows_inserted=_count(c, sql)), temporary, [sql])
    tree.set("overwrite", False)
    target = table.sql(dialect="duckdb")
    sources = list(tree.expression.find_all(exp.Table))
    reads_target = any(other.parts == table.parts for other in sources)
    source = rewrites.to_duckdb(tree.expression.copy())
    check = rewrites.to_duckdb(tree.copy())
    tree.set("expression", exp.select("*").from_(exp.table_(_SOURCE, quoted=True)))
    insert = tree.sql(dialect="duckdb")

    def run(connection: duckdb.DuckDBPyConnection) -> Result:
        # The source may read the target, itself or by a view, so it is kept before the target is emptied.
        if not reads_target and not any(create_table.kind_of(other, connection) == "VIEW" for other in sources):
            execute(connection, f"DELETE FROM {target}")
            return results.counts(results.INSERT, rows_inserted=_count(connection, check))
        execute(connection, f'CREATE OR REPLACE TEMPORARY TABLE "{_SOURCE}" AS {source}')
        execute(connection, f"DELETE FROM {target}")
        count = _count(connection, insert)
        execute(connection, f'DROP TABLE "{_SOURCE}"')
        return results.counts(results.INSERT, rows_inserted=count)

    return Work(run, temporary, [check])


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
        total = None
        for row in rows:
            bound = tree.copy()
            bindings.bind(bound, row)
            result = work(bound, None).run(connection)
            total = (total or 0) + (result.affected or 0)
        name = "rows_updated" if isinstance(tree, exp.Update) else "rows_deleted"
        return results.counts(
            results.UPDATE if isinstance(tree, exp.Update) else results.DELETE, **{name: total or 0}
        )

    return run


_ACTIONS = {"INSERT": "rows_inserted", "UPDATE": "rows_updated", "DELETE": "rows_deleted"}


def _merge(tree: exp.Merge, temporary: bool) -> Work:
    present = Counter[str]()
    for when in tree.args["whens"].expressions:
        then = when.args["then"]
        if isinstance(then, exp.Insert):
            present["rows_inserted"] = 0
        elif isinstance(then, exp.Update):
            present["rows_updated"] = 0
            for assignment in then.expressions:
                assignment.set("this", exp.to_identifier(assignment.this.name, quoted=True))
        else:
            present["rows_deleted"] = 0
    source = tree.args["using"]
    if isinstance(source, exp.Subquery):
        # DuckDB 2.0 scans a source that reads the target while it inserts, and may see the rows inserted.
        rows = exp.select("*").from_("_merge_source")
        source.set("this", rows.with_("_merge_source", as_=source.this.copy(), materialized=True))
    sql = f"{rewrites.to_duckdb(tree)} RETURNING merge_action"
    order = [name for name in _ACTIONS.values() if name in present]

    def run(connection: duckdb.DuckDBPyConnection) -> Result:
        done = Counter[str]()
        connection.execute(sql)
        # In parts, because there is a row for each that was merged, and Python reads them.
        while actions := connection.fetchmany(10_000):
            done.update(_ACTIONS[action] for (action,) in actions)
        return results.counts(results.MERGE, **{name: done[name] for name in order})

    return Work(run, temporary, [sql])
