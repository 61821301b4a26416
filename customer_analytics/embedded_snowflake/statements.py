"""Running one statement: which kind it is, what it may do to the transaction, and who carries it out."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa
from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake import (
    bindings,
    control,
    copy_into,
    ddl,
    dml,
    names,
    nullability,
    privileges,
    results,
    rewrites,
    stages,
)
from customer_analytics.embedded_snowflake.errors import SnowflakeError, from_duckdb, is_fatal, unsupported
from customer_analytics.embedded_snowflake.results import Result
from customer_analytics.embedded_snowflake.session import Session
from customer_analytics.embedded_snowflake.statement import Statement
from customer_analytics.embedded_snowflake.store import execute, transaction


def run(statement: Statement) -> Result:
    """Carry out the statement; raises SnowflakeError."""
    sessions = statement.sessions
    try:
        with sessions.passing(statement.session):
            return _run(statement)
    except duckdb.Error as error:
        if is_fatal(error):
            sessions.store.broken = str(error).split("\n")[0]
        raise from_duckdb(error) from error


def _run(statement: Statement) -> Result:
    session = statement.session
    tree = rewrites.parse(statement.sql)
    if session.lost_transaction is not None and not isinstance(tree, exp.Rollback):
        reason, session.lost_transaction = session.lost_transaction, None
        raise SnowflakeError(
            90232,
            "25000",
            f"The open transaction of this session was rolled back, because {reason}; begin it again.",
        )
    if session.lost_tables:
        lost, session.lost_tables = session.lost_tables, []
        raise SnowflakeError(
            2003,
            "42S02",
            f"A fatal error of the warehouse has taken temporary tables ({', '.join(lost)}): create them again.",
        )
    if session.role == privileges.READER:
        privileges.check_reads_only(tree)
    if statement.rows is None and statement.bindings:
        bindings.bind(tree, statement.bindings)
    tree = tree.transform(names.identifier_function, copy=False)
    if isinstance(tree, exp.Query):
        return _query(tree, statement)
    if statement.describe_only:
        return results.message("Statement executed successfully.")
    if isinstance(tree, exp.Insert | exp.Update | exp.Delete | exp.Merge | exp.TruncateTable | exp.Copy):
        return _change(tree, statement)
    if isinstance(tree, exp.Create | exp.Drop | exp.Alter | exp.Comment) and not _is_session_setting(tree):
        return _define(tree, statement)
    return control.run(tree, statement)


def _is_session_setting(tree: Expr) -> bool:
    return isinstance(tree, exp.Alter) and tree.args.get("kind") == "SESSION"


def _query(tree: exp.Query, statement: Statement) -> Result:
    session = statement.session
    connection = session.connection
    if (scanned := _result_scan(tree)) is not None and statement.result_of is not None:
        return statement.result_of(scanned)
    if statement.describe_only:
        for placeholder in list(tree.find_all(exp.Placeholder)):
            placeholder.replace(exp.Null())
    prepared = rewrites.prepare(tree, session)
    not_null = frozenset[str]()
    if statement.describe_only:
        not_null = nullability.not_null_columns(prepared, lambda table: _table_columns(table, connection))
    sql = rewrites.to_duckdb(prepared)
    _preflight(sql, session)
    with _reading_only(session):
        relation = connection.sql(sql)
        if statement.describe_only:
            types = [str(kind) for kind in relation.types]
            nothing = pa.table([pa.nulls(0)] * len(types), names=relation.columns)
            return Result(nothing, types, results.SELECT, None, not_null)
        return statement.sessions.read(relation)


@contextmanager
def _reading_only(session: Session) -> Iterator[None]:
    """For a reader, a transaction in which DuckDB writes nothing, whatever the query calls."""
    if session.role != privileges.READER or session.writing:
        yield
        return
    execute(session.connection, "BEGIN TRANSACTION READ ONLY")
    try:
        yield
    finally:
        session.connection.rollback()


def _table_columns(table: exp.Table, connection: duckdb.DuckDBPyConnection) -> nullability.Columns:
    sql = """SELECT column_name, NOT is_nullable FROM duckdb_columns()
        WHERE database_name = ? AND schema_name = ? AND table_name = ? ORDER BY column_index"""
    return [(name, bool(fixed)) for name, fixed in execute(connection, sql, [table.catalog, table.db, table.name])]


def _result_scan(tree: exp.Query) -> str | None:
    """The query id of `SELECT * FROM TABLE(RESULT_SCAN('<id>'))`."""
    function = tree.find(exp.TableFromRows)
    call = function.this if function is not None else None
    if isinstance(call, exp.Anonymous) and call.name.upper() == "RESULT_SCAN" and tree.is_star:
        return call.expressions[0].name if isinstance(call.expressions[0], exp.Literal) else None
    return None


def _preflight(sql: str, session: Session) -> None:
    """Find out on another connection whether the statement is valid.

    Any error rolls back DuckDB's open transaction, while Snowflake keeps it; so what can be foreseen is.
    """
    if session.writing:
        with session.connection.cursor() as cursor:
            execute(cursor, f"EXPLAIN {sql}")


def _change(tree: Expr, statement: Statement) -> Result:
    session, sessions = statement.session, statement.sessions
    work = _change_work(tree, statement)
    temporary = work.temporary
    if temporary and not session.in_transaction:
        with transaction(session.connection):
            result = work.run(session.connection)
        sessions.commit(session)
        return result
    if temporary:
        # A DuckDB transaction writes to one database only, and temporary tables are in another.
        with session.connection.cursor() as cursor, transaction(cursor):
            return work.run(cursor)
    lasting = session.in_transaction or not session.autocommit
    if lasting:
        work.validate(session)
    sessions.begin_writing(session)
    try:
        result = work.run(session.connection)
    except BaseException as error:
        sessions.roll_back(session)
        if lasting:
            session.lost_transaction = f"a statement in it failed ({error})"
        raise
    if lasting:
        session.in_transaction = True
    else:
        sessions.commit(session)
    return result


def _change_work(tree: Expr, statement: Statement) -> dml.Work:
    session = statement.session
    if isinstance(tree, exp.Copy):
        return _copy(tree, statement)
    tree = rewrites.prepare(tree, session)
    return dml.work(tree, statement.rows)


def _copy(tree: exp.Copy, statement: Statement) -> dml.Work:
    session = statement.session
    names.fold_case(tree)
    target = tree.this
    columns = [column.name for column in target.expressions] if isinstance(target, exp.Schema) else []
    table = target.this if isinstance(target, exp.Schema) else target
    if isinstance(table.this, exp.Var):
        raise unsupported("COPY INTO a stage")
    name = names.full_name(table, session)
    source = tree.args["files"][0]
    options = copy_into.options(tree, session)
    select = source.this if isinstance(source, exp.Subquery) else None
    if select is not None:
        source = select.args["from_"].this
    stage_name, path = stages.parse_reference(source.this.name, session)
    load = copy_into.Load(
        names.physical(name, session), name, columns, select, stages.find(stage_name, session), path, options
    )
    return dml.Work(lambda c: copy_into.copy(load, session, c), names.is_temporary(name, session))


def _define(tree: Expr, statement: Statement) -> Result:
    """DDL: commits the open transaction, then is a transaction of its own."""
    session, sessions = statement.session, statement.sessions
    sessions.commit(session)
    names.fold_case(tree)
    work = ddl.work(tree, session)
    if work.temporary:
        result = work.run(session.connection)
        sessions.commit(session)
        return result
    if work.outside_transaction:
        sessions.wait_to_write(session)
        try:
            return work.run(session.connection)
        finally:
            sessions.write_lock.release(session)
    sessions.begin_writing(session)
    try:
        result = work.run(session.connection)
    except BaseException:
        sessions.roll_back(session)
        raise
    sessions.commit(session)
    return result
