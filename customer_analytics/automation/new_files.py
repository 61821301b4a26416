"""The sensor on source files that each fill a whole table: structured files and labels."""

import hashlib
import json

import dagster as dg

from customer_analytics.automation import jobs
from customer_analytics.automation.arrivals import earlier_runs
from customer_analytics.ingestion.files import SourceFile, whole_files
from customer_analytics.ingestion.load import AmbiguousFileError, present_name
from customer_analytics.ingestion.source import Source

_WATCHED = (jobs.files, jobs.sentiment)
_JOBS = {"STG_COMMENT_TRAINING": jobs.sentiment}


@dg.sensor(
    jobs=_WATCHED,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests the tables of source files that have changed and settled.",
)
def new_files(
    context: dg.SensorEvaluationContext, source: dg.ResourceParam[Source]
) -> dg.SensorResult | dg.SkipReason:
    """Compare each file's content with the one that its table was loaded from, if size or time differ.

    For structured files, only their tables are requested; the tables computed from them follow by automation
    conditions. For labels, everything computed from them is requested. Content that could not be loaded is not
    requested again until the file changes.
    """
    if not source.uri:
        return dg.SkipReason(
            "The sample data is not watched: set CUSTOMER_ANALYTICS_SOURCE to a folder or an fsspec URI."
        )
    for job in _WATCHED:
        if earlier_runs(context.instance, job.name).is_going_on:
            return dg.SkipReason(f"Waiting, because a run of {job.name} is in progress.")
    location = source.location()
    seen: dict[str, tuple[object, bool]] = json.loads(context.cursor) if context.cursor else {}
    read: dict[str, tuple[object, bool]] = {}
    changed: dict[SourceFile, str] = {}
    for file in whole_files():
        try:
            name = present_name(location, file)
        except AmbiguousFileError as error:
            context.log.warning(str(error))
            continue
        entry, loaded = location.entry(name) if name else None, _loaded(context.instance, file)
        if entry is None or loaded is None:
            continue
        stat = [entry.path, entry.size, entry.last_modified.isoformat()]
        before, was_loaded = seen.get(file.name, (None, False))
        is_loaded = before == stat and was_loaded
        if before == stat and not is_loaded:
            # A run refuses a file that is too large to be read.
            is_readable = entry.size <= location.limits.file_bytes
            file_hash = location.sha256(entry.path, entry.size)[0] if is_readable else f"{entry.size} bytes"
            is_loaded = file_hash == loaded[0]
            if not is_loaded:
                changed[file] = f"{loaded[1]} {file_hash}"
        read[file.name] = (stat, is_loaded)
    return dg.SensorResult(run_requests=_requests(changed), cursor=json.dumps(read))


def _loaded(instance: dg.DagsterInstance, file: SourceFile) -> tuple[str, str] | None:
    """The hash of the file that the table was last loaded from, and the run that loaded it."""
    event = instance.get_latest_materialization_event(dg.AssetKey(file.table.name.lower()))
    written = event.asset_materialization if event else None
    if event is None or written is None or "file_hash" not in written.metadata:
        return None
    return str(written.metadata["file_hash"].value), event.run_id


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
    """The run key, derived from the contents that the tables were loaded from and from the new ones."""
    lines = [f"{file.name} {key}" for file, key in changed.items()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
