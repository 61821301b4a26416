"""Files of comments as a staging table, each of them read once."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dagster as dg
import pyarrow as pa

from customer_analytics.assets.declaration import table_out
from customer_analytics.assets.objects import warehouse_objects
from customer_analytics.assets.rejected_rows import tell, write_refused, write_rejected
from customer_analytics.checks.audit import audit_specs, examined
from customer_analytics.checks.comments import COMMENTS as AUDITS
from customer_analytics.erasure.keys import ErasedKeys
from customer_analytics.ingestion.acceptance import EMPTY_SETTING
from customer_analytics.ingestion.calls import concealed
from customer_analytics.ingestion.comments import (
    CommentFile,
    files_of_rows,
    is_of_comments,
    list_comments,
    load_accepted,
)
from customer_analytics.ingestion.files import COMMENTS
from customer_analytics.ingestion.listing import FileEntry
from customer_analytics.ingestion.load import LoadedFile
from customer_analytics.ingestion.location import SourceError
from customer_analytics.progress import Progress
from customer_analytics.resources.io_manager import Part
from customer_analytics.resources.scope import Scope
from customer_analytics.resources.source import Source
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.retries import RETRIES, at_once, may_pass
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

    A file whose size and time are known is not read. What is known of a file that is refused stays as it was. What
    the files hold is written before their rows in STG_COMMENT_FILES, so that what a killed run was about is read
    again.
    """
    for table in (STG_TWITTER_COMMENTS, STG_COMMENT_FILES, STG_REJECTED_ROWS):
        warehouse.ensure_table(table)
    scope = scope.resolved(warehouse)
    # Before the files are listed, so that nothing is taken for gone that another run loads meanwhile.
    known, contents = files_of_rows(warehouse.rows(STG_COMMENT_FILES)), _contents(warehouse)
    location = source.location()
    listing = list_comments(location)
    for problem in listing.problems:
        context.log.warning(f"{problem.path} {problem.reason}")
    lost = {} if source.may_become_empty else _lost(known, listing.files)
    present = {p: known[p] for p in known if p in listing.files or concealed(p, listing.problems)}
    new = _new(listing.files, present, contents, scope)
    loaded, refused = _loaded(context, source, new, known, scope, warehouse)
    # A file that was moved into the folder is not lost.
    elsewhere = {file.content_hash for file in loaded.values()} | {file.content_hash for file in present.values()}
    lost = {path: error for path, error in lost.items() if known[path].content_hash not in elsewhere}
    gone = sorted(known.keys() - present.keys() - lost.keys()) if scope.is_whole else []
    refused |= lost if scope.is_whole else {}
    kept = {known[path].content_hash for path in known.keys() - loaded.keys() - set(gone)}
    replaced = set(contents) if scope.is_whole else {known[path].content_hash for path in loaded if path in known}

    write_rejected(warehouse, [file.rejected for file in loaded.values()], {*loaded, *gone})
    for error in refused.values():
        context.log.error(error.without_values)

    def is_settled(path: str) -> bool:
        """Whether what a file was refused for is over: it is the one that was loaded, or it is gone."""
        if path in listing.files:
            return path in known and known[path].loaded > 0 and known[path].is_still(listing.files[path])
        return scope.is_whole and is_of_comments(path) and not concealed(path, listing.problems)

    write_refused(warehouse, refused, is_settled)
    distinct = {file.content_hash: file.rows for file in loaded.values()}
    rows = pa.concat_tables([STG_TWITTER_COMMENTS.arrow_schema.empty_table(), *distinct.values()])
    staged = warehouse.session().table(warehouse.stage(STG_TWITTER_COMMENTS, rows))
    yield from examined(STG_TWITTER_COMMENTS, staged, warehouse, AUDITS)
    left_out = sum(file.left_out for file in loaded.values())
    read = {"files_read": len(loaded), "comments_read": rows.num_rows, "rows_left_out": left_out}
    yield dg.Output(Part(staged, "CONTENT_HASH", sorted(replaced - kept)), _COMMENTS, metadata=read)
    files = [_as_row(path, listing.files[path], file) for path, file in loaded.items()]
    yield dg.Output(Part(STG_COMMENT_FILES.rows(files), "RELATIVE_PATH", gone), _FILES)


def _lost(known: Mapping[str, CommentFile], listed: Mapping[str, FileEntry]) -> dict[str, SourceError]:
    """The first file, where it was there with comments and is gone."""
    if any(name in listed for name in COMMENTS.names):
        return {}
    return {
        name: SourceError(
            f"{name} is gone, of which {known[name].loaded:,} comments are loaded: put it back, or set "
            f"{EMPTY_SETTING}=true if there are to be none."
        )
        for name in COMMENTS.names
        if name in known and known[name].loaded
    }


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
    source: Source,
    files: Mapping[str, FileEntry],
    known: Mapping[str, CommentFile],
    scope: Scope,
    warehouse: Warehouse,
) -> tuple[dict[str, LoadedFile], dict[str, SourceError]]:
    """What the files hold by path, read side by side, and why others are refused."""
    erased, location = ErasedKeys.recorded(warehouse), source.location()
    progress = Progress("files of comments read", context.log.info)

    def load(path: str) -> LoadedFile | SourceError:
        try:
            file = load_accepted(
                location,
                path,
                files[path],
                rows_before=known[path].loaded if path in known else 0,
                maximum_rejected_share=source.maximum_rejected_share,
                may_be_empty=source.may_become_empty,
            )
        except SourceError as error:
            return error
        return erased.left_out(file)

    loaded: dict[str, LoadedFile] = {}
    refused: dict[str, SourceError] = {}
    with ThreadPoolExecutor(_THREADS) as threads:
        for done, (path, file) in enumerate(zip(files, threads.map(load, files), strict=True), start=1):
            progress(done, len(files))
            if isinstance(file, LoadedFile) and scope.covers(file.rows["CUSTOMER_ID"].to_pylist()):
                loaded[path] = file
                tell(context, file)
            elif isinstance(file, LoadedFile):
                context.log.warning(f"{path} has changed since this run was requested; it is left to the next one")
            elif may_pass(file):
                raise file
            else:
                refused[path] = file
    return loaded, refused


def _as_row(path: str, entry: FileEntry, file: LoadedFile) -> CommentFile:
    loaded = file.rows.num_rows
    return CommentFile(path, entry.size, file.content_hash, entry.last_modified, file.lines_in, loaded)
