"""The figures of the reference data, by a whole run with every real part."""

import datetime as dt
from collections.abc import Iterator
from statistics import mean

import pyarrow as pa
import pytest

from customer_analytics.embedded_snowflake import stop
from customer_analytics.ml import training
from customer_analytics.ml.collections import COMMENT_TRAINING, collection
from customer_analytics.ports.embeddings.bge_small import BgeSmallEmbedder
from customer_analytics.ports.vectors.lance import LanceVectorStore
from customer_analytics.ports.vectors.matrix import as_matrix
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.reference import REFERENCE, needs_reference

pytestmark = [needs_reference, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    made = Deployment(tmp_path_factory.mktemp("reference"))
    made.call("run", "--source", str(REFERENCE))
    yield made
    stop(made.home)


def test_every_source_row_is_loaded(deployment: Deployment) -> None:
    counts = {
        "STG_CUSTOMERS": 100,
        "STG_ORDERS": 99,
        "STG_PAYMENTS": 113,
        "STG_AD_SPEND": 42,
        "STG_SESSIONS": 90,
        "STG_CUSTOMER_CONVERSIONS": 21,
        "STG_SUBSCRIPTION_PERIODS": 121,
        "STG_TWITTER_COMMENTS": 12_638,
        "STG_COMMENT_TRAINING": 1_987,
        "STG_SUPPORT_CALLS": 6,
        "STG_REJECTED_ROWS": 0,
    }
    union = " UNION ALL ".join(f"SELECT '{name}' AS NAME, COUNT(*) AS N FROM {name}" for name in counts)
    assert {row["NAME"]: row["N"] for row in deployment.rows(union)} == counts


def test_lifetime_values_are_those_of_the_reference(deployment: Deployment) -> None:
    summary = "SELECT COUNT(CUSTOMER_LIFETIME_VALUE) AS N, SUM(CUSTOMER_LIFETIME_VALUE) AS TOTAL FROM CUSTOMERS"
    assert deployment.rows(summary) == [{"N": 62, "TOTAL": "1672.00"}]
    top = "SELECT CUSTOMER_ID, CLV FROM PRES_CLV ORDER BY CLV DESC, CUSTOMER_ID LIMIT 3"
    assert [(row["CUSTOMER_ID"], row["CLV"]) for row in deployment.rows(top)] == [
        ("51", "99.00"),
        ("3", "65.00"),
        ("46", "64.00"),
    ]


def test_attributed_revenue_is_that_of_the_reference(deployment: Deployment) -> None:
    touches = """SELECT COUNT(*) AS TOUCHES, SUM(FIRST_TOUCH_REVENUE) AS F, SUM(LAST_TOUCH_REVENUE) AS L,
        SUM(FORTY_TWENTY_FORTY_REVENUE) AS FTF, SUM(LINEAR_REVENUE) AS LIN FROM ATTRIBUTION_TOUCHES"""
    (row,) = deployment.rows(touches)
    assert row.pop("TOUCHES") == 39
    assert all(value == pytest.approx(275) for value in row.values())
    linear = "SELECT UTM_SOURCE, ROUND(SUM(LINEAR_REVENUE), 2) AS R FROM ATTRIBUTION_TOUCHES GROUP BY UTM_SOURCE"
    assert {row["UTM_SOURCE"]: row["R"] for row in deployment.rows(linear)} == {
        "direct": 141.43,
        "facebook_ads": 70.18,
        "google": 37.86,
        "adwords": 19.11,
        "bing": 6.43,
    }


def test_monthly_recurring_revenue_is_that_of_the_reference(deployment: Deployment) -> None:
    summary = """SELECT COUNT(*) AS N, COUNT(DISTINCT CUSTOMER_ID) AS C, MAX(DATE_MONTH) AS M, SUM(MRR_CHANGE) AS S
        FROM MRR"""
    assert deployment.rows(summary) == [{"N": 413, "C": 55, "M": str(dt.date(2020, 1, 1)), "S": "175.00"}]
    categories = "SELECT CHANGE_CATEGORY AS C, COUNT(*) AS N FROM MRR WHERE CHANGE_CATEGORY IS NOT NULL GROUP BY 1"
    assert {row["C"]: row["N"] for row in deployment.rows(categories)} == {
        "new": 55,
        "churn": 54,
        "reactivation": 3,
        "upgrade": 30,
        "downgrade": 27,
    }


def test_presentation_tables_have_the_rows_of_the_reference(deployment: Deployment) -> None:
    counts = "SELECT (SELECT COUNT(*) FROM PRES_CHURN) AS CHURN, (SELECT COUNT(*) FROM PRES_CLV) AS CLV"
    assert deployment.rows(counts) == [{"CHURN": 51, "CLV": 62}]


def test_every_comment_is_scored_and_training_texts_out_of_fold(deployment: Deployment) -> None:
    summary = """SELECT COUNT(*) AS N, COUNT(DISTINCT SENTIMENT) > 1000 AS VARIED, MIN(SENTIMENT) >= 0 AS LOW,
        MAX(SENTIMENT) <= 1 AS HIGH, COUNT_IF(IS_OUT_OF_FOLD) AS OOF FROM PRED_TWITTER_COMMENTS"""
    assert deployment.rows(summary) == [{"N": 12_638, "VARIED": True, "LOW": True, "HIGH": True, "OOF": 1_987}]


def test_calls_are_transcribed_with_the_callers_words(deployment: Deployment) -> None:
    rows = deployment.rows("SELECT RELATIVE_PATH, STATUS, TRANSCRIPT FROM CALL_TRANSCRIPTS ORDER BY 1")
    assert [row["STATUS"] for row in rows] == ["ok"] * 6
    assert all(len(row["TRANSCRIPT"].split()) > 100 for row in rows)
    scored = deployment.rows("SELECT COUNT(*) AS N FROM PRED_CUSTOMER_CALLS WHERE CUSTOMER_ID IS NOT NULL")
    assert scored == [{"N": 6}]


def test_the_classifier_is_good_whatever_the_folds(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = collection(COMMENT_TRAINING, BgeSmallEmbedder(cache_folder=""))
    store = LanceVectorStore(path=str(deployment.home / "vectors"))
    rows = pa.Table.from_batches(store.scan(place, ["vector", "label", "text_hash"]))
    examples = as_matrix(rows["vector"]), rows["label"].to_pylist(), rows["text_hash"].to_pylist()
    metrics = []
    for seed in range(5):
        monkeypatch.setattr(training, "SEED", seed)
        metrics.append(training.train(*examples).metrics())
    assert mean(m["accuracy"] for m in metrics) >= 0.92
    assert mean(m["auc"] for m in metrics) >= 0.97
