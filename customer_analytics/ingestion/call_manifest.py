"""What a call center tells of its calls: an optional `calls.csv` or `calls.parquet` in their folder."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from unicodedata import normalize

import pyarrow as pa

from customer_analytics.ingestion.call_moments import stated_moments, states_a_moment
from customer_analytics.ingestion.files import SourceFile
from customer_analytics.ingestion.load import LoadedFile, parse_file
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.ingestion.text import shortened
from customer_analytics.tables import Column, SqlType, Table
from customer_analytics.tables.model import identifier

MANIFESTS = ("calls.csv", "calls.parquet")
MOST_PROPERTIES, LONGEST_NAME, LONGEST_VALUE = 50, 60, 200

# The table whose rows the manifest adds to, as errors name it.
_TABLE = "STG_SUPPORT_CALLS"
_FILE = Column("FILE", SqlType.TEXT, "Path of the audio below the calls folder, or its name.", nullable=False)
_CUSTOMER = identifier("CUSTOMER_ID", "Customer who called.", nullable=True)
# Text, because a date will do as well as a date and time.
_CALLED_AT = Column("CALLED_AT", SqlType.TEXT, "When the call happened, in UTC; a date alone is midnight.")
_KNOWN = {column.name: column for column in (_FILE, _CUSTOMER, _CALLED_AT)}


@dataclass(frozen=True)
class ManifestRow:
    """What the manifest says of a call; `properties` is a JSON object of its further columns by name, or None."""

    customer_id: str | None
    called_at: datetime | None
    properties: str | None


@dataclass(frozen=True)
class Manifest:
    """The manifest of a calls folder.

    `rows` are by the relative path of the audio that each is about. `strays` are the files named by other rows:
    there is no such audio file, there are several, or an earlier row is about it. `file` is the manifest as it
    was read, with its rejected rows, or None where there is none; `unused_columns` are those that became no
    properties.
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

    It has the column `file`, and may have `customer_id`, `called_at` and any others, in any case and order. The
    others become properties: at most `MOST_PROPERTIES` of them, in the order of their names, with values cut to
    `LONGEST_VALUE` characters.

    Args:
        location: The source.
        folder: The folder of calls, below the source.
        present: Those of `MANIFESTS` that are in it.
        audio: The relative paths of the audio files in it.
        time_zone: Where a day begins that is stated without a time.

    Raises:
        SourceError: There are two manifests, or the one that is there cannot be read as a whole.
    """
    names = [f"{folder}/{name}" for name in sorted(present)]
    if not names:
        return NO_MANIFEST
    if len(names) > 1:
        raise SourceError(f"There are both {' and '.join(names)}: keep the one that is right.")
    (name,), content = names, location.read(names[0])
    # No more calls can be there than files.
    limits = replace(location.limits, rows=min(location.limits.rows, location.limits.files))
    # Which columns there are is known once the one that must be there has been read.
    others = parse_file(SourceFile(name, Table(_TABLE, "", (_FILE,))), content, limits=limits).ignored_columns
    properties, unused = _properties(others)
    known = [column for column in (_CUSTOMER, _CALLED_AT) if column.name in map(str.upper, others)]
    columns = (_FILE, *known, *(Column(name, SqlType.TEXT, "") for name in properties.values()))
    table = Table(_TABLE, "One row per call.", columns, key=("FILE",))
    file = parse_file(
        SourceFile(name, table, (states_a_moment("CALLED_AT"),) if _CALLED_AT in known else ()),
        content,
        limits=limits,
    )
    file = _with_known_columns(file)
    rows, strays = _matched(file.rows, properties, audio, time_zone)
    return Manifest(rows, strays, file, unused)


def property_text(name: str, value: str) -> str:
    """How a property and its value are written in `ManifestRow.properties`, and nothing else is there."""
    return f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}"


def _properties(columns: Iterable[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The upper-case columns that become properties, by these properties' names, and the columns that do not."""
    further = [name for name in columns if name.upper() not in _KNOWN]
    times = Counter(name.upper() for name in further)
    # Where a table has both CONTENT_HASH and LINE, the reader takes them for the origin of a row.
    times["CONTENT_HASH"] += 1
    usable = {
        name.lower(): name.upper()
        for name in further
        # What is shortened, has characters that cannot be shown, or has no name cannot be found again by its name.
        if times[name.upper()] == 1 and len(name) < LONGEST_NAME and "\\" not in name and name[:1] != "("
    }
    chosen = dict(sorted(usable.items())[:MOST_PROPERTIES])
    return chosen, tuple(dict.fromkeys(name for name in further if name.lower() not in chosen))


def _with_known_columns(file: LoadedFile) -> LoadedFile:
    """The file with the columns that it may lack, null: erasure looks for customers in any file that has them."""
    rows = file.rows
    for column in _KNOWN.values():
        if column.name not in rows.column_names:
            rows = rows.append_column(column.name, pa.nulls(rows.num_rows, column.type.arrow))
    return replace(file, rows=rows)


def _matched(
    rows: pa.Table, properties: Mapping[str, str], audio: Collection[str], time_zone: str
) -> tuple[dict[str, ManifestRow], tuple[str, ...]]:
    """The rows by the audio file that each is about, and the files of the rows that are about none."""
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
    # A row that names the whole path is surer than one that names a part of it.
    for row, moment, file in sorted(found, key=lambda each: _normal(each[0]["FILE"]) != each[2]):
        if file is None or named[file] in matched:
            strays.append(row["FILE"])
        else:
            customer = (row["CUSTOMER_ID"] or "").strip() or None
            matched[named[file]] = ManifestRow(customer, moment, _json(row, properties))
    return matched, tuple(strays)


def _file(name: str, named: Mapping[str, str], by_name: Mapping[str, list[str]]) -> str | None:
    """The audio file that a row names by its path, or by the end of it where only one has that."""
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
    """A path in one form, whatever system wrote it."""
    return normalize("NFC", path.strip().replace("\\", "/").removeprefix("./"))


def _json(row: Mapping[str, Any], properties: Mapping[str, str]) -> str | None:
    values = {name: (row[column] or "").strip() for name, column in properties.items()}
    said = [property_text(name, shortened(value, LONGEST_VALUE)) for name, value in values.items() if value]
    return f"{{{', '.join(said)}}}" if said else None
