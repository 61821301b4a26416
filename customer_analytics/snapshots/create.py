"""Writing a snapshot."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from customer_analytics.damage import synchronise, write_whole
from customer_analytics.resources.vectors.base import VectorStore
from customer_analytics.resources.vectors.collection import Collection
from customer_analytics.snapshots.manifest import MANIFEST, Part, SnapshotError, as_json, file_name, is_file_name


def create(
    store: VectorStore, collections: Sequence[Collection], folder: Path, log: Callable[[str], None]
) -> None:
    """Write the collections into a folder, in place of the snapshot that it may hold.

    Files are complete before they get their names, and named for their contents; the manifest comes last, at once.
    So the folder holds the old snapshot or the new one, whenever the writing is interrupted.

    Raises:
        SnapshotError: The store holds none of the collections.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = [
        part
        for part in (write_part(store.scan(collection), collection, folder, log) for collection in collections)
        if part
    ]
    if not parts:
        names = ", ".join(collection.physical_name for collection in collections)
        raise SnapshotError(f"There is nothing to write: the store holds none of {names}. Run the pipeline first.")
    complete(folder, parts)


def complete(folder: Path, parts: Sequence[Part]) -> None:
    """Make these parts the folder's snapshot, and remove the files of any other."""
    write_whole(folder / MANIFEST, as_json(parts))
    for file in folder.glob("*.parquet"):
        if is_file_name(file.name) and file.name not in {part.file for part in parts}:
            file.unlink()  # of the snapshot that was here, or of one that was not completed


def write_part(
    batches: Iterable[pa.RecordBatch], collection: Collection, folder: Path, log: Callable[[str], None]
) -> Part | None:
    """A collection's objects in a file of the folder; None where there are none."""
    unfinished = folder / f".{collection.name}.unfinished"
    rows = 0
    try:
        with pq.ParquetWriter(unfinished, collection.arrow_schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch.cast(collection.arrow_schema))
                rows += batch.num_rows
        if not rows:
            return None
        with unfinished.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
        size = unfinished.stat().st_size
        file = file_name(collection.name, digest)
        synchronise(unfinished)
        unfinished.replace(folder / file)
    finally:
        unfinished.unlink(missing_ok=True)
    log(f"{collection.name}: {rows:,} objects in {file}")
    return Part(
        name=collection.name,
        model=collection.model,
        dimensions=collection.dimensions,
        text_property=collection.text_property,
        properties=dict(collection.properties),
        rows=rows,
        file=file,
        bytes=size,
        sha256=digest,
    )
