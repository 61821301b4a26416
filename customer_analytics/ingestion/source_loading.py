"""Source files that fill a table each, read side by side into scratch tables."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from customer_analytics.ingestion.acceptance import accept
from customer_analytics.ingestion.files import SourceFile
from customer_analytics.ingestion.load import LoadedFile, load_file
from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.source import Source
from customer_analytics.ports.warehouse.base import Warehouse

_THREADS = 4


@dataclass(frozen=True)
class StagedFile:
    """A source file whose rows are in a scratch table."""

    file: LoadedFile
    scratch_table: str


def stage_files(
    files: Sequence[SourceFile],
    source: Source,
    warehouse: Warehouse,
    leave_out: Callable[[LoadedFile], LoadedFile],
) -> tuple[list[StagedFile], dict[SourceFile, SourceError]]:
    """Stage the rows of the files that are accepted; the others come with the reason why they are refused.

    `leave_out` removes the rows of erased customers from a file.
    """
    location = source.location()
    for file in files:
        warehouse.writes.ensure_table(file.table)
    counts = warehouse.reads.counts([warehouse.table(file.table.name) for file in files])
    rows_before = dict(zip(files, counts, strict=True))

    def stage(file: SourceFile) -> StagedFile | SourceError:
        try:
            loaded = load_file(location, file)
            accept(
                loaded,
                maximum_rejected_share=source.maximum_rejected_share,
                rows_before=rows_before[file],
                may_be_empty=source.may_become_empty,
                needs_rows=file.needs_rows,
            )
        except SourceError as error:
            return error
        loaded = leave_out(loaded)
        return StagedFile(loaded, warehouse.scratch.stage(loaded.table, loaded.rows))

    with ThreadPoolExecutor(_THREADS) as threads:
        results = dict(zip(files, threads.map(stage, files), strict=True))
    refused = {}
    for file, result in results.items():
        if isinstance(result, SourceError):
            present = (name for name in file.names if location.exists(name))
            refused[replace(file, name=next(present, file.name))] = result
    return [result for result in results.values() if isinstance(result, StagedFile)], refused
