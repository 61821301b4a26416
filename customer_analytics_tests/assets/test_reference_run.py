"""The whole pipeline on the reference data, from the command line, with every real part."""

import datetime as dt
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from subprocess import Popen
from typing import Any

import pyarrow as pa
import pytest

from customer_analytics import tables
from customer_analytics.embedded_snowflake import read_statements, stop
from customer_analytics.ml.collections import COMMENT_TRAINING, collection
from customer_analytics.ml.training import train
from customer_analytics.ml.training_set import as_matrix
from customer_analytics.resources.embeddings.bge_small import BgeSmallEmbedder
from customer_analytics.resources.vectors.lance import LanceVectorStore
from customer_analytics.resources.warehouse.resource import OUTSIDE_OF_RUNS
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.endpoint.snowflake_sql import problems
from customer_analytics_tests.warehouse.snowflake_setup import grants
from customer_analytics_tests.weaviate_process import WeaviateProcess

SHARED = Path(__file__).resolve().parents[3] / "shared"
RUN = ["run", "--source", str(SHARED / "reference")]
pytestmark = [
    pytest.mark.skipif(not (SHARED / "reference").is_dir(), reason="no reference data beside the checkout"),
    pytest.mark.timeout(900),
]


@dataclass
class Reference(Deployment):
    """A deployment in which the reference run has been made, and what could be read meanwhile."""

    read_meanwhile: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    made = Reference(tmp_path_factory.mktemp("reference"))
    run = made.start(*RUN)
    made.read_meanwhile = _read_while_running(made, run)
    output, _ = run.communicate()
    assert run.returncode == 0, output
    yield made
    stop(made.home)


def _read_while_running(made: Deployment, run: Popen[str]) -> list[dict[str, Any]]:
    while run.poll() is None:
        done = made.attempt("sql", "SELECT COUNT(*) AS N FROM STG_ORDERS", "--json")
        if done.returncode == 0 and run.poll() is None:
            rows: list[dict[str, Any]] = json.loads(done.stdout)
            return rows
        time.sleep(1)
    return []


def test_the_warehouse_answers_while_the_run_is_going_on(deployment: Reference) -> None:
    assert deployment.read_meanwhile == [{"N": 99}]


def test_every_source_row_is_loaded(deployment: Reference) -> None:
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


def test_lifetime_values_are_those_of_the_reference(deployment: Reference) -> None:
    summary = "SELECT COUNT(CUSTOMER_LIFETIME_VALUE) AS N, SUM(CUSTOMER_LIFETIME_VALUE) AS TOTAL FROM CUSTOMERS"
    assert deployment.rows(summary) == [{"N": 62, "TOTAL": "1672.00"}]
    top = "SELECT CUSTOMER_ID, CLV FROM PRES_CLV ORDER BY CLV DESC, CUSTOMER_ID LIMIT 3"
    assert [(row["CUSTOMER_ID"], row["CLV"]) for row in deployment.rows(top)] == [
        (51, "99.00"),
        (3, "65.00"),
        (46, "64.00"),
    ]


def test_attributed_revenue_is_that_of_the_reference(deployment: Reference) -> None:
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


def test_monthly_recurring_revenue_is_that_of_the_reference(deployment: Reference) -> None:
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


def test_presentation_tables_have_the_rows_of_the_reference(deployment: Reference) -> None:
    counts = "SELECT (SELECT COUNT(*) FROM PRES_CHURN) AS CHURN, (SELECT COUNT(*) FROM PRES_CLV) AS CLV"
    assert deployment.rows(counts) == [{"CHURN": 51, "CLV": 62}]


def test_every_comment_is_scored_and_training_texts_out_of_fold(deployment: Reference) -> None:
    summary = """SELECT COUNT(*) AS N, COUNT(DISTINCT SENTIMENT) > 1000 AS VARIED, MIN(SENTIMENT) >= 0 AS LOW,
        MAX(SENTIMENT) <= 1 AS HIGH, COUNT_IF(IS_OUT_OF_FOLD) AS OOF FROM PRED_TWITTER_COMMENTS"""
    assert deployment.rows(summary) == [{"N": 12_638, "VARIED": True, "LOW": True, "HIGH": True, "OOF": 1_987}]


def test_calls_are_transcribed_with_the_callers_words(deployment: Reference) -> None:
    rows = deployment.rows("SELECT RELATIVE_PATH, STATUS, TRANSCRIPT FROM CALL_TRANSCRIPTS ORDER BY 1")
    assert [row["STATUS"] for row in rows] == ["ok"] * 6
    assert all(len(row["TRANSCRIPT"].split()) > 100 for row in rows)
    scored = deployment.rows("SELECT COUNT(*) AS N FROM PRED_CUSTOMER_CALLS WHERE CUSTOMER_ID IS NOT NULL")
    assert scored == [{"N": 6}]


