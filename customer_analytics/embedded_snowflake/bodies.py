"""Bodies of requests: read within limits, unpacked and taken apart."""

import asyncio
import json
import zlib
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from customer_analytics.embedded_snowflake.budgets import Reservation, too_much
from customer_analytics.embedded_snowflake.errors import SnowflakeError

_PATIENCE_SECONDS = 60.0
"""A body that is not there by then is not waited for."""
_AT_ONCE_BYTES = 4096
_GZIP = 16 + zlib.MAX_WBITS
_BYTES_PER_VALUE = 100
"""What a value takes in Python, at the most, beside its characters."""
_GROWTH = 8
"""A body may take so many times its largest size once it is taken apart."""


async def read(request: Request, most: int, memory: Reservation) -> dict[str, Any]:
    """The JSON object that a request carries; raises SnowflakeError if it is none, or larger than `most` bytes.

    The memory that it takes stays reserved.
    """
    content = await _content(request, most, memory)
    packed = request.headers.get("Content-Encoding", "").lower() == "gzip"
    if len(content) <= _AT_ONCE_BYTES:
        return _decoded(content, packed, most, memory)
    return await run_in_threadpool(_decoded, content, packed, most, memory)


async def _content(request: Request, most: int, memory: Reservation) -> bytes:
    content, taken = bytearray(), 0
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            async for chunk in request.stream():
                taken += len(chunk)
                if taken <= most:
                    memory.take(len(chunk))
                    content += chunk
                else:
                    # The rest is read, though not kept: most clients look for an answer only after they have sent.
                    content.clear()
    except TimeoutError:
        raise _invalid("did not arrive in time") from None
    if taken > most:
        raise too_large(most)
    return bytes(content)


def _decoded(content: bytes, packed: bool, most: int, memory: Reservation) -> dict[str, Any]:
    try:
        if packed:
            content = _unpacked(content, most)
        weight = len(content) + _BYTES_PER_VALUE * content.count(b",")
        if weight > _GROWTH * most:
            raise too_much(
                "The request holds too many values; send fewer rows at a time, or load them from a stage."
            )
        memory.take(weight)
        found = json.loads(content) if content else {}
    except RecursionError:
        raise _invalid("is nested too deeply") from None
    except (ValueError, zlib.error):
        raise _invalid("is not valid JSON, or not packed as its header says") from None
    if not isinstance(found, dict):
        raise _invalid("is not a JSON object")
    return found


def _unpacked(content: bytes, most: int) -> bytes:
    """The content, of which no more than the limit is ever unpacked."""
    unpacking = zlib.decompressobj(_GZIP)
    unpacked = unpacking.decompress(content, most + 1)
    if len(unpacked) > most:
        raise too_large(most)
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError
    return unpacked


def too_large(most: int) -> SnowflakeError:
    """A body that is larger than `most` bytes."""
    return too_much(
        f"The request is larger than {most // 1024} kB, unpacked; send fewer rows at a time, or load them from a "
        "stage."
    )


def _invalid(what: str) -> SnowflakeError:
    return SnowflakeError(390402, "22000", f"The body of the request {what}.")
