"""Ids for rows without a key, and buckets of equal contents."""

import hashlib
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_ROWS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:customer-analytics:source-row")


def object_ids(
    rows: pa.RecordBatch | pa.Table, columns: Sequence[str], occurrences: dict[bytes, int] | None = None
) -> list[str]:
    """A UUID a row, derived from the names and values of the columns and the row's occurrence number.

    Equal rows get different ids, because their occurrences are counted, and the same ids in every run. The case
    and order of the columns and the width of integers do not matter.

    Args:
        rows: Rows with columns of strings, integers and dates.
        columns: The columns that make up a row.
        occurrences: How often each row has occurred; pass the same dictionary for all batches of a stream.

    Raises:
        TypeError: If a column is of another type.
    """
    occurrences = {} if occurrences is None else occurrences
    ordered = sorted(columns, key=str.lower)
    names = hashlib.blake2b("".join(f"{len(n)}:{n}" for n in map(str.lower, ordered)).encode(), digest_size=16)
    ids = []
    for encoded in _encoded(rows, ordered):
        named = names.copy()
        named.update(encoded)
        row = named.digest()
        occurrence = occurrences[row] = occurrences.get(row, 0) + 1
        ids.append(str(uuid.uuid5(_ROWS, f"{row.hex()}:{occurrence}")))
    return ids


def _encoded(rows: pa.RecordBatch | pa.Table, columns: Sequence[str]) -> list[bytes]:
    """Each row as unambiguous bytes: every value with its type, and its length or a terminator."""
    fields = [_field(name, rows[name]) for name in columns]
    encoded: list[bytes] = pc.binary_join_element_wise(*fields, pa.scalar(b"", pa.binary())).to_pylist()
    return encoded


def _field(name: str, values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    def part(value: Any) -> Any:
        return value.cast(pa.string()).cast(pa.binary())

    def constant(value: bytes) -> pa.Scalar:
        return pa.scalar(value, pa.binary())

    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        parts = [constant(b"s"), part(pc.binary_length(values)), constant(b":"), part(values)]
    elif pa.types.is_integer(values.type):
        parts = [constant(b"i"), part(values), constant(b";")]
    elif pa.types.is_date(values.type):
        parts = [constant(b"d"), part(values.cast(pa.date32())), constant(b";")]
    else:
        raise TypeError(f"{name} is of type {values.type}; ids can be made of strings, integers and dates only.")
    return pc.binary_join_element_wise(*parts, constant(b"")).fill_null(constant(b"n;"))


@dataclass(frozen=True)
class Bucket:
    """Bucket `number` (from 0) of `of` buckets of about equal size.

    The bucket of an item depends only on its hash and the number of buckets: equal items are always together.
    Buckets may be processed in any order, at the same time, and repeatedly.
    """

    number: int
    of: int

    def holds(self, digest: str) -> bool:
        """Whether the content with this hash belongs here."""
        return zlib.crc32(digest.encode()) % self.of == self.number


EVERYTHING = Bucket(0, 1)
