"""Source files as staging tables, and the day up to which they reach."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg
import pyarrow as pa
from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.assets.conditions import FOLLOWS
from customer_analytics.assets.declaration import table_out
from customer_analytics.assets.objects import warehouse_objects
from customer_analytics.assets.rejected_rows import tell
from customer_analytics.assets.reporting_day import AsOf, reporting_day
from customer_analytics.checks import later
from customer_analytics.checks import sources as checks
from customer_analytics.erasure.keys import ErasedKeys
from customer_analytics.ingestion.acceptance import accept
from customer_analytics.ingestion.files import SourceFile, whole_files
from customer_analytics.ingestion.load import LoadedFile, load_file
from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.refusals import refusal
from customer_analytics.ingestion.text import listed
from customer_analytics.resources.reporting import Reporting
from customer_analytics.resources.source import Source
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.retries import RETRIES, at_once, may_pass
from customer_analytics.tables.reporting import AS_OF
from customer_analytics.tables.sources import STG_REJECTED_ROWS
from customer_analytics.transforms.reporting_date import ALL_EVENTS

_THREADS = 4
_FILES = {file.table.name.lower(): file for file in whole_files()}
_REJECTED, _AS_OF = STG_REJECTED_ROWS.name.lower(), AS_OF.name.lower()
_EVENTS = {dg.AssetKey(events.table.name.lower()) for events in ALL_EVENTS}
_COMMENTS = dg.AssetKey("stg_twitter_comments")


@dataclass(frozen=True)
class _Staged:
    """A source file whose rows lie in a table of the run's scratch schema."""

    file: LoadedFile
    table: str


@dg.multi_asset(
    name="source_files",
    outs={
        **{name: table_out(file.table, is_required=False) for name, file in _FILES.items()},
        _REJECTED: table_out(STG_REJECTED_ROWS, is_required=False),
        _AS_OF: table_out(AS_OF, is_required=False, automation_condition=FOLLOWS),
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
@at_once
def source_files(
    context: dg.AssetExecutionContext, config: AsOf, source: Source, warehouse: Warehouse, reporting: Reporting
) -> Iterator[Any]:
    """Load the selected files, each of them whole or not at all, and find the day up to which the data reaches.

    A file that is refused leaves its table as it was, and what depends on that table as it was; all other files
    are loaded. The day is found in the same step, since a step of its own would be skipped with each refused file.
    """
    warehouse.session()  # before the threads, whose statements take its label
    selected = context.op_execution_context.selected_output_names
    if selected & {*_FILES, _REJECTED}:  # the checks of AS_OF are outputs, too
        yield from _loaded(context, source, warehouse, selected)
    if _AS_OF in selected:
        yield from reporting_day(context, config, warehouse, reporting.time_zone)


def _loaded(
    context: dg.AssetExecutionContext, source: Source, warehouse: Warehouse, selected: Collection[str]
) -> Iterator[Any]:
    """The selected files side by side into their tables, then the rejected rows and the checks."""
    files = [file for name, file in _FILES.items() if name in selected] or list(whole_files())
    loaded, refused = _load_all(source, files, warehouse)
    for staged in loaded:
        tell(context, staged.file)
        name = staged.file.table.name.lower()
        if name in selected:
            yield dg.Output(warehouse.session().table(staged.table), name, metadata=_metadata(staged.file))
    for error in refused.values():
        context.log.error(error.without_values)
    rejected = _rejected_rows([staged.file for staged in loaded], refused, warehouse)
    if _REJECTED in selected:
        yield dg.Output(rejected, _REJECTED)
    else:
        warehouse.replace(STG_REJECTED_ROWS, rejected)
    yield from checks.results(context, [staged.file for staged in loaded], refused, warehouse)


def _load_all(
    source: Source, files: Sequence[SourceFile], warehouse: Warehouse
) -> tuple[list[_Staged], dict[SourceFile, SourceError]]:
    """The files that are accepted, staged, and why others are not."""
    erased, location = ErasedKeys.recorded(warehouse), source.location()
    for file in files:
        warehouse.ensure_table(file.table)
    before = dict(zip(files, warehouse.counts([warehouse.table(file.table.name) for file in files]), strict=True))

    def load(file: SourceFile) -> _Staged | SourceError:
        try:
            loaded = load_file(location, file)
            accept(
                loaded,
                maximum_rejected_share=source.maximum_rejected_share,
                rows_before=before[file],
                may_be_empty=source.may_become_empty,
                needs_rows=file.needs_rows,
            )
        except SourceError as error:
            return error
        loaded = erased.left_out(loaded)
        return _Staged(loaded, warehouse.stage(loaded.table, loaded.rows))

    with ThreadPoolExecutor(_THREADS) as threads:
        results = dict(zip(files, threads.map(load, files), strict=True))
    refused: dict[SourceFile, SourceError] = {}
    for file, result in results.items():
        if isinstance(result, SourceError):
            if may_pass(result):
                raise result
            present = (name for name in file.names if location.exists(name))
            refused[replace(file, name=next(present, file.name))] = result
    return [result for result in results.values() if isinstance(result, _Staged)], refused


def _rejected_rows(
    files: Sequence[LoadedFile], refused: Mapping[SourceFile, SourceError], warehouse: Warehouse
) -> DataFrame:
    """The rejected rows of these files, those that other files have had before, and a line 0 a refused file."""
    warehouse.ensure_table(STG_REJECTED_ROWS)
    lines = [refusal(file.name, error) for file, error in refused.items()]
    new = pa.concat_tables([file.rejected for file in files] + lines)
    others = warehouse.table(STG_REJECTED_ROWS.name)
    for name in (name for loaded in files for name in _FILES[loaded.table.name.lower()].names):
        others = others.filter(f.col("SOURCE") != name)
    for file in refused:
        others = others.filter(~f.col("SOURCE").in_(*file.names) | (f.col("LINE") != 0))
    return others.union_all(warehouse.session().table(warehouse.stage(STG_REJECTED_ROWS, new)))


def _metadata(file: LoadedFile) -> dict[str, Any]:
    return {
        "source_file": file.name,
        "lines_in": file.lines_in,
        "rows_rejected": file.rejected.num_rows,
        "rows_left_out": file.left_out,
        "ignored_columns": listed(file.ignored_columns),
        "format": str(file.format),
        "content_hash": file.content_hash,
        "absent": file.absent,
    }
