"""What killed runs have left in the warehouse, dropped by the next run or on request."""

import datetime as dt

import dagster as dg

from customer_analytics.resources.warehouse.resource import Warehouse


def drop_leftovers(warehouse: Warehouse, instance: dg.DagsterInstance) -> list[str]:
    """Drop what runs have left that are over; their ids.

    A run that this Dagster instance does not know belongs to another one: it counts as over after a day.
    """
    over = [run_id for run_id, begun in warehouse.scratch_runs().items() if _is_over(instance, run_id, begun)]
    for run_id in over:
        warehouse.drop_scratch(run_id)
    return over


def _is_over(instance: dg.DagsterInstance, run_id: str, begun: dt.datetime) -> bool:
    run = instance.get_run_by_id(run_id)
    return run.is_finished if run else dt.datetime.now(dt.UTC) - begun > dt.timedelta(days=1)
