import numpy as np
import pyarrow as pa
import pytest

from customer_analytics.ml.evaluation import CalibrationBin, evaluate, evaluate_out_of_fold

LABELS = np.array([0, 0, 0, 1, 1])
PROBABILITIES = np.array([0.1, 0.15, 0.6, 0.4, 1.0])


def test_figures_are_those_computed_by_hand() -> None:
    evaluation = evaluate(LABELS, PROBABILITIES)
    assert evaluation.accuracy == pytest.approx(3 / 5)
    assert evaluation.auc == pytest.approx(
        5 / 6
    )  # of six pairs of a negative and a positive, only (0.6, 0.4) is wrong
    assert evaluation.log_loss == pytest.approx(-(np.log(0.9) + np.log(0.85) + np.log(0.4) + np.log(0.4)) / 5)
    assert evaluation.brier == pytest.approx((0.01 + 0.0225 + 0.36 + 0.36) / 5)


def test_confusion_matrix_counts_by_label_then_prediction_negative_first() -> None:
    assert evaluate(LABELS, PROBABILITIES).confusion_matrix == ((2, 1), (1, 1))


def test_a_probability_of_one_half_counts_as_positive() -> None:
    assert evaluate(np.array([0, 1]), np.array([0.4, 0.5])).accuracy == 1


def test_calibration_has_a_bin_per_tenth_that_has_rows_and_puts_one_into_the_last() -> None:
    evaluation = evaluate(LABELS, PROBABILITIES)
    assert evaluation.calibration == (
        CalibrationBin(2, 0.125, 0.0),
        CalibrationBin(1, 0.4, 1.0),
        CalibrationBin(1, 0.6, 0.0),
        CalibrationBin(1, 1.0, 1.0),
    )
    assert evaluation.expected_calibration_error == pytest.approx((2 * 0.125 + 0.6 + 0.6 + 0.0) / 5)


def test_metrics_are_plain_numbers_under_a_prefix() -> None:
    metrics = evaluate(LABELS, PROBABILITIES).metrics("baseline_")
    assert set(metrics) == {
        "baseline_accuracy",
        "baseline_auc",
        "baseline_log_loss",
        "baseline_brier",
        "baseline_expected_calibration_error",
    }
    assert all(type(value) is float for value in metrics.values())


def test_out_of_fold_predictions_give_the_classifier_and_then_the_baseline() -> None:
    out_of_fold = pa.table({"LABEL": LABELS, "SENTIMENT": PROBABILITIES, "BASELINE": 1 - PROBABILITIES})
    expected = evaluate(LABELS, PROBABILITIES), evaluate(LABELS, 1 - PROBABILITIES)
    assert evaluate_out_of_fold(out_of_fold) == expected
