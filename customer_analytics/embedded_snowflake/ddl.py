"""CREATE, DROP, ALTER and COMMENT."""

from collections.abc import Callable
from dataclasses import dataclass

import duckdb
from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake import copy_into, create_table, names, results, rewrites, stages
from customer_analytics.embedded_snowflake.errors import SnowflakeError, already_exists, missing, unsupported
from customer_analytics.embedded_snowflake.results import Result
from customer_analytics.embedded_snowflake.session import Name, Session
from customer_analytics.embedded_snowflake.store import META, execute, literal, quoted

_SUCCESS = "Statement executed successfully."


@dataclass
class Work:
    """A definition that is ready to run."""

    run: Callable[[duckdb.DuckDBPyConnection], Result]
    temporary: bool = False
    """It concerns the session alone: it needs no lock and no transaction."""
    outside_transaction: bool = False
    """DuckDB does it outside of transactions only."""


def work(tree: Expr, session: Session) -> Work:
    """The work of a statement whose identifiers are folded."""
    kind = str(tree.args.get("kind") or "").upper()
    if isinstance(tree, exp.Create):
        return _create(tree, kind, session)
    if isinstance(tree, exp.Drop):
        return _drop(tree, kind, session)
    if isinstance(tree, exp.Comment):
        return _comment(tree, kind, session)
    return _alter(tree, kind, session)


def _create(tree: exp.Create, kind: str, session: Session) -> Work:
    if kind in ("WAREHOUSE", "ROLE", "TAG", "USER"):
        return Work(lambda _: results.message(_SUCCESS), temporary=True)
    if kind == "DATABASE":
        return Work(lambda _: _create_database(tree, session), outside_transaction=True)
    if kind == "SCHEMA":
        return Work(lambda c: _create_schema(tree, session, c))
    properties = tree.args.get("properties")
    temporary = properties is not None and properties.find(exp.TemporaryProperty) is not None
    if kind == "FILE FORMAT":
        return Work(lambda _: _create_file_format(tree, session), temporary=True)
    if kind not in ("STAGE", "SEQUENCE", "TABLE", "VIEW") or tree.find(exp.DynamicProperty):
        raise unsupported(f"CREATE {'DYNAMIC ' if tree.find(exp.DynamicProperty) else ''}{kind}")
    table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    name = names.full_name(table, session)
    if kind == "STAGE":
        return Work(lambda _: stages.create(tree, name, session), temporary=temporary)
    if kind == "SEQUENCE":
        return Work(lambda c: _create_sequence(tree, name, c))
    if not session.store.has_schema(*name[:2]):
        raise missing(".".join(name[:2]), "Schema")
    return Work(lambda c: create_table.create(tree, name, temporary, session, c), temporary=temporary)


def _create_database(tree: exp.Create, session: Session) -> Result:
    name = tree.this.name
    if session.store.has_database(name):
        if tree.args.get("exists"):
            return results.message(f"{name} already exists, statement succeeded.")
        if not tree.args.get("replace"):
            raise already_exists(name)
        session.store.drop_database(name)
    session.store.create_database(name)
    session.database, session.schema = name, "PUBLIC"
    return results.message(f"Database {name} successfully created.")


def _create_schema(tree: exp.Create, session: Session, connection: duckdb.DuckDBPyConnection) -> Result:
    database, schema = names.schema_name(tree.this, session)
    if not session.store.has_database(database):
        raise missing(database, "Database")
    full = f"{quoted(database)}.{quoted(schema)}"
    exists = session.store.has_schema(database, schema)
    if exists and not tree.args.get("exists"):
        if not tree.args.get("replace"):
            raise already_exists(f"{database}.{schema}")
        stages.drop_schema(database, schema, session)
        execute(connection, f"DROP SCHEMA {full} CASCADE")
        exists = False
    if not exists:
        execute(connection, f"CREATE SCHEMA {full}")
        known = f"{quoted(database)}.{META}.schemas"
        execute(connection, f"DELETE FROM {known} WHERE schema_name = ?", [schema])
        row = [schema, create_table.comment_property(tree)]
        execute(connection, f"INSERT INTO {known} VALUES (?, ?, current_timestamp)", row)
    if exists:
        return results.message(f"{schema} already exists, statement succeeded.")
    session.database, session.schema = database, schema
    return results.message(f"Schema {schema} successfully created.")


def _create_file_format(tree: exp.Create, session: Session) -> Result:
    properties = tree.args.get("properties")
    given = properties.expressions if properties else []
    session.file_formats[tree.this.name] = {
        prop.name.upper(): copy_into.option_value(prop.args["value"])
        for prop in given
        if type(prop) is exp.Property
    }
    return results.message(f"File format {tree.this.name} successfully created.")


def _create_sequence(tree: exp.Create, name: Name, connection: duckdb.DuckDBPyConnection) -> Result:
    tree.set("this", exp.table_(name[2], name[1], name[0], quoted=True))
    execute(connection, tree.sql(dialect="duckdb"))
    return results.message(f"Sequence {name[2]} successfully created.")


def _drop(tree: exp.Drop, kind: str, session: Session) -> Work:
    target = tree.args["tables"][0]
    exists = bool(tree.args.get("exists"))
    if kind in ("WAREHOUSE", "ROLE", "TAG", "USER"):
        return Work(lambda _: results.message(_SUCCESS), temporary=True)
    if kind == "DATABASE":
        return Work(lambda _: _drop_database(target.name, exists, session), outside_transaction=True)
    if kind == "SCHEMA":
        return Work(lambda c: _drop_schema(target, exists, session, c))
    if kind == "FILE FORMAT":
        return Work(lambda _: _drop_file_format(target.name, session), temporary=True)
    name = names.full_name(target, session)
    if kind == "STAGE":
        try:
            stage = stages.find(name, session)
        except SnowflakeError:
            if exists:
                return Work(lambda _: _not_there(name[2]), temporary=True)
            raise
        return Work(lambda _: stages.drop(stage, session), temporary=name in session.temporary_stages)
    if kind in ("TABLE", "VIEW", "SEQUENCE"):
        return Work(
            lambda c: _drop_table(kind, name, exists, session, c), temporary=names.is_temporary(name, session)
        )
    raise unsupported(f"DROP {kind}")


