"""Keeping STG_REJECTED_ROWS true to the files that come and go."""

from collections.abc import Callable, Collection, Mapping, Sequence

import dagster as dg
import pyarrow as pa

from customer_analytics.ingestion.load import LoadedFile
from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.refusals import refusal
from customer_analytics.ingestion.text import listed
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables.sources import STG_REJECTED_ROWS

_AT_ONCE = 1_000


def write_rejected(warehouse: Warehouse, rejected: Sequence[pa.Table], sources: Collection[str]) -> None:
    """Make these the only rejected rows of the sources, of which some may have none."""
    warehouse.ensure_table(STG_REJECTED_ROWS)
    rows = pa.concat_tables([STG_REJECTED_ROWS.arrow_schema.empty_table(), *rejected])
    select = f"SELECT DISTINCT SOURCE FROM {warehouse.name(STG_REJECTED_ROWS.name)}"  # noqa: S608
    before = set(warehouse.query(select)["SOURCE"].to_pylist()) & set(sources)
    if rows.num_rows or before:
        staged = warehouse.session().table(warehouse.stage(STG_REJECTED_ROWS, rows))
        warehouse.merge(STG_REJECTED_ROWS, staged, only={"SOURCE": sorted(before)})


def write_refused(
    warehouse: Warehouse, refused: Mapping[str, SourceError], is_settled: Callable[[str], bool]
) -> None:
    """Add the row with line 0 of each refused file, and remove that of others whose case is settled."""
    place = warehouse.name(STG_REJECTED_ROWS.name)
    before = set(warehouse.query(f"SELECT SOURCE FROM {place} WHERE LINE = 0")["SOURCE"].to_pylist())  # noqa: S608
    settled = sorted(path for path in before - refused.keys() if is_settled(path))
    for start in range(0, len(settled), _AT_ONCE):
        these = settled[start : start + _AT_ONCE]
        condition = f"LINE = 0 AND SOURCE IN ({', '.join('?' * len(these))})"
        with warehouse.connection() as connection:
            connection.cursor().execute(f"DELETE FROM {place} WHERE {condition}", these)  # noqa: S608
    if refused:
        warehouse.upsert(STG_REJECTED_ROWS, pa.concat_tables([refusal(*one) for one in refused.items()]))


def tell(context: dg.AssetExecutionContext, file: LoadedFile) -> None:
    """Warn of what a file holds that was not loaded, without any value, since erasure does not reach logs."""
    if file.ignored_columns:
        context.log.warning(f"{file.name} has columns that are not used: {listed(file.ignored_columns)}")
    if file.is_unreadable:
        context.log.warning(f"{file.name} was refused: {file.rejected['RULE'][0].as_py()}")
    elif file.rejected.num_rows:
        first = file.rejected.slice(0, 1).to_pylist()[0]
        context.log.warning(
            f"{file.name}: {file.rejected.num_rows:,} of {file.lines_in:,} rows are in STG_REJECTED_ROWS; "
            f"line {first['LINE']}: {first['RULE']}"
        )
