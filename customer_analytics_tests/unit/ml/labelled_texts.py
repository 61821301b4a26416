"""Labelled vectors in which the first dimension leans to the label."""

import numpy as np
import numpy.typing as npt

from customer_analytics.ml.training_set import text_hash
from customer_analytics.ports.vectors.matrix import Vectors

DIMENSIONS = 8


def labelled_texts(rows: int, seed: int = 0) -> tuple[Vectors, npt.NDArray[np.int64], list[str]]:
    """Unit vectors, labels that alternate, and hashes of distinct texts."""
    labels = np.arange(rows) % 2
    vectors = np.random.default_rng(seed).normal(size=(rows, DIMENSIONS)).astype(np.float32)
    vectors[:, 0] += 2 * labels - 1
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, labels, [text_hash(f"text {row}") for row in range(rows)]
