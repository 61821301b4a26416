"""The port of vector stores."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from customer_analytics.ports.vectors.collection import Collection, Match, UpsertResult, Where, pages_of

_CANDIDATES = 100  # objects of each ranking that a hybrid search fuses, at least
# Of reciprocal rank fusion (Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion outperforms Condorcet and
# individual Rank Learning Methods", SIGIR 2009): large enough that the first rank of one ranking does not outweigh
# the agreement of two.
_DAMPING = 60


class VectorStore(ABC):
    """Collections of objects (UUID, properties, text hash, vector) that several processes share.

    Rows are Arrow tables with the columns `id` (string UUID), `text_hash` (string), `vector` (fixed-size list of
    float32) and one column per property.

    Any number of processes may read and write concurrently, and any may be killed: a write that has returned is
    durable, a killed write has written some of its objects, and repeating the call completes it.

    A collection that does not exist reads as an empty one; only `upsert` into it raises LookupError. A collection
    that was made with other properties raises ValueError, with what to do.

    `where` keeps objects whose column (`id`, `text_hash` or a property) has one of the given values, for each
    named column; None stands for null. Values may contain anything. ValueError if a column does not exist or a
    value has another type.
    """

    kind: ClassVar[str]  # label in Dagster's UI of the assets that use the store

    def close(self) -> None:  # noqa: B027  # a store without connections has nothing to close
        """Close the connections; the next call opens them again."""

    @abstractmethod
    def describe(self) -> str:
        """One line on where the store is and what it holds; raises if it cannot be used."""

    @abstractmethod
    def ensure_collection(self, collection: Collection) -> None:
        """Create the collection if it is absent."""

    @abstractmethod
    def other_models(self, collection: Collection) -> list[Collection]:
        """The collections of this name and these properties with another model or other dimensions.

        Sorted by physical name. They stay when the embedder changes, until they are dropped. Anything else in the
        store is left out.
        """

    @abstractmethod
    def upsert(self, collection: Collection, rows: pa.Table) -> UpsertResult:
        """Write rows by id; rows whose id and text hash are stored already are skipped. Idempotent.

        An invalid row fails with its reason while the others are written: its id is not a canonical UUID or is
        repeated, its text hash is missing, or its vector has another length, is not finite or is zero. written +
        skipped + failed = rows. ValueError if the columns are not those of the collection.

        A row that several processes write at the same moment may count as written in each.
        """

    @abstractmethod
    def delete(self, collection: Collection, ids: Sequence[str]) -> int:
        """Remove objects by id; returns how many existed."""

    @abstractmethod
    def count(self, collection: Collection) -> int:
        """Number of objects."""

    @abstractmethod
    def scan(
        self, collection: Collection, columns: Sequence[str] | None = None, where: Where | None = None
    ) -> Iterator[pa.RecordBatch]:
        """All objects as Arrow batches, in any order, with a few batches in memory at a time.

        `columns` selects among `id`, `text_hash`, `vector` and the properties (default: all).
        """

    def get(self, collection: Collection, ids: Sequence[str]) -> pa.Table:
        """The objects of these ids that exist, in any order."""
        found = (batch for page in pages_of(ids) for batch in self.scan(collection, where={"id": page}))
        return pa.Table.from_batches(found, collection.arrow_schema)

    @abstractmethod
    def search_vector(
        self, collection: Collection, vector: npt.NDArray[np.float32], limit: int, where: Where | None = None
    ) -> list[Match]:
        """The `limit` nearest objects by cosine similarity (the score), nearest first, ties by id.

        Exact in small collections and with `where`; otherwise an index may miss some of the nearest, but never
        returns fewer than `limit` objects if there are as many. ValueError if the vector has other dimensions, is
        not finite or is zero, or if `limit` is below 1.
        """

    def search_hybrid(
        self,
        collection: Collection,
        text: str,
        vector: npt.NDArray[np.float32],
        limit: int,
        where: Where | None = None,
    ) -> list[Match]:
        """The `limit` best objects by the words of the text property and by meaning, best first, ties by id.

        Any text is a plain list of words; there is no query syntax. The score fuses the ranks by words (BM25) and
        by meaning, so it cannot be compared across searches.
        """
        candidates = max(limit, _CANDIDATES)
        near = self.search_vector(collection, vector, candidates, where)
        return _fused([near, self._search_words(collection, text, candidates, where)], limit)

    @abstractmethod
    def _search_words(self, collection: Collection, text: str, limit: int, where: Where | None) -> list[Match]:
        """The `limit` best objects by the words of the text property (BM25), best first, ties by id."""

    @abstractmethod
    def drop(self, collection: Collection) -> None:
        """Remove the collection if it exists."""

    @abstractmethod
    def maintain(self, collection: Collection) -> None:
        """Compact files, remove old versions that no reader uses any more, and index large collections.

        To be called after many writes. Results stay the same but for the order of near ties.
        """

    @abstractmethod
    def purge(self, collection: Collection) -> None:
        """Rewrite the files that contain deleted objects, so that nothing of them is left in the store.

        Readers wait for at most five seconds and never fail. A killed call leaves the collection as it was, and
        repeating it completes it. TimeoutError if an earlier version is being read without a pause.
        """

    @abstractmethod
    def retention_notice(self) -> str | None:
        """A sentence on what may be left of deleted objects after `purge`; None if nothing is."""


def _fused(rankings: Sequence[Sequence[Match]], limit: int) -> list[Match]:
    """The objects of all rankings by the sum of 1 / (60 + rank), which is their new score; ties by id."""
    found = {match.id: match for ranking in rankings for match in ranking}
    scores = dict.fromkeys(found, 0.0)
    for ranking in rankings:
        for rank, match in enumerate(ranking, start=1):
            scores[match.id] += 1 / (_DAMPING + rank)
    best = sorted(scores, key=lambda id: (-scores[id], id))[:limit]
    return [replace(found[id], score=scores[id]) for id in best]
