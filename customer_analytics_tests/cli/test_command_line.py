"""The command line, run as a user runs it."""

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from customer_analytics.embedded_snowflake import find, stop
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.small_source import write_small_source

STRUCTURED = "+key:pres_ad_spend or +key:mrr or +key:customers or +key:orders"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    made = Deployment(tmp_path_factory.mktemp("command_line"))
    yield made
    stop(made.home)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_source(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def structured(deployment: Deployment, source: Path) -> Deployment:
    deployment.call("run", "--source", str(source), "--select", STRUCTURED)
    return deployment


def test_sql_prints_json_csv_or_a_table(structured: Deployment) -> None:
    statement = "SELECT CUSTOMER_ID, FIRST_NAME, CUSTOMER_LIFETIME_VALUE AS CLV FROM CUSTOMERS ORDER BY 1"
    rows = [
        {"CUSTOMER_ID": "1", "FIRST_NAME": "Ada", "CLV": "19.50"},
        {"CUSTOMER_ID": "2", "FIRST_NAME": "Ben", "CLV": "19.99"},
        {"CUSTOMER_ID": "3", "FIRST_NAME": "Cleo", "CLV": None},
    ]
    assert json.loads(structured.call("sql", statement, "--json")) == rows
    printed = list(csv.DictReader(io.StringIO(structured.call("sql", statement, "--csv"))))
    assert [row["CLV"] for row in printed] == ["19.50", "19.99", ""]
    assert "Cleo" in structured.call("sql", statement)


def test_an_error_is_one_sentence(structured: Deployment) -> None:
    command = structured.start("sql", "SELECT * FROM NOWHERE")
    printed, _ = command.communicate()
    assert command.returncode == 1
    assert "NOWHERE" in printed
    assert "Traceback" not in printed


def test_before_the_first_run_a_missing_table_is_one_sentence(tmp_path: Path) -> None:
    fresh = Deployment(tmp_path / "home")
    ran = fresh.attempt("retry")
    stop(fresh.home)
    assert ran.returncode == 1
    assert "CALL_TRANSCRIPTS' does not exist" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("command", [("sql", "SELECT 1"), ("run",), ("erase", "1"), ("label",)])
def test_a_state_folder_of_the_version_before_is_refused_in_a_sentence(
    command: tuple[str, ...], source: Path, tmp_path: Path
) -> None:
    """In format 2, FILE_HASH was CONTENT_HASH."""
    (tmp_path / "warehouse").mkdir()
    (tmp_path / "warehouse" / "format.json").write_text('{"format": 2}')
    ran = Deployment(tmp_path, {"CUSTOMER_ANALYTICS_SOURCE": str(source)}).attempt(*command)
    assert ran.returncode == 1
    assert "is of format 2, this version reads format 3: run the version that wrote it, or move" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_as_of_decides_which_months_are_complete(structured: Deployment, source: Path) -> None:
    structured.call("run", "--source", str(source), "--select", "mrr", "--as-of", "2020-02-28")
    assert structured.rows("SELECT MAX(DATE_MONTH) AS M FROM MRR") == [{"M": "2020-01-01"}]


def test_all_problems_of_the_source_are_reported_together(
    structured: Deployment, source: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(source, broken)
    (broken / "orders.csv").unlink()
    (broken / "payments.csv").write_text("payment_id,order_id,amount\n1,1,100\n")
    done = structured.attempt("run", "--source", str(broken), "--select", "key:stg_orders or key:stg_payments")
    assert done.returncode == 1
    assert "orders.csv" in done.stderr
    assert "PAYMENT_METHOD" in done.stderr.upper()
    assert structured.rows("SELECT COUNT(*) AS N FROM STG_ORDERS") == [{"N": 3}]


def test_rejected_rows_are_kept_with_line_and_reason(structured: Deployment, source: Path, tmp_path: Path) -> None:
    dirty = tmp_path / "dirty"
    shutil.copytree(source, dirty)
    with (dirty / "customers.csv").open("a") as file:
        file.write("4,Dan,O.\n5,Eve,P.,Q.\n1,Ada again,L.\n")
    structured.call("run", "--source", str(dirty), "--select", "stg_customers")
    rejected = structured.rows(
        "SELECT LINE, RAW FROM STG_REJECTED_ROWS WHERE SOURCE = 'customers.csv' ORDER BY LINE"
    )
    assert rejected == [{"LINE": 6, "RAW": "5,Eve,P.,Q."}, {"LINE": 7, "RAW": "1,Ada again,L."}]
    structured.call("run", "--source", str(source), "--select", "stg_customers")
    assert structured.rows("SELECT SOURCE FROM STG_REJECTED_ROWS WHERE SOURCE = 'customers.csv'") == []


def test_an_unknown_selection_names_the_assets(structured: Deployment, source: Path) -> None:
    done = structured.attempt("run", "--source", str(source), "--select", "nonsense")
    assert done.returncode == 1
    assert "pres_clv" in done.stderr
    assert "is not an asset selection" in structured.attempt("run", "--select", "mrr, orders").stderr


def test_doctor_finds_what_is_missing(structured: Deployment, source: Path) -> None:
    done = structured.attempt("doctor")
    assert done.returncode == 1
    assert "FAIL  source data: No source data" in done.stdout
    assert "ok    warehouse (embedded)" in done.stdout


def test_version_and_help_are_printed(structured: Deployment) -> None:
    assert structured.call("--version").startswith("customer-analytics, version ")
    for command in ("run", "sql", "doctor", "clean"):
        assert "Usage:" in structured.call(command, "--help")


def test_clean_drops_leftovers_and_with_all_everything(structured: Deployment) -> None:
    assert "Removed the leftovers of 0 ended runs." in structured.call("clean")
    assert find(structured.home)
    structured.call("clean", "--all", "--yes")
    assert not structured.home.exists()
    assert "contains no state" in structured.call("clean", "--all", "--yes")
