"""What assets take from and give to the warehouse, in real Dagster runs."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pytest
from snowflake.snowpark import DataFrame

from customer_analytics import tables
from customer_analytics.checks.audit_checks import pre_publish_specs, write_audit_publish
from customer_analytics.embedded_snowflake import read_statements
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse
from customer_analytics.publishing.audits import Audit, table_audits
from customer_analytics.publishing.table_audits import AUDITS
from customer_analytics.resources import adapters
from customer_analytics.settings import Settings
from customer_analytics.tables.presentation import PRES_CLV

NAMES = ("warehouse", "io_manager", "scope")
CUSTOMERS = pa.Table.from_pylist(
    [{"CUSTOMER_ID": "1", "FIRST_NAME": "Ada"}, {"CUSTOMER_ID": "2", "LAST_NAME": "K."}],
    tables.table("stg_customers").arrow_schema,
)


@pytest.fixture
def resources(warehouse: EmbeddedWarehouse) -> dict[str, Any]:
    place = {"home": warehouse.home, "database": "TEST", "CUSTOMER_ANALYTICS_SCHEMA": warehouse.schema_name}
    return {name: of_run for name, of_run in adapters.resources(Settings(**place)).items() if name in NAMES}


@dg.asset
def stg_customers() -> pa.Table:
    return CUSTOMERS


def test_rows_travel_as_arrow_as_pandas_and_by_reference(resources: dict[str, Any]) -> None:
    seen: dict[str, Any] = {}

    @dg.asset(name="stg_payments")
    def as_arrow(stg_customers: pa.Table) -> pa.Table:
        seen["arrow"] = sorted(stg_customers["CUSTOMER_ID"].to_pylist())
        return tables.table("stg_payments").arrow_schema.empty_table()

    @dg.asset(name="orders")
    def as_pandas(stg_customers: pd.DataFrame) -> pd.DataFrame:
        seen["pandas"] = sorted(stg_customers["CUSTOMER_ID"])
        return pd.DataFrame({name: [] for name in tables.table("orders").column_names})

    @dg.asset(name="customers")
    def by_reference(stg_customers: DataFrame) -> DataFrame:
        seen["reference"] = type(stg_customers)
        lacking = [name for name in tables.table("customers").column_names if name not in stg_customers.columns]
        empty = stg_customers.filter("1 = 0")
        for name in lacking:
            empty = empty.with_column(name, empty["CUSTOMER_ID"])
        return empty

    result = dg.materialize([stg_customers, as_arrow, as_pandas, by_reference], resources=resources)
    assert result.success
    assert seen["arrow"] == seen["pandas"] == ["1", "2"]
    assert issubclass(seen["reference"], DataFrame)


def test_each_write_is_new_to_downstream_assets_although_the_code_is_the_same(resources: dict[str, Any]) -> None:
    @dg.asset(name="stg_customers", code_version="1")
    def versioned() -> pa.Table:
        return CUSTOMERS

    with dg.DagsterInstance.ephemeral() as instance:
        written = [dg.materialize([versioned], resources=resources, instance=instance) for _ in range(2)]
    tags = [event.materialization.tags for run in written for event in run.get_asset_materialization_events()]
    assert {tag["dagster/code_version"] for tag in tags} == {"1"}
    assert len({tag["dagster/data_version"] for tag in tags}) == 2


def test_an_asset_may_set_the_version_of_what_it_writes(resources: dict[str, Any]) -> None:
    @dg.asset(name="stg_customers", code_version="1")
    def dated(context: dg.AssetExecutionContext) -> pa.Table:
        context.set_data_version(context.asset_key, dg.DataVersion("2020-02-17"))
        return CUSTOMERS

    (event,) = dg.materialize([dated], resources=resources).get_asset_materialization_events()
    assert event.materialization.tags["dagster/data_version"] == "2020-02-17"


def test_metadata_point_to_the_rows_and_hold_none(warehouse: EmbeddedWarehouse, resources: dict[str, Any]) -> None:
    result = dg.materialize([stg_customers], resources=resources)
    (event,) = result.get_asset_materialization_events()
    metadata = {name: entry.value for name, entry in event.materialization.metadata.items()}
    assert metadata["dagster/row_count"] == 2
    assert metadata["dagster/relation_identifier"] == f"TEST.{warehouse.schema_name}.STG_CUSTOMERS"
    assert [column.name for column in metadata["dagster/column_schema"].columns] == [
        "CUSTOMER_ID",
        "FIRST_NAME",
        "LAST_NAME",
    ]
    assert metadata["query_id"]
    assert "Ada" not in str(metadata)


def test_new_rows_that_fail_an_audit_never_replace_the_old_ones(
    warehouse: EmbeddedWarehouse, resources: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    negative = Audit("values_are_not_negative", "", lambda rows, _: rows.filter("CLV < 0").select("CUSTOMER_ID"))
    monkeypatch.setitem(AUDITS, PRES_CLV, (*table_audits(PRES_CLV), negative))
    value = ["10.00"]

    @dg.asset(check_specs=pre_publish_specs(PRES_CLV))
    def pres_clv(warehouse: dg.ResourceParam[Warehouse]) -> Any:
        rows = warehouse.session().sql(
            "SELECT 1 AS CUSTOMER_ID, 'Ada' AS NAME, NULL::DATE AS FIRST_ORDER, NULL::DATE AS MOST_RECENT_ORDER, "
            "1 AS NUMBER_OF_ORDERS, ?::NUMBER(18,2) AS CLV, NULL::FLOAT AS SENTIMENT_SCORE",
            params=value,
        )
        yield from write_audit_publish(PRES_CLV, rows, warehouse)

    def published() -> list[Any]:
        return [
            float(row["CLV"])
            for row in warehouse.query(f"SELECT CLV FROM {warehouse.name('PRES_CLV')}").to_pylist()
        ]

    assert dg.materialize([pres_clv], resources=resources).success
    assert published() == [10.0]
    value[0] = "-1.00"
    result = dg.materialize([pres_clv], resources=resources, raise_on_error=False)
    assert not result.success
    assert published() == [10.0]
    failed = [e.check_name for e in result.get_asset_check_evaluations() if not e.passed]
    assert failed == ["values_are_not_negative"]


def test_every_statement_carries_the_run_and_the_asset(
    warehouse: EmbeddedWarehouse, resources: dict[str, Any]
) -> None:
    @dg.multi_asset(outs={"stg_customers": dg.AssetOut(), "stg_orders": dg.AssetOut()})
    def staged(warehouse: dg.ResourceParam[Warehouse]) -> Any:
        warehouse.session()
        with ThreadPoolExecutor(1) as threads:
            threads.submit(warehouse.query, "SELECT NULL AS IN_A_THREAD").result()
        yield dg.Output(CUSTOMERS, "stg_customers")
        yield dg.Output(tables.table("stg_orders").arrow_schema.empty_table(), "stg_orders")

    @dg.asset(name="customers", deps=["stg_orders"])
    def last(warehouse: dg.ResourceParam[Warehouse], stg_customers: DataFrame) -> None:
        stg_customers.count()

    run_id = dg.materialize([staged, last], resources=resources).run_id
    labelled = [
        (json.loads(statement["query_tag"])["asset"], statement["sql"])
        for statement in read_statements(Path(warehouse.home))
        if run_id in statement["query_tag"]
    ]
    assert {asset for asset, _ in labelled} == {
        "stg_customers, stg_orders",
        "stg_customers",
        "stg_orders",
        "customers",
    }
    assert [asset for asset, sql in labelled if sql == "SELECT NULL AS IN_A_THREAD"] == [
        "stg_customers, stg_orders"
    ]
    written = {
        (asset, table)
        for asset, sql in labelled
        for table in ("STG_CUSTOMERS", "STG_ORDERS")
        if f'COPY INTO "TEST"."RUN_{run_id.replace("-", "").upper()}"."{table}_' in sql
    }
    assert written == {("stg_customers", "STG_CUSTOMERS")}
    assert any(asset == "customers" and "count(0)" in sql.lower() for asset, sql in labelled)
