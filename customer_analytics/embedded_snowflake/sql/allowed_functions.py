"""The functions that statements may call: Snowflake's, and the DuckDB functions that implement them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake.state.errors import unknown_function


def _listed(file: str) -> frozenset[str]:
    lines = Path(__file__).with_name(file).read_text(encoding="utf-8").splitlines()
    return frozenset(name for line in lines if not line.startswith("#") for name in line.split())


SNOWFLAKE = _listed("snowflake_functions.txt")
"""Snowflake's functions, in upper case."""

DUCKDB = _listed("duckdb_functions.txt")
"""The DuckDB functions that rewritten statements call, in lower case."""


def snowflake_only(builders: Mapping[str, Any]) -> dict[str, Any]:
    """A parser's functions without those of other dialects, which it then parses as anonymous calls."""
    return {name: builder for name, builder in builders.items() if name in SNOWFLAKE}


def check_calls(tree: Expr) -> None:
    """Refuse calls of functions that Snowflake lacks, and calls by a qualified or computed name."""
    for call in tree.find_all(exp.Func, exp.DynamicIdentifier):
        if isinstance(call, exp.Anonymous) and call.name.upper() not in SNOWFLAKE:
            raise unknown_function(call.name)
        if isinstance(call.parent, exp.Dot) and call.arg_key == "expression":
            raise unknown_function(call.parent.this.name + "." + call.name)
        if isinstance(call.parent, exp.Table) and call.parent.db:
            raise unknown_function(f"{call.parent.db}.{call.name or call.key}")
        if isinstance(call, exp.DynamicIdentifier) and call.expressions:
            raise unknown_function(call.name)
