"""PUT and GET: instructions for the connector to transfer files over HTTP by signed links."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, unquote, urlparse

import pyarrow as pa
from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake.state import results
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError
from customer_analytics.embedded_snowflake.state.results import Result
from customer_analytics.embedded_snowflake.state.session import Session
from customer_analytics.embedded_snowflake.state.stages import StageFolder


@dataclass(frozen=True)
class FileLinks:
    """Links for the connector, each signed for one file and one direction."""

    base_url: str
    secret: bytes

    def sign(self, path: str, mode: str) -> str:
        """The signature of a path (`<storage>/<relative path>`) for `put`, `put-new` or `get`.

        `put-new` keeps an existing file, as PUT without OVERWRITE does.
        """
        return hmac.new(self.secret, f"{mode}:{path}".encode(), hashlib.sha256).hexdigest()

    def link(self, stage: StageFolder, relative: str, mode: str) -> str:
        """The link of a file."""
        path = f"{stage.storage}/{relative}"
        return f"{self.base_url}/stage-files/{quote(path)}?mode={mode}&signature={self.sign(path, mode)}"


_LOCAL_FILE = re.compile(r"file://(?:[^'\s]+|[^']+(?='))")
_BOUND_TARGET = re.compile(r"\s\?")
_MAX_TARGETS = 100


def put_target(statement: Expr, sql: str, session: Session) -> str:
    """The stage of a PUT. For `PUT … ?` without a binding, the stage bound in the statement that it repeats."""
    target, key = str(statement.args["target"].name), _LOCAL_FILE.sub("", sql)
    if target == "?":
        if key not in session.upload_targets:
            raise SnowflakeError(2049, "42601", "SQL compilation error: error: Bind variable not set.")
        return session.upload_targets[key]
    if _BOUND_TARGET.search(key):
        session.upload_targets[key] = target
        while len(session.upload_targets) > _MAX_TARGETS:
            session.upload_targets.pop(next(iter(session.upload_targets)))
    return target


def put(stage: StageFolder, path: str, statement: Expr, links: FileLinks) -> Result:
    """Instructions to upload a file.

    The connector repeats the PUT for each file, with the file's name at the end of the path, and uploads to the
    link. The location type is Google Cloud Storage because the connector uses plain links for no other.
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


def get(stage: StageFolder, path: str, statement: Expr, links: FileLinks) -> Result:
    """Instructions to download every file below the path."""
    options = _options(statement)
    pattern = options.get("PATTERN")
    found = [relative for relative, _ in stage.files(path, str(pattern) if pattern is not None else None)]
    # A path that names a file means that file only, not others whose names start with it.
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
