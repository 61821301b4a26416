"""One statement as a job, which always ends with a result or an error, also when it is cancelled."""

import logging
import threading
import time
import traceback
import uuid
from concurrent.futures import Future
from contextlib import suppress

import duckdb

from customer_analytics.embedded_snowflake.sql.masking import first_word, masked
from customer_analytics.embedded_snowflake.sql.statement import Statement
from customer_analytics.embedded_snowflake.sql.statements import run
from customer_analytics.embedded_snowflake.state import errors
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError
from customer_analytics.embedded_snowflake.state.results import Result
from customer_analytics.embedded_snowflake.state.session import Session
from customer_analytics.embedded_snowflake.state.statement_log import StatementLog

_log = logging.getLogger(__name__)
_ABANDON_SECONDS = 5.0
"""How long a cancelled statement may take to end before its client gets the error anyway. DuckDB interrupts a
statement only between vectors, and one call of a function may take minutes."""


class Job:
    """One statement: waiting, running, or done with a result or an error."""

    def __init__(self, statement: Statement, request_id: str, log: StatementLog) -> None:
        self.query_id = str(uuid.uuid4())
        self.request_id = request_id
        self.session: Session = statement.session
        self.future: Future[Result] = Future()
        self.future.set_running_or_notify_cancel()  # so that no caller can cancel it
        self.ended = threading.Event()
        """Set when the statement no longer runs; its client may have got an error before."""
        self.size = 0
        """Bytes of the result, once there is one."""
        self.delivered = False
        """Whether the result was sent to a client."""
        self.deadline: float | None = None
        self.cancelled_at: float | None = None
        self._statement = statement
        self._log = log
        self._started = False
        self._settled = False
        self._cancelled = threading.Event()
        self._why = errors.cancelled()
        self._lock = threading.Lock()

    def run(self) -> None:
        """Run the statement on its session's thread and settle the future, whatever happens."""
        if not self._start():
            return
        started = time.perf_counter()
        outcome: Result | SnowflakeError = SnowflakeError(370001, "XX000", "The statement did not end.")
        try:
            with self.session.statement_lock:
                outcome = self._outcome()
                if not self._statement.describe_only:
                    self.session.query_ids.append(self.query_id)
            self._record(outcome, (time.perf_counter() - started) * 1000)
        finally:
            self._settle(outcome)
            self._end()

    def cancel(self, why: SnowflakeError | None = None) -> None:
        """Make the statement end soon; one that has not started ends at once."""
        with self._lock:
            if self.cancelled_at is None:
                self.cancelled_at = time.monotonic()
                self._why = why or errors.cancelled()
            started = self._started
        self._cancelled.set()
        if started:
            self._statement.sessions.write_lock.wake(self.session)
            self._interrupt()
        else:
            self._settle(self._why)
            self._end()

    def enforce(self) -> None:
        """Cancel the statement at its deadline; interrupt it while it is cancelled, and abandon it in the end."""
        now = time.monotonic()
        if self.cancelled_at is None:
            if self.deadline is not None and now > self.deadline:
                self.cancel()
            return
        # Repeatedly, because DuckDB ignores an interrupt that arrives before it executes.
        self._interrupt()
        if now - self.cancelled_at > _ABANDON_SECONDS:
            self._settle(self._why)

    def _end(self) -> None:
        self._statement.discard()
        self.ended.set()

    def _start(self) -> bool:
        with self._lock:
            self._started = self.cancelled_at is None
            return self._started

    def _outcome(self) -> Result | SnowflakeError:
        session = self.session
        session.cancelled = self._cancelled
        with session.running_lock:
            session.running = self
        timeout = session.parameters.get("STATEMENT_TIMEOUT_IN_SECONDS")
        self.deadline = time.monotonic() + timeout if timeout else None
        try:
            return run(self._statement)
        except SnowflakeError as error:
            return self._why if error.errno == errors.CANCELLED else error
        except NotImplementedError as error:
            return errors.unsupported(str(error))
        except RecursionError:
            return errors.syntax_error(
                "the statement is nested too deeply; split it, for example with temporary tables"
            )
        except MemoryError:
            return SnowflakeError(300005, "53200", "The statement needs more memory than is available.")
        except BaseException as error:
            # A bug in the endpoint. The message may contain values, so only the places in the code are logged.
            _log.error("statement failed unexpectedly: %s\n%s", type(error).__name__, places(error))
            return SnowflakeError(
                370001, "XX000", f"Internal error of the embedded endpoint: {type(error).__name__}: {error}"
            )
        finally:
            with session.running_lock:
                session.running = None
            session.idle_since = time.monotonic()

    def _record(self, outcome: Result | SnowflakeError, milliseconds: float) -> None:
        error = outcome if isinstance(outcome, SnowflakeError) else None
        sql = self._statement.sql
        self._log.append(
            session=self.session.id,
            query_id=self.query_id,
            query_tag=self.session.query_tag,
            # Text that is not SQL may contain anything.
            sql=first_word(sql) if error is not None and error.errno == errors.SYNTAX_ERROR else masked(sql),
            rows=None if isinstance(outcome, SnowflakeError) else outcome.rows,
            milliseconds=round(milliseconds, 1),
            error=error.errno if error else None,
        )

    def _settle(self, outcome: Result | SnowflakeError) -> None:
        with self._lock:
            settled, self._settled = self._settled, True
        if settled:
            return
        if isinstance(outcome, SnowflakeError):
            self.future.set_exception(outcome)
        else:
            self.size = outcome.size
            self.future.set_result(outcome)

    def _interrupt(self) -> None:
        with self.session.running_lock:
            if self.session.running is self:
                with suppress(duckdb.Error):
                    self.session.connection.interrupt()


def places(error: BaseException) -> str:
    """The places in the code that raised an error, without its message, which may contain values."""
    return "".join(traceback.format_tb(error.__traceback__))
