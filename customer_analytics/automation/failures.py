"""Telling somebody that a run has failed."""

import dagster as dg

from customer_analytics.resources.notifications.base import Notifier, RunFailure


@dg.run_failure_sensor(
    description="Tells of failed runs by the notifier that the settings name.",
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def tell_of_failures(context: dg.RunFailureSensorContext, notifier: Notifier) -> None:
    """Say which run failed and why, step by step."""
    run = context.dagster_run
    errors = [(event.step_key, event.step_failure_data.error) for event in context.get_step_failure_events()]
    steps = tuple(f"{step}: {error.message.strip()}" for step, error in errors if error)
    notifier.tell(RunFailure(run.run_id, run.job_name, context.failure_event.message or "", steps))
