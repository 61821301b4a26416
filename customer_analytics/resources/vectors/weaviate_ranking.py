"""Rankings whose equals are in order of id."""

import heapq
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.resources.vectors.collection import Match
from customer_analytics.resources.vectors.weaviate_class import MOST_FOUND


def ranked(query: Callable[[int], list[Match]], limit: int) -> list[Match] | None:
    """The best `limit` objects of a query, equals by id, or None if one query cannot tell.

    As many are fetched as it takes to see all that are equal to the last.
    """
    size = limit
    while size < MOST_FOUND:
        size = min(2 * size, MOST_FOUND)
        found = query(size)
        if len(found) < size or found[-1].score != found[limit - 1].score:
            return sorted(found, key=_rank)[:limit]
    return None


def nearest_of(batches: Iterable[pa.RecordBatch], vector: npt.NDArray[np.float32], limit: int) -> list[Match]:
    """The nearest of all these objects, for more than a query can give."""
    best: list[Match] = []
    for batch in batches:
        matrix = pc.list_flatten(batch["vector"]).to_numpy().reshape(batch.num_rows, -1)
        cosines = matrix @ vector / np.linalg.norm(matrix, axis=1) / np.linalg.norm(vector)
        rows = batch.drop_columns(["vector", "content_hash"]).to_pylist()
        matches = [Match(row.pop("id"), row, float(score)) for row, score in zip(rows, cosines, strict=True)]
        best = heapq.nsmallest(limit, [*best, *matches], key=_rank)
    return best


def _rank(match: Match) -> tuple[float, str]:
    return -match.score, match.id
