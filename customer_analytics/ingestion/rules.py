"""What must hold of a single typed row for it to be true."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.ingestion.text_columns import reasons_where

RowRule = Callable[[pa.Table], pa.ChunkedArray | None]
"""From typed rows to one text a row: why it cannot be true, null where it can; None where all can.

Null values break no rule.
"""


def not_before(later: str, earlier: str) -> RowRule:
    """The one column is never before the other, e.g. an end before its begin; both at once is fine."""

    def reasons(rows: pa.Table) -> pa.ChunkedArray | None:
        broken = pc.less(rows[later], rows[earlier])
        return reasons_where(broken, f"{later} ", rows[later], f" is before {earlier} ", rows[earlier])

    return reasons


def one_of(column: str, *values: int | str) -> RowRule:
    """The column holds one of the values."""
    expected = ", ".join(map(str, values))

    def reasons(rows: pa.Table) -> pa.ChunkedArray | None:
        accepted = pc.is_in(rows[column], pa.array(values, rows[column].type))
        broken = pc.and_not(pc.is_valid(rows[column]), accepted)
        return reasons_where(broken, f"{column} is ", rows[column], f", expected one of {expected}")

    return reasons
