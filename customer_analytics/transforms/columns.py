"""Columns cast to the types of a table, and words compared without case and blanks."""

from snowflake.snowpark import Column as Expression
from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.tables import Column, Table


def cast_to_table(rows: DataFrame, table: Table) -> DataFrame:
    """Select the table's columns from `rows`, in order and cast to their types."""
    return rows.select([f.sql_expr(_cast(column)).alias(column.name) for column in table.columns])


def _cast(column: Column) -> str:
    # As SQL, because Column.cast of Snowpark 1.56 has no precision of timestamps. Names and types are constants.
    return f'CAST("{column.name}" AS {column.type})'


def normal_form(column: str) -> Expression:
    """The column in lower case with underscores for blanks and hyphens: `Credit Card` is `credit_card`."""
    return f.sql_expr(normal_form_sql(column))


def normal_form_sql(column: str) -> str:
    """`normal_form` as SQL; the column name must be trusted."""
    return f"""LOWER(REGEXP_REPLACE(TRIM("{column}"), '[ -]+', '_'))"""


def normalised(word: str) -> str:
    """The normal form of a word."""
    return "_".join(word.replace("-", " ").split()).lower()
