"""Logs versions, each in a process that kills itself after some statements.

Arguments: home, schema, and any number of <version>:<statements>. Prints how each process ended.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import dagster_snowflake  # noqa: F401  # opens connections; loaded before the forks
from snowflake.connector import SnowflakeConnection
from snowflake.connector.cursor import SnowflakeCursor

from customer_analytics.ports.registry.warehouse_registry import WarehouseRegistry
from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse
from customer_analytics_tests.contract.registries.versions import stored


class KillingCursor(SnowflakeCursor):
    """Counts the statements of all cursors."""

    left = 0

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        result = super().execute(*args, **kwargs)
        KillingCursor.left -= 1
        if KillingCursor.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result


class KillingWarehouse(EmbeddedWarehouse):
    @contextmanager
    def connection(self) -> Iterator[SnowflakeConnection]:
        with super().connection() as connection:
            connection.cursor = partial(connection.cursor, KillingCursor)  # type: ignore[method-assign]
            yield connection


if __name__ == "__main__":
    home, schema, *orders = sys.argv[1:]
    for order in orders:
        version, statements = order.split(":")
        process = os.fork()  # spares importing everything again; nothing is open yet
        if process == 0:
            KillingCursor.left = int(statements)
            warehouse = KillingWarehouse(home=home, database="TEST", schema_name=schema)
            WarehouseRegistry(warehouse=warehouse).log(stored(version))
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
