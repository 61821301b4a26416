"""One client session: current database and schema, transaction, temporary objects."""

import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import duckdb

from customer_analytics.embedded_snowflake.statement_queue import StatementQueue, Work
from customer_analytics.embedded_snowflake.store import Store

Name = tuple[str, str, str]
"""Database, schema, object."""


@dataclass
class Session:
    """One client session. One statement of it runs at a time: `statement_lock` is held while it does."""

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
    """BEGIN was run, or autocommit is off and something was changed."""
    writing: bool = False
    """The session holds the write lock and has a DuckDB transaction open."""
    lost_transaction: str | None = None
    """Why the open transaction was rolled back without the client's asking; told with its next statement."""
    lost_tables: list[str] = field(default_factory=list)
    """Temporary tables that a fatal error has taken; told with the session's next statement."""
    after_commit: list[Any] = field(default_factory=list)
    """Work on stage files that waits for the commit."""
    temporary_tables: set[Name] = field(default_factory=set)
    temporary_stages: dict[Name, str] = field(default_factory=dict)
    """Folder of each temporary stage's files."""
    upload_targets: dict[str, str] = field(default_factory=dict)
    """Stage of each PUT with a bound target; the connector repeats it for the file without bindings."""
    temporary_loads: set[tuple[str, str, str, str]] = field(default_factory=set)
    """What was loaded into temporary tables: schema, table, file and version of the file."""
    file_formats: dict[str, dict[str, Any]] = field(default_factory=dict)
    query_ids: deque[str] = field(default_factory=lambda: deque(maxlen=1000))

    statement_lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    cancelled: threading.Event = field(default_factory=threading.Event, repr=False)
    """Set when the running statement is to stop."""
    running: Work | None = None
    """The running statement; changed under `running_lock` only."""
    running_lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    idle_since: float = field(default_factory=time.monotonic)
    _connection: duckdb.DuckDBPyConnection | None = field(default=None, repr=False)

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The session's own connection to the databases; a new one after these were opened anew."""
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
        """What the client labels its statements with."""
        return str(self.parameters.get("QUERY_TAG") or "")

    def temporary_schema(self, database: str, schema: str) -> str:
        """The schema of the temporary database that holds this session's temporary tables of a schema."""
        return f"{self.id}.{database}.{schema}"
