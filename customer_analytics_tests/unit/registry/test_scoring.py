from collections.abc import Iterator
from dataclasses import replace

import lightgbm
import numpy as np
import pyarrow as pa
import pytest

from customer_analytics.ml.training import fingerprint, train
from customer_analytics.ml.training_set import text_hash
from customer_analytics.ports.registry.base import StoredModel
from customer_analytics.ports.registry.scoring import Scorer
from customer_analytics.ports.vectors.matrix import Vectors
from customer_analytics_tests.unit.ml.labelled_texts import DIMENSIONS, labelled_texts

NEW, _, _ = labelled_texts(50, seed=1)
NEW_HASHES = [text_hash(f"new {row}") for row in range(50)]


@pytest.fixture(scope="module")
def model() -> StoredModel:
    rows = labelled_texts(60)
    return train(*rows).stored("sentiment_classifier", fingerprint(*rows, embedding_model="bge-small"), {})


@pytest.fixture(scope="module")
def scorer(model: StoredModel) -> Scorer:
    return Scorer(model, embedding_model="bge-small", dimensions=DIMENSIONS)


def test_a_new_text_is_scored_by_the_booster(model: StoredModel, scorer: Scorer) -> None:
    sentiment, is_out_of_fold = scorer.score(NEW, NEW_HASHES)
    assert sentiment.tolist() == lightgbm.Booster(model_str=model.booster).predict(NEW).tolist()
    assert not is_out_of_fold.any()
    assert ((sentiment >= 0) & (sentiment <= 1)).all()
    assert (sentiment.dtype, is_out_of_fold.dtype) == (np.float64, np.bool_)


def test_a_training_text_is_scored_by_the_fold_that_did_not_see_it(model: StoredModel, scorer: Scorer) -> None:
    vectors, _, hashes = labelled_texts(60)
    expected = {row["TEXT_HASH"]: row["SENTIMENT"] for row in model.out_of_fold.to_pylist()}
    sentiment, is_out_of_fold = scorer.score(vectors, hashes)
    assert sentiment.tolist() == [expected[text] for text in hashes]
    assert is_out_of_fold.all()
    seen = lightgbm.Booster(model_str=model.booster).predict(vectors)
    assert (sentiment != seen).all()


def test_a_text_scores_the_same_alone_and_among_others_in_any_order(scorer: Scorer) -> None:
    vectors, _, hashes = labelled_texts(60)
    mixed, mixed_hashes = np.vstack([NEW, vectors]), [*NEW_HASHES, *hashes]
    together, flags = scorer.score(mixed, mixed_hashes)
    order = np.random.default_rng(0).permutation(len(mixed))
    shuffled, _ = scorer.score(mixed[order], [mixed_hashes[row] for row in order])
    alone = [scorer.score(mixed[row : row + 1], mixed_hashes[row : row + 1])[0][0] for row in range(len(mixed))]
    assert together.tolist() == alone
    assert together[order].tolist() == shuffled.tolist()
    assert flags.tolist() == [False] * 50 + [True] * 60


def test_no_texts_have_no_scores(scorer: Scorer) -> None:
    sentiment, is_out_of_fold = scorer.score(NEW[:0], [])
    assert sentiment.tolist() == is_out_of_fold.tolist() == []


def test_vectors_of_another_embedding_model_are_refused(model: StoredModel) -> None:
    with pytest.raises(ValueError, match=r"vectors of bge-small with 8 dimensions .* of e5-small with 8;"):
        Scorer(model, embedding_model="e5-small", dimensions=DIMENSIONS)


def test_vectors_of_other_dimensions_are_refused(model: StoredModel, scorer: Scorer) -> None:
    with pytest.raises(ValueError, match=r"of bge-small with 8 dimensions and cannot score .* with 16; train it"):
        Scorer(model, embedding_model="bge-small", dimensions=16)
    with pytest.raises(ValueError, match=r"shape \(50, 7\) do not belong to 50 texts of 8 dimensions"):
        scorer.score(NEW[:, :7], NEW_HASHES)


def test_a_vector_without_a_text_is_refused(scorer: Scorer) -> None:
    with pytest.raises(ValueError, match=r"shape \(50, 8\) do not belong to 49 texts"):
        scorer.score(NEW, NEW_HASHES[:-1])


def test_a_vector_that_is_not_finite_is_refused(scorer: Scorer) -> None:
    broken = NEW.copy()
    broken[3, 0] = np.nan
    with pytest.raises(ValueError, match=f"1 of 50 vectors hold NaN or infinity, the first .* {NEW_HASHES[3]}"):
        scorer.score(broken, NEW_HASHES)


def batch(ids: list[str], hashes: list[str], vectors: Vectors) -> pa.RecordBatch:
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), DIMENSIONS)
    return pa.RecordBatch.from_arrays([pa.array(ids), pa.array(hashes), column], ["id", "text_hash", "vector"])


def test_batches_come_back_one_by_one_with_scores_instead_of_vectors(scorer: Scorer) -> None:
    vectors, _, hashes = labelled_texts(60)
    taken = []

    def batches() -> Iterator[pa.RecordBatch]:
        taken.append("first")
        yield batch(["x", "y"], [NEW_HASHES[0], hashes[1]], np.array([NEW[0], vectors[1]]))
        taken.append("second")
        yield batch(["z"], [NEW_HASHES[2]], NEW[2:3])

    scored = scorer.score_batches(batches())
    first = next(scored)
    assert taken == ["first"]
    (second,) = scored
    expected, _ = scorer.score(np.array([NEW[0], vectors[1], NEW[2]]), [NEW_HASHES[0], hashes[1], NEW_HASHES[2]])
    assert first.to_pylist() == [
        {"id": "x", "text_hash": NEW_HASHES[0], "SENTIMENT": expected[0], "IS_OUT_OF_FOLD": False},
        {"id": "y", "text_hash": hashes[1], "SENTIMENT": expected[1], "IS_OUT_OF_FOLD": True},
    ]
    assert second.to_pylist() == [
        {"id": "z", "text_hash": NEW_HASHES[2], "SENTIMENT": expected[2], "IS_OUT_OF_FOLD": False}
    ]


def test_a_model_without_training_texts_scores_every_text_by_its_booster(model: StoredModel) -> None:
    bare = replace(model, out_of_fold=model.out_of_fold.slice(0, 0))
    scorer = Scorer(bare, embedding_model="bge-small", dimensions=DIMENSIONS)
    assert not scorer.score(NEW, NEW_HASHES)[1].any()
