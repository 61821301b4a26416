"""Words of a fixed list, such as statuses, compared whatever their case and blanks."""

from snowflake.snowpark import Column
from snowflake.snowpark import functions as f


def normal_form(column: str) -> Column:
    """The column in lower case with underscores for blanks and hyphens: `Credit Card` is `credit_card`."""
    return f.sql_expr(normal_form_sql(column))


def normal_form_sql(column: str) -> str:
    """`normal_form` as the text of an expression; the name is a constant of our tables."""
    return f"""LOWER(REGEXP_REPLACE(TRIM("{column}"), '[ -]+', '_'))"""


def normalised(word: str) -> str:
    """The normal form of a word."""
    return "_".join(word.replace("-", " ").split()).lower()