def _not_there(name: str) -> Result:
    return results.message(f"Drop statement executed successfully ({name} already dropped).")


def _drop_database(name: str, exists: bool, session: Session) -> Result:
    if exists and not session.store.has_database(name):
        return _not_there(name)
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
            return _not_there(schema)
        raise missing(f"{database}.{schema}", "Schema")
    stages.drop_schema(database, schema, session)
    execute(connection, f"DELETE FROM {quoted(database)}.{META}.loads WHERE schema_name = ?", [schema])
    execute(connection, f"DROP SCHEMA {quoted(database)}.{quoted(schema)} CASCADE")
    if (session.database, session.schema) == (database, schema):
        session.schema = None
    return results.message(f"{schema} successfully dropped.")


def _drop_file_format(name: str, session: Session) -> Result:
    session.file_formats.pop(name, None)
    return results.message(f"{name} successfully dropped.")


def _drop_table(
    kind: str, name: Name, exists: bool, session: Session, connection: duckdb.DuckDBPyConnection
) -> Result:
    table = names.physical(name, session)
    if kind != "SEQUENCE":
        found = create_table.kind_of(table, connection)
        if not found:
            if exists:
                return _not_there(name[2])
            raise missing(".".join(name))
    execute(connection, f"DROP {kind} {'IF EXISTS ' if exists else ''}{table.sql(dialect='duckdb')}")
    if names.is_temporary(name, session):
        session.temporary_tables.discard(name)
    else:
        execute(
            connection,
            f"DELETE FROM {quoted(name[0])}.{META}.loads WHERE schema_name = ? AND table_name = ?",
            [name[1], name[2]],
        )
    return results.message(f"{name[2]} successfully dropped.")


def _comment(tree: exp.Comment, kind: str, session: Session) -> Work:
    if kind == "COLUMN":
        column = tree.this
        table = exp.table_(
            column.table, column.args.get("db") and column.db, column.args.get("catalog") and column.catalog
        )
        name = names.full_name(table, session)
        what = f"{names.physical(name, session).sql(dialect='duckdb')}.{quoted(column.name)}"
    elif kind in ("TABLE", "VIEW"):
        name = names.full_name(tree.this, session)
        what = names.physical(name, session).sql(dialect="duckdb")
    else:
        raise unsupported(f"COMMENT ON {kind}")
    text = literal(tree.expression.name)
    return Work(
        lambda c: _execute(c, f"COMMENT ON {kind} {what} IS {text}"), temporary=names.is_temporary(name, session)
    )


def _execute(connection: duckdb.DuckDBPyConnection, *statements: str) -> Result:
    for statement in statements:
        execute(connection, statement)
    return results.message(_SUCCESS)


def _alter(tree: Expr, kind: str, session: Session) -> Work:
    if kind in ("WAREHOUSE", "ROLE", "USER"):
        return Work(lambda _: results.message(_SUCCESS), temporary=True)
    if kind not in ("TABLE", "VIEW"):
        raise unsupported(f"ALTER {kind}")
    name = names.full_name(tree.this, session)
    table = names.physical(name, session)
    temporary = names.is_temporary(name, session)
    exists = bool(tree.args.get("exists"))

    def run(connection: duckdb.DuckDBPyConnection) -> Result:
        if not create_table.kind_of(table, connection):
            if exists:
                return results.message(_SUCCESS)
            raise missing(".".join(name))
        for action in tree.args["actions"]:
            _execute(connection, *_alterations(action, table, kind, session))
        return results.message(_SUCCESS)

    return Work(run, temporary=temporary)


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
    if isinstance(action, exp.AlterColumn) and action.args.get("comment") is not None:
        return [f"COMMENT ON COLUMN {target}.{quoted(action.name)} IS {literal(action.args['comment'].name)}"]
    if isinstance(action, exp.AlterColumn):
        return [f"ALTER TABLE {target} {rewrites.to_duckdb(action.copy())}"]
    if isinstance(action, exp.Drop):
        return [
            f"ALTER TABLE {target} DROP COLUMN {'IF EXISTS ' if action.args.get('exists') else ''}{quoted(c.name)}"
            for c in action.args.get("tables") or action.expressions
        ]
    if isinstance(action, exp.AlterSet) and (comment := action.find(exp.SchemaCommentProperty)) is not None:
        return [f"COMMENT ON {kind} {target} IS {literal(comment.this.name)}"]
    raise unsupported(f"ALTER {kind} … {action.sql(dialect='snowflake')}")


def _swap(one: exp.Table, other: exp.Table) -> list[str]:
    between = quoted(f"_swap_{other.name}")
    if (one.catalog, one.db) != (other.catalog, other.db):
        raise unsupported("SWAP WITH a table of another schema")
    moved = exp.table_(f"_swap_{other.name}", one.db, one.catalog, quoted=True).sql(dialect="duckdb")
    return [
        f"ALTER TABLE {one.sql(dialect='duckdb')} RENAME TO {between}",
        f"ALTER TABLE {other.sql(dialect='duckdb')} RENAME TO {quoted(one.name)}",
        f"ALTER TABLE {moved} RENAME TO {quoted(other.name)}",
    ]
