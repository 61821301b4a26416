"""What statements may change, and the one role with a meaning here: READER, which may change nothing."""

import re

from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake.state.errors import SnowflakeError, syntax_error

READER = "READER"

_READS = (
    exp.Query,
    exp.Show,
    exp.Describe,
    exp.ListStage,
    exp.Get,
    exp.Set,
    exp.Transaction,
    exp.Commit,
    exp.Rollback,
)
# Snowflake allows these as whole statements only; other databases also allow them within queries.
_CHANGES = (exp.DML, exp.Create, exp.TruncateTable, exp.Command, exp.Into, exp.Returning)
# sqlglot leaves GET as text unless stage and folder are both quoted.
_READING_COMMAND = re.compile(r"GET\b", re.IGNORECASE)


def refuse_nested_changes(tree: Expr) -> None:
    """Refuse changes within statements, for example `WITH X AS (DELETE …)`, SELECT INTO and RETURNING."""
    for node in tree.find_all(*_CHANGES):
        if node is not tree and not isinstance(node.parent, exp.When):
            raise syntax_error(f"unexpected '{node.key.upper()}'.")


def check_reads_only(tree: Expr) -> None:
    """Refuse statements that change anything but the session, and statements that leave the role."""
    if any(column.table and column.name.upper() == "NEXTVAL" for column in tree.find_all(exp.Column)):
        raise _insufficient("NEXTVAL")
    reads = (
        isinstance(tree, _READS)
        or (isinstance(tree, exp.Use) and str(tree.args.get("kind") or "").upper() != "ROLE")
        or (isinstance(tree, exp.Alter) and tree.args.get("kind") == "SESSION")
        or (isinstance(tree, exp.Command) and _READING_COMMAND.match(tree.sql(dialect="snowflake")))
    )
    if not reads:
        raise _insufficient(tree.key.upper())


def _insufficient(what: str) -> SnowflakeError:
    return SnowflakeError(
        3001,
        "42501",
        f"SQL access control error: Insufficient privileges for {what}: the role {READER} is read-only.",
    )
