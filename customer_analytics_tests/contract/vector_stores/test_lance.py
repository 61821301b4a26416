"""What is said of LanceDB alone."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from customer_analytics.ports.vectors.lance import LanceVectorStore
from customer_analytics_tests.contract.vector_stores.comments import (
    COMMENTS,
    EAST,
    comment,
    table,
    vector,
)


def test_the_table_has_a_key_that_holds_where_file_locks_do_not(tmp_path: Path) -> None:
    import lancedb

    LanceVectorStore(path=str(tmp_path)).ensure_collection(COMMENTS)
    first, second = (lancedb.connect(tmp_path).open_table(COMMENTS.physical_name) for _ in range(2))
    for writer in (first, second):  # the second does not look again for what the first has written
        writer.merge_insert("id").when_not_matched_insert_all().execute(table([comment(1)]).cast(first.schema))
    assert LanceVectorStore(path=str(tmp_path)).count(COMMENTS) == 1


def test_a_table_of_somebody_else_is_no_other_model_s_collection(tmp_path: Path) -> None:
    import lancedb

    store, other = LanceVectorStore(path=str(tmp_path)), replace(COMMENTS, model="other")
    store.ensure_collection(other)
    database = lancedb.connect(tmp_path)
    database.create_table("customer_comment__copy__4", schema=database.open_table(other.physical_name).schema)
    database.create_table("customer_comment__mine__4", schema=other.arrow_schema)
    assert store.other_models(COMMENTS) == [other]


@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.ensure_collection(COMMENTS),
        lambda store: store.upsert(COMMENTS, table([comment(1)])),
        lambda store: list(store.scan(COMMENTS)),
        lambda store: store.count(COMMENTS),
        lambda store: store.search_hybrid(COMMENTS, "toy", vector(EAST), 1),
    ],
)
def test_a_collection_of_the_version_before_is_refused_in_a_sentence(
    use: Callable[[LanceVectorStore], object], tmp_path: Path
) -> None:
    import lancedb

    schema = COMMENTS.arrow_schema
    schema = schema.set(1, schema.field(1).with_name("content_hash"))
    description = COMMENTS.description.replace("(text_hash, ", "(")
    schema = schema.with_metadata({"customer_analytics.collection": json.dumps(description)})
    lancedb.connect(tmp_path).create_table(COMMENTS.physical_name, schema=schema)
    with pytest.raises(ValueError, match=r"holds CustomerComment \(.*: remove that folder, and the next run"):
        use(LanceVectorStore(path=str(tmp_path)))
