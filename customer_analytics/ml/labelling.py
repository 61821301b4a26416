"""Selection of the texts that are most useful to label."""

import heapq
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from customer_analytics.ports.vectors.matrix import Vectors, as_matrix

_SEED = 42
_AT_MOST = 20_000  # texts to cluster, which takes a few seconds
# The least certain texts of a whole cluster are ambiguous to people, too: 100 labels of such texts improve almost
# nothing (benchmarks/labels.py measures this and the method used here).
_TYPICAL = 4


@dataclass(frozen=True, eq=False)
class Candidate:
    """A text without a label; its sentiment is None if no classifier has scored it."""

    text: str
    text_hash: str
    sentiment: float | None
    vector: Vectors

    @property
    def doubt(self) -> tuple[bool, float, str]:
        """Sort key: the texts that the classifier is least certain of first, unscored texts last."""
        certainty = 0.0 if self.sentiment is None else abs(self.sentiment - 0.5)
        return self.sentiment is None, certainty, self.text_hash


def candidates(
    objects: Iterable[pa.RecordBatch], sentiments: Mapping[str, float | None], judged: Collection[str]
) -> list[Candidate]:
    """Distinct unlabelled texts of a collection of comments, the least certain first.

    Args:
        objects: The collection's objects in any order, with id, text_hash, review_text and vector.
        sentiments: Sentiment by id, as scored by a classifier.
        judged: Hashes of the texts that already have a label.
    """
    found: dict[str, Candidate] = {}
    for batch in objects:
        columns = (batch[name].to_pylist() for name in ("id", "text_hash", "review_text"))
        for id, text_hash, text, vector in zip(*columns, as_matrix(batch["vector"]), strict=True):
            if text_hash not in judged and text_hash not in found:
                found[text_hash] = Candidate(text, text_hash, sentiments.get(id), vector.copy())
        if len(found) > 2 * _AT_MOST:
            found = {kept.text_hash: kept for kept in _least_certain(found.values())}
    return _least_certain(found.values())


def worth_labelling(texts: list[Candidate], number: int) -> list[Candidate]:
    """Select `number` texts that differ from each other, one of each cluster; the least certain first.

    From each cluster comes the least certain of its typical texts, which are the quarter nearest to the centre, or
    the nearest text if none has a sentiment. The selection is deterministic.
    """
    if len(texts) <= number:
        return texts
    hashes: set[str] = set()
    cluster_of, distances = _clusters(np.stack([text.vector for text in texts]), number)
    for cluster in np.unique(cluster_of):
        members = np.flatnonzero(cluster_of == cluster)
        nearest = members[np.argsort(distances[members], kind="stable")].tolist()
        typical = [texts[row] for row in nearest[: -(-len(nearest) // _TYPICAL)]]
        is_scored = any(text.sentiment is not None for text in typical)
        hashes.add((min(typical, key=lambda text: text.doubt) if is_scored else typical[0]).text_hash)
    # Equal or nearly equal texts may give fewer clusters than requested.
    others = (text.text_hash for text in texts if text.text_hash not in hashes)
    hashes |= {text_hash for text_hash, _ in zip(others, range(number - len(hashes)), strict=False)}
    return [text for text in texts if text.text_hash in hashes]


def _least_certain(texts: Iterable[Candidate]) -> list[Candidate]:
    return heapq.nsmallest(_AT_MOST, texts, key=lambda text: text.doubt)


def _clusters(vectors: Vectors, number: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """The cluster of each vector, and its distance from the centre."""
    from sklearn.cluster import MiniBatchKMeans
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1):  # another order of summation would give other clusters
        of = MiniBatchKMeans(number, random_state=_SEED, batch_size=2048, n_init=1).fit_predict(vectors)
    centres = np.zeros((number, vectors.shape[1]), np.float32)
    np.add.at(centres, of, vectors)
    centres /= np.maximum(np.bincount(of, minlength=number), 1)[:, None]
    return of, np.linalg.norm(vectors - centres[of], axis=1)
