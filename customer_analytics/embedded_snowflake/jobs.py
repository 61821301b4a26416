"""Statements as jobs: run on threads, waited for, retried, cancelled and looked up by their ids."""

import logging
import threading
import time
import uuid
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor, wait

from customer_analytics.embedded_snowflake.errors import SnowflakeError, cancelled, unsupported
from customer_analytics.embedded_snowflake.results import Result
from customer_analytics.embedded_snowflake.session import Session
from customer_analytics.embedded_snowflake.statement import Statement
from customer_analytics.embedded_snowflake.statement_log import StatementLog
from customer_analytics.embedded_snowflake.statements import run

_log = logging.getLogger(__name__)
_KEPT_JOBS = 500
_KEPT_BYTES = 256 * 1024 * 1024


class Job:
    """One statement: running, or done with a result or an error."""

    def __init__(self, statement: Statement, request_id: str, log: StatementLog) -> None:
        self.query_id = str(uuid.uuid4())
        self.request_id = request_id
        self.statement = statement
        self.future: Future[Result] = Future()
        self._log = log
        self._cancelled = threading.Event()

    @property
    def session(self) -> Session:
        """The session that the statement belongs to."""
        return self.statement.session

    def run(self) -> None:
        """Carry out the statement when the session's statement before it is done."""
        session = self.session
        with session.statement_lock:
            started = time.perf_counter()
            session.running = self
            session.cancelled = self._cancelled
            timeout = float(session.parameters.get("STATEMENT_TIMEOUT_IN_SECONDS") or 0)
            timer = threading.Timer(timeout, self.cancel) if timeout > 0 else None
            if timer is not None:
                timer.start()
            try:
                if self._cancelled.is_set():
                    raise cancelled()
                result: Result | SnowflakeError = run(self.statement)
            except SnowflakeError as error:
                result = error
            except NotImplementedError as error:
                result = unsupported(str(error))
            except Exception as error:
                # A defect of the endpoint; the client must hear of it at once, as an error of the statement.
                _log.exception("statement failed unexpectedly: %s", self.statement.sql)
                result = SnowflakeError(
                    370001, "XX000", f"Internal error of the embedded endpoint: {type(error).__name__}: {error}"
                )
            finally:
                if timer is not None:
                    timer.cancel()
                with session.running_lock:
                    session.running = None
                session.idle_since = time.monotonic()
            if not self.statement.describe_only:
                session.query_ids.append(self.query_id)
            failed = result if isinstance(result, SnowflakeError) else None
            self._log.append(
                session=session.id,
                query_id=self.query_id,
                query_tag=session.query_tag,
                sql=self.statement.sql,
                rows=None if isinstance(result, SnowflakeError) else result.rows,
                milliseconds=(time.perf_counter() - started) * 1000,
                error=failed.errno if failed else None,
            )
        if isinstance(result, SnowflakeError):
            self.future.set_exception(result)
        else:
            self.future.set_result(result)

    def cancel(self) -> None:
        """Interrupt the statement, and return when it has ended."""
        self._cancelled.set()
        # Again and again, because DuckDB forgets an interrupt that comes before it has begun to execute.
        while not self.future.done():
            with self.session.running_lock:
                if self.session.running is self:
                    self.session.connection.interrupt()
            wait([self.future], timeout=0.1)


class Jobs:
    """The statements that run and those that ran lately."""

    def __init__(self, log: StatementLog) -> None:
        self._log = log
        self._pool = ThreadPoolExecutor(max_workers=64, thread_name_prefix="statement")
        self._by_request: OrderedDict[str, Job] = OrderedDict()
        self._by_query: dict[str, Job] = {}
        self._kept_bytes: dict[str, int] = {}
        self._lock = threading.Lock()

    def submit(self, statement: Statement, request_id: str) -> Job:
        """Start the statement; a request that was seen before gets the job that it has started then."""
        with self._lock:
            if known := self._by_request.get(request_id):
                return known
            job = Job(statement, request_id, self._log)
            self._by_request[request_id] = job
            self._by_query[job.query_id] = job
            self._forget_oldest()
        job.future.add_done_callback(lambda _: self._weigh(job))
        self._pool.submit(job.run)
        return job

    def by_query(self, query_id: str) -> Job:
        """The job of a query id."""
        if job := self._by_query.get(query_id):
            return job
        raise SnowflakeError(709, "02000", f"Statement {query_id} not found")

    def cancel(self, request_id: str) -> None:
        """Interrupt the statement of a request, if it still runs."""
        if job := self._by_request.get(request_id):
            job.cancel()

    def close(self) -> None:
        """Interrupt what runs and wait for it."""
        for job in list(self._by_query.values()):
            job.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _weigh(self, job: Job) -> None:
        with self._lock:
            if job.request_id in self._by_request and job.future.exception() is None:
                self._kept_bytes[job.request_id] = int(job.future.result().table.nbytes)

    def _forget_oldest(self) -> None:
        kept_bytes = sum(self._kept_bytes.values())
        if len(self._by_request) <= _KEPT_JOBS and kept_bytes <= _KEPT_BYTES:
            return
        for request_id, job in list(self._by_request.items()):
            if len(self._by_request) <= _KEPT_JOBS and kept_bytes <= _KEPT_BYTES:
                return
            if job.future.done():
                kept_bytes -= self._kept_bytes.pop(request_id, 0)
                del self._by_request[request_id]
                del self._by_query[job.query_id]
