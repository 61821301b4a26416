"""The JSON that the connector reads.

Every answer is HTTP 200 with `success` true or false: the connector takes any HTTP error for a broken line and
tries again for as long as it may.
"""

import asyncio
from typing import Any

from starlette.concurrency import run_in_threadpool

from customer_analytics.embedded_snowflake.errors import SnowflakeError
from customer_analytics.embedded_snowflake.jobs import Job

_ANSWER_WITHIN_SECONDS = 15.0
"""A statement that takes longer is answered with a link to ask again, before the line is taken for dead."""

_IN_PROGRESS = "333333"
_IN_PROGRESS_ASYNC = "333334"


async def answer(job: Job) -> dict[str, Any]:
    """The result of a statement, its error, or a link to ask again."""
    waiting = asyncio.wrap_future(job.future)
    done, _ = await asyncio.wait([waiting], timeout=_ANSWER_WITHIN_SECONDS)
    if not done:
        return _link(job, _IN_PROGRESS)
    try:
        result = waiting.result()
    except SnowflakeError as error:
        return failure(error, job.query_id)
    payload = await run_in_threadpool(result.payload) if result.rows > 1000 else result.payload()
    session = job.session
    return success(
        {
            **payload,
            "queryId": job.query_id,
            "parameters": [{"name": "TIMEZONE", "value": "Etc/UTC"}],
            "finalDatabaseName": session.database,
            "finalSchemaName": session.schema,
            "finalWarehouseName": session.warehouse,
            "finalRoleName": session.role,
        }
    )


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
