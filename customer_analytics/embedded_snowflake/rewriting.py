"""Database files written anew: DuckDB leaves deleted rows in theirs until something else takes their place."""

import os
import shutil
from pathlib import Path
from typing import Any

import duckdb

from customer_analytics.damage import synchronise
from customer_analytics.embedded_snowflake import functions
from customer_analytics.embedded_snowflake.sessions import Sessions
from customer_analytics.embedded_snowflake.store import REWRITING, execute, literal, quoted

_OLD = "_old"
_MEMORY = "1GB"
_PATIENCE_SECONDS = 300.0


def rewrite(sessions: Sessions) -> None:
    """Write every database into a new file that holds what is there and nothing else, in place of the old one.

    Writers wait until all is done; readers only while files change places. A process killed meanwhile leaves the
    old file or the new one, and what else it left goes with the next start.
    """
    store = sessions.store
    folder = store.folder / REWRITING
    with sessions.no_writers(_PATIENCE_SECONDS):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        copies = {name: folder / f"{number}.old" for number, name in enumerate(store.databases())}
        for name, copy in copies.items():
            store.copy_database_file(name, copy)
        new = {name: _compacted(name, copies) for name in copies}
        with sessions.gate.closed(_PATIENCE_SECONDS):
            for name, file in new.items():
                store.replace_database_file(name, file)
        shutil.rmtree(folder)


def empty_logs(folder: Path) -> None:
    """Forget what the endpoint has logged beside statements, which may name what a failed one was about."""
    for name in ("endpoint.log", "endpoint.out"):
        if (folder / name).exists():
            os.truncate(folder / name, 0)
    (folder / "endpoint.log.1").unlink(missing_ok=True)


def _compacted(name: str, copies: dict[str, Path]) -> Path:
    """A new file of one of the databases, which bears its name there, as views and defaults name it."""
    new = copies[name].with_suffix(".new")
    config: dict[str, Any] = {
        "memory_limit": _MEMORY,
        "lambda_syntax": "ENABLE_SINGLE_ARROW",
        "temp_directory": f"{new}.spill",
    }
    with duckdb.connect(":memory:", config=config) as alone:
        execute(alone, "SET GLOBAL TimeZone = 'UTC'")
        execute(alone, functions.MACROS)
        for other, copy in copies.items():
            alias = _OLD if other == name else quoted(other)
            execute(alone, f"ATTACH {literal(str(copy))} AS {alias} (READ_ONLY)")
        execute(alone, f"ATTACH {literal(str(new))} AS {quoted(name)}")
        execute(alone, f"COPY FROM DATABASE {_OLD} TO {quoted(name)}")
        execute(alone, f"CHECKPOINT {quoted(name)}")
    synchronise(new)  # now, because readers wait while it takes its place
    return new
