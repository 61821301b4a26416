"""Close runs whose process died unnoticed, as in a power failure; Dagster would show them as running forever.

A code server reports a run worker that dies. This covers runs whose code server died too, which Dagster's default
launcher does not monitor, and runs of the command line, which have no code server.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import dagster as dg
from dagster import DagsterEventType, DagsterRunStatus
from dagster._core.launcher import DefaultRunLauncher

from customer_analytics import run_locks
from customer_analytics.settings import settings
from customer_analytics.supervisor import Process

LAUNCHED_BY_COMMAND_LINE = {"customer_analytics/launched_by": "command line"}
_MARGIN = 60.0
"""Seconds by which a process may seem to have started after its report, as when the clock was corrected since."""
_UNFINISHED = [DagsterRunStatus.STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.NOT_STARTED]


def close_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Close runs of code servers whose process has died; their ids."""
    if not isinstance(instance.run_launcher, DefaultRunLauncher):
        return []  # other launchers run elsewhere and monitor their runs
    runs = instance.get_runs(dg.RunsFilter(statuses=[DagsterRunStatus.STARTED]))
    others = (run for run in runs if not LAUNCHED_BY_COMMAND_LINE.items() <= run.tags.items())
    return _close(instance, (run for run in others if _has_died(instance, run.run_id)))


def close_dead_runs_of_command_line(instance: dg.DagsterInstance, home: Path) -> list[str]:
    """Close runs of the command line whose process has died; their ids."""
    runs = instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED, tags=LAUNCHED_BY_COMMAND_LINE))
    return _close(instance, (run for run in runs if not run_locks.is_held(home, run.run_id)))


def free_places_of_unknown_runs(instance: dg.DagsterInstance) -> None:
    """Free the places in pools of runs that are not in the history, as after a repair of it."""
    storage = instance.event_log_storage
    if storage.supports_global_concurrency_limits:
        for run_id in storage.get_concurrency_run_ids():
            if not instance.has_run(run_id):
                storage.free_concurrency_slots_for_run(run_id)


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Marks runs as failed whose process died unnoticed.",
)
def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Close them, so that their work is requested again."""
    if not isinstance(context.instance.run_launcher, DefaultRunLauncher):
        return dg.SkipReason("The run launcher monitors its runs; those of the command line may be elsewhere.")
    closed = [
        *close_dead_runs(context.instance),
        *close_dead_runs_of_command_line(context.instance, settings().home),
    ]
    return dg.SkipReason(f"Closed runs {', '.join(closed)}." if closed else "Every run has a process.")


def processes(instance: dg.DagsterInstance, run_id: str) -> Iterator[Process | None]:
    """The processes that a run has reported; None for one whose PID is free or another process's by now."""
    for entry in instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT):
        pid = entry.dagster_event and entry.dagster_event.engine_event_data.metadata.get("pid")
        if pid is not None:
            process = Process.of(int(str(pid.value)))
            yield process if process and process.began_before(entry.timestamp + _MARGIN) else None


def _has_died(instance: dg.DagsterInstance, run_id: str) -> bool:
    reported = list(processes(instance, run_id))
    return bool(reported) and not any(process and process.is_alive() for process in reported)


def _close(instance: dg.DagsterInstance, dead: Iterable[dg.DagsterRun]) -> list[str]:
    """Mark runs as failed, and free their places in concurrency pools; their ids."""
    closed = []
    for run in dead:
        # A run may have ended since it was listed, and its process after it.
        if (now := instance.get_run_by_id(run.run_id)) and now.is_finished:
            continue
        instance.report_run_failed(run, "The process of this run has died.")
        if instance.event_log_storage.supports_global_concurrency_limits:
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        closed.append(run.run_id)
    return closed
