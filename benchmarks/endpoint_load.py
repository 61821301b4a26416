"""Measure how long readers of the embedded endpoint wait while other sessions write, queue and load.

    python -m benchmarks.endpoint_load [--seconds 10] [--writers 80] [--queued 70]

Starts an endpoint on an empty state folder. Under each load, one process repeatedly reads three rows in one
session, and another opens a new session for each read. Prints the median, 95th percentile and maximum of both in
milliseconds.
"""

import multiprocessing
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.synchronize import Event, Semaphore
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import click
import snowflake.connector
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import Error

from customer_analytics.embedded_snowflake import Endpoint, ensure_running, stop

READ = "SELECT N, NAME FROM SMALL ORDER BY N LIMIT 3"
AGGREGATE = (
    "SELECT COUNT(DISTINCT HASH(A.N, B.N)) FROM LARGE A, (SELECT N FROM SMALL LIMIT 3) B WHERE A.N % 97 <> {}"
)
MERGE = """MERGE INTO LARGE T USING (SELECT N, N * 2 AS X FROM LARGE WHERE N % 2 = 0) S ON T.N = S.N
    WHEN MATCHED THEN UPDATE SET X = S.X WHEN NOT MATCHED THEN INSERT (N, X) VALUES (S.N, S.X)"""
REPLACE = "CREATE OR REPLACE TABLE COPIED AS SELECT N, X, 'text ' || N AS T FROM LARGE"

INSERT = "INSERT INTO WRITTEN VALUES (?)"
BOUND = [(number,) for number in range(300_000)]


def connect(arguments: dict[str, Any]) -> SnowflakeConnection:
    """A session with timeouts that exceed the duration of the load."""
    patient = {"network_timeout": 600, "session_parameters": {"LOCK_TIMEOUT": 600}}
    where = {"database": "LOAD", "schema": "PUBLIC", "paramstyle": "qmark"}
    return snowflake.connector.connect(**{**arguments, **patient, **where})


def read(arguments: dict[str, Any], new_session: bool, begun: Semaphore, end: Event, times: Any) -> None:
    """Read until the event is set; put the milliseconds of each read into the queue."""
    begun.release()
    taken: list[float] = []
    with ExitStack() as stack:
        connection = None if new_session else stack.enter_context(connect(arguments))
        while not taken or not end.is_set():
            started = time.perf_counter()
            with ExitStack() as once:
                reader = connection or once.enter_context(connect(arguments))
                assert len(reader.cursor().execute(READ).fetchall()) == 3
            taken.append((time.perf_counter() - started) * 1000)
            time.sleep(0.01)
    times.put((new_session, taken))


@contextmanager
def in_threads(works: list[Callable[[], None]]) -> Iterator[None]:
    """Run the functions in threads during the block; errors of closed sessions are ignored."""

    def quietly(work: Callable[[], None]) -> None:
        try:
            work()
        except Error:
            return

    threads = [threading.Thread(target=quietly, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()


@contextmanager
def nothing(arguments: dict[str, Any], count: int) -> Iterator[None]:
    yield


@contextmanager
def waiting_writers(arguments: dict[str, Any], count: int) -> Iterator[None]:
    """One session holds the write lock; `count` others wait for it."""
    with ExitStack() as stack:
        holder = stack.enter_context(connect(arguments))
        holder.cursor().execute("BEGIN")
        holder.cursor().execute("UPDATE SMALL SET NAME = 'changed'")
        ended = threading.Event()

        def hold() -> None:
            while not ended.wait(3):  # an idle holder would lose its transaction
                holder.cursor().execute("UPDATE SMALL SET NAME = 'changed'")
            holder.cursor().execute("ROLLBACK")

        def write() -> None:
            with connect(arguments) as writer:
                writer.cursor().execute("INSERT INTO WRITTEN VALUES (1)")

        with in_threads([hold, *[write] * count]):
            time.sleep(3)
            yield
            ended.set()


@contextmanager
def queued_statements(arguments: dict[str, Any], count: int) -> Iterator[None]:
    """One session has `count` pending statements."""
    with connect(arguments) as connection:
        for number in range(count):
            connection.cursor().execute_async(AGGREGATE.format(number))
        yield


def repeatedly(statement: Callable[[SnowflakeConnection], object]) -> Any:
    """One session repeats the statement."""

    @contextmanager
    def load(arguments: dict[str, Any], count: int) -> Iterator[None]:
        ended = threading.Event()

        def work() -> None:
            with connect(arguments) as connection:
                while not ended.is_set():
                    statement(connection)

        with in_threads([work]):
            yield
            ended.set()

    return load


def measure(endpoint: Endpoint, seconds: float) -> dict[bool, list[float]]:
    """Milliseconds of the reads in one session (False), and of the reads in new sessions (True)."""
    context = multiprocessing.get_context("spawn")
    begun, end, times = context.Semaphore(0), context.Event(), context.Queue()
    readers = [
        context.Process(target=read, args=(endpoint.connection_args, new_session, begun, end, times))
        for new_session in (False, True)
    ]
    for reader in readers:
        reader.start()
    for _ in readers:
        begun.acquire()
    time.sleep(seconds)
    end.set()
    found = dict(times.get(timeout=300) for _ in readers)
    for reader in readers:
        reader.join()
    return found


@click.command()
@click.option("--seconds", default=10.0, show_default=True, help="Duration of each load.")
@click.option("--writers", default=80, show_default=True, help="Sessions waiting for the write lock.")
@click.option("--queued", default=70, show_default=True, help="Asynchronous statements in one session.")
@click.option("--rows", default=3_000_000, show_default=True, help="Rows of the merged and copied table.")
def main(seconds: float, writers: int, queued: int, rows: int) -> None:
    """Measure how long readers of the endpoint wait while other sessions write, queue and load."""
    loads: list[tuple[str, Any, int]] = [
        ("no load", nothing, 0),
        (f"{writers} sessions wait to write", waiting_writers, writers),
        (f"{queued} statements of one session", queued_statements, queued),
        ("one session merges", repeatedly(lambda c: c.cursor().execute(MERGE)), 1),
        ("one session replaces a table", repeatedly(lambda c: c.cursor().execute(REPLACE)), 1),
        ("one session inserts bound rows", repeatedly(lambda c: c.cursor().executemany(INSERT, BOUND)), 1),
    ]
    with tempfile.TemporaryDirectory() as folder:
        endpoint = ensure_running(Path(folder))
        try:
            with snowflake.connector.connect(**endpoint.connection_args) as connection:
                numbers = "SEQ4() AS N FROM TABLE(GENERATOR(ROWCOUNT => {}))"
                for statement in (
                    "CREATE DATABASE LOAD",
                    f"CREATE TABLE SMALL AS SELECT 'name' AS NAME, {numbers.format(1000)}",
                    f"CREATE TABLE LARGE AS SELECT 0 AS X, {numbers.format(rows)}",
                    "CREATE TABLE WRITTEN (N INT)",
                ):
                    connection.cursor().execute(statement)
            print(f"{'load':<32} {'read in one session':>30} {'new session per read':>30}")
            for name, load, count in loads:
                with load(endpoint.connection_args, count):
                    found = measure(endpoint, seconds)
                print(f"{name:<32} {_figures(found[False]):>30} {_figures(found[True]):>30}", flush=True)
        finally:
            stop(Path(folder))


def _figures(times: list[float]) -> str:
    """Median, 95th percentile and maximum."""
    p95 = quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
    return f"{median(times):.0f} / {p95:.0f} / {max(times):.0f} ms"


if __name__ == "__main__":
    main()
