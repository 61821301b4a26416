"""Connections and queries: the part of the warehouse port that its adapters implement."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import pyarrow as pa
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import Error as SnowflakeError
from snowflake.connector.errors import ProgrammingError
from snowflake.snowpark import DataFrame, Session

from customer_analytics.ports.warehouse.names import quoted

if TYPE_CHECKING:
    from dagster_snowflake import SnowflakeResource

OUTSIDE_OF_RUNS = "00000000-0000-0000-0000-000000000000"
NOT_FOUND = (2003, 2043)
"""Snowflake's error codes for an object that does not exist or that the role may not see."""
_NO_SCHEMA = (90105, 90106)
"""Its error codes for a session without a current database or schema: before the first run, neither exists."""


class NotFoundError(LookupError, ValueError):
    """A table, schema or database does not exist, or the role may not see it."""


class _Opened(NamedTuple):
    """A session, the server that opened it, and what closes it."""

    server: str
    session: Session
    exits: ExitStack

    def close(self, server: str) -> None:
        """Close the session; without retries if another server answers by now."""
        if server != self.server:
            self.session.connection.close(retry=False)
        self.exits.close()


@dataclass(kw_only=True, eq=False)
class Connections(ABC):
    """Snowflake, or a server that speaks its protocol.

    `session()` is one Snowpark session for all threads; `connection()` opens a separate connection. Every
    statement carries the run and the asset in its query tag.

    Attributes:
        database: Database of all schemas.
        schema_name: Schema of all tables.
        role: Role of the sessions; the user's default role if None.
        statement_timeout: Seconds after which the server cancels a statement.
        run_id: The run whose id is on everything temporary.
        current_asset: Names the asset that the calling thread works for, or returns None.
    """

    kind: ClassVar[str]  # label of the adapter's assets in Dagster's UI

    database: str
    schema_name: str
    role: str | None = None
    statement_timeout: int = 3600
    run_id: str = OUTSIDE_OF_RUNS
    current_asset: Callable[[], str | None] = field(default=lambda: None, repr=False)

    def __post_init__(self) -> None:
        self._lock = Lock()
        self._opened: _Opened | None = None
        # Threads started by a step have no current asset: they take the last one of this run.
        self._last_asset: str | None = None

    @abstractmethod
    def snowflake(self, session_parameters: dict[str, Any]) -> "SnowflakeResource":
        """dagster-snowflake's resource with everything that a connection needs, and qmark parameters."""

    def server(self) -> str:
        """Identifies the server that answers; a session is reopened when the server has changed."""
        return ""

    def sign_in_advice(self, error: SnowflakeError) -> str | None:
        """A better message for an error of opening a connection, or None."""
        return None

    @abstractmethod
    def purge(self) -> None:
        """Rewrite files that keep deleted rows and empty the statement logs, as far as the server allows.

        Readers wait for at most five seconds. After an interruption the tables are unchanged, and a second call
        completes the work.
        """

    @abstractmethod
    def retention_notice(self) -> str | None:
        """A sentence on deleted rows that the server may keep after `purge`, or None."""

    def describe(self) -> str:
        """One line on the server; raises if it cannot be used."""
        (row,) = self.query("SELECT CURRENT_VERSION() AS VERSION, CURRENT_ROLE() AS ROLE").to_pylist()
        return f"version {row['VERSION']}, role {row['ROLE']}, database {self.database}"

    def name(self, table: str) -> str:
        """The qualified and quoted name of an object in the schema of all tables."""
        return quoted(self.database, self.schema_name, table)

    def session(self) -> Session:
        """The Snowpark session; a new one after a restart of the server."""
        server = self.server()
        with self._lock:
            if self._opened and self._opened.server != server:
                self._opened.close(server)
                self._opened = None
            tag = self._query_tag()
            if self._opened is None:
                exits = ExitStack()
                with self._advice():
                    session = exits.enter_context(self._snowflake(tag).create_snowpark_session())
                self._opened = _Opened(server, session, exits)
            session = self._opened.session
            if session.query_tag != tag:
                session.query_tag = tag
            return session

    @contextmanager
    def connection(self) -> Iterator[SnowflakeConnection]:
        """A separate connection with qmark parameters and autocommit, closed at the end of the block."""
        with ExitStack() as exits:
            with self._advice():
                connection = exits.enter_context(self._snowflake(self._query_tag()).get_connection())
            try:
                yield connection
            except BaseException:
                connection.close()  # dagster-snowflake 0.29 closes only after success
                raise

    def close(self) -> None:
        """Close the session; the next use opens another."""
        with self._lock:
            opened, self._opened, self._last_asset = self._opened, None, None
        if opened:
            opened.close(self.server())

    def table(self, name: str) -> DataFrame:
        """A table of the schema as a Snowpark DataFrame."""
        return self.session().table(self.name(name))

    def query(self, sql: str, params: Sequence[Any] = ()) -> pa.Table:
        """The rows of one statement as an Arrow table; safe to call from threads.

        Raises:
            NotFoundError: The statement names an object that does not exist.
        """
        connection = self.session().connection
        cursor = connection.cursor()
        try:
            if connection.schema is None:  # the session was opened before the schema existed
                with suppress(ProgrammingError):  # it may still not exist: the statement may not need it
                    cursor.execute(f"USE SCHEMA {quoted(self.database, self.schema_name)}")
            cursor.execute(sql, tuple(params) or None)
            return cursor.fetch_arrow_all(force_return_table=True)
        except ProgrammingError as error:
            if error.errno not in NOT_FOUND + _NO_SCHEMA:
                raise
            raise NotFoundError(str(error.msg)) from error

    def query_or_none(self, sql: str, params: Sequence[Any] = ()) -> pa.Table | None:
        """The rows of one statement, or None if it names an object that does not exist."""
        try:
            return self.query(sql, params)
        except NotFoundError:
            return None

    def _snowflake(self, tag: str) -> "SnowflakeResource":
        return self.snowflake({"QUERY_TAG": tag, "STATEMENT_TIMEOUT_IN_SECONDS": self.statement_timeout})

    def _query_tag(self) -> str:
        """The run and the asset as JSON, within the 2,000 characters that Snowflake accepts."""
        asset = self._last_asset = self.current_asset() or self._last_asset
        return json.dumps({"app": "customer_analytics", "run_id": self.run_id, "asset": asset and asset[:1500]})

    @contextmanager
    def _advice(self) -> Iterator[None]:
        try:
            yield
        except SnowflakeError as error:
            if advice := self.sign_in_advice(error):
                raise ConnectionError(advice) from None
            raise
