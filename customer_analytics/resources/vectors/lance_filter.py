"""Filters in LanceDB's SQL; the one place where values become SQL text."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any


def predicate(where: Mapping[str, Sequence[Any]]) -> str | None:
    """SQL that holds where each column is one of its values (None: is null); None if there is no condition.

    Column names must have been checked against the collection; values may contain anything.
    """
    return " AND ".join(_one_of(column, values) for column, values in where.items()) or None


def literal(value: str | int | dt.date) -> str:
    """A value as SQL text that can mean nothing but this value."""
    match value:
        case str():
            # LanceDB's dialect has no escape character: a quote is the only thing that ends a literal.
            return "'" + value.replace("'", "''") + "'"
        case int():
            # As text, because the parser takes a bare -9223372036854775808 for a float.
            return f"CAST('{value:d}' AS BIGINT)"
        case dt.date():
            return f"DATE '{value.isoformat()}'"


def _one_of(column: str, values: Sequence[Any]) -> str:
    known = ", ".join(literal(value) for value in values if value is not None)
    conditions = [f"`{column}` IN ({known})"] if known else []
    if None in values:
        conditions.append(f"`{column}` IS NULL")
    return f"({' OR '.join(conditions)})" if conditions else "false"
