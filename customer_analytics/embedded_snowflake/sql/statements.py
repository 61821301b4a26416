"""Running one statement: parse it, check it, plan its work by kind, and carry that out."""

import duckdb
from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake.sql import (
    bindings,
    control,
    copy_into,
    ddl,
    dml,
    names,
    privileges,
    queries,
    rewrites,
)
from customer_analytics.embedded_snowflake.sql.statement import Statement
from customer_analytics.embedded_snowflake.sql.work import Work, carry_out, message
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError, from_duckdb, is_fatal
from customer_analytics.embedded_snowflake.state.results import Result
from customer_analytics.embedded_snowflake.state.session import Session


def run(statement: Statement) -> Result:
    """Run the statement; raises SnowflakeError."""
    session, sessions = statement.session, statement.sessions
    try:
        with sessions.passing(session):
            tree = rewrites.parse(statement.sql)
            _report_losses(session, tree)
            if session.role == privileges.READER:
                privileges.check_reads_only(tree)
            if statement.bound.values:
                bindings.bind(tree, statement.bound.values)
            tree = tree.transform(names.identifier_function, copy=False)
            return carry_out(_plan(tree, statement), session, sessions)
    except duckdb.Error as error:
        if is_fatal(error):
            sessions.store.broken = str(error).split("\n")[0]
        raise from_duckdb(error) from error


def _report_losses(session: Session, tree: Expr) -> None:
    """Raise once what the session has lost since its last statement."""
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
            f"A fatal error of the warehouse has removed temporary tables ({', '.join(lost)}): create them again.",
        )


def _plan(tree: Expr, statement: Statement) -> Work:
    session = statement.session
    if isinstance(tree, exp.Query):
        return Work(lambda _: queries.run(tree, statement))
    if statement.describe_only:
        return message()
    if isinstance(tree, exp.Copy):
        return copy_into.plan(tree, session)
    if isinstance(tree, exp.Insert | exp.Update | exp.Delete | exp.Merge | exp.TruncateTable):
        return dml.plan(rewrites.prepare(tree, session), statement.bound.rows)
    if isinstance(tree, exp.Create | exp.Drop | exp.Alter | exp.Comment) and tree.args.get("kind") != "SESSION":
        statement.sessions.commit(session)
        names.fold_case(tree)
        return ddl.plan(tree, session)
    return control.plan(tree, statement)
