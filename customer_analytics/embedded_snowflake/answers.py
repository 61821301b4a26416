"""The JSON that the connector reads.

Every answer is HTTP 200 with `success` true or false: the connector takes any HTTP error for a broken line and
tries again for as long as it may.
"""

import asyncio
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from starlette.responses import Response, StreamingResponse

from customer_analytics.embedded_snowflake.errors import SnowflakeError
from customer_analytics.embedded_snowflake.job import Job
from customer_analytics.embedded_snowflake.results import Result

_ANSWER_WITHIN_SECONDS = 15.0
"""A statement that takes longer is answered with a link to ask again, before the line is taken for dead."""

_IN_PROGRESS = "333333"
_IN_PROGRESS_ASYNC = "333334"

_AT_ONCE_BYTES = 64 * 1024
"""A larger result is sent in pieces, each made on a thread while others are served."""

_ROWS = f"rows {uuid.uuid4()}"
"""A mark in the response that its rows replace."""


class JSON(Response):
    """A JSON response; what cannot be written as UTF-8 is replaced."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The content as text."""
        return _text(content).encode("utf-8", "replace")


def _text(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


async def finished(future: Future[Any], seconds: float) -> bool:
    """Wait for a future of another thread, and say whether it was settled in time."""
    # Not as a future of asyncio, which would log an error that nobody has retrieved, with the values in it.
    loop, settled = asyncio.get_running_loop(), asyncio.Event()

    def tell(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # the server has ended meanwhile
            loop.call_soon_threadsafe(settled.set)

    future.add_done_callback(tell)
    with suppress(TimeoutError):
        await asyncio.wait_for(settled.wait(), seconds)
    return future.done()


async def answer(job: Job) -> dict[str, Any] | Response:
    """The result of a statement, its error, or a link to ask again."""
    if not await finished(job.future, _ANSWER_WITHIN_SECONDS):
        return _link(job, _IN_PROGRESS)
    job.delivered = True
    try:
        result = job.future.result()
    except SnowflakeError as error:
        return failure(error, job.query_id)
    session, payload = job.session, result.payload()
    whole = _text(
        success(
            {
                **payload,
                **({"rowsetBase64": _ROWS} if "rowsetBase64" in payload else {}),
                "queryId": job.query_id,
                "parameters": [{"name": "TIMEZONE", "value": "Etc/UTC"}],
                "finalDatabaseName": session.database,
                "finalSchemaName": session.schema,
                "finalWarehouseName": session.warehouse,
                "finalRoleName": session.role,
            }
        )
    )
    pieces = _pieces(whole, result, payload.get("rowtype", []))
    if result.size <= _AT_ONCE_BYTES:
        return Response(b"".join(pieces), media_type=JSON.media_type)
    return StreamingResponse(pieces, media_type=JSON.media_type)


def _pieces(whole: str, result: Result, columns: list[dict[str, Any]]) -> Iterator[bytes]:
    """The response in pieces, because the rows that belong in one place of it may be many."""
    before, marked, after = whole.rpartition(_ROWS)
    yield before.encode("utf-8", "replace")
    if marked:
        for rows in result.base64(columns):
            yield rows.encode("ascii")
    yield after.encode("utf-8", "replace")


def in_progress(job: Job) -> dict[str, Any]:
    """That a statement runs whose result the client will ask for later."""
    return _link(job, _IN_PROGRESS_ASYNC)


def _link(job: Job, code: str) -> dict[str, Any]:
    return {
        "data": {"queryId": job.query_id, "getResultUrl": f"/queries/{job.query_id}/result"},
        "code": code,
        "message": None,
        "success": True,
    }


def success(data: Any) -> dict[str, Any]:
    """What was asked for."""
    return {"data": data, "code": None, "message": None, "success": True}


def failure(error: SnowflakeError, query_id: str | None = None) -> dict[str, Any]:
    """An error as the connector raises it."""
    return {
        "data": {"errorCode": error.code, "sqlState": error.sqlstate, "queryId": query_id},
        "code": error.code,
        "message": error.message,
        "success": False,
    }
