"""Plots of an evaluation, as PNG files in memory."""

import base64
import io
from typing import TYPE_CHECKING

import numpy as np

from customer_analytics.ml.evaluation import Evaluation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Blue and orange of Okabe and Ito's palette, which is safe for colour-blind readers.
_MODEL, _BASELINE, _REFERENCE = "#0072B2", "#D55E00", "#666666"
_SIZE, _DPI = (5.0, 4.6), 110
_LABELS = ("negative", "positive")


def calibration_plot(model: Evaluation, baseline: Evaluation) -> bytes:
    """Share of positive texts by predicted probability; a calibrated model follows the diagonal.

    The area of a point is proportional to its share of the rows.
    """
    figure = _figure()
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=_REFERENCE, linestyle="--", linewidth=1, label="perfectly calibrated")
    curves = [("LightGBM", model, _MODEL, "o"), ("logistic regression", baseline, _BASELINE, "s")]
    for name, evaluation, colour, marker in curves:
        x = [bin.mean_probability for bin in evaluation.calibration]
        y = [bin.positive_share for bin in evaluation.calibration]
        rows = np.array([bin.rows for bin in evaluation.calibration])
        label = f"{name} (calibration error {evaluation.expected_calibration_error:.3f})"
        axes.plot(x, y, color=colour, marker=marker, markersize=4, linewidth=1.5, label=label)
        axes.scatter(x, y, s=600 * rows / rows.sum(), color=colour, marker=marker, alpha=0.35)
    axes.set(
        title="Calibration on texts not seen in training",
        xlabel="predicted probability of positive",
        ylabel="share that is positive",
        xlim=(-0.03, 1.03),
        ylim=(-0.03, 1.03),
    )
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", fontsize=8)
    return _png(figure)


def confusion_matrix_plot(evaluation: Evaluation) -> bytes:
    """Number of rows by label and prediction, with their share of the label."""
    figure = _figure()
    axes = figure.subplots()
    counts = np.array(evaluation.confusion_matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(counts.shape):
        axes.text(
            column,
            row,
            f"{counts[row, column]:,}\n{shares[row, column]:.1%}",
            ha="center",
            va="center",
            fontsize=14,
            color="white" if shares[row, column] > 0.5 else "black",
        )
    axes.set(title=f"Accuracy {evaluation.accuracy:.1%}", xlabel="predicted", ylabel="labelled")
    axes.set_xticks((0, 1), _LABELS)
    axes.set_yticks((0, 1), _LABELS, rotation=90, va="center")
    return _png(figure)


def markdown_image(png: bytes, description: str) -> str:
    """The image as Markdown, inlined as a data URI."""
    return f"![{description}](data:image/png;base64,{base64.b64encode(png).decode('ascii')})"


def _figure() -> "Figure":
    # pyplot would keep every figure in a global list and choose a backend.
    from matplotlib.figure import Figure

    return Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")


def _png(figure: "Figure") -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
