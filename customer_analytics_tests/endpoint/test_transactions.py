"""Transactions, autocommit and the lock that makes writers take turns."""

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import snowflake.connector
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import ProgrammingError

from customer_analytics.embedded_snowflake import Endpoint

Connect = Callable[..., SnowflakeConnection]


@pytest.fixture
def connect(endpoint: Endpoint) -> Iterator[Connect]:
    """Opens connections to a fresh schema with a table T of one column N."""
    with ExitStack() as stack:

        def connect(**arguments: Any) -> SnowflakeConnection:
            return stack.enter_context(
                snowflake.connector.connect(
                    **{**endpoint.connection_args, "database": "TRANSACTIONS", "schema": "PUBLIC", **arguments}
                )
            )

        cursor = connect().cursor()
        cursor.execute("CREATE DATABASE IF NOT EXISTS TRANSACTIONS")
        cursor.execute("CREATE OR REPLACE TABLE TRANSACTIONS.PUBLIC.T (N INT NOT NULL)")
        yield connect


def rows(connection: SnowflakeConnection) -> list[int]:
    return sorted(n for (n,) in connection.cursor().execute("SELECT N FROM T").fetchall())


def run(connection: SnowflakeConnection, *statements: str) -> None:
    for statement in statements:
        connection.cursor().execute(statement)


def test_others_see_changes_only_after_the_commit(connect: Connect) -> None:
    writer, reader = connect(), connect()
    run(writer, "BEGIN", "INSERT INTO T VALUES (1)", "INSERT INTO T VALUES (2)")
    assert (rows(writer), rows(reader)) == ([1, 2], [])
    run(writer, "COMMIT")
    assert rows(reader) == [1, 2]
    run(writer, "BEGIN TRANSACTION", "DELETE FROM T", "ROLLBACK")
    assert (rows(writer), rows(reader)) == ([1, 2], [1, 2])


def test_commit_and_rollback_without_a_transaction_succeed(connect: Connect) -> None:
    run(connect(), "COMMIT", "ROLLBACK", "START TRANSACTION", "COMMIT")


def test_ddl_commits_the_open_transaction(connect: Connect) -> None:
    writer = connect()
    run(writer, "BEGIN", "INSERT INTO T VALUES (1)", "CREATE OR REPLACE TABLE U (N INT)")
    assert rows(connect()) == [1]
    run(writer, "INSERT INTO T VALUES (2)", "ROLLBACK")
    assert rows(writer) == [1, 2]


@pytest.mark.parametrize("how", ["connector", "session parameter", "statement"])
def test_without_autocommit_changes_wait_for_the_commit(connect: Connect, how: str) -> None:
    arguments: dict[str, Any] = {"connector": {"autocommit": False}}.get(how, {})
    if how == "session parameter":
        arguments = {"session_parameters": {"AUTOCOMMIT": False, "CLIENT_TELEMETRY_ENABLED": False}}
    writer, reader = connect(**arguments), connect()
    if how == "statement":
        run(writer, "ALTER SESSION SET AUTOCOMMIT = FALSE")
    run(writer, "INSERT INTO T VALUES (1)")
    assert rows(reader) == []
    writer.rollback()
    run(writer, "INSERT INTO T VALUES (2)")
    writer.commit()
    assert rows(reader) == [2]
    run(writer, "INSERT INTO T VALUES (3)", "ALTER SESSION SET AUTOCOMMIT = TRUE", "INSERT INTO T VALUES (4)")
    assert rows(reader) == [2, 3, 4]


def test_closing_a_session_rolls_back(connect: Connect) -> None:
    writer = connect()
    run(writer, "BEGIN", "INSERT INTO T VALUES (1)")
    writer.close()
    assert rows(connect()) == []


def test_reads_do_not_wait_for_a_writer(connect: Connect) -> None:
    writer, reader = connect(), connect()
    run(writer, "BEGIN", "INSERT INTO T VALUES (1)")
    run(reader, "BEGIN")
    assert rows(reader) == []


