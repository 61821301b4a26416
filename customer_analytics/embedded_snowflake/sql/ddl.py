"""CREATE, DROP, ALTER and COMMENT."""

from functools import partial

import duckdb
from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake.sql import create_table, file_formats, names, rewrites, stage_statements
from customer_analytics.embedded_snowflake.sql.work import SUCCESS, Reach, Work, message
from customer_analytics.embedded_snowflake.state import errors, results, stages
from customer_analytics.embedded_snowflake.state.engine import execute, literal, quoted
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError
from customer_analytics.embedded_snowflake.state.results import Result
from customer_analytics.embedded_snowflake.state.session import Name, Session
from customer_analytics.embedded_snowflake.state.store import META

IGNORED = ("ROLE", "USER", "WAREHOUSE", r"RESOURCE\s+MONITOR", "TAG")
"""Kinds of object that mean nothing here. Statements on them are accepted, so that one setup runs everywhere."""


def plan(tree: Expr, session: Session) -> Work:
    """The work of a statement whose identifiers are folded."""
    kind = str(tree.args.get("kind") or "").upper()
    if isinstance(tree, exp.Comment):
        return _comment(tree, kind, session)
    if isinstance(tree, exp.Alter):
        return _alter(tree, kind, session)
    if kind in IGNORED:
        return message()
    return _create(tree, kind, session) if isinstance(tree, exp.Create) else _drop(tree, kind, session)


def _reach(temporary: bool) -> Reach:
    return Reach.TEMPORARY if temporary else Reach.OBJECTS


def _create(tree: exp.Create, kind: str, session: Session) -> Work:
    if kind == "DATABASE":
        return Work(lambda _: _create_database(tree, session), Reach.DATABASES)
    if kind == "SCHEMA":
        return Work(partial(_create_schema, tree, session), Reach.OBJECTS)
    if kind == "FILE FORMAT":
        return Work(lambda _: _create_file_format(tree, session))
    dynamic = tree.find(exp.DynamicProperty) is not None
    if kind not in ("STAGE", "SEQUENCE", "TABLE", "VIEW") or dynamic:
        raise errors.unsupported(f"CREATE {'DYNAMIC ' if dynamic else ''}{kind}")
    properties = tree.args.get("properties")
    temporary = properties is not None and properties.find(exp.TemporaryProperty) is not None
    name = names.full_name(tree.this.this if isinstance(tree.this, exp.Schema) else tree.this, session)
    if kind == "STAGE":
        return Work(lambda _: stage_statements.create(tree, name, temporary, session), _reach(temporary))
    if kind == "SEQUENCE":
        return Work(partial(_create_sequence, tree, name), Reach.OBJECTS)
    if not session.store.has_schema(*name[:2]):
        raise errors.missing(".".join(name[:2]), "Schema")
    return Work(partial(create_table.create, tree, name, temporary, session), _reach(temporary))


def _create_database(tree: exp.Create, session: Session) -> Result:
    name = tree.this.name
    if session.store.has_database(name):
        if tree.args.get("exists"):
            return results.message(f"{name} already exists, statement succeeded.")
        if not tree.args.get("replace"):
            raise errors.already_exists(name)
        session.store.drop_database(name)
    session.store.create_database(name)
    session.database, session.schema = name, "PUBLIC"
    return results.message(f"Database {name} successfully created.")


def _create_schema(tree: exp.Create, session: Session, connection: duckdb.DuckDBPyConnection) -> Result:
    database, schema = names.schema_name(tree.this, session)
    if not session.store.has_database(database):
        raise errors.missing(database, "Database")
    full, known = f"{quoted(database)}.{quoted(schema)}", f"{quoted(database)}.{META}.schemas"
    if session.store.has_schema(database, schema):
        if tree.args.get("exists"):
            return results.message(f"{schema} already exists, statement succeeded.")
        if not tree.args.get("replace"):
            raise errors.already_exists(f"{database}.{schema}")
        stages.remove_all(database, schema, session)
        execute(connection, f"DROP SCHEMA {full} CASCADE")
    execute(connection, f"CREATE SCHEMA {full}")
    execute(connection, f"DELETE FROM {known} WHERE schema_name = ?", [schema])
    row = [schema, create_table.comment_property(tree)]
    execute(connection, f"INSERT INTO {known} VALUES (?, ?, current_timestamp)", row)
    session.database, session.schema = database, schema
    return results.message(f"Schema {schema} successfully created.")


