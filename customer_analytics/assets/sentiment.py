"""The sentiment of what customers said."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from customer_analytics.assets.embeddings import comment_training, customer_call, customer_comment
from customer_analytics.assets.objects import model_registry
from customer_analytics.assets.table_assets import table_asset
from customer_analytics.checks import sentiment as checks
from customer_analytics.checks.audit_checks import audit
from customer_analytics.ml import plots, training
from customer_analytics.ml.classifier import choose, default_version, labels_of, predict
from customer_analytics.ml.collections import COMMENT_TRAINING, CUSTOMER_CALL, CUSTOMER_COMMENT, collection
from customer_analytics.ml.evaluation import evaluate_out_of_fold
from customer_analytics.ports.embeddings.base import Embedder
from customer_analytics.ports.registry.base import ModelRegistry, ModelVersion, StoredModel
from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.collection import Collection, Where
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.resources import lineage
from customer_analytics.resources.parameters import QualityFloor
from customer_analytics.resources.retries import RETRIES, fail_fast
from customer_analytics.scope import Scope
from customer_analytics.shipped_classifier import is_shipped
from customer_analytics.tables import Table
from customer_analytics.tables.sentiment import PRED_CUSTOMER_CALLS, PRED_TWITTER_COMMENTS

_PLOTS = ("calibration", "confusion_matrix")


@dg.asset(
    group_name="sentiment",
    kinds={"lightgbm", "scikitlearn"},
    deps=[comment_training, model_registry],
    metadata=lineage.SENTIMENT_CLASSIFIER,
    check_specs=[checks.QUALITY],
    pool="sentiment_classifier",
    retry_policy=RETRIES,
)
@fail_fast
def sentiment_classifier(
    context: dg.AssetExecutionContext,
    embedder: dg.ResourceParam[Embedder],
    vector_store: dg.ResourceParam[VectorStore],
    registry: dg.ResourceParam[ModelRegistry],
    quality_floor: QualityFloor,
) -> Iterator[Any]:
    """The sentiment classifier: LightGBM on the training texts' vectors; a new version when anything changed.

    With too few labels, it is the classifier that the product ships, or none if that cannot read the vectors.
    """
    labels = labels_of(collection(COMMENT_TRAINING, embedder), vector_store)
    if labels.contradicting:
        context.log.warning(f"{labels.contradicting:,} texts are labelled both 0 and 1 and were left out")
    default = default_version(registry, context.log)
    model, why = choose(labels, embedder, default, context.run_id)
    if why:
        context.log.warning(why)
    metadata = {
        **dict(zip(("texts_labelled_negative", "texts_labelled_positive"), labels.counts, strict=True)),
        "texts_labelled_both": labels.contradicting,
        "why": why,
        **lineage.SENTIMENT_CLASSIFIER,
    }
    if model is None:
        registry.withdraw(training.MODEL)
        yield checks.no_classifier(why)
        yield dg.MaterializeResult(metadata=metadata | {"version": "none"}, data_version=dg.DataVersion("none"))
        return
    advice = "Label texts of your own" if why else "Look at the labels"
    yield from _require_quality(model.info, quality_floor, advice)
    if default and default.info.version == model.info.version:
        context.log.info(f"nothing has changed since {model.info.version}")
    else:
        registry.log(model)
        texts = "texts of the sample data" if is_shipped(model.info.version) else "unseen texts"
        context.log.info(f"{model.info.version}: {_reached(model.info)} on {texts}")
    pictures = _previous_plots(context, model.info) or _plots(model)
    version = dg.DataVersion(model.info.version)
    yield dg.MaterializeResult(metadata=metadata | _metadata(model.info) | pictures, data_version=version)


@table_asset(
    "sentiment",
    kinds={"lightgbm", "warehouse"},
    write_mode="merge",
    part_by="CUSTOMER_ID",
    deps=[customer_comment, sentiment_classifier],
    lineage=lineage.predictions(PRED_TWITTER_COMMENTS, "customer_comment"),
)
def pred_twitter_comments(
    warehouse: dg.ResourceParam[Warehouse],
    embedder: dg.ResourceParam[Embedder],
    vector_store: dg.ResourceParam[VectorStore],
    registry: dg.ResourceParam[ModelRegistry],
    scope: dg.ResourceParam[Scope],
) -> Iterator[Any]:
    """Comments scored by the registry's default version, training texts by the fold that did not see them."""
    source, part = collection(CUSTOMER_COMMENT, embedder), scope.resolved(warehouse).where("CUSTOMER_ID")
    yield from _predictions(PRED_TWITTER_COMMENTS, source, part, warehouse, vector_store, registry)


