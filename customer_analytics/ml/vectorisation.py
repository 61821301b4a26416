"""Synchronisation of a collection with its source rows; only new texts are embedded.

An object's id is derived from all source columns of its row; its text hash is that of the row's text alone.
A row is unchanged if its id and text hash are there, and the vector of a text that a collection holds under
any id is found by its text hash.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.ml.identity import EVERYTHING, Bucket, object_ids
from customer_analytics.ml.training_set import text_hash
from customer_analytics.ports.embeddings.base import Embedder
from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.collection import Collection, Where

GROUP = 256  # rows embedded and written at once, which a killed run can lose
WHOLE_COLLECTION: Where = {}
_MAINTAINED_EVERY = 200  # groups, so that the small files of a large sync do not pile up


@dataclass
class SyncResult:
    """Outcome of a synchronisation; rows = embedded + reused + unchanged, if none failed.

    Attributes:
        rows: Source rows.
        embedded: Rows whose text was embedded.
        reused: Rows that took the vector of an identical text.
        unchanged: Rows that the collection already held.
        removed: Objects that were removed because their rows were deleted.
        failed: Why rows could not be written, one reason per row.
    """

    rows: int = 0
    embedded: int = 0
    reused: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: list[str] = field(default_factory=list)


class SyncError(RuntimeError):
    """Some rows could not be written; `result` has the outcome of all rows."""

    def __init__(self, collection: Collection, result: SyncResult) -> None:
        self.result = result
        super().__init__(
            f"{len(result.failed):,} of {result.rows:,} rows could not be written to {collection.name}; correct "
            "them in the source and run again. The other rows were written. The first failures: "
            f"{'; '.join(result.failed[:3])}."
        )


def sync_collection(
    store: VectorStore,
    embedder: Embedder,
    collection: Collection,
    batches: Iterable[pa.RecordBatch],
    *,
    part: Where = WHOLE_COLLECTION,
    reuse_from: Sequence[Collection] = (),
    bucket: Bucket = EVERYTHING,
    total: int | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> SyncResult:
    """Make the collection, or a part of it, hold exactly one object per source row; create it if absent.

    An unchanged row costs a comparison, but no embedding and no write. Identical texts are embedded once. Rows are
    written in groups of `GROUP`: after a killed run, the next call does only the rest. Objects of deleted rows are
    removed last, once the source was read completely. Memory holds the texts and vectors of one batch and one
    group, and the ids and hashes of all rows (about 300 bytes per row).

    Args:
        store: Holds the collections.
        embedder: The collection's model.
        collection: Its properties are the source columns in lower case.
        batches: The source rows.
        part: The objects that the rows correspond to; all others stay as they are.
        reuse_from: Other collections of the same model, whose vectors are reused for identical texts.
        bucket: The rows and objects to process, by the hash of their text; all others are ignored. Processing all
            buckets, in any order or in parallel, equals one call without buckets.
        total: Number of source rows, for `on_progress`; by default, the rows read so far.
        on_progress: Called with the number of finished rows and of all rows.

    Raises:
        SyncError: Rows could not be written; all others were, and objects of deleted rows were removed.
        ValueError: The source's columns or a model do not match the collection.
    """
    _require_one_model(embedder, [collection, *reuse_from])
    store.ensure_collection(collection)
    result = SyncResult()
    stored = _stored(store, collection, part)
    new_rows = _new_rows(collection, batches, stored, bucket, result)
    for number, group in enumerate(_regrouped(new_rows, GROUP), start=1):
        vectors, embedded = _vectors(store, embedder, collection, group, reuse_from)
        result.failed += store.upsert(collection, group.append_column("vector", vectors)).failed
        result.embedded += embedded
        result.reused += group.num_rows - embedded
        if number % _MAINTAINED_EVERY == 0:
            store.maintain(collection)
        on_progress(result.embedded + result.reused + result.unchanged, max(total or 0, result.rows))
    gone = [str(uuid.UUID(bytes=id)) for id, text_hash in stored.items() if bucket.holds(text_hash)]
    result.removed = store.delete(collection, gone)
    # Maintenance reads the whole collection, so a partial run leaves it to the schedule.
    if not part and (result.embedded or result.reused or result.removed):
        store.maintain(collection)
    if result.failed:
        raise SyncError(collection, result)
    on_progress(result.rows, result.rows)
    return result


def _stored(store: VectorStore, collection: Collection, part: Where) -> dict[bytes, str]:
    """Text hashes of the collection's objects by id."""
    return {
        _key(id): text_hash
        for batch in store.scan(collection, ["id", "text_hash"], part)
        for id, text_hash in zip(batch["id"].to_pylist(), batch["text_hash"].to_pylist(), strict=True)
    }


