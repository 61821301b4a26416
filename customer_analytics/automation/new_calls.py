"""New call audio flows in: a sensor sees it settle and requests one run for all that is new."""

import datetime as dt
import time
from collections.abc import Iterator, Mapping

import dagster as dg
from snowflake.connector.errors import ProgrammingError

from customer_analytics.assets.sources import CALL_AUDIO, call_audio
from customer_analytics.automation.arrivals import arrivals, from_cursor, to_cursor
from customer_analytics.automation.earlier_runs import earlier_runs
from customer_analytics.automation.jobs import calls as calls_job
from customer_analytics.automation.requests import request
from customer_analytics.erasure.keys import ErasedKeys
from customer_analytics.ingestion.calls import (
    AudioListing,
    CallFile,
    calls_of_rows,
    concealed,
    hash_calls,
    list_audio,
)
from customer_analytics.ingestion.listing import FileEntry
from customer_analytics.ingestion.location import SourceLocation
from customer_analytics.resources.source import Source
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.resources.warehouse.writes import NOT_THERE
from customer_analytics.tables.sources import STG_SUPPORT_CALLS

# Dagster gives a tick 60 seconds. What is not hashed by then is looked at again in the next one.
_HASHING_SECONDS = 30.0
_HASHED_AT_ONCE = 64


@dg.sensor(
    job=calls_job,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests one run for all call audio that is new or changed and has settled.",
)
def new_calls(
    context: dg.SensorEvaluationContext, source: Source, warehouse: Warehouse
) -> dg.SensorResult | dg.SkipReason:
    """Compare the calls folder with STG_SUPPORT_CALLS; what differs twice in the same way has settled.

    The cursor holds the files that have not settled, and nothing else. What failed runs were to do is requested
    again together with what is new. A call that is gone stays until the nightly reconciliation, because a folder
    may be away for a moment; but a new name for the same content takes the place of the old one.
    """
    if not source.is_set:
        return dg.SkipReason("No source is set: set CUSTOMER_ANALYTICS_SOURCE to a folder or an fsspec URI.")
    earlier = earlier_runs(context.instance, calls_job.name, dt.datetime.now(dt.UTC))
    if earlier.busy:
        return dg.SkipReason(f"Waiting, because {earlier.busy}.")
    known = known_calls(warehouse)
    if known is None:
        return dg.SkipReason("Nothing has been loaded yet: materialize all assets once, then new calls flow in.")
    location = source.location()
    listing = list_audio(location, ErasedKeys.recorded(warehouse).customers)
    for problem in listing.problems:
        context.log.warning(f"calls/{problem.path} {problem.reason}")
    stats = {path: (call.size, call.last_modified) for path, call in known.items()}
    found = arrivals(listing.files, stats, from_cursor(context.cursor))
    new = {call.relative_path: call for call in _hashed(context, location, found.settled)}
    waiting = {path: file for path, file in (found.unsettled | found.settled).items() if path not in new}
    cursor = to_cursor(waiting)
    renamed = _renamed(known, new, listing)
    if not new and not earlier.failed:
        reason = f"{len(listing.files):,} calls in the folder, {len(waiting):,} of them not settled."
        return dg.SensorResult(skip_reason=reason, cursor=cursor)
    hashes = sorted({call.content_hash for call in new.values()})
    tags = {"customer_analytics/new_calls": str(len(new) + len(renamed))}
    return dg.SensorResult(
        run_requests=[request({"calls": [*new, *renamed]}, hashes, earlier, tags)],
        dynamic_partitions_requests=[CALL_AUDIO.build_add_request(hashes)],
        asset_events=[_event(call) for call in {call.content_hash: call for call in new.values()}.values()],
        cursor=cursor,
    )


def known_calls(warehouse: Warehouse) -> dict[str, CallFile] | None:
    """The rows of STG_SUPPORT_CALLS by relative path; None where the table does not exist yet."""
    columns = ", ".join(STG_SUPPORT_CALLS.column_names)
    try:
        rows = warehouse.query(f"SELECT {columns} FROM {warehouse.name(STG_SUPPORT_CALLS.name)}")  # noqa: S608
    except ProgrammingError as error:
        if error.errno not in NOT_THERE:
            raise
        return None
    return calls_of_rows(rows.cast(STG_SUPPORT_CALLS.arrow_schema).to_batches())


def _hashed(
    context: dg.SensorEvaluationContext, location: SourceLocation, files: Mapping[str, FileEntry]
) -> Iterator[CallFile]:
    until = time.monotonic() + _HASHING_SECONDS
    paths = sorted(files)
    for start in range(0, len(paths), _HASHED_AT_ONCE):
        if time.monotonic() > until:
            return
        calls, problems = hash_calls(location, {p: files[p] for p in paths[start : start + _HASHED_AT_ONCE]}, {})
        for problem in problems:
            context.log.warning(f"calls/{problem.path} {problem.reason}")
        yield from calls


def _renamed(known: Mapping[str, CallFile], new: Mapping[str, CallFile], listing: AudioListing) -> list[str]:
    """Known calls that are gone and whose content has come under another name."""
    contents = {call.content_hash for call in new.values()}
    moved = [p for p, call in known.items() if call.content_hash in contents and p not in listing.files]
    return [path for path in moved if not concealed(path, listing.problems)]


def _event(call: CallFile) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        call_audio.key,
        partition=call.content_hash,
        metadata={
            "relative_path": call.relative_path,
            "customer_id": call.customer_id,
            "size": call.size,
            "last_modified": call.last_modified.isoformat(),
        },
    )
