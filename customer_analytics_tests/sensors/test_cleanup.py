"""What is temporary goes away with its run, however that ends."""

import datetime as dt
import uuid
from collections.abc import Iterator

import dagster as dg
import pytest

from customer_analytics.automation.run_sensors import clean_up
from customer_analytics.embedded_snowflake import Endpoint
from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse
from customer_analytics.resources.leftovers import drop_leftovers
from customer_analytics_tests.warehouse.stock import staged


@pytest.fixture
def warehouse(endpoint: Endpoint, endpoint_home: str) -> Iterator[EmbeddedWarehouse]:
    made = EmbeddedWarehouse(home=endpoint_home, database=f"C_{uuid.uuid4().hex[:8].upper()}", schema_name="S")
    made.writes.ensure_schema()
    made.close()  # the tests go on as other runs, each with a session of its own
    yield made


def leave_something(warehouse: EmbeddedWarehouse, run_id: str) -> None:
    warehouse.run_id = run_id
    staged(warehouse, ("train", 1))
    warehouse.close()


@dg.asset
def well() -> None: ...


@dg.asset
def ill() -> None:
    raise dg.Failure("on purpose")


@pytest.mark.parametrize(("asset", "name"), [(well, "clean_up_after_success"), (ill, "clean_up_after_failure")])
def test_a_sensor_drops_what_an_ended_run_has_left(
    warehouse: EmbeddedWarehouse, asset: dg.AssetsDefinition, name: str
) -> None:
    instance = dg.DagsterInstance.ephemeral()
    result = dg.materialize([asset], instance=instance, raise_on_error=False)
    leave_something(warehouse, result.run_id)
    (sensor,) = (sensor for sensor in clean_up if sensor.name == name)
    event = result.get_run_failure_event() if asset is ill else result.get_run_success_event()
    with dg.build_run_status_sensor_context(
        sensor.name, event, instance, result.dagster_run, resources={"warehouse": warehouse}
    ) as context:
        sensor(context)
    assert warehouse.scratch.runs() == {}


def test_the_next_run_drops_what_ended_runs_have_left_and_nothing_else(warehouse: EmbeddedWarehouse) -> None:
    instance = dg.DagsterInstance.ephemeral()
    ended = dg.materialize([well], instance=instance).run_id
    unknown = str(uuid.uuid4())
    going_on = instance.create_run_for_job(dg.Definitions([well]).resolve_implicit_global_asset_job_def()).run_id
    for run_id in (ended, unknown, going_on):
        leave_something(warehouse, run_id)
    assert drop_leftovers(warehouse, instance) == [ended]
    assert set(warehouse.scratch.runs()) == {unknown, going_on}


def test_scratch_carries_when_it_was_made(warehouse: EmbeddedWarehouse) -> None:
    leave_something(warehouse, str(uuid.uuid4()))
    (made,) = warehouse.scratch.runs().values()
    assert abs(dt.datetime.now(dt.UTC) - made) < dt.timedelta(hours=1)
