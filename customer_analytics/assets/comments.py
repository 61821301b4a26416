"""Files of comments as a staging table, each of them read once."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dagster as dg
import pyarrow as pa

from customer_analytics.assets.declaration import table_out
from customer_analytics.assets.objects import warehouse_objects
from customer_analytics.assets.retries import RETRIES, at_once, may_pass
from customer_analytics.assets.sources import tell
from customer_analytics.checks.audit import audit_specs, examined
from customer_analytics.checks.comments import COMMENTS as AUDITS
from customer_analytics.erasure.keys import ErasedKeys
from customer_analytics.ingestion.calls import concealed
from customer_analytics.ingestion.comments import (
    CommentFile,
    files_of_rows,
    list_comments,
    load_comments,
)
from customer_analytics.ingestion.files import COMMENTS
from customer_analytics.ingestion.listing import FileEntry
from customer_analytics.ingestion.load import LoadedFile
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.progress import Progress
from customer_analytics.resources.io_manager import Part
from customer_analytics.resources.scope import Scope
from customer_analytics.resources.source import Source
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables.sources import STG_COMMENT_FILES, STG_REJECTED_ROWS, STG_TWITTER_COMMENTS

_THREADS = 4
_COMMENTS, _FILES = STG_TWITTER_COMMENTS.name.lower(), STG_COMMENT_FILES.name.lower()


@dg.multi_asset(
    name="comment_files",
    outs={_COMMENTS: table_out(STG_TWITTER_COMMENTS), _FILES: table_out(STG_COMMENT_FILES)},
    deps=[warehouse_objects],
    check_specs=audit_specs(_COMMENTS, AUDITS),
    pool="stg_twitter_comments",
    retry_policy=RETRIES,
)
@at_once
def comment_files(
    context: dg.AssetExecutionContext, source: Source, warehouse: Warehouse, scope: Scope
) -> Iterator[Any]:
    """The comments of new and changed files come in, those of contents that no file has any more go.

    A file whose size and time are known is not read. What the files hold is written before their rows in
    STG_COMMENT_FILES, so that what a killed run was about is read again.
    """
    for table in (STG_TWITTER_COMMENTS, STG_COMMENT_FILES, STG_REJECTED_ROWS):
        warehouse.ensure_table(table)
    # Before the files are listed, so that nothing is taken for gone that another run loads meanwhile.
    known, contents = files_of_rows(warehouse.rows(STG_COMMENT_FILES)), _contents(warehouse)
    location = source.location()
    listing = list_comments(location)
    for problem in listing.problems:
        context.log.warning(f"{problem.path} {problem.reason}")
    if scope.is_whole and COMMENTS.name not in listing.files:
        location.read(COMMENTS.name)  # raises, and says what to do
    present = {p: known[p] for p in known if p in listing.files or concealed(p, listing.problems)}
    gone = sorted(known.keys() - present.keys()) if scope.is_whole else []
    loaded = _loaded(context, location, _new(listing.files, present, contents, scope), scope, warehouse)
    kept = {known[path].content_hash for path in known.keys() - loaded.keys() - set(gone)}
    replaced = set(contents) if scope.is_whole else {known[path].content_hash for path in loaded if path in known}

    _write_rejected(warehouse, loaded, gone)
    distinct = {file.content_hash: file.rows for file in loaded.values()}
    rows = pa.concat_tables([STG_TWITTER_COMMENTS.arrow_schema.empty_table(), *distinct.values()])
    staged = warehouse.session().table(warehouse.stage(STG_TWITTER_COMMENTS, rows))
    yield from examined(STG_TWITTER_COMMENTS, staged, warehouse, AUDITS)
    read = {"files_read": len(loaded), "comments_read": rows.num_rows}
    yield dg.Output(Part(staged, "CONTENT_HASH", sorted(replaced - kept)), _COMMENTS, metadata=read)
    files = [_as_row(path, listing.files[path], file) for path, file in loaded.items()]
    yield dg.Output(Part(STG_COMMENT_FILES.rows(files), "RELATIVE_PATH", gone), _FILES)


def _contents(warehouse: Warehouse) -> dict[str, int]:
    """Numbers of comments in the table by the hash of their file."""
    counted = warehouse.table(STG_TWITTER_COMMENTS.name).group_by("CONTENT_HASH").count().collect()
    return {row["CONTENT_HASH"]: row["COUNT"] for row in counted}


def _new(
    listed: Mapping[str, FileEntry], known: Mapping[str, CommentFile], contents: Mapping[str, int], scope: Scope
) -> dict[str, FileEntry]:
    """The files to read: new and changed ones, and those whose comments are not all in the table."""

    def is_there(path: str) -> bool:
        file = known.get(path)
        return (
            file is not None and file.is_still(listed[path]) and contents.get(file.content_hash, 0) == file.loaded
        )

    paths = listed if scope.is_whole else [path for path in scope.comment_files if path in listed]
    return {path: listed[path] for path in paths if not is_there(path)}


def _loaded(
    context: dg.AssetExecutionContext,
    location: SourceLocation,
    files: Mapping[str, FileEntry],
    scope: Scope,
    warehouse: Warehouse,
) -> dict[str, LoadedFile]:
    """What the files hold by path, read side by side, without those that cannot be read now."""
    erased = ErasedKeys.recorded(warehouse)
    progress = Progress("files of comments read", context.log.info)

    def load(path: str) -> LoadedFile | SourceError:
        try:
            return erased.left_out(load_comments(location, path, files[path]))
        except SourceError as error:
            return error

    loaded: dict[str, LoadedFile] = {}
    with ThreadPoolExecutor(_THREADS) as threads:
        for done, (path, file) in enumerate(zip(files, threads.map(load, files), strict=True), start=1):
            progress(done, len(files))
            if isinstance(file, LoadedFile) and scope.covers(file.rows["CUSTOMER_ID"].to_pylist()):
                loaded[path] = file
                tell(context, file)
            elif isinstance(file, LoadedFile):
                context.log.warning(f"{path} has changed since this run was requested; it is left to the next one")
            elif path == COMMENTS.name or may_pass(file):
                raise file
            else:
                context.log.warning(str(file))
    return loaded


def _write_rejected(warehouse: Warehouse, loaded: Mapping[str, LoadedFile], gone: Sequence[str]) -> None:
    """Make these files' rejected rows those of their contents now."""
    rejected = pa.concat_tables(
        [STG_REJECTED_ROWS.arrow_schema.empty_table(), *(file.rejected for file in loaded.values())]
    )
    select = f"SELECT DISTINCT SOURCE FROM {warehouse.name(STG_REJECTED_ROWS.name)}"  # noqa: S608
    before = set(warehouse.query(select)["SOURCE"].to_pylist()) & {*loaded, *gone}
    if rejected.num_rows or before:
        staged = warehouse.session().table(warehouse.stage(STG_REJECTED_ROWS, rejected))
        warehouse.merge(STG_REJECTED_ROWS, staged, only={"SOURCE": sorted(before)})


def _as_row(path: str, entry: FileEntry, file: LoadedFile) -> CommentFile:
    loaded = file.rows.num_rows
    return CommentFile(path, entry.size, file.content_hash, entry.last_modified, file.lines_in, loaded)
