"""The sensor on new comment files."""

import dagster as dg

from customer_analytics.automation.arrivals import begin, read_in_time
from customer_analytics.automation.jobs import comments as comments_job
from customer_analytics.erasure.keys import ErasedKeys
from customer_analytics.ingestion.comment_loading import known_files, loader
from customer_analytics.ingestion.comments import list_comments
from customer_analytics.ingestion.load import LoadedFile
from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.source import Source
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.tables.sources import STG_TWITTER_COMMENTS


@dg.sensor(
    job=comments_job,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests one run for all comment files that are new or changed and have settled.",
)
def new_comments(
    context: dg.SensorEvaluationContext, source: dg.ResourceParam[Source], warehouse: dg.ResourceParam[Warehouse]
) -> dg.SensorResult | dg.SkipReason:
    """Compare the files with STG_COMMENT_FILES, and read those that differ in the same way at two ticks.

    The run's scope has the customers whose comments are in these files, or were before they changed. A file that a
    run would refuse is only reported. A deleted file stays until the nightly reconciliation.
    """
    begun = begin(context, comments_job.name, source, warehouse, known_files)
    if isinstance(begun, dg.SkipReason):
        return begun
    tick, known = begun
    listing = list_comments(source.location())
    for problem in listing.problems:
        context.log.warning(f"{problem.path} {problem.reason}")
    found = tick.arrivals(listing.files, {p: (file.size, file.last_modified) for p, file in known.items()})
    files = tick.next_files(found.settled)
    erased = ErasedKeys.recorded(warehouse) if files else ErasedKeys()
    read = read_in_time(files, loader(source, files, known, erased.left_out))
    new = {path: file for path, file in read.items() if isinstance(file, LoadedFile)}
    for error in read.values():
        if isinstance(error, SourceError):
            context.log.warning(error.without_values)
    waiting = {path: file for path, file in (found.unsettled | found.settled).items() if path not in new}
    customers = {customer for file in new.values() for customer in file.rows["CUSTOMER_ID"].to_pylist()}
    customers |= _authors(warehouse, [known[path].file_hash for path in new if path in known])
    return tick.result(
        {"comment_files": new.keys(), "customers": customers - {None}},
        [file.file_hash for file in new.values()],
        {"customer_analytics/new_comment_files": str(len(new))},
        waiting=waiting,
        compared={},
        last=next(reversed(read), None),
        skip_reason=f"{len(listing.files):,} comment files, {len(waiting):,} of them not settled.",
    )


def _authors(warehouse: Warehouse, contents: list[str]) -> set[str]:
    """The customers whose comments are in files with these hashes."""
    if not contents:
        return set()
    places = ", ".join("?" * len(contents))
    table = warehouse.name(STG_TWITTER_COMMENTS.name)
    select = f"SELECT DISTINCT CUSTOMER_ID FROM {table} WHERE FILE_HASH IN ({places})"  # noqa: S608
    return set(warehouse.query(select, contents)["CUSTOMER_ID"].to_pylist())
