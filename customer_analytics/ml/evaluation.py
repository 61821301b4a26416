"""Evaluation of predicted probabilities on texts that the model has not seen."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

BINS = 10


@dataclass(frozen=True)
class CalibrationBin:
    """The rows whose predicted probability falls into one of ten equal intervals."""

    rows: int
    mean_probability: float
    positive_share: float


@dataclass(frozen=True)
class Evaluation:
    """Metrics over all rows; a row is predicted positive from a probability of 0.5.

    `confusion_matrix` counts rows by label (outer) and prediction (inner), negative first. `calibration` holds the
    non-empty bins in ascending order; `expected_calibration_error` is the mean distance between predicted
    probability and positive share of a bin, weighted by rows (Naeini et al. 2015).
    """

    accuracy: float
    auc: float
    log_loss: float
    brier: float
    expected_calibration_error: float
    confusion_matrix: tuple[tuple[int, int], tuple[int, int]]
    calibration: tuple[CalibrationBin, ...]

    def metrics(self, prefix: str = "") -> dict[str, float]:
        """The scalar metrics by name."""
        names = ("accuracy", "auc", "log_loss", "brier", "expected_calibration_error")
        return {prefix + name: float(getattr(self, name)) for name in names}


def evaluate(labels: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float64]) -> Evaluation:
    """Compare probabilities of the positive label with the labels (0 or 1, both present), row by row."""
    from sklearn.metrics import brier_score_loss, confusion_matrix, log_loss, roc_auc_score

    predicted = (probabilities >= 0.5).astype(np.int64)
    (tn, fp), (fn, tp) = confusion_matrix(labels, predicted, labels=[0, 1]).tolist()
    bins = _calibration(labels, probabilities)
    return Evaluation(
        accuracy=float((predicted == labels).mean()),
        auc=float(roc_auc_score(labels, probabilities)),
        log_loss=float(log_loss(labels, probabilities)),
        brier=float(brier_score_loss(labels, probabilities)),
        expected_calibration_error=sum(
            bin.rows / len(labels) * abs(bin.mean_probability - bin.positive_share) for bin in bins
        ),
        confusion_matrix=((tn, fp), (fn, tp)),
        calibration=bins,
    )


def evaluate_out_of_fold(out_of_fold: pa.Table) -> tuple[Evaluation, Evaluation]:
    """Evaluate a classifier and its baseline from the columns LABEL, SENTIMENT and BASELINE."""
    labels = out_of_fold["LABEL"].to_numpy()
    classifier, baseline = (out_of_fold[column].to_numpy() for column in ("SENTIMENT", "BASELINE"))
    return evaluate(labels, classifier), evaluate(labels, baseline)


def _calibration(
    labels: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float64]
) -> tuple[CalibrationBin, ...]:
    bin_of_row = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
    members = [bin_of_row == number for number in range(BINS)]
    return tuple(
        CalibrationBin(int(rows.sum()), float(probabilities[rows].mean()), float(labels[rows].mean()))
        for rows in members
        if rows.any()
    )
