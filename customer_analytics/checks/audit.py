"""Write, audit, publish: what must hold of a table's new rows is checked before they replace the old ones."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

import dagster as dg
from snowflake.snowpark import Column as Expression
from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.lineage.metadata import of_query
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables import Column, SqlType, Table

Inputs = Mapping[str, DataFrame]
_EXAMPLES = 5
_CENT = 0.01


@dataclass(frozen=True)
class Audit:
    """Something that must hold of a table's rows.

    `violations` gives what violates it, one row each and without any text that a person wrote, from the table's
    rows and from those that they are computed from, by the name of the table or of what else is compared.
    """

    name: str
    description: str
    violations: Callable[[DataFrame, Inputs], DataFrame]


def declared(table: Table) -> tuple[Audit, ...]:
    """The audits that follow from the table's declaration."""
    required = [f.col(column.name).is_null() for column in table.columns if not column.nullable]
    audits = [
        Audit(
            "required_columns_are_set",
            "No column is null that must not be.",
            lambda rows, _: rows.filter(reduce(or_, required)).select(identifying(table)),
        )
    ]
    if table.key:
        audits.append(unique(table.key, "key_is_unique", "No key repeats."))
    if outside := not_accepted(table):
        audits.append(
            Audit(
                "values_are_accepted",
                f"Nothing else is in {restricted(table)} than the columns' descriptions say.",
                lambda rows, _: rows.filter(reduce(or_, outside)).select(identifying(table)),
            )
        )
    return tuple(audits)


def unique(columns: Sequence[str], name: str, description: str) -> Audit:
    """The audit that no combination of these columns' values repeats, null being a value."""
    return Audit(
        name,
        description,
        lambda rows, _: rows.group_by(list(columns)).agg(f.count("*").alias("TIMES")).filter(f.col("TIMES") > 1),
    )


def as_many_rows_as(source: str, name: str, description: str) -> Audit:
    """The audit that there is one row for each row of an input."""

    def violations(rows: DataFrame, inputs: Inputs) -> DataFrame:
        there = inputs[source].agg(f.count("*").alias("EXPECTED"))
        return unequal(rows.agg(f.count("*").alias("ROWS")), there, ("ROWS", "EXPECTED"))

    return Audit(name, description, violations)


def unequal(one: DataFrame, other: DataFrame, *pairs: tuple[str, str]) -> DataFrame:
    """Two frames of one row each, side by side, if figures of the one are not those of the other, to the cent."""
    differs = [f.abs(f.col(left) - f.col(right)) >= _CENT for left, right in pairs]
    return one.cross_join(other).filter(reduce(or_, differs))


def total(column: str, name: str) -> Expression:
    """The sum of a column under a name; 0 without rows."""
    return f.coalesce(f.sum(column), f.lit(0)).alias(name)


def not_accepted(table: Table) -> list[Expression]:
    """For each column with restricted values, whether a row has another one; null is no value."""
    return [_is_outside(column) for column in table.columns if column.accepted or column.between]


def restricted(table: Table) -> str:
    """The names of the columns whose values are restricted."""
    return ", ".join(column.name for column in table.columns if column.accepted or column.between)


def identifying(table: Table) -> list[str]:
    """The columns by which to find a row again: its key, or else all columns without text."""
    return list(table.key) or [column.name for column in table.columns if column.type is not SqlType.TEXT]


def audit_specs(asset: str, audits: Sequence[Audit]) -> list[dg.AssetCheckSpec]:
    """The blocking checks of an asset, as Dagster shows them."""
    return [
        dg.AssetCheckSpec(
            audit.name,
            asset=asset,
            blocking=True,
            description=f"{audit.description} Checked before rows are published.",
        )
        for audit in audits
    ]


def count_violations(violating: Mapping[str, DataFrame]) -> dict[str, int]:
    """How many rows each of the frames has, in one statement."""
    counts = [
        rows.agg(f.count("*").alias("VIOLATIONS")).select(f.lit(name).alias("AUDIT"), "VIOLATIONS")
        for name, rows in violating.items()
    ]
    return {row["AUDIT"]: int(row["VIOLATIONS"]) for row in reduce(DataFrame.union_all, counts).collect()}


def evidence(count: int, rows: DataFrame) -> dict[str, Any]:
    """What a check tells about violations: their number, and which rows the first of them are."""
    told: dict[str, Any] = {"violations": count}
    if count:
        examples = [row.as_dict() for row in rows.limit(_EXAMPLES).collect()]
        told["examples"] = dg.MetadataValue.json([{c: str(value) for c, value in row.items()} for row in examples])
    return told


def audited(
    table: Table, rows: DataFrame, warehouse: Warehouse, audits: Sequence[Audit], **inputs: DataFrame
) -> Iterator[dg.AssetCheckResult | dg.Output[DataFrame]]:
    """Stage the rows of a transform and publish them as `published` does, with the lineage of their query.

    Raises:
        dagster.Failure: An audit found something; the table keeps its old rows.
    """
    staged = warehouse.write_scratch(table, rows)
    yield from published(table, staged, audits, of_query(rows, warehouse), **inputs)


def published(
    table: Table, staged: DataFrame, audits: Sequence[Audit], metadata: Mapping[str, Any], **inputs: DataFrame
) -> Iterator[dg.AssetCheckResult | dg.Output[DataFrame]]:
    """Check rows that lie in the warehouse, and give them on only if every audit found nothing.

    Raises:
        dagster.Failure: An audit found something; the table keeps its old rows.
    """
    violating = {audit.name: audit.violations(staged, inputs) for audit in audits}
    counts = count_violations(violating)
    for name, count in counts.items():
        yield dg.AssetCheckResult(passed=not count, check_name=name, metadata=evidence(count, violating[name]))
    failed = [f"{name} ({count:,} rows)" for name, count in counts.items() if count]
    if failed:
        raise dg.Failure(f"{table.name} keeps its old rows, because the new ones violate {', '.join(failed)}.")
    yield dg.Output(staged, metadata=metadata)


def _is_outside(column: Column) -> Expression:
    value = f.col(column.name)
    if column.accepted:
        return ~value.in_([f.lit(accepted) for accepted in column.accepted])
    low, high = column.between or (0, 0)
    return (value < low) | (value > high)
