"""What is temporary: one schema a run, which goes away whole when the run ends."""

import datetime as dt
import re
import uuid

from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import ProgrammingError

from customer_analytics.resources.warehouse.names import quoted, run_schema
from customer_analytics.resources.warehouse.writes import NOT_THERE

_RUN_SCHEMA = re.compile("RUN_[0-9A-F]{32}")


def ensure(connection: SnowflakeConnection, database: str, run_id: str) -> str:
    """Create the run's schema and its stage for files where absent; the stage's qualified name."""
    schema = quoted(database, run_schema(run_id))
    stage = quoted(database, run_schema(run_id), "FILES")
    cursor = connection.cursor()
    cursor.execute(f"CREATE TRANSIENT SCHEMA IF NOT EXISTS {schema}")
    cursor.execute(f"CREATE STAGE IF NOT EXISTS {stage} ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
    return stage


def drop(connection: SnowflakeConnection, database: str, run_id: str) -> None:
    """Drop the run's schema with all that is in it."""
    connection.cursor().execute(f"DROP SCHEMA IF EXISTS {quoted(database, run_schema(run_id))} CASCADE")


def runs(connection: SnowflakeConnection, database: str) -> dict[str, dt.datetime]:
    """Ids of the runs that have a schema, and when it was created; none where there is no database yet."""
    cursor = connection.cursor()
    try:
        cursor.execute(f"SHOW SCHEMAS LIKE 'RUN%' IN DATABASE {quoted(database)}")
    except ProgrammingError as error:
        if error.errno not in NOT_THERE:
            raise
        return {}
    created = {str(row[1]): row[0] for row in cursor.fetchall()}
    return {str(uuid.UUID(name[4:])): created[name] for name in sorted(created) if _RUN_SCHEMA.fullmatch(name)}
