"""Training of the sentiment classifier: LightGBM on text vectors, evaluated out of fold."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from customer_analytics.ml.evaluation import Evaluation, evaluate_out_of_fold
from customer_analytics.ml.training_set import TrainingSet
from customer_analytics.ports.registry.base import ModelVersion, StoredModel
from customer_analytics.ports.vectors.matrix import Vectors

if TYPE_CHECKING:
    from lightgbm import LGBMClassifier

MODEL = "SENTIMENT_CLASSIFIER"
FOLDS = 5
MINIMUM_LABELS = 30
"""Distinct texts of each label that training needs.

LightGBM splits no node of fewer than 40 texts, which four of five folds hold from 25 texts of each label on. From
30 on, its accuracy on unseen texts equals that of a logistic regression (benchmarks/labels.py).
"""
SEED = 42
ROUNDS = 200
# How these were chosen: docs/decisions/0004-classifier-parameters.md
PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 15,
    "feature_fraction": 0.1,
    "extra_trees": True,
    "max_bin": 63,
    "deterministic": True,
    "force_row_wise": True,
    # Two threads are a third faster on an idle machine, but eight times slower next to a busy process.
    "num_threads": 1,
    "verbosity": -1,
}
BASELINE_INVERSE_REGULARISATION = 10.0
LIBRARIES = ("lightgbm", "scikit-learn", "numpy")


@dataclass(frozen=True)
class Fingerprint:
    """Identifies the inputs of a training; equal inputs give an equal version, which is a Snowflake identifier."""

    version: str
    training_data_hash: str
    embedding_model: str
    dimensions: int
    library_versions: dict[str, str]


@dataclass(frozen=True)
class TrainedClassifier:
    """A booster (LightGBM's text format) fitted to all texts, and its evaluation on unseen texts.

    `out_of_fold` has one row per distinct text, in the order of the hashes: TEXT_HASH, LABEL, SENTIMENT
    (P(positive) from the booster of the fold that did not see the text) and BASELINE (the same from logistic
    regression). The evaluations compare the two columns with the labels; a repeated text counts once.
    """

    booster: str
    out_of_fold: pa.Table
    evaluation: Evaluation
    baseline: Evaluation

    def metrics(self) -> dict[str, float]:
        """The scalar metrics of the classifier, and those of the baseline as `baseline_…`."""
        return self.evaluation.metrics() | self.baseline.metrics("baseline_")

    def stored(self, model_name: str, fingerprint: Fingerprint, tags: dict[str, str]) -> StoredModel:
        """This classifier as a model version for the registry."""
        info = ModelVersion(
            model_name=model_name,
            version=fingerprint.version,
            metrics=self.metrics(),
            tags=tags,
            embedding_model=fingerprint.embedding_model,
            dimensions=fingerprint.dimensions,
            training_data_hash=fingerprint.training_data_hash,
            library_versions=fingerprint.library_versions,
        )
        return StoredModel(info, self.booster, self.out_of_fold)


def fingerprint(
    vectors: Vectors,
    labels: Sequence[int],
    text_hashes: Sequence[str],
    *,
    embedding_model: str,
) -> Fingerprint:
    """Identify the classifier that `train` would return for these arguments; raises the same errors."""
    data = TrainingSet.of(vectors, labels, text_hashes)
    training_data_hash = data.sha256()
    libraries = {name: installed_version(name) for name in LIBRARIES}
    ingredients = {
        "training_data": training_data_hash,
        "parameters": PARAMETERS,
        "rounds": ROUNDS,
        "baseline_inverse_regularisation": BASELINE_INVERSE_REGULARISATION,
        "folds": FOLDS,
        "seed": SEED,
        "embedding_model": embedding_model,
        "libraries": libraries,
    }
    digest = hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()
    return Fingerprint(
        version=f"V_{digest[:12].upper()}",
        training_data_hash=training_data_hash,
        embedding_model=embedding_model,
        dimensions=data.vectors.shape[1],
        library_versions=libraries,
    )


def train(
    vectors: Vectors,
    labels: Sequence[int],
    text_hashes: Sequence[str],
) -> TrainedClassifier:
    """Fit the classifier and evaluate it out of fold; the order of the rows does not matter.

    Args:
        vectors: Shape (n, d), float32.
        labels: n times 0 (negative) or 1 (positive).
        text_hashes: n hashes; rows of the same text share one and are always in the same fold.

    Raises:
        ValueError: A label has fewer than MINIMUM_LABELS distinct texts, a text has two labels, a vector is not
            finite, or the arguments do not belong together.
    """
    data = TrainingSet.of(vectors, labels, text_hashes)
    data.require_labels(MINIMUM_LABELS)
    out_of_fold = _out_of_fold(data)
    evaluation, baseline = evaluate_out_of_fold(out_of_fold)
    return TrainedClassifier(
        booster=_classifier().fit(data.vectors, data.labels).booster_.model_to_string(),
        out_of_fold=out_of_fold,
        evaluation=evaluation,
        baseline=baseline,
    )


def _out_of_fold(data: TrainingSet) -> pa.Table:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    texts, first, groups = np.unique(data.text_hashes, return_index=True, return_inverse=True)
    splits = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED)

    def predicted(model: Any) -> pa.Array:
        """P(positive) of each distinct text, from the fold that did not see it."""
        predictions = cross_val_predict(
            model, data.vectors, data.labels, groups=groups, cv=splits, method="predict_proba"
        )
        return pa.array(predictions[first, 1], pa.float64())

    # The matrices are small: with several threads, BLAS mostly waits, and sums in another order.
    with threadpool_limits(1):
        sentiment = predicted(_classifier())
        baseline = predicted(LogisticRegression(C=BASELINE_INVERSE_REGULARISATION, max_iter=1000))
    return pa.table(
        {
            "TEXT_HASH": pa.array(texts.tolist(), pa.string()),
            "LABEL": data.labels[first],
            "SENTIMENT": sentiment,
            "BASELINE": baseline,
        }
    )


def _classifier() -> "LGBMClassifier":
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_estimators=ROUNDS, **PARAMETERS, seed=SEED)
