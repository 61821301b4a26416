"""Internal stages: folders of files, LIST, REMOVE and directory tables."""

import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import sqlglot
from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake import results
from customer_analytics.embedded_snowflake.errors import SnowflakeError, already_exists, missing, syntax_error
from customer_analytics.embedded_snowflake.results import Result
from customer_analytics.embedded_snowflake.session import Name, Session
from customer_analytics.embedded_snowflake.store import META, UNFINISHED, execute, literal, quoted

_REFERENCE = re.compile(r'@((?:"[^"]+"|[\w$~%]+)(?:\.(?:"[^"]+"|[\w$~%]+)){0,2})(?:/(.*))?', re.DOTALL)
_PARTS = re.compile(r'"([^"]+)"|([\w$~%]+)')


@dataclass(frozen=True)
class Stage:
    """A stage and the folder of its files."""

    name: Name
    storage: str
    folder: Path

    def path(self, relative: str) -> Path:
        """The file of a path within the stage; raises if the path, or a link in it, would leave the stage."""
        path = Path(os.path.normpath(self.folder / relative.lstrip("/")))
        if not path.is_relative_to(self.folder) or not path.resolve().is_relative_to(self.folder.resolve()):
            raise SnowflakeError(1011, "42601", f"SQL compilation error:\ninvalid path '{relative}' in a stage.")
        return path

    def files(self, prefix: str = "", pattern: str | None = None) -> Iterator[tuple[str, Path]]:
        """Relative path and file of all files whose path starts with `prefix` and matches `pattern`, by path."""
        found = sorted(
            (path.relative_to(self.folder).as_posix(), path)
            for path in self.folder.rglob("*")
            if path.is_file() and not path.is_symlink() and not path.name.startswith(UNFINISHED)
        )
        chosen = [(relative, path) for relative, path in found if relative.startswith(prefix)]
        if pattern is None:
            yield from chosen
            return
        matches = _matches(pattern, [relative for relative, _ in chosen])
        yield from (file for file, match in zip(chosen, matches, strict=True) if match)


def _matches(pattern: str, paths: list[str]) -> list[bool]:
    """Whether the pattern matches each path as a whole.

    By RE2, which takes time in proportion to the path; Python's own would try every way that a pattern can match.
    """
    try:
        pc.match_substring_regex(pa.array([""]), pattern=pattern)  # so that no bracket closes the one below
        found = pc.match_substring_regex(pa.array(paths, pa.string()), pattern=rf"\A(?:{pattern})\z")
    except pa.ArrowInvalid:
        raise SnowflakeError(
            100048,
            "2201B",
            "The PATTERN is not a valid regular expression; look-around and back references are none.",
        ) from None
    return [bool(match) for match in found.to_pylist()]


def parse_reference(text: str, session: Session) -> tuple[Name, str]:
    """Stage and path of `@[database.][schema.]stage[/path]`, quoted or not."""
    text = text.strip().rstrip(";").strip()
    if text.startswith("'"):
        text = sqlglot.parse_one(text, read="snowflake").name
    match = _REFERENCE.fullmatch(text)
    if not match:
        raise syntax_error(f"invalid stage reference {text!r}")
    parts = [quoted_ or plain.upper() for quoted_, plain in _PARTS.findall(match[1])]
    defaults = [session.database, session.schema]
    filled = [*defaults[: 3 - len(parts)], *parts]
    if None in filled:
        raise SnowflakeError(
            90106,
            "22000",
            "This session does not have a current schema. Call 'USE SCHEMA', or use a qualified name.",
        )
    return (str(filled[0]), str(filled[1]), str(filled[2])), match[2] or ""


def find(name: Name, session: Session) -> Stage:
    """The stage of a name; the session's temporary stages first."""
    storage = session.temporary_stages.get(name)
    if storage is None and session.store.has_database(name[0]):
        rows = execute(
            session.connection,
            f"SELECT storage FROM {quoted(name[0])}.{META}.stages WHERE schema_name = ? AND name = ?",
            [name[1], name[2]],
        )
        storage = rows[0][0] if rows else None
    if storage is None:
        raise missing(".".join(name), "Stage")
    return Stage(name, storage, session.store.stages / storage)


