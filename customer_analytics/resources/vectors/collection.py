"""A collection of objects with vectors, what a write into it has come to, and what a search of it finds."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import pyarrow as pa

Where = Mapping[str, Sequence[Any]]
_OWN_COLUMNS = ("id", "content_hash", "vector")
_PROPERTY_NAME = re.compile(r"[a-z][a-z0-9_]*")
_VECTORS = re.compile(r"; (.+) in (\d+) dimensions of ")


class PropertyType(StrEnum):
    """Types of a collection's properties; any of them may be null."""

    TEXT = "text"  # searched by words
    CATEGORY = "category"  # a string compared as a whole
    INTEGER = "integer"
    DATE = "date"

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type in which values of this property travel."""
        return {"integer": pa.int64(), "date": pa.date32()}.get(self.value, pa.string())


@dataclass(frozen=True)
class Collection:
    """A collection: logical name, the properties of its objects, and which of them holds the text.

    Objects of different embedding models or dimensions never share a collection: the physical name carries
    `model` and `dimensions`, and the logical name leads to it.
    """

    name: str
    properties: dict[str, PropertyType]
    text_property: str
    model: str
    dimensions: int

    def __post_init__(self) -> None:
        for name in self.properties:
            if not _PROPERTY_NAME.fullmatch(name) or name in _OWN_COLUMNS:
                raise ValueError(
                    f"{self.name} cannot have a property {name!r}: use lower-case letters, digits and "
                    f"underscores, and none of {', '.join(_OWN_COLUMNS)}."
                )
        if self.properties.get(self.text_property) is not PropertyType.TEXT:
            raise ValueError(
                f"The text of {self.name} is to be in {self.text_property!r}, which is none of its text "
                f"properties: {', '.join(self.properties)}."
            )

    @property
    def physical_name(self) -> str:
        """Name, model and dimensions, as in `customer_comment__bge_small_en_v1_5_int8__384`."""
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.name)
        return "__".join(re.sub(r"[^a-z0-9]+", "_", s.lower()) for s in (name, self.model, str(self.dimensions)))

    @property
    def description(self) -> str:
        """What makes two collections of one physical name the same: what both are in full."""
        properties = ", ".join(f"{name} {kind}" for name, kind in self.properties.items())
        vectors = f"{self.model} in {self.dimensions} dimensions"
        return f"{self.name} ({properties}; {vectors} of {self.text_property})"

    def other_model(self, description: str) -> "Collection | None":
        """The collection of that description if only model or dimensions tell it from this one, or else None."""
        vectors = _VECTORS.search(description)
        if vectors is None or description == self.description:
            return None
        other = replace(self, model=vectors[1], dimensions=int(vectors[2]))
        return other if other.description == description else None

    @property
    def arrow_schema(self) -> pa.Schema:
        """The Arrow schema of all columns: id, content hash, vector, then the properties in order."""
        return pa.schema(
            [
                pa.field("id", pa.string(), nullable=False),
                pa.field("content_hash", pa.string(), nullable=False),
                pa.field("vector", pa.list_(pa.float32(), self.dimensions), nullable=False),
                *(pa.field(name, kind.arrow) for name, kind in self.properties.items()),
            ]
        )


@dataclass(frozen=True)
class UpsertResult:
    """How many objects an upsert wrote, skipped as unchanged, and failed on (with the reasons)."""

    written: int = 0
    skipped: int = 0
    failed: tuple[str, ...] = ()

    def __add__(self, other: "UpsertResult") -> "UpsertResult":
        return UpsertResult(self.written + other.written, self.skipped + other.skipped, self.failed + other.failed)


@dataclass(frozen=True)
class Match:
    """One object found by a search: its id, properties and score (higher is nearer)."""

    id: str
    properties: dict[str, Any]
    score: float
