"""The sentiment classifier that scores, and its predictions.

The classifier is trained on the source's labels. With too few of them, the one that the product ships scores.
"""

import logging
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.ml import training
from customer_analytics.ml.collection_sync import in_part
from customer_analytics.ml.training_set import Labels, too_few
from customer_analytics.ports.embeddings.base import Embedder
from customer_analytics.ports.registry.base import DamagedModelError, ModelRegistry, StoredModel
from customer_analytics.ports.registry.scoring import without_sentiment
from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.collection import Collection, Where
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.shipped_classifier import shipped_classifier
from customer_analytics.tables import Table

_MOST_IDS = 1_000
"""Ids in a condition; with more of them, reading all rows costs no more."""


def labels_of(source: Collection, store: VectorStore) -> Labels:
    """The labelled texts of a collection."""
    columns = ["vector", "label", "text_hash"]
    batches = list(store.scan(source, columns))
    schema = pa.schema([source.arrow_schema.field(column) for column in columns])
    return Labels.of(pa.Table.from_batches(batches) if batches else schema.empty_table())


def default_version(registry: ModelRegistry, log: logging.Logger) -> StoredModel | None:
    """The registry's default version; None if there is none, or if its files are damaged."""
    try:
        return registry.load(training.MODEL)
    except LookupError:
        return None
    except DamagedModelError as error:
        log.warning(str(error))
        return None


def choose(
    labels: Labels, embedder: Embedder, default: StoredModel | None, run_id: str
) -> tuple[StoredModel | None, str]:
    """The classifier to use, and why it is not one of these labels; None if none can read the vectors.

    With enough labels it is trained on them, unless the default version already is.
    """
    if not are_enough(labels):
        return without_own(labels, embedder)
    fingerprint = training.fingerprint(*labels.examples, embedding_model=embedder.model)
    if default and default.info.version == fingerprint.version:
        return default, ""
    origin = f"is trained on {sum(labels.counts):,} labels of comment_training"
    tags = {"run_id": run_id, "origin": origin}
    return training.train(*labels.examples).stored(training.MODEL, fingerprint, tags), ""


def are_enough(labels: Labels) -> bool:
    """Whether a classifier can be trained on these labels."""
    return min(labels.counts) >= training.MINIMUM_LABELS


def without_own(labels: Labels, embedder: Embedder) -> tuple[StoredModel | None, str]:
    """The shipped classifier, or None if it cannot read the vectors; and why it is used or not."""
    lacking = too_few(labels.counts, training.MINIMUM_LABELS)
    shipped = shipped_classifier()
    info = shipped.info
    if (info.embedding_model, info.dimensions) == (embedder.model, embedder.dimensions):
        figures = f"accuracy {info.metrics['accuracy']:.3f} and AUC {info.metrics['auc']:.3f} on unseen texts"
        return shipped, f"{lacking} Until then {info.version} scores: it {info.tags['origin']} ({figures})."
    return None, (
        f"{lacking} Until then sentiment is null, because the shipped classifier reads "
        f"vectors of {info.embedding_model} with {info.dimensions} dimensions, not of {embedder.model} with "
        f"{embedder.dimensions}."
    )


def predict(
    target: Table,
    source: Collection,
    part: Where,
    warehouse: Warehouse,
    store: VectorStore,
    registry: ModelRegistry,
) -> tuple[DataFrame, int]:
    """The rows of a prediction table for a part of a collection, and how many objects the part has.

    Objects that the default version has scored before keep their rows: an id is derived from all columns, so equal
    ids mean equal rows. Without a default version, the sentiment is null.
    """
    warehouse.writes.ensure_table(target)
    default = registry.default(training.MODEL)
    made_by = f.col("MODEL_VERSION")
    present = warehouse.table(target.name).filter(made_by == default.version if default else made_by.is_null())
    present = in_part(present, part)
    known = set(present.select("VECTOR_ID").to_arrow()["VECTOR_ID"].to_pylist())
    objects = {id for batch in store.scan(source, ["id"], part) for id in batch["id"].to_pylist()}
    deleted = known - objects
    if len(deleted) > _MOST_IDS:
        present, known = present.filter(f.lit(False)), set()
    elif deleted:
        present = present.filter(~f.col("VECTOR_ID").in_(sorted(deleted)))
    new = objects - known
    if not new:
        return present, len(objects)
    unscored = _objects(store, source, part, new)
    if default:
        scored = registry.score(registry.load(training.MODEL), source, unscored, target)
    else:
        scored = warehouse.session().table(warehouse.scratch.stage(target, without_sentiment(unscored, target)))
    # A scratch table, because a registry that scores in the warehouse would score at each read of the rows.
    rows = warehouse.scratch.write(target, present.union_all(scored.select(target.column_names)))
    return rows, len(objects)


def _objects(store: VectorStore, source: Collection, part: Where, ids: set[str]) -> Iterator[pa.RecordBatch]:
    """The objects with these ids, all of which are in the part."""
    if len(ids) <= _MOST_IDS:
        yield from store.scan(source, where={"id": sorted(ids)})
        return
    wanted = pa.array(sorted(ids))
    for batch in store.scan(source, where=part):
        yield batch.filter(pc.is_in(batch["id"], wanted))
