"""Bringing a collection to the rows of its source, embedding only what has never been embedded.

An object's id is derived from all source columns of its row; its content hash is that of the row's text alone.
So a row is unchanged if its id and content hash are there, and the vector of a text that a collection holds under
any id is found by its content hash.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.ml.buckets import EVERYTHING, Bucket
from customer_analytics.ml.identity import object_ids
from customer_analytics.ml.training_set import text_hash
from customer_analytics.resources.embeddings.base import Embedder
from customer_analytics.resources.vectors.base import VectorStore
from customer_analytics.resources.vectors.collection import Collection, Where

GROUP = 256  # rows embedded and written at once: what a kill can lose
WHOLE_COLLECTION: Where = {}
_MAINTAINED_EVERY = 200  # groups, so that the small files of a large sync do not pile up


@dataclass
class SyncResult:
    """What became of the source rows; rows = embedded + reused + unchanged, if none failed.

    Attributes:
        rows: Rows of the source.
        embedded: Rows whose text went through the model.
        reused: Rows that took the vector of an identical text.
        unchanged: Rows that were there already.
        removed: Objects that left because their rows are gone.
        failed: Why rows could not be written, one reason a row.
    """

    rows: int = 0
    embedded: int = 0
    reused: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: list[str] = field(default_factory=list)


class SyncError(RuntimeError):
    """Some rows could not become objects; `result` tells what became of the others."""

    def __init__(self, collection: Collection, result: SyncResult) -> None:
        self.result = result
        super().__init__(
            f"{len(result.failed):,} of {result.rows:,} rows could not be written to {collection.name}; correct "
            f"them in the source and run again, the others are there. The first: {'; '.join(result.failed[:3])}."
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
    """Make the collection, or a part of it, hold exactly one object a source row; created if absent.

    Rows that are there already cost a comparison, no embedding and no writing. Identical texts are embedded once.
    Rows are written in groups of `GROUP`, so that after a kill the next call does only the rest. Objects whose
    rows are gone are removed at the end, if the source could be read to its end. Texts and vectors are held for
    one batch and one group; of all rows, only ids and hashes are (about 300 bytes a row).

    Args:
        store: Holds the collections.
        embedder: The collection's model.
        collection: Its properties are the source columns in lower case.
        batches: The source rows.
        part: Which objects the rows are to be; all others stay as they are.
        reuse_from: Other collections of the same model whose vectors may be taken for identical texts.
        bucket: The rows and objects to look at, by the hash of their text; all others are left alone and not
            counted. All buckets together, in any order or at once, do what one call does without.
        total: Number of source rows, for `on_progress`; by default, of those read so far.
        on_progress: Told how many rows are done of how many.

    Raises:
        SyncError: If rows could not be written, after all others have been and gone rows have been removed.
        ValueError: If the source's columns or a model do not match the collection.
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
    gone = [str(uuid.UUID(bytes=id)) for id, content_hash in stored.items() if bucket.holds(content_hash)]
    result.removed = store.delete(collection, gone)
    # Maintenance reads the whole collection: after a few new rows it is left to its schedule.
    if not part and (result.embedded or result.reused or result.removed):
        store.maintain(collection)
    if result.failed:
        raise SyncError(collection, result)
    on_progress(result.rows, result.rows)
    return result


def _stored(store: VectorStore, collection: Collection, part: Where) -> dict[bytes, str]:
    """Content hashes of the collection's objects by id."""
    return {
        _key(id): content_hash
        for batch in store.scan(collection, ["id", "content_hash"], part)
        for id, content_hash in zip(batch["id"].to_pylist(), batch["content_hash"].to_pylist(), strict=True)
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
    """The bucket's rows that are not stored as they are, with id and hash; takes from `stored` all with a row."""
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
        yield identified.append_column("content_hash", pa.array(hashes, pa.string())).filter(
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
            f"{collection.name} is made of {', '.join(collection.properties)}, not of {', '.join(names)}: "
            f"give the source these columns."
        )
    schema = pa.schema([(name, kind.arrow) for name, kind in collection.properties.items()])
    return batch.rename_columns(names).select(schema.names).cast(schema)


def _regrouped(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.Table]:
    """The same rows in tables of `size` rows, the last one of fewer."""
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
    """One vector a row of the group, and how many of them the embedder was asked for."""
    hashes = group["content_hash"].to_pylist()
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
    """Vectors in a collection by content hash, for those of the hashes that occur there."""
    known: dict[str, npt.NDArray[np.float32]] = {}
    if not hashes:
        return known
    for batch in store.scan(collection, ["content_hash", "vector"], {"content_hash": sorted(hashes)}):
        vectors = pc.list_flatten(batch["vector"]).to_numpy().reshape(-1, collection.dimensions)
        known.update(zip(batch["content_hash"].to_pylist(), vectors, strict=True))
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