def test_nothing_temporary_is_left(deployment: Reference) -> None:
    schemas = "SELECT COUNT(*) AS N FROM INFORMATION_SCHEMA.SCHEMATA WHERE SCHEMA_NAME LIKE 'RUN%'"
    assert deployment.rows(schemas) == [{"N": 0}]


def test_a_second_run_embeds_transcribes_and_trains_nothing(deployment: Reference) -> None:
    before = deployment.rows("SELECT TRANSCRIBED_AT FROM CALL_TRANSCRIPTS ORDER BY RELATIVE_PATH")
    output = deployment.call(*RUN)
    assert "CustomerComment: 12,638 objects, 0 embedded, 0 removed" in output
    assert "PRED_TWITTER_COMMENTS: 12,638 rows, 0 new, 0 changed, 0 removed" in output
    assert "nothing has changed since" in output
    assert deployment.rows("SELECT TRANSCRIBED_AT FROM CALL_TRANSCRIPTS ORDER BY RELATIVE_PATH") == before


def test_a_structured_run_fetches_no_more_than_a_hundred_rows_at_a_time(deployment: Reference) -> None:
    before = len(list(read_statements(deployment.home)))
    deployment.call(*RUN, "--select", "+key:pres_ad_spend or +key:mrr or +key:customers or +key:orders")
    statements = list(read_statements(deployment.home))[before:]
    selects = [s for s in statements if s["sql"].lstrip().upper().startswith(("SELECT", "WITH"))]
    assert len(selects) > 20
    assert max(statement["rows"] for statement in selects) <= 100


def test_every_statement_so_far_is_one_that_snowflake_takes(deployment: Reference) -> None:
    deployment.call("clean")
    deployment.attempt("doctor")
    statements = list(read_statements(deployment.home))
    assert len(statements) > 500
    assert list(problems(statements)) == []


def test_every_statement_of_a_run_names_the_run_and_an_asset(deployment: Reference) -> None:
    tags = [json.loads(statement["query_tag"]) for statement in read_statements(deployment.home)]
    assert [tag for tag in tags if tag["run_id"] != OUTSIDE_OF_RUNS and not tag["asset"]] == []
    assert {name.lower() for name in tables.TABLES} - {"stg_rejected_rows"} <= {tag["asset"] for tag in tags}


def test_a_run_creates_only_what_the_setup_script_allows(deployment: Reference) -> None:
    allowed = {
        grant.privilege.removeprefix("CREATE ") for grant in grants() if grant.privilege.startswith("CREATE ")
    }
    created = {
        kind
        for statement in read_statements(deployment.home)
        for kind in re.findall(
            r"CREATE (?:OR REPLACE )?(?:TRANSIENT )?(\w+)", statement["sql"].lstrip()[:60].upper()
        )
    }
    assert created - {"DATABASE"} <= allowed


def test_the_classifier_is_good_whatever_the_folds(deployment: Reference) -> None:
    place = collection(COMMENT_TRAINING, BgeSmallEmbedder(cache_folder=""))
    store = LanceVectorStore(path=str(deployment.home / "vectors"))
    rows = pa.Table.from_batches(store.scan(place, ["vector", "label", "content_hash"]))
    examples = as_matrix(rows["vector"]), rows["label"].to_pylist(), rows["content_hash"].to_pylist()
    metrics = [train(*examples, seed=seed).metrics() for seed in range(5)]
    assert mean(m["accuracy"] for m in metrics) >= 0.92
    assert mean(m["auc"] for m in metrics) >= 0.97


PRESENTATION = ["PRES_SENTIMENT", "PRES_AD_SPEND", "PRES_CLV", "PRES_CHURN"]


def test_weaviate_gives_the_same_presentation_tables_though_its_server_is_killed(
    deployment: Reference, own_weaviate: WeaviateProcess, tmp_path: Path
) -> None:
    # The vectors are those of the run with LanceDB, so that only the store is another, and nothing is embedded.
    source = tmp_path / "source"
    source.mkdir()
    for path in (SHARED / "reference").iterdir():
        (source / path.name).symlink_to(path)
    deployment.call("snapshot", "create", str(source / "snapshot"))

    server = own_weaviate.start()
    made = Deployment(tmp_path / "home", {"CUSTOMER_ANALYTICS_VECTORS": "weaviate", **server.variables})
    run = made.start("run", "--source", str(source))
    assert run.stdout
    printed = []
    for line in run.stdout:
        printed.append(line)
        if "CommentTraining: 1,987 objects restored" in line:  # that is, in the middle of those of CustomerComment
            time.sleep(1)
            own_weaviate.kill()
            time.sleep(5)
            assert own_weaviate.start() == server
    assert run.wait() == 0, "".join(printed)
    assert "Weaviate at" in "".join(printed) and "waiting for it" in "".join(printed)
    assert "CustomerComment: 12,638 objects, 0 embedded, 0 removed" in "".join(printed)
    try:
        for table in PRESENTATION:
            rows = [sorted(map(str, of.rows(f"SELECT * FROM {table}"))) for of in (made, deployment)]
            assert rows[0] == rows[1], table
    finally:
        stop(made.home)
