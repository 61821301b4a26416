"""The two ways of writing a table: replace and merge. Either is one atomic statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any

from snowflake.snowpark import Column as Expression
from snowflake.snowpark import DataFrame, Session
from snowflake.snowpark import functions as f
from snowflake.snowpark.exceptions import SnowparkSQLException

from customer_analytics.resources.warehouse.names import quoted
from customer_analytics.tables import Column, Table

_GONE = "IS_GONE"
NOT_THERE = (2003, 2043)
"""Snowflake's error codes for an object that does not exist or that the role may not see."""


@dataclass(frozen=True)
class Written:
    """What a write did: rows in the table afterwards, rows changed by a merge, and the statement's query id."""

    rows: int
    query_id: str
    inserted: int = 0
    updated: int = 0
    deleted: int = 0


def replace(name: str, table: Table, rows: DataFrame) -> Written:
    """Make `rows` the table's only rows.

    While the table has the declared columns, INSERT OVERWRITE keeps its grants, comments and time travel;
    otherwise CREATE OR REPLACE … COPY GRANTS takes its place. A reader sees the old rows or the new ones.
    """
    session = rows.session
    as_declared = _has_declared_columns(session, name, table)
    with session.query_history() as history:
        if as_declared:
            rows.write.insert_into(name, overwrite=True)  # by column name, in whatever order
        else:
            ordered = rows.select(table.column_names)
            # The overloads of Snowpark 1.56 forget copy_grants.
            ordered.write.save_as_table(name, mode="overwrite", copy_grants=True)  # type: ignore[call-overload]
    if not as_declared:
        _comment(session, name, table)
    return Written(session.table(name).count(), history.queries[-1].query_id)


def merge(
    name: str,
    table: Table,
    rows: DataFrame,
    *,
    only: dict[str, Sequence[Any]] | None = None,
    delete: bool = True,
) -> Written:
    """Insert, update and delete by key, so that the table holds `rows`, touching no row that is equal already.

    Args:
        name: Qualified and quoted name of the table to change.
        table: Its columns and key.
        rows: The rows that are to be there; their keys are unique and not null.
        only: Restricts the deletion to rows whose column holds one of the values, for each column named.
        delete: Whether rows whose key is not among `rows` go away.

    Raises:
        ValueError: A key repeats among `rows`, or the table has other columns than declared.
    """
    session = rows.session
    if not _has_declared_columns(session, name, table):
        raise ValueError(f"{name} has other columns than declared; drop it to have it written anew.")
    ordered = rows.select(table.column_names)
    repeated = ordered.group_by(list(table.key)).count().filter(f.col("COUNT") > 1).count()
    if repeated:
        raise ValueError(f"The key {', '.join(table.key)} repeats in the rows for {name}: {repeated:,} keys do.")

    target = session.table(name)
    source = ordered.with_column(_GONE, f.lit(False))
    if delete:
        gone = target.join(ordered.select(list(table.key)), list(table.key), "left_anti")
        for column, values in (only or {}).items():
            gone = gone.filter(f.col(column).in_(list(values)))
        source = source.union_all(gone.select(table.column_names).with_column(_GONE, f.lit(True)))

    others = [column for column in table.column_names if column not in table.key]
    clauses: list[Any] = [f.when_matched(source[_GONE]).delete()]  # type: ignore[no-untyped-call]
    if others:
        changed = reduce(or_, (~target[column].equal_null(source[column]) for column in others))
        clauses.append(f.when_matched(changed).update({column: source[column] for column in others}))
    clauses.append(f.when_not_matched().insert({column: source[column] for column in table.column_names}))
    same_key: Expression = reduce(and_, (target[column] == source[column] for column in table.key))
    with session.query_history() as history:
        result = target.merge(source, same_key, clauses)
    return Written(
        session.table(name).count(),
        history.queries[-1].query_id,
        result.rows_inserted,
        result.rows_updated,
        result.rows_deleted,
    )


def ensure(session: Session, name: str, table: Table) -> None:
    """Create a table with its comments if it is absent."""
    session.sql(
        f"CREATE TABLE IF NOT EXISTS {name} ({_columns(table)}) COMMENT = {_text(table.description)}"
    ).collect()


def _has_declared_columns(session: Session, name: str, table: Table) -> bool:
    try:
        described = session.sql(f"DESCRIBE TABLE {name}").collect()
    except SnowparkSQLException as error:
        if error.sql_error_code not in NOT_THERE:
            raise
        ensure(session, name, table)
        return True
    return [(row["name"], row["type"]) for row in described] == [(c.name, _described(c)) for c in table.columns]


def _columns(table: Table) -> str:
    return ", ".join(
        f"{quoted(c.name)} {c.type}{'' if c.nullable else ' NOT NULL'} COMMENT {_text(c.description)}"
        for c in table.columns
    )


def _comment(session: Session, name: str, table: Table) -> None:
    session.sql(f"COMMENT ON TABLE {name} IS {_text(table.description)}").collect()
    for column in table.columns:
        session.sql(f"COMMENT ON COLUMN {name}.{quoted(column.name)} IS {_text(column.description)}").collect()


def _text(comment: str) -> str:
    # DDL takes no bind parameters; these texts are constants of customer_analytics.tables.
    return "'" + comment.replace("\\", "\\\\").replace("'", "''") + "'"


def _described(column: Column) -> str:
    """The type as DESCRIBE TABLE prints it."""
    return "VARCHAR(16777216)" if column.type == "VARCHAR" else str(column.type)
