"""A consistent copy of the whole state, made while statements run."""

import shutil
import uuid
from pathlib import Path

from customer_analytics.damage import link_tree
from customer_analytics.embedded_snowflake.state.sessions import Sessions
from customer_analytics.embedded_snowflake.state.store import COPIES

_TIMEOUT_SECONDS = 300.0


def copy(sessions: Sessions) -> Path:
    """Copy the state and return the folder. The caller removes it; otherwise the next start does.

    Writers wait until the database files are copied. Readers wait only while the stages' files are linked. A file
    uploaded after that is missing from the directory tables of the copy; a file removed after that is still in it.
    """
    store = sessions.store
    target = store.folder / COPIES / uuid.uuid4().hex
    try:
        with sessions.without_writers(_TIMEOUT_SECONDS):
            (target / "databases").mkdir(mode=0o700, parents=True)
            with sessions.gate.closed(_TIMEOUT_SECONDS):
                link_tree(store.stages, target / "stages")
            for name in store.databases():
                store.copy_database_file(name, target / "databases" / store.file_of(name).name)
        shutil.copyfile(store.folder / "format.json", target / "format.json")
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return target
