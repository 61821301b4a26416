"""CREATE and DROP STAGE, LIST, REMOVE, and ALTER STAGE … REFRESH."""

import hashlib
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pyarrow as pa
from sqlglot import exp

from customer_analytics.embedded_snowflake.state import errors, results, stages
from customer_analytics.embedded_snowflake.state.engine import execute
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError
from customer_analytics.embedded_snowflake.state.results import Result
from customer_analytics.embedded_snowflake.state.session import Name, Session
from customer_analytics.embedded_snowflake.state.stages import StageFolder


def create(statement: exp.Create, name: Name, temporary: bool, session: Session) -> Result:
    """CREATE [OR REPLACE] [TEMPORARY] STAGE [IF NOT EXISTS]."""
    properties = statement.args.get("properties")
    given = properties.expressions if properties else []
    values = {prop.this.name.upper(): prop.args["value"] for prop in given if type(prop) is exp.Property}
    if "URL" in values:
        raise errors.unsupported("external stages")
    if not session.store.has_schema(*name[:2]):
        raise errors.missing(".".join(name[:2]), "Schema")
    try:
        existing = stages.find(name, session)
    except SnowflakeError:
        pass
    else:
        if statement.args.get("exists"):
            return results.message(f"{name[2]} already exists, statement succeeded.")
        if not statement.args.get("replace"):
            raise errors.already_exists(name[2])
        stages.remove(existing, session)
    stages.add(
        name,
        session,
        temporary=temporary,
        directory="DIRECTORY" in values and values["DIRECTORY"].find(exp.Boolean) == exp.true(),
        comment=next((prop.this.name for prop in given if isinstance(prop, exp.SchemaCommentProperty)), None),
    )
    return results.message(f"Stage area {name[2]} successfully created.")


def drop(stage: StageFolder, session: Session) -> Result:
    """DROP STAGE."""
    stages.remove(stage, session)
    return results.message(f"{stage.name[2]} successfully dropped.")


def refresh(stage: StageFolder, session: Session) -> Result:
    """ALTER STAGE … REFRESH: bring the directory table up to date with the files."""
    connection, meta, of_stage = session.connection, stage.meta, [stage.storage]
    rows = execute(connection, f"SELECT directory FROM {meta}.stages WHERE storage = ?", of_stage)
    if not rows or not rows[0][0]:
        raise SnowflakeError(
            2,
            "0A000",
            f"Stage {stage.name[2]} has no directory table; create it with DIRECTORY = (ENABLE = TRUE).",
        )
    sql = f"SELECT relative_path, md5 FROM {meta}.directories WHERE storage = ?"
    known = dict(execute(connection, sql, of_stage))
    seen = [(stage.storage, relative, *_file_facts(path)) for relative, path in stage.files()]
    execute(connection, f"DELETE FROM {meta}.directories WHERE storage = ?", of_stage)
    if seen:
        connection.executemany(f"INSERT INTO {meta}.directories VALUES (?, ?, ?, ?, ?)", seen)
    found = {relative: md5 for _, relative, _, _, md5 in seen}
    changes = [
        *((name, "REGISTERED_NEW") for name in found if name not in known),
        *((name, "REGISTERED_UPDATE") for name in found if name in known and known[name] != found[name]),
        *((name, "UNREGISTERED") for name in known if name not in found),
    ]
    rows = [(name, status, "") for name, status in changes]
    return results.tabular(rows, results.DDL, file=pa.string(), status=pa.string(), description=pa.string())


def list_files(stage: StageFolder, prefix: str, pattern: str | None) -> Result:
    """LIST: name, size, MD5 and last modification of the files."""
    rows = []
    for relative, path in stage.files(prefix, pattern):
        size, modified, md5 = _file_facts(path)
        rows.append((f"{stage.name[2].lower()}/{relative}", size, md5, format_datetime(modified, usegmt=True)))
    text = pa.string()
    return results.tabular(rows, results.SELECT, name=text, size=pa.int64(), md5=text, last_modified=text)


def remove_files(stage: StageFolder, prefix: str, pattern: str | None) -> Result:
    """REMOVE: delete the files."""
    rows = []
    for relative, path in list(stage.files(prefix, pattern)):
        path.unlink(missing_ok=True)
        rows.append((f"{stage.name[2].lower()}/{relative}", "removed"))
    return results.tabular(rows, results.SELECT, name=pa.string(), result=pa.string())


def _file_facts(path: Path) -> tuple[int, datetime, str]:
    """Size, last modification and MD5."""
    stat = path.stat()
    with path.open("rb") as file:
        md5 = hashlib.file_digest(file, "md5").hexdigest()
    return stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC), md5
