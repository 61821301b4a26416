"""Queries of LanceDB: filters in its SQL, and rankings with ties by id."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from customer_analytics.ports.vectors.collection import Collection, Match


def predicate(where: Mapping[str, Sequence[Any]]) -> str | None:
    """SQL that is true if each column has one of its values (None: is null); None if there is no condition.

    Column names must have been checked against the collection; values may contain anything.
    """
    return " AND ".join(_one_of(column, values) for column, values in where.items()) or None


def literal(value: str | int | dt.date) -> str:
    """A value as an SQL literal."""
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


def nearest(
    table: Any, collection: Collection, vector: npt.NDArray[np.float32], limit: int, condition: str | None
) -> list[Match]:
    """The `limit` nearest objects, ties by id; exact unless an index finds as many without a condition."""

    def query() -> Any:
        return table.search(vector).distance_type("cosine")

    # An index searches only some of its partitions; objects that pass the filter, or some of the `limit`
    # nearest, may be in others.
    if condition is None:
        matches = ranked(query(), collection, limit, "_distance")
        if len(matches) == limit:
            return matches
    exact = query().bypass_vector_index()
    return ranked(exact.where(condition) if condition else exact, collection, limit, "_distance")


def ranked(query: Any, collection: Collection, limit: int, by: str) -> list[Match]:
    """The best `limit` objects of a query by distance or score, ties by id.

    LanceDB returns ties in any order, so the query is extended until it has all objects that tie with the last.
    """
    query = query.select(["id", *collection.properties, by])
    size = limit
    while True:
        size = 2 * size
        found = query.limit(size).to_arrow()
        scores = found[by].to_pylist()
        if len(scores) < size or scores[-1] != scores[limit - 1]:
            break
    matches = [
        Match(row.pop("id"), row, 1 - value if by == "_distance" else value)
        for row, value in zip(found.drop_columns([by]).to_pylist(), scores, strict=True)
    ]
    return sorted(matches, key=lambda match: (-match.score, match.id))[:limit]
