"""Schedules."""

import dagster as dg

from customer_analytics.automation import jobs, maintenance

# Stopped by default: with sensors and conditions running, it finds nothing to do.
daily = dg.ScheduleDefinition(
    name="daily",
    job=jobs.everything,
    cron_schedule="0 5 * * *",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every asset, each morning: an alternative to the sensors.",
)

reconciliation = [
    dg.ScheduleDefinition(
        name=f"nightly_reconciliation_of_{job.name}",
        job=job,
        cron_schedule=f"{minute} 2 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Compares all files with the tables, loads what sensors missed, removes deleted files' rows.",
    )
    for job, minute in ((jobs.calls, 30), (jobs.comments, 45))
]

weekly = dg.ScheduleDefinition(
    name="weekly_maintenance",
    job=maintenance.maintenance,
    cron_schedule="0 4 * * 0",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Compacts and indexes the collections of vectors.",
)


@dg.schedule(
    job=jobs.dated,
    cron_schedule="15 0 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Counts rows that were dated in the future until today.",
)
def nightly_reporting_day(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Refresh the tables that depend on AS_OF, once something has been loaded."""
    if context.instance.get_latest_materialization_event(dg.AssetKey("as_of")) is None:
        return dg.SkipReason("Nothing has been loaded yet.")
    return dg.RunRequest()


schedules = [daily, nightly_reporting_day, *reconciliation, weekly]
