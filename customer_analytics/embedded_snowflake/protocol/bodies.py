"""Request bodies: read within limits, decompressed and parsed."""

import asyncio
import json
import zlib
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from customer_analytics.embedded_snowflake.state.budgets import Reservation, too_much
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError

_TIMEOUT_SECONDS = 60.0
"""How long a body may take to arrive."""
_SMALL_BYTES = 4096
_GZIP = 16 + zlib.MAX_WBITS
_BYTES_PER_VALUE = 100
"""Most memory of a value in Python, without its characters."""
_PARSED_GROWTH = 8
"""A parsed body may take this many times its largest size."""


async def read(request: Request, limit: int, memory: Reservation) -> dict[str, Any]:
    """Parse the JSON object of a request; raises SnowflakeError if it is invalid or larger than `limit` bytes.

    Its memory stays reserved.
    """
    content = await _content(request, limit, memory)
    packed = request.headers.get("Content-Encoding", "").lower() == "gzip"
    if len(content) <= _SMALL_BYTES:
        return _decoded(content, packed, limit, memory)
    return await run_in_threadpool(_decoded, content, packed, limit, memory)


async def _content(request: Request, limit: int, memory: Reservation) -> bytes:
    content, taken = bytearray(), 0
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            async for chunk in request.stream():
                taken += len(chunk)
                if taken <= limit:
                    memory.take(len(chunk))
                    content += chunk
                else:
                    # The rest is read and dropped: most clients read no answer before they have sent everything.
                    content.clear()
    except TimeoutError:
        raise _invalid("did not arrive in time") from None
    if taken > limit:
        raise too_large(limit)
    return bytes(content)


def _decoded(content: bytes, packed: bool, limit: int, memory: Reservation) -> dict[str, Any]:
    try:
        if packed:
            content = _unpacked(content, limit)
        weight = len(content) + _BYTES_PER_VALUE * content.count(b",")
        if weight > _PARSED_GROWTH * limit:
            raise too_much(
                "The request holds too many values; send fewer rows at a time, or load them from a stage."
            )
        memory.take(weight)
        found = json.loads(content) if content else {}
    except RecursionError:
        raise _invalid("is nested too deeply") from None
    except (ValueError, zlib.error):
        raise _invalid("is not valid JSON, or not compressed as its header says") from None
    if not isinstance(found, dict):
        raise _invalid("is not a JSON object")
    return found


def _unpacked(content: bytes, limit: int) -> bytes:
    """Decompress the content, but no more of it than the limit."""
    unpacking = zlib.decompressobj(_GZIP)
    unpacked = unpacking.decompress(content, limit + 1)
    if len(unpacked) > limit:
        raise too_large(limit)
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError
    return unpacked


def too_large(limit: int) -> SnowflakeError:
    """The error of a body larger than `limit` bytes."""
    return too_much(
        f"The request is larger than {limit // 1024} kB, decompressed; send fewer rows at a time, or load them "
        "from a stage."
    )


def _invalid(what: str) -> SnowflakeError:
    return SnowflakeError(390402, "22000", f"The body of the request {what}.")
