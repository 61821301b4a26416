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

from customer_analytics.ingestion.text import shortened
from customer_analytics.lineage.metadata import of_query
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables import Column, SqlType, Table
from customer_analytics.transforms.words import normal_form_sql

Inputs = Mapping[str, DataFrame]
_EXAMPLES = 5
_LONGEST_WORD = 40
# Columns that say where a row comes from; of a call by its content, since its path may name the customer.
_PLACES = ("AUDIO_HASH", "CONTENT_HASH", "LINE")
_CENT = 0.01


@dataclass(frozen=True)
class Audit:
    """Something that must hold of a table's rows.

    `violations` gives what violates it, one row each and without any text that a person wrote, from the table's
    rows and from what else they are compared with, by name. With `tolerant`, they are counted, and pass.
    `examples` says in words what is among the violations; it has values, so it is for the terminal alone.
    """

    name: str
    description: str
    violations: Callable[[DataFrame, Inputs], DataFrame]
    tolerant: bool = False
    examples: Callable[[DataFrame], str] | None = None

    def result(
        self,
        table: Table,
        found: int,
        rows: DataFrame,
        severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    ) -> dg.AssetCheckResult:
        """The result of the check of a table in which so many violations were found, with the first of them."""
        metadata: dict[str, Any] = {"rows_found": found}
        passed = self.tolerant or not found
        words = f"{found:,} row{'s' * (found != 1)}"
        if not passed and not self.examples:
            # Values of the table stay out of events, which erasure does not reach.
            examples = [
                {c: str(v) for c, v in row.as_dict().items() if c in _PLACES or c not in table.column_names}
                for row in rows.limit(_EXAMPLES).collect()
            ]
            if examples[0]:
                metadata["examples"] = dg.MetadataValue.json(examples)
                first = ", ".join(f"{column} {shortened(value, 20)}" for column, value in examples[0].items())
                words += f", e.g. {first}"
        return dg.AssetCheckResult(
            passed=passed,
            asset_key=table.name.lower(),
            check_name=self.name,
            severity=severity,
            metadata=metadata,
            description=words,
        )


def declared(table: Table) -> tuple[Audit, ...]:
    """The audits that follow from the table's declaration."""
    return keyed(table) + restricted(table)


def keyed(table: Table) -> tuple[Audit, ...]:
    """The audits of what a table must have: its required columns, and its key once."""
    # Conditions as text: building them of Snowpark's columns takes longer than the warehouse takes for them.
    lacks = " OR ".join(f'"{column.name}" IS NULL' for column in table.columns if not column.nullable)
    audits = [
        Audit(
            "required_columns_are_set",
            "No column is null that must not be.",
            lambda rows, _: rows.filter(lacks).select(identifying(table)),
        )
    ]
    if table.key:
        audits.append(unique(table.key, "key_is_unique", "No key repeats."))
    return tuple(audits)


def restricted(table: Table) -> tuple[Audit, ...]:
    """The audit that columns hold values that are declared for them; none where any value will do."""
    columns = [column for column in table.columns if not column.is_open and (column.accepted or column.between)]
    if not columns:
        return ()
    outside = " OR ".join(_outside(column) for column in columns)
    names = ", ".join(column.name for column in columns)
    return (
        Audit(
            "values_are_accepted",
            f"There are no other values than described in {names}.",
            lambda rows, _: rows.filter(outside).select(identifying(table)),
        ),
    )


def known_words(table: Table) -> tuple[Audit, ...]:
    """The audit that open columns hold values that are known; none for a table without such a column."""
    columns = [column for column in table.columns if column.is_open]
    if not columns:
        return ()
    unknown = " OR ".join(_unknown(column) for column in columns)
    names = ", ".join(column.name for column in columns)

    def examples(rows: DataFrame) -> str:
        return "; ".join(f"{column.name} {_counted(rows.filter(_unknown(column)), column)}" for column in columns)

    return (
        Audit(
            "values_are_accepted",
            f"There are no other values than described in {names}. Others are loaded all the same.",
            lambda rows, _: rows.filter(unknown),
            examples=examples,
        ),
    )


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
    """Figures of two frames of one row each, side by side, if those of a pair are not equal to the cent."""
    figures = [f.col(here) for here, _ in pairs]
    others = {there: scalar(other.select(there)).alias(there) for _, there in pairs}
    differs = [f.abs(f.col(here) - f.col(there)) >= _CENT for here, there in pairs]
    return one.select(*figures, *others.values()).filter(reduce(or_, differs))


