"""One client session: current database and schema, transaction, temporary objects."""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import duckdb

from customer_analytics.embedded_snowflake.state.statement_queue import QueuedStatement, StatementQueue
from customer_analytics.embedded_snowflake.state.store import Store

Name = tuple[str, str, str]
"""Database, schema, object."""


@dataclass
class Session:
    """One client session. It runs one statement at a time, holding `statement_lock`."""

    id: int
    user: str
    store: Store
    queue: StatementQueue = field(repr=False)
    database: str | None = None
    schema: str | None = None
    warehouse: str | None = "COMPUTE_WH"
    role: str | None = "ACCOUNTADMIN"
    autocommit: bool = True
    parameters: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    master_token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    in_transaction: bool = False
    """Whether a transaction is open: by BEGIN, or by a change without autocommit."""
    writing: bool = False
    """Whether the session holds the write lock and has an open DuckDB transaction."""
    lost_transaction: str | None = None
    """Why the endpoint rolled back the open transaction; the next statement fails with this reason."""
    lost_tables: list[str] = field(default_factory=list)
    """Temporary tables lost in a fatal error; the next statement fails with their names."""
    after_commit: list[Callable[[], object]] = field(default_factory=list)
    """Changes of stage files that wait for the commit."""
    temporary_tables: set[Name] = field(default_factory=set)
    temporary_stages: dict[Name, str] = field(default_factory=dict)
    """Folder of each temporary stage's files."""
    upload_targets: dict[str, str] = field(default_factory=dict)
    """Stage of each PUT with a bound target; the connector repeats the PUT for its file without bindings."""
    temporary_loads: set[tuple[str, str, str, str]] = field(default_factory=set)
    """Loads into temporary tables: schema, table, file and version of the file."""
    file_formats: dict[str, dict[str, Any]] = field(default_factory=dict)
    query_ids: deque[str] = field(default_factory=lambda: deque(maxlen=1000))

    statement_lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    cancelled: threading.Event = field(default_factory=threading.Event, repr=False)
    """Set to stop the running statement."""
    running: QueuedStatement | None = None
    """The running statement; guarded by `running_lock`."""
    running_lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    idle_since: float = field(default_factory=time.monotonic)
    _connection: duckdb.DuckDBPyConnection | None = field(default=None, repr=False)

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The session's own connection to the databases; a new one after they were reopened."""
        if self._connection is None:
            self._connection = self.store.root.cursor()
        return self._connection

    def disconnect(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def query_tag(self) -> str:
        """The client's label for its statements."""
        return str(self.parameters.get("QUERY_TAG") or "")

    def temporary_schema(self, database: str, schema: str) -> str:
        """The schema of the temporary database that holds this session's temporary tables of a schema."""
        return f"{self.id}.{database}.{schema}"
