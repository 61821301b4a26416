"""A source file together with what has been dropped next to it since."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath

import pyarrow as pa

from customer_analytics.ingestion.files import SourceFile
from customer_analytics.ingestion.listing import FileEntry
from customer_analytics.ingestion.load import LoadedFile, parse_file
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.ingestion.text import readable
from customer_analytics.tables.sources import STG_REJECTED_ROWS

_EXTENSIONS = {".csv", ".parquet"}


def entries(location: SourceLocation, source: SourceFile) -> dict[str, FileEntry]:
    """The file and its drops by path below the location, in the order in which they are loaded; none is read."""
    first = location.entry(source.name)
    found = {source.name: first} if first else {}
    if source.drops:
        for file in location.files_below(source.drops).files:
            if PurePosixPath(file.path).suffix.lower() in _EXTENSIONS:
                found[f"{source.drops}/{file.path}"] = file
    return found


def load_with_drops(location: SourceLocation, source: SourceFile) -> LoadedFile:
    """The rows of a source file, followed by those of its drops; equal contents count once.

    A drop that cannot be read as a whole is one rejected row, with line 0, and stops no other.

    Raises:
        SourceError: The source file itself is missing or cannot be read as a whole.
    """
    loaded = [parse_file(source, location.read(source.name))]
    contents = {loaded[0].content_hash}
    for path in list(entries(location, source))[1:]:
        try:
            drop = parse_file(replace(source, name=path), location.read(path))
        except SourceError as error:
            drop = _unreadable(location, source, path, error)
        if drop.content_hash not in contents:
            contents.add(drop.content_hash)
            loaded.append(replace(drop, name=readable(path)))
    if len(loaded) == 1:
        return loaded[0]
    return LoadedFile(
        name=source.name,
        table=source.table,
        rows=pa.concat_tables([file.rows for file in loaded]),
        rejected=pa.concat_tables([file.rejected for file in loaded]),
        lines_in=sum(file.lines_in for file in loaded),
        ignored_columns=tuple(sorted({name for file in loaded for name in file.ignored_columns})),
        content_hash=joint_hash(contents),
    )


def joint_hash(contents: Iterable[str]) -> str:
    """One hash for several contents, whatever their order and number; of a single one, its own."""
    distinct = sorted(set(contents))
    return distinct[0] if len(distinct) == 1 else hashlib.sha256("\n".join(distinct).encode()).hexdigest()


def _unreadable(location: SourceLocation, source: SourceFile, path: str, error: SourceError) -> LoadedFile:
    row = {"SOURCE": readable(path), "LINE": 0, "REASON": str(error), "RAW": ""}
    return LoadedFile(
        name=path,
        table=source.table,
        rows=source.table.arrow_schema.empty_table(),
        rejected=pa.Table.from_pylist([row], STG_REJECTED_ROWS.arrow_schema),
        lines_in=1,
        ignored_columns=(),
        content_hash=location.sha256(path)[0],
    )
