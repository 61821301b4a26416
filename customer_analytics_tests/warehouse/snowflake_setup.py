"""The setup script for a Snowflake account, as its statements and grants."""

import re
from pathlib import Path
from typing import NamedTuple

import sqlglot
from sqlglot import exp

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "snowflake_setup.sql"
# What sqlglot leaves as text: roles, users and grants on many objects at once.
_TEXT = re.compile(
    r"CREATE (ROLE|USER) IF NOT EXISTS \w+\s|GRANT ROLE \w+ TO (ROLE|USER) \w+$"
    r"|GRANT (?P<privilege>SELECT|READ) ON (?P<which>(ALL|FUTURE) (TABLES|STAGES)) IN SCHEMA (?P<on>[\w.]+) TO ROLE (?P<role>\w+)$"
)


class Grant(NamedTuple):
    privilege: str
    on: str
    role: str


def statements() -> list[exp.Expr]:
    return [tree for tree in sqlglot.parse(SCRIPT.read_text(), dialect="snowflake") if tree is not None]


def grants() -> set[Grant]:
    """Each privilege on an object, such as `SCHEMA CUSTOMER_ANALYTICS.ANALYTICS`; raises for what it cannot read."""
    found = set()
    for tree in statements():
        sql = tree.sql(dialect="snowflake", comments=False)
        if isinstance(tree, exp.Grant):
            (privilege,), (role,) = tree.args["privileges"], tree.args["principals"]
            on = f"{tree.args['kind']} {tree.args['securable'].sql(dialect='snowflake')}"
            found.add(Grant(privilege.sql(), on, role.name))
        elif isinstance(tree, exp.Command):
            match = _TEXT.match(sql)
            assert match, f"the script has a statement that is not understood: {sql}"
            if match["privilege"]:
                found.add(Grant(match["privilege"], f"{match['which']} IN SCHEMA {match['on']}", match["role"]))
    return found
