"""Remove objects from a snapshot in a folder."""

from collections.abc import Mapping
from functools import reduce
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from customer_analytics.ports.vectors.collection import Where
from customer_analytics.snapshots.create import complete, write_part
from customer_analytics.snapshots.manifest import MANIFEST, CollectionFile, from_json


def count(folder: Path, objects: Mapping[str, Where]) -> int:
    """How many objects of a snapshot match the condition for their collection; 0 if there is no snapshot."""
    chosen = (_chosen(_read(folder, part), objects[part.name]) for part in _parts(folder))
    return sum(int(pc.sum(mask).as_py() or 0) for mask in chosen)


def remove(folder: Path, objects: Mapping[str, Where]) -> None:
    """Remove the objects that match the condition for their collection.

    Files are rewritten and the manifest is replaced last: the folder holds the old snapshot or the new one.
    """
    parts = _parts(folder)
    kept = []
    for part in parts:
        table = _read(folder, part)
        chosen = _chosen(table, objects[part.name])
        if not pc.any(chosen).as_py():
            kept.append(part)
            continue
        left = table.filter(pc.invert(chosen)).to_batches()
        if written := write_part(left, part.collection, folder, lambda line: None):
            kept.append(written)
    if kept != parts:
        complete(folder, kept)


def _parts(folder: Path) -> list[CollectionFile]:
    manifest = folder / MANIFEST
    return from_json(manifest.read_bytes(), str(manifest)) if manifest.exists() else []


def _read(folder: Path, part: CollectionFile) -> pa.Table:
    return pq.read_table(folder / part.file)


def _chosen(table: pa.Table, where: Where) -> pa.ChunkedArray:
    masks = (pc.is_in(table[name], pa.array(list(values), table[name].type)) for name, values in where.items())
    return reduce(pc.and_, masks)
