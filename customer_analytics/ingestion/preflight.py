"""Examining a source before anything is written."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.ingestion.acceptance import REASONS_SHOWN, accept, first_reasons
from customer_analytics.ingestion.calls import CALLS_FOLDER, list_audio, read_facts
from customer_analytics.ingestion.comments import list_comments
from customer_analytics.ingestion.csv_records import read_csv_column
from customer_analytics.ingestion.files import COMMENTS, FURTHER_COMMENTS, SOURCE_FILES, SourceFile
from customer_analytics.ingestion.limits import Limits
from customer_analytics.ingestion.load import LoadedFile, parse_file, present_name
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.ingestion.records import FileFormat
from customer_analytics.ingestion.text import printable
from customer_analytics.ingestion.text_columns import parse_column
from customer_analytics.tables import SqlType, Table
from customer_analytics.tables.sources import STG_SUPPORT_CALLS

ROWS_EXAMINED = 50_000
"""Rows of a file that are examined, from the first; all of them if too many of these are rejected.

Keys that other files refer to are examined in all rows."""

FILES_EXAMINED = 200
"""Files of a folder of comments that are examined, in order of their names."""

_LONGEST_REASON = 200
_DATED = (SqlType.DATE, SqlType.TIMESTAMP)
_REFERRED_TO = {reference.table for file in SOURCE_FILES for reference in file.table.references}


@dataclass(frozen=True)
class MatchedIds:
    """How many of a column's distinct ids are among the keys of a file, and the first that is not."""

    column: str
    file: str
    found: int
    total: int
    unmatched: str | None


@dataclass(frozen=True)
class FileReport:
    """The content of a source file.

    `refusal` says why the file cannot be used; it is None if it can be used, or is optional and missing. The
    other fields describe the first `examined` rows, of which `rejected` cannot be loaded; `unread` counts the
    lines after them. `columns` are those of the table, `ignored_columns` the others of the file. `reasons` are
    the first rejections of different kinds with their lines. `first` and `last` are the earliest and latest day
    in any column.
    """

    name: str
    present: bool = True
    refusal: str | None = None
    format: FileFormat | None = None
    columns: tuple[str, ...] = ()
    ignored_columns: tuple[str, ...] = ()
    examined: int = 0
    unread: int = 0
    rejected: int = 0
    reasons: tuple[str, ...] = ()
    first: dt.date | None = None
    last: dt.date | None = None
    matches: tuple[MatchedIds, ...] = ()


@dataclass(frozen=True)
class FolderReport:
    """The content of a folder: the number of its files, files of other kinds, and what cannot be read.

    `rows` and `rejected` count the rows of the first `examined` files of comments, or of the manifest of calls;
    `strays` of these name no existing file. `nameless` calls have no customer id.
    """

    name: str
    files: int
    ignored: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    examined: int = 0
    rows: int = 0
    rejected: int = 0
    reasons: tuple[str, ...] = ()
    strays: int = 0
    nameless: int = 0
    matches: tuple[MatchedIds, ...] = ()


@dataclass(frozen=True)
class Preflight:
    """The content of a source: its files, the further files of comments, and the calls.

    `obstacle` says why the source cannot be used at all, or is None.
    """

    source: str
    files: tuple[FileReport, ...]
    comments: FolderReport
    calls: FolderReport
    obstacle: str | None


_Ids = Mapping[str, pa.Array]


@dataclass(frozen=True)
class _Examined:
    """A file's report without matches, its ids by the columns that refer to other tables, and its keys."""

    report: FileReport
    ids: _Ids
    keys: pa.Array | None = None


def examine_source(
    location: SourceLocation, *, maximum_rejected_share: float, call_date_pattern: str | None = None
) -> Preflight:
    """The content of a source.

    Args:
        location: The source.
        maximum_rejected_share: The share of rows that may be rejected; see `accept`.
        call_date_pattern: Finds the date in a call's name; see `read_name`.

    Raises:
        SourceError: The location cannot be read, or has none of the required files.
    """
    examined = [(file, _examined(location, file, maximum_rejected_share)) for file in SOURCE_FILES]
    required = [(file, each.report) for file, each in examined if not file.optional]
    if not any(report.present for _, report in required):
        names = ", ".join(file.name for file, _ in required)
        raise SourceError(
            f"{location.name} has none of the source files ({names}): name the folder that holds them."
        )
    keys = {file.table.name: (each.report.name, each.keys) for file, each in examined if each.keys is not None}
    return Preflight(
        source=location.name,
        files=tuple(replace(each.report, matches=_matches(file.table, each.ids, keys)) for file, each in examined),
        comments=_further_comments(location, keys),
        calls=_calls(location, call_date_pattern, keys),
        obstacle=next((report.refusal for file, report in required if file.needs_rows and report.refusal), None),
    )


def _examined(location: SourceLocation, source: SourceFile, maximum_rejected_share: float) -> _Examined:
    try:
        name = present_name(location, source)
        if name is None:
            return _Examined(FileReport(source.name, present=False, refusal=_missing(location, source)), {})
        source, content = replace(source, name=name), location.read(name)
        file = parse_file(source, content, ROWS_EXAMINED, location.limits)
        refusal = _refusal(file, source, maximum_rejected_share)
        if refusal and file.unread:  # whether too many are rejected depends on all rows
            file = parse_file(source, content, limits=location.limits)
            refusal = _refusal(file, source, maximum_rejected_share)
        report = _report(file, source)
        if refusal:
            return _Examined(replace(report, refusal=refusal), {})
        keys = _keys(source, content, file, location.limits) if source.table.name in _REFERRED_TO else None
        return _Examined(report, _ids(source.table, file), keys)
    except SourceError as error:
        return _Examined(FileReport(source.name, refusal=str(error)), {})


