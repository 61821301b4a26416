"""Call audio in its stage, and the table of calls."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg

from customer_analytics.assets.declaration import table_asset
from customer_analytics.assets.objects import warehouse_objects
from customer_analytics.assets.rejected_rows import tell, write_refused, write_rejected
from customer_analytics.checks.audit import published
from customer_analytics.checks.sources import SUPPORT_CALLS
from customer_analytics.erasure.keys import ErasedKeys
from customer_analytics.ingestion.acceptance import EMPTY_SETTING, accept
from customer_analytics.ingestion.call_manifest import MANIFESTS, Manifest
from customer_analytics.ingestion.call_staging import CallListing, list_calls
from customer_analytics.ingestion.calls import (
    CALLS_FOLDER,
    CallFile,
    calls_of_rows,
    concealed,
    list_audio,
)
from customer_analytics.ingestion.listing import Problem
from customer_analytics.ingestion.load import LoadedFile
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.resources.scope import Scope
from customer_analytics.resources.source import Source
from customer_analytics.resources.state_folder import StateFolder
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.retries import may_pass
from customer_analytics.tables.sources import CALL_STAGE, STG_SUPPORT_CALLS

CALL_AUDIO = dg.DynamicPartitionsDefinition(name="call_audio")
NAMED = "`customer-analytics doctor` names the first of them"


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
    context: dg.AssetExecutionContext, source: Source, warehouse: Warehouse, state: StateFolder, scope: Scope
) -> Iterator[Any]:
    """Calls are hashed while they are put into the stage, unless their size and time are known and they are there.

    A call that was known and cannot be read now stays as it was, and so does one of a customer that the run is not
    about. One that cannot be read has a row with line 0 in STG_REJECTED_ROWS. A manifest that cannot be read keeps
    all rows as they were.
    """
    warehouse.ensure_table(STG_SUPPORT_CALLS)
    scope = scope.resolved(warehouse)
    rows = scope.part(warehouse.table(STG_SUPPORT_CALLS.name), "RELATIVE_PATH")
    known = calls_of_rows(warehouse.rows(STG_SUPPORT_CALLS, rows))
    location = source.location()
    erased, stage = ErasedKeys.recorded(warehouse), _CallStage(warehouse, state, context.log.info)
    try:
        listing = list_calls(
            location,
            known,
            scope.values("RELATIVE_PATH"),
            date_pattern=source.call_date_pattern,
            time_zone=source.time_zone,
            leaving_out=erased.calls,
            stage=stage,
        )
        _accept_manifest(listing.manifest, known, source)
        _accept_calls(location, listing, known, source)
    except SourceError as error:
        # Without the error itself as the cause, which may have values of the manifest.
        raise dg.Failure(error.without_values, allow_retries=may_pass(error)) from None
    manifest = listing.manifest.file and erased.left_out(listing.manifest.file)
    _tell_of_calls(context, listing, manifest)
    calls = [call for call in listing.calls if _is_covered(context, scope, call, known)]
    stage.refresh()
    write_rejected(warehouse, [manifest.rejected] if manifest else [], [f"{CALLS_FOLDER}/{m}" for m in MANIFESTS])
    _write_problems(listing, scope, warehouse)
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
    if listing.ignored:
        context.log.warning(f"{len(listing.ignored):,} files in calls/ are no audio and were left out; {NAMED}")
    if listing.problems:
        context.log.warning(told_of(listing.problems))
    if nameless := [call.audio_hash for call in listing.calls if call.customer_id is None]:
        context.log.warning(
            f"{len(nameless):,} calls are of nobody, such as that with AUDIO_HASH {nameless[0]}: their names "
            "carry no customer id (<customer_id>-<nn>.<ext>), and no manifest has one; their paths are in "
            f"{STG_SUPPORT_CALLS.name}"
        )
    if manifest is None:
        return
    tell(context, replace(manifest, ignored_columns=listing.manifest.unused_columns))
    if strays := listing.manifest.strays:
        context.log.warning(
            f"{manifest.name}: {len(strays):,} rows are about no audio file in the calls folder, about one of "
            "several, or about one that another row is about"
        )


def told_of(problems: Sequence[Problem]) -> str:
    """What is wrong with files in the calls folder, without their names, which may be customers'."""
    reasons = Counter(problem.reason.replace(problem.path, "a file") for problem in problems)
    told = "; ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items()))
    return f"Files in calls/ that cannot be read: {told}; {NAMED}"


def _is_covered(
    context: dg.AssetExecutionContext, scope: Scope, call: CallFile, known: Mapping[str, CallFile]
) -> bool:
    """Whether the run is about the customer of the call, and about the one that it was taken for before."""
    about, before = scope.values("CUSTOMER_ID"), known.get(call.relative_path)
    customers = {call.customer_id, before.customer_id if before else None} - {None}
    if about is None or customers <= set(about):
        return True
    context.log.warning(
        f"The call with AUDIO_HASH {call.audio_hash} is of a customer that this run is not about; it is left to "
        "the next one"
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


def _write_problems(listing: CallListing, scope: Scope, warehouse: Warehouse) -> None:
    """Keep one row with line 0 in STG_REJECTED_ROWS for each recording that cannot be read."""
    problems = {f"{CALLS_FOLDER}/{problem.path}": problem.reason for problem in listing.problems}
    refused = {path: SourceError(f"{path} {why}", f"A recording {why}") for path, why in problems.items()}
    covered = scope.values("RELATIVE_PATH")

    def is_settled(source: str) -> bool:
        folder, _, path = source.partition("/")
        return folder == CALLS_FOLDER and (covered is None or path in covered)

    write_refused(warehouse, refused, is_settled)


class _CallStage:
    """The stage of call audio, as `list_calls` fills it."""

    def __init__(self, warehouse: Warehouse, state: StateFolder, log: Callable[[str], None]) -> None:
        self.temporary = state.temporary
        self._stage, self._session, self._log = warehouse.name(CALL_STAGE), warehouse.session(), log
        listed = self._session.sql(f"LIST @{self._stage}").collect()
        self._present = {row["name"].rpartition("/")[2] for row in listed}
        self._added = 0

    def holds(self, name: str) -> bool:
        """See `Stage.holds`."""
        return name in self._present

    def put(self, folder: Path) -> None:
        """See `Stage.put`; the folder and its files have names of ours."""
        # The connector misreads a path with a quote, which the state folder may have; that of a link has none.
        with tempfile.TemporaryDirectory(prefix="calls-") as links:
            link = Path(links, "staged")
            link.symlink_to(folder.absolute())
            self._session.file.put(f"{link}/*", f"@{self._stage}", auto_compress=False)
        names = {file.name for file in folder.iterdir()}
        self._present |= names
        self._added += len(names)
        self._log(f"{self._added:,} calls staged")

    def refresh(self) -> None:
        """Have the stage's directory list what was added."""
        if self._added:
            self._session.sql(f"ALTER STAGE {self._stage} REFRESH").collect()
