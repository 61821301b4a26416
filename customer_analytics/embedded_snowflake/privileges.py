"""What statements may change, and the one role that means something here: READER, which may change nothing."""

import re

from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake.errors import SnowflakeError, syntax_error

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
# What Snowflake takes as a whole statement only; other databases also within queries.
_CHANGES = (exp.DML, exp.Create, exp.TruncateTable, exp.Command, exp.Into, exp.Returning)
# sqlglot leaves GET as text where not both of its places are quoted.
_READING_COMMAND = re.compile(r"GET\b", re.IGNORECASE)


def check_changes_on_top(tree: Expr) -> None:
    """Refuse data-changing parts of statements, such as `WITH X AS (DELETE …)`, SELECT INTO and RETURNING."""
    for node in tree.find_all(*_CHANGES):
        if node is not tree and not isinstance(node.parent, exp.When):
            raise syntax_error(f"unexpected '{node.key.upper()}'.")


def check_reads_only(tree: Expr) -> None:
    """Refuse what changes anything but the session itself, and also leaving the role."""
    if any(column.table and column.name.upper() == "NEXTVAL" for column in tree.find_all(exp.Column)):
        raise _insufficient("NEXTVAL")
    if isinstance(tree, _READS):
        return
    if isinstance(tree, exp.Use) and str(tree.args.get("kind") or "").upper() != "ROLE":
        return
    if isinstance(tree, exp.Alter) and tree.args.get("kind") == "SESSION":
        return
    if isinstance(tree, exp.Command) and _READING_COMMAND.match(tree.sql(dialect="snowflake")):
        return
    raise _insufficient(tree.key.upper())


def _insufficient(what: str) -> SnowflakeError:
    return SnowflakeError(
        3001,
        "42501",
        f"SQL access control error: Insufficient privileges for {what}: the role {READER} only reads.",
    )
