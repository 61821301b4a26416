"""What every vector store guarantees."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, ClassVar

import dagster as dg
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from customer_analytics.resources.vectors.fusion import fused
from customer_analytics.resources.vectors.paging import pages_of

Where = Mapping[str, Sequence[Any]]
_OWN_COLUMNS = ("id", "content_hash", "vector")
_PROPERTY_NAME = re.compile(r"[a-z][a-z0-9_]*")
_CANDIDATES = 100  # objects of each ranking that a hybrid search fuses, at least
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


class VectorStore(dg.ConfigurableResource, ABC):  # type: ignore[type-arg]
    """Collections of objects (UUID, properties, content hash, vector) that several processes share.

    Rows travel as Arrow tables with the columns `id` (string UUID), `content_hash` (string), `vector`
    (fixed-size list of float32) and one column a property.

    Any number of processes may read and write at once, and any may be killed: what a call has returned stays,
    what a killed call was writing is there or not, object by object, and the same call again completes it.

    A collection that does not exist reads as an empty one; only `upsert` into it raises LookupError.

    `where` keeps objects whose column (`id`, `content_hash` or a property) is one of the values given, for each
    column named; None among the values stands for null. Values are data, whatever they contain; ValueError if a
    column does not exist or a value is of another type.
    """

    kind: ClassVar[str]  # how the UI labels the assets that an adapter has a part in

    @abstractmethod
    def describe(self) -> str:
        """One line on where the store is and what it holds; raises if it cannot be used."""

    @abstractmethod
    def ensure_collection(self, collection: Collection) -> None:
        """Create the collection if it is absent; ValueError if it exists with other properties."""

    @abstractmethod
    def other_models(self, collection: Collection) -> list[Collection]:
        """The collections of this name and these properties that have another model or other dimensions.

        In order of physical name. They stay when the embedder changes, until they are dropped. What else lies in
        the store is left out: other properties, and what others have put there.
        """

    @abstractmethod
    def upsert(self, collection: Collection, rows: pa.Table) -> UpsertResult:
        """Write rows by id; a row whose id and content hash are already there is skipped. Idempotent.

        A row that cannot be an object fails with its reason while the others are written: an id that is no
        canonical UUID or was in an earlier row of this call, a missing content hash, a vector that has another
        length, is not finite or is zero. written + skipped + failed = rows. ValueError if the columns are not
        those of the collection.

        A row that several processes write at the same moment may count as written in each.
        """

    @abstractmethod
    def delete(self, collection: Collection, ids: Sequence[str]) -> int:
        """Remove objects by id; how many were there."""

    @abstractmethod
    def count(self, collection: Collection) -> int:
        """Number of objects."""

    @abstractmethod
    def scan(
        self, collection: Collection, columns: Sequence[str] | None = None, where: Where | None = None
    ) -> Iterator[pa.RecordBatch]:
        """All objects as Arrow batches, in no particular order, with a few batches in memory at a time.

        `columns` selects among `id`, `content_hash`, `vector` and the properties (default: all).
        """

    def get(self, collection: Collection, ids: Sequence[str]) -> pa.Table:
        """The objects of these ids that exist, in no particular order."""
        found = (batch for page in pages_of(ids) for batch in self.scan(collection, where={"id": page}))
        return pa.Table.from_batches(found, collection.arrow_schema)

    @abstractmethod
    def search_vector(
        self, collection: Collection, vector: npt.NDArray[np.float32], limit: int, where: Where | None = None
    ) -> list[Match]:
        """The `limit` nearest objects by cosine similarity (the score), nearest first, equals by id.

        Exact in small collections and with `where`; elsewhere an index may miss some of the nearest, but `limit`
        objects come back if there are as many. ValueError if the vector is not one of the collection's dimensions,
        is not finite or is zero, or if `limit` is below 1.
        """

    def search_hybrid(
        self,
        collection: Collection,
        text: str,
        vector: npt.NDArray[np.float32],
        limit: int,
        where: Where | None = None,
    ) -> list[Match]:
        """The `limit` best objects by the words of the text property and by meaning together, best first.

        Any text is a plain list of words: it has no query syntax. The score orders the results of one search and
        means nothing across searches; equals are in order of id. It comes of the ranks, by words (BM25) and by
        meaning.
        """
        candidates = max(limit, _CANDIDATES)
        near = self.search_vector(collection, vector, candidates, where)
        return fused([near, self._search_words(collection, text, candidates, where)], limit)

    @abstractmethod
    def _search_words(self, collection: Collection, text: str, limit: int, where: Where | None) -> list[Match]:
        """The `limit` best objects by the words of the text property (BM25), best first, equals by id."""

    @abstractmethod
    def drop(self, collection: Collection) -> None:
        """Remove the collection if it exists."""

    @abstractmethod
    def maintain(self, collection: Collection) -> None:
        """Compact files, drop what no reader can be using any more, and index what has grown large.

        Changes no result but the order of near-equals; worth calling after many writes.
        """
