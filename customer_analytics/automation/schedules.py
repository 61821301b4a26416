"""What runs at fixed times."""

import dagster as dg

from customer_analytics.automation import jobs, maintenance

# Off until somebody switches it on: with the sensors and conditions on, it finds nothing to do.
daily = dg.ScheduleDefinition(
    name="daily",
    job=jobs.everything,
    cron_schedule="0 5 * * *",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every asset, each morning; for those who rather have one run a day than sensors.",
)

reconciliation = [
    dg.ScheduleDefinition(
        name=f"nightly_reconciliation_of_{job.name}",
        job=job,
        cron_schedule=f"{minute} 2 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Compares all files with what is known, finds what sensors missed, and forgets what is gone.",
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
    description="Counts what was dated later than the day before, now that its day has come.",
)
def nightly_reporting_day(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Request what depends on AS_OF, once something has been loaded."""
    if context.instance.get_latest_materialization_event(dg.AssetKey("as_of")) is None:
        return dg.SkipReason("Nothing has been loaded yet.")
    return dg.RunRequest()


schedules = [daily, nightly_reporting_day, *reconciliation, weekly]
