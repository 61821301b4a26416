"""What a run leaves behind besides tables: the results of all checks, and the lineage of all columns."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customer_analytics import tables
from customer_analytics.definitions import defs
from customer_analytics.embedded_snowflake import stop
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.small_source import write_small_source

pytestmark = pytest.mark.timeout(600)
STRANGE = {
    "sessions.csv": "3,99,2020-03-02 10:00:00,2020-03-02 10:05:00,bing,cpc,spring\n",
    "orders.csv": "4,77,2020-03-03,placed\n",
    "payments.csv": "5,1,cowrie_shells,100\n",
}
AssetColumn = tuple[str, str]


@dataclass
class Ran(Deployment):
    """A deployment in which one run has been made, on a source with strange but readable rows."""

    source: Path = Path()

    def metadata(self) -> dict[str, Mapping[str, Any]]:
        """What each asset's latest materialization tells."""
        with dg.DagsterInstance.from_config(str(self.home / "dagster")) as instance:
            events = {
                key.to_user_string(): instance.get_latest_materialization_event(key)
                for key in defs.resolve_asset_graph().materializable_asset_keys
            }
        return {name: event.asset_materialization.metadata for name, event in events.items() if event}

    def check_results(self) -> dict[str, dg.AssetCheckEvaluation]:
        """The latest result of each check that has one, by <asset>:<check>."""
        keys = list(defs.resolve_asset_graph().asset_check_keys)
        with dg.DagsterInstance.from_config(str(self.home / "dagster")) as instance:
            latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
        return {key.to_user_string(): record.evaluation for key, record in latest.items() if record.evaluation}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("checks")
    made = Ran(folder / "home", source=write_small_source(folder / "source"))
    for name, row in STRANGE.items():
        with (made.source / name).open("a") as file:
            file.write(row)
    made.call("run", "--source", str(made.source))
    yield made
    stop(made.home)


@pytest.fixture(scope="module")
def lineage(ran: Ran) -> dict[str, Mapping[str, list[AssetColumn]]]:
    """The columns that each column of each asset comes from."""
    return {
        asset: {
            column: [(dep.asset_key.to_user_string(), dep.column_name) for dep in deps]
            for column, deps in metadata["dagster/column_lineage"].value.deps_by_column.items()
        }
        for asset, metadata in ran.metadata().items()
        if "dagster/column_lineage" in metadata
    }


def origins(lineage: dict[str, Mapping[str, list[AssetColumn]]], asset: str, column: str) -> set[AssetColumn]:
    """Where a column leads back to in the end."""
    if asset not in lineage:
        return {(asset, column)}
    return {origin for source in lineage[asset][column] for origin in origins(lineage, *source)}


def test_every_check_has_a_result_and_only_strange_rows_are_told(ran: Ran) -> None:
    results = ran.check_results()
    assert results.keys() == {key.to_user_string() for key in defs.resolve_asset_graph().asset_check_keys}
    told = {name: result for name, result in results.items() if not result.passed}
    assert {name: result.severity.value for name, result in told.items()} == {
        "stg_orders:customers_are_known": "WARN",
        "stg_payments:values_are_accepted": "WARN",
    }
    assert told["stg_payments:values_are_accepted"].metadata.keys() == {"rows_found"}
    assert told["stg_orders:customers_are_known"].metadata.keys() == {"rows_found"}  # ids stay out of events
    assert results["stg_sessions:customers_are_known"].metadata["rows_found"].value == 1


def test_money_leads_back_to_payments(lineage: dict[str, Mapping[str, list[AssetColumn]]]) -> None:
    assert lineage["pres_clv"]["CLV"] == [("customers", "CUSTOMER_LIFETIME_VALUE")]
    assert lineage["customers"]["CUSTOMER_LIFETIME_VALUE"] == [("stg_payments", "AMOUNT")]
    assert origins(lineage, "pres_churn", "CLV") == {("stg_payments", "AMOUNT")}


def test_sentiment_leads_back_to_texts_labels_and_audio(
    lineage: dict[str, Mapping[str, list[AssetColumn]]],
) -> None:
    assert origins(lineage, "pres_clv", "SENTIMENT_SCORE") == {
        ("stg_twitter_comments", "REVIEW_TEXT"),
        ("stg_comment_training", "REVIEW_TEXT"),
        ("stg_comment_training", "LABEL"),
        ("stg_support_calls", "AUDIO_HASH"),
    }


def test_all_that_is_computed_tells_of_each_column_where_it_comes_from(
    ran: Ran, lineage: dict[str, Mapping[str, list[AssetColumn]]]
) -> None:
    written = {table.name.lower() for table in tables.TABLES.values()}
    assert lineage.keys() == {name for name in written if not name.startswith("stg_")} | {
        "comment_training",
        "customer_comment",
        "customer_call",
        "sentiment_classifier",
    }
    columns = {
        asset: {column.name for column in metadata["dagster/column_schema"].value.columns}
        for asset, metadata in ran.metadata().items()
        if "dagster/column_schema" in metadata
    }
    heard = {"MODEL", "TRANSCRIBED_AT"}  # of no source
    for asset, sources in lineage.items():
        if asset in columns:
            assert sources.keys() | (heard if asset == "call_transcripts" else set()) == columns[asset]
        for source, column in {of for columns in sources.values() for of in columns}:
            assert column in (columns[source] if source in columns else lineage[source])


def test_a_classifier_below_the_floor_is_not_used(ran: Ran) -> None:
    before = ran.rows("SELECT DISTINCT MODEL_VERSION FROM PRED_TWITTER_COMMENTS")
    training = ran.source / "comment_training.parquet"
    texts = pq.read_table(training)["REVIEW_TEXT"]
    labels = random.Random(7).choices([0, 1], k=len(texts))
    pq.write_table(pa.table({"REVIEW_TEXT": texts, "LABEL": labels}), training)

    done = ran.attempt("run", "--source", str(ran.source))

    assert done.returncode == 1
    assert "Look at the labels, or lower CUSTOMER_ANALYTICS_MINIMUM_ACCURACY" in done.stderr
    assert not ran.check_results()["sentiment_classifier:quality_is_above_the_floor"].passed
    assert ran.rows("SELECT DISTINCT MODEL_VERSION FROM PRED_TWITTER_COMMENTS") == before
    versions = "SELECT COUNT(*) AS N FROM MODEL_VERSIONS"
    assert ran.rows(versions) == [{"N": 1}]
