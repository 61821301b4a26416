import base64
import io
import subprocess
import sys

import numpy as np
import pytest

from customer_analytics.ml.evaluation import Evaluation, evaluate
from customer_analytics.ml.plots import calibration_plot, confusion_matrix_plot, markdown_image

EVALUATION = evaluate(np.array([0, 0, 0, 1, 1]), np.array([0.1, 0.15, 0.6, 0.4, 1.0]))
OTHER = evaluate(np.array([0, 0, 0, 1, 1]), np.array([0.3, 0.15, 0.4, 0.8, 0.9]))


@pytest.mark.parametrize("plot", [lambda e: calibration_plot(e, OTHER), confusion_matrix_plot])
def test_a_plot_is_a_png_that_a_viewer_can_read_and_the_same_each_time(plot: object) -> None:
    from matplotlib.image import imread

    png = plot(EVALUATION)  # type: ignore[operator]
    image = imread(io.BytesIO(png))
    assert min(image.shape[:2]) > 400
    assert len(np.unique(image.reshape(-1, image.shape[2]), axis=0)) > 20
    assert plot(EVALUATION) == png  # type: ignore[operator]


def test_a_plot_shows_its_evaluation() -> None:
    assert calibration_plot(EVALUATION, EVALUATION) != calibration_plot(OTHER, EVALUATION)
    assert calibration_plot(EVALUATION, EVALUATION) != calibration_plot(EVALUATION, OTHER)
    assert confusion_matrix_plot(EVALUATION) != confusion_matrix_plot(OTHER)


def test_plots_leave_no_trace_in_the_process() -> None:
    code = (
        "import sys; from customer_analytics_tests.unit.ml.test_plots import EVALUATION;"
        "from customer_analytics.ml import plots; assert 'matplotlib' not in sys.modules;"
        "plots.calibration_plot(EVALUATION, EVALUATION); plots.confusion_matrix_plot(EVALUATION);"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_image_stands_in_markdown_as_a_data_uri() -> None:
    assert markdown_image(b"png", "Calibration") == "![Calibration](data:image/png;base64,cG5n)"
    png = confusion_matrix_plot(EVALUATION)
    uri = markdown_image(png, "m").removeprefix("![m](data:image/png;base64,").removesuffix(")")
    assert base64.b64decode(uri) == png


def test_a_label_that_never_occurs_among_the_predictions_can_be_plotted() -> None:
    evaluation = Evaluation(0.5, 0.5, 0.7, 0.25, 0.0, ((0, 0), (0, 7)), ())
    assert confusion_matrix_plot(evaluation)
    assert calibration_plot(evaluation, evaluation)
