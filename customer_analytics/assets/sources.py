"""Source files as staging tables, and AS_OF, the day up to which their data reaches."""

import datetime as dt
from collections.abc import Collection, Iterator
from typing import Any

import dagster as dg
import pyarrow as pa
from pydantic import Field
from snowflake.snowpark import DataFrame

from customer_analytics.assets.conditions import FOLLOWS
from customer_analytics.assets.objects import warehouse_objects
from customer_analytics.assets.table_assets import table_out, written
from customer_analytics.checks import later
from customer_analytics.checks import sources as checks
from customer_analytics.erasure.keys import ErasedKeys
from customer_analytics.ingestion import rejected_rows
from customer_analytics.ingestion.files import whole_files
from customer_analytics.ingestion.load import LoadedFile
from customer_analytics.ingestion.source import Source
from customer_analytics.ingestion.source_loading import stage_files
from customer_analytics.ingestion.text import listed
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.resources.lineage import of_query
from customer_analytics.resources.parameters import Reporting
from customer_analytics.resources.retries import RETRIES, fail_fast, may_pass
from customer_analytics.tables.reporting_day import AS_OF, RUN_CONFIGURATION
from customer_analytics.tables.sources import STG_REJECTED_ROWS
from customer_analytics.transforms.reporting_day import ALL_EVENTS, build_as_of, day_of

_FILES = {file.table.name.lower(): file for file in whole_files()}
_REJECTED, _AS_OF = STG_REJECTED_ROWS.name.lower(), AS_OF.name.lower()
_EVENTS = {dg.AssetKey(events.table.name.lower()) for events in ALL_EVENTS}
_COMMENTS = dg.AssetKey("stg_twitter_comments")


class AsOf(dg.Config):
    """The day up to which events count."""

    as_of: str | None = Field(
        default=None,
        description="A day as YYYY-MM-DD; by default the latest day with an event, up to that of the run's start.",
        pattern=r"^(19\d\d|2[01]\d\d|22[0-5]\d|2260)-\d\d-\d\d$",
    )


@dg.multi_asset(
    name="source_files",
    outs={
        **{name: table_out(file.table, is_required=False) for name, file in _FILES.items()},
        _REJECTED: table_out(STG_REJECTED_ROWS, is_required=False),
        _AS_OF: table_out(AS_OF, group="reporting", is_required=False, automation_condition=FOLLOWS),
    },
    deps=[warehouse_objects, _COMMENTS],
    internal_asset_deps={
        **{name: {warehouse_objects.key} for name in (*_FILES, _REJECTED)},
        _AS_OF: _EVENTS,
    },
    check_specs=[*checks.SPECS, *later.SPECS],
    can_subset=True,
    pool="source_files",
    retry_policy=RETRIES,
)
@fail_fast
def source_files(
    context: dg.AssetExecutionContext,
    config: AsOf,
    source: dg.ResourceParam[Source],
    warehouse: dg.ResourceParam[Warehouse],
    reporting: Reporting,
) -> Iterator[Any]:
    """Load the selected files, each completely or not at all, and find the day up to which the data reaches.

    A refused file leaves its table, and the tables computed from it, as they were. AS_OF is written in the same
    step, because a separate step would be skipped whenever a file is refused.
    """
    warehouse.session()  # before threads use it, because their statements take its query tag
    selected = context.op_execution_context.selected_output_names
    if selected & {*_FILES, _REJECTED}:  # the checks of AS_OF are outputs, too
        yield from _loaded(context, source, warehouse, selected)
    if _AS_OF in selected:
        yield from _as_of(context, config, warehouse, reporting.time_zone)


def _loaded(
    context: dg.AssetExecutionContext, source: Source, warehouse: Warehouse, selected: Collection[str]
) -> Iterator[Any]:
    """The tables of the selected files, the rejected rows, and the checks."""
    loaded, refused = stage_files(
        [file for name, file in _FILES.items() if name in selected] or list(whole_files()),
        source,
        warehouse,
        ErasedKeys.recorded(warehouse).left_out,
    )
    for error in refused.values():
        if may_pass(error):
            raise error
        context.log.error(error.without_values)
    files = [staged.file for staged in loaded]
    for staged in loaded:
        rejected_rows.warn(context.log, staged.file)
        name = staged.file.table.name.lower()
        if name in selected:
            rows = warehouse.session().table(staged.scratch_table)
            yield dg.Output(rows, name, metadata=_metadata(staged.file))
    names_refused = {name for file in refused for name in file.names}
    rejected_rows.write(
        warehouse,
        [file.rejected for file in files],
        [name for file in files for name in _FILES[file.table.name.lower()].names],
        {file.name: error for file, error in refused.items()},
        lambda name: name in names_refused,
    )
    if _REJECTED in selected:
        yield dg.MaterializeResult(asset_key=_REJECTED, metadata=written(context, STG_REJECTED_ROWS, warehouse))
    yield from checks.results(context, files, refused, warehouse)


def _metadata(file: LoadedFile) -> dict[str, Any]:
    return {
        "source_file": file.name,
        "lines_in": file.lines_in,
        "rows_rejected": file.rejected.num_rows,
        "rows_left_out": file.left_out,
        "ignored_columns": listed(file.ignored_columns),
        "format": str(file.format),
        "file_hash": file.file_hash,
        "absent": file.absent,
    }


def _as_of(context: dg.AssetExecutionContext, config: AsOf, warehouse: Warehouse, time_zone: str) -> Iterator[Any]:
    """The row of AS_OF, as configured or else found in the source tables, and the checks of what is later."""
    for events in ALL_EVENTS:
        warehouse.writes.ensure_table(events.table)
    rows = {events: warehouse.table(events.table.name) for events in ALL_EVENTS}
    lineage: dict[str, Any] = {}
    if config.as_of:
        found = _configured(dt.date.fromisoformat(config.as_of), warehouse)
    else:
        found = build_as_of(rows, _day_of_start(context.instance, context.run_id), time_zone)
        lineage = of_query(found, warehouse)
    staged = warehouse.scratch.write(AS_OF, found)
    chosen = staged.to_arrow()
    day, origin = day_of(chosen), chosen["ORIGIN"][0].as_py()
    context.log.info(f"Events count up to {day} (from {origin})." if origin else "There are no events yet.")
    name = AS_OF.name.lower()
    context.set_data_version(dg.AssetKey(name), dg.DataVersion(str(day)))
    yield dg.Output(staged, name, metadata=lineage | {"as_of": str(day), "origin": str(origin)})
    if context.selected_asset_check_keys:
        yield from later.results(rows, day, time_zone)


def _configured(day: dt.date, warehouse: Warehouse) -> DataFrame:
    row = pa.Table.from_pylist([{"AS_OF": day, "ORIGIN": RUN_CONFIGURATION}], AS_OF.arrow_schema)
    return warehouse.session().table(warehouse.scratch.stage(AS_OF, row))


def _day_of_start(instance: dg.DagsterInstance, run_id: str) -> dt.date:
    """The UTC day on which a run started."""
    record = instance.get_run_record_by_id(run_id)
    if record is None:
        raise LookupError(f"Dagster's storage has no run {run_id}.")
    started = record.start_time or record.create_timestamp.timestamp()
    return dt.datetime.fromtimestamp(started, dt.UTC).date()
