"""The two ways of writing a table: replace and merge. Each is one atomic statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any

import pyarrow as pa
from snowflake.snowpark import Column as Expression
from snowflake.snowpark import DataFrame, Session
from snowflake.snowpark import functions as f
from snowflake.snowpark.exceptions import SnowparkSQLException

from customer_analytics.ports.warehouse.connections import NOT_FOUND, Connections
from customer_analytics.ports.warehouse.names import quoted
from customer_analytics.ports.warehouse.scratch import Scratch
from customer_analytics.tables import Column, Table

_DELETED = "IS_DELETED"


@dataclass(frozen=True)
class Written:
    """The result of a write: the table's rows, the rows that a merge changed, and the statement's query id."""

    rows: int
    query_id: str
    inserted: int = 0
    updated: int = 0
    deleted: int = 0


class Writes:
    """Creates and writes the tables of a warehouse's schema."""

    def __init__(self, warehouse: Connections, scratch: Scratch) -> None:
        self._warehouse = warehouse
        self._scratch = scratch

    def ensure_schema(self) -> None:
        """Create database and schema if they do not exist, and make them the session's current ones."""
        warehouse = self._warehouse
        schema = quoted(warehouse.database, warehouse.schema_name)
        try:
            warehouse.session().sql(f"USE SCHEMA {schema}").collect()
            return
        except SnowparkSQLException as error:
            if error.sql_error_code not in NOT_FOUND:
                raise
        # Not earlier: CREATE … IF NOT EXISTS needs the privilege to create even if the object exists, and the
        # pipeline's role may not create databases.
        for statement in (
            f"CREATE DATABASE IF NOT EXISTS {quoted(warehouse.database)}",
            f"CREATE SCHEMA IF NOT EXISTS {schema}",
            f"USE SCHEMA {schema}",
        ):
            warehouse.session().sql(statement).collect()

    def ensure_table(self, table: Table) -> None:
        """Create a table with its comments if it does not exist."""
        _ensure(self._warehouse.session(), self._warehouse.name(table.name), table)

    def require_table(self, table: Table) -> None:
        """Create a table if it does not exist; ValueError if its columns differ from the declared ones."""
        name = self._warehouse.name(table.name)
        if not _has_declared_columns(self._warehouse.session(), name, table):
            raise ValueError(
                f"The columns of {name} differ from the declared ones: drop it, and the next run recreates it."
            )

    def replace(self, table: Table, rows: DataFrame) -> Written:
        """Make `rows` the table's only rows.

        While the table has the declared columns, INSERT OVERWRITE keeps its grants, comments and time travel;
        otherwise CREATE OR REPLACE … COPY GRANTS replaces it. A reader sees the old rows or the new ones.
        """
        name, session = self._warehouse.name(table.name), rows.session
        as_declared = _has_declared_columns(session, name, table)
        with session.query_history() as history:
            if as_declared:
                rows.write.insert_into(name, overwrite=True)  # by column name, in any order
            else:
                ordered = rows.select(table.column_names)
                # The overloads of Snowpark 1.56 lack copy_grants.
                ordered.write.save_as_table(name, mode="overwrite", copy_grants=True)  # type: ignore[call-overload]
        if not as_declared:
            _comment(session, name, table)
        return Written(session.table(name).count(), history.queries[-1].query_id)

    def upsert(self, table: Table, rows: pa.Table) -> Written:
        """Insert rows or update those with their keys, and leave all other rows unchanged."""
        staged = self._scratch.stage(table, rows)
        return self.merge(table, self._warehouse.session().table(staged), delete=False)

    def merge(
        self,
        table: Table,
        rows: DataFrame,
        *,
        only: dict[str, Sequence[Any]] | None = None,
        delete: bool = True,
    ) -> Written:
        """Insert, update and delete by key until the table holds `rows`, without touching equal rows.

        Args:
            table: The table to change, with its key.
            rows: The wanted rows; their keys are unique and not null.
            only: Restricts the deletion to rows with one of these values in each of these columns.
            delete: Whether to delete rows whose key is not in `rows`.

        Raises:
            ValueError: A key repeats in `rows`, or the table's columns differ from the declared ones.
        """
        self.require_table(table)
        name, session = self._warehouse.name(table.name), rows.session
        ordered = rows.select(table.column_names)
        repeated = ordered.group_by(list(table.key)).count().filter(f.col("COUNT") > 1).count()
        if repeated:
            raise ValueError(
                f"The key {', '.join(table.key)} repeats in the rows for {name}: {repeated:,} keys do."
            )

        target = session.table(name)
        source = ordered.with_column(_DELETED, f.lit(False))
        if delete:
            gone = target.join(ordered.select(list(table.key)), list(table.key), "left_anti")
            for column, values in (only or {}).items():
                gone = gone.filter(f.col(column).in_(list(values)))
            source = source.union_all(gone.select(table.column_names).with_column(_DELETED, f.lit(True)))

        others = [column for column in table.column_names if column not in table.key]
        clauses: list[Any] = [f.when_matched(source[_DELETED]).delete()]  # type: ignore[no-untyped-call]
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


def _ensure(session: Session, name: str, table: Table) -> None:
    """Create a table with its comments if it is absent."""
    session.sql(
        f"CREATE TABLE IF NOT EXISTS {name} ({_columns(table)}) COMMENT = {_text(table.description)}"
    ).collect()


def _has_declared_columns(session: Session, name: str, table: Table) -> bool:
    try:
        described = session.sql(f"DESCRIBE TABLE {name}").collect()
    except SnowparkSQLException as error:
        if error.sql_error_code not in NOT_FOUND:
            raise
        _ensure(session, name, table)
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
