"""Runs whose process has died unseen, as when the machine went down: Dagster would take them for going on forever.

A run worker that dies under a living code server is reported by that server. What is left are those whose code
server died too, and Dagster's default launcher does not look after these.
"""

import dagster as dg
import psutil
from dagster import DagsterEventType, DagsterRunStatus
from dagster._core.launcher import DefaultRunLauncher

_MARGIN = 60.0
"""Seconds by which a process may seem to have begun after its run."""


def close_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs as failed whose process is gone, and free what they hold; their ids."""
    if not isinstance(instance.run_launcher, DefaultRunLauncher):
        return []  # others run elsewhere, and look after their runs
    dead = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=[DagsterRunStatus.STARTED])):
        run_id = record.dagster_run.run_id
        pids = processes(instance, run_id)
        if pids and not any(_is_alive(pid, record.start_time or 0.0) for pid in pids):
            close(instance, record.dagster_run)
            dead.append(run_id)
    return dead


def close(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Mark a run as failed whose process has died, and let others have its places in concurrency pools."""
    instance.report_run_failed(run, "The process of this run has died.")
    if instance.event_log_storage.supports_global_concurrency_limits:
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def free_places_of_unknown_runs(instance: dg.DagsterInstance) -> None:
    """Free the places in pools of runs that the history does not know, as after a repair of it."""
    storage = instance.event_log_storage
    if storage.supports_global_concurrency_limits:
        for run_id in storage.get_concurrency_run_ids():
            if not instance.has_run(run_id):
                storage.free_concurrency_slots_for_run(run_id)


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Marks runs as failed whose process has died unseen.",
)
def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Close them, so that what they were to do is requested again."""
    closed = close_dead_runs(context.instance)
    return dg.SkipReason(f"Closed runs {', '.join(closed)}." if closed else "Every run has a process.")


def processes(instance: dg.DagsterInstance, run_id: str) -> set[int]:
    """The processes that the run has reported as its own."""
    events = [
        entry.dagster_event
        for entry in instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)
        if entry.dagster_event
    ]
    reported = [event.engine_event_data.metadata.get("pid") for event in events]
    return {int(str(pid.value)) for pid in reported if pid is not None}


def _is_alive(pid: int, begun: float) -> bool:
    """Whether a process of this number runs that is no later one under the same number."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and process.create_time() < begun + _MARGIN
    except psutil.NoSuchProcess:
        return False
