"""Files of comments: the first file, and those in the folder next to it. Both are optional."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath

import pyarrow as pa

from customer_analytics.ingestion.acceptance import accept, refusal
from customer_analytics.ingestion.files import COMMENTS, EXTENSIONS, FURTHER_COMMENTS
from customer_analytics.ingestion.listing import FileEntry, Problem
from customer_analytics.ingestion.load import LoadedFile, parse_file, present_name
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.ingestion.text import readable


@dataclass(frozen=True)
class CommentFile:
    r"""A file of comments that has been loaded.

    `relative_path` is the path below the source as valid text, with bytes that are not UTF-8 written as `\xNN`.
    `size` is in bytes, `last_modified` in UTC without a zone, `file_hash` SHA-256 in hexadecimal, `lines` the
    number of rows, `loaded` that of rows which were not rejected.
    """

    relative_path: str
    size: int
    file_hash: str
    last_modified: datetime
    lines: int
    loaded: int

    def is_still(self, entry: FileEntry) -> bool:
        """Whether the listed file has the size and modification of the loaded one."""
        return (self.size, self.last_modified) == (entry.size, entry.last_modified)


@dataclass(frozen=True)
class CommentListing:
    """Files of comments by relative path, files of other kinds, and what could not be listed."""

    files: dict[str, FileEntry]
    ignored: tuple[str, ...]
    problems: tuple[Problem, ...]


def list_comments(location: SourceLocation) -> CommentListing:
    """The first file, if it exists, and the `.csv` and `.parquet` files of the folder next to it.

    Raises:
        SourceError: The first file exists both as CSV and as Parquet, or the location cannot be listed.
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
            problems.append(Problem(path, "has the same readable name as another file: rename it"))
        else:
            files[path] = replace(file, path=_below(file.path))
    return CommentListing(files, tuple(ignored), tuple(problems))


def load_comments(location: SourceLocation, path: str, entry: FileEntry) -> LoadedFile:
    """The comments of a listed file; an unreadable further file is one rejected row, with line 0.

    Raises:
        SourceError: The file was removed, has changed or cannot be opened; or it is the first file and cannot be
            read as a whole.
    """
    content = location.read(entry.path)
    if len(content) != entry.size:
        raise SourceError(f"{path} was changed while it was read ({entry.size} bytes, then {len(content)})")
    try:
        return parse_file(replace(COMMENTS, name=path), content, limits=location.limits)
    except SourceError as error:
        if path in COMMENTS.names:
            raise
        return LoadedFile.without_rows(path, COMMENTS.table, content, rejected=refusal(path, error))


def load_accepted(
    location: SourceLocation,
    path: str,
    entry: FileEntry,
    *,
    rows_before: int,
    maximum_rejected_share: float,
    may_be_empty: bool,
) -> LoadedFile:
    """The comments of a listed file, if they may replace those that were loaded from it before.

    A further file that cannot be read and had no comments before is one rejected row; it is recorded and not read
    again.

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
    """The files in rows of STG_COMMENT_FILES, by relative path."""
    rows = (row for batch in batches for row in batch.to_pylist())
    files = (CommentFile(**{name.lower(): value for name, value in row.items()}) for row in rows)
    return {file.relative_path: file for file in files}


def _below(path: str) -> str:
    """A path below the folder of further comments as a path below the source."""
    return str(PurePosixPath(FURTHER_COMMENTS, path))
