import numpy as np
import pytest

from customer_analytics.ml import training
from customer_analytics.ml.evaluation import evaluate_out_of_fold
from customer_analytics.ml.training import FOLDS, MINIMUM_LABELS, fingerprint, train
from customer_analytics.ml.training_set import text_hash
from customer_analytics_tests.unit.ml.labelled_texts import DIMENSIONS, labelled_texts


def out_of_fold(trained: training.TrainedClassifier) -> dict[str, float]:
    return {row["TEXT_HASH"]: row["SENTIMENT"] for row in trained.out_of_fold.to_pylist()}


def test_the_classifier_learns_what_separates_the_labels() -> None:
    trained = train(*labelled_texts(200))
    assert trained.evaluation.auc > 0.85
    assert trained.baseline.auc > 0.85
    assert sum(map(sum, trained.evaluation.confusion_matrix)) == 200


def test_labels_that_mean_nothing_cannot_be_predicted() -> None:
    """A text that leaked into its own evaluation would be predicted well whatever its label means."""
    vectors, labels, hashes = labelled_texts(400)
    shuffled = np.random.default_rng(1).permutation(labels)
    assert 0.4 < train(vectors, shuffled, hashes).evaluation.auc < 0.6


def test_repeated_texts_are_in_one_fold_so_that_none_is_evaluated_on_itself() -> None:
    vectors, labels, hashes = labelled_texts(200)
    shuffled = np.random.default_rng(1).permutation(labels)
    trained = train(np.repeat(vectors, 3, axis=0), np.repeat(shuffled, 3), [h for h in hashes for _ in range(3)])
    assert 0.4 < trained.evaluation.auc < 0.6
    assert trained.out_of_fold.num_rows == 200
    assert sum(map(sum, trained.evaluation.confusion_matrix)) == 200


def test_every_text_is_predicted_by_the_fold_that_did_not_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fold's booster is fitted again by hand, and must give the stored predictions bit for bit."""
    import lightgbm
    from sklearn.model_selection import StratifiedGroupKFold

    vectors, labels, hashes = labelled_texts(60)
    order = np.argsort(hashes)
    expected = {}
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=7)
    for seen, unseen in folds.split(vectors[order], labels[order], np.arange(60)):
        parameters = {**training.PARAMETERS, "seed": 7}
        rows = lightgbm.Dataset(vectors[order][seen], labels[order][seen], params=parameters)
        predicted = lightgbm.train(parameters, rows, training.ROUNDS).predict(vectors[order][unseen])
        expected |= {hashes[order[row]]: value for row, value in zip(unseen, predicted, strict=True)}
    monkeypatch.setattr(training, "SEED", 7)
    assert out_of_fold(train(vectors, labels, hashes)) == expected


def test_the_order_of_the_rows_does_not_matter() -> None:
    vectors, labels, hashes = labelled_texts(60)
    reverse = np.arange(60)[::-1]
    first, second = train(vectors, labels, hashes), train(vectors[reverse], labels[reverse], hashes[::-1])
    assert first.booster == second.booster
    assert first.out_of_fold.equals(second.out_of_fold)
    assert first.metrics() == second.metrics()
    assert (
        fingerprint(vectors, labels, hashes, embedding_model="e").version
        == fingerprint(vectors[reverse], labels[reverse], hashes[::-1], embedding_model="e").version
    )


def test_the_evaluations_can_be_had_from_the_out_of_fold_predictions() -> None:
    vectors, labels, hashes = labelled_texts(60)
    trained = train(vectors, labels, hashes)
    assert evaluate_out_of_fold(trained.out_of_fold) == (trained.evaluation, trained.baseline)
    rows = {row["TEXT_HASH"]: row["LABEL"] for row in trained.out_of_fold.to_pylist()}
    assert rows == dict(zip(hashes, labels, strict=True))
    assert {str(trained.out_of_fold.schema.field(name).type) for name in ("SENTIMENT", "BASELINE")} == {"double"}


def test_another_seed_gives_other_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = labelled_texts(60)
    before = out_of_fold(train(*rows))
    monkeypatch.setattr(training, "SEED", 1)
    assert out_of_fold(train(*rows)) != before


def test_the_booster_is_fitted_to_all_rows_and_kept_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    import lightgbm

    vectors, labels, hashes = labelled_texts(60)
    order = np.argsort(hashes)
    parameters = {**training.PARAMETERS, "seed": 7}
    rows = lightgbm.Dataset(vectors[order], labels[order], params=parameters)
    fitted = lightgbm.train(parameters, rows, training.ROUNDS)
    monkeypatch.setattr(training, "SEED", 7)
    kept = lightgbm.Booster(model_str=train(vectors, labels, hashes).booster)
    assert kept.predict(vectors).tolist() == fitted.predict(vectors).tolist()


def test_the_least_number_of_labels_is_enough_to_learn_from() -> None:
    trained = train(*labelled_texts(2 * MINIMUM_LABELS))
    assert trained.evaluation.auc > 0.75


