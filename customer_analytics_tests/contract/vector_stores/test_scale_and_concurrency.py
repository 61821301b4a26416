"""Many objects and several processes at once, in every vector store."""

import multiprocessing
import signal
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.collection import UpsertResult
from customer_analytics.ports.vectors.lance import LanceVectorStore
from customer_analytics_tests.contract.vector_stores.comments import (
    COMMENTS,
    EAST,
    comment,
    found,
    ids,
    object_id,
    table,
    vector,
    write,
)
from customer_analytics_tests.contract.vector_stores.writers import options, upsert_in_tens, upsert_then_die

SPAWN = multiprocessing.get_context("spawn")


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
            "text_hash": [f"hash {n}" for n in range(size)],
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

    changed = comment(5, text_hash="changed", vector=EAST)
    assert store.upsert(COMMENTS, table([changed, comment(6), comment(size)])) == UpsertResult(
        written=2, skipped=1
    )
    assert store.count(COMMENTS) == size + 1
    assert found(store.search_vector(COMMENTS, vector(EAST), 1)) == [object_id(5)]
    assert store.delete(COMMENTS, [object_id(5)]) == 1
    assert object_id(5) not in found(store.search_vector(COMMENTS, vector(EAST), 10))


def test_three_writers_of_the_same_ids_leave_each_once_and_a_reader_sees_whole_objects(store: VectorStore) -> None:
    start, written = SPAWN.Barrier(4), SPAWN.Queue()
    arguments = (type(store), options(store), range(300), 1, start, written)
    writers = [SPAWN.Process(target=upsert_in_tens, args=arguments) for _ in range(3)]
    for writer in writers:
        writer.start()
    start.wait()
    before = 0
    while any(writer.is_alive() for writer in writers):
        seen = pa.Table.from_batches(list(store.scan(COMMENTS)), COMMENTS.arrow_schema)
        assert len(set(seen["id"].to_pylist())) == seen.num_rows >= before
        assert all(row["text_hash"] == f"hash {row['customer_id']} of round 0" for row in seen.to_pylist())
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
    arguments = (type(store), options(store), range(300), 4, start, written)
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
    arguments = (type(store), options(store), range(100), after)
    writer = SPAWN.Process(target=upsert_then_die, args=arguments)
    writer.start()
    writer.join()
    assert writer.exitcode == -signal.SIGKILL

    left = ids(store)
    assert len(set(left)) == len(left) >= 10
    rest = store.upsert(COMMENTS, table([comment(n, text_hash="again") for n in range(100)]))
    assert rest == UpsertResult(written=100)
    store.maintain(COMMENTS)
    assert ids(store) == [object_id(n) for n in range(100)]
