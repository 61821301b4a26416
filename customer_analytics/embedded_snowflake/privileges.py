"""The one role that means something here: READER, which may look at everything and change nothing."""

import re

from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake.errors import SnowflakeError

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
# sqlglot leaves GET as text where not both of its places are quoted.
_READING_COMMAND = re.compile(r"GET\b", re.IGNORECASE)


def check_reads_only(tree: Expr) -> None:
    """Refuse what changes anything but the session itself, and also leaving the role."""
    if isinstance(tree, _READS):
        return
    if isinstance(tree, exp.Use) and str(tree.args.get("kind") or "").upper() != "ROLE":
        return
    if isinstance(tree, exp.Alter) and tree.args.get("kind") == "SESSION":
        return
    if isinstance(tree, exp.Command) and _READING_COMMAND.match(tree.sql(dialect="snowflake")):
        return
    raise SnowflakeError(
        3001,
        "42501",
        f"SQL access control error: Insufficient privileges for {tree.key.upper()}: the role {READER} only reads.",
    )
