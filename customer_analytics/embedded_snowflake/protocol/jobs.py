"""The statements of all sessions as jobs, found by their request ids and query ids."""

import threading
import time
from collections import OrderedDict
from functools import partial

from customer_analytics.embedded_snowflake.protocol.job import Job
from customer_analytics.embedded_snowflake.protocol.memory_watch import MemoryWatch
from customer_analytics.embedded_snowflake.sql.statement import Statement
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError
from customer_analytics.embedded_snowflake.state.limits import EndpointLimits
from customer_analytics.embedded_snowflake.state.results import Result
from customer_analytics.embedded_snowflake.state.session import Session
from customer_analytics.embedded_snowflake.state.statement_log import StatementLog

_KEPT_JOBS = 500
"""Number of jobs to keep; up to twice as many while their results are small enough."""
_CHECK_SECONDS = 0.05


class Jobs:
    """Waiting, running and recent statements."""

    def __init__(self, log: StatementLog, limits: EndpointLimits) -> None:
        self.log = log
        self._max_bytes = limits.result_bytes
        self._memory = MemoryWatch(limits.memory_megabytes)
        self._by_request: OrderedDict[tuple[int, str], Job] = OrderedDict()
        self._by_query: dict[str, Job] = {}
        self._kept_bytes = 0
        self._unfinished: set[Job] = set()
        self._lock = threading.Lock()
        self._busy = threading.Event()
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def submit(self, statement: Statement, request_id: str) -> Job:
        """Start the statement; a repeated request gets the job that the first one started."""
        key = (statement.session.id, request_id)
        with self._lock:
            if known := self._by_request.get(key):
                statement.discard()
                return known
            job = Job(statement, request_id, self.log)
            self._by_request[key] = self._by_query[job.query_id] = job
            self._unfinished.add(job)
        self._busy.set()
        try:
            statement.session.queue.put(job)
        except SnowflakeError:
            job.cancel()
            with self._lock:
                self._drop(job)
            raise
        job.future.add_done_callback(lambda _: self._keep(job))
        return job

    def by_query(self, query_id: str) -> Job:
        """The job of a query id; raises SnowflakeError if there is none."""
        if job := self._by_query.get(query_id):
            return job
        raise SnowflakeError(709, "02000", f"Statement {query_id} not found")

    def result_of(self, query_id: str) -> Result:
        """The result of a finished statement."""
        job = self.by_query(query_id)
        if not job.future.done():
            raise SnowflakeError(709, "02000", f"Statement {query_id} has not finished; wait for it first.")
        return job.future.result()

    def cancel(self, session: Session, request_id: str) -> Job | None:
        """Cancel the statement of a request, if there is one."""
        if job := self._by_request.get((session.id, request_id)):
            job.cancel()
        return job

    def close(self, seconds: float) -> bool:
        """Cancel all statements; return whether all ended in time."""
        with self._lock:
            unfinished = list(self._unfinished)
        for job in unfinished:
            job.cancel()
        deadline = time.monotonic() + seconds
        return all([job.ended.wait(max(0.0, deadline - time.monotonic())) for job in unfinished])

    def _watch(self) -> None:
        while self._busy.wait():
            with self._lock:
                self._unfinished = {job for job in self._unfinished if not job.ended.is_set()}
                unfinished = list(self._unfinished)
                if not unfinished:
                    self._busy.clear()
            for job in unfinished:
                job.enforce()
            self._memory.check(partial(_cancel, unfinished))
            time.sleep(_CHECK_SECONDS)

    def _keep(self, job: Job) -> None:
        """Keep a result, and drop others if there are too many; delivered ones first."""
        with self._lock:
            self._kept_bytes += job.size
            if len(self._by_request) <= 2 * _KEPT_JOBS and self._kept_bytes <= self._max_bytes:
                return
            done = [job for job in self._by_request.values() if job.future.done()]
            for other in sorted(done, key=lambda job: not job.delivered):
                if len(self._by_request) <= _KEPT_JOBS and self._kept_bytes <= self._max_bytes:
                    return
                self._drop(other)
                self._kept_bytes -= other.size

    def _drop(self, job: Job) -> None:
        self._by_request.pop((job.session.id, job.request_id), None)
        self._by_query.pop(job.query_id, None)


def _cancel(jobs: list[Job], why: SnowflakeError) -> None:
    for job in jobs:
        job.cancel(why)
