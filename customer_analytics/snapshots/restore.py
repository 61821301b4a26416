"""Restoring a snapshot."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.resources.vectors.base import VectorStore
from customer_analytics.resources.vectors.collection import Collection
from customer_analytics.snapshots.manifest import MANIFEST, Part, SnapshotError, from_json, is_file_name

_ROWS_A_BATCH = 1_000
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Restored:
    """A collection, how many objects were restored, and how many were there already."""

    name: str
    restored: int
    present: int


@dataclass(frozen=True)
class Snapshot:
    """A snapshot below a folder or URI, and the manifest as it was read."""

    location: SourceLocation
    folder: str
    manifest: bytes

    @property
    def name(self) -> str:
        """Where it is, as shown to people."""
        return f"{self.location.name}/{self.folder}".rstrip("/")

    @property
    def digest(self) -> str:
        """What tells this snapshot from any other: its manifest names the SHA-256 of each file."""
        return hashlib.sha256(self.manifest).hexdigest()

    @classmethod
    def find(cls, location: SourceLocation, folder: str) -> "Snapshot | None":
        """The snapshot in a folder of the location; None where there is none.

        Raises:
            SnapshotError: There are files of a snapshot, but no manifest.
        """
        path = f"{folder}/{MANIFEST}".lstrip("/")
        if location.exists(path):
            return cls(location, folder, location.read(path))
        if any(is_file_name(entry.path) for entry in location.files_below(folder).files):
            raise SnapshotError(
                f"{location.name}/{path} is missing, so the snapshot there is not complete: copy it anew, the "
                "manifest last, or take the folder away."
            )
        return None

    def parts(self, wanted: Sequence[Collection]) -> list[tuple[Part, Collection]]:
        """The snapshot's collections with those of the embedder in use, into which they are to be restored."""
        collections = {collection.name: collection for collection in wanted}
        parts = from_json(self.manifest, f"{self.name}/{MANIFEST}")
        for part in parts:
            if part.name not in collections:
                raise SnapshotError(
                    f"{self.name} holds a collection {part.name}, which this version does not know."
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
    """Write those objects of a snapshot that the store does not hold; what it holds stays as it is.

    All files are fetched into the folder, which is to be private and to last for this call, and compared with the
    manifest before anything is written. The same call again, also after one that was killed, writes only what is
    still missing.

    Raises:
        SnapshotError: A file is missing or is not the one of the manifest, or the vectors are not of the
            collections' model and dimensions.
    """
    parts = snapshot.parts(collections)
    files = [_fetched(snapshot, part, folder) for part, _ in parts]
    return [
        _restored(file, part, store, collection, log)
        for file, (part, collection) in zip(files, parts, strict=True)
    ]


def _fetched(snapshot: Snapshot, part: Part, folder: Path) -> Path:
    """A copy of the file, which is the one of the manifest."""
    path, copy, digest = f"{snapshot.folder}/{part.file}".lstrip("/"), folder / part.file, hashlib.sha256()
    try:
        with snapshot.location.open_file(path) as source, copy.open("wb") as target:
            while block := source.read(_BLOCK_BYTES):
                digest.update(block)
                target.write(block)
    except SourceError as error:
        raise SnapshotError(f"The snapshot is not complete: {error}") from error
    if digest.hexdigest() != part.sha256:
        raise SnapshotError(
            f"{snapshot.name}/{part.file} is damaged: its SHA-256 is {digest.hexdigest()}, not {part.sha256} as "
            "the manifest says. Copy the snapshot anew, the manifest last."
        )
    schema, rows = _contents(copy)
    if rows != part.rows or schema != part.collection.arrow_schema:
        raise SnapshotError(f"{snapshot.name}/{part.file} is not what the manifest says: make the snapshot again.")
    return copy


def _contents(file: Path) -> tuple[pa.Schema, int]:
    with pq.ParquetFile(file) as parquet:
        return parquet.schema_arrow.remove_metadata(), parquet.metadata.num_rows


def _restored(
    file: Path, part: Part, store: VectorStore, collection: Collection, log: Callable[[str], None]
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
    """The rows whose ids the store does not hold; others it has from a source that is newer than the snapshot."""
    ids = rows["id"].to_pylist()
    held = [id for batch in store.scan(collection, ["id"], {"id": ids}) for id in batch["id"].to_pylist()]
    return rows.filter(pc.invert(pc.is_in(rows["id"], pa.array(held, pa.string()))))
