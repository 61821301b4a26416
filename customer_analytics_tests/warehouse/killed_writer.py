"""Writes new rows to STOCK in processes that kill themselves. Arguments: home, schema, how.

For each number read from standard input it forks a writer that dies right after so many statements, and prints the
writer's exit code; forking spares each writer the imports.
"""

import os
import signal
import sys

import dagster_snowflake  # noqa: F401  # opens connections; loaded before the forks
from snowflake.snowpark.query_history import QueryListener, QueryRecord

from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse
from customer_analytics_tests.warehouse.stock import STOCK, staged

home, schema, how = sys.argv[1:]


class Killer(QueryListener):
    """Kills its process after some statements."""

    def __init__(self, statements: int) -> None:
        self.left = statements

    def _notify(self, query_record: QueryRecord, **kwargs: object) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def write(statements: int) -> None:
    warehouse = EmbeddedWarehouse(home=home, database="TEST", schema_name=schema)
    rows = staged(warehouse, ("kite", 3), ("ball", 4), ("doll", 5))
    warehouse.session()._conn.add_query_listener(Killer(statements))
    getattr(warehouse.writes, how)(STOCK, rows)


for line in sys.stdin:
    writer = os.fork()
    if writer == 0:
        write(int(line))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(writer, 0)[1]), flush=True)
