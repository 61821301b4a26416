"""Readers never wait for those who wait."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from snowflake.connector.errors import ProgrammingError

from customer_analytics.embedded_snowflake import Endpoint, EndpointLimits
from customer_analytics_tests.attacks.served import connect, served

PATIENT = {"network_timeout": 120, "session_parameters": {"LOCK_TIMEOUT": 120}, "database": "FAIR"}
HEAVY = (
    "SELECT COUNT(DISTINCT HASH(A.X, {})) FROM (SELECT SEQ8() AS X FROM TABLE(GENERATOR(ROWCOUNT => 4000000))) A"
)
SOON = 5.0
"""Seconds; a read takes milliseconds, on a busy machine too."""


@pytest.fixture(scope="module")
def fair(endpoint: Endpoint) -> Iterator[Endpoint]:
    """The endpoint, with a table T of the numbers 0 to 999."""
    with connect(endpoint) as connection:
        connection.cursor().execute("CREATE DATABASE IF NOT EXISTS FAIR")
        numbers = "SELECT SEQ4() AS N FROM TABLE(GENERATOR(ROWCOUNT => 1000))"
        connection.cursor().execute(f"CREATE OR REPLACE TABLE FAIR.PUBLIC.T AS {numbers}")
        yield endpoint


def longest_read(endpoint: Endpoint, reads: int = 5) -> float:
    """Seconds of the slowest of some reads, each in a session of its own."""
    taken = []
    for _ in range(reads):
        began = time.monotonic()
        with connect(endpoint, database="FAIR", network_timeout=120) as reader:
            assert reader.cursor().execute("SELECT COUNT(*) FROM T").fetchone() == (1000,)
        taken.append(time.monotonic() - began)
    return max(taken)


def test_readers_do_not_wait_for_writers_that_wait(fair: Endpoint) -> None:
    with connect(fair, **PATIENT) as holder:
        holder.cursor().execute("BEGIN")
        holder.cursor().execute("UPDATE T SET N = N")
        writers = [connect(fair, **PATIENT) for _ in range(100)]
        for writer in writers:
            writer.cursor().execute_async("UPDATE T SET N = N")
        assert longest_read(fair) < SOON
        holder.cursor().execute("ROLLBACK")
        for writer in writers:
            writer.close()


def test_readers_do_not_wait_for_another_sessions_queue(fair: Endpoint) -> None:
    with connect(fair, **PATIENT) as busy:
        ids = []
        for number in range(100):
            cursor = busy.cursor()
            cursor.execute_async(HEAVY.format(number))
            ids.append(cursor.sfqid)
        assert longest_read(fair) < SOON
        assert busy.is_still_running(busy.get_query_status(ids[-1]))


def test_statements_that_wait_are_cancelled_at_once(fair: Endpoint) -> None:
    with connect(fair, **PATIENT) as holder, connect(fair, **PATIENT) as other:
        holder.cursor().execute("BEGIN")
        holder.cursor().execute("UPDATE T SET N = N")
        other.cursor().execute_async("UPDATE T SET N = N")  # waits for the lock
        began = time.monotonic()
        with pytest.raises(ProgrammingError, match="cancel"):
            other.cursor().execute("SELECT 1", timeout=1)  # waits for the statement before
        assert time.monotonic() - began < SOON
        other.close()
        assert time.monotonic() - began < 2 * SOON
        holder.cursor().execute("ROLLBACK")


def test_readers_do_not_wait_for_bound_rows(fair: Endpoint) -> None:
    rows = [(number,) for number in range(100_000)]
    with connect(fair, **PATIENT) as writer:
        writer.cursor().execute("CREATE OR REPLACE TEMPORARY TABLE BOUND (N INT)")
        inserting = threading.Thread(
            target=lambda: writer.cursor().executemany("INSERT INTO BOUND VALUES (?)", rows)
        )
        inserting.start()
        assert longest_read(fair) < 3 * SOON  # they share Python's lock with the writer
        inserting.join()
        assert writer.cursor().execute("SELECT COUNT(*) FROM BOUND").fetchone() == (100_000,)


def test_session_queues_so_many_statements_and_no_more(tmp_path: Path) -> None:
    with (
        served(tmp_path, EndpointLimits(queued_statements=5)) as endpoint,
        connect(endpoint, **PATIENT) as connection,
    ):
        connection.cursor().execute("CREATE DATABASE FAIR")
        with pytest.raises(ProgrammingError, match="5 waiting statements, which is the most"):
            for number in range(10):
                connection.cursor().execute_async(HEAVY.format(number))
        with connect(endpoint) as other:
            assert other.cursor().execute("SELECT 1").fetchone() == (1,)


def test_statements_of_one_session_run_in_the_order_in_which_they_came(fair: Endpoint) -> None:
    with connect(fair, **PATIENT) as connection:
        connection.cursor().execute("CREATE OR REPLACE TEMPORARY TABLE QUEUED (N INT)")
        for number in range(20):
            connection.cursor().execute_async(f"INSERT INTO QUEUED SELECT {number} + COUNT(*) * 100 FROM QUEUED")
        found = connection.cursor().execute("SELECT N FROM QUEUED ORDER BY N").fetchall()
        assert [n for (n,) in found] == [number + 100 * number for number in range(20)]
