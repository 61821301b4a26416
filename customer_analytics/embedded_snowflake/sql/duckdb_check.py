"""A check of each statement as DuckDB's own parser reads it, just before it runs.

The Snowflake tree was checked before. This finds what a rewrite or a difference between the parsers let through.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import duckdb
from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake.sql.allowed_functions import DUCKDB
from customer_analytics.embedded_snowflake.state.errors import missing, syntax_error, unknown_function, unsupported

OWN_TABLES = frozenset({"_source", "_rows", "_file"})
"""Unqualified names that the endpoint itself uses in statements."""

_FOREIGN_DATABASES = frozenset({"system", "temp", "memory"})
_FOREIGN_SCHEMAS = frozenset({"main", "information_schema", "pg_catalog"})
_QUERY_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_CHANGES: dict[type[Expr], str] = {
    exp.Insert: "INSERT_QUERY_NODE",
    exp.Update: "UPDATE_QUERY_NODE",
    exp.Delete: "DELETE_QUERY_NODE",
}
_CHANGE = "_change"


def check(tree: Expr, sql: str) -> None:
    """Refuse functions, tables and statements that clients may not use; `sql` is the tree in DuckDB's SQL."""
    nodes = list(_nodes(_parsed(_as_query(tree, sql))))
    names = OWN_TABLES | {str(node["key"]) for node in nodes if "key" in node}
    for node in nodes:
        _check_names(node, names)
    kinds = Counter(str(node.get("type")) for node in nodes)
    changes = [kind for kind in kinds.elements() if kind.endswith("_NODE") and kind not in _QUERY_NODES]
    expected = [_CHANGES[type(tree)]] if type(tree) in _CHANGES else []
    if changes != expected or kinds["SHOW_REF"]:
        raise syntax_error("unexpected statement within a statement")


def _check_names(node: dict[str, Any], names: frozenset[str]) -> None:
    kind, path = node.get("type"), (node.get("qualified_name") or {}).get("path", [])
    if "function_name" in node and not _is_function(path):
        raise unknown_function(".".join(path))
    if kind in ("BASE_TABLE", "INSERT_QUERY_NODE") and not _is_table(path, names):
        raise missing(".".join(path))


def _is_function(path: list[str]) -> bool:
    is_operator = re.search(r"\w", path[0]) is None
    return len(path) == 1 and (is_operator or path[0].lower() in DUCKDB)


def _is_table(path: list[str], names: frozenset[str]) -> bool:
    if len(path) == 1:
        return path[0] in names
    database, schema = path[0].lower(), path[-2].lower()
    return len(path) == 3 and database not in _FOREIGN_DATABASES and schema not in _FOREIGN_SCHEMAS


def _as_query(tree: Expr, sql: str) -> str:
    """A query that contains the statement or fragment, because DuckDB serializes queries only."""
    if isinstance(tree, exp.Query):
        return sql
    if type(tree) in _CHANGES:
        return f"WITH {_CHANGE} AS ({sql} RETURNING 1) SELECT 1"
    if isinstance(tree, exp.Merge):
        query = exp.select(*_merge_parts(tree)).from_(tree.args["using"].copy())
        return query.sql(dialect="duckdb", comments=False)
    if isinstance(tree, exp.DataType):
        return f"SELECT CAST(NULL AS {sql})"
    if isinstance(tree, exp.AlterColumn):
        kind, parts = tree.args.get("dtype"), [tree.args.get("using"), tree.args.get("default")]
        cast = [exp.cast(exp.Null(), kind.copy())] if kind is not None else []
        return exp.select(1, *cast, *(part.copy() for part in parts if part)).sql(dialect="duckdb", comments=False)
    return f"SELECT {sql}"


def _merge_parts(merge: exp.Merge) -> Iterator[Expr]:
    yield merge.args["on"].copy()
    for when in merge.args["whens"].expressions:
        if (condition := when.args.get("condition")) is not None:
            yield condition.copy()
        then = when.args["then"]
        if isinstance(then, exp.Insert) and then.expression:
            yield then.expression.copy()
        elif isinstance(then, exp.Update):
            yield from (assignment.expression.copy() for assignment in then.expressions)


def _parsed(query: str) -> Any:
    with _parser().cursor() as cursor:
        options = "skip_null := true, skip_empty := true"
        (text,) = cursor.execute(f"SELECT json_serialize_sql(?, {options})", [query]).fetchall()[0]
    tree = json.loads(text)
    if tree["error"]:
        if tree["error_type"] == "not implemented":
            raise unsupported("this form of statement")
        raise syntax_error(tree["error_message"].splitlines()[0])
    if len(tree["statements"]) != 1:
        raise syntax_error("more than one statement")
    return tree


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(":memory:", config={"threads": 1, "enable_external_access": False})


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
