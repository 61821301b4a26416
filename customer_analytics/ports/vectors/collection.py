"""Collections of objects with vectors, the result of a write, and a match of a search."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

import pyarrow as pa

Value = TypeVar("Value")
Where = Mapping[str, Sequence[Any]]
_VALUES_A_PAGE = 1_000  # that a statement or request may name
_OWN_COLUMNS = ("id", "text_hash", "vector")
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
    """A collection: its logical name, the properties of its objects, and the one that holds the text.

    Objects of different embedding models or dimensions never share a collection: the physical name contains
    `model` and `dimensions`, and the logical name is an alias of it.
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
                f"The text of {self.name} is declared in {self.text_property!r}, which is not one of its text "
                f"properties: {', '.join(self.properties)}."
            )

    @property
    def physical_name(self) -> str:
        """Name, model and dimensions, as in `customer_comment__bge_small_en_v1_5_int8_256__384`."""
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.name)
        return "__".join(re.sub(r"[^a-z0-9]+", "_", s.lower()) for s in (name, self.model, str(self.dimensions)))

    @property
    def description(self) -> str:
        """The full declaration, which a store compares with that of an existing collection."""
        properties = ", ".join(f"{name} {kind}" for name, kind in self.properties.items())
        vectors = f"{self.model} in {self.dimensions} dimensions"
        return f"{self.name} (text_hash, {properties}; {vectors} of {self.text_property})"

    def other_model(self, description: str) -> "Collection | None":
        """The collection of that description if it differs from this one only in model or dimensions."""
        vectors = _VECTORS.search(description)
        if vectors is None or description == self.description:
            return None
        other = replace(self, model=vectors[1], dimensions=int(vectors[2]))
        return other if other.description == description else None

    @property
    def arrow_schema(self) -> pa.Schema:
        """The Arrow schema of all columns: id, text hash, vector, then the properties in order."""
        return pa.schema(
            [
                pa.field("id", pa.string(), nullable=False),
                pa.field("text_hash", pa.string(), nullable=False),
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
    """An object that a search has found: its id, properties and score (higher is nearer)."""

    id: str
    properties: dict[str, Any]
    score: float


def pages_of(values: Iterable[Value]) -> Iterator[list[Value]]:
    """The distinct values in pages of bounded length."""
    distinct = list(dict.fromkeys(values))
    for start in range(0, len(distinct), _VALUES_A_PAGE):
        yield distinct[start : start + _VALUES_A_PAGE]
