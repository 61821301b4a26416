"""What is known of Snowflake's SQL beyond what the endpoint accepts, to hold captured statements against."""

import logging
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects.snowflake import Snowflake
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token, TokenType

from customer_analytics.embedded_snowflake.sql.allowed_functions import SNOWFLAKE

# sqlglot leaves these as text, and warns of each.
_COMMANDS = ("REMOVE ", "GET ", "ALTER STAGE ")
logging.getLogger("sqlglot").setLevel(logging.ERROR)
# What may stand before a parenthesis and is no function: clauses, operators and types.
_CLAUSES = """ALL AND AS BETWEEN BY ELSE EXISTS FROM IN INTO JOIN NOT ON OR OVER SELECT SET TABLE THEN UNION USING
    VALUES WHEN WHERE WITH"""
_TYPES = "ARRAY BINARY FLOAT NUMBER STRING TIMESTAMP_LTZ TIMESTAMP_NTZ TIMESTAMP_TZ VARCHAR"
_WORDS = {*_CLAUSES.split(), *_TYPES.split()}
_NAMES = {TokenType.IDENTIFIER, TokenType.STRING}
_KINDS = (
    *(exp.Query, exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.TruncateTable, exp.Copy, exp.Put, exp.Get),
    *(exp.Create, exp.Drop, exp.Alter, exp.Comment, exp.Grant, exp.Transaction, exp.Commit, exp.Rollback),
    *(exp.Use, exp.Set, exp.Show, exp.Describe, exp.ListStage),
)
_DEFINITIONS = (exp.Create, exp.Drop, exp.Alter, exp.Comment, exp.TruncateTable)


def problems(statements: Iterable[dict[str, Any]]) -> Iterator[str]:
    """What Snowflake would not take, or not as the endpoint does, in statements of its log."""
    in_transaction: set[int] = set()
    for statement in statements:
        sql, session = statement["sql"], statement["session"]
        try:
            tree = sqlglot.parse_one(sql, dialect="snowflake")
        except SqlglotError as error:
            yield f"cannot be parsed ({str(error).splitlines()[0]}): {sql}"
            continue
        is_command = isinstance(tree, exp.Command) and sql.lstrip().upper().startswith(_COMMANDS)
        if not is_command and not isinstance(tree, _KINDS):
            yield f"is no statement of Snowflake that sqlglot knows: {sql}"
        for name in called(sql) - SNOWFLAKE:
            yield f"calls {name}, which is not among Snowflake's functions: {sql}"
        if isinstance(tree, exp.Transaction):
            in_transaction.add(session)
        elif isinstance(tree, exp.Commit | exp.Rollback):
            in_transaction.discard(session)
        elif session in in_transaction and isinstance(tree, _DEFINITIONS) and tree.args.get("kind") != "SESSION":
            yield f"would commit the open transaction: {sql}"


def called(sql: str) -> set[str]:
    """The functions in a statement by the names that are written, which sqlglot's tree no longer has."""
    tokens = Snowflake().tokenize(sql)
    return {
        name.text.upper()
        for before, (name, following) in zip([None, *tokens], pairwise(tokens), strict=False)
        if following.token_type is TokenType.L_PAREN and _is_call(before, name)
    }


def _is_call(before: Token | None, name: Token) -> bool:
    if name.token_type in _NAMES or name.text.upper() in _WORDS or not name.text[0].isalpha():
        return False
    # INSERT INTO T (A), CREATE TABLE IF NOT EXISTS S.T (A NUMBER)
    return before is None or before.text.upper() not in ("INTO", "TABLE", "EXISTS", ".")
