"""How customers felt about what they said."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
from snowflake.snowpark import functions as f

from customer_analytics.assets.declaration import table_asset
from customer_analytics.assets.embeddings import comment_training, customer_call, customer_comment
from customer_analytics.assets.objects import model_registry
from customer_analytics.checks import sentiment as checks
from customer_analytics.checks.audit import Audit, published
from customer_analytics.lineage import declared
from customer_analytics.ml import choice, plots, training
from customer_analytics.ml.collections import COMMENT_TRAINING, CUSTOMER_CALL, CUSTOMER_COMMENT, collection
from customer_analytics.ml.evaluation import evaluate_out_of_fold
from customer_analytics.ml.scoring import without_sentiment
from customer_analytics.ml.training_set import Labels
from customer_analytics.resources.embeddings.base import Embedder
from customer_analytics.resources.quality_floor import QualityFloor
from customer_analytics.resources.registry.base import DamagedModelError, ModelRegistry, ModelVersion, StoredModel
from customer_analytics.resources.scope import LARGEST, Scope
from customer_analytics.resources.vectors.base import VectorStore
from customer_analytics.resources.vectors.collection import Collection, Where
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.retries import RETRIES, at_once
from customer_analytics.shipped_classifier import is_shipped
from customer_analytics.tables import Table
from customer_analytics.tables.sentiment import PRED_CUSTOMER_CALLS, PRED_TWITTER_COMMENTS

_PLOTS = ("calibration", "confusion_matrix")


@dg.asset(
    group_name="sentiment",
    kinds={"lightgbm", "scikitlearn"},
    deps=[comment_training, model_registry],
    metadata=declared.SENTIMENT_CLASSIFIER,
    check_specs=[checks.QUALITY],
    pool="sentiment_classifier",
    retry_policy=RETRIES,
)
@at_once
def sentiment_classifier(
    context: dg.AssetExecutionContext,
    embedder: Embedder,
    vector_store: VectorStore,
    registry: ModelRegistry,
    quality_floor: QualityFloor,
) -> Iterator[Any]:
    """The sentiment classifier: LightGBM on the training texts' vectors; a new version when anything changed.

    With too few labels it is the one that comes with the product, if that can read the vectors, or else none.
    """
    labels = _labels(collection(COMMENT_TRAINING, embedder), vector_store)
    known = _known(context, registry)
    if labels.contradicting:
        context.log.warning(f"texts left out because they are labelled both 0 and 1: {labels.contradicting:,}")
    why = ""
    if choice.are_enough(labels):
        model: StoredModel | None = _own(context, labels, embedder.model, known)
    else:
        model, why = choice.without_own(labels, embedder)
        context.log.warning(why)
    metadata = _counted(labels) | {"why": why, **declared.SENTIMENT_CLASSIFIER}
    if model is None:
        registry.withdraw(training.MODEL)
        yield checks.no_classifier(why)
        yield dg.MaterializeResult(metadata=metadata | {"version": "none"})
        return
    info = model.info
    accuracy, auc = info.metrics["accuracy"], info.metrics["auc"]
    quality = checks.quality(info.metrics, quality_floor)
    yield quality
    if not quality.passed:
        raise dg.Failure(
            f"{info.version} is not used: accuracy {accuracy:.3f} and AUC {auc:.3f} on texts not seen have to be "
            f"at least {quality_floor.accuracy} and {quality_floor.auc}. "
            f"{'Label texts of your own' if why else 'Look at the labels'}, or lower "
            "CUSTOMER_ANALYTICS_MINIMUM_ACCURACY or CUSTOMER_ANALYTICS_MINIMUM_AUC.",
            allow_retries=False,
        )
    if known and known.info.version == info.version:
        context.log.info(f"nothing has changed since {info.version}")
    else:
        registry.log(model)
        of = "of the sample data" if is_shipped(info.version) else "that it has not seen"
        context.log.info(f"{info.version}: accuracy {accuracy:.3f}, AUC {auc:.3f} on texts {of}")
    pictures = _drawn_before(context, info) or _drawn(model)
    yield dg.MaterializeResult(metadata=metadata | _metadata(info) | pictures)


@table_asset(
    "sentiment",
    kinds={"lightgbm", "warehouse"},
    write_mode="merge",
    part_by="CUSTOMER_ID",
    deps=[customer_comment, sentiment_classifier],
    audits=checks.PRED_TWITTER_COMMENTS,
    lineage=declared.predictions(PRED_TWITTER_COMMENTS, "customer_comment"),
)
def pred_twitter_comments(
    warehouse: Warehouse, embedder: Embedder, vector_store: VectorStore, registry: ModelRegistry, scope: Scope
) -> Iterator[Any]:
    """Comments scored by the registry's default version, training texts by the fold that did not see them."""
    source = collection(CUSTOMER_COMMENT, embedder)
    part = scope.resolved(warehouse).where("CUSTOMER_ID")
    yield from _predictions(
        PRED_TWITTER_COMMENTS, checks.PRED_TWITTER_COMMENTS, source, part, warehouse, vector_store, registry
    )


