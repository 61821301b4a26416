"""The warehouse resource: connections, sessions, and rows going in and out."""

import datetime as dt
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Any, ClassVar, NamedTuple

import dagster as dg
import pyarrow as pa
from dagster_snowflake import SnowflakeResource
from pydantic import Field, PrivateAttr
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import Error as SnowflakeError
from snowflake.connector.errors import ProgrammingError
from snowflake.snowpark import DataFrame, Session
from snowflake.snowpark.exceptions import SnowparkSQLException

from customer_analytics.resources.warehouse import loading, scratch, writes
from customer_analytics.resources.warehouse.names import quoted, run_schema
from customer_analytics.resources.warehouse.query_tag import current_asset, query_tag
from customer_analytics.tables import Table

_NOT_THERE = (2003, 2043)  # Snowflake's errors: no such object, no such schema or database
OUTSIDE_OF_RUNS = "00000000-0000-0000-0000-000000000000"
# Dagster gives an IO manager a copy of a resource nested in it. Both copies must use one session, because the
# DataFrames of two sessions do not mix.
_sessions: dict[tuple[str, str, str, str | None], "_Shared"] = {}
_lock = Lock()
_scratch_stages: dict[tuple[str, str, str, str | None], str] = {}
# Threads that a step starts do not know their step: they take the asset for which the run used the warehouse last.
_assets: dict[tuple[str, str, str, str | None], str] = {}


class NotThereError(LookupError):
    """A table, schema or database does not exist, or the role may not see it."""


class _Shared(NamedTuple):
    """A session, the server that knows it, and what closes it."""

    server: str
    session: Session
    opened: ExitStack

    def close(self, server: str) -> None:
        """Close the session; without trying again and again where another server answers by now."""
        if server != self.server:
            self.session.connection.close(retry=False)
        self.opened.close()


