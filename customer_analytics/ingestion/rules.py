"""Row validation rules: for single rows, and for the rows of a file together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_LINES_SHOWN = 3
_SHOWN_CHARACTERS = 40


@dataclass(frozen=True)
class Fault:
    """One error that some rows have in common.

    `rule` names it without any value of the data. `rows` holds the positions of the rows, ascending from 0, and
    `reasons` returns a sentence for each of them that shows its values.
    """

    rule: str
    rows: npt.NDArray[np.int64]
    reasons: Callable[[], Sequence[str]]


RowRule = Callable[[pa.Table], list[Fault]]
"""From typed rows to the faults of single rows; null values break no rule."""

FileRule = Callable[[pa.Table, npt.NDArray[np.int64]], list[Fault]]
"""From valid rows and their lines to the faults that rows have only in combination."""


def faults_where(broken: pa.ChunkedArray, *parts: str | pa.ChunkedArray) -> list[Fault]:
    """The fault of the rows for which `broken` is true; an empty list if there are none.

    Its sentence consists of the parts: words, and columns whose values are shown. A column must have a value in
    every broken row.
    """
    rows = pc.indices_nonzero(broken).to_numpy().astype(np.int64)
    if not len(rows):
        return []

    def reasons() -> list[str]:
        shown = [[part] * len(rows) if isinstance(part, str) else quoted(part.take(rows)) for part in parts]
        return ["".join(sentence) for sentence in zip(*shown, strict=True)]

    words = "".join(part for part in parts if isinstance(part, str))
    return [Fault(" ".join(words.split()), rows, reasons)]


def quoted(values: pa.Array | pa.ChunkedArray) -> list[str]:
    """Values for a sentence: in quotes, at most 40 characters, invisible ones as blanks."""
    start = pc.utf8_slice_codeunits(values.cast(pa.string()), 0, _SHOWN_CHARACTERS + 1)
    visible = pc.replace_substring_regex(start, r"[\p{C}\p{Z}]", " ").to_pylist()
    return [f"'{t if len(t) <= _SHOWN_CHARACTERS else f'{t[: _SHOWN_CHARACTERS - 1]}…'}'" for t in visible]


def not_before(later: str, earlier: str) -> RowRule:
    """One column is never before the other, e.g. an end before its start; equal values are valid."""

    def faults(rows: pa.Table) -> list[Fault]:
        broken = pc.less(rows[later], rows[earlier])
        return faults_where(broken, f"{later} ", rows[later], f" is before {earlier} ", rows[earlier])

    return faults


def not_negative(column: str) -> RowRule:
    """The column is 0 or more."""
    return lambda rows: faults_where(pc.less(rows[column], 0), f"{column} ", rows[column], " is negative")


def at_most(column: str, limit: int) -> RowRule:
    """The column's absolute value is at most the limit."""
    words = f" is beyond {limit:,}"

    def faults(rows: pa.Table) -> list[Fault]:
        values = rows[column]
        broken = pc.or_(pc.less(values, -limit), pc.greater(values, limit))
        return faults_where(broken, f"{column} ", values, words)

    return faults


def one_of(column: str, *values: int | str) -> RowRule:
    """The column holds one of the values."""
    expected = ", ".join(map(str, values))

    def faults(rows: pa.Table) -> list[Fault]:
        accepted = pc.is_in(rows[column], pa.array(values, rows[column].type))
        broken = pc.and_not(pc.is_valid(rows[column]), accepted)
        return faults_where(broken, f"{column} ", rows[column], f" is not one of {expected}")

    return faults


def unique(*key: str) -> FileRule:
    """No two rows have the same key; the first one keeps it."""
    names = " and ".join(key)

    def faults(rows: pa.Table, lines: npt.NDArray[np.int64]) -> list[Fault]:
        first = _first_occurrences(rows, key)
        repeated = np.flatnonzero(first != np.arange(rows.num_rows))
        if not len(repeated):
            return []

        def reasons() -> list[str]:
            shown = zip(
                *([f"{name} {value}" for value in quoted(rows[name].take(repeated))] for name in key), strict=True
            )
            return [
                f"repeats {' and '.join(values)} of line {line}"
                for values, line in zip(shown, lines[first[repeated]].tolist(), strict=True)
            ]

        return [Fault(f"repeats {names} of an earlier line", repeated, reasons)]

    return faults


def consistent(column: str, per: str) -> FileRule:
    """Rows with the same value of `per` have the same value of the column; those that contradict each other fail.

    A row without a value in either column contradicts no other.
    """

    def faults(all_rows: pa.Table, all_lines: npt.NDArray[np.int64]) -> list[Fault]:
        judged = np.flatnonzero(pc.and_(pc.is_valid(all_rows[per]), pc.is_valid(all_rows[column])))
        rows, lines = all_rows.take(judged), all_lines[judged]
        first_of_text = _first_occurrences(rows, (per,))
        first_of_both = _first_occurrences(rows, (per, column))
        contradicted = np.unique(first_of_text[first_of_text != first_of_both])
        broken = np.flatnonzero(np.isin(first_of_text, contradicted))
        if not len(broken):
            return []

        def reasons() -> list[str]:
            groups: dict[int, dict[object, list[int]]] = {}
            for group, value, line in zip(
                first_of_text[broken].tolist(),
                rows[column].take(broken).to_pylist(),
                lines[broken].tolist(),
                strict=True,
            ):
                groups.setdefault(group, {}).setdefault(value, []).append(line)
            sentences = {
                group: f"{per} {text} has "
                + " and ".join(f"{column} {value} {_in_lines(those)}" for value, those in values.items())
                for (group, values), text in zip(groups.items(), quoted(rows[per].take(list(groups))), strict=True)
            }
            return [sentences[group] for group in first_of_text[broken].tolist()]

        return [Fault(f"{per} has another {column} in another line", judged[broken], reasons)]

    return faults


def _in_lines(lines: list[int]) -> str:
    shown = ", ".join(map(str, lines[:_LINES_SHOWN]))
    more = len(lines) - _LINES_SHOWN
    return f"in line{'s' * (len(lines) > 1)} {shown}" + (f" and {more} more" if more > 0 else "")


def _first_occurrences(rows: pa.Table, key: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """For each row the position of the first row with the same key; null is a value."""
    codes = np.zeros(rows.num_rows, dtype=np.int64)
    for name in key:
        encoded = rows[name].combine_chunks().dictionary_encode("encode")
        _, codes = np.unique(codes * len(encoded.dictionary) + encoded.indices.to_numpy(), return_inverse=True)
    _, first, group = np.unique(codes, return_index=True, return_inverse=True)
    return first[group]
