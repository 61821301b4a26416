"""What is said of Weaviate alone."""

from dataclasses import replace

from customer_analytics.ports.vectors.weaviate import WeaviateVectorStore
from customer_analytics_tests.contract.vector_stores.comments import (
    COMMENTS,
    comment,
    table,
)


def test_the_logical_name_stays_with_the_collection_in_use_when_another_model_s_is_dropped(
    weaviate_store: WeaviateVectorStore,
) -> None:
    other = replace(COMMENTS, model="other")
    for collection in (other, COMMENTS):
        weaviate_store.ensure_collection(collection)
    weaviate_store.upsert(COMMENTS, table([comment(1)]))
    assert weaviate_store.other_models(COMMENTS) == [other]
    weaviate_store.drop(other)
    in_use = weaviate_store.weaviate_class(COMMENTS)
    assert replace(in_use, name=in_use.alias).count() == 1


def test_a_class_of_somebody_else_is_no_other_model_s_collection(weaviate_store: WeaviateVectorStore) -> None:
    other = replace(COMMENTS, model="other")
    weaviate_store.ensure_collection(other)
    held = weaviate_store.weaviate_class(other)
    replace(held, name=held.name.replace("other", "copy")).ensure()
    mine = held.name.replace("other", "mine")
    held.connection.call(lambda client: client.collections.create(mine, description="My own."))
    of_all = replace(weaviate_store, prefix="")
    assert weaviate_store.other_models(COMMENTS) == [other]
    assert other not in of_all.other_models(COMMENTS)
