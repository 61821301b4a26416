"""Write, audit, publish: the checks of a table run on its new rows before these replace the old ones."""

from collections.abc import Callable, Iterator, Mapping

import dagster as dg
from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables import Table

# A violation is a description of what is wrong and how many rows are concerned.
Audit = Callable[[DataFrame], int]


def audits_of(table: Table, **others: Audit) -> dict[str, Audit]:
    """The audits that follow from the table's declaration, and others by name."""
    declared: dict[str, Audit] = {"required_columns_are_set": lambda rows: _count_nulls(rows, table)}
    if table.key:
        declared["key_is_unique"] = lambda rows: _count_repeated_keys(rows, table)
    return declared | others


def audit_specs(asset: str, audits: Mapping[str, Audit]) -> list[dg.AssetCheckSpec]:
    """The blocking checks of an asset, as Dagster shows them."""
    return [
        dg.AssetCheckSpec(
            name, asset=asset, blocking=True, description="Counts violating rows before they are published."
        )
        for name in audits
    ]


def audited(
    table: Table, rows: DataFrame, warehouse: Warehouse, audits: Mapping[str, Audit]
) -> Iterator[dg.AssetCheckResult | dg.Output[DataFrame]]:
    """Stage rows, check them, and give them on only if every audit found nothing.

    Raises:
        dagster.Failure: An audit found something; the table keeps its old rows.
    """
    staged = warehouse.write_scratch(table, rows)
    violations = {name: audit(staged) for name, audit in audits.items()}
    for name, count in violations.items():
        yield dg.AssetCheckResult(passed=count == 0, check_name=name, metadata={"violations": count})
    failed = [f"{name} ({count} rows)" for name, count in violations.items() if count]
    if failed:
        raise dg.Failure(f"{table.name} keeps its old rows, because the new ones violate {', '.join(failed)}.")
    yield dg.Output(staged)


def outside(rows: DataFrame, column: str, low: float, high: float) -> int:
    """How many values of a column lie outside of a range; null counts as inside."""
    return rows.filter(~f.col(column).between(low, high)).count()


def _count_nulls(rows: DataFrame, table: Table) -> int:
    required = [f.col(column.name).is_null() for column in table.columns if not column.nullable]
    return rows.filter(f.greatest(*(f.iff(null, 1, 0) for null in required), f.lit(0)) == 1).count()


def _count_repeated_keys(rows: DataFrame, table: Table) -> int:
    return rows.group_by(list(table.key)).count().filter(f.col("COUNT") > 1).count()
