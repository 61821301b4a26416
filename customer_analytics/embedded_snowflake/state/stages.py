"""Internal stages: folders of files, found by the names that statements use."""

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import sqlglot

from customer_analytics.embedded_snowflake.state.engine import execute, quoted
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError, missing, syntax_error
from customer_analytics.embedded_snowflake.state.session import Name, Session
from customer_analytics.embedded_snowflake.state.store import META, UNFINISHED

_REFERENCE = re.compile(r'@((?:"[^"]+"|[\w$~%]+)(?:\.(?:"[^"]+"|[\w$~%]+)){0,2})(?:/(.*))?', re.DOTALL)
_PARTS = re.compile(r'"([^"]+)"|([\w$~%]+)')


@dataclass(frozen=True)
class StageFolder:
    """A stage and the folder of its files."""

    name: Name
    storage: str
    folder: Path

    @property
    def meta(self) -> str:
        """The schema of the stage's database that describes stages."""
        return f"{quoted(self.name[0])}.{META}"

    def path(self, relative: str) -> Path:
        """The file at a path within the stage; raises if the path, or a link in it, leads out of the stage."""
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

    RE2 takes time in proportion to the path; Python's own engine can take exponential time.
    """
    try:
        pc.match_substring_regex(pa.array([""]), pattern=pattern)  # so that no bracket closes the group below
        found = pc.match_substring_regex(pa.array(paths, pa.string()), pattern=rf"\A(?:{pattern})\z")
    except pa.ArrowInvalid:
        raise SnowflakeError(
            100048,
            "2201B",
            "The PATTERN is not a valid regular expression; look-around and back references are not supported.",
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
    filled = [*(session.database, session.schema)[: 3 - len(parts)], *parts]
    if None in filled:
        raise SnowflakeError(
            90106,
            "22000",
            "This session does not have a current schema. Call 'USE SCHEMA', or use a qualified name.",
        )
    return (str(filled[0]), str(filled[1]), str(filled[2])), match[2] or ""


def find_path(reference: str, session: Session) -> tuple[StageFolder, str]:
    """The stage of a reference, and the path within it."""
    name, path = parse_reference(reference, session)
    return find(name, session), path


def find(name: Name, session: Session) -> StageFolder:
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
    return StageFolder(name, storage, session.store.stages / storage)


def add(name: Name, session: Session, *, temporary: bool, directory: bool, comment: str | None) -> None:
    """Make the folder of a new stage and record it."""
    storage = uuid.uuid4().hex
    (session.store.stages / storage).mkdir()
    if temporary:
        session.temporary_stages[name] = storage
        return
    execute(
        session.connection,
        f"INSERT INTO {quoted(name[0])}.{META}.stages VALUES (?, ?, ?, ?, ?, ?)",
        [name[1], name[2], storage, directory, comment, datetime.now(UTC)],
    )


def remove(stage: StageFolder, session: Session) -> None:
    """Remove a stage, and its files after the commit."""
    if session.temporary_stages.pop(stage.name, None) is None:
        execute(session.connection, f"DELETE FROM {stage.meta}.stages WHERE storage = ?", [stage.storage])
        execute(session.connection, f"DELETE FROM {stage.meta}.directories WHERE storage = ?", [stage.storage])
    session.after_commit.append(lambda: shutil.rmtree(stage.folder, ignore_errors=True))


def remove_all(database: str, schema: str, session: Session) -> None:
    """Remove all stages of a schema that is being dropped."""
    rows = execute(
        session.connection,
        f"SELECT name, storage FROM {quoted(database)}.{META}.stages WHERE schema_name = ?",
        [schema],
    )
    for name, storage in rows:
        remove(StageFolder((database, schema, name), storage, session.store.stages / storage), session)
