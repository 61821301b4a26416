"""Source files as staging tables, and call audio in its stage."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pyarrow as pa
from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.assets.declaration import table_asset, table_out
from customer_analytics.assets.objects import warehouse_objects
from customer_analytics.assets.retries import RETRIES, at_once, may_pass
from customer_analytics.checks.audit import published
from customer_analytics.checks.sources import SUPPORT_CALLS
from customer_analytics.erasure.keys import ErasedKeys
from customer_analytics.ingestion.calls import (
    CallFile,
    calls_of_rows,
    concealed,
    list_calls,
    stage_name,
)
from customer_analytics.ingestion.files import SourceFile, whole_files
from customer_analytics.ingestion.load import LoadedFile, load_file
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.progress import Progress
from customer_analytics.resources.scope import Scope
from customer_analytics.resources.source import Source
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables.sources import CALL_STAGE, STG_REJECTED_ROWS, STG_SUPPORT_CALLS

CALL_AUDIO = dg.DynamicPartitionsDefinition(name="call_audio")
_THREADS = 4
_FILES = {file.table.name.lower(): file for file in whole_files()}
_REJECTED = STG_REJECTED_ROWS.name.lower()
_OUTS = {_REJECTED: STG_REJECTED_ROWS, **{name: file.table for name, file in _FILES.items()}}


@dataclass(frozen=True)
class _Staged:
    """A source file whose rows lie in a table of the run's scratch schema."""

    file: LoadedFile
    table: str


@dg.multi_asset(
    name="source_files",
    outs={name: table_out(table, is_required=False) for name, table in _OUTS.items()},
    deps=[warehouse_objects],
    can_subset=True,
    pool="source_files",
    retry_policy=RETRIES,
)
@at_once
def source_files(
    context: dg.AssetExecutionContext, source: Source, warehouse: Warehouse
) -> Iterator[dg.Output[DataFrame]]:
    """Read and stage the selected files side by side, then give them to their tables, whole or not at all."""
    warehouse.session()  # before the threads, whose statements take its label
    selected = context.op_execution_context.selected_output_names
    files = [file for name, file in _FILES.items() if name in selected] or list(whole_files())
    loaded = _load_all(source.location(), files, warehouse)
    for staged in loaded:
        tell(context, staged.file)
        name = staged.file.table.name.lower()
        if name in selected:
            yield dg.Output(warehouse.session().table(staged.table), name, metadata=_metadata(staged.file))
    rejected = _rejected_rows([staged.file for staged in loaded], warehouse)
    if _REJECTED in selected:
        yield dg.Output(rejected, _REJECTED)
    else:
        warehouse.replace(STG_REJECTED_ROWS, rejected)


# Not an asset to be materialized: a partitioned one among others that are not could not be selected with them.
call_audio = dg.AssetSpec(
    "call_audio",
    partitions_def=CALL_AUDIO,
    group_name="sources",
    kinds={"file"},
    description="One partition per content of a support call's audio, named by its SHA-256; a sensor adds them.",
)


@table_asset(
    "sources",
    kinds={"warehouse"},
    part_by="RELATIVE_PATH",
    deps=[warehouse_objects, dg.AssetDep(call_audio, partition_mapping=dg.AllPartitionMapping())],
    audits=SUPPORT_CALLS,
)
def stg_support_calls(
    context: dg.AssetExecutionContext, source: Source, warehouse: Warehouse, scope: Scope
) -> Iterator[Any]:
    """Calls are hashed unless their size and time are known, and put into the stage unless they are there.

    A call that was known and cannot be read now stays as it was.
    """
    warehouse.ensure_table(STG_SUPPORT_CALLS)
    rows = scope.part(warehouse.table(STG_SUPPORT_CALLS.name), "RELATIVE_PATH")
    known = calls_of_rows(warehouse.rows(STG_SUPPORT_CALLS, rows))
    location = source.location()
    erased = ErasedKeys.recorded(warehouse).customers
    listing = list_calls(location, known, scope.values("RELATIVE_PATH"), leaving_out=erased)
    for path in listing.ignored:
        context.log.warning(f"calls/{path} is no audio file and was left out")
    for problem in listing.problems:
        context.log.warning(f"calls/{problem.path} {problem.reason}")
    for call in listing.calls:
        if call.customer_id is None:
            context.log.warning(f"calls/{call.relative_path} carries no customer id (<customer_id>-<nn>.<ext>)")
    _stage_audio(location, listing.calls, warehouse, Progress("calls staged", context.log.info))
    missing = known.keys() - {call.relative_path for call in listing.calls}
    kept = [known[path] for path in sorted(missing) if concealed(path, listing.problems)]
    listed = STG_SUPPORT_CALLS.rows([*listing.calls, *kept])
    staged = warehouse.session().table(warehouse.stage(STG_SUPPORT_CALLS, listed))
    yield from published(STG_SUPPORT_CALLS, staged, warehouse, SUPPORT_CALLS)


