"""Decoding a text file of any supported encoding and compression to UTF-8."""

import codecs
import gzip
import io
import re
import zlib
from typing import NamedTuple

from customer_analytics.ingestion.limits import LIMITS
from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.records import too_large

_BLOCK_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
_FOREIGN = {
    b"PK\x03\x04": "an Excel workbook or another ZIP archive: save its sheet as CSV (UTF-8)",
    b"PK\x05\x06": "an empty ZIP archive: export the table as CSV",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Excel workbook: save its sheet as CSV (UTF-8)",
    b"PAR1": "a Parquet file: export the table as CSV",
    b"%PDF": "a PDF document: export the table as CSV",
    b"SQLite format 3\0": "an SQLite database: export the table as CSV",
    b"version https://git-lfs": "a Git LFS pointer: fetch the file itself with `git lfs pull`",
    b"BZh": "compressed with bzip2: decompress it, or compress it with gzip",
    b"\xfd7zXZ\0": "compressed with xz: decompress it, or compress it with gzip",
    b"\x28\xb5\x2f\xfd": "compressed with zstd: decompress it, or compress it with gzip",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive: unpack it",
    _GZIP: "compressed twice: compress it only once",
}
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<")
_JSON = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\{|\[\s*\{)")


class DecodedText(NamedTuple):
    """A file's text in UTF-8, and how it was stored; bytes that are invalid in its encoding stay invalid."""

    utf8: bytes
    encoding: str
    compression: str | None


def decode(file: str, content: bytes, most: int = LIMITS.file_bytes) -> DecodedText:
    """The text of a file in UTF-8 or, with a byte order mark, UTF-16; optionally compressed with gzip.

    Raises:
        SourceError: The file is not text, or its compression is damaged, or it has more than `most` bytes.
    """
    compressed = content.startswith(_GZIP)
    if compressed:
        content = _decompressed(file, content, most)
    for beginning, kind in _FOREIGN.items():
        if content.startswith(beginning):
            raise SourceError(f"{file} is {kind}.")
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if is_utf16:
        content = _from_utf16(file, content, most)
    head = content.lstrip(b"\r\n")[:65536]
    if _MARKUP.match(head):
        raise SourceError(f"{file} is an HTML or XML page: download the table itself as CSV.")
    if _JSON.match(head):
        raise SourceError(f"{file} is JSON: export the table as CSV.")
    if b"\0" in re.split(rb"[\r\n]", head, maxsplit=1)[0]:
        raise SourceError(
            f"{file} is not text in UTF-8, or in UTF-16 with a byte order mark (its first line has NUL bytes): "
            "export the table as CSV in UTF-8."
        )
    return DecodedText(content, "UTF-16" if is_utf16 else "UTF-8", "gzip" if compressed else None)


def _decompressed(file: str, content: bytes, most: int) -> bytes:
    """Measured block by block first, so that a decompression bomb does not fill the memory."""
    size = 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            while size <= most and (block := stream.read(_BLOCK_BYTES)):
                size += len(block)
        if size <= most:
            return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise SourceError(f"{file} is compressed with gzip, but damaged or cut short: copy it again.") from error
    raise too_large(file, most)


def _from_utf16(file: str, content: bytes, most: int) -> bytes:
    """As UTF-8; lone surrogates and an odd last byte become invalid UTF-8."""
    whole = len(content) // 2 * 2
    decoder = codecs.getincrementaldecoder("utf-16")("surrogatepass")
    utf8 = bytearray()
    for start in range(0, whole, _BLOCK_BYTES):
        block = content[start : min(start + _BLOCK_BYTES, whole)]
        utf8 += decoder.decode(block, start + _BLOCK_BYTES >= whole).encode("utf-8", "surrogatepass")
        if len(utf8) > most:
            raise too_large(file, most)
    return bytes(utf8 + b"\xff" * (len(content) - whole))
