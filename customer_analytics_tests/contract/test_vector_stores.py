"""What every vector store guarantees, shown on every adapter."""

import multiprocessing
import signal
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from customer_analytics.resources.vectors.base import VectorStore
from customer_analytics.resources.vectors.collection import Match, PropertyType, UpsertResult
from customer_analytics.resources.vectors.lance import LanceVectorStore
from customer_analytics.resources.vectors.weaviate import WeaviateVectorStore
from customer_analytics_tests.contract.vector_processes import (
    COMMENTS,
    comment,
    object_id,
    table,
    upsert_in_tens,
    upsert_then_die,
)

SPAWN = multiprocessing.get_context("spawn")
EAST, NORTH_EAST, NORTH, WEST = [1.0, 0, 0, 0], [0.6, 0.8, 0, 0], [0, 1.0, 0, 0], [-1.0, 0, 0, 0]
HOSTILE = [
    "it's",
    "'",
    "''",
    '"quoted"',
    "'; DROP TABLE customer_comment; --",
    "' OR '1'='1",
    "back\\slash",
    "\\'",
    "two\nlines\r\n\ttab",
    "naïve ünïcode 漢字 😀",
    "nul\x00byte",
    "`tick`",
    "%_*?{}$1:x",
    "",
]


@pytest.fixture(params=["lancedb", "weaviate"])
def empty_store(request: pytest.FixtureRequest, tmp_path: Path) -> VectorStore:
    if request.param == "lancedb":
        return LanceVectorStore(path=str(tmp_path / "vectors"))
    store: VectorStore = request.getfixturevalue("weaviate_store")
    return store


@pytest.fixture
def store(empty_store: VectorStore) -> VectorStore:
    empty_store.ensure_collection(COMMENTS)
    return empty_store


def write(store: VectorStore, *rows: dict[str, Any]) -> None:
    assert store.upsert(COMMENTS, table(rows)) == UpsertResult(written=len(rows))


def found(matches: list[Match]) -> list[str]:
    return [match.id for match in matches]


def ids(store: VectorStore, **where: list[Any]) -> list[str]:
    return sorted(id for batch in store.scan(COMMENTS, ["id"], where or None) for id in batch["id"].to_pylist())


def vector(values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float32)


# Collections


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
    with pytest.raises(ValueError, match=r"channel category.*not as.*channel text.*drop it"):
        store.ensure_collection(other)


def test_models_whose_names_lead_to_one_physical_name_do_not_share_it(store: VectorStore) -> None:
    other = replace(COMMENTS, model="tiny_model_v1_0")
    assert other.physical_name == COMMENTS.physical_name
    with pytest.raises(ValueError, match=r"tiny-model-v1\.0.*not as.*tiny_model_v1_0"):
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


# Writing


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


def test_an_object_is_replaced_if_its_content_hash_is_another(store: VectorStore) -> None:
    write(store, comment(1), comment(2))
    changed = comment(1, content_hash="changed", review_text="now better", vector=WEST)
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
        ({"content_hash": None}, "has no content hash"),
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


# Reading


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
    assert ids(store, content_hash=["hash 4"]) == [object_id(4)]


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
    assert ids(store, content_hash=values) == [object_id(2)]


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


# Searching


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
    changed = comment(6, vector=WEST, review_text="another zeppelin", content_hash="changed")
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


# Maintenance and size


def test_a_scan_goes_on_through_writing_and_maintenance(store: VectorStore) -> None:
    write(store, *map(comment, range(10_000)))
    scan = store.scan(COMMENTS, ["id"])
    seen = next(scan)["id"].to_pylist()
    store.delete(COMMENTS, [object_id(n) for n in range(1_000)])
    store.maintain(COMMENTS)
    seen += [id for batch in scan for id in batch["id"].to_pylist()]
    assert len(set(seen)) == len(seen)
    assert {object_id(n) for n in range(1_000, 10_000)} <= set(seen)
    assert store.count(COMMENTS) == 9_000


