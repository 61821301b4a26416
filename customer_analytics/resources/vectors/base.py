"""What every vector store guarantees."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

import dagster as dg
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from customer_analytics.resources.vectors.collection import Collection, Match, UpsertResult, Where
from customer_analytics.resources.vectors.fusion import fused
from customer_analytics.resources.vectors.paging import pages_of

_CANDIDATES = 100  # objects of each ranking that a hybrid search fuses, at least


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

    @abstractmethod
    def purge(self, collection: Collection) -> None:
        """Rewrite what keeps deleted objects, so that nothing of them is left as far as the store can say.

        Readers wait for at most five seconds and never fail. A killed call leaves the collection as it was, and
        the same call again completes it. TimeoutError if somebody keeps reading an earlier state.
        """

    @abstractmethod
    def out_of_reach(self) -> str | None:
        """What may be left of deleted objects after `purge`, as a sentence; None where nothing is."""
