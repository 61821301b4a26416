"""`erase` removes a customer everywhere and permanently, and no other customer."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import customer_analytics.sample_data as sample_data
from customer_analytics.embedded_snowflake import stop
from customer_analytics.tables import TABLES
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.small_source import write_small_source

pytestmark = pytest.mark.timeout(600)
RECORDINGS = sorted(
    (Path(sample_data.__file__).parent / "calls").glob("*.opus"), key=lambda path: path.stat().st_size
)
WITH_CUSTOMER = [name for name, table in TABLES.items() if "CUSTOMER_ID" in table.column_names]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_small_source(tmp_path_factory.mktemp("source"))
    with (folder / "customers.csv").open("a") as customers:
        customers.write("1,Ada again,L.\n21,,\n")  # the first repeats a key and is rejected
    for name, recording in {"1-01": 0, "1-02": 1, "2-01": 1}.items():
        shutil.copy(RECORDINGS[recording], folder / "calls" / f"{name}.opus")
    return folder


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Iterator[Deployment]:
    made = Deployment(tmp_path_factory.mktemp("home"), {"CUSTOMER_ANALYTICS_SOURCE": str(source)})
    made.call("run")
    made.call("snapshot", "create", str(source / "snapshot"))
    yield made
    stop(made.home)


def _of_others(deployment: Deployment) -> dict[str, list[dict[str, Any]]]:
    rows = {name: deployment.rows(f"SELECT * FROM {name} WHERE CUSTOMER_ID <> 1") for name in WITH_CUSTOMER}
    return {name: sorted(of_table, key=repr) for name, of_table in rows.items()}


def test_a_customer_is_erased_everywhere_and_stays_erased(deployment: Deployment, source: Path) -> None:
    before = _of_others(deployment)
    store, of_other_model = deployment.as_after_a_change_of_model()
    found = deployment.attempt("erase", "1", "--check")
    assert found.returncode == 1
    for place in (
        "table CUSTOMERS",
        "table STG_PAYMENTS",
        "table STG_COMMENT_TRAINING",
        "table STG_REJECTED_ROWS",
        "table PRED_CUSTOMER_CALLS",
        "stage CALL_STAGE",
        *(
            f"collection {name}__{model}__384"
            for name in ("customer_comment", "customer_call", "comment_training")
            for model in ("bge_small_en_v1_5_int8_256", "before")
        ),
        "evaluation of SENTIMENT_CLASSIFIER",
        "snapshot",
    ):
        assert place in found.stdout

    assert "no data of customer 1 is left" in deployment.call("erase", "1", "--yes")

    assert _of_others(deployment) == before
    assert deployment.rows("SELECT PAYMENT_ID FROM STG_PAYMENTS") == [{"PAYMENT_ID": "4"}]
    assert deployment.rows("SELECT COUNT(*) AS N FROM STG_COMMENT_TRAINING") == [{"N": 79}]
    staged = deployment.rows("LIST @CALL_STAGE")
    assert len(staged) == 1  # the recording that customer 2 also has
    texts = pq.read_table(next((source / "snapshot").glob("CustomerComment-*.parquet")))["review_text"].to_pylist()
    assert texts == ["The box came empty"]
    left = {
        held.name: [id for batch in store.scan(held, ["id"]) for id in batch["id"].to_pylist()]
        for held in of_other_model
    }
    assert {name: len(ids) for name, ids in left.items()} == {
        "CommentTraining": 79,
        "CustomerComment": 1,
        "CustomerCall": 1,
    }

    again = deployment.call("run")
    assert "CustomerComment: 1 objects, 0 embedded, 0 removed" in again
    assert "customers.csv: left out 2 rows of erased customers" in again
    assert "comments: left out 3 rows of erased customers" in again
    assert deployment.call("erase", "1", "--check").startswith("Data of customer 1: none.")
    assert deployment.rows("SELECT COUNT(*) AS N FROM CUSTOMERS") == [{"N": 3}]


def test_erasing_a_customer_without_data_succeeds(deployment: Deployment) -> None:
    assert "Data of customer 777: none." in deployment.call("erase", "777", "--yes")