def test_a_large_collection_keeps_every_promise_once_it_is_indexed(store: VectorStore) -> None:
    # Enough for LanceDB's index to leave some of its partitions aside, and more than Weaviate answers at once.
    size = 180_000 if isinstance(store, LanceVectorStore) else 12_000
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(size, 4)).astype(np.float32)
    rows = pa.table(
        {
            "id": [object_id(n) for n in range(size)],
            "content_hash": [f"hash {n}" for n in range(size)],
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 4),
            "customer_id": pa.array(range(size)),
            "date": pa.array([date(2020, 1, 1)] * size),
            "channel": ["twitter"] * size,
            "review_text": [f"word{n}" for n in range(size)],
        }
    )
    assert store.upsert(COMMENTS, rows).written == size
    store.maintain(COMMENTS)
    cosines = vectors @ vector(EAST) / np.linalg.norm(vectors, axis=1)

    def nearest(numbers: Any) -> list[str]:
        return [object_id(n) for n in sorted(numbers, key=lambda n: (-cosines[n], n))]

    assert len(set(found(store.search_vector(COMMENTS, vector(EAST), size)))) == size
    assert len(set(found(store.search_vector(COMMENTS, vector(EAST), 10))) & set(nearest(range(size))[:10])) >= 8
    assert len(set(ids(store, channel=["twitter"]))) == size
    few = [int(n) for n in generator.choice(size, 12, replace=False)]
    assert found(store.search_vector(COMMENTS, vector(EAST), 20, {"customer_id": few})) == nearest(few)
    assert found(store.search_hybrid(COMMENTS, "word4123", vectors[4123], 1)) == [object_id(4123)]

    changed = comment(5, content_hash="changed", vector=EAST)
    assert store.upsert(COMMENTS, table([changed, comment(6), comment(size)])) == UpsertResult(
        written=2, skipped=1
    )
    assert store.count(COMMENTS) == size + 1
    assert found(store.search_vector(COMMENTS, vector(EAST), 1)) == [object_id(5)]
    assert store.delete(COMMENTS, [object_id(5)]) == 1
    assert object_id(5) not in found(store.search_vector(COMMENTS, vector(EAST), 10))


# Several processes


def test_three_writers_of_the_same_ids_leave_each_once_and_a_reader_sees_whole_objects(store: VectorStore) -> None:
    start, written = SPAWN.Barrier(4), SPAWN.Queue()
    arguments = (type(store), store.model_dump(), range(300), 1, start, written)
    writers = [SPAWN.Process(target=upsert_in_tens, args=arguments) for _ in range(3)]
    for writer in writers:
        writer.start()
    start.wait()
    before = 0
    while any(writer.is_alive() for writer in writers):
        seen = pa.Table.from_batches(list(store.scan(COMMENTS)), COMMENTS.arrow_schema)
        assert len(set(seen["id"].to_pylist())) == seen.num_rows >= before
        assert all(row["content_hash"] == f"hash {row['customer_id']} of round 0" for row in seen.to_pylist())
        before = seen.num_rows
    counts = [written.get(timeout=10) for _ in writers]
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert ids(store) == [object_id(n) for n in range(300)]
    assert [sum(count) for count in counts] == [300, 300, 300]
    writes = sum(written for written, _ in counts)
    # Weaviate has no conditional write: of writers at the same moment, each counts the row as written.
    assert writes == 300 if isinstance(store, LanceVectorStore) else writes >= 300


def test_a_steady_writer_does_not_keep_others_from_deleting_and_maintaining(store: VectorStore) -> None:
    start, written = SPAWN.Barrier(2), SPAWN.Queue()
    arguments = (type(store), store.model_dump(), range(300), 4, start, written)
    writer = SPAWN.Process(target=upsert_in_tens, args=arguments)
    writer.start()
    start.wait()
    while writer.is_alive():
        store.delete(COMMENTS, [object_id(n) for n in range(0, 300, 3)])
        store.maintain(COMMENTS)
    assert (writer.exitcode, written.get(timeout=10)) == (0, [1_200, 0])
    assert {object_id(n) for n in range(300) if n % 3} <= set(ids(store))


@pytest.mark.parametrize("after", [0.01, 0.1, 0.33])
def test_a_killed_writer_leaves_whole_objects_and_the_next_one_completes_them(
    store: VectorStore, after: float
) -> None:
    arguments = (type(store), store.model_dump(), range(100), after)
    writer = SPAWN.Process(target=upsert_then_die, args=arguments)
    writer.start()
    writer.join()
    assert writer.exitcode == -signal.SIGKILL

    left = ids(store)
    assert len(set(left)) == len(left) >= 10
    rest = store.upsert(COMMENTS, table([comment(n, content_hash="again") for n in range(100)]))
    assert rest == UpsertResult(written=100)
    store.maintain(COMMENTS)
    assert ids(store) == [object_id(n) for n in range(100)]


# LanceDB alone


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


# Weaviate alone


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
    replace(held, name=held.name.replace("other", "copy")).ensure(other.description)
    replace(held, name=held.name.replace("other", "mine")).ensure("My own.")
    of_all = weaviate_store.model_copy(update={"prefix": ""})
    assert weaviate_store.other_models(COMMENTS) == [other]
    assert other not in of_all.other_models(COMMENTS)