def _create_file_format(tree: exp.Create, session: Session) -> Result:
    properties = tree.args.get("properties")
    given = [prop for prop in properties.expressions if type(prop) is exp.Property] if properties else []
    session.file_formats[tree.this.name] = file_formats.options(given)
    return results.message(f"File format {tree.this.name} successfully created.")


def _create_sequence(tree: exp.Create, name: Name, connection: duckdb.DuckDBPyConnection) -> Result:
    tree.set("this", exp.table_(*name[::-1], quoted=True))
    execute(connection, tree.sql(dialect="duckdb"))
    return results.message(f"Sequence {name[2]} successfully created.")


def _drop(tree: Expr, kind: str, session: Session) -> Work:
    target = tree.args["tables"][0]
    exists = bool(tree.args.get("exists"))
    if kind == "DATABASE":
        return Work(lambda _: _drop_database(target.name, exists, session), Reach.DATABASES)
    if kind == "SCHEMA":
        return Work(partial(_drop_schema, target, exists, session), Reach.OBJECTS)
    if kind == "FILE FORMAT":
        session.file_formats.pop(target.name, None)
        return message(f"{target.name} successfully dropped.")
    name = names.full_name(target, session)
    if kind == "STAGE":
        return _drop_stage(name, exists, session)
    if kind in ("TABLE", "VIEW", "SEQUENCE"):
        return Work(partial(_drop_table, kind, name, exists, session), _reach(names.is_temporary(name, session)))
    raise errors.unsupported(f"DROP {kind}")


def _already_dropped(name: str) -> str:
    return f"Drop statement executed successfully ({name} already dropped)."


def _drop_database(name: str, exists: bool, session: Session) -> Result:
    if exists and not session.store.has_database(name):
        return results.message(_already_dropped(name))
    session.store.drop_database(name)
    if session.database == name:
        session.database = session.schema = None
    return results.message(f"{name} successfully dropped.")


def _drop_schema(
    target: exp.Table, exists: bool, session: Session, connection: duckdb.DuckDBPyConnection
) -> Result:
    database, schema = names.schema_name(target, session)
    if not session.store.has_schema(database, schema):
        if exists:
            return results.message(_already_dropped(schema))
        raise errors.missing(f"{database}.{schema}", "Schema")
    stages.remove_all(database, schema, session)
    execute(connection, f"DELETE FROM {quoted(database)}.{META}.loads WHERE schema_name = ?", [schema])
    execute(connection, f"DROP SCHEMA {quoted(database)}.{quoted(schema)} CASCADE")
    if (session.database, session.schema) == (database, schema):
        session.schema = None
    return results.message(f"{schema} successfully dropped.")


def _drop_stage(name: Name, exists: bool, session: Session) -> Work:
    try:
        stage = stages.find(name, session)
    except SnowflakeError:
        if exists:
            return message(_already_dropped(name[2]))
        raise
    return Work(lambda _: stage_statements.drop(stage, session), _reach(name in session.temporary_stages))


def _drop_table(
    kind: str, name: Name, exists: bool, session: Session, connection: duckdb.DuckDBPyConnection
) -> Result:
    table = names.physical(name, session)
    if kind != "SEQUENCE" and not create_table.kind_of(table, connection):
        if exists:
            return results.message(_already_dropped(name[2]))
        raise errors.missing(".".join(name))
    execute(connection, f"DROP {kind} {'IF EXISTS ' if exists else ''}{table.sql(dialect='duckdb')}")
    if names.is_temporary(name, session):
        session.temporary_tables.discard(name)
    else:
        loads = f"{quoted(name[0])}.{META}.loads"
        execute(connection, f"DELETE FROM {loads} WHERE schema_name = ? AND table_name = ?", [name[1], name[2]])
    return results.message(f"{name[2]} successfully dropped.")


