"""All client sessions: they open, write in turns, and end."""

import secrets
import shutil
import threading
import time
from typing import Any

from customer_analytics.embedded_snowflake.errors import SnowflakeError
from customer_analytics.embedded_snowflake.session import Session
from customer_analytics.embedded_snowflake.store import TEMPORARY, Store, execute, quoted
from customer_analytics.embedded_snowflake.write_lock import WriteLock


class Sessions:
    """All open sessions, and the one lock that writers take."""

    def __init__(self, store: Store, write_lock: WriteLock) -> None:
        self.store = store
        self.write_lock = write_lock
        self._by_token: dict[str, Session] = {}
        self._count = 0
        self._lock = threading.Lock()

    def open(self, user: str, **settings: Any) -> Session:
        """A new session; `settings` are fields of Session."""
        with self._lock:
            self._count += 1
            session = Session(self._count, self.store.root.cursor(), user, self.store, **settings)
            self._by_token[session.token] = session
        return session

    def by_token(self, token: str) -> Session:
        """The session of a token; the error tells the client at once that it is gone."""
        if session := self._by_token.get(token):
            return session
        raise SnowflakeError(
            390111, "08001", "Session no longer exists. New login required to access the service."
        )

    def by_master_token(self, token: str) -> Session:
        """The session of a master token."""
        for session in list(self._by_token.values()):
            if secrets.compare_digest(session.master_token, token):
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

    def close(self, session: Session) -> None:
        """Roll back what is open and drop the session's temporary objects."""
        with self._lock:
            self._by_token.pop(session.token, None)
        if (job := session.running) is not None:
            job.cancel()
        with session.statement_lock:
            self.roll_back(session)
            for schema in {session.temporary_schema(d, s) for d, s, _ in session.temporary_tables}:
                execute(session.connection, f"DROP SCHEMA IF EXISTS {TEMPORARY}.{quoted(schema)} CASCADE")
            for storage in session.temporary_stages.values():
                shutil.rmtree(self.store.stages / storage, ignore_errors=True)
            session.connection.close()

    def close_idle(self, seconds: float) -> None:
        """Close sessions that their clients have left behind."""
        for session in list(self._by_token.values()):
            if session.running is None and time.monotonic() - session.idle_since > seconds:
                self.close(session)

    def close_all(self) -> None:
        """Close every session."""
        for session in list(self._by_token.values()):
            self.close(session)

    def begin_writing(self, session: Session) -> None:
        """Take the write lock, then open the DuckDB transaction, so that it sees what was committed before."""
        if session.writing:
            return
        self.write_lock.acquire(session, self.evict)
        session.connection.begin()
        session.writing = True

    def commit(self, session: Session) -> None:
        """Commit the open transaction, if there is one."""
        session.in_transaction = False
        if session.writing:
            try:
                session.connection.commit()
            finally:
                session.writing = False
                self.write_lock.release(session)
        for work in session.after_commit:
            work()
        session.after_commit.clear()

    def roll_back(self, session: Session) -> None:
        """Roll back the open transaction, if there is one."""
        session.in_transaction = False
        session.after_commit.clear()
        if not session.writing:
            return
        try:
            session.connection.rollback()
        finally:
            session.writing = False
            self.write_lock.release(session)

    def evict(self, holder: Session, idle_limit: float) -> None:
        """Roll back a transaction that its client has left open while others wait for the lock."""
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
