"""Check the privileges of a role by doing on a small scale what the pipeline does."""

import uuid
from contextlib import ExitStack

from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import ProgrammingError

from customer_analytics.ports.warehouse.names import quoted

SETUP = "docs/snowflake_setup.sql"


def check_privileges(connection: SnowflakeConnection, database: str, schema_name: str) -> str:
    """Create and drop a schema, a stage and a table, as a run does; the name of the current virtual warehouse.

    Raises:
        PermissionError: The role lacks a privilege, which the message names.
    """
    cursor = connection.cursor()
    cursor.execute("SELECT CURRENT_ROLE(), CURRENT_WAREHOUSE()")
    role, virtual_warehouse = cursor.fetchall()[0]
    if not virtual_warehouse:
        raise PermissionError(
            f"Role {role} has no virtual warehouse; set SNOWFLAKE_WAREHOUSE to one that it may use, such as "
            f"that of {SETUP}."
        )
    name = f"DOCTOR_{uuid.uuid4().hex.upper()}"
    tables, scratch = quoted(database, schema_name), quoted(database, name)
    made = quoted(database, schema_name, name)
    trials = (
        (f"USE SCHEMA {tables}", f"USAGE on schema {tables}", None),
        (
            f"CREATE TRANSIENT SCHEMA {scratch}",
            f"CREATE SCHEMA on database {quoted(database)}",
            f"SCHEMA {scratch}",
        ),
        (f"CREATE STAGE {made}", f"CREATE STAGE on schema {tables}", f"STAGE {made}"),
        (f"CREATE TABLE {made} (N NUMBER(38, 0))", f"CREATE TABLE on schema {tables}", f"TABLE {made}"),
        (f"INSERT INTO {made} SELECT 1", f"USAGE on warehouse {virtual_warehouse}", None),
    )
    with ExitStack() as undoing:
        for statement, privilege, created in trials:
            try:
                cursor.execute(statement)
            except ProgrammingError as error:
                message = " ".join(str(error.msg).split()).rstrip(".")
                raise PermissionError(
                    f"Role {role} seems to lack {privilege} ({message}). Have {SETUP} run for it."
                ) from None
            if created:
                undoing.callback(cursor.execute, f"DROP {created}")
    return str(virtual_warehouse)
