"""Vectors of many texts as one matrix."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Vectors = npt.NDArray[np.float32]


def as_matrix(column: pa.Array | pa.ChunkedArray) -> Vectors:
    """A column of fixed-size float32 lists as a matrix of shape (rows, dimensions).

    Raises:
        ValueError: A vector is missing.
    """
    if column.null_count:
        raise ValueError(f"{column.null_count} of {len(column)} vectors are missing; embed their texts again.")
    lists = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values = lists.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values, np.float32).reshape(len(lists), lists.type.list_size)


def require_finite(vectors: Vectors, text_hashes: Sequence[str]) -> None:
    """Raise ValueError if a vector holds NaN or infinity."""
    broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(broken):
        raise ValueError(
            f"{len(broken)} of {len(vectors)} vectors hold NaN or infinity, the first that of the text with hash "
            f"{text_hashes[broken[0]]}; embed these texts again."
        )
