"""Objects and filters in Weaviate's terms."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from customer_analytics.ports.vectors.collection import Collection, Match, PropertyType

if TYPE_CHECKING:
    from weaviate.classes.config import Property

HASH = "text_hash"
Filters = Any  # the client's class of them is private


def properties(collection: Collection) -> "list[Property]":
    """Properties of the class: the text hash, then those of the collection.

    Values that are compared as a whole are a single token (FIELD). That includes integers, as text: Weaviate
    computes with 64-bit floats, which cannot hold all integers above 2^53.
    """
    from weaviate.classes.config import DataType, Property, Tokenization

    made = []
    for name, kind in {HASH: PropertyType.CATEGORY, **collection.properties}.items():
        if kind is PropertyType.DATE:
            made.append(Property(name=name, data_type=DataType.DATE, index_filterable=True))
            continue
        by_words = kind is PropertyType.TEXT
        made.append(
            Property(
                name=name,
                data_type=DataType.TEXT,
                tokenization=Tokenization.WORD if by_words else Tokenization.FIELD,
                index_searchable=by_words,
                index_filterable=not by_words,
            )
        )
    return made


def encoded(value: Any, kind: PropertyType) -> Any:
    """A value, not None, as Weaviate stores it."""
    if kind is PropertyType.DATE:
        return dt.datetime.combine(value, dt.time(), dt.UTC)
    if kind is PropertyType.INTEGER:
        return str(value)
    if kind is PropertyType.CATEGORY and (value != value.strip() or not value or value.startswith('"')):
        return json.dumps(value)  # a token loses white space at its ends, and cannot be empty
    return value


def decoded(value: Any, kind: PropertyType) -> Any:
    """The value that Weaviate stores as this one."""
    if value is None:
        return None
    if kind is PropertyType.DATE:
        return value.date()
    if kind is PropertyType.INTEGER:
        return int(value)
    if kind is PropertyType.CATEGORY and value.startswith('"'):
        return json.loads(value)
    return value


def condition(collection: Collection, where: Mapping[str, Sequence[Any]]) -> Filters:
    """The filter that is true if each column has one of its values; each has at least one."""
    from weaviate.classes.query import Filter

    conditions = []
    for column, values in where.items():
        if column == "id":
            conditions.append(Filter.by_id().contains_any(values))
            continue
        kind = collection.properties.get(column, PropertyType.CATEGORY)
        known = [encoded(value, kind) for value in values if value is not None]
        alternatives = [Filter.by_property(column).contains_any(known)] if known else []
        if None in values:
            alternatives.append(Filter.by_property(column).is_none(True))
        conditions.append(reduce(or_, alternatives))
    return reduce(and_, conditions)


def any_object() -> Filters:
    """The filter that every object passes."""
    from weaviate.classes.query import Filter

    return Filter.by_property(HASH).is_none(False)


def properties_of(collection: Collection, rows: pa.RecordBatch) -> list[dict[str, Any]]:
    """The properties of the objects to write, row by row, without nulls."""
    kinds = {HASH: PropertyType.CATEGORY, **collection.properties}
    return [
        {name: encoded(value, kinds[name]) for name, value in row.items() if value is not None}
        for row in rows.select(list(kinds)).to_pylist()
    ]


def match(collection: Collection, found: Any, score: float) -> Match:
    """An object of a search's response as a match."""
    kinds = collection.properties.items()
    return Match(str(found.uuid), {name: decoded(found.properties.get(name), kind) for name, kind in kinds}, score)


def batch(collection: Collection, objects: Iterable[Any], columns: Sequence[str]) -> pa.RecordBatch:
    """Objects of a query's response as rows."""
    schema = pa.schema([collection.arrow_schema.field(column) for column in columns])
    objects = list(objects)
    arrays = [_column(collection, objects, column, schema.field(column).type) for column in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _column(collection: Collection, objects: list[Any], column: str, kind: pa.DataType) -> pa.Array:
    if column == "id":
        return pa.array([str(found.uuid) for found in objects], kind)
    if column == "vector":
        return pa.array([found.vector["default"] for found in objects], kind)
    property_type = collection.properties.get(column, PropertyType.CATEGORY)
    return pa.array([decoded(found.properties.get(column), property_type) for found in objects], kind)
