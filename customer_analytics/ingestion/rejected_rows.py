"""STG_REJECTED_ROWS: source rows that were not loaded, and files that were refused."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence

import pyarrow as pa
from snowflake.snowpark import functions as f

from customer_analytics.ingestion.acceptance import refusal
from customer_analytics.ingestion.load import LoadedFile
from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.text import listed
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.tables.sources import STG_REJECTED_ROWS

_DELETED_AT_ONCE = 1_000


def write(
    warehouse: Warehouse,
    rejected: Sequence[pa.Table],
    sources: Collection[str],
    refused: Mapping[str, SourceError],
    is_settled: Callable[[str], bool],
) -> None:
    """Replace the rejected rows of some sources, and record which files are refused.

    Args:
        warehouse: Holds the table.
        rejected: The rows of `sources`.
        sources: Names of the files that were loaded or deleted; a file may have no rejected rows.
        refused: Why files were refused, by name. Each gets a row with line 0; its other rows stay.
        is_settled: Whether an earlier refusal of a file is over, so that its row with line 0 is removed.
    """
    warehouse.writes.ensure_table(STG_REJECTED_ROWS)
    known = warehouse.table(STG_REJECTED_ROWS.name).group_by("SOURCE").agg(f.min("LINE").alias("FIRST")).collect()
    settled = sorted(
        name
        for name, first in known
        if first == 0 and name not in refused and name not in sources and is_settled(name)
    )
    for start in range(0, len(settled), _DELETED_AT_ONCE):
        names = settled[start : start + _DELETED_AT_ONCE]
        condition = f"LINE = 0 AND SOURCE IN ({', '.join('?' * len(names))})"
        with warehouse.connection() as connection:
            delete = f"DELETE FROM {warehouse.name(STG_REJECTED_ROWS.name)} WHERE {condition}"  # noqa: S608
            connection.cursor().execute(delete, names)
    new = [*rejected, *(refusal(name, error) for name, error in refused.items())]
    rows = pa.concat_tables([STG_REJECTED_ROWS.arrow_schema.empty_table(), *new])
    replaced = sorted({name for name, _ in known} & set(sources))
    if rows.num_rows or replaced:
        staged = warehouse.session().table(warehouse.scratch.stage(STG_REJECTED_ROWS, rows))
        warehouse.writes.merge(STG_REJECTED_ROWS, staged, only={"SOURCE": replaced})


def warn(log: logging.Logger, file: LoadedFile) -> None:
    """Log what was not loaded of a file, without any value, because erasure does not reach logs."""
    if file.ignored_columns:
        log.warning(f"{file.name}: unused columns: {listed(file.ignored_columns)}")
    if file.is_unreadable:
        log.warning(f"{file.name} was refused: {file.rejected['RULE'][0].as_py()}")
    elif file.rejected.num_rows:
        (first,) = file.rejected.slice(0, 1).to_pylist()
        log.warning(
            f"{file.name}: {file.rejected.num_rows:,} of {file.lines_in:,} rows are in STG_REJECTED_ROWS; "
            f"line {first['LINE']}: {first['RULE']}"
        )
