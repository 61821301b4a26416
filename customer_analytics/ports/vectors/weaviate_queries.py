"""Queries of Weaviate, which compares texts by words only, and returns at most 10,000 objects."""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.ports.vectors.collection import Collection, Match, PropertyType, pages_of
from customer_analytics.ports.vectors.validation import object_ids
from customer_analytics.ports.vectors.weaviate_class import MOST_FOUND, WeaviateClass
from customer_analytics.ports.vectors.weaviate_objects import condition


def distinct(where: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """The same filter with distinct values and valid ids only."""
    return {
        column: object_ids(values) if column == "id" else list(dict.fromkeys(values))
        for column, values in where.items()
    }


def has_text(collection: Collection, where: Mapping[str, Sequence[Any]]) -> bool:
    """Whether the filter has a text column, whose values Weaviate cannot compare."""
    return any(collection.properties.get(column) is PropertyType.TEXT for column in where)


def matching_ids(found: WeaviateClass, where: dict[str, list[Any]]) -> list[str] | None:
    """The ids of the objects that pass, or None if all objects must be read to find them."""
    if not all(where.values()):
        return []
    if list(where) == ["id"]:
        return where["id"]  # some may not exist
    if has_text(found.collection, where):
        return None
    longest = max(where, key=lambda column: len(where[column]))
    ids: list[str] = []
    for page in pages_of(where[longest]):
        passing = found.ids_where(condition(found.collection, where | {longest: page}))
        if passing is None:
            return None
        ids += passing
    return ids


def passes(batch: pa.RecordBatch, where: Mapping[str, Sequence[Any]]) -> pa.Array:
    """Which rows of a batch with the filter's columns pass."""
    masks = (pc.is_in(batch[column], pa.array(values, batch[column].type)) for column, values in where.items())
    return reduce(pc.and_, masks)


def ranked(query: Callable[[int], list[Match]], limit: int) -> list[Match] | None:
    """The best `limit` objects of a query, ties by id, or None if that takes more objects than a query returns.

    The query is extended until it has all objects that tie with the last.
    """
    size = limit
    while size < MOST_FOUND:
        size = min(2 * size, MOST_FOUND)
        found = query(size)
        if len(found) < size or found[-1].score != found[limit - 1].score:
            return sorted(found, key=_rank)[:limit]
    return None


def nearest_of(batches: Iterable[pa.RecordBatch], vector: npt.NDArray[np.float32], limit: int) -> list[Match]:
    """The nearest of all these objects, for more than a query returns."""
    best: list[Match] = []
    for batch in batches:
        matrix = pc.list_flatten(batch["vector"]).to_numpy().reshape(batch.num_rows, -1)
        cosines = matrix @ vector / np.linalg.norm(matrix, axis=1) / np.linalg.norm(vector)
        rows = batch.drop_columns(["vector", "text_hash"]).to_pylist()
        matches = [Match(row.pop("id"), row, float(score)) for row, score in zip(rows, cosines, strict=True)]
        best = heapq.nsmallest(limit, [*best, *matches], key=_rank)
    return best


def _rank(match: Match) -> tuple[float, str]:
    return -match.score, match.id
