"""The pipeline on sample data, from the command line: what its tables tell, and how the run behaves."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from customer_analytics import tables
from customer_analytics.embedded_snowflake import read_statements, stop
from customer_analytics.ports.warehouse.connections import OUTSIDE_OF_RUNS
from customer_analytics.sample_data.folder import Contents, write_sample_data
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.endpoint.snowflake_sql import problems
from customer_analytics_tests.warehouse.snowflake_setup import grants
from customer_analytics_tests.weaviate_process import WeaviateProcess

pytestmark = pytest.mark.timeout(900)
CALLS = 3  # that are kept, since listening takes longest


@dataclass
class SampleRun(Deployment):
    """A deployment in which a small sample shop has been run, and what could be read meanwhile."""

    read_meanwhile: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source = self.home / "source"
        self.written: Contents = write_sample_data(self.source, customers=120)
        for call in sorted((self.source / "calls").glob("*.opus"))[CALLS:]:
            call.unlink()


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SampleRun]:
    made = SampleRun(tmp_path_factory.mktemp("sample_run"))
    run = made.start("run", "--source", str(made.source))
    made.read_meanwhile = _read_while_running(made, run)
    output, _ = run.communicate()
    assert run.returncode == 0, output
    yield made
    stop(made.home)


def _read_while_running(made: Deployment, run: Popen[str]) -> list[dict[str, Any]]:
    while run.poll() is None:
        done = made.attempt("sql", "SELECT COUNT(*) AS N FROM STG_ORDERS", "--json")
        rows: list[dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else []
        if rows and rows[0]["N"] and run.poll() is None:
            return rows
        time.sleep(1)
    return []


# What the tables tell


def test_unhappy_customers_churn_more(deployment: Deployment) -> None:
    (scores,) = deployment.rows(
        "SELECT AVG(IFF(C.CUSTOMER_ID IS NOT NULL, S.SENTIMENT_SCORE, NULL)) AS CHURNED,"
        " AVG(IFF(C.CUSTOMER_ID IS NULL, S.SENTIMENT_SCORE, NULL)) AS STAYED"
        " FROM (SELECT DISTINCT CUSTOMER_ID FROM MRR) M JOIN PRES_SENTIMENT S ON S.CUSTOMER_ID = M.CUSTOMER_ID"
        " LEFT JOIN PRES_CHURN C ON C.CUSTOMER_ID = M.CUSTOMER_ID"
    )
    assert float(scores["CHURNED"]) + 0.1 < float(scores["STAYED"])


def test_happy_customers_are_worth_more(deployment: Deployment) -> None:
    (values,) = deployment.rows(
        "SELECT AVG(IFF(SENTIMENT_SCORE > 0.6, CLV, NULL)) AS HAPPY, AVG(IFF(SENTIMENT_SCORE < 0.4, CLV, NULL)) AS SAD"
        " FROM PRES_CLV"
    )
    assert float(values["HAPPY"]) > 1.3 * float(values["SAD"])


def test_every_call_has_a_day(deployment: Deployment) -> None:
    (calls,) = deployment.rows(
        "SELECT COUNT(CALLED_AT) AS DATED, COUNT(*) AS CALLS,"
        " COUNT_IF(CALLED_AT_SOURCE IN ('manifest', 'name')) AS TOLD FROM STG_SUPPORT_CALLS"
    )
    assert calls == {"DATED": 3, "CALLS": 3, "TOLD": 3}


def test_no_row_is_rejected_and_no_call_fails(deployment: Deployment) -> None:
    assert deployment.rows("SELECT COUNT(*) AS N FROM STG_REJECTED_ROWS") == [{"N": 0}]
    assert deployment.rows("SELECT STATUS, COUNT(*) AS N FROM CALL_TRANSCRIPTS GROUP BY STATUS") == [
        {"STATUS": "ok", "N": CALLS}
    ]


# How the run behaves


def test_the_warehouse_answers_while_the_run_is_going_on(deployment: SampleRun) -> None:
    assert deployment.read_meanwhile == [{"N": deployment.written.rows["orders.csv"]}]


def test_every_comment_is_scored_and_training_texts_out_of_fold(deployment: SampleRun) -> None:
    labelled = "SELECT REVIEW_TEXT FROM STG_COMMENT_TRAINING"
    (scored,) = deployment.rows(
        "SELECT COUNT(*) AS N, MIN(SENTIMENT) >= 0 AS LOW, MAX(SENTIMENT) <= 1 AS HIGH,"
        " COUNT(DISTINCT IFF(IS_OUT_OF_FOLD, REVIEW_TEXT, NULL)) AS TRAINED,"
        f" COUNT_IF(REVIEW_TEXT IN ({labelled}) AND NOT IS_OUT_OF_FOLD) AS WRONG FROM PRED_TWITTER_COMMENTS"
    )
    rows = deployment.written.rows
    comments, trained = rows["twitter_comments.parquet"], rows["comment_training.parquet"]
    assert 0 < trained < comments
    assert scored == {"N": comments, "LOW": True, "HIGH": True, "TRAINED": trained, "WRONG": 0}


def test_nothing_temporary_is_left(deployment: SampleRun) -> None:
    schemas = "SELECT COUNT(*) AS N FROM INFORMATION_SCHEMA.SCHEMATA WHERE SCHEMA_NAME LIKE 'RUN%'"
    assert deployment.rows(schemas) == [{"N": 0}]


def test_a_second_run_embeds_transcribes_and_trains_nothing(deployment: SampleRun) -> None:
    before = deployment.rows("SELECT TRANSCRIBED_AT FROM CALL_TRANSCRIPTS ORDER BY RELATIVE_PATH")
    output = deployment.call("run", "--source", str(deployment.source))
    comments = f"{deployment.written.rows['twitter_comments.parquet']:,}"
    assert f"CustomerComment: {comments} objects, 0 embedded, 0 removed" in output
    assert f"PRED_TWITTER_COMMENTS: {comments} rows, 0 new, 0 changed, 0 removed" in output
    assert "nothing has changed since" in output
    assert deployment.rows("SELECT TRANSCRIBED_AT FROM CALL_TRANSCRIPTS ORDER BY RELATIVE_PATH") == before


def test_a_structured_run_fetches_no_more_than_a_hundred_rows_at_a_time(deployment: SampleRun) -> None:
    before = len(list(read_statements(deployment.home)))
    selected = "+key:pres_ad_spend or +key:mrr or +key:customers or +key:orders"
    deployment.call("run", "--source", str(deployment.source), "--select", selected)
    statements = list(read_statements(deployment.home))[before:]
    selects = [s for s in statements if s["sql"].lstrip().upper().startswith(("SELECT", "WITH"))]
    assert len(selects) > 20
    assert max(statement["rows"] for statement in selects) <= 100


def test_every_statement_so_far_is_one_that_snowflake_takes(deployment: SampleRun) -> None:
    deployment.call("clean")
    deployment.attempt("doctor")
    statements = list(read_statements(deployment.home))
    assert len(statements) > 500
    assert list(problems(statements)) == []


def test_every_statement_of_a_run_names_the_run_and_an_asset(deployment: SampleRun) -> None:
    tags = [json.loads(statement["query_tag"]) for statement in read_statements(deployment.home)]
    assert [tag for tag in tags if tag["run_id"] != OUTSIDE_OF_RUNS and not tag["asset"]] == []
    assert {name.lower() for name in tables.TABLES} - {"stg_rejected_rows"} <= {tag["asset"] for tag in tags}


def test_a_run_creates_only_what_the_setup_script_allows(deployment: SampleRun) -> None:
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


PRESENTATION = ["PRES_SENTIMENT", "PRES_AD_SPEND", "PRES_CLV", "PRES_CHURN"]


def test_weaviate_gives_the_same_presentation_tables_though_its_server_is_killed(
    deployment: SampleRun, own_weaviate: WeaviateProcess, tmp_path: Path
) -> None:
    # The vectors are those of the run with LanceDB, so that only the store is another, and nothing is embedded.
    source = tmp_path / "source"
    source.mkdir()
    for path in deployment.source.iterdir():
        (source / path.name).symlink_to(path)
    deployment.call("snapshot", "create", str(source / "snapshot"))

    server = own_weaviate.start()
    made = Deployment(tmp_path / "home", {"CUSTOMER_ANALYTICS_VECTORS": "weaviate", **server.variables})
    run = made.start("run", "--source", str(source))
    assert run.stdout
    printed = []
    for line in run.stdout:
        printed.append(line)
        if re.search(r"CommentTraining: \S+ objects restored", line):  # before those of CustomerComment
            own_weaviate.kill()
            time.sleep(5)
            assert own_weaviate.start() == server
    assert run.wait() == 0, "".join(printed)
    assert "Weaviate at" in "".join(printed) and "waiting for it" in "".join(printed)
    comments = deployment.written.rows["twitter_comments.parquet"]
    assert f"CustomerComment: {comments:,} objects, 0 embedded, 0 removed" in "".join(printed)
    try:
        for table in PRESENTATION:
            rows = [sorted(map(str, of.rows(f"SELECT * FROM {table}"))) for of in (made, deployment)]
            assert rows[0] == rows[1], table
    finally:
        stop(made.home)
