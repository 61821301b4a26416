"""The manifest of calls: an optional `calls.csv` or `calls.parquet` in their folder, with facts about them."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from unicodedata import normalize

import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.ingestion.files import SourceFile
from customer_analytics.ingestion.load import LoadedFile, parse_file
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.ingestion.moments import FIRST_YEAR, LAST_YEAR
from customer_analytics.ingestion.rules import Fault, faults_where
from customer_analytics.ingestion.text import shortened
from customer_analytics.ingestion.text_columns import stated_moments
from customer_analytics.tables import Column, SqlType, Table
from customer_analytics.tables.model import identifier

MANIFESTS = ("calls.csv", "calls.parquet")
MOST_PROPERTIES, LONGEST_NAME, LONGEST_VALUE = 50, 60, 200

# The table to whose rows the manifest adds, as errors name it.
_TABLE = "STG_SUPPORT_CALLS"
_FILE = Column("FILE", SqlType.TEXT, "Path of the audio below the calls folder, or its name.", nullable=False)
_CUSTOMER = identifier("CUSTOMER_ID", "Customer who called.", nullable=True)
# Text, because a date without a time is valid too.
_CALLED_AT = Column("CALLED_AT", SqlType.TEXT, "When the call happened, in UTC; a date alone is midnight.")
_KNOWN = {column.name: column for column in (_FILE, _CUSTOMER, _CALLED_AT)}


@dataclass(frozen=True)
class ManifestRow:
    """The manifest's row of a call; `properties` is a JSON object of its further columns by name, or None."""

    customer_id: str | None
    called_at: datetime | None
    properties: str | None


@dataclass(frozen=True)
class Manifest:
    """The manifest of a calls folder.

    `rows` maps the relative path of each audio file to its row. `strays` are the files that other rows name: no
    audio file has that name, several have, or an earlier row has described it. `file` is the parsed manifest with
    its rejected rows, or None without one; `unused_columns` did not become properties.
    """

    rows: Mapping[str, ManifestRow]
    strays: tuple[str, ...] = ()
    file: LoadedFile | None = None
    unused_columns: tuple[str, ...] = ()


NO_MANIFEST = Manifest({})


def read_manifest(
    location: SourceLocation,
    folder: str,
    present: Collection[str],
    audio: Collection[str],
    time_zone: str = "UTC",
) -> Manifest:
    """The manifest of a folder of calls.

    It has the column `file` and optionally `customer_id`, `called_at` and others, in any case and order. The first
    `MOST_PROPERTIES` of the others by name become properties, with values cut to `LONGEST_VALUE` characters.

    Args:
        location: The source.
        folder: The folder of calls, below the source.
        present: Those of `MANIFESTS` that are in it.
        audio: The relative paths of the audio files in it.
        time_zone: In which a day begins that has no time.

    Raises:
        SourceError: There are two manifests, or the only one cannot be read as a whole.
    """
    names = [f"{folder}/{name}" for name in sorted(present)]
    if not names:
        return NO_MANIFEST
    if len(names) > 1:
        raise SourceError(f"There are both {' and '.join(names)}: keep the one that is right.")
    (name,), content = names, location.read(names[0])
    # There are no more calls than files.
    limits = replace(location.limits, rows=min(location.limits.rows, location.limits.files))
    # The other columns are known once the required one has been read.
    others = parse_file(SourceFile(name, Table(_TABLE, "", (_FILE,))), content, limits=limits).ignored_columns
    properties, unused = _properties(others)
    known = [column for column in (_CUSTOMER, _CALLED_AT) if column.name in map(str.upper, others)]
    columns = (_FILE, *known, *(Column(name, SqlType.TEXT, "") for name in properties.values()))
    table = Table(_TABLE, "One row per call.", columns, key=("FILE",))
    rules = (_called_at_is_valid,) if _CALLED_AT in known else ()
    file = _with_known_columns(parse_file(SourceFile(name, table, rules), content, limits=limits))
    rows, strays = _matched(file.rows, properties, audio, time_zone)
    return Manifest(rows, strays, file, unused)


