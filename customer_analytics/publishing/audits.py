"""Audits: SQL conditions on a table's rows, and the ones that follow from every table's declaration."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from snowflake.snowpark import Column as Expression
from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.ingestion.text import shortened
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.tables import Column, SqlType, Table
from customer_analytics.transforms.columns import normal_form_sql

Inputs = Mapping[str, DataFrame]
_CENT = 0.01
_EXAMPLES = 5
_LONGEST_WORD = 40
# Columns that say where a row comes from. A call is named by its audio's hash, because its path may name the
# customer.
_PLACES = ("AUDIO_HASH", "FILE_HASH", "LINE")


@dataclass(frozen=True)
class Audit:
    """A condition on a table's rows.

    `violations` selects the rows that violate it, without any text that a person wrote, from the table's rows and
    from named inputs that they are compared with. A `tolerant` audit counts violations and passes. `examples`
    describes the violations in words; these contain values, so they are shown in the terminal only.
    """

    name: str
    description: str
    violations: Callable[[DataFrame, Inputs], DataFrame]
    tolerant: bool = False
    examples: Callable[[DataFrame], str] | None = None


@dataclass(frozen=True)
class AuditResult:
    """The number of rows of a table that violate an audit, and where the first of them are."""

    table: Table
    audit: Audit
    rows_found: int
    places: tuple[dict[str, str], ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the rows may be published."""
        return self.audit.tolerant or not self.rows_found

    @property
    def text(self) -> str:
        """The number of rows and the place of the first one."""
        words = f"{self.rows_found:,} row{'s' * (self.rows_found != 1)}"
        if not self.places:
            return words
        return f"{words}, e.g. {', '.join(f'{name} {shortened(v, 20)}' for name, v in self.places[0].items())}"


def evaluate(
    audits: Sequence[tuple[Audit, Table, DataFrame]], warehouse: Warehouse, inputs: Inputs
) -> list[AuditResult]:
    """Count the violations of each audit, given with its table and rows, in one statement."""
    violations = [audit.violations(rows, inputs) for audit, _, rows in audits]
    return [
        result(table, audit, count, violating)
        for (audit, table, _), count, violating in zip(
            audits, warehouse.reads.counts(violations), violations, strict=True
        )
    ]


def result(table: Table, audit: Audit, count: int, violations: DataFrame) -> AuditResult:
    """The result of an audit that found `count` violations; other values of the table stay out of it."""
    if not count or audit.tolerant or audit.examples:
        return AuditResult(table, audit, count)
    # Results become events, which erasure does not reach.
    examples = (
        {name: str(value) for name, value in row.as_dict().items() if _is_place(name, table)}
        for row in violations.limit(_EXAMPLES).collect()
    )
    return AuditResult(table, audit, count, tuple(filter(None, examples)))


def _is_place(column: str, table: Table) -> bool:
    return column in _PLACES or column not in table.column_names


def table_audits(table: Table) -> tuple[Audit, ...]:
    """The audits that follow from the table's declaration."""
    return key_audits(table) + value_audits(table)


def key_audits(table: Table) -> tuple[Audit, ...]:
    """Required columns are set, and no key repeats."""
    # SQL text, because building Snowpark's columns takes longer than evaluating them.
    missing = " OR ".join(f'"{column.name}" IS NULL' for column in table.columns if not column.nullable)
    required = Audit(
        "required_columns_are_set",
        "Required columns are never null.",
        lambda rows, _: rows.filter(missing).select(identifying(table)),
    )
    return (required, unique(table.key, "key_is_unique", "Every key occurs once.")) if table.key else (required,)


def value_audits(table: Table) -> tuple[Audit, ...]:
    """Columns hold their declared values; no audit for a table where any value is accepted."""
    columns = [column for column in table.columns if not column.is_open and (column.accepted or column.between)]
    if not columns:
        return ()
    rejected = " OR ".join(_is_rejected(column) for column in columns)
    return (
        Audit(
            "values_are_accepted",
            f"{', '.join(column.name for column in columns)}: values are among those described.",
            lambda rows, _: rows.filter(rejected).select(identifying(table)),
        ),
    )


