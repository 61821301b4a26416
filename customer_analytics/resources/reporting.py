"""What the figures of a shop depend on, beside its data."""

import datetime as dt

import dagster as dg
from pydantic import Field


class Reporting(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Which day a moment falls on, and which orders are sales."""

    time_zone: str = Field(default="UTC", description="IANA name of the time zone in which days begin and end.")
    statuses_not_sales: list[str] = Field(description="Statuses of orders that the net lifetime value leaves out.")


def day_of_start(instance: dg.DagsterInstance, run_id: str) -> dt.date:
    """The UTC day on which a run started."""
    record = instance.get_run_record_by_id(run_id)
    if record is None:
        raise LookupError(f"Dagster's storage has no run {run_id}.")
    started = record.start_time or record.create_timestamp.timestamp()
    return dt.datetime.fromtimestamp(started, dt.UTC).date()