def _called_at_is_valid(rows: pa.Table) -> list[Fault]:
    """The faults of rows whose CALLED_AT is neither a date, with or without a time, nor blank."""
    texts = rows[_CALLED_AT.name]
    is_blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(texts), ""), True)
    broken = pc.and_not(pc.is_null(stated_moments(texts)), is_blank)
    expected = f" is not a date (YYYY-MM-DD), with or without a time, of the years {FIRST_YEAR} to {LAST_YEAR}"
    return faults_where(broken, f"{_CALLED_AT.name} ", texts, expected)


def property_text(name: str, value: str) -> str:
    """A property and its value as `ManifestRow.properties` has them; no other text there looks like it."""
    return f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}"


def _properties(columns: Iterable[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The columns that become properties, in upper case by property name, and the columns that do not."""
    further = [name for name in columns if name.upper() not in _KNOWN]
    times = Counter(name.upper() for name in further)
    # Where a table has both FILE_HASH and LINE, the reader takes them for the origin of a row.
    times["FILE_HASH"] += 1
    usable = {
        name.lower(): name.upper()
        for name in further
        # Names that are shortened, escaped or missing would not be found again.
        if times[name.upper()] == 1 and len(name) < LONGEST_NAME and "\\" not in name and name[:1] != "("
    }
    chosen = dict(sorted(usable.items())[:MOST_PROPERTIES])
    return chosen, tuple(dict.fromkeys(name for name in further if name.lower() not in chosen))


def _with_known_columns(file: LoadedFile) -> LoadedFile:
    """The file with its missing optional columns as null: erasure looks for CUSTOMER_ID in every file."""
    rows = file.rows
    for column in _KNOWN.values():
        if column.name not in rows.column_names:
            rows = rows.append_column(column.name, pa.nulls(rows.num_rows, column.type.arrow))
    return replace(file, rows=rows)


def _matched(
    rows: pa.Table, properties: Mapping[str, str], audio: Collection[str], time_zone: str
) -> tuple[dict[str, ManifestRow], tuple[str, ...]]:
    """The rows by audio file, and the files that the other rows name."""
    called_at = stated_moments(rows[_CALLED_AT.name], time_zone).to_pylist()
    named = {_normal(path): path for path in audio}
    by_name = defaultdict(list)
    for path in named:
        by_name[PurePosixPath(path).name].append(path)
    matched: dict[str, ManifestRow] = {}
    strays = []
    found = [
        (row, moment, _file(row["FILE"], named, by_name))
        for row, moment in zip(rows.to_pylist(), called_at, strict=True)
    ]
    # A row that names a whole path takes precedence over one that names a part of it.
    for row, moment, file in sorted(found, key=lambda each: _normal(each[0]["FILE"]) != each[2]):
        if file is None or named[file] in matched:
            strays.append(row["FILE"])
        else:
            customer = (row["CUSTOMER_ID"] or "").strip() or None
            matched[named[file]] = ManifestRow(customer, moment, _json(row, properties))
    return matched, tuple(strays)


def _file(name: str, named: Mapping[str, str], by_name: Mapping[str, list[str]]) -> str | None:
    """The audio file that a row names by its path or by an unambiguous end of its path."""
    wanted = _normal(name)
    if wanted in named:
        return wanted
    ends = [
        path
        for path in by_name.get(PurePosixPath(wanted).name, [])
        if f"/{path}".endswith(f"/{wanted}") or wanted.endswith(f"/{path}")
    ]
    return ends[0] if len(ends) == 1 else None


def _normal(path: str) -> str:
    """A path in one form, whichever system wrote it."""
    return normalize("NFC", path.strip().replace("\\", "/").removeprefix("./"))


def _json(row: Mapping[str, Any], properties: Mapping[str, str]) -> str | None:
    values = {name: (row[column] or "").strip() for name, column in properties.items()}
    said = [property_text(name, shortened(value, LONGEST_VALUE)) for name, value in values.items() if value]
    return f"{{{', '.join(said)}}}" if said else None
