"""Objects that go into every vector store, come back as they went in, and are filtered."""

from datetime import date
from typing import Any

import pyarrow as pa
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


def test_objects_come_back_as_they_went_in(store: VectorStore) -> None:
    rows = [
        comment(1, date=date(1969, 7, 20), review_text="naïve 😀 'quotes' and \n lines", vector=NORTH_EAST),
        comment(2, customer_id=None, date=None, channel=None, review_text=None),
        comment(3, customer_id=2**63 - 1, date=date(9999, 12, 31), channel=""),
        comment(4, customer_id=-(2**63), date=date(1, 1, 1)),
    ]
    write(store, *rows)
    expected = table(rows).select(COMMENTS.arrow_schema.names).cast(COMMENTS.arrow_schema)
    scanned = pa.Table.from_batches(list(store.scan(COMMENTS)))
    assert scanned.sort_by("id").to_pylist() == expected.to_pylist()
    assert store.get(COMMENTS, [row["id"] for row in rows]).sort_by("id").equals(expected)


def test_writing_the_same_again_skips_it(store: VectorStore) -> None:
    rows = table([comment(1), comment(2)])
    assert store.upsert(COMMENTS, rows) == UpsertResult(written=2)
    assert store.upsert(COMMENTS, rows) == UpsertResult(skipped=2)
    assert store.count(COMMENTS) == 2


def test_an_object_is_replaced_if_its_text_hash_is_another(store: VectorStore) -> None:
    write(store, comment(1), comment(2))
    changed = comment(1, text_hash="changed", review_text="now better", vector=WEST)
    unhashed = comment(2, review_text="not told by the hash")
    assert store.upsert(COMMENTS, table([changed, unhashed, comment(3)])) == UpsertResult(written=2, skipped=1)
    texts = {row["id"]: row["review_text"] for row in store.get(COMMENTS, ids(store)).to_pylist()}
    assert texts == {
        object_id(1): "now better",
        object_id(2): "comment number 2",
        object_id(3): "comment number 3",
    }
    assert store.get(COMMENTS, [object_id(1)])["vector"].to_pylist() == [WEST]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"id": None}, "None is not a UUID"),
        ({"id": "42"}, "'42' is not a UUID"),
        ({"id": object_id(0xA).upper()}, f"{object_id(0xA).upper()!r} is not a UUID in lower case"),
        ({"id": object_id(1)}, f"{object_id(1)} occurs more than once"),
        ({"text_hash": None}, "has no text hash"),
        ({"vector": None}, "has no vector"),
        ({"vector": [1.0, 0, 0]}, "a vector of 3 dimensions, not 4"),
        ({"vector": []}, "a vector of 0 dimensions, not 4"),
        ({"vector": [0.0, 0, 0, 0]}, "a vector that is zero or not finite"),
        ({"vector": [1.0, float("nan"), 0, 0]}, "a vector that is zero or not finite"),
        ({"vector": [1.0, None, 0, 0]}, "a vector that is zero or not finite"),
        ({"vector": [1.0, float("inf"), 0, 0]}, "a vector that is zero or not finite"),
        ({"vector": [1e30, 0, 0, 0]}, "a vector that is zero or not finite"),
        ({"vector": [1e-30, 0, 0, 0]}, "a vector that is zero or not finite"),
    ],
)
def test_a_row_that_cannot_be_an_object_fails_alone(
    store: VectorStore, columns: dict[str, Any], reason: str
) -> None:
    result = store.upsert(COMMENTS, table([comment(1), comment(2, **columns), comment(3, vector=NORTH)]))
    assert (result.written, result.skipped) == (2, 0)
    assert [reason in failure for failure in result.failed] == [True]
    assert ids(store) == [object_id(1), object_id(3)]
    assert store.get(COMMENTS, [object_id(3)])["vector"].to_pylist() == [NORTH]


def test_rows_of_which_none_can_be_an_object_all_fail(store: VectorStore) -> None:
    wide = pa.array([[1.0] * 5] * 2, pa.list_(pa.float32(), 5))
    rows = table([comment(1), comment(2)])
    result = store.upsert(COMMENTS, rows.set_column(rows.schema.get_field_index("vector"), "vector", wide))
    assert (result.written, result.skipped, len(result.failed)) == (0, 0, 2)
    assert store.upsert(COMMENTS, rows.slice(0, 0)) == UpsertResult()


def test_rows_with_other_columns_are_refused(store: VectorStore) -> None:
    with pytest.raises(ValueError, match="CustomerComment takes rows of"):
        store.upsert(COMMENTS, table([comment(1)]).drop_columns(["channel"]))


def test_deleting_removes_objects_and_says_how_many_were_there(store: VectorStore) -> None:
    write(store, *map(comment, range(2_500)))
    doomed = [object_id(n) for n in range(100, 2_600)]
    assert store.delete(COMMENTS, [*doomed, *doomed[:5], *HOSTILE]) == 2_400
    assert ids(store) == [object_id(n) for n in range(100)]
    assert store.delete(COMMENTS, doomed) == 0
    assert store.delete(COMMENTS, []) == 0


