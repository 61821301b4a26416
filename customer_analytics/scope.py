"""Scope of an incremental run, and the scopes that requested runs record in the warehouse."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.ingestion.call_names import customer_of
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.tables import Column, SqlType, Table

LARGEST = 1_000
"""The most values that a run may be restricted to; with more, reading all rows costs no more."""

# Not among the tables of the graph: no asset writes it.
RUN_SCOPES = Table(
    "RUN_SCOPES",
    "One row per value in the scope of a requested run.",
    (
        Column("JOB", SqlType.TEXT, "The job of the run.", nullable=False),
        Column(
            "SCOPE",
            SqlType.TEXT,
            "Name of the scope: a hash of its values.",
            nullable=False,
        ),
        Column("FIELD", SqlType.TEXT, "Field of the scope that the value belongs to.", nullable=False),
        Column("VALUE", SqlType.TEXT, "The value: a path, or a customer's id.", nullable=False),
    ),
    key=("JOB", "SCOPE", "FIELD", "VALUE"),
)


@dataclass(kw_only=True)
class Scope:
    """The calls or comments that a run processes; an empty scope stands for all rows of all tables.

    An asset that is written in parts declares the column that separates them. In a run with a scope it reads and
    writes only the rows with the scope's values, and leaves all other rows unchanged.

    Attributes:
        calls: Relative paths of new, changed or removed calls.
        comment_files: Paths of new and changed comment files, below the source.
        customers: Authors of these files' comments, now or before, and the customers of calls whose file names
            do not say so.
        recorded: Name of the values in RUN_SCOPES. Requested runs use it instead of the fields above, so that
            their configuration holds no path and no customer.
        again: Whether to transcribe failed calls again.
    """

    calls: Sequence[str] = ()
    comment_files: Sequence[str] = ()
    customers: Sequence[str] = ()
    recorded: str = ""
    again: bool = False

    def __post_init__(self) -> None:
        self._resolved: Scope | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the run processes all rows."""
        return not (self.calls or self.comment_files or self.recorded)

    def resolved(self, warehouse: Warehouse) -> "Scope":
        """The scope with the values of its name; raises LookupError if they are no longer recorded."""
        if not self.recorded:
            return self
        if self._resolved is None:
            values: dict[str, Any] = read_scope(warehouse, self.recorded)
            if not values:
                raise LookupError(
                    "The scope of this run is no longer recorded: start a run without a scope instead."
                )
            self._resolved = Scope(**values, again=self.again)
        return self._resolved

    def covers(self, customers: Collection[str | None]) -> bool:
        """Whether the run processes all of these customers; rows without one wait for a run without a scope."""
        return self.is_whole or set(customers) - {None} <= set(self.customers)

    def part(self, rows: DataFrame, column: str) -> DataFrame:
        """The rows that the run processes, by one of their columns."""
        values = self.values(column)
        return rows if values is None else rows.filter(f.col(column).in_(values))

    def where(self, column: str) -> dict[str, list[Any]]:
        """The filter for a vector store that selects the objects that the run processes."""
        values = self.values(column)
        return {} if values is None else {column.lower(): values}

    def values(self, column: str) -> list[Any] | None:
        """The values of a column that the run processes; None for all of them."""
        if self.is_whole:
            return None
        if self.recorded:
            raise RuntimeError("The values of this scope are in the warehouse: use `resolved`.")
        if column == "RELATIVE_PATH":
            return list(self.calls)
        if column == "CUSTOMER_ID":
            customers = {customer_of(path) for path in self.calls}
            return sorted({customer for customer in customers if customer is not None}.union(self.customers))
        raise ValueError(f"A run cannot be restricted by {column}: declare parts by RELATIVE_PATH or CUSTOMER_ID.")


def record_scope(
    warehouse: Warehouse, job: str, values: Mapping[str, Sequence[str]], keeping: Collection[str] = ()
) -> str:
    """Record the values of a scope by field, and delete the job's other scopes except `keeping`; its name."""
    rows = [(field, value) for field in sorted(values) for value in sorted(values[field])]
    name = hashlib.sha256("\n".join(f"{field} {value}" for field, value in rows).encode()).hexdigest()
    warehouse.writes.ensure_table(RUN_SCOPES)
    table = warehouse.name(RUN_SCOPES.name)
    others = "".join(" AND SCOPE <> ?" for _ in keeping)
    with warehouse.connection() as connection:
        cursor = connection.cursor()
        cursor.execute(f"DELETE FROM {table} WHERE JOB = ?{others}", (job, *keeping))
        if name not in keeping:
            insert = f"INSERT INTO {table} (JOB, SCOPE, FIELD, VALUE) VALUES (?, ?, ?, ?)"
            cursor.executemany(insert, [(job, name, field, value) for field, value in rows])
    return name


def read_scope(warehouse: Warehouse, name: str) -> dict[str, list[str]]:
    """The values of a scope by field; empty if they are no longer recorded."""
    warehouse.writes.ensure_table(RUN_SCOPES)
    select = f"SELECT DISTINCT FIELD, VALUE FROM {warehouse.name(RUN_SCOPES.name)} WHERE SCOPE = ? ORDER BY 1, 2"
    values: dict[str, list[str]] = defaultdict(list)
    for row in warehouse.query(select, (name,)).to_pylist():
        values[row["FIELD"]].append(row["VALUE"])
    return dict(values)


def forget_values(warehouse: Warehouse, values: Collection[str]) -> None:
    """Delete values from all scopes."""
    warehouse.writes.ensure_table(RUN_SCOPES)
    with warehouse.connection() as connection:
        for value in values:
            statement = f"DELETE FROM {warehouse.name(RUN_SCOPES.name)} WHERE VALUE = ?"
            connection.cursor().execute(statement, (value,))
