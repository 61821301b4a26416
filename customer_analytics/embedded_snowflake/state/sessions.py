"""All client sessions: they open, take turns at writing, and end."""

import logging
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import duckdb

from customer_analytics.damage import DamagedError
from customer_analytics.embedded_snowflake.state import results
from customer_analytics.embedded_snowflake.state.budgets import Budget, too_much
from customer_analytics.embedded_snowflake.state.engine import execute, quoted
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError, cancelled
from customer_analytics.embedded_snowflake.state.gate import Gate
from customer_analytics.embedded_snowflake.state.limits import EndpointLimits
from customer_analytics.embedded_snowflake.state.results import Result
from customer_analytics.embedded_snowflake.state.session import Session
from customer_analytics.embedded_snowflake.state.statement_queue import StatementQueue, session_closed
from customer_analytics.embedded_snowflake.state.store import TEMPORARY, Store
from customer_analytics.embedded_snowflake.state.write_lock import WriteLock

_log = logging.getLogger(__name__)


class Sessions:
    """All open sessions, and the one lock for writers."""

    def __init__(self, store: Store, write_lock: WriteLock, limits: EndpointLimits) -> None:
        self.store = store
        self.write_lock = write_lock
        self.limits = limits
        self.gate = Gate()
        self._reading = Budget(2 * limits.result_bytes, "results that are being read")
        self._by_token: dict[str, Session] = {}
        self._count = 0
        self._lock = threading.Lock()

    def open(self, user: str, **settings: Any) -> Session:
        """A new session; `settings` are fields of Session."""
        with self._lock:
            if len(self._by_token) >= self.limits.sessions:
                limit = self.limits.sessions
                raise too_much(
                    f"The endpoint has {limit} open sessions, which is the most it may have; close some."
                )
            self._count += 1
            queue = StatementQueue(self.limits.queued_statements)
            session = Session(self._count, user, self.store, queue, **settings)
            self._by_token[session.token] = session
        return session

    def by_token(self, token: str) -> Session:
        """The session of a token; raises the error that makes a client give up at once."""
        if session := self._by_token.get(token):
            return session
        raise session_closed()

    def by_master_token(self, token: str) -> Session:
        """The session of a master token."""
        for session in list(self._by_token.values()):
            if secrets.compare_digest(session.master_token.encode(), token.encode()):
                return session
        raise SnowflakeError(
            390114, "08001", "Authentication token has expired. The user must authenticate again."
        )

    def renew(self, session: Session) -> None:
        """Give the session a new token."""
        with self._lock:
            self._by_token.pop(session.token, None)
            session.token = secrets.token_urlsafe(32)
            self._by_token[session.token] = session

    def close(self, session: Session) -> Future[None]:
        """End the session. Its token is invalid at once; the future is done when its work is rolled back."""
        with self._lock:
            self._by_token.pop(session.token, None)
        return session.queue.close(partial(self._clean_up, session))

    def _clean_up(self, session: Session) -> None:
        """Roll back the open transaction and drop the session's temporary objects."""
        with session.statement_lock, self.gate.passing():
            try:
                self.roll_back(session)
                for schema in {session.temporary_schema(d, s) for d, s, _ in session.temporary_tables}:
                    execute(session.connection, f"DROP SCHEMA IF EXISTS {TEMPORARY}.{quoted(schema)} CASCADE")
            except duckdb.Error as error:
                _log.warning("the temporary tables of a session could not be dropped: %s", type(error).__name__)
            finally:
                session.disconnect()
            for storage in session.temporary_stages.values():
                shutil.rmtree(self.store.stages / storage, ignore_errors=True)

    def close_idle(self, seconds: float) -> None:
        """Close sessions that have run no statement for this long."""
        for session in list(self._by_token.values()):
            if session.queue.idle and time.monotonic() - session.idle_since > seconds:
                self.close(session)

    def close_all(self, seconds: float) -> bool:
        """Close every session; return whether all ended in time."""
        closing = [self.close(session) for session in list(self._by_token.values())]
        return not wait(closing, timeout=seconds).not_done

    def read(self, relation: duckdb.DuckDBPyRelation) -> Result:
        """The rows of a query; raises SnowflakeError if they exceed the limit."""
        return results.read(relation, self.limits.result_bytes, self._reading)

    def begin_writing(self, session: Session) -> None:
        """Take the write lock, then begin the DuckDB transaction, so that it sees all earlier commits."""
        if session.writing:
            return
        self.wait_to_write(session)
        session.connection.begin()
        session.writing = True

    @contextmanager
    def passing(self, session: Session) -> Iterator[None]:
        """Run a statement in the block, with usable databases that are not replaced meanwhile."""
        if self.store.broken:
            self.recover()
        with self.gate.passing(session.cancelled):
            yield

    def wait_to_write(self, session: Session) -> None:
        """Take the write lock. The statement is outside the gate while it waits."""
        with self.gate.outside():
            self.write_lock.acquire(session, self.evict)

    def commit(self, session: Session) -> None:
        """Commit the open transaction, if there is one."""
        if session.writing and session.cancelled.is_set():
            # The client has seen, or will see, that the statement was cancelled.
            self.roll_back(session)
            raise cancelled()
        session.in_transaction = False
        if session.writing:
            try:
                session.connection.commit()
            finally:
                session.writing = False
                self.write_lock.release(session)
        tasks, session.after_commit = session.after_commit, []
        for task in tasks:
            task()

    def roll_back(self, session: Session) -> None:
        """Roll back the open transaction, if there is one."""
        session.in_transaction = False
        session.after_commit.clear()
        if not session.writing:
            return
        try:
            with suppress(duckdb.FatalException, duckdb.ConnectionException):  # lost with the database
                with suppress(duckdb.InterruptException):
                    session.connection.rollback()
                    return
                session.connection.rollback()  # after an interrupt that was meant for an earlier statement
        finally:
            session.writing = False
            self.write_lock.release(session)

    def evict(self, holder: Session, idle_limit: float) -> None:
        """Roll back an idle transaction while others wait for the lock."""
        if not holder.statement_lock.acquire(blocking=False):
            return
        try:
            if holder.writing and time.monotonic() - holder.idle_since > idle_limit:
                self.roll_back(holder)
                holder.lost_transaction = (
                    f"it was idle for more than {idle_limit:g} s while another session waited to write"
                )
        finally:
            holder.statement_lock.release()

    @contextmanager
    def without_writers(self, timeout: float = 60.0) -> Iterator[None]:
        """Hold the write lock for the duration of the block; queries continue."""
        upkeep = Session(0, "endpoint", self.store, StatementQueue(0), parameters={"LOCK_TIMEOUT": timeout})
        self.write_lock.acquire(upkeep, self.evict)
        try:
            yield
        finally:
            self.write_lock.release(upkeep)

    def recover(self) -> None:
        """Reopen the databases if DuckDB refuses every statement after a fatal error."""
        with self.gate.closed(10.0, self._interrupt):
            if not self.store.broken:
                return
            sessions = list(self._by_token.values())
            reason = f"of a fatal error of the warehouse ({self.store.broken})"
            for session in sessions:
                if session.in_transaction:
                    session.lost_transaction = reason
                self.roll_back(session)
            if self.store.reattach():
                return
            for session in sessions:
                self._disconnect(session)
            try:
                self.store.reopen()
            except (duckdb.Error, DamagedError) as error:
                raise SnowflakeError(100132, "57P02", f"The warehouse cannot be reopened: {error}") from error

    def _interrupt(self) -> None:
        for session in list(self._by_token.values()):
            with session.running_lock:
                if session.running is not None:
                    session.connection.interrupt()

    def _disconnect(self, session: Session) -> None:
        if session.temporary_tables:
            session.lost_tables = sorted(name for *_, name in session.temporary_tables)
        session.temporary_tables.clear()
        session.temporary_loads.clear()
        session.disconnect()
