"""Find damaged files in the state folder by reading each of them."""

import hashlib
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from customer_analytics import embedded_snowflake
from customer_analytics.erasure import key_copy, pending
from customer_analytics.supervisor import clean_environment

_STAGED = re.compile(r"([0-9a-f]{64})(\.\w+)?")
_CHECK_SECONDS = 3600


@dataclass(frozen=True)
class Damage:
    """A damaged file or folder, and the evidence."""

    path: Path
    why: str


def damages(home: Path) -> Iterator[Damage]:
    """All damage in a state folder; a running endpoint keeps running, and none is started."""
    if (home / "warehouse").is_dir():
        yield from _damages_of_warehouse(home)
    for table in sorted((home / "vectors").glob("*.lance")):
        if why := _unreadable_table(table):
            yield Damage(table, why)
    for file in sorted((home / "dagster").rglob("*.db")):
        if why := _unreadable_sqlite(file):
            yield Damage(file, why)
    for file in (key_copy.path(home), *sorted((home / pending.FOLDER).glob("*.json"))):
        if file.exists() and not _is_json(file):
            yield Damage(file, "it is not valid JSON")


def _damages_of_warehouse(home: Path) -> Iterator[Damage]:
    warehouse = home / "warehouse"
    if (warehouse / "format.json").exists() and not _is_json(warehouse / "format.json"):
        yield Damage(warehouse / "format.json", "it is not valid JSON")
    if endpoint := embedded_snowflake.find(home):
        found = embedded_snowflake.check(endpoint)
    else:
        # In a separate process, because a damaged file can crash it.
        command = [sys.executable, "-P", "-m", "customer_analytics.embedded_snowflake", "check", str(warehouse)]
        done = subprocess.run(
            command, env=clean_environment(), capture_output=True, check=False, timeout=_CHECK_SECONDS
        )
        found = json.loads(done.stdout) if not done.returncode else _all_files(warehouse, done.returncode)
    for path, why in found:
        yield Damage(Path(path), why)
    for file in sorted((warehouse / "stages").rglob("*")):
        if (named := _STAGED.fullmatch(file.name)) and file.is_file():
            with file.open("rb") as content:
                if hashlib.file_digest(content, "sha256").hexdigest() != named[1]:
                    yield Damage(file, "its content does not match the hash in its name")


def _all_files(warehouse: Path, code: int) -> list[list[str]]:
    why = f"the process that read it ended with code {code}"
    return [[str(file), why] for file in sorted((warehouse / "databases").glob("*.duckdb"))]


def _unreadable_table(folder: Path) -> str | None:
    import lancedb

    try:
        table = lancedb.connect(folder.parent).open_table(folder.stem)
        for _ in table.search().to_batches():
            pass
        for index in table.list_indices():
            if index.index_type == "FTS":
                table.search("a", query_type="fts", fts_columns=index.columns[0]).limit(1).to_arrow()
    except Exception as error:  # any kind of error means that the table cannot be read
        return str(error).split(", /")[0].split("\n")[0]
    return None


def _unreadable_sqlite(file: Path) -> str | None:
    if not file.stat().st_size:
        return "it is empty"
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as opened:
            (answer,) = opened.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if answer == "ok" else str(answer).split("\n")[0]


def _is_json(file: Path) -> bool:
    try:
        return isinstance(json.loads(file.read_bytes()), dict)
    except ValueError:
        return False
