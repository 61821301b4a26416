"""Rows in the shape that their table declares."""

from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.tables import Column, Table


def as_declared(rows: DataFrame, table: Table) -> DataFrame:
    """The table's columns of `rows`, in its order, each cast to its type; other columns are left out."""
    return rows.select([f.sql_expr(_cast(column)).alias(column.name) for column in table.columns])


def _cast(column: Column) -> str:
    # As SQL, since Column.cast of Snowpark 1.56 knows no precision of timestamps. Names and types are constants.
    return f'CAST("{column.name}" AS {column.type})'
