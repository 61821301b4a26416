"""Which classifier scores where there are too few labels to train one."""

from customer_analytics.ml.training import MINIMUM_LABELS
from customer_analytics.ml.training_set import Labels, too_few
from customer_analytics.resources.embeddings.base import Embedder
from customer_analytics.resources.registry.base import StoredModel
from customer_analytics.shipped_classifier import shipped_classifier


def are_enough(labels: Labels) -> bool:
    """Whether a classifier can be trained on these labels."""
    return min(labels.counts) >= MINIMUM_LABELS


def without_own(labels: Labels, embedder: Embedder) -> tuple[StoredModel | None, str]:
    """The classifier that comes with the product, or None where it cannot read the vectors; and why it is so."""
    lacking = too_few(labels.counts, MINIMUM_LABELS)
    shipped = shipped_classifier()
    info = shipped.info
    if (info.embedding_model, info.dimensions) == (embedder.model, embedder.dimensions):
        figures = f"accuracy {info.metrics['accuracy']:.3f} and AUC {info.metrics['auc']:.3f} on texts not seen"
        return shipped, f"{lacking} Until then {info.version} scores: it {info.tags['origin']} ({figures})."
    return None, (
        f"{lacking} Until then sentiment is null, because the classifier that comes with the product reads "
        f"vectors of {info.embedding_model} with {info.dimensions} dimensions, not of {embedder.model} with "
        f"{embedder.dimensions}."
    )
