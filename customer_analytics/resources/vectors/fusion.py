"""Reciprocal rank fusion: one ranking out of several."""

from collections.abc import Sequence
from dataclasses import replace

from customer_analytics.resources.vectors.collection import Match

# Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
# Methods", SIGIR 2009: large enough that the first rank of one ranking does not outweigh agreement of two.
_DAMPING = 60


def fused(rankings: Sequence[Sequence[Match]], limit: int) -> list[Match]:
    """The objects of all rankings by the sum of 1 / (60 + rank), their new score; equals are in order of id."""
    found = {match.id: match for ranking in rankings for match in ranking}
    scores = dict.fromkeys(found, 0.0)
    for ranking in rankings:
        for rank, match in enumerate(ranking, start=1):
            scores[match.id] += 1 / (_DAMPING + rank)
    best = sorted(scores, key=lambda id: (-scores[id], id))[:limit]
    return [replace(found[id], score=scores[id]) for id in best]
