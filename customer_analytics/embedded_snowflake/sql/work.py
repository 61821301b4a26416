"""Work: a statement that is ready to run, and the one way to carry it out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

import duckdb

from customer_analytics.embedded_snowflake.state import results
from customer_analytics.embedded_snowflake.state.engine import execute, transaction
from customer_analytics.embedded_snowflake.state.results import Result
from customer_analytics.embedded_snowflake.state.session import Session
from customer_analytics.embedded_snowflake.state.sessions import Sessions

SUCCESS = "Statement executed successfully."


class Reach(Enum):
    """What a statement may change; this decides its lock and its transaction."""

    SESSION = auto()
    """Nothing but the session: no lock, no transaction."""
    TEMPORARY = auto()
    """Temporary objects, which only this session sees: no lock, a transaction of one statement."""
    ROWS = auto()
    """Rows of tables: the write lock, and the session's open transaction if it has one."""
    OBJECTS = auto()
    """Tables, schemas and stages: the write lock and, as Snowflake's DDL, a transaction of one statement."""
    DATABASES = auto()
    """Whole databases: the write lock and no transaction, because DuckDB attaches files outside of one only."""


@dataclass
class Work:
    """A statement whose names are resolved."""

    run: Callable[[duckdb.DuckDBPyConnection], Result]
    reach: Reach = Reach.SESSION
    checks: Sequence[str] = ()
    """SQL to validate first where an open transaction would be lost by an error."""


def message(text: str = SUCCESS, statement_type: int = results.DDL) -> Work:
    """Work that only returns a message."""
    return Work(lambda _: results.message(text, statement_type))


def carry_out(work: Work, session: Session, sessions: Sessions) -> Result:
    """Run the work with the lock and the transaction that its reach needs."""
    if work.reach is Reach.SESSION:
        return work.run(session.connection)
    if work.reach is Reach.TEMPORARY:
        return _on_temporary_objects(work, session, sessions)
    if work.reach is Reach.DATABASES:
        sessions.wait_to_write(session)
        try:
            return work.run(session.connection)
        finally:
            sessions.write_lock.release(session)
    return _in_transaction(work, session, sessions)


def _on_temporary_objects(work: Work, session: Session, sessions: Sessions) -> Result:
    if session.in_transaction:
        # A DuckDB transaction writes to one database only, and temporary tables are in another.
        with session.connection.cursor() as cursor, transaction(cursor):
            return work.run(cursor)
    with transaction(session.connection):
        result = work.run(session.connection)
    sessions.commit(session)
    return result


def _in_transaction(work: Work, session: Session, sessions: Sessions) -> Result:
    stays_open = work.reach is Reach.ROWS and (session.in_transaction or not session.autocommit)
    if stays_open:
        preflight(session, work.checks)
    sessions.begin_writing(session)
    try:
        result = work.run(session.connection)
    except BaseException as error:
        sessions.roll_back(session)
        if stays_open:
            session.lost_transaction = f"a statement in it failed ({error})"
        raise
    if stays_open:
        session.in_transaction = True
    else:
        sessions.commit(session)
    return result


def preflight(session: Session, checks: Sequence[str]) -> None:
    """Validate SQL on another connection.

    Any error rolls back DuckDB's open transaction, while Snowflake keeps it. Errors found here leave it open.
    """
    with session.connection.cursor() as cursor:
        for sql in checks:
            execute(cursor, f"EXPLAIN {sql}")
