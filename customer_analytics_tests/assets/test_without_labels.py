"""Shops without labels, comments or calls: what the runs make of them, from the command line."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from customer_analytics.embedded_snowflake import stop
from customer_analytics.shipped_classifier import shipped_classifier
from customer_analytics_tests.dashboard.looking import looking_at
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.openai_server import KEY, OpenAIServer
from customer_analytics_tests.small_source import write_small_source

pytestmark = pytest.mark.timeout(600)
SHIPPED = shipped_classifier().info
VERSIONS = "SELECT DISTINCT MODEL_VERSION AS V FROM PRED_TWITTER_COMMENTS"
FELT = "SELECT CUSTOMER_ID, COMMENTS, SENTIMENT_SCORE, SENTIMENT_BUCKET FROM PRES_SENTIMENT ORDER BY 1"


class Shop(Deployment):
    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        super().__init__(folder / "home", variables)
        self.source = write_small_source(folder / "source")
        shutil.rmtree(self.source / "calls")
        (self.source / "comment_training.parquet").rename(folder / "labels.parquet")
        self.labels = pq.read_table(folder / "labels.parquet")

    def run(self) -> str:
        return self.call("run", "--source", str(self.source))

    def label(self, texts_of_each: int, *more: tuple[str, int | None]) -> None:
        """Write comment_training.csv: so many texts of each label, and more texts."""
        rows = [row for label in "10" for row in self.labels.to_pylist() if row["LABEL"] == label][:80]
        kept = rows[:texts_of_each] + rows[40 : 40 + texts_of_each]
        lines = [(row["REVIEW_TEXT"], row["LABEL"]) for row in kept] + list(more)
        text = "\n".join(f'"{text}",{"" if label is None else label}' for text, label in lines)
        (self.source / "comment_training.csv").write_text(f"review_text,label\n{text}\n")

    def classifier(self) -> dict[str, Any]:
        """What the latest materialization of the classifier tells."""
        with dg.DagsterInstance.from_config(str(self.home / "dagster")) as instance:
            event = instance.get_latest_materialization_event(dg.AssetKey("sentiment_classifier"))
        assert event is not None and event.asset_materialization is not None
        return {name: value.value for name, value in event.asset_materialization.metadata.items()}

    def failed_checks(self) -> dict[str, str]:
        """The severity of each check whose latest result is a failure."""
        from customer_analytics.definitions import defs

        keys = list(defs.resolve_asset_graph().asset_check_keys)
        with dg.DagsterInstance.from_config(str(self.home / "dagster")) as instance:
            latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
        results = {key.to_user_string(): record.evaluation for key, record in latest.items()}
        assert results.keys() == {key.to_user_string() for key in keys}
        return {name: of.severity.value for name, of in results.items() if of and not of.passed}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path, {})
    yield made
    stop(made.home)


def test_without_comments_labels_and_calls_all_else_is_as_with_them(shop: Shop) -> None:
    (shop.source / "twitter_comments.parquet").unlink()
    shop.run()
    assert shop.rows("SELECT CUSTOMER_ID, CLV, SENTIMENT_SCORE AS S FROM PRES_CLV ORDER BY 1") == [
        {"CUSTOMER_ID": "1", "CLV": "19.50", "S": None},
        {"CUSTOMER_ID": "2", "CLV": "19.99", "S": None},
    ]
    assert shop.rows("SELECT CUSTOMER_ID, SENTIMENT_SCORE AS S FROM PRES_CHURN") == [
        {"CUSTOMER_ID": "1", "S": None}
    ]
    for table in ("STG_TWITTER_COMMENTS", "STG_COMMENT_TRAINING", "STG_SUPPORT_CALLS", "PRES_SENTIMENT"):
        assert shop.rows(f"SELECT COUNT(*) AS N FROM {table}") == [{"N": 0}], table
    assert shop.failed_checks() == {}
    assert "Nothing found." in shop.call("search", "broken wheel")


def test_the_shipped_classifier_scores_until_there_are_labels_enough(shop: Shop) -> None:
    shop.label(29)
    told = shop.run()
    assert "29 distinct texts are labelled 0 (negative) and 29 are labelled 1 (positive)" in told
    assert "needs at least 30 of each" in told
    assert shop.rows(VERSIONS) == [{"V": SHIPPED.version}]
    unhappy, happy = "The box came empty", "What a lovely puzzle"
    scores = {
        row["REVIEW_TEXT"]: row["SENTIMENT"]
        for row in shop.rows("SELECT REVIEW_TEXT, SENTIMENT FROM PRED_TWITTER_COMMENTS")
    }
    assert scores[unhappy] < 0.5 < scores[happy]
    classifier = shop.classifier()
    assert classifier["version"] == SHIPPED.version
    assert classifier["origin"] == "comes with the product, trained on 1,202 labels of its sample data"
    assert classifier["accuracy"] == SHIPPED.metrics["accuracy"]
    assert classifier["texts_labelled_positive"] == 29
    assert shop.failed_checks() == {}
    assert f"Sentiment comes from {SHIPPED.version}, which comes with the product" in shop.call("search", "puzzle")
    with looking_at(shop.home) as look:
        origin = f"{SHIPPED.version} comes with the product, trained on 1,202 labels of its sample data."
        assert look("pipeline").text[0].value == origin
        for page in (look("sales"), look("product", q="puzzle")):
            assert any("which comes with the product" in caption.value for caption in page.caption)

    shop.label(40, ("What a lovely puzzle", None), (shop.labels["REVIEW_TEXT"][0].as_py(), 0))
    told = shop.run()
    assert "comment_training.csv: 2 of 82" in told
    (version,) = shop.rows(VERSIONS)
    assert version["V"].startswith("V_")
    classifier = shop.classifier()
    assert classifier["version"] == version["V"]
    assert classifier["origin"] == "is trained on 79 labels of comment_training"
    assert (classifier["texts_labelled_negative"], classifier["texts_labelled_positive"]) == (40, 39)
    assert classifier["why"] == ""
    assert shop.rows("SELECT COUNT(*) AS N FROM STG_COMMENT_TRAINING WHERE LABEL IS NULL") == [{"N": 1}]
    assert shop.failed_checks() == {}

    (shop.source / "comment_training.csv").write_text("review_text,label\nonly one,1\n")
    shop.run()
    assert shop.rows(VERSIONS) == [{"V": SHIPPED.version}]


def test_a_file_that_is_there_twice_is_refused_in_one_sentence(shop: Shop) -> None:
    shop.label(40)
    pq.write_table(shop.labels, shop.source / "comment_training.parquet")
    done = shop.attempt("run", "--source", str(shop.source), "--select", "+stg_comment_training")
    assert done.returncode == 1
    assert "has both comment_training.parquet and comment_training.csv" in done.stderr
    assert "remove one of them" in done.stderr


def test_comments_that_were_loaded_do_not_go_with_their_file(shop: Shop) -> None:
    comments = ("run", "--source", str(shop.source), "--select", "+stg_twitter_comments")
    shop.call(*comments)
    path = shop.source / "twitter_comments.parquet"
    rows = pq.read_table(path)
    path.rename(shop.home.parent / "away.parquet")
    done = shop.attempt(*comments)
    assert done.returncode == 1
    assert "twitter_comments.parquet is missing, of which 4 comments are loaded" in done.stderr
    assert shop.rows("SELECT COUNT(*) AS N FROM STG_TWITTER_COMMENTS") == [{"N": 4}]
    (shop.source / "comments").mkdir()
    (shop.home.parent / "away.parquet").rename(shop.source / "comments" / "first.parquet")
    shop.call(*comments)
    assert shop.rows("SELECT COUNT(*) AS N FROM STG_TWITTER_COMMENTS") == [{"N": 4}]
    pc.write_csv(rows.slice(0, 3), path.with_suffix(".csv"))
    shop.call(*comments)
    assert shop.rows("SELECT COUNT(*) AS N FROM STG_TWITTER_COMMENTS") == [{"N": 7}]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Shop]:
    server = OpenAIServer()
    variables = {"CUSTOMER_ANALYTICS_EMBEDDINGS": "openai", "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.url}
    made = Shop(tmp_path, variables)
    yield made
    stop(made.home)
    server.stop()


def test_vectors_that_the_shipped_classifier_cannot_read_have_no_sentiment_until_there_are_labels(
    served: Shop,
) -> None:
    told = served.run()
    assert "sentiment is null, because the shipped classifier reads vectors of bge-small" in told
    assert served.rows(VERSIONS) == [{"V": None}]
    assert served.rows(FELT) == [
        {"CUSTOMER_ID": "1", "COMMENTS": 3, "SENTIMENT_SCORE": None, "SENTIMENT_BUCKET": None},
        {"CUSTOMER_ID": "2", "COMMENTS": 1, "SENTIMENT_SCORE": None, "SENTIMENT_BUCKET": None},
    ]
    assert served.failed_checks() == {"sentiment_classifier:quality_is_above_the_floor": "WARN"}
    assert "not of text-embedding-3-small" in served.classifier()["why"]
    assert "lovely puzzle" in served.call("search", "lovely puzzle", "--from", "2020-03-04")
    assert "Nothing found." in served.call("search", "lovely puzzle", "--min-sentiment", "0.1")

    with looking_at(served.home, served.variables) as look:
        assert "sentiment is null, because" in look("pipeline").warning[0].value
        sales = look("sales", customer="1")
        assert [metric.value for metric in sales.metric if metric.label == "Sentiment"] == ["not scored"]
        assert sales.dataframe[0].value["SENTIMENT_SCORE"].isna().all()
        product = look("product", q="puzzle")
        assert "Sentiment not scored" in [caption.value for caption in product.caption]
        assert any("there is no classifier" in caption.value for caption in product.caption)

    served.label(40)
    served.run()
    (version,) = served.rows(VERSIONS)
    assert version["V"].startswith("V_")
    (served.source / "comment_training.csv").write_text("review_text,label\n")
    served.variables["CUSTOMER_ANALYTICS_ALLOW_EMPTY_FILES"] = "true"
    served.run()
    assert served.rows(VERSIONS) == [{"V": None}]