def _comment(tree: exp.Comment, kind: str, session: Session) -> Work:
    if kind not in ("COLUMN", "TABLE", "VIEW"):
        raise errors.unsupported(f"COMMENT ON {kind}")
    table, column = tree.this, ""
    if kind == "COLUMN":
        table, column = exp.table_(*(table.args.get(part) for part in ("table", "db", "catalog"))), table.name
    name = names.full_name(table, session)
    target = names.physical(name, session).sql(dialect="duckdb") + (f".{quoted(column)}" if column else "")
    sql = f"COMMENT ON {kind} {target} IS {literal(tree.expression.name)}"
    return Work(partial(_execute, [sql]), _reach(names.is_temporary(name, session)))


def _execute(statements: list[str], connection: duckdb.DuckDBPyConnection) -> Result:
    for statement in statements:
        execute(connection, statement)
    return results.message(SUCCESS)


def _alter(tree: exp.Alter, kind: str, session: Session) -> Work:
    if kind not in ("TABLE", "VIEW"):
        raise errors.unsupported(f"ALTER {kind}")
    name = names.full_name(tree.this, session)
    table = names.physical(name, session)

    def run(connection: duckdb.DuckDBPyConnection) -> Result:
        if create_table.kind_of(table, connection):
            for action in tree.args["actions"]:
                _execute(_alterations(action, table, kind, session), connection)
        elif not tree.args.get("exists"):
            raise errors.missing(".".join(name))
        return results.message(SUCCESS)

    return Work(run, _reach(names.is_temporary(name, session)))


def _alterations(action: Expr, table: exp.Table, kind: str, session: Session) -> list[str]:
    target = table.sql(dialect="duckdb")
    if isinstance(action, exp.SwapTable):
        return _swap(table, names.physical(names.full_name(action.this, session), session))
    if isinstance(action, exp.AlterRename):
        return [f"ALTER {kind} {target} RENAME TO {quoted(action.this.name)}"]
    if isinstance(action, exp.RenameColumn):
        return [
            f"ALTER TABLE {target} RENAME COLUMN {quoted(action.this.name)} TO {quoted(action.args['to'].name)}"
        ]
    if isinstance(action, exp.ColumnDef):
        exists = "IF NOT EXISTS " if action.args.get("exists") else ""
        added = f"ALTER TABLE {target} ADD COLUMN {exists}{create_table.columns([action])}"
        return [added, *create_table.column_comments([action], target)]
    if isinstance(action, exp.AlterColumn):
        if (comment := action.args.get("comment")) is not None:
            return [f"COMMENT ON COLUMN {target}.{quoted(action.name)} IS {literal(comment.name)}"]
        return [f"ALTER TABLE {target} {rewrites.to_duckdb(action.copy())}"]
    if isinstance(action, exp.Drop):
        exists = "IF EXISTS " if action.args.get("exists") else ""
        dropped = action.args.get("tables") or action.expressions
        return [f"ALTER TABLE {target} DROP COLUMN {exists}{quoted(column.name)}" for column in dropped]
    if isinstance(action, exp.AlterSet) and (comment := action.find(exp.SchemaCommentProperty)) is not None:
        return [f"COMMENT ON {kind} {target} IS {literal(comment.this.name)}"]
    raise errors.unsupported(f"ALTER {kind} … {action.sql(dialect='snowflake')}")


def _swap(one: exp.Table, other: exp.Table) -> list[str]:
    if (one.catalog, one.db) != (other.catalog, other.db):
        raise errors.unsupported("SWAP WITH a table of another schema")
    between = exp.table_(f"_swap_{other.name}", one.db, one.catalog, quoted=True)
    return [
        f"ALTER TABLE {source.sql(dialect='duckdb')} RENAME TO {quoted(name)}"
        for source, name in ((one, between.name), (other, one.name), (between, other.name))
    ]
