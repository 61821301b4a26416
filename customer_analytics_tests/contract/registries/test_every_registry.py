"""What every model registry guarantees, tested on each adapter."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import lightgbm
import pyarrow as pa
import pytest

from customer_analytics.ml.training import fingerprint, train
from customer_analytics.ports.registry.base import ModelRegistry
from customer_analytics.ports.vectors.collection import Collection, PropertyType
from customer_analytics.tables.sentiment import PRED_CUSTOMER_CALLS, PRED_TWITTER_COMMENTS
from customer_analytics_tests.contract.registries.versions import (
    FIRST,
    MODEL,
    SECOND,
    THIRD,
    default,
    names,
    stored,
)
from customer_analytics_tests.unit.ml.labelled_texts import DIMENSIONS, labelled_texts


def test_a_model_without_versions_has_no_default_and_cannot_be_loaded(registry: ModelRegistry) -> None:
    assert registry.versions(MODEL) == []
    assert registry.default(MODEL) is None
    with pytest.raises(LookupError, match=r"no default version of 'sentiment_classifier' \(versions: none\)"):
        registry.load(MODEL)


def test_a_version_comes_back_as_it_was_logged(registry: ModelRegistry) -> None:
    logged = stored(FIRST)
    registry.log(logged)
    loaded = registry.load(MODEL)
    assert loaded == logged
    assert loaded.out_of_fold.equals(logged.out_of_fold)
    assert registry.versions(MODEL) == [logged.info]
    assert registry.default(MODEL) == logged.info


def test_the_latest_logged_is_the_default_and_the_oldest_comes_first(registry: ModelRegistry) -> None:
    for version in (FIRST, SECOND, THIRD):
        registry.log(stored(version))
        assert default(registry) == version
    assert names(registry) == [FIRST, SECOND, THIRD]
    assert registry.load(MODEL, SECOND) == stored(SECOND)


def test_the_same_version_again_changes_nothing_but_the_default(registry: ModelRegistry) -> None:
    registry.log(stored(FIRST))
    registry.log(stored(SECOND))
    registry.log(stored(FIRST, accuracy=0.1))
    assert names(registry) == [FIRST, SECOND]
    assert default(registry) == FIRST
    assert registry.load(MODEL) == stored(FIRST)
    assert registry.load(MODEL, SECOND) == stored(SECOND)


def test_models_do_not_see_each_other(registry: ModelRegistry) -> None:
    registry.log(stored(FIRST))
    registry.log(stored(SECOND, model_name="churn_classifier"))
    assert names(registry) == [FIRST]
    assert default(registry) == FIRST
    assert names(registry, "churn_classifier") == [SECOND]
    assert default(registry, "churn_classifier") == SECOND


def test_a_removed_version_is_gone_and_the_latest_other_becomes_the_default(registry: ModelRegistry) -> None:
    for version in (FIRST, SECOND, THIRD):
        registry.log(stored(version))
    registry.remove(MODEL, SECOND)
    assert (names(registry), default(registry)) == ([FIRST, THIRD], THIRD)
    registry.remove(MODEL, THIRD)
    assert (names(registry), default(registry)) == ([FIRST], FIRST)
    assert registry.load(MODEL) == stored(FIRST)


def test_after_its_last_version_a_model_has_none_and_can_be_logged_again(registry: ModelRegistry) -> None:
    registry.log(stored(FIRST))
    registry.remove(MODEL, FIRST)
    registry.remove(MODEL, FIRST)
    assert (names(registry), registry.default(MODEL)) == ([], None)
    registry.log(stored(FIRST))
    assert registry.load(MODEL) == stored(FIRST)


def test_a_model_that_was_withdrawn_has_no_default_until_a_version_is_logged(registry: ModelRegistry) -> None:
    registry.withdraw(MODEL)
    registry.log(stored(FIRST))
    registry.log(stored(SECOND))
    registry.withdraw(MODEL)
    assert registry.default(MODEL) is None
    with pytest.raises(LookupError, match=rf"no default version of .* \(versions: {FIRST}, {SECOND}\)"):
        registry.load(MODEL)
    assert registry.load(MODEL, FIRST) == stored(FIRST)
    registry.remove(MODEL, SECOND)
    assert (names(registry), registry.default(MODEL)) == ([FIRST], None)
    registry.log(stored(FIRST))
    assert default(registry) == FIRST


def test_an_unknown_version_is_named_with_those_that_exist(registry: ModelRegistry) -> None:
    registry.log(stored(FIRST))
    with pytest.raises(LookupError, match=rf"'{SECOND}' of 'sentiment_classifier' \(versions: {FIRST}\)"):
        registry.load(MODEL, SECOND)


@pytest.mark.parametrize("name", ["", "../other", "a/b", "it's", 'a"b', "1st", "a b", "a\n"])
def test_a_name_that_is_no_identifier_is_refused(registry: ModelRegistry, name: str) -> None:
    with pytest.raises(ValueError, match="is not a valid name for a model or version"):
        registry.log(stored(FIRST, model_name=name))
    with pytest.raises(ValueError, match="is not a valid name for a model or version"):
        registry.log(stored(name))


def test_ensuring_twice_keeps_what_is_there(registry: ModelRegistry) -> None:
    registry.log(stored(FIRST))
    registry.ensure()
    assert registry.load(MODEL) == stored(FIRST)


def test_versions_logged_at_the_same_time_are_all_kept(registry: ModelRegistry) -> None:
    versions = [f"V_{number:012X}" for number in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda version: registry.log(stored(version)), versions))
    assert sorted(names(registry)) == versions
    assert default(registry) in versions
    assert all(registry.load(MODEL, version) == stored(version) for version in versions)


def test_the_rows_of_a_prediction_table_are_scored_by_fold_or_booster(registry: ModelRegistry) -> None:
    """Both registries against what the booster itself says; the second text is a training text."""
    vectors, labels, hashes = labelled_texts(60)
    model = train(vectors, labels, hashes).stored(
        MODEL, fingerprint(vectors, labels, hashes, embedding_model="bge-small"), {}
    )
    registry.log(model)
    new, _, _ = labelled_texts(2, seed=1)
    objects = pa.RecordBatch.from_pydict(
        {
            "id": ["one", "two"],
            "customer_id": [1, 2],
            "date": [dt.date(2020, 2, 29)] * 2,
            "review_text": ['it\'s "new"', "learned"],
            "text_hash": ["f" * 64, hashes[0]],
            "vector": pa.array([new[0].tolist(), vectors[0].tolist()], pa.list_(pa.float32(), DIMENSIONS)),
        }
    )
    source = Collection(
        "CustomerComment", {"review_text": PropertyType.TEXT}, "review_text", "bge-small", DIMENSIONS
    )
    frame = registry.score(registry.load(MODEL), source, iter([objects]), PRED_TWITTER_COMMENTS)
    rows = {row["VECTOR_ID"]: row for row in frame.to_arrow().to_pylist()}
    assert frame.columns == PRED_TWITTER_COMMENTS.column_names
    assert rows["one"]["SENTIMENT"] == lightgbm.Booster(model_str=model.booster).predict(new[:1])[0]
    learned = {row["TEXT_HASH"]: row["SENTIMENT"] for row in model.out_of_fold.to_pylist()}
    assert rows["two"]["SENTIMENT"] == learned[hashes[0]]
    assert {id: row["IS_OUT_OF_FOLD"] for id, row in rows.items()} == {"one": False, "two": True}
    assert {row["MODEL_VERSION"] for row in rows.values()} == {model.info.version}
    assert rows["one"]["REVIEW_TEXT"] == 'it\'s "new"'


def test_vectors_of_another_embedding_model_are_refused(registry: ModelRegistry) -> None:
    source = Collection("CustomerCall", {"transcript": PropertyType.TEXT}, "transcript", "other", 384)
    with pytest.raises(ValueError, match=r"cannot score those of other with 384; train it"):
        registry.score(stored(FIRST), source, iter([]), PRED_CUSTOMER_CALLS).collect()


def test_it_describes_itself(registry: ModelRegistry) -> None:
    assert "R" in registry.describe()
