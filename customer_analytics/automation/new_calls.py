"""New call audio flows in: a sensor sees it settle and requests one run for all that is new."""

import datetime as dt
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

import dagster as dg
from snowflake.connector.errors import ProgrammingError

from customer_analytics.assets.calls import CALL_AUDIO, call_audio
from customer_analytics.automation.arrivals import Stat, arrivals, from_cursor, to_cursor
from customer_analytics.automation.earlier_runs import earlier_runs
from customer_analytics.automation.jobs import calls as calls_job
from customer_analytics.automation.requests import request
from customer_analytics.erasure.keys import ErasedKeys
from customer_analytics.ingestion.calls import (
    AudioListing,
    CallFile,
    LeftOut,
    Told,
    calls_of_rows,
    concealed,
    hash_calls,
    list_audio,
    what_is_told,
)
from customer_analytics.ingestion.listing import FileEntry
from customer_analytics.ingestion.location import SourceError, SourceLocation
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
    description="Requests one run for all calls whose audio is new or changed, or of which the manifest tells "
    "something else, once the files have settled.",
)
def new_calls(
    context: dg.SensorEvaluationContext, source: Source, warehouse: Warehouse
) -> dg.SensorResult | dg.SkipReason:
    """Compare the calls folder with STG_SUPPORT_CALLS; what differs twice in the same way has settled.

    The cursor holds the files that have not settled, and the manifest that was compared last. What failed runs
    were to do is requested again together with what is new. A call that is gone stays until the nightly
    reconciliation, because a folder may be away for a moment, and so does what a manifest told that is gone; but a
    new name for the same content takes the place of the old one.
    """
    if not source.is_set:
        return dg.SkipReason("No source is set: set CUSTOMER_ANALYTICS_SOURCE to a folder or an fsspec URI.")
    earlier = earlier_runs(context.instance, calls_job.name, dt.datetime.now(dt.UTC))
    if earlier.busy:
        return dg.SkipReason(f"Waiting, because {earlier.busy}.")
    known = known_calls(warehouse)
    if known is None:
        return dg.SkipReason("Nothing has been loaded yet: materialize all assets once, then new calls flow in.")
    location, erased = source.location(), ErasedKeys.recorded(warehouse).calls
    listing = list_audio(location)
    for problem in listing.problems:
        context.log.warning(f"calls/{problem.path} {problem.reason}")
    seen, compared = _seen(context.cursor)
    manifests = arrivals(listing.manifests, compared, seen)
    stats = {path: (call.size, call.last_modified) for path, call in known.items()}
    found = arrivals(listing.files, stats, seen)
    told: dict[str, Told] = {}
    is_told = False
    if found.settled or manifests.settled:
        told, is_told = _told(context, location, listing, source)
    files = {p: file for p, file in found.settled.items() if told[p].customer_id not in erased.customers}
    new = {call.relative_path: call for call in _hashed(context, location, files, told, source, erased)}
    waiting = {path: file for path, file in (found.unsettled | files).items() if path not in new}
    renamed = _renamed(known, new, listing)
    retold = []
    if manifests.settled and is_told:
        retold = [p for p, call in known.items() if p in told and p not in waiting and told[p] != call.told]
    settled = {path: file for path, file in listing.manifests.items() if path not in manifests.unsettled}
    cursor = _cursor(waiting | manifests.unsettled, settled)
    about = sorted({*new, *renamed, *retold})
    if not about and not earlier.failed:
        reason = f"{len(listing.files):,} calls in the folder, {len(waiting):,} of them not settled."
        return dg.SensorResult(skip_reason=reason, cursor=cursor)
    customers = {told[path].customer_id for path in about if path in told}
    customers |= {known[path].customer_id for path in about if path in known}
    hashes = sorted({call.audio_hash for call in new.values()})
    tags = {"customer_analytics/new_calls": str(len(about))}
    scope = {"calls": about, "customers": sorted(customer for customer in customers if customer is not None)}
    return dg.SensorResult(
        run_requests=[request(scope, hashes, earlier, tags)],
        dynamic_partitions_requests=[CALL_AUDIO.build_add_request(hashes)],
        asset_events=[_event(call) for call in {call.audio_hash: call for call in new.values()}.values()],
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


def _told(
    context: dg.SensorEvaluationContext, location: SourceLocation, listing: AudioListing, source: Source
) -> tuple[dict[str, Told], bool]:
    """What manifest and names tell of each audio file, and whether the manifest can be read.

    Where it cannot, the names alone are read; a run about new calls will fail and say what is wrong.
    """
    try:
        return what_is_told(location, listing, source.call_date_pattern, source.time_zone)[1], True
    except SourceError as error:
        context.log.warning(str(error))
        names = replace(listing, manifests={})
        return what_is_told(location, names, source.call_date_pattern, source.time_zone)[1], False


def _cursor(unsettled: Mapping[str, FileEntry], compared: Mapping[str, FileEntry]) -> str:
    return json.dumps({"unsettled": to_cursor(unsettled), "compared": to_cursor(compared)})


def _seen(cursor: str | None) -> tuple[dict[str, Stat], dict[str, Stat]]:
    """The files that had not settled at the last look, and the manifests that have been compared."""
    written = json.loads(cursor) if cursor else {}
    return from_cursor(written.get("unsettled")), from_cursor(written.get("compared"))


def _hashed(
    context: dg.SensorEvaluationContext,
    location: SourceLocation,
    files: Mapping[str, FileEntry],
    told: Mapping[str, Told],
    source: Source,
    erased: LeftOut,
) -> Iterator[CallFile]:
    until = time.monotonic() + _HASHING_SECONDS
    paths = sorted(files)
    for start in range(0, len(paths), _HASHED_AT_ONCE):
        if time.monotonic() > until:
            return
        these = {path: files[path] for path in paths[start : start + _HASHED_AT_ONCE]}
        calls, problems = hash_calls(location, these, told, {}, source.time_zone, erased)
        for problem in problems:
            context.log.warning(f"calls/{problem.path} {problem.reason}")
        yield from calls


def _renamed(known: Mapping[str, CallFile], new: Mapping[str, CallFile], listing: AudioListing) -> list[str]:
    """Known calls that are gone and whose content has come under another name."""
    contents = {call.audio_hash for call in new.values()}
    moved = [p for p, call in known.items() if call.audio_hash in contents and p not in listing.files]
    return [path for path in moved if not concealed(path, listing.problems)]


def _event(call: CallFile) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        call_audio.key,
        partition=call.audio_hash,
        metadata={
            "relative_path": call.relative_path,
            "size": call.size,
            "last_modified": call.last_modified.isoformat(),
        },
    )
