"""What becomes of sources as real shops have them: the right figures, and nothing lost without a word."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customer_analytics.embedded_snowflake import stop
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.real_shop import AS_OF, write_real_shop
from customer_analytics_tests.small_source import write_small_source

DERIVED = ("AS_OF", "CUSTOMERS", "ORDERS", "MRR", "ATTRIBUTION_TOUCHES", "PRES_AD_SPEND")
STRUCTURED = "+key:pres_ad_spend or +key:mrr or +key:customers or +key:orders"


@dataclass(frozen=True)
class Shop:
    """A deployment with the source of a shop, and what the first run printed."""

    deployment: Deployment
    source: Path
    first: CompletedProcess[str]

    def run(self, *arguments: str) -> CompletedProcess[str]:
        return self.deployment.attempt("run", "--source", str(self.source), *arguments)

    def derived(self) -> dict[str, list[str]]:
        """The rows of all tables that the structured files are made into."""
        return {name: sorted(map(str, self.deployment.rows(f"SELECT * FROM {name}"))) for name in DERIVED}

    def value(self, select: str) -> object:
        (row,) = self.deployment.rows(f"SELECT {select}")
        (value,) = row.values()
        return value


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The shop of `real_shop.py`, after a run of all assets."""
    deployment = Deployment(tmp_path_factory.mktemp("real"))
    source = write_real_shop(tmp_path_factory.mktemp("source"))
    yield Shop(deployment, source, deployment.attempt("run", "--source", str(source)))
    stop(deployment.home)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The small shop after a run of its structured assets; tests put its files back."""
    deployment = Deployment(tmp_path_factory.mktemp("small"))
    source = write_small_source(tmp_path_factory.mktemp("source"))
    yield Shop(deployment, source, deployment.attempt("run", "--source", str(source), "--select", STRUCTURED))
    stop(deployment.home)


@pytest.fixture
def change(small: Shop) -> Iterator[Callable[[str, str], None]]:
    """Append lines to a file of the small shop until the test is over."""
    before = {path: path.read_bytes() for path in small.source.glob("*.*")}

    def _change(name: str, lines: str) -> None:
        with (small.source / name).open("a", encoding="utf-8") as file:
            file.write(lines)

    yield _change
    for path, content in before.items():
        path.write_bytes(content)


def test_a_shop_with_text_ids_semicolons_and_no_labels_has_the_right_figures(real: Shop) -> None:
    assert real.first.returncode == 0, real.first.stdout + real.first.stderr
    assert real.value("MIN(AS_OF) FROM AS_OF") == AS_OF
    assert real.value("MIN(CUSTOMER_ID) FROM CUSTOMERS") == "CF-00001"
    assert real.value("SUM(CUSTOMER_LIFETIME_VALUE) FROM CUSTOMERS") == "456.00"  # 400 + 50 + 7 - 1
    assert (
        real.value("SUM(NET_LIFETIME_VALUE) FROM CUSTOMERS") == "450.00"
    )  # without what is returned, and the coupon
    assert real.value("SUM(OTHER_AMOUNT) FROM ORDERS") == "50.00"
    assert real.value("SUM(CREDIT_CARD_AMOUNT) FROM ORDERS") == "407.00"
    assert real.value("SUM(TOTAL_AMOUNT) FROM ORDERS") == "456.00"
    assert real.value("COUNT(*) FROM PRES_CHURN") == 10
    assert real.value("SUM(MRR) FROM MRR WHERE DATE_MONTH = '2025-06-01'") == "750.00"  # 30 customers
    (spend,) = real.deployment.rows("SELECT * FROM PRES_AD_SPEND")
    assert (spend["UTM_SOURCE"], spend["UTM_MEDIUM"], spend["ROAS_LINEAR"]) == ("google", "cpc", 20)


def test_comments_are_scored_by_the_shipped_classifier(real: Shop) -> None:
    rows = real.deployment.rows("SELECT CUSTOMER_ID, SENTIMENT FROM PRED_TWITTER_COMMENTS ORDER BY DATE")
    assert [row["CUSTOMER_ID"] for row in rows] == ["CF-00001", "CF-00002", None]
    assert rows[0]["SENTIMENT"] > 0.5 > rows[1]["SENTIMENT"]
    assert real.value("COUNT(*) FROM PRES_SENTIMENT") == 2


def test_the_summary_tells_of_rejected_rows_failed_checks_and_calls(real: Shop) -> None:
    printed = real.first.stdout
    assert "orders.csv: 2 of 44" in printed
    assert "line 44: ORDER_DATE '2025-13-01' is not a date (YYYY-MM-DD)" in printed
    assert "subscription_periods.csv: 1 of 42" in printed
    assert "MONTHLY_AMOUNT '-5.00' is negative" in printed
    assert "twitter_comments.csv: 1 of 4" in printed
    assert "WARN  stg_payments values_are_accepted: 1 row: PAYMENT_METHOD paypal (1)" in printed
    assert (
        "WARN  as_of no_row_of_stg_subscription_periods_is_later: 1 row after 2025-06-30, the latest on 2031-01-01"
        in printed
    )
    assert "Calls: 0 ok" in printed
    assert "succeeded" in printed


def test_values_reach_the_rejected_rows_and_no_log(real: Shop) -> None:
    (row,) = real.deployment.rows("SELECT * FROM STG_REJECTED_ROWS WHERE LINE = 45")
    assert row["REASON"] == "ORDER_DATE 'soon' is not a date (YYYY-MM-DD)"
    assert row["RULE"] == "ORDER_DATE is not a date (YYYY-MM-DD)"
    assert "2 of 44 rows are in STG_REJECTED_ROWS; line 44: ORDER_DATE is not a date" in real.first.stderr
    assert "2025-13-01" not in real.first.stderr
    for database in (real.deployment.home / "dagster").rglob("*.db"):
        assert b"2025-13-01" not in database.read_bytes()


def test_later_rows_are_kept_and_move_nothing(small: Shop, change: Callable[[str, str], None]) -> None:
    before = small.derived()
    change("subscription_periods.csv", "90,1,2031-01-01,,25\n")
    change("orders.csv", "90,1,2205-01-01,completed\n")
    change("payments.csv", "90,90,credit_card,5000\n")
    change("ad_spend.csv", "2031-01-01,google,cpc,spring,7\n9999-12-31,google,cpc,spring,1\n")
    done = small.run("--select", STRUCTURED)
    assert done.returncode == 0
    assert small.derived() == before
    assert (small.value("COUNT(*) FROM STG_ORDERS"), small.value("COUNT(*) FROM STG_AD_SPEND")) == (4, 2)
    assert "DATE_DAY '9999-12-31' is not in the years 1900 to 2260" in done.stdout
    assert "no_row_of_stg_orders_is_later: 1 row after 2020-03-05, the latest on 2205-01-01" in done.stdout


def test_a_refused_file_keeps_its_table_and_stops_only_what_is_made_of_it(
    small: Shop, change: Callable[[str, str], None]
) -> None:
    sessions = (small.source / "sessions.csv").read_text()
    (small.source / "sessions.csv").write_text(sessions.replace(":00,", ":00 Uhr,"))
    (small.source / "ad_spend.csv").write_text("date_day,utm_source,utm_medium,utm_campaign,spend\n")
    change("orders.csv", "4,3,2020-03-01,placed\n")
    done = small.run("--select", STRUCTURED)
    assert done.returncode == 1
    assert "sessions.csv: 2 of 2 rows (100 %) cannot be loaded" in done.stderr
    assert "ad_spend.csv has no rows and STG_AD_SPEND has" in done.stderr
    assert "Skipped, because an upstream asset failed: attribution_touches, pres_ad_spend" in done.stdout
    assert small.value("COUNT(*) FROM STG_SESSIONS") == 2
    assert small.value("COUNT(*) FROM STG_AD_SPEND") > 0
    assert small.value("COUNT(*) FROM ORDERS") == 4
    refused = small.deployment.rows("SELECT SOURCE FROM STG_REJECTED_ROWS WHERE LINE = 0 ORDER BY 1")
    assert [row["SOURCE"] for row in refused] == ["ad_spend.csv", "sessions.csv"]


def test_customers_without_a_row_stop_the_run_before_anything_is_written(
    small: Shop, change: Callable[[str, str], None]
) -> None:
    (small.source / "customers.csv").write_text("customer_id,first_name,last_name\n")
    change("orders.csv", "5,3,2020-03-01,placed\n")
    before = small.derived()
    done = small.run("--select", STRUCTURED)
    assert done.returncode == 1
    assert done.stderr.strip().startswith("Error: customers.csv has no rows and must have one")
    assert small.derived() == before
    assert small.value("COUNT(*) FROM STG_CUSTOMERS") == 3


def test_a_file_without_rows_may_empty_its_table_where_that_is_allowed(
    small: Shop, change: Callable[[str, str], None]
) -> None:
    (small.source / "customer_conversions.csv").write_text("customer_id,converted_at,revenue\n")
    allowed = Deployment(small.deployment.home, {"CUSTOMER_ANALYTICS_ALLOW_EMPTY_FILES": "true"})
    allowed.call("run", "--source", str(small.source), "--select", "stg_customer_conversions")
    assert small.value("COUNT(*) FROM STG_CUSTOMER_CONVERSIONS") == 0


def test_comments_that_cannot_be_read_leave_those_that_are_there(small: Shop, change: object) -> None:
    path = small.source / "twitter_comments.parquet"
    small.run("--select", "stg_twitter_comments")
    assert small.value("COUNT(*) FROM STG_TWITTER_COMMENTS") == 4
    table = pq.read_table(path)
    pq.write_table(table, path, write_page_checksum=True, compression="none", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[content.index(b"The box came empty")] ^= 8
    path.write_bytes(content)
    done = small.run("--select", "key:stg_twitter_comments or key:stg_rejected_rows")
    assert done.returncode == 1
    assert "twitter_comments.parquet" in done.stderr
    assert small.value("COUNT(*) FROM STG_TWITTER_COMMENTS") == 4


def test_ids_of_whole_floats_are_written_as_whole_numbers(small: Shop, change: object) -> None:
    ids = [1.0, 12345678901.0, 2.0**52, None]
    columns = {"customer_id": ids, "date": ["2020-03-04"] * 4, "review_text": ["a toy", "a box", "a day", "no id"]}
    pq.write_table(pa.table(columns), small.source / "twitter_comments.parquet")
    done = small.run("--select", "stg_twitter_comments")
    rows = small.deployment.rows("SELECT CUSTOMER_ID FROM STG_TWITTER_COMMENTS ORDER BY LINE")
    assert [row["CUSTOMER_ID"] for row in rows] == ["1", "12345678901", "4503599627370496", None]
    assert "WARN  stg_twitter_comments customers_are_known: 3 rows" in done.stdout


def test_as_of_is_checked_before_anything_runs(small: Shop) -> None:
    for day in ("2020-13-01", "yesterday", "1899-12-31"):
        done = small.run("--as-of", day)
        assert done.returncode == 2
        assert day in done.stderr


def test_a_wrong_path_is_one_sentence(small: Shop) -> None:
    done = small.deployment.attempt("run", "--source", str(small.source / "nowhere"))
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("Error: ")
    assert "nowhere does not exist" in line


def test_the_reporting_day_is_found_in_the_tables_without_the_source(small: Shop, tmp_path: Path) -> None:
    ran = small.deployment.attempt("run", "--source", str(tmp_path / "gone"), "--select", "key:as_of")
    assert ran.returncode == 0, ran.stderr
    assert "gone" not in ran.stderr


def test_a_day_given_by_the_user_is_no_reason_to_warn(small: Shop) -> None:
    ran = small.run("--select", "key:as_of", "--as-of", "2025-03-15")
    assert ran.returncode == 0, ran.stderr
    assert "warning" not in ran.stderr


def test_calls_and_labels_that_are_gone_at_once_are_kept(small: Shop, change: object) -> None:
    call = small.source / "calls" / "1-01.wav"
    call.write_bytes(b"RIFF")
    tables = "key:stg_support_calls or key:stg_comment_training"
    assert small.run("--select", tables).returncode == 0
    call.unlink()
    (small.source / "comment_training.parquet").unlink()
    done = small.run("--select", tables)
    assert done.returncode == 1
    assert "calls holds no recording where STG_SUPPORT_CALLS has 1, so it keeps its rows" in done.stderr
    assert "comment_training.parquet is missing and STG_COMMENT_TRAINING has 80 rows" in done.stderr
    counts = small.value("COUNT(*) FROM STG_SUPPORT_CALLS"), small.value("COUNT(*) FROM STG_COMMENT_TRAINING")
    assert counts == (1, 80)
    allowed = Deployment(small.deployment.home, {"CUSTOMER_ANALYTICS_ALLOW_EMPTY_FILES": "true"})
    allowed.call("run", "--source", str(small.source), "--select", tables)
    assert small.value("COUNT(*) FROM STG_SUPPORT_CALLS") == 0
