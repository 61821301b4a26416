"""Statements other than queries, changes and definitions: transactions, session settings, SHOW, stage files."""

import re
from collections.abc import Callable

from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake.sql import ddl, names, parameters, rewrites, stage_statements, transfers
from customer_analytics.embedded_snowflake.sql.statement import Statement
from customer_analytics.embedded_snowflake.sql.work import SUCCESS, Reach, Work, message
from customer_analytics.embedded_snowflake.state import catalog, results, stages
from customer_analytics.embedded_snowflake.state.errors import missing, syntax_error, unsupported
from customer_analytics.embedded_snowflake.state.results import Result


def plan(tree: Expr, statement: Statement) -> Work:
    """The work of a statement that neither defines nor changes tables."""
    if not isinstance(tree, exp.Alter | exp.Set):
        names.fold_case(tree)
    run = _KINDS.get(type(tree))
    if run is None:
        return _plan_text(statement)
    return Work(lambda _: run(tree, statement))


def _begin(tree: Expr, statement: Statement) -> Result:
    statement.session.in_transaction = True
    return results.message(SUCCESS, results.TRANSACTION)


def _commit(tree: Expr, statement: Statement) -> Result:
    statement.sessions.commit(statement.session)
    return results.message(SUCCESS, results.TRANSACTION)


def _roll_back(tree: Expr, statement: Statement) -> Result:
    statement.session.lost_transaction = None
    statement.sessions.roll_back(statement.session)
    return results.message(SUCCESS, results.TRANSACTION)


def _use(tree: Expr, statement: Statement) -> Result:
    session, store = statement.session, statement.session.store
    kind = tree.args.get("kind") or ""
    kind = str(getattr(kind, "name", kind)).upper()  # sqlglot has text for SECONDARY ROLES, a node for others
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
    return results.message(SUCCESS, results.SESSION)


def _alter_session(tree: Expr, statement: Statement) -> Result:
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
    return results.message(SUCCESS, results.SESSION)


def _set_variables(tree: Expr, statement: Statement) -> Result:
    for item in tree.expressions:
        statement.session.variables[item.this.this.name.upper()] = item.this.expression.sql(dialect="snowflake")
    return results.message(SUCCESS, results.SESSION)


def _show(tree: Expr, statement: Statement) -> Result:
    session = statement.session
    return _rows(statement, catalog.show(tree, session.store.databases(), session.database, session.schema))


def _describe(tree: Expr, statement: Statement) -> Result:
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


def _rows(statement: Statement, sql: str) -> Result:
    return statement.sessions.read(statement.session.connection.sql(sql))


def _list(tree: Expr, statement: Statement) -> Result:
    stage, path = stages.find_path(tree.this.name, statement.session)
    pattern = tree.args.get("pattern")
    return stage_statements.list_files(stage, path, pattern.name if pattern is not None else None)


def _put(tree: Expr, statement: Statement) -> Result:
    target = transfers.put_target(tree, statement.sql, statement.session)
    return transfers.put(*stages.find_path(target, statement.session), tree, statement.links)


def _get(tree: Expr, statement: Statement) -> Result:
    return transfers.get(*stages.find_path(tree.args["target"].name, statement.session), tree, statement.links)


_KINDS: dict[type[Expr], Callable[[Expr, Statement], Result]] = {
    exp.Transaction: _begin,
    exp.Commit: _commit,
    exp.Rollback: _roll_back,
    exp.Alter: _alter_session,
    exp.Set: _set_variables,
    exp.Use: _use,
    exp.Show: _show,
    exp.Describe: _describe,
    exp.ListStage: _list,
    exp.Put: _put,
    exp.Get: _get,
}


def _plan_text(statement: Statement) -> Work:
    """The work of a statement that sqlglot leaves as text."""
    sql = statement.sql.strip().rstrip(";")
    for pattern, planned in _TEXTS.items():
        if match := re.fullmatch(pattern, sql, re.IGNORECASE | re.DOTALL):
            return planned(match, statement)
    raise unsupported(" ".join(sql.split()[:3]) + " …")


def _remove(match: re.Match[str], statement: Statement) -> Work:
    return Work(lambda _: stage_statements.remove_files(*stages.find_path(match[1], statement.session), match[2]))


def _refresh(match: re.Match[str], statement: Statement) -> Work:
    stage, _ = stages.find_path(f"@{match[1]}", statement.session)
    statement.sessions.commit(statement.session)
    return Work(lambda _: stage_statements.refresh(stage, statement.session), Reach.OBJECTS)


def _get_unquoted(match: re.Match[str], statement: Statement) -> Work:
    """GET, which sqlglot reads only where stage and folder are both quoted."""
    stage, folder = (text if text.startswith("'") else f"'{text}'" for text in (match[1], match[2]))
    return plan(rewrites.parse(f"GET {stage} {folder}{match[3]}"), statement)


_TEXTS: dict[str, Callable[[re.Match[str], Statement], Work]] = {
    rf"(?:CREATE|ALTER|DROP)\s+(?:OR\s+REPLACE\s+)?(?:{'|'.join(ddl.IGNORED)})\b.*": lambda *_: message(),
    r"(?:GRANT|REVOKE)\b.*": lambda *_: message(),
    r"ALTER\s+(?:DATABASE|SCHEMA|STAGE|TABLE)\s+.*\bSET\s+TAG\b.*": lambda *_: message(),
    r"(?:REMOVE|RM)\s+('[^']*'|@\S+)(?:\s+PATTERN\s*=\s*'(.*)')?": _remove,
    r"ALTER\s+STAGE\s+(?:IF\s+EXISTS\s+)?(\S+)\s+REFRESH": _refresh,
    r"GET\s+('[^']*'|@\S+)\s+('[^']*'|\S+)(.*)": _get_unquoted,
    r"START\s+TRANSACTION\b.*": lambda _, statement: plan(exp.Transaction(), statement),
}
