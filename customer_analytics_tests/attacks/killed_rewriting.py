"""Rewrites the databases of a folder in processes that are killed at one step after the other; see the test of it."""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from customer_analytics.embedded_snowflake.state import rewriting
from customer_analytics.embedded_snowflake.state.engine import execute
from customer_analytics.embedded_snowflake.state.limits import EndpointLimits
from customer_analytics.embedded_snowflake.state.sessions import Sessions
from customer_analytics.embedded_snowflake.state.store import Store
from customer_analytics.embedded_snowflake.state.write_lock import WriteLock

SECRET = b"frobnicaldus"
FINDINGS = "findings.json"


def _forked(work: Callable[[], None]) -> int:
    """The signal that a process of its own was ended by, or 0."""
    if (child := os.fork()) == 0:
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _fill(folder: Path) -> None:
    store = Store(folder)
    for name in ("ONE", "TWO"):
        store.create_database(name)
        execute(store.root, f'CREATE SEQUENCE {name}."PUBLIC".NUMBERS START 7')
        columns = f"N BIGINT NOT NULL DEFAULT nextval('{name}.PUBLIC.NUMBERS'), WORD VARCHAR"
        execute(store.root, f'CREATE TABLE {name}."PUBLIC".T ({columns})')
        execute(store.root, f"""COMMENT ON COLUMN {name}."PUBLIC".T.WORD IS 'It''s a word.'""")
        execute(store.root, f'CREATE VIEW {name}."PUBLIC".V AS SELECT WORD FROM {name}."PUBLIC".T')
        words = f"SELECT '{SECRET.decode()} number ' || range FROM range(3000) UNION ALL SELECT 'kept'"
        execute(store.root, f'INSERT INTO {name}."PUBLIC".T (WORD) {words}')
        execute(store.root, f"CHECKPOINT {name}")
        execute(store.root, f"DELETE FROM {name}.\"PUBLIC\".T WHERE WORD <> 'kept'")
    store.root.close()


def _rewrite(folder: Path, after: int) -> None:
    """Rewrite, and die before the step of this number."""
    steps = 0

    def counted(step: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            nonlocal steps
            if steps == after:
                os.kill(os.getpid(), signal.SIGKILL)
            steps += 1
            return step(*arguments)

        return run

    with (
        patch.object(Store, "copy_database_file", counted(Store.copy_database_file)),
        patch.object(rewriting, "_compacted", counted(rewriting._compacted)),
        patch.object(Store, "replace_database_file", counted(Store.replace_database_file)),
        patch.object(Path, "replace", counted(Path.replace)),
    ):
        rewriting.rewrite(Sessions(Store(folder), WriteLock(), EndpointLimits()))


def _look(folder: Path) -> None:
    """Write down what a start finds."""
    store = Store(folder)
    rows, views, comments, numbers = [], [], [], []
    for name in ("ONE", "TWO"):
        rows += execute(store.root, f'SELECT WORD FROM {name}."PUBLIC".T')
        views += execute(store.root, f'SELECT WORD FROM {name}."PUBLIC".V')
        columns = f"duckdb_columns() WHERE database_name = '{name}' AND comment IS NOT NULL"
        comments += execute(store.root, f"SELECT comment FROM {columns}")
        numbers += execute(store.root, f"SELECT nextval('{name}.PUBLIC.NUMBERS')")
    store.close()
    found = {"rows": rows, "views": views, "comments": comments, "numbers": numbers}
    (folder.parent / FINDINGS).write_text(json.dumps(found))


def _files_with_the_secret(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.rglob("*") if file.is_file() and SECRET in file.read_bytes())


def _step(folder: Path, step: int) -> dict[str, Any]:
    """What is found after a kill before this step, and what another rewriting leaves."""
    _forked(lambda: _fill(folder))
    ended = _forked(lambda: _rewrite(folder, step))
    before = _files_with_the_secret(folder)
    _forked(lambda: _look(folder))
    found = json.loads((folder.parent / FINDINGS).read_text())
    _forked(lambda: _rewrite(folder, 1000))
    left = _files_with_the_secret(folder)
    return {"killed": ended == -signal.SIGKILL, "before": before, "found": found, "left": left}


def main(home: Path) -> None:
    """Print, as JSON, what comes of a kill before each step, up to the rewriting that is not killed."""
    told = [_step(home / "0" / "warehouse", 0)]
    while told[-1]["killed"]:
        told.append(_step(home / str(len(told)) / "warehouse", len(told)))
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
