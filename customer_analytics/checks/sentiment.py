"""What must hold of the classifier and of predictions before they are published."""

from collections.abc import Mapping

import dagster as dg
from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.checks.audit import Audit, Inputs, declared, unequal
from customer_analytics.resources.quality_floor import QualityFloor
from customer_analytics.tables import sentiment

QUALITY = dg.AssetCheckSpec(
    "quality_is_above_the_floor",
    asset="sentiment_classifier",
    blocking=True,
    description="Accuracy and AUC on texts not seen reach the configured floor. Checked before a version is kept.",
)


def quality(metrics: Mapping[str, float], floor: QualityFloor) -> dg.AssetCheckResult:
    """Whether a classifier with these metrics may be used."""
    floors = {"accuracy": floor.accuracy, "auc": floor.auc}
    reached = {name: metrics[name] for name in floors}
    return dg.AssetCheckResult(
        passed=all(reached[name] >= least for name, least in floors.items()),
        check_name=QUALITY.name,
        metadata=reached | {f"minimum_{name}": least for name, least in floors.items()},
    )


def no_classifier(why: str) -> dg.AssetCheckResult:
    """That there is no classifier, which is told and stops nothing."""
    return dg.AssetCheckResult(
        passed=False, check_name=QUALITY.name, severity=dg.AssetCheckSeverity.WARN, description=why
    )


def _scored_once(rows: DataFrame, inputs: Inputs) -> DataFrame:
    return unequal(rows.agg(f.count("*").alias("ROWS")), inputs["objects"], ("ROWS", "OBJECTS"))


_ONE_EACH = Audit("every_object_is_scored", "As many predictions as objects in the collection.", _scored_once)

PRED_TWITTER_COMMENTS = (*declared(sentiment.PRED_TWITTER_COMMENTS), _ONE_EACH)

PRED_CUSTOMER_CALLS = (*declared(sentiment.PRED_CUSTOMER_CALLS), _ONE_EACH)
