"""New files of comments flow in: a sensor sees them settle and requests one run for all that is new."""

import datetime as dt
import json
import time
from collections.abc import Iterator, Mapping

import dagster as dg
from snowflake.connector.errors import ProgrammingError

from customer_analytics.automation.arrivals import Stat, arrivals, digest, from_cursor, some, to_cursor
from customer_analytics.automation.earlier_runs import earlier_runs
from customer_analytics.automation.jobs import comments as comments_job
from customer_analytics.automation.requests import request
from customer_analytics.erasure.keys import ErasedKeys
from customer_analytics.ingestion.comments import CommentFile, files_of_rows, list_comments, load_accepted
from customer_analytics.ingestion.listing import FileEntry
from customer_analytics.ingestion.load import LoadedFile
from customer_analytics.ingestion.location import SourceError
from customer_analytics.resources.source import Source
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.resources.warehouse.writes import NOT_THERE
from customer_analytics.tables.sources import STG_COMMENT_FILES, STG_TWITTER_COMMENTS

# A tick is short, whatever lies in the folder: what is left is for the next ones, in the order of the paths, after
# the last path that this one has looked at.
_MOST_FILES = 200
_READING_SECONDS = 2.0


@dg.sensor(
    job=comments_job,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests one run for all files of comments that are new or changed and have settled.",
)
def new_comments(
    context: dg.SensorEvaluationContext, source: Source, warehouse: Warehouse
) -> dg.SensorResult | dg.SkipReason:
    """Compare the files with STG_COMMENT_FILES; what differs twice in the same way has settled, and is read.

    A request is about at most 200 files; the others follow once its run has ended. The run is about the customers
    whose comments are in these files, or were before they changed. As for calls, the cursor holds what has not
    settled and the last path that was looked at, what failed runs were to do is requested again, and a file that
    is gone stays until the nightly reconciliation.
    """
    if not source.is_set:
        return dg.SkipReason("No source is set: set CUSTOMER_ANALYTICS_SOURCE to a folder or an fsspec URI.")
    earlier = earlier_runs(context.instance, comments_job.name, dt.datetime.now(dt.UTC))
    if earlier.busy:
        return dg.SkipReason(f"Waiting, because {earlier.busy}.")
    known = known_files(warehouse)
    if known is None:
        return dg.SkipReason("Nothing has been loaded yet: materialize all assets once, then comments flow in.")
    location = source.location()
    listing = list_comments(location)
    for problem in listing.problems:
        context.log.warning(f"{problem.path} {problem.reason}")
    stats = {path: (file.size, file.last_modified) for path, file in known.items()}
    seen, last = _seen(context.cursor)
    found = arrivals(listing.files, stats, seen)
    looked_at = dict(_read(context, source, some(found.settled, last, _MOST_FILES), known, warehouse))
    new = {path: file for path, file in looked_at.items() if file is not None}
    last = digest(next(reversed(looked_at))) if looked_at else last
    waiting = {path: file for path, file in (found.unsettled | found.settled).items() if path not in new}
    if not new and not earlier.failed:
        reason = f"{len(listing.files):,} files of comments, {len(waiting):,} of them not settled."
        return dg.SensorResult(skip_reason=reason, cursor=_cursor(waiting, last))
    customers = {
        customer for file in new.values() for customer in file.rows["CUSTOMER_ID"].to_pylist() if customer
    }
    customers |= _writers(warehouse, [known[path].content_hash for path in new if path in known])
    about = {"comment_files": new.keys(), "customers": customers}
    tags = {"customer_analytics/new_comment_files": str(len(new))}
    hashes = [file.content_hash for file in new.values()]
    return dg.SensorResult(
        run_requests=[request(comments_job.name, about, hashes, earlier, tags, warehouse)],
        cursor=_cursor(waiting, last),
    )


def known_files(warehouse: Warehouse) -> dict[str, CommentFile] | None:
    """The rows of STG_COMMENT_FILES by relative path; None where the table does not exist yet."""
    columns = ", ".join(STG_COMMENT_FILES.column_names)
    try:
        rows = warehouse.query(f"SELECT {columns} FROM {warehouse.name(STG_COMMENT_FILES.name)}")  # noqa: S608
    except ProgrammingError as error:
        if error.errno not in NOT_THERE:
            raise
        return None
    return files_of_rows(rows.cast(STG_COMMENT_FILES.arrow_schema).to_batches())


def _cursor(unsettled: Mapping[str, FileEntry], last: str) -> str:
    return json.dumps({"unsettled": to_cursor(unsettled), "last": last})


def _seen(cursor: str | None) -> tuple[dict[str, Stat], str]:
    """The files that had not settled or could not be read at the last look, and the last path that was read."""
    written = json.loads(cursor) if cursor else {}
    if isinstance(written.get("unsettled"), str):
        return from_cursor(written["unsettled"]), written["last"]
    return from_cursor(cursor), ""  # as earlier versions wrote it


def _read(
    context: dg.SensorEvaluationContext,
    source: Source,
    files: Mapping[str, FileEntry],
    known: Mapping[str, CommentFile],
    warehouse: Warehouse,
) -> Iterator[tuple[str, LoadedFile | None]]:
    """The files in their order, as long as there is time; the first one in any case.

    None stands for what a run would refuse, again and again: so that is only reported.
    """
    until = time.monotonic() + _READING_SECONDS
    location = source.location()
    erased = ErasedKeys.recorded(warehouse) if files else ErasedKeys()
    for number, path in enumerate(files):
        if number and time.monotonic() > until:
            return
        try:
            file = load_accepted(
                location,
                path,
                files[path],
                rows_before=known[path].loaded if path in known else 0,
                maximum_rejected_share=source.maximum_rejected_share,
                may_be_empty=source.may_become_empty,
            )
            yield path, erased.left_out(file)
        except SourceError as error:
            context.log.warning(error.without_values)
            yield path, None


def _writers(warehouse: Warehouse, contents: list[str]) -> set[str]:
    """Customers whose comments are in files of these contents."""
    if not contents:
        return set()
    places = ", ".join("?" * len(contents))
    table = warehouse.name(STG_TWITTER_COMMENTS.name)
    select = (
        f"SELECT DISTINCT CUSTOMER_ID FROM {table} WHERE CUSTOMER_ID IS NOT NULL AND CONTENT_HASH IN ({places})"  # noqa: S608
    )
    return set(warehouse.query(select, contents)["CUSTOMER_ID"].to_pylist())
