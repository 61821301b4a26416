"""What requested runs are about, kept in the warehouse, so that Dagster's database has no path and no customer."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables import Column, SqlType, Table

# Not among the tables of the graph: no asset writes it.
RUN_SCOPES = Table(
    "RUN_SCOPES",
    "One row per value that a requested run is about.",
    (
        Column("JOB", SqlType.TEXT, "The job of the run.", nullable=False),
        Column("SCOPE", SqlType.TEXT, "What the run's configuration names: a hash of its values.", nullable=False),
        Column("FIELD", SqlType.TEXT, "Field of the scope that the value belongs to.", nullable=False),
        Column("VALUE", SqlType.TEXT, "The value: a path, or a customer's id.", nullable=False),
    ),
    key=("JOB", "SCOPE", "FIELD", "VALUE"),
)


def record(
    warehouse: Warehouse, job: str, values: Mapping[str, Sequence[str]], keeping: Collection[str] = ()
) -> str:
    """Keep the values of a scope by its fields, and of the job's other scopes those named; the scope's name."""
    rows = [(field, value) for field in sorted(values) for value in sorted(values[field])]
    name = hashlib.sha256("\n".join(f"{field} {value}" for field, value in rows).encode()).hexdigest()
    warehouse.ensure_table(RUN_SCOPES)
    table = warehouse.name(RUN_SCOPES.name)
    others = "".join(" AND SCOPE <> ?" for _ in keeping)
    with warehouse.connection() as connection:
        cursor = connection.cursor()
        cursor.execute(f"DELETE FROM {table} WHERE JOB = ?{others}", (job, *keeping))
        if name not in keeping:
            insert = f"INSERT INTO {table} (JOB, SCOPE, FIELD, VALUE) VALUES (?, ?, ?, ?)"
            cursor.executemany(insert, [(job, name, field, value) for field, value in rows])
    return name


def read(warehouse: Warehouse, name: str) -> dict[str, list[str]]:
    """The values of a scope by its fields; without any where they are not kept any more."""
    warehouse.ensure_table(RUN_SCOPES)
    select = f"SELECT DISTINCT FIELD, VALUE FROM {warehouse.name(RUN_SCOPES.name)} WHERE SCOPE = ? ORDER BY 1, 2"
    values: dict[str, list[str]] = defaultdict(list)
    for row in warehouse.query(select, (name,)).to_pylist():
        values[row["FIELD"]].append(row["VALUE"])
    return dict(values)


def forget(warehouse: Warehouse, values: Collection[str]) -> None:
    """Take values out of all scopes."""
    warehouse.ensure_table(RUN_SCOPES)
    for value in values:
        _delete(warehouse, "VALUE = ?", (value,))


def _delete(warehouse: Warehouse, condition: str, values: Sequence[str]) -> None:
    with warehouse.connection() as connection:
        statement = f"DELETE FROM {warehouse.name(RUN_SCOPES.name)} WHERE {condition}"
        connection.cursor().execute(statement, tuple(values))
