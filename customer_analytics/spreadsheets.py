"""CSV files in which a spreadsheet finds no formulas."""

import csv
import re
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

# A sign with the blanks and semicolons before it; some programs start a cell after a semicolon. The quantifier
# is possessive, so that a long run of blanks is scanned once.
_UNSEEN = r"\s\ufeff\u200b-\u200f\u2060"
_SIGN = re.compile(rf"(?<![;{_UNSEEN}])[;{_UNSEEN}]*+[=+\-@\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_CONTROL = ("\t", "\r", "\n")


def neutralised(value: Any) -> Any:
    """The value, with an apostrophe wherever a spreadsheet may see the beginning of a formula.

    A formula begins with = + - @ or one of their full-width forms, at the beginning of a text or after a
    semicolon, tab or line break, where some programs begin a new cell. Blanks before the sign are ignored. A text
    that begins with a tab or line break also gets an apostrophe. Numbers do not change, even if they are texts.
    """
    if not isinstance(value, str) or _NUMBER.fullmatch(value):
        return value
    text = _SIGN.sub(_marked, value)
    return f"'{text}" if text.startswith(_CONTROL) else text


def is_formula(text: str) -> bool:
    """Whether a spreadsheet may treat a text as a formula."""
    return text.startswith(_CONTROL) or neutralised(text).startswith("'") > text.startswith("'")


def write_csv(file: TextIO, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a header and rows, with names and texts neutralised."""
    writer = csv.writer(file)
    writer.writerow([neutralised(name) for name in names])
    writer.writerows([neutralised(value) for value in row] for row in rows)


def _marked(found: re.Match[str]) -> str:
    text = found[0]
    begin = max(text.rfind(separator) for separator in (";", *_CONTROL)) + 1
    return f"{text[:begin]}'{text[begin:]}" if begin or not found.start() else text