# Joins of Snowpark ask the warehouse for the columns of either side, one statement each; subqueries do not.


def scalar(value: DataFrame) -> Expression:
    """The value of a frame of one row and one column."""
    return f.sql_expr(f"({value.queries['queries'][-1]})")


def among(column: str, values: DataFrame) -> Expression:
    """Whether a column's value is among those of a frame of one column, which holds no null."""
    return f.sql_expr(f'"{column}" IN ({values.queries["queries"][-1]})')


def total(column: str, name: str) -> Expression:
    """The sum of a column under a name; 0 without rows."""
    return f.coalesce(f.sum(column), f.lit(0)).alias(name)


def identifying(table: Table) -> list[str]:
    """The columns by which to find a row again: its key and a call's content, or else all without text."""
    contents = [name for name in table.column_names if name == "AUDIO_HASH"]
    key = [*table.key, *(name for name in contents if name not in table.key)]
    return key if table.key else [column.name for column in table.columns if column.type is not SqlType.TEXT]


def audit_specs(asset: str, audits: Sequence[Audit]) -> list[dg.AssetCheckSpec]:
    """The blocking checks of an asset, as Dagster shows them."""
    return [
        dg.AssetCheckSpec(audit.name, asset=asset, blocking=True, description=audit.description)
        for audit in audits
    ]


def audited(
    table: Table, rows: DataFrame, warehouse: Warehouse, audits: Sequence[Audit], **inputs: DataFrame
) -> Iterator[dg.AssetCheckResult | dg.Output[DataFrame]]:
    """Stage the rows of a transform and publish them as `published` does, with the lineage of their query."""
    staged = warehouse.write_scratch(table, rows)
    yield from published(table, staged, warehouse, audits, of_query(rows, warehouse), **inputs)


def published(
    table: Table,
    staged: DataFrame,
    warehouse: Warehouse,
    audits: Sequence[Audit],
    metadata: Mapping[str, Any] | None = None,
    **inputs: DataFrame,
) -> Iterator[dg.AssetCheckResult | dg.Output[DataFrame]]:
    """Give rows that lie in the warehouse on only if every audit finds nothing; see `examined`."""
    yield from examined(table, staged, warehouse, audits, **inputs)
    yield dg.Output(staged, metadata=metadata)


def examined(
    table: Table, staged: DataFrame, warehouse: Warehouse, audits: Sequence[Audit], **inputs: DataFrame
) -> Iterator[dg.AssetCheckResult]:
    """The results of audits of rows that lie in the warehouse, found in one statement.

    Raises:
        dagster.Failure: An audit found something; the table keeps its old rows.
    """
    violating = [audit.violations(staged, inputs) for audit in audits]
    counts = warehouse.counts(violating)
    failed = []
    for audit, count, rows in zip(audits, counts, violating, strict=True):
        result = audit.result(table, count, rows)
        yield result
        if not result.passed:
            failed.append(f"{audit.name} ({count:,} rows)")
    if failed:
        raise dg.Failure(
            f"{table.name} keeps its old rows, because the new ones violate {', '.join(failed)}.",
            allow_retries=False,
        )


def _unknown(column: Column) -> str:
    """The condition that a value, or null, is not among those known; these are constants of our tables."""
    known = ", ".join(map(repr, column.accepted))
    return f'"{column.name}" IS NULL OR {normal_form_sql(column.name)} NOT IN ({known})'


def _counted(rows: DataFrame, column: Column) -> str:
    """The commonest values of a column with their numbers, each of at most 40 characters."""
    value = f.coalesce(f.substring(column.name, f.lit(1), f.lit(_LONGEST_WORD)), f.lit("(none)")).alias("VALUE")
    counts = rows.select(value).group_by("VALUE").count().sort(f.col("COUNT").desc(), f.col("VALUE"))
    found = [f"{row['VALUE']} ({row['COUNT']:,})" for row in counts.limit(_EXAMPLES).collect()]
    return ", ".join("".join(c if c.isprintable() else " " for c in text) for text in found)


def _outside(column: Column) -> str:
    """The condition that a value is not accepted, which null never is; the values are constants of our tables."""
    if column.accepted:
        return f'"{column.name}" NOT IN ({", ".join(map(repr, column.accepted))})'
    low, high = column.between or (0, 0)
    return f'"{column.name}" NOT BETWEEN {low} AND {high}'
