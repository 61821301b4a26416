"""What every vector store guarantees."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import dagster as dg
import numpy as np
import numpy.typing as npt
import pyarrow as pa


class PropertyType(StrEnum):
    """Types of a collection's properties."""

    TEXT = "text"  # searched by words
    CATEGORY = "category"  # a string compared as a whole
    INTEGER = "integer"
    DATE = "date"


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
    """Collections of objects (UUID, properties, content hash, unit vector) that several processes share.

    Rows travel as Arrow tables with the columns `id` (string UUID), `content_hash` (string), `vector`
    (fixed-size list of float32) and one column a property.
    """

    @abstractmethod
    def ensure_collection(self, collection: Collection) -> None:
        """Create the collection if it is absent; raise if it exists with other properties or dimensions."""

    @abstractmethod
    def upsert(self, collection: Collection, rows: pa.Table) -> UpsertResult:
        """Write rows by id; a row whose id and content hash are already there is skipped. Idempotent."""

    @abstractmethod
    def delete(self, collection: Collection, ids: Sequence[str]) -> int:
        """Remove objects by id; how many were there."""

    @abstractmethod
    def count(self, collection: Collection) -> int:
        """Number of objects; 0 where the collection does not exist."""

    @abstractmethod
    def scan(
        self,
        collection: Collection,
        columns: Sequence[str] | None = None,
        where: dict[str, Sequence[Any]] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """All objects as Arrow batches, without ordering.

        `columns` selects among `id`, `content_hash`, `vector` and the properties (default: all); `where` keeps
        objects whose column is one of the values given, for each column named.
        """

    @abstractmethod
    def get(self, collection: Collection, ids: Sequence[str]) -> pa.Table:
        """The objects of these ids that exist, without ordering."""

    @abstractmethod
    def search_vector(
        self,
        collection: Collection,
        vector: npt.NDArray[np.float32],
        limit: int,
        where: dict[str, Sequence[Any]] | None = None,
    ) -> list[Match]:
        """The nearest objects by cosine similarity (the score), nearest first."""

    @abstractmethod
    def search_hybrid(
        self,
        collection: Collection,
        text: str,
        vector: npt.NDArray[np.float32],
        limit: int,
        where: dict[str, Sequence[Any]] | None = None,
    ) -> list[Match]:
        """The best objects by words and by meaning together, best first."""

    @abstractmethod
    def drop(self, collection: Collection) -> None:
        """Remove the collection if it exists."""

    @abstractmethod
    def maintain(self, collection: Collection) -> None:
        """Compact files, drop old versions, and index what has grown large."""
