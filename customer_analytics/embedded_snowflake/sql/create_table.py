"""CREATE TABLE and CREATE VIEW."""

from collections.abc import Iterable

import duckdb
from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake.sql import names, rewrites
from customer_analytics.embedded_snowflake.state import results
from customer_analytics.embedded_snowflake.state.engine import execute, literal, quoted
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError, already_exists, missing, unsupported
from customer_analytics.embedded_snowflake.state.results import Result
from customer_analytics.embedded_snowflake.state.session import Name, Session
from customer_analytics.embedded_snowflake.state.store import TEMPORARY


def create(
    tree: exp.Create, name: Name, temporary: bool, session: Session, connection: duckdb.DuckDBPyConnection
) -> Result:
    """Create the table or view with its comments."""
    kind = str(tree.args["kind"]).upper()
    table = names.temporary(name, session) if temporary else exp.table_(*name[::-1], quoted=True)
    existing = kind_of(table, connection)
    if existing and tree.args.get("exists"):
        return results.message(f"{name[2]} already exists, statement succeeded.")
    if existing and not tree.args.get("replace"):
        raise already_exists(name[2])
    target = table.sql(dialect="duckdb")
    drop = [f"DROP {existing} {target}"] if existing not in ("", kind) else []
    statements = [*drop, *_definition(tree, table, session, connection), *_comments(tree, target)]
    if temporary:
        execute(connection, f"CREATE SCHEMA IF NOT EXISTS {TEMPORARY}.{quoted(table.db)}")
    for statement in statements:
        execute(connection, statement)
    if temporary:
        session.temporary_tables.add(name)
    return results.message(f"{kind.title()} {name[2]} successfully created.")


def kind_of(table: exp.Table, connection: duckdb.DuckDBPyConnection) -> str:
    """TABLE, VIEW, or the empty string if neither exists."""
    rows = execute(
        connection,
        """SELECT table_type FROM information_schema.tables
        WHERE table_catalog = ? AND table_schema = ? AND table_name = ?""",
        [table.catalog, table.db, table.name],
    )
    return "" if not rows else "VIEW" if rows[0][0] == "VIEW" else "TABLE"


def _definition(
    tree: exp.Create, table: exp.Table, session: Session, connection: duckdb.DuckDBPyConnection
) -> list[str]:
    """DuckDB's statements that create the table or view."""
    kind, target = str(tree.args["kind"]).upper(), table.sql(dialect="duckdb")
    head = f"CREATE {'OR REPLACE ' if tree.args.get('replace') else ''}{kind} {target}"
    if (original := tree.find(exp.LikeProperty, exp.Clone)) is not None:
        source = names.physical(names.full_name(original.this, session), session)
        if isinstance(original, exp.Clone) and source == table:
            return []  # a clone of itself: replacing it would lose its rows before they are read
        statements = _like(source, head, target, connection)
        if isinstance(original, exp.Clone):
            statements.append(f"INSERT INTO {target} SELECT * FROM {source.sql(dialect='duckdb')}")
        return statements
    schema = tree.this if isinstance(tree.this, exp.Schema) else None
    if tree.expression is None:
        if schema is None:
            raise SnowflakeError(1003, "42000", "SQL compilation error:\nMissing column specification")
        return [f"{head} ({columns(schema.expressions)})"]
    query = tree.expression.unnest() if isinstance(tree.expression, exp.Subquery) else tree.expression
    prepared = rewrites.prepare(query.copy(), session)
    if kind == "VIEW" and table.catalog != TEMPORARY:
        _refuse_temporary(prepared)
    select = rewrites.to_duckdb(prepared)
    if schema is None:
        return [f"{head} AS {select}"]
    if kind == "VIEW" or not any(
        isinstance(column, exp.ColumnDef) and column.kind for column in schema.expressions
    ):
        return [f"{head} ({', '.join(quoted(column.name) for column in schema.expressions)}) AS {select}"]
    # The query may read the table that it replaces, so that table is dropped last.
    new = exp.table_(f"_new_{table.name}", table.db, table.catalog, quoted=True).sql(dialect="duckdb")
    return [
        f"CREATE TABLE {new} ({columns(schema.expressions)})",
        f"INSERT INTO {new} {select}",
        f"DROP TABLE IF EXISTS {target}",
        f"ALTER TABLE {new} RENAME TO {quoted(table.name)}",
    ]


def _refuse_temporary(query: Expr) -> None:
    """Refuse a view through which other sessions could read temporary tables."""
    if any(table.catalog == TEMPORARY for table in query.find_all(exp.Table)):
        raise unsupported("a view that reads temporary tables and is not temporary itself")


def _like(source: exp.Table, head: str, target: str, connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The statements that create an empty table with the columns of another one."""
    rows = execute(
        connection,
        """SELECT column_name, data_type, is_nullable, column_default, comment FROM duckdb_columns()
        WHERE database_name = ? AND schema_name = ? AND table_name = ? ORDER BY column_index""",
        [source.catalog, source.db, source.name],
    )
    if not rows:
        raise missing(source.name)
    columns = [
        f"{quoted(name)} {kind}{'' if nullable else ' NOT NULL'}{f' DEFAULT {default}' if default else ''}"
        for name, kind, nullable, default, _ in rows
    ]
    comments = [
        f"COMMENT ON COLUMN {target}.{quoted(name)} IS {literal(comment)}" for name, *_, comment in rows if comment
    ]
    return [f"{head} ({', '.join(columns)})", *comments]


def columns(definitions: Iterable[Expr]) -> str:
    """Column definitions, without keys, which Snowflake does not enforce."""
    return ", ".join(_column(column) for column in definitions if isinstance(column, exp.ColumnDef))


def _column(column: exp.ColumnDef) -> str:
    if column.kind is None:
        raise SnowflakeError(1003, "42000", f"SQL compilation error:\nMissing type of the column '{column.name}'")
    text = f"{quoted(column.name)} {rewrites.to_duckdb(column.kind.copy())}"
    for constraint in column.constraints:
        what = constraint.kind
        if isinstance(what, exp.NotNullColumnConstraint) and not what.args.get("allow_null"):
            text += " NOT NULL"
        elif isinstance(what, exp.DefaultColumnConstraint):
            text += f" DEFAULT {rewrites.to_duckdb(what.this.copy())}"
    return text


def _comments(tree: exp.Create, target: str) -> list[str]:
    text = comment_property(tree)
    on_table = [f"COMMENT ON {tree.args['kind']} {target} IS {literal(text)}"] if text else []
    return on_table + column_comments(tree.this.expressions if isinstance(tree.this, exp.Schema) else [], target)


def column_comments(definitions: Iterable[Expr], target: str) -> list[str]:
    """The statements that add the comments of column definitions."""
    return [
        f"COMMENT ON COLUMN {target}.{quoted(column.name)} IS {literal(comment.this.name)}"
        for column in definitions
        if (comment := column.find(exp.CommentColumnConstraint)) is not None
    ]


def comment_property(tree: exp.Create) -> str | None:
    """The text of `COMMENT = '…'`."""
    properties = tree.args.get("properties")
    comment = properties.find(exp.SchemaCommentProperty) if properties else None
    return comment.this.name if comment is not None else None
