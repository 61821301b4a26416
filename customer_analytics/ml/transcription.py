"""The rows of CALL_TRANSCRIPTS: which calls need transcribing, and what was said in them."""

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
from snowflake.snowpark import DataFrame

from customer_analytics.ingestion.call_staging import Temporary, fetched
from customer_analytics.ingestion.calls import stage_name
from customer_analytics.ml.collection_sync import in_part
from customer_analytics.ml.identity import EVERYTHING, Bucket
from customer_analytics.ports.speech.base import Transcriber, Transcript
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.progress import Progress
from customer_analytics.tables import Table
from customer_analytics.tables.sentiment import CALL_TRANSCRIPTS
from customer_analytics.tables.sources import STG_SUPPORT_CALLS

Row = dict[str, Any]
Audio = Callable[[Sequence[Row]], AbstractContextManager[list[Path]]]
GROUP = 16


def transcribe(
    warehouse: Warehouse,
    transcriber: Transcriber,
    temporary: Temporary,
    log: Callable[[str], None],
    *,
    paths: Collection[str] | None = None,
    retry_failed: bool = False,
    bucket: Bucket = EVERYTHING,
) -> dict[str, Any]:
    """Transcribe new and changed calls, of these relative paths or of all, and commit them in small groups.

    Returns the model's name and what the calls cost. With `retry_failed`, calls that could not be transcribed are
    tried again. `temporary` makes folders for audio.
    """
    warehouse.writes.ensure_table(CALL_TRANSCRIPTS)
    calls = warehouse.table(STG_SUPPORT_CALLS.name)
    if paths is not None:
        calls = in_part(calls, {"relative_path": list(paths)})
    known = warehouse.table(CALL_TRANSCRIPTS.name).join(calls.select("AUDIO_HASH"), "AUDIO_HASH", "left_semi")
    if retry_failed:
        known = known.filter("STATUS <> 'failed'")
    groups = new_transcripts(
        calls=[row for row in _rows(warehouse, STG_SUPPORT_CALLS, calls) if bucket.holds(row["AUDIO_HASH"])],
        transcripts=_rows(warehouse, CALL_TRANSCRIPTS, known),
        transcriber=transcriber,
        audio=lambda calls: fetched(
            warehouse, [stage_name(call["AUDIO_HASH"], call["RELATIVE_PATH"]) for call in calls], temporary
        ),
        on_progress=Progress("calls transcribed", log),
    )
    try:
        for group in groups:
            written = warehouse.writes.upsert(CALL_TRANSCRIPTS, group)
            log(f"{written.inserted} new and {written.updated} changed calls transcribed")
    finally:
        if spent := transcriber.spent():
            log(f"calls: {spent}")
    return {"speech_model": transcriber.model, **(spent.metadata if spent else {})}


def remove_transcripts_of_deleted_calls(warehouse: Warehouse, paths: Collection[str] | None = None) -> int:
    """Delete the transcripts of calls that STG_SUPPORT_CALLS lacks, of these paths or of all; how many."""
    calls = warehouse.name(STG_SUPPORT_CALLS.name)
    condition = f"RELATIVE_PATH NOT IN (SELECT RELATIVE_PATH FROM {calls})"  # noqa: S608
    if paths is not None:
        condition += f" AND RELATIVE_PATH IN ({', '.join('?' * len(paths)) or 'NULL'})"
    with warehouse.connection() as connection:
        cursor = connection.cursor()
        delete = f"DELETE FROM {warehouse.name(CALL_TRANSCRIPTS.name)} WHERE {condition}"  # noqa: S608
        cursor.execute(delete, list(paths or ()))
        return cursor.rowcount or 0


def new_transcripts(
    calls: Sequence[Row],
    transcripts: Sequence[Row],
    transcriber: Transcriber,
    audio: Audio,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[pa.Table]:
    """Rows of CALL_TRANSCRIPTS for calls that are new, changed, or only transcribed by another model.

    A call whose customer has changed counts as changed. Audio that has been transcribed is not transcribed again,
    whatever its path and customer were. A call whose transcript has no letter or digit is `empty`.

    Args:
        calls: Rows of STG_SUPPORT_CALLS.
        transcripts: The current rows of CALL_TRANSCRIPTS.
        transcriber: The speech model.
        audio: Context manager that fetches the audio files of calls, in order, into a temporary folder.
        on_progress: Called with the number of finished files and of all files.

    Yields:
        Tables of at most `GROUP` rows; commit each before you request the next.
    """
    current = [row for row in transcripts if row["MODEL"] == transcriber.model]
    done = {tuple(_identity(row).values()) for row in current}
    heard = {row["AUDIO_HASH"]: row for row in current}
    pending = [call for call in calls if tuple(_identity(call).values()) not in done]
    pending.sort(key=lambda call: str(call["RELATIVE_PATH"]))

    files = len({call["AUDIO_HASH"] for call in pending} - heard.keys())
    listened = 0
    for start in range(0, len(pending), GROUP):
        group = pending[start : start + GROUP]
        unheard = list({c["AUDIO_HASH"]: c for c in group if c["AUDIO_HASH"] not in heard}.values())
        with audio(unheard) as paths:
            for call, transcript in zip(unheard, transcriber.transcribe(paths), strict=True):
                heard[call["AUDIO_HASH"]] = _columns(transcript, transcriber.model)
                listened += 1
                on_progress(listened, files)
        rows = [{**heard[call["AUDIO_HASH"]], **_identity(call)} for call in group]
        yield pa.Table.from_pylist(rows, CALL_TRANSCRIPTS.arrow_schema)


def _identity(call: Row) -> Row:
    return {column: call[column] for column in ("CUSTOMER_ID", "RELATIVE_PATH", "AUDIO_HASH")}


def _columns(transcript: Transcript, model: str) -> Row:
    columns = {name.upper(): value for name, value in asdict(transcript).items()}
    columns["TRANSCRIPT"] = columns.pop("TEXT")
    if transcript.status == "ok" and not any(map(str.isalnum, transcript.text or "")):
        columns |= {"STATUS": "empty", "TRANSCRIPT": None, "LANGUAGE": None}
    columns["MODEL"] = model
    columns["TRANSCRIBED_AT"] = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    return columns


def _rows(warehouse: Warehouse, table: Table, selected: DataFrame) -> list[Row]:
    return [row for batch in warehouse.reads.rows(table, selected) for row in batch.to_pylist()]
