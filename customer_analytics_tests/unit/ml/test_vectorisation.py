"""Synchronisation of a collection with its source rows: what is embedded, written and removed."""

import multiprocessing
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from customer_analytics.ml.identity import Bucket
from customer_analytics.ml.vectorisation import GROUP, SyncError, SyncResult, sync_collection
from customer_analytics.ports.vectors.collection import Collection, PropertyType
from customer_analytics.ports.vectors.lance import LanceVectorStore
from customer_analytics_tests.unit.ml.letters import COMMENTS, MONDAY, TUESDAY, LetterEmbedder, batch, sync_and_die

TRAINING = Collection(
    "CommentTraining",
    {"review_text": PropertyType.TEXT, "label": PropertyType.INTEGER},
    "review_text",
    "letters-1",
    27,
)


@pytest.fixture
def store(tmp_path: Path) -> LanceVectorStore:
    return LanceVectorStore(path=str(tmp_path / "vectors"))


@pytest.fixture
def embedder() -> LetterEmbedder:
    return LetterEmbedder()


def numbered(count: int) -> list[pa.RecordBatch]:
    """Rows with a text each of its own, in batches that do not fit the groups."""
    rows = [(n, MONDAY, "x" * (n % 20) + f" number {n}") for n in range(count)]
    return [batch(*rows[start : start + 100]) for start in range(0, count, 100)]


def rows_of(store: LanceVectorStore, collection: Collection = COMMENTS) -> list[tuple[Any, ...]]:
    columns = list(collection.properties)
    scanned = [row for b in store.scan(collection, columns) for row in b.to_pylist()]
    return sorted(tuple(row[column] for column in columns) for row in scanned)


def objects(store: LanceVectorStore) -> dict[str, Any]:
    return {row.pop("id"): row for b in store.scan(COMMENTS) for row in b.to_pylist()}


# Ids


def test_every_source_row_becomes_an_object_with_its_properties(
    store: LanceVectorStore, embedder: LetterEmbedder
) -> None:
    rows = [(7, MONDAY, "good toy"), (None, TUESDAY, "bad"), (8, None, "")]
    result = sync_collection(store, embedder, COMMENTS, [batch(*rows[:2]), batch(), batch(rows[2])])
    assert result == SyncResult(rows=3, embedded=3)
    scanned = {row["customer_id"]: row for b in store.scan(COMMENTS) for row in b.to_pylist()}
    assert {tuple(row[name] for name in COMMENTS.properties) for row in scanned.values()} == set(rows)
    assert np.array_equal(np.float32(scanned[7]["vector"]), embedder.embed(["good toy"])[0])
    sha256_of_bad = "2f05d4b689d270cafb02285f35f44866f7dc8a2d368a3f9d1124373eeab31fb1"
    assert scanned[None]["text_hash"] == sha256_of_bad


def test_a_second_sync_with_nothing_new_embeds_and_writes_nothing(
    store: LanceVectorStore, embedder: LetterEmbedder
) -> None:
    sync_collection(store, embedder, COMMENTS, numbered(600))
    embedder.asked()
    before = [path.stat().st_mtime_ns for path in sorted(Path(store.path).rglob("*.*")) if path.suffix != ".lock"]
    assert sync_collection(store, embedder, COMMENTS, numbered(600)) == SyncResult(rows=600, unchanged=600)
    after = [path.stat().st_mtime_ns for path in sorted(Path(store.path).rglob("*.*")) if path.suffix != ".lock"]
    assert embedder.asked() == []
    assert after == before


def test_the_order_of_the_source_does_not_matter(store: LanceVectorStore, embedder: LetterEmbedder) -> None:
    sync_collection(store, embedder, COMMENTS, numbered(300))
    assert sync_collection(store, embedder, COMMENTS, numbered(300)[::-1]) == SyncResult(rows=300, unchanged=300)


def test_only_a_changed_text_is_embedded(store: LanceVectorStore, embedder: LetterEmbedder) -> None:
    sync_collection(store, embedder, COMMENTS, [batch((7, MONDAY, "good"), (8, MONDAY, "bad"))])
    embedder.asked()
    changed = [batch((7, MONDAY, "good"), (8, MONDAY, "worse"))]
    result = sync_collection(store, embedder, COMMENTS, changed)
    assert result == SyncResult(rows=2, embedded=1, unchanged=1, removed=1)
    assert embedder.asked() == ["worse"]
    assert rows_of(store) == [(7, MONDAY, "good"), (8, MONDAY, "worse")]


def test_an_object_with_an_outdated_text_hash_is_written_again(
    store: LanceVectorStore, embedder: LetterEmbedder
) -> None:
    rows = [batch((7, MONDAY, "good"))]
    sync_collection(store, embedder, COMMENTS, rows)
    outdated = pa.Table.from_batches(list(store.scan(COMMENTS)))
    position = outdated.schema.get_field_index("text_hash")
    store.upsert(COMMENTS, outdated.set_column(position, "text_hash", pa.array(["outdated"])))
    assert sync_collection(store, embedder, COMMENTS, rows) == SyncResult(rows=1, embedded=1)
    assert sync_collection(store, embedder, COMMENTS, rows) == SyncResult(rows=1, unchanged=1)


