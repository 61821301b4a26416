"""Collections of every vector store: what they are, and which belong together."""

from dataclasses import replace
from typing import Any

import pytest

from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.collection import PropertyType
from customer_analytics_tests.contract.vector_stores.comments import (
    COMMENTS,
    EAST,
    comment,
    ids,
    object_id,
    table,
    vector,
    write,
)


def test_a_collection_that_does_not_exist_reads_as_an_empty_one(empty_store: VectorStore) -> None:
    assert empty_store.count(COMMENTS) == 0
    assert list(empty_store.scan(COMMENTS)) == []
    assert empty_store.get(COMMENTS, [object_id(1)]).num_rows == 0
    assert empty_store.search_vector(COMMENTS, vector(EAST), 3) == []
    assert empty_store.search_hybrid(COMMENTS, "toy", vector(EAST), 3) == []
    assert empty_store.delete(COMMENTS, [object_id(1)]) == 0
    empty_store.maintain(COMMENTS)
    empty_store.drop(COMMENTS)


def test_writing_into_a_collection_that_does_not_exist_is_refused(empty_store: VectorStore) -> None:
    with pytest.raises(LookupError, match="no collection CustomerComment"):
        empty_store.upsert(COMMENTS, table([comment(1)]))


def test_ensuring_a_collection_again_keeps_its_objects(store: VectorStore) -> None:
    write(store, comment(1))
    store.ensure_collection(COMMENTS)
    assert ids(store) == [object_id(1)]


def test_a_collection_with_other_properties_is_refused(store: VectorStore) -> None:
    other = replace(COMMENTS, properties={**COMMENTS.properties, "channel": PropertyType.TEXT})
    with pytest.raises(ValueError, match=r"channel category.*, not .*channel text.*, and the next run builds"):
        store.ensure_collection(other)


def test_models_whose_names_lead_to_one_physical_name_do_not_share_it(store: VectorStore) -> None:
    other = replace(COMMENTS, model="tiny_model_v1_0")
    assert other.physical_name == COMMENTS.physical_name
    with pytest.raises(ValueError, match=r"tiny-model-v1\.0.*, not .*tiny_model_v1_0"):
        store.ensure_collection(other)


@pytest.mark.parametrize("other", [replace(COMMENTS, model="other"), replace(COMMENTS, dimensions=3)])
def test_other_models_and_dimensions_have_a_collection_of_their_own(store: VectorStore, other: Any) -> None:
    write(store, comment(1))
    store.ensure_collection(other)
    assert (store.count(COMMENTS), store.count(other)) == (1, 0)


def test_a_collection_leads_to_those_of_other_models_and_dimensions_and_to_no_others(store: VectorStore) -> None:
    others = [
        replace(COMMENTS, dimensions=16),
        replace(COMMENTS, model="; it's in 5 dimensions of review_text)"),
        replace(COMMENTS, model="another model"),
    ]
    different = [
        replace(COMMENTS, name="CustomerCall", model="another model"),
        replace(COMMENTS, properties={**COMMENTS.properties, "channel": PropertyType.TEXT}, model="before"),
    ]
    for collection in (*others, *different):
        store.ensure_collection(collection)
    expected = sorted(others, key=lambda other: other.physical_name)
    assert store.other_models(COMMENTS) == expected
    assert store.other_models(others[0]) == sorted([COMMENTS, *others[1:]], key=lambda other: other.physical_name)
    store.drop(expected[1])
    assert store.other_models(COMMENTS) == [expected[0], expected[2]]


def test_a_collection_that_does_not_exist_leads_to_those_of_other_models(empty_store: VectorStore) -> None:
    assert empty_store.other_models(COMMENTS) == []
    other = replace(COMMENTS, model="other")
    empty_store.ensure_collection(other)
    assert empty_store.other_models(COMMENTS) == [other]


def test_a_dropped_collection_is_gone_and_can_be_made_again(store: VectorStore) -> None:
    write(store, comment(1))
    store.drop(COMMENTS)
    assert store.count(COMMENTS) == 0
    store.ensure_collection(COMMENTS)
    write(store, comment(1))


def test_the_store_says_what_it_holds(store: VectorStore) -> None:
    assert COMMENTS.physical_name in store.describe()
