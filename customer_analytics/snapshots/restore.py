"""Restore a snapshot."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.collection import Collection
from customer_analytics.snapshots.manifest import MANIFEST, CollectionFile, SnapshotError, from_json, is_file_name

_ROWS_A_BATCH = 1_000
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Restored:
    """A collection, with the number of restored objects and of those that were already present."""

    name: str
    restored: int
    present: int


@dataclass(frozen=True)
class Snapshot:
    """A snapshot in a folder of a location, with the bytes of its manifest."""

    location: SourceLocation
    folder: str
    manifest: bytes

    @property
    def name(self) -> str:
        """Its place, for messages."""
        return f"{self.location.name}/{self.folder}".rstrip("/")

    @property
    def digest(self) -> str:
        """Identifies the content of the snapshot: the manifest contains the SHA-256 of each file."""
        return hashlib.sha256(self.manifest).hexdigest()

    @classmethod
    def find(cls, location: SourceLocation, folder: str) -> "Snapshot | None":
        """The snapshot in a folder of the location; None if there is none.

        Raises:
            SnapshotError: There are collection files, but no manifest.
        """
        path = f"{folder}/{MANIFEST}".lstrip("/")
        if location.exists(path):
            return cls(location, folder, location.read(path))
        if any(is_file_name(entry.path) for entry in location.files_below(folder).files):
            raise SnapshotError(
                f"{location.name}/{path} is missing, so the snapshot is incomplete: copy it again, the manifest "
                "last, or remove the folder."
            )
        return None

    def parts(self, wanted: Sequence[Collection]) -> list[tuple[CollectionFile, Collection]]:
        """The snapshot's collections, each with the collection of the current embedder to restore it into."""
        collections = {collection.name: collection for collection in wanted}
        parts = from_json(self.manifest, f"{self.name}/{MANIFEST}")
        for part in parts:
            if part.name not in collections:
                raise SnapshotError(
                    f"{self.name} has a collection {part.name}, which this version does not know: "
                    "make the snapshot again."
                )
            part.require(collections[part.name])
        return [(part, collections[part.name]) for part in parts]


def restore(
    snapshot: Snapshot,
    store: VectorStore,
    collections: Sequence[Collection],
    log: Callable[[str], None],
    folder: Path,
) -> list[Restored]:
    """Write the objects of a snapshot that the store does not have; existing objects do not change.

    Before anything is written, all files are copied into the folder, which should be private and temporary, and
    compared with the manifest. A repeated call, even after a kill, writes only what is still missing.

    Raises:
        SnapshotError: A file is missing or does not match the manifest, or the vectors have another model or other
            dimensions than the collections.
    """
    parts = snapshot.parts(collections)
    files = [_fetched(snapshot, part, folder) for part, _ in parts]
    return [
        _restored(file, part, store, collection, log)
        for file, (part, collection) in zip(files, parts, strict=True)
    ]


def _fetched(snapshot: Snapshot, part: CollectionFile, folder: Path) -> Path:
    """A copy of the file, verified with the manifest."""
    path, copy, digest = f"{snapshot.folder}/{part.file}".lstrip("/"), folder / part.file, hashlib.sha256()
    try:
        with snapshot.location.open_file(path) as source, copy.open("wb") as target:
            while block := source.read(_BLOCK_BYTES):
                digest.update(block)
                target.write(block)
    except SourceError as error:
        raise SnapshotError(f"The snapshot is incomplete: {error}") from error
    if digest.hexdigest() != part.sha256:
        raise SnapshotError(
            f"{snapshot.name}/{part.file} is damaged: its SHA-256 is {digest.hexdigest()}, not {part.sha256} as "
            "in the manifest. Copy the snapshot again, the manifest last."
        )
    schema, rows = _contents(copy)
    if rows != part.rows or schema != part.collection.arrow_schema:
        raise SnapshotError(f"{snapshot.name}/{part.file} does not match the manifest: make the snapshot again.")
    return copy


def _contents(file: Path) -> tuple[pa.Schema, int]:
    with pq.ParquetFile(file) as parquet:
        return parquet.schema_arrow.remove_metadata(), parquet.metadata.num_rows


def _restored(
    file: Path, part: CollectionFile, store: VectorStore, collection: Collection, log: Callable[[str], None]
) -> Restored:
    store.ensure_collection(collection)
    restored = seen = 0
    with pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(_ROWS_A_BATCH):
            missing = _missing(store, collection, pa.Table.from_batches([batch]))
            result = store.upsert(collection, missing)
            if result.failed:
                raise SnapshotError(
                    f"{len(result.failed)} objects of {part.file} cannot be restored, the first because "
                    f"{result.failed[0]}: make the snapshot again."
                )
            restored += result.written
            seen += batch.num_rows
    if restored:
        store.maintain(collection)
    log(f"{collection.name}: {restored:,} objects restored, {seen - restored:,} were there")
    return Restored(collection.name, restored, seen - restored)


def _missing(store: VectorStore, collection: Collection, rows: pa.Table) -> pa.Table:
    """The rows whose ids the store does not have; what it has is newer than the snapshot."""
    ids = rows["id"].to_pylist()
    held = [id for batch in store.scan(collection, ["id"], {"id": ids}) for id in batch["id"].to_pylist()]
    return rows.filter(pc.invert(pc.is_in(rows["id"], pa.array(held, pa.string()))))
