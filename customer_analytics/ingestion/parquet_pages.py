"""The decompressed size of the pages of a Parquet file, by their headers.

Readers allocate memory by the header of each page, whatever the footer of the file says. Headers and footer are
structs in Thrift's compact protocol; see https://parquet.apache.org/docs/file-format/. They are parsed here
because Arrow's view of a column's metadata crashes the process if a damaged footer lacks it.
"""

from collections.abc import Collection, Iterator
from typing import Any

_ROW_GROUPS, _COLUMNS, _METADATA = 4, 1, 3  # of FileMetaData, RowGroup, ColumnChunk
_BYTES, _DATA, _DICTIONARY = 7, 9, 11  # of ColumnMetaData: compressed bytes, offsets of the first pages
_UNCOMPRESSED, _COMPRESSED = 2, 3  # of PageHeader: bytes
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = (*range(1, 11), 12)
_DEEPEST, _MOST_VALUES = 10, 5_000_000
_END = 8  # bytes of the footer's length and of the mark after it


class PagesError(ValueError):
    """Pages that cannot be read, or too many of them."""


def uncompressed_bytes(content: bytes, columns: Collection[int]) -> int:
    """Bytes of all pages of the columns (by their positions among the leaves), decompressed.

    Raises:
        PagesError: The footer or a page cannot be read, or there are millions of them.
    """
    footer = len(content) - _END - int.from_bytes(content[-_END : -_END // 2], "little")
    reader = _Reader(content, footer)
    size = 0
    for group in _structs(reader.struct(), _ROW_GROUPS):
        chunks = _structs(group, _COLUMNS)
        for column in columns:
            if column >= len(chunks):
                raise PagesError("it lacks a column")
            chunk = chunks[column].get(_METADATA)
            if not isinstance(chunk, dict):
                raise PagesError("it lacks the pages of a column")
            # A page that does not exist has no offset, or 0.
            offsets = [_number(chunk, field) for field in (_DATA, _DICTIONARY) if field in chunk]
            start = min((offset for offset in offsets if offset), default=len(content))
            size += sum(_pages(reader, start, start + _number(chunk, _BYTES)))
    return size


def _pages(reader: "_Reader", position: int, end: int) -> Iterator[int]:
    reader.position = position
    while reader.position < end:
        header = reader.struct()
        yield _number(header, _UNCOMPRESSED)
        reader.position += _number(header, _COMPRESSED)


def _number(struct: dict[int, Any], field: int) -> int:
    value = struct.get(field)
    if not isinstance(value, int) or value < 0:
        raise PagesError("a header is damaged")
    return value


def _structs(struct: dict[int, Any], field: int) -> list[dict[int, Any]]:
    values = struct.get(field, [])
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise PagesError("a header is damaged")
    return values


class _Reader:
    """Values of Thrift's compact protocol from a position on; texts and fractions are skipped."""

    def __init__(self, content: bytes, position: int) -> None:
        self.position = position
        self._content, self._left = content, _MOST_VALUES

    def struct(self, depth: int = _DEEPEST) -> dict[int, Any]:
        """The fields of a struct by their ids."""
        if depth == 0:
            raise PagesError("it is nested too deeply")
        fields: dict[int, Any] = {}
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._integer()
            fields[field] = self._value(head & 15, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        self._left -= 1
        if self._left < 0:
            raise PagesError("it has millions of pages or columns")
        if kind in (_I16, _I32, _I64):
            return self._integer()
        if kind in (_LIST, _SET):
            return self._list(depth)
        if kind == _STRUCT:
            return self.struct(depth - 1)
        if kind not in (_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY):
            raise PagesError("a header is damaged")
        length = self._varint() if kind == _BINARY else {_BYTE: 1, _DOUBLE: 8}.get(kind, 0)
        self.position += length
        return None

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        length = head >> 4 if head >> 4 < 15 else self._varint()
        # Booleans take a byte in a list, and none in a struct.
        kind = _BYTE if head & 15 in (_TRUE, _FALSE) else head & 15
        return [self._value(kind, depth) for _ in range(length)]

    def _byte(self) -> int:
        if not 0 <= self.position < len(self._content):
            raise PagesError("a header lies outside of it")
        self.position += 1
        return self._content[self.position - 1]

    def _varint(self) -> int:
        value = shift = 0
        while shift < 64:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
        raise PagesError("a header is damaged")

    def _integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
