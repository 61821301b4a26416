"""Uploads and downloads of stage files, by signed links."""

import asyncio
import errno
import io
import logging
import os
import shutil
import uuid
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response

from customer_analytics.embedded_snowflake.protocol import proof
from customer_analytics.embedded_snowflake.sql.transfers import FileLinks
from customer_analytics.embedded_snowflake.state.store import UNFINISHED

_log = logging.getLogger(__name__)
_PART_BYTES = 1024 * 1024
_TIMEOUT_SECONDS = 60.0
"""An upload that stalls for this long is abandoned."""


async def transfer(request: Request, stages: Path, links: FileLinks) -> Response:
    """Send or store the file of a signed link below the folder of all stages."""
    path, mode = request.path_params["path"], request.query_params.get("mode", "")
    signed = proof.same(request.query_params.get("signature", ""), links.sign(path, mode))
    file = stages / path
    if not signed or (mode == "get") != (request.method == "GET"):
        return Response(status_code=HTTPStatus.FORBIDDEN)
    if request.method == "GET":
        return FileResponse(file) if file.is_file() else Response(status_code=HTTPStatus.NOT_FOUND)
    if not (stages / path.split("/")[0]).is_dir():
        return Response(status_code=HTTPStatus.NOT_FOUND)
    length = request.headers.get("Content-Length", "0")
    try:
        await _receive(file, request.stream(), int(length) if length.isdecimal() else 0, replace=mode == "put")
    except (OSError, ClientDisconnect) as error:
        # The connector retries an upload after some server errors, but not after this one.
        _log.warning("an upload could not be stored: %s", type(error).__name__)
        return Response("The file could not be stored: the disk may be full.", HTTPStatus.INSUFFICIENT_STORAGE)
    return Response()


async def _receive(target: Path, content: AsyncIterator[bytes], length: int, replace: bool) -> None:
    """Store an uploaded file completely or not at all.

    Raises OSError if `length` bytes exceed the free space, before anything is read, or if the upload stalls.
    """
    if target.exists() and not replace:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if length > shutil.disk_usage(target.parent).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    unfinished = target.with_name(f"{UNFINISHED}{uuid.uuid4().hex}")
    try:
        with unfinished.open("wb", buffering=0) as file:
            async for part in _parts(content):
                await run_in_threadpool(_write, file, part)
            await run_in_threadpool(os.fsync, file.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


async def _parts(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The content in parts large enough to be written on a thread."""
    part = bytearray()
    arriving = aiter(content)
    while True:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            chunk = await anext(arriving, None)
        part += chunk or b""
        if len(part) >= _PART_BYTES or chunk is None:
            yield bytes(part)
            part.clear()
        if chunk is None:
            return


def _write(file: io.RawIOBase, content: bytes) -> None:
    remaining = memoryview(content)
    while remaining:
        remaining = remaining[file.write(remaining) or 0 :]
