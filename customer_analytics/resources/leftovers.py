"""Scratch schemas of killed runs, which the next run drops, or a user on request."""

import datetime as dt

import dagster as dg

from customer_analytics.ports.warehouse.base import Warehouse


def drop_leftovers(warehouse: Warehouse, instance: dg.DagsterInstance) -> list[str]:
    """Drop the scratch schemas of runs that have ended; the ids of these runs.

    A run that this Dagster instance does not know belongs to another instance and counts as ended after a day.
    """
    over = [run_id for run_id, begun in warehouse.scratch.runs().items() if _is_over(instance, run_id, begun)]
    for run_id in over:
        warehouse.scratch.drop(run_id)
    return over


def _is_over(instance: dg.DagsterInstance, run_id: str, begun: dt.datetime) -> bool:
    run = instance.get_run_by_id(run_id)
    return run.is_finished if run else dt.datetime.now(dt.UTC) - begun > dt.timedelta(days=1)
