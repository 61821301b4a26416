"""What is temporary goes away with its run when that ends."""

import dagster as dg

from customer_analytics.resources.warehouse.resource import Warehouse


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