def test_a_row_that_changed_around_its_text_takes_the_vector_with_it(
    store: LanceVectorStore, embedder: LetterEmbedder
) -> None:
    sync_collection(store, embedder, COMMENTS, [batch((7, MONDAY, "good"))])
    embedder.asked()
    result = sync_collection(store, embedder, COMMENTS, [batch((7, TUESDAY, "good"))])
    assert result == SyncResult(rows=1, reused=1, removed=1)
    assert embedder.asked() == []
    assert rows_of(store) == [(7, TUESDAY, "good")]


def test_rows_gone_from_the_source_leave_the_collection(store: LanceVectorStore, embedder: LetterEmbedder) -> None:
    sync_collection(store, embedder, COMMENTS, [batch((7, MONDAY, "good"), (8, MONDAY, "bad"))])
    assert sync_collection(store, embedder, COMMENTS, [batch((8, MONDAY, "bad"))]) == SyncResult(
        rows=1, unchanged=1, removed=1
    )
    assert rows_of(store) == [(8, MONDAY, "bad")]
    assert sync_collection(store, embedder, COMMENTS, []) == SyncResult(removed=1)
    assert store.count(COMMENTS) == 0


def test_nothing_is_removed_when_the_source_breaks_off(store: LanceVectorStore, embedder: LetterEmbedder) -> None:
    sync_collection(store, embedder, COMMENTS, [batch((7, MONDAY, "good"), (8, MONDAY, "bad"))])

    def broken() -> Iterator[pa.RecordBatch]:
        yield batch((7, MONDAY, "good"))
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        sync_collection(store, embedder, COMMENTS, broken())
    assert store.count(COMMENTS) == 2


def test_equal_rows_stay_objects_of_their_own_and_only_the_surplus_is_removed(
    store: LanceVectorStore, embedder: LetterEmbedder
) -> None:
    row = (7, MONDAY, "again")
    result = sync_collection(store, embedder, COMMENTS, [batch(row, row), batch(row)])
    assert result == SyncResult(rows=3, embedded=1, reused=2)
    assert rows_of(store) == [row, row, row]
    result = sync_collection(store, embedder, COMMENTS, [batch(row, row)])
    assert result == SyncResult(rows=2, unchanged=2, removed=1)


def test_identical_texts_are_embedded_once_though_groups_lie_between_them(
    store: LanceVectorStore, embedder: LetterEmbedder
) -> None:
    same = [batch((-1, MONDAY, "the same")), *numbered(2 * GROUP), batch((-2, TUESDAY, "the same"))]
    result = sync_collection(store, embedder, COMMENTS, same)
    assert (result.embedded, result.reused) == (2 * GROUP + 1, 1)
    assert embedder.asked().count("the same") == 1
    vectors = [
        vector
        for b in store.scan(COMMENTS, ["vector"], {"review_text": ["the same"]})
        for vector in b["vector"].to_pylist()
    ]
    assert len(vectors) == 2
    assert vectors[0] == vectors[1]


def test_texts_of_other_collections_are_not_embedded_again(
    store: LanceVectorStore, embedder: LetterEmbedder
) -> None:
    labelled = pa.record_batch({"REVIEW_TEXT": ["good", "bad"], "LABEL": [1, 0]})
    sync_collection(store, embedder, TRAINING, [labelled])
    assert sorted(embedder.asked()) == ["bad", "good"]
    comments = [batch((7, MONDAY, "good"), (8, MONDAY, "so so"))]
    result = sync_collection(store, embedder, COMMENTS, comments, reuse_from=[TRAINING])
    assert result == SyncResult(rows=2, embedded=1, reused=1)
    assert embedder.asked() == ["so so"]
    [good] = [b["vector"].to_pylist() for b in store.scan(COMMENTS, ["vector"], {"review_text": ["good"]})]
    assert np.array_equal(np.float32(good), embedder.embed(["good"]))
    assert rows_of(store, TRAINING) == [("bad", 0), ("good", 1)]


def test_other_collections_need_not_exist(store: LanceVectorStore, embedder: LetterEmbedder) -> None:
    result = sync_collection(store, embedder, COMMENTS, [batch((7, MONDAY, "good"))], reuse_from=[TRAINING])
    assert result == SyncResult(rows=1, embedded=1)