@table_asset(
    "sentiment",
    kinds={"lightgbm", "warehouse"},
    write_mode="merge",
    part_by="RELATIVE_PATH",
    deps=[customer_call, sentiment_classifier],
    lineage=lineage.predictions(PRED_CUSTOMER_CALLS, "customer_call"),
)
def pred_customer_calls(
    warehouse: dg.ResourceParam[Warehouse],
    embedder: dg.ResourceParam[Embedder],
    vector_store: dg.ResourceParam[VectorStore],
    registry: dg.ResourceParam[ModelRegistry],
    scope: dg.ResourceParam[Scope],
) -> Iterator[Any]:
    """Transcribed calls scored by the registry's default version."""
    source, part = collection(CUSTOMER_CALL, embedder), scope.resolved(warehouse).where("RELATIVE_PATH")
    yield from _predictions(PRED_CUSTOMER_CALLS, source, part, warehouse, vector_store, registry)


def _predictions(
    target: Table,
    source: Collection,
    part: Where,
    warehouse: Warehouse,
    store: VectorStore,
    registry: ModelRegistry,
) -> Iterator[Any]:
    """The rows of a prediction table for a part of a collection."""
    rows, objects = predict(target, source, part, warehouse, store, registry)
    counted = warehouse.session().create_dataframe([[objects]], schema=["OBJECTS"])
    yield from audit(target, rows, warehouse, objects=counted)
    yield dg.Output(rows)


def _require_quality(model: ModelVersion, floor: QualityFloor, advice: str) -> Iterator[dg.AssetCheckResult]:
    quality = checks.quality(model.metrics, floor)
    yield quality
    if not quality.passed:
        raise dg.Failure(
            f"{model.version} is not used: {_reached(model)} on unseen texts have to be at least "
            f"{floor.accuracy} and {floor.auc}. "
            f"{advice}, or lower CUSTOMER_ANALYTICS_MINIMUM_ACCURACY or CUSTOMER_ANALYTICS_MINIMUM_AUC.",
            allow_retries=False,
        )


def _reached(model: ModelVersion) -> str:
    return f"accuracy {model.metrics['accuracy']:.3f} and AUC {model.metrics['auc']:.3f}"


def _metadata(model: ModelVersion) -> dict[str, Any]:
    return {
        "version": model.version,
        "origin": model.tags.get("origin", ""),
        "embedding_model": model.embedding_model,
        "training_data_hash": model.training_data_hash,
        **model.metrics,
    }


def _previous_plots(context: dg.AssetExecutionContext, model: ModelVersion) -> dict[str, dg.MetadataValue[Any]]:
    """The plots of the latest materialization, if it was of this version: drawing them takes longer."""
    event = context.instance.get_latest_materialization_event(context.asset_key)
    written = event.asset_materialization.metadata if event and event.asset_materialization else {}
    if "version" not in written or written["version"].value != model.version:
        return {}
    return {name: written[name] for name in _PLOTS if name in written}


def _plots(model: StoredModel) -> dict[str, dg.MetadataValue[Any]]:
    classifier, baseline = evaluate_out_of_fold(model.out_of_fold)
    pictures = plots.calibration_plot(classifier, baseline), plots.confusion_matrix_plot(classifier)
    return {
        name: dg.MetadataValue.md(plots.markdown_image(png, name))
        for name, png in zip(_PLOTS, pictures, strict=True)
    }
