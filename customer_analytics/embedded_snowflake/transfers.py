"""PUT and GET: files move between the client and a stage over HTTP, by signed links."""

import asyncio
import errno
import hashlib
import hmac
import io
import os
import re
import shutil
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote, urlparse

import pyarrow as pa
from sqlglot import Expr, exp
from starlette.concurrency import run_in_threadpool

from customer_analytics.embedded_snowflake import results
from customer_analytics.embedded_snowflake.errors import SnowflakeError
from customer_analytics.embedded_snowflake.results import Result
from customer_analytics.embedded_snowflake.session import Session
from customer_analytics.embedded_snowflake.stages import Stage
from customer_analytics.embedded_snowflake.store import UNFINISHED


@dataclass(frozen=True)
class FileLinks:
    """Links by which the connector moves files, each signed for one file and one direction."""

    base_url: str
    secret: bytes

    def sign(self, path: str, mode: str) -> str:
        """The signature of a path (`<storage>/<relative path>`) for `put`, `put-new` or `get`.

        `put-new` leaves a file alone that is there already, as PUT without OVERWRITE does.
        """
        return hmac.new(self.secret, f"{mode}:{path}".encode(), hashlib.sha256).hexdigest()

    def link(self, stage: Stage, relative: str, mode: str) -> str:
        """The link of a file."""
        path = f"{stage.storage}/{relative}"
        return f"{self.base_url}/stage-files/{quote(path)}?mode={mode}&signature={self.sign(path, mode)}"


_PART_BYTES = 1024 * 1024
_PATIENCE_SECONDS = 60.0
"""An upload of which nothing arrives for so long is given up."""

_LOCAL_FILE = re.compile(r"file://(?:[^'\s]+|[^']+(?='))")
_BOUND_TARGET = re.compile(r"\s\?")
_MOST_TARGETS = 100


def put_target(statement: exp.Put, sql: str, session: Session) -> str:
    """The stage of a PUT; of `PUT … ?` without a binding, the stage bound in the statement that it repeats."""
    target, key = str(statement.args["target"].name), _LOCAL_FILE.sub("", sql)
    if target == "?":
        if key not in session.upload_targets:
            raise SnowflakeError(2049, "42601", "SQL compilation error: error: Bind variable not set.")
        return session.upload_targets[key]
    if _BOUND_TARGET.search(key):
        session.upload_targets[key] = target
        while len(session.upload_targets) > _MOST_TARGETS:
            session.upload_targets.pop(next(iter(session.upload_targets)))
    return target


def put(stage: Stage, path: str, statement: exp.Put, links: FileLinks) -> Result:
    """Orders to the connector to upload.

    The connector asks again for each file, with the file's name at the end of the path, and sends it to the link
    (as it does with Google Cloud Storage, the only kind of stage that it reaches by plain links).
    """
    options = _options(statement)
    source = statement.this.name
    location = unquote(urlparse(source).path) if "%" in source else source.removeprefix("file://")
    overwrite = bool(options.get("OVERWRITE", False))
    name = PurePosixPath(source.replace("\\", "/")).name
    relative = stage.path(f"{path}/{name}").relative_to(stage.folder).as_posix()
    return _transfer(
        {
            "command": "UPLOAD",
            "src_locations": [location],
            "parallel": int(options.get("PARALLEL", 4)),
            "autoCompress": bool(options.get("AUTO_COMPRESS", True)),
            "sourceCompression": str(options.get("SOURCE_COMPRESSION", "auto_detect")).lower(),
            "overwrite": overwrite,
            "stageInfo": {
                "locationType": "GCS",
                "location": f"{stage.storage}/{path}",
                "creds": {},
                "presignedUrl": links.link(stage, relative, "put" if overwrite else "put-new"),
            },
        }
    )


def get(stage: Stage, path: str, statement: exp.Get, links: FileLinks) -> Result:
    """Orders to the connector to download every file below the path."""
    options = _options(statement)
    pattern = options.get("PATTERN")
    found = [relative for relative, _ in stage.files(path, str(pattern) if pattern is not None else None)]
    # A path that names a file means that file alone, not those whose names begin like it.
    relatives = [path] if path in found else found
    return _transfer(
        {
            "command": "DOWNLOAD",
            "src_locations": relatives,
            "presignedUrls": [links.link(stage, relative, "get") for relative in relatives],
            "parallel": int(options.get("PARALLEL", 10)),
            "localLocation": statement.this.name.removeprefix("file://"),
            "stageInfo": {"locationType": "GCS", "location": stage.storage, "creds": {}},
            "encryptionMaterial": None,
        }
    )


def _transfer(orders: dict[str, Any]) -> Result:
    return Result(pa.table({}), [], results.SESSION, transfer=orders)


def _options(statement: Expr) -> dict[str, Any]:
    properties = statement.args.get("properties")
    options: dict[str, Any] = {}
    for prop in properties.expressions if properties else []:
        value = prop.args["value"]
        options[prop.name.upper()] = value.this if isinstance(value, exp.Boolean) else value.name
    return options


async def receive(target: Path, content: AsyncIterator[bytes], length: int, replace: bool) -> None:
    """Store an uploaded file of so many bytes, as far as is known, so that it is there whole or not at all.

    Raises OSError if it does not fit on the disk, before anything of it is read, and if it does not arrive.
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
    """The content in parts that are worth a thread's while."""
    part = bytearray()
    arriving = aiter(content)
    while True:
        async with asyncio.timeout(_PATIENCE_SECONDS):
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
