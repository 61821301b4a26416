"""Names in statements: case, current database and schema, temporary tables, information schema."""

from collections.abc import Iterator

from sqlglot import Expr, exp
from sqlglot.errors import SqlglotError

from customer_analytics.embedded_snowflake.state import catalog
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError, missing, syntax_error, unsupported
from customer_analytics.embedded_snowflake.state.session import Name, Session
from customer_analytics.embedded_snowflake.state.store import HIDDEN_SCHEMAS, OWN_DATABASES, TEMPORARY


def fold_case(tree: Expr) -> None:
    """Upper-case unquoted identifiers, as Snowflake does, and quote them all."""
    for identifier in tree.find_all(exp.Identifier):
        if not identifier.args.get("quoted"):
            identifier.set("this", identifier.name.upper())
            identifier.set("quoted", True)


def identifier_function(node: Expr) -> Expr:
    """Replace `IDENTIFIER('name')` by the name."""
    called = node.this if isinstance(node, exp.Table) else None
    if isinstance(called, exp.DynamicIdentifier):
        argument = called.this
    elif isinstance(called, exp.Anonymous) and called.name.upper() == "IDENTIFIER":
        argument = called.expressions[0]
    else:
        return node
    try:
        table = exp.to_table(argument.name, dialect="snowflake")
    except SqlglotError:
        table = exp.Table()
    if not table.parts or not all(isinstance(part, exp.Identifier) for part in table.parts):
        raise syntax_error(f"invalid identifier '{argument.name}'")
    table.set("alias", node.args.get("alias"))
    return table


def full_name(table: exp.Table, session: Session) -> Name:
    """Database, schema and name of an object in a statement."""
    database = table.catalog or session.database
    if database is None:
        raise _none_is_current("database")
    schema = table.db or (session.schema if not table.catalog else "PUBLIC")
    if schema is None:
        raise _none_is_current("schema")
    if database.lower() in OWN_DATABASES or schema.lower() in HIDDEN_SCHEMAS:
        raise missing(".".join((database, schema, table.name)))
    return database, schema, table.name


def schema_name(table: exp.Table, session: Session) -> tuple[str, str]:
    """Database and schema of `[database.]schema`, which sqlglot reads as table or as schema of a table."""
    parts = [part.name for part in table.parts]
    schema, database = parts[-1], parts[-2] if len(parts) > 1 else session.database
    if database is None:
        raise _none_is_current("database")
    return database, schema


def _none_is_current(kind: str) -> SnowflakeError:
    return SnowflakeError(
        90105 if kind == "database" else 90106,
        "22000",
        f"Cannot perform operation. This session does not have a current {kind}. Call 'USE {kind.upper()}', or "
        "use a qualified name.",
    )


def is_temporary(name: Name, session: Session) -> bool:
    """Whether the name refers to a temporary table or view of the session."""
    return name in session.temporary_tables


def physical(name: Name, session: Session) -> exp.Table:
    """The DuckDB table or view behind a name."""
    if is_temporary(name, session):
        return temporary(name, session)
    return exp.table_(*name[::-1], quoted=True)


def temporary(name: Name, session: Session) -> exp.Table:
    """The DuckDB table or view behind the name of a temporary one."""
    return exp.table_(name[2], session.temporary_schema(*name[:2]), TEMPORARY, quoted=True)


def resolve(tree: Expr, session: Session) -> None:
    """Qualify every table with its full DuckDB name, and columns with their table's name only."""
    for table in list(_tables(tree)):
        if table.db == "INFORMATION_SCHEMA" or (session.schema == "INFORMATION_SCHEMA" and not table.db):
            database = table.catalog or session.database
            if database is not None and database.lower() in OWN_DATABASES:
                raise missing(f"{database}.INFORMATION_SCHEMA.{table.name}")
            table.replace(catalog.information_schema(table, database))
            continue
        _replace_name(table, physical(full_name(table, session), session))
    for column in tree.find_all(exp.Column):
        if column.args.get("db"):
            column.set("db", None)
            column.set("catalog", None)


def _tables(tree: Expr) -> Iterator[exp.Table]:
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Literal | exp.Var | exp.Placeholder):
            raise unsupported(f"files in FROM ({table.this.sql(dialect='snowflake')}); load them with COPY INTO")
        if isinstance(table.this, exp.Identifier) and not (not table.db and _is_cte(table)):
            yield table


def _is_cte(table: exp.Table) -> bool:
    """Whether the name refers to a common table expression in scope, and not to a table."""
    child: Expr = table
    node = table.parent
    while node is not None:
        ctes: list[Expr] = []
        if isinstance(node, exp.With):
            # Within a WITH, a query sees the ones before it, and itself if it is recursive.
            position = node.expressions.index(child)
            ctes = node.expressions[: position + bool(node.args.get("recursive"))]
        elif node.args.get("with_") not in (None, child):
            ctes = node.args["with_"].expressions
        if any(cte.alias == table.name for cte in ctes):
            return True
        child, node = node, node.parent
    return False


def _replace_name(table: exp.Table, target: exp.Table) -> None:
    for part in ("this", "db", "catalog"):
        table.set(part, target.args[part])
