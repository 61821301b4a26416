"""Splitting CSV text into records by RFC 4180, with any separator and any line ends."""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

# Snowflake's longest text is 16 MiB, which `text_columns` enforces; this only stops a quote that is never closed.
_LONGEST_FIELD = 32 * 1024 * 1024
_LONGEST_RECORD = 2 * _LONGEST_FIELD
_QUOTE_INSIDE = "an unquoted field contains a quote"
_TEXT_AFTER_QUOTE = "text follows a closing quote"


class Parsed(NamedTuple):
    """A record: its first and last line, and its fields or the reason why it is malformed."""

    first: int
    last: int
    fields: list[str] | str


def text_lines(utf8: bytes) -> Iterator[str]:
    """Physical lines, which end with LF, CRLF or CR; bytes that are not UTF-8 become surrogates."""
    return io.TextIOWrapper(io.BytesIO(utf8), encoding="utf-8-sig", errors="surrogateescape", newline="")


def split(lines: Iterator[str], separator: str, before: int = 0) -> Iterator[Parsed]:
    """The records of the lines, of which `before` have been read already; empty lines are skipped.

    An unclosed quote would swallow all lines up to the next quote or the end of the file. So where quoting is
    invalid, only the line on which the record began is malformed, and reading continues with the next line. The
    remaining lines of a malformed record with line breaks may therefore be read as records.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    quoting = _Quoting(separator)
    counted = _Lines(lines, before, quoting)
    reader = csv.reader(counted, delimiter=separator, strict=True)
    while True:
        counted.begin_record()
        first = counted.number + 1
        try:
            fields = next(reader)
            # Python's reader accepts a quote inside an unquoted field as text, so it is then in a field.
            if '"' in counted.record[0] and '"' in "".join(fields) and (flaw := quoting.flaw(counted.record)):
                raise csv.Error(flaw)
        except StopIteration:
            return
        except csv.Error as error:
            reason = _reason(error, first, counted.number)
            counted.go_back()
            reader = csv.reader(counted, delimiter=separator, strict=True)
            yield Parsed(first, first, reason)
        else:
            if fields:
                yield Parsed(first, counted.number, fields)


class _Quoting:
    """The rules of quoting, which Python's reader does not enforce in fields without a quote at the start."""

    def __init__(self, separator: str) -> None:
        self._separator = separator
        cut = re.escape(separator)
        quoted = r'[^"]*+(?:""[^"]*+)*+'
        field = rf'(?:"{quoted}"|[^"\r\n{cut}]*+(?!"))'
        # Whole fields, perhaps with a quoted one that continues on the next line; from the start of a record, or
        # from within a field.
        fields = rf'(?:{cut}{field})*+(?:{cut}"{quoted})?(?:\r?\n|\r)?'
        self._from_begin = re.compile(rf'(?:"{quoted}\Z|{field}{fields})')
        self._from_within = re.compile(rf'{quoted}(?:"{fields}|\Z)')

    def flaw(self, lines: list[str]) -> str | None:
        """What is wrong with the quotes of a record, if anything."""
        return self._flaw(self._from_begin, "".join(lines))

    def flaw_of_open_line(self, lines: list[str]) -> str | None:
        """What is wrong with the last line of an unfinished record whose other lines are valid."""
        if '"' not in lines[-1]:
            return None
        return self._flaw(self._from_begin if len(lines) == 1 else self._from_within, lines[-1])

    def _flaw(self, pattern: re.Pattern[str], text: str) -> str | None:
        match = pattern.match(text)
        end = match.end() if match else 0
        if end == len(text):
            return None
        is_field_at_fault = end == 0 or text[end] == self._separator
        return _QUOTE_INSIDE if is_field_at_fault else _TEXT_AFTER_QUOTE


class _Lines:
    """A counting iterator of lines that can go back to the second line of the current record."""

    def __init__(self, lines: Iterator[str], number: int, quoting: _Quoting) -> None:
        self.number = number
        self.record: list[str] = []
        self._characters = 0
        self._again: deque[str] = deque()
        self._lines = lines
        self._quoting = quoting

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._characters > _LONGEST_RECORD:
            raise csv.Error(f"a record has more than {_LONGEST_RECORD:,} characters")
        # Checked line by line, because a record that should have ended may otherwise extend to the end of the
        # file.
        if self.record and (flaw := self._quoting.flaw_of_open_line(self.record)):
            raise csv.Error(flaw)
        line = self._again.popleft() if self._again else next(self._lines)
        self.number += 1
        self.record.append(line)
        self._characters += len(line)
        return line

    def begin_record(self) -> None:
        """Start another record."""
        self.record.clear()
        self._characters = 0

    def go_back(self) -> None:
        """Continue with the second line of the current record."""
        self._again.extendleft(reversed(self.record[1:]))
        self.number -= len(self.record) - 1


def _reason(error: csv.Error, first: int, last: int) -> str:
    message = str(error)
    if message == "unexpected end of data":
        return "a quote is opened and never closed"
    if message.startswith("field larger"):
        return f"a field has more than {_LONGEST_FIELD:,} characters"
    flaw = _TEXT_AFTER_QUOTE if message.endswith("expected after '\"'") else message
    return flaw if first == last else f"a quote is opened and not closed before line {last}, where {flaw}"
