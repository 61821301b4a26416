"""Sessions of a run."""

import os
import signal
from pathlib import Path

from customer_analytics.embedded_snowflake import find, read_statements, stop
from customer_analytics.resources.warehouse.embedded import EmbeddedWarehouse
from customer_analytics_tests.warehouse.stock import STOCK, contents, rows


def test_copies_of_a_warehouse_share_one_session(warehouse: EmbeddedWarehouse) -> None:
    assert warehouse.model_copy().session() is warehouse.session()


def test_work_goes_on_when_the_endpoint_was_killed_in_between(tmp_path: Path) -> None:
    warehouse = EmbeddedWarehouse(home=str(tmp_path), database="D", schema_name="S")
    warehouse.ensure_schema()
    warehouse.ensure_table(STOCK)
    warehouse.upsert(STOCK, rows(("train", 1)))
    endpoint = find(tmp_path)
    assert endpoint
    os.kill(endpoint.pid, signal.SIGKILL)
    warehouse.upsert(STOCK, rows(("kite", 2)))
    assert contents(warehouse) == {"train": 1, "kite": 2}
    warehouse.close()
    stop(tmp_path)


def test_every_statement_carries_the_run_id(warehouse: EmbeddedWarehouse) -> None:
    warehouse.session().sql("SELECT NULL AS TAGGED").collect()
    (statement,) = (s for s in read_statements(Path(warehouse.home)) if s["sql"] == "SELECT NULL AS TAGGED")
    assert warehouse._run_id in statement["query_tag"]
