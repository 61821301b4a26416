"""What a snapshot guarantees, from and into every vector store."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest

from customer_analytics.ingestion.location import SourceLocation
from customer_analytics.ports.vectors import weaviate_backup
from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.collection import Collection, PropertyType, UpsertResult, Where
from customer_analytics.ports.vectors.lance import LanceVectorStore
from customer_analytics.ports.vectors.weaviate import WeaviateVectorStore
from customer_analytics.snapshots import MANIFEST, Snapshot, SnapshotError, create, restore
from customer_analytics_tests.contract.vector_stores.comments import COMMENTS, comment, object_id, table

CALLS = replace(COMMENTS, name="CustomerCall")


@pytest.fixture
def lance(tmp_path: Path) -> LanceVectorStore:
    return LanceVectorStore(path=str(tmp_path / "vectors"))


@pytest.fixture
def other(tmp_path: Path) -> LanceVectorStore:
    return LanceVectorStore(path=str(tmp_path / "others"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "snapshot"


def write(store: VectorStore, *rows: dict[str, Any], collection: Collection = COMMENTS) -> None:
    store.ensure_collection(collection)
    assert store.upsert(collection, table(rows)) == UpsertResult(written=len(rows))


def contents(store: VectorStore, collection: Collection = COMMENTS) -> list[dict[str, Any]]:
    return pa.Table.from_batches(store.scan(collection), collection.arrow_schema).sort_by("id").to_pylist()


def save(store: VectorStore, folder: Path, *collections: Collection) -> None:
    create(store, collections or [COMMENTS], folder, print)


def load(folder: Path, store: VectorStore, *collections: Collection) -> list[tuple[str, int, int]]:
    found = Snapshot.find(SourceLocation.open(folder), "")
    assert found
    with TemporaryDirectory() as fetched:
        restored = restore(found, store, collections or [COMMENTS], print, Path(fetched))
    return [(part.name, part.restored, part.present) for part in restored]


@pytest.mark.parametrize("direction", ["lancedb to weaviate", "weaviate to lancedb"])
def test_a_store_restored_from_a_snapshot_holds_the_same_bytes(
    direction: str, lance: LanceVectorStore, weaviate_store: WeaviateVectorStore, folder: Path
) -> None:
    stores: list[VectorStore] = [lance, weaviate_store]
    source, target = stores if direction.startswith("lancedb") else stores[::-1]
    write(
        source,
        comment(1, vector=[0.1, 1 / 3, 1e-20, -7.0], review_text="naïve 😀\n'quotes'", channel=""),
        comment(2, customer_id=None, date=None, channel=None, review_text=None),
        comment(3, customer_id=2**63 - 1),
        *map(comment, range(4, 2_500)),
    )
    write(source, comment(1, channel=" call "), collection=CALLS)
    save(source, folder, COMMENTS, CALLS)
    assert load(folder, target, COMMENTS, CALLS) == [("CustomerComment", 2_499, 0), ("CustomerCall", 1, 0)]
    assert contents(target) == contents(source)
    assert contents(target, CALLS) == contents(source, CALLS)
    assert load(folder, target, COMMENTS, CALLS) == [("CustomerComment", 0, 2_499), ("CustomerCall", 0, 1)]


def test_the_manifest_says_what_the_files_hold(lance: LanceVectorStore, folder: Path) -> None:
    write(lance, comment(1), comment(2))
    save(lance, folder, COMMENTS, CALLS)
    (entry,) = json.loads((folder / MANIFEST).read_text())["collections"]
    assert (entry["name"], entry["model"], entry["dimensions"], entry["rows"]) == (
        "CustomerComment",
        "tiny-model-v1.0",
        4,
        2,
    )
    assert sorted(path.name for path in folder.iterdir()) == sorted([MANIFEST, entry["file"]])
    assert SourceLocation.open(folder).sha256(entry["file"]) == (entry["sha256"], entry["bytes"])


def test_what_the_store_holds_is_newer_than_a_snapshot(
    lance: LanceVectorStore, other: LanceVectorStore, folder: Path
) -> None:
    write(lance, comment(1), comment(2))
    save(lance, folder)
    write(other, comment(2, text_hash="changed", review_text="now better"), comment(3))
    assert load(folder, other) == [("CustomerComment", 1, 1)]
    texts = {row["id"]: row["review_text"] for row in contents(other)}
    assert texts == {
        object_id(1): "comment number 1",
        object_id(2): "now better",
        object_id(3): "comment number 3",
    }


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (replace(COMMENTS, model="other"), r"tiny-model-v1\.0 in 4 dimensions, but the embedder is other in 4"),
        (replace(COMMENTS, dimensions=3), r"in 4 dimensions, but the embedder is tiny-model-v1\.0 in 3"),
        (
            replace(COMMENTS, properties={**COMMENTS.properties, "channel": PropertyType.TEXT}),
            "channel category.*, not .*channel text",
        ),
        (CALLS, "a collection CustomerComment, which this version does not know"),
    ],
)
def test_a_snapshot_of_other_collections_is_refused(
    lance: LanceVectorStore, other: LanceVectorStore, folder: Path, wanted: Collection, message: str
) -> None:
    write(lance, comment(1))
    save(lance, folder)
    with pytest.raises(SnapshotError, match=message):
        load(folder, other, wanted)
    assert other.count(wanted) == 0


def _truncate(folder: Path) -> None:
    file = next(folder.glob("CustomerComment-*"))
    file.write_bytes(file.read_bytes()[:-1])


def _change_manifest(folder: Path, **values: Any) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["collections"][-1].update(values)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def _change_format(folder: Path, version: int) -> None:
    """As a version of the product wrote it: 2 had the column content_hash."""
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["format"] = f"customer-analytics-snapshot/{version}"
    (folder / MANIFEST).write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_truncate, "is damaged: its SHA-256 is"),
        (lambda folder: next(folder.glob("CustomerComment-*")).unlink(), "The snapshot is incomplete"),
        (lambda folder: (folder / MANIFEST).unlink(), "manifest.json is missing, so the snapshot is incomplete"),
        (lambda folder: (folder / MANIFEST).write_text('{"format": '), "manifest.json is damaged"),
        (lambda folder: (folder / MANIFEST).write_text('{"format": "other/9"}'), "has format other/9"),
        (lambda folder: _change_format(folder, 2), "has format customer-analytics-snapshot/2, not .*/3: make the"),
        (lambda folder: _change_manifest(folder, rows=2), "does not match the manifest"),
        (lambda folder: _change_manifest(folder, dimensions="4"), "manifest.json is damaged|but the embedder is"),
        (lambda folder: _change_manifest(folder, file="../outside.parquet"), "is not a valid file name"),
    ],
)
def test_a_damaged_snapshot_is_refused_before_anything_is_written(
    lance: LanceVectorStore, other: LanceVectorStore, folder: Path, damage: Any, message: str
) -> None:
    write(lance, comment(1))
    write(lance, comment(1), collection=CALLS)
    save(lance, folder, CALLS, COMMENTS)
    damage(folder)
    with pytest.raises(SnapshotError, match=message):
        load(folder, other, CALLS, COMMENTS)
    assert (other.count(CALLS), other.count(COMMENTS)) == (0, 0)


def test_a_snapshot_takes_the_place_of_the_one_before(lance: LanceVectorStore, folder: Path) -> None:
    write(lance, comment(1))
    save(lance, folder)
    (folder / "notes.txt").write_text("not ours")
    write(lance, comment(2))
    save(lance, folder)
    (entry,) = json.loads((folder / MANIFEST).read_text())["collections"]
    assert entry["rows"] == 2
    assert sorted(path.name for path in folder.iterdir()) == sorted(["notes.txt", MANIFEST, entry["file"]])


class _Interrupted(LanceVectorStore):
    def scan(
        self, collection: Collection, columns: Sequence[str] | None = None, where: Where | None = None
    ) -> Iterator[pa.RecordBatch]:
        yield next(super().scan(collection, columns, where))
        raise KeyboardInterrupt


def test_an_interrupted_creation_leaves_the_snapshot_before(
    lance: LanceVectorStore, other: LanceVectorStore, folder: Path
) -> None:
    write(lance, comment(1))
    save(lance, folder)
    before = sorted(folder.iterdir())
    write(lance, comment(2))
    with pytest.raises(KeyboardInterrupt):
        save(_Interrupted(path=lance.path), folder)
    assert sorted(folder.iterdir()) == before
    assert load(folder, other) == [("CustomerComment", 1, 0)]


def test_an_empty_store_has_nothing_to_write(lance: LanceVectorStore, folder: Path) -> None:
    with pytest.raises(SnapshotError, match="holds none of customer_comment__"):
        save(lance, folder)
    assert Snapshot.find(SourceLocation.open(folder), "") is None


# Weaviate's own backups


def test_a_backup_of_weaviate_brings_back_what_was_there(weaviate_store: WeaviateVectorStore) -> None:
    name = f"backup-{weaviate_store.prefix.lower()}"
    write(weaviate_store, *map(comment, range(20)))
    before = contents(weaviate_store)
    (made,) = weaviate_backup.create(weaviate_store, [COMMENTS, CALLS], name, "filesystem")
    assert made.lower().endswith(COMMENTS.physical_name)
    weaviate_store.delete(COMMENTS, [object_id(1)])
    with pytest.raises(weaviate_backup.WeaviateBackupError, match="restore with --replace"):
        weaviate_backup.restore(weaviate_store, [COMMENTS, CALLS], name, "filesystem", replace=False)
    weaviate_backup.restore(weaviate_store, [COMMENTS, CALLS], name, "filesystem", replace=True)
    assert contents(weaviate_store) == before
    weaviate_store.drop(COMMENTS)
    weaviate_backup.restore(weaviate_store, [COMMENTS, CALLS], name, "filesystem", replace=False)
    assert contents(weaviate_store) == before


def test_a_backup_that_is_not_there_drops_nothing(weaviate_store: WeaviateVectorStore) -> None:
    write(weaviate_store, comment(1))
    with pytest.raises(weaviate_backup.WeaviateBackupError, match="There is no complete backup nowhere"):
        weaviate_backup.restore(weaviate_store, [COMMENTS], "nowhere", "filesystem", replace=True)
    assert weaviate_store.count(COMMENTS) == 1


def test_only_weaviate_makes_such_backups(lance: LanceVectorStore) -> None:
    with pytest.raises(weaviate_backup.WeaviateBackupError, match="use snapshot create"):
        weaviate_backup.create(lance, [COMMENTS], "any", "filesystem")
