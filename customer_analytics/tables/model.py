"""Tables and columns as values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa


class SqlType(StrEnum):
    """The Snowflake column types in use, each with one Arrow type."""

    INTEGER = "NUMBER(38,0)"
    AMOUNT = "NUMBER(18,2)"
    FLOAT = "FLOAT"
    TEXT = "VARCHAR"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    TIMESTAMP = "TIMESTAMP_NTZ(9)"
    VECTOR = "ARRAY"

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type in which rows of this column travel to and from the warehouse."""
        return _ARROW[self]


_ARROW = {
    SqlType.INTEGER: pa.int64(),
    SqlType.AMOUNT: pa.decimal128(18, 2),
    SqlType.FLOAT: pa.float64(),
    SqlType.TEXT: pa.string(),
    SqlType.BOOLEAN: pa.bool_(),
    SqlType.DATE: pa.date32(),
    SqlType.TIMESTAMP: pa.timestamp("us"),
    SqlType.VECTOR: pa.list_(pa.float32()),
}


@dataclass(frozen=True)
class Column:
    """One column: its upper-case name, type, meaning, whether it may be null, and which values it accepts.

    `accepted` lists all values, `between` gives the minimum and maximum; without both, any value is accepted. Only
    `nullable` decides about null. With `is_open`, other values are loaded and reported, and case and blanks are
    ignored. An `identifier` holds ids; see the function of that name.
    """

    name: str
    type: SqlType
    description: str
    nullable: bool = True
    accepted: tuple[str | int, ...] = ()
    between: tuple[float, float] | None = None
    is_open: bool = False
    identifier: bool = False


def identifier(name: str, description: str, *, nullable: bool = False) -> Column:
    """A column of ids.

    Ids are text and kept unchanged, including leading zeros. Numbers in typed files (Parquet) are written as `7`,
    never `7.0`. Two ids are equal only if their texts are equal.
    """
    return Column(name, SqlType.TEXT, description, nullable, identifier=True)


def natural_order(column: str) -> str:
    """SQL that sorts ids in natural order: equal prefixes by their trailing number, 2 before 10."""
    return f"REGEXP_REPLACE({column}, '[0-9]+$'), LENGTH({column}), {column}"


@dataclass(frozen=True)
class Reference:
    """A foreign key column; with `optional`, its values may be missing from the other table."""

    column: str
    table: str
    optional: bool = False


@dataclass(frozen=True)
class Table:
    """One table: its upper-case name, grain first in the description, columns in order, key, and references."""

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = field(default=())
    references: tuple[Reference, ...] = field(default=())

    @property
    def column_names(self) -> list[str]:
        """Upper-case column names in order."""
        return [column.name for column in self.columns]

    @property
    def arrow_schema(self) -> pa.Schema:
        """The Arrow schema of this table's rows."""
        return pa.schema([pa.field(c.name, c.type.arrow, nullable=c.nullable) for c in self.columns])

    def rows(self, objects: Sequence[object]) -> pa.Table:
        """Objects as rows of this table: their attributes are the columns' names in lower case."""
        schema = self.arrow_schema
        columns = [pa.array([getattr(o, field.name.lower()) for o in objects], field.type) for field in schema]
        return pa.table(columns, schema=schema)
