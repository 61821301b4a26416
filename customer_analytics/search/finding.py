"""Search for comments and calls: hybrid search in the vector store, then reranking."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from customer_analytics.ml.collections import CUSTOMER_CALL, CUSTOMER_COMMENT, collection
from customer_analytics.ports.answers.excerpts import excerpts
from customer_analytics.ports.answers.reranker import Reranker
from customer_analytics.ports.embeddings.base import Embedder
from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.collection import Match
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.search.hits import Filters, Hit, Source
from customer_analytics.search.warehouse import days_of_calls, passing, sentiments

_COLLECTIONS: dict[Source, str] = {"comment": CUSTOMER_COMMENT, "call": CUSTOMER_CALL}
_TEXTS: dict[Source, str] = {"comment": "review_text", "call": "transcript"}
_ANYTHING = Filters()
_CANDIDATES = 40  # objects of each source
# Excerpts that the reranker reads, which takes nearly all of a search's time; see docs/decisions/0106.
_EXCERPTS = 40
_EXCERPTS_A_TEXT = 4
# Candidates that are reranked whatever their similarity, so that keyword matches count.
_IN_TURNS = 8
_EXCERPT_CHARACTERS = 700  # what fits into the reranker's 256 tokens beside a query
# Most ids in a filter of the vector store. With more of them, it is faster to search for more objects than needed
# and to drop those that do not pass.
_IDS_IN_FILTER = 1_000


class Candidate(NamedTuple):
    """An object that the vector store found."""

    source: Source
    match: Match

    @property
    def text(self) -> str:
        """The comment, or the transcript."""
        return str(self.match.properties[_TEXTS[self.source]])


@dataclass(frozen=True)
class Search:
    """Search over the collections of a vector store, with sentiments and dates from the warehouse."""

    warehouse: Warehouse
    vector_store: VectorStore
    embedder: Embedder
    reranker: Reranker
    time_zone: str = "UTC"  # determines the day of a call

    def find(self, query: str, filters: Filters = _ANYTHING, limit: int = 20) -> list[Hit]:
        """The hits, best first; none for a query without letters or digits."""
        hits = self.reranked(query, self.candidates(query, filters))[:limit]
        known, days = sentiments(self.warehouse, hits), days_of_calls(self.warehouse, hits, self.time_zone)
        return [
            replace(hit, sentiment=known.get(hit.object_id), date=hit.date or days.get(hit.relative_path))
            for hit in hits
        ]

    def candidates(self, query: str, filters: Filters = _ANYTHING) -> list[Candidate]:
        """Results of the hybrid search: the best of each source in turn, then the others by similarity."""
        if not any(character.isalnum() for character in query):
            return []
        (vector,) = self.embedder.embed([query])
        rankings = [
            [Candidate(source, match) for match in self._matches(source, query, vector, filters)]
            for source in filters.sources
        ]
        turns = itertools.zip_longest(*rankings)
        found = [candidate for turn in turns for candidate in turn if candidate is not None]
        if len(found) <= _EXCERPTS:
            return found
        near = self._nearness(vector, found[_IN_TURNS:])
        return found[:_IN_TURNS] + sorted(found[_IN_TURNS:], key=lambda c: (-near[c.match.id], c.match.id))

    def reranked(self, query: str, candidates: Sequence[Candidate]) -> list[Hit]:
        """The candidates by the score of their best excerpt, then by id.

        Only the first excerpts are scored, in the candidates' order, to bound the time.
        """
        pairs = list(itertools.islice(_excerpts(candidates), _EXCERPTS))
        texts = list(dict.fromkeys(excerpt for _, excerpt in pairs))
        scores = dict(zip(texts, self.reranker.score(query, texts), strict=True))
        best: dict[str, Hit] = {}
        for candidate, excerpt in pairs:
            score = scores[excerpt]
            hit = _hit(candidate, excerpt, score)
            if hit.object_id not in best or score > best[hit.object_id].score:
                best[hit.object_id] = hit
        return sorted(best.values(), key=lambda hit: (-hit.score, hit.object_id))

    def _nearness(self, vector: npt.NDArray[np.float32], candidates: Sequence[Candidate]) -> dict[str, float]:
        """Cosine similarity of the candidates to the query's vector, by id."""
        near = dict.fromkeys((candidate.match.id for candidate in candidates), -1.0)
        for source, name in _COLLECTIONS.items():
            ids = [candidate.match.id for candidate in candidates if candidate.source == source]
            place = collection(name, self.embedder)
            for batch in self.vector_store.scan(place, ["id", "vector"], {"id": ids}) if ids else ():
                vectors = np.stack(batch["vector"].to_numpy(zero_copy_only=False))
                cosines = vectors @ vector / (np.linalg.norm(vectors, axis=1) * np.linalg.norm(vector))
                near |= dict(zip(batch["id"].to_pylist(), cosines.tolist(), strict=True))
        return near

    def _matches(
        self, source: Source, query: str, vector: npt.NDArray[np.float32], filters: Filters
    ) -> list[Match]:
        place = collection(_COLLECTIONS[source], self.embedder)
        where: dict[str, list[Any]] = {}
        if filters.customer_id is not None:
            where["customer_id"] = [filters.customer_id]
        if not filters.by_warehouse:
            return self.vector_store.search_hybrid(place, query, vector, _CANDIDATES, where)
        ids = passing(self.warehouse, source, filters, self.time_zone)
        if not ids:
            return []
        if len(ids) <= _IDS_IN_FILTER:
            where["id"] = sorted(ids)
            return self.vector_store.search_hybrid(place, query, vector, _CANDIDATES, where)
        limit = 4 * _CANDIDATES
        while True:
            found = self.vector_store.search_hybrid(place, query, vector, limit, where)
            kept = [match for match in found if match.id in ids]
            if len(kept) >= _CANDIDATES or len(found) < limit:
                return kept[:_CANDIDATES]
            limit *= 4


def _excerpts(candidates: Sequence[Candidate]) -> Iterator[tuple[Candidate, str]]:
    for candidate in candidates:
        for excerpt in excerpts(candidate.text, _EXCERPT_CHARACTERS)[:_EXCERPTS_A_TEXT]:
            yield candidate, excerpt


def _hit(candidate: Candidate, excerpt: str, score: float) -> Hit:
    properties = candidate.match.properties
    return Hit(
        candidate.source,
        candidate.match.id,
        properties["customer_id"],
        properties.get("date"),
        properties.get("relative_path"),
        candidate.text,
        excerpt,
        score,
    )
