"""The classifier that comes with the product: intact, small, packaged, and made of the sample data's labels."""

import tomllib
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from customer_analytics import shipped_classifier as package
from customer_analytics.ml.classifier import are_enough, without_own
from customer_analytics.ml.evaluation import evaluate_out_of_fold
from customer_analytics.ml.training_set import Labels, text_hash
from customer_analytics.ports.embeddings.bge_small import BgeSmallEmbedder
from customer_analytics.ports.registry.base import DamagedModelError
from customer_analytics.ports.registry.scoring import Scorer
from customer_analytics.sample_data.folder import write_sample_data
from customer_analytics.settings import settings
from customer_analytics.shipped_classifier import is_shipped, shipped_classifier
from customer_analytics_tests.unit.ml.labelled_texts import labelled_texts

FOLDER = Path(package.__file__).parent
FILES = {"manifest.json", "booster.txt", "out_of_fold.parquet"}


def labels(of_each: int) -> Labels:
    vectors, judged, hashes = labelled_texts(2 * of_each)
    return Labels(vectors, judged.tolist(), hashes, 0)


def test_its_version_is_a_snowflake_identifier_that_tells_it_from_others() -> None:
    info = shipped_classifier().info
    assert is_shipped(info.version)
    assert info.version.isidentifier()
    assert not is_shipped("V_0123456789AB")


def test_its_files_are_packaged_and_small() -> None:
    project = tomllib.loads((FOLDER.parents[1] / "pyproject.toml").read_text())
    assert set(project["tool"]["setuptools"]["package-data"]["customer_analytics.shipped_classifier"]) == FILES
    assert sum((FOLDER / name).stat().st_size for name in FILES) < 1_000_000


def test_it_was_trained_on_the_labels_of_the_sample_data(tmp_path: Path) -> None:
    write_sample_data(tmp_path / "sample")
    rows = pq.read_table(tmp_path / "sample" / "comment_training.parquet").to_pylist()
    learned = shipped_classifier().out_of_fold.to_pylist()
    assert {row["TEXT_HASH"]: row["LABEL"] for row in learned} == {
        text_hash(row["review_text"]): row["label"] for row in rows
    }
    assert f"trained on {len(rows):,} labels" in shipped_classifier().info.tags["origin"]


def test_its_figures_are_those_of_its_evaluation_on_texts_not_seen() -> None:
    model = shipped_classifier()
    evaluation, baseline = evaluate_out_of_fold(model.out_of_fold)
    assert model.info.metrics == evaluation.metrics() | baseline.metrics("baseline_")
    assert evaluation.accuracy > 0.9
    assert evaluation.auc > 0.96


def test_it_tells_happy_texts_of_the_local_embedding_model_from_unhappy_ones() -> None:
    embedder = BgeSmallEmbedder(cache_folder=str(settings().model_cache))
    scorer = Scorer(shipped_classifier(), embedding_model=embedder.model, dimensions=embedder.dimensions)
    texts = ["My daughter adores this doll house.", "It broke at once and nobody answers my mails."]
    (happy, unhappy), is_learned = scorer.score(embedder.embed(texts), [text_hash(text) for text in texts])
    assert happy > 0.8
    assert unhappy < 0.2
    assert not is_learned.any()


def test_a_file_that_was_changed_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FILES:
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    (tmp_path / "booster.txt").write_text("another")
    monkeypatch.setattr(package, "files", lambda name: tmp_path)
    with pytest.raises(DamagedModelError, match=r"booster\.txt is damaged .* install customer-analytics again"):
        shipped_classifier()


def test_it_stands_in_for_too_few_labels() -> None:
    assert not are_enough(labels(29))
    assert are_enough(labels(30))
    model, why = without_own(labels(29), BgeSmallEmbedder(cache_folder=""))
    assert model is not None
    assert why.startswith(
        "29 distinct texts are labelled 0 (negative) and 29 are labelled 1 (positive), but a classifier of your own "
        f"needs at least 30 of each: `customer-analytics label` offers texts to label. Until then {model.info.version} "
        "scores: it comes with the product, trained on 1,202 labels of its sample data (accuracy 0.9"
    )
