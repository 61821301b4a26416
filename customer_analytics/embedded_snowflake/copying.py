"""A copy of the whole state, as it was at one moment, while statements go on."""

import shutil
import uuid
from pathlib import Path

from customer_analytics.damage import link_tree
from customer_analytics.embedded_snowflake.sessions import Sessions
from customer_analytics.embedded_snowflake.store import COPIES

_PATIENCE_SECONDS = 300.0


def copy(sessions: Sessions) -> Path:
    """The folder of a new copy, to be removed by whoever asked for it, else at the next start.

    Writers wait until the database files are copied; readers go on, but for the moment in which the stages' files
    are linked. A file that is uploaded later is in no directory table of the copy, and one that is removed later
    is still there.
    """
    store = sessions.store
    target = store.folder / COPIES / uuid.uuid4().hex
    try:
        with sessions.no_writers(_PATIENCE_SECONDS):
            (target / "databases").mkdir(mode=0o700, parents=True)
            with sessions.gate.closed(_PATIENCE_SECONDS):
                link_tree(store.stages, target / "stages")
            for name in store.databases():
                store.copy_database_file(name, target / "databases" / store.file_of(name).name)
        shutil.copyfile(store.folder / "format.json", target / "format.json")
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return target
