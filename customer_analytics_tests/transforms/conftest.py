"""Rows into the warehouse, and what a transform makes of them."""

import itertools
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest
from snowflake.snowpark import DataFrame, Session

from customer_analytics.tables import Table

Rows = Sequence[Sequence[Any]]
Load = Callable[[Table, Rows], DataFrame]


@pytest.fixture
def load(session: Session) -> Load:
    """Rows of a table, in its column order, as a DataFrame over a warehouse table of the declared types."""
    numbers = itertools.count()

    def _load(table: Table, rows: Rows) -> DataFrame:
        name = f"{table.name}_{next(numbers)}"
        columns = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
        with session.connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE {name} ({columns})")
            if rows:
                placeholders = ", ".join("?" * len(table.columns))
                values = [[str(value) if isinstance(value, date) else value for value in row] for row in rows]
                cursor.executemany(f"INSERT INTO {name} VALUES ({placeholders})", values)
        return session.table(name)

    return _load
