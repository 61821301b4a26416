"""Searches in every vector store, by meaning and by words."""

from datetime import date

import pytest

from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.collection import UpsertResult
from customer_analytics_tests.contract.vector_stores.comments import (
    COMMENTS,
    EAST,
    HOSTILE,
    NORTH,
    NORTH_EAST,
    WEST,
    comment,
    found,
    ids,
    object_id,
    table,
    vector,
    write,
)


def test_a_vector_search_orders_by_cosine_similarity(store: VectorStore) -> None:
    write(
        store,
        comment(1, vector=WEST),
        comment(2, vector=NORTH),
        comment(3, vector=[30.0, 40, 0, 0]),  # north-east, but long
        comment(4, vector=EAST),
    )
    matches = store.search_vector(COMMENTS, vector([2.0, 0, 0, 0]), 10)
    assert found(matches) == [object_id(n) for n in (4, 3, 2, 1)]
    assert [match.score for match in matches] == pytest.approx([1, 0.6, 0, -1], abs=1e-6)
    assert matches[0].properties == {
        "customer_id": 4,
        "date": date(2020, 1, 1),
        "channel": "twitter",
        "review_text": "comment number 4",
    }
    assert found(store.search_vector(COMMENTS, vector(EAST), 2)) == [object_id(4), object_id(3)]
    assert found(store.search_vector(COMMENTS, vector(EAST), 1, {"customer_id": [1, 2]})) == [object_id(2)]


def test_equals_are_found_in_order_of_id(store: VectorStore) -> None:
    for numbers in (range(60, 90), range(30), range(30, 60)):
        write(store, *(comment(n, vector=EAST, review_text="same words") for n in numbers))
    first = [object_id(n) for n in range(7)]
    assert found(store.search_vector(COMMENTS, vector(NORTH_EAST), 7)) == first
    assert found(store.search_hybrid(COMMENTS, "words", vector(NORTH_EAST), 7)) == first


@pytest.mark.parametrize("query", [[1.0, 0, 0], [0.0] * 4, [float("nan"), 0, 0, 0], [float("inf"), 0, 0, 0]])
def test_a_vector_that_nothing_can_be_near_is_refused(store: VectorStore, query: list[float]) -> None:
    with pytest.raises(ValueError, match="Search CustomerComment with a finite vector"):
        store.search_vector(COMMENTS, vector(query), 1)
    with pytest.raises(ValueError, match="Search CustomerComment with a finite vector"):
        store.search_hybrid(COMMENTS, "toy", vector(query), 1)


def test_a_search_for_nothing_is_refused(store: VectorStore) -> None:
    with pytest.raises(ValueError, match="for at least one object, not for 0"):
        store.search_vector(COMMENTS, vector(EAST), 0)


@pytest.fixture
def toys(store: VectorStore) -> VectorStore:
    write(
        store,
        comment(1, vector=EAST, review_text="My son loves this puzzle."),
        comment(2, vector=NORTH_EAST, review_text="The drone broke on the first day."),
        comment(3, vector=NORTH, review_text="A puzzling delivery, and a broken drone."),
        comment(4, vector=WEST, review_text="Nothing to say about it."),
    )
    return store


def test_a_hybrid_search_finds_by_words_and_by_meaning(toys: VectorStore) -> None:
    by_meaning = found(toys.search_hybrid(COMMENTS, "xylophone", vector(EAST), 4))
    assert by_meaning == [object_id(n) for n in (1, 2, 3, 4)]
    # Second by meaning and among the two with the word; the first by meaning has not got it.
    assert found(toys.search_hybrid(COMMENTS, "drone", vector(EAST), 1)) == [object_id(2)]
    assert found(toys.search_hybrid(COMMENTS, "NOTHING", vector(EAST), 1)) == [object_id(4)]
    scores = [match.score for match in toys.search_hybrid(COMMENTS, "drone", vector(EAST), 4)]
    assert scores == sorted(scores, reverse=True)


def test_a_hybrid_search_keeps_to_the_filter(toys: VectorStore) -> None:
    matches = toys.search_hybrid(COMMENTS, "drone", vector(EAST), 4, {"customer_id": [3, 4]})
    assert found(matches) == [object_id(3), object_id(4)]


def test_words_are_found_in_objects_written_after_the_maintenance(toys: VectorStore) -> None:
    toys.maintain(COMMENTS)
    write(toys, comment(5, vector=WEST, review_text="a zeppelin"), comment(6, vector=WEST, review_text="a kite"))
    assert found(toys.search_hybrid(COMMENTS, "zeppelin", vector(NORTH), 1)) == [object_id(5)]
    toys.delete(COMMENTS, [object_id(5)])
    changed = comment(6, vector=WEST, review_text="another zeppelin", text_hash="changed")
    assert toys.upsert(COMMENTS, table([changed])) == UpsertResult(written=1)
    assert found(toys.search_hybrid(COMMENTS, "zeppelin", vector(NORTH), 1)) == [object_id(6)]
    toys.maintain(COMMENTS)
    assert found(toys.search_hybrid(COMMENTS, "zeppelin", vector(NORTH), 1)) == [object_id(6)]
    assert object_id(5) not in found(toys.search_hybrid(COMMENTS, "zeppelin", vector(NORTH), 9))


@pytest.mark.parametrize(
    "text",
    [*HOSTILE, '"', "AND OR (", "NOT", "*", "drone~2^3", "review_text:drone", "\ud800", "the of", "word " * 5_000],
)
def test_any_text_is_a_plain_list_of_words(toys: VectorStore, text: str) -> None:
    for _ in ("before", "after the index"):
        assert sorted(found(toys.search_hybrid(COMMENTS, text, vector(EAST), 9))) == ids(toys)
        toys.maintain(COMMENTS)


def test_a_quoted_text_is_not_a_phrase(toys: VectorStore) -> None:
    assert found(toys.search_hybrid(COMMENTS, '"say nothing"', vector(EAST), 1)) == [object_id(4)]