def _refusal(file: LoadedFile, source: SourceFile, maximum_rejected_share: float) -> str | None:
    try:
        accept(file, maximum_rejected_share=maximum_rejected_share, needs_rows=source.needs_rows)
    except SourceError as error:
        return str(error)
    return None


def _missing(location: SourceLocation, source: SourceFile) -> str | None:
    compressed = f"{source.name}.gz"
    if location.exists(compressed):
        return f"{source.name} is missing: rename {compressed} to {source.name} without decompressing it."
    return None if source.optional else f"{source.name} is missing: add it, as CSV or as Parquet."


def _report(file: LoadedFile, source: SourceFile) -> FileReport:
    days = [
        day
        for column in source.record.columns
        if column.type in _DATED
        for day in pc.min_max(file.rows[column.name].cast(pa.date32())).as_py().values()
        if day is not None
    ]
    return FileReport(
        name=file.name,
        format=file.format,
        columns=tuple(source.record.column_names),
        ignored_columns=file.ignored_columns,
        examined=file.lines_in,
        unread=file.unread,
        rejected=file.rejected.num_rows,
        reasons=_reasons(file),
        first=min(days, default=None),
        last=max(days, default=None),
    )


def _reasons(file: LoadedFile) -> tuple[str, ...]:
    return tuple(f"{file.name} {printable(reason, _LONGEST_REASON)}" for reason in first_reasons(file))


def _keys(source: SourceFile, content: bytes, file: LoadedFile, limits: Limits) -> pa.Array:
    """The keys of all rows, also of those that are not examined."""
    (key,) = (column for column in source.table.columns if column.name in source.table.key)
    if not file.unread:
        return file.rows[key.name].unique()
    of_keys = SourceFile(source.name, Table(source.table.name, source.table.description, (key,)))
    texts = read_csv_column(source.name, content, of_keys.table, limits) if source.name.endswith(".csv") else None
    keys = (
        parse_file(of_keys, content, limits=limits).rows[key.name]
        if texts is None
        else parse_column(key, texts)[0]
    )
    return keys.unique()


def _ids(table: Table, file: LoadedFile) -> _Ids:
    return {r.column: file.rows[r.column].drop_null().unique() for r in table.references}


def _matches(table: Table, ids: _Ids, keys: Mapping[str, tuple[str, pa.Array]]) -> tuple[MatchedIds, ...]:
    matches = []
    for reference in table.references:
        values = ids.get(reference.column)
        if reference.table in keys and values is not None and len(values):
            name, known = keys[reference.table]
            unmatched = values.filter(pc.invert(pc.is_in(values, known)))
            first = printable(unmatched[0].as_py(), 40) if len(unmatched) else None
            found = len(values) - len(unmatched)
            matches.append(MatchedIds(reference.column, name, found, len(values), first))
    return tuple(matches)


def _further_comments(location: SourceLocation, keys: Mapping[str, tuple[str, pa.Array]]) -> FolderReport:
    try:
        listing = list_comments(location)
    except SourceError as error:
        return FolderReport(FURTHER_COMMENTS, 0, problems=(str(error),))
    further = {path: entry for path, entry in listing.files.items() if path not in COMMENTS.names}
    problems = [f"{problem.path} {problem.reason}" for problem in listing.problems]
    files: list[LoadedFile] = []
    examined = rows = 0
    for path, entry in further.items():
        if examined == FILES_EXAMINED or rows >= ROWS_EXAMINED:
            break
        examined += 1
        try:
            content = location.read(entry.path)
            files.append(parse_file(replace(COMMENTS, name=path), content, ROWS_EXAMINED, location.limits))
        except SourceError as error:
            problems.append(str(error))
        else:
            rows += files[-1].lines_in
    return FolderReport(
        FURTHER_COMMENTS,
        files=len(further),
        ignored=listing.ignored,
        problems=tuple(problems),
        examined=examined,
        rows=rows,
        rejected=sum(file.rejected.num_rows for file in files),
        reasons=tuple(reason for file in files for reason in _reasons(file))[:REASONS_SHOWN],
        matches=_matches(COMMENTS.table, _together(_ids(COMMENTS.table, file) for file in files), keys),
    )


def _together(all_ids: Iterable[_Ids]) -> _Ids:
    """The distinct ids of several files."""
    columns: dict[str, list[pa.Array]] = {}
    for ids in all_ids:
        for column, values in ids.items():
            columns.setdefault(column, []).append(values)
    return {column: pa.chunked_array(values).unique() for column, values in columns.items()}


def _calls(
    location: SourceLocation, date_pattern: str | None, keys: Mapping[str, tuple[str, pa.Array]]
) -> FolderReport:
    listing = list_audio(location)
    report = FolderReport(
        CALLS_FOLDER,
        files=len(listing.files),
        ignored=listing.ignored,
        problems=tuple(f"{CALLS_FOLDER}/{problem.path} {problem.reason}" for problem in listing.problems),
    )
    try:
        manifest, facts = read_facts(location, listing, date_pattern)
    except SourceError as error:
        return replace(report, problems=(*report.problems, str(error)))
    ids = pa.array([facts[path].customer_id for path in sorted(facts)], pa.string())
    return replace(
        report,
        rows=manifest.file.lines_in if manifest.file else 0,
        rejected=manifest.file.rejected.num_rows if manifest.file else 0,
        reasons=_reasons(manifest.file) if manifest.file else (),
        strays=len(manifest.strays),
        nameless=ids.null_count,
        matches=_matches(STG_SUPPORT_CALLS, {"CUSTOMER_ID": ids.drop_null().unique()}, keys),
    )
