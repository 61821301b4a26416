"""Rewriting database files, because DuckDB leaves deleted rows in them until it reuses the space."""

import os
import shutil
from pathlib import Path

from customer_analytics.damage import flush_to_disk
from customer_analytics.embedded_snowflake.state.engine import connect, execute, literal, quoted
from customer_analytics.embedded_snowflake.state.sessions import Sessions
from customer_analytics.embedded_snowflake.state.store import REWRITING

_OLD = "_old"
_MEMORY = "1GB"
_TIMEOUT_SECONDS = 300.0


def rewrite(sessions: Sessions) -> None:
    """Replace every database file by a new one without deleted data.

    Writers wait until all files are replaced, readers only during the replacement itself. A process killed
    meanwhile leaves the old file or the new one; the next start removes everything else that it left.
    """
    store = sessions.store
    folder = store.folder / REWRITING
    with sessions.without_writers(_TIMEOUT_SECONDS):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        copies = {name: folder / f"{number}.old" for number, name in enumerate(store.databases())}
        for name, copy in copies.items():
            store.copy_database_file(name, copy)
        new = {name: _compacted(name, copies) for name in copies}
        with sessions.gate.closed(_TIMEOUT_SECONDS):
            for name, file in new.items():
                store.replace_database_file(name, file)
        shutil.rmtree(folder)


def empty_logs(folder: Path) -> None:
    """Empty the endpoint's other logs, which may contain names from failed statements."""
    for name in ("endpoint.log", "endpoint.out"):
        if (folder / name).exists():
            os.truncate(folder / name, 0)
    (folder / "endpoint.log.1").unlink(missing_ok=True)


def _compacted(name: str, copies: dict[str, Path]) -> Path:
    """A new file of one database, attached under its own name, which views and defaults refer to."""
    new = copies[name].with_suffix(".new")
    with connect(_MEMORY, f"{new}.spill") as alone:
        for other, copy in copies.items():
            alias = _OLD if other == name else quoted(other)
            execute(alone, f"ATTACH {literal(str(copy))} AS {alias} (READ_ONLY)")
        execute(alone, f"ATTACH {literal(str(new))} AS {quoted(name)}")
        execute(alone, f"COPY FROM DATABASE {_OLD} TO {quoted(name)}")
        execute(alone, f"CHECKPOINT {quoted(name)}")
    flush_to_disk(new)  # now, because readers wait during the replacement
    return new
