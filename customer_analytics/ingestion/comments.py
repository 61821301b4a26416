"""Comments: the first file, and what has been dropped next to it since. Either may be absent."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath

import pyarrow as pa

from customer_analytics.ingestion.acceptance import accept
from customer_analytics.ingestion.files import COMMENTS, EXTENSIONS, FURTHER_COMMENTS
from customer_analytics.ingestion.listing import FileEntry, Problem
from customer_analytics.ingestion.load import LoadedFile, parse_file, present_name
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.ingestion.refusals import refusal
from customer_analytics.ingestion.text import readable


@dataclass(frozen=True)
class CommentFile:
    r"""A file of comments that has been loaded.

    `relative_path` is the path below the source as valid text: where a name has bytes that are not UTF-8, they are
    written as `\xNN`. `size` is in bytes, `last_modified` in UTC without a zone, `content_hash` SHA-256 in
    hexadecimal, `lines` the number of its rows, `loaded` that of those which were not rejected.
    """

    relative_path: str
    size: int
    content_hash: str
    last_modified: datetime
    lines: int
    loaded: int

    def is_still(self, entry: FileEntry) -> bool:
        """Whether the file that is listed is the one that was loaded, as far as size and time tell."""
        return (self.size, self.last_modified) == (entry.size, entry.last_modified)


@dataclass(frozen=True)
class CommentListing:
    """The files of comments by relative path, unread, the files of other kinds, and what could not be listed."""

    files: dict[str, FileEntry]
    ignored: tuple[str, ...]
    problems: tuple[Problem, ...]


def list_comments(location: SourceLocation) -> CommentListing:
    """The first file, if it is there, and the `.csv` and `.parquet` files of the folder next to it.

    Raises:
        SourceError: The first file is there both as CSV and as Parquet, or the location cannot be listed.
    """
    name = present_name(location, COMMENTS)
    first = location.entry(name) if name else None
    below = location.files_below(FURTHER_COMMENTS)
    files = {first.path: first} if first else {}
    ignored = []
    problems = [Problem(_below(problem.path), problem.reason) for problem in below.problems]
    for file in below.files:
        path = readable(_below(file.path))
        if PurePosixPath(file.path).suffix.lower() not in EXTENSIONS:
            ignored.append(path)
        elif path in files:
            problems.append(Problem(path, "has the readable name of another file: rename it"))
        else:
            files[path] = replace(file, path=_below(file.path))
    return CommentListing(files, tuple(ignored), tuple(problems))


def load_comments(location: SourceLocation, path: str, entry: FileEntry) -> LoadedFile:
    """The comments of a listed file; a drop that cannot be read as a whole is one rejected row, with line 0.

    Raises:
        SourceError: The file has gone, has changed or cannot be opened; or it is the first one and cannot be read
            as a whole.
    """
    content = location.read(entry.path)
    if len(content) != entry.size:
        raise SourceError(f"{path} was changed while it was read ({entry.size} bytes, then {len(content)})")
    try:
        return parse_file(replace(COMMENTS, name=path), content, limits=location.limits)
    except SourceError as error:
        if path in COMMENTS.names:
            raise
        return _unreadable(path, content, error)


def load_accepted(
    location: SourceLocation,
    path: str,
    entry: FileEntry,
    *,
    rows_before: int,
    maximum_rejected_share: float,
    may_be_empty: bool,
) -> LoadedFile:
    """The comments of a listed file, as `load_comments` has them, if they may take the place of those before.

    A drop that cannot be read and had no comments before is one rejected row: recorded, it is not read again.

    Raises:
        SourceError: As `load_comments`; or the file is refused, see `accept`.
    """
    file = load_comments(location, path, entry)
    if not file.is_unreadable:
        accept(
            file,
            maximum_rejected_share=maximum_rejected_share,
            rows_before=rows_before,
            may_be_empty=may_be_empty,
        )
    elif rows_before:
        (why,) = file.rejected.to_pylist()
        raise SourceError(why["REASON"], why["RULE"])
    return file


def is_of_comments(name: str) -> bool:
    """Whether a source file of this name has comments."""
    return name in COMMENTS.names or name.startswith(f"{FURTHER_COMMENTS}/")


def files_of_rows(batches: Iterable[pa.RecordBatch]) -> dict[str, CommentFile]:
    """The files that rows of STG_COMMENT_FILES tell of, by relative path."""
    rows = (row for batch in batches for row in batch.to_pylist())
    files = (CommentFile(**{name.lower(): value for name, value in row.items()}) for row in rows)
    return {file.relative_path: file for file in files}


def _below(path: str) -> str:
    """A path below the folder of drops as a path below the source."""
    return str(PurePosixPath(FURTHER_COMMENTS, path))


def _unreadable(path: str, content: bytes, error: SourceError) -> LoadedFile:
    return LoadedFile(
        name=path,
        table=COMMENTS.table,
        rows=COMMENTS.table.arrow_schema.empty_table(),
        rejected=refusal(path, error),
        lines_in=0,
        ignored_columns=(),
        content_hash=hashlib.sha256(content).hexdigest(),
    )