def test_invalid_statement_leaves_the_transaction_open(connect: Connect) -> None:
    writer = connect()
    run(writer, "BEGIN", "INSERT INTO T VALUES (1)")
    for wrong in ("SELECT * FROM NOPE", "INSERT INTO NOPE VALUES (1)", "SELEC", "UPDATE T SET WRONG = 1"):
        with pytest.raises(ProgrammingError):
            run(writer, wrong)
    run(writer, "INSERT INTO T VALUES (2)", "COMMIT")
    assert rows(connect()) == [1, 2]


def test_change_that_fails_on_its_rows_ends_the_transaction_and_says_so(connect: Connect) -> None:
    writer = connect()
    run(writer, "BEGIN", "INSERT INTO T VALUES (1)")
    with pytest.raises(ProgrammingError, match="not recognized"):
        run(writer, "INSERT INTO T SELECT X::INT FROM (SELECT 'x' AS X)")
    with pytest.raises(ProgrammingError, match="transaction of this session was rolled back, because a statement"):
        run(writer, "COMMIT")
    run(writer, "INSERT INTO T VALUES (3)")
    assert rows(connect()) == [3]


def test_transaction_reads_what_others_committed_before_its_first_write(connect: Connect) -> None:
    one, other = connect(), connect()
    run(one, "INSERT INTO T VALUES (0)", "BEGIN")
    assert rows(one) == [0]
    run(other, "UPDATE T SET N = N + 1")
    run(one, "UPDATE T SET N = N + 1", "COMMIT")
    assert rows(one) == [2]


def test_writer_waits_for_the_writer_before_it(connect: Connect) -> None:
    one, other = connect(), connect()
    run(one, "INSERT INTO T VALUES (0)", "BEGIN", "UPDATE T SET N = N + 1")
    waiting = threading.Thread(target=run, args=(other, "UPDATE T SET N = N + 10"))
    waiting.start()
    time.sleep(0.3)
    assert waiting.is_alive()
    run(one, "COMMIT")
    waiting.join(timeout=10)
    assert rows(one) == [11]


def test_waiting_for_the_lock_ends_with_an_error(connect: Connect) -> None:
    one, other = connect(), connect()
    run(one, "BEGIN", "INSERT INTO T VALUES (1)")
    run(other, "ALTER SESSION SET LOCK_TIMEOUT = 1")
    with pytest.raises(ProgrammingError, match="LOCK_TIMEOUT") as error:
        run(other, "INSERT INTO T VALUES (2)")
    assert error.value.errno == 625
    run(one, "COMMIT")
    assert rows(other) == [1]


def test_idle_transaction_gives_way_to_a_waiting_writer(connect: Connect) -> None:
    one, other = connect(), connect()
    run(one, "BEGIN", "INSERT INTO T VALUES (1)")
    run(other, "INSERT INTO T VALUES (2)")  # waits until the endpoint takes the first one for dead
    assert rows(other) == [2]
    with pytest.raises(ProgrammingError, match="was rolled back, because it was idle"):
        run(one, "COMMIT")
    run(one, "INSERT INTO T VALUES (3)")
    assert rows(other) == [2, 3]


def add_one(arguments: dict[str, Any], times: int, in_transaction: bool) -> None:
    with snowflake.connector.connect(**arguments, database="COUNTERS", schema="PUBLIC") as connection:
        cursor = connection.cursor()
        for _ in range(times):
            if in_transaction:
                cursor.execute("BEGIN")
            cursor.execute("UPDATE COUNTER SET N = N + 1")
            if in_transaction:
                cursor.execute("COMMIT")


@pytest.mark.parametrize("in_transaction", [False, True], ids=["autocommit", "transaction"])
def test_four_processes_adding_one_200_times_make_800(endpoint: Endpoint, in_transaction: bool) -> None:
    with snowflake.connector.connect(**endpoint.connection_args) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE DATABASE IF NOT EXISTS COUNTERS")
        cursor.execute("CREATE OR REPLACE TABLE COUNTERS.PUBLIC.COUNTER AS SELECT 0 AS N")
        context = multiprocessing.get_context("spawn")
        arguments = (endpoint.connection_args, 200, in_transaction)
        processes = [context.Process(target=add_one, args=arguments) for _ in range(4)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0] * 4
        assert cursor.execute("SELECT N FROM COUNTERS.PUBLIC.COUNTER").fetchall() == [(800,)]