@pytest.mark.parametrize("label", [0, 1])
def test_a_label_with_fewer_texts_than_the_least_number_is_refused(label: int) -> None:
    vectors, labels, hashes = labelled_texts(200)
    keep = np.flatnonzero((labels != label) | (np.cumsum(labels == label) <= 29))
    told = ["29 distinct texts are labelled 0", "100 are labelled 1"] if label == 0 else ["100 distinct", "29 are"]
    with pytest.raises(ValueError, match=rf"{told[0]} .* and {told[1]} .* at least 30 of each"):
        train(vectors[keep], labels[keep], [hashes[row] for row in keep])


def test_repetitions_do_not_make_up_for_missing_texts() -> None:
    vectors, labels, hashes = labelled_texts(58)
    with pytest.raises(ValueError, match="29 distinct texts are labelled 0"):
        train(np.tile(vectors, (3, 1)), np.tile(labels, 3), hashes * 3)


def test_one_label_only_is_refused() -> None:
    vectors, _, hashes = labelled_texts(20)
    with pytest.raises(ValueError, match="0 distinct texts are labelled 0"):
        train(vectors, np.ones(20, np.int64), hashes)


def test_no_rows_at_all_are_refused() -> None:
    with pytest.raises(ValueError, match="0 distinct texts are labelled 0"):
        train(np.empty((0, DIMENSIONS), np.float32), [], [])


def test_a_text_with_two_labels_is_refused() -> None:
    vectors, labels, hashes = labelled_texts(20)
    with pytest.raises(ValueError, match=f"1 texts have more than one label, .* hash {hashes[3]}"):
        train(np.vstack([vectors, vectors[3:4]]), [*labels, 1 - labels[3]], [*hashes, hashes[3]])


def test_a_text_with_two_vectors_is_refused() -> None:
    vectors, labels, hashes = labelled_texts(20)
    with pytest.raises(ValueError, match=f"1 texts have more than one vector, .* hash {hashes[3]}"):
        train(np.vstack([vectors, vectors[5:6]]), [*labels, labels[3]], [*hashes, hashes[3]])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_vector_that_is_not_finite_is_refused(value: float) -> None:
    vectors, labels, hashes = labelled_texts(20)
    vectors[4, 2] = value
    with pytest.raises(ValueError, match=f"1 of 20 vectors hold NaN or infinity, the first .* {hashes[4]}"):
        train(vectors, labels, hashes)


@pytest.mark.parametrize("label", [2, -1, None, 0.5])
def test_a_label_other_than_0_and_1_is_refused(label: int) -> None:
    vectors, labels, hashes = labelled_texts(20)
    with pytest.raises(ValueError, match=f"{label} is not a label"):
        train(vectors, [*labels[:-1].tolist(), label], hashes)


def test_columns_of_different_lengths_are_refused() -> None:
    vectors, labels, hashes = labelled_texts(20)
    with pytest.raises(ValueError, match="20 vectors, 20 labels and 19 text hashes do not belong together"):
        train(vectors, labels, hashes[:-1])


def test_a_version_is_a_snowflake_identifier_and_names_what_it_was_made_of() -> None:
    print_ = fingerprint(*labelled_texts(20), embedding_model="bge-small")
    assert print_.version[:2] == "V_"
    assert len(print_.version) == 14
    assert set(print_.version[2:]) <= set("0123456789ABCDEF")
    assert (print_.embedding_model, print_.dimensions) == ("bge-small", DIMENSIONS)
    assert set(print_.library_versions) == {"lightgbm", "scikit-learn", "numpy"}
    assert len(print_.training_data_hash) == 64


def test_the_version_changes_with_everything_that_goes_into_a_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, labels, hashes = labelled_texts(20)

    def version(
        vectors: np.ndarray = vectors, labels: np.ndarray = labels, hashes: list[str] = hashes, **other: object
    ) -> str:
        return fingerprint(vectors, labels, hashes, **{"embedding_model": "e", **other}).version  # type: ignore[arg-type]

    moved = vectors.copy()
    moved[0, 0] = np.nextafter(moved[0, 0], np.float32(2))
    relabelled = labels.copy()
    relabelled[0] = 1 - relabelled[0]
    versions = [
        version(),
        version(vectors=moved),
        version(labels=relabelled),
        version(hashes=[text_hash("another text"), *hashes[1:]]),
        version(embedding_model="f"),
    ]
    monkeypatch.setitem(training.PARAMETERS, "num_leaves", 5)
    versions.append(version())
    for constant, value in {"FOLDS": 4, "SEED": 1, "ROUNDS": 5}.items():
        monkeypatch.setattr(training, constant, value)
        versions.append(version())
    monkeypatch.setattr(training, "installed_version", lambda name: "0")
    versions.append(version())
    assert len(set(versions)) == len(versions)


def test_a_classifier_becomes_a_version_of_a_model() -> None:
    rows = labelled_texts(60)
    trained, print_ = train(*rows), fingerprint(*rows, embedding_model="e")
    stored = trained.stored("sentiment_classifier", print_, {"run": "1"})
    assert stored.info.version == print_.version
    assert stored.info.tags == {"run": "1"}
    assert stored.info.metrics["accuracy"] == trained.evaluation.accuracy
    assert stored.info.metrics["baseline_auc"] == trained.baseline.auc
    assert stored.booster == trained.booster
