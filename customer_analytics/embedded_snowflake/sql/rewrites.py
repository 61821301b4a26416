"""Translating a Snowflake statement to DuckDB, on sqlglot's trees."""

import re
from collections.abc import Callable
from typing import ClassVar

import sqlglot
from fakesnow import transforms
from sqlglot import Expr, exp
from sqlglot.dialects.snowflake import Snowflake
from sqlglot.parsers.snowflake import SnowflakeParser

from customer_analytics.embedded_snowflake.sql import (
    allowed_functions,
    duckdb_check,
    functions,
    names,
    privileges,
    stage_tables,
)
from customer_analytics.embedded_snowflake.state.budgets import too_much
from customer_analytics.embedded_snowflake.state.engine import quoted
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError, syntax_error
from customer_analytics.embedded_snowflake.state.limits import STATEMENT_TOKENS
from customer_analytics.embedded_snowflake.state.session import Session

SERVER_VERSION = transforms.SERVER_VERSION


class _SnowflakeDialect(Snowflake):
    """sqlglot's Snowflake without the syntax of other dialects."""

    class Tokenizer(Snowflake.Tokenizer):
        # `?::` is a Databricks operator, and hides the bind variable of `?::DATE`.
        KEYWORDS: ClassVar = {word: kind for word, kind in Snowflake.Tokenizer.KEYWORDS.items() if word != "?::"}

    class Parser(SnowflakeParser):
        FUNCTIONS: ClassVar = allowed_functions.snowflake_only(SnowflakeParser.FUNCTIONS)
        FUNCTION_PARSERS: ClassVar = allowed_functions.snowflake_only(SnowflakeParser.FUNCTION_PARSERS)
        NO_PAREN_FUNCTION_PARSERS: ClassVar = {
            word: parser for word, parser in SnowflakeParser.NO_PAREN_FUNCTION_PARSERS.items() if word != "IF"
        }


# Forms of statements that Snowpark sends and sqlglot does not parse.
_SCOPED = re.compile(r"^(\s*CREATE\s+(?:OR\s+REPLACE\s+)?)SCOPED\s+", re.IGNORECASE)
_LATE_IF_NOT_EXISTS = re.compile(
    r"""^(\s*CREATE\s+[\w\s]*?TABLE\s+)((?:"[^"]*"|[\w$.])+)\s+IF\s+NOT\s+EXISTS\b""", re.IGNORECASE
)


def parse(sql: str) -> Expr:
    """Parse a single statement that calls only Snowflake's functions; raises SnowflakeError on others."""
    sql = _LATE_IF_NOT_EXISTS.sub(r"\1IF NOT EXISTS \2", _SCOPED.sub(r"\1", sql))
    try:
        dialect = _SnowflakeDialect()
        tokens = dialect.tokenize(sql)
        if len(tokens) > STATEMENT_TOKENS:
            raise too_much(
                f"The statement has more than {STATEMENT_TOKENS:,} words, numbers and signs; bind its values, or "
                "load them from a stage."
            )
        trees = dialect.parser().parse(tokens, sql)
    except (sqlglot.ParseError, sqlglot.TokenError) as error:
        raise syntax_error(str(error).replace("\x1b[4m", "").replace("\x1b[0m", "")) from None
    statements = [tree for tree in trees if tree is not None and not isinstance(tree, exp.Semicolon)]
    if not statements:
        raise syntax_error("the statement is empty")
    if len(statements) > 1:
        raise SnowflakeError(
            8,
            "0A000",
            f"Actual statement count {len(statements)} did not match the desired statement count 1.",
        )
    privileges.refuse_nested_changes(statements[0])
    allowed_functions.check_calls(statements[0])
    return statements[0]


def prepare(tree: Expr, session: Session) -> Expr:
    """Resolve all names of a statement, leaving Snowflake's functions and syntax."""
    _name_columns(tree)
    tree = tree.transform(lambda node: _session_value(node, session), copy=False)
    names.fold_case(tree)
    tree = tree.transform(lambda node: _column(node, session), copy=False)
    names.resolve(tree, session)
    return tree.transform(lambda node: _table_function(node, session), copy=False)


def to_duckdb(tree: Expr) -> str:
    """DuckDB's SQL for a prepared statement or a part of one, checked for what clients may not use."""
    for rewrite in _REWRITES:
        tree = tree.transform(rewrite, copy=False)
    # DuckDB nests comments and Snowflake does not, so a comment could hide part of a statement from one of them.
    sql = tree.sql(dialect="duckdb", comments=False)
    duckdb_check.check(tree, sql)
    return sql


def _name_columns(tree: Expr) -> None:
    """Name computed columns by their text in upper case, as Snowflake does."""
    for select in list(tree.find_all(exp.Select)):
        # All at once, because each single replacement makes sqlglot scan the whole list.
        select.set("expressions", [_with_name(column) for column in select.expressions])


def _with_name(column: Expr) -> Expr:
    if isinstance(column, exp.Alias | exp.Column | exp.Star | exp.Aliases):
        return column
    name = column.sql(dialect="snowflake", comments=False).upper()
    return exp.alias_(column, name, quoted=True)