class Warehouse(dg.ConfigurableResource, ABC):  # type: ignore[type-arg]
    """Snowflake, or what speaks its protocol.

    `session()` is the Snowpark session shared by the steps of a run in this process; `connection()` opens a
    connection of its own, for use in threads. Every statement carries the run and the asset in its query tag.
    """

    kind: ClassVar[str]  # how the UI labels the assets that an adapter has a part in

    database: str = Field(description="Database of all schemas.")
    schema_name: str = Field(description="Schema of all tables.")
    role: str | None = Field(default=None, description="Role; the user's default if none.")
    statement_timeout: int = Field(default=3600, description="Seconds after which a statement is cancelled.")

    _run_id: str = PrivateAttr(default=OUTSIDE_OF_RUNS)

    @abstractmethod
    def snowflake(self, session_parameters: dict[str, Any]) -> SnowflakeResource:
        """dagster-snowflake's resource, with all that a connection needs and qmark parameters."""

    def server(self) -> str:
        """Which server answers; a session is given up when it is another one, because that does not know it."""
        return ""

    def sign_in_advice(self, error: SnowflakeError) -> str | None:
        """What to tell the user in place of an error of opening a connection, if there is something better."""
        return None

    @abstractmethod
    def purge(self) -> None:
        """Rewrite what keeps deleted rows, and empty logs of statements, as far as the server lets us.

        Readers wait for at most five seconds. A killed call leaves the tables as they were, and the same call
        again completes it.
        """

    @abstractmethod
    def out_of_reach(self) -> str | None:
        """What may be left of deleted rows after `purge`, as a sentence; None where nothing is."""

    def describe(self) -> str:
        """One line on what answers; raises if it cannot be used."""
        (row,) = self.query("SELECT CURRENT_VERSION() AS VERSION, CURRENT_ROLE() AS ROLE").to_pylist()
        return f"version {row['VERSION']}, role {row['ROLE']}, database {self.database}"

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Remember the run, whose id everything temporary carries."""
        self._run_id = context.run_id or OUTSIDE_OF_RUNS

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the session of the run."""
        self.close()

    def close(self) -> None:
        """Close the shared session if one is open; the next use opens another."""
        with _lock:
            shared = _sessions.pop(self._session_key, None)
            _assets.pop(self._session_key, None)
            _scratch_stages.pop(self._session_key, None)  # the next server may have another state
        if shared:
            shared.close(server=self.server())

    def name(self, table: str) -> str:
        """The qualified and quoted name of an object in the schema of all tables."""
        return quoted(self.database, self.schema_name, table)

    def session(self) -> Session:
        """The Snowpark session of this run and process; a new one when the server has been restarted."""
        server = self.server()
        with _lock:
            shared = _sessions.get(self._session_key)
            if shared and shared.server != server:
                shared.close(server)
                shared = None
            tag = self._query_tag()
            if shared is None:
                opened = ExitStack()
                with self._advising():
                    session = opened.enter_context(self._snowflake(tag).create_snowpark_session())
                shared = _sessions[self._session_key] = _Shared(server, session, opened)
            if shared.session.query_tag != tag:
                shared.session.query_tag = tag
            return shared.session

    @contextmanager
    def connection(self) -> Iterator[SnowflakeConnection]:
        """A connection of its own, with qmark parameters and autocommit; closed at the end of the block."""
        with ExitStack() as opened:
            with self._advising():
                resource = self._snowflake(self._query_tag())
                connection = opened.enter_context(resource.get_connection())
            try:
                yield connection
            except BaseException:
                connection.close()  # dagster-snowflake 0.29 closes only after success
                raise

    def query(self, sql: str, params: Sequence[Any] = ()) -> pa.Table:
        """The rows of one statement as an Arrow table, over a connection of its own."""
        with self.connection() as connection:
            cursor = connection.cursor()
            cursor.execute(sql, tuple(params) or None)
            return cursor.fetch_arrow_all(force_return_table=True)

    def read(self, sql: str, params: Sequence[Any] = ()) -> pa.Table:
        """The rows of one statement as an Arrow table, over the shared session; may be called from threads.

        Raises:
            NotThereError: Something that the statement names does not exist.
        """
        connection = self.session().connection
        cursor = connection.cursor()
        try:
            if connection.schema is None:  # it was opened before the schema was there
                cursor.execute(f"USE SCHEMA {quoted(self.database, self.schema_name)}")
            cursor.execute(sql, tuple(params) or None)
            return cursor.fetch_arrow_all(force_return_table=True)
        except ProgrammingError as error:
            if error.errno not in _NOT_THERE:
                raise
            raise NotThereError(str(error.msg)) from error

    def table(self, name: str) -> DataFrame:
        """A table of the schema, as a Snowpark DataFrame."""
        return self.session().table(self.name(name))

    def counts(self, frames: Sequence[DataFrame]) -> list[int]:
        """How many rows each of the frames has, in one statement."""
        if not frames:
            return []
        # Snowpark's own union would ask for the columns of each frame first, a statement each.
        counts = ", ".join(f"(SELECT COUNT(*) FROM ({frame.queries['queries'][-1]}))" for frame in frames)
        (row,) = self.session().sql(f"SELECT {counts}").collect()
        return [int(count) for count in row]

    def ensure_schema(self) -> None:
        """Create database and schema where absent, and make them the session's current ones."""
        session, use = self.session(), f"USE SCHEMA {quoted(self.database, self.schema_name)}"
        try:
            session.sql(use).collect()
            return
        except SnowparkSQLException as error:
            if error.sql_error_code not in writes.NOT_THERE:
                raise
        # Only now: CREATE … IF NOT EXISTS asks for the privilege to create also where all is there, and the
        # pipeline's role has none for databases.
        for statement in (
            f"CREATE DATABASE IF NOT EXISTS {quoted(self.database)}",
            f"CREATE SCHEMA IF NOT EXISTS {quoted(self.database, self.schema_name)}",
            use,
        ):
            session.sql(statement).collect()

    def ensure_table(self, table: Table) -> None:
        """Create a table with its comments if it is absent."""
        writes.ensure(self.session(), self.name(table.name), table)

    def rows(self, table: Table, selected: DataFrame | None = None) -> Iterator[pa.RecordBatch]:
        """The rows of a table, or those selected of it, as Arrow batches of its declared types.

        Only a few batches are held at a time.
        """
        schema = pa.schema([field.with_nullable(True) for field in table.arrow_schema])
        rows = self.table(table.name) if selected is None else selected
        for part in rows.to_arrow_batches():
            yield from part.select(table.column_names).cast(schema).to_batches()

    def upsert(self, table: Table, rows: pa.Table) -> writes.Written:
        """Insert rows or update those with their keys, touching no other row."""
        staged = self.session().table(self.stage(table, rows))
        return self.merge(table, staged, delete=False)

    def stage(self, table: Table, rows: pa.Table | Iterable[pa.RecordBatch]) -> str:
        """Load rows into a table of the run's scratch schema; its qualified name. Safe to call from threads."""
        target = self._scratch_table(table)
        with self.connection() as connection:
            files = self._ensure_scratch(connection)
            loading.load(connection, target, files, table, rows)
        return target

    def write_scratch(self, table: Table, rows: DataFrame) -> DataFrame:
        """Write rows to a table of the run's scratch schema; that table."""
        target = self._scratch_table(table)
        if self._session_key not in _scratch_stages:
            with self.connection() as connection:
                self._ensure_scratch(connection)
        # The overloads of Snowpark 1.56 forget table_exists, which spares it a look.
        rows.write.save_as_table(target, table_type="transient", table_exists=False)  # type: ignore[call-overload]
        return rows.session.table(target)

    def replace(self, table: Table, rows: DataFrame) -> writes.Written:
        """Make these the table's only rows, atomically; see `writes.replace`."""
        return writes.replace(self.name(table.name), table, rows)

    def merge(
        self, table: Table, rows: DataFrame, *, only: dict[str, Sequence[Any]] | None = None, delete: bool = True
    ) -> writes.Written:
        """Bring the table to these rows by its key, touching no other row; see `writes.merge`."""
        return writes.merge(self.name(table.name), table, rows, only=only, delete=delete)

    def drop_scratch(self, run_id: str) -> None:
        """Drop everything temporary of a run."""
        _scratch_stages.pop((self.database, self.schema_name, run_id, self.role), None)
        with self.connection() as connection:
            scratch.drop(connection, self.database, run_id)

    def scratch_runs(self) -> dict[str, dt.datetime]:
        """Ids of the runs that have left something temporary, and when they made it."""
        with self.connection() as connection:
            return scratch.runs(connection, self.database)

    def _ensure_scratch(self, connection: SnowflakeConnection) -> str:
        """The stage of the run's scratch schema, which is created at the first call of this process."""
        if self._session_key not in _scratch_stages:
            _scratch_stages[self._session_key] = scratch.ensure(connection, self.database, self._run_id)
        return _scratch_stages[self._session_key]

    def _scratch_table(self, table: Table) -> str:
        return quoted(self.database, run_schema(self._run_id), f"{table.name}_{uuid.uuid4().hex.upper()}")

    @property
    def _session_key(self) -> tuple[str, str, str, str | None]:
        return self.database, self.schema_name, self._run_id, self.role

    def _snowflake(self, tag: str) -> SnowflakeResource:
        return self.snowflake({"QUERY_TAG": tag, "STATEMENT_TIMEOUT_IN_SECONDS": self.statement_timeout})

    def _query_tag(self) -> str:
        if asset := current_asset():
            _assets[self._session_key] = asset
        return query_tag(self._run_id, _assets.get(self._session_key))

    @contextmanager
    def _advising(self) -> Iterator[None]:
        try:
            yield
        except SnowflakeError as error:
            if advice := self.sign_in_advice(error):
                raise ConnectionError(advice) from None
            raise
