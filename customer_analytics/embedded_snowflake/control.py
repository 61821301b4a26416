"""Statements beside queries, changes and definitions: transactions, session settings, SHOW, files of stages."""

import re

from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake import catalog, names, parameters, results, rewrites, stages, transfers
from customer_analytics.embedded_snowflake.errors import missing, syntax_error, unsupported
from customer_analytics.embedded_snowflake.results import Result
from customer_analytics.embedded_snowflake.session import Session
from customer_analytics.embedded_snowflake.statement import Statement

_SUCCESS = "Statement executed successfully."

# Access control and compute mean nothing here; the statements are accepted so that the same setup runs everywhere.
_NO_OPERATION = re.compile(
    r"(CREATE|ALTER|DROP)\s+(OR\s+REPLACE\s+)?(ROLE|USER|WAREHOUSE|RESOURCE\s+MONITOR|TAG)\b|(GRANT|REVOKE)\b"
    r"|ALTER\s+(DATABASE|SCHEMA|STAGE|TABLE)\s+.*\bSET\s+TAG\b",
    re.IGNORECASE | re.DOTALL,
)


def run(tree: Expr, statement: Statement) -> Result:
    """Carry out a statement that neither defines nor changes tables."""
    session, sessions = statement.session, statement.sessions
    if isinstance(tree, exp.Transaction):
        session.in_transaction = True
        return results.message(_SUCCESS, results.TRANSACTION)
    if isinstance(tree, exp.Commit):
        sessions.commit(session)
        return results.message(_SUCCESS, results.TRANSACTION)
    if isinstance(tree, exp.Rollback):
        session.lost_transaction = None
        sessions.roll_back(session)
        return results.message(_SUCCESS, results.TRANSACTION)
    if isinstance(tree, exp.Alter):
        return _alter_session(tree, statement)
    if isinstance(tree, exp.Set):
        return _set_variables(tree, session)
    names.fold_case(tree)
    if isinstance(tree, exp.Use):
        return _use(tree, statement)
    if isinstance(tree, exp.Show):
        sql = catalog.show(tree, statement.session.store.databases(), session.database, session.schema)
        return _rows(statement, sql)
    if isinstance(tree, exp.Describe):
        return _describe(tree, statement)
    if isinstance(tree, exp.ListStage):
        name, path = stages.parse_reference(tree.this.name, session)
        pattern = tree.args.get("pattern")
        stage = stages.find(name, session)
        return stages.list_files(stage, path, pattern.name if pattern is not None else None)
    if isinstance(tree, exp.Put):
        name, path = stages.parse_reference(transfers.put_target(tree, statement.sql, session), session)
        return transfers.put(stages.find(name, session), path, tree, statement.links)
    if isinstance(tree, exp.Get):
        name, path = stages.parse_reference(tree.args["target"].name, session)
        return transfers.get(stages.find(name, session), path, tree, statement.links)
    return _command(tree, statement)


def _rows(statement: Statement, sql: str) -> Result:
    return statement.sessions.read(statement.session.connection.sql(sql))


def _use(tree: exp.Use, statement: Statement) -> Result:
    session, store = statement.session, statement.session.store
    kind = (
        tree.args["kind"].name.upper()
        if isinstance(tree.args.get("kind"), exp.Var)
        else str(tree.args.get("kind") or "")
    )
    if kind == "WAREHOUSE":
        session.warehouse = tree.this.name
    elif kind == "ROLE":
        session.role = tree.this.name
    elif kind in ("DATABASE", "SCHEMA", ""):
        if kind == "DATABASE" or (not kind and not tree.this.db):
            database, schema = tree.this.name, "PUBLIC"
        else:
            database, schema = names.schema_name(tree.this, session)
        if not store.has_database(database):
            raise missing(database)
        if not store.has_schema(database, schema):
            raise missing(f"{database}.{schema}")
        session.database, session.schema = database, schema
    return results.message(_SUCCESS, results.SESSION)


def _alter_session(tree: exp.Alter, statement: Statement) -> Result:
    session = statement.session
    setting = tree.args["actions"][0]
    if not all(item.this for item in setting.expressions):
        raise syntax_error("ALTER SESSION sets or unsets at least one parameter")
    for item in setting.expressions:
        if setting.args.get("unset"):
            session.parameters.pop(item.this.name.upper(), None)
            continue
        name, node = item.this.this.name.upper(), item.this.expression
        value = parameters.checked(name, node.this if isinstance(node, exp.Boolean) else node.name)
        if name == "AUTOCOMMIT":
            statement.sessions.commit(session)
            session.autocommit = value
        else:
            parameters.keep(session.parameters, name, value)
    return results.message(_SUCCESS, results.SESSION)


def _set_variables(tree: exp.Set, session: Session) -> Result:
    for item in tree.expressions:
        session.variables[item.this.this.name.upper()] = item.this.expression.sql(dialect="snowflake")
    return results.message(_SUCCESS, results.SESSION)


def _describe(tree: exp.Describe, statement: Statement) -> Result:
    session = statement.session
    kind = str(tree.args.get("kind") or "TABLE").upper()
    if kind not in ("TABLE", "VIEW") or not isinstance(tree.this, exp.Table):
        raise unsupported(f"DESCRIBE {kind if isinstance(tree.this, exp.Table) else 'of a statement'}")
    name = names.full_name(tree.this, session)
    temporary = session.temporary_schema(*name[:2]) if names.is_temporary(name, session) else None
    result = _rows(statement, catalog.describe_table(*name, temporary))
    if not result.table.num_rows:
        raise missing(".".join(name))
    return result


def _command(tree: Expr, statement: Statement) -> Result:
    """Statements that sqlglot leaves as text."""
    session, sql = statement.session, statement.sql.strip().rstrip(";")
    if _NO_OPERATION.match(sql):
        return results.message(_SUCCESS)
    if match := re.fullmatch(r"(?:REMOVE|RM)\s+('[^']*'|@\S+)(?:\s+PATTERN\s*=\s*'(.*)')?", sql, re.IGNORECASE):
        name, path = stages.parse_reference(match[1], session)
        return stages.remove(stages.find(name, session), path, match[2])
    if match := re.fullmatch(r"ALTER\s+STAGE\s+(?:IF\s+EXISTS\s+)?(\S+)\s+REFRESH", sql, re.IGNORECASE):
        name, _ = stages.parse_reference(f"@{match[1]}", session)
        stage = stages.find(name, session)
        statement.sessions.commit(session)
        statement.sessions.begin_writing(session)
        try:
            result = stages.refresh(stage, session)
        except BaseException:
            statement.sessions.roll_back(session)
            raise
        statement.sessions.commit(session)
        return result
    if match := re.fullmatch(r"GET\s+('[^']*'|@\S+)\s+('[^']*'|\S+)(.*)", sql, re.IGNORECASE | re.DOTALL):
        # sqlglot reads GET only where both are quoted.
        quoted_sql = f"GET {_quote(match[1])} {_quote(match[2])}{match[3]}"
        return run(rewrites.parse(quoted_sql), statement)
    if re.match(r"START\s+TRANSACTION\b", sql, re.IGNORECASE):
        return run(exp.Transaction(), statement)
    raise unsupported(" ".join(sql.split()[:3]) + " …")


def _quote(text: str) -> str:
    return text if text.startswith("'") else f"'{text}'"
