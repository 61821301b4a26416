"""Sensors on runs and assets: reports of failures, scratch schemas of ended runs, and automation conditions."""

import dagster as dg

from customer_analytics.ports.notifications.base import Notifier, RunFailure
from customer_analytics.ports.warehouse.base import Warehouse

refresh = dg.AutomationConditionSensorDefinition(
    "refresh",
    target=dg.AssetSelection.all(),
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Refreshes the tables computed from new structured files, by the assets' automation conditions.",
)


@dg.run_failure_sensor(
    description="Reports failed runs through the configured notifier.",
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def tell_of_failures(context: dg.RunFailureSensorContext, notifier: dg.ResourceParam[Notifier]) -> None:
    """Report which run failed and why, step by step."""
    run = context.dagster_run
    errors = [(event.step_key, event.step_failure_data.error) for event in context.get_step_failure_events()]
    steps = tuple(f"{step}: {error.message.strip()}" for step, error in errors if error)
    notifier.tell(RunFailure(run.run_id, run.job_name, context.failure_event.message or "", steps))


def _drop_scratch(context: dg.RunStatusSensorContext, warehouse: dg.ResourceParam[Warehouse]) -> None:
    warehouse.scratch.drop(context.dagster_run.run_id)


clean_up = [
    dg.run_status_sensor(
        run_status=status,
        name=f"clean_up_after_{outcome}",
        description="Drops the scratch schema of a run when it ends.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )(_drop_scratch)
    for status, outcome in (
        (dg.DagsterRunStatus.SUCCESS, "success"),
        (dg.DagsterRunStatus.FAILURE, "failure"),
        (dg.DagsterRunStatus.CANCELED, "cancellation"),
    )
]