def _key(id: str) -> bytes:
    return bytes.fromhex(id.replace("-", ""))


def _new_rows(
    collection: Collection,
    batches: Iterable[pa.RecordBatch],
    stored: dict[bytes, str],
    bucket: Bucket,
    result: SyncResult,
) -> Iterator[pa.RecordBatch]:
    """New and changed rows of the bucket, with id and hash; takes the ids of all rows out of `stored`."""
    occurrences: dict[bytes, int] = {}
    for batch in batches:
        rows = _properties(collection, batch)
        ids = object_ids(rows, rows.schema.names, occurrences)
        hashes: list[str | None] = []
        is_new: list[bool] = []
        for row, (id, text) in enumerate(zip(ids, rows[collection.text_property].to_pylist(), strict=True)):
            before = stored.pop(_key(id), None)
            hashes.append(None if text is None else text_hash(text))
            is_mine = bucket.holds(hashes[-1] or "")
            is_new.append(is_mine and text is not None and hashes[-1] != before)
            result.rows += is_mine
            if is_mine and text is None:
                result.failed.append(_missing_text(collection, rows, row))
            elif is_mine and not is_new[-1]:
                result.unchanged += 1
        identified = rows.append_column("id", pa.array(ids, pa.string()))
        yield identified.append_column("text_hash", pa.array(hashes, pa.string())).filter(
            pa.array(is_new, pa.bool_())
        )


def _missing_text(collection: Collection, rows: pa.RecordBatch, row: int) -> str:
    others = [f"{name} {rows[name][row]}" for name in collection.properties if name != collection.text_property]
    return f"{collection.text_property} is missing in the row of {', '.join(others)}"


def _properties(collection: Collection, batch: pa.RecordBatch) -> pa.RecordBatch:
    """The source columns as properties: lower-case names, the collection's types."""
    names = [name.lower() for name in batch.schema.names]
    if sorted(names) != sorted(collection.properties):
        raise ValueError(
            f"{collection.name} has the properties {', '.join(collection.properties)}, but its source has the "
            f"columns {', '.join(names)}: give the source the columns of the collection."
        )
    schema = pa.schema([(name, kind.arrow) for name, kind in collection.properties.items()])
    return batch.rename_columns(names).select(schema.names).cast(schema)


def _regrouped(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.Table]:
    """The same rows in tables of `size` rows; the last one may be shorter."""
    rest: list[pa.RecordBatch] = []
    for batch in batches:
        table = pa.Table.from_batches([*rest, batch])
        whole = table.num_rows - table.num_rows % size
        for start in range(0, whole, size):
            yield table.slice(start, size)
        rest = table.slice(whole).to_batches()
    if rest:
        yield pa.Table.from_batches(rest)


def _vectors(
    store: VectorStore, embedder: Embedder, collection: Collection, group: pa.Table, others: Sequence[Collection]
) -> tuple[pa.FixedSizeListArray, int]:
    """One vector per row of the group, and the number of texts that were embedded."""
    hashes = group["text_hash"].to_pylist()
    texts = dict(zip(hashes, group[collection.text_property].to_pylist(), strict=True))
    known: dict[str, npt.NDArray[np.float32]] = {}
    for source in (collection, *others):
        known |= _known_vectors(store, source, texts.keys() - known.keys())
    unknown = [digest for digest in texts if digest not in known]
    if unknown:
        known |= zip(unknown, embedder.embed([texts[digest] for digest in unknown]), strict=True)
    matrix = np.stack([known[digest] for digest in hashes])
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), matrix.shape[1]), len(unknown)


def _known_vectors(
    store: VectorStore, collection: Collection, hashes: set[str]
) -> dict[str, npt.NDArray[np.float32]]:
    """Vectors in a collection by text hash, for those of the hashes that occur there."""
    known: dict[str, npt.NDArray[np.float32]] = {}
    if not hashes:
        return known
    for batch in store.scan(collection, ["text_hash", "vector"], {"text_hash": sorted(hashes)}):
        vectors = pc.list_flatten(batch["vector"]).to_numpy().reshape(-1, collection.dimensions)
        known.update(zip(batch["text_hash"].to_pylist(), vectors, strict=True))
        if len(known) == len(hashes):
            break
    return known


def _require_one_model(embedder: Embedder, collections: Sequence[Collection]) -> None:
    for collection in collections:
        if (collection.model, collection.dimensions) != (embedder.model, embedder.dimensions):
            raise ValueError(
                f"{collection.name} holds vectors of {collection.model} in {collection.dimensions} dimensions, "
                f"but the embedder is {embedder.model} in {embedder.dimensions}: use the collection of that model."
            )