def create(statement: exp.Create, name: Name, session: Session) -> Result:
    """CREATE [OR REPLACE] [TEMPORARY] STAGE [IF NOT EXISTS]."""
    properties = statement.args.get("properties")
    given = properties.expressions if properties else []
    values = {prop.this.name.upper(): prop.args["value"] for prop in given if type(prop) is exp.Property}
    if "URL" in values:
        raise SnowflakeError(
            2, "0A000", "Unsupported feature of the embedded Snowflake endpoint: external stages."
        )
    temporary = any(isinstance(prop, exp.TemporaryProperty) for prop in given)
    if not session.store.has_schema(*name[:2]):
        raise missing(".".join(name[:2]), "Schema")
    try:
        existing: Stage | None = find(name, session)
    except SnowflakeError:
        existing = None
    if existing is not None:
        if statement.args.get("exists"):
            return results.message(f"{name[2]} already exists, statement succeeded.")
        if not statement.args.get("replace"):
            raise already_exists(name[2])
        _forget(existing, session)
    storage = uuid.uuid4().hex
    (session.store.stages / storage).mkdir()
    directory = "DIRECTORY" in values and values["DIRECTORY"].find(exp.Boolean) == exp.true()
    if temporary:
        session.temporary_stages[name] = storage
    else:
        comment = next((prop.this.name for prop in given if isinstance(prop, exp.SchemaCommentProperty)), None)
        execute(
            session.connection,
            f"INSERT INTO {quoted(name[0])}.{META}.stages VALUES (?, ?, ?, ?, ?, ?)",
            [name[1], name[2], storage, directory, comment, datetime.now(UTC)],
        )
    return results.message(f"Stage area {name[2]} successfully created.")


def drop(stage: Stage, session: Session) -> Result:
    """DROP STAGE."""
    _forget(stage, session)
    return results.message(f"{stage.name[2]} successfully dropped.")


def _forget(stage: Stage, session: Session) -> None:
    if session.temporary_stages.pop(stage.name, None) is None:
        meta = f"{quoted(stage.name[0])}.{META}"
        execute(session.connection, f"DELETE FROM {meta}.stages WHERE storage = ?", [stage.storage])
        execute(session.connection, f"DELETE FROM {meta}.directories WHERE storage = ?", [stage.storage])
    session.after_commit.append(lambda: shutil.rmtree(stage.folder, ignore_errors=True))


def drop_schema(database: str, schema: str, session: Session) -> None:
    """Forget all stages of a schema that is being dropped."""
    rows = execute(
        session.connection,
        f"SELECT name, storage FROM {quoted(database)}.{META}.stages WHERE schema_name = ?",
        [schema],
    )
    for name, storage in rows:
        _forget(Stage((database, schema, name), storage, session.store.stages / storage), session)


def refresh(stage: Stage, session: Session) -> Result:
    """ALTER STAGE … REFRESH: make the directory table show the files that are there."""
    meta = f"{quoted(stage.name[0])}.{META}"
    rows = execute(session.connection, f"SELECT directory FROM {meta}.stages WHERE storage = ?", [stage.storage])
    if not rows or not rows[0][0]:
        raise SnowflakeError(
            2,
            "0A000",
            f"Stage {stage.name[2]} has no directory table; create it with DIRECTORY = (ENABLE = TRUE).",
        )
    known = dict(
        execute(
            session.connection,
            f"SELECT relative_path, md5 FROM {meta}.directories WHERE storage = ?",
            [stage.storage],
        )
    )
    seen = [(stage.storage, relative, *_facts(path)) for relative, path in stage.files()]
    execute(session.connection, f"DELETE FROM {meta}.directories WHERE storage = ?", [stage.storage])
    if seen:
        session.connection.executemany(f"INSERT INTO {meta}.directories VALUES (?, ?, ?, ?, ?)", seen)
    found = {relative: md5 for _, relative, _, _, md5 in seen}
    changes = [
        *((name, "REGISTERED_NEW") for name in found if name not in known),
        *((name, "REGISTERED_UPDATE") for name in found if name in known and known[name] != found[name]),
        *((name, "UNREGISTERED") for name in known if name not in found),
    ]
    table = pa.table(
        {
            "file": pa.array([name for name, _ in changes], pa.string()),
            "status": pa.array([status for _, status in changes], pa.string()),
            "description": pa.array(["" for _ in changes], pa.string()),
        }
    )
    return Result(table, ["VARCHAR"] * 3, results.DDL)


