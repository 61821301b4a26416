"""The check of the classifier's quality, made before a version is registered."""

from collections.abc import Mapping

import dagster as dg

from customer_analytics.resources.parameters import QualityFloor

QUALITY = dg.AssetCheckSpec(
    "quality_is_above_the_floor",
    asset="sentiment_classifier",
    blocking=True,
    description="Accuracy and AUC on unseen texts reach the floor. Checked before a version is registered.",
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
    """A warning that there is no classifier; the run continues."""
    return dg.AssetCheckResult(
        passed=False, check_name=QUALITY.name, severity=dg.AssetCheckSeverity.WARN, description=why
    )
