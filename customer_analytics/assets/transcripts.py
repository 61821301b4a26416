"""What was said in support calls."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
from snowflake.snowpark import DataFrame

from customer_analytics.assets.declaration import table_asset
from customer_analytics.damage import REPAIR, DamagedError
from customer_analytics.ingestion.calls import stage_name
from customer_analytics.lineage import declared
from customer_analytics.ml.buckets import EVERYTHING, Bucket
from customer_analytics.ml.transcription import Row, new_transcripts
from customer_analytics.progress import Progress
from customer_analytics.resources.scope import WHOLE, Scope
from customer_analytics.resources.speech.base import Transcriber
from customer_analytics.resources.state_folder import StateFolder
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables.sentiment import CALL_TRANSCRIPTS
from customer_analytics.tables.sources import CALL_STAGE, STG_SUPPORT_CALLS


@table_asset(
    "transcripts",
    kinds={"transcriber", "warehouse"},
    write_mode="merge",
    part_by="RELATIVE_PATH",
    lineage=declared.CALL_TRANSCRIPTS,
)
def call_transcripts(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    transcriber: Transcriber,
    state: StateFolder,
    scope: Scope,
    stg_support_calls: DataFrame,
) -> DataFrame:
    """New and changed calls are listened to and committed in small groups; calls that are gone are forgotten."""
    context.add_output_metadata(transcribe(context.log.info, warehouse, transcriber, state, scope=scope))
    return of_present_calls(warehouse, stg_support_calls)


def transcribe(
    log: Callable[[str], None],
    warehouse: Warehouse,
    transcriber: Transcriber,
    state: StateFolder,
    bucket: Bucket = EVERYTHING,
    scope: Scope = WHOLE,
) -> dict[str, Any]:
    """Write the transcripts of new and changed calls, in the scope or one bucket; metadata on what that took."""
    warehouse.ensure_table(CALL_TRANSCRIPTS)
    scope = scope.resolved(warehouse)
    calls = scope.part(warehouse.table(STG_SUPPORT_CALLS.name), "RELATIVE_PATH")
    transcripts = warehouse.table(CALL_TRANSCRIPTS.name)
    heard = transcripts.join(calls.select("AUDIO_HASH"), "AUDIO_HASH", "left_semi")
    if scope.again:
        heard = heard.filter("STATUS <> 'failed'")
    groups = new_transcripts(
        calls=[
            call for call in _rows(warehouse.rows(STG_SUPPORT_CALLS, calls)) if bucket.holds(call["AUDIO_HASH"])
        ],
        transcripts=_rows(warehouse.rows(CALL_TRANSCRIPTS, heard)),
        transcriber=transcriber,
        audio=lambda calls: _audio(warehouse, state, calls),
        on_progress=Progress("calls transcribed", log),
    )
    try:
        for group in groups:
            written = warehouse.upsert(CALL_TRANSCRIPTS, group)
            log(f"{written.inserted} new and {written.updated} changed calls transcribed")
    finally:
        if spent := transcriber.spent():
            log(f"calls: {spent}")
    return {"speech_model": transcriber.model, **(spent.metadata if spent else {})}


def of_present_calls(warehouse: Warehouse, stg_support_calls: DataFrame) -> DataFrame:
    """The transcripts without those of calls that are gone."""
    paths = stg_support_calls.select("RELATIVE_PATH")
    return warehouse.table(CALL_TRANSCRIPTS.name).join(paths, "RELATIVE_PATH", "left_semi")


@contextmanager
def _audio(warehouse: Warehouse, state: StateFolder, calls: Sequence[Row]) -> Iterator[list[Path]]:
    """The audio of calls, from its stage, in a folder that lasts for the block."""
    with state.temporary() as folder:
        names = [stage_name(call["AUDIO_HASH"], call["RELATIVE_PATH"]) for call in calls]
        for name in names:
            warehouse.session().file.get(f"@{warehouse.name(CALL_STAGE)}/{name}", str(folder))
            _verify(folder / name)
        yield [folder / name for name in names]


def _verify(file: Path) -> None:
    """Raise DamagedError unless a file of the stage is there, and the one that its name says."""
    if file.is_file():
        with file.open("rb") as content:
            if file.name.startswith(hashlib.file_digest(content, "sha256").hexdigest()):
                return
    raise DamagedError(f"The staged file {file.name} is missing or damaged: {REPAIR}.")


def _rows(batches: Iterator[pa.RecordBatch]) -> list[Row]:
    return [row for batch in batches for row in batch.to_pylist()]
