"""Filters in Weaviate, which compares whole values but of texts only words, and tells 10,000 objects at most."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.resources.vectors.collection import Collection, PropertyType
from customer_analytics.resources.vectors.paging import pages_of
from customer_analytics.resources.vectors.validation import object_ids
from customer_analytics.resources.vectors.weaviate_class import WeaviateClass
from customer_analytics.resources.vectors.weaviate_objects import condition


def distinct(where: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """The same filter with each value once, and no id that no object can have."""
    return {
        column: object_ids(values) if column == "id" else list(dict.fromkeys(values))
        for column, values in where.items()
    }


def has_text(collection: Collection, where: Mapping[str, Sequence[Any]]) -> bool:
    """Whether a column of the filter is one that Weaviate cannot compare."""
    return any(collection.properties.get(column) is PropertyType.TEXT for column in where)


def matching_ids(found: WeaviateClass, where: dict[str, list[Any]]) -> list[str] | None:
    """Ids of all objects that pass and of no others, or None where only reading all objects can tell."""
    if not all(where.values()):
        return []
    if list(where) == ["id"]:
        return where["id"]  # perhaps also of no object at all
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
    """Which rows of a batch pass; it has the filter's columns."""
    masks = (pc.is_in(batch[column], pa.array(values, batch[column].type)) for column, values in where.items())
    return reduce(pc.and_, masks)
