"""New call audio flows in: a sensor sees it settle and requests one run for all that is new."""

import datetime as dt
import json
import time
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import takewhile

import dagster as dg
from snowflake.connector.errors import ProgrammingError

from customer_analytics.assets.calls import CALL_AUDIO, call_audio, told_of
from customer_analytics.automation.arrivals import Stat, arrivals, digest, from_cursor, some, to_cursor
from customer_analytics.automation.earlier_runs import earlier_runs
from customer_analytics.automation.jobs import calls as calls_job
from customer_analytics.automation.requests import request
from customer_analytics.erasure.keys import ErasedKeys
from customer_analytics.ingestion.calls import (
    AudioListing,
    CallFile,
    Told,
    calls_of_rows,
    concealed,
    hash_call,
    list_audio,
    stage_name,
    what_is_told,
)
from customer_analytics.ingestion.listing import FileEntry, Problem
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.resources.source import Source
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.resources.warehouse.writes import NOT_THERE
from customer_analytics.tables.sources import STG_SUPPORT_CALLS

# A tick is short, whatever lies in the folder: what is left is for the next ones, in the order of the digests of
# the paths, after the last that this one has looked at. Dagster takes about 10 ms to record the event of one call.
_MOST_CALLS = 200
_HASHING_SECONDS = 2.0
_THREADS = 4


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

    The cursor holds the files that have not settled or have not been requested, the last file that was looked at,
    and the manifest that was compared last, each under the digest of its path. A request is about at most 200 new
    calls; the others follow once its run has ended. What failed runs were to do is requested again together with
    what is new. A call that is gone stays until the nightly reconciliation, because a folder may be away for a
    moment, and so does what a manifest told that is gone; but a new name for the same content takes the place of
    the old one.
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
    if listing.problems:
        context.log.warning(told_of(listing.problems))
    seen, compared, last = _seen(context.cursor)
    compared = {path: compared[digest(path)] for path in listing.manifests if digest(path) in compared}
    manifests = arrivals(listing.manifests, compared, seen)
    stats = {path: (call.size, call.last_modified) for path, call in known.items()}
    found = arrivals(listing.files, stats, seen)
    settling = some(found.settled, last, _MOST_CALLS)
    told: dict[str, Told] = {}
    is_told = False
    if settling or manifests.settled:
        told, is_told = _told(context, location, listing, source, None if manifests.settled else settling)
    ours = {path: file for path, file in settling.items() if told[path].customer_id not in erased.customers}
    looked_at = list(_hashed(location, ours, told))
    if problems := [found for found in looked_at if isinstance(found, Problem)]:
        context.log.warning(told_of(problems))
    hashed = {found.relative_path: found for found in looked_at if isinstance(found, CallFile)}
    new = {p: c for p, c in hashed.items() if stage_name(c.audio_hash, p) not in erased.stage_files}
    waiting = {path: file for path, file in (found.unsettled | found.settled).items() if path not in new}
    renamed = _renamed(known, new, listing)
    retold = []
    if manifests.settled and is_told:
        retold = [p for p, call in known.items() if p in told and p not in waiting and told[p] != call.told]
    settled = {path: file for path, file in listing.manifests.items() if path not in manifests.unsettled}
    reached = _path(looked_at[-1]) if len(looked_at) < len(ours) else next(reversed(settling), None)
    cursor = _cursor(waiting | manifests.unsettled, settled, last if reached is None else digest(reached))
    about = sorted({*new, *renamed, *retold})
    if not about and not earlier.failed:
        not_settled = len(waiting) - len(settling) + len(ours)
        reason = f"{len(listing.files):,} calls in the folder, {not_settled:,} of them not settled."
        return dg.SensorResult(skip_reason=reason, cursor=cursor)
    customers = {told[path].customer_id for path in about if path in told}
    customers |= {known[path].customer_id for path in about if path in known}
    hashes = sorted({call.audio_hash for call in new.values()})
    tags = {"customer_analytics/new_calls": str(len(about))}
    scope = {"calls": about, "customers": sorted(customer for customer in customers if customer is not None)}
    return dg.SensorResult(
        run_requests=[request(calls_job.name, scope, hashes, earlier, tags, warehouse)],
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
    context: dg.SensorEvaluationContext,
    location: SourceLocation,
    listing: AudioListing,
    source: Source,
    only: Collection[str] | None,
) -> tuple[dict[str, Told], bool]:
    """What manifest and names tell of each audio file, or some of them, and whether the manifest can be read.

    Where it cannot, the names alone are read; a run about new calls will fail and say what is wrong.
    """
    try:
        return what_is_told(location, listing, source.call_date_pattern, source.time_zone, only)[1], True
    except SourceError as error:
        context.log.warning(error.without_values)
        names = replace(listing, manifests={})
        return what_is_told(location, names, source.call_date_pattern, source.time_zone, only)[1], False


def _cursor(unsettled: Mapping[str, FileEntry], compared: Mapping[str, FileEntry], last: str) -> str:
    return json.dumps({"unsettled": to_cursor(unsettled), "compared": to_cursor(compared), "last": last})


def _seen(cursor: str | None) -> tuple[dict[str, Stat], dict[str, Stat], str]:
    """The files that had not settled at the last look, the manifests that were compared, and the last file."""
    written = json.loads(cursor) if cursor else {}
    return from_cursor(written.get("unsettled")), from_cursor(written.get("compared")), written.get("last", "")


def _hashed(
    location: SourceLocation, files: Mapping[str, FileEntry], told: Mapping[str, Told]
) -> Iterator[CallFile | Problem]:
    """The files in their order, as long as there is time; the first one in any case."""
    until = time.monotonic() + _HASHING_SECONDS
    first = next(iter(files), None)

    def look(path: str) -> CallFile | Problem | None:
        is_late = path != first and time.monotonic() > until
        return None if is_late else hash_call(location, path, files[path], told[path])

    with ThreadPoolExecutor(_THREADS) as threads:
        yield from takewhile(lambda found: found is not None, threads.map(look, files))


def _path(found: CallFile | Problem) -> str:
    return found.path if isinstance(found, Problem) else found.relative_path


def _renamed(known: Mapping[str, CallFile], new: Mapping[str, CallFile], listing: AudioListing) -> list[str]:
    """Known calls that are gone and whose content has come under another name."""
    contents = {call.audio_hash for call in new.values()}
    moved = [p for p, call in known.items() if call.audio_hash in contents and p not in listing.files]
    return [path for path in moved if not concealed(path, listing.problems)]


def _event(call: CallFile) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        call_audio.key,
        partition=call.audio_hash,
        metadata={"size": call.size, "last_modified": call.last_modified.isoformat()},
    )
