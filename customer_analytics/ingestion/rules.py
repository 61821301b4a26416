"""What must hold of typed rows for them to be true: of each row by itself, and of a file's rows together."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.ingestion.faults import Fault, faults_where, quoted

RowRule = Callable[[pa.Table], list[Fault]]
"""From typed rows to the faults of those that cannot be true by themselves; null values break no rule."""

FileRule = Callable[[pa.Table, npt.NDArray[np.int64]], list[Fault]]
"""From rows that are fine by themselves, and their lines, to the faults of those that cannot be together."""

_LINES_SHOWN = 3


def not_before(later: str, earlier: str) -> RowRule:
    """The one column is never before the other, e.g. an end before its begin; both at once is fine."""

    def faults(rows: pa.Table) -> list[Fault]:
        broken = pc.less(rows[later], rows[earlier])
        return faults_where(broken, f"{later} ", rows[later], f" is before {earlier} ", rows[earlier])

    return faults


def not_negative(column: str) -> RowRule:
    """The column is 0 or more."""
    return lambda rows: faults_where(pc.less(rows[column], 0), f"{column} ", rows[column], " is negative")


def at_most(column: str, limit: int) -> RowRule:
    """The column's magnitude is not above the limit."""
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
    """Rows with the same value of `per` have the same value of the column; those that differ are all faulty.

    A row without a value of the column contradicts none.
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
            told = {
                group: f"{per} {text} has "
                + " and ".join(f"{column} {value} {_in_lines(those)}" for value, those in values.items())
                for (group, values), text in zip(groups.items(), quoted(rows[per].take(list(groups))), strict=True)
            }
            return [told[group] for group in first_of_text[broken].tolist()]

        return [Fault(f"{per} has another {column} in another line", judged[broken], reasons)]

    return faults


def _in_lines(lines: list[int]) -> str:
    shown = ", ".join(map(str, lines[:_LINES_SHOWN]))
    more = len(lines) - _LINES_SHOWN
    return f"in line{'s' * (len(lines) > 1)} {shown}" + (f" and {more} more" if more > 0 else "")


def _first_occurrences(rows: pa.Table, key: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """For each row the position of the first row with the same key, null being a value."""
    codes = np.zeros(rows.num_rows, dtype=np.int64)
    for name in key:
        encoded = rows[name].combine_chunks().dictionary_encode("encode")
        _, codes = np.unique(codes * len(encoded.dictionary) + encoded.indices.to_numpy(), return_inverse=True)
    _, first, group = np.unique(codes, return_index=True, return_inverse=True)
    return first[group]
