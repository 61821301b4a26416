"""Which texts are offered to be labelled: unlike each other, and the least certain first."""

import numpy as np
import pyarrow as pa

from customer_analytics.ml.labelling import Candidate, candidates, worth_labelling
from customer_analytics.ml.training_set import text_hash

# Three places far from each other, and texts around them: text, place, distance from it, sentiment. The middle of the
# eight distances is 0.10, and the quarter nearest to it are those at 0.09 and 0.11.
PLACES = np.eye(3, 8, dtype=np.float32)
DISTANCES = (0.0, 0.02, 0.04, 0.09, 0.11, 0.16, 0.18, 0.2)
TEXTS: list[tuple[str, int, float, float | None]] = [
    (f"{'abc'[place]} at {distance}", place, distance, sentiments.get(distance, 0.5))
    for place, sentiments in enumerate(
        ({0.09: 0.99, 0.11: 0.48}, {0.09: 0.2, 0.11: 0.05}, {0.09: 0.44, 0.11: 0.55})
    )
    for distance in DISTANCES
]


def batch(texts: list[tuple[str, int, float, float | None]]) -> pa.RecordBatch:
    vectors = [PLACES[place] + np.float32(distance) * PLACES[place - 1] for _, place, distance, _ in texts]
    column = pa.FixedSizeListArray.from_arrays(pa.array(np.ravel(vectors)), 8)
    names = [text for text, *_ in texts]
    arrays = [pa.array(names), pa.array(map(text_hash, names)), pa.array(names), column]
    return pa.RecordBatch.from_arrays(arrays, ["id", "text_hash", "review_text", "vector"])


def offered(texts: list[tuple[str, int, float, float | None]], number: int) -> list[str]:
    sentiments = {text: sentiment for text, _, _, sentiment in texts}
    return [text.text for text in worth_labelling(candidates([batch(texts)], sentiments, set()), number)]


def test_of_each_cluster_the_least_certain_of_its_typical_texts_is_offered() -> None:
    """Those at the edges, of which a classifier knows nothing (0.5), are not: people cannot tell them either."""
    assert offered(TEXTS, 3) == ["a at 0.11", "c at 0.11", "b at 0.09"]  # the least certain first


def test_without_sentiments_the_text_in_the_middle_of_each_cluster_is_offered() -> None:
    unscored = [(f"{place} at {n}", place, n / 100, None) for place in range(3) for n in (0, 4, 5, 6, 11)]
    assert sorted(offered(unscored, 3)) == ["0 at 5", "1 at 5", "2 at 5"]


def test_scored_texts_come_before_those_that_no_classifier_has_seen() -> None:
    new = ("a new", 0, 0.1, None)
    assert "a new" not in offered([*TEXTS, new], 3)
    assert offered([*TEXTS, new], len(TEXTS) + 1)[-1] == "a new"


def test_the_order_of_the_objects_does_not_matter() -> None:
    assert offered(TEXTS[::-1], 4) == offered(TEXTS, 4)


def test_labelled_and_repeated_texts_are_left_out() -> None:
    rows = [batch(TEXTS[:2]), batch(TEXTS[:3])]
    found = candidates(rows, {}, judged={text_hash("a at 0.0")})
    assert sorted(text.text for text in found) == ["a at 0.02", "a at 0.04"]


def test_of_equal_vectors_as_many_texts_are_offered_as_asked_for() -> None:
    same = [(f"text {n}", 0, 0.0, 0.5) for n in range(20)]
    assert len(set(offered(same, 7))) == 7


def test_fewer_texts_than_asked_for_are_all_offered() -> None:
    assert len(offered(TEXTS, 100)) == 24
    assert worth_labelling([], 10) == []


def test_a_candidate_without_a_sentiment_is_doubted_last() -> None:
    vector = PLACES[0]
    doubts = [Candidate("t", "h", sentiment, vector).doubt for sentiment in (0.5, 0.9, 0.0, None)]
    assert doubts == sorted(doubts)
