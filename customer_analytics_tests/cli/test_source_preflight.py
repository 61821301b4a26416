"""The source report of `run` and `doctor`, and sources that stop a run before it starts."""

from pathlib import Path

import pytest

from customer_analytics.embedded_snowflake import stop
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.small_source import write_small_source


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(tmp_path / "state")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_small_source(tmp_path / "shop")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("elsewhere", "elsewhere does not exist: check the path and what it should hold."),
        ("state\x1b[2J", r"state\x1b[2J does not exist: check the path and what it should hold."),
        ("shop/orders.csv", "orders.csv is not a folder: name the folder that holds the source files."),
        ("shop/calls", "name the folder that holds them."),
    ],
)
@pytest.mark.parametrize("selection", [(), ("--select", "+mrr")])
def test_a_wrong_path_is_one_sentence(
    deployment: Deployment, source: Path, name: str, sentence: str, selection: tuple[str, ...]
) -> None:
    done = deployment.attempt("run", "--source", str(source.parent / name), *selection)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: /")
    assert done.stderr.endswith(f"{sentence}\n")
    assert (done.stderr + done.stdout).count("\n") == 1
    assert not deployment.home.exists()


def test_without_customers_no_run_starts(deployment: Deployment, source: Path) -> None:
    (source / "customers.csv").write_bytes(b"PK\x03\x04\x1b[2J")
    done = deployment.attempt("run", "--source", str(source))
    assert done.returncode == 1
    assert "FAIL  customers.csv:            is an Excel workbook" in done.stdout
    assert "ok    orders.csv:                        3 rows   4 columns" in done.stdout
    assert done.stderr == (
        "Error: customers.csv is an Excel workbook or another ZIP archive: save its sheet as CSV (UTF-8). "
        "Nothing was written.\n"
    )
    assert not deployment.home.exists()


def test_a_run_reports_the_source_and_continues_without_a_refused_file(
    deployment: Deployment, source: Path
) -> None:
    (source / "orders.csv").unlink()
    try:
        done = deployment.attempt("run", "--source", str(source), "--select", "+key:stg_customers")
        assert "FAIL  orders.csv:               is missing: add it, as CSV or as Parquet." in done.stdout
        assert (done.returncode, deployment.rows("SELECT COUNT(*) AS N FROM STG_CUSTOMERS")) == (0, [{"N": 3}])
    finally:
        stop(deployment.home)


def test_doctor_reports_each_file_and_fails_on_one_that_would_be_refused(
    deployment: Deployment, source: Path
) -> None:
    deployment.variables["CUSTOMER_ANALYTICS_SOURCE"] = str(source)
    with (source / "orders.csv").open("a") as file:
        file.write("4,1,2024-13-01,placed\n")
    (source / "payments.csv").write_text("payment_id;order_id;method;amount\n")
    try:
        done = deployment.attempt("doctor")
    finally:
        stop(deployment.home)
    assert done.returncode == 1
    assert f"ok    source data: {source}\n" in done.stdout
    assert (
        "ok    orders.csv:                        4 rows   4 columns  UTF-8, separated by commas  "
        "2020-01-05 to 2020-03-01\n"
        "          1 of 4 rows (25 %) cannot be loaded:\n"
        "            orders.csv line 5: ORDER_DATE '2024-13-01' is not a date (YYYY-MM-DD)\n"
        "          2 of 2 CUSTOMER_ID are in customers.csv\n"
    ) in done.stdout
    assert (
        "FAIL  payments.csv:             lacks the column PAYMENT_METHOD; its first line, separated by semicolons, "
        "names payment_id, order_id, method and 1 more: add what is missing.\n"
    ) in done.stdout
    assert "ok    warehouse (embedded)" in done.stdout