@table_asset(
    "sentiment",
    kinds={"lightgbm", "warehouse"},
    write_mode="merge",
    part_by="RELATIVE_PATH",
    deps=[customer_call, sentiment_classifier],
    audits=checks.PRED_CUSTOMER_CALLS,
    lineage=declared.predictions(PRED_CUSTOMER_CALLS, "customer_call"),
)
def pred_customer_calls(
    warehouse: Warehouse, embedder: Embedder, vector_store: VectorStore, registry: ModelRegistry, scope: Scope
) -> Iterator[Any]:
    """Transcribed calls scored by the registry's default version."""
    source = collection(CUSTOMER_CALL, embedder)
    part = scope.resolved(warehouse).where("RELATIVE_PATH")
    yield from _predictions(
        PRED_CUSTOMER_CALLS, checks.PRED_CUSTOMER_CALLS, source, part, warehouse, vector_store, registry
    )


def _labels(source: Collection, vector_store: VectorStore) -> Labels:
    """The judged texts of the collection."""
    columns = ["vector", "label", "content_hash"]
    batches = list(vector_store.scan(source, columns))
    schema = pa.schema([source.arrow_schema.field(column) for column in columns])
    return Labels.of(pa.Table.from_batches(batches) if batches else schema.empty_table())


def _own(
    context: dg.AssetExecutionContext, labels: Labels, embedding_model: str, known: StoredModel | None
) -> StoredModel:
    """The classifier of these labels: the known one if it is that, or else it is trained."""
    fingerprint = training.fingerprint(*labels.examples, embedding_model=embedding_model)
    if known and known.info.version == fingerprint.version:
        return known
    origin = f"is trained on {sum(labels.counts):,} labels of comment_training"
    tags = {"run_id": context.run_id, "origin": origin}
    return training.train(*labels.examples).stored(training.MODEL, fingerprint, tags)


def _known(context: dg.AssetExecutionContext, registry: ModelRegistry) -> StoredModel | None:
    """The default version, unless there is none or its files are damaged, which asks for training again."""
    try:
        return registry.load(training.MODEL)
    except LookupError:
        return None
    except DamagedModelError as error:
        context.log.warning(str(error))
        return None


def _predictions(
    target: Table,
    audits: Sequence[Audit],
    source: Collection,
    part: Where,
    warehouse: Warehouse,
    vector_store: VectorStore,
    registry: ModelRegistry,
) -> Iterator[Any]:
    """Publish one prediction of the default version for each object of a part of the collection.

    Without a default version the sentiment is null. Predictions that are there stay: an object's id is derived
    from all its columns, so equal ids mean equal rows.
    """
    warehouse.ensure_table(target)
    default = registry.default(training.MODEL)
    made_by = f.col("MODEL_VERSION")
    present = warehouse.table(target.name).filter(made_by == default.version if default else made_by.is_null())
    for column, values in part.items():
        present = present.filter(f.col(column.upper()).in_(list(values)))
    known = set(present.select("VECTOR_ID").to_arrow()["VECTOR_ID"].to_pylist())
    objects = {id for batch in vector_store.scan(source, ["id"], part) for id in batch["id"].to_pylist()}
    gone = known - objects
    if len(gone) > LARGEST:
        present, known = present.filter(f.lit(False)), set()
    elif gone:
        present = present.filter(~f.col("VECTOR_ID").in_(sorted(gone)))
    rows = present
    if new := objects - known:
        unscored = _of_ids(vector_store, source, part, new)
        if default:
            scored = registry.score(registry.load(training.MODEL), source, unscored, target)
        else:
            scored = warehouse.session().table(warehouse.stage(target, without_sentiment(unscored, target)))
        # Written, or else a registry that scores in the warehouse would do so each time that the rows are read.
        rows = warehouse.write_scratch(target, present.union_all(scored.select(target.column_names)))
    count = warehouse.session().create_dataframe([[len(objects)]], schema=["OBJECTS"])
    yield from published(target, rows, warehouse, audits, objects=count)


def _of_ids(store: VectorStore, source: Collection, part: Where, ids: set[str]) -> Iterator[pa.RecordBatch]:
    """The objects of these ids, which are all in this part of the collection."""
    if len(ids) <= LARGEST:
        yield from store.scan(source, where={"id": sorted(ids)})
        return
    wanted = pa.array(sorted(ids))
    for batch in store.scan(source, where=part):
        yield batch.filter(pc.is_in(batch["id"], wanted))


def _counted(labels: Labels) -> dict[str, Any]:
    negative, positive = labels.counts
    return {
        "texts_labelled_negative": negative,
        "texts_labelled_positive": positive,
        "texts_labelled_both": labels.contradicting,
    }


def _metadata(model: ModelVersion) -> dict[str, Any]:
    return {
        "version": model.version,
        "origin": model.tags.get("origin", ""),
        "embedding_model": model.embedding_model,
        "training_data_hash": model.training_data_hash,
        **model.metrics,
    }


def _drawn_before(context: dg.AssetExecutionContext, model: ModelVersion) -> dict[str, dg.MetadataValue[Any]]:
    """The plots of the latest materialization, if it was of this version: drawing takes longer than looking."""
    event = context.instance.get_latest_materialization_event(context.asset_key)
    written = event.asset_materialization.metadata if event and event.asset_materialization else {}
    if "version" not in written or written["version"].value != model.version:
        return {}
    return {name: written[name] for name in _PLOTS if name in written}


def _drawn(model: StoredModel) -> dict[str, dg.MetadataValue[Any]]:
    classifier, baseline = evaluate_out_of_fold(model.out_of_fold)
    pictures = plots.calibration_plot(classifier, baseline), plots.confusion_matrix_plot(classifier)
    return {
        name: dg.MetadataValue.md(plots.markdown_image(png, name))
        for name, png in zip(_PLOTS, pictures, strict=True)
    }
