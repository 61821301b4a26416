"""Call audio in its stage, and the table of calls."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import dagster as dg

from customer_analytics.assets.declaration import table_asset
from customer_analytics.assets.objects import warehouse_objects
from customer_analytics.assets.rejected_rows import tell, write_rejected
from customer_analytics.assets.retries import may_pass
from customer_analytics.checks.audit import published
from customer_analytics.checks.sources import SUPPORT_CALLS
from customer_analytics.erasure.keys import ErasedKeys
from customer_analytics.ingestion.acceptance import EMPTY_SETTING, accept
from customer_analytics.ingestion.call_manifest import MANIFESTS, Manifest
from customer_analytics.ingestion.calls import (
    CALLS_FOLDER,
    CallFile,
    CallListing,
    calls_of_rows,
    concealed,
    is_audio,
    list_audio,
    list_calls,
    stage_name,
)
from customer_analytics.ingestion.load import LoadedFile
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.ingestion.text import printable
from customer_analytics.progress import Progress
from customer_analytics.resources.scope import Scope
from customer_analytics.resources.source import Source
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables.sources import CALL_STAGE, STG_SUPPORT_CALLS

CALL_AUDIO = dg.DynamicPartitionsDefinition(name="call_audio")
_STRAYS_SHOWN = 3


# Not an asset to be materialized: a partitioned one among others that are not could not be selected with them.
call_audio = dg.AssetSpec(
    "call_audio",
    partitions_def=CALL_AUDIO,
    group_name="sources",
    kinds={"file"},
    description="One partition per content of a support call's audio, named by its SHA-256; a sensor adds them.",
)


@table_asset(
    "sources",
    kinds={"warehouse"},
    part_by="RELATIVE_PATH",
    deps=[warehouse_objects, dg.AssetDep(call_audio, partition_mapping=dg.AllPartitionMapping())],
    audits=SUPPORT_CALLS,
)
def stg_support_calls(
    context: dg.AssetExecutionContext, source: Source, warehouse: Warehouse, scope: Scope
) -> Iterator[Any]:
    """Calls are hashed unless their size and time are known, and put into the stage unless they are there.

    A call that was known and cannot be read now stays as it was, and so does one of a customer that the run is not
    about. A manifest that cannot be read keeps all rows as they were.
    """
    warehouse.ensure_table(STG_SUPPORT_CALLS)
    rows = scope.part(warehouse.table(STG_SUPPORT_CALLS.name), "RELATIVE_PATH")
    known = calls_of_rows(warehouse.rows(STG_SUPPORT_CALLS, rows))
    location = source.location()
    erased = ErasedKeys.recorded(warehouse)
    try:
        listing = list_calls(
            location,
            known,
            scope.values("RELATIVE_PATH"),
            date_pattern=source.call_date_pattern,
            time_zone=source.time_zone,
            leaving_out=erased.calls,
        )
        _accept_manifest(listing.manifest, known, source)
        _accept_calls(location, listing, known, source)
    except SourceError as error:
        # Without the error itself as the cause, which may have values of the manifest.
        raise dg.Failure(error.without_values, allow_retries=may_pass(error)) from None
    manifest = listing.manifest.file and erased.left_out(listing.manifest.file)
    _tell_of_calls(context, listing, manifest)
    calls = [call for call in listing.calls if _is_covered(context, scope, call, known)]
    _stage_audio(location, calls, warehouse, Progress("calls staged", context.log.info))
    write_rejected(warehouse, [manifest.rejected] if manifest else [], [f"{CALLS_FOLDER}/{m}" for m in MANIFESTS])
    covered = {call.relative_path for call in calls}
    awaited = {call.relative_path for call in listing.calls} - covered
    kept = [call for path, call in sorted(known.items()) if path in awaited or concealed(path, listing.problems)]
    listed = STG_SUPPORT_CALLS.rows([*calls, *(call for call in kept if call.relative_path not in covered)])
    staged = warehouse.session().table(warehouse.stage(STG_SUPPORT_CALLS, listed))
    yield from published(
        STG_SUPPORT_CALLS, staged, warehouse, SUPPORT_CALLS, _metadata_of_calls(listing, manifest)
    )


def _accept_manifest(manifest: Manifest, known: Mapping[str, CallFile], source: Source) -> None:
    """Raise SourceError where too little of the manifest can be read to take the place of the one before."""
    told_before = sum(
        call.called_at_source == "manifest" or call.properties is not None for call in known.values()
    )
    if manifest.file:
        accept(
            manifest.file,
            maximum_rejected_share=source.maximum_rejected_share,
            rows_before=told_before,
            may_be_empty=source.may_become_empty,
        )


def _accept_calls(
    location: SourceLocation, listing: CallListing, known: Mapping[str, CallFile], source: Source
) -> None:
    """Raise SourceError where all recordings are gone at once, as when the folder is not mounted."""
    if known and not (listing.calls or listing.problems or source.may_become_empty or list_audio(location).files):
        raise SourceError(
            f"{location.name}/{CALLS_FOLDER} holds no recording where STG_SUPPORT_CALLS has {len(known):,}, so it "
            f"keeps its rows: put the recordings back, or set {EMPTY_SETTING}=true if there are to be none."
        )


def _tell_of_calls(context: dg.AssetExecutionContext, listing: CallListing, manifest: LoadedFile | None) -> None:
    """Warn of files that are no calls, of calls of nobody, and of what the manifest holds beside calls."""
    for path in listing.ignored:
        context.log.warning(f"calls/{path} is no audio file and was left out")
    for problem in listing.problems:
        context.log.warning(f"calls/{problem.path} {problem.reason}")
    for call in listing.calls:
        if call.customer_id is None:
            context.log.warning(
                f"calls/{call.relative_path} is of nobody: its name carries no customer id "
                "(<customer_id>-<nn>.<ext>), and no manifest has one"
            )
    if manifest is None:
        return
    tell(context, replace(manifest, ignored_columns=listing.manifest.unused_columns))
    if strays := listing.manifest.strays:
        # What is no name of a recording may be anything, and is in the manifest only.
        named = [printable(name, 100) for name in strays if is_audio(name)][:_STRAYS_SHOWN]
        context.log.warning(
            f"{manifest.name}: {len(strays):,} rows are about no audio file in the calls folder, about one of "
            f"several, or about one that another row is about{', such as ' * bool(named)}{', '.join(named)}"
        )


def _is_covered(
    context: dg.AssetExecutionContext, scope: Scope, call: CallFile, known: Mapping[str, CallFile]
) -> bool:
    """Whether the run is about the customer of the call, and about the one that it was taken for before."""
    about, before = scope.values("CUSTOMER_ID"), known.get(call.relative_path)
    customers = {call.customer_id, before.customer_id if before else None} - {None}
    if about is None or customers <= set(about):
        return True
    context.log.warning(
        f"calls/{call.relative_path} is of a customer that this run is not about; it is left to the next one"
    )
    return False


def _metadata_of_calls(listing: CallListing, manifest: LoadedFile | None) -> dict[str, Any]:
    without_date = sum(call.called_at is None for call in listing.calls)
    told = {
        "calls_without_date": without_date,
        "calls_without_customer": sum(c.customer_id is None for c in listing.calls),
    }
    if manifest is None:
        return told
    return told | {
        "manifest": manifest.name,
        "manifest_lines": manifest.lines_in,
        "manifest_rows_rejected": manifest.rejected.num_rows,
        "manifest_rows_without_call": len(listing.manifest.strays),
    }


def _stage_audio(
    location: SourceLocation, calls: Sequence[CallFile], warehouse: Warehouse, progress: Progress
) -> None:
    stage, session = warehouse.name(CALL_STAGE), warehouse.session()
    present = {row["name"].rpartition("/")[2] for row in session.sql(f"LIST @{stage}").collect()}
    wanted = {stage_name(call.audio_hash, call.relative_path): call for call in calls}
    missing = {name: call for name, call in wanted.items() if name not in present}
    for done, (name, call) in enumerate(missing.items(), start=1):
        with location.open_file(call.path) as stream:
            session.file.put_stream(stream, f"@{stage}/{name}", auto_compress=False)
        progress(done, len(missing))
    if missing:
        session.sql(f"ALTER STAGE {stage} REFRESH").collect()