def _facts(path: Path) -> tuple[int, datetime, str]:
    stat = path.stat()
    return stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC), _md5(path)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def directory_table(node: Expr, session: Session) -> Expr:
    """`DIRECTORY(@stage)` as a query on what the last refresh has seen."""
    if not (isinstance(node, exp.Table) and isinstance(node.this, exp.DirectoryStage)):
        return node
    name, _ = parse_reference(node.this.this.name, session)
    meta = f"{quoted(name[0])}.{META}"
    query = sqlglot.parse_one(
        f"""SELECT relative_path AS RELATIVE_PATH, size AS SIZE, last_modified AS LAST_MODIFIED, md5 AS MD5,
            md5 AS ETAG, {literal(f"@{'.'.join(name)}/")} || relative_path AS FILE_URL
            FROM {meta}.directories
            WHERE storage = (SELECT storage FROM {meta}.stages
                WHERE schema_name = {literal(name[1])} AND name = {literal(name[2])})""",
        read="duckdb",
    )
    assert isinstance(query, exp.Query)
    return query.subquery(node.alias or "DIRECTORY")


_COLUMN_TYPES = {
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "DOUBLE": "REAL",
    "FLOAT": "REAL",
    "TIME": "TIME",
    "BLOB": "BINARY",
    "VARCHAR": "TEXT",
}


def file_literal(file: Path) -> str:
    """The file as DuckDB's functions take it, which read a name with `*`, `?` or `[` as a pattern."""
    return literal(re.sub(r"([*?\[])", r"[\1]", str(file)))


def infer_schema(reference: str, session: Session) -> exp.Query:
    """The rows of INFER_SCHEMA: name and type of the columns of staged Parquet files."""
    name, path = parse_reference(reference, session)
    file = next((file for _, file in find(name, session).files(path)), None)
    if file is None:
        raise missing(reference, "File")
    columns = execute(session.connection, f"DESCRIBE SELECT * FROM read_parquet({file_literal(file)})")
    rows = [
        f"({literal(column)}, {literal(_column_type(kind))}, TRUE, {position})"
        for position, (column, kind, *_) in enumerate(columns)
    ]
    query = sqlglot.parse_one(
        f"SELECT * FROM (VALUES {', '.join(rows)}) AS t(COLUMN_NAME, TYPE, NULLABLE, ORDER_ID)",
        read="duckdb",
    )
    assert isinstance(query, exp.Query)
    return query


def _column_type(duckdb_type: str) -> str:
    if duckdb_type.startswith("DECIMAL"):
        return duckdb_type.replace("DECIMAL", "NUMBER").replace(",", ", ")
    if duckdb_type.startswith("TIMESTAMP"):
        return "TIMESTAMP_TZ" if "TIME ZONE" in duckdb_type else "TIMESTAMP_NTZ"
    if duckdb_type.endswith("INT") or duckdb_type == "INTEGER":
        return "NUMBER(38, 0)"
    return _COLUMN_TYPES.get(duckdb_type, "VARIANT")


def list_files(stage: Stage, prefix: str, pattern: str | None) -> Result:
    """LIST: name, size, md5 and last modification of the files."""
    rows = [(relative, *_facts(path)) for relative, path in stage.files(prefix, pattern)]
    table = pa.table(
        {
            "name": pa.array([f"{stage.name[2].lower()}/{relative}" for relative, *_ in rows], pa.string()),
            "size": pa.array([size for _, size, _, _ in rows], pa.int64()),
            "md5": pa.array([md5 for *_, md5 in rows], pa.string()),
            "last_modified": pa.array([format_datetime(time, usegmt=True) for _, _, time, _ in rows], pa.string()),
        }
    )
    return Result(table, ["VARCHAR", "BIGINT", "VARCHAR", "VARCHAR"], results.SELECT)


def remove(stage: Stage, prefix: str, pattern: str | None) -> Result:
    """REMOVE: delete the files."""
    names = []
    for relative, path in list(stage.files(prefix, pattern)):
        path.unlink(missing_ok=True)
        names.append(f"{stage.name[2].lower()}/{relative}")
    table = pa.table(
        {"name": pa.array(names, pa.string()), "result": pa.array(["removed"] * len(names), pa.string())}
    )
    return Result(table, ["VARCHAR", "VARCHAR"], results.SELECT)
