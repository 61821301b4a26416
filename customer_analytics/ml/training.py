"""The sentiment classifier: LightGBM on text vectors, with a prediction for each training text it has not seen."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from customer_analytics.ml.evaluation import Evaluation, evaluate_out_of_fold
from customer_analytics.ml.training_set import TrainingSet, Vectors
from customer_analytics.resources.registry.base import ModelVersion, StoredModel

MODEL = "SENTIMENT_CLASSIFIER"
FOLDS = 5
MINIMUM_LABELS = 30
"""Distinct texts of each label without which nothing is trained.

LightGBM divides no group of fewer than 40 texts, which four of five folds have from 25 texts of each label on.
From 30 on its accuracy on unseen texts is that of a logistic regression (benchmarks/labels.py).
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
    # Two threads gain a third on an idle machine, and take eight times as long where another process is busy.
    "num_threads": 1,
    "verbosity": -1,
}
BASELINE_INVERSE_REGULARISATION = 10.0
LIBRARIES = ("lightgbm", "scikit-learn", "numpy")

Split = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]


@dataclass(frozen=True)
class Fingerprint:
    """What a classifier is made of; equal inputs give an equal version, which is a Snowflake identifier."""

    version: str
    training_data_hash: str
    embedding_model: str
    dimensions: int
    library_versions: dict[str, str]


@dataclass(frozen=True)
class TrainedClassifier:
    """A booster (LightGBM's text format) fitted to all texts, and how well its kind does on texts not seen.

    `out_of_fold` has one row a distinct text, in the order of the hashes: TEXT_HASH, LABEL, SENTIMENT (P(positive)
    from the booster of the fold that did not see the text) and BASELINE (the same from logistic regression). The
    evaluations are those of the two columns; a text counts once, however often it occurs.
    """

    booster: str
    out_of_fold: pa.Table
    evaluation: Evaluation
    baseline: Evaluation

    def metrics(self) -> dict[str, float]:
        """The single figures of the classifier, and those of the baseline as `baseline_…`."""
        return self.evaluation.metrics() | self.baseline.metrics("baseline_")

    def stored(self, model_name: str, fingerprint: Fingerprint, tags: dict[str, str]) -> StoredModel:
        """This classifier as the version of a model that a registry keeps."""
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
    folds: int = FOLDS,
    seed: int = SEED,
) -> Fingerprint:
    """Identify what `train` would make of these arguments, without training; errors as there."""
    data = TrainingSet.of(vectors, labels, text_hashes)
    training_data_hash = data.sha256()
    libraries = {name: installed_version(name) for name in LIBRARIES}
    ingredients = {
        "training_data": training_data_hash,
        "parameters": PARAMETERS,
        "rounds": ROUNDS,
        "baseline_inverse_regularisation": BASELINE_INVERSE_REGULARISATION,
        "folds": folds,
        "seed": seed,
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
    *,
    folds: int = FOLDS,
    seed: int = SEED,
) -> TrainedClassifier:
    """Fit the classifier and evaluate it out of fold; the order of the rows does not matter.

    Args:
        vectors: Shape (n, d), float32.
        labels: n times 0 (negative) or 1 (positive).
        text_hashes: n hashes; rows of the same text share one and are always in the same fold.
        folds: Number of folds.
        seed: Seed of the folds and of LightGBM.

    Raises:
        ValueError: A label has fewer than MINIMUM_LABELS distinct texts, a text has two labels, a vector is not
            finite, or the arguments do not belong together.
    """
    data = TrainingSet.of(vectors, labels, text_hashes)
    data.require_labels(MINIMUM_LABELS)
    out_of_fold = _out_of_fold(data, folds, seed)
    evaluation, baseline = evaluate_out_of_fold(out_of_fold)
    return TrainedClassifier(
        booster=_booster(data.vectors, data.labels, seed).model_to_string(),
        out_of_fold=out_of_fold,
        evaluation=evaluation,
        baseline=baseline,
    )


def _out_of_fold(data: TrainingSet, folds: int, seed: int) -> pa.Table:
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    sentiment, baseline = np.empty(len(data.labels)), np.empty(len(data.labels))
    # The matrices are small: on several threads the BLAS library mostly waits, and sums in another order.
    with threadpool_limits(1):
        for seen, unseen in _splits(data, folds, seed):
            booster = _booster(data.vectors[seen], data.labels[seen], seed)
            sentiment[unseen] = booster.predict(data.vectors[unseen], num_threads=1)
            baseline[unseen] = _baseline(data.vectors[seen], data.labels[seen], data.vectors[unseen])
    texts, first = np.unique(data.text_hashes, return_index=True)
    return pa.table(
        {
            "TEXT_HASH": pa.array(texts.tolist(), pa.string()),
            "LABEL": data.labels[first],
            "SENTIMENT": sentiment[first],
            "BASELINE": baseline[first],
        }
    )


def _splits(data: TrainingSet, folds: int, seed: int) -> Iterator[Split]:
    from sklearn.model_selection import StratifiedGroupKFold

    groups = np.unique(data.text_hashes, return_inverse=True)[1]
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    yield from splitter.split(data.vectors, data.labels, groups)


def _booster(vectors: Vectors, labels: npt.NDArray[np.int64], seed: int) -> Any:
    import lightgbm

    parameters = {**PARAMETERS, "seed": seed}
    return lightgbm.train(parameters, lightgbm.Dataset(vectors, labels, params=parameters), ROUNDS)


def _baseline(seen: Vectors, labels: npt.NDArray[np.int64], unseen: Vectors) -> npt.NDArray[np.float64]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=BASELINE_INVERSE_REGULARISATION, max_iter=1000).fit(seen, labels)
    positive: npt.NDArray[np.float64] = model.predict_proba(unseen)[:, 1]
    return positive
