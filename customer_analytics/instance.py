"""The Dagster instance of the state folder, which the command line, the UI and the daemon share."""

import filecmp
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from filelock import FileLock
from sqlalchemy.exc import DatabaseError

from customer_analytics import private_files
from customer_analytics.damage import damaged
from customer_analytics.settings import Settings

_CREATION_SECONDS = 60.0
_SHIPPED_SETTINGS = Path(__file__).resolve().parents[1] / "dagster.yaml"


@contextmanager
def dagster_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance; raises DamagedError if SQLite cannot read one of its databases."""
    home = dagster_home(settings)
    os.environ["DAGSTER_HOME"] = str(home)
    try:
        with dg.DagsterInstance.get() as instance:
            yield instance
    except DatabaseError as error:
        if isinstance(error.orig, sqlite3.OperationalError) or not isinstance(error.orig, sqlite3.DatabaseError):
            raise
        raise damaged(f"A database of Dagster in {home}", str(error.orig)) from None


def dagster_home(settings: Settings) -> Path:
    """Dagster's home in the state folder, with its databases and a current copy of dagster.yaml."""
    home = settings.home / "dagster"
    private_files.make_folder(home)
    created = home / "history" / "created"
    with FileLock(home / "home.lock", timeout=_CREATION_SECONDS):
        _copy_settings(home / "dagster.yaml")
        if not created.exists():
            # One process at a time: otherwise each would write a schema version into each database, and a database
            # with two versions cannot be opened.
            with dg.DagsterInstance.from_config(str(home)):
                created.parent.mkdir(exist_ok=True)
                created.touch()
    return home


def _copy_settings(used: Path) -> None:
    if _SHIPPED_SETTINGS.exists() and not (used.exists() and filecmp.cmp(_SHIPPED_SETTINGS, used, shallow=False)):
        unfinished = used.with_suffix(".new")
        shutil.copyfile(_SHIPPED_SETTINGS, unfinished)
        unfinished.replace(used)  # atomic, because Dagster's processes read it without a lock