def _load_all(location: SourceLocation, files: Sequence[SourceFile], warehouse: Warehouse) -> list[_Staged]:
    erased = ErasedKeys.recorded(warehouse)

    def load(file: SourceFile) -> _Staged | SourceError:
        try:
            loaded = erased.left_out(load_file(location, file))
        except SourceError as error:
            return error
        return _Staged(loaded, warehouse.stage(loaded.table, loaded.rows))

    with ThreadPoolExecutor(_THREADS) as threads:
        results = list(threads.map(load, files))
    errors = [result for result in results if isinstance(result, SourceError)]
    if errors:
        raise dg.Failure(" ".join(map(str, errors)), allow_retries=any(may_pass(error) for error in errors))
    return [result for result in results if isinstance(result, _Staged)]


def _rejected_rows(files: Sequence[LoadedFile], warehouse: Warehouse) -> DataFrame:
    """The rejected rows of these files, and those that other files have had before."""
    warehouse.ensure_table(STG_REJECTED_ROWS)
    new = warehouse.stage(STG_REJECTED_ROWS, pa.concat_tables([file.rejected for file in files]))
    others = warehouse.table(STG_REJECTED_ROWS.name)
    for file in files:
        others = others.filter(f.col("SOURCE") != file.name)
    return others.union_all(warehouse.session().table(new))


def tell(context: dg.AssetExecutionContext, file: LoadedFile) -> None:
    """Warn of what a file holds that was not loaded."""
    if file.ignored_columns:
        context.log.warning(f"{file.name} has columns that are not used: {', '.join(file.ignored_columns)}")
    if file.rejected.num_rows:
        first = file.rejected.slice(0, 1).to_pylist()[0]
        context.log.warning(
            f"{file.name}: {file.rejected.num_rows:,} of {file.lines_in:,} rows went to STG_REJECTED_ROWS, "
            f"the first, in line {first['LINE']}, because it {first['REASON']}"
        )


def _metadata(file: LoadedFile) -> dict[str, Any]:
    return {
        "source_file": file.name,
        "lines_in": file.lines_in,
        "rows_rejected": file.rejected.num_rows,
        "ignored_columns": ", ".join(file.ignored_columns),
        "content_hash": file.content_hash,
    }


def _stage_audio(
    location: SourceLocation, calls: Sequence[CallFile], warehouse: Warehouse, progress: Progress
) -> None:
    stage, session = warehouse.name(CALL_STAGE), warehouse.session()
    present = {row["name"].rpartition("/")[2] for row in session.sql(f"LIST @{stage}").collect()}
    wanted = {stage_name(call.content_hash, call.relative_path): call for call in calls}
    missing = {name: call for name, call in wanted.items() if name not in present}
    for done, (name, call) in enumerate(missing.items(), start=1):
        with location.open_file(call.path) as stream:
            session.file.put_stream(stream, f"@{stage}/{name}", auto_compress=False)
        progress(done, len(missing))
    if missing:
        session.sql(f"ALTER STAGE {stage} REFRESH").collect()