_SESSION_VALUES: dict[type[Expr] | str, Callable[[Session], str | None]] = {
    exp.CurrentDatabase: lambda session: session.database,
    exp.CurrentSchema: lambda session: session.schema,
    exp.CurrentWarehouse: lambda session: session.warehouse,
    exp.CurrentRole: lambda session: session.role,
    exp.CurrentUser: lambda session: session.user.upper(),
    exp.CurrentSession: lambda session: str(session.id),
    exp.CurrentVersion: lambda _: SERVER_VERSION,
    exp.CurrentAccount: lambda _: "EMBEDDED",
    "LAST_QUERY_ID": lambda session: session.query_ids[-1] if session.query_ids else None,
    # A session's statements run one after the other: while this one runs, there is no other to cancel.
    "SYSTEM$CANCEL_ALL_QUERIES": lambda _: "0 queries cancelled",
}
"""What statements can ask about their session: by sqlglot's node, or by the name of the function."""


def _session_value(node: Expr, session: Session) -> Expr:
    """Replace functions that describe the session, and its variables, by their values."""
    if isinstance(node, exp.Parameter) and isinstance(node.this, exp.Var):
        name = node.this.name.upper()
        if name not in session.variables:
            raise SnowflakeError(
                2211, "02000", f"SQL compilation error: error: Session variable '${name}' does not exist"
            )
        return parse(session.variables[name])
    key = node.name.upper() if isinstance(node, exp.Anonymous) else type(node)
    if key not in _SESSION_VALUES:
        return node
    value = _SESSION_VALUES[key](session)
    return exp.cast(exp.Literal.string(value) if value is not None else exp.Null(), "TEXT")


def _table_function(node: Expr, session: Session) -> Expr:
    if isinstance(node, exp.Table) and isinstance(node.this, exp.DirectoryStage):
        return stage_tables.directory(node.this.this.name, session).subquery(node.alias or "DIRECTORY")
    if not isinstance(node, exp.TableFromRows):
        return node
    call, alias = node.this, node.args.get("alias")
    if isinstance(call, exp.Generator):
        alias = alias or exp.TableAlias(this=exp.to_identifier("GENERATOR", quoted=True))
        alias.set("columns", [exp.to_identifier("_SEQ", quoted=True)])
        return exp.Table(this=exp.func("range", call.args["rowcount"]), alias=alias)
    if isinstance(call, exp.Anonymous) and call.name.upper() == "INFER_SCHEMA":
        arguments = {kwarg.this.name.upper(): kwarg.expression for kwarg in call.find_all(exp.Kwarg)}
        return stage_tables.infer_schema(arguments["LOCATION"].name, session).subquery("INFER_SCHEMA")
    return node


def _column(node: Expr, session: Session) -> Expr:
    if isinstance(node, exp.Parameter) and isinstance(node.this, exp.Literal):
        # `$1` of VALUES, whose columns are COLUMN1, COLUMN2, …
        return exp.column(f"COLUMN{node.this.name}", quoted=True)
    if isinstance(node, exp.Seq1 | exp.Seq2 | exp.Seq4 | exp.Seq8):
        return exp.column("_SEQ", quoted=True)
    if isinstance(node, exp.Column) and node.name == "NEXTVAL" and node.table:
        sequence = exp.table_(node.table, node.args.get("db"), node.args.get("catalog"))
        name = ".".join(map(quoted, names.full_name(sequence, session)))
        call = exp.func("nextval", exp.Literal.string(name))
        return call if isinstance(node.parent, exp.Alias) else exp.alias_(call, "NEXTVAL", quoted=True)
    return node


def _values_columns(node: Expr) -> Expr:
    """Name the columns of VALUES COLUMN1, COLUMN2 and so on, as Snowflake does."""
    if not (isinstance(node, exp.Values) and isinstance(node.parent, exp.From | exp.Join)):
        return node
    width = len(node.expressions[0].expressions)
    columns = [exp.to_identifier(f"COLUMN{i + 1}", quoted=True) for i in range(width)]
    alias = node.args.get("alias") or exp.TableAlias(this=exp.to_identifier("VALUES", quoted=True))
    if not alias.args.get("columns"):
        alias.set("columns", columns)
    node.set("alias", alias)
    return node


def _arrays(node: Expr) -> Expr:
    """Make an ARRAY JSON, because its elements may differ in type."""
    return exp.func("json_array", *node.expressions) if isinstance(node, exp.Array) else node


def _integers(node: Expr) -> Expr:
    """Make NUMBER(38, 0) BIGINT, with which DuckDB is several times faster than with DECIMAL(38, 0)."""
    return transforms.integer_precision(node) if isinstance(node, exp.DataType) else node


_REWRITES: tuple[Callable[[Expr], Expr], ...] = (
    _arrays,
    transforms.semi_structured_types,
    transforms.try_parse_json,
    transforms.split,
    # Casts to text must be rewritten before the extraction that they apply to.
    transforms.trim_cast_varchar,
    transforms.indices_to_json_extract,
    transforms.json_extract_cast_as_varchar,
    transforms.json_extract_cased_as_varchar,
    transforms.json_extract_precedence,
    transforms.flatten_value_cast_as_varchar,
    transforms.flatten,
    transforms.regex_replace,
    transforms.regex_substr,
    _values_columns,
    transforms.to_date,
    transforms.timestamp_offsets,
    transforms.to_decimal,
    transforms.to_variant,
    transforms.object_construct,
    transforms.timestamp_ntz,
    transforms.float_to_double,
    _integers,
    transforms.sample,
    transforms.array_size,
    transforms.random,
    transforms.array_agg_within_group,
    transforms.array_agg,
    transforms.object_agg,
    transforms.array_construct_etc,
    transforms.datediff_string_literal_timestamp_cast,
    transforms.hex_string,
    transforms.sha256,
    transforms.alias_in_join,
    functions.rewrite,
)
