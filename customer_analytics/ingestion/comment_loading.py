"""Comment files compared with the comments that are loaded: what to load, replace and remove."""

import logging
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa

from customer_analytics.ingestion.acceptance import EMPTY_SETTING
from customer_analytics.ingestion.calls import may_exist
from customer_analytics.ingestion.comments import (
    CommentFile,
    CommentListing,
    files_of_rows,
    is_of_comments,
    list_comments,
    load_accepted,
)
from customer_analytics.ingestion.files import COMMENTS
from customer_analytics.ingestion.listing import FileEntry
from customer_analytics.ingestion.load import LoadedFile
from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.rejected_rows import warn
from customer_analytics.ingestion.source import Source
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.progress import Progress
from customer_analytics.tables.sources import STG_COMMENT_FILES, STG_TWITTER_COMMENTS

_THREADS = 4


@dataclass(frozen=True)
class CommentChanges:
    """What a run changes in the tables of comments.

    `files` are the loaded files as rows of STG_COMMENT_FILES, `deleted` the paths of known files that no longer
    exist, and `replaced` the hashes of the contents whose comments `comments` replaces. `is_settled` says whether
    an earlier refusal of a file is over.
    """

    loaded: dict[str, LoadedFile]
    refused: dict[str, SourceError]
    files: list[CommentFile]
    deleted: list[str]
    replaced: list[str]
    is_settled: Callable[[str], bool]

    @property
    def comments(self) -> pa.Table:
        """The comments of the loaded files; those of equal files once."""
        distinct = {file.file_hash: file.rows for file in self.loaded.values()}
        return pa.concat_tables([STG_TWITTER_COMMENTS.arrow_schema.empty_table(), *distinct.values()])


def known_files(warehouse: Warehouse) -> dict[str, CommentFile] | None:
    """The rows of STG_COMMENT_FILES by relative path; None if the table does not exist."""
    columns = ", ".join(STG_COMMENT_FILES.column_names)
    rows = warehouse.query_or_none(f"SELECT {columns} FROM {warehouse.name(STG_COMMENT_FILES.name)}")  # noqa: S608
    return None if rows is None else files_of_rows(rows.cast(STG_COMMENT_FILES.arrow_schema).to_batches())


def loader(
    source: Source,
    files: Mapping[str, FileEntry],
    known: Mapping[str, CommentFile],
    leave_out: Callable[[LoadedFile], LoadedFile],
) -> Callable[[str], LoadedFile | SourceError]:
    """Reads a file by its path, without the rows of erased customers, or returns why it is refused."""
    location = source.location()

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
        return leave_out(file)

    return load


def read_changes(
    source: Source,
    known: Mapping[str, CommentFile],
    contents: Mapping[str, int],
    only: Collection[str] | None,
    covers: Callable[[Collection[str | None]], bool],
    leave_out: Callable[[LoadedFile], LoadedFile],
    log: logging.Logger,
) -> CommentChanges:
    """Read the files that are new or changed, or whose comments are not all in the table.

    `known` are the files that have been loaded, by path, and `contents` the numbers of comments in the table by
    the hash of their file. `only` are the paths to look at, or None. `covers` says whether the run may change
    the comments of some customers, and `leave_out` removes the rows of erased customers.
    """
    listing = list_comments(source.location())
    for problem in listing.problems:
        log.warning(f"{problem.path} {problem.reason}")
    present = {p: known[p] for p in known if p in listing.files or may_exist(p, listing.problems)}

    def is_loaded(path: str) -> bool:
        file, entry = present.get(path), listing.files[path]
        return file is not None and file.is_still(entry) and contents.get(file.file_hash, 0) == file.loaded

    load = loader(source, listing.files, known, leave_out)
    paths = listing.files if only is None else [path for path in only if path in listing.files]
    new = [path for path in paths if not is_loaded(path)]
    progress = Progress("comment files read", log.info)
    loaded: dict[str, LoadedFile] = {}
    refused: dict[str, SourceError] = {}
    with ThreadPoolExecutor(_THREADS) as threads:
        for done, (path, result) in enumerate(zip(new, threads.map(load, new), strict=True), start=1):
            progress(done, len(new))
            if isinstance(result, SourceError):
                refused[path] = result
            elif covers(result.rows["CUSTOMER_ID"].to_pylist()):
                loaded[path] = result
                warn(log, result)
            else:
                log.warning(f"{path} has changed since this run was requested; the next run loads it")

    deleted: list[str] = []
    replaced = {known[path].file_hash for path in loaded if path in known}
    if only is None:
        # A file that was moved into the comments folder is not missing.
        hashes = {f.file_hash for f in loaded.values()} | {f.file_hash for f in present.values()}
        missing = {} if source.may_become_empty else _missing(known, listing, hashes)
        refused |= missing
        deleted = sorted(known.keys() - present.keys() - missing.keys())
        replaced = set(contents)
    kept = {known[path].file_hash for path in known.keys() - loaded.keys() - set(deleted)}

    def is_settled(path: str) -> bool:
        if path in listing.files:
            return path in known and known[path].loaded > 0 and known[path].is_still(listing.files[path])
        return only is None and is_of_comments(path) and not may_exist(path, listing.problems)

    files = [_as_row(path, listing.files[path], file) for path, file in loaded.items()]
    return CommentChanges(loaded, refused, files, deleted, sorted(replaced - kept), is_settled)


def _as_row(path: str, entry: FileEntry, file: LoadedFile) -> CommentFile:
    return CommentFile(path, entry.size, file.file_hash, entry.last_modified, file.lines_in, file.rows.num_rows)


def _missing(
    known: Mapping[str, CommentFile], listing: CommentListing, elsewhere: Collection[str]
) -> dict[str, SourceError]:
    """The first file, where it was loaded with comments and no longer exists."""
    if any(name in listing.files for name in COMMENTS.names):
        return {}
    return {
        name: SourceError(
            f"{name} is missing, of which {known[name].loaded:,} comments are loaded: put it back, or set "
            f"{EMPTY_SETTING}=true to remove them."
        )
        for name in COMMENTS.names
        if name in known and known[name].loaded and known[name].file_hash not in elsewhere
    }
