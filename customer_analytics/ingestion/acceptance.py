"""Accepting or refusing a source file as a whole."""

from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.ingestion.load import LoadedFile
from customer_analytics.ingestion.location import SourceError
from customer_analytics.tables.sources import STG_REJECTED_ROWS

SHARE_SETTING = "CUSTOMER_ANALYTICS_MAXIMUM_REJECTED_SHARE"
EMPTY_SETTING = "CUSTOMER_ANALYTICS_ALLOW_EMPTY_FILES"

REASONS_SHOWN = 3


def accept(
    file: LoadedFile,
    *,
    maximum_rejected_share: float = 0.1,
    from_rows: int = 100,
    rows_before: int = 0,
    may_be_empty: bool = False,
    needs_rows: bool = False,
) -> None:
    """Refuse a file if too little of it can be loaded.

    Args:
        file: The file, with its rejected rows.
        maximum_rejected_share: The share of rows, from 0 to 1, that may be rejected. A file whose rows are all
            rejected is always refused.
        from_rows: Rows that a file must have for the share to apply.
        rows_before: Rows that the table holds now.
        may_be_empty: Whether a file without rows may empty a table that has some.
        needs_rows: Whether the file must have a row that can be loaded, even if its table is empty.

    Raises:
        SourceError: The file is refused; the message names the first reasons.
    """
    rejected, lines = file.rejected.num_rows, file.lines_in
    outcome = f"so {file.table.name} keeps its rows" if rows_before else f"so {file.table.name} is not filled"
    if rejected and (rejected == lines or (lines >= from_rows and rejected / lines > maximum_rejected_share)):
        share = f"{file.name}: {rejected:,} of {lines:,} rows ({100 * rejected / lines:.3g} %) cannot be loaded"
        advice = "Fix the file." if rejected == lines else f"Fix the file, or raise {SHARE_SETTING}."
        both = (first_reasons(file, column) for column in ("REASON", "RULE"))
        raise SourceError(*(f"{share}, {outcome}; {'; '.join(reasons)}. {advice}" for reasons in both))
    if lines == 0 and needs_rows:
        raise SourceError(f"{file.name} has no rows and must have one, {outcome}: export the file again.")
    if file.absent and rows_before and not may_be_empty:
        raise SourceError(
            f"{file.name} is missing and {file.table.name} has {rows_before:,} rows of it, {outcome}: put the "
            f"file back, or set {EMPTY_SETTING}=true if it was removed on purpose."
        )
    if lines == 0 and rows_before and not may_be_empty:
        raise SourceError(
            f"{file.name} has no rows and {file.table.name} has {rows_before:,}, {outcome}: export the file "
            f"again, or set {EMPTY_SETTING}=true if it is meant to be empty."
        )


def refusal(name: str, error: SourceError) -> pa.Table:
    """The row of STG_REJECTED_ROWS that says why a file was refused; it has line 0 and no raw text."""
    row = {"SOURCE": name, "LINE": 0, "REASON": str(error), "RULE": error.without_values, "RAW": ""}
    return pa.Table.from_pylist([row], STG_REJECTED_ROWS.arrow_schema)


def first_reasons(file: LoadedFile, column: Literal["REASON", "RULE"] = "REASON") -> list[str]:
    """The first rejections of different rules, each with its line."""
    rules = pc.unique(file.rejected["RULE"])[:REASONS_SHOWN]
    first = file.rejected.take(pc.index_in(rules, file.rejected["RULE"].combine_chunks()))
    return [f"line {row['LINE']}: {row[column]}" for row in first.to_pylist()]