@pytest.mark.parametrize("groups", [0, 1, 2])
def test_after_a_kill_only_the_rest_is_embedded(
    store: LanceVectorStore, embedder: LetterEmbedder, groups: int
) -> None:
    count = 2 * GROUP + 88
    process = multiprocessing.get_context("spawn").Process(
        target=sync_and_die, args=(store.path, numbered(count), groups)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert store.count(COMMENTS) == groups * GROUP

    result = sync_collection(store, embedder, COMMENTS, numbered(count))
    assert result == SyncResult(rows=count, embedded=count - groups * GROUP, unchanged=groups * GROUP)
    assert len(embedder.asked()) == count - groups * GROUP
    assert rows_of(store) == sorted(tuple(row.values()) for b in numbered(count) for row in b.to_pylist())


# Buckets


def test_a_sync_of_all_buckets_in_any_order_is_a_sync_of_everything(
    store: LanceVectorStore, embedder: LetterEmbedder, tmp_path: Path
) -> None:
    whole = LanceVectorStore(path=str(tmp_path / "whole"))
    again, gone, kept = (7, MONDAY, "again"), (8, MONDAY, "gone"), (9, MONDAY, "kept")
    before = [batch(again, again, again, gone, kept), *numbered(40)]
    after = [batch(kept, again), batch((9, TUESDAY, "kept"), again, (8, MONDAY, "new")), *numbered(50)]
    for rows in (before, after):
        expected = sync_collection(whole, embedder, COMMENTS, rows)
        embedder.asked()
        parts = [sync_collection(store, embedder, COMMENTS, rows, bucket=Bucket(n, 3)) for n in (2, 0, 1)]
        for count in ("rows", "embedded", "reused", "unchanged", "removed"):
            assert sum(getattr(part, count) for part in parts) == getattr(expected, count), count
        assert len(embedder.asked()) == expected.embedded
        assert objects(store) == objects(whole)
    assert all(part.rows for part in parts)


def test_a_bucket_leaves_the_objects_of_others_alone(store: LanceVectorStore, embedder: LetterEmbedder) -> None:
    sync_collection(store, embedder, COMMENTS, numbered(40))
    left = sum(sync_collection(store, embedder, COMMENTS, [], bucket=Bucket(n, 4)).removed for n in (3, 1))
    assert store.count(COMMENTS) == 40 - left
    assert 0 < left < 40


def test_a_row_without_a_text_is_told_by_one_bucket(store: LanceVectorStore, embedder: LetterEmbedder) -> None:
    told = []
    for number in range(3):
        try:
            sync_collection(store, embedder, COMMENTS, [batch((7, MONDAY, None))], bucket=Bucket(number, 3))
        except SyncError as error:
            told += error.result.failed
    assert len(told) == 1


class Unsure(LetterEmbedder):
    """Has no vector for one text."""

    def embed(self, texts: Any) -> Any:
        vectors = super().embed(texts)
        vectors[[text == "???" for text in texts]] = np.nan
        return vectors


def test_rows_that_cannot_be_written_are_told_at_the_end_and_stop_no_others(store: LanceVectorStore) -> None:
    sync_collection(store, LetterEmbedder(), COMMENTS, [batch((6, MONDAY, "old"))])
    rows = [
        (5, MONDAY, "???"),
        (7, MONDAY, "good"),
        (8, MONDAY, None),
        *((9, MONDAY, f"n {n}") for n in range(300)),
    ]
    with pytest.raises(SyncError, match=r"^2 of 303 rows could not be written to CustomerComment.*") as error:
        sync_collection(store, Unsure(), COMMENTS, [batch(*rows)])
    no_text, no_vector = sorted(error.value.result.failed)
    assert "review_text is missing in the row of customer_id 8, date 2020-02-03" in no_text + no_vector
    assert "zero or not finite" in no_text + no_vector
    assert (error.value.result.embedded, error.value.result.removed) == (302, 1)
    assert rows_of(store) == sorted(row for row in rows if row[2] not in ("???", None))


def test_progress_tells_how_many_rows_of_how_many_are_done(
    store: LanceVectorStore, embedder: LetterEmbedder
) -> None:
    sync_collection(store, embedder, COMMENTS, numbered(100))
    told: list[tuple[int, int]] = []
    rows = numbered(GROUP + 200)
    sync_collection(
        store, embedder, COMMENTS, rows, total=456, on_progress=lambda done, total: told.append((done, total))
    )
    assert told == [(356, 456), (456, 456), (456, 456)]


def test_columns_other_than_the_collections_are_refused(store: LanceVectorStore, embedder: LetterEmbedder) -> None:
    with pytest.raises(
        ValueError, match="has the properties customer_id, date, review_text, but its source has the columns text"
    ):
        sync_collection(store, embedder, COMMENTS, [pa.record_batch({"TEXT": ["good"]})])


def test_vectors_of_another_model_are_never_mixed_in(store: LanceVectorStore, embedder: LetterEmbedder) -> None:
    with pytest.raises(ValueError, match="CustomerComment holds vectors of other in 27 dimensions"):
        sync_collection(store, embedder, replace(COMMENTS, model="other"), [])
    with pytest.raises(ValueError, match="CommentTraining holds vectors of letters-1 in 9 dimensions"):
        sync_collection(store, embedder, COMMENTS, [], reuse_from=[replace(TRAINING, dimensions=9)])
