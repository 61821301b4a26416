"""The JSON that the connector reads.

Every answer is HTTP 200 with `success` true or false: the connector treats any HTTP error as a broken connection
and retries until its own timeout.
"""

import asyncio
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from starlette.responses import Response, StreamingResponse

from customer_analytics.embedded_snowflake.protocol import rowsets
from customer_analytics.embedded_snowflake.protocol.job import Job
from customer_analytics.embedded_snowflake.sql.rewrites import SERVER_VERSION
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError
from customer_analytics.embedded_snowflake.state.results import Result
from customer_analytics.embedded_snowflake.state.session import Session

Answer = dict[str, Any] | Response
_ANSWER_WITHIN_SECONDS = 15.0
"""A slower statement is answered with a link for polling, before the client considers the connection dead."""

_VALIDITY_SECONDS, _MASTER_VALIDITY_SECONDS = 3600, 14400
"""What clients are told about their tokens, which in fact expire with the session only."""

_IN_PROGRESS = "333333"
_IN_PROGRESS_ASYNC = "333334"

_WHOLE_BYTES = 64 * 1024
"""A larger result is streamed in pieces, each encoded on a thread while other requests are served."""

_ROWS = f"rows {uuid.uuid4()}"
"""Placeholder in the response for its rows."""


class JSON(Response):
    """A JSON response; characters that UTF-8 cannot encode are replaced."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The content as text."""
        return _text(content).encode("utf-8", "replace")


def _text(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


async def finished(future: Future[Any], seconds: float) -> bool:
    """Wait for a future of another thread; return whether it was done in time."""
    # Not wrapped for asyncio, which would log an unretrieved exception with the values in its message.
    loop, settled = asyncio.get_running_loop(), asyncio.Event()

    def settle(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # the server has stopped
            loop.call_soon_threadsafe(settled.set)

    future.add_done_callback(settle)
    with suppress(TimeoutError):
        await asyncio.wait_for(settled.wait(), seconds)
    return future.done()


async def result_of(job: Job) -> dict[str, Any] | Response:
    """The result of a statement, its error, or a link for polling."""
    if not await finished(job.future, _ANSWER_WITHIN_SECONDS):
        return _link(job, _IN_PROGRESS)
    job.delivered = True
    try:
        result = job.future.result()
    except SnowflakeError as error:
        return failure(error, job.query_id)
    session, payload = job.session, rowsets.payload(result)
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
    if result.size <= _WHOLE_BYTES:
        return Response(b"".join(pieces), media_type=JSON.media_type)
    return StreamingResponse(pieces, media_type=JSON.media_type)


def _pieces(whole: str, result: Result, columns: list[dict[str, Any]]) -> Iterator[bytes]:
    """The response in pieces, with the rows at their placeholder."""
    before, marked, after = whole.rpartition(_ROWS)
    yield before.encode("utf-8", "replace")
    if marked:
        for rows in rowsets.base64(result, columns):
            yield rows.encode("ascii")
    yield after.encode("utf-8", "replace")


def in_progress(job: Job) -> dict[str, Any]:
    """The answer to a statement whose result the client fetches later."""
    return _link(job, _IN_PROGRESS_ASYNC)


def _link(job: Job, code: str) -> dict[str, Any]:
    return {
        "data": {"queryId": job.query_id, "getResultUrl": f"/queries/{job.query_id}/result"},
        "code": code,
        "message": None,
        "success": True,
    }


def success(data: Any) -> dict[str, Any]:
    """An answer with data."""
    return {"data": data, "code": None, "message": None, "success": True}


def failure(error: SnowflakeError, query_id: str | None = None) -> dict[str, Any]:
    """An error as the connector raises it."""
    return {
        "data": {"errorCode": error.code, "sqlState": error.sqlstate, "queryId": query_id},
        "code": error.code,
        "message": error.message,
        "success": False,
    }


def signed_in(session: Session) -> dict[str, Any]:
    """The answer to a login."""
    return success(
        {
            "token": session.token,
            "masterToken": session.master_token,
            "validityInSeconds": _VALIDITY_SECONDS,
            "masterValidityInSeconds": _MASTER_VALIDITY_SECONDS,
            "serverVersion": SERVER_VERSION,
            "sessionId": session.id,
            "parameters": [
                {"name": "AUTOCOMMIT", "value": session.autocommit},
                {"name": "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY", "value": 3600},
                # Rows of bindings are sent with the statement, not through a stage.
                {"name": "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD", "value": 0},
                {"name": "CLIENT_TELEMETRY_ENABLED", "value": False},
                {"name": "TIMEZONE", "value": "Etc/UTC"},
                {"name": "QUERY_TAG", "value": session.query_tag},
            ],
            "sessionInfo": {
                "databaseName": session.database,
                "schemaName": session.schema,
                "warehouseName": session.warehouse,
                "roleName": session.role,
            },
        }
    )


def renewed(session: Session) -> dict[str, Any]:
    """The answer to a request for new tokens."""
    return success(
        {
            "sessionToken": session.token,
            "masterToken": session.master_token,
            "validityInSecondsST": _VALIDITY_SECONDS,
            "validityInSecondsMT": _MASTER_VALIDITY_SECONDS,
            "sessionId": session.id,
        }
    )


def status(job: Job) -> dict[str, Any]:
    """The status of a statement, as the connector's monitoring reads it."""
    if not job.future.done():
        return {"id": job.query_id, "status": "RUNNING"}
    error = job.future.exception()
    if error is None:
        return {"id": job.query_id, "status": "SUCCESS"}
    failed = {"id": job.query_id, "status": "FAILED_WITH_ERROR", "errorMessage": str(error)}
    if isinstance(error, SnowflakeError):
        failed |= {"errorCode": error.code, "errorMessage": error.message}
    return failed
