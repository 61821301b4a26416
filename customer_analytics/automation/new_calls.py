"""The sensor on new call audio."""

from collections.abc import Collection, Mapping
from dataclasses import replace

import dagster as dg

from customer_analytics.assets.calls import CALL_AUDIO, call_audio
from customer_analytics.automation.arrivals import begin, digest, read_in_time
from customer_analytics.automation.jobs import calls as calls_job
from customer_analytics.erasure.keys import ErasedKeys
from customer_analytics.ingestion.call_loading import known_calls, problems_text
from customer_analytics.ingestion.calls import (
    AudioListing,
    CallFacts,
    CallFile,
    hash_call,
    list_audio,
    may_exist,
    read_facts,
    stage_name,
)
from customer_analytics.ingestion.listing import Problem
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.ingestion.source import Source
from customer_analytics.ports.warehouse.base import Warehouse


@dg.sensor(
    job=calls_job,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests one run for all calls whose audio or manifest row is new or changed, once the files "
    "have settled.",
)
def new_calls(
    context: dg.SensorEvaluationContext, source: dg.ResourceParam[Source], warehouse: dg.ResourceParam[Warehouse]
) -> dg.SensorResult | dg.SkipReason:
    """Compare the calls folder with STG_SUPPORT_CALLS; what differs in the same way at two ticks has settled.

    A deleted call stays until the nightly reconciliation, because a folder may be unavailable for a moment, and so
    does what a deleted manifest has said. A new name for a known content replaces the old name at once.
    """
    begun = begin(context, calls_job.name, source, warehouse, known_calls)
    if isinstance(begun, dg.SkipReason):
        return begun
    tick, known = begun
    location, erased = source.location(), ErasedKeys.recorded(warehouse).calls
    listing = list_audio(location)
    if listing.problems:
        context.log.warning(problems_text(listing.problems))
    compared = {path: tick.compared[digest(path)] for path in listing.manifests if digest(path) in tick.compared}
    manifests = tick.arrivals(listing.manifests, compared)
    found = tick.arrivals(listing.files, {p: (call.size, call.last_modified) for p, call in known.items()})
    files = tick.next_files(found.settled)
    facts: dict[str, CallFacts] = {}
    is_readable = False
    if files or manifests.settled:
        facts, is_readable = _facts(context, location, listing, source, None if manifests.settled else files)
    wanted = [path for path in files if facts[path].customer_id not in erased.customers]
    read = read_in_time(wanted, lambda path: hash_call(location, path, files[path], facts[path]))
    if problems := [result for result in read.values() if isinstance(result, Problem)]:
        context.log.warning(problems_text(problems))
    new = {
        path: call
        for path, call in read.items()
        if isinstance(call, CallFile) and stage_name(call.audio_hash, path) not in erased.stage_files
    }
    waiting = {path: file for path, file in (found.unsettled | found.settled).items() if path not in new}
    changed: set[str] = set()
    if manifests.settled and is_readable:
        changed = {p for p, call in known.items() if p in facts and p not in waiting and facts[p] != call.facts}
    calls = sorted({*new, *_renamed(known, new, listing), *changed})
    customers = {facts[path].customer_id for path in calls if path in facts}
    customers |= {known[path].customer_id for path in calls if path in known}
    hashes = sorted({call.audio_hash for call in new.values()})
    return tick.result(
        {"calls": calls, "customers": customers - {None}},
        hashes,
        {"customer_analytics/new_calls": str(len(calls))},
        waiting=waiting | manifests.unsettled,
        compared={p: file for p, file in listing.manifests.items() if p not in manifests.unsettled},
        last=next(reversed(read if len(read) < len(wanted) else files), None),
        skip_reason=f"{len(listing.files):,} calls in the folder, "
        f"{len(waiting) - len(files) + len(wanted):,} of them not settled.",
        dynamic_partitions_requests=[CALL_AUDIO.build_add_request(hashes)],
        asset_events=[_event(call) for call in {call.audio_hash: call for call in new.values()}.values()],
    )


def _facts(
    context: dg.SensorEvaluationContext,
    location: SourceLocation,
    listing: AudioListing,
    source: Source,
    only: Collection[str] | None,
) -> tuple[dict[str, CallFacts], bool]:
    """What manifest and names say of the audio files, and whether the manifest can be read.

    If it cannot, only the names are used; a run for new calls will fail with the reason.
    """
    try:
        return read_facts(location, listing, source.call_date_pattern, source.time_zone, only)[1], True
    except SourceError as error:
        context.log.warning(error.without_values)
        names = replace(listing, manifests={})
        return read_facts(location, names, source.call_date_pattern, source.time_zone, only)[1], False


def _renamed(known: Mapping[str, CallFile], new: Mapping[str, CallFile], listing: AudioListing) -> list[str]:
    """Known calls that no longer exist and whose content has a new name."""
    contents = {call.audio_hash for call in new.values()}
    moved = [p for p, call in known.items() if call.audio_hash in contents and p not in listing.files]
    return [path for path in moved if not may_exist(path, listing.problems)]


def _event(call: CallFile) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        call_audio.key,
        partition=call.audio_hash,
        metadata={"size": call.size, "last_modified": call.last_modified.isoformat()},
    )