def test_a_purge_leaves_what_was_not_deleted_as_it_was(store: VectorStore) -> None:
    store.purge(COMMENTS)
    store.upsert(COMMENTS, table([comment(number) for number in range(6)]))
    store.delete(COMMENTS, [object_id(0), object_id(1)])
    before = store.get(COMMENTS, list(map(object_id, range(6)))).sort_by("id")
    store.purge(COMMENTS)
    store.purge(COMMENTS)
    assert before.num_rows == store.count(COMMENTS) == 4
    assert store.get(COMMENTS, list(map(object_id, range(6)))).sort_by("id") == before
    assert store.upsert(COMMENTS, table([comment(2), comment(6)])) == UpsertResult(written=1, skipped=1)


def test_get_gives_the_objects_that_exist(store: VectorStore) -> None:
    write(store, comment(1), comment(2), comment(3))
    wanted = [object_id(3), object_id(9), object_id(1), object_id(1), "'; --"]
    assert sorted(store.get(COMMENTS, wanted)["id"].to_pylist()) == [object_id(1), object_id(3)]
    assert store.get(COMMENTS, []).schema == COMMENTS.arrow_schema


def test_a_scan_gives_the_columns_asked_for_in_batches(store: VectorStore) -> None:
    write(store, *map(comment, range(10_000)))
    batches = list(store.scan(COMMENTS, ["id", "customer_id"]))
    assert len(batches) > 1
    assert {tuple(batch.schema.names) for batch in batches} == {("id", "customer_id")}
    assert sorted(n for batch in batches for n in batch["customer_id"].to_pylist()) == list(range(10_000))


def test_a_scan_keeps_what_the_filter_names(store: VectorStore) -> None:
    new_year, carnival = date(2020, 1, 1), date(2020, 2, 20)
    write(
        store,
        comment(1, customer_id=7, date=new_year),
        comment(2, customer_id=7, date=carnival),
        comment(3, customer_id=None, date=carnival),
        comment(4, customer_id=-(2**63), date=None),
    )
    assert ids(store, customer_id=[7]) == [object_id(1), object_id(2)]
    assert ids(store, customer_id=[7, -(2**63)]) == [object_id(1), object_id(2), object_id(4)]
    assert ids(store, customer_id=[7], date=[carnival]) == [object_id(2)]
    assert ids(store, customer_id=[None]) == [object_id(3)]
    assert ids(store, customer_id=[None, 7], date=[carnival, None]) == [object_id(2), object_id(3)]
    assert ids(store, customer_id=[]) == []
    assert ids(store, text_hash=["hash 4"]) == [object_id(4)]


@pytest.mark.parametrize("value", HOSTILE)
def test_values_of_filters_are_data(store: VectorStore, value: str) -> None:
    write(store, comment(1, channel=value), comment(2, channel="other"), comment(3, channel=value + "'"))
    assert ids(store, channel=[value]) == [object_id(1)]
    assert found(store.search_vector(COMMENTS, vector(EAST), 9, {"channel": [value]})) == [object_id(1)]
    assert found(store.search_hybrid(COMMENTS, "comment", vector(EAST), 9, {"channel": [value]})) == [object_id(1)]
    assert store.count(COMMENTS) == 3


def test_categories_are_compared_and_kept_to_the_last_character(store: VectorStore) -> None:
    channels = ["mail", " mail", "mail\n", "Mail", '"mail"', "", " ", None]
    write(store, *(comment(n, channel=channel) for n, channel in enumerate(channels)))
    for n, channel in enumerate(channels):
        assert ids(store, channel=[channel]) == [object_id(n)]
        assert store.get(COMMENTS, [object_id(n)])["channel"].to_pylist() == [channel]


def test_a_text_is_filtered_by_as_a_whole(store: VectorStore) -> None:
    texts = ["a broken drone", "a drone, broken", "A broken drone", "!", None]
    write(store, *(comment(n, review_text=text) for n, text in enumerate(texts)))
    assert ids(store, review_text=["a broken drone", "!"]) == [object_id(0), object_id(3)]
    assert ids(store, review_text=[None], channel=["twitter"]) == [object_id(4)]
    assert found(store.search_vector(COMMENTS, vector(EAST), 1, {"review_text": ["!", None]})) == [object_id(3)]
    assert found(store.search_hybrid(COMMENTS, "drone", vector(EAST), 9, {"review_text": ["!"]})) == [object_id(3)]


def test_a_filter_takes_many_values(store: VectorStore) -> None:
    write(store, comment(1), comment(2))
    values = [f"hash {n}" for n in range(2, 20_000)]
    assert ids(store, text_hash=values) == [object_id(2)]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"colour": ["red"]}, "cannot be filtered by 'colour'"),
        ({"id` IS NULL OR `id": ["x"]}, "cannot be filtered by"),
        ({"vector": [EAST]}, "cannot be filtered by 'vector'"),
        ({"customer_id": ["7 OR 1=1"]}, "customer_id of CustomerComment is of type int64"),
        ({"channel": [7]}, "channel of CustomerComment is of type string"),
        ({"date": ["2020-01-01"]}, "date of CustomerComment is of type date32"),
    ],
)
def test_a_filter_that_does_not_fit_the_collection_is_refused(
    store: VectorStore, where: dict[str, list[Any]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        list(store.scan(COMMENTS, where=where))
    with pytest.raises(ValueError, match=message):
        store.search_vector(COMMENTS, vector(EAST), 1, where)
