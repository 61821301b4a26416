"""What is said of LanceDB alone."""

from dataclasses import replace
from pathlib import Path

from customer_analytics.resources.vectors.lance import LanceVectorStore
from customer_analytics_tests.contract.vector_stores.comments import (
    COMMENTS,
    comment,
    table,
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
