import numpy as np
import pyarrow as pa
import pytest

from customer_analytics.ml.training_set import Labels, TrainingSet, text_hash
from customer_analytics.ports.vectors.matrix import as_matrix

VECTORS = pa.FixedSizeListArray.from_arrays(pa.array([1, 2, 3, 4, 5, 6], pa.float32()), 2)


def test_a_text_hash_is_the_sha_256_of_its_utf_8() -> None:
    assert text_hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert text_hash("é") == "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c"


def test_a_column_of_vectors_becomes_a_matrix() -> None:
    assert as_matrix(VECTORS).tolist() == [[1, 2], [3, 4], [5, 6]]
    assert as_matrix(pa.chunked_array([VECTORS[:1], VECTORS[1:]])).tolist() == [[1, 2], [3, 4], [5, 6]]
    assert as_matrix(VECTORS).dtype == np.float32


def test_a_slice_of_a_column_gives_its_own_rows() -> None:
    assert as_matrix(VECTORS[1:2]).tolist() == [[3, 4]]


def test_no_vectors_keep_their_dimensions() -> None:
    assert as_matrix(VECTORS[:0]).shape == (0, 2)


def test_a_missing_vector_is_refused() -> None:
    column = pa.array([[1.0, 2.0], None], pa.list_(pa.float32(), 2))
    with pytest.raises(ValueError, match="1 of 2 vectors are missing"):
        as_matrix(column)


def test_rows_are_in_the_order_of_their_hashes() -> None:
    data = TrainingSet.of(np.array([[3], [1], [2]], np.float32), [1, 0, 1], ["c", "a", "b"])
    assert data.text_hashes.tolist() == ["a", "b", "c"]
    assert data.vectors.tolist() == [[1], [2], [3]]
    assert data.labels.tolist() == [0, 1, 1]


def judged(*texts: tuple[str, int]) -> pa.Table:
    hashes, labels = zip(*texts, strict=True) if texts else ((), ())
    vectors = pa.FixedSizeListArray.from_arrays(pa.array([0.5] * 2 * len(texts), pa.float32()), 2)
    return pa.table(
        {"vector": vectors, "label": pa.array(labels, pa.int64()), "text_hash": pa.array(hashes, pa.string())}
    )


def test_a_text_that_was_judged_both_ways_is_left_out_and_counted() -> None:
    labels = Labels.of(judged(("a", 1), ("b", 0), ("a", 0), ("c", 1), ("b", 0), ("a", 1)))
    assert labels.text_hashes == ["b", "c", "b"]
    assert labels.labels == [0, 1, 0]
    assert labels.vectors.shape == (3, 2)
    assert labels.contradicting == 1
    assert labels.counts == (1, 1)  # distinct texts


def test_no_labels_at_all_are_none_of_each() -> None:
    labels = Labels.of(judged())
    assert (labels.counts, labels.contradicting) == ((0, 0), 0)
    assert labels.vectors.shape == (0, 2)
