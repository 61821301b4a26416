"""New structured files and labels flow in: a sensor sees them settle and requests the tables that they fill."""

import datetime as dt
import hashlib
import json

import dagster as dg

from customer_analytics.automation import jobs
from customer_analytics.automation.earlier_runs import earlier_runs
from customer_analytics.ingestion.files import SourceFile, whole_files
from customer_analytics.ingestion.load import TwiceThereError, present_name
from customer_analytics.resources.source import Source

_WATCHED = (jobs.files, jobs.sentiment)
_JOBS = {"STG_COMMENT_TRAINING": jobs.sentiment}


@dg.sensor(
    jobs=_WATCHED,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests the tables of source files that have changed and settled.",
)
def new_files(context: dg.SensorEvaluationContext, source: Source) -> dg.SensorResult | dg.SkipReason:
    """Compare each file with the one its table was loaded from, by content; read only if size or time differ.

    The tables of structured files are requested alone, and what depends on them follows by its conditions. With
    labels, what is made of them is requested too. A content that could not be loaded is not requested again until
    the file changes.
    """
    if not source.uri:
        return dg.SkipReason("No source is set: set CUSTOMER_ANALYTICS_SOURCE to a folder or an fsspec URI.")
    for job in _WATCHED:
        earlier = earlier_runs(context.instance, job.name, dt.datetime.now(dt.UTC))
        if earlier.is_going_on:
            return dg.SkipReason(f"Waiting, because a run of {job.name} is going on.")
    location = source.location()
    seen: dict[str, tuple[object, bool]] = json.loads(context.cursor) if context.cursor else {}
    looked_at: dict[str, tuple[object, bool]] = {}
    changed: dict[SourceFile, str] = {}
    for file in whole_files():
        try:
            name = present_name(location, file)
        except TwiceThereError as error:
            context.log.warning(str(error))
            continue
        entry, loaded = location.entry(name) if name else None, _loaded(context.instance, file)
        if entry is None or loaded is None:
            continue
        stat = [entry.path, entry.size, entry.last_modified.isoformat()]
        before, was_loaded = seen.get(file.name, (None, False))
        is_loaded = before == stat and was_loaded
        if before == stat and not is_loaded:
            # A file that is too large to be read is refused for its size.
            is_readable = entry.size <= location.limits.file_bytes
            content_hash = location.sha256(entry.path, entry.size)[0] if is_readable else f"{entry.size} bytes"
            is_loaded = content_hash == loaded[0]
            if not is_loaded:
                changed[file] = f"{loaded[1]} {content_hash}"
        looked_at[file.name] = (stat, is_loaded)
    return dg.SensorResult(run_requests=_requests(changed), cursor=json.dumps(looked_at))


def _loaded(instance: dg.DagsterInstance, file: SourceFile) -> tuple[str, str] | None:
    """Content hash of the file that the table was last loaded from, and the run that loaded it; None if none."""
    event = instance.get_latest_materialization_event(dg.AssetKey(file.table.name.lower()))
    written = event.asset_materialization if event else None
    if event is None or written is None or "content_hash" not in written.metadata:
        return None
    return str(written.metadata["content_hash"].value), event.run_id


def _requests(changed: dict[SourceFile, str]) -> list[dg.RunRequest]:
    requests = [
        dg.RunRequest(_key({file: key}), job_name=_JOBS[file.table.name].name)
        for file, key in changed.items()
        if file.table.name in _JOBS
    ]
    structured = {file: key for file, key in changed.items() if file.table.name not in _JOBS}
    if structured:
        tables = sorted(jobs.with_rejected_rows({dg.AssetKey(file.table.name.lower()) for file in structured}))
        requests.append(dg.RunRequest(_key(structured), job_name=jobs.files.name, asset_selection=tables))
    return requests


def _key(changed: dict[SourceFile, str]) -> str:
    """Derived from what each table was loaded from before and what it is to be loaded from."""
    lines = [f"{file.name} {key}" for file, key in changed.items()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
