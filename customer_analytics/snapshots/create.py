"""Write a snapshot."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from customer_analytics.damage import flush_to_disk, write_atomically
from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.collection import Collection
from customer_analytics.snapshots.manifest import (
    MANIFEST,
    CollectionFile,
    SnapshotError,
    as_json,
    file_name,
    is_file_name,
)


def create(
    store: VectorStore, collections: Sequence[Collection], folder: Path, log: Callable[[str], None]
) -> None:
    """Write the collections into a folder, replacing any snapshot in it.

    File names contain a hash of the content, and the manifest is replaced last and atomically. So the folder holds
    the old snapshot or the new one, even if writing is interrupted.

    Raises:
        SnapshotError: The store has none of the collections.
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


def complete(folder: Path, parts: Sequence[CollectionFile]) -> None:
    """Write the manifest of these files, and remove all other collection files."""
    write_atomically(folder / MANIFEST, as_json(parts))
    for file in folder.glob("*.parquet"):
        if is_file_name(file.name) and file.name not in {part.file for part in parts}:
            file.unlink()  # of the previous snapshot, or of an incomplete one


def write_part(
    batches: Iterable[pa.RecordBatch], collection: Collection, folder: Path, log: Callable[[str], None]
) -> CollectionFile | None:
    """Write a collection's objects to a file in the folder; None if there are none."""
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
        flush_to_disk(unfinished)
        unfinished.replace(folder / file)
    finally:
        unfinished.unlink(missing_ok=True)
    log(f"{collection.name}: {rows:,} objects in {file}")
    return CollectionFile(
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