def open_value_audits(table: Table) -> tuple[Audit, ...]:
    """Open columns hold known values; no audit for a table without an open column."""
    columns = [column for column in table.columns if column.is_open]
    if not columns:
        return ()
    unknown = " OR ".join(_is_unknown(column) for column in columns)

    def examples(rows: DataFrame) -> str:
        return "; ".join(
            f"{column.name} {_most_frequent(rows.filter(_is_unknown(column)), column)}" for column in columns
        )

    return (
        Audit(
            "values_are_accepted",
            f"{', '.join(column.name for column in columns)}: values are among those described. Rows with other "
            "values are loaded.",
            lambda rows, _: rows.filter(unknown),
            examples=examples,
        ),
    )


def unique(columns: Sequence[str], name: str, description: str) -> Audit:
    """No combination of these columns' values repeats; null counts as a value."""
    return Audit(
        name,
        description,
        lambda rows, _: rows.group_by(list(columns)).agg(f.count("*").alias("TIMES")).filter(f.col("TIMES") > 1),
    )


def as_many_rows_as(source: str, name: str, description: str) -> Audit:
    """The table has one row for each row of an input."""

    def violations(rows: DataFrame, inputs: Inputs) -> DataFrame:
        expected = inputs[source].agg(f.count("*").alias("EXPECTED"))
        return unequal(rows.agg(f.count("*").alias("ROWS")), expected, ("ROWS", "EXPECTED"))

    return Audit(name, description, violations)


def _is_unknown(column: Column) -> str:
    """The condition that a value is null or not among those declared; these are constants of our tables."""
    known = ", ".join(map(repr, column.accepted))
    return f'"{column.name}" IS NULL OR {normal_form_sql(column.name)} NOT IN ({known})'


def _most_frequent(rows: DataFrame, column: Column) -> str:
    """The most frequent values of a column with their counts, each of at most 40 characters."""
    value = f.coalesce(f.substring(column.name, f.lit(1), f.lit(_LONGEST_WORD)), f.lit("(none)")).alias("VALUE")
    counts = rows.select(value).group_by("VALUE").count().sort(f.col("COUNT").desc(), f.col("VALUE"))
    found = [f"{row['VALUE']} ({row['COUNT']:,})" for row in counts.limit(_EXAMPLES).collect()]
    return ", ".join("".join(c if c.isprintable() else " " for c in text) for text in found)


def _is_rejected(column: Column) -> str:
    """The condition that a value is not accepted, which null never is; the values are constants of our tables."""
    if column.accepted:
        return f'"{column.name}" NOT IN ({", ".join(map(repr, column.accepted))})'
    low, high = column.between or (0, 0)
    return f'"{column.name}" NOT BETWEEN {low} AND {high}'


# Expressions for audits. They are SQL text and subqueries: a Snowpark join queries the columns of both sides, one
# statement each.


def scalar(value: DataFrame) -> Expression:
    """The value of a frame of one row and one column."""
    return f.sql_expr(f"({value.queries['queries'][-1]})")


def among(column: str, values: DataFrame) -> Expression:
    """Whether a column's value is among those of a frame of one column, which holds no null."""
    return f.sql_expr(f'"{column}" IN ({values.queries["queries"][-1]})')


def total(column: str, name: str) -> Expression:
    """The sum of a column, under a name; 0 without rows."""
    return f.coalesce(f.sum(column), f.lit(0)).alias(name)


def unequal(left: DataFrame, right: DataFrame, *pairs: tuple[str, str]) -> DataFrame:
    """The figures of two frames of one row each, side by side, if a pair of them differs by a cent or more."""
    figures = [f.col(name) for name, _ in pairs]
    others = {name: scalar(right.select(name)).alias(name) for _, name in pairs}
    differs = [f.abs(f.col(one) - f.col(other)) >= _CENT for one, other in pairs]
    return left.select(*figures, *others.values()).filter(reduce(or_, differs))


def identifying(table: Table) -> list[str]:
    """The columns that identify a row: its key and a call's audio hash, or all columns without text."""
    if not table.key:
        return [column.name for column in table.columns if column.type is not SqlType.TEXT]
    return [*table.key, *(name for name in table.column_names if name == "AUDIO_HASH" and name not in table.key)]
