"""The day up to which events count, found once a run."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pyarrow as pa
from pydantic import Field
from snowflake.snowpark import DataFrame

from customer_analytics import transforms
from customer_analytics.checks import later
from customer_analytics.lineage.metadata import of_query
from customer_analytics.resources.reporting import day_of_start
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables.reporting import AS_OF, RUN_CONFIGURATION
from customer_analytics.transforms.reporting_date import ALL_EVENTS


class AsOf(dg.Config):
    """The day up to which events count."""

    as_of: str | None = Field(
        default=None,
        description="A day as YYYY-MM-DD; by default the latest day with an event, up to that of the run's start.",
        pattern=r"^(19\d\d|2[01]\d\d|22[0-5]\d|2260)-\d\d-\d\d$",
    )


def reporting_day(
    context: dg.AssetExecutionContext, config: AsOf, warehouse: Warehouse, time_zone: str
) -> Iterator[Any]:
    """The row of AS_OF, as configured or else found in the source tables, and the checks of what is later."""
    for events in ALL_EVENTS:
        warehouse.ensure_table(events.table)
    rows = {events: warehouse.table(events.table.name) for events in ALL_EVENTS}
    lineage: dict[str, Any] = {}
    if config.as_of:
        found = _configured(dt.date.fromisoformat(config.as_of), warehouse)
    else:
        found = transforms.as_of(rows, day_of_start(context.instance, context.run_id), time_zone)
        lineage = of_query(found, warehouse)
    staged = warehouse.write_scratch(AS_OF, found)
    chosen = staged.to_arrow()
    day, origin = transforms.reporting_day(chosen), chosen["ORIGIN"][0].as_py()
    context.log.info(f"Events count up to {day} (from {origin})." if origin else "There are no events yet.")
    yield dg.Output(
        staged,
        AS_OF.name.lower(),
        metadata=lineage | {"as_of": str(day), "origin": str(origin)},
        data_version=dg.DataVersion(str(day)),
    )
    if context.selected_asset_check_keys:
        yield from later.results(rows, day, time_zone)


def _configured(day: dt.date, warehouse: Warehouse) -> DataFrame:
    row = pa.Table.from_pylist([{"AS_OF": day, "ORIGIN": RUN_CONFIGURATION}], AS_OF.arrow_schema)
    return warehouse.session().table(warehouse.stage(AS_OF, row))
