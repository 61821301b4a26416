"""The rows of STG_SUPPORT_CALLS, from the calls folder and the rows as they are."""

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from customer_analytics.ingestion import rejected_rows
from customer_analytics.ingestion.acceptance import EMPTY_SETTING, accept
from customer_analytics.ingestion.call_manifest import MANIFESTS
from customer_analytics.ingestion.call_staging import CallListing
from customer_analytics.ingestion.calls import CALLS_FOLDER, CallFile, calls_of_rows, list_audio, may_exist
from customer_analytics.ingestion.listing import Problem
from customer_analytics.ingestion.load import LoadedFile
from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.source import Source
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.tables.sources import STG_SUPPORT_CALLS

_DOCTOR = "`customer-analytics doctor` names the first of them"


def known_calls(warehouse: Warehouse) -> dict[str, CallFile] | None:
    """The rows of STG_SUPPORT_CALLS by relative path; None if the table does not exist."""
    columns = ", ".join(STG_SUPPORT_CALLS.column_names)
    rows = warehouse.query_or_none(f"SELECT {columns} FROM {warehouse.name(STG_SUPPORT_CALLS.name)}")  # noqa: S608
    return None if rows is None else calls_of_rows(rows.cast(STG_SUPPORT_CALLS.arrow_schema).to_batches())


def require_acceptable(source: Source, listing: CallListing, known: Mapping[str, CallFile]) -> None:
    """Raise SourceError where the manifest is refused, or where all recordings have disappeared at once."""
    if listing.manifest.file:
        accept(
            listing.manifest.file,
            maximum_rejected_share=source.maximum_rejected_share,
            rows_before=sum(
                call.called_at_source == "manifest" or call.properties is not None for call in known.values()
            ),
            may_be_empty=source.may_become_empty,
        )
    if not known or listing.calls or listing.problems or source.may_become_empty:
        return
    location = source.location()
    if not list_audio(location).files:  # the folder is not mounted, for example
        raise SourceError(
            f"{location.name}/{CALLS_FOLDER} holds no recording where STG_SUPPORT_CALLS has {len(known):,}, so it "
            f"keeps its rows: put the recordings back, or set {EMPTY_SETTING}=true if there are to be none."
        )


def next_calls(
    listing: CallListing, known: Mapping[str, CallFile], customers: Collection[str] | None, log: logging.Logger
) -> list[CallFile]:
    """The calls that the table holds next.

    A known call stays as it was if it cannot be read now, or if it has or had a customer not in `customers`.
    """
    calls: dict[str, CallFile | None] = {}
    for call in listing.calls:
        before = known.get(call.relative_path)
        concerned = {call.customer_id, before and before.customer_id} - {None}
        if customers is None or concerned <= set(customers):
            calls[call.relative_path] = call
            continue
        calls[call.relative_path] = before
        log.warning(f"The call with AUDIO_HASH {call.audio_hash} has a customer outside this run's scope")
    unread = {path: call for path, call in known.items() if may_exist(path, listing.problems)}
    return [call for call in (unread | calls).values() if call]


def record_rejections(
    warehouse: Warehouse, listing: CallListing, manifest: LoadedFile | None, paths: Collection[str] | None
) -> None:
    """Record the manifest's rejected rows and the recordings that cannot be read, of these paths or of all."""
    problems = {f"{CALLS_FOLDER}/{problem.path}": problem.reason for problem in listing.problems}

    def is_settled(name: str) -> bool:
        folder, _, path = name.partition("/")
        return folder == CALLS_FOLDER and (paths is None or path in paths)

    rejected_rows.write(
        warehouse,
        [manifest.rejected] if manifest else [],
        [f"{CALLS_FOLDER}/{name}" for name in MANIFESTS],
        {name: SourceError(f"{name} {why}", f"A recording {why}") for name, why in problems.items()},
        is_settled,
    )


def warn_of_calls(log: logging.Logger, listing: CallListing, manifest: LoadedFile | None) -> None:
    """Log files that are no calls, calls without a customer, and manifest rows without a call."""
    if listing.ignored:
        log.warning(f"{len(listing.ignored):,} files in calls/ are not audio and were left out; {_DOCTOR}")
    if listing.problems:
        log.warning(problems_text(listing.problems))
    if nameless := [call.audio_hash for call in listing.calls if call.customer_id is None]:
        log.warning(
            f"{len(nameless):,} calls have no customer, the first with AUDIO_HASH {nameless[0]}: neither the file "
            "name (<customer_id>-<nn>.<ext>) nor a manifest has a customer id; their paths are in "
            f"{STG_SUPPORT_CALLS.name}"
        )
    if manifest is None:
        return
    rejected_rows.warn(log, replace(manifest, ignored_columns=listing.manifest.unused_columns))
    if strays := listing.manifest.strays:
        log.warning(
            f"{manifest.name}: {len(strays):,} rows name no audio file in the calls folder, several files, or a "
            "file that another row names"
        )


def problems_text(problems: Sequence[Problem]) -> str:
    """The reasons why files in the calls folder cannot be read, without file names, which may be customers'."""
    reasons = Counter(problem.reason.replace(problem.path, "a file") for problem in problems)
    counted = "; ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items()))
    return f"Files in calls/ that cannot be read: {counted}; {_DOCTOR}"
