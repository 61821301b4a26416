"""What is temporary goes away with its run when that ends, or with the next run if it was killed."""

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


def _drop_scratch(context: dg.RunStatusSensorContext, warehouse: Warehouse) -> None:
    warehouse.drop_scratch(context.dagster_run.run_id)


sensors = [
    dg.run_status_sensor(
        run_status=status,
        name=f"clean_up_after_{outcome}",
        description="Drops everything temporary of a run when it ends.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )(_drop_scratch)
    for status, outcome in (
        (dg.DagsterRunStatus.SUCCESS, "success"),
        (dg.DagsterRunStatus.FAILURE, "failure"),
        (dg.DagsterRunStatus.CANCELED, "cancellation"),
    )
]
