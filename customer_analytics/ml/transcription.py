"""Which calls need listening to, and the rows of CALL_TRANSCRIPTS that come of it."""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from customer_analytics.resources.speech.base import Transcriber, Transcript
from customer_analytics.tables.sentiment import CALL_TRANSCRIPTS

Row = dict[str, Any]
Audio = Callable[[Sequence[Row]], AbstractContextManager[list[Path]]]
GROUP = 16


def new_transcripts(
    calls: Sequence[Row],
    transcripts: Sequence[Row],
    transcriber: Transcriber,
    audio: Audio,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[pa.Table]:
    """Rows of CALL_TRANSCRIPTS for calls that are new, changed, or known to another model only.

    A call whose customer is another one now has changed, too. Audio that has been listened to is not listened to
    again, whatever its path and customer were then. A transcript without a letter or digit says nothing: such a
    call is `empty`.

    Args:
        calls: Rows of STG_SUPPORT_CALLS.
        transcripts: Rows of CALL_TRANSCRIPTS as they are.
        transcriber: Listens.
        audio: Brings the audio files of some calls, in their order, into a folder that lasts for the block.
        on_progress: Told how many files are done of how many.

    Yields:
        Tables of at most `GROUP` rows, each to be committed before the next is asked for.
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
