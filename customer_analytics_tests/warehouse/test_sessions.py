"""Sessions of a run."""

import os
import signal
from pathlib import Path

import dagster as dg

from customer_analytics.embedded_snowflake import find, read_statements, stop
from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse
from customer_analytics.resources.adapters import resources
from customer_analytics.settings import Settings
from customer_analytics_tests.warehouse.stock import STOCK, contents, rows


def test_the_resources_of_a_run_share_one_session(tmp_path: Path) -> None:
    made = resources(Settings(home=tmp_path))
    with dg.build_resources({name: made[name] for name in ("registry", "warehouse")}) as built:
        shared = built.warehouse
        assert built.registry.warehouse is shared
    with dg.build_resources({"warehouse": made["warehouse"]}) as built:
        assert built.warehouse is not shared


def test_work_goes_on_when_the_endpoint_was_killed_in_between(tmp_path: Path) -> None:
    warehouse = EmbeddedWarehouse(home=str(tmp_path), database="D", schema_name="S")
    warehouse.writes.ensure_schema()
    warehouse.writes.ensure_table(STOCK)
    warehouse.writes.upsert(STOCK, rows(("train", 1)))
    endpoint = find(tmp_path)
    assert endpoint
    os.kill(endpoint.pid, signal.SIGKILL)
    warehouse.writes.upsert(STOCK, rows(("kite", 2)))
    assert contents(warehouse) == {"train": 1, "kite": 2}
    warehouse.close()
    stop(tmp_path)


def test_every_statement_carries_the_run_id(warehouse: EmbeddedWarehouse) -> None:
    warehouse.session().sql("SELECT NULL AS TAGGED").collect()
    (statement,) = (s for s in read_statements(Path(warehouse.home)) if s["sql"] == "SELECT NULL AS TAGGED")
    assert warehouse.run_id in statement["query_tag"]
