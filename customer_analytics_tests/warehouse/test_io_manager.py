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
from customer_analytics.checks.audit import Audit, audit_specs, audited, declared
from customer_analytics.embedded_snowflake import read_statements
from customer_analytics.resources.io_manager import SnowflakeIOManager
from customer_analytics.resources.scope import Scope
from customer_analytics.resources.warehouse.embedded import EmbeddedWarehouse
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables.presentation import PRES_CLV

CUSTOMERS = pa.Table.from_pylist(
    [{"CUSTOMER_ID": "1", "FIRST_NAME": "Ada"}, {"CUSTOMER_ID": "2", "LAST_NAME": "K."}],
    tables.table("stg_customers").arrow_schema,
)


@pytest.fixture
def resources(warehouse: EmbeddedWarehouse) -> dict[str, Any]:
    return {"warehouse": warehouse, "io_manager": SnowflakeIOManager(warehouse=warehouse, scope=Scope())}


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


def test_metadata_point_to_the_rows_and_hold_none(resources: dict[str, Any]) -> None:
    result = dg.materialize([stg_customers], resources=resources)
    (event,) = result.get_asset_materialization_events()
    metadata = {name: entry.value for name, entry in event.materialization.metadata.items()}
    assert metadata["dagster/row_count"] == 2
    assert metadata["dagster/relation_identifier"] == f"TEST.{resources['warehouse'].schema_name}.STG_CUSTOMERS"
    assert [column.name for column in metadata["dagster/column_schema"].columns] == [
        "CUSTOMER_ID",
        "FIRST_NAME",
        "LAST_NAME",
    ]
    assert metadata["query_id"]
    assert "Ada" not in str(metadata)


def test_new_rows_that_fail_an_audit_never_replace_the_old_ones(resources: dict[str, Any]) -> None:
    negative = Audit("values_are_not_negative", "", lambda rows, _: rows.filter("CLV < 0").select("CUSTOMER_ID"))
    audits = (*declared(PRES_CLV), negative)
    value = ["10.00"]

    @dg.asset(check_specs=audit_specs("pres_clv", audits))
    def pres_clv(warehouse: Warehouse) -> Any:
        rows = warehouse.session().sql(
            "SELECT 1 AS CUSTOMER_ID, 'Ada' AS NAME, NULL::DATE AS FIRST_ORDER, NULL::DATE AS MOST_RECENT_ORDER, "
            "1 AS NUMBER_OF_ORDERS, ?::NUMBER(18,2) AS CLV, NULL::FLOAT AS SENTIMENT_SCORE",
            params=value,
        )
        yield from audited(PRES_CLV, rows, warehouse, audits)

    def published() -> list[Any]:
        warehouse = resources["warehouse"]
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


def test_every_statement_carries_the_run_and_the_asset(resources: dict[str, Any]) -> None:
    @dg.multi_asset(outs={"stg_customers": dg.AssetOut(), "stg_orders": dg.AssetOut()})
    def staged(warehouse: Warehouse) -> Any:
        warehouse.session()
        with ThreadPoolExecutor(1) as threads:
            threads.submit(warehouse.query, "SELECT NULL AS IN_A_THREAD").result()
        yield dg.Output(CUSTOMERS, "stg_customers")
        yield dg.Output(tables.table("stg_orders").arrow_schema.empty_table(), "stg_orders")

    @dg.asset(name="customers", deps=["stg_orders"])
    def last(warehouse: Warehouse, stg_customers: DataFrame) -> None:
        stg_customers.count()

    run_id = dg.materialize([staged, last], resources=resources).run_id
    labelled = [
        (json.loads(statement["query_tag"])["asset"], statement["sql"])
        for statement in read_statements(Path(resources["warehouse"].home))
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
